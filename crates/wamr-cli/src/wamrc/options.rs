//! The command line of `wamrc`. Options that WAMR's compiler has too keep their names.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};
use wamr::aot::{BoundsChecks, OptLevel, Precompile, features_of_cpu};
use wamr::{Config, Feature, Features};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Compiles WebAssembly modules ahead of time.

Usage:
  wamrc [options] -o OUTPUT INPUT   INPUT is a module as .wasm or .wat; `-` is standard input, and
                                    standard output

Options:
  -o FILE                       where to write
      --target ARCH             the architecture of the machines that run the code
      --cpu NAME                their processor: native (the default), x86-64, x86-64-v2, x86-64-v3
      --cpu-features LIST       features of it to use beside, or not: +avx2,-fma
      --opt-level N             0 to 3: what to spend on fast code (3)
      --size-level N            0 to 3: from 1 on, nothing is made larger to be faster (0)
      --bounds-checks HOW       0: by the hardware where it can, which needs guarded memories; 1: by
                                comparisons; both: code for both, and twice as much (0)
      --stack-bounds-checks 1   checks for overflow of the stack, which are always there
      --format FORMAT           aot (the default), or object: code and symbols alone, for tools
      --emit-custom-sections LIST
                                keeps these custom sections and no others
      --enable-FEATURE          lets the module use a feature, or not; enable-fuel lets the code
      --disable-FEATURE         count fuel
      --explain                 prints the sizes of each function
  -v, --verbose                 prints what was done
  -h, --help                    prints this text
      --version                 prints versions
";

/// What the command line asks for.
pub(crate) enum Command {
    Compile(Box<CompileOptions>),
    Help,
    Version,
}

/// How to compile what.
pub(crate) struct CompileOptions {
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) precompile: Precompile,
    pub(crate) features: Features,
    pub(crate) consume_fuel: bool,
    #[cfg(feature = "signatures")]
    pub(crate) key: Option<wamr::aot::SecretKey>,
    pub(crate) explain: bool,
    pub(crate) verbose: bool,
}

/// Options that are settled when all of them are known.
#[derive(Default)]
struct Raw {
    input: Option<String>,
    output: Option<String>,
    target: Option<String>,
    cpu: Option<String>,
    cpu_features: Vec<(bool, String)>,
    opt_level: Option<u8>,
    size_level: u8,
}

/// Reads the command line, the program's name excluded.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_args(args);
    let mut raw = Raw::default();
    let mut options = CompileOptions {
        input: String::new(),
        output: String::new(),
        precompile: Precompile::new(),
        features: Config::new().features(),
        consume_fuel: false,
        #[cfg(feature = "signatures")]
        key: None,
        explain: false,
        verbose: false,
    };
    while let Some(arg) = parser.next().map_err(text)? {
        let name = match arg {
            Arg::Value(value) => {
                let value = value.string().map_err(text)?;
                if let Some(input) = raw.input.replace(value) {
                    return Err(format!("`{input}` is one module, and it can be one alone"));
                }
                continue;
            }
            Arg::Short(letter) => letter.to_string(),
            Arg::Long(name) => name.to_owned(),
        };
        match &*name {
            "h" | "help" => return Ok(Command::Help),
            "version" => return Ok(Command::Version),
            "v" | "verbose" => {
                options.verbose = true;
                // WAMR's has levels.
                let _ = parser.optional_value();
            }
            "o" => raw.output = Some(string(&mut parser)?),
            "target" => raw.target = Some(string(&mut parser)?),
            "cpu" => raw.cpu = Some(string(&mut parser)?),
            "cpu-features" => raw.cpu_features.extend(cpu_features(&string(&mut parser)?)?),
            "opt-level" => raw.opt_level = Some(level(&string(&mut parser)?)?),
            "size-level" => raw.size_level = level(&string(&mut parser)?)?,
            "bounds-checks" => {
                options.precompile.bounds_checks(bounds_checks(&string(&mut parser)?)?);
            }
            "stack-bounds-checks" => stack_bounds_checks(&string(&mut parser)?)?,
            "format" => {
                options.precompile.object_only(is_object(&string(&mut parser)?)?);
            }
            "emit-custom-sections" => {
                let names = string(&mut parser)?;
                let names = names.split(',').filter(|name| !name.is_empty());
                options.precompile.custom_sections(names.map(Into::into));
            }
            #[cfg(feature = "signatures")]
            "sign" => options.key = Some(key(&string(&mut parser)?)?),
            "explain" => options.explain = true,
            _ => feature(&name, &mut options)?,
        }
    }
    raw.settle(options).map(|options| Command::Compile(options.into()))
}

impl Raw {
    fn settle(self, mut options: CompileOptions) -> Result<CompileOptions, String> {
        options.input =
            self.input.ok_or("no module to compile; `wamrc --help` lists the options")?;
        options.output = self.output.ok_or("no file to write to; name it with `-o`")?;
        if let Some(target) = &self.target {
            options.precompile.target(arch(target));
        }
        if self.cpu.is_some() || !self.cpu_features.is_empty() {
            let is_other = self.target.as_deref().is_some_and(|name| arch(name) != ARCH);
            let cpu = self.cpu.as_deref().unwrap_or(if is_other { "x86-64" } else { "native" });
            let features = features_of_cpu(cpu);
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

/// `enable-FEATURE` or `disable-FEATURE`, by the name of the proposal or by WAMR's.
fn feature(option: &str, options: &mut CompileOptions) -> Result<(), String> {
    let unknown = || format!("unknown option `--{option}`; `wamrc --help` lists them");
    let (verb, name) = option.split_once('-').ok_or_else(unknown)?;
    let on = match verb {
        "enable" => true,
        "disable" => false,
        _ => return Err(unknown()),
    };
    let name = match name {
        "fuel" => {
            options.consume_fuel = on;
            return Ok(());
        }
        "multi-thread" => "threads",
        "ref-types" => "reference-types",
        "exce-handling" => "exceptions",
        other => other,
    };
    let feature = Feature::ALL.iter().find(|feature| feature.name() == name);
    let &feature = feature.ok_or_else(unknown)?;
    let features = options.features;
    options.features = if on { features.with(feature) } else { features.without(feature) };
    Ok(())
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn string(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(text)
}

#[cfg(test)]
mod tests {
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
