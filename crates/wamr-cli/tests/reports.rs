//! What `iwasm` tells about modules and about programs that fail or take long.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wasmparser::{BinaryReader, KnownCustom, Operator, Parser, Payload, WasmFeatures};

mod common;
use common::{files, iwasm, iwasm_with, modes, path, program, run_wat};

const SAMPLE: &str = r#"(module $sample
    (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 1 2)
    (global (export "limit") (mut i64) (i64.const 7))
    (table (export "table") 1 funcref)
    (func $small (export "small"))
    (func $large (export "large") (param v128) (result i32 i32)
        (call $log (i32.const 1)) (i32.const 1) (i32.const 2))
    (data (i32.const 0) "text")
    (@custom "note" "hello"))"#;

#[test]
fn inspect_shows_what_is_in_a_module() {
    let dir = files([("sample.wat", SAMPLE.as_bytes())]);
    let file = path(&dir, "sample.wat");
    let run = iwasm(&["inspect", &file]);
    assert_eq!((run.code, &*run.err), (Some(0), ""));
    for line in [
        "sample.wat: module `sample`, ",
        "needs: mutable-global, multi-value, simd\n",
        "  data\n",
        "  custom `note`\n",
        "\nimports (1):\n  `env` `log`: func [i32] -> []\n",
        "\nexports (5):\n  `memory`: memory 1 2\n",
        "  `large`: func [v128] -> [i32 i32]\n",
        "\nfunctions (2):\n  function      bytes\n         2 ",
        "  large\n         1 ",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
    iwasm_with(&["inspect", "-"], "(module)").prints(
        "-: module `stdin`, 8 bytes\nneeds nothing beyond the first version of WebAssembly\n",
    );
    iwasm_with(&["inspect", "-"], "(module (func (result i32)))").fails(255, "-: invalid module");
    iwasm(&["inspect", "--disable-simd", &file]).fails(255, "SIMD");
    iwasm(&["inspect"]).fails(255, "no file given");
}

#[test]
fn inspect_shows_the_same_as_json() {
    let dir = files([("sample.wat", SAMPLE.as_bytes())]);
    for option in ["--json", "--format=json"] {
        let run = iwasm(&["inspect", &path(&dir, "sample.wat"), option]);
        let json: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(json["name"], "sample");
        assert_eq!(json["kind"], "wasm");
        assert_eq!(json["features"], json!(["mutable-global", "multi-value", "simd"]));
        let import = json!({
            "module": "env", "name": "log", "kind": "func", "type": "func [i32] -> []"
        });
        assert_eq!(json["imports"], json!([import]));
        assert_eq!(json["exports"][1]["kind"], "global");
        assert_eq!(json["functions"][0]["name"], "large");
        let sections = json["sections"].as_array().unwrap();
        let names: Vec<&str> = sections.iter().map(|s| s["name"].as_str().unwrap()).collect();
        assert!(names.starts_with(&["type", "import", "function", "table", "memory"]), "{names:?}");
        let last = sections.last().unwrap();
        let end = last["offset"].as_u64().unwrap() + last["bytes"].as_u64().unwrap();
        assert_eq!(end, json["bytes"].as_u64().unwrap());
    }
}

#[test]
fn features_that_a_module_needs_are_found() {
    for (wat, features) in [
        ("(module (func (drop (i32.extend8_s (i32.const 1)))))", "sign-extension"),
        ("(module (memory 1) (memory 1))", "multi-memory"),
        ("(module (memory i64 1))", "memory64"),
        ("(module (memory 1 1 shared))", "threads"),
        ("(module (func $f (return_call $f)))", "tail-call"),
        ("(module (func try_table end))", "exceptions"),
        ("(module (func try end))", "legacy-exceptions"),
    ] {
        let run = iwasm_with(&["inspect", "-"], wat);
        assert!(run.out.contains(&format!("needs: {features}\n")), "{wat}: {}", run.out);
    }
    let run = iwasm_with(&["inspect", "-"], "(module (type (array i8)))");
    assert!(run.out.contains("gc\n"), "{}", run.out);
    let run = iwasm(&["inspect", &program("lzpack.wasm")]);
    assert!(run.out.contains("`wasi_snapshot_preview1` `fd_write`"), "{}", run.out);
}

/// Fails in a function with Rust's name for it, in a unit whose debugging information says that
/// everything stands in line 42.
const DEBUGGED: &str = r#"(module $sick
    (func $_ZN4sick5inner17h0123456789abcdefE (export "_start") unreachable)
    (@custom ".debug_abbrev" "\01\11\00\03\08\10\17\11\01\12\06\00\00\00")
    (@custom ".debug_info" "\1b\00\00\00\04\00\00\00\00\00\04\01sick.c\00\00\00\00\00"
        "\00\00\00\00\00\10\00\00")
    (@custom ".debug_line" "\34\00\00\00\04\00\1e\00\00\00\01\01\01\fb\0e\0d"
        "\00\01\01\01\01\00\00\00\01\00\00\01\00sick.c\00\00\00\00\00"
        "\00\05\02\00\00\00\00\03\29\01\02\80\20\00\01\01"))"#;

#[test]
fn a_trap_tells_demangled_names_and_lines() {
    for mode in modes() {
        let run = run_wat(&["--mode", mode], DEBUGGED, &[]);
        run.fails(1, "iwasm: wasm trap: unreachable\nwasm backtrace:\n");
        assert!(run.err.ends_with(" - sick!sick::inner\n       at sick.c:42\n"), "{}", run.err);
    }
}

/// Fails two frames deep, with something in memory and globals.
const SICK: &str = r#"(module $sick
    (memory 3)
    (global $n (mut i32) (i32.const 5))
    (global f64 (f64.const 1.5))
    (global externref (ref.null extern))
    (data (i32.const 65540) "here")
    (func $inner (param i32)
        (global.set $n (i32.const 42))
        (i32.store8 (i32.const 131072) (i32.const 7))
        (drop (i32.div_u (i32.const 1) (local.get 0))))
    (func $outer (export "_start") (call $inner (i32.const 0))))"#;

/// What tests ask of a core dump.
#[derive(Default)]
struct CoreDump {
    name: String,
    modules: Vec<String>,
    instances: Vec<(u32, Vec<u32>, Vec<u32>)>,
    thread: String,
    frames: Vec<(u32, u32, u32)>,
    pages: Vec<u64>,
    globals: Vec<String>,
    data: Vec<(u32, i32, Vec<u8>)>,
}

impl CoreDump {
    fn read(bytes: &[u8]) -> Self {
        let features = WasmFeatures::all();
        let mut validator = wasmparser::Validator::new_with_features(features);
        validator.validate_all(bytes).expect("a valid module");
        let mut dump = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.expect("well-formed") {
                Payload::CustomSection(section) => match section.as_known() {
                    KnownCustom::CoreDump(section) => dump.name = section.name.into(),
                    KnownCustom::CoreDumpModules(section) => {
                        dump.modules = section.modules.iter().map(|&name| name.into()).collect();
                    }
                    KnownCustom::CoreDumpInstances(section) => {
                        let parts = section.instances.into_iter();
                        let parts = parts.map(|i| (i.module_index, i.memories, i.globals));
                        dump.instances = parts.collect();
                    }
                    KnownCustom::CoreDumpStack(section) => {
                        dump.thread = section.name.into();
                        let frames = section.frames.iter();
                        let frames = frames.map(|f| (f.instanceidx, f.funcidx, f.codeoffset));
                        dump.frames = frames.collect();
                    }
                    _ => panic!("another section: {}", section.name()),
                },
                Payload::MemorySection(memories) => {
                    dump.pages = memories.into_iter().map(|ty| ty.unwrap().initial).collect();
                }
                Payload::GlobalSection(globals) => {
                    let first = |global: wasmparser::Result<wasmparser::Global<'_>>| {
                        let mut ops = global.unwrap().init_expr.get_operators_reader();
                        format!("{:?}", ops.read().unwrap())
                    };
                    dump.globals = globals.into_iter().map(first).collect();
                }
                Payload::DataSection(data) => {
                    for data in data {
                        let data = data.unwrap();
                        let wasmparser::DataKind::Active { memory_index, offset_expr } = data.kind
                        else {
                            panic!("all of it is active")
                        };
                        let offset = offset_expr.get_operators_reader().read().unwrap();
                        let Operator::I32Const { value } = offset else { panic!("{offset:?}") };
                        dump.data.push((memory_index, value, data.data.into()));
                    }
                }
                _ => {}
            }
        }
        dump
    }

    /// A byte of memory 0, which is 0 where nothing was written.
    fn byte(&self, at: i32) -> u8 {
        let piece = self.data.iter().find_map(|(memory, start, bytes)| {
            let inside = usize::try_from(at - start).ok()?;
            (*memory == 0).then(|| bytes.get(inside).copied()).flatten()
        });
        piece.unwrap_or(0)
    }
}

#[test]
fn a_core_dump_has_frames_memories_and_globals() {
    let dir = files([("sick.wat", SICK.as_bytes())]);
    for mode in modes() {
        let core = path(&dir, "core");
        let run = iwasm(&["--mode", mode, "--coredump", &core, &path(&dir, "sick.wat")]);
        run.fails(1, "integer divide by zero");
        assert!(run.err.ends_with(&format!("\ncore dumped to {core}\n")), "{}", run.err);
        let dump = CoreDump::read(&fs::read(&core).unwrap());
        assert!(dump.name.ends_with("sick.wat"), "{}", dump.name);
        assert_eq!(dump.modules, ["sick"]);
        assert_eq!(dump.instances, [(0, vec![0], vec![0, 1, 2])]);
        assert_eq!(dump.thread, "main");
        let funcs: Vec<_> =
            dump.frames.iter().map(|&(instance, func, _)| (instance, func)).collect();
        assert_eq!(funcs, [(0, 0), (0, 1)], "innermost first");
        // Behind the counts of locals, and not beyond the functions.
        assert!(dump.frames.iter().all(|&(.., at)| (1..40).contains(&at)), "{:?}", dump.frames);
        assert!(dump.frames[0].2 > dump.frames[1].2, "{:?}", dump.frames);
        assert_eq!(dump.pages, [3]);
        assert!(dump.globals[0].contains("42"), "{:?}", dump.globals);
        assert!(dump.globals[2].contains("RefNull"), "{:?}", dump.globals);
        assert_eq!([dump.byte(65540), dump.byte(65543), dump.byte(131072)], [b'h', b'e', 7]);
        let bytes: usize = dump.data.iter().map(|(.., bytes)| bytes.len()).sum();
        assert!(bytes < 65536, "what is zero is left out: {bytes}");
        fs::remove_file(core).unwrap();
    }
}

#[test]
fn programs_that_end_well_or_exit_dump_nothing() {
    let dir = files([]);
    let core = path(&dir, "core");
    let exit = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"#;
    assert_eq!(run_wat(&["--coredump", &core], exit, &[]).code, Some(3));
    run_wat(&["--coredump", &core], r#"(module (func (export "_start")))"#, &[]).prints("");
    assert!(!dir.path().join("core").exists());
    let run = run_wat(&["--coredump", "/nowhere/core"], SICK, &[]);
    run.fails(1, "no core dumped: /nowhere/core: ");
}

#[cfg(feature = "loading-linking")]
#[test]
fn a_core_dump_has_all_instances_and_shared_memories_once() {
    let dir = files([
        (
            "app.wat",
            br#"(module $app (import "lib" "memory" (memory 1)) (import "lib" "f" (func $f))
            (func (export "_start") (call $f)))"#,
        ),
        (
            "lib.wat",
            br#"(module $lib (memory (export "memory") 1) (data (i32.const 0) "shared")
            (func (export "f") unreachable))"#,
        ),
    ]);
    let (core, lib) = (path(&dir, "core"), format!("lib={}", path(&dir, "lib.wat")));
    iwasm(&["--preload", &lib, "--coredump", &core, &path(&dir, "app.wat")])
        .fails(1, "wasm trap: unreachable");
    let dump = CoreDump::read(&fs::read(core).unwrap());
    assert_eq!(dump.modules, ["lib", "app"]);
    assert_eq!(dump.instances, [(0, vec![0], vec![]), (1, vec![0], vec![])]);
    assert_eq!(dump.pages, [1]);
    assert_eq!(dump.frames.iter().map(|f| (f.0, f.1)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
}

#[test]
fn sections_of_core_dumps_are_read_by_others_too() {
    let dir = files([]);
    let core = path(&dir, "core");
    run_wat(&["--coredump", &core], SICK, &[]).fails(1, "core dumped");
    let bytes = fs::read(core).unwrap();
    // `core` begins with a zero byte, then the name.
    let at = bytes.windows(6).position(|window| window == b"\x04core\0").expect("there is one");
    let section = wasmparser::CoreDumpSection::new(BinaryReader::new(
        &bytes[at + 5..at + 5 + 2 + usize::from(bytes[at + 6])],
        0,
    ));
    assert!(section.unwrap().name.ends_with("test.wat"));
}

/// Counts long enough for many samples.
const BUSY: &str = r#"(module $work
    (func $leaf (param i32) (result i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 0))
    (func $"a<b>&" (param i32) (result i32) (call $leaf (local.get 0)))
    (func (export "run") (param i32) (result i32) (call $"a<b>&" (local.get 0))))"#;

#[test]
fn a_profile_says_where_the_time_went() {
    let dir = files([("busy.wat", BUSY.as_bytes())]);
    for mode in modes() {
        let svg = path(&dir, &format!("{mode}.svg"));
        let count = if mode == "interp" { "60000000" } else { "500000000" };
        iwasm(&["--mode", mode, "--profile", &svg, "-f", "run", &path(&dir, "busy.wat"), count])
            .prints("0x0:i32\n");
        let svg = fs::read_to_string(svg).unwrap();
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"), "{svg}");
        for name in ["main", "work!&lt;function 2&gt;", "work!a&lt;b&gt;&amp;", "work!leaf"] {
            assert!(svg.contains(&format!("<g><title>{name}: ")), "{mode}: {name}: {svg}");
        }
        assert!(!svg.contains("a<b>"), "{svg}");
    }
    let run = iwasm(&["--profile", "/nowhere/x.svg", "-f", "run", &path(&dir, "busy.wat"), "1"]);
    run.fails(255, "--profile: /nowhere/x.svg: ");
    // A program that fails has one too.
    let svg = path(&dir, "sick.svg");
    run_wat(&["--profile", &svg], SICK, &[]).fails(1, "divide by zero");
    assert!(fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
}

#[test]
fn a_profile_has_every_thread() {
    let dir = files([]);
    let svg = path(&dir, "primes.svg");
    let primes = program("primes.wasm");
    iwasm(&["--wasi", "threads", "--profile", &svg, &primes, "20000", "4"])
        .prints("2262 primes below 20000\n");
    assert!(fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
}

#[cfg(unix)]
#[test]
fn perf_is_told_the_names_of_compiled_functions() {
    let dir = files([("busy.wat", BUSY.as_bytes())]);
    for mode in modes() {
        let child = Command::new(env!("CARGO_BIN_EXE_iwasm"))
            .args(["--mode", mode, "--enable-linux-perf", "-f", "run"])
            .env("WAMR_CACHE_DIR", "")
            .args([&path(&dir, "busy.wat"), "1"])
            .stdout(Stdio::null())
            .spawn()
            .expect("iwasm starts");
        let map = format!("/tmp/perf-{}.map", child.id());
        assert!(child.wait_with_output().unwrap().status.success());
        let text = fs::read_to_string(&map).expect("a map");
        fs::remove_file(map).unwrap();
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.splitn(3, ' ').collect()).collect();
        let names: Vec<&str> = lines.iter().map(|line| line[2]).collect();
        let expected = ["work!leaf", "work!a<b>&", "work!<function 2>"];
        assert_eq!(names, if mode == "jit" { &expected[..] } else { &[] });
        for line in lines {
            assert!(u64::from_str_radix(line[0], 16).unwrap() > 0);
            assert!(u64::from_str_radix(line[1], 16).unwrap() > 0);
        }
    }
}
