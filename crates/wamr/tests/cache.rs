//! The directory that keeps what the mode `jit` compiled.
#![cfg(all(feature = "cache", feature = "wat", target_os = "linux", target_arch = "x86_64"))]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wamr::{
    Cache, CacheError, Config, Engine, Feature, Instance, Mode, Module, Store, TrapCode, Validation,
};

/// Calls from function to function, some of which are inlined, and traps in one of them.
const DIVIDE: &str = r#"(module
    (memory 1)
    (data (i32.const 8) "\2a\00\00\00")
    (func $load (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "run") (param i32 i32) (result i32)
        (i32.div_u (call $load (local.get 0)) (local.get 1))))"#;

fn engine(cache: &Cache, configure: impl FnOnce(&mut Config) -> &mut Config) -> Engine {
    let mut config = Config::new();
    config.mode(Mode::Jit).cache(cache);
    configure(&mut config);
    Engine::new(&config).unwrap()
}

/// Loads a module and checks that it does what it should.
fn check(engine: &Engine, text: &str) {
    let module = Module::new(engine, text).unwrap();
    assert_eq!(module.mode(), "jit");
    let mut store = Store::new(engine, ());
    if engine.tunables().consume_fuel {
        store.set_fuel(1000).unwrap();
    }
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(i32, i32), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, (8, 2)).unwrap(), 21);
    for (args, trap, func) in
        [((8, 0), TrapCode::IntegerDivideByZero, 1), ((-1, 1), TrapCode::MemoryOutOfBounds, 0)]
    {
        let error = run.call(&mut store, args).unwrap_err();
        assert_eq!(error.trap_code(), Some(trap));
        let frame = &error.backtrace().frames()[0];
        assert!(frame.func().0 == func && frame.offset().is_some());
    }
    if engine.tunables().consume_fuel {
        assert!(store.get_fuel().unwrap() < 1000);
    }
}

fn cache_in(dir: &TempDir) -> Cache {
    Cache::open(dir.path().join("cache")).unwrap()
}

/// What is used, stored and could not be stored while something is done.
#[track_caller]
fn does(cache: &Cache, expected: (u64, u64, u64), act: impl FnOnce()) {
    let before = cache.stats();
    act();
    let after = cache.stats();
    let used = after.used - before.used;
    let (stored, failed) = (after.stored - before.stored, after.failed - before.failed);
    assert_eq!((used, stored, failed), expected);
}

fn entries(cache: &Cache) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.path()).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn what_was_compiled_once_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache_in(&dir);
    does(&cache, (0, 1, 0), || check(&engine(&cache, |config| config), DIVIDE));
    let [entry] = &entries(&cache)[..] else { panic!("one entry") };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(cache.path()), mode(entry)), (0o700, 0o600));
    does(&cache, (1, 0, 0), || check(&engine(&cache, |config| config), DIVIDE));
    // By others too, as another process would.
    let other = Cache::open(cache.path()).unwrap();
    does(&other, (1, 0, 0), || check(&engine(&other, |config| config), DIVIDE));
    // What a module is made of is what it is without a cache.
    let module = Module::new(&engine(&other, |config| config), DIVIDE).unwrap();
    let plain = Engine::new(Config::new().mode(Mode::Jit)).unwrap();
    assert!(module.serialize().unwrap() == plain.precompile(DIVIDE.as_bytes()).unwrap());
    // Interpreted modules are none of its business.
    does(&cache, (0, 0, 0), || {
        Module::new(&engine(&cache, |config| config.mode(Mode::Interp)), DIVIDE).unwrap();
    });
}

#[test]
fn what_differs_in_anything_is_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache_in(&dir);
    let other_byte = DIVIDE.replace("2a", "2b");
    let configs: &[fn(&mut Config) -> &mut Config] = &[
        |config| config,
        |config| config.consume_fuel(true),
        |config| config.memory_guard(false),
        |config| config.inlining(false),
        |config| config.inline_budget_bytes(7),
        |config| config.wasm_feature(Feature::Simd, false),
        |config| config.consume_fuel(true).memory_guard(false),
    ];
    for round in 0..2 {
        let outcome = if round == 0 { (0, 1, 0) } else { (1, 0, 0) };
        for configure in configs {
            for text in [DIVIDE, &other_byte] {
                does(&cache, outcome, || check(&engine(&cache, *configure), text));
            }
        }
        assert_eq!(entries(&cache).len(), 2 * configs.len());
    }
    // When bodies are validated shows in no code.
    does(&cache, (1, 0, 0), || {
        check(&engine(&cache, |config| config.validation(Validation::Lazy)), DIVIDE);
    });
}

#[test]
fn invalid_bodies_fail_when_they_are_called_as_without_a_cache() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache_in(&dir);
    let text = r#"(module (func (export "good") (result i32) (i32.const 1))
        (func (export "bad") (result i32) (i64.const 1)))"#;
    for outcome in [(0, 1, 0), (1, 0, 0)] {
        does(&cache, outcome, || {
            let engine = engine(&cache, |config| config.validation(Validation::Lazy));
            let module = Module::new(&engine, text).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let mut call = |name: &str| {
                let func = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
                func.call(&mut store, ())
            };
            assert_eq!(call("good").unwrap(), 1);
            let error = call("bad").unwrap_err().to_string();
            assert!(error.contains("type mismatch"), "{error}");
        });
    }
    let engine = engine(&cache, |config| config.validation(Validation::Eager));
    does(&cache, (0, 0, 0), || assert!(Module::new(&engine, text).is_err()));
}

#[test]
fn damaged_files_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache_in(&dir);
    let engine = engine(&cache, |config| config);
    check(&engine, DIVIDE);
    let entry = entries(&cache).remove(0);
    let good = fs::read(&entry).unwrap();
    check(&engine, &DIVIDE.replace("2a", "2b"));
    let other = entries(&cache).into_iter().find(|path| *path != entry).unwrap();
    let other = fs::read(other).unwrap();
    let mut changed: Vec<Vec<u8>> = vec![Vec::new(), vec![0; good.len()], vec![0; 31]];
    // Another module's file, and with this one's key behind it.
    changed.push(other.clone());
    changed.push([&other[..other.len() - 32], &[0; 32]].concat());
    let cut = |len: usize| good[..len].to_vec();
    changed.extend([1, 31, 32, 33, 100, good.len() / 2, good.len() - 1].map(cut));
    changed.push([&good[..], b"\0"].concat());
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        changed.push(bytes);
    }
    for (position, bytes) in changed.iter().enumerate() {
        fs::write(&entry, bytes).unwrap();
        let stored = cache.stats().stored;
        check(&engine, DIVIDE);
        assert_eq!(cache.stats().stored, stored + 1, "{position}");
        assert!(fs::read(&entry).unwrap() == good, "{position}: it is what it was");
    }
    // What is no file is not followed, waited for or written to.
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, &good).unwrap();
    fs::remove_file(&entry).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    does(&cache, (0, 1, 0), || check(&engine, DIVIDE));
    assert!(fs::symlink_metadata(&entry).unwrap().is_file());
    fs::remove_file(&entry).unwrap();
    make_pipe(&entry);
    does(&cache, (0, 1, 0), || check(&engine, DIVIDE));
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    does(&cache, (0, 0, 1), || check(&engine, DIVIDE));
    fs::remove_dir(&entry).unwrap();
    // Nor is a file that others may write.
    does(&cache, (0, 1, 0), || check(&engine, DIVIDE));
    fs::set_permissions(&entry, Permissions::from_mode(0o620)).unwrap();
    does(&cache, (0, 1, 0), || check(&engine, DIVIDE));
    does(&cache, (1, 0, 0), || check(&engine, DIVIDE));
    assert_eq!(entries(&cache).len(), 2, "nothing is left over");
}

/// A pipe with a name, which nobody writes to.
fn make_pipe(path: &Path) {
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the path ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache");
    let text = |number: usize| DIVIDE.replace("(memory 1)", &format!("(memory 1 {})", 10 + number));
    let unbounded = Cache::open(&path).unwrap();
    check(&engine(&unbounded, |config| config), &text(0));
    let one = fs::metadata(&entries(&unbounded)[0]).unwrap().len().next_multiple_of(4096);
    // Five fit.
    let cache = Cache::open_with(&path, 5 * one + one / 2).unwrap();
    let engine = engine(&cache, |config| config);
    let age = |path: &Path, hours: u64| {
        let time = SystemTime::now() - Duration::from_secs(3600 * hours);
        File::open(path).unwrap().set_modified(time).unwrap();
    };
    age(&entries(&cache)[0], 90);
    for number in 1..=12 {
        does(&cache, (0, 1, 0), || check(&engine, &text(number)));
        for path in entries(&cache) {
            let hours =
                fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap().as_secs();
            age(&path, hours / 3600 + 1);
        }
        // The first one is used again and again.
        does(&cache, (1, 0, 0), || check(&engine, &text(0)));
        assert_eq!(entries(&cache).len(), (number + 1).min(5), "{number}");
    }
    for number in [12, 11, 10, 9, 0] {
        does(&cache, (1, 0, 0), || check(&engine, &text(number)));
    }
    does(&cache, (0, 1, 0), || check(&engine, &text(1)));
    // What others put there stays; what a process left over that ended while it wrote goes.
    let (mine, leftover) = (path.join("notes.txt"), path.join("0123456789abcdef.tmp"));
    for path in [&mine, &leftover] {
        fs::write(path, "x").unwrap();
        age(path, 2);
    }
    check(&engine, &text(20));
    assert!(mine.exists() && !leftover.exists());
    // Where nothing fits nothing is kept, and all runs.
    let tiny = Cache::open_with(dir.path().join("tiny"), 100).unwrap();
    does(&tiny, (0, 0, 1), || check(&self::engine(&tiny, |config| config), DIVIDE));
    assert!(entries(&tiny).is_empty());
}

#[test]
fn directories_that_others_may_write_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [0o770, 0o777, 0o1777, 0o702, 0o720] {
        fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        let refused = Cache::open(dir.path());
        assert!(matches!(refused, Err(CacheError::WritableByOthers)), "{mode:o}: {refused:?}");
    }
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    let engine = engine(&cache, |config| config);
    does(&cache, (0, 1, 0), || check(&engine, DIVIDE));
    // Also if that becomes so later.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    does(&cache, (0, 0, 1), || check(&engine, DIVIDE));
    // SAFETY: asks for a number.
    let others = if unsafe { libc::geteuid() } == 0 {
        let theirs = dir.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(12345), None).unwrap();
        theirs
    } else {
        "/usr".into()
    };
    assert!(matches!(Cache::open(others), Err(CacheError::NotOwned)));
    // What is no directory is an error, and so is what cannot be made.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert!(matches!(Cache::open(path), Err(CacheError::Io(_))));
    }
}

#[test]
fn what_cannot_be_written_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache_in(&dir);
    let engine = engine(&cache, |config| config);
    fs::remove_dir(cache.path()).unwrap();
    does(&cache, (0, 0, 1), || check(&engine, DIVIDE));
    // Nor is anything written to the directory that is there instead.
    fs::create_dir(cache.path()).unwrap();
    does(&cache, (0, 0, 1), || check(&engine, DIVIDE));
    assert!(entries(&cache).is_empty());
}

#[test]
fn many_read_write_and_remove_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = &dir.path().join("cache");
    let texts: &Vec<String> =
        &(0..4).map(|n| DIVIDE.replace("(memory 1)", &format!("(memory 1 {})", 10 + n))).collect();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || {
                // Some have room for one alone, and so remove what the others read.
                let max = if thread % 3 == 0 { 10_000 } else { 1 << 20 };
                for round in 0..12 {
                    let cache = Cache::open_with(path, max).unwrap();
                    check(&engine(&cache, |config| config), &texts[(thread + round) % texts.len()]);
                    if thread == 1 {
                        // And damage some.
                        for path in entries(&cache) {
                            let _ =
                                File::options().write(true).open(path).map(|file| file.set_len(50));
                        }
                    }
                }
            });
        }
    });
    let names = entries(&Cache::open(path).unwrap());
    assert!(names.iter().all(|path| path.extension().is_some_and(|end| end == "aot")), "{names:?}");
}
