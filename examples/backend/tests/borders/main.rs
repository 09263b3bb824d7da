//! The borders between modes of execution: interpreted code, compiled code (of the backend
//! beside these tests) and host functions call each other in every order, with the same
//! meaning as if there were one mode.
//!
//! These tests are about the runtime's protocols and stay when the example goes; whatever
//! backend has compiled code can take its place: `jit.rs` runs the same tests with the real one.
#![cfg(all(unix, target_arch = "x86_64"))]

/// Who makes compiled code.
const COMPILED: &dyn wamr_runtime::Backend = &wamr_example_backend::ExampleBackend;

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
