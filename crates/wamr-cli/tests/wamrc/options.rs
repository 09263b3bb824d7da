//! Every option of `wamrc`, one by one.

use std::collections::BTreeSet;
use std::fs;

use super::{ADD, fails, iwasm, run, text, wamrc};

/// What an option is shown to do.
type Case = fn();

/// For each spelling of each option a test of what it changes.
const CASES: &[(&str, Case)] = &[
    ("-o", || {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.aot");
        assert!(wamrc(&["-o", text(&file), "-"], ADD.as_bytes()).is_empty());
        assert!(fs::read(&file).unwrap() == compile(&[]));
        fails(&refused(&["-"]), "no file to write to");
        fails(&refused(&["-o", text(&dir.path().join("no/x.aot")), "-"]), "no/x.aot");
    }),
    ("--format", || {
        assert!(compile(&["--format=aot"]) == compile(&[]));
        let object = compile(&["--format=object"]);
        assert!(has(&object, b".text") && !has(&object, b".wamr.module"));
        fails(&refused(&["--format=llvmir", "-o", "-", "-"]), "none of the formats");
    }),
    ("--emit-custom-sections", || {
        for (names, is_kept) in [("note,other", true), ("other", false), ("", false)] {
            let option = format!("--emit-custom-sections={names}");
            assert_eq!(has(&compile(&[&option]), b"kept"), is_kept, "{names}");
        }
    }),
    #[cfg(feature = "signatures")]
    ("--sign", || {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pem");
        fs::write(&key, super::SECRET_KEY).unwrap();
        let signed = compile(&["--sign", text(&key)]);
        let plain = compile(&[]);
        assert!(signed.len() > plain.len() && signed.starts_with(&plain));
        fs::write(&key, "nonsense").unwrap();
        fails(&refused(&["--sign", text(&key), "-o", "-", "-"]), "not a key");
    }),
    ("--target", || {
        for target in ["x86_64", "x86_64-unknown-linux-gnu", "amd64"] {
            assert!(compile(&["--target", target]) == compile(&[]), "{target}");
        }
        fails(&refused(&["--target=sparc64", "-o", "-", "-"]), "`sparc64`");
    }),
    ("--cpu", || {
        assert!(compile(&["--cpu=native"]) == compile(&[]));
        assert!(has(&compile(&["--cpu=x86-64-v3"]), b"\x04avx2"));
        assert!(!has(&compile(&["--cpu=x86-64"]), b"\x06popcnt"));
        fails(&refused(&["--cpu=486", "-o", "-", "-"]), "unknown processor `486`");
    }),
    ("--cpu-features", || {
        let plain = compile(&["--cpu=x86-64"]);
        assert!(compile(&["--cpu=x86-64", "--cpu-features=+popcnt,-popcnt"]) == plain);
        assert!(has(&compile(&["--cpu=x86-64", "--cpu-features=+popcnt"]), b"\x06popcnt"));
        fails(&refused(&["--cpu-features=popcnt", "-o", "-", "-"]), "neither + nor -");
    }),
    ("--opt-level", || {
        assert!(compile(&["--opt-level=3"]) == compile(&[]));
        // What is computed twice is computed twice.
        let code = |level: &str| wamrc(&["--opt-level", level, "-o", "-", "-"], TWICE.as_bytes());
        let [plain, fast] = [code("0"), code("3")];
        assert!(plain != fast && code("1") == fast);
        fails(&refused(&["--opt-level=4", "-o", "-", "-"]), "0 to 3");
    }),
    ("--size-level", || {
        assert!(compile(&["--size-level=0"]) == compile(&[]));
        assert_eq!(result(&compile(&["--size-level=3"])), b"0x5:i32\n");
        fails(&refused(&["--size-level=x", "-o", "-", "-"]), "0 to 3");
    }),
    ("--bounds-checks", || {
        let compile =
            |options: &[&str]| wamrc(&[options, &["-o", "-", "-"]].concat(), CALLS.as_bytes());
        let [auto, always, both] = ["0", "1", "both"].map(|how| compile(&["--bounds-checks", how]));
        assert!(auto == compile(&[]));
        let needs_guards = |file: &[u8]| has(file, b"guarded-memory");
        assert!(needs_guards(&auto) && !needs_guards(&always) && !needs_guards(&both));
        assert!(both.len() > always.len());
        fails(&refused(&["--bounds-checks=2", "-o", "-", "-"]), "none of 0, 1 and both");
    }),
    ("--stack-bounds-checks", || {
        assert!(compile(&["--stack-bounds-checks=1"]) == compile(&[]));
        fails(&refused(&["--stack-bounds-checks=0", "-o", "-", "-"]), "cannot be left out");
    }),
    ("--inlining", || {
        assert!(compile(&["--inlining=on"]) == compile(&[]));
        let explained = |how: &str| {
            let option = format!("--inlining={how}");
            let table = wamrc(&["--explain", &option, "-o", "/dev/null", "-"], CALLS.as_bytes());
            String::from_utf8(table).unwrap().lines().filter(|line| line.contains("0x")).count()
        };
        assert_eq!(["off", "0", "50", "on"].map(explained), [0, 1, 5, 7]);
        fails(&refused(&["--inlining=much", "-o", "-", "-"]), "neither `on`, nor `off`");
    }),
    ("--enable-fuel", || {
        assert!(has(&compile(&["--enable-fuel"]), b"\x04fuel"));
    }),
    ("--disable-fuel", || {
        assert!(compile(&["--enable-fuel", "--disable-fuel"]) == compile(&[]));
    }),
    ("--enable-", || {
        assert!(compile(&["--disable-simd", "--enable-simd"]) == compile(&[]));
        fails(&refused(&["--enable-sim"]), "did you mean `simd`?");
    }),
    ("--disable-", || {
        let vectors = b"(module (func (param v128)))";
        wamrc(&["-o", "/dev/null", "-"], vectors);
        let args = ["--disable-simd", "-o", "/dev/null", "-"];
        fails(&run(env!("CARGO_BIN_EXE_wamrc"), &args, vectors), "SIMD");
    }),
    ("--explain", || {
        let table = wamrc(&["--explain", "-o", "/dev/null", "-"], CALLS.as_bytes());
        let table = String::from_utf8(table).unwrap();
        let names = table.lines().filter(|line| !line.contains("0x"));
        let names: BTreeSet<_> = names.filter_map(|line| line.split("  ").last()).collect();
        assert!(["outer", "middle", "inner"].iter().all(|name| names.contains(name)), "{table}");
        // What stands in what.
        let outer = table.split_once("  outer\n").unwrap().1;
        let bodies: Vec<&str> = outer.lines().take_while(|line| line.contains("0x")).collect();
        let depth = |line: &str| line.len() - line.trim_start().len();
        let [middle, inner] = bodies[..] else { panic!("{table}") };
        assert!(middle.ends_with(": 1 middle") && inner.ends_with(": 2 inner"), "{table}");
        assert!(depth(inner) > depth(middle), "{table}");
    }),
    ("-v", || is_verbose("-v")),
    ("--verbose", || is_verbose("--verbose=5")),
    ("-h", || assert!(wamrc(&["-h"], b"") == wamrc(&["--help"], b""))),
    ("--help", || {
        let help = String::from_utf8(wamrc(&["--help"], b"")).unwrap();
        assert!(help.contains("wamrc [options] -o OUTPUT INPUT"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() < 100), "{help}");
    }),
    ("--version", || {
        let version = String::from_utf8(wamrc(&["--version"], b"")).unwrap();
        assert!(version.starts_with("wamrc ") && version.contains("ABI 1"), "{version}");
    }),
];

/// The same computation twice, where once would do.
const TWICE: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
    (i32.xor
        (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.const 8))
        (i32.rotl (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.const 8)) (i32.const 3)))))"#;

/// Calls that are worth inlining: of a tiny function, and of larger ones that call it.
const CALLS: &str = r#"(module (memory 1)
    (func $outer (export "add") (param i32 i32) (result i32)
        (i32.add (call $middle (local.get 0)) (local.get 1)))
    (func $middle (param i32) (result i32)
        (i32.store (i32.const 0) (i32.const 1000000)) (i32.store (i32.const 4) (i32.const 1000000))
        (i32.store (i32.const 8) (call $inner (i32.const 1000000)))
        (drop (i32.load (i32.const 4096))) (local.get 0))
    (func $inner (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
    (func $large (result i32)
        (i32.store (i32.const 0) (i32.const 1)) (call $middle (call $middle (i32.const 5)))))"#;

/// The file that `ADD` gives with these options.
#[track_caller]
fn compile(options: &[&str]) -> Vec<u8> {
    wamrc(&[options, &["-o", "-", "-"]].concat(), ADD.as_bytes())
}

fn refused(args: &[&str]) -> std::process::Output {
    run(env!("CARGO_BIN_EXE_wamrc"), args, ADD.as_bytes())
}

fn has(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

/// What a compiled `ADD` prints for 2 and 3.
fn result(file: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.aot");
    fs::write(&path, file).unwrap();
    iwasm(&["-f", "add", text(&path), "2", "3"]).stdout
}

fn is_verbose(option: &str) {
    let args = [option, "-o", "/dev/null", "-"];
    let output = run(env!("CARGO_BIN_EXE_wamrc"), &args, ADD.as_bytes());
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && err.contains("1 functions in "), "{err}");
}

#[test]
fn every_option_does_what_it_says() {
    for (_, case) in CASES {
        case();
    }
}

#[test]
fn every_option_has_a_case() {
    let help = String::from_utf8(wamrc(&["--help"], b"")).unwrap();
    let is_heading = |line: &&str| line.starts_with("  -") || line.starts_with("      -");
    let headings = help.lines().filter(is_heading);
    let headings = headings.map(|line| line.trim_start().split("  ").next().unwrap_or_default());
    let words = headings.flat_map(|heading| heading.split([' ', ',', '=', '[']));
    let options = words.filter(|word| word.starts_with('-'));
    let options: BTreeSet<&str> = options.map(|name| name.trim_end_matches("FEATURE")).collect();
    let cases: BTreeSet<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(options, cases);
}
