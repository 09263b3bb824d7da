//! Instructions that compilers do not find by themselves.

#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
pub(super) mod portable;

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::*;
