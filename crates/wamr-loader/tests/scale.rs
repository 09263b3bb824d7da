//! Large modules load in time that grows with their size, and on several threads the first
//! error is reported.

mod common;

use common::{everything, load};
use wamr_types::{DataIdx, LoadErrorKind, Validation};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, Function, FunctionSection, MemorySection, MemoryType,
    Module, TypeSection, ValType,
};

fn functions(count: u32, types: u32, body: impl Fn(u32) -> Function) -> Module {
    let (mut type_section, mut funcs) = (TypeSection::new(), FunctionSection::new());
    let mut code = CodeSection::new();
    for ty in 0..types {
        // A different signature for every type: its index in binary.
        let params =
            (0..20).map(|bit| if ty >> bit & 1 == 1 { ValType::I64 } else { ValType::I32 });
        type_section.ty().function(params, []);
    }
    for func in 0..count {
        funcs.function(func % types);
        code.function(&body(func));
    }
    let mut module = Module::new();
    module.section(&type_section).section(&funcs).section(&code);
    module
}

fn good() -> Function {
    let mut body = Function::new([]);
    body.instructions().local_get(0).drop().end();
    body
}

fn bad() -> Function {
    let mut body = Function::new([]);
    body.instructions().i32_const(1).end();
    body
}

#[test]
fn many_functions_types_and_segments() {
    let bytes = functions(620_000, 79_615, |_| good()).finish();
    for validation in [Validation::Eager, Validation::Lazy] {
        let module = load(bytes.as_slice(), &everything(validation)).unwrap();
        assert_eq!((module.funcs.len(), module.types.len()), (620_000, 79_615));
    }
    let mut memory = MemorySection::new();
    let limits = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    memory.memory(limits);
    let mut data = DataSection::new();
    for segment in 0..100_000 {
        data.active(0, &ConstExpr::i32_const(segment % 60_000), [segment as u8]);
    }
    let mut module = Module::new();
    module.section(&memory).section(&data);
    let module = load(module.finish(), &everything(Validation::Eager)).unwrap();
    assert_eq!(module.data_bytes(DataIdx(99_999)), [99_999_i32 as u8]);
}

#[test]
fn the_first_of_many_bad_bodies_is_reported() {
    let bytes = functions(50_000, 8, |func| if func < 20_011 { good() } else { bad() }).finish();
    for _ in 0..20 {
        let error = load(bytes.as_slice(), &everything(Validation::Eager)).unwrap_err();
        assert!(matches!(error.kind, LoadErrorKind::Invalid(_)));
        assert_eq!(error.func.as_deref(), Some("#20011"));
    }
}
