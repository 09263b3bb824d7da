//! Completions for shells, made from the table.

use std::fmt::Write;

use super::{Cli, Hint, Opt, Value};

/// The shells that there are completions for.
pub(crate) const SHELLS: &[&str] = &["bash", "zsh", "fish"];

impl<O> Cli<O> {
    /// A script that teaches a shell this command line; `None` for a shell that is not in
    /// [`SHELLS`].
    pub(crate) fn completions(&self, shell: &str) -> Option<String> {
        match shell {
            "bash" => Some(self.bash()),
            "zsh" => Some(self.zsh()),
            "fish" => Some(self.fish()),
            _ => None,
        }
    }

    /// The commands that have to be named.
    fn named_commands(&self) -> impl Iterator<Item = &super::Command> {
        self.commands.iter().filter(|command| !command.is_nameless)
    }

    fn default_command(&self) -> &'static str {
        let mut commands = self.commands.iter();
        commands.find(|command| command.is_default).map_or("", |command| command.name)
    }

    fn bash(&self) -> String {
        let program = self.program;
        let function = format!("_{}", program.replace('-', "_"));
        let mut text = format!(
            "# Completions of {program} for bash: source <({program} completions bash)\n\
             {function}() {{\n    \
                 local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" prev=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n    \
                 local command={} word\n    \
                 for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n        \
                     case \"$word\" in\n",
            quoted(self.default_command()),
        );
        let names: Vec<&str> = self.named_commands().map(|command| command.name).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "            {}) command=\"$word\"; break ;;", names.join("|"));
        }
        text += "            *) ;;\n        esac\n    done\n    \
                 # `--name=VALUE` arrives as three words.\n    \
                 if [ \"$cur\" = \"=\" ]; then cur=\"\"; \
                 elif [ \"$prev\" = \"=\" ]; then prev=\"${COMP_WORDS[COMP_CWORD-2]}\"; fi\n    \
                 case \"$prev\" in\n";
        for opt in self.options() {
            let Value::Needed(_, hint) = &opt.value else { continue };
            let action = match hint {
                Hint::Nothing => "COMPREPLY=()".to_owned(),
                Hint::File => "COMPREPLY=($(compgen -f -- \"$cur\"))".to_owned(),
                Hint::Dir => "COMPREPLY=($(compgen -d -- \"$cur\"))".to_owned(),
                Hint::Words(words) => {
                    format!("COMPREPLY=($(compgen -W {} -- \"$cur\"))", quoted(&words.join(" ")))
                }
            };
            let _ = writeln!(text, "        {}) {action}; return ;;", opt.names.join("|"));
        }
        text += "        *) ;;\n    esac\n    case \"$cur\" in\n        -*) case \"$command\" in\n";
        for command in self.commands {
            let words: Vec<String> =
                self.options_of(command.name).flat_map(Opt::spellings).collect();
            let _ = writeln!(
                text,
                "            {}) COMPREPLY=($(compgen -W {} -- \"$cur\")) ;;",
                quoted(command.name),
                quoted(&words.join(" ")),
            );
        }
        text += "        esac ;;\n        *) case \"$command\" in\n";
        for command in self.commands {
            let words = match command.hint {
                Hint::Words(words) => words.join(" "),
                _ if command.is_default => names.join(" "),
                _ => String::new(),
            };
            let files = if matches!(command.hint, Hint::File) { "-f " } else { "" };
            let _ = writeln!(
                text,
                "            {}) COMPREPLY=($(compgen {files}-W {} -- \"$cur\")) ;;",
                quoted(command.name),
                quoted(&words),
            );
        }
        let _ = write!(
            text,
            "        esac ;;\n    esac\n}}\ncomplete -o filenames -F {function} {program}\n"
        );
        text
    }

    fn zsh(&self) -> String {
        let program = self.program;
        let mut text = format!(
            "#compdef {program}\n# Completions of {program} for zsh: put this into a file \
             `_{program}` in a directory of $fpath.\n_{program}() {{\n    \
             local command={}\n    local word\n    \
             for word in \"${{(@)words[2,CURRENT-1]}}\"; do\n        case \"$word\" in\n",
            quoted(self.default_command()),
        );
        let names: Vec<&str> = self.named_commands().map(|command| command.name).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "            {}) command=\"$word\"; break ;;", names.join("|"));
        }
        text += "        esac\n    done\n    local -a specs\n    case \"$command\" in\n";
        for command in self.commands {
            let _ = writeln!(text, "        {}) specs=(", quoted(command.name));
            for opt in self.options_of(command.name) {
                for spelling in opt.spellings() {
                    let _ = writeln!(text, "            {}", quoted(&zsh_spec(opt, &spelling)));
                }
            }
            let operands = match command.hint {
                Hint::Words(words) => format!("*:word:({})", words.join(" ")),
                Hint::File => "*:file:_files".to_owned(),
                Hint::Dir => "*:directory:_files -/".to_owned(),
                Hint::Nothing => "*: :".to_owned(),
            };
            let _ = writeln!(text, "            {}\n        ) ;;", quoted(&operands));
        }
        text += "    esac\n";
        if !names.is_empty() {
            let _ = write!(
                text,
                "    if [[ \"$command\" == {} && \"${{words[CURRENT]}}\" != -* ]]; then\n        \
                     compadd -- {}\n    fi\n",
                quoted(self.default_command()),
                names.join(" "),
            );
        }
        let _ = write!(text, "    _arguments -S \"${{specs[@]}}\"\n}}\n_{program} \"$@\"\n");
        text
    }

    fn fish(&self) -> String {
        let program = self.program;
        let mut text =
            format!("# Completions of {program} for fish: {program} completions fish | source\n");
        let names: Vec<&str> = self.named_commands().map(|command| command.name).collect();
        for command in self.named_commands() {
            let _ = writeln!(
                text,
                "complete -c {program} -n '__fish_use_subcommand' -a {} -d {}",
                command.name,
                quoted(command.help),
            );
        }
        for opt in self.options() {
            let other: Vec<&str> =
                names.iter().copied().filter(|name| !opt.commands.contains(name)).collect();
            let condition = if other.is_empty() {
                String::new()
            } else {
                format!(" -n 'not __fish_seen_subcommand_from {}'", other.join(" "))
            };
            for spelling in opt.spellings() {
                let name = match spelling.strip_prefix("--") {
                    Some(long) => format!("-l {long}"),
                    None => format!("-s {}", &spelling[1..]),
                };
                let value = match &opt.value {
                    Value::Needed(_, Hint::Nothing) => " -x".to_owned(),
                    Value::Needed(_, Hint::File) => " -r -F".to_owned(),
                    Value::Needed(_, Hint::Dir) => " -x -a '(__fish_complete_directories)'".into(),
                    Value::Needed(_, Hint::Words(words)) => {
                        format!(" -x -a {}", quoted(&words.join(" ")))
                    }
                    _ => String::new(),
                };
                let help = quoted(opt.help);
                let _ = writeln!(text, "complete -c {program}{condition} {name}{value} -d {help}");
            }
        }
        for command in self.commands {
            if let Hint::Words(words) = command.hint {
                let _ = writeln!(
                    text,
                    "complete -c {program} -n '__fish_seen_subcommand_from {}' -f -a {}",
                    command.name,
                    quoted(&words.join(" ")),
                );
            }
        }
        text
    }
}

/// What zsh's `_arguments` wants to know of an option.
fn zsh_spec<O>(opt: &Opt<O>, spelling: &str) -> String {
    let mut help = String::new();
    for c in opt.help.chars() {
        if matches!(c, '[' | ']' | ':' | '\\') {
            help.push('\\');
        }
        help.push(c);
    }
    let equals = if spelling.starts_with("--") { "=" } else { "+" };
    match &opt.value {
        Value::Needed(what, hint) => {
            let what = what.replace(':', "\\:");
            let action = match hint {
                Hint::Nothing => " ".to_owned(),
                Hint::File => "_files".to_owned(),
                Hint::Dir => "_files -/".to_owned(),
                Hint::Words(words) => format!("({})", words.join(" ")),
            };
            format!("*{spelling}{equals}[{help}]:{what}:{action}")
        }
        Value::Optional(what) => format!("*{spelling}{equals}-[{help}]::{what}: "),
        _ => format!("*{spelling}[{help}]"),
    }
}

/// In single quotes, as all three shells read them (none of the texts has a backslash).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
