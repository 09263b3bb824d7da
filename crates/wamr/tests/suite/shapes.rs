//! Modules of shapes that real programs have, in sizes that make quadratic algorithms show:
//! each is loaded, instantiated, and something in it is run.

use std::time::{Duration, Instant};

use wamr::{Engine, Extern, Global, GlobalType, Instance, Linker, Module, Store, Val, ValType};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, ImportSection,
    MemorySection, NameMap, NameSection, TableSection, TypeSection,
};

use crate::support::{each_mode, interp_config};

type Wasm = wasm_encoder::ValType;

const I32: Wasm = Wasm::I32;

/// A generous bound for one shape in a debug build on a busy machine; what is quadratic takes
/// minutes.
const BOUND: Duration = Duration::from_secs(20);

/// Loads and instantiates a module and calls its export `run`.
pub(crate) fn run(engine: &Engine, bytes: &[u8], arg: i32) -> i32 {
    is_in_time(|| {
        let mut store = Store::new(engine, ());
        let module = Module::new(engine, bytes).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let func = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        func.call(&mut store, arg).unwrap()
    })
}

/// Does something that must not take long.
pub(crate) fn is_in_time<R>(run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    result
}

/// A module with one function, exported as `run`, of type `[i32] -> [i32]`.
fn single(body: &Function) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([I32], [I32]);
    let (mut funcs, mut exports) = (FunctionSection::new(), ExportSection::new());
    funcs.function(0);
    exports.export("run", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(body);
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&funcs).section(&exports).section(&code);
    module.finish()
}

#[test]
fn deep_nesting() {
    const DEPTH: u32 = 4_248;
    each_mode(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for _ in 0..DEPTH {
            code.block(BlockType::Result(I32));
        }
        code.local_get(0).local_get(0).br_if(DEPTH - 1);
        for _ in 0..DEPTH {
            code.i32_const(1).i32_add().end();
        }
        code.end();
        let bytes = single(&body);
        assert_eq!(run(engine, &bytes, 0), DEPTH as i32);
        assert_eq!(run(engine, &bytes, 7), 7);

        // The same with loops and conditions, to leave from the innermost.
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for level in 0..DEPTH {
            match level % 2 {
                0 => code.loop_(BlockType::Result(I32)),
                _ => code.local_get(0).if_(BlockType::Result(I32)),
            };
        }
        code.i32_const(5);
        for level in (0..DEPTH).rev() {
            if level % 2 == 1 {
                code.else_().i32_const(level as i32);
            }
            code.end();
        }
        code.end();
        let bytes = single(&body);
        assert_eq!((run(engine, &bytes, 1), run(engine, &bytes, 0)), (5, 1));
    });
}

#[test]
fn a_wide_branch_table() {
    const TARGETS: u32 = 5_418;
    each_mode(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for _ in 0..=TARGETS {
            code.block(BlockType::Empty);
        }
        let targets: Vec<u32> = (0..TARGETS).collect();
        code.local_get(0).br_table(targets, TARGETS);
        for target in 0..=TARGETS {
            code.end().i32_const(target as i32 * 3).return_();
        }
        code.end();
        let bytes = single(&body);
        for index in [0, 1, 2_700, TARGETS - 1] {
            assert_eq!(run(engine, &bytes, index as i32), index as i32 * 3);
        }
        assert_eq!(run(engine, &bytes, -1), TARGETS as i32 * 3);
    });
}

#[test]
fn hundreds_of_thousands_of_functions_and_table_slots() {
    const FUNCS: u32 = 620_000;
    const SLOTS: u32 = 707_000;
    interp_config(
        |_| {},
        |engine| {
            let mut types = TypeSection::new();
            types.ty().function([I32], [I32]);
            let (mut funcs, mut code) = (FunctionSection::new(), CodeSection::new());
            for index in 0..FUNCS {
                funcs.function(0);
                let mut body = Function::new([]);
                body.instructions().local_get(0).i32_const(index as i32).i32_add().end();
                code.function(&body);
            }
            funcs.function(0);
            let mut body = Function::new([]);
            body.instructions().i32_const(0).local_get(0).call_indirect(0, 0).end();
            code.function(&body);
            let mut tables = TableSection::new();
            tables.table(wasm_encoder::TableType {
                element_type: wasm_encoder::RefType::FUNCREF,
                table64: false,
                minimum: SLOTS.into(),
                maximum: Some(SLOTS.into()),
                shared: false,
            });
            let mut exports = ExportSection::new();
            exports.export("run", ExportKind::Func, FUNCS);
            let mut elements = ElementSection::new();
            let slots: Vec<u32> = (0..SLOTS).map(|slot| slot * 7 % FUNCS).collect();
            let items = Elements::Functions(slots.as_slice().into());
            elements.active(None, &ConstExpr::i32_const(0), items);
            let mut names = NameMap::new();
            for index in 0..FUNCS {
                names.append(index, &format!("function_{index}"));
            }
            let mut name_section = NameSection::new();
            name_section.functions(&names);
            let mut module = wasm_encoder::Module::new();
            module.section(&types).section(&funcs).section(&tables).section(&exports);
            module.section(&elements).section(&code).section(&name_section);
            let bytes = module.finish();
            let last = SLOTS - 1;
            assert_eq!(run(engine, &bytes, last as i32), (last * 7 % FUNCS) as i32);
        },
    );
}

#[test]
fn one_function_of_hundreds_of_thousands_of_operators() {
    const ROUNDS: i32 = 439_000 / 8;
    interp_config(
        |_| {},
        |engine| {
            let mut body = Function::new([(4, I32)]);
            let mut code = body.instructions();
            for round in 0..ROUNDS {
                let local = (round % 5) as u32;
                code.local_get(0).i32_const(round).i32_xor().local_get(local).i32_add();
                code.i32_const(1).i32_rotl().local_set((local + 1) % 5);
            }
            code.local_get(0).end();
            let bytes = single(&body);
            let mut locals = [3, 0, 0, 0, 0];
            for round in 0..ROUNDS {
                let local = (round % 5) as usize;
                let value = (locals[0] ^ round).wrapping_add(locals[local]).rotate_left(1);
                locals[(local + 1) % 5] = value;
            }
            assert_eq!(run(engine, &bytes, 3), locals[0]);

            // The same number on one operand stack, all pending at once.
            let mut body = Function::new([]);
            let mut code = body.instructions();
            for _ in 0..100_000 {
                code.local_get(0);
            }
            for _ in 1..100_000 {
                code.i32_add();
            }
            code.end();
            assert_eq!(run(engine, &single(&body), 3), 300_000);

            // And with a block after each push, at which pending values must be settled.
            let mut body = Function::new([]);
            let mut code = body.instructions();
            for _ in 0..20_000 {
                code.local_get(0).block(BlockType::Empty).end();
            }
            for _ in 1..20_000 {
                code.i32_add();
            }
            code.end();
            assert_eq!(run(engine, &single(&body), 2), 40_000);

            // And with a write to the local that all pending values read.
            let mut body = Function::new([(1, I32)]);
            let mut code = body.instructions();
            for _ in 0..20_000 {
                code.local_get(1).i32_const(1).local_set(1);
            }
            for _ in 1..20_000 {
                code.i32_add();
            }
            code.end();
            assert_eq!(run(engine, &single(&body), 2), 19_999);
        },
    );
}

#[test]
fn many_types_parameters_and_globals() {
    const TYPES: u32 = 79_615;
    const PARAMS: u32 = 185;
    const GLOBALS: u32 = 41_703;
    interp_config(
        |_| {},
        |engine| {
            let mut types = TypeSection::new();
            types.ty().function([I32], [I32]);
            types.ty().function(vec![I32; PARAMS as usize], [I32]);
            for ty in 2..TYPES {
                let params = (0..20).map(|bit| if ty >> bit & 1 == 1 { Wasm::I64 } else { I32 });
                types.ty().function(params, []);
            }
            let mut globals = GlobalSection::new();
            for index in 0..GLOBALS {
                let ty = wasm_encoder::GlobalType { val_type: I32, mutable: true, shared: false };
                globals.global(ty, &ConstExpr::i32_const(index as i32));
            }
            let (mut funcs, mut code) = (FunctionSection::new(), CodeSection::new());
            funcs.function(0).function(1);
            let mut body = Function::new([]);
            for param in 0..PARAMS {
                body.instructions().local_get(0).i32_const(param as i32).i32_add();
            }
            body.instructions().call(1).global_get(GLOBALS - 1).i32_add().end();
            code.function(&body);
            let mut body = Function::new([]);
            body.instructions().i32_const(0);
            for param in 0..PARAMS {
                body.instructions().local_get(param).i32_add();
            }
            body.instructions().end();
            code.function(&body);
            let mut exports = ExportSection::new();
            exports.export("run", ExportKind::Func, 0);
            let mut module = wasm_encoder::Module::new();
            module.section(&types).section(&funcs).section(&globals);
            module.section(&exports).section(&code);
            let sum = (PARAMS * (PARAMS - 1) / 2 + PARAMS * 2 + GLOBALS - 1) as i32;
            assert_eq!(run(engine, &module.finish(), 2), sum);
        },
    );
}

#[test]
fn tens_of_thousands_of_imports_with_names_in_other_scripts() {
    const IMPORTS: u32 = 39_000;
    each_mode(|engine| {
        let name = |index| format!("глобал·{index}·変数");
        let mut types = TypeSection::new();
        types.ty().function([], [I32]);
        let mut imports = ImportSection::new();
        for index in 0..IMPORTS {
            let ty = wasm_encoder::GlobalType { val_type: I32, mutable: false, shared: false };
            imports.import("s—é", &name(index), EntityType::Global(ty));
        }
        let (mut funcs, mut code) = (FunctionSection::new(), CodeSection::new());
        funcs.function(0);
        let mut body = Function::new([]);
        body.instructions().global_get(1).global_get(IMPORTS - 1).i32_add().end();
        code.function(&body);
        let mut exports = ExportSection::new();
        exports.export("run", ExportKind::Func, 0);
        let mut module = wasm_encoder::Module::new();
        module.section(&types).section(&imports).section(&funcs);
        module.section(&exports).section(&code);
        let bytes = module.finish();

        let start = Instant::now();
        let mut store = Store::new(engine, ());
        let module = Module::new(engine, &bytes).unwrap();
        let mut linker = Linker::<()>::new(engine);
        let ty = GlobalType { content: ValType::I32, mutable: false };
        let mut list: Vec<Extern> = Vec::new();
        for index in 0..IMPORTS {
            let global = Global::new(&mut store, ty, Val::I32(index as i32)).unwrap();
            linker.define(&mut store, "s—é", &name(index), global.clone()).unwrap();
            list.push(global.into());
        }
        let by_name = linker.instantiate(&mut store, &module).unwrap();
        let by_position = Instance::new(&mut store, &module, &list).unwrap();
        for instance in [by_name, by_position] {
            let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
            assert_eq!(run.call(&mut store, ()).unwrap(), IMPORTS as i32);
        }
        // Nothing is there: one error that names them all.
        let error = Linker::new(engine).instantiate(&mut store, &module).unwrap_err();
        assert_eq!(error.to_string().lines().count(), IMPORTS as usize + 1);
        assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    });
}

#[test]
fn many_locals() {
    const LOCALS: u32 = 1_220;
    each_mode(|engine| {
        // Declared one by one, in changing types, as compilers of functional languages do.
        let mut body = Function::new(
            (0..LOCALS).map(|local| (1, if local % 2 == 0 { I32 } else { Wasm::F64 })),
        );
        let mut code = body.instructions();
        for local in (0..LOCALS).step_by(2) {
            code.local_get(0).i32_const(local as i32).i32_mul().local_set(local + 1);
        }
        code.i32_const(0);
        for local in (0..LOCALS).step_by(2) {
            code.local_get(local + 1).i32_add();
        }
        code.end();
        let sum: u32 = (0..LOCALS).step_by(2).sum();
        assert_eq!(run(engine, &single(&body), 2), sum as i32 * 2);

        // The most that there may be, each live across branches.
        let mut body = Function::new([(49_999, I32)]);
        let mut code = body.instructions();
        for local in 1..50_000 {
            code.local_get(local - 1).local_set(local);
            if local % 10 == 0 {
                code.block(BlockType::Empty).local_get(0).br_if(0).end();
            }
        }
        code.local_get(49_999).end();
        assert_eq!(run(engine, &single(&body), 11), 11);
    });
}

#[test]
fn a_hundred_thousand_data_segments() {
    const SEGMENTS: u32 = 100_000;
    each_mode(|engine| {
        let mut types = TypeSection::new();
        types.ty().function([I32], [I32]);
        let mut memory = MemorySection::new();
        memory.memory(wasm_encoder::MemoryType {
            minimum: 7,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut data = DataSection::new();
        for segment in 0..SEGMENTS {
            data.active(0, &ConstExpr::i32_const(segment as i32 * 4), segment.to_le_bytes());
        }
        let (mut funcs, mut code) = (FunctionSection::new(), CodeSection::new());
        funcs.function(0);
        let mut body = Function::new([]);
        let target = wasm_encoder::MemArgTarget::Memory(0);
        let at = wasm_encoder::MemArg { offset: 0, align: 2, target, ordering: None };
        body.instructions().local_get(0).i32_const(4).i32_mul().i32_load(at).end();
        code.function(&body);
        let mut exports = ExportSection::new();
        exports.export("run", ExportKind::Func, 0);
        let mut module = wasm_encoder::Module::new();
        module.section(&types).section(&funcs).section(&memory).section(&exports);
        module.section(&code).section(&data);
        let last = SEGMENTS as i32 - 1;
        assert_eq!(run(engine, &module.finish(), last), last);
    });
}

#[test]
fn many_exports_and_many_instances() {
    each_mode(|engine| {
        let mut wat = String::from("(module (memory 0)");
        for index in 0..10_000 {
            wat += &format!(r#"(func (export "f{index}") (result i32) (i32.const {index}))"#);
        }
        wat.push(')');
        let start = Instant::now();
        let module = crate::support::module(engine, &wat);
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        for index in 0..10_000 {
            let name = format!("f{index}");
            let func = instance.get_typed_func::<(), i32>(&mut store, &name).unwrap();
            assert_eq!(func.call(&mut store, ()).unwrap(), index);
        }
        let small = crate::support::module(engine, r#"(module (memory 1) (func (export "f")))"#);
        for _ in 0..2_000 {
            Instance::new(&mut store, &small, &[]).unwrap();
        }
        assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    });
}
