//! An artifact in memory: pages that are first written, then run, and never both.

use core::fmt;
use core::ptr::NonNull;

use wamr_runtime::compiled::{Builtin, CodeImage, compiled_call};
use wamr_runtime::rt;
use wamr_runtime::vm::{FuncKind, FuncRecord, Outcome, TargetLayout, VmContext};
use wamr_runtime::{Executable, FuncEntry, MemoryKind, Module, WeakModule};
use wamr_types::{DefinedFuncIdx, TrapCode};

use crate::artifact::{CompiledModule, FuncCode, layout_of, page_bytes};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as sys;

#[cfg(not(unix))]
mod none;
#[cfg(not(unix))]
use none as sys;

/// Why an artifact cannot be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It is for another machine, or a better one; what is missing.
    Target(Box<str>),
    /// It calls something that this runtime does not have.
    Builtin(Box<str>),
    /// It takes a field of the runtime's structures to be elsewhere.
    Layout(Box<str>),
    /// Its parts contradict each other.
    Malformed,
    /// The system refuses memory, or refuses to let it run.
    System(std::io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(what) => write!(f, "the code needs {what}, which this machine is not"),
            Self::Builtin(name) => write!(f, "this runtime does not have `{name}`"),
            Self::Layout(name) => write!(f, "in this runtime `{name}` is elsewhere"),
            Self::Malformed => f.write_str("the compiled module contradicts itself"),
            Self::System(error) => write!(f, "no memory for code: {error}"),
        }
    }
}

impl core::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            _ => None,
        }
    }
}

/// A compiled module in memory, ready for instances.
pub struct LoadedModule {
    funcs: Box<[FuncCode]>,
    // Before the memory, so that nobody knows it any more when it goes.
    code: CodeImage,
    memory: Mapping,
}

/// A mapping that is given back in the end.
struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the pages are never written again, and unmapped by the owner alone.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping came from `sys::map_code` with this length. Functions keep their
        // module alive, and the module this, so that nobody runs the code any more.
        unsafe { sys::unmap(self.base, self.len) };
    }
}

impl LoadedModule {
    /// Puts an artifact into executable memory.
    ///
    /// # Errors
    /// If it does not fit this machine or this runtime.
    ///
    /// # Safety
    /// The code must be what a generator of this crate made for a module, and its tables with it.
    pub unsafe fn load(module: CompiledModule) -> Result<Self, LoadError> {
        check_target(&module)?;
        let mut addresses = Vec::with_capacity(module.builtins.len());
        for name in &module.builtins {
            let builtin = Builtin::by_name(name).ok_or_else(|| LoadError::Builtin(name.clone()))?;
            addresses.push(builtin.address());
        }
        let is_inside = |at: Option<u32>| at.is_none_or(|at| (at as usize) < module.code.len());
        if !module.funcs.iter().all(|func| is_inside(func.checked) && is_inside(func.guarded))
            || module.code.len() > module.got_offset
            || module.got_offset > i32::MAX as usize
            || !module.got_offset.is_multiple_of(page_bytes(&module.target.arch))
        {
            return Err(LoadError::Malformed);
        }
        let (base, len) = sys::map_code(&module.code, module.got_offset, &addresses)
            .map_err(LoadError::System)?;
        let memory = Mapping { base, len };
        // SAFETY: the memory lives as long as the image, and the caller vouches for the rest.
        let code = unsafe { CodeImage::register(base.as_ptr(), module.code.len(), module.tables) };
        Ok(Self { funcs: module.funcs, code, memory })
    }

    /// Says whose code it is.
    pub(crate) fn set_owner(&self, module: WeakModule) {
        self.code.set_module(module);
    }

    /// How to enter a function, if there is code for that kind of memory 0.
    pub(crate) fn find(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> Option<FuncEntry> {
        let code = self.funcs.get(func.index())?;
        let at = match memory0 {
            MemoryKind::Guarded => code.guarded.or(code.checked)?,
            MemoryKind::Checked => code.checked?,
        };
        Some(FuncEntry {
            kind: FuncKind::Compiled,
            code: self.memory.base.as_ptr().wrapping_add(at as usize).cast(),
            array_call: compiled_call,
            body: core::ptr::null(),
        })
    }
}

// SAFETY: the code lives as long as the value. Whoever loaded it vouched for it; `compiled_call`
// enters it by the convention of compiled code.
unsafe impl Executable for LoadedModule {
    fn entry(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> FuncEntry {
        self.find(func, memory0).unwrap_or(NO_CODE)
    }

    fn runs_with(&self, memory0: MemoryKind) -> bool {
        memory0 == MemoryKind::Guarded || self.funcs.iter().all(|func| func.checked.is_some())
    }

    fn belongs_to(&self, module: &Module) {
        self.set_owner(module.downgrade());
    }
}

/// How to enter a function that there is no code for.
pub(crate) const NO_CODE: FuncEntry = FuncEntry {
    kind: FuncKind::Host,
    code: core::ptr::null_mut(),
    array_call: refused,
    body: core::ptr::null(),
};

/// Stands for functions that there is no code for.
unsafe extern "C" fn refused(
    _record: *const FuncRecord,
    caller: *mut VmContext,
    _args: *const u64,
    _results: *mut u64,
) -> Outcome {
    // SAFETY: the protocol gives a live caller.
    unsafe { rt::raise(caller, TrapCode::ResourceExhausted) };
    Outcome::Fail
}

fn check_target(module: &CompiledModule) -> Result<(), LoadError> {
    if &*module.target.arch != std::env::consts::ARCH {
        return Err(LoadError::Target(module.target.arch.clone()));
    }
    for feature in &module.target.cpu_features {
        if !has_cpu_feature(feature) {
            return Err(LoadError::Target(feature.clone()));
        }
    }
    let here = layout_of(TargetLayout::HOST);
    for field in &module.layout {
        if !here.contains(field) {
            return Err(LoadError::Layout(field.name.clone()));
        }
    }
    Ok(())
}

macro_rules! cpu_features {
    ($($name:tt)*) => {
        /// The features of x86-64 processors that generators know.
        #[cfg(feature = "compiler")]
        pub(crate) const X86_64_FEATURES: &[&str] = &[$($name),*];

        /// Whether this machine's processor has a feature, by Rust's name for it.
        #[cfg(target_arch = "x86_64")]
        pub(crate) fn has_cpu_feature(name: &str) -> bool {
            match name {
                $($name => std::arch::is_x86_feature_detected!($name),)*
                _ => false,
            }
        }
    };
}

cpu_features! {
    "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "bmi1" "bmi2" "lzcnt"
    "cmpxchg16b"
}

/// Whether this machine's processor has a feature, by Rust's name for it.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn has_cpu_feature(_name: &str) -> bool {
    false
}
