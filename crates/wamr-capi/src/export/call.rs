//! Calls from C into wasm.

use std::ffi::{c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;
use wamr::types::{ExternIdx, TableIdx};
use wamr::{AsContextMut, Error, Extern, Func, SlotFunc, StoreContextMut, Val, ValType};

use super::clock;
use super::entity::{Entity, Prepared};
use super::env::{self, Env};
use super::gc::Object;
use super::group::{Busy, Data, Group};
use super::handle::{self, Name};
use super::instance::Inst;
use super::module::kind;
use super::sysv::VarArgs;
use super::value::{self, WasmVal};
use super::{memory, text};

/// Something that can be called.
enum Callee {
    /// A function that has been prepared.
    Entity(Arc<Entity>),
    /// A reference.
    Other(Box<Prepared>),
}

impl Callee {
    /// The function of a name: an external value or an object.
    fn of(name: Name) -> Option<Self> {
        Self::find(name).ok()?
    }

    /// The same.
    ///
    /// # Errors
    /// If nobody can tell now.
    fn find(name: Name) -> Result<Option<Self>, Busy> {
        if let Some(entity) = handle::get::<Entity>(name) {
            return Ok(entity.prepared()?.is_some().then_some(Self::Entity(entity)));
        }
        let object = handle::get::<Object>(name);
        let found = object.and_then(|object| match object.val.clone() {
            Val::FuncRef(Some(func)) => Some((object.group()?, func)),
            _ => None,
        });
        match found {
            Some((group, func)) => Self::other(group, func),
            None => Ok(None),
        }
    }

    fn other(group: Arc<Group>, func: Func) -> Result<Option<Self>, Busy> {
        Ok(Prepared::new(group, func)?.map(|prepared| Self::Other(Box::new(prepared))))
    }

    /// What is known of it.
    fn known(&self) -> &Prepared {
        match self {
            Self::Entity(entity) => match entity.prepared() {
                Ok(Some(prepared)) => prepared,
                _ => unreachable!("it was prepared when it was found"),
            },
            Self::Other(prepared) => prepared,
        }
    }
}

/// Why a call failed.
enum Failed {
    /// It did not begin.
    Refused(String),
    Ended(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Ended(error)
    }
}

/// Says why a call does not begin.
fn refuse_busy(inst: &Inst, busy: Busy) {
    // Another thread runs the instance if this one must not wait for it: what fails is the call
    // that this one is part of.
    let caller = if busy == Busy::Deadlock { env::current() } else { None };
    let text = busy.to_string();
    match caller {
        Some(caller) => caller.inst().set_exception(Some(&text)),
        None => inst.set_exception(Some(&text)),
    }
}

/// Calls a function: `take` makes the arguments, `give` gets the results.
fn call<G>(
    env: &Arc<Env>,
    callee: &Callee,
    take: impl FnOnce(StoreContextMut<'_, Data>, &Inst) -> Result<Vec<Val>, String>,
    give: impl FnOnce(StoreContextMut<'_, Data>, Vec<Val>) -> G,
) -> Option<G> {
    let Prepared { func, ty, .. } = callee.known();
    enter(env, callee, |inst, store| {
        let given = take(store.as_context_mut(), inst).map_err(Failed::Refused)?;
        let mut results: Vec<Val> = ty.results().iter().map(|ty| zero(store, *ty)).collect();
        run(env, inst, callee, store, |store| func.call(store, &given, &mut results))?;
        Ok(give(store.as_context_mut(), results))
    })
}

/// Calls a function of numbers: `take` puts the arguments into slots, `give` takes the results out.
fn call_numbers(
    env: &Arc<Env>,
    callee: &Callee,
    func: &SlotFunc,
    take: impl FnOnce(&mut [u64]) -> Result<(), String>,
    give: impl FnOnce(&[u64]),
) -> bool {
    let mut slots: SmallVec<[u64; 16]> = smallvec::smallvec![0; func.slot_count()];
    let returned = enter(env, callee, |inst, store| {
        take(&mut slots).map_err(Failed::Refused)?;
        run(env, inst, callee, store, |store| func.call(store, &mut slots))?;
        give(&slots);
        Ok(())
    });
    returned.is_some()
}

/// Begins a call, which `body` goes on with, and notes what it ends in.
fn enter<R>(
    env: &Arc<Env>,
    callee: &Callee,
    body: impl FnOnce(&Arc<Inst>, &mut StoreContextMut<'_, Data>) -> Result<R, Failed>,
) -> Option<R> {
    let inst = env.inst();
    if inst.is_gone() {
        inst.set_exception(Some("the instance is gone"));
        return None;
    }
    let outcome = callee.known().group.run(|mut store| {
        let _running = inst.running();
        if !inst.begin_call() {
            return None;
        }
        match body(&inst, &mut store) {
            Ok(result) => return Some(result),
            Err(Failed::Refused(what)) => inst.set_exception(Some(&what)),
            Err(Failed::Ended(error)) => inst.fail(&error),
        }
        None
    });
    outcome.unwrap_or_else(|busy| {
        refuse_busy(&inst, busy);
        None
    })
}

/// Runs a call, with as much fuel as its environment has.
fn run(
    env: &Arc<Env>,
    inst: &Arc<Inst>,
    callee: &Callee,
    store: &mut StoreContextMut<'_, Data>,
    invoke: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<(), Error>,
) -> Result<(), Error> {
    let limit = env.limit.load(Ordering::Relaxed);
    let is_metered = store.engine().tunables().consume_fuel;
    if limit >= 0 && !is_metered {
        return Err(Error::msg(
            "instructions are not counted; see wasm_runtime_set_instruction_metering",
        ));
    }
    let own = u64::try_from(limit).unwrap_or(u64::MAX);
    // A call by a native computes at the expense of the call that the native is part of.
    let before = match is_metered && env::is_calling(&callee.known().group.present()) {
        true => Some(store.get_fuel()?),
        false => None,
    };
    let budget = before.map_or(own, |before| own.min(before));
    if is_metered {
        store.set_fuel(budget)?;
    }
    let start = clock::ticks();
    let outcome = env::calling(env, || invoke(store));
    let ticks = clock::ticks().saturating_sub(start);
    inst.add_ticks(ticks);
    if let Callee::Entity(entity) = callee {
        entity.add_call(ticks);
    }
    if is_metered {
        let burned = budget.saturating_sub(store.get_fuel()?);
        if limit >= 0 {
            let left = own.saturating_sub(burned);
            env.limit.store(i64::try_from(left).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
        if let Some(before) = before {
            store.set_fuel(before.saturating_sub(burned))?;
        }
    }
    outcome?;
    // A native may have set an exception after the last instruction that would have told.
    match inst.take_exception_text() {
        Some(text) => Err(Error::new(super::native::NativeFailure(text))),
        None => Ok(()),
    }
}

fn zero(store: &StoreContextMut<'_, Data>, ty: ValType) -> Val {
    Val::default_in(store.engine().types(), ty).unwrap_or(Val::I32(0))
}

/// The function of a name, or an exception.
fn callee(env: &Env, func: Name) -> Option<Callee> {
    match Callee::find(func) {
        Ok(Some(callee)) => return Some(callee),
        Ok(None) => env.inst().set_exception(Some("there is no such function")),
        Err(busy) => refuse_busy(&env.inst(), busy),
    }
    None
}

/// Calls with arguments and results in cells.
fn call_cells(env: &Arc<Env>, callee: &Callee, argc: u32, argv: *mut u32) -> bool {
    let Prepared { ty, numbers, .. } = callee.known();
    let params = ty.params();
    let argc = value::given_cells(params, argc as usize);
    let argument_cells = text::slice(argv.cast_const(), argc);
    if argument_cells.len() != argc {
        env.inst().set_exception(Some("there are no arguments"));
        return false;
    }
    let results = ty.results();
    if let Some(func) = numbers {
        return call_numbers(
            env,
            callee,
            func,
            |slots| value::cells_to_slots(params, argument_cells, slots),
            |slots| value::slots_to_cells(results, slots, argv),
        );
    }
    let outcome = call(
        env,
        callee,
        |store, inst| value::from_cells(store, inst, params, argument_cells),
        |store, values| {
            let count = results.iter().map(|ty| value::cells(*ty, false)).sum();
            let to = text::slice_mut(argv, count);
            value::to_cells(store, env, results, values, to)
        },
    );
    match outcome {
        Some(Ok(())) => true,
        Some(Err(what)) => refuse(&env.inst(), &what),
        None => false,
    }
}

/// Calls with arguments and results as values.
fn call_values(
    env: &Arc<Env>,
    callee: &Callee,
    args: &[WasmVal],
    num_results: u32,
    results: *mut WasmVal,
) -> bool {
    let Prepared { ty, numbers, .. } = callee.known();
    let (wanted, has) = (ty.params().len(), ty.results().len());
    if args.len() != wanted || (num_results as usize) < has || (has != 0 && results.is_null()) {
        env.inst().set_exception(Some("invalid argument or result count"));
        return false;
    }
    if let Some(func) = numbers {
        let take = |slots: &mut [u64]| {
            for ((ty, arg), slot) in ty.params().iter().zip(args).zip(slots) {
                *slot = value::number_from_c(*ty, arg)?;
            }
            Ok(())
        };
        return call_numbers(env, callee, func, take, |slots| {
            let to = text::slice_mut(results, has);
            for ((to, ty), slot) in to.iter_mut().zip(ty.results()).zip(slots) {
                *to = value::number_to_c(*ty, *slot);
            }
        });
    }
    let outcome = call(
        env,
        callee,
        |mut store, inst| {
            let pairs = ty.params().iter().zip(args);
            pairs.map(|(ty, arg)| value::from_c(&mut store, inst, *ty, arg)).collect()
        },
        |mut store, values| {
            let to = text::slice_mut(results, has);
            for ((to, ty), value) in to.iter_mut().zip(ty.results()).zip(values) {
                *to = value::to_c(&mut store, env, *ty, value);
            }
        },
    );
    outcome.is_some()
}

/// `wasm_runtime_call_wasm_v`, with its variable arguments.
pub(crate) fn call_v(
    env: Name,
    func: Name,
    num_results: u32,
    results: *mut WasmVal,
    num_args: u32,
    mut args: VarArgs,
) -> bool {
    let Some(env) = handle::get::<Env>(env) else { return false };
    let Some(callee) = callee(&env, func) else { return false };
    let params = callee.known().ty.params();
    if params.len() != num_args as usize {
        env.inst().set_exception(Some("invalid argument count"));
        return false;
    }
    let values: Vec<WasmVal> = params
        .iter()
        .map(|ty| {
            // SAFETY: by the header's contract there is an argument for each parameter, of the C
            // type that belongs to it; C passes a float as a double.
            let of = unsafe {
                match ty {
                    ValType::F32 => u64::from((f64::from_bits(args.double()) as f32).to_bits()),
                    ValType::F64 => args.double(),
                    ValType::I32 => args.int() & u64::from(u32::MAX),
                    _ => args.int(),
                }
            };
            WasmVal { kind: super::types::kind_of(*ty), paddings: [0; 7], of }
        })
        .collect();
    call_values(&env, &callee, &values, num_results, results)
}

c_api! {
    fn wasm_runtime_call_wasm(env: Name, func: Name, argc: u32, argv: *mut u32) -> bool {
        let Some(env) = handle::get::<Env>(env) else { return false };
        callee(&env, func).is_some_and(|callee| call_cells(&env, &callee, argc, argv))
    }

    fn wasm_runtime_call_func_ref(env: Name, func: Name, argc: u32, argv: *mut u32) -> bool {
        wasm_runtime_call_wasm(env, func, argc, argv)
    }

    fn wasm_runtime_call_wasm_a(
        env: Name,
        func: Name,
        num_results: u32,
        results: *mut WasmVal,
        num_args: u32,
        args: *const WasmVal,
    ) -> bool {
        let Some(env) = handle::get::<Env>(env) else { return false };
        let args = text::slice(args, num_args as usize);
        callee(&env, func)
            .is_some_and(|callee| call_values(&env, &callee, args, num_results, results))
    }

    fn wasm_runtime_call_func_ref_a(
        env: Name,
        func: Name,
        num_results: u32,
        results: *mut WasmVal,
        num_args: u32,
        args: *const WasmVal,
    ) -> bool {
        wasm_runtime_call_wasm_a(env, func, num_results, results, num_args, args)
    }

    fn wasm_runtime_call_indirect(env: Name, index: u32, argc: u32, argv: *mut u32) -> bool {
        let Some(env) = handle::get::<Env>(env) else { return false };
        let inst = env.inst();
        let Some(group) = inst.group() else { return false };
        let func = group.with(|mut store| {
            let table = inst.item(&mut store, ExternIdx::Table(TableIdx(0)));
            let table = table.and_then(Extern::into_table).ok_or("unknown table")?;
            match table.get(&mut store, index.into()) {
                Ok(Some(Val::FuncRef(Some(func)))) => Ok(func),
                Ok(Some(_)) => Err("uninitialized element"),
                _ => Err("undefined element"),
            }
        });
        let callee = func.and_then(|func| match func {
            Ok(func) => Ok(Callee::other(group, func)?.ok_or("unknown function")),
            Err(what) => Ok(Err(what)),
        });
        match callee {
            Ok(Ok(callee)) => call_cells(&env, &callee, argc, argv),
            Ok(Err(what)) => {
                inst.set_exception(Some(what));
                false
            }
            Err(busy) => {
                refuse_busy(&inst, busy);
                false
            }
        }
    }

    fn wasm_application_execute_main(
        inst: Name,
        argc: c_int,
        argv: *mut *mut c_char,
    ) -> bool {
        let Some(inst) = handle::get::<Inst>(inst) else { return false };
        let ok = execute_main(&inst, argc, argv);
        ok || inst.is_proc_exit()
    }

    fn wasm_application_execute_func(
        inst: Name,
        name: *const c_char,
        argc: c_int,
        argv: *const *const c_char,
    ) -> bool {
        let (Some(inst), Some(name)) = (handle::get::<Inst>(inst), text::string(name)) else {
            return false;
        };
        let args = text::strings(argv, usize::try_from(argc).unwrap_or(0));
        let ok = execute_func(&inst, &name, &args);
        ok || inst.is_proc_exit()
    }
}

/// Fails with an exception.
fn refuse(inst: &Inst, what: &str) -> bool {
    inst.set_exception(Some(what));
    false
}

fn execute_main(inst: &Arc<Inst>, argc: c_int, argv: *mut *mut c_char) -> bool {
    let Some(env) = inst.singleton() else { return refuse(inst, "the instance is gone") };
    let find = |name| inst.export(name, kind::FUNC).and_then(Callee::of);
    let is_wasi = super::wasi::is_wasi(&inst.module.loaded);
    let start = if is_wasi || find("main").is_none() { find("_start") } else { None };
    if let Some(start) = start {
        return call(&env, &start, |_, _| Ok(Vec::new()), |_, _| ()).is_some();
    }
    let Some(main) = ["main", "__main_argc_argv", "_main"].into_iter().find_map(find) else {
        return refuse(
            inst,
            "lookup the entry point symbol (like _start, main, _main, __main_argc_argv) failed",
        );
    };
    let params = main.known().ty.params();
    let is_main = matches!(params, [] | [ValType::I32, ValType::I32 | ValType::I64])
        && matches!(main.known().ty.results(), [] | [ValType::I32]);
    if !is_main {
        return refuse(inst, "invalid function type of main function");
    }
    let mut allocated = 0;
    let mut args = Vec::new();
    if !params.is_empty() {
        let list = text::strings(
            argv.cast_const().cast::<*const c_char>(),
            usize::try_from(argc).unwrap_or(0),
        );
        let Some((at, pointers)) = memory::put_strings(inst, &list, params[1] == ValType::I64)
        else {
            return refuse(inst, "allocate memory failed");
        };
        allocated = at;
        args.push(Val::I32(list.len() as i32));
        args.push(match params[1] {
            ValType::I64 => Val::I64(pointers as i64),
            _ => Val::I32(pointers as i32),
        });
    }
    let result = call(&env, &main, |_, _| Ok(args), |_, results| results);
    if allocated != 0 {
        memory::free_kept(inst, allocated);
    }
    let Some(results) = result else { return false };
    if let (Some(Val::I32(code)), true) = (results.first(), argc > 0) {
        text::write(argv.cast::<i32>(), *code);
    }
    true
}

fn execute_func(inst: &Arc<Inst>, name: &str, args: &[String]) -> bool {
    let Some(env) = inst.singleton() else { return refuse(inst, "the instance is gone") };
    // `$module$function` names a function of the module; others are reached by their instances.
    let name = name.strip_prefix('$').and_then(|name| name.split_once('$')).map_or(name, |it| it.1);
    let Some(callee) = inst.export(name, kind::FUNC).and_then(Callee::of) else {
        return refuse(inst, &format!("lookup function {name} failed"));
    };
    let ty = &callee.known().ty;
    let params = ty.params();
    if params.len() != args.len() {
        return refuse(inst, &format!("invalid input argument count {}", args.len()));
    }
    let take = |_: StoreContextMut<'_, Data>, _: &Inst| {
        params.iter().zip(args).map(|(ty, arg)| parse(*ty, arg)).collect()
    };
    let printed = call(&env, &callee, take, |mut store, results| {
        let texts = ty.results().iter().zip(results);
        let texts: Vec<String> =
            texts.map(|(ty, value)| print(&mut store, &env, *ty, value)).collect();
        texts.join(",")
    });
    let Some(printed) = printed else { return false };
    println!("{}", if ty.results().is_empty() { "<no result>" } else { &printed });
    true
}

/// A number from text, in any of C's bases.
fn parse(ty: ValType, text: &str) -> Result<Val, String> {
    let invalid = || format!("invalid input argument: {text}");
    let integer = || {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        let value = value.map_err(|_| invalid())?;
        Ok::<_, String>(if negative { value.wrapping_neg() } else { value })
    };
    Ok(match ty {
        ValType::I32 => Val::I32(integer()? as i32),
        ValType::I64 => Val::I64(integer()? as i64),
        ValType::F32 => Val::from(text.parse::<f32>().map_err(|_| invalid())?),
        ValType::F64 => Val::from(text.parse::<f64>().map_err(|_| invalid())?),
        ValType::V128 => {
            let parts = text.split('\\').map(|part| {
                u64::from_str_radix(part.trim_start_matches("0x"), 16).map_err(|_| invalid())
            });
            match parts.collect::<Result<Vec<_>, _>>()?[..] {
                [low, high] => Val::V128(u128::from(high) << 64 | u128::from(low)),
                _ => return Err(invalid()),
            }
        }
        ValType::Ref(ty) if matches!(text, "null" | "NULL") && ty.nullable => {
            Val::default_for(ValType::Ref(ty)).ok_or_else(invalid)?
        }
        ValType::Ref(_) => return Err(invalid()),
    })
}

/// A value as WAMR prints it.
fn print(store: &mut StoreContextMut<'_, Data>, env: &Arc<Env>, ty: ValType, value: Val) -> String {
    match value {
        Val::I32(value) => format!("0x{value:x}:i32"),
        Val::I64(value) => format!("0x{value:x}:i64"),
        Val::F32(bits) => format!("{}:f32", f32::from_bits(bits)),
        Val::F64(bits) => format!("{}:f64", f64::from_bits(bits)),
        Val::V128(bits) => format!("<0x{:016x} 0x{:016x}>:v128", bits as u64, bits >> 64),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            format!("{ty}:ref.null")
        }
        value => format!("{}:ref.{ty}", value::to_bits(store, env, value)),
    }
}
