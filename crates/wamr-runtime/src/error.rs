//! The error of everything that runs: traps, host errors and misuse, with a wasm backtrace.

use core::fmt;
use std::error::Error as StdError;

use wamr_types::{FuncType, TrapCode, ValType};

use crate::api::ExnRef;
use crate::backtrace::Backtrace;
use crate::store::{Failure, StoreCore};

/// Why a call, or an operation on an entity, failed.
///
/// `Display` gives one line; the alternate form (`{:#}`) and `Debug` add the wasm backtrace.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    backtrace: Backtrace,
}

/// What kind of failure an [`Error`] is.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// WebAssembly trapped.
    Trap(TrapCode),
    /// WebAssembly, or a host function, threw an exception that nothing caught on the way here.
    /// A host function that returns the error goes on throwing the same exception.
    Exception(ExnRef),
    /// A host function returned an error.
    Host(Box<dyn StdError + Send + Sync>),
    /// A handle was used with a store that it does not belong to, or whose store is gone.
    WrongStore,
    /// A module or linker was used with a store of another engine.
    WrongEngine,
    /// Wasm is running in a store that must be idle.
    StoreBusy,
    /// Arguments, or the room for results, do not fit a function's type.
    SignatureMismatch {
        /// The function's type.
        expected: FuncType,
        /// What was given or asked for.
        found: Box<str>,
    },
    /// A value of one type was given where another is needed.
    TypeMismatch {
        /// The type that is needed.
        expected: ValType,
        /// The value's type.
        found: Box<str>,
    },
    /// A global that was made immutable was written.
    ImmutableGlobal,
    /// The bytes of a shared memory were asked for as a slice, which other threads could write.
    SharedMemory,
    /// A range of a memory or table lies outside it.
    OutOfBounds,
    /// An entity cannot grow that far: its maximum, the embedder's limiter, or memory.
    GrowthRefused,
    /// A region of the host's cannot stand in the address space of a memory.
    NotAttachable(&'static str),
    /// The embedder's limiter does not allow another memory, table or instance.
    LimitReached,
    /// Fuel was asked for or set in a store whose engine does not count it.
    FuelDisabled,
    /// A type whose limits contradict each other, or that is not known here.
    InvalidType(Box<str>),
    /// A function body turned out to be invalid when it was first called.
    InvalidBody(wamr_types::LoadError),
    /// The module was compiled for guarded memories alone, and memory 0 is none: the engine does
    /// not want any, or the system refuses the address space.
    NotGuarded,
    /// The host could not provide memory or address space.
    OutOfMemory,
}

impl Error {
    /// Wraps an error of the host, to be found again with [`Error::downcast_ref`].
    pub fn new(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::from_kind(ErrorKind::Host(Box::new(error)))
    }

    /// Makes an error of the host from a message.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self::from_kind(ErrorKind::Host(message.to_string().into()))
    }

    /// A handle was used with another store than its own. Not part of the way that calls go.
    #[cold]
    pub(crate) fn wrong_store() -> Self {
        Self::from_kind(ErrorKind::WrongStore)
    }

    /// Makes an error of a kind.
    pub fn from_kind(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, backtrace: Backtrace::default() }))
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The trap, where it is one.
    pub fn trap_code(&self) -> Option<TrapCode> {
        match self.0.kind {
            ErrorKind::Trap(code) => Some(code),
            _ => None,
        }
    }

    /// The exception, where it is one that nothing has caught yet.
    pub fn exception(&self) -> Option<&ExnRef> {
        match &self.0.kind {
            ErrorKind::Exception(exception) => Some(exception),
            _ => None,
        }
    }

    /// An exception that has passed through some frames.
    pub(crate) fn uncaught(exception: ExnRef, backtrace: Backtrace) -> Self {
        Self(Box::new(Inner { kind: ErrorKind::Exception(exception), backtrace }))
    }

    /// What the error is while it travels through frames of wasm.
    pub(crate) fn into_failure(self, core: &StoreCore) -> Failure {
        let Inner { kind, backtrace } = *self.0;
        match kind {
            ErrorKind::Exception(exception) => match exception.resolve(core) {
                Ok(reference) => Failure::Exception(reference, backtrace),
                Err(error) => Failure::Error(error),
            },
            kind => Failure::Error(Self(Box::new(Inner { kind, backtrace }))),
        }
    }

    /// The host's error of type `E`, where it is one.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match &self.0.kind {
            ErrorKind::Host(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// Takes the host's error of type `E` out.
    ///
    /// # Errors
    /// Gives the error back where it is something else.
    pub fn downcast<E: StdError + 'static>(self) -> Result<E, Self> {
        if self.downcast_ref::<E>().is_none() {
            return Err(self);
        }
        let Inner { kind, backtrace } = *self.0;
        match kind {
            ErrorKind::Host(error) => match error.downcast::<E>() {
                Ok(error) => Ok(*error),
                Err(error) => {
                    Err(Self(Box::new(Inner { kind: ErrorKind::Host(error), backtrace })))
                }
            },
            kind => Err(Self(Box::new(Inner { kind, backtrace }))),
        }
    }

    /// The frames that the failure passed through, innermost first.
    pub fn backtrace(&self) -> &Backtrace {
        &self.0.backtrace
    }

    pub(crate) fn backtrace_mut(&mut self) -> &mut Backtrace {
        &mut self.0.backtrace
    }
}

impl From<TrapCode> for Error {
    fn from(code: TrapCode) -> Self {
        Self::from_kind(ErrorKind::Trap(code))
    }
}

impl From<ExnRef> for Error {
    /// Throws the exception, where a host function returns the error.
    fn from(exception: ExnRef) -> Self {
        Self::from_kind(ErrorKind::Exception(exception))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ErrorKind::Trap(code) => write!(f, "wasm trap: {code}")?,
            ErrorKind::Exception(exception) => {
                write!(f, "{}: {exception}", TrapCode::UncaughtException)?;
            }
            ErrorKind::Host(error) => write!(f, "{error}")?,
            ErrorKind::WrongStore => f.write_str("the handle belongs to another store")?,
            ErrorKind::WrongEngine => f.write_str("the store belongs to another engine")?,
            ErrorKind::StoreBusy => f.write_str("wasm is running in the store")?,
            ErrorKind::SignatureMismatch { expected, found } => {
                write!(f, "the function has type {expected}, but was used as {found}")?;
            }
            ErrorKind::TypeMismatch { expected, found } => {
                write!(f, "expected a value of type {expected}, found {found}")?;
            }
            ErrorKind::ImmutableGlobal => f.write_str("the global is immutable")?,
            ErrorKind::SharedMemory => {
                f.write_str("the bytes of a shared memory can be copied, not borrowed")?;
            }
            ErrorKind::OutOfBounds => f.write_str("the range lies outside the memory or table")?,
            ErrorKind::GrowthRefused => f.write_str("the memory or table cannot grow that far")?,
            ErrorKind::NotAttachable(why) => {
                write!(f, "the region cannot be attached to the memory: {why}")?;
            }
            ErrorKind::FuelDisabled => f.write_str("fuel is not counted; see `consume_fuel`")?,
            ErrorKind::LimitReached => f.write_str("the store's limiter does not allow it")?,
            ErrorKind::InvalidType(what) => write!(f, "invalid type: {what}")?,
            ErrorKind::InvalidBody(error) => write!(f, "{error}")?,
            ErrorKind::NotGuarded => f.write_str(
                "the module was compiled for guarded memories, and there are none here; compile \
                 it with `--bounds-checks=1` or `both`",
            )?,
            ErrorKind::OutOfMemory => f.write_str("out of memory or address space")?,
        }
        if f.alternate() { self.0.backtrace.fmt(f) } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            ErrorKind::Trap(code) => Some(code),
            ErrorKind::Host(error) => Some(&**error),
            ErrorKind::InvalidBody(error) => Some(error),
            _ => None,
        }
    }
}
