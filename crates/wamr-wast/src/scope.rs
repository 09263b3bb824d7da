//! The names that directives of one thread of a script can see.

use std::collections::HashMap;

use wamr::{Engine, Instance, Linker, Module, Store};
use wast::token::Id;

use crate::spectest;

/// Instances and definitions by name, the latest of each, and what modules can import.
pub(crate) struct Scope {
    pub(crate) linker: Linker<()>,
    instances: HashMap<String, Instance>,
    latest_instance: Option<Instance>,
    definitions: HashMap<String, Module>,
    latest_definition: Option<Module>,
}

impl Scope {
    /// A scope in which modules can import `spectest` and nothing else.
    pub(crate) fn new(engine: &Engine, store: &mut Store<()>) -> Result<Self, String> {
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        spectest::define(&mut linker, store)?;
        Ok(Self {
            linker,
            instances: HashMap::new(),
            latest_instance: None,
            definitions: HashMap::new(),
            latest_definition: None,
        })
    }

    /// Forgets the latest instance, so that directives after a failed module don't use an
    /// older one by mistake.
    pub(crate) fn forget_latest_instance(&mut self) {
        self.latest_instance = None;
    }

    pub(crate) fn add_instance(&mut self, name: Option<Id<'_>>, instance: Instance) {
        if let Some(name) = name {
            self.instances.insert(name.name().to_owned(), instance.clone());
        }
        self.latest_instance = Some(instance);
    }

    pub(crate) fn add_definition(&mut self, name: Option<Id<'_>>, module: Module) {
        if let Some(name) = name {
            self.definitions.insert(name.name().to_owned(), module.clone());
        }
        self.latest_definition = Some(module);
    }

    /// The instance of that name, or the latest one.
    pub(crate) fn instance(&self, name: Option<Id<'_>>) -> Result<Instance, String> {
        find(&self.instances, &self.latest_instance, name, "instance")
    }

    /// The definition of that name, or the latest one.
    pub(crate) fn definition(&self, name: Option<Id<'_>>) -> Result<Module, String> {
        find(&self.definitions, &self.latest_definition, name, "module definition")
    }
}

fn find<T: Clone>(
    named: &HashMap<String, T>,
    latest: &Option<T>,
    name: Option<Id<'_>>,
    what: &str,
) -> Result<T, String> {
    let found = match name {
        Some(name) => named.get(name.name()),
        None => latest.as_ref(),
    };
    found.cloned().ok_or_else(|| match name {
        Some(name) => format!("there is no {what} ${}", name.name()),
        None => format!("there is no {what}"),
    })
}
