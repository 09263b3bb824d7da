//! Where a loaded module's bodies come from, and their validation at first need.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use wamr_types::{DefinedFuncIdx, FunctionBodies, FunctionBody, LoadError, ModuleBytes};

use crate::check::{self, FeatureSets, Scope};
use crate::outline::Code;
use crate::validate;

/// The bodies of one module.
pub(crate) struct ModuleBodies {
    bytes: ModuleBytes,
    code: Code,
    /// Present where bodies are validated at first need.
    lazy: Option<Lazy>,
}

struct Lazy {
    sets: FeatureSets,
    /// For every body, whether it is known to be valid.
    valid: Box<[AtomicBool]>,
    /// What is wrong with those that are known not to be.
    invalid: Mutex<HashMap<DefinedFuncIdx, LoadError>>,
}

impl ModuleBodies {
    /// Bodies that have been validated.
    pub(crate) fn validated(bytes: ModuleBytes, mut code: Code) -> Self {
        // Nothing will be validated any more, and the resources are large.
        code.resources = None;
        Self { bytes, code, lazy: None }
    }

    /// Bodies that have not been validated.
    pub(crate) fn lazy(bytes: ModuleBytes, code: Code, sets: FeatureSets) -> Self {
        let valid = code.ranges.iter().map(|_| AtomicBool::new(false)).collect();
        Self { bytes, code, lazy: Some(Lazy { sets, valid, invalid: Mutex::default() }) }
    }
}

impl FunctionBodies for ModuleBodies {
    fn body(&self, func: DefinedFuncIdx) -> FunctionBody<'_> {
        let range = self.code.ranges[func.index()].clone();
        let offset = range.start;
        FunctionBody { bytes: &self.bytes.as_slice()[range], offset }
    }

    fn validate(&self, func: DefinedFuncIdx) -> Result<(), LoadError> {
        let Some(lazy) = &self.lazy else {
            return Ok(());
        };
        let valid = &lazy.valid[func.index()];
        // Relaxed: validity is a property of bytes that never change.
        if valid.load(Ordering::Relaxed) {
            return Ok(());
        }
        if validate::one(&self.code, self.bytes.as_slice(), func.index()).is_err() {
            lazy.explain(&self.bytes, func)?;
        }
        valid.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Lazy {
    /// Says what is wrong with a body, in the same words as when it is found while loading.
    #[cold]
    fn explain(&self, bytes: &ModuleBytes, func: DefinedFuncIdx) -> Result<(), LoadError> {
        let mut invalid = self.invalid.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(error) = invalid.get(&func) {
            return Err(error.clone());
        }
        let scope = Scope::Body(func.index());
        check::check(bytes.as_slice(), self.sets, scope).map(drop).inspect_err(|error| {
            invalid.insert(func, error.clone());
        })
    }
}
