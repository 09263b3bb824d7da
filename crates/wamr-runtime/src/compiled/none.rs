//! Platforms that no compiled code exists for: nothing ever calls these.

use super::RegFile;
use super::direct::{HostBody, Registers};
use crate::live::ExitWord;
use crate::vm::VmContext;

pub(super) unsafe extern "C" fn enter(_: *const (), _: *mut RegFile, _: *mut usize) -> usize {
    1
}

pub(super) unsafe extern "C" fn adapter() {}

pub(super) unsafe extern "C" fn trap() {}

pub(super) unsafe extern "C" fn limit_hit() {}

pub(super) unsafe extern "C" fn fuel_lacks() {}

pub(super) unsafe extern "C" fn left() {}

pub(super) fn entry_return() -> usize {
    0
}

pub(super) fn entry_activation(fp: *const usize) -> *const usize {
    fp
}

pub(super) fn entry_exit(fp: *const usize) -> *const ExitWord {
    fp.cast()
}

/// Gives a function the convention by which code calls it.
macro_rules! called_by_code {
    ($(#[$meta:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        $(#[$meta])* $vis unsafe extern "C" fn $($rest)*
    };
}
pub(super) use called_by_code;

macro_rules! fallible {
    ($name:ident) => {
        $name as *const () as usize
    };
}
pub(super) use fallible;

/// Whether there is what follows.
pub(super) const HAS_DIRECT: bool = false;

pub(super) unsafe fn enter_direct(
    _: *const (),
    _: *mut (),
    _: *mut VmContext,
    _: *mut usize,
    _: &Registers,
    _: bool,
    _: bool,
) -> Option<u64> {
    None
}

pub(super) fn direct_entry<B: HostBody>() -> usize {
    B::run as *const () as usize
}
