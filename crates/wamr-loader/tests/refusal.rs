//! What is refused, and how well the error says why and where.

mod common;

use common::{everything, load, load_all, load_text};
use wamr_types::*;

fn options(supported: Features, validation: Validation) -> LoadOptions {
    LoadOptions { features: common::ALL, supported, validation }
}

#[test]
fn errors_in_bodies_name_the_function_and_the_offset() {
    let error = load_all("(module (func) (func $broken (result i32) i64.const 1))").unwrap_err();
    assert!(matches!(&error.kind, LoadErrorKind::Invalid(what) if what.contains("type mismatch")));
    assert_eq!(error.func.as_deref(), Some("broken"));
    assert!(error.offset.is_some());

    let error = load_all("(module (import \"\" \"\" (func)) (func) (func (result i32)))");
    assert_eq!(error.unwrap_err().func.as_deref(), Some("#2"));
}

#[test]
fn offsets_point_at_the_instruction() {
    let bytes = wat::parse_str("(module (func (result i32) nop i64.const 0x55))").unwrap();
    let end = bytes.windows(4).position(|code| code == [0x42, 0xd5, 0x00, 0x0b]).unwrap() + 3;
    let error = load(bytes, &everything(Validation::Eager)).unwrap_err();
    assert_eq!(error.offset, Some(end));
}

#[test]
fn bytes_that_cannot_be_read_are_malformed() {
    let malformed = |bytes: &[u8]| {
        let error = load(bytes, &everything(Validation::Eager)).unwrap_err();
        assert!(matches!(error.kind, LoadErrorKind::Malformed(_)), "{error}");
    };
    malformed(b"\0asm");
    malformed(b"\0asm\x02\0\0\0");
    malformed(b"\0asm\x01\0\0\0\x7f\0");
    // A global whose mutability is neither 0 nor 1.
    malformed(b"\0asm\x01\0\0\0\x06\x06\x01\x7f\x09\x41\0\x0b");
    // A body with an opcode that does not exist.
    malformed(b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\xff\x0b");
}

#[test]
fn what_is_no_module_at_all_is_told_in_one_line() {
    let error = load(b"\x7fELF\x02\xff".to_vec(), &everything(Validation::Lazy)).unwrap_err();
    assert_eq!(error.offset, Some(0));
    let text = error.to_string();
    assert!(text.contains("a module begins with the bytes `\\0asm`"), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn modules_that_break_rules_are_invalid() {
    for text in [
        "(module (func (local.get 0)) )",
        "(module (global i32 (i64.const 1)))",
        "(module (start 0))",
        "(module (export \"a\" (func 0)))",
        "(module (memory 70000))",
    ] {
        let error = load_all(text).unwrap_err();
        assert!(matches!(error.kind, LoadErrorKind::Invalid(_)), "{text}: {error}");
    }
}

#[test]
fn components_are_told_apart() {
    let error = load_text("(component)", &everything(Validation::Eager)).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::Component);
}

#[test]
fn features_the_backend_lacks_are_named() {
    for (text, feature) in [
        ("(module (func (return_call 0)))", Feature::TailCall),
        ("(module (memory 1) (memory 1))", Feature::MultiMemory),
        ("(module (memory i64 1))", Feature::Memory64),
        ("(module (type (struct)))", Feature::Gc),
        ("(module (type (func)) (func (param (ref 0))))", Feature::FunctionReferences),
        ("(module (tag))", Feature::Exceptions),
        ("(module (memory 1 1 shared))", Feature::Threads),
        ("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))", Feature::ExtendedConst),
        ("(module (memory 1 (pagesize 1)))", Feature::CustomPageSizes),
        (
            "(module (func (param v128) (result v128) \
               (f32x4.relaxed_min (local.get 0) (local.get 0))))",
            Feature::RelaxedSimd,
        ),
        (
            "(module (func (param i64) (result i64 i64) \
               (i64.mul_wide_s (local.get 0) (local.get 0))))",
            Feature::WideArithmetic,
        ),
        ("(module (func try catch_all end))", Feature::LegacyExceptions),
    ] {
        let options = options(Features::WASM_2_0, Validation::Eager);
        let error = load_text(text, &options).unwrap_err();
        assert_eq!(error.kind, LoadErrorKind::Unsupported(feature), "{text}");
        assert!(error.offset.is_some(), "{text}");
    }
}

#[test]
fn every_single_feature_that_is_used_and_lacking_is_named() {
    let old = [
        ("(module (func (result i32 i32) unreachable))", Feature::MultiValue),
        ("(module (data \"\"))", Feature::BulkMemory),
        ("(module (global externref (ref.null extern)))", Feature::ReferenceTypes),
        ("(module (func (param v128)))", Feature::Simd),
        ("(module (func (drop (i32.extend8_s (i32.const 1)))))", Feature::SignExtension),
        (
            "(module (func (drop (i32.trunc_sat_f32_s (f32.const 1)))))",
            Feature::SaturatingFloatToInt,
        ),
        ("(module (global (export \"g\") (mut i32) (i32.const 0)))", Feature::MutableGlobal),
    ];
    for (text, feature) in old {
        let options = options(common::ALL.without(feature), Validation::Eager);
        let error = load_text(text, &options).unwrap_err();
        assert_eq!(error.kind, LoadErrorKind::Unsupported(feature), "{text}");
    }
}

#[test]
fn what_is_not_allowed_is_invalid_even_if_the_backend_could() {
    let options = LoadOptions {
        features: Features::WASM_2_0,
        supported: common::ALL,
        validation: Validation::Eager,
    };
    let error = load_text("(module (type (struct)))", &options).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Invalid(_) | LoadErrorKind::Malformed(_)));
}

#[test]
fn modules_bad_under_every_set_are_not_called_unsupported() {
    let options = options(Features::WASM_2_0, Validation::Eager);
    let error = load_text("(module (type (struct)) (start 3))", &options).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Invalid(_)), "{error}");
}

#[test]
fn descriptors_are_refused_by_name() {
    let text =
        "(module (rec (type $d (descriptor $e) (struct)) (type $e (describes $d) (struct))))";
    let options = LoadOptions {
        features: Features::ALL,
        supported: Features::ALL,
        validation: Validation::Eager,
    };
    let error = load_text(text, &options).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::Unsupported(Feature::CustomDescriptors));
}

#[test]
fn lazy_validation_finds_bad_bodies_when_they_are_asked_for() {
    let text = "(module (func) (func $bad (result i32)) (func (return_call 0)))";
    let module = load_text(text, &options(Features::WASM_2_0, Validation::Lazy)).unwrap();
    let validate = |func| module.bodies.validate(DefinedFuncIdx(func));
    for _ in 0..2 {
        assert!(validate(0).is_ok());
        let error = validate(1).unwrap_err();
        assert!(matches!(error.kind, LoadErrorKind::Invalid(_)));
        assert_eq!(error.func.as_deref(), Some("bad"));
        let error = validate(2).unwrap_err();
        assert_eq!(error.kind, LoadErrorKind::Unsupported(Feature::TailCall));
        assert_eq!(error.func.as_deref(), Some("#2"));
    }
}

#[test]
fn lazy_and_eager_validation_say_the_same() {
    let text = "(module (func $a (drop (i32.add (i32.const 1)))))";
    let eager = load_all(text).unwrap_err();
    let module = load_text(text, &everything(Validation::Lazy)).unwrap();
    let lazy = module.bodies.validate(DefinedFuncIdx(0)).unwrap_err();
    assert_eq!(eager.to_string(), lazy.to_string());
}
