//! What `iwasm` keeps of what it compiled.
#![cfg(all(feature = "jit", target_os = "linux", target_arch = "x86_64"))]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

mod common;
use common::{Run, files, path};

const ADD: &str = r#"(module (func $add (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
    (func (export "add") (param i32 i32) (result i32)
        (call $add (local.get 0) (local.get 1))))"#;

/// What `iwasm` prints when it took code from its cache.
const KEPT: &str = ", with code kept from before";

/// Runs `iwasm --mode jit`, with these variables and no others that say where caches are.
fn iwasm(options: &[&str], variables: &[(&str, &str)], file: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iwasm"));
    for name in ["WAMR_CACHE_DIR", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command.args(["--mode", "jit"]).args(options).args(["-f", "add", file, "2", "3"]);
    command.stdin(Stdio::null()).output().expect("it starts").into()
}

/// What is in a directory.
fn count(dir: impl AsRef<Path>) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

fn dir_with_module() -> (TempDir, String) {
    let dir = files([("add.wat", ADD.as_bytes())]);
    let file = path(&dir, "add.wat");
    (dir, file)
}

#[test]
fn compiled_code_is_kept_where_the_user_says() {
    let (dir, file) = dir_with_module();
    let [home, caches, named, given] =
        ["home", "caches", "named", "given"].map(|name| path(&dir, name));
    let home_only = [("HOME", &*home)];
    let with_caches = [("HOME", &*home), ("XDG_CACHE_HOME", &*caches)];
    let with_variable = [&with_caches[..], &[("WAMR_CACHE_DIR", &*named)]].concat();
    let with_empty = [&with_caches[..], &[("WAMR_CACHE_DIR", "")]].concat();
    let relative = [("HOME", &*home), ("XDG_CACHE_HOME", "caches")];
    let places =
        [format!("{home}/.cache/wamr"), format!("{caches}/wamr"), named.clone(), given.clone()];
    let counts = || places.each_ref().map(count);
    // Nothing is kept where nobody wants it.
    iwasm(&[], &[], &file).prints("0x5:i32\n");
    iwasm(&[], &with_empty, &file).prints("0x5:i32\n");
    iwasm(&["--no-cache"], &with_variable, &file).prints("0x5:i32\n");
    iwasm(&["--cache-dir", &given, "--no-cache"], &with_caches, &file).prints("0x5:i32\n");
    iwasm(&["--interp", "--cache-dir", &given], &with_caches, &file).prints("0x5:i32\n");
    assert_eq!(counts(), [0; 4]);
    /// Options, environment variables, and which place has an entry then.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], usize);
    let cases: [Case<'_>; 5] = [
        (&[], &home_only, 0),
        (&[], &relative, 0),
        (&[], &with_caches, 1),
        (&[], &with_variable, 2),
        (&["--cache-dir", &given], &with_variable, 3),
    ];
    let mut expected = [0; 4];
    for (options, variables, place) in cases {
        let was_kept = expected[place] == 1;
        for is_kept in [was_kept, true] {
            let run = iwasm(&[options, &["-v"]].concat(), variables, &file);
            assert_eq!((run.code, &*run.out), (Some(0), "0x5:i32\n"), "{}", run.err);
            assert_eq!(run.err.contains(KEPT), is_kept, "{}", run.err);
        }
        expected[place] = 1;
        assert_eq!(counts(), expected);
    }
    let run = iwasm(&["--cache-dir", &given, "-v", "--fuel=100"], &[], &file);
    assert!(!run.err.contains(KEPT) && count(&given) == 2, "{}", run.err);
    let run = iwasm(&["--cache-dir", &given, "-v", "--inlining=off"], &[], &file);
    assert!(!run.err.contains(KEPT) && count(&given) == 3, "{}", run.err);
}

#[test]
fn a_directory_that_is_of_no_use_is_told_and_nothing_else() {
    let (dir, file) = dir_with_module();
    let open = dir.path().join("open");
    fs::create_dir_all(open.join("wamr")).unwrap();
    fs::set_permissions(open.join("wamr"), Permissions::from_mode(0o777)).unwrap();
    let wamr = path(&dir, "open/wamr");
    let message = "other users may write to the directory";
    let asked_for = iwasm(&["--cache-dir", &wamr], &[], &file);
    let asked_for_by_variable = iwasm(&[], &[("WAMR_CACHE_DIR", &wamr)], &file);
    let caches = [("XDG_CACHE_HOME", open.to_str().unwrap())];
    let default = iwasm(&["-v"], &caches, &file);
    for run in [asked_for, asked_for_by_variable, default] {
        assert_eq!((run.code, &*run.out), (Some(0), "0x5:i32\n"));
        assert!(run.err.contains(message) && run.err.contains(&wamr), "{}", run.err);
    }
    iwasm(&["-v=1", "--cache-dir", &wamr], &[], &file).prints("0x5:i32\n");
    iwasm(&[], &caches, &file).prints("0x5:i32\n");
    assert_eq!(count(&wamr), 0);
    // It cannot be made.
    let below_file = format!("{file}/cache");
    let run = iwasm(&["--cache-dir", &below_file], &[], &file);
    assert_eq!((run.code, &*run.out), (Some(0), "0x5:i32\n"));
    assert!(run.err.contains("warning: compiled code is not kept: "), "{}", run.err);
}

#[test]
fn processes_share_a_cache() {
    let (dir, file) = dir_with_module();
    let cache = path(&dir, "cache");
    for round in 0..3 {
        let start = |number: usize| {
            // Half of them want other code.
            let inlining = if number.is_multiple_of(2) { "on" } else { "off" };
            Command::new(env!("CARGO_BIN_EXE_iwasm"))
                .args(["--mode=jit", "-v", "--cache-dir", &cache, "--inlining", inlining])
                .args(["-f", "add", &file, "2", "3"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        };
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            let run = Run::from(child.wait_with_output().expect("it ends"));
            assert_eq!((run.code, &*run.out), (Some(0), "0x5:i32\n"), "{}", run.err);
            assert!(round == 0 || run.err.contains(KEPT), "{}", run.err);
        }
        assert_eq!(count(&cache), 2, "nothing half done is left over");
    }
}
