//! What each directive means.

use std::collections::HashSet;

use wamr::{Engine, Error, Extern, InstantiateError, Module, Store, Val};
use wast::token::Id;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, WastRet, WastThread, Wat};

use crate::load::{expect_bad_custom, expect_refusal, load};
use crate::pattern::all_match;
use crate::report::Recorder;
use crate::runner::LoadModule;
use crate::scope::Scope;
use crate::value::{argument, describe};

/// What an execution ended with. What keeps it from running at all is an `Err` around it.
enum Execution {
    Returned(Vec<Val>),
    Failed(Error),
}

/// The state of a running script.
pub(crate) struct Script {
    engine: Engine,
    load: LoadModule,
    store: Store<()>,
    scope: Scope,
    threads: HashSet<String>,
}

impl Script {
    pub(crate) fn new(engine: &Engine, load: LoadModule) -> Result<Self, String> {
        let mut store = Store::new(engine, ());
        let scope = Scope::new(engine, &mut store)?;
        Ok(Self { engine: engine.clone(), load, store, scope, threads: HashSet::new() })
    }

    /// Runs directives in order and records the outcome of each.
    pub(crate) fn run(&mut self, directives: Vec<WastDirective<'_>>, recorder: &mut Recorder<'_>) {
        for directive in directives {
            recorder.enter(directive.span());
            let outcome = match directive {
                WastDirective::Thread(thread) => self.thread(thread, recorder),
                directive => self.directive(directive),
            };
            recorder.record(outcome);
        }
    }

    /// Runs the directives of a thread here and now, in a scope of its own: what a script may
    /// rely on holds for every order of its threads, this one included.
    fn thread(
        &mut self,
        thread: WastThread<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), String> {
        let mut scope = Scope::new(&self.engine, &mut self.store)?;
        if let Some(shared) = thread.shared_module {
            scope.add_instance(Some(shared), self.scope.instance(Some(shared))?);
        }
        let outer = core::mem::replace(&mut self.scope, scope);
        self.run(thread.directives, recorder);
        self.scope = outer;
        recorder.enter(thread.span);
        self.threads.insert(thread.name.name().to_owned());
        Ok(())
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        use WastDirective as D;
        match directive {
            D::Module(module) => self.module(module),
            D::ModuleDefinition(module) => self.define(module).map(drop),
            D::ModuleInstance { instance, module, .. } => {
                let module = self.scope.definition(module)?;
                self.instantiate_as(instance, &module)
            }
            D::Register { name, module, .. } => self.register(name, module),
            D::Invoke(invoke) => match self.invoke(&invoke)? {
                Execution::Returned(_) => Ok(()),
                Execution::Failed(error) => Err(error.to_string()),
            },
            D::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            D::AssertTrap { exec, message, .. } => {
                let execution = self.execute(exec)?;
                expect_trap(execution, message)
            }
            D::AssertExhaustion { call, message, .. } => {
                let execution = self.invoke(&call)?;
                expect_trap(execution, message)
            }
            D::AssertException { exec, .. } => {
                let execution = self.execute(exec)?;
                expect_exception(execution)
            }
            D::AssertMalformed { mut module, message, .. }
            | D::AssertInvalid { mut module, message, .. } => {
                expect_refusal(&self.engine, self.load, &mut module, message)
            }
            D::AssertMalformedCustom { mut module, message, .. }
            | D::AssertInvalidCustom { mut module, message, .. } => {
                expect_bad_custom(&self.engine, &mut module, message)
            }
            D::AssertUnlinkable { module, message, .. } => self.assert_unlinkable(module, message),
            D::AssertSuspension { .. } => Err("suspensions are not supported".to_owned()),
            D::Wait { thread, .. } if self.threads.contains(thread.name()) => Ok(()),
            D::Wait { thread, .. } => Err(format!("there is no thread ${}", thread.name())),
            D::Thread(thread) => Err(format!("thread ${} is out of place", thread.name.name())),
        }
    }

    fn module(&mut self, module: QuoteWat<'_>) -> Result<(), String> {
        self.scope.forget_latest_instance();
        let name = module.name();
        let module = self.define(module)?;
        self.instantiate_as(name, &module)
    }

    fn define(&mut self, mut module: QuoteWat<'_>) -> Result<Module, String> {
        let name = module.name();
        let module =
            load(&self.engine, self.load, &mut module).map_err(|refusal| refusal.into_message())?;
        self.scope.add_definition(name, module.clone());
        Ok(module)
    }

    fn instantiate_as(&mut self, name: Option<Id<'_>>, module: &Module) -> Result<(), String> {
        self.scope.forget_latest_instance();
        let instance = self
            .scope
            .linker
            .instantiate(&mut self.store, module)
            .map_err(|error| format!("instantiation failed: {error}"))?;
        self.scope.add_instance(name, instance);
        Ok(())
    }

    fn register(&mut self, name: &str, instance: Option<Id<'_>>) -> Result<(), String> {
        let instance = self.scope.instance(instance)?;
        let linker = &mut self.scope.linker;
        linker.instance(&mut self.store, name, &instance).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Execution, String> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Get { module, global, .. } => match self.export(module, global)? {
                Extern::Global(global) => {
                    let value = global.get(&mut self.store).map_err(|error| error.to_string())?;
                    Ok(Execution::Returned(vec![value]))
                }
                other => Err(format!("\"{global}\" is a {}", other.kind())),
            },
            WastExecute::Wat(module) => match self.try_instantiate(module)? {
                Ok(()) => Ok(Execution::Returned(Vec::new())),
                Err(InstantiateError::Run(error)) => Ok(Execution::Failed(error)),
                Err(error) => Err(format!("instantiation failed: {error}")),
            },
        }
    }

    fn export(&mut self, instance: Option<Id<'_>>, name: &str) -> Result<Extern, String> {
        self.scope
            .instance(instance)?
            .get_export(&mut self.store, name)
            .ok_or_else(|| format!("there is no export \"{name}\""))
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Execution, String> {
        let export = self.export(invoke.module, invoke.name)?;
        let Extern::Func(func) = export else {
            return Err(format!("\"{}\" is a {}", invoke.name, export.kind()));
        };
        let ty = func.ty(&self.store).map_err(|error| error.to_string())?;
        let mut args = Vec::with_capacity(invoke.args.len());
        for (i, arg) in invoke.args.iter().enumerate() {
            args.push(argument(&mut self.store, arg, ty.params().get(i).copied())?);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        Ok(match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Execution::Returned(results),
            Err(error) => Execution::Failed(error),
        })
    }

    fn assert_return(
        &mut self,
        exec: WastExecute<'_>,
        expected: &[WastRet<'_>],
    ) -> Result<(), String> {
        match self.execute(exec)? {
            Execution::Returned(values) if all_match(&mut self.store, &values, expected) => Ok(()),
            Execution::Returned(values) => {
                Err(format!("returned {}, expected {expected:?}", describe(&values)))
            }
            Execution::Failed(error) => Err(format!("{error}, expected {expected:?}")),
        }
    }

    fn assert_unlinkable(&mut self, module: Wat<'_>, expected: &str) -> Result<(), String> {
        match self.try_instantiate(module)? {
            Ok(()) => Err(format!("the module was linked, expected: {expected}")),
            Err(InstantiateError::Link(_)) => Ok(()),
            Err(error) => Err(format!("{error}, expected: {expected}")),
        }
    }

    /// Instantiates a module that must load, without giving the instance a name.
    fn try_instantiate(&mut self, module: Wat<'_>) -> Result<Result<(), InstantiateError>, String> {
        let module = load(&self.engine, self.load, &mut QuoteWat::Wat(module))
            .map_err(|refusal| refusal.into_message())?;
        Ok(self.scope.linker.instantiate(&mut self.store, &module).map(drop))
    }
}

fn expect_trap(execution: Execution, expected: &str) -> Result<(), String> {
    match execution {
        Execution::Returned(values) => {
            Err(format!("returned {}, expected a trap: {expected}", describe(&values)))
        }
        Execution::Failed(error) => match error.trap_code() {
            Some(code) if same_message(code.message(), expected) => Ok(()),
            _ => Err(format!("{error}, expected a trap: {expected}")),
        },
    }
}

fn expect_exception(execution: Execution) -> Result<(), String> {
    match execution {
        Execution::Returned(values) => {
            Err(format!("returned {}, expected an exception", describe(&values)))
        }
        Execution::Failed(error) if error.exception().is_some() => Ok(()),
        Execution::Failed(error) => Err(format!("{error}, expected an exception")),
    }
}

/// Whether one of the messages begins with the other: scripts shorten some
/// ("out of bounds"), and give more than we do for others ("uninitialized element 2").
fn same_message(ours: &str, expected: &str) -> bool {
    ours.starts_with(expected) || expected.starts_with(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_match_where_one_begins_with_the_other() {
        assert!(same_message("uninitialized element", "uninitialized element 2"));
        assert!(same_message("out of bounds memory access", "out of bounds"));
        assert!(!same_message("out of bounds memory access", "out of bounds table access"));
    }
}
