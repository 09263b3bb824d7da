//! Every trap that WebAssembly 2.0 can end in, with its backtrace.

use wamr::{Caller, Engine, Extern, Func, Store, TrapCode, Val};

use crate::support::{call, each_mode, instantiate, trap};

#[test]
fn every_trap_of_the_second_version() {
    use TrapCode::*;
    let cases = [
        (Unreachable, "unreachable"),
        (MemoryOutOfBounds, "(drop (i32.load (i32.const 65533)))"),
        (MemoryOutOfBounds, "(i64.store offset=65535 (i32.const -1) (i64.const 0))"),
        (MemoryOutOfBounds, "(memory.fill (i32.const 65536) (i32.const 0) (i32.const 1))"),
        (MemoryOutOfBounds, "(memory.copy (i32.const 0) (i32.const 1) (i32.const 65536))"),
        (MemoryOutOfBounds, "(memory.init $data (i32.const 0) (i32.const 2) (i32.const 2))"),
        (TableOutOfBounds, "(drop (table.get $t (i32.const 4)))"),
        (TableOutOfBounds, "(table.set $t (i32.const -1) (ref.null func))"),
        (TableOutOfBounds, "(table.fill $t (i32.const 3) (ref.null func) (i32.const 2))"),
        (TableOutOfBounds, "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 4))"),
        (TableOutOfBounds, "(table.init $t $elem (i32.const 0) (i32.const 0) (i32.const 2))"),
        (UndefinedElement, "(call_indirect $t (i32.const 4))"),
        (UninitializedElement, "(call_indirect $t (i32.const 3))"),
        (IndirectCallTypeMismatch, "(drop (call_indirect $t (result i32) (i32.const 0)))"),
        (IntegerDivideByZero, "(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
        (IntegerDivideByZero, "(drop (i64.rem_u (i64.const 1) (i64.const 0)))"),
        (IntegerOverflow, "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"),
        (IntegerOverflow, "(drop (i32.trunc_f64_s (f64.const 2147483648)))"),
        (InvalidConversionToInteger, "(drop (i64.trunc_f32_u (f32.const nan)))"),
        (StackOverflow, "(call $bad)"),
    ];
    each_mode(|engine| {
        for (code, body) in cases {
            let mut store = Store::new(engine, ());
            let wat = format!(
                r#"(module $sick (memory 1) (table $t 4 funcref) (data $data "abc")
                    (elem $elem func $bad) (elem (i32.const 0) $bad)
                    (func $bad {body})
                    (func $middle (call $bad))
                    (func (export "run") (call $middle)))"#
            );
            let instance = instantiate(engine, &mut store, &wat, &[]);
            let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
            assert_eq!(error.trap_code(), Some(code), "{body}: {error:?}");
            assert_eq!(error.to_string(), format!("wasm trap: {code}"));
            let frames = error.backtrace().frames();
            let names: Vec<_> = frames.iter().map(|frame| frame.func_name()).collect();
            assert_eq!(names[0].as_deref(), Some("bad"), "{body}");
            if code == StackOverflow {
                assert!(error.backtrace().omitted() > 1_000);
            } else {
                assert_eq!(names.len(), 3, "{error:?}");
                assert_eq!((names[1].as_deref(), names[2].as_deref()), (Some("middle"), None));
            }
            assert!(format!("{error:?}").contains("sick!bad"), "{error:?}");
        }
    });
}

/// The offsets of the operators `opcode` in the one function body that has them.
fn positions(module: &[u8], opcode: u8) -> Vec<usize> {
    let found = module.iter().enumerate().filter(|(_, byte)| **byte == opcode);
    found.map(|(position, _)| position).collect()
}

#[test]
fn frames_tell_the_offset_of_what_failed_or_called() {
    each_mode(|engine| {
        // A binary module, so that offsets are those of bytes that we have.
        let wat = r#"(module
            (func $f (param i32) local.get 0 drop unreachable)
            (func (export "run") i32.const 1 drop i32.const 5 call $f))"#;
        let module = crate::support::module(engine, wat);
        let bytes = module.decoded().bytes.as_slice().to_vec();
        let mut store = Store::new(engine, ());
        let instance = wamr::Instance::new(&mut store, &module, &[]).unwrap();
        let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
        let offsets: Vec<_> = error.backtrace().frames().iter().map(|f| f.offset()).collect();
        // `unreachable` is 0x00 before the `end` of its body; `call 0` is 0x10 0x00.
        let unreachable = offsets[0].expect("an offset");
        assert_eq!(bytes[unreachable..unreachable + 2], [0x00, 0x0b]);
        let call = offsets[1].expect("an offset");
        assert!(positions(&bytes, 0x10).contains(&call), "{offsets:?}");
        assert_eq!(bytes[call..call + 3], [0x10, 0x00, 0x0b]);
        let shown = format!("{error:?}");
        assert!(shown.contains(&format!("{unreachable:#x} - ")), "{shown}");
    });
}

#[test]
fn a_load_that_is_an_operand_traps_at_its_own_offset() {
    each_mode(|engine| {
        let wat = r#"(module (memory 1)
            (func (export "run") (param i32) (result i32)
                (i32.add (i32.mul (local.get 0) (local.get 0)) (i32.load (local.get 0)))))"#;
        let module = crate::support::module(engine, wat);
        let bytes = module.decoded().bytes.as_slice().to_vec();
        let mut store = Store::new(engine, ());
        let instance = wamr::Instance::new(&mut store, &module, &[]).unwrap();
        let error = call::<i32, i32>(&mut store, &instance, "run", -1).unwrap_err();
        let offset = error.backtrace().frames()[0].offset().expect("an offset");
        // `i32.load` with its alignment and offset, and `i32.add`.
        assert_eq!(bytes[offset..offset + 4], [0x28, 2, 0, 0x6a]);
    });
}

#[test]
fn a_load_that_a_branch_makes_traps_at_its_own_offset() {
    each_mode(|engine| {
        let wat = r#"(module (memory 1)
            (func (export "forwards") (param i32) (result i32)
                (if (i32.eq (i32.load8_u (local.get 0)) (local.get 0)) (then))
                (i32.const 0))
            (func (export "back") (param i32) (result i32)
                (loop $next (br_if $next (i32.load8_u (local.get 0))))
                (i32.const 0)))"#;
        let module = crate::support::module(engine, wat);
        let bytes = module.decoded().bytes.as_slice().to_vec();
        let mut store = Store::new(engine, ());
        let instance = wamr::Instance::new(&mut store, &module, &[]).unwrap();
        // `i32.load8_u` with its alignment and offset, and what is behind it.
        for (name, next) in [("forwards", 0x20), ("back", 0x0d)] {
            let error = call::<i32, i32>(&mut store, &instance, name, 0x1_0000).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds), "{name}");
            let offset = error.backtrace().frames()[0].offset().expect("an offset");
            assert_eq!(bytes[offset..offset + 4], [0x2d, 0, 0, next], "{name}");
            assert_eq!(call::<i32, i32>(&mut store, &instance, name, 0xffff).unwrap(), 0);
        }
    });
}

/// Two instances and the host between them.
fn sandwich(engine: &Engine, store: &mut Store<()>) -> wamr::Instance {
    let inner = instantiate(
        engine,
        &mut *store,
        r#"(module $inner (func $divide (param i32) (result i32)
                (i32.div_u (i32.const 10) (local.get 0)))
            (func $deep (export "deep") (param i32) (result i32) (call $divide (local.get 0))))"#,
        &[],
    );
    let deep = inner.get_typed_func::<i32, i32>(&mut *store, "deep").unwrap();
    let host = Func::wrap(&mut *store, move |mut caller: Caller<'_, ()>, x: i32| {
        deep.call(&mut caller, x)
    });
    instantiate(
        engine,
        store,
        r#"(module $outer (import "" "" (func $host (param i32) (result i32)))
            (func $call_host (param i32) (result i32) (call $host (local.get 0)))
            (func $entry (export "entry") (param i32) (result i32)
                (call $call_host (local.get 0))))"#,
        &[host.into()],
    )
}

#[test]
fn backtraces_span_the_host() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let outer = sandwich(engine, &mut store);
        assert_eq!(call::<i32, i32>(&mut store, &outer, "entry", 2).unwrap(), 5);
        let error = call::<i32, i32>(&mut store, &outer, "entry", 0).unwrap_err();
        let frames = error.backtrace().frames();
        let shown: Vec<String> = frames
            .iter()
            .map(|f| format!("{}!{}", f.module().name().unwrap(), f.func_name().unwrap()))
            .collect();
        assert_eq!(
            shown,
            ["inner!divide", "inner!deep", "outer!call_host", "outer!entry"],
            "innermost first"
        );
        assert!(frames.iter().all(|frame| frame.offset().is_some()));
    });
}

#[test]
fn a_trap_does_not_undo_what_was_written() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (memory (export "m") 1) (global $g (export "g") (mut i32) (i32.const 0))
                (func (export "run")
                    (i32.store8 (i32.const 0) (i32.const 7)) (global.set $g (i32.const 8))
                    (i64.store (i32.const 65532) (i64.const -1))))"#,
            &[],
        );
        let ended = trap(call::<(), ()>(&mut store, &instance, "run", ()));
        assert_eq!(ended, TrapCode::MemoryOutOfBounds);
        let global = instance.get_global(&mut store, "g").unwrap();
        assert_eq!(global.get(&mut store).unwrap().i32(), Some(8));
        let memory = instance.get_memory(&mut store, "m").unwrap();
        let bytes = memory.data(&store).unwrap();
        assert_eq!((bytes[0], &bytes[65_532..]), (7, &[0; 4][..]));
    });
}

#[test]
fn a_function_reference_keeps_its_type_check() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let table = wamr::Table::new(
            &mut store,
            wamr::TableType::new(wamr::RefType::FUNCREF, 2, None),
            Val::FuncRef(None),
        )
        .unwrap();
        let user = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "t" (table 2 funcref))
                (func (export "call") (param i32) (result i32)
                    (call_indirect (param i64) (result i32) (i64.const 3) (local.get 0))))"#,
            &[Extern::from(table.clone())],
        );
        let wrong = Func::wrap(&mut store, |x: i32| x);
        let right = Func::wrap(&mut store, |x: i64| x as i32);
        table.set(&mut store, 0, wrong.into()).unwrap();
        table.set(&mut store, 1, right.into()).unwrap();
        let ended = trap(call::<i32, i32>(&mut store, &user, "call", 0));
        assert_eq!(ended, TrapCode::IndirectCallTypeMismatch);
        assert_eq!(call::<i32, i32>(&mut store, &user, "call", 1).unwrap(), 3);
    });
}
