//! What an engine is made from.

use core::fmt;
use core::str::FromStr;

use wamr_runtime::Tunables;
use wamr_types::{Feature, Features, Validation};

/// A mode of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// The interpreter.
    Interp,
    /// Machine code, compiled in process when a module is loaded.
    Jit,
}

impl Mode {
    /// The modes that this build can run.
    pub const ALL: &'static [Mode] = &[
        #[cfg(feature = "interp")]
        Mode::Interp,
        #[cfg(feature = "jit")]
        Mode::Jit,
    ];

    /// The mode's name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interp => "interp",
            Self::Jit => "jit",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no mode of this build has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMode(Box<str>);

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a mode of this build, which has", self.0)?;
        Mode::ALL.iter().try_for_each(|mode| write!(f, " `{mode}`"))
    }
}

impl core::error::Error for UnknownMode {}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        let found = Self::ALL.iter().find(|mode| mode.name() == name);
        found.copied().ok_or_else(|| UnknownMode(name.into()))
    }
}

/// What an engine is made from.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: Features,
    pub(crate) validation: Validation,
    pub(crate) mode: Mode,
    pub(crate) tunables: Tunables,
    #[cfg(feature = "jit")]
    pub(crate) inline_budget_bytes: Option<usize>,
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<crate::Cache>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            features: Features::ALL.without(Feature::CustomDescriptors),
            validation: Validation::Eager,
            mode: Mode::Interp,
            tunables: Tunables::default(),
            #[cfg(feature = "jit")]
            inline_budget_bytes: None,
            #[cfg(feature = "cache")]
            cache: None,
        }
    }
}

impl Config {
    /// The defaults: every finished feature, eager validation, the interpreter.
    pub fn new() -> Self {
        Self::default()
    }

    /// What modules may use.
    pub fn features(&self) -> Features {
        self.features
    }

    /// Sets what modules may use.
    pub fn wasm_features(&mut self, features: Features) -> &mut Self {
        self.features = features;
        self
    }

    /// Switches one feature on or off.
    pub fn wasm_feature(&mut self, feature: Feature, on: bool) -> &mut Self {
        let features = self.features;
        self.features = if on { features.with(feature) } else { features.without(feature) };
        self
    }

    /// Sets when function bodies are validated.
    pub fn validation(&mut self, validation: Validation) -> &mut Self {
        self.validation = validation;
        self
    }

    /// Sets the mode that modules are prepared for.
    pub fn mode(&mut self, mode: Mode) -> &mut Self {
        self.mode = mode;
        self
    }

    /// Sets how many bytes of stack interpreted frames have, per store.
    pub fn interp_stack_bytes(&mut self, bytes: usize) -> &mut Self {
        self.tunables.interp_stack_bytes = bytes;
        self
    }

    /// Sets how many bytes of native stack an outermost call into wasm may use.
    pub fn native_stack_bytes(&mut self, bytes: usize) -> &mut Self {
        self.tunables.native_stack_bytes = bytes;
        self
    }

    /// Sets how many bytes objects, host values and exceptions may take together, per store (at
    /// most 4 GiB, less 64 KiB). Exceptions may take 64 KiB in any case.
    pub fn gc_heap_bytes(&mut self, bytes: usize) -> &mut Self {
        self.tunables.gc_heap_bytes = bytes;
        self
    }

    /// Sets whether wasm consumes fuel, and traps when a store has no more; see
    /// [`Store::set_fuel`](crate::Store::set_fuel). It is off by default, and costs speed only when
    /// it is on. What costs how much is the same in every mode, and stands in
    /// [`wamr_types::fuel`].
    pub fn consume_fuel(&mut self, on: bool) -> &mut Self {
        self.tunables.consume_fuel = on;
        self
    }

    /// Sets whether compiled code has bodies of small functions in place of calls, where that pays.
    /// It is on by default, and shows in nothing but speed, the size of code and the time that
    /// compiling takes.
    pub fn inlining(&mut self, on: bool) -> &mut Self {
        self.tunables.inlining = on;
        self
    }

    /// Sets by how many bytes of WebAssembly a function may become longer at most when bodies stand in
    /// place of calls, 4,000 by default. Bodies that are hardly longer than the call do not count.
    #[cfg(feature = "jit")]
    pub fn inline_budget_bytes(&mut self, bytes: usize) -> &mut Self {
        self.inline_budget_bytes = Some(bytes);
        self
    }

    /// Has what the mode `jit` compiles kept in a directory, and taken from there if it was compiled
    /// before, by the same build of the program. That shows in nothing but the time that it takes.
    #[cfg(feature = "cache")]
    pub fn cache(&mut self, cache: &crate::Cache) -> &mut Self {
        self.cache = Some(cache.clone());
        self
    }

    /// Where the mode `jit` keeps what it compiles.
    #[cfg(feature = "cache")]
    pub fn kept_code(&self) -> Option<&crate::Cache> {
        self.cache.as_ref()
    }

    /// Sets whether memories may be guarded: bounds of 32-bit memories are then checked by the
    /// hardware, which is faster. It is on by default, and has effect on x86-64 Linux only.
    ///
    /// A guarded memory takes 8 GiB of address space (but no more real memory than others), and
    /// a handler of `SIGSEGV` is installed when the process makes its first one. It leaves to the
    /// handler before it what is not a fault of a guest; a handler that the embedder installs
    /// later must do likewise.
    pub fn memory_guard(&mut self, on: bool) -> &mut Self {
        self.tunables.memory_guard = on;
        self
    }

    /// Sets whether the interpreter may use instructions that this processor has and others of its
    /// architecture lack: those of x86-64-v3. It is on by default. Results are the same, so that
    /// it is off only to test what others execute.
    pub fn processor_features(&mut self, on: bool) -> &mut Self {
        self.tunables.processor_features = on;
        self
    }
}
