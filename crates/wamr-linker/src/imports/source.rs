//! Where external values can be taken from by name.

use wamr_runtime::{Error, Extern, ImportType, StoreContextMut};

use crate::Linker;

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

    fn names(&self, visit: &mut dyn FnMut(&str, &str)) {
        Linker::names(self).for_each(|(module, name)| visit(module, name));
    }
}
