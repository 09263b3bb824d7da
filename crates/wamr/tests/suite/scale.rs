//! Valid functions in which everything is there so often that whoever compares all of it with all
//! of it takes minutes: clauses, blocks, tail calls, frames, code.

use wamr::{Engine, Instance, Module, Store, TrapCode};
use wasm_encoder::{
    BlockType, Catch, CodeSection, ExportKind, ExportSection, Function, FunctionSection, TagKind,
    TagSection, TagType, TypeSection, ValType,
};

use crate::shapes::{is_in_time, run};
use crate::support::interp_config;

const I32: ValType = ValType::I32;

/// A module with two tags without a payload and one function, `run` of type `[i32] -> [i32]`.
fn with_tags(body: &Function) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([I32], [I32]);
    types.ty().function([], []);
    let (mut funcs, mut exports, mut tags) =
        (FunctionSection::new(), ExportSection::new(), TagSection::new());
    funcs.function(0);
    exports.export("run", ExportKind::Func, 0);
    for _ in 0..2 {
        tags.tag(TagType { kind: TagKind::Exception, func_type_idx: 1 });
    }
    let mut code = CodeSection::new();
    code.function(body);
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&funcs).section(&tags).section(&exports).section(&code);
    module.finish()
}

fn interpreted(test: impl Fn(&Engine)) {
    interp_config(|_| {}, test);
}

#[test]
fn clauses_that_wait_for_labels() {
    interpreted(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.block(BlockType::Empty);
        let clauses = [const { Catch::All { label: 0 } }; 5_000];
        for _ in 0..60 {
            code.try_table(BlockType::Empty, clauses.iter().cloned()).end();
        }
        for _ in 0..60_000 {
            code.block(BlockType::Empty);
            code.try_table(BlockType::Empty, [Catch::All { label: 0 }]).end().end();
        }
        code.end();
        // The clauses go where they should.
        code.block(BlockType::Empty);
        code.block(BlockType::Empty);
        code.try_table(BlockType::Empty, [Catch::All { label: 1 }]);
        code.try_table(BlockType::Empty, [Catch::One { tag: 1, label: 1 }]);
        code.local_get(0).if_(BlockType::Empty).throw(0).else_().throw(1).end();
        code.end().end().end();
        code.i32_const(5).return_().end();
        code.i32_const(6).end();
        let bytes = with_tags(&body);
        assert_eq!((run(engine, &bytes, 0), run(engine, &bytes, 1)), (5, 6));
    });
}

#[test]
fn tail_calls_in_deep_blocks() {
    const MANY: u32 = 110_000;
    interpreted(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for _ in 0..MANY {
            code.block(BlockType::Empty);
        }
        for _ in 0..MANY {
            code.local_get(0).if_(BlockType::Empty).i32_const(0).return_call(0).end();
        }
        for _ in 0..MANY {
            code.end();
        }
        code.i32_const(3).end();
        assert_eq!(run(engine, &with_tags(&body), 1), 3);
    });
}

#[test]
fn rethrows_in_deep_blocks() {
    const MANY: u32 = 110_000;
    interpreted(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.try_(BlockType::Empty).try_(BlockType::Empty).throw(0).catch_all();
        for _ in 0..MANY {
            code.block(BlockType::Empty);
        }
        for _ in 0..MANY {
            code.local_get(0).if_(BlockType::Empty).rethrow(MANY + 1).end();
        }
        // One that does not leave the clause.
        code.try_(BlockType::Empty).rethrow(MANY + 1).catch_all().end();
        for _ in 0..MANY {
            code.end();
        }
        code.rethrow(0).end().catch_all().end();
        code.i32_const(3).end();
        let bytes = with_tags(&body);
        assert_eq!((run(engine, &bytes, 0), run(engine, &bytes, 1)), (3, 3));
    });
}

#[test]
fn a_trap_in_many_frames_of_a_large_function() {
    interpreted(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.local_get(0).i32_eqz().if_(BlockType::Empty);
        for _ in 0..60_000 {
            code.local_get(0).local_get(0).i32_div_u().drop();
        }
        code.end().local_get(0).call(0).end();
        let module = Module::new(engine, with_tags(&body)).unwrap();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let func = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        let error = is_in_time(|| func.call(&mut store, 1).unwrap_err());
        assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow));
        let backtrace = error.backtrace();
        assert!(backtrace.omitted() > 100_000, "{} frames", backtrace.omitted());
        let offsets: Vec<_> = backtrace.frames().iter().map(|frame| frame.offset()).collect();
        let call = offsets[0].expect("it is known");
        assert!(call > 300_000, "at the end of the body");
        assert!(offsets.iter().all(|&offset| offset == Some(call)), "{offsets:?}");
    });
}

#[test]
fn an_exception_in_many_frames_with_many_clauses() {
    const DEPTH: u32 = 60_000;
    interpreted(|engine| {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.block(BlockType::Empty);
        code.local_get(0).i32_const(100_000).i32_eq().if_(BlockType::Empty);
        code.try_table(BlockType::Empty, [Catch::One { tag: 1, label: 1 }]);
        code.local_get(0).i32_const(1).i32_sub().call(0).drop();
        code.end().end();
        for _ in 0..DEPTH {
            code.try_table(BlockType::Empty, [Catch::One { tag: 0, label: 0 }]);
        }
        code.local_get(0).i32_eqz().if_(BlockType::Empty).throw(1).end();
        code.local_get(0).i32_const(1).i32_sub().call(0).drop();
        for _ in 0..DEPTH {
            code.end();
        }
        code.end().i32_const(9).end();
        assert_eq!(run(engine, &with_tags(&body), 100_000), 9);
    });
}
