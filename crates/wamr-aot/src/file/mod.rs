//! Files of compiled modules.
//!
//! A file is an ELF object that the world's tools can read: code in `.text` with a symbol for each
//! function, room for the addresses of builtins and for offsets of fields in `.got` with a relocation
//! for each, and sections of our own. Nothing that is there for tools alone (symbols, relocations, section types) is
//! looked at when a file is loaded.
//!
//! | section | contents |
//! |---|---|
//! | `.wamr.header` | versions, length and digest of the file; always at offset 64 |
//! | `.wamr.info` | what the file needs of machine and runtime (`schema::Info`) |
//! | `.wamr.module` | the module but for its functions' bodies (`schema::Module`) |
//! | `.wamr.entries` | for each function where its code for checked and for guarded memories begins; [`NO_CODE`] where there is none |
//! | `.wamr.funcs`, `.wamr.traps`, `.wamr.calls`, `.wamr.handlers`, `.wamr.clauses` | what addresses of the code mean, as in [`CodeTables`](wamr_runtime::compiled::CodeTables) |
//! | `.wamr.inlined` | the same of inlined functions; there only if some are |
//! | `.wamr.data`, `.wamr.custom` | the bytes of data segments and of custom sections |
//! | `.text`, `.got` | the code, and room for addresses behind it |
//!
//! All numbers are little-endian, those of tables have 32 bits. A signature, if there is one, stands
//! behind the end of all that: `WAMR-SIG`, the public key, and the signature of the digest.
//!
//! # Versions
//! The *format* version is that of the container. The *ABI major* is that of the contract between
//! code and runtime. Within an ABI major nothing changes its meaning: what code calls is found by
//! name ([`Builtin`](wamr_runtime::compiled::Builtin)), fields of the runtime's structures are too
//! ([`LinkedOffset`](crate::artifact::LinkedOffset)), and each number that stands in code is frozen
//! ([`Relied`](crate::artifact::Relied)), named in the file with the value that the code relies on,
//! and compared ([`layout_of`](crate::artifact::layout_of)). The *package* version says what a module
//! can import: 1 functions and globals, 2 also tables, memories and tags. Files are written with
//! the lowest that suffices, and a reader reads all.
//!
//! # Trust
//! The digest detects damage, not malice: whoever can write a file can make its code do anything.
//! Everything but the code is checked as if it were hostile; that no file makes the reader itself
//! misbehave is tested.

use core::fmt;

use wamr_types::RegistryError;

use crate::image::LoadError;

mod digest;

mod header;
pub use header::{ABI_MAJOR, FORMAT_VERSION, PACKAGE_VERSION};

mod schema;

#[cfg(feature = "signatures")]
mod signature;
#[cfg(feature = "signatures")]
pub use signature::{PublicKey, SecretKey, SignatureError, verify};

mod const_expr;
mod decode;
mod read;
pub use read::{AotFile, Outline, is_aot, outline, read, read_if, unloaded};

#[cfg(feature = "compiler")]
mod encode;
mod retype;

#[cfg(feature = "compiler")]
mod write;
#[cfg(feature = "compiler")]
pub use write::{WriteOptions, write};

/// Stands for the code that a function does not have for a kind of memory.
pub const NO_CODE: u32 = u32::MAX;

/// The sections that are read.
mod section {
    #[cfg(feature = "compiler")]
    pub(super) const HEADER: &str = ".wamr.header";
    pub(super) const INFO: &str = ".wamr.info";
    pub(super) const MODULE: &str = ".wamr.module";
    pub(super) const ENTRIES: &str = ".wamr.entries";
    pub(super) const FUNCS: &str = ".wamr.funcs";
    pub(super) const TRAPS: &str = ".wamr.traps";
    pub(super) const CALLS: &str = ".wamr.calls";
    pub(super) const HANDLERS: &str = ".wamr.handlers";
    pub(super) const CLAUSES: &str = ".wamr.clauses";
    pub(super) const INLINED: &str = ".wamr.inlined";
    pub(super) const DATA: &str = ".wamr.data";
    pub(super) const CUSTOM: &str = ".wamr.custom";
    pub(super) const TEXT: &str = ".text";
    pub(super) const GOT: &str = ".got";
}

/// What a runtime can do that a file may require, by name.
mod requirement {
    /// Memories that find accesses out of bounds by faults, for all functions that the module
    /// defines.
    pub(super) const GUARDED_MEMORY: &str = "guarded-memory";
    /// Backtraces that name functions whose bodies were inlined.
    pub(super) const INLINED_FRAMES: &str = "inlined-frames";
    /// Stores that count fuel.
    pub(super) const FUEL: &str = "fuel";

    /// What this runtime can do.
    pub(super) const KNOWN: &[&str] = &[GUARDED_MEMORY, INLINED_FRAMES, FUEL];
}

/// Why a file cannot be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// It is something else.
    NotAot(Kind),
    /// It was made for a version that this runtime does not know.
    Version {
        /// Which version.
        what: &'static str,
        /// The file's.
        found: u16,
        /// The latest that this runtime knows.
        known: u16,
    },
    /// It is not what was written: it is cut short, or bytes of it have changed.
    Damaged,
    /// Its parts contradict each other.
    Malformed(&'static str),
    /// It needs a runtime that can do this.
    Requires(Box<str>),
    /// It is not signed as it should be.
    #[cfg(feature = "signatures")]
    Signature(SignatureError),
    /// The engine cannot hold the module's types.
    Types(RegistryError),
    /// Its code does not fit this machine or this runtime.
    Code(LoadError),
}

/// What a file is that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A WebAssembly module in the binary format.
    Wasm,
    /// An AOT file of the C runtime.
    WamrC,
    /// An ELF file of another purpose.
    OtherElf,
    /// Nothing that is known.
    Unknown,
}

impl Kind {
    /// What bytes seem to be.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes.get(..4) {
            Some(b"\0asm") => Self::Wasm,
            Some(b"\0aot") => Self::WamrC,
            Some(b"\x7fELF") => Self::OtherElf,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAot(Kind::Wasm) => f.write_str(
                "this is a WebAssembly module, not an AOT file; compile it with `wamrc` first",
            ),
            Self::NotAot(Kind::WamrC) => f.write_str(
                "this is an AOT file of WAMR's C runtime, which has another format; compile the \
                 WebAssembly module anew with this runtime's `wamrc`",
            ),
            Self::NotAot(Kind::OtherElf) => {
                f.write_str("this is an ELF file, but not one that `wamrc` made")
            }
            Self::NotAot(Kind::Unknown) => f.write_str("this is not an AOT file"),
            Self::Version { what, found, known } => {
                write!(
                    f,
                    "the file is of {what} version {found}, and this runtime knows {known}; "
                )?;
                f.write_str(if found > known {
                    "use a newer runtime, or compile the module with this one's `wamrc`"
                } else {
                    "compile the module anew with this runtime's `wamrc`"
                })
            }
            Self::Damaged => f.write_str("the AOT file is damaged: its digest does not fit it"),
            Self::Malformed(what) => write!(f, "malformed AOT file: {what}"),
            Self::Requires(what) => {
                write!(
                    f,
                    "the file needs `{what}`, which this runtime does not have; use a newer one"
                )
            }
            #[cfg(feature = "signatures")]
            Self::Signature(error) => error.fmt(f),
            Self::Types(error) => error.fmt(f),
            Self::Code(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(feature = "signatures")]
            Self::Signature(error) => Some(error),
            Self::Types(error) => Some(error),
            Self::Code(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RegistryError> for FileError {
    fn from(error: RegistryError) -> Self {
        Self::Types(error)
    }
}

impl From<LoadError> for FileError {
    fn from(error: LoadError) -> Self {
        Self::Code(error)
    }
}
