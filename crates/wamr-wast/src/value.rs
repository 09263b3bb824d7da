//! Arguments of a script's invocations as values of the runtime, and values as words.

use wamr::{AbstractHeapType, AnyRef, ExternRef, RefType, Store, Val, ValType};
use wast::WastArg;
use wast::core::{AbstractHeapType as TextHeapType, HeapType, WastArgCore};

/// The value of an argument. `param` is the type of the parameter that it is for.
pub(crate) fn argument(
    store: &mut Store<()>,
    arg: &WastArg<'_>,
    param: Option<ValType>,
) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else {
        return Err("arguments of components are not supported".to_owned());
    };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(heap) => null(heap, param)?,
        WastArgCore::RefExtern(number) => {
            let value = ExternRef::new(store, *number).map_err(|error| error.to_string())?;
            Val::ExternRef(Some(value))
        }
        WastArgCore::RefHost(number) => {
            let value = ExternRef::new(&mut *store, *number).map_err(|error| error.to_string())?;
            let value = AnyRef::from_extern(store, &value).map_err(|error| error.to_string())?;
            Val::AnyRef(Some(value))
        }
    })
}

/// The null of a heap type. A concrete one's hierarchy is that of the parameter.
fn null(heap: &HeapType<'_>, param: Option<ValType>) -> Result<Val, String> {
    let ty = match top(heap) {
        Some(top) => Some(ValType::Ref(RefType::nullable(top))),
        None => param,
    };
    ty.and_then(Val::default_for).ok_or_else(|| format!("there is no null of {heap:?}"))
}

/// The top of the hierarchy that a heap type of the text format belongs to, if the type itself
/// says so.
pub(crate) fn top(heap: &HeapType<'_>) -> Option<AbstractHeapType> {
    use TextHeapType as T;
    let HeapType::Abstract { shared: false, ty } = heap else { return None };
    match ty {
        T::Func | T::NoFunc => Some(AbstractHeapType::Func),
        T::Extern | T::NoExtern => Some(AbstractHeapType::Extern),
        T::Exn | T::NoExn => Some(AbstractHeapType::Exn),
        T::Any | T::Eq | T::I31 | T::Struct | T::Array | T::None => Some(AbstractHeapType::Any),
        T::Cont | T::NoCont => None,
    }
}

/// The top of the hierarchy that a reference belongs to, and whether it is null.
pub(crate) fn hierarchy(value: &Val) -> Option<(AbstractHeapType, bool)> {
    match value {
        Val::FuncRef(value) => Some((AbstractHeapType::Func, value.is_none())),
        Val::ExnRef(value) => Some((AbstractHeapType::Exn, value.is_none())),
        Val::ExternRef(value) => Some((AbstractHeapType::Extern, value.is_none())),
        Val::AnyRef(value) => Some((AbstractHeapType::Any, value.is_none())),
        _ => None,
    }
}

/// Values as a failure shows them: floats with their bits, vectors as bytes.
pub(crate) fn describe(values: &[Val]) -> String {
    let words: Vec<String> = values.iter().map(describe_one).collect();
    format!("[{}]", words.join(", "))
}

fn describe_one(value: &Val) -> String {
    match value {
        Val::I32(value) => format!("i32 {value} ({value:#x})"),
        Val::I64(value) => format!("i64 {value} ({value:#x})"),
        Val::F32(bits) => format!("f32 {:?} ({bits:#010x})", f32::from_bits(*bits)),
        Val::F64(bits) => format!("f64 {:?} ({bits:#018x})", f64::from_bits(*bits)),
        Val::V128(bits) => format!("v128 {bits:#034x}"),
        other => match hierarchy(other) {
            Some((top, true)) => format!("{} null", RefType::nullable(top)),
            Some((top, false)) => RefType::nullable(top).to_string(),
            None => format!("{other:?}"),
        },
    }
}
