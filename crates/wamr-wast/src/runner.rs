//! The entry point: parses a script and runs it behind a net that catches panics.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr::{Engine, Module, ModuleError};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective};

use crate::legacy::unfold;
use crate::report::{Recorder, Report};
use crate::script::Script;

/// Makes a module from the binary format.
pub type LoadModule = fn(&Engine, &[u8]) -> Result<Module, ModuleError>;

/// Runs scripts on an engine, each in a store of its own.
#[derive(Clone)]
pub struct WastRunner {
    engine: Engine,
    load: LoadModule,
}

impl WastRunner {
    /// Makes a runner. The engine's configuration says what scripts may use.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), load: |engine, bytes| Module::new(engine, bytes) }
    }

    /// Sets how modules of scripts are made.
    #[must_use]
    pub fn load_with(self, load: LoadModule) -> Self {
        Self { load, ..self }
    }

    /// Runs a script. `name` is for the report only.
    ///
    /// A directive that fails does not stop the script. One that panics does: the store may be
    /// left in any state.
    pub fn run(&mut self, name: &str, source: &str) -> Report {
        let source = &*unfold(source);
        let mut recorder = Recorder::new(name, source);
        if let Err(error) = self.parse_and_run(source, &mut recorder) {
            recorder.enter(error.span());
            recorder.record(Err(format!("the script cannot be parsed: {}", error.message())));
        }
        recorder.finish()
    }

    fn parse_and_run(&self, source: &str, recorder: &mut Recorder<'_>) -> Result<(), wast::Error> {
        let mut lexer = Lexer::new(source);
        // The suite tests names with characters that the lexer refuses otherwise.
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer)?;
        let directives = parser::parse::<Wast<'_>>(&buffer)?.directives;
        let run = AssertUnwindSafe(|| run_directives(self, directives, recorder));
        if let Err(payload) = catch_unwind(run) {
            let message = panic_message(&*payload);
            recorder.record(Err(format!("panicked, the script ends here: {message}")));
        }
        Ok(())
    }
}

fn run_directives(
    runner: &WastRunner,
    directives: Vec<WastDirective<'_>>,
    recorder: &mut Recorder<'_>,
) {
    match Script::new(&runner.engine, runner.load) {
        Ok(mut script) => script.run(directives, recorder),
        Err(message) => recorder.record(Err(message)),
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&str>() {
        message
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message
    } else {
        "no message"
    }
}
