//! An artifact in memory: pages that are first written, then run, and never both.

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::File;
use std::io;
use std::sync::Arc;

use wamr_runtime::compiled::{Builtin, CodeImage, compiled_call};
use wamr_runtime::rt;
use wamr_runtime::vm::{FuncKind, FuncRecord, Outcome, TargetLayout, VmContext};
use wamr_runtime::{Executable, FuncEntry, MemoryKind, Module, WeakModule};
use wamr_types::{DefinedFuncIdx, TrapCode};

use crate::artifact::{CompiledModule, FuncCode, LinkedOffset, is_kept, layout_of, page_bytes};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as sys;

#[cfg(not(unix))]
mod none;
#[cfg(not(unix))]
use none as sys;

use sys::Mapping;

/// Why an artifact cannot be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It is for machines of this other architecture.
    Target(Box<str>),
    /// It is for processors that have this feature.
    CpuFeature(Box<str>),
    /// It calls something, or reads a field, that this runtime does not have.
    Builtin(Box<str>),
    /// It takes a field of the runtime's structures to be elsewhere.
    Layout(Box<str>),
    /// Its parts contradict each other.
    Malformed,
    /// The system refuses memory, or refuses to let it run.
    System(io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(arch) => {
                write!(
                    f,
                    "the code is for {arch}, and this machine is {}; ",
                    std::env::consts::ARCH
                )?;
                f.write_str("compile the module for this one")
            }
            Self::CpuFeature(name) => {
                write!(f, "the code needs a processor with {name}, which this one is not; ")?;
                f.write_str("compile the module on this machine, or with `--cpu x86-64` for any")
            }
            Self::Builtin(name) => write!(
                f,
                "the code needs `{name}`, which this runtime does not have; use a newer one"
            ),
            Self::Layout(name) => write!(
                f,
                "the code relies on another `{name}` than this runtime has; compile the module anew"
            ),
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

/// The bytes of a file, in memory that can become executable: code that is read into it is run
/// where it is. All clones are the same memory.
#[derive(Clone, Debug)]
pub struct FileMemory(Arc<FileBytes>);

#[derive(Debug)]
struct FileBytes {
    mapping: Mapping,
    /// Whether some of it was made executable.
    is_loaded: AtomicBool,
}

impl FileMemory {
    /// Reads a file, or whatever there is of `len` bytes.
    ///
    /// # Errors
    /// If it cannot be read, or there is no memory for it.
    pub fn read(from: impl io::Read, len: usize) -> io::Result<Self> {
        Mapping::read(from, len).map(Self::new)
    }

    /// Reads the first `len` bytes of a file, or what there is of them; on several threads where
    /// that pays.
    ///
    /// # Errors
    /// As [`FileMemory::read`].
    pub fn read_file(file: &File, len: usize) -> io::Result<Self> {
        Mapping::read_file(file, len).map(Self::new)
    }

    fn new(mapping: Mapping) -> Self {
        Self(Arc::new(FileBytes { mapping, is_loaded: AtomicBool::new(false) }))
    }
}

impl AsRef<[u8]> for FileMemory {
    fn as_ref(&self) -> &[u8] {
        self.0.mapping.bytes()
    }
}

/// A compiled module in memory, ready for instances.
pub struct LoadedModule {
    funcs: Box<[FuncCode]>,
    // Before the memory, so that nobody knows it any more when it goes.
    code: CodeImage,
    base: NonNull<u8>,
    _memory: Memory,
}

/// Who keeps the code.
enum Memory {
    Own { _mapping: Mapping },
    File { _file: FileMemory },
}

// SAFETY: `base` leads into the memory, which is never written again.
unsafe impl Send for LoadedModule {}
// SAFETY: as above.
unsafe impl Sync for LoadedModule {}

impl LoadedModule {
    /// Puts an artifact into executable memory.
    ///
    /// # Errors
    /// If it does not fit this machine or this runtime.
    ///
    /// # Safety
    /// The code must be what a generator of this crate made for a module, and its tables with it.
    pub unsafe fn load(module: CompiledModule) -> Result<Self, LoadError> {
        let addresses = check(&module, module.code.len())?;
        let map = || {
            let CompiledModule { code, got_offset, .. } = &module;
            let mut mapping = Mapping::new(got_offset + size_of_val(&*addresses))?;
            mapping.bytes_mut()[..code.len()].copy_from_slice(code);
            // SAFETY: the mapping is new.
            unsafe { mapping.protect(0..*got_offset, *got_offset, &addresses) }.map(|()| mapping)
        };
        let mapping = map().map_err(LoadError::System)?;
        let (base, len) = (mapping.base(), module.code.len());
        // SAFETY: the code is at the base, and the caller vouches for the rest.
        Ok(unsafe { Self::new(module, base, len, Memory::Own { _mapping: mapping }) })
    }

    /// Makes code executable that is part of a file in memory, where it is; `text` says where. What
    /// [`CompiledModule::code`] holds is not looked at. What cannot be run there, or was loaded
    /// before, is copied.
    ///
    /// # Errors
    /// If it does not fit this machine or this runtime.
    ///
    /// # Safety
    /// As [`LoadedModule::load`]. Nobody may have a reference to the place of the table of
    /// addresses in the file while this runs.
    pub unsafe fn load_file(
        mut module: CompiledModule,
        file: &FileMemory,
        text: Range<usize>,
    ) -> Result<Self, LoadError> {
        let bytes = file.as_ref();
        let code_len = bytes.get(text.clone()).ok_or(LoadError::Malformed)?.len();
        let got = text.start.checked_add(module.got_offset).ok_or(LoadError::Malformed)?;
        let in_place = text.start.is_multiple_of(sys::page_bytes())
            && got.is_multiple_of(sys::page_bytes())
            && !file.0.is_loaded.swap(true, Ordering::Relaxed);
        if !in_place {
            module.code = bytes[text].into();
            // SAFETY: the caller's promise.
            return unsafe { Self::load(module) };
        }
        module.code = Box::default();
        let addresses = check(&module, code_len)?;
        // SAFETY: this is done once for the file, and the caller says that nobody looks.
        unsafe { file.0.mapping.protect(text.start..got, got, &addresses) }
            .map_err(LoadError::System)?;
        // SAFETY: the mapping is longer than that.
        let base = unsafe { file.0.mapping.base().add(text.start) };
        // SAFETY: the code is at that address, and the caller vouches for the rest.
        Ok(unsafe { Self::new(module, base, code_len, Memory::File { _file: file.clone() }) })
    }

    /// # Safety
    /// `len` bytes of code must be at `base`, executable as long as `memory` is there, and be as
    /// [`LoadedModule::load`] says.
    unsafe fn new(module: CompiledModule, base: NonNull<u8>, len: usize, memory: Memory) -> Self {
        // SAFETY: the memory lives as long as the image, and the caller vouches for the rest.
        let code = unsafe { CodeImage::register(base.as_ptr(), len, module.tables) };
        Self { funcs: module.funcs, code, base, _memory: memory }
    }

    /// Checks what [`LoadedModule::load`] and [`LoadedModule::load_file`] do, for so many bytes of
    /// code, and loads nothing.
    ///
    /// # Errors
    /// If the artifact does not fit this machine or this runtime.
    pub fn check(module: &CompiledModule, code_len: usize) -> Result<(), LoadError> {
        check(module, code_len).map(drop)
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
            code: self.base.as_ptr().wrapping_add(at as usize).cast(),
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
        runs_with(&self.funcs, memory0)
    }

    fn belongs_to(&self, module: &Module) {
        self.set_owner(module.downgrade());
    }
}

/// Whether there is code of all functions for a kind of memory 0.
pub(crate) fn runs_with(funcs: &[FuncCode], memory0: MemoryKind) -> bool {
    memory0 == MemoryKind::Guarded || funcs.iter().all(|func| func.checked.is_some())
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

/// Checks that a module with so many bytes of code fits this machine and this runtime; gives the
/// words for its table.
fn check(module: &CompiledModule, code_len: usize) -> Result<Vec<usize>, LoadError> {
    check_target(module)?;
    let word = |name: &str| {
        let offset = || Some(LinkedOffset::by_name(name)?.bytes_on(TargetLayout::HOST) as usize);
        let word = Builtin::by_name(name).map(Builtin::address).or_else(offset);
        word.ok_or_else(|| LoadError::Builtin(name.into()))
    };
    let words = module.linked.iter().map(|name| word(name)).collect::<Result<_, _>>()?;
    let is_inside = |at: Option<u32>| at.is_none_or(|at| (at as usize) < code_len);
    if !module.funcs.iter().all(|func| is_inside(func.checked) && is_inside(func.guarded))
        || module.got_offset > i32::MAX as usize
        || code_len.checked_next_multiple_of(page_bytes(&module.target.arch))
            != Some(module.got_offset)
    {
        return Err(LoadError::Malformed);
    }
    Ok(words)
}

fn check_target(module: &CompiledModule) -> Result<(), LoadError> {
    if &*module.target.arch != std::env::consts::ARCH {
        return Err(LoadError::Target(module.target.arch.clone()));
    }
    for feature in &module.target.cpu_features {
        if !has_cpu_feature(feature) {
            return Err(LoadError::CpuFeature(feature.clone()));
        }
    }
    let here = layout_of(TargetLayout::HOST);
    for field in &module.layout {
        if !is_kept(field, &here) {
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
