//! What the official suite lacks: linking as embedders do it, lifetimes, misuse, limits, and
//! modules of unusual shapes. Every case runs in every mode.

mod attachments;
mod foldings;
mod foreign;
mod fuel;
mod host_calls;
mod host_entities;
mod host_types;
mod import_lists;
mod imports;
mod interruption;
mod joining;
mod large_functions;
mod lazy;
mod libc_builtin;
mod lifetimes;
mod limits;
mod linker;
mod live_frames;
mod loading;
mod natives;
mod partial;
mod post_mortem;
mod prelinked;
mod registers;
mod sampling;
mod scale;
mod shapes;
mod sharing;
mod stack;
mod support;
mod threads;
mod traps;
mod wasi;
mod wasi_paths;
