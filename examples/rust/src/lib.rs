//! Small programs that embed the runtime, one for each task, in `examples/`. Run one with
//! `cargo run -p wamr-examples --example hello`; the tests run them all, and the Rust code of the
//! guide in `docs/`.

macro_rules! guide {
    ($($page:ident $file:literal;)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($file)]
        mod $page {}
    )*};
}

guide! {
    embedding "../../../docs/embedding.md";
    limits "../../../docs/limits.md";
    linking "../../../docs/linking.md";
}
