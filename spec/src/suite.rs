//! One test per script and mode: what it runs, and when it passes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::{fmt, io, thread};

use libtest_mimic::{Arguments, Failed, Trial};
use wamr::{Config, Engine, Features, Mode, Module, ModuleError};
use wamr_wast::{Report, WastRunner};

use crate::corpus::{self, Script};
use crate::expected::expected_failure;
use crate::superseded::without_superseded;
use crate::versions::features_of;

/// How many failures of a script are shown.
const SHOWN_FAILURES: usize = 20;

/// Native stack of the thread that runs a script. Interpreted code does with little, however long
/// it runs, as long as its operations do not pile up there; compiled code has frames of its own, and
/// gets what the main thread of a process has.
fn stack_bytes(mode: Mode) -> usize {
    match mode.name() {
        "interp" => 512 << 10,
        _ => 8 << 20,
    }
}

/// Runs the suite as the command line says, which is that of `cargo test`.
pub fn main() -> ExitCode {
    let args = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&args, trials).exit_code(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The modes of execution that this build tests.
pub fn modes() -> &'static [Mode] {
    &[
        #[cfg(feature = "interp")]
        Mode::Interp,
        #[cfg(feature = "jit")]
        Mode::Jit,
    ]
}

/// The ways to get from bytes to modules that this build tests: one for each mode, and with the
/// mode `jit` also through files of compiled code.
fn ways() -> impl Iterator<Item = Way> {
    let files = cfg!(feature = "jit").then_some(Way { mode: Mode::Jit, by_file: true });
    modes().iter().map(|&mode| Way { mode, by_file: false }).chain(files)
}

/// Compiles a module to bytes, and loads these.
#[cfg(feature = "jit")]
#[allow(unsafe_code, reason = "native code that was made on the spot")]
fn load_by_file(engine: &Engine, bytes: &[u8]) -> Result<Module, ModuleError> {
    let file = engine.precompile(bytes)?;
    // SAFETY: it was made on the line above.
    unsafe { Module::deserialize(engine, file) }
}

/// Without the mode `jit`, there are no such files.
#[cfg(not(feature = "jit"))]
fn load_by_file(engine: &Engine, bytes: &[u8]) -> Result<Module, ModuleError> {
    Module::new(engine, bytes)
}

/// A script's name in tests, without the mode.
pub fn name_of(script: &Script) -> String {
    format!("{}::{}", script.group, script.stem)
}

/// One test for each mode and each script, one more with checked memories for each script that
/// speaks of memories, and one more for the interpreter without instructions that only some
/// processors have for each script that could meet any. Of scripts with the same text and
/// features, only the first one is run.
///
/// # Errors
/// If scripts cannot be read.
pub fn trials() -> io::Result<Vec<Trial>> {
    let mut seen = HashSet::new();
    let mut scripts = Vec::new();
    for script in corpus::discover()? {
        let features = features_of(&script.group);
        if seen.insert((script.source.clone(), features.clone())) {
            scripts.push((script, features));
        }
    }
    let mut trials = Vec::new();
    for way in ways() {
        for (script, features) in &scripts {
            let variant = Variant { way, memory_guard: true, processor_features: true };
            trials.push(trial(variant, script, features.clone()));
            if script.source.contains("memory") {
                let variant = Variant { memory_guard: false, ..variant };
                trials.push(trial(variant, script, features.clone()));
            }
            let is_wanted = |word: &&str| script.source.contains(*word);
            if way.mode.name() == "interp" && PROCESSOR_DEPENDENT.iter().any(is_wanted) {
                let variant = Variant { processor_features: false, ..variant };
                trials.push(trial(variant, script, features.clone()));
            }
        }
    }
    Ok(trials)
}

/// How modules of scripts are made.
#[derive(Clone, Copy)]
struct Way {
    mode: Mode,
    /// Whether they are compiled to bytes, which are then loaded.
    by_file: bool,
}

/// How a script is run.
#[derive(Clone, Copy)]
struct Variant {
    way: Way,
    /// Whether memories are guarded where they can be.
    memory_guard: bool,
    /// Whether the interpreter may use instructions that only some processors have.
    processor_features: bool,
}

/// What is in the text of every script with operators that the interpreter has two handlers for.
const PROCESSOR_DEPENDENT: [&str; 6] = ["v128", "shl", "shr", "clz", "ctz", "popcnt"];

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.way.by_file { "aot" } else { self.way.mode.name() };
        let kind = match (self.memory_guard, self.processor_features) {
            (true, true) => "",
            (false, _) => "-checked",
            (true, false) => "-baseline",
        };
        write!(f, "{name}{kind}")
    }
}

fn trial(variant: Variant, script: &Script, features: Result<Features, String>) -> Trial {
    let name = name_of(script);
    let source = script.source.clone();
    Trial::test(format!("{variant}::{name}"), move || {
        let report = features.and_then(|features| run(variant, features, &name, source));
        let report = report.and_then(|report| without_superseded(&name, report));
        judge(report, expected_failure(&name)).map_err(Failed::from)
    })
}

/// Runs a script on a thread with a stack of known size.
fn run(
    variant: Variant,
    features: Features,
    name: &str,
    source: Cow<'static, str>,
) -> Result<Report, String> {
    let mut config = Config::new();
    config
        .mode(variant.way.mode)
        .memory_guard(variant.memory_guard)
        .processor_features(variant.processor_features)
        .wasm_features(features);
    let engine = Engine::new(&config).map_err(|error| error.to_string())?;
    let runner = WastRunner::new(&engine);
    let mut runner = if variant.way.by_file { runner.load_with(load_by_file) } else { runner };
    let script = || runner.run(name, &source);
    thread::scope(|scope| {
        let builder =
            thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes(variant.way.mode));
        let thread = builder.spawn_scoped(scope, script);
        let thread = thread.map_err(|error| format!("no thread for the script: {error}"))?;
        thread.join().map_err(|_| "the thread of the script panicked".to_owned())
    })
}

fn judge(report: Result<Report, String>, expected: Option<&str>) -> Result<(), String> {
    let failed = match report {
        Ok(report) if report.is_success() => None,
        Ok(report) => Some(summary(&report)),
        Err(message) => Some(message),
    };
    match (failed, expected) {
        (None, None) | (Some(_), Some(_)) => Ok(()),
        (Some(message), None) => Err(message),
        (None, Some(reason)) => {
            Err(format!("passes now: remove it from the list in expected.rs (\"{reason}\")"))
        }
    }
}

fn summary(report: &Report) -> String {
    let failures = &report.failures;
    let mut text = format!("{} directives passed, {} failed:", report.passed, failures.len());
    for failure in failures.iter().take(SHOWN_FAILURES) {
        let _ = write!(text, "\n  {}.wast:{failure}", report.name.replace("::", "/"));
    }
    if failures.len() > SHOWN_FAILURES {
        let _ = write!(text, "\n  ... and {} more", failures.len() - SHOWN_FAILURES);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexpected_pass_is_a_failure() {
        assert!(judge(Ok(Report::default()), None).is_ok());
        assert!(judge(Ok(Report::default()), Some("because")).is_err());
        assert!(judge(Err("broken".to_owned()), Some("because")).is_ok());
        assert!(judge(Err("broken".to_owned()), None).is_err());
    }
}
