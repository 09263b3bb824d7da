//! Platforms whose faults nothing here handles: no memory is guarded.

/// Whether memories can be guarded on this platform.
pub const SUPPORTED: bool = false;

/// Does nothing: there is no guarded memory to fault on.
///
/// # Safety
/// None here; see the other platforms.
pub unsafe fn register(_entries: &'static [i32], _landing: *const ()) {}

pub(crate) fn install() -> bool {
    false
}

pub(crate) fn install_for_code() -> bool {
    false
}
