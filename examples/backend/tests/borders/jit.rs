//! The tests of the borders between modes (see `main.rs`), with the optimising compiler as the one
//! that makes compiled code.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

/// Who makes compiled code.
const COMPILED: &dyn wamr_runtime::Backend = &wamr_aot::Jit::new();

mod support;

mod exceptions;
mod exhaustion;
mod failures;
mod interruption;
mod lifetime;
mod references;
mod sharing;
mod tail_calls;
mod traps;
mod values;
