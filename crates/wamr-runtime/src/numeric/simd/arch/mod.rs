//! Instructions that compilers do not find by themselves.

#[cfg_attr(all(target_arch = "x86_64", not(test)), allow(dead_code))]
pub(super) mod portable;

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::*;
