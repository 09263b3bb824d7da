//! Options of loading linking.

use lexopt::Parser;

use super::{Command, CommonOptions, RunOptions, Word, common, next, string};

pub(super) const USAGE: &str = "  \
iwasm inspect --deps [options] FILE  shows what a program needs, and where it would come from
";

pub(super) const OPTIONS: &str = "      \
    --module-path DIR        looks for modules that are imported from here, not beside the program
      --trust-aot              lets such modules be native code (AOT files) if the program is not
      --format FORMAT          of `inspect`: text, json, dot (for Graphviz)
";

/// Where modules that a program needs are looked for.
#[derive(Clone, Default)]
pub(crate) struct LoadingOptions {
    /// If there are none, the program's directory.
    pub(crate) module_path: Vec<String>,
    /// Whether what a program imports may be native code even if the program is not.
    pub(crate) trust_aot: bool,
}

impl LoadingOptions {
    /// Reads an option, if it is one of these.
    pub(super) fn read(&mut self, option: &str, parser: &mut Parser) -> Result<bool, String> {
        match option {
            "--module-path" => self.module_path.push(string(parser)?),
            "--trust-aot" => self.trust_aot = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// How to show a graph.
#[derive(Clone, Copy, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    Dot,
}

/// What to inspect.
pub(crate) struct InspectOptions {
    pub(crate) common: CommonOptions,
    pub(crate) loading: LoadingOptions,
    pub(crate) format: Format,
    pub(crate) file: String,
}

pub(super) fn is_command(word: &str) -> bool {
    word == "inspect"
}

/// Reads what follows `inspect`.
pub(super) fn command(mut parser: Parser, run: RunOptions) -> Result<Command, String> {
    let RunOptions { common: common_options, loading, .. } = run;
    let (mut common_options, mut loading) = (common_options, loading);
    let (mut deps, mut format, mut file) = (false, Format::default(), None);
    while let Some(word) = next(&mut parser)? {
        let option = match word {
            Word::Option(option) => option,
            Word::Value(value) if file.is_none() => {
                file = Some(value);
                continue;
            }
            Word::Value(_) => return Err("`inspect` takes one file".into()),
        };
        match &*option {
            "--deps" => deps = true,
            "--format" => {
                format = match &*string(&mut parser)? {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "dot" => Format::Dot,
                    other => return Err(format!("`{other}` is none of text, json, dot")),
                }
            }
            _ if loading.read(&option, &mut parser)? => {}
            _ => common(&option, &mut parser, &mut common_options)?,
        }
    }
    match file {
        _ if !deps => Err("tell what to inspect: `--deps`".into()),
        Some(file) => {
            Ok(Command::Inspect(InspectOptions { common: common_options, loading, format, file }))
        }
        None => Err("no file given".into()),
    }
}
