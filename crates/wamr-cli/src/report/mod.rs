//! What is told about a program beside its own output: profiles, core dumps, names of compiled
//! code, and how long something takes.

mod core_dump;
mod flame_graph;
mod perf;
mod profile;
mod progress;

pub(crate) use core_dump::dump as dump_core;
pub(crate) use progress::Progress;

use wamr::Store;

use crate::Failure;
use crate::options::RunOptions;
use profile::Profiler;

/// What a run is to report. All clones are the same.
#[derive(Clone)]
pub(crate) struct Reports {
    profiler: Option<Profiler>,
    perf_map: bool,
}

impl Reports {
    /// Begins what the options ask for. Where a report could not be written, nothing is run.
    pub(crate) fn begin(options: &RunOptions) -> Result<Self, Failure> {
        let profiler = options.profile.as_ref().map(|file| Profiler::start(file, &options.file));
        Ok(Self { profiler: profiler.transpose()?, perf_map: options.perf_map })
    }

    /// Reports on what runs in a store, on a thread of that name.
    pub(crate) fn attach<T: 'static>(&self, store: &mut Store<T>, thread: &str) {
        if let Some(profiler) = &self.profiler {
            profiler.attach(store, thread);
        }
    }

    /// All code is there, and nothing of it has run but start functions.
    pub(crate) fn instantiated(&self) -> Result<(), Failure> {
        if self.perf_map { perf::write_map() } else { Ok(()) }
    }

    /// Writes what was found out.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.profiler.map_or(Ok(()), Profiler::finish)
    }
}
