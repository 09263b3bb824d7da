//! A module with every kind of section, looked at field by field.

mod common;

use common::{RICH, everything, load, load_all, load_text};
use wamr_types::*;

fn rich() -> Module {
    load_all(RICH).unwrap()
}

fn reference(nullable: bool, heap: HeapType) -> RefType {
    RefType { nullable, heap }
}

#[test]
fn types_have_canonical_ids_and_definitions() {
    let module = rich();
    assert_eq!(module.types.len(), 6);
    assert_eq!(module.func_type_at(TypeIdx(1)).to_string(), "[i32 i64] -> [f32]");
    let (node, list) = (module.types[2], module.types[3]);
    let CompositeType::Struct(fields) = &module.type_defs[2].composite else { panic!() };
    let to_list = ValType::Ref(reference(true, HeapType::Concrete(list)));
    assert_eq!(fields.fields[1].storage, StorageType::Val(to_list));
    let CompositeType::Array(element) = &module.type_defs[3].composite else { panic!() };
    let to_node = ValType::Ref(reference(true, HeapType::Concrete(node)));
    assert_eq!(element.0, FieldType { storage: StorageType::Val(to_node), mutable: true });
    let leaf = &module.type_defs[4];
    assert_eq!((leaf.is_final, leaf.supertype), (true, Some(node)));
}

#[test]
fn equal_types_of_two_modules_are_one() {
    let registry = TypeRegistry::new();
    let bytes = ModuleBytes::new(wat::parse_str(RICH).unwrap());
    let options = everything(Validation::Eager);
    let load = || wamr_loader::WasmLoader.load(bytes.clone(), &registry, &options).unwrap();
    assert_eq!(load().types, load().types);
    assert_eq!(registry.len(), 6);
}

#[test]
fn imports_stand_first_in_every_index_space() {
    let module = rich();
    let names: Vec<_> = module.imports.iter().map(|import| &*import.name).collect();
    assert_eq!(names, ["log", "table", "memory", "base", "tag"]);
    assert!(module.imports.iter().all(|import| &*import.module == "env"));
    let counts = [
        module.imported_funcs,
        module.imported_tables,
        module.imported_memories,
        module.imported_globals,
        module.imported_tags,
    ];
    assert_eq!(counts, [1; 5]);
    assert_eq!(module.funcs[0], TypeIdx(5));
    assert_eq!(module.tags[..], [TypeIdx(5), TypeIdx(5)]);
    assert_eq!(module.import_type(&module.imports[2]).to_string(), "memory 1 2");
}

#[test]
fn tables_and_memories_keep_their_limits() {
    let module = rich();
    let func = HeapType::Abstract(AbstractHeapType::Func);
    let typed = HeapType::Concrete(module.types[1]);
    assert_eq!(module.tables[1].ty, TableType::new(reference(true, typed), 2, Some(8)));
    assert_eq!(module.tables[2].ty, TableType::new(reference(false, func), 3, None));
    let by_table = module.tables[2].init.as_ref().unwrap();
    assert_eq!(by_table.0[..], [ConstOp::RefFunc(FuncIdx(4))]);
    assert_eq!(module.tables[3].ty.index, IndexType::I64);
    assert_eq!(module.memories[1].index, IndexType::I64);
    assert_eq!(module.memories[1].limits, Limits { min: 0, max: Some(3) });
    assert!(module.memories[2].shared && !module.memories[1].shared);
    assert_eq!(module.memories[2].page_size_log2, 16);
}

#[test]
fn globals_keep_their_initialisers() {
    let module = rich();
    let init = |index: usize| &module.globals[index].init.as_ref().unwrap().0[..];
    assert!(module.globals[0].init.is_none());
    let sum = [ConstOp::GlobalGet(GlobalIdx(0)), ConstOp::I32Const(4), ConstOp::I32Add];
    assert_eq!(init(1), sum);
    assert_eq!(init(2), [ConstOp::V128Const(1 | 2 << 64)]);
    assert!(module.globals[2].ty.mutable);
    assert_eq!(init(3), [ConstOp::RefFunc(FuncIdx(5))]);
    assert_eq!(init(4), [ConstOp::RefNull(HeapType::Concrete(module.types[1]))]);
    assert_eq!(init(5)[2], ConstOp::StructNew(TypeIdx(2)));
    assert_eq!(init(6)[2], ConstOp::ArrayNewFixed(TypeIdx(3), 2));
    assert_eq!(init(7), [ConstOp::I32Const(7), ConstOp::RefI31]);
}

#[test]
fn exports_are_found_by_name() {
    let module = rich();
    assert_eq!(module.exports.len(), 6);
    assert_eq!(module.export("run").unwrap().index, ExternIdx::Func(FuncIdx(2)));
    assert_eq!(module.export("tag").unwrap().index, ExternIdx::Tag(TagIdx(1)));
    assert_eq!(module.export("sum").unwrap().index, ExternIdx::Global(GlobalIdx(1)));
    assert!(module.export("nothing").is_none());
    assert_eq!(module.start, Some(FuncIdx(1)));
}

#[test]
fn segments_keep_mode_items_and_bytes() {
    let module = rich();
    let [active, passive, declared] = &module.elements[..] else { panic!() };
    let ElementMode::Active { table, offset } = &active.mode else { panic!() };
    assert_eq!((*table, &offset.0[..]), (TableIdx(0), &[ConstOp::GlobalGet(GlobalIdx(0))][..]));
    let ElementItems::Funcs(funcs) = &active.items else { panic!() };
    assert_eq!(funcs[..], [FuncIdx(6), FuncIdx(1)]);
    assert!(matches!(passive.mode, ElementMode::Passive));
    let ElementItems::Exprs(exprs) = &passive.items else { panic!() };
    assert_eq!(exprs[0].0[..], [ConstOp::RefFunc(FuncIdx(3))]);
    assert_eq!(passive.ty, reference(true, HeapType::Concrete(module.types[1])));
    assert!(matches!(declared.mode, ElementMode::Declared));
    assert!(matches!(&module.data[0].mode, DataMode::Active { memory: MemoryIdx(0), offset }
        if offset.0[..] == [ConstOp::I32Const(16)]));
    assert!(matches!(module.data[1].mode, DataMode::Passive));
    assert_eq!(module.data_bytes(DataIdx(0)), b"hello");
    assert_eq!(module.data_bytes(DataIdx(1)), b"passive bytes");
}

#[test]
fn functions_that_values_can_name_escape_and_others_do_not() {
    // All but $hidden (8): exports 0 and 2, elements 1, 3, 6 and 7, table 4, global 5.
    let escaping: Vec<_> = rich().escaping_funcs.iter().map(|func| func.0).collect();
    assert_eq!(escaping, [0, 1, 2, 3, 4, 5, 6, 7]);
    let module = load_all(r#"(module (func) (func (export "f")) (func))"#).unwrap();
    assert_eq!(module.escaping_funcs[..], [FuncIdx(1)]);
}

#[test]
fn custom_sections_and_names_are_kept() {
    let module = rich();
    assert_eq!(module.custom_section("build"), Some(&b"id 7"[..]));
    assert!(module.custom_section("name").is_some());
    assert_eq!(module.name(), Some("rich"));
    assert_eq!(module.names.func(FuncIdx(0)), Some("log"));
    assert_eq!(module.names.func(FuncIdx(8)), Some("hidden"));
    assert_eq!(module.names.func(FuncIdx(9)), None);
}

#[test]
fn bodies_are_ranges_of_the_module() {
    let module = rich();
    assert_eq!(module.defined_func_count(), 8);
    let add = module.defined_func(FuncIdx(3)).unwrap();
    let body = module.bodies.body(add);
    assert_eq!(body.bytes, [0, 0x43, 0, 0, 0, 0x40, 0x0b]);
    assert_eq!(&module.bytes.as_slice()[body.range()], body.bytes);
    assert!(module.bodies.validate(add).is_ok());
}

#[test]
fn custom_page_sizes_are_kept() {
    let module = load_all("(module (memory 3 (pagesize 1)))").unwrap();
    assert_eq!(module.memories[0].page_size_bytes(), 1);
}

#[test]
fn the_set_that_validated_a_module_stands_in_it() {
    let options = LoadOptions {
        features: Features::WASM_3_0,
        supported: Features::WASM_2_0.with(Feature::Threads),
        validation: Validation::Eager,
    };
    assert_eq!(load_text("(module)", &options).unwrap().features, Features::WASM_2_0);
}

const HINTED: &str = r#"(module
    (import "m" "f" (func))
    (func (param i32) (local i64)
        (@metadata.code.branch_hint "\01") (if (local.get 0) (then))
        (block (br_if 0 (local.get 0)) (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0))))
    (func)
    (func (param i32) (block (@metadata.code.branch_hint "\01") (br_if 0 (local.get 0)))))"#;

#[test]
fn branch_hints_stand_at_their_branches() {
    let module = load_all(HINTED).unwrap();
    assert!(module.custom_errors.is_empty());
    let opcodes = |func: u32| {
        let body = module.bodies.body(module.defined_func(FuncIdx(func)).unwrap());
        let hints = module.branch_hints(FuncIdx(func)).iter();
        hints.map(|hint| (body.bytes[hint.offset as usize], hint.is_likely)).collect::<Vec<_>>()
    };
    assert_eq!(opcodes(1), [(0x04, true), (0x0d, false)]);
    assert_eq!(opcodes(2), []);
    assert_eq!(opcodes(3), [(0x0d, true)]);
    assert!(module.branch_hints(FuncIdx(0)).is_empty());
}

#[test]
fn bad_branch_hints_are_left_out() {
    let good = wat::parse_str(HINTED).unwrap();
    let name = b"metadata.code.branch_hint";
    let at = good.windows(name.len()).position(|bytes| bytes == name).unwrap() + name.len();
    // Two functions: 1 with hints at two offsets, and 3 with one.
    assert_eq!((good[at], good[at + 1], good[at + 2]), (2, 1, 2));
    let load = |bytes: Vec<u8>, validation| {
        let options = everything(validation);
        wamr_loader::WasmLoader.load(ModuleBytes::new(bytes), &TypeRegistry::new(), &options)
    };
    for (offset, byte, message) in [
        (1, 0, "has no body"),
        (1, 9, "has no body"),
        (1, 3, "invalid target"),
        (9, 1, "out of order"),
        (3, 0, "invalid target"),
        (3, 99, "out of order"),
        (6, good[at + 3], "a duplicate"),
        (4, 2, "branch hint byte"),
        (5, 7, "taken byte"),
        (0, 3, "unexpected end"),
    ] {
        let mut bytes = good.clone();
        bytes[at + offset] = byte;
        let module = load(bytes, Validation::Eager).unwrap();
        let errors: Vec<_> = module.custom_errors.iter().map(ToString::to_string).collect();
        assert!(errors.len() == 1 && errors[0].contains(message), "{offset}: {errors:?}");
        assert!(module.branch_hints.is_empty());
    }
    // Bodies that are not validated yet are not looked at.
    let mut bytes = good.clone();
    bytes[at + 3] = 0;
    assert!(load(bytes, Validation::Lazy).unwrap().custom_errors.is_empty());
}

#[test]
fn data_segments_of_all_forms_keep_their_order_places_and_bytes() {
    /// Encoding, memory and first operator if active, and bytes.
    type Segment = (&'static [u8], Option<(u32, ConstOp)>, &'static [u8]);
    // Numbers longer than they need be, an explicit memory 0, and expressions of several operators.
    let segments: [Segment; 7] = [
        (b"\x00\x41\x05\x0b\x02ab", Some((0, ConstOp::I32Const(5))), b"ab"),
        (b"\x01\x01c", None, b"c"),
        (b"\x00\x41\xff\xff\x03\x0b\x00", Some((0, ConstOp::I32Const(0xffff))), b""),
        (b"\x00\x41\x85\x80\x00\x0b\x83\x00def", Some((0, ConstOp::I32Const(5))), b"def"),
        (b"\x02\x01\x41\x07\x0b\x01g", Some((1, ConstOp::I32Const(7))), b"g"),
        (b"\x80\x00\x41\x7f\x0b\x01h", Some((0, ConstOp::I32Const(-1))), b"h"),
        (b"\x00\x41\x01\x41\x02\x6a\x0b\x01i", Some((0, ConstOp::I32Const(1))), b"i"),
    ];
    let mut contents = vec![segments.len() as u8];
    contents.extend(segments.iter().flat_map(|(bytes, ..)| *bytes));
    let mut bytes = b"\0asm\x01\0\0\0\x05\x05\x02\x00\x01\x00\x01\x0b".to_vec();
    bytes.push(contents.len() as u8);
    bytes.extend(contents);
    let module = load(bytes, &everything(Validation::Eager)).expect("valid");
    assert_eq!(module.data.len(), segments.len());
    for (index, (data, (_, place, expected))) in module.data.iter().zip(segments).enumerate() {
        assert_eq!(module.data_bytes(DataIdx::from_usize(index)), expected, "segment {index}");
        match (&data.mode, place) {
            (DataMode::Passive, None) => {}
            (DataMode::Active { memory, offset }, Some((expected, op))) => {
                assert_eq!((memory.0, offset.0[0]), (expected, op), "segment {index}");
                assert_eq!(offset.0.len(), if index == 6 { 3 } else { 1 });
            }
            (mode, _) => panic!("segment {index} is {mode:?}"),
        }
    }
}
