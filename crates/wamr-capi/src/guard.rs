//! The border between C and Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what a C function does; a panic becomes `otherwise`.
#[expect(dead_code, reason = "the first exported function calls it")]
pub(crate) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}
