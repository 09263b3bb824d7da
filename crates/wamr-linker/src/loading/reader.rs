//! Where modules come from.

use wamr_runtime::Module;

/// What a reader failed for.
pub type ReadError = Box<dyn core::error::Error + Send + Sync>;

/// A module that a reader found.
#[derive(Clone, Debug)]
pub struct ReadModule {
    /// The module, of whatever form and mode.
    pub module: Module,
    /// Where it was found, for reports.
    pub origin: String,
    /// How many bytes were read.
    pub len_bytes: u64,
}

/// Finds modules by the names that others import from. A closure can be one.
pub trait ModuleReader {
    /// Finds a module; `None` if there is none of that name.
    ///
    /// The name is as it stands in an import section: whoever makes a path of it must expect
    /// anything in it.
    ///
    /// # Errors
    /// If there is one that cannot be read, or the name cannot be one.
    fn read(&mut self, name: &str) -> Result<Option<ReadModule>, ReadError>;

    /// Where it looks, for reports.
    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<F: FnMut(&str) -> Result<Option<ReadModule>, ReadError>> ModuleReader for F {
    fn read(&mut self, name: &str) -> Result<Option<ReadModule>, ReadError> {
        self(name)
    }
}
