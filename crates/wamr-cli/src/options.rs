//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use wamr::{Config, Features, Mode};

use crate::suggest::did_you_mean;
use crate::table::{Reader, SHELLS};

mod list;
mod network;
mod value;
use list::CLI;
pub(crate) use network::NetworkOptions;

/// What the command line asks for.
pub(crate) enum Command {
    Run(Box<RunOptions>),
    Wast(FileOptions),
    Validate(FileOptions),
    Inspect(InspectOptions),
    /// Standard output gets this text.
    Print(String),
}

/// How much is told on standard error, as WAMR counts it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Verbosity(pub(crate) u8);

impl Verbosity {
    /// What was asked for and cannot be had is told from here on.
    pub(crate) const WARNINGS: Self = Self(2);
    /// What is done is told from here on.
    pub(crate) const STEPS: Self = Self(3);
}

/// Options that every command takes.
pub(crate) struct CommonOptions {
    /// Files of the keys that must have signed native code; none if that does not matter.
    #[cfg(feature = "signatures")]
    pub(crate) keys: Vec<wamr::aot::PublicKey>,
    pub(crate) features: Features,
    pub(crate) mode: Option<Mode>,
    #[cfg(feature = "jit")]
    pub(crate) inlining: crate::inlining::Inlining,
    pub(crate) stack_bytes: Option<usize>,
    pub(crate) gc_heap_bytes: Option<usize>,
    pub(crate) verbosity: Verbosity,
    /// What was asked for and cannot be had.
    pub(crate) warnings: Vec<String>,
}

impl Default for CommonOptions {
    fn default() -> Self {
        Self {
            #[cfg(feature = "signatures")]
            keys: Vec::new(),
            features: Config::new().features(),
            mode: None,
            #[cfg(feature = "jit")]
            inlining: crate::inlining::Inlining::default(),
            stack_bytes: None,
            gc_heap_bytes: None,
            verbosity: Verbosity::WARNINGS,
            warnings: Vec::new(),
        }
    }
}

/// A directory that the program gets.
pub(crate) struct Dir {
    pub(crate) host: String,
    pub(crate) guest: String,
    pub(crate) is_read_only: bool,
    /// Whether it was given as `GUEST::HOST`.
    pub(crate) is_guest_first: bool,
}

/// A module that the program gets under a name.
#[cfg(feature = "loading-linking")]
pub(crate) struct Preload {
    pub(crate) name: String,
    pub(crate) file: String,
}

/// Where modules that a program needs are looked for.
#[cfg(feature = "loading-linking")]
#[derive(Default)]
pub(crate) struct LoadingOptions {
    /// If there are none, the program's directory.
    pub(crate) module_path: Vec<String>,
    pub(crate) preload: Vec<Preload>,
    /// Whether what a program imports may be native code even if the program is not.
    pub(crate) trust_aot: bool,
}

/// How to run a program.
#[derive(Default)]
pub(crate) struct RunOptions {
    pub(crate) common: CommonOptions,
    #[cfg(feature = "jit")]
    pub(crate) cache: crate::cache::CacheOptions,
    pub(crate) file: String,
    pub(crate) argv0: Option<String>,
    pub(crate) args: Vec<String>,
    pub(crate) function: Option<String>,
    pub(crate) is_repl: bool,
    pub(crate) dirs: Vec<Dir>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) network: NetworkOptions,
    pub(crate) no_escapes: bool,
    pub(crate) max_memory_bytes: Option<u64>,
    pub(crate) fuel: Option<u64>,
    pub(crate) heap_bytes: Option<u64>,
    #[cfg(feature = "loading-linking")]
    pub(crate) loading: LoadingOptions,
    pub(crate) timeout: Option<Duration>,
    pub(crate) wasi_threads: bool,
    pub(crate) max_threads: Option<usize>,
    pub(crate) core_dump: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) perf_map: bool,
}

/// A command over files.
pub(crate) struct FileOptions {
    pub(crate) common: CommonOptions,
    pub(crate) files: Vec<String>,
}

/// How to show what is inspected.
#[derive(Clone, Copy, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    #[cfg(feature = "loading-linking")]
    Dot,
}

/// What to inspect.
pub(crate) struct InspectOptions {
    pub(crate) common: CommonOptions,
    #[cfg(feature = "loading-linking")]
    pub(crate) loading: LoadingOptions,
    #[cfg(feature = "loading-linking")]
    pub(crate) deps: bool,
    pub(crate) format: Format,
    pub(crate) file: String,
}

/// What options say before it is clear which command they are for.
#[derive(Default)]
pub(crate) struct Options {
    run: RunOptions,
    #[cfg(feature = "loading-linking")]
    deps: bool,
    format: Format,
    help: bool,
    version: bool,
}

/// Reads the command line, the program's name excluded.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut reader = CLI.read(args);
    let mut options = Options::default();
    let Some(word) = reader.next_operand(&mut options)? else {
        let nothing = || "no file to run; `iwasm --help` lists the options".into();
        return about(&options, None).ok_or_else(nothing);
    };
    if let Some(text) = about(&options, None) {
        return Ok(text);
    }
    match &*word {
        "run" => run(reader, options, None),
        "validate" | "wast" => files(reader, options, &word),
        "inspect" => inspect(reader, options),
        "completions" => completions(reader, options),
        _ => run(reader, options, Some(word)),
    }
}

/// What to say about a word that is no file, in case that a command was meant.
pub(crate) fn meant_command(word: &str) -> String {
    if word == "help" {
        return "; `iwasm --help` lists commands and options".into();
    }
    did_you_mean(word, CLI.commands.iter().map(|command| command.name))
}

/// Whether a word is an option, perhaps with a value.
pub(crate) fn is_option(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    CLI.spellings().any(|spelling| spelling == name)
}

/// Help and version.
fn about(options: &Options, command: Option<&str>) -> Option<Command> {
    if options.help {
        Some(Command::Print(CLI.help(command)))
    } else if options.version {
        Some(Command::Print(concat!("iwasm ", env!("CARGO_PKG_VERSION"), "\n").into()))
    } else {
        None
    }
}

/// What follows a program's file is the program's.
fn run(
    mut reader: Reader<Options>,
    mut options: Options,
    file: Option<String>,
) -> Result<Command, String> {
    let file = match file {
        Some(file) => Some(file),
        None => reader.next_operand(&mut options)?,
    };
    if let Some(text) = about(&options, Some("run")) {
        return Ok(text);
    }
    reader.check("run")?;
    let Options { mut run, .. } = options;
    run.file = file.ok_or("no file to run")?;
    run.args = reader.rest()?;
    Ok(Command::Run(run.into()))
}

fn files(
    mut reader: Reader<Options>,
    mut options: Options,
    command: &str,
) -> Result<Command, String> {
    let mut files = Vec::new();
    while let Some(file) = reader.next_operand(&mut options)? {
        files.push(file);
    }
    if let Some(text) = about(&options, Some(command)) {
        return Ok(text);
    }
    reader.check(command)?;
    if files.is_empty() {
        return Err("no file given".into());
    }
    let files = FileOptions { common: options.run.common, files };
    Ok(if command == "wast" { Command::Wast(files) } else { Command::Validate(files) })
}

fn inspect(mut reader: Reader<Options>, mut options: Options) -> Result<Command, String> {
    let file = reader.next_operand(&mut options)?;
    if reader.next_operand(&mut options)?.is_some() {
        return Err("`inspect` takes one file".into());
    }
    if let Some(text) = about(&options, Some("inspect")) {
        return Ok(text);
    }
    reader.check("inspect")?;
    #[cfg(feature = "loading-linking")]
    if matches!(options.format, Format::Dot) && !options.deps {
        return Err("the format dot shows what `--deps` finds".into());
    }
    Ok(Command::Inspect(InspectOptions {
        common: options.run.common,
        #[cfg(feature = "loading-linking")]
        loading: options.run.loading,
        #[cfg(feature = "loading-linking")]
        deps: options.deps,
        format: options.format,
        file: file.ok_or("no file given")?,
    }))
}

fn completions(mut reader: Reader<Options>, mut options: Options) -> Result<Command, String> {
    let shell = reader.next_operand(&mut options)?;
    if let Some(text) = about(&options, Some("completions")) {
        return Ok(text);
    }
    reader.check("completions")?;
    let known = || format!("name a shell: {}", SHELLS.join(", "));
    let shell = shell.ok_or_else(known)?;
    let text = CLI.completions(&shell);
    text.map(Command::Print).ok_or_else(|| format!("`{shell}` is not known; {}", known()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for name in CLI.spellings() {
            let is_long = name.starts_with("--") && name.len() > 3;
            let is_short = name.len() == 2 && name.starts_with('-');
            assert!(is_long || is_short, "{name}");
            assert!(seen.insert(name.clone()), "{name} twice");
        }
    }

    #[test]
    fn commands_of_options_exist() {
        for group in CLI.groups {
            for opt in group.options {
                assert!(!opt.commands.is_empty() && !opt.help.contains('\\'), "{:?}", opt.names);
                for name in opt.commands {
                    let is_known = CLI.commands.iter().any(|command| command.name == *name);
                    assert!(is_known, "{name}");
                }
            }
        }
    }
}
