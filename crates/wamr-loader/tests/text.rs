//! The text format, where the crate was built with it.
#![cfg(feature = "wat")]

mod common;

use common::{everything, load};
use wamr_types::{LoadErrorKind, Validation};

#[test]
fn text_is_loaded() {
    let module = load("(module (func (export \"f\")))", &everything(Validation::Eager)).unwrap();
    assert!(module.export("f").is_some());
    assert!(module.bytes.as_slice().starts_with(b"\0asm"));
}

#[test]
fn bad_text_is_an_error_of_text() {
    let error = load("(module (fun))", &everything(Validation::Eager)).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Text(_)), "{error}");
}

#[test]
fn nothing_and_broken_binaries_are_not_text() {
    for bytes in ["", " \n", "\0as"] {
        let error = load(bytes, &everything(Validation::Eager)).unwrap_err();
        assert!(matches!(error.kind, LoadErrorKind::Malformed(_)), "{error}");
    }
}
