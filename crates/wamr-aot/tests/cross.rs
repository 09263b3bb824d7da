//! Code for machines that nothing runs it on yet: what tools read of it.
#![cfg(feature = "cross")]

mod common;

use common::load;
use object::{Architecture, Object as _, ObjectSection as _, ObjectSymbol as _};
use wamr_aot::compiler::{
    CodeGenerator as _, CompileOptions, Cranelift, OptLevel, Unsupported, compile,
};
use wamr_aot::file::{WriteOptions, read, write};
use wamr_aot::{LoadError, LoadedModule};
use wamr_runtime::{Engine, Error, MemoryKind};
use wamr_types::{ModuleBytes, TypeRegistry};

/// Two functions that call each other and the runtime, over a memory and a table.
const CALLS: &str = r#"(module
    (memory 1) (table 1 funcref) (tag $t (param i32))
    (func $first (export "first") (param i32) (result i32)
        (drop (memory.grow (local.get 0)))
        (block $caught (result i32)
            (try_table (catch $t $caught) (throw $t (call $second (local.get 0))))
            (i32.const 1)))
    (func $second (export "second") (param i32) (result i32)
        (i32.store offset=16 (local.get 0) (i32.div_s (i32.const 7) (local.get 0)))
        (if (local.get 0) (then (return (call $first (i32.sub (local.get 0) (i32.const 1))))))
        (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))"#;

const VECTORS: &str = r#"(module (memory 1)
    (func (export "f") (param v128) (result v128)
        (i32x4.add (local.get 0) (v128.load (i32.const 0)))))"#;

/// The file for a machine.
fn file_for(generator: &Cranelift, text: &str) -> Result<Vec<u8>, Error> {
    let engine = Engine::default();
    let module = load(&engine, text);
    let options = CompileOptions {
        memory0: vec![MemoryKind::Checked],
        inlines: false,
        ..CompileOptions::default()
    };
    let compiled = compile(generator, &module, engine.types(), &options)?;
    write(&module, engine.types(), &compiled, &WriteOptions::default())
}

fn generator(arch: &str, features: &[&str]) -> Cranelift {
    Cranelift::new(arch, features.iter().copied(), OptLevel::Speed).expect("there is one")
}

/// Where an instruction of a call leads to.
type Target = fn(at: u64, first: u32, second: u32) -> Option<u64>;

fn arm64_call(at: u64, first: u32, _: u32) -> Option<u64> {
    let words = (first << 6) as i32 >> 6;
    (first >> 26 == 0b100101).then(|| at.wrapping_add_signed(i64::from(words) * 4))
}

fn riscv_call(at: u64, first: u32, second: u32) -> Option<u64> {
    let is_call = first & 0x7f == 0x17 && second & 0x707f == 0x67;
    let distance = i64::from((first & 0xffff_f000) as i32) + i64::from(second as i32 >> 20);
    is_call.then(|| at.wrapping_add_signed(distance))
}

#[test]
fn files_are_those_of_their_machine_and_calls_lead_to_functions() {
    let machines: [(&str, &[&str], Architecture, Target, u32); 3] = [
        ("aarch64", &["lse"], Architecture::Aarch64, arm64_call, object::elf::R_AARCH64_ABS64),
        ("riscv64", &[], Architecture::Riscv64, riscv_call, object::elf::R_RISCV_64),
        ("riscv64", &["c", "zba"], Architecture::Riscv64, riscv_call, object::elf::R_RISCV_64),
    ];
    for (arch, features, machine, target, reloc) in machines {
        let bytes = file_for(&generator(arch, features), CALLS).expect("it is compiled");
        let elf = object::File::parse(&bytes[..]).expect("it is ELF");
        assert_eq!((elf.architecture(), elf.is_64()), (machine, true));
        if let object::FileFlags::Elf { e_flags, .. } = elf.flags() {
            let is_compressed = e_flags & object::elf::EF_RISCV_RVC != 0;
            assert_eq!(is_compressed, features.contains(&"c"));
        }
        let functions: Vec<_> = elf.symbols().filter(|symbol| symbol.is_definition()).collect();
        let starts: Vec<u64> = functions.iter().map(|symbol| symbol.address()).collect();
        let names: Vec<_> = functions.iter().map(|symbol| symbol.name().unwrap()).collect();
        assert_eq!(names, ["first", "second"]);

        // Each calls the other, and nothing but beginnings of functions is called.
        let code = elf.section_by_name(".text").expect("it is there").data().expect("bytes");
        let word = |at: usize| code[at..].first_chunk().map(|word| u32::from_le_bytes(*word));
        let mut called = Vec::new();
        let unit = if features.contains(&"c") { 2 } else { 4 };
        for at in (0..code.len() - 7).step_by(unit) {
            let (Some(first), Some(second)) = (word(at), word(at + 4)) else { continue };
            if let Some(to) = target(at as u64, first, second) {
                assert!(starts.contains(&to), "a call at {at:#x} leads to {to:#x}");
                called.push(to);
            }
        }
        called.sort_unstable();
        called.dedup();
        assert_eq!(called, starts);

        let got = elf.section_by_name(".got").expect("it is there");
        let relocs: Vec<_> = got.relocations().collect();
        assert!(!relocs.is_empty());
        for (_, found) in relocs {
            assert_eq!(found.flags(), object::RelocationFlags::Elf { r_type: reloc });
        }
    }
}

#[test]
fn other_machines_refuse_the_code() {
    for arch in ["aarch64", "riscv64"] {
        if arch == std::env::consts::ARCH {
            continue;
        }
        let generator = generator(arch, &[]);
        assert_eq!(&*generator.target().arch, arch);
        let bytes = file_for(&generator, CALLS).expect("it is compiled");
        let file = read(ModuleBytes::new(bytes), &TypeRegistry::new()).expect("it can be read");
        let refused = LoadedModule::check(&file.compiled, file.text.len());
        let Err(error @ LoadError::Target(_)) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains(arch), "{error}");
    }
}

#[test]
fn vectors_need_a_processor_that_has_them() {
    assert!(file_for(&generator("aarch64", &[]), VECTORS).is_ok());
    let error = file_for(&generator("riscv64", &[]), VECTORS).expect_err("there are none");
    let unsupported = error.downcast_ref::<Unsupported>().expect("that is why");
    assert!(unsupported.operator.contains("riscv64"), "{unsupported}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for arch in ["aarch64", "riscv64"] {
        let [first, second] =
            [(); 2].map(|()| file_for(&generator(arch, &[]), CALLS).expect("it is compiled"));
        assert!(first == second);
    }
    assert!(Cranelift::new("aarch64", ["avx"], OptLevel::Speed).is_err());
    assert!(Cranelift::new("sparc64", [], OptLevel::Speed).is_err());
}
