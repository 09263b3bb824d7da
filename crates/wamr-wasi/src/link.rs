//! The functions as imports of a linker. What they do stands in `preview1` and `unstable`.

use std::fmt;

use smallvec::SmallVec;
use wamr_linker::{LinkError, Linker};
use wamr_runtime::{Caller, Error, Extern, SharedMemory};
use wamr_types::{FuncType, TrapCode, ValType};

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::{GuestMemory, SharedBytes};
use crate::preview1::proc::proc_exit;
use crate::shared::SharedWasiCtx;
use crate::{preview1, sockets, unstable};

/// The name under which a WASI program exports its memory.
const MEMORY: &str = "memory";

/// A WASI function was called by an instance that exports no memory named `memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingMemory;

impl fmt::Display for MissingMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a WASI function needs its caller to export a memory named `{MEMORY}`")
    }
}

impl std::error::Error for MissingMemory {}

/// Defines all functions of WASI preview 1 in `linker`, under `wasi_snapshot_preview1` and
/// `wasi_unstable`, and those of WAMR's [`sockets`] beside them.
///
/// `get` finds the guest's world in the data of the store; it runs at each call.
///
/// A guest that calls `proc_exit` ends with an error that holds an [`Exit`](crate::Exit), one that
/// is
/// [interrupted](WasiCtx::set_interrupt) while it waits with the trap [`TrapCode::Interrupted`].
///
/// # Errors
/// The linker already has one of the functions and doesn't allow shadowing.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiCtx + Send + Sync + Copy + 'static,
) -> Result<(), LinkError> {
    add(linker, move |data, _, _, mem, function| {
        let ctx = get(data);
        let result = function(ctx, mem);
        let stops = result == Err(Errno::Intr) && ctx.interrupt.check().is_err();
        (result, stops)
    })
}

/// Does as [`add_to_linker`] for guests of several threads, each with a store, and with one world
/// for all of them; see [`WasiThreads`](crate::WasiThreads).
///
/// # Errors
/// As there.
pub fn add_shared_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut SharedWasiCtx + Send + Sync + Copy + 'static,
) -> Result<(), LinkError> {
    add(linker, move |data, name, args, mem, function| {
        let ctx = get(data);
        let result = ctx.call(name, args, mem, function);
        let stops = result == Err(Errno::Intr) && ctx.is_interrupted();
        (result, stops)
    })
}

/// A function of the world, arguments included.
type Function<'a> = &'a dyn Fn(&mut WasiCtx, &mut GuestMemory<'_>) -> Result<(), Errno>;

/// Defines all functions. `run` runs one, of a name and with these arguments, on the data of a
/// store, and says whether it ended because the guest shall stop.
fn add<T: 'static>(
    linker: &mut Linker<T>,
    run: impl Fn(&mut T, &str, &[u64], &mut GuestMemory<'_>, Function<'_>) -> (Result<(), Errno>, bool)
    + Send
    + Sync
    + Copy
    + 'static,
) -> Result<(), LinkError> {
    // One closure for all functions: there are a hundred, and each would be compiled again for
    // every type of data.
    for Import { module, name, params, function } in imports() {
        let ty = FuncType::new(params.iter().copied(), [ValType::I32]);
        linker.func_with_slots(module, name, ty, move |mut caller, slots| {
            let args: SmallVec<[u64; MAX_PARAMS]> = SmallVec::from_slice(&slots[..params.len()]);
            let errno = call(&mut caller, |data, mem| {
                run(data, name, &args, mem, &|ctx, mem| function(ctx, mem, &args))
            })?;
            slots[0] = errno.into();
            Ok(())
        })?;
    }
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        linker.func_wrap(module, "proc_exit", |code: u32| -> Result<(), Error> {
            Err(Error::new(proc_exit(code)))
        })?;
    }
    Ok(())
}

/// The most parameters that a function has.
const MAX_PARAMS: usize = 9;

/// A function as guests import it.
struct Import {
    module: &'static str,
    name: &'static str,
    params: &'static [ValType],
    /// Takes a slot for each parameter.
    function: fn(&mut WasiCtx, &mut GuestMemory<'_>, &[u64]) -> Result<(), Errno>,
}

/// All functions but `proc_exit`, which needs no world.
fn imports() -> Vec<Import> {
    let mut all = Vec::new();
    macro_rules! push {
        ($module:literal { $($($path:ident)::+ $name:ident($($param:ident: $type:ty),*);)* }) => {
            $(
                all.push(Import {
                    module: $module,
                    name: stringify!($name),
                    params: &[$(<$type as Param>::TYPE),*],
                    function: |ctx, mem, args| {
                        let &[$($param),*] = args else { return Err(Errno::Inval) };
                        $($path)::+::$name(ctx, mem, $($param as $type),*)
                    },
                });
            )*
        };
    }
    crate::for_each_wasi_function!(push);
    all
}

/// A type of parameters.
trait Param {
    const TYPE: ValType;
}

impl Param for u32 {
    const TYPE: ValType = ValType::I32;
}

impl Param for u64 {
    const TYPE: ValType = ValType::I64;
}

impl Param for i64 {
    const TYPE: ValType = ValType::I64;
}

/// Runs one function over the caller's memory; the answer is the number that the guest sees.
fn call<T: 'static>(
    caller: &mut Caller<'_, T>,
    run: impl FnOnce(&mut T, &mut GuestMemory<'_>) -> (Result<(), Errno>, bool),
) -> Result<u32, Error> {
    let memory = caller.get_export(MEMORY).and_then(Extern::into_memory);
    let memory = memory.ok_or_else(|| Error::new(MissingMemory))?;
    let shared = memory.shared(&mut *caller)?.map(Shared);
    let (mut memory, data) = match &shared {
        Some(shared) => (GuestMemory::shared(shared), caller.data_mut()),
        None => {
            let (bytes, data) = memory.data_and_store_mut(caller)?;
            (GuestMemory::new(bytes), data)
        }
    };
    match run(data, &mut memory) {
        (Ok(()), _) => Ok(0),
        // Many guests try again after `Intr`, for ever if the embedder means to stop them.
        (Err(Errno::Intr), true) => Err(TrapCode::Interrupted.into()),
        (Err(errno), _) => Ok(errno.code().into()),
    }
}

/// A shared memory as the functions see it.
struct Shared(SharedMemory);

impl SharedBytes for Shared {
    fn len(&self) -> usize {
        self.0.data_size()
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> bool {
        self.0.read(offset, to).is_ok()
    }

    fn write(&self, offset: usize, from: &[u8]) -> bool {
        self.0.write(offset, from).is_ok()
    }
}
