//! `wamrc` as a process, and `iwasm` with what it makes.
#![cfg(all(feature = "jit", target_os = "linux", target_arch = "x86_64"))]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "wamrc/options.rs"]
mod options;

const ADD: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (@custom "note" "kept"))"#;

fn run(program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(args)
        // Nothing of the user's.
        .env("WAMR_CACHE_DIR", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // A child that ends without reading is no failure of the test.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("it ends")
}

fn iwasm(args: &[&str]) -> Output {
    run(env!("CARGO_BIN_EXE_iwasm"), args, b"")
}

#[track_caller]
fn wamrc(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(env!("CARGO_BIN_EXE_wamrc"), args, input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[track_caller]
fn fails(output: &Output, message: &str) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && err.contains(message), "{err}");
    assert!(!err.contains("panicked"), "{err}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn what_is_compiled_runs_and_inspects() {
    let dir = tempfile::tempdir().unwrap();
    let (wat, aot) = (dir.path().join("add.wat"), dir.path().join("add.aot"));
    fs::write(&wat, ADD).unwrap();
    wamrc(&["-o", text(&aot), text(&wat)], b"");
    for mode in ["interp", "jit"] {
        let output = iwasm(&["--mode", mode, "-f", "add", text(&aot), "2", "3"]);
        assert_eq!(output.stdout, b"0x5:i32\n", "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(iwasm(&["validate", text(&aot)]).status.success());
    let output = iwasm(&["inspect", "--deps", text(&aot)]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("add ("));
    // Only the program itself was written, and nothing beside it.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn native_code_is_run_from_standard_input_and_shown() {
    let file = wamrc(&["-o", "-", "-"], ADD.as_bytes());
    let iwasm = |args: &[&str]| run(env!("CARGO_BIN_EXE_iwasm"), args, &file);
    assert_eq!(iwasm(&["-f", "add", "-", "2", "3"]).stdout, b"0x5:i32\n");
    assert!(iwasm(&["validate", "-"]).status.success());
    let shown = String::from_utf8(iwasm(&["inspect", "-"]).stdout).unwrap();
    assert!(shown.contains(": native code of module `"), "{shown}");
    assert!(shown.contains("exports (1):\n  `add`: func [i32 i32] -> [i32]\n"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_slice(&iwasm(&["inspect", "--json", "-"]).stdout).unwrap();
    assert_eq!(json["kind"], "aot");
    // Sections of the ELF file that it is.
    let sections = json["sections"].as_array().unwrap();
    let code = sections.iter().find(|section| section["name"] == ".text").expect("code");
    assert!(code["bytes"].as_u64().unwrap() > 0);
    for section in sections {
        let [offset, bytes] = ["offset", "bytes"].map(|key| section[key].as_u64().unwrap());
        assert!(bytes > 0 && offset + bytes <= json["bytes"].as_u64().unwrap(), "{section}");
        assert!(shown.contains(&format!(" {bytes}  {}\n", section["name"].as_str().unwrap())));
    }
    fails(&run(env!("CARGO_BIN_EXE_iwasm"), &["-"], &file[..file.len() / 2]), "damaged");
    // What it does not need may be missing, and nothing else.
    assert_eq!(iwasm(&["--disable-simd", "-f", "add", "-", "2", "3"]).stdout, b"0x5:i32\n");
    let vectors = br#"(module (func (export "f") (result i32)
        (i32x4.extract_lane 0 (i32x4.splat (i32.const 7)))))"#;
    let file = wamrc(&["-o", "-", "-"], vectors);
    let args = ["--disable-simd", "-f", "f", "-"];
    fails(&run(env!("CARGO_BIN_EXE_iwasm"), &args, &file), "needs `simd`");
}

#[test]
fn the_command_line_explains_itself() {
    let text = |args: &[&str]| String::from_utf8(wamrc(args, b"")).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&["completions", shell]);
        assert!(script.contains("disable-simd") && script.contains("bounds-checks"), "{script}");
    }
    let refused = |args: &[&str]| run(env!("CARGO_BIN_EXE_wamrc"), args, b"");
    fails(&refused(&["completions", "tcsh"]), "none of bash, zsh, fish");
    fails(&refused(&["--optlevel=3"]), "did you mean `--opt-level`?");
}

#[test]
fn pipes_are_read_and_written() {
    let file = wamrc(&["-o", "-", "-"], ADD.as_bytes());
    assert!(file.starts_with(b"\x7fELF"));
    assert!(file == wamrc(&["-o", "-", "-"], ADD.as_bytes()), "it is reproducible");
    let has = |file: &[u8], bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    assert!(has(&file, b"note\x04") && has(&file, b"kept"));
    let file = wamrc(&["--emit-custom-sections=", "-o", "-", "-"], ADD.as_bytes());
    assert!(!has(&file, b"kept"));
}

#[test]
fn functions_are_explained() {
    // Not into the file, if that goes to standard output.
    let file = wamrc(&["--explain", "-o", "-", "-"], ADD.as_bytes());
    assert!(file == wamrc(&["-o", "-", "-"], ADD.as_bytes()));
    let output = wamrc(&["--explain", "-v", "-o", "/dev/null", "-"], ADD.as_bytes());
    let output = String::from_utf8(output).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 2, "{output}");
    assert!(lines[1].trim_start().starts_with("0 "), "{output}");
}

#[test]
fn what_cannot_be_compiled_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let aot = dir.path().join("x.aot");
    let refused = |args: &[&str], input: &[u8], message: &str| {
        let args = [args, &["-o", text(&aot), "-"]].concat();
        fails(&run(env!("CARGO_BIN_EXE_wamrc"), &args, input), message);
        assert!(!aot.exists());
    };
    refused(&[], b"nonsense", "-: ");
    refused(&[], b"(module (func (result i32)))", "invalid module");
    refused(&["--target=sparc64"], ADD.as_bytes(), "no generator of code for `sparc64`");
    refused(&["--cpu-features=+nothing"], ADD.as_bytes(), "unknown feature `nothing`");
    refused(&["--disable-simd"], b"(module (func (param v128)))", "SIMD");
}

#[test]
fn files_that_do_not_fit_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.aot");
    let run_bytes = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        iwasm(&["-f", "add", text(&path), "1", "2"])
    };
    let good = wamrc(&["-o", "-", "-"], ADD.as_bytes());
    assert!(run_bytes(&good).status.success());
    let mut damaged = good.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fails(&run_bytes(&damaged), "damaged");
    fails(&run_bytes(&good[..good.len() / 2]), "damaged");
    let mut newer = good.clone();
    newer[72] = 2;
    fails(&run_bytes(&newer), "newer runtime");
    fails(&run_bytes(b"\0aot\x05\0\0\0"), "C runtime");
    fails(&iwasm(&["--fuel", "5", "-f", "add", text(&path)]), "C runtime");
    fs::write(&path, &good).unwrap();
    fails(&iwasm(&["--fuel", "5", "-f", "add", text(&path), "1", "2"]), "counts fuel");
    let counting = wamrc(&["--enable-fuel", "-o", "-", "-"], ADD.as_bytes());
    fs::write(&path, &counting).unwrap();
    assert!(iwasm(&["--fuel", "50", "-f", "add", text(&path), "1", "2"]).status.success());
    fails(&iwasm(&["--fuel", "1", "-f", "add", text(&path), "1", "2"]), "fuel");
    // Native code under the name of something harmless.
    let disguised = dir.path().join("x.wasm");
    fs::write(&disguised, &good).unwrap();
    fails(&iwasm(&["-f", "add", text(&disguised), "1", "2"]), "native code");
}

/// Programs of several modules, each interpreted or compiled before.
#[cfg(feature = "loading-linking")]
#[test]
fn modules_that_a_program_needs_can_be_compiled_too() {
    let dir = tempfile::tempdir().unwrap();
    let main = r#"(module (import "lib" "twice" (func $twice (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (call $twice (local.get 0))))"#;
    let lib = r#"(module (func (export "twice") (param i32) (result i32)
        (i32.shl (local.get 0) (i32.const 1))))"#;
    let path = |name: &str| dir.path().join(name);
    fs::write(path("main.wat"), main).unwrap();
    fs::write(path("lib.wasm"), lib).unwrap();
    wamrc(&["-o", text(&path("main.aot")), text(&path("main.wat"))], b"");
    let runs = |args: &[&str], file: &str| {
        let file = path(file);
        iwasm(&[args, &["-f", "run", text(&file), "21"]].concat())
    };
    for args in [&["--mode", "interp"][..], &["--mode", "jit"]] {
        assert_eq!(runs(args, "main.aot").stdout, b"0x2a:i32\n", "compiled with source");
    }
    wamrc(&["-o", text(&path("lib.aot")), text(&path("lib.wasm"))], b"");
    fs::remove_file(path("lib.wasm")).unwrap();
    assert_eq!(runs(&[], "main.aot").stdout, b"0x2a:i32\n", "both compiled");
    // A program that is no native code does not bring any.
    fails(&runs(&[], "main.wat"), "native code");
    for args in [&["--mode", "interp", "--trust-aot"][..], &["--mode", "jit", "--trust-aot"]] {
        assert_eq!(runs(args, "main.wat").stdout, b"0x2a:i32\n", "source with compiled");
    }
    let here = fs::read(path("lib.aot")).unwrap();
    fs::write(path("lib.aot"), for_another_machine(here)).unwrap();
    for file in ["main.wat", "main.aot"] {
        fails(&runs(&["--trust-aot"], file), "lib.aot: ");
        fails(&runs(&["--trust-aot"], file), "riscv6");
    }
}

/// The same file as if another machine's compiler had made it: the name is another one, and the
/// digest fits.
#[cfg(feature = "loading-linking")]
fn for_another_machine(mut file: Vec<u8>) -> Vec<u8> {
    const DIGEST: std::ops::Range<usize> = 64 + 24..64 + 24 + 32;
    let name = file.windows(6).position(|name| name == b"x86_64").expect("the machine's name");
    file[name..name + 6].copy_from_slice(b"riscv6");
    file[DIGEST].fill(0);
    let digest = blake3::hash(&file);
    file[DIGEST].copy_from_slice(digest.as_bytes());
    file
}

/// A key that openssl made for these tests alone.
#[cfg(feature = "signatures")]
const SECRET_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIN7VsO3S9kYarA7zTm/SrCNoWFhPW3p28j7822tgxtJ2\n-----END PRIVATE KEY-----\n";

#[cfg(feature = "signatures")]
#[test]
fn native_code_must_be_signed_if_the_command_line_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (name, pem) in [
        ("key.pem", SECRET_KEY),
        (
            "key.pub",
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAvf+kBdLZJBZWC88Zw59lXF79w1EbGxbFfrs8DG2GnCM=\n-----END PUBLIC KEY-----\n",
        ),
        (
            "other.pub",
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAathgx+T8VwG9Tdxawu1AcQ3s9coXGD/0XqSHm0FVYCw=\n-----END PUBLIC KEY-----\n",
        ),
    ] {
        fs::write(path(name), pem).unwrap();
    }
    let file = |name: &str| text(&path(name)).to_owned();
    fs::write(path("add.wat"), ADD).unwrap();
    wamrc(&["--sign", &file("key.pem"), "-o", &file("signed.aot"), &file("add.wat")], b"");
    wamrc(&["-o", &file("plain.aot"), &file("add.wat")], b"");
    let add = |key: &str, name: &str| {
        iwasm(&["--require-signature", &file(key), "-f", "add", &file(name), "2", "3"])
    };
    assert_eq!(add("key.pub", "signed.aot").stdout, b"0x5:i32\n");
    assert_eq!(add("key.pub", "add.wat").stdout, b"0x5:i32\n", "no native code");
    let unasked = iwasm(&["-f", "add", &file("signed.aot"), "2", "3"]);
    assert_eq!(unasked.stdout, b"0x5:i32\n");
    fails(&add("key.pub", "plain.aot"), "not signed");
    fails(&add("other.pub", "signed.aot"), "not signed by a key that is trusted");
    fails(&add("add.wat", "signed.aot"), "not a key");
    // Neither the file nor the signature can be changed, nor put under another file.
    let signed = fs::read(path("signed.aot")).unwrap();
    let plain = fs::read(path("plain.aot")).unwrap();
    assert!(signed.starts_with(&plain));
    for at in (0..signed.len()).step_by(97).chain(plain.len()..signed.len()) {
        let mut changed = signed.clone();
        changed[at] ^= 0x10;
        fs::write(path("changed.aot"), changed).unwrap();
        let output = add("key.pub", "changed.aot");
        assert!(!output.status.success() && output.stdout.is_empty(), "byte {at}");
    }
    let other = wamrc(&["--bounds-checks=both", "--enable-fuel", "-o", "-", "-"], ADD.as_bytes());
    fs::write(path("moved.aot"), [&other, &signed[plain.len()..]].concat()).unwrap();
    fails(&add("key.pub", "moved.aot"), "not signed by a key that is trusted");
}
