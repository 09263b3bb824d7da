//! Bytes that can be mapped copy-on-write, any number of times.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as sys;

#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(not(target_os = "linux"))]
use none as sys;

pub(crate) use sys::{Image, page_bytes};
