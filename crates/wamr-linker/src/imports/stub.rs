//! Stubs for functions that nobody has: they fail when they are called.

use core::fmt;

use wamr_runtime::{AsContextMut, Error, Func, ImportType};
#[cfg(feature = "loading-linking")]
use wamr_runtime::{Engine, HostFuncDef};

/// A function was called that nobody supplied. Whoever linked allowed that by
/// [`Missing::StubFuncs`](crate::Missing::StubFuncs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFunc {
    /// Name of the module that it was imported from.
    pub module: Box<str>,
    /// Name of the function.
    pub name: Box<str>,
}

impl fmt::Display for MissingFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = (self.module.escape_debug(), self.name.escape_debug());
        write!(f, "call of the unlinked import function `{module}` `{name}`")
    }
}

impl core::error::Error for MissingFunc {}

/// A stub for an import, if it is a function.
pub(super) fn stub(
    store: impl AsContextMut,
    import: &ImportType<'_>,
) -> Result<Option<Func>, Error> {
    let Some(ty) = import.ty().func() else { return Ok(None) };
    let missing = MissingFunc::of(import);
    Func::new(store, ty.clone(), move |_, _, _| Err(Error::new(missing.clone()))).map(Some)
}

/// The same for programs on several threads.
#[cfg(feature = "loading-linking")]
pub(crate) fn stub_for_threads<T: 'static>(
    engine: &Engine,
    import: &ImportType<'_>,
) -> Result<Option<HostFuncDef<T>>, Error> {
    let Some(ty) = import.ty().func() else { return Ok(None) };
    let missing = MissingFunc::of(import);
    HostFuncDef::new(engine, ty.clone(), move |_, _, _| Err(Error::new(missing.clone()))).map(Some)
}

impl MissingFunc {
    fn of(import: &ImportType<'_>) -> Self {
        Self { module: import.module().into(), name: import.name().into() }
    }
}
