//! What a backend is: it prepares decoded modules for execution and says how to enter each
//! function.

use core::num::NonZero;
use std::sync::Arc;

use wamr_types::{DefinedFuncIdx, Features};

use crate::engine::Engine;
use crate::entity::MemoryKind;
use crate::error::Error;
use crate::module::Module;
use crate::vm::{ArrayCall, FuncKind};

/// How to enter one function; it fills a [`crate::vm::FuncRecord`].
#[derive(Clone, Copy, Debug)]
pub struct FuncEntry {
    /// The mode.
    pub kind: FuncKind,
    /// Entry point in the calling convention of compiled code.
    pub code: *mut (),
    /// Entry point with values in memory.
    pub array_call: ArrayCall,
    /// What the mode needs to run the function.
    pub body: *const (),
}

/// A mode of execution.
pub trait Backend: Send + Sync {
    /// The mode's name on command lines.
    fn name(&self) -> &'static str;

    /// What the mode can execute.
    fn supported(&self) -> Features;

    /// Whether the mode's code is any better for guarded memories.
    fn profits_from_guards(&self) -> bool;

    /// Whether the mode's code counts fuel where the engine asks for it, as [`wamr_types::fuel`]
    /// has it.
    fn counts_fuel(&self) -> bool;

    /// Prepares a module.
    ///
    /// # Errors
    /// If the module has something that the backend's limits exclude.
    fn prepare(
        &self,
        engine: &Engine,
        module: &Arc<wamr_types::Module>,
    ) -> Result<Arc<dyn Executable>, Error>;
}

/// A module prepared by a backend, shared by all its instances.
///
/// # Safety
/// What [`Executable::entry`] gives must stay valid as long as the value lives, and its entry
/// points must follow the call protocol of [`crate::vm`].
pub unsafe trait Executable: Send + Sync {
    /// How to enter a function that the module defines, in an instance whose memory 0 is of the
    /// given kind. Code for [`MemoryKind::Checked`] serves every kind.
    ///
    /// The answer is kept for further instances: a mode that makes better code later must lead
    /// those who enter by the old answer to it.
    fn entry(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> FuncEntry;

    /// Whether there is code for instances whose memory 0 is of the given kind; else there can be
    /// none. What is compiled when it is needed has code for all.
    fn runs_with(&self, _memory0: MemoryKind) -> bool {
        true
    }

    /// Makes now, on at most so many threads, what would else be made at the first call of each
    /// function, for instances whose memory 0 is of the given kind. Does nothing where everything
    /// is made beforehand.
    ///
    /// # Errors
    /// If bodies are validated at first need, and one is invalid: the first of them.
    fn translate(&self, _memory0: MemoryKind, _threads: NonZero<usize>) -> Result<(), Error> {
        Ok(())
    }

    /// Learns whose code it is: called once, before anything is run. Backtraces of compiled code
    /// need it.
    fn belongs_to(&self, _module: &Module) {}
}
