//! `iwasm` as a process: what it prints where, and the codes that it exits with.

use std::fs;
use std::process::{Command, Stdio};

mod common;
use common::{Run, files, iwasm, iwasm_with, modes, path, program, run_wat};

#[test]
fn wordfreq_on_standard_input_and_on_files() {
    let text = "the cat and the dog and the bird";
    let expected =
        "8 words, 5 different\n     3 the\n     2 and\n     1 bird\n     1 cat\n     1 dog\n";
    iwasm_with(&[&program("wordfreq.wasm")], text).prints(expected);
    let dir = files([("a.txt", b"the cat and the dog and"), ("b.txt", b" the bird")]);
    let root = dir.path().to_str().unwrap();
    let map = format!("{root}::/data");
    let words = program("wordfreq.wasm");
    iwasm(&["--dir", &map, &words, "/data/a.txt", "/data/b.txt"]).prints(expected);
    let map = format!("/data::{root}");
    iwasm(&["--map-dir", &map, &words, "/data/a.txt", "/data/b.txt"]).prints(expected);
    let (a, b) = (path(&dir, "a.txt"), path(&dir, "b.txt"));
    iwasm(&["--dir", root, &words, &a, &b]).prints(expected);
    // What was not given is not there; the guest's own exit code comes through.
    let refused = iwasm(&[&words, &a]);
    assert_eq!((refused.code, &*refused.out), (Some(1), ""));
    assert!(refused.err.contains("a.txt"), "{}", refused.err);
    let up = iwasm(&["--dir", &map.replace("/data::", ""), &words, &format!("{root}/../x")]);
    assert_eq!(up.code, Some(1));
}

#[test]
fn jsonfmt_formats_and_tells_where_text_is_wrong() {
    let json = r#"{"a":[1,-2.5e+3,{}],"b":{"c":"\u00e9\n"},"d":[],"e":null}"#;
    let expected = "{\n  \"a\": [\n    1,\n    -2.5e+3,\n    {}\n  ],\n  \"b\": {\n    \"c\": \
        \"\\u00e9\\n\"\n  },\n  \"d\": [],\n  \"e\": null\n}\n";
    let jsonfmt = program("jsonfmt.wasm");
    iwasm_with(&[&jsonfmt], json).prints(expected);
    iwasm_with(&[&jsonfmt, "-c"], expected).prints(&format!("{json}\n"));
    let bad = iwasm_with(&[&jsonfmt], "[1,\n  tru]");
    assert_eq!((bad.code, &*bad.err), (Some(3), "jsonfmt: 2:3: expected a value\n"));
    let bad = iwasm_with(&[&jsonfmt], &"[".repeat(1000));
    assert_eq!((bad.code, &*bad.err), (Some(3), "jsonfmt: 1:513: nested too deeply\n"));
    iwasm(&[&jsonfmt, "-x"]).fails(2, "usage: jsonfmt");
}

#[test]
fn lzpack_brings_every_file_back() {
    let words = "the quick brown fox jumps over the lazy dog; ".repeat(3_000);
    let noise: Vec<u8> =
        (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let lzpack = program("lzpack.wasm");
    for (contents, shrinks) in [(words.as_bytes(), true), (&noise[..], false), (b"", false)] {
        let dir = files([("in", contents)]);
        let map = format!("{}::.", dir.path().display());
        let packed = iwasm(&["--dir", &map, &lzpack, "in", "packed"]);
        assert_eq!(packed.code, Some(0), "{}", packed.err);
        let bytes = fs::read(path(&dir, "packed")).unwrap();
        assert_eq!(packed.out, format!("{} -> {} bytes\n", contents.len(), bytes.len()));
        assert!(!shrinks || bytes.len() * 50 < contents.len(), "{}", bytes.len());
        let unpacked = iwasm(&["--dir", &map, &lzpack, "-d", "packed", "out"]);
        assert_eq!(unpacked.code, Some(0), "{}", unpacked.err);
        assert!(fs::read(path(&dir, "out")).unwrap() == contents);
    }
    let dir = files([("in", b"no packed file")]);
    let map = format!("{}::.", dir.path().display());
    iwasm(&["--dir", &map, &lzpack, "-d", "in", "out"]).fails(1, "lzpack: not a packed file");
}

#[test]
fn functions_take_typed_arguments_and_print_typed_results() {
    let wat = r#"(module
        (func (export "i32") (param i32) (result i32) local.get 0)
        (func (export "i64") (param i64) (result i64) local.get 0)
        (func (export "f32") (param f32) (result f32) local.get 0)
        (func (export "f64") (param f64) (result f64) local.get 0)
        (func $none (export "none"))
        (func (export "two") (param i32 i64) (result i64 i32) local.get 1 local.get 0)
        (func (export "null") (param externref) (result externref funcref)
            local.get 0 (ref.null func))
        (func (export "func") (result funcref) (ref.func $none)))"#;
    for (args, printed) in [
        (&["i32", "10"][..], "0xa:i32\n"),
        (&["i32", "-1"], "0xffffffff:i32\n"),
        (&["i32", "4294967295"], "0xffffffff:i32\n"),
        (&["i32", "0x10"], "0x10:i32\n"),
        (&["i64", "-9223372036854775808"], "0x8000000000000000:i64\n"),
        (&["i64", "18446744073709551615"], "0xffffffffffffffff:i64\n"),
        (&["f32", "1.5"], "1.5000000:f32\n"),
        (&["f64", "-0.25"], "-0.2500000:f64\n"),
        (&["f64", "inf"], "inf:f64\n"),
        (&["f64", "nan"], "NaN:f64\n"),
        (&["none"], ""),
        (&["two", "1", "-0x2"], "0xfffffffffffffffe:i64,0x1:i32\n"),
        (&["null", "null"], "extern:ref.null,func:ref.null\n"),
        (&["func"], "ref.func\n"),
    ] {
        run_wat(&["-f", args[0]], wat, &args[1..]).prints(printed);
        run_wat(&["--function", args[0]], wat, &args[1..]).prints(printed);
    }
    run_wat(&["-f", "i32"], wat, &["4294967296"]).fails(255, "`4294967296` is not an i32");
    run_wat(&["-f", "f32"], wat, &["one"]).fails(255, "`one` is not an f32");
    run_wat(&["-f", "i32"], wat, &[]).fails(1, "takes 1 argument, not 0");
    run_wat(&["-f", "none"], wat, &["1"]).fails(1, "takes 0 arguments, not 1");
    run_wat(&["-f", "missing"], wat, &[]).fails(255, "no exported function `missing`");
}

#[test]
fn exit_codes_are_the_guests() {
    for (code, seen) in [(0, 0), (1, 1), (42, 42), (255, 255), (256, 0)] {
        let wat = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start") (call $exit (i32.const {code}))))"#
        );
        let run = run_wat(&[], &wat, &[]);
        assert_eq!((run.code, &*run.out, &*run.err), (Some(seen), "", ""));
    }
    run_wat(&[], r#"(module (func (export "_start")))"#, &[]).prints("");
    run_wat(&[], r#"(module (func (export "main") (result i32) i32.const 3))"#, &[]).prints("");
    run_wat(&[], "(module)", &[]).fails(255, "has no `_start`");
}

#[test]
fn a_trap_is_told_on_standard_error_with_its_frames() {
    let wat = r#"(module $sick (func $inner (param i32)
            (drop (i32.div_u (i32.const 1) (local.get 0))))
        (func $outer (export "_start") (call $inner (i32.const 0))))"#;
    let run = run_wat(&[], wat, &[]);
    run.fails(1, "iwasm: wasm trap: integer divide by zero\nwasm backtrace:\n");
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.err);
    assert!(lines[2].starts_with("    0: ") && lines[2].ends_with(" - sick!inner"), "{}", run.err);
    assert!(lines[3].starts_with("    1: ") && lines[3].ends_with(" - sick!outer"), "{}", run.err);
    assert!(lines[2].contains("0x"), "offsets: {}", run.err);
    // A start function, an endless recursion, and a segment that does not fit.
    let start = r#"(module (func $f unreachable) (start $f) (func (export "_start")))"#;
    run_wat(&[], start, &[]).fails(1, "wasm trap: unreachable");
    let endless = r#"(module (func $f (export "_start") (call $f)))"#;
    run_wat(&[], endless, &[]).fails(1, "wasm trap: call stack exhausted");
    run_wat(&["--stack-size", "65536"], endless, &[]).fails(1, "wasm trap: call stack exhausted");
    let segment = r#"(module (memory 1) (data (i32.const 65536) "x") (func (export "_start")))"#;
    run_wat(&[], segment, &[]).fails(1, "wasm trap: out of bounds memory access");
}

#[test]
fn reactors_are_initialised_before_a_function_is_called() {
    let reactor = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "ready\0a")
        (global $count (mut i32) (i32.const 100))
        (func (export "_initialize")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (global.set $count (i32.const 1)))
        (func (export "add") (param i32) (result i32)
            (global.set $count (i32.add (global.get $count) (local.get 0)))
            (global.get $count))
        (func (export "quit") (param i32) (call $exit (local.get 0))))"#;
    for mode in modes() {
        run_wat(&["--mode", mode, "-f", "add"], reactor, &["2"]).prints("ready\n0x3:i32\n");
        let run = run_wat(&["--mode", mode, "-f", "quit"], reactor, &["9"]);
        assert_eq!((run.code, &*run.out, &*run.err), (Some(9), "ready\n", ""));
    }
    let dir = files([("lib.wat", reactor.as_bytes())]);
    iwasm_with(&["--repl", &path(&dir, "lib.wat")], "add 1\nadd 5\n")
        .prints("ready\n0x2:i32\n0x7:i32\n");
    let sick = r#"(module (func (export "_initialize") unreachable) (func (export "f")))"#;
    run_wat(&["-f", "f"], sick, &[]).fails(1, "wasm trap: unreachable");
}

#[test]
fn what_cannot_be_run_exits_with_255() {
    iwasm(&["/nowhere/at/all.wasm"]).fails(255, "/nowhere/at/all.wasm: ");
    iwasm(&[]).fails(255, "no file to run");
    iwasm(&["--frobnicate"]).fails(255, "unknown option `--frobnicate`");
    iwasm(&["-z"]).fails(255, "unknown option `-z`");
    iwasm(&["--mode", "none", "x.wasm"]).fails(255, "`none` is not a mode");
    iwasm(&["--stack-size", "many", "x.wasm"]).fails(255, "`many` is not a whole number");
    iwasm(&["--env", "NOBODY_SETS_THIS", "x.wasm"]).fails(255, "NAME=VALUE");
    iwasm(&["--map-dir", "only", "x.wasm"]).fails(255, "GUEST::HOST");
    iwasm(&["-f"]).fails(255, "");
    let words = program("wordfreq.wasm");
    iwasm(&["--dir", "/nowhere/at/all", &words]).fails(255, "/nowhere/at/all: ");
    let component = b"\0asm\x0d\0\x01\0";
    let dir = files([
        ("text.wasm", b"not wasm"),
        ("empty.wasm", b""),
        ("short.wasm", b"\0asm\x01\0\0\0\x01"),
        ("component.wasm", component),
        ("binary.wasm", &[0xff, 0xfe, 0x00]),
    ]);
    iwasm(&[&path(&dir, "text.wasm")]).fails(255, "text.wasm: this is no WebAssembly module");
    for name in ["empty.wasm", "short.wasm", "binary.wasm"] {
        iwasm(&[&path(&dir, name)]).fails(255, &format!("{name}: malformed module"));
    }
    iwasm(&[&path(&dir, "component.wasm")]).fails(255, "this is a component, not a core module");
    iwasm(&[dir.path().to_str().unwrap()]).fails(255, "directory");
    let imports = r#"(module (import "env" "f" (func)) (import "env" "m" (memory 1)))"#;
    let run = run_wat(&[], imports, &[]);
    run.fails(255, "unknown import (2)");
    assert!(run.err.contains("`env` `f`: wanted func [] -> [], found nothing"), "{}", run.err);
    assert!(run.err.contains("`env` `m`: wanted memory 1, found nothing"), "{}", run.err);
}

#[test]
fn arguments_and_environment_reach_the_guest() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $show (param $from i32) (param $size i32)
            (i32.store (i32.const 8) (local.get $from)) (i32.store (i32.const 12) (local.get $size))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))
        (func (export "_start") (local $first i32)
            (drop (call $args_sizes (i32.const 0) (i32.const 4)))
            (drop (call $args (i32.const 1024) (i32.const 4096)))
            ;; From the second argument on, since the first one is the path of this file.
            (local.set $first (i32.load (i32.const 1028)))
            (call $show (local.get $first)
                (i32.sub (i32.add (i32.const 4096) (i32.load (i32.const 4))) (local.get $first)))
            (drop (call $env_sizes (i32.const 0) (i32.const 4)))
            (drop (call $env (i32.const 1024) (i32.const 4096)))
            (call $show (i32.const 4096) (i32.load (i32.const 4)))))"#;
    let options = ["--env", "A=1", "--env=B=x=y", "--env", "EMPTY="];
    // Options behind the file belong to the guest.
    let args = ["one", "--dir", "-f", "", "äöü"];
    run_wat(&options, wat, &args).prints("one\0--dir\0-f\0\0äöü\0A=1\0B=x=y\0EMPTY=\0");
}

#[test]
fn scripts_end_with_their_totals() {
    let good = br#"(module (func (export "f") (result i32) (i32.const 1)))
        (assert_return (invoke "f") (i32.const 1))
        (assert_malformed (module quote "(func") "unexpected")"#;
    let bad = br#"(module (func (export "f") (result i32) (i32.const 1)))

(assert_return (invoke "f") (i32.const 2))
(assert_trap (invoke "f") "unreachable")"#;
    let dir = files([("good.wast", good), ("bad.wast", bad), ("broken.wast", b"(module")]);
    let (good, bad) = (path(&dir, "good.wast"), path(&dir, "bad.wast"));
    iwasm(&["wast", &good]).prints("3 passed, 0 failed\n");
    iwasm(&["wast", &good, &good]).prints("6 passed, 0 failed\n");
    let run = iwasm(&["wast", &good, &bad]);
    assert_eq!((run.out.lines().last(), run.code), (Some("4 passed, 2 failed"), Some(1)));
    assert!(run.err.contains(&format!("{bad}:3:")), "{}", run.err);
    assert!(run.err.contains(&format!("{bad}:4:")), "{}", run.err);
    let run = iwasm(&["wast", &path(&dir, "broken.wast")]);
    assert_eq!((run.out.lines().last(), run.code), (Some("0 passed, 1 failed"), Some(1)));
    iwasm(&["wast", "/nowhere.wast"]).fails(255, "/nowhere.wast: ");
    iwasm(&["wast"]).fails(255, "no file given");
}

#[test]
fn validate_is_quiet_about_what_is_valid() {
    let good: &[u8] = b"(module (func (result i32) i32.const 1))";
    let dir = files([("good.wat", good), ("bad.wat", b"(module (func (result i32)))")]);
    let (good, bad) = (path(&dir, "good.wat"), path(&dir, "bad.wat"));
    iwasm(&["validate", &good, &program("wordfreq.wasm")]).prints("");
    iwasm(&["validate", &good, &bad]).fails(255, "bad.wat: invalid module: ");
    iwasm(&["validate"]).fails(255, "no file given");
    iwasm(&["validate", "--frobnicate", &good]).fails(255, "unknown option `--frobnicate`");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for option in ["-h", "--help"] {
        let run = iwasm(&[option]);
        assert!(run.out.contains("Usage:") && run.out.contains("--map-dir"), "{}", run.out);
        assert_eq!((&*run.err, run.code), ("", Some(0)));
    }
    iwasm(&["--version"]).prints(&format!("iwasm {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_closed_standard_output_is_no_panic() {
    let dir = files([("f.wat", br#"(module (func (export "f") (result i32) i32.const 1))"#)]);
    for args in [&["--help"][..], &["-f", "f", &path(&dir, "f.wat")]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_iwasm"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("iwasm starts");
        drop(child.stdout.take());
        let run = Run::from(child.wait_with_output().expect("iwasm ends"));
        assert!(!run.err.contains("panicked"), "{}", run.err);
    }
}

#[test]
fn fuel_stops_a_program_at_the_same_place_every_time() {
    let wat = r#"(module (func (export "f") (result i32) (local i32)
        (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get 0) (i32.const 1000))))
        (local.get 0)))"#;
    let dir = files([("f.wat", wat.as_bytes())]);
    let file = path(&dir, "f.wat");
    for mode in modes() {
        let run = |fuel| iwasm(&["--mode", mode, "--fuel", fuel, "-f", "f", &file]);
        run("8001").prints("0x3e8:i32\n");
        run("8000").fails(1, "all fuel consumed");
    }
    iwasm(&["--fuel", "much", &file]).fails(255, "`much` is not a whole number");
}

/// A program that counts by way of two modules that share a third.
#[cfg(feature = "loading-linking")]
const DIAMOND: [(&str, &[u8]); 4] = [
    (
        "app.wasm",
        br#"(module (import "left" "left" (func $left)) (import "right" "right" (func $right))
            (import "counter" "get" (func $get (result i32)))
            (import "env" "exit" (func $exit (param i32)))
            (func (export "_start") (call $left) (call $right) (call $exit (call $get))))"#,
    ),
    ("left.wasm", br#"(module (import "counter" "inc" (func)) (export "left" (func 0)))"#),
    ("right.wasm", br#"(module (import "counter" "inc" (func)) (export "right" (func 0)))"#),
    (
        "counter.wasm",
        br#"(module (global $n (mut i32) (i32.const 40))
            (func (export "inc") (global.set $n (i32.add (global.get $n) (i32.const 1))))
            (func (export "get") (result i32) (global.get $n)))"#,
    ),
];

#[cfg(feature = "loading-linking")]
#[test]
fn modules_that_a_program_needs_are_found_and_share_state() {
    let dir = files(DIAMOND);
    assert_eq!(iwasm(&[&path(&dir, "app.wasm")]).code, Some(42));
    let other = files([DIAMOND[0]]);
    let app = path(&other, "app.wasm");
    let root = dir.path().to_str().unwrap();
    assert_eq!(iwasm(&[&format!("--module-path={root}"), &app]).code, Some(42));
    assert_eq!(iwasm(&["--module-path", "/nowhere", "--module-path", root, &app]).code, Some(42));
    let run = iwasm(&[&app]);
    run.fails(255, "`left` `left`: wanted func [] -> [], found nothing");
    assert!(run.err.contains("searched: wasi, libc-builtin, "), "{}", run.err);
    iwasm(&["--module-path"]).fails(255, "");
    // Names that lead out of the directories, and what this build cannot run.
    let dir = files([
        ("up.wasm", br#"(module (import "../counter" "inc" (func)))"#),
        ("ahead.wasm", br#"(module (import "lib" "f" (func)))"#),
        ("lib.aot", b"\0aot\x06\0\0\0"),
        ("a.wasm", br#"(module (import "b" "f" (func)) (export "f" (func 0)))"#),
        ("b.wasm", br#"(module (import "a" "f" (func)) (export "f" (func 0)))"#),
    ]);
    iwasm(&[&path(&dir, "up.wasm")]).fails(255, "`../counter` cannot name a file");
    iwasm(&[&path(&dir, "ahead.wasm")]).fails(255, "AOT file of WAMR's C runtime");
    iwasm(&[&path(&dir, "lib.aot")]).fails(255, "AOT file of WAMR's C runtime");
    iwasm(&[&path(&dir, "a.wasm")]).fails(255, "modules need each other: `b` -> `a` -> `b`");
}

#[cfg(feature = "loading-linking")]
#[test]
fn inspect_shows_what_a_program_needs() {
    let dir = files(DIAMOND);
    let app = path(&dir, "app.wasm");
    let run = iwasm(&["inspect", "--deps", &app]);
    let place = |name: &str| path(&dir, name);
    run.prints(&format!(
        "app ({app})
  `left` `left`: func [] -> []: module `left`
  `right` `right`: func [] -> []: module `right`
  `counter` `get`: func [] -> [i32]: module `counter`
  `env` `exit`: func [i32] -> []: libc-builtin
left ({})
  `counter` `inc`: func [] -> []: module `counter`
right ({})
  `counter` `inc`: func [] -> []: module `counter`
counter ({})\n",
        place("left.wasm"),
        place("right.wasm"),
        place("counter.wasm")
    ));
    iwasm(&["inspect", "--deps", "--format", "dot", &app]).prints(
        "digraph dependencies {
  \"app\" [shape=box];
  \"app\" -> \"left\";
  \"app\" -> \"right\";
  \"app\" -> \"counter\";
  \"app\" -> \"libc-builtin\" [style=dashed];
  \"left\" [shape=box];
  \"left\" -> \"counter\";
  \"right\" [shape=box];
  \"right\" -> \"counter\";
  \"counter\" [shape=box];
}\n",
    );
    let run = iwasm(&["inspect", "--deps", "--format=json", &app]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json["modules"][0]["needs"], serde_json::json!(["left", "right", "counter"]));
    assert_eq!(json["modules"][0]["imports"][3]["supplier"]["source"], "libc-builtin");
    assert_eq!(json["modules"][1]["imports"][0]["supplier"]["module"], "counter");
    // What is missing is shown, and told.
    let other = files([DIAMOND[0]]);
    let run = iwasm(&["inspect", "--deps", &path(&other, "app.wasm")]);
    assert!(run.out.contains("`left` `left`: func [] -> []: nobody: there is no such module"));
    assert!(run.err.contains("unknown import (3)"), "{}", run.err);
    assert_eq!(run.code, Some(255));
    iwasm(&["inspect", "--deps"]).fails(255, "no file given");
    iwasm(&["inspect", "--deps", &app, &app]).fails(255, "takes one file");
    iwasm(&["inspect", "--deps", "--format", "x", &app]).fails(255, "none of text, json, dot");
}

#[cfg(feature = "loading-linking")]
#[test]
fn names_of_modules_cannot_break_out_of_a_graph() {
    let name = r#"a\22b\5cc\0ad"#;
    let wat = format!(r#"(module (import "env" "{name}" (func)) (import "{name}" "f" (func)))"#);
    let dir = files([("app.wat", wat.as_bytes())]);
    for format in ["text", "dot", "json"] {
        let run = iwasm(&["inspect", "--deps", "--format", format, &path(&dir, "app.wat")]);
        run.fails(255, "cannot name a file");
    }
}

#[test]
fn modules_without_a_libc_run_on_the_one_built_in() {
    let wat = r#"(module
        (import "env" "printf" (func $printf (param i32 i32) (result i32)))
        (import "env" "malloc" (func $malloc (param i32) (result i32)))
        (import "env" "puts" (func $puts (param i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "%s has %d bytes\n\00") (data (i32.const 64) "heap\00")
        (func (export "_start") (local $p i32)
            (i32.store (i32.const 256) (i32.const 64)) (i32.store (i32.const 260) (i32.const 42))
            (drop (call $printf (i32.const 16) (i32.const 256)))
            (local.set $p (call $malloc (i32.const 200000)))
            (if (i32.eqz (local.get $p)) (then (unreachable)))
            (i32.store (local.get $p) (i32.const 0x6b6f))
            (drop (call $puts (local.get $p)))))"#;
    run_wat(&[], wat, &[]).prints("heap has 42 bytes\nok\n");
    let run = run_wat(&["--heap-size=100000"], wat, &[]);
    assert_eq!((&*run.out, run.code), ("heap has 42 bytes\n", Some(1)), "{}", run.err);
}

#[test]
fn programs_start_threads_if_they_may() {
    let primes = program("primes.wasm");
    let run = |options: &[&str], args: &[&str]| iwasm(&[options, &[&*primes], args].concat());
    for mode in modes() {
        let options = ["--mode", mode, "--wasi", "threads"];
        run(&options, &["20000", "4"]).prints("2262 primes below 20000\n");
    }
    let many = ["--wasi", "threads", "--max-threads", "20"];
    run(&many, &["20000", "20"]).prints("2262 primes below 20000\n");
    // The threads that there are wait for others when the program gives up.
    run(&["--wasi", "threads"], &["20000", "5"]).fails(3, "primes: ");
    run(&["--wasi", "threads", "--fuel", "9"], &["20000", "4"]).fails(1, "all fuel consumed");
    run(&["--wasi", "threads", "--timeout", "1"], &["4000000000", "2"]).fails(1, "interrupted");
    run(&["--wasi", "threads", "--max-memory", "65536"], &["9", "1"]).fails(255, "limiter");
    run(&[], &["20000", "4"]).fails(255, "thread-spawn");
    iwasm(&["--wasi", "sockets", &primes]).fails(255, "`sockets`");
}

#[cfg(feature = "loading-linking")]
#[test]
fn programs_of_several_modules_start_threads() {
    let main: &[u8] = br#"(module
        (import "env" "memory" (memory 1 16 shared))
        (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
        (import "count" "inc" (func $inc))
        (import "count" "wait" (func $wait (param i32)))
        (import "env" "printf" (func $printf (param i32 i32) (result i32)))
        (import "env" "malloc" (func $malloc (param i32) (result i32)))
        (data (i32.const 64) "%d threads\n\00")
        (func (export "_start") (local $p i32)
            (drop (call $spawn (i32.const 0))) (drop (call $spawn (i32.const 0)))
            (call $wait (i32.const 2))
            (local.set $p (call $malloc (i32.const 8)))
            (i32.store (local.get $p) (i32.atomic.load (i32.const 0)))
            (drop (call $printf (i32.const 64) (local.get $p))))
        (func (export "wasi_thread_start") (param i32 i32)
            (if (i32.eqz (call $malloc (i32.const 100))) (then (unreachable)))
            (call $inc)))"#;
    let count: &[u8] = br#"(module
        (import "env" "memory" (memory 1 16 shared))
        (func (export "inc")
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))
        (func (export "wait") (param $count i32) (local $now i32)
            (loop $again
                (local.set $now (i32.atomic.load (i32.const 0)))
                (if (i32.lt_u (local.get $now) (local.get $count)) (then
                    (drop (memory.atomic.wait32
                        (i32.const 0) (local.get $now) (i64.const -1)))
                    (br $again))))))"#;
    let dir = files([("main.wat", main), ("count.wasm", count)]);
    for mode in modes() {
        let run = iwasm(&["--mode", mode, "--wasi", "threads", &path(&dir, "main.wat")]);
        run.prints("2 threads\n");
    }
    let alone = files([("main.wat", main)]);
    iwasm(&["--wasi", "threads", &path(&alone, "main.wat")])
        .fails(255, "`count` `inc`: wanted func [] -> [], found nothing");
}
