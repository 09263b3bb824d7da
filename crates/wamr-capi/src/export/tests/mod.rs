//! Tests of the API as C calls it.

mod aot;
mod calls;
mod frames;
mod groups;
mod linking;
mod memories;
mod misuse;
mod modules;
mod objects;
mod reentry;
mod runtime;
mod shared_heaps;
mod support;
mod threads;
mod worlds;
