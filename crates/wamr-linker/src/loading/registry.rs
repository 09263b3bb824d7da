//! Modules that are loaded, by the names that others import from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wamr_runtime::Module;

use super::{LoadingError, ReadModule};

/// A loaded module.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) module: Module,
    pub(super) origin: Arc<str>,
    pub(super) len_bytes: u64,
    /// Whether a reader found it, so that it goes when nothing refers to it.
    pub(super) by_reader: bool,
}

/// Modules that are loaded, by name. Modules that a reader finds are added by themselves.
#[derive(Clone, Debug, Default)]
pub struct ModuleRegistry {
    modules: BTreeMap<Arc<str>, Registered>,
    aliases: HashMap<Box<str>, Arc<str>>,
}

impl ModuleRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a module under a name.
    ///
    /// # Errors
    /// [`LoadingError::Duplicate`] if there is a module of that name.
    pub fn register(&mut self, name: &str, module: &Module) -> Result<(), LoadingError> {
        let (module, origin) = (module.clone(), "registered".into());
        self.insert(name, Registered { module, origin, len_bytes: 0, by_reader: false })
    }

    pub(super) fn add_read(&mut self, name: &str, read: ReadModule) -> Result<(), LoadingError> {
        let ReadModule { module, origin, len_bytes } = read;
        self.insert(name, Registered { module, origin: origin.into(), len_bytes, by_reader: true })
    }

    fn insert(&mut self, name: &str, module: Registered) -> Result<(), LoadingError> {
        if self.modules.contains_key(name) || self.aliases.contains_key(name) {
            return Err(LoadingError::Duplicate(name.into()));
        }
        self.modules.insert(name.into(), module);
        Ok(())
    }

    /// Makes imports from one name mean the module of another one, which need not be loaded yet.
    ///
    /// # Errors
    /// [`LoadingError::Duplicate`] if there is a module or an alias of that name.
    pub fn alias(&mut self, name: &str, of: &str) -> Result<(), LoadingError> {
        if self.modules.contains_key(name) || self.aliases.contains_key(name) {
            return Err(LoadingError::Duplicate(name.into()));
        }
        let of = self.canonical(of).into();
        self.aliases.insert(name.into(), of);
        Ok(())
    }

    /// Takes a module out, or an alias. Instances of it stay what they are.
    pub fn unregister(&mut self, name: &str) -> Option<Module> {
        self.aliases.remove(name);
        self.modules.remove(name).map(|registered| registered.module)
    }

    /// The module that a name means.
    pub fn get(&self, name: &str) -> Option<&Module> {
        self.entry(self.canonical(name)).map(|registered| &registered.module)
    }

    /// The names of all modules, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(|name| &**name)
    }

    /// The name that a name is an alias of, or the name itself.
    pub(super) fn canonical<'n>(&'n self, name: &'n str) -> &'n str {
        // An alias of an alias was followed when it was made, unless the other one came later.
        let mut name = name;
        for _ in 0..=self.aliases.len() {
            match self.aliases.get(name) {
                Some(of) => name = of,
                None => break,
            }
        }
        name
    }

    pub(super) fn entry(&self, canonical: &str) -> Option<&Registered> {
        self.modules.get(canonical)
    }
}
