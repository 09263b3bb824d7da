//! What compiling a module gives.
#![cfg(all(feature = "compiler", target_os = "linux", target_arch = "x86_64"))]

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use wamr_aot::CompiledModule;
use wamr_aot::compiler::{
    CodeGenerator, CompileOptions, CompileProgress, Cranelift, OptLevel, Unsupported, compile,
};
use wamr_runtime::{Engine, Error, MemoryKind};
use wamr_types::{Features, LoadOptions, Loader, ModuleBytes, Validation};

fn compile_text(
    text: &str,
    features: Features,
    options: &CompileOptions,
) -> Result<CompiledModule, Error> {
    let engine = Engine::default();
    let load = LoadOptions { features, supported: features, validation: Validation::Lazy };
    let bytes = ModuleBytes::new(text.to_owned());
    let module = wamr_loader::WasmLoader.load(bytes, engine.types(), &load).expect("it is valid");
    compile(&Cranelift::host()?, &module, engine.types(), options)
}

/// A module with many functions, which call each other, the runtime and a table.
fn large() -> String {
    let mut text = String::from(
        "(module (memory 1) (table 1 funcref) (type $t (func (param i32) (result i32)))\n",
    );
    for i in 0..100 {
        write!(
            text,
            "(func $f{i} (type $t)
                (i32.store (local.get 0) (i32.const {i}))
                (drop (memory.grow (i32.const 0)))
                (i32.add (call $f{} (local.get 0))
                    (call_indirect (type $t) (local.get 0) (i32.const 0))))\n",
            (i + 1) % 100
        )
        .expect("a string");
    }
    text + ")"
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let compile = |threads| {
        let options = CompileOptions { threads: NonZeroUsize::new(threads), ..Default::default() };
        compile_text(&large(), Features::WASM_2_0, &options).expect("it can be compiled")
    };
    let one = compile(1);
    assert!(one == compile(3));
    assert_eq!(one.funcs.len(), 100);
    assert!(one.funcs.iter().all(|func| func.checked.is_some() && func.guarded.is_some()));
}

#[test]
fn who_watches_sees_how_much_is_done() {
    let (outer, inner) = (CompileProgress::new(), CompileProgress::new());
    let compile = || {
        let options = CompileOptions::default();
        compile_text(&large(), Features::WASM_2_0, &options).expect("it can be compiled");
    };
    assert_eq!(outer.functions(), None);
    outer.observe(|| {
        // Each function, for two kinds of memory.
        inner.observe(compile);
        assert_eq!((inner.functions(), outer.functions()), (Some((200, 200)), None));
        compile();
        compile();
    });
    assert_eq!(outer.functions(), Some((400, 400)));
    compile();
    assert_eq!((inner.functions(), outer.functions()), (Some((200, 200)), Some((400, 400))));
    // What panics leaves nobody watching.
    let panics = || inner.observe(|| panic!("on purpose"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    compile();
    assert_eq!(inner.functions(), Some((200, 200)));
}

#[test]
fn tables_are_sorted_and_inside_the_code() {
    let module = compile_text(&large(), Features::WASM_2_0, &CompileOptions::default());
    let module = module.expect("it can be compiled");
    let tables = &module.tables;
    let len = module.code.len() as u32;
    assert!(tables.funcs.is_sorted_by_key(|func| func.start));
    assert!(tables.traps.is_sorted_by_key(|site| site.at));
    assert!(tables.calls.is_sorted_by_key(|site| site.at));
    assert!(tables.funcs.iter().all(|func| func.start + func.len_bytes <= len));
    assert!(tables.traps.iter().all(|site| site.at < len));
    assert!(!tables.traps.is_empty() && !tables.calls.is_empty());
    assert!(module.linked.iter().any(|name| &**name == "memory.grow"));
    assert!(module.got_offset >= module.code.len());
}

#[test]
fn only_the_kinds_of_memory_asked_for_are_compiled() {
    let options = CompileOptions { memory0: vec![MemoryKind::Checked], ..Default::default() };
    let module = compile_text(&large(), Features::WASM_2_0, &options).expect("it can be compiled");
    assert!(module.funcs.iter().all(|func| func.checked.is_some() && func.guarded.is_none()));
}

/// Calls in the innermost of many blocks that catch, each of them another of `tags` tags.
fn nested_handlers(depth: usize, tags: usize, calls: usize) -> String {
    let mut text = String::from("(module (func $f)");
    for tag in 0..tags {
        write!(text, "(tag $t{tag})").expect("a string");
    }
    text += "(func (block $out ";
    for level in 0..depth {
        write!(text, "(try_table (catch $t{} $out) ", level % tags).expect("a string");
    }
    text += &"call $f ".repeat(calls);
    text + &")".repeat(depth) + ")))"
}

#[test]
fn handlers_that_are_never_asked_cost_nothing() {
    let text = nested_handlers(1000, 2, 100);
    let module = compile_text(&text, Features::WASM_3_0, &CompileOptions::default());
    assert!(module.expect("it can be compiled").tables.clauses.len() <= 4 * 100);
}

#[test]
fn functions_whose_handlers_would_take_for_ever_are_refused() {
    let text = nested_handlers(2000, 2000, 10_000);
    let error = compile_text(&text, Features::WASM_3_0, &CompileOptions::default());
    let error = error.expect_err("20 million handlers");
    let unsupported = error.downcast_ref::<Unsupported>().expect("that is why");
    assert!(unsupported.operator.contains("handlers"), "{unsupported}");
}

#[test]
fn tables_that_nobody_writes_are_not_looked_at() {
    let text = |export: &str, index: &str| {
        format!(
            r#"(module (type $t (func (param i32) (result i32)))
                (table {export} 3 funcref) (elem (i32.const 0) func $a $b)
                (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
                (func $b (type $t) (i32.sub (local.get 0) (i32.const 1)))
                (func (export "f") (type $t) (call_indirect (type $t) (local.get 0) {index})))"#
        )
    };
    let compile = |export: &str, index: &str, inlines: bool| {
        let memory0 = vec![MemoryKind::Checked];
        let options = CompileOptions { memory0, inlines, ..Default::default() };
        let text = text(export, index);
        compile_text(&text, Features::WASM_2_0, &options).expect("it can be compiled")
    };
    let calls = |module: &CompiledModule| {
        let f = module.tables.funcs.iter().find(|range| range.func == 2).expect("it is there");
        let inside = f.start..=f.start + f.len_bytes;
        let calls = module.tables.calls.iter().filter(|site| inside.contains(&site.at));
        (calls.count(), f.len_bytes)
    };
    let asks = |module: &CompiledModule| {
        module.linked.iter().any(|name| &**name == "call_indirect.callee")
    };
    let constant = "(i32.const 1)";
    let known = compile("", constant, true);
    // The callee's body alone: no call, and no check of the stack for one.
    assert_eq!((calls(&known).0, asks(&known)), (0, false));
    let exported = compile(r#"(export "t")"#, constant, true);
    assert!(asks(&exported) && calls(&exported).1 > 3 * calls(&known).1);
    // One direct call for each function, the check of the stack, and the trap.
    let chosen = compile("", "(local.get 0)", false);
    assert_eq!((calls(&chosen).0, asks(&chosen)), (4, true));
}

#[test]
fn generators_for_lesser_processors_say_what_they_need() {
    let generator =
        Cranelift::new("x86_64", ["sse4.1", "ssse3", "sse3"], OptLevel::None).expect("they exist");
    let target = generator.target();
    let names: Vec<&str> = target.cpu_features.iter().map(|name| &**name).collect();
    assert_eq!(names, ["sse3", "sse4.1", "ssse3"]);
    assert!(Cranelift::new("x86_64", ["no such feature"], OptLevel::None).is_err());
}
