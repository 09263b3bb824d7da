//! The table of commands and options.

use wamr::Mode;

#[cfg(feature = "loading-linking")]
use super::Format::Dot;
use super::Format::{Json, Text};
use super::value::*;
use super::{Options, Verbosity};
use crate::features;
use crate::table::{Cli, Command, Group, Hint, Opt, SHELLS, Value};

/// Commands that make or run instances, that only load, and that do neither.
const RUN: &[&str] = &["run"];
const LOAD: &[&str] = &["run", "validate", "wast", "inspect"];
#[cfg(feature = "loading-linking")]
const LINK: &[&str] = &["run", "inspect"];
const INSPECT: &[&str] = &["inspect"];
const ALL: &[&str] = &["run", "validate", "wast", "inspect", "completions"];

/// The command line of `iwasm`.
pub(super) static CLI: Cli<Options> = Cli {
    program: "iwasm",
    about: "Runs WebAssembly programs.",
    commands: &[
        Command {
            name: "run",
            is_default: true,
            is_nameless: false,
            operands: "FILE [arguments]",
            hint: Hint::File,
            help: "runs a program: .wasm, .wat, what `wamrc` made of one, or - (standard input)",
        },
        Command {
            name: "validate",
            is_default: false,
            is_nameless: false,
            operands: "FILE...",
            hint: Hint::File,
            help: "checks modules",
        },
        Command {
            name: "inspect",
            is_default: false,
            is_nameless: false,
            operands: "FILE",
            hint: Hint::File,
            help: "shows imports, exports, sections, features and sizes",
        },
        Command {
            name: "wast",
            is_default: false,
            is_nameless: false,
            operands: "FILE...",
            hint: Hint::File,
            help: "runs scripts of the specification's test suite",
        },
        Command {
            name: "completions",
            is_default: false,
            is_nameless: false,
            operands: "SHELL",
            hint: Hint::Words(SHELLS),
            help: "prints a script for bash, zsh or fish",
        },
    ],
    groups: &[
        Group {
            title: "What to run",
            options: &[
                Opt {
                    names: &["-f", "--function", "--invoke"],
                    value: Value::Needed("NAME", Hint::Nothing),
                    commands: RUN,
                    help: "calls an exported function with the arguments, prints its results",
                    apply: |o, name| {
                        o.run.function = Some(name.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--repl"],
                    value: Value::No,
                    commands: RUN,
                    help: "calls functions that it reads from standard input, one a line: NAME \
                           arguments",
                    apply: |o, _| {
                        o.run.is_repl = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--argv0"],
                    value: Value::Needed("NAME", Hint::Nothing),
                    commands: RUN,
                    help: "what the program sees as its own name, instead of FILE",
                    apply: |o, name| {
                        o.run.argv0 = Some(name.into());
                        Ok(())
                    },
                },
                #[cfg(feature = "loading-linking")]
                Opt {
                    names: &["--preload"],
                    value: Value::Needed("NAME=FILE", Hint::File),
                    commands: LINK,
                    help: "a module for everything that is imported from NAME",
                    apply: |o, value| {
                        o.run.loading.preload.push(preload(value)?);
                        Ok(())
                    },
                },
                #[cfg(feature = "loading-linking")]
                Opt {
                    names: &["--module-path"],
                    value: Value::Needed("DIR", Hint::Dir),
                    commands: LINK,
                    help: "looks for other modules that are imported here, not beside the program",
                    apply: |o, dir| {
                        o.run.loading.module_path.push(dir.into());
                        Ok(())
                    },
                },
                #[cfg(feature = "loading-linking")]
                Opt {
                    names: &["--trust-aot"],
                    value: Value::No,
                    commands: LINK,
                    help: "lets such modules be native code (AOT files) if the program is not",
                    apply: |o, _| {
                        o.run.loading.trust_aot = true;
                        Ok(())
                    },
                },
                #[cfg(feature = "signatures")]
                Opt {
                    names: &["--require-signature"],
                    value: Value::Needed("KEY", Hint::File),
                    commands: LOAD,
                    help: "runs native code (AOT files) only if this public key's secret half \
                           signed it (`wamrc --sign`)",
                    apply: |o, file| {
                        o.run.common.keys.push(key(file)?);
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "How to run it",
            options: &[
                Opt {
                    names: &["--mode"],
                    value: Value::Needed("MODE", Hint::Words(&["interp", "jit"])),
                    commands: LOAD,
                    help: "interp (the default), or jit: compiles to machine code first",
                    apply: |o, mode| {
                        let mode = mode.parse();
                        o.run.common.mode =
                            Some(mode.map_err(|error: wamr::UnknownMode| error.to_string())?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--interp"],
                    value: Value::No,
                    commands: LOAD,
                    help: "the same as --mode interp",
                    apply: |o, _| {
                        o.run.common.mode = Some(Mode::Interp);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--llvm-jit"],
                    value: Value::No,
                    commands: LOAD,
                    help: "the same as --mode jit: the compiler that optimises, which is not LLVM",
                    apply: |o, _| jit(o),
                },
                Opt {
                    names: &["--fast-jit", "--multi-tier-jit"],
                    value: Value::No,
                    commands: LOAD,
                    help: "--mode jit with a warning: there is one compiler, and no faster tier \
                           before it",
                    apply: |o, _| {
                        o.run.common.warnings.push(
                            "there is neither a fast-jit nor a multi-tier-jit; running --mode jit"
                                .into(),
                        );
                        jit(o)
                    },
                },
                #[cfg(feature = "jit")]
                Opt {
                    names: &["--inlining"],
                    value: Value::Needed("HOW", Hint::Words(&["on", "off"])),
                    commands: LOAD,
                    help: "on (the default), off, or by how many bytes compiled functions may \
                           become longer",
                    apply: |o, how| {
                        o.run.common.inlining = crate::inlining::Inlining::parse(how)?;
                        Ok(())
                    },
                },
                #[cfg(feature = "jit")]
                Opt {
                    names: &["--no-cache"],
                    value: Value::No,
                    commands: RUN,
                    help: "compiles anew, and keeps nothing for the next time",
                    apply: |o, _| {
                        o.run.cache.off = true;
                        Ok(())
                    },
                },
                #[cfg(feature = "jit")]
                Opt {
                    names: &["--cache-dir"],
                    value: Value::Needed("DIR", Hint::Dir),
                    commands: RUN,
                    help: "keeps compiled code here ($WAMR_CACHE_DIR, or the user's directory for \
                           caches)",
                    apply: |o, dir| {
                        o.run.cache.dir = Some(dir.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--enable-"],
                    value: Value::InName("FEATURE", features::names),
                    commands: LOAD,
                    help: "lets modules use a feature of WebAssembly, such as threads; all that \
                           are finished are on",
                    apply: |o, name| features::switch(&mut o.run.common.features, name, true),
                },
                Opt {
                    names: &["--disable-"],
                    value: Value::InName("FEATURE", features::names),
                    commands: LOAD,
                    help: "refuses modules that use it",
                    apply: |o, name| features::switch(&mut o.run.common.features, name, false),
                },
            ],
        },
        Group {
            title: "What the program gets",
            options: &[
                Opt {
                    names: &["--dir"],
                    value: Value::Needed("HOST[::GUEST][:ro]", Hint::Dir),
                    commands: RUN,
                    help: "a directory, perhaps under another name, perhaps read-only",
                    apply: |o, value| {
                        o.run.dirs.push(dir(value));
                        Ok(())
                    },
                },
                Opt {
                    names: &["--map-dir"],
                    value: Value::Needed("GUEST::HOST[:ro]", Hint::Dir),
                    commands: RUN,
                    help: "the same with the names the other way round",
                    apply: |o, value| {
                        o.run.dirs.push(map_dir(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--env"],
                    value: Value::Needed("NAME[=VALUE]", Hint::Nothing),
                    commands: RUN,
                    help: "a variable in its environment; without a value, the one that it has here",
                    apply: |o, value| {
                        o.run.env.push(variable(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--tcplisten"],
                    value: Value::Needed("ADDRESS:PORT", Hint::Nothing),
                    commands: RUN,
                    help: "a listener, as descriptor 3 and onwards, before the directories",
                    apply: |o, address| {
                        o.run.network.listeners.push(address.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--addr-pool"],
                    value: Value::Needed("ADDRESS/BITS,...", Hint::Nothing),
                    commands: RUN,
                    help: "it may make sockets that lead to these addresses",
                    apply: |o, ranges| o.run.network.add_ranges(ranges),
                },
                Opt {
                    names: &["--allow-resolve"],
                    value: Value::Needed("NAME,...", Hint::Nothing),
                    commands: RUN,
                    help: "it may resolve these names; *.example.com means all that end so",
                    apply: |o, names| {
                        o.run.network.names.extend(names.split(',').map(Into::into));
                        Ok(())
                    },
                },
                Opt {
                    names: &["--no-escapes"],
                    value: Value::No,
                    commands: RUN,
                    help: "what terminals would obey in its output is written as visible signs",
                    apply: |o, _| {
                        o.run.no_escapes = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--wasi"],
                    value: Value::Needed("PART,...", Hint::Words(&["threads"])),
                    commands: RUN,
                    help: "threads: it may start some (wasi-threads)",
                    apply: |o, parts| {
                        for part in parts.split(',') {
                            match part {
                                "threads" => o.run.wasi_threads = true,
                                _ => {
                                    return Err(format!(
                                        "`{part}` is no part of WASI that this knows; `threads` is"
                                    ));
                                }
                            }
                        }
                        Ok(())
                    },
                },
                Opt {
                    names: &["--max-threads"],
                    value: Value::Needed("N", Hint::Nothing),
                    commands: RUN,
                    help: "the most that run beside the main one (4); if the program imports \
                           wasi-threads, it gets them",
                    apply: |o, value| {
                        let count = usize::try_from(number(value)?);
                        o.run.max_threads = Some(count.map_err(|error| error.to_string())?);
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "Limits (BYTES may end in K, M or G)",
            options: &[
                Opt {
                    names: &["--stack-size"],
                    value: Value::Needed("BYTES", Hint::Nothing),
                    commands: LOAD,
                    help: "stack for frames (8M interpreted, 1M compiled and no less)",
                    apply: |o, value| {
                        o.run.common.stack_bytes = Some(size(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--heap-size"],
                    value: Value::Needed("BYTES", Hint::Nothing),
                    commands: RUN,
                    help: "the most that `malloc` gives to a module that has no allocator",
                    apply: |o, value| {
                        o.run.heap_bytes = Some(bytes(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--gc-heap-size"],
                    value: Value::Needed("BYTES", Hint::Nothing),
                    commands: LOAD,
                    help: "the most that structs, arrays and exceptions take together (1G)",
                    apply: |o, value| {
                        o.run.common.gc_heap_bytes = Some(size(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--max-memory"],
                    value: Value::Needed("BYTES", Hint::Nothing),
                    commands: RUN,
                    help: "the most that each memory may grow to",
                    apply: |o, value| {
                        o.run.max_memory_bytes = Some(bytes(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--fuel"],
                    value: Value::Needed("N", Hint::Nothing),
                    commands: RUN,
                    help: "stops the program after about so many operators, those of all its \
                           threads together",
                    apply: |o, value| {
                        o.run.fuel = Some(number(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--timeout"],
                    value: Value::Needed("MS", Hint::Nothing),
                    commands: RUN,
                    help: "stops the program after so many milliseconds, or seconds if it ends in s",
                    apply: |o, value| {
                        o.run.timeout = Some(duration(value)?);
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "What to find out",
            options: &[
                Opt {
                    names: &["--coredump"],
                    value: Value::Needed("FILE", Hint::File),
                    commands: RUN,
                    help: "writes frames, memories and globals there if the program fails",
                    apply: |o, file| {
                        o.run.core_dump = Some(file.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--profile"],
                    value: Value::Needed("FILE", Hint::File),
                    commands: RUN,
                    help: "writes there where the time went, as a flame graph (SVG, for any \
                           browser)",
                    apply: |o, file| {
                        o.run.profile = Some(file.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--enable-linux-perf"],
                    value: Value::No,
                    commands: RUN,
                    help: "tells `perf` the names of compiled functions (/tmp/perf-PID.map)",
                    apply: |o, _| {
                        o.run.perf_map = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--json"],
                    value: Value::No,
                    commands: INSPECT,
                    help: "shows what is inspected as JSON",
                    apply: |o, _| {
                        o.format = Json;
                        Ok(())
                    },
                },
                #[cfg(feature = "loading-linking")]
                Opt {
                    names: &["--deps"],
                    value: Value::No,
                    commands: INSPECT,
                    help: "shows what a program needs instead, and where it would come from",
                    apply: |o, _| {
                        o.deps = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--format"],
                    value: Value::Needed("FORMAT", Hint::Words(&["text", "json", "dot"])),
                    commands: INSPECT,
                    help: "text, json, or with --deps also dot (for Graphviz)",
                    apply: |o, format| {
                        o.format = match format {
                            "text" => Text,
                            "json" => Json,
                            #[cfg(feature = "loading-linking")]
                            "dot" => Dot,
                            _ => return Err(format!("`{format}` is none of text, json, dot")),
                        };
                        Ok(())
                    },
                },
                Opt {
                    names: &["-v", "--verbose"],
                    value: Value::Optional("LEVEL"),
                    commands: ALL,
                    help: "what is told on standard error: 0 and 1 errors, 2 warnings too (the \
                           default), 3 to 5 what is done",
                    apply: |o, level| {
                        o.run.common.verbosity = Verbosity(verbosity(level)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["-h", "--help"],
                    value: Value::No,
                    commands: ALL,
                    help: "prints this text; behind a command, its part",
                    apply: |o, _| {
                        o.help = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["-V", "--version"],
                    value: Value::No,
                    commands: ALL,
                    help: "prints the version",
                    apply: |o, _| {
                        o.version = true;
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "Options of WAMR's iwasm that have no meaning here (they are read, with a warning)",
            options: &[
                Opt {
                    names: &[
                        "--jit-codecache-size",
                        "--llvm-jit-size-level",
                        "--llvm-jit-opt-level",
                    ],
                    value: Value::Needed("N", Hint::Nothing),
                    commands: LOAD,
                    help: "code takes the room that it needs, and is always optimised",
                    apply: |o, _| meaningless(o, "--jit-codecache-size, --llvm-jit-..."),
                },
                Opt {
                    names: &["--shared-heap-size"],
                    value: Value::Needed("BYTES", Hint::Nothing),
                    commands: LOAD,
                    help: "shared heaps are for embedders in C",
                    apply: |o, _| meaningless(o, "--shared-heap-size"),
                },
                Opt {
                    names: &["--enable-segue"],
                    value: Value::Optional("FLAGS"),
                    commands: LOAD,
                    help: "bounds are checked by the hardware already",
                    apply: |o, _| meaningless(o, "--enable-segue"),
                },
                Opt {
                    names: &["--disable-bounds-checks"],
                    value: Value::No,
                    commands: LOAD,
                    help: "bounds are always checked",
                    apply: |o, _| meaningless(o, "--disable-bounds-checks"),
                },
            ],
        },
        Group {
            title: "Options of WAMR's iwasm that are refused",
            options: &[
                Opt {
                    names: &["-g"],
                    value: Value::Needed("IP:PORT", Hint::Nothing),
                    commands: RUN,
                    help: "there is no debugger; see --coredump",
                    apply: |_, _| Err("there is no debugger to connect to; see --coredump".into()),
                },
                Opt {
                    names: &["--gen-prof-file"],
                    value: Value::Needed("FILE", Hint::File),
                    commands: RUN,
                    help: "no profiles for LLVM are made; see --profile",
                    apply: |_, _| Err("no profiles for LLVM are made; see --profile".into()),
                },
            ],
        },
    ],
};

/// Compiles, in a build that can.
fn jit(options: &mut Options) -> Result<(), String> {
    let mode = "jit".parse().map_err(|error: wamr::UnknownMode| error.to_string())?;
    options.run.common.mode = Some(mode);
    Ok(())
}

/// Says that an option changes nothing.
fn meaningless(options: &mut Options, name: &str) -> Result<(), String> {
    options.run.common.warnings.push(format!("{name} changes nothing; `iwasm --help` says why"));
    Ok(())
}
