//! Functions: of the host, and calls.

use smallvec::SmallVec;
use wamr::{Caller, Error, Extern, Func, FuncType, HostFuncDef, SlotFunc, Val, ValType};

use super::engine::{StoreData, StoreRef};
use super::handle::{self, Data, Handle, Payload, payload_of};
use super::trap;
use super::types::{FuncTypeData, null};
use super::value::{self, wasm_val_t};
use super::vec::{wasm_val_vec_t, wasm_vec_t};
use crate::guard::{Finalizer, guard, last_error, ok_or_last_error, set_last_error};

/// A function of the embedder.
pub type wasm_func_callback_t =
    Option<unsafe extern "C" fn(*const wasm_val_vec_t, *mut wasm_val_vec_t) -> *mut Handle>;
/// A function of the embedder that gets something with every call.
pub type wasm_func_callback_with_env_t =
    Option<unsafe extern "C" fn(Data, *const wasm_val_vec_t, *mut wasm_val_vec_t) -> *mut Handle>;
/// A function of the embedder that is called when something is not needed any more.
pub type wasm_finalizer_t = Option<unsafe extern "C" fn(Data)>;

type Args = SmallVec<[wasm_val_t; 8]>;

/// What a function of the host calls. The environment is finalized with the function.
enum Callback {
    Plain(unsafe extern "C" fn(*const wasm_val_vec_t, *mut wasm_val_vec_t) -> *mut Handle),
    WithEnv(
        unsafe extern "C" fn(Data, *const wasm_val_vec_t, *mut wasm_val_vec_t) -> *mut Handle,
        Finalizer,
    ),
}

impl Callback {
    /// # Safety
    /// The vectors must be what the function's type says.
    unsafe fn call(&self, args: &wasm_val_vec_t, results: &mut wasm_val_vec_t) -> *mut Handle {
        // SAFETY: the embedder vouches for its function, and the caller for the vectors.
        unsafe {
            match self {
                Self::Plain(function) => function(args, results),
                Self::WithEnv(function, env) => function(env.data(), args, results),
            }
        }
    }

    /// What the runtime calls where all values are numbers.
    fn run_numbers(
        &self,
        ty: &FuncType,
        mut caller: Caller<'_, StoreData>,
        slots: &mut [u64],
    ) -> Result<(), Error> {
        let owner = caller.data().owner()?;
        let params = ty.params().iter().zip(&*slots);
        let mut args: Args = params.map(|(&ty, &slot)| value::from_slot(slot, ty)).collect();
        let mut out: Args = ty.results().iter().map(|&ty| value::from_slot(0, ty)).collect();
        let trap = owner.lend(&mut caller, || {
            let args = wasm_vec_t::over(&mut args);
            // SAFETY: the vectors are of the function's type.
            unsafe { self.call(&args, &mut wasm_vec_t::over(&mut out)) }
        });
        if !trap.is_null() {
            // SAFETY: the callback gives the trap away.
            return Err(unsafe { trap::into_error(trap) });
        }
        for ((&ty, value), slot) in ty.results().iter().zip(&out).zip(slots) {
            *slot = value::to_slot(value, ty)?;
        }
        Ok(())
    }

    /// What the runtime calls.
    fn run(
        &self,
        ty: &FuncType,
        mut caller: Caller<'_, StoreData>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let owner = caller.data().owner()?;
        let mut args = Values::default();
        for param in params {
            args.0.push(value::from_val(&mut store_of(&mut caller), &owner, param)?);
        }
        let types = caller.engine().types();
        let mut out = Values(ty.results().iter().map(|&ty| value::blank(types, ty)).collect());
        let trap = owner.lend(&mut caller, || {
            let args = wasm_vec_t::over(&mut args.0);
            // SAFETY: the vectors are of the function's type.
            unsafe { self.call(&args, &mut wasm_vec_t::over(&mut out.0)) }
        });
        if !trap.is_null() {
            // SAFETY: the callback gives the trap away.
            return Err(unsafe { trap::into_error(trap) });
        }
        for ((&ty, value), result) in ty.results().iter().zip(&out.0).zip(results) {
            // SAFETY: the callback wrote values.
            *result = unsafe { value::to_val(&mut store_of(&mut caller), value, ty)? };
        }
        Ok(())
    }
}

/// Whether all values of a type are numbers of no more than 64 bits.
fn are_numbers(ty: &FuncType) -> bool {
    let is_number =
        |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
    ty.params().iter().chain(ty.results()).all(is_number)
}

fn store_of<'a>(caller: &'a mut Caller<'_, StoreData>) -> wamr::StoreContextMut<'a, StoreData> {
    wamr::AsContextMut::as_context_mut(caller)
}

/// Values whose handles are deleted in the end.
#[derive(Default)]
struct Values(Args);

impl Drop for Values {
    fn drop(&mut self) {
        // SAFETY: the handles are those that were made for a callback, or that it gave away.
        self.0.iter_mut().for_each(|value| unsafe { value::delete(value) });
    }
}

fn new_func(store: *const Handle, ty: *const Handle, callback: Callback) -> Option<*mut Handle> {
    let owner = payload_of!(store, "a store", Payload::Store(store) => store.clone())?;
    let ty = payload_of!(ty, "a function type", Payload::FuncType(ty) => ty.ty.clone())?;
    let func = owner.with(|store| {
        let signature = ty.clone();
        if are_numbers(&ty) {
            let def = HostFuncDef::with_slots(store.engine(), ty, move |caller, slots| {
                callback.run_numbers(&signature, caller, slots)
            });
            return def?.to_func(store);
        }
        Func::new(store, ty, move |caller, params, results| {
            callback.run(&signature, caller, params, results)
        })
    });
    let func = ok_or_last_error(func)?;
    Some(handle::new(Payload::Extern(owner, func.into())))
}

/// Makes a function of the host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_new(
    store: *mut Handle,
    ty: *const Handle,
    callback: wasm_func_callback_t,
) -> *mut Handle {
    guard(null(), || {
        let Some(callback) = callback else {
            set_last_error("a function needs a callback");
            return null();
        };
        new_func(store, ty, Callback::Plain(callback)).unwrap_or(null())
    })
}

/// Makes a function of the host that gets `env` with every call. The finalizer gets it when the
/// function is reclaimed, which is some time after nothing refers to it any more; if the function
/// cannot be made, at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_new_with_env(
    store: *mut Handle,
    ty: *const Handle,
    callback: wasm_func_callback_with_env_t,
    env: Data,
    finalizer: wasm_finalizer_t,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C says that the finalizer takes the environment.
        let env = unsafe { Finalizer::new(finalizer, env) };
        let Some(callback) = callback else {
            set_last_error("a function needs a callback");
            return null();
        };
        new_func(store, ty, Callback::WithEnv(callback, env)).unwrap_or(null())
    })
}

fn func_of(func: *const Handle) -> Option<(StoreRef, Func)> {
    payload_of!(func, "a function", Payload::Extern(owner, Extern::Func(func)) => {
        (owner.clone(), func.clone())
    })
}

fn type_of(func: *const Handle) -> Option<(StoreRef, FuncType)> {
    let (owner, func) = func_of(func)?;
    let ty = ok_or_last_error(owner.with(|store| func.ty(store)))?;
    Some((owner, ty))
}

/// A function's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_type(func: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, ty)) = type_of(func) else { return null() };
        let data = FuncTypeData::new(owner.engine.types(), ty);
        handle::new(Payload::FuncType(Box::new(data)))
    })
}

/// How many parameters a function has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_param_arity(func: *const Handle) -> usize {
    guard(0, || type_of(func).map_or(0, |(_, ty)| ty.params().len()))
}

/// How many results a function has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_result_arity(func: *const Handle) -> usize {
    guard(0, || type_of(func).map_or(0, |(_, ty)| ty.results().len()))
}

/// Calls a function. `args` must have as many values as it has parameters, or more; `results` room
/// for as many as it has results, or more. Null stands for a vector of nothing.
///
/// Returns null if the function returned; otherwise the trap that it ended in, or that says what is
/// wrong with the call, and nothing is in `results`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_func_call(
    handle: *const Handle,
    args: *const wasm_val_vec_t,
    results: *mut wasm_val_vec_t,
) -> *mut Handle {
    let trap = guard(None, || {
        let Some((owner, func)) = func_of(handle) else {
            return Some(trap::of_message(last_error()));
        };
        // SAFETY: C passes vectors or null. The arguments are copied, since callbacks may change
        // them while the call lasts, and the results may be the same vector.
        let args: Args = unsafe {
            args.as_ref().map_or(Args::new(), |args| args.as_slice().iter().copied().collect())
        };
        let outcome = owner.with(|store| {
            // SAFETY: the handle is that of a function of this store, as was just seen.
            let numbers = unsafe { handle::numbers(handle, || numbers_of(&store, &func)) };
            match numbers {
                Some(func) => call_numbers(store, &func, &args, results),
                None => call(store, &owner, &func, &args, results),
            }
        });
        Some(match outcome {
            Ok(()) => null(),
            Err(error) => trap::of_error(&owner, &error),
        })
    });
    // A panic is a trap, too.
    trap.unwrap_or_else(|| guard(null(), || trap::of_message(last_error())))
}

fn numbers_of(store: &wamr::StoreContextMut<'_, StoreData>, func: &Func) -> Option<SlotFunc> {
    func.with_slots(store).ok()?.filter(|func| are_numbers(func.ty()))
}

/// C's room for results. No reference to it lasts, since callbacks may look at it.
fn room_for<'a>(results: *mut wasm_val_vec_t) -> Option<&'a mut wasm_val_vec_t> {
    // SAFETY: C passes a vector or null.
    unsafe { results.as_mut() }
        .filter(|results| !results.data.is_null() && results.data.is_aligned())
}

/// Refuses a call whose arguments are too few, or that has too little room for results.
fn check_counts(ty: &FuncType, args: usize, results: *mut wasm_val_vec_t) -> Result<(), Error> {
    let room = room_for(results).map_or(0, |results| results.size);
    if args < ty.params().len() || room < ty.results().len() {
        return Err(Error::msg(format_args!(
            "the function has type {ty}, but was called with {args} arguments and room for {room} \
             results",
        )));
    }
    Ok(())
}

/// Writes results to C's room, which must still be there.
fn write_results(results: *mut wasm_val_vec_t, values: &[wasm_val_t]) -> Result<(), Error> {
    if values.is_empty() {
        return Ok(());
    }
    match room_for(results) {
        Some(to) if to.size >= values.len() => {
            // SAFETY: C's vector has room for that many, as it says.
            unsafe { to.data.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
            // As WAMR does, so that C sees how many there are.
            (to.size, to.num_elems) = (values.len(), values.len());
            Ok(())
        }
        _ => Err(Error::msg("the results were taken away during the call")),
    }
}

/// A call of a function of numbers.
fn call_numbers(
    store: wamr::StoreContextMut<'_, StoreData>,
    func: &SlotFunc,
    args: &[wasm_val_t],
    results: *mut wasm_val_vec_t,
) -> Result<(), Error> {
    let ty = func.ty();
    check_counts(ty, args.len(), results)?;
    let mut slots: SmallVec<[u64; 16]> = smallvec::smallvec![0; func.slot_count()];
    for ((&ty, arg), slot) in ty.params().iter().zip(args).zip(&mut slots) {
        *slot = value::to_slot(arg, ty)?;
    }
    func.call(store, &mut slots)?;
    let values = ty.results().iter().zip(&slots);
    let values: Args = values.map(|(&ty, &slot)| value::from_slot(slot, ty)).collect();
    write_results(results, &values)
}

fn call(
    mut store: wamr::StoreContextMut<'_, StoreData>,
    owner: &StoreRef,
    func: &Func,
    args: &[wasm_val_t],
    results: *mut wasm_val_vec_t,
) -> Result<(), Error> {
    let ty = func.ty(&store)?;
    check_counts(&ty, args.len(), results)?;
    let mut params: SmallVec<[Val; 8]> = SmallVec::with_capacity(ty.params().len());
    for (&ty, arg) in ty.params().iter().zip(args) {
        // SAFETY: C passes values.
        params.push(unsafe { value::to_val(&mut store, arg, ty)? });
    }
    let mut out: SmallVec<[Val; 8]> = smallvec::smallvec![Val::I32(0); ty.results().len()];
    func.call(&mut store, &params, &mut out)?;
    let mut made = Values::default();
    for value in &out {
        made.0.push(value::from_val(&mut store, owner, value)?);
    }
    write_results(results, &made.0)?;
    // The handles are C's now.
    made.0.clear();
    Ok(())
}
