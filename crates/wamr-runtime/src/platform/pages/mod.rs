//! Pages that stand at several addresses at once.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) use linux::{Pages, unmap};

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod none;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub(crate) use none::{Pages, unmap};
