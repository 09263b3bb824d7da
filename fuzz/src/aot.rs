//! What is behind the digest of AOT files: files that a compiler wrote, changed, whose digest is made
//! to fit.

use std::ops::Range;
use std::sync::OnceLock;

use wamr::{Engine, Instance, Module, Store, StoreLimits};
use wamr_differential::{bytes_of_seed, module_from};

const LEN: Range<usize> = 64 + 16..64 + 24;
const DIGEST: Range<usize> = 64 + 24..64 + 56;

/// How many of the files are of generated modules.
const GENERATED: u64 = 24;

struct File {
    bytes: Vec<u8>,
    /// Sections, the table of them, and both headers.
    parts: Vec<Range<usize>>,
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        let number =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes")) as usize;
        let count = usize::from(u16::from_le_bytes([bytes[0x3c], bytes[0x3d]]));
        let table = number(0x28);
        let mut parts = vec![0..DIGEST.end, table..table + count * 64];
        for header in (0..count).map(|at| table + at * 64) {
            let range = number(header + 24)..number(header + 24) + number(header + 32);
            if !range.is_empty() && range.end <= bytes.len() {
                parts.push(range);
            }
        }
        Self { bytes, parts }
    }
}

/// Files that are good.
fn files(engine: &Engine) -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let texts = SOURCES.iter().map(|text| text.as_bytes().to_vec());
        let generated = (0..GENERATED).filter_map(|seed| module_from(&bytes_of_seed(seed)));
        let compile = |module: Vec<u8>| engine.precompile(&module).expect("it is compiled");
        texts.chain(generated).map(compile).map(File::new).collect()
    })
}

/// Bytes say which file is changed, in which of its parts, and how.
pub fn aot(bytes: &[u8]) -> &'static str {
    let engine = Engine::default();
    let files = files(&engine);
    let Some((&first, mut rest)) = bytes.split_first() else { return "nothing" };
    let good = &files[usize::from(first) % files.len()];
    let mut file = good.bytes.clone();
    // Most changes are refused at once: with many of them, little is seen.
    let changes = 1 + usize::from(first) % 3;
    for _ in 0..changes {
        let Some((change, behind)) = rest.split_first_chunk::<6>() else { break };
        rest = behind;
        let [part, how, value, at @ ..] = *change;
        let at = usize::from(at[0]) | usize::from(at[1]) << 8 | usize::from(at[2]) << 16;
        let part = good.parts[usize::from(part) % good.parts.len()].clone();
        let at = part.start + at % part.len();
        match how % 16 {
            0..=3 if at < file.len() => file[at] = value,
            4..=7 if at < file.len() => file[at] = file[at].wrapping_add(value % 4),
            8..=9 if at < file.len() => file[at] ^= 1 << (value % 8),
            10 => file.truncate(at.max(DIGEST.end)),
            11 => file.extend(std::iter::repeat_n(value, at % 300)),
            12..=13 if at + 4 < file.len() => file[at..at + 4].copy_from_slice(&[value; 4]),
            // Bytes from elsewhere in the same part.
            _ if part.end <= file.len() => {
                let from = part.start + (usize::from(value) * 7) % part.len();
                let len = (1 + usize::from(how / 16)).min(part.end - from.max(at));
                file.copy_within(from..from + len, at);
            }
            _ => {}
        }
    }
    if file.len() < DIGEST.end {
        return "nothing";
    }
    let len = file.len() as u64;
    file[LEN].copy_from_slice(&len.to_le_bytes());
    file[DIGEST].fill(0);
    let digest = blake3::hash(&file);
    file[DIGEST].copy_from_slice(digest.as_bytes());
    let types = engine.types().len();
    // SAFETY: nothing of it is run.
    match unsafe { Module::deserialize(&engine, &file) } {
        Ok(module) => {
            assert!(module.exports().count() < 1 << 20);
            instantiate(&engine, &module);
            if file == good.bytes { "as before" } else { "read" }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(engine.types().len(), types, "types of a file that is refused: {error}");
            "refused"
        }
    }
}

/// Makes an instance, if none of the module's code runs for it.
fn instantiate(engine: &Engine, module: &Module) {
    if module.decoded().start.is_some() {
        return;
    }
    let mut store =
        Store::new(engine, StoreLimits::new().memory_bytes(4 << 20).table_elements(10_000));
    store.limiter(|limits| limits);
    let imports: Option<Vec<_>> = match module.imports().len() {
        0 => Some(Vec::new()),
        // Dummies are made for modules in the binary format alone.
        _ => None,
    };
    let Some(imports) = imports else { return };
    if let Ok(instance) = Instance::new(&mut store, module, &imports) {
        drop(instance.exports(&mut store).expect("it is of this store"));
        store.gc();
    }
}

/// Modules that have something of everything.
const SOURCES: &[&str] = &[
    "(module)",
    r#"(module (import "a" "f" (func $f (param i32))) (import "a" "g" (global i64))
        (memory (export "m") 1 3) (table (export "t") 2 5 funcref) (global (mut f64) (f64.const 1))
        (elem (i32.const 0) $f $h) (data (i32.const 8) "some bytes") (data "passive")
        (func $h (export "h") (param i32) (result i32)
            (call $f (local.get 0)) (i32.load8_u (local.get 0)))
        (func $start (nop)) (start $start) (@custom "note" "kept"))"#,
    r#"(module (import "a" "m" (memory 1)) (import "a" "t" (table 1 funcref))
        (import "a" "e" (tag $e (param i32)))
        (rec (type $a (sub (struct (field (ref null $b))))) (type $b (array (mut i8))))
        (type $c (sub $a (struct (field (ref null $b)) (field (mut i32)))))
        (global (ref $c) (struct.new $c (ref.null $b) (i32.const 3)))
        (table 3 (ref null $c)) (elem (ref null $c) (ref.null $c)) (elem declare func $f)
        (func $f (export "f") (result i32)
            (block $caught (result i32)
                (try_table (result i32) (catch $e $caught) (throw $e (i32.const 7)))))) "#,
    r#"(module (memory (export "m") 1 3) (memory 1) (table (export "t") 4 5 funcref)
        (type $s (struct (field i32) (field (mut i64)) (field (ref null $s))))
        (type $v (array (mut i16))) (type $f (func (param i32) (result i32)))
        (global $g (export "g") (ref $s)
            (struct.new $s (i32.const 1) (i64.const 2) (struct.new_default $s)))
        (global (export "v") (ref $v) (array.new_fixed $v 3 (i32.const 1) (i32.const 2) (i32.const 3)))
        (global $n i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))
        (global (export "i") anyref (ref.i31 (global.get $n)))
        (global (export "h") (ref $f) (ref.func $h)) (tag (export "e") (param i32 i64))
        (table (export "u") 2 (ref null $s) (struct.new_default $s))
        (elem (i32.const 1) $h $k) (elem (table 1) (i32.const 0) (ref null $s) (global.get $g))
        (data (i32.const 8) "some bytes") (data (memory 1) (i32.const 70) "more") (data "passive")
        (func $h (export "f") (type $f) (call_indirect (type $f) (local.get 0) (local.get 0)))
        (func $k (memory.init 2 (i32.const 0) (i32.const 0) (i32.const 3))))"#,
];
