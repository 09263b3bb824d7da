//! Options of `iwasm`, one by one.

use std::collections::BTreeSet;

mod common;
use common::{Run, files, iwasm, iwasm_with, modes, path, program, run_wat};

const FIB: &str = r#"(module
    (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add
                (call $fib (i32.sub (local.get 0) (i32.const 1)))
                (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;

/// The options that a text of help explains.
fn options_in(help: &str) -> BTreeSet<&str> {
    let is_heading = |line: &&str| line.starts_with("  -") || line.starts_with("      -");
    let lines = help.lines().filter(is_heading);
    let headings = lines.map(|line| line.trim_start().split("  ").next().unwrap_or_default());
    let words = headings.flat_map(|heading| heading.split([' ', ',', '=', '[']));
    words.filter(|word| word.starts_with('-')).collect()
}

#[test]
fn help_has_every_option_and_every_option_has_a_test() {
    let help = iwasm(&["--help"]).out;
    let options = options_in(&help);
    assert!(options.len() > 40, "{options:?}");
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut tests = String::new();
    for file in dir.read_dir().unwrap() {
        tests += &std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
    }
    for option in options {
        // A feature's option is tested with some feature.
        let option = option.trim_end_matches("FEATURE");
        assert!(tests.contains(&format!("\"{option}")), "no test names {option}");
    }
    assert!(help.lines().all(|line| line.chars().count() < 100), "{help}");
}

#[test]
fn commands_have_help_of_their_own() {
    let all = iwasm(&["--help"]).out;
    for command in ["run", "validate", "inspect", "wast", "completions"] {
        let run = iwasm(&[command, "--help"]);
        assert_eq!((run.code, &*run.err), (Some(0), ""), "{command}");
        assert!(run.out.contains(&format!("iwasm {command} [options]")), "{}", run.out);
        assert!(options_in(&run.out).is_subset(&options_in(&all)));
        assert_eq!(run.out.contains("--fuel"), command == "run", "{}", run.out);
    }
    iwasm(&["validate", "--fuel", "1", "x"]).fails(255, "`--fuel` says nothing to `validate`");
    iwasm(&["--dir", ".", "inspect", "x"]).fails(255, "`--dir` says nothing to `inspect`");
    iwasm(&["completions", "--json", "bash"]).fails(255, "`--json` says nothing");
    iwasm(&["run"]).fails(255, "no file to run");
    run_wat(&["run", "-f", "fib"], FIB, &["10"]).prints("0x37:i32\n");
}

#[test]
fn command_lines_of_wamr_keep_working() {
    let fib = |options: &[&str]| run_wat(&[options, &["-f", "fib"]].concat(), FIB, &["10"]);
    for options in [
        &["--interp"][..],
        &["--stack-size=65536"],
        &["--stack-size", "1M", "--heap-size=16384", "--gc-heap-size=1M"],
        &["--timeout=600000", "--max-threads=4"],
        &["-v=0"],
        &["-v=2"],
    ] {
        fib(options).prints("0x37:i32\n");
    }
    if cfg!(feature = "jit") {
        fib(&["--llvm-jit"]).prints("0x37:i32\n");
        for option in ["--fast-jit", "--multi-tier-jit"] {
            let run = fib(&[option]);
            assert_eq!((run.code, &*run.out), (Some(0), "0x37:i32\n"), "{}", run.err);
            assert!(run.err.starts_with("iwasm: warning: there is neither"), "{}", run.err);
            fib(&[option, "-v=1"]).prints("0x37:i32\n");
        }
    }
    for option in [
        "--jit-codecache-size=1048576",
        "--llvm-jit-size-level=3",
        "--llvm-jit-opt-level=3",
        "--shared-heap-size=65536",
        "--enable-segue",
        "--enable-segue=i32.load",
        "--disable-bounds-checks",
    ] {
        let run = fib(&[option]);
        assert_eq!((run.code, &*run.out), (Some(0), "0x37:i32\n"), "{option}");
        assert_eq!(run.err.matches("iwasm: warning: --").count(), 1, "{}", run.err);
        fib(&["-v=0", option]).prints("0x37:i32\n");
    }
    fib(&["-g=127.0.0.1:1234"]).fails(255, "no debugger");
    fib(&["--gen-prof-file=x"]).fails(255, "see --profile");
}

#[test]
fn features_are_switched_on_and_off() {
    let simd = r#"(module (func (export "_start") (drop (v128.const i64x2 0 0))))"#;
    run_wat(&[], simd, &[]).prints("");
    run_wat(&["--disable-simd"], simd, &[]).fails(255, "SIMD");
    run_wat(&["--disable-simd", "--enable-simd"], simd, &[]).prints("");
    let shared = r#"(module (memory 1 1 shared) (func (export "_start")))"#;
    run_wat(&["--enable-threads"], shared, &[]).prints("");
    run_wat(&["--disable-multi-thread"], shared, &[]).fails(255, "threads");
    run_wat(&["--disable-smid"], simd, &[]).fails(255, "did you mean `simd`?");
    run_wat(&["--enable-"], simd, &[]).fails(255, "unknown option `--enable-`");
    let dir = files([("simd.wat", simd.as_bytes())]);
    iwasm(&["validate", "--disable-simd", &path(&dir, "simd.wat")]).fails(255, "SIMD");
}

#[test]
fn sizes_have_units_and_bounds() {
    let grow = r#"(module (memory 1) (func (export "grow") (result i32)
        (memory.grow (i32.const 15))))"#;
    let grow = |size| run_wat(&["--max-memory", size, "-f", "grow"], grow, &[]);
    grow("1M").prints("0x1:i32\n");
    grow("1048575").prints("0xffffffff:i32\n");
    grow("1023K").prints("0xffffffff:i32\n");
    grow("1T").fails(255, "--max-memory: `1T` is not a whole number of bytes");
    grow("99999999999999999999").fails(255, "is not a whole number");
    grow("18446744073709551615G").fails(255, "is too large");
    let objects = r#"(module (type $a (array i8)) (func (export "f") (result i32)
        (array.len (array.new $a (i32.const 1) (i32.const 1000000)))))"#;
    for mode in modes() {
        let run =
            |size| run_wat(&["--mode", mode, "--gc-heap-size", size, "-f", "f"], objects, &[]);
        run("4M").prints("0xf4240:i32\n");
        run("128K").fails(1, "wasm trap: ");
    }
}

#[test]
fn the_most_that_a_program_may_compute_is_set() {
    let endless = r#"(module (func (export "_start") (loop (br 0))))"#;
    for mode in modes() {
        run_wat(&["--mode", mode, "--timeout", "50"], endless, &[]).fails(1, "interrupted");
        run_wat(&["--mode", mode, "--timeout", "0s"], endless, &[]).fails(1, "interrupted");
        run_wat(&["--mode", mode, "--fuel", "50"], endless, &[]).fails(1, "all fuel consumed");
    }
}

#[test]
fn modules_come_from_standard_input() {
    iwasm_with(&["-f", "fib", "-", "10"], FIB).prints("0x37:i32\n");
    iwasm_with(&["validate", "-"], FIB).prints("");
    iwasm_with(&["validate", "-"], "(module").fails(255, "-: malformed text");
    iwasm_with(&["-"], "").fails(255, "-: malformed module");
    iwasm_with(&["wast", "-"], "(assert_invalid (module (func (result i32))) \"type mismatch\")")
        .prints("1 passed, 0 failed\n");
    // It is a file's name behind `./`.
    iwasm_with(&["./-"], FIB).fails(255, "./-: ");
}

/// Prints its first argument.
const OWN_NAME: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get"
        (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (drop (call $args (i32.const 1024) (i32.const 4096)))
        (i32.store (i32.const 8) (i32.const 4096))
        (i32.store (i32.const 12) (i32.load (i32.const 4)))
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;

#[test]
fn a_program_has_the_name_that_it_is_given() {
    run_wat(&["--argv0", "cat"], OWN_NAME, &["x"]).prints("cat\0x\0");
    let run = run_wat(&[], OWN_NAME, &[]);
    assert!(run.out.ends_with("test.wat\0"), "{}", run.out);
    run_wat(&["--env", "=x"], OWN_NAME, &[]).fails(255, "NAME=VALUE");
}

#[test]
fn directories_can_be_read_only_and_the_wrong_order_is_told() {
    let dir = files([("in", b"some text, some text, some text")]);
    let root = dir.path().to_str().unwrap();
    let lzpack = program("lzpack.wasm");
    for dirs in [["--dir", &format!("{root}::.:ro")], ["--map-dir", &format!(".::{root}:ro")]] {
        let run = iwasm(&[&dirs[..], &[&lzpack, "in", "packed"]].concat());
        assert_eq!(run.code, Some(1), "{}", run.err);
        assert!(!dir.path().join("packed").exists());
    }
    let words = program("wordfreq.wasm");
    let run = iwasm(&["--dir", &format!("{root}::/data:ro"), &words, "/data/in"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let hint = format!("did you mean `--dir {root}::/data/of/it`?");
    iwasm(&["--dir", &format!("/data/of/it::{root}"), &words]).fails(255, &hint);
    let hint = format!("did you mean `--map-dir /data/of/it::{root}`?");
    iwasm(&["--map-dir", &format!("{root}::/data/of/it"), &words]).fails(255, &hint);
    let run = iwasm(&["--dir", "/nowhere::/nowhere/else", &words]);
    run.fails(255, "/nowhere: ");
    assert!(!run.err.contains("did you mean"), "{}", run.err);
}

#[cfg(feature = "loading-linking")]
#[test]
fn modules_are_given_for_names() {
    let dir = files([
        (
            "app.wat",
            br#"(module (import "maths" "twice" (func $f (param i32) (result i32)))
            (import "env" "atoi" (func $g (param i32) (result i32)))
            (func (export "run") (result i32)
                (i32.add (call $f (i32.const 20)) (call $g (i32.const 0)))))"#,
        ),
        (
            "one.wat",
            br#"(module (func (export "twice") (param i32) (result i32)
            (i32.shl (local.get 0) (i32.const 1))))"#,
        ),
        // Also in place of what the host has.
        ("env.wat", br#"(module (func (export "atoi") (param i32) (result i32) (i32.const 2)))"#),
    ]);
    let file = |name: &str| path(&dir, name);
    let (one, env) = (format!("maths={}", file("one.wat")), format!("env={}", file("env.wat")));
    let preload = ["--preload", &one, "--preload", &env];
    iwasm(&[&preload[..], &["-f", "run", &file("app.wat")]].concat()).prints("0x2a:i32\n");
    let run = iwasm(&[&["inspect", "--deps"], &preload[..], &[&file("app.wat")]].concat());
    assert!(run.out.contains("`env` `atoi`: func [i32] -> [i32]: module `env`"), "{}", run.out);
    iwasm(&["--preload", &one, "--preload", &one, &file("app.wat")]).fails(255, "--preload: ");
    iwasm(&["--preload", "maths", &file("app.wat")]).fails(255, "NAME=FILE");
    iwasm(&["--preload", "maths=/nowhere", &file("app.wat")]).fails(255, "/nowhere: ");
    iwasm(&["--trust-aot", "-f", "run", &file("app.wat")]).fails(255, "`maths` `twice`");
}

#[test]
fn functions_are_called_line_by_line() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (global $n (mut i32) (i32.const 0))
        (memory (export "memory") 1)
        (func (export "add") (param i32) (result i32)
            (global.set $n (i32.add (global.get $n) (local.get 0))) (global.get $n))
        (func (export "trap") unreachable)
        (func (export "quit") (param i32) (call $exit (local.get 0))))"#;
    let dir = files([("acc.wat", wat.as_bytes())]);
    let repl = |input| iwasm_with(&["--repl", &path(&dir, "acc.wat")], input);
    repl("add 1\n\n  add '2'\nadd -4\n").prints("0x1:i32\n0x3:i32\n0xffffffff:i32\n");
    repl("add 1\n__exit__\nadd 1\n").prints("0x1:i32\n");
    // What goes wrong ends nothing.
    let run = repl("ad 1\nadd\nadd x\ntrap\nadd '\nadd 7");
    assert_eq!((run.code, &*run.out), (Some(0), "0x7:i32\n"));
    for message in [
        "no exported function `ad`; did you mean `add`?",
        "takes 1 argument, not 0",
        "`x` is not an i32",
        "wasm trap: unreachable",
        "the ' has no end",
    ] {
        assert!(run.err.contains(message), "{message}: {}", run.err);
    }
    let run = repl("quit 42\nadd 1\n");
    assert_eq!((run.code, &*run.out), (Some(42), ""));
}

#[test]
fn a_program_that_imports_threads_gets_so_many() {
    let primes = program("primes.wasm");
    iwasm(&["--max-threads", "4", &primes, "20000", "4"]).prints("2262 primes below 20000\n");
    iwasm(&["--max-threads", "3", &primes, "20000", "4"]).fails(3, "primes: ");
    iwasm(&["--max-threads", "many", &primes]).fails(255, "`many` is not a whole number");
}

#[test]
fn more_is_told_if_asked() {
    let run = |level| run_wat(&[level, "-f", "fib"], FIB, &["10"]);
    for level in ["-v", "--verbose", "-v=3", "--verbose=5"] {
        let Run { code, out, err } = run(level);
        assert_eq!((code, &*out), (Some(0), "0x37:i32\n"));
        assert!(err.contains("test.wat: loaded for mode interp"), "{err}");
    }
    run("-v=6").fails(255, "-v: `6` is no level");
}

#[test]
fn words_that_are_almost_right_are_found_out() {
    iwasm(&["--fule", "1", "x"]).fails(255, "unknown option `--fule`; did you mean `--fuel`?");
    iwasm(&["--disabel-simd", "x"]).fails(255, "did you mean `--disable-simd`?");
    run_wat(&["--invoke", "fibb"], FIB, &["1"]).fails(255, "did you mean `fib`?");
    run_wat(&["--function", "fib"], FIB, &["1"]).prints("0x1:i32\n");
    iwasm(&["inspct", "x.wasm"]).fails(255, "(os error 2); did you mean `inspect`?");
    iwasm(&["help"]).fails(255, "; `iwasm --help` lists commands");
    let run = iwasm(&["./inspct"]);
    run.fails(255, "./inspct: ");
    assert!(!run.err.contains("did you mean"), "{}", run.err);
    // Every letter would be close to this one.
    iwasm(&["-W", "x"]).fails(255, "unknown option `-W`; `iwasm --help` lists them\n");
    assert_eq!(iwasm(&["-V"]).out, iwasm(&["--version"]).out);
}

#[test]
fn options_behind_the_file_are_told() {
    let run = run_wat(&[], FIB, &["--invoke", "fib", "1"]);
    run.fails(255, "`fib`; options stand before the file, and `--invoke` does not\n");
    let run = run_wat(&[], FIB, &["--fuel=3"]);
    run.fails(255, "options stand before the file, and `--fuel=3` does not\n");
    assert!(!run_wat(&[], FIB, &["--own"]).err.contains("before the file"));
    // A program that starts has them.
    run_wat(&["--argv0", "x"], OWN_NAME, &["--fuel"]).prints("x\0--fuel\0");
}

#[test]
fn what_is_no_module_is_said_to_be_none() {
    let dir = files([("a.wasm", b"garbage"), ("a.wat", b"garbage"), ("b.wasm", b"(module)")]);
    iwasm(&[&path(&dir, "a.wasm")]).fails(255, "a.wasm: this is no WebAssembly module, neither");
    iwasm(&[&path(&dir, "a.wat")]).fails(255, "a.wat: malformed text: ");
    iwasm(&["validate", &path(&dir, "b.wasm")]).prints("");
}

#[test]
fn variables_come_from_here_if_they_have_no_value() {
    let env = r#"(module
        (import "wasi_snapshot_preview1" "environ_sizes_get"
            (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $env (i32.const 1024) (i32.const 4096)))
            (i32.store (i32.const 8) (i32.const 4096))
            (i32.store (i32.const 12) (i32.load (i32.const 4)))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;
    run_wat(&["--env", "A=1", "--env=B=", "--env", "A=x=y"], env, &[]).prints("A=x=y\0B=\0");
    // Cargo sets it.
    let set = std::env::var("CARGO_PKG_NAME").expect("set while tests run");
    let expected = format!("CARGO_PKG_NAME={set}\0");
    run_wat(&["--env", "CARGO_PKG_NAME"], env, &[]).prints(&expected);
    run_wat(&["--env", "NOBODY_SETS_THIS"], env, &[]).fails(255, "is not set here");
    run_wat(&["--env", ""], env, &[]).fails(255, "NAME=VALUE");
}

#[test]
fn shells_complete_every_option() {
    let help = iwasm(&["--help"]).out;
    for shell in ["bash", "zsh", "fish"] {
        let run = iwasm(&["completions", shell]);
        assert_eq!((run.code, &*run.err), (Some(0), ""));
        for option in options_in(&help) {
            let option = option.replace("FEATURE", "threads");
            let name = option.trim_start_matches('-');
            let written = match shell {
                "fish" if option.starts_with("--") => format!("-l {name} "),
                "fish" => format!("-s {name} "),
                _ => option.clone(),
            };
            assert!(run.out.contains(&written), "{shell}: {option}");
        }
        assert!(run.out.contains("validate") && run.out.contains("jit"), "{}", run.out);
    }
    iwasm(&["completions", "tcsh"]).fails(255, "`tcsh` is not known; name a shell: bash");
    iwasm(&["completions"]).fails(255, "name a shell: bash, zsh, fish");
}

#[test]
fn a_program_reaches_of_the_network_what_it_is_given() {
    // Exits with the kind of descriptor 3.
    let kind = r#"(module
        (import "wasi_snapshot_preview1" "fd_fdstat_get"
            (func $stat (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (if (call $stat (i32.const 3) (i32.const 0)) (then (call $exit (i32.const 99))))
            (call $exit (i32.load8_u (i32.const 0)))))"#;
    let kind = |options: &[&str]| run_wat(options, kind, &[]);
    const SOCKET_STREAM: i32 = 6;
    assert_eq!(kind(&[]).code, Some(99));
    assert_eq!(kind(&["--tcplisten", "127.0.0.1:0"]).code, Some(SOCKET_STREAM));
    let pool = ["--addr-pool=10.0.0.0/8,::1/128", "--allow-resolve=a.example,*.example.com"];
    assert_eq!(kind(&pool).code, Some(99), "these open nothing by themselves");
    kind(&["--tcplisten", "nonsense"]).fails(255, "--tcplisten: nonsense: ");
    kind(&["--addr-pool", "10.0.0.0/99"]).fails(255, "--addr-pool: `10.0.0.0/99` is not");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    kind(&["--tcplisten", &address]).fails(255, &format!("--tcplisten: {address}: "));
}

#[test]
fn terminals_obey_programs_only_if_they_may() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "\1b[2Jx\0a")
        (func (export "_start")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    run_wat(&[], wat, &[]).prints("\u{1b}[2Jx\n");
    let run = run_wat(&["--no-escapes"], wat, &[]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(!run.out.contains('\u{1b}') && run.out.ends_with("[2Jx\n"), "{}", run.out);
}
