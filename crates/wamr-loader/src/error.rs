//! From the parser's errors to the vocabulary's.

use wamr_types::{Feature, LoadError, LoadErrorKind};

/// Why a module was turned down under one set of features.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// What the parser says.
    pub(crate) error: wasmparser::Error,
    /// Whether the bytes could not even be decoded.
    pub(crate) malformed: bool,
    /// The function whose body is at fault.
    pub(crate) func: Option<Box<str>>,
}

impl Rejection {
    /// The error for the caller.
    pub(crate) fn into_load_error(self) -> LoadError {
        let message = self.error.message().into();
        let kind = if self.malformed {
            LoadErrorKind::Malformed(message)
        } else {
            LoadErrorKind::Invalid(message)
        };
        LoadError { kind, offset: offset(&self.error), func: self.func }
    }

    /// The error for a module that lacks nothing but the backend's support of `feature`.
    pub(crate) fn into_unsupported(self, feature: Feature) -> LoadError {
        LoadError {
            kind: LoadErrorKind::Unsupported(feature),
            offset: offset(&self.error),
            func: self.func,
        }
    }
}

/// The error for an item that validation let pass and the vocabulary cannot express.
pub(crate) fn unrepresentable(what: &str) -> LoadError {
    LoadError { kind: LoadErrorKind::Invalid(what.into()), offset: None, func: None }
}

/// The error for a use of a feature that the vocabulary has no words for.
pub(crate) fn unsupported(feature: Feature) -> LoadError {
    LoadError { kind: LoadErrorKind::Unsupported(feature), offset: None, func: None }
}

/// The error for a reader that fails after validation, which would be a bug of the parser.
pub(crate) fn unreadable(error: wasmparser::Error) -> LoadError {
    Rejection { error, malformed: true, func: None }.into_load_error()
}

fn offset(error: &wasmparser::Error) -> Option<usize> {
    usize::try_from(error.offset()).ok()
}
