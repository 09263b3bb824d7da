//! Files of compiled modules: what is written is read again, and nothing else is.
#![cfg(all(feature = "compiler", target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::load;
use wamr_aot::artifact::LinkedOffset;
use wamr_aot::compiler::{CompileOptions, Cranelift, compile};
use wamr_aot::file::{AotFile, FileError, Kind, WriteOptions, is_aot, read, write};
use wamr_aot::{CompiledModule, FileMemory, LoadError, LoadedModule};
use wamr_runtime::Engine;
use wamr_types::{
    ConstOp, ElementItems, FuncType, HeapType, ImportDesc, Module, ModuleBytes, RefType, TypeId,
    TypeRegistry, ValType,
};

/// Where the header begins, and what stands in it.
const HEADER: usize = 64;
const FORMAT: usize = HEADER + 8;
const ABI: usize = HEADER + 10;
const PACKAGE: usize = HEADER + 12;
const DIGEST: usize = HEADER + 24;

/// A module that has something of everything.
const LARGE: &str = r#"(module $large
    (rec
        (type $node (sub (struct (field $next (mut (ref null $node))) (field i8) (field f64))))
        (type $list (array (mut (ref null $node)))))
    (type $leaf (sub final $node
        (struct (field $next (mut (ref null $node))) (field i8) (field f64) (field v128))))
    (type $binary (func (param i32 i64) (result i32)))
    (import "env" "f" (func $f (type $binary)))
    (import "env" "table" (table $imported 1 10 funcref))
    (import "env" "memory" (memory 1 2))
    (import "env" "global" (global $imported i32))
    (import "env" "mutable" (global $mutable (mut externref)))
    (import "env" "tag" (tag $t (param i32)))
    (tag $own (param i64 (ref $node)))
    (memory $second i64 1 2)
    (table $own 3 3 (ref func) (ref.func $g))
    (global $sum i32 (i32.add (global.get $imported) (i32.const 4)))
    (global $node (ref $node)
        (struct.new $node (ref.null $node) (i32.const 1) (f64.const 2.5)))
    (global $list (ref $list) (array.new_fixed $list 2 (ref.null $node) (global.get $node)))
    (global $vector (mut v128) (v128.const i64x2 1 2))
    (global $any anyref (ref.i31 (i32.const 5)))
    (elem $active (table $imported) (offset (global.get $imported)) func $f $g)
    (elem $exprs (ref null i31) (item (ref.i31 (i32.const 1))) (item (ref.null i31)))
    (elem declare func $h)
    (data $active (i32.const 16) "some data")
    (data $passive "passive")
    (data (memory $second) (i64.const 7) "\00\01\02")
    (export "g" (func $g)) (export "own" (table $own)) (export "second" (memory $second))
    (export "list" (global $list)) (export "t" (tag $t))
    (start $start)
    (func $start (drop (call $g (i32.const 1) (i64.const 2))))
    (func $g (type $binary)
        (memory.init $passive (i32.const 0) (i32.const 0) (local.get 0))
        (i32.store (local.get 0) (i32.load (i32.const 4)))
        (i32.add (call $f (local.get 0) (local.get 1))
            (call_indirect $imported (type $binary) (i32.const 1) (i64.const 0) (local.get 0))))
    (func $h (param i32) (result i32)
        (block $caught (result i32)
            (try_table (catch $t $caught) (throw $t (i32.div_u (i32.const 1) (local.get 0))))
            (unreachable))
        (drop (ref.func $h))
        (return_call $g (i64.const 3)))
    (@custom "extra" "contents of a custom section"))"#;

fn written(text: &str, custom_sections: Option<Vec<String>>) -> Vec<u8> {
    let engine = Engine::default();
    let module = load(&engine, text);
    let generator = Cranelift::host().expect("this machine has one");
    let options = CompileOptions::default();
    let compiled = compile(&generator, &module, engine.types(), &options).expect("it is compiled");
    let mut options = WriteOptions::default();
    options.custom_sections = custom_sections;
    write(&module, engine.types(), &compiled, &options).expect("it is written")
}

fn reread(bytes: &[u8]) -> Result<AotFile, FileError> {
    read(ModuleBytes::new(bytes.to_vec()), &TypeRegistry::new())
}

/// Makes the digest fit.
fn seal(bytes: &mut [u8]) {
    bytes[DIGEST..DIGEST + 32].fill(0);
    let digest = blake3::hash(bytes);
    bytes[DIGEST..DIGEST + 32].copy_from_slice(digest.as_bytes());
}

#[test]
fn what_is_read_is_what_was_written() {
    let bytes = written(LARGE, None);
    assert!(is_aot(&bytes));
    let registry = TypeRegistry::new();
    let mut file = read(ModuleBytes::new(bytes.clone()), &registry).expect("it can be read");
    file.compiled.code = file.code().into();
    assert_eq!(file.package, 2);
    assert_eq!(file.module.name(), Some("large"));
    assert_eq!(file.module.custom_section("extra"), Some(&b"contents of a custom section"[..]));
    assert_eq!(file.module.data_bytes(wamr_types::DataIdx(1)), b"passive");
    // Written once more, with types of another registry, it is the same.
    let again = write(&file.module, &registry, &file.compiled, &WriteOptions::default());
    assert!(again.expect("it is written") == bytes);
    // SAFETY: the compiler made it.
    assert!(unsafe { LoadedModule::load(file.compiled) }.is_ok());
}

#[test]
fn recursion_groups_that_come_twice_keep_their_identity() {
    let text = r#"(module
        (rec (type $a (func (param (ref null $a)))) (type (func)))
        (rec (type $b (func (param (ref null $b)))) (type (func)))
        (type $c (func (param (ref null $a))))
        (func (export "f") (type $b)))"#;
    let bytes = written(text, None);
    let module = reread(&bytes).expect("it can be read").module;
    assert_eq!(module.types[0], module.types[2]);
    assert_ne!(module.types[0], module.types[4]);
}

#[test]
fn the_lowest_package_version_that_suffices_is_written() {
    let package = |text: &str| reread(&written(text, None)).expect("it can be read").package;
    let first = r#"(module (import "" "f" (func)) (import "" "g" (global i32)) (memory 1)
        (table 1 funcref) (tag) (func (export "run") (call 0)))"#;
    assert_eq!(package(first), 1);
    assert_eq!(package("(module)"), 1);
    for import in ["(table 1 funcref)", "(memory 1)", "(tag)"] {
        assert_eq!(package(&format!(r#"(module (import "" "" {import}))"#)), 2);
    }
    // What a version does not have is refused where that version is claimed.
    let mut bytes = written(r#"(module (import "" "" (memory 1)))"#, None);
    bytes[PACKAGE] = 1;
    seal(&mut bytes);
    assert!(matches!(reread(&bytes), Err(FileError::Malformed(_))));
}

#[test]
fn custom_sections_can_be_left_out() {
    let bytes = written(LARGE, Some(Vec::new()));
    let module = reread(&bytes).expect("it can be read").module;
    assert!(module.customs.is_empty());
    assert_eq!(module.name(), Some("large"), "names are no matter of sections");
}

#[test]
fn other_files_are_told_apart() {
    for (bytes, kind) in [
        (&b"\0asm\x01\0\0\0"[..], Kind::Wasm),
        (b"\0aot\x05\0\0\0", Kind::WamrC),
        (b"\x7fELF\x02\x01\x01", Kind::OtherElf),
        (b"(module)", Kind::Unknown),
        (b"", Kind::Unknown),
    ] {
        assert!(matches!(reread(bytes), Err(FileError::NotAot(found)) if found == kind));
    }
    let elf = std::fs::read(std::env::current_exe().expect("a path")).expect("the test itself");
    assert!(matches!(reread(&elf), Err(FileError::NotAot(Kind::OtherElf))));
}

#[test]
fn other_versions_say_which() {
    for (at, name) in [(FORMAT, "format"), (ABI, "ABI"), (PACKAGE, "package")] {
        let mut bytes = written("(module)", None);
        bytes[at] = 9;
        // Not even the digest need be where it is now.
        let error = reread(&bytes).expect_err("it is newer");
        assert!(matches!(error, FileError::Version { what, found: 9, .. } if what == name));
        assert!(error.to_string().contains("newer runtime"), "{error}");
    }
}

#[test]
fn every_truncation_and_every_changed_byte_is_found_out() {
    let bytes = written(LARGE, None);
    for len in 0..bytes.len() {
        assert!(reread(&bytes[..len]).is_err(), "cut to {len} bytes");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(reread(&longer).is_err());
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        changed[at] ^= 1 << (at % 8);
        assert!(reread(&changed).is_err(), "byte {at} changed");
        changed[at] = bytes[at];
    }
}

/// Whether the digest fits is none of these files' problems: whatever they say, reading them ends
/// with a module or an error.
#[test]
fn damage_of_large_files_is_found_out_although_they_are_read_meanwhile() {
    let data = "x".repeat(5 << 20);
    let text = LARGE.replace("some data", &data).replace("memory 1 2", "memory 81 82");
    let bytes = written(&text, None);
    assert!(reread(&bytes).is_ok());
    // Some of it in what is read at once, some in what is only hashed.
    for at in [300, 500, 900, 4 << 20, bytes.len() - 5000, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 0x81;
        let error = reread(&changed).expect_err("it is damaged");
        assert!(matches!(error, FileError::Damaged), "{at}: {error}");
    }
    assert!(matches!(reread(&bytes[..bytes.len() - 1]), Err(FileError::Damaged)));
}

#[test]
fn no_contents_make_the_reader_misbehave() {
    let bytes = written(LARGE, None);
    let mut accepted = 0;
    let mut attempt = |changed: &mut Vec<u8>| {
        let len = changed.len() as u64;
        changed[HEADER + 16..HEADER + 24].copy_from_slice(&len.to_le_bytes());
        seal(changed);
        let memory = FileMemory::read(&changed[..], changed.len()).expect("there is memory");
        let types = TypeRegistry::new();
        match read(ModuleBytes::new(memory.clone()), &types) {
            Ok(file) => {
                accepted += 1;
                // SAFETY: nobody runs it.
                let _ = unsafe { LoadedModule::load_file(file.compiled, &memory, file.text) };
            }
            Err(_) => assert!(types.is_empty(), "types of a file that is refused"),
        }
    };
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        // Code and padding mean nothing to the reader.
        if bytes[at] == 0 && at % 16 != 0 {
            continue;
        }
        for value in [bytes[at] ^ 1 << (at % 8), 0, 0x7f, 0x80, 0xff] {
            if value != bytes[at] {
                changed[at] = value;
                attempt(&mut changed);
            }
        }
        changed[at] = bytes[at];
    }
    for len in (HEADER + 64..bytes.len()).step_by(7) {
        attempt(&mut bytes[..len].to_vec());
    }
    assert!(accepted > 0, "names and code can be anything");
}

/// What a tool sees: names beside the places of the table.
#[test]
fn fields_are_linked_by_name_and_frozen_ones_are_listed() {
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
    let text = r#"(module
        (type $node (struct (field (mut (ref null $node))) (field i32)))
        (import "" "many" (func $many (param i32 i32 i32 i32 i32 i32)))
        (func (export "f") (param (ref $node)) (result i32)
            (call $many (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
                (i32.const 6))
            (struct.set $node 0 (local.get 0) (local.get 0))
            (struct.get $node 1 (local.get 0))))"#;
    let bytes = written(text, None);
    let elf = object::File::parse(&bytes[..]).expect("it is ELF");
    let got = elf.section_by_name(".got").expect("it is there");
    let linked: Vec<(u64, &str)> = got
        .relocations()
        .map(|(at, reloc)| {
            let RelocationTarget::Symbol(symbol) = reloc.target() else { panic!("no symbol") };
            let symbol = elf.symbol_by_index(symbol).expect("it is there");
            assert!(symbol.is_undefined());
            (at, symbol.name().expect("it has one"))
        })
        .collect();
    let file = reread(&bytes).expect("it can be read");
    let here: Vec<String> =
        file.compiled.linked.iter().map(|name| format!("wamr:{name}")).collect();
    assert_eq!(linked.len(), here.len());
    for (position, (at, name)) in linked.iter().enumerate() {
        assert_eq!((*at, *name), (position as u64 * 8, &*here[position]));
    }
    let listed = |name: &str| file.compiled.layout.iter().any(|field| &*field.name == name);
    for offset in LinkedOffset::ALL {
        let name = offset.name();
        assert!(here.contains(&format!("wamr:{name}")), "{name} is linked");
        assert!(!listed(name), "{name} is not in the code");
    }
    assert!(listed("VmContext.store") && listed("Object.size"));
    // What a module has no use for does not keep its file from being loaded.
    let plain = reread(&written("(module (func))", None)).expect("it can be read");
    assert!(!plain.compiled.layout.iter().any(|field| field.name.starts_with("Object.")));
}

#[test]
fn code_for_other_machines_and_runtimes_says_what_it_needs() {
    let bytes = written("(module (func (drop (ref.func 0))) (elem declare func 0))", None);
    let refusal = |change: fn(&mut CompiledModule)| {
        let registry = TypeRegistry::new();
        let mut file = read(ModuleBytes::new(bytes.clone()), &registry).expect("it can be read");
        file.compiled.code = file.code().into();
        change(&mut file.compiled);
        let changed = write(&file.module, &registry, &file.compiled, &WriteOptions::default());
        let changed = changed.expect("it is written");
        let memory = FileMemory::read(&changed[..], changed.len()).expect("there is memory");
        let file = read(ModuleBytes::new(memory.clone()), &registry).expect("it can be read");
        // SAFETY: the compiler made the code.
        unsafe { LoadedModule::load_file(file.compiled, &memory, file.text) }.err()
    };
    assert!(refusal(|_| ()).is_none());
    let arch = refusal(|module| module.target.arch = "riscv64".into());
    assert!(matches!(arch, Some(LoadError::Target(arch)) if &*arch == "riscv64"));
    let feature = refusal(|module| module.target.cpu_features = Box::new(["amx".into()]));
    assert!(matches!(feature, Some(LoadError::CpuFeature(name)) if &*name == "amx"));
    let builtin = refusal(|module| module.linked[0] = "teleport".into());
    assert!(matches!(builtin, Some(LoadError::Builtin(name)) if &*name == "teleport"));
    let field = refusal(|module| module.linked[0] = "VmStore.teleport".into());
    assert!(matches!(field, Some(LoadError::Builtin(name)) if &*name == "VmStore.teleport"));
    let layout = refusal(|module| module.layout[0].value += 8);
    assert!(matches!(layout, Some(LoadError::Layout(name)) if &*name == "VmContext.store"));
}

/// Every defined type that a module names outside of its types, by index.
fn named_types(module: &Module) -> Vec<usize> {
    let mut heaps = Vec::new();
    let mut add = |ty: ValType| {
        if let ValType::Ref(RefType { heap: HeapType::Concrete(id), .. }) = ty {
            heaps.push(id);
        }
    };
    for import in &module.imports {
        match &import.desc {
            ImportDesc::Global(ty) => add(ty.content),
            ImportDesc::Table(ty) => add(ValType::Ref(ty.element)),
            _ => {}
        }
    }
    module.tables.iter().for_each(|table| add(ValType::Ref(table.ty.element)));
    module.globals.iter().for_each(|global| add(global.ty.content));
    module.elements.iter().for_each(|element| add(ValType::Ref(element.ty)));
    let items = module.elements.iter().filter_map(|element| match &element.items {
        ElementItems::Exprs(items) => Some(items),
        ElementItems::Funcs(_) => None,
    });
    let inits = module.tables.iter().filter_map(|table| table.init.as_ref());
    let inits = inits.chain(module.globals.iter().filter_map(|global| global.init.as_ref()));
    for op in inits.chain(items.flatten()).flat_map(|expr| &expr.0) {
        if let ConstOp::RefNull(heap) = op {
            add(ValType::Ref(RefType { nullable: true, heap: *heap }));
        }
    }
    let index = |id: TypeId| module.types.iter().position(|ty| *ty == id).expect("a type of it");
    heaps.into_iter().map(index).collect()
}

#[test]
fn types_are_those_of_the_engine_that_reads() {
    let text = r#"(module
        (type $a (func (param f32))) (rec (type $b (struct)) (type $c (array (ref null $b))))
        (import "i" "g" (global (ref null $c))) (import "i" "t" (table 1 (ref null $a)))
        (table 2 (ref null $c) (ref.null $c)) (global (ref null $b) (ref.null $b))
        (elem (ref null $a) (ref.null $a)) (elem (table 0) (i32.const 0) (ref null $a) (ref.null $a)))"#;
    let bytes = written(text, None);
    let types = TypeRegistry::new();
    let first = read(ModuleBytes::new(bytes.clone()), &types).expect("it is good").module;
    let named = named_types(&first);
    assert!(named.len() > 8 && (0..3).all(|index| named.contains(&index)), "{named:?}");
    // With other ids, and with the same ones again.
    let others = TypeRegistry::new();
    for params in [vec![ValType::I64], vec![ValType::I64; 2], vec![ValType::I64; 3]] {
        others.register_func(&FuncType::new(params, [])).expect("there is room");
    }
    for (types, is_same) in [(&others, false), (&types, true)] {
        let module = read(ModuleBytes::new(bytes.clone()), types).expect("it is good").module;
        assert_eq!(module.types == first.types, is_same);
        assert_eq!(named_types(&module), named);
        for (id, def) in module.types.iter().zip(&module.type_defs) {
            assert_eq!(types.get(*id).as_ref(), Some(def));
        }
    }
}
