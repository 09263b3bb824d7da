//! How a guest ends itself: errors that the embedder finds again in what a call returns.

use core::fmt;

/// A guest called `exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(
    /// The code.
    pub i32,
);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit with code {}", self.0)
    }
}

impl core::error::Error for Exit {}

/// A guest gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Abort {
    /// `abort`, with the code that it passed, if any.
    Abort(i32),
    /// `abortStackOverflow`: so many bytes were asked for.
    StackOverflow(i32),
    /// `nullFunc_X`: an indirect call of a null pointer.
    NullFunc(i32),
    /// `__cxa_throw`: an exception of C++, which nothing here catches.
    Throw {
        /// The address of the exception.
        exception: u32,
    },
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abort(code) => write!(f, "env.abort({code})"),
            Self::StackOverflow(bytes) => write!(f, "env.abortStackOverflow({bytes})"),
            Self::NullFunc(code) => write!(f, "env.nullFunc_X({code})"),
            Self::Throw { exception } => {
                write!(f, "env.__cxa_throw: an exception at {exception:#x} is not caught")
            }
        }
    }
}

impl core::error::Error for Abort {}
