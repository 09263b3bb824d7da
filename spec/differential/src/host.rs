//! The host that modules run in: what imported functions do, and what is shared with them.

use wamr::types::{
    ArrayType, CompositeType, FieldType, RecGroup, RegistryError, StorageType, SubType,
};
use wamr::{AnyRef, AsContextMut, Caller, Error, Func, FuncType, StoreLimits, TypeId, Val};

use crate::observe::{describe, describe_error};
use crate::run::Event;
use crate::{mix, values};

/// How deep host functions call what called them.
const DEPTH: u32 = 3;

/// A store's data.
pub(crate) struct Shared {
    pub(crate) seed: u64,
    pub(crate) limits: StoreLimits,
    /// What has happened.
    pub(crate) events: Vec<Event>,
    /// The functions of the instance, once it has been made; that of a table and of a value.
    pub(crate) funcs: Vec<Func>,
    /// Whether the frames that a failure passed through are looked at.
    pub(crate) shows_frames: bool,
    calls: u64,
    depth: u32,
}

impl Shared {
    pub(crate) fn new(seed: u64, shows_frames: bool) -> Self {
        // Above what modules ask for at first.
        let limits = StoreLimits::new().memory_bytes(1 << 20).table_elements(1000);
        Self {
            seed,
            limits,
            events: Vec::new(),
            funcs: Vec::new(),
            shows_frames,
            calls: 0,
            depth: 0,
        }
    }

    pub(crate) fn log(&mut self, what: String) {
        self.events.push(Event::Seen(what));
    }
}

/// Heaps that are full with a few objects of the host's.
pub(crate) const SMALL_HEAP_BYTES: usize = 192 << 10;

/// Whether host functions of runs with this seed fill the heap with garbage, so that it is collected
/// while wasm runs.
pub(crate) fn fills_heaps(seed: u64) -> bool {
    mix(seed, 51).is_multiple_of(4)
}

/// Fills the heap with objects that nothing refers to.
fn fill_heap(store: &mut impl AsContextMut<Data = Shared>) {
    let Ok(ty) = bytes_type(store) else { return };
    let zeros = vec![Val::I32(0); SMALL_HEAP_BYTES / 6];
    for _ in 0..8 {
        // If there is no room, it has been collected too.
        drop(AnyRef::new_array(&mut *store, ty, &zeros));
    }
}

/// The type of arrays of bytes.
fn bytes_type(store: &mut impl AsContextMut<Data = Shared>) -> Result<TypeId, RegistryError> {
    let field = FieldType { storage: StorageType::I8, mutable: true };
    let composite = CompositeType::Array(ArrayType(field));
    let ty = SubType { is_final: true, supertype: None, composite };
    store.as_context_mut().engine().types().register(RecGroup { types: Box::new([ty]) })
}

/// What imported functions do: note what they were given, now and then fail or call what the module
/// exports, and return something.
pub(crate) fn call(
    mut caller: Caller<'_, Shared>,
    position: usize,
    ty: &FuncType,
    params: &[wamr::Val],
    results: &mut [wamr::Val],
) -> Result<(), Error> {
    let params: Vec<String> = params.iter().map(|param| describe(&mut caller, param)).collect();
    let shared = caller.data_mut();
    shared.calls += 1;
    let choice = mix(mix(shared.seed, 100 + position as u64), shared.calls);
    shared.log(format!("import {position} ({})", params.join(", ")));
    if fills_heaps(shared.seed) && (choice >> 32).is_multiple_of(2) {
        fill_heap(&mut caller);
    }
    let shared = caller.data_mut();
    match choice % 16 {
        0 => return Err(Error::msg("the host refuses")),
        1..=4 if shared.depth < DEPTH && !shared.funcs.is_empty() => {
            let func = shared.funcs[(choice >> 8) as usize % shared.funcs.len()].clone();
            shared.depth += 1;
            let outcome = call_func(&mut caller, &func, choice);
            caller.data_mut().depth -= 1;
            outcome?;
        }
        _ => {}
    }
    for (position, (result, &ty)) in results.iter_mut().zip(ty.results()).enumerate() {
        let seed = mix(choice, position as u64);
        *result =
            values::value(&mut caller, ty, seed).ok_or_else(|| Error::msg("no such value"))?;
    }
    Ok(())
}

/// Calls a function with parameters that follow from a seed, and notes what becomes of it.
pub(crate) fn call_func(
    store: &mut impl wamr::AsContextMut<Data = Shared>,
    func: &Func,
    seed: u64,
) -> Result<(), Error> {
    let ty = func.ty(store.as_context_mut())?;
    let mut params = Vec::new();
    for (position, &ty) in ty.params().iter().enumerate() {
        let Some(param) = values::value(store, ty, mix(seed, position as u64)) else {
            store.as_context_mut().data_mut().log("no parameter".to_owned());
            return Ok(());
        };
        params.push(param);
    }
    let mut results = vec![wamr::Val::I32(0); ty.results().len()];
    let outcome = func.call(store.as_context_mut(), &params, &mut results);
    let event = match &outcome {
        Ok(()) => {
            let results: Vec<String> = results.iter().map(|val| describe(store, val)).collect();
            Event::Seen(format!("returns ({})", results.join(", ")))
        }
        Err(error) => describe_error(store, error),
    };
    store.as_context_mut().data_mut().events.push(event);
    outcome
}
