//! The traits that crates meet at: a loader makes modules, its bodies are read and validated
//! one by one, a resolver answers imports, and `TableAccess` is how anyone touches a table.
//! The trait that a backend implements stands beside the layouts it needs, in `wamr-runtime`.

use core::fmt;
use core::ops::Range;

use crate::{
    DefinedFuncIdx, Feature, Features, Import, Module, ModuleBytes, TrapCode, TypeRegistry,
};

/// When function bodies are validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Validation {
    /// All of them while loading.
    #[default]
    Eager,
    /// Each when it is first needed. An invalid body is then an error of the call.
    Lazy,
}

/// What a loader is asked for.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// What modules may use.
    pub features: Features,
    /// What the backend can execute; a module that uses more is refused as unsupported.
    pub supported: Features,
    /// When bodies are validated.
    pub validation: Validation,
}

/// Turns bytes into modules.
pub trait Loader: Send + Sync {
    /// Decodes and validates a module. Types are registered in `registry`.
    ///
    /// # Errors
    /// Says what is wrong with the bytes, and where.
    fn load(
        &self,
        bytes: ModuleBytes,
        registry: &TypeRegistry,
        options: &LoadOptions,
    ) -> Result<Module, LoadError>;
}

/// Where the bodies of a module's functions come from.
pub trait FunctionBodies: Send + Sync {
    /// The body of a function.
    fn body(&self, func: DefinedFuncIdx) -> FunctionBody<'_>;

    /// Validates one body, if that has not been done while loading.
    ///
    /// # Errors
    /// Says what is wrong with the body, and where.
    fn validate(&self, func: DefinedFuncIdx) -> Result<(), LoadError>;
}

/// The body of a function in the binary format: local declarations, then the expression.
/// <https://webassembly.github.io/spec/core/binary/modules.html#code-section>
#[derive(Clone, Copy, Debug)]
pub struct FunctionBody<'a> {
    /// The bytes, size prefix excluded.
    pub bytes: &'a [u8],
    /// The offset of the first byte in the module.
    pub offset: usize,
}

impl FunctionBody<'_> {
    /// The range of the body in the module's bytes.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.bytes.len()
    }
}

/// Why a module could not be loaded.
#[derive(Clone, Debug)]
pub struct LoadError {
    /// What is wrong.
    pub kind: LoadErrorKind,
    /// Where, as an offset in the module's bytes.
    pub offset: Option<usize>,
    /// In which function: its name where it has one, else its index.
    pub func: Option<Box<str>>,
}

/// What is wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The bytes are not a module in the binary format.
    Malformed(Box<str>),
    /// The module breaks a rule of validation, or one of the loader's limits.
    Invalid(Box<str>),
    /// The text is not a module in the text format.
    Text(Box<str>),
    /// The module uses a feature that exists but that this runtime does not execute yet.
    Unsupported(Feature),
    /// The bytes are a component (WASI preview 2 output, for example).
    Component,
    /// The engine cannot hold the module's types.
    Types(crate::RegistryError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            LoadErrorKind::Malformed(what) => write!(f, "malformed module: {what}")?,
            LoadErrorKind::Invalid(what) => write!(f, "invalid module: {what}")?,
            LoadErrorKind::Text(what) => write!(f, "malformed text: {what}")?,
            LoadErrorKind::Unsupported(feature) => {
                write!(f, "the module uses {feature}, which this runtime does not execute yet")?;
            }
            LoadErrorKind::Component => f.write_str(
                "this is a component, not a core module; build the program for wasm32-wasip1, \
                 or take the core module out of it with `wasm-tools component unbundle`",
            )?,
            LoadErrorKind::Types(error) => write!(f, "{error}")?,
        }
        if let Some(func) = &self.func {
            write!(f, " (in function {func})")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (at offset {offset:#x})")?;
        }
        Ok(())
    }
}

impl core::error::Error for LoadError {}

impl From<crate::RegistryError> for LoadError {
    fn from(error: crate::RegistryError) -> Self {
        Self { kind: LoadErrorKind::Types(error), offset: None, func: None }
    }
}

/// Answers imports, one at a time.
///
/// `Value` is what the linker links with; the trait does not know it, so that a resolver can
/// be written for dry runs too.
pub trait Resolver<Value> {
    /// The value for an import, or `None` if this resolver has none.
    fn resolve(&mut self, module: &Module, import: &Import) -> Option<Value>;
}

/// The one way to a table's elements, for hosts, helpers and every backend.
///
/// `Ref` is a reference as the implementation holds it, null included. Indices and counts are
/// in elements. A range is checked whole before anything is written.
/// <https://webassembly.github.io/spec/core/exec/instructions.html#table-instructions>
pub trait TableAccess {
    /// A reference, null included.
    type Ref: Copy;

    /// How many elements the table has now.
    fn size(&self) -> u64;

    /// An element.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] if the table has no such element.
    fn get(&self, index: u64) -> Result<Self::Ref, TrapCode>;

    /// Writes an element.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] if the table has no such element.
    fn set(&self, index: u64, value: Self::Ref) -> Result<(), TrapCode>;

    /// Adds elements at the end; `None` if limits or memory do not allow it, else the old size.
    fn grow(&self, delta: u64, value: Self::Ref) -> Option<u64>;

    /// Writes `count` elements from `start` on.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] if the range leaves the table.
    fn fill(&self, start: u64, value: Self::Ref, count: u64) -> Result<(), TrapCode>;

    /// Copies `count` elements of `source`, which may be the same table.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] if either range leaves its table.
    fn copy_from(&self, dst: u64, source: &Self, src: u64, count: u64) -> Result<(), TrapCode>;

    /// Writes items of a segment: `count` of them, from position `src` of `len` items that
    /// `item` gives, to `dst` on.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] if either range leaves its bounds.
    fn init(
        &self,
        dst: u64,
        len: u64,
        src: u64,
        count: u64,
        item: impl FnMut(u64) -> Self::Ref,
    ) -> Result<(), TrapCode>;
}
