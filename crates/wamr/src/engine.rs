//! The engine with its loader and modes.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;

use wamr_runtime::{Backend, Error};
use wamr_types::{LoadOptions, Loader};

use crate::{Config, Mode};

struct Inner {
    runtime: wamr_runtime::Engine,
    config: Config,
    loader: Option<Box<dyn Loader>>,
    backends: Vec<(Mode, Box<dyn Backend>)>,
}

/// What all stores and modules of an embedder share: configuration, loader, modes, types.
///
/// Cheap to clone; all clones are the same engine. It gives access to
/// [`wamr_runtime::Engine`], which stores and linkers take.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::with_config(Config::default())
    }
}

impl Deref for Engine {
    type Target = wamr_runtime::Engine;

    fn deref(&self) -> &wamr_runtime::Engine {
        &self.0.runtime
    }
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// If this build lacks the mode that `config` asks for.
    pub fn new(config: &Config) -> Result<Self, Error> {
        // An engine without any mode loads what was compiled before.
        if !Mode::ALL.is_empty() && !Mode::ALL.contains(&config.mode) {
            let mode = config.mode;
            return Err(Error::msg(format_args!("this build has no mode `{mode}`")));
        }
        Ok(Self::with_config(config.clone()))
    }

    fn with_config(config: Config) -> Self {
        let backends = backends(&config);
        let backend = backends.iter().find(|(mode, _)| *mode == config.mode);
        let mut tunables = config.tunables.clone();
        // Compiled code does, and it can be loaded beside modules of any mode.
        let profits = |(_, backend): &(Mode, Box<dyn Backend>)| backend.profits_from_guards();
        tunables.memory_guard &= cfg!(feature = "aot") || backend.is_some_and(profits);
        let runtime = wamr_runtime::Engine::new(tunables);
        Self(Arc::new(Inner { runtime, config, loader: loader(), backends }))
    }

    /// What the engine was made from.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn loader(&self) -> Option<&dyn Loader> {
        self.0.loader.as_deref()
    }

    pub(crate) fn backend(&self, mode: Mode) -> Option<&dyn Backend> {
        let (_, backend) = self.0.backends.iter().find(|(name, _)| *name == mode)?;
        Some(&**backend)
    }

    pub(crate) fn load_options(&self, backend: &dyn Backend) -> LoadOptions {
        LoadOptions {
            features: self.0.config.features,
            supported: backend.supported(),
            validation: self.0.config.validation,
        }
    }
}

#[cfg(any(feature = "interp", feature = "jit"))]
fn loader() -> Option<Box<dyn Loader>> {
    Some(Box::new(wamr_loader::WasmLoader))
}

#[cfg(not(any(feature = "interp", feature = "jit")))]
fn loader() -> Option<Box<dyn Loader>> {
    None
}

#[cfg_attr(not(feature = "jit"), allow(unused_variables, reason = "the interpreter asks nothing"))]
fn backends(config: &Config) -> Vec<(Mode, Box<dyn Backend>)> {
    vec![
        #[cfg(feature = "interp")]
        (Mode::Interp, Box::new(wamr_interp::Interpreter)),
        #[cfg(feature = "jit")]
        (Mode::Jit, Box::new(jit(config))),
    ]
}

#[cfg(feature = "jit")]
fn jit(config: &Config) -> wamr_aot::Jit {
    let mut jit = wamr_aot::Jit::new();
    if let Some(bytes) = config.inline_budget_bytes {
        jit.inline_budget_bytes(bytes);
    }
    #[cfg(feature = "cache")]
    if let Some(cache) = &config.cache {
        jit.cache(Arc::new(cache.clone()));
    }
    jit
}
