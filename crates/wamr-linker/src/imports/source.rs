//! Where external values can be taken from by name.

use core::fmt;

use wamr_runtime::api::instantiate::ImportValue;
use wamr_runtime::{Engine, Error, Extern, HostFuncDef, ImportType, SharedMemory, StoreContextMut};
use wamr_types::ExternType;

use crate::Linker;
use crate::linker::Definition;

/// Something that external values can be taken from by name: a [`Linker`], registered natives,
/// or whatever an embedder thinks of.
pub trait Source<T: 'static> {
    /// Whether it has something of that name, whatever its type.
    fn contains(&self, module: &str, name: &str) -> bool;

    /// What it has for an import, in this store. The value need not be of the wanted type: then
    /// the error says what was found.
    ///
    /// # Errors
    /// If the value cannot be made in this store.
    fn find(
        &self,
        store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Candidate>, Error>;

    /// What it has for an import in every store of an engine, for programs on several threads.
    /// A source that only knows entities of single stores, as they do at first, has nothing.
    ///
    /// # Errors
    /// If what it has belongs to one store, or the value cannot be made.
    fn find_for_threads(
        &self,
        engine: &Engine,
        import: &ImportType<'_>,
    ) -> Result<Option<ForThreads<T>>, Error> {
        let _ = engine;
        if !self.contains(import.module(), import.name()) {
            return Ok(None);
        }
        Err(of_a_store(import.module(), import.name()))
    }

    /// Visits all names, so that errors can tell about similar ones.
    fn names(&self, visit: &mut dyn FnMut(&str, &str));
}

/// What a source has under a name.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// An external value.
    Value(Extern),
    /// Something that cannot become a value of the wanted type: a description for the error.
    Unfit(Box<str>),
}

/// What is of no store, so that every thread can have it: a host function, or a memory that threads
/// share.
pub struct ForThreads<T: 'static>(pub(crate) Definition<T>);

impl<T: 'static> ForThreads<T> {
    /// The type.
    pub fn ty(&self) -> &ExternType {
        &self.0.ty
    }
}

impl<T: 'static> Clone for ForThreads<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> fmt::Debug for ForThreads<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForThreads").field(self.ty()).finish()
    }
}

impl<T: 'static> From<HostFuncDef<T>> for ForThreads<T> {
    fn from(def: HostFuncDef<T>) -> Self {
        Self(Definition::of_host(def))
    }
}

impl<T: 'static> From<SharedMemory> for ForThreads<T> {
    fn from(memory: SharedMemory) -> Self {
        let ty = ExternType::Memory(memory.ty());
        Self(Definition { value: ImportValue::SharedMemory(memory), ty })
    }
}

/// The error for what threads cannot have.
pub(crate) fn of_a_store(module: &str, name: &str) -> Error {
    let (module, name) = (module.escape_debug(), name.escape_debug());
    Error::msg(format_args!("`{module}` `{name}` belongs to a store, which threads do not share"))
}

impl<T: 'static> Source<T> for Linker<T> {
    fn contains(&self, module: &str, name: &str) -> bool {
        Linker::contains(self, module, name)
    }

    fn find(
        &self,
        store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Candidate>, Error> {
        Ok(self.get(store, import.module(), import.name())?.map(Candidate::Value))
    }

    fn find_for_threads(
        &self,
        _: &Engine,
        import: &ImportType<'_>,
    ) -> Result<Option<ForThreads<T>>, Error> {
        self.get_for_threads(import.module(), import.name())
    }

    fn names(&self, visit: &mut dyn FnMut(&str, &str)) {
        Linker::names(self).for_each(|(module, name)| visit(module, name));
    }
}
