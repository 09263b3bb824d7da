//! Where the mode `jit` keeps what it has compiled.

use std::env;
use std::path::PathBuf;

use wamr::{Cache, Config, Mode};

use crate::complain;
use crate::options::{RunOptions, Verbosity};

/// Names a directory, or, if it is empty, says that nothing is kept.
const VARIABLE: &str = "WAMR_CACHE_DIR";

/// What the command line says.
#[derive(Default)]
pub(crate) struct CacheOptions {
    pub(crate) off: bool,
    pub(crate) dir: Option<PathBuf>,
}

/// A directory, and whether somebody asked for it.
fn dir(options: &CacheOptions) -> Option<(PathBuf, bool)> {
    if options.off {
        return None;
    }
    if let Some(dir) = &options.dir {
        return Some((dir.clone(), true));
    }
    match env::var_os(VARIABLE) {
        Some(dir) if dir.is_empty() => None,
        Some(dir) => Some((dir.into(), true)),
        None => Cache::default_dir().map(|dir| (dir, false)),
    }
}

/// Has an engine keep what it compiles, if it compiles. A directory that is of no use is no
/// failure.
pub(crate) fn set(config: &mut Config, options: &RunOptions) {
    let common = &options.common;
    if common.mode != Some(Mode::Jit) {
        return;
    }
    let Some((dir, is_asked_for)) = dir(&options.cache) else { return };
    match Cache::open(&dir) {
        Ok(cache) => {
            config.cache(&cache);
        }
        Err(error) => {
            let level = if is_asked_for { Verbosity::WARNINGS } else { Verbosity::STEPS };
            if common.verbosity >= level {
                let dir = dir.display();
                complain(format_args!("iwasm: warning: compiled code is not kept: {dir}: {error}"));
            }
        }
    }
}
