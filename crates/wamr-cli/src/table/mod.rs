//! Command lines as tables: commands and options stand in one list, and reading them, help,
//! completions and suggestions are made from it.

use lexopt::{Arg, Parser, ValueExt};

use crate::suggest::did_you_mean;

mod complete;
mod help;
pub(crate) use complete::SHELLS;

/// A program's command line.
pub(crate) struct Cli<O: 'static> {
    /// The program's name.
    pub(crate) program: &'static str,
    /// What it does, in a sentence.
    pub(crate) about: &'static str,
    /// What it can be asked for; the first is meant where no other is named.
    pub(crate) commands: &'static [Command],
    /// Its options.
    pub(crate) groups: &'static [Group<O>],
}

/// Something that a program can be asked for.
pub(crate) struct Command {
    /// The word that asks for it.
    pub(crate) name: &'static str,
    /// Whether the word may be left out.
    pub(crate) is_default: bool,
    /// Whether there is no such word at all.
    pub(crate) is_nameless: bool,
    /// What follows it, for help.
    pub(crate) operands: &'static str,
    /// What operands are, for shells.
    pub(crate) hint: Hint,
    /// What it does.
    pub(crate) help: &'static str,
}

/// Options that belong together.
pub(crate) struct Group<O: 'static> {
    /// What help calls them.
    pub(crate) title: &'static str,
    /// The options.
    pub(crate) options: &'static [Opt<O>],
}

/// An option.
pub(crate) struct Opt<O: 'static> {
    /// Its names with their dashes, the short one first.
    pub(crate) names: &'static [&'static str],
    /// What follows it.
    pub(crate) value: Value,
    /// The commands that take it.
    pub(crate) commands: &'static [&'static str],
    /// What it does.
    pub(crate) help: &'static str,
    /// Notes it; the text is empty where there is no value.
    pub(crate) apply: fn(&mut O, &str) -> Result<(), String>,
}

/// What follows an option.
pub(crate) enum Value {
    /// Nothing.
    No,
    /// A value, which help calls so: `--name VALUE` or `--name=VALUE`.
    Needed(&'static str, Hint),
    /// Perhaps a value: `--name` or `--name=VALUE`.
    Optional(&'static str),
    /// The rest of the option itself: `--enable-FEATURE`.
    InName(&'static str, fn() -> Vec<&'static str>),
}

/// What a shell may offer for a value.
pub(crate) enum Hint {
    /// Nothing.
    Nothing,
    /// Files.
    File,
    /// Directories.
    Dir,
    /// These words.
    Words(&'static [&'static str]),
}

/// What was read so far.
pub(crate) struct Reader<O: 'static> {
    cli: &'static Cli<O>,
    parser: Parser,
    /// Options that were given, as they were written.
    used: Vec<(String, &'static Opt<O>)>,
}

impl<O> Cli<O> {
    /// Starts to read a command line, the program's name excluded.
    pub(crate) fn read(
        &'static self,
        args: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Reader<O> {
        Reader { cli: self, parser: Parser::from_args(args), used: Vec::new() }
    }

    fn options(&self) -> impl Iterator<Item = &'static Opt<O>> + use<O> {
        self.groups.iter().flat_map(|group| group.options)
    }

    /// The options that a command takes.
    fn options_of(&self, command: &str) -> impl Iterator<Item = &'static Opt<O>> {
        self.options().filter(move |opt| opt.commands.contains(&command))
    }

    /// The option of a name, and the value that is part of the name.
    fn find(&self, name: &str) -> Option<(&'static Opt<O>, Option<String>)> {
        if let Some(opt) = self.options().find(|opt| opt.names.contains(&name)) {
            let is_whole = !matches!(opt.value, Value::InName(..));
            return is_whole.then_some((opt, None));
        }
        self.options().find_map(|opt| {
            let Value::InName(..) = opt.value else { return None };
            let rest = opt.names.iter().find_map(|start| name.strip_prefix(start))?;
            Some((opt, Some(rest.to_owned())))
        })
    }

    /// Every way to write every option.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = String> {
        self.options().flat_map(Opt::spellings)
    }

    fn unknown(&self, name: &str) -> String {
        // Every letter is close to every other.
        let spellings: Vec<String> = self.spellings().filter(|_| name.len() > 2).collect();
        let meant = did_you_mean(name, spellings.iter().map(String::as_str));
        if meant.is_empty() {
            return format!("unknown option `{name}`; `{} --help` lists them", self.program);
        }
        format!("unknown option `{name}`{meant}")
    }
}

impl<O> Opt<O> {
    /// Every way to write the option.
    pub(crate) fn spellings(&self) -> Vec<String> {
        match &self.value {
            Value::InName(_, words) => {
                let words = words();
                let all = self.names.iter().flat_map(|start| words.iter().map(move |w| (start, w)));
                all.map(|(start, word)| format!("{start}{word}")).collect()
            }
            _ => self.names.iter().map(|&name| name.into()).collect(),
        }
    }
}

impl<O> Reader<O> {
    /// Notes options until there is something else, which is given; `None` at the end.
    pub(crate) fn next_operand(&mut self, options: &mut O) -> Result<Option<String>, String> {
        while let Some(arg) = self.parser.next().map_err(text)? {
            let name = match arg {
                Arg::Value(value) => return value.string().map(Some).map_err(text),
                Arg::Short(letter) => format!("-{letter}"),
                Arg::Long(name) => format!("--{name}"),
            };
            let Some((opt, in_name)) = self.cli.find(&name) else {
                return Err(self.cli.unknown(&name));
            };
            let value = match (&opt.value, in_name) {
                (_, Some(rest)) => rest,
                (Value::Needed(..), _) => {
                    self.parser.value().and_then(|value| value.string()).map_err(text)?
                }
                (Value::Optional(_), _) => match self.parser.optional_value() {
                    Some(value) => value.string().map_err(text)?,
                    None => String::new(),
                },
                _ => String::new(),
            };
            (opt.apply)(options, &value).map_err(|message| format!("{name}: {message}"))?;
            self.used.push((name, opt));
        }
        Ok(None)
    }

    /// Everything that follows, whatever it looks like.
    pub(crate) fn rest(&mut self) -> Result<Vec<String>, String> {
        let rest = self.parser.raw_args().map_err(text)?;
        rest.map(|arg| arg.string().map_err(text)).collect()
    }

    /// Checks that a command takes all options that were given.
    pub(crate) fn check(&self, command: &str) -> Result<(), String> {
        match self.used.iter().find(|(_, opt)| !opt.commands.contains(&command)) {
            None => Ok(()),
            Some((name, _)) => Err(format!("`{name}` says nothing to `{command}`")),
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
