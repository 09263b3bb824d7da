//! Calling one function with arguments from the command line, and printing its results.

use wamr::{Extern, Func, Instance, Store, Val, ValType};

use crate::options::RunOptions;
use crate::run::ended;
use crate::suggest::did_you_mean;
use crate::{EXIT_TRAP, Failure, print};

/// Calls an exported function and prints its results, `0xcb228:i32` for example.
pub(crate) fn invoke<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    name: &str,
    options: &RunOptions,
) -> Result<u8, Failure> {
    let (func, params) = prepare(store, instance, name, &options.args)?;
    let mut results =
        vec![Val::I32(0); func.ty(&*store).map_err(Failure::unusable)?.results().len()];
    if let Err(error) = func.call(&mut *store, &params, &mut results) {
        return ended(store, options, Err(error));
    }
    print(&line(&results))?;
    Ok(0)
}

/// Finds an exported function, and reads arguments for it.
pub(crate) fn prepare<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    name: &str,
    args: &[String],
) -> Result<(Func, Vec<Val>), Failure> {
    let Some(func) = instance.get_func(&mut *store, name) else {
        let exports = instance.exports(&mut *store).map_err(Failure::unusable)?;
        let funcs = exports.iter().filter(|(_, value)| matches!(value, Extern::Func(_)));
        let meant = did_you_mean(name, funcs.map(|(name, _)| &**name));
        return Err(Failure::unusable(format!("there is no exported function `{name}`{meant}")));
    };
    let ty = func.ty(&*store).map_err(Failure::unusable)?;
    if args.len() != ty.params().len() {
        let (wanted, found) = (ty.params().len(), args.len());
        let arguments = if wanted == 1 { "argument" } else { "arguments" };
        let message = format!("`{name}` has type {ty}: it takes {wanted} {arguments}, not {found}");
        return Err(Failure { message, code: EXIT_TRAP });
    }
    let mut params = Vec::with_capacity(args.len());
    for (&ty, arg) in ty.params().iter().zip(args) {
        let value = parse(ty, arg);
        let value = value.ok_or_else(|| Failure::unusable(format!("`{arg}` is not an {ty}")))?;
        params.push(value);
    }
    Ok((func, params))
}

/// A line with results; nothing where there are none.
pub(crate) fn line(results: &[Val]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let results: Vec<String> = results.iter().map(format).collect();
    results.join(",") + "\n"
}

/// Reads an argument: decimal or `0x` for integers, anything Rust reads for floats.
fn parse(ty: ValType, arg: &str) -> Option<Val> {
    match ty {
        ValType::I32 => integer(arg, 32).map(|bits| Val::I32(bits as i32)),
        ValType::I64 => integer(arg, 64).map(|bits| Val::I64(bits as i64)),
        ValType::F32 => arg.parse::<f32>().ok().map(Val::from),
        ValType::F64 => arg.parse::<f64>().ok().map(Val::from),
        _ if arg == "null" => Val::default_for(ty),
        _ => None,
    }
}

/// An integer of so many bits, signed or unsigned.
fn integer(arg: &str, bits: u32) -> Option<u64> {
    let (negative, digits) = match arg.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, arg),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None => digits.parse::<i128>().ok()?,
    };
    let value = if negative { -value } else { value };
    let range = -(1i128 << (bits - 1))..1i128 << bits;
    range.contains(&value).then_some(value as u64)
}

fn format(value: &Val) -> String {
    match value {
        Val::I32(value) => format!("{value:#x}:i32"),
        Val::I64(value) => format!("{value:#x}:i64"),
        Val::F32(bits) => format!("{:.7}:f32", f32::from_bits(*bits)),
        Val::F64(bits) => format!("{:.7}:f64", f64::from_bits(*bits)),
        Val::V128(bits) => format!("<{:#018x} {:#018x}>:v128", *bits as u64, (*bits >> 64) as u64),
        Val::FuncRef(None) => "func:ref.null".into(),
        Val::FuncRef(Some(_)) => "ref.func".into(),
        Val::ExternRef(None) => "extern:ref.null".into(),
        Val::ExternRef(Some(_)) => "ref.extern".into(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_signed_unsigned_and_hexadecimal() {
        assert_eq!(integer("-1", 32).map(|bits| bits as u32), Some(u32::MAX));
        assert_eq!(integer("4294967295", 32).map(|bits| bits as u32), Some(u32::MAX));
        assert_eq!(integer("0xff", 32), Some(255));
        assert_eq!(integer("4294967296", 32), None);
        assert_eq!(integer("-2147483649", 32), None);
        assert_eq!(integer("18446744073709551615", 64), Some(u64::MAX));
        assert_eq!(integer("ten", 32), None);
    }
}
