//! What stands for the options of loading linking in a build without it: nothing.

use lexopt::Parser;

use super::{Command, RunOptions};

pub(super) const USAGE: &str = "";
pub(super) const OPTIONS: &str = "";

/// No options.
#[derive(Clone, Default)]
pub(crate) struct LoadingOptions;

impl LoadingOptions {
    pub(super) fn read(&mut self, _: &str, _: &mut Parser) -> Result<bool, String> {
        Ok(false)
    }
}

pub(super) fn is_command(_: &str) -> bool {
    false
}

pub(super) fn command(_: Parser, _: RunOptions) -> Result<Command, String> {
    Err("this build cannot inspect".into())
}
