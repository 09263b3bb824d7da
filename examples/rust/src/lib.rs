//! Small programs that embed the runtime, one for each task, in `examples/`. Run one with
//! `cargo run -p wamr-examples --example hello`; the tests run them all.
