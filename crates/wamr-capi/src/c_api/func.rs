//! Functions: of the host, and calls.

use smallvec::SmallVec;
use wamr::{Caller, Error, Extern, Func, FuncType, Val};

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
    func: *const Handle,
    args: *const wasm_val_vec_t,
    results: *mut wasm_val_vec_t,
) -> *mut Handle {
    let trap = guard(None, || {
        let Some((owner, func)) = func_of(func) else {
            return Some(trap::of_message(last_error()));
        };
        // SAFETY: C passes vectors or null. The arguments are copied, since callbacks may change
        // them while the call lasts, and the results may be the same vector.
        let args: Args = unsafe {
            args.as_ref().map_or(Args::new(), |args| args.as_slice().iter().copied().collect())
        };
        Some(match owner.with(|store| call(store, &owner, &func, &args, results)) {
            Ok(()) => null(),
            Err(error) => trap::of_error(&owner, &error),
        })
    });
    // A panic is a trap, too.
    trap.unwrap_or_else(|| guard(null(), || trap::of_message(last_error())))
}

fn call(
    mut store: wamr::StoreContextMut<'_, StoreData>,
    owner: &StoreRef,
    func: &Func,
    args: &[wasm_val_t],
    results: *mut wasm_val_vec_t,
) -> Result<(), Error> {
    let ty = func.ty(&store)?;
    // No reference to the results lasts, since callbacks may look at them.
    let room_for = || {
        // SAFETY: C passes a vector or null.
        unsafe { results.as_ref() }
            .filter(|results| !results.data.is_null() && results.data.is_aligned())
    };
    let room_given = room_for().map_or(0, |results| results.size);
    let (wanted, room) = (ty.params().len(), ty.results().len());
    if args.len() < wanted || room_given < room {
        return Err(Error::msg(format_args!(
            "the function has type {ty}, but was called with {} arguments and room for {} results",
            args.len(),
            room_given
        )));
    }
    let mut params: SmallVec<[Val; 8]> = SmallVec::with_capacity(wanted);
    for (&ty, arg) in ty.params().iter().zip(args) {
        // SAFETY: C passes values.
        params.push(unsafe { value::to_val(&mut store, arg, ty)? });
    }
    let mut out: SmallVec<[Val; 8]> = smallvec::smallvec![Val::I32(0); room];
    func.call(&mut store, &params, &mut out)?;
    let mut made = Values::default();
    for value in &out {
        made.0.push(value::from_val(&mut store, owner, value)?);
    }
    match room_for() {
        Some(to) if to.size >= room => {
            // SAFETY: C's vector has room for that many, as it says.
            unsafe { to.data.copy_from_nonoverlapping(made.0.as_ptr(), room) };
        }
        _ if room == 0 => {}
        _ => return Err(Error::msg("the results were taken away during the call")),
    }
    // SAFETY: as above.
    if let Some(results) = unsafe { results.as_mut() }
        && room != 0
    {
        // As WAMR does, so that C sees how many there are.
        (results.size, results.num_elems) = (room, room);
    }
    // The handles are C's now.
    made.0.clear();
    Ok(())
}
