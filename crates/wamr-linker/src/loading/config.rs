//! How programs are loaded: where modules and imports come from, who shares instances, limits.

use core::fmt;
use std::collections::HashSet;
use std::sync::Arc;

use wamr_runtime::Module;

use super::registry::Registered;
use super::{LoadingError, ModuleReader, ModuleRegistry};
use crate::{Missing, Order, Policy, Source};

/// Whether sources or modules are asked first for an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precedence {
    /// The sources; modules have what no source has.
    #[default]
    Sources,
    /// Modules, where there is one of that name with such an export.
    Modules,
}

/// Who shares the instance of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All importers within a program: state is shared, as it is between importers of one instance
    /// in the specification.
    #[default]
    Program,
    /// Nobody: every importer gets an instance of its own.
    Importer,
}

/// How large a program may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many modules there may be, the main one among them.
    pub modules: usize,
    /// How long a chain of dependencies may be.
    pub depth: usize,
    /// How many instances there may be.
    pub instances: usize,
    /// How many bytes the modules that were read may have together.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { modules: 4096, depth: 2048, instances: 16_384, bytes: 1 << 30 }
    }
}

/// How programs for stores of data `T` are loaded.
pub struct Loading<'a, T: 'static> {
    reader: Box<dyn ModuleReader + 'a>,
    registry: ModuleRegistry,
    pub(super) sources: Vec<(Arc<str>, &'a dyn Source<T>)>,
    pub(super) precedence: Precedence,
    pub(super) missing: Missing,
    sharing: Sharing,
    private: HashSet<Box<str>>,
    pub(super) limits: Limits,
    pub(super) main_name: Option<Arc<str>>,
}

impl<T: 'static> fmt::Debug for Loading<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<&str> = self.sources.iter().map(|(label, _)| &**label).collect();
        f.debug_struct("Loading")
            .field("registry", &self.registry)
            .field("sources", &sources)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<'a, T: 'static> Loading<'a, T> {
    /// Loads modules by a reader, without sources, with one instance for each module.
    pub fn new(reader: impl ModuleReader + 'a) -> Self {
        Self {
            reader: Box::new(reader),
            registry: ModuleRegistry::new(),
            sources: Vec::new(),
            precedence: Precedence::default(),
            missing: Missing::default(),
            sharing: Sharing::default(),
            private: HashSet::new(),
            limits: Limits::default(),
            main_name: None,
        }
    }

    /// Adds a source of imports for all modules: what the embedder defines, WASI, natives. They
    /// are asked in the order in which they were added.
    #[must_use]
    pub fn source(mut self, label: &str, source: &'a dyn Source<T>) -> Self {
        self.sources.push((label.into(), source));
        self
    }

    /// Sets whether sources or modules are asked first.
    #[must_use]
    pub fn precedence(mut self, precedence: Precedence) -> Self {
        self.precedence = precedence;
        self
    }

    /// Sets what becomes of imports that nobody supplies.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Sets who shares instances, of all modules.
    #[must_use]
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Gives every importer of this module an instance of its own.
    #[must_use]
    pub fn private(mut self, name: &str) -> Self {
        self.private.insert(name.into());
        self
    }

    /// Sets how large a program may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the name that the main module can be imported from, by modules that are opened while
    /// it runs. At first it has none.
    #[must_use]
    pub fn main_name(mut self, name: &str) -> Self {
        self.main_name = Some(name.into());
        self
    }

    /// The modules that are loaded.
    pub fn registry(&self) -> &ModuleRegistry {
        &self.registry
    }

    /// The modules that are loaded, to register more of them.
    pub fn registry_mut(&mut self) -> &mut ModuleRegistry {
        &mut self.registry
    }

    pub(super) fn is_shared(&self, name: &str) -> bool {
        self.sharing == Sharing::Program && !self.private.contains(name)
    }

    pub(super) fn policy(&self) -> Policy {
        let order = match self.precedence {
            Precedence::Sources => Order::SourcesFirst,
            Precedence::Modules => Order::GivenFirst,
        };
        Policy::new().order(order).missing(self.missing)
    }

    /// Where the reader looks.
    pub(super) fn places(&self) -> Vec<String> {
        self.reader.places()
    }

    /// The module of a canonical name, which is read if it is not loaded.
    pub(super) fn load(
        &mut self,
        name: &str,
        importer: Option<&str>,
    ) -> Result<Option<Registered>, LoadingError> {
        if self.registry.entry(name).is_none() {
            let read = self.reader.read(name).map_err(|error| LoadingError::Read {
                name: name.into(),
                importer: importer.map(Into::into),
                error,
            })?;
            let Some(read) = read else { return Ok(None) };
            self.registry.add_read(name, read)?;
        }
        Ok(self.registry.entry(name).cloned())
    }

    /// The name of a module on its own, for reports.
    pub(super) fn name_of(&self, main: &Module) -> Arc<str> {
        match &self.main_name {
            Some(name) => name.clone(),
            None => main.name().unwrap_or("main").into(),
        }
    }
}
