//! wasi-threads: threads that a guest starts.
//! <https://github.com/WebAssembly/wasi-threads>
//!
//! A guest calls `wasi` `thread-spawn`; the host makes another thread of the same
//! [`ProgramPre`](wamr_linker::ProgramPre), with a store of its own, and calls `wasi_thread_start` there.
//! The program ends, with all its threads, when the main thread returns, when any thread calls
//! `proc_exit`, or when any thread traps.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use wamr_linker::{InstantiateError, LinkError, Linker, ThreadPre};
use wamr_runtime::{Caller, Error, InterruptHandle, Store};

use crate::errno::Errno;

/// The largest number of a thread, as wasi-threads has it.
const MAX_THREAD_ID: i32 = 0x1fff_ffff;

/// How often threads are interrupted again, should one not have noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// Makes the store of a new thread from the data of the thread that starts it.
type MakeStore<T> = dyn Fn(&mut T) -> Result<Store<T>, Error> + Send + Sync;

/// The threads of one program. Clones are the same threads.
///
/// ```
/// # use wamr_linker::{Linker, ProgramPre};
/// # use wamr_runtime::{Engine, Error, Module, Store};
/// # use wamr_wasi::{SharedWasiCtx, WasiCtx, WasiThreads};
/// # fn run(engine: &Engine, module: &Module) -> Result<(), Box<dyn std::error::Error>> {
/// let same_engine = engine.clone();
/// let threads = WasiThreads::new(16, move |wasi: &mut SharedWasiCtx| {
///     let mut store = Store::try_new(&same_engine, wasi.clone())?;
///     let handle = store.interrupt_handle();
///     store.data_mut().set_interrupt(std::sync::Arc::new(move || handle.is_interrupted()));
///     Ok(store)
/// });
/// let mut linker = Linker::new(engine);
/// wamr_wasi::add_shared_to_linker(&mut linker, |wasi: &mut SharedWasiCtx| wasi)?;
/// threads.add_to_linker(&mut linker)?;
/// let mut store = Store::new(engine, SharedWasiCtx::new(WasiCtx::builder().build()));
/// let program = ProgramPre::new(&linker, module)?.instantiate(&mut store)?;
/// let start = program.main().get_typed_func::<(), ()>(&mut store, "_start")?;
/// threads.run(&mut store, program.thread(), |store| start.call(store, ()))?;
/// # Ok(())
/// # }
/// ```
pub struct WasiThreads<T: 'static>(Arc<Inner<T>>);

struct Inner<T: 'static> {
    max_threads: usize,
    make_store: Box<MakeStore<T>>,
    state: Mutex<State<T>>,
    /// A thread has ended.
    ended: Condvar,
}

struct State<T: 'static> {
    /// While the program runs. It holds host functions, and they the threads.
    pre: Option<ThreadPre<T>>,
    main: Option<InterruptHandle>,
    running: HashMap<i32, InterruptHandle>,
    latest: i32,
    ending: Option<Ending>,
}

/// Why the program ends.
enum Ending {
    /// The main thread has returned or failed.
    Main,
    /// Another thread has failed, which is how exits travel too.
    Failed(Error),
    /// A host function has panicked on another thread.
    Panicked(Box<dyn Any + Send>),
}

impl<T: 'static> Clone for WasiThreads<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> fmt::Debug for WasiThreads<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiThreads")
            .field("max_threads", &self.0.max_threads)
            .finish_non_exhaustive()
    }
}

impl<T: 'static> State<T> {
    fn interrupt_all(&self) {
        self.running.values().for_each(InterruptHandle::interrupt);
    }

    /// A number that no thread has.
    fn next_id(&self) -> Option<i32> {
        let mut ids = (self.latest + 1..=MAX_THREAD_ID).chain(1..=self.latest);
        ids.find(|id| !self.running.contains_key(id))
    }
}

impl<T: Send + 'static> WasiThreads<T> {
    /// Allows a program to have up to `max_threads` threads besides its main thread. `make_store`
    /// makes the store of a new one from the data of the thread that starts it; it should set what
    /// lets WASI notice interruptions, as the threads of a program that ends are interrupted.
    pub fn new(
        max_threads: usize,
        make_store: impl Fn(&mut T) -> Result<Store<T>, Error> + Send + Sync + 'static,
    ) -> Self {
        let state =
            State { pre: None, main: None, running: HashMap::new(), latest: 0, ending: None };
        Self(Arc::new(Inner {
            max_threads,
            make_store: Box::new(make_store),
            state: Mutex::new(state),
            ended: Condvar::new(),
        }))
    }

    /// Defines `wasi` `thread-spawn`. It gives a negative number where there can be no thread,
    /// among other things before [`WasiThreads::run`].
    ///
    /// # Errors
    /// If the name is defined already.
    pub fn add_to_linker(&self, linker: &mut Linker<T>) -> Result<(), LinkError> {
        let this = self.clone();
        linker.func_wrap("wasi", "thread-spawn", move |mut caller: Caller<'_, T>, arg: i32| {
            this.spawn(&mut caller, arg).unwrap_or_else(|errno| -i32::from(errno.code()))
        })?;
        Ok(())
    }

    /// Runs a program's main thread, and then ends all others and waits for them. Meanwhile the
    /// program may start threads, which are made from `thread`.
    ///
    /// # Errors
    /// Those of `main`, unless another thread failed first: then its error, which is an
    /// [`Exit`](crate::Exit) if it called `proc_exit`. The interruption that ends the main thread
    /// then may still be pending in its store.
    ///
    /// # Panics
    /// If `main` does, a host function did so on any thread, or the program is running already.
    pub fn run<R>(
        &self,
        store: &mut Store<T>,
        thread: ThreadPre<T>,
        main: impl FnOnce(&mut Store<T>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        {
            let mut state = self.0.state.lock();
            assert!(state.main.is_none(), "the program is running already");
            state.pre = Some(thread);
            state.main = Some(store.interrupt_handle());
        }
        let result = catch_unwind(AssertUnwindSafe(|| main(store)));
        let mut state = self.0.state.lock();
        state.ending.get_or_insert(Ending::Main);
        while !state.running.is_empty() {
            state.interrupt_all();
            self.0.ended.wait_for(&mut state, PATIENCE);
        }
        let (pre, ending) = (state.pre.take(), state.ending.take());
        state.main = None;
        drop(state);
        // It may hold the last of what this is called through.
        drop(pre);
        match (result, ending) {
            (Err(payload), _) | (_, Some(Ending::Panicked(payload))) => resume_unwind(payload),
            (_, Some(Ending::Failed(error))) => Err(error),
            (Ok(result), _) => result,
        }
    }

    /// Starts a thread and gives its number.
    fn spawn(&self, caller: &mut Caller<'_, T>, arg: i32) -> Result<i32, Errno> {
        // Asked before a store is made, and again when there is one.
        self.check_room(&self.0.state.lock())?;
        let store = (self.0.make_store)(caller.data_mut());
        let mut store = store.map_err(|_| Errno::Nomem)?;
        let mut state = self.0.state.lock();
        self.check_room(&state)?;
        let pre = state.pre.clone().ok_or(Errno::Again)?;
        let id = state.next_id().ok_or(Errno::Again)?;
        state.latest = id;
        state.running.insert(id, store.interrupt_handle());
        drop(state);

        let this = self.clone();
        let started =
            std::thread::Builder::new().name(format!("wasi-thread-{id}")).spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    let outcome = run_thread(&mut store, &pre, id, arg);
                    drop((store, pre));
                    outcome
                }));
                this.finish(id, outcome);
            });
        if started.is_err() {
            self.0.state.lock().running.remove(&id);
            return Err(Errno::Again);
        }
        Ok(id)
    }

    fn check_room(&self, state: &State<T>) -> Result<(), Errno> {
        let is_over = state.ending.is_some() || state.pre.is_none();
        if is_over || state.running.len() >= self.0.max_threads {
            return Err(Errno::Again);
        }
        Ok(())
    }

    /// Notes how a thread ended, and if it failed, ends the others.
    fn finish(&self, id: i32, outcome: std::thread::Result<Result<(), Error>>) {
        let mut state = self.0.state.lock();
        state.running.remove(&id);
        let ending = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Ending::Failed(error)),
            Err(payload) => Some(Ending::Panicked(payload)),
        };
        if state.ending.is_none() && ending.is_some() {
            state.ending = ending;
            state.interrupt_all();
            if let Some(main) = &state.main {
                main.interrupt();
            }
        }
        self.0.ended.notify_all();
    }
}

/// What a thread does from its beginning to its end.
fn run_thread<T: 'static>(
    store: &mut Store<T>,
    pre: &ThreadPre<T>,
    id: i32,
    arg: i32,
) -> Result<(), Error> {
    let program = pre.instantiate(&mut *store).map_err(|error| match error {
        InstantiateError::Run(error) => error,
        error => Error::new(error),
    })?;
    let start =
        program.main().get_typed_func::<(i32, i32), ()>(&mut *store, "wasi_thread_start")?;
    start.call(store, (id, arg))
}
