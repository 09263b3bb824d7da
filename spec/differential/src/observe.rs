//! What can be seen of values, failures and entities, as text.

use std::fmt::Write as _;

use wamr::{
    AnyRef, AsContextMut, CompositeType, Error, ErrorKind, Extern, Func, Memory, Table, TrapCode,
    Val,
};

use crate::host::Shared;
use crate::mix;
use crate::run::Event;

/// How many objects are looked at behind a reference.
const OBJECTS: u32 = 24;

/// How many elements are looked at of a table or array.
const ELEMENTS: u64 = 64;

/// A value, with what stands behind it if it is a reference.
pub(crate) fn describe(store: &mut impl AsContextMut<Data = Shared>, val: &Val) -> String {
    let mut text = String::new();
    describe_to(store, val, &mut text, &mut OBJECTS.clone());
    text
}

fn describe_to(
    store: &mut impl AsContextMut<Data = Shared>,
    val: &Val,
    text: &mut String,
    left: &mut u32,
) {
    let _ = match val {
        Val::I32(value) => write!(text, "{value}"),
        Val::I64(value) => write!(text, "{value}"),
        Val::F32(bits) => write!(text, "f32:{bits:#x}"),
        Val::F64(bits) => write!(text, "f64:{bits:#x}"),
        Val::V128(bits) => write!(text, "v128:{bits:#x}"),
        Val::FuncRef(Some(func)) => write!(text, "{}", describe_func(store, func)),
        Val::ExternRef(Some(value)) => {
            let store = store.as_context_mut();
            let number =
                value.data(&store).ok().flatten().and_then(|data| data.downcast_ref::<u64>());
            write!(text, "extern:{number:?}")
        }
        Val::AnyRef(Some(value)) => return describe_object(store, value, text, left),
        Val::ExnRef(Some(exception)) => {
            let fields = exception.fields(store.as_context_mut()).unwrap_or_default();
            text.push_str("exception");
            return describe_all(store, &fields, text, left);
        }
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            write!(text, "null")
        }
        _ => write!(text, "?"),
    };
}

fn describe_all(
    store: &mut impl AsContextMut<Data = Shared>,
    values: &[Val],
    text: &mut String,
    left: &mut u32,
) {
    text.push('(');
    for value in values {
        describe_to(store, value, text, left);
        text.push(' ');
    }
    text.push(')');
}

/// Which function of the instance it is.
fn describe_func(store: &mut impl AsContextMut<Data = Shared>, func: &Func) -> String {
    let store = store.as_context_mut();
    let found = store.data().funcs.iter().position(|known| Func::same(known, func));
    match found {
        Some(position) => format!("func:{position}"),
        None => "func:?".to_owned(),
    }
}

fn describe_object(
    store: &mut impl AsContextMut<Data = Shared>,
    object: &AnyRef,
    text: &mut String,
    left: &mut u32,
) {
    if let Ok(Some(number)) = object.as_i31(store.as_context_mut()) {
        let _ = write!(text, "i31:{number}");
        return;
    }
    let Ok(Some(id)) = object.type_id(store.as_context_mut()) else {
        text.push_str("host:");
        let value = object.to_extern(store.as_context_mut()).ok().flatten();
        return describe_to(store, &Val::ExternRef(value), text, left);
    };
    if *left == 0 {
        return text.push_str("...");
    }
    *left -= 1;
    let Some(def) = store.as_context_mut().engine().types().get(id) else { return };
    let mut values = Vec::new();
    match &def.composite {
        CompositeType::Struct(def) => {
            text.push_str("struct");
            for position in 0..def.fields.len() {
                values.extend(object.field(store.as_context_mut(), position as u32));
            }
        }
        _ => {
            let len = object.len(store.as_context_mut()).unwrap_or(0);
            let _ = write!(text, "array:{len}");
            for position in 0..len.min(ELEMENTS as u32) {
                values.extend(object.element(store.as_context_mut(), position));
            }
        }
    }
    describe_all(store, &values, text, left);
}

/// A failure: what it is and where it happened. It decides nothing if it is about how much room
/// there is, which is not the same in every mode.
pub(crate) fn describe_error(store: &mut impl AsContextMut<Data = Shared>, error: &Error) -> Event {
    use TrapCode as Trap;
    let mut text = match error.kind() {
        ErrorKind::Trap(
            Trap::StackOverflow
            | Trap::GcHeapExhausted
            | Trap::ResourceExhausted
            | Trap::Interrupted,
        )
        | ErrorKind::OutOfMemory => return Event::Undecided(error.to_string()),
        ErrorKind::Exception(exception) => describe(store, &Val::ExnRef(Some(exception.clone()))),
        ErrorKind::Trap(code) => format!("trap {code:?}"),
        _ => format!("error {error}"),
    };
    if !store.as_context_mut().data().shows_frames {
        return Event::Seen(text);
    }
    let backtrace = error.backtrace();
    for frame in backtrace.frames() {
        let _ = write!(text, " <- {}@{:?}", frame.func().0, frame.offset());
    }
    let _ = write!(text, " + {}", backtrace.omitted());
    Event::Seen(text)
}

/// What an entity holds.
pub(crate) fn describe_entity(
    store: &mut impl AsContextMut<Data = Shared>,
    entity: &Extern,
) -> Option<String> {
    match entity {
        Extern::Global(global) => {
            let value = global.get(store.as_context_mut()).ok()?;
            Some(describe(store, &value))
        }
        Extern::Memory(memory) => describe_memory(store, memory),
        Extern::Table(table) => describe_table(store, table),
        _ => None,
    }
}

fn describe_memory(
    store: &mut impl AsContextMut<Data = Shared>,
    memory: &Memory,
) -> Option<String> {
    let ty = memory.ty(store.as_context_mut()).ok()?;
    let pages = memory.size(store.as_context_mut()).ok()?;
    let mut bytes = vec![0; usize::try_from(pages * ty.page_size_bytes()).ok()?];
    memory.read(store.as_context_mut(), 0, &mut bytes).ok()?;
    let mut hash = pages;
    let mut first = None;
    // Pages have one byte or a multiple of eight.
    let (words, rest) = bytes.as_chunks();
    let rest = rest.iter().map(|&byte| u64::from(byte));
    let words = words.iter().map(|word| u64::from_be_bytes(*word)).chain(rest);
    for (position, number) in words.enumerate().filter(|(_, number)| *number != 0) {
        hash = mix(hash ^ number, position as u64);
        first.get_or_insert((position * 8, number));
    }
    Some(format!("{pages} pages, hash {hash:#x}, first word that is not zero {first:x?}"))
}

fn describe_table(store: &mut impl AsContextMut<Data = Shared>, table: &Table) -> Option<String> {
    let size = table.size(store.as_context_mut()).ok()?;
    let mut text = format!("{size}:");
    for position in 0..size.min(ELEMENTS) {
        let value = table.get(store.as_context_mut(), position).ok()??;
        let _ = write!(text, " {}", describe(store, &value));
    }
    Some(text)
}
