//! The table of options.

use super::{Raw, bounds_checks, cpu_features, is_object, level, stack_bounds_checks};
use crate::features;
use crate::inlining::Inlining;
use crate::table::{Cli, Command, Group, Hint, Opt, SHELLS, Value};

const COMPILE: &[&str] = &["compile"];
const ALL: &[&str] = &["compile", "completions"];
const LEVELS: Hint = Hint::Words(&["0", "1", "2", "3"]);

/// The command line of `wamrc`.
pub(super) static CLI: Cli<Raw> = Cli {
    program: "wamrc",
    about: "Compiles WebAssembly modules ahead of time.",
    commands: &[
        Command {
            name: "compile",
            is_default: true,
            is_nameless: true,
            operands: "-o OUTPUT INPUT",
            hint: Hint::File,
            help: "INPUT is a module as .wasm or .wat; - is standard input, and standard output",
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
            title: "What to make",
            options: &[
                Opt {
                    names: &["-o"],
                    value: Value::Needed("FILE", Hint::File),
                    commands: COMPILE,
                    help: "where to write",
                    apply: |o, file| {
                        (o.has_output, o.options.output) = (true, file.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--format"],
                    value: Value::Needed("FORMAT", Hint::Words(&["aot", "object"])),
                    commands: COMPILE,
                    help: "aot (the default), or object: code and symbols alone, for tools",
                    apply: |o, format| {
                        o.options.precompile.object_only(is_object(format)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--emit-custom-sections"],
                    value: Value::Needed("LIST", Hint::Nothing),
                    commands: COMPILE,
                    help: "keeps these custom sections and no others",
                    apply: |o, names| {
                        let names = names.split(',').filter(|name| !name.is_empty());
                        o.options.precompile.custom_sections(names.map(Into::into));
                        Ok(())
                    },
                },
                #[cfg(feature = "signatures")]
                Opt {
                    names: &["--sign"],
                    value: Value::Needed("KEY", Hint::File),
                    commands: COMPILE,
                    help: "signs the file with this secret key (ed25519, PEM); see `iwasm \
                           --require-signature`",
                    apply: |o, file| {
                        o.options.key = Some(super::key(file)?);
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "For which machine",
            options: &[
                Opt {
                    names: &["--target"],
                    value: Value::Needed("ARCH", Hint::Nothing),
                    commands: COMPILE,
                    help: "the architecture of the machines that run the code: x86_64, and, where `wamrc` \
                           was built with the feature `cross`, aarch64 and riscv64, for tools to read",
                    apply: |o, target| {
                        o.target = Some(target.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--cpu"],
                    value: Value::Needed(
                        "NAME",
                        Hint::Words(&["native", "generic", "x86-64", "x86-64-v2", "x86-64-v3"]),
                    ),
                    commands: COMPILE,
                    help: "their processor: native (the default), generic, x86-64-v2, x86-64-v3, rv64gc",
                    apply: |o, cpu| {
                        o.cpu = Some(cpu.into());
                        Ok(())
                    },
                },
                Opt {
                    names: &["--cpu-features"],
                    value: Value::Needed("LIST", Hint::Nothing),
                    commands: COMPILE,
                    help: "features of it to use beside, or not: +avx2,-fma",
                    apply: |o, list| {
                        o.cpu_features.extend(cpu_features(list)?);
                        Ok(())
                    },
                },
            ],
        },
        Group {
            title: "How to compile",
            options: &[
                Opt {
                    names: &["--opt-level"],
                    value: Value::Needed("N", LEVELS),
                    commands: COMPILE,
                    help: "0 to 3: what to spend on fast code (3)",
                    apply: |o, value| {
                        o.opt_level = Some(level(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--size-level"],
                    value: Value::Needed("N", LEVELS),
                    commands: COMPILE,
                    help: "0 to 3: from 1 on, nothing is made larger to be faster (0)",
                    apply: |o, value| {
                        o.size_level = level(value)?;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--bounds-checks"],
                    value: Value::Needed("HOW", Hint::Words(&["0", "1", "both"])),
                    commands: COMPILE,
                    help: "0: by the hardware where it can, which needs guarded memories; 1: by \
                           comparisons; both: code for both, and twice as much (0)",
                    apply: |o, value| {
                        o.options.precompile.bounds_checks(bounds_checks(value)?);
                        Ok(())
                    },
                },
                Opt {
                    names: &["--stack-bounds-checks"],
                    value: Value::Needed("1", Hint::Words(&["1"])),
                    commands: COMPILE,
                    help: "checks for overflow of the stack, which are always there",
                    apply: |_, value| stack_bounds_checks(value),
                },
                Opt {
                    names: &["--inlining"],
                    value: Value::Needed("HOW", Hint::Words(&["on", "off"])),
                    commands: COMPILE,
                    help: "on (the default), off, or by how many bytes of WebAssembly functions may \
                           become longer",
                    apply: |o, how| {
                        o.options.inlining = Inlining::parse(how)?;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--enable-fuel"],
                    value: Value::No,
                    commands: COMPILE,
                    help: "lets the code count fuel",
                    apply: |o, _| {
                        o.options.consume_fuel = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--disable-fuel"],
                    value: Value::No,
                    commands: COMPILE,
                    help: "does not (the default)",
                    apply: |o, _| {
                        o.options.consume_fuel = false;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--enable-"],
                    value: Value::InName("FEATURE", features::names),
                    commands: COMPILE,
                    help: "lets the module use a feature of WebAssembly, such as threads; all \
                           that are finished are on",
                    apply: |o, name| features::switch(&mut o.options.features, name, true),
                },
                Opt {
                    names: &["--disable-"],
                    value: Value::InName("FEATURE", features::names),
                    commands: COMPILE,
                    help: "refuses a module that uses it; an engine without it runs the code",
                    apply: |o, name| features::switch(&mut o.options.features, name, false),
                },
            ],
        },
        Group {
            title: "What to find out",
            options: &[
                Opt {
                    names: &["--explain"],
                    value: Value::No,
                    commands: COMPILE,
                    help: "prints the sizes of each function, and what was inlined where",
                    apply: |o, _| {
                        o.options.explain = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["-v", "--verbose"],
                    value: Value::Optional("LEVEL"),
                    commands: COMPILE,
                    help: "prints what was done",
                    apply: |o, _| {
                        o.options.verbose = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["-h", "--help"],
                    value: Value::No,
                    commands: ALL,
                    help: "prints this text",
                    apply: |o, _| {
                        o.help = true;
                        Ok(())
                    },
                },
                Opt {
                    names: &["--version"],
                    value: Value::No,
                    commands: ALL,
                    help: "prints versions",
                    apply: |o, _| {
                        o.version = true;
                        Ok(())
                    },
                },
            ],
        },
    ],
};
