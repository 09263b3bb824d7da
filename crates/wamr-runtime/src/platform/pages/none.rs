//! Systems that are not asked for such pages.

/// Nothing of this type is ever made.
pub(crate) enum Pages {}

impl Pages {
    pub(crate) fn new(_len: usize) -> Option<Self> {
        None
    }

    /// # Safety
    /// None here; see the other systems.
    pub(crate) unsafe fn over(_at: *mut u8, _len: usize) -> Option<Self> {
        None
    }

    pub(crate) fn base(&self) -> *mut u8 {
        match *self {}
    }

    pub(crate) fn len(&self) -> usize {
        match *self {}
    }

    /// # Safety
    /// None here; see the other systems.
    pub(crate) unsafe fn map(&self, _at: *mut u8) -> bool {
        match *self {}
    }
}

/// # Safety
/// None here; see the other systems.
pub(crate) unsafe fn unmap(_at: *mut u8, _len: usize) -> bool {
    false
}
