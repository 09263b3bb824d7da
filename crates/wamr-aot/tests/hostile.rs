//! Files whose digest fits, and whose contents no compiler wrote: they are refused.
#![cfg(all(feature = "compiler", target_os = "linux", target_arch = "x86_64"))]

mod common;

use std::io;

use common::load;
use wamr_aot::compiler::{CompileOptions, Cranelift, compile};
use wamr_aot::file::{AotFile, FileError, WriteOptions, read, write};
use wamr_aot::{CompiledModule, FileMemory, LoadError, LoadedModule};
use wamr_runtime::Engine;
use wamr_types::{
    AbstractHeapType, CompositeType, ConstExpr, ConstOp, ElementItems, FieldType, FuncIdx,
    FuncType, HeapType, Module, ModuleBytes, RecGroup, RefType, RegistryError, StorageType,
    StructType, SubType, TypeId, TypeIdx, TypeRegistry, ValType,
};

/// Compiles a module.
fn compiled(engine: &Engine, text: &str) -> (Module, CompiledModule) {
    let module = load(engine, text);
    let generator = Cranelift::host().expect("this machine has one");
    let options = CompileOptions::default();
    let code = compile(&generator, &module, engine.types(), &options).expect("it is compiled");
    (module, code)
}

/// Reads a file; gives how many types the reader's engine knows afterwards, too, which are none of a
/// file that was refused.
fn reread(bytes: Vec<u8>) -> (Result<AotFile, FileError>, usize) {
    let registry = TypeRegistry::new();
    let result = read(ModuleBytes::new(bytes), &registry);
    assert!(result.is_ok() || registry.is_empty(), "{result:?}");
    (result, registry.len())
}

/// Reads a file that has been written with some other module in place of the one of a text.
fn changed(text: &str, change: impl FnOnce(&mut Module)) -> (Result<AotFile, FileError>, usize) {
    let engine = Engine::default();
    let (mut module, code) = compiled(&engine, text);
    change(&mut module);
    let bytes = write(&module, engine.types(), &code, &WriteOptions::default());
    reread(bytes.expect("it is written"))
}

/// Where the header begins, and what stands in it.
const HEADER: usize = 64;
const LEN: usize = HEADER + 16;
const DIGEST: usize = HEADER + 24;

/// A file of a module of no functions.
fn small() -> Vec<u8> {
    let engine = Engine::default();
    let (module, code) = compiled(&engine, "(module)");
    write(&module, engine.types(), &code, &WriteOptions::default()).expect("it is written")
}

/// Makes length and digest fit, and reads the file.
fn sealed(mut bytes: Vec<u8>) -> (Result<AotFile, FileError>, usize) {
    let len = bytes.len() as u64;
    bytes[LEN..LEN + 8].copy_from_slice(&len.to_le_bytes());
    bytes[DIGEST..DIGEST + 32].fill(0);
    let digest = blake3::hash(&bytes);
    bytes[DIGEST..DIGEST + 32].copy_from_slice(digest.as_bytes());
    reread(bytes)
}

/// The places of the section headers of ELF in a file, each of 64 bytes.
fn section_headers(bytes: &[u8]) -> Vec<usize> {
    let start = u64::from_le_bytes(bytes[0x28..0x30].try_into().expect("8 bytes")) as usize;
    let count = u16::from_le_bytes(bytes[0x3c..0x3e].try_into().expect("2 bytes"));
    (0..usize::from(count)).map(|at| start + at * 64).collect()
}

fn refusal(result: Result<AotFile, FileError>) -> &'static str {
    match result {
        Err(FileError::Malformed(what)) => what,
        Err(FileError::Types(RegistryError::InvalidSubtype(what))) => what,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it is read"),
    }
}

/// A recursion group, from the types before.
type Group<'a> = &'a dyn Fn(&[TypeId]) -> Vec<SubType>;

/// Reads a file with these types, if there is an engine that can hold them: whoever reads a file asks
/// the engine's registry too.
fn with_types(groups: &[Group<'_>]) -> (Result<AotFile, FileError>, usize) {
    let engine = Engine::default();
    let (mut module, code) = compiled(&engine, "(module)");
    let (mut types, mut type_defs) = (Vec::new(), Vec::new());
    for group in groups {
        let members: Box<[SubType]> = group(&types).into();
        let len = members.len() as u32;
        let first = match engine.types().register(RecGroup { types: members }) {
            Ok(first) => first,
            Err(error) => return (Err(error.into()), 0),
        };
        for id in (first.get()..first.get() + len).filter_map(TypeId::from_raw) {
            types.push(id);
            type_defs.push(engine.types().get(id).expect("it is registered"));
        }
    }
    module.types = types.into();
    module.type_defs = type_defs.into();
    let bytes = write(&module, engine.types(), &code, &WriteOptions::default());
    reread(bytes.expect("it is written"))
}

fn open(composite: CompositeType) -> SubType {
    SubType { is_final: false, supertype: None, composite }
}

fn below(parent: TypeId, composite: CompositeType) -> SubType {
    SubType { supertype: Some(parent), ..open(composite) }
}

fn func(params: &[ValType], results: &[ValType]) -> CompositeType {
    CompositeType::Func(FuncType::new(params.iter().copied(), results.iter().copied()))
}

fn structure(mutable: bool, fields: &[ValType]) -> CompositeType {
    let field = |&ty| FieldType { storage: StorageType::Val(ty), mutable };
    CompositeType::Struct(StructType { fields: fields.iter().map(field).collect() })
}

fn reference(heap: HeapType) -> ValType {
    ValType::Ref(RefType { nullable: true, heap })
}

#[test]
fn declared_subtypes_must_be_subtypes() {
    const ANY: HeapType = HeapType::Abstract(AbstractHeapType::Any);
    const NONE: HeapType = HeapType::Abstract(AbstractHeapType::None);
    let pair = |parent: CompositeType, child: CompositeType| {
        with_types(&[&|_| vec![open(parent.clone())], &|types| {
            vec![below(types[0], child.clone())]
        }])
    };
    let (any, none) = (reference(ANY), reference(NONE));
    for (parent, child) in [
        (func(&[none], &[any]), func(&[any], &[none])),
        (structure(false, &[any]), structure(false, &[none, ValType::I32])),
        (structure(true, &[any]), structure(true, &[any])),
    ] {
        assert!(pair(parent, child).0.is_ok());
    }
    let wrong = "a subtype that does not match its supertype";
    for (parent, child) in [
        (func(&[any], &[]), func(&[none], &[])),
        (func(&[], &[none]), func(&[], &[any])),
        (func(&[ValType::I32], &[]), func(&[ValType::I64], &[])),
        (func(&[], &[]), func(&[], &[ValType::I32])),
        (func(&[], &[]), structure(false, &[])),
        (structure(false, &[any, any]), structure(false, &[any])),
        (structure(false, &[ValType::I64]), structure(false, &[any])),
        (structure(false, &[any]), structure(true, &[any])),
        (structure(true, &[any]), structure(true, &[none])),
    ] {
        let (result, types) = pair(parent, child);
        assert_eq!(refusal(result), wrong);
        assert_eq!(types, 0, "nothing is registered of what is refused");
    }
    let (result, _) =
        with_types(&[&|_| vec![SubType { is_final: true, ..open(func(&[], &[])) }], &|types| {
            vec![below(types[0], func(&[], &[]))]
        }]);
    assert_eq!(refusal(result), "a subtype of a final type");
}

#[test]
fn readers_have_types_checked() {
    let engine = Engine::default();
    let text = "(module (type $a (sub (func))) (type (sub $a (func))))";
    let (module, code) = compiled(&engine, text);
    let bytes = write(&module, engine.types(), &code, &WriteOptions::default()).expect("written");
    // Somewhere it says that the first one has subtypes.
    let refusals = (HEADER + 56..bytes.len()).filter(|&at| bytes[at] == 0).filter_map(|at| {
        let mut changed = bytes.clone();
        changed[at] = 1;
        match sealed(changed).0 {
            Err(FileError::Types(RegistryError::InvalidSubtype(what))) => Some(what),
            _ => None,
        }
    });
    let refusals: Vec<_> = refusals.collect();
    assert!(refusals.contains(&"a subtype of a final type"), "{refusals:?}");
}

#[test]
fn members_of_a_group_are_matched_by_their_place() {
    let own = |position| reference(HeapType::Concrete(TypeId::in_group(position)));
    let group = |parent: ValType, child: ValType| {
        with_types(&[&|_| vec![open(structure(true, &[]))], &|types| {
            let [outer, first, second] = [types[0], TypeId::in_group(0), TypeId::in_group(1)];
            vec![
                below(outer, structure(false, &[])),
                below(first, structure(false, &[parent])),
                below(second, structure(false, &[child])),
            ]
        }])
        .0
    };
    assert!(group(own(0), own(2)).is_ok());
    assert!(group(own(1), own(1)).is_ok());
    assert!(group(own(0), reference(HeapType::Abstract(AbstractHeapType::None))).is_ok());
    assert!(group(reference(HeapType::Abstract(AbstractHeapType::Eq)), own(2)).is_ok());
    for (parent, child) in [
        (own(2), own(1)),
        (own(0), reference(HeapType::Abstract(AbstractHeapType::Struct))),
        (reference(HeapType::Abstract(AbstractHeapType::Array)), own(0)),
    ] {
        assert_eq!(refusal(group(parent, child)), "a subtype that does not match its supertype");
    }
    // Through the group to a type before it, and not back.
    let through = |swap: bool| {
        with_types(&[&|_| vec![open(func(&[], &[]))], &|types| {
            let mut pair = [
                reference(HeapType::Concrete(types[0])),
                reference(HeapType::Concrete(TypeId::in_group(0))),
            ];
            if swap {
                pair.reverse();
            }
            vec![
                below(types[0], func(&[], &[])),
                open(func(&[], &[pair[0]])),
                below(TypeId::in_group(1), func(&[], &[pair[1]])),
            ]
        }])
        .0
    };
    assert!(through(false).is_ok());
    assert_eq!(refusal(through(true)), "a subtype that does not match its supertype");
}

#[test]
fn subtypes_are_as_deep_as_loaders_allow() {
    let chain = |len: usize| {
        let root: Group<'_> = &|_| vec![open(func(&[], &[]))];
        let next: Group<'_> = &|types| vec![below(types[types.len() - 1], func(&[], &[]))];
        let mut groups = vec![next; len];
        groups[0] = root;
        with_types(&groups)
    };
    assert!(chain(64).0.is_ok());
    assert_eq!(refusal(chain(65).0), "subtypes too deep");
    // The same in one group.
    let (result, types) = with_types(&[&|_| {
        let member = |at| match at {
            0 => open(func(&[], &[])),
            _ => below(TypeId::in_group(at - 1), func(&[], &[])),
        };
        (0..65).map(member).collect()
    }]);
    assert_eq!(refusal(result), "subtypes too deep");
    assert_eq!(types, 0);
}

#[test]
fn modules_are_as_large_as_loaders_allow() {
    const BEYOND: &str = "a module beyond the limits of modules";
    let one = |composite: CompositeType| with_types(&[&|_| vec![open(composite.clone())]]);
    let many = |count| vec![ValType::V128; count];
    assert!(one(func(&many(1_000), &many(1_000))).0.is_ok());
    assert!(one(structure(false, &many(10_000))).0.is_ok());
    for composite in
        [func(&many(1_001), &[]), func(&[], &many(1_001)), structure(false, &many(10_001))]
    {
        let (result, types) = one(composite);
        assert_eq!((refusal(result), types), (BEYOND, 0));
    }
    let memories = |count: usize| {
        let change = |module: &mut Module| {
            module.memories = vec![module.memories[0]; count].into();
        };
        changed("(module (memory 1))", change).0
    };
    assert!(memories(100).is_ok());
    assert_eq!(refusal(memories(101)), BEYOND);
    let elements = |count: u32| {
        let text = r#"(module (type $a (array i32))
            (global (ref $a) (array.new_fixed $a 1 (i32.const 1))))"#;
        let change = |module: &mut Module| {
            let mut ops = vec![ConstOp::I32Const(1); count as usize];
            ops.push(ConstOp::ArrayNewFixed(TypeIdx(0), count));
            module.globals[0].init = Some(ConstExpr(ops.into()));
        };
        changed(text, change).0
    };
    assert!(elements(10_000).is_ok());
    assert_eq!(refusal(elements(10_001)), "an invalid constant expression");
}

#[test]
fn engines_learn_no_types_of_files_that_are_refused_late() {
    let text = r#"(module (memory 1) (table 1 funcref) (global i32 (i32.const 0))
        (func $f (param i32) (result f64) (f64.const 0)) (func $g) (start $g)
        (elem (i32.const 0) $f $g) (data (i32.const 0) "x"))"#;
    let (good, types) = changed(text, |_| {});
    assert!(good.is_ok() && types == 2);
    type Change = fn(&mut Module);
    let changes: [(&str, Change); 4] = [
        ("a start function with parameters or results", |module| module.start = Some(FuncIdx(0))),
        ("an unknown function", |module| module.start = Some(FuncIdx(9))),
        ("names out of order", |module| module.names.funcs.reverse()),
        ("an unknown function", |module| {
            module.elements[0].items = ElementItems::Funcs(Box::new([FuncIdx(7)]));
        }),
    ];
    for (what, change) in changes {
        let (result, types) = changed(text, change);
        assert_eq!((refusal(result), types), (what, 0));
    }
}

#[test]
fn readers_that_say_too_much_are_refused() {
    struct Liar;
    impl io::Read for Liar {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            Ok(buf.len() + 1)
        }
    }
    let error = FileMemory::read(Liar, 100).expect_err("it cannot have read that much");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn files_have_few_sections() {
    let with = |count: u16| {
        let mut bytes = small();
        // The table is moved to the end, where there is room for more.
        let table: Vec<u8> =
            section_headers(&bytes).iter().flat_map(|&at| bytes[at..at + 64].to_vec()).collect();
        let start = bytes.len() as u64;
        bytes.extend(table);
        bytes.resize(start as usize + 64 * usize::from(count), 0);
        bytes[0x28..0x30].copy_from_slice(&start.to_le_bytes());
        bytes[0x3c..0x3e].copy_from_slice(&count.to_le_bytes());
        sealed(bytes).0
    };
    assert!(with(64).is_ok());
    assert_eq!(refusal(with(65)), "too many sections");
    assert_eq!(refusal(with(60_000)), "too many sections");
}

/// A file whose section at a position of the table has other contents; they go to the end.
fn replaced(position: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = small();
    let header = section_headers(&bytes)[position];
    let number = |bytes: &[u8], at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes")) as usize
    };
    let (start, len) = (number(&bytes, header + 24), number(&bytes, header + 32));
    let mut contents = bytes[start..start + len].to_vec();
    change(&mut contents);
    let start = bytes.len() as u64;
    bytes[header + 24..header + 32].copy_from_slice(&start.to_le_bytes());
    bytes[header + 32..header + 40].copy_from_slice(&(contents.len() as u64).to_le_bytes());
    bytes.extend(contents);
    bytes
}

/// A file of a module that calls the runtime, and where in it the header of its `.got` is.
fn with_got() -> (Vec<u8>, usize) {
    let engine = Engine::default();
    let text = "(module (func (drop (ref.func 0))) (elem declare func 0))";
    let (module, code) = compiled(&engine, text);
    let bytes = write(&module, engine.types(), &code, &WriteOptions::default()).expect("written");
    let got = section_headers(&bytes)[GOT];
    (bytes, got)
}

#[test]
fn addresses_are_written_where_nothing_is() {
    let (bytes, header) = with_got();
    let offset = |at: usize| {
        u64::from_le_bytes(bytes[at + 24..at + 32].try_into().expect("8 bytes")) as usize
    };
    assert!(sealed(bytes.clone()).0.is_ok());
    let mut filled = bytes.clone();
    filled[offset(header)] = 1;
    assert_eq!(refusal(sealed(filled).0), "a table of addresses that is filled already");
    // Another section, and the table of sections, are moved there.
    let start = offset(header) as u64;
    for section in [DATA, CUSTOM] {
        let mut overlapping = bytes.clone();
        let at = section_headers(&bytes)[section];
        overlapping[at + 24..at + 32].copy_from_slice(&(start - 1).to_le_bytes());
        overlapping[at + 32..at + 40].copy_from_slice(&2u64.to_le_bytes());
        let wrong = refusal(sealed(overlapping).0);
        assert_eq!(wrong, "a table of addresses where something else is");
    }
    // Elsewhere than right behind the code.
    let mut moved = bytes;
    let start = moved.len().next_multiple_of(4096);
    moved.resize(start + 4096, 0);
    moved[header + 24..header + 32].copy_from_slice(&(start as u64).to_le_bytes());
    let memory = |bytes: &[u8]| FileMemory::read(bytes, bytes.len()).expect("there is memory");
    let file = sealed(moved.clone()).0.expect("nothing is there");
    // SAFETY: it is refused.
    let loaded = unsafe { LoadedModule::load_file(file.compiled, &memory(&moved), file.text) };
    assert!(matches!(loaded.err(), Some(LoadError::Malformed)));
}

/// Where sections are in the table.
const INFO: usize = 2;
const MODULE: usize = 3;
const DATA: usize = 10;
const CUSTOM: usize = 11;
const GOT: usize = 13;

#[test]
fn nothing_stands_where_nothing_is_read() {
    for section in [INFO, MODULE] {
        assert!(sealed(replaced(section, |_| ())).0.is_ok());
        let longer = sealed(replaced(section, |contents| contents.push(0))).0;
        assert_eq!(refusal(longer), "a section with more than what it is to hold");
    }
    for at in [HEADER + 14, HEADER + 15] {
        let mut bytes = small();
        bytes[at] = 1;
        assert_eq!(refusal(sealed(bytes).0), "bytes of the header that mean nothing yet");
    }
    let unknown = sealed(replaced(INFO, |contents| {
        let at = contents.windows(6).position(|name| name == b"memory").expect("a feature");
        contents[at] = b'M';
    }));
    assert!(matches!(unknown.0, Err(FileError::Requires(name)) if name.contains("Memory")));
}
