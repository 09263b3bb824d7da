//! Tests of the API as C calls it.

mod calls;
mod linking;
mod support;
