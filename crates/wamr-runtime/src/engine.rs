//! The engine: what all stores and modules of an embedder share.

use std::sync::Arc;

use wamr_types::TypeRegistry;

/// What stores of an engine start from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tunables {
    /// Bytes of the stack that interpreted frames live on, per store.
    pub interp_stack_bytes: usize,
    /// Bytes of native stack that one outermost call into wasm may use, calls back into wasm
    /// included.
    pub native_stack_bytes: usize,
    /// Bytes that objects, host values and exceptions may take together, per store. Exceptions may
    /// take 64 KiB in any case.
    pub gc_heap_bytes: usize,
    /// Whether memories whose type allows it reserve all that addresses reach, so that the
    /// hardware finds accesses out of bounds. Where the platform or the system does not allow it,
    /// they are as if this were off.
    pub memory_guard: bool,
    /// Whether running code counts what it does, and stops when a store's fuel is used up.
    pub consume_fuel: bool,
    /// Whether the interpreter may use instructions that not every processor of the architecture
    /// has, where this one has them.
    pub processor_features: bool,
    /// Whether compiled code has bodies of small functions in place of calls, where that pays.
    pub inlining: bool,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            interp_stack_bytes: 8 << 20,
            native_stack_bytes: 1 << 20,
            gc_heap_bytes: 1 << 30,
            memory_guard: true,
            consume_fuel: false,
            processor_features: true,
            inlining: true,
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    types: TypeRegistry,
    tunables: Tunables,
}

/// What all stores and modules of an embedder share: canonical types and configuration.
///
/// Cheap to clone; all clones are the same engine.
#[derive(Clone, Debug, Default)]
pub struct Engine(Arc<Inner>);

impl Engine {
    /// Makes an engine.
    pub fn new(tunables: Tunables) -> Self {
        crate::numeric::simd::detect();
        Self(Arc::new(Inner { types: TypeRegistry::new(), tunables }))
    }

    /// The canonical types.
    pub fn types(&self) -> &TypeRegistry {
        &self.0.types
    }

    /// What stores start from.
    pub fn tunables(&self) -> &Tunables {
        &self.0.tunables
    }

    /// Whether both are the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }
}
