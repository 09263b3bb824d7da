//! Tests of the API as C calls it.

mod aot;
mod calls;
mod linking;
mod memories;
mod misuse;
mod modules;
mod objects;
mod reentry;
mod runtime;
mod support;
mod threads;
mod worlds;
