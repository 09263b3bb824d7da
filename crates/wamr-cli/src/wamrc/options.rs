//! The command line of `wamrc`. Options that WAMR's compiler has too keep their names.

use std::ffi::OsString;

use wamr::aot::{BoundsChecks, OptLevel, Precompile, features_of_cpu};
use wamr::{Config, Features};

use crate::inlining::Inlining;
use crate::table::SHELLS;

#[path = "list.rs"]
mod list;
use list::CLI;

/// What the command line asks for.
pub(crate) enum Command {
    Compile(Box<CompileOptions>),
    /// Standard output gets this text.
    Print(String),
    Version,
}

/// How to compile what.
pub(crate) struct CompileOptions {
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) precompile: Precompile,
    pub(crate) features: Features,
    pub(crate) consume_fuel: bool,
    pub(crate) inlining: Inlining,
    #[cfg(feature = "signatures")]
    pub(crate) key: Option<wamr::aot::SecretKey>,
    pub(crate) explain: bool,
    pub(crate) verbose: bool,
}

/// Options that are settled when all of them are known.
pub(crate) struct Raw {
    target: Option<String>,
    cpu: Option<String>,
    cpu_features: Vec<(bool, String)>,
    opt_level: Option<u8>,
    size_level: u8,
    help: bool,
    version: bool,
    has_output: bool,
    options: CompileOptions,
}

impl Default for Raw {
    fn default() -> Self {
        let options = CompileOptions {
            input: String::new(),
            output: String::new(),
            precompile: Precompile::new(),
            features: Config::new().features(),
            consume_fuel: false,
            inlining: Inlining::default(),
            #[cfg(feature = "signatures")]
            key: None,
            explain: false,
            verbose: false,
        };
        Self {
            target: None,
            cpu: None,
            cpu_features: Vec::new(),
            opt_level: None,
            size_level: 0,
            help: false,
            version: false,
            has_output: false,
            options,
        }
    }
}

/// Reads the command line, the program's name excluded.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut reader = CLI.read(args);
    let mut raw = Raw::default();
    let mut inputs = Vec::new();
    while let Some(input) = reader.next_operand(&mut raw)? {
        inputs.push(input);
    }
    if raw.help {
        return Ok(Command::Print(CLI.help(None)));
    }
    if raw.version {
        return Ok(Command::Version);
    }
    match &inputs[..] {
        [command, shell] if command == "completions" => {
            let unknown = || format!("`{shell}` is none of {}", SHELLS.join(", "));
            return CLI.completions(shell).map(Command::Print).ok_or_else(unknown);
        }
        [_] => raw.options.input = inputs.remove(0),
        [] => return Err("no module to compile; `wamrc --help` lists the options".into()),
        [first, ..] => return Err(format!("`{first}` is one module, and it can be one alone")),
    }
    raw.settle().map(|options| Command::Compile(options.into()))
}

impl Raw {
    fn settle(self) -> Result<CompileOptions, String> {
        let mut options = self.options;
        if !self.has_output {
            return Err("no file to write to; name it with `-o`".into());
        }
        if let Some(target) = &self.target {
            options.precompile.target(arch(target));
        }
        if self.cpu.is_some() || !self.cpu_features.is_empty() {
            let arch = self.target.as_deref().map_or(ARCH, arch);
            let cpu = self.cpu.as_deref();
            let cpu = cpu.unwrap_or(if arch == ARCH { "native" } else { "generic" });
            let features = features_of_cpu(arch, cpu);
            let features = features.ok_or_else(|| format!("unknown processor `{cpu}`"))?;
            let mut features: Vec<String> = features.into_iter().map(Into::into).collect();
            for (on, name) in self.cpu_features {
                features.retain(|feature| *feature != name);
                if on {
                    features.push(name);
                }
            }
            options.precompile.cpu_features(features);
        }
        options.precompile.opt_level(match (self.opt_level, self.size_level) {
            (Some(0), _) => OptLevel::None,
            (_, 0) => OptLevel::Speed,
            _ => OptLevel::SpeedAndSize,
        });
        Ok(options)
    }
}

/// This machine's architecture.
const ARCH: &str = std::env::consts::ARCH;

/// Rust's name of an architecture, which may be the beginning of a triple.
fn arch(target: &str) -> &str {
    match target.split('-').next() {
        Some("amd64" | "x64") => "x86_64",
        Some("arm64" | "aarch64v8") => "aarch64",
        Some("riscv64gc" | "riscv64imac") => "riscv64",
        Some(arch) => arch,
        None => target,
    }
}

/// `+avx2,-fma`
fn cpu_features(list: &str) -> Result<Vec<(bool, String)>, String> {
    let feature = |item: &str| match item.split_at_checked(1) {
        Some(("+", name)) => Ok((true, name.to_owned())),
        Some(("-", name)) => Ok((false, name.to_owned())),
        _ => Err(format!("`{item}` has neither + nor - before the feature")),
    };
    list.split(',').filter(|item| !item.is_empty()).map(feature).collect()
}

/// Reads a secret key's file.
#[cfg(feature = "signatures")]
fn key(path: &str) -> Result<wamr::aot::SecretKey, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let pem = std::fs::read_to_string(path).map_err(|error| in_file(&error))?;
    wamr::aot::SecretKey::from_pem(&pem).map_err(|error| in_file(&error))
}

fn level(value: &str) -> Result<u8, String> {
    match value.parse() {
        Ok(level @ 0..=3) => Ok(level),
        _ => Err(format!("`{value}` is no level: 0 to 3 are")),
    }
}

fn bounds_checks(value: &str) -> Result<BoundsChecks, String> {
    match value {
        "0" => Ok(BoundsChecks::Auto),
        "1" => Ok(BoundsChecks::Always),
        "both" => Ok(BoundsChecks::Both),
        _ => Err(format!("`{value}` is none of 0, 1 and both")),
    }
}

fn stack_bounds_checks(value: &str) -> Result<(), String> {
    match value {
        "1" => Ok(()),
        _ => Err("checks for overflow of the stack cannot be left out: they cost one comparison, \
                  and interruptions use them too"
            .into()),
    }
}

fn is_object(value: &str) -> Result<bool, String> {
    match value {
        "aot" => Ok(false),
        "object" => Ok(true),
        _ => Err(format!("`{value}` is none of the formats aot and object")),
    }
}

#[cfg(test)]
mod tests {
    use wamr::Feature;

    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(Into::into))
    }

    #[test]
    fn options_of_wamr_are_understood() {
        let args = [
            "--target=x86_64",
            "--cpu=x86-64-v3",
            "--cpu-features=-fma,+popcnt",
            "--opt-level=3",
            "--size-level=1",
            "--bounds-checks=1",
            "--stack-bounds-checks=1",
            "--format=object",
            "--emit-custom-sections=a,b",
            "--enable-multi-thread",
            "--disable-simd",
            "--enable-fuel",
            "-v=3",
            "-o",
            "out.aot",
            "in.wasm",
        ];
        let Ok(Command::Compile(options)) = parsed(&args) else { panic!("they are understood") };
        assert_eq!((&*options.input, &*options.output), ("in.wasm", "out.aot"));
        assert!(options.consume_fuel && options.verbose && !options.explain);
        assert!(options.features.contains(Feature::Threads));
        assert!(!options.features.contains(Feature::Simd));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for args in [
            &["-o", "out"][..],
            &["in.wasm"],
            &["-o", "out", "a.wasm", "b.wasm"],
            &["-o", "out", "--cpu=486", "a.wasm"],
            &["-o", "out", "--opt-level=4", "a.wasm"],
            &["-o", "out", "--stack-bounds-checks=0", "a.wasm"],
            &["-o", "out", "--format=llvmir", "a.wasm"],
            &["-o", "out", "--enable-nothing", "a.wasm"],
            &["-o", "out", "--cpu-features=avx", "a.wasm"],
        ] {
            assert!(parsed(args).is_err(), "{args:?}");
        }
    }
}
