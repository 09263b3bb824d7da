//! Sizes at and beyond their limits: errors, never aborts.

use wamr::{
    ErrorKind, IndexType, Limits, Memory, MemoryType, ModuleError, RefType, Store, StoreLimits,
    Table, TableType, Val,
};

use crate::support::{call, each_mode, instantiate, run_error};

const HUGE: [u64; 5] = [1 << 31, 1 << 32, 1 << 48, u64::MAX - 1, u64::MAX];

fn memory(index: IndexType, min: u64, max: Option<u64>) -> MemoryType {
    MemoryType { index, limits: Limits { min, max }, shared: false, page_size_log2: 16 }
}

#[test]
fn contradictory_and_unreachable_limits_are_refused() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let i32 = IndexType::I32;
        for ty in [
            memory(i32, 2, Some(1)),
            memory(i32, 65_537, None),
            memory(i32, 0, Some(65_537)),
            memory(i32, u64::MAX, Some(u64::MAX)),
            memory(IndexType::I64, (1 << 48) + 1, None),
            memory(IndexType::I64, u64::MAX, None),
            MemoryType { page_size_log2: 63, ..MemoryType::new(1, None) },
            MemoryType { page_size_log2: 255, ..MemoryType::new(1, None) },
            MemoryType { shared: true, ..MemoryType::new(1, None) },
        ] {
            let error = Memory::new(&mut store, ty).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidType(_)), "{ty:?}: {error}");
        }
        let mut ty = TableType::new(RefType::FUNCREF, 2, Some(1));
        let error = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidType(_)), "{error}");
        ty.limits = Limits { min: 0, max: Some(1 << 32) };
        let error = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidType(_)), "{error}");
    });
}

#[test]
fn more_than_the_system_has_is_an_error() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        for min in [1 << 32, 1 << 31] {
            let error = Memory::new(&mut store, memory(IndexType::I64, min, None)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::OutOfMemory), "{error}");
        }
        for min in HUGE.into_iter().chain([10_000_001]) {
            let limits = Limits { min, max: None };
            for index in [IndexType::I32, IndexType::I64] {
                let ty = TableType { index, element: RefType::FUNCREF, limits };
                assert!(Table::new(&mut store, ty, Val::FuncRef(None)).is_err(), "{min}");
            }
        }
    });
}

#[test]
fn sizes_of_byte_sized_pages_stay_numbers_of_32_bits() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let limits = Limits { min: 1 << 32, max: None };
        let beyond = MemoryType { page_size_log2: 0, ..memory(IndexType::I32, 0, None) };
        assert!(Memory::new(&mut store, MemoryType { limits, ..beyond }).is_err());
        // Nor can one grow to a size that reads as 0.
        assert_eq!(beyond.max_pages(), u64::from(u32::MAX));
    });
}

#[test]
fn growth_beyond_any_number_is_refused() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = TableType::new(RefType::FUNCREF, 1, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let mem = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let wide = Memory::new(&mut store, memory(IndexType::I64, 1, None)).unwrap();
        for delta in HUGE {
            let grown = table.grow(&mut store, delta, Val::FuncRef(None)).unwrap_err();
            assert!(matches!(grown.kind(), ErrorKind::GrowthRefused), "{grown}");
            for memory in [&mem, &wide] {
                let grown = memory.grow(&mut store, delta).unwrap_err();
                assert!(matches!(grown.kind(), ErrorKind::GrowthRefused), "{grown}");
            }
        }
        assert_eq!((table.size(&store).unwrap(), mem.size(&store).unwrap()), (1, 1));
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "t" (table $t 1 funcref)) (import "" "m" (memory $m 1))
                (import "" "w" (memory $w i64 1))
                (func (export "table") (param i32) (result i32)
                    (table.grow $t (ref.null func) (local.get 0)))
                (func (export "memory") (param i32) (result i32) (memory.grow $m (local.get 0)))
                (func (export "wide") (param i64) (result i64) (memory.grow $w (local.get 0))))"#,
            &[table.into(), mem.into(), wide.into()],
        );
        for delta in [i32::MIN, -1, 10_000_000, i32::MAX] {
            assert_eq!(call::<i32, i32>(&mut store, &instance, "table", delta).unwrap(), -1);
            let pages = if delta > 0 { delta.max(65_536) } else { delta };
            assert_eq!(call::<i32, i32>(&mut store, &instance, "memory", pages).unwrap(), -1);
        }
        for delta in HUGE {
            assert_eq!(call::<u64, i64>(&mut store, &instance, "wide", delta).unwrap(), -1);
        }
    });
}

#[test]
fn ten_million_elements_are_allowed_and_cost_what_is_used() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = TableType::new(RefType::FUNCREF, 10_000_000, Some(10_000_000));
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let last = 9_999_999;
        assert!(matches!(table.get(&mut store, last).unwrap(), Some(Val::FuncRef(None))));
        let func = wamr::Func::wrap(&mut store, || 3);
        table.set(&mut store, last, func.into()).unwrap();
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "t" (table 10000000 10000000 funcref))
                (func (export "call") (param i32) (result i32)
                    (call_indirect (result i32) (local.get 0))))"#,
            &[table.into()],
        );
        assert_eq!(call::<i32, i32>(&mut store, &instance, "call", last as i32).unwrap(), 3);
        store.gc();
    });
}

#[test]
fn memories_of_no_pages_and_of_all_pages() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let none = Memory::new(&mut store, MemoryType::new(0, Some(0))).unwrap();
        assert!(none.data(&store).unwrap().is_empty());
        assert_eq!(none.grow(&mut store, 0).unwrap(), 0);
        assert!(none.grow(&mut store, 1).is_err());
        none.write(&mut store, 0, &[]).unwrap();
        let all = Memory::new(&mut store, MemoryType::new(0, None)).unwrap();
        assert_eq!(all.grow(&mut store, 65_536).unwrap(), 0);
        assert!(all.grow(&mut store, 1).is_err());
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "m" (memory 65536))
                (func (export "end") (param i32) (result i32) (i32.load8_u (local.get 0)))
                (func (export "wrap") (param i32) (result i64)
                    (i64.load offset=4294967295 (local.get 0))))"#,
            &[all.clone().into()],
        );
        all.write(&mut store, (1 << 32) - 1, &[9]).unwrap();
        assert_eq!(call::<i32, i32>(&mut store, &instance, "end", -1).unwrap(), 9);
        for base in [0, 1, -1] {
            assert!(call::<i32, i64>(&mut store, &instance, "wrap", base).is_err());
        }
    });
}

#[test]
fn modules_that_ask_for_too_much_are_refused() {
    each_mode(|engine| {
        let error = wamr::Module::new(engine, "(module (memory 65537))").unwrap_err();
        assert!(matches!(error, ModuleError::Load(_)), "{error}");
        // These are valid, but nobody has that much.
        let mut store = Store::new(engine, ());
        for wat in ["(module (memory i64 0x100000000))", "(module (table 10000001 funcref))"] {
            let module = crate::support::module(engine, wat);
            let error = run_error(wamr::Instance::new(&mut store, &module, &[]));
            assert!(matches!(error.kind(), ErrorKind::OutOfMemory), "{error}");
        }
        instantiate(engine, &mut store, "(module (memory 0) (table 0 funcref))", &[]);
    });
}

/// A limiter that does not survive being asked for more than one page.
struct Fragile;

impl wamr::ResourceLimiter for Fragile {
    fn memory_growing(&mut self, _: u64, desired_bytes: u64, _: Option<u64>) -> bool {
        assert!(desired_bytes <= 65536, "one page is enough");
        true
    }

    fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> bool {
        true
    }
}

#[test]
fn a_limiter_counts_what_lives() {
    each_mode(|engine| {
        let mut store = Store::new(engine, StoreLimits::new().memories(2).tables(3).instances(4));
        store.limiter(|limits| limits);
        let refused = |error: &wamr::Error| {
            assert!(matches!(error.kind(), ErrorKind::LimitReached), "{error}");
            assert_eq!(error.to_string(), "the store's limiter does not allow it");
        };
        // Garbage does not count.
        for _ in 0..20 {
            instantiate(engine, &mut store, "(module (memory 0) (table 0 funcref))", &[]);
        }
        let memory = MemoryType::new(0, None);
        for _ in 0..20 {
            Memory::new(&mut store, memory).unwrap();
        }
        let kept: Vec<_> = (0..2).map(|_| Memory::new(&mut store, memory).unwrap()).collect();
        refused(&Memory::new(&mut store, memory).unwrap_err());
        let with_memory = crate::support::module(engine, "(module (memory 0))");
        refused(&run_error(wamr::Instance::new(&mut store, &with_memory, &[])));
        drop(kept);
        let kept: Vec<_> = (0..2)
            .map(|_| instantiate(engine, &mut store, "(module (table 0 funcref))", &[]))
            .collect();
        let table = TableType::new(RefType::FUNCREF, 0, None);
        let _table = Table::new(&mut store, table, Val::FuncRef(None)).unwrap();
        refused(&Table::new(&mut store, table, Val::FuncRef(None)).unwrap_err());
        let empty = crate::support::module(engine, "(module)");
        let more: Vec<_> =
            (0..2).map(|_| wamr::Instance::new(&mut store, &empty, &[]).unwrap()).collect();
        refused(&run_error(wamr::Instance::new(&mut store, &empty, &[])));
        drop((kept, more));
        for _ in 0..4 {
            wamr::Instance::new(&mut store, &empty, &[]).unwrap();
        }
    });
}

#[test]
fn a_panicking_limiter_reaches_the_host_that_called() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Fragile);
        store.limiter(|limiter| limiter);
        let wat = r#"(module (memory 1)
            (func (export "grow") (result i32) (memory.grow (i32.const 1)))
            (func (export "size") (result i32) (memory.size)))"#;
        let module = crate::support::module(engine, wat);
        let instance = wamr::Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
        let size = instance.get_typed_func::<(), i32>(&mut store, "size").unwrap();
        let call = std::panic::AssertUnwindSafe(|| grow.call(&mut store, ()));
        std::panic::catch_unwind(call).unwrap_err();
        assert_eq!(size.call(&mut store, ()).unwrap(), 1);
    });
}
