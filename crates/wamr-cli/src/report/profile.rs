//! Profiles by sampling: a thread asks every millisecond where each store is, and whoever runs in
//! one answers at its next call or loop.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wamr::{Backtrace, InterruptHandle, Store};

use super::flame_graph::{FlameGraph, Node};
use crate::Failure;

/// How often samples are asked for.
const INTERVAL: Duration = Duration::from_millis(1);

/// What collects a program's samples. All clones are the same.
#[derive(Clone)]
pub(super) struct Profiler(Arc<Shared>);

struct Shared {
    samples: Mutex<Samples>,
    /// How to ask each store.
    stores: Arc<Stores>,
    /// The thread that asks, and what ends it.
    asking: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    program: String,
    path: String,
    file: File,
}

/// Stores with their numbers.
type Stores = Mutex<Vec<(u32, InterruptHandle)>>;

/// A store's place in the list, gone with the store.
struct Asked {
    stores: Arc<Stores>,
    number: u32,
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.stores).retain(|(number, _)| *number != self.number);
    }
}

#[derive(Default)]
struct Samples {
    graph: FlameGraph,
    /// By the module's address, which stays as long as the samples keep the module, and index.
    names: HashMap<(usize, u32), Arc<str>>,
    modules: HashMap<usize, Arc<wamr::types::Module>>,
    threads: u32,
}

impl Profiler {
    /// Makes the file, and begins to ask.
    pub(super) fn start(path: &str, program: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::unusable(format!("--profile: {path}: {error}"));
        let file = File::create(path).map_err(failed)?;
        let stores: Arc<Stores> = Arc::default();
        let (done, is_done) = channel();
        let asked = stores.clone();
        let ask = move || {
            while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                lock(&asked).iter().for_each(|(_, store)| store.sample());
            }
        };
        let thread = std::thread::Builder::new().spawn(ask).map_err(failed)?;
        Ok(Self(Arc::new(Shared {
            samples: Mutex::default(),
            stores,
            asking: Mutex::new(Some((done, thread))),
            program: program.into(),
            path: path.into(),
            file,
        })))
    }

    /// Collects what runs in a store, as a thread of its own.
    pub(super) fn attach<T: 'static>(&self, store: &mut Store<T>, name: &str) {
        let number = {
            let mut samples = lock(&self.0.samples);
            samples.threads += 1;
            samples.threads - 1
        };
        let thread: Arc<str> =
            if number == 0 { name.into() } else { format!("{name} {number}").into() };
        let asked = Asked { stores: self.0.stores.clone(), number };
        // Weakly: the store is not to keep the profile, and may live longer.
        let shared = Arc::downgrade(&self.0);
        store.sampler(move |backtrace| {
            let _ = &asked;
            if let Some(shared) = shared.upgrade() {
                lock(&shared.samples).add(&thread, backtrace);
            }
        });
        lock(&self.0.stores).push((number, store.interrupt_handle()));
    }

    /// Ends and writes the profile.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Shared { samples, asking, program, path, file, .. } = &*self.0;
        if let Some((done, thread)) = lock(asking).take() {
            drop(done);
            let _ = thread.join();
        }
        lock(&self.0.stores).clear();
        let svg = lock(samples).graph.svg(program);
        let written = (&*file).write_all(svg.as_bytes());
        written.map_err(|error| Failure::unusable(format!("--profile: {path}: {error}")))
    }
}

impl Samples {
    fn add(&mut self, thread: &Arc<str>, backtrace: &Backtrace) {
        let mut at = self.graph.child(Node::ROOT, thread);
        if backtrace.omitted() > 0 {
            at = self.graph.child(at, &"(frames that were left out)".into());
        }
        for frame in backtrace.frames().iter().rev() {
            let decoded = frame.module().decoded();
            let module = Arc::as_ptr(decoded).addr();
            self.modules.entry(module).or_insert_with(|| decoded.clone());
            let name = self.names.entry((module, frame.func().0)).or_insert_with(|| {
                let module = frame.module().name().unwrap_or("<unknown>");
                match frame.func_name() {
                    Some(name) => format!("{module}!{name}").into(),
                    None => format!("{module}!<function {}>", frame.func()).into(),
                }
            });
            at = self.graph.child(at, name);
        }
        self.graph.count(at);
    }
}

/// Nobody leaves anything half done behind a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
