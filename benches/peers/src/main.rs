//! This runtime and its peers in one run: they take turns at the same work, and tables of medians
//! say how they compare. `--help` says how to choose.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod allocation;
mod calls;
mod engines;
mod execution;
mod measure;
mod programs;
mod translation;
mod wasi;

use engines::{Engine, Result, text};

const HELP: &str = "\
Usage: wamr-peers [options] [section...]

Sections: execution, kernels, calls, translation, start, instances; all by default.

  --runs N        how many times everything is measured (default 11)
  --quick         three times, and less work
  --engines A,B   of: wamr, `wamr checked`, `wamr jit`, wasmi, sf-nano, wasmtime;
                  the first is what the others are compared with
  --only NAME     one program (may be given again)
  --bench-dir D   folder of WASI programs (default: $WAMR_BENCH_DIR, or ../shared/bench)
  --module FILE   module to translate and to start (may be given again; esbuild.wasm, for example)
";

#[derive(Default)]
struct Options {
    runs: Option<usize>,
    quick: bool,
    engines: Option<String>,
    only: Vec<String>,
    bench_dir: Option<OsString>,
    modules: Vec<PathBuf>,
    sections: Vec<String>,
}

const SECTIONS: [&str; 6] = ["execution", "kernels", "calls", "translation", "start", "instances"];

fn options() -> Result<Option<Options>> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next().map_err(text)? {
        match arg {
            Long("runs") => options.runs = Some(value(&mut args)?.parse().map_err(text)?),
            Long("quick") => options.quick = true,
            Long("engines") => options.engines = Some(value(&mut args)?),
            Long("only") => options.only.push(value(&mut args)?),
            Long("bench-dir") => options.bench_dir = Some(args.value().map_err(text)?),
            Long("module") => options.modules.push(args.value().map_err(text)?.into()),
            Long("help") | Short('h') => return Ok(None),
            Value(section) => {
                let section = section.string().map_err(text)?;
                if !SECTIONS.contains(&&*section) {
                    return Err(format!("`{section}` is not one of {}", SECTIONS.join(", ")));
                }
                options.sections.push(section);
            }
            _ => return Err(text(arg.unexpected())),
        }
    }
    Ok(Some(options))
}

fn value(args: &mut lexopt::Parser) -> Result<String> {
    args.value().map_err(text)?.into_string().map_err(|_| "an argument is not text".into())
}

/// The engines that were asked for, in that order.
fn chosen(names: Option<&str>) -> Result<Vec<Box<dyn Engine>>> {
    let mut all = engines::all();
    let Some(names) = names else { return Ok(all) };
    names
        .split(',')
        .map(|name| {
            let position = all.iter().position(|engine| engine.name() == name);
            Ok(all.remove(position.ok_or_else(|| format!("`{name}` is not an engine"))?))
        })
        .collect()
}

fn run(options: &Options) -> Result<()> {
    let mut engines = chosen(options.engines.as_deref())?;
    let runs = options.runs.unwrap_or(if options.quick { 3 } else { 11 }).max(1);
    let wants = |section: &str| {
        options.sections.is_empty() || options.sections.iter().any(|wanted| wanted == section)
    };
    let only = |program: &programs::Program| {
        options.only.is_empty() || options.only.contains(&program.name)
    };
    let folder = options.bench_dir.clone().or_else(|| std::env::var_os("WAMR_BENCH_DIR"));
    let folder = match folder {
        Some(folder) => Some(PathBuf::from(folder)),
        None => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bench"))
            .filter(|beside| beside.is_dir()),
    };
    if wants("execution") {
        let mut list = match &folder {
            Some(folder) => programs::of_folder(folder, options.quick)?,
            None => {
                eprintln!("no folder of programs: see --bench-dir");
                Vec::new()
            }
        };
        list.retain(only);
        execution::run("programs", &engines, &list, runs);
    }
    if wants("kernels") {
        let mut list = programs::kernels(options.quick);
        list.retain(only);
        execution::run("kernels", &engines, &list, runs);
    }
    if wants("calls") {
        calls::run(&engines, runs, options.quick);
    }
    let modules = options
        .modules
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            std::fs::read(path)
                .map(|wasm| (name, wasm))
                .map_err(|error| format!("{}: {error}", path.display()))
        })
        .collect::<Result<Vec<_>>>()?;
    if wants("translation") {
        translation::run(&engines, &modules, runs);
    }
    if wants("start") && !modules.is_empty() {
        translation::start(&engines, &modules, runs);
    }
    if wants("instances") {
        engines.extend(engines::for_instances(&engines));
        translation::instances(&engines, runs);
    }
    Ok(())
}

fn main() -> ExitCode {
    let done = options().and_then(|options| match options {
        Some(options) => run(&options),
        None => {
            print!("{HELP}");
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wamr-peers: {error}");
            ExitCode::FAILURE
        }
    }
}
