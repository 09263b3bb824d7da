//! Threads: environments for other threads, each with an instance of its own that has the shared
//! memories of the first, and wasi-threads on top of them. Threads that guests start end with the
//! program's first instance at the latest.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use wamr::types::ImportDesc;
use wamr::{AsContextMut, Caller, Linker, SharedMemory, Val};

use super::env::{self, Env, Kind};
use super::group::{Data, Group};
use super::handle::{self, Name};
use super::instance::Inst;
use super::instantiate;
use super::loading::Loading;
use super::text;

/// The name of the function that starts threads, in the module `wasi`.
pub(crate) const SPAWN: &str = "thread-spawn";

type Callback = extern "C" fn(Name, *mut c_void) -> *mut c_void;

/// A thread that C waits for by name.
pub(crate) struct Thread(Mutex<Option<JoinHandle<usize>>>);

static RUNNING: AtomicU32 = AtomicU32::new(0);

/// What is sent to a thread.
struct Sent<T>(T);

// SAFETY: names and pointers of the embedder's are carried to the thread that they are meant for.
unsafe impl<T> Send for Sent<T> {}

impl<T> Sent<T> {
    fn take(self) -> T {
        self.0
    }
}

/// Counts a thread as long as it lives.
struct Place;

impl Place {
    fn take(inst: &Inst) -> Option<Self> {
        let max = inst.module.runtime.max_threads.load(Ordering::Relaxed);
        let taken = RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |running| {
            (running < max).then_some(running + 1)
        });
        taken.ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The shared memories that an instance's module defines.
fn shared_memories(inst: &Inst) -> Option<Vec<SharedMemory>> {
    let handle = inst.handle()?;
    inst.with(|store| handle.own_shared_memories(store).ok())
}

/// An instance of the same module in a group of its own, for another thread.
fn spawn(inst: &Arc<Inst>) -> Option<Arc<Inst>> {
    let module = &inst.module;
    let given = inst.given();
    // What was given belongs to a group, unless it is a function, which is made anew.
    let all_shareable = module.loaded.decoded().imports.iter().all(|import| match import.desc {
        ImportDesc::Func(_) | ImportDesc::Tag(_) => true,
        ImportDesc::Memory(ty) => ty.shared,
        _ => false,
    });
    if !all_shareable {
        return None;
    }
    let copies = given.iter().map(|(at, entity)| Some((*at, entity.for_thread()?)));
    let given: Vec<_> = copies.collect::<Option<_>>()?;
    let request = inst.request.for_thread(inst, shared_memories(inst)?);
    let group = Group::new(&module.runtime).ok()?;
    let made = group.run(|mut store| {
        let mut loading = Loading::default();
        instantiate::make_in(&mut store, module, &request, &given, &mut loading).ok()
    });
    made.ok()?
}

c_api! {
    fn wasm_runtime_spawn_exec_env(env: Name) -> Name {
        let Some(env) = handle::get::<Env>(env) else { return std::ptr::null_mut() };
        match spawn(&env.inst()) {
            Some(inst) => Env::make(&inst, Kind::Spawned),
            None => std::ptr::null_mut(),
        }
    }

    fn wasm_runtime_spawn_thread(
        env: Name,
        tid: *mut usize,
        callback: Option<Callback>,
        arg: *mut c_void,
    ) -> i32 {
        let (Some(_), Some(callback), false) =
            (handle::get::<Env>(env), callback, tid.is_null())
        else {
            return -1;
        };
        let Some(place) = handle::get::<Env>(env).and_then(|env| Place::take(&env.inst())) else {
            return -1;
        };
        let spawned = wasm_runtime_spawn_exec_env(env);
        if spawned.is_null() {
            return -1;
        }
        let sent = Sent((spawned, arg));
        let thread = std::thread::Builder::new().spawn(move || {
            let (env, arg) = sent.take();
            let result = callback(env, arg);
            env::wasm_runtime_destroy_spawned_exec_env(env);
            drop(place);
            result.expose_provenance()
        });
        let Ok(thread) = thread else {
            env::wasm_runtime_destroy_spawned_exec_env(spawned);
            return -1;
        };
        let name = handle::insert(Arc::new(Thread(Mutex::new(Some(thread)))));
        text::write(tid, name.addr());
        0
    }

    fn wasm_runtime_join_thread(tid: usize, result: *mut *mut c_void) -> i32 {
        const NO_SUCH_THREAD: i32 = 3;
        let thread = handle::remove::<Thread>(std::ptr::without_provenance(tid));
        let thread = thread.and_then(|thread| lock(&thread.0).take());
        match thread.map(JoinHandle::join) {
            Some(Ok(value)) => {
                text::write(result, std::ptr::with_exposed_provenance_mut(value));
                0
            }
            _ => NO_SUCH_THREAD,
        }
    }

    fn wasm_runtime_init_thread_env() -> bool {
        INITED.set(true);
        true
    }

    fn wasm_runtime_destroy_thread_env() {
        INITED.set(false);
    }

    fn wasm_runtime_thread_env_inited() -> bool {
        INITED.get()
    }
}

thread_local! {
    static INITED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static IS_GUEST: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether a guest started this thread.
pub(crate) fn is_guest() -> bool {
    IS_GUEST.get()
}

static NEXT_GUEST: AtomicU64 = AtomicU64::new(1);

/// The largest number of a thread, as wasi-threads has it.
const MAX_THREAD_ID: u64 = 0x1fff_ffff;

/// Defines `wasi` `thread-spawn`: another instance on another thread, whose `wasi_thread_start` is
/// called. A thread that fails terminates the others.
pub(crate) fn add_to_linker(linker: &mut Linker<Data>) -> Result<(), wamr::LinkError> {
    linker.func_wrap("wasi", SPAWN, |caller: Caller<'_, Data>, arg: i32| {
        let inst = caller.instance_id().and_then(|id| caller.data().instances.get(&id).cloned());
        inst.and_then(|inst| spawn_guest(caller, &inst, arg)).unwrap_or(-1)
    })?;
    Ok(())
}

fn spawn_guest(mut caller: Caller<'_, Data>, inst: &Arc<Inst>, arg: i32) -> Option<i32> {
    let place = Place::take(inst)?;
    let id = NEXT_GUEST.fetch_add(1, Ordering::Relaxed) % MAX_THREAD_ID + 1;
    let env = env::in_native(&mut caller, std::ptr::null_mut(), |_| {
        let thread = spawn(inst)?;
        handle::get::<Env>(Env::make(&thread, Kind::Spawned))
    });
    let env = env??;
    let family = inst.family.clone();
    let body = move || {
        IS_GUEST.set(true);
        let thread = env.inst();
        let ran = run_guest(&env, &thread, id as i32, arg);
        if ran.is_none() {
            let exception = thread.take_exception_text();
            thread.terminate(exception.as_deref().unwrap_or("a thread failed"));
        }
        env::wasm_runtime_destroy_spawned_exec_env(env.name);
        drop(place);
    };
    let builder = std::thread::Builder::new().name(format!("wasi-thread-{id}"));
    // What the thread lets go of last may have finalizers.
    let started = builder.spawn(move || super::guarded(body));
    family.add_guest(started.ok()?);
    i32::try_from(id).ok()
}

/// Runs a guest's thread; `None` if it failed.
fn run_guest(env: &Arc<Env>, inst: &Arc<Inst>, id: i32, arg: i32) -> Option<()> {
    let group = inst.group()?;
    let outcome = group.run(|mut store| {
        let _running = inst.running();
        if !inst.begin_call() {
            return None;
        }
        let start = inst.export_value(&mut store, "wasi_thread_start")?.into_func()?;
        if store.engine().tunables().consume_fuel {
            store.set_fuel(u64::MAX).ok()?;
        }
        let args = [Val::I32(id), Val::I32(arg)];
        let ran = env::calling(env, || start.call(store.as_context_mut(), &args, &mut []));
        if let Err(error) = ran {
            inst.fail(&error);
            return None;
        }
        Some(())
    });
    outcome.ok()?
}
