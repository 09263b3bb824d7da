//! Calling functions that are named on standard input, line by line.

use std::io::{self, BufRead, IsTerminal, Write};

use wamr::{Instance, Store, Val};

use crate::options::RunOptions;
use crate::run::exit_code;
use crate::{Failure, complain, invoke, print};

/// What ends the loop, as the end of input does.
const EXIT: &str = "__exit__";

/// Calls functions until there are no more, or the program exits.
pub(crate) fn run<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    options: &RunOptions,
) -> Result<u8, Failure> {
    let is_terminal = io::stdin().is_terminal();
    let mut line = String::new();
    loop {
        if is_terminal {
            let mut err = io::stderr();
            let _ = err.write_all(b"webassembly> ").and_then(|()| err.flush());
        }
        line.clear();
        // The guest reads standard input too, so that nothing of it may be held back for long.
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) => return Ok(0),
            Ok(_) => {}
            Err(error) => return Err(Failure::unusable(format!("standard input: {error}"))),
        }
        let words = match words(line.trim()) {
            Ok(words) => words,
            Err(message) => {
                complain(format_args!("iwasm: {message}"));
                continue;
            }
        };
        match words.split_first() {
            None => {}
            Some((name, _)) if name == EXIT => return Ok(0),
            Some((name, args)) => {
                if let Some(code) = call(store, instance, name, args, options)? {
                    return Ok(code);
                }
            }
        }
    }
}

/// Calls a function; what goes wrong is told. Gives the exit code of a program that has exited.
fn call<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    name: &str,
    args: &[String],
    options: &RunOptions,
) -> Result<Option<u8>, Failure> {
    let (func, params) = match invoke::prepare(store, instance, name, args) {
        Ok(prepared) => prepared,
        Err(Failure { message, .. }) => {
            complain(format_args!("iwasm: {message}"));
            return Ok(None);
        }
    };
    let count = func.ty(&*store).map_err(Failure::unusable)?.results().len();
    let mut results = vec![Val::I32(0); count];
    match func.call(&mut *store, &params, &mut results) {
        Ok(()) => print(&invoke::line(&results))?,
        Err(error) if exit_code(&error).is_some() => return Ok(exit_code(&error)),
        Err(error) => {
            if let Err(failure) = crate::run::ended(store, options, Err(error)) {
                complain(format_args!("iwasm: {}", failure.message));
            }
        }
    }
    Ok(None)
}

/// The words of a line, between spaces; quotes keep spaces in words.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the {open} has no end"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_at_spaces_outside_of_quotes() {
        let split = |line| words(line).unwrap();
        assert_eq!(split("add 1  2"), ["add", "1", "2"]);
        assert_eq!(split("\"a b\" 'c\"d' ''"), ["a b", "c\"d", ""]);
        assert_eq!(split(""), [""; 0]);
        assert!(words("f 'x").is_err());
    }
}
