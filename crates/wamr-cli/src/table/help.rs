//! Help, made from the table.

use std::fmt::Write;

use super::{Cli, Opt, Value};

/// The column that explanations begin in.
const COLUMN: usize = 31;
/// The column that lines end before.
const WIDTH: usize = 98;

impl<O> Cli<O> {
    /// What `--help` prints: of the whole program, or of one command.
    pub(crate) fn help(&self, command: Option<&str>) -> String {
        let mut text = format!("{}\n\nUsage:\n", self.about);
        let commands = self.commands.iter();
        for known in commands.filter(|known| command.is_none_or(|name| name == known.name)) {
            let name = if known.is_default && command.is_none() { "" } else { known.name };
            let mut line = format!("  {}", self.program);
            for word in [name, "[options]", known.operands] {
                if !word.is_empty() {
                    line += " ";
                    line += word;
                }
            }
            // Wider than the options below it, so that the longest fits.
            entry(&mut text, &line, known.help, COLUMN + 14);
        }
        for group in self.groups {
            let takes = |opt: &&Opt<O>| command.is_none_or(|name| opt.commands.contains(&name));
            let mut options = group.options.iter().filter(takes).peekable();
            if options.peek().is_some() {
                let _ = writeln!(text, "\n{}:", group.title);
            }
            for opt in options {
                entry(&mut text, &opt.heading(), opt.help, COLUMN);
            }
        }
        text
    }
}

impl<O> Opt<O> {
    /// The names with what follows them.
    fn heading(&self) -> String {
        let mut heading = String::from("  ");
        if !self.names[0].starts_with("--") {
            heading += self.names[0];
        } else {
            heading += "    ";
            heading += self.names[0];
        }
        for name in &self.names[1..] {
            heading += ", ";
            heading += name;
        }
        match &self.value {
            Value::No => {}
            Value::Needed(what, _) => {
                heading += " ";
                heading += what;
            }
            Value::Optional(what) => {
                let _ = write!(heading, "[={what}]");
            }
            Value::InName(what, _) => heading += what,
        }
        heading
    }
}

/// A heading, and from a column on what it means.
fn entry(text: &mut String, heading: &str, help: &str, column: usize) {
    *text += heading;
    let mut at = heading.len();
    if at + 2 > column {
        text.push('\n');
        at = 0;
    }
    let mut is_first = true;
    for word in help.split(' ') {
        if !is_first && at + 1 + word.len() >= WIDTH {
            text.push('\n');
            at = 0;
            is_first = true;
        }
        if is_first {
            let _ = write!(text, "{:width$}", "", width = column - at);
            at = column;
        } else {
            text.push(' ');
            at += 1;
        }
        *text += word;
        at += word.len();
        is_first = false;
    }
    text.push('\n');
}
