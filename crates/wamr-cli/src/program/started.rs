//! What came of starting a program.

use wamr::Error;

/// What came of starting a program.
pub(crate) enum Started<P> {
    Running(P),
    /// Its own code ended it: a segment, a start function or an initialiser.
    Ended(Error),
}
