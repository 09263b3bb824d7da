//! Modules and functions as the interpreter holds them.

use core::num::NonZero;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use wamr_runtime::gc::GcLayout;
use wamr_runtime::vm::FuncKind;
use wamr_runtime::{Engine, Error, Executable, FuncEntry, MemoryKind};
use wamr_types::{DefinedFuncIdx, FuncIdx, Module};

use crate::code::{Code, FuncHeader};
use crate::eager;
use crate::exec::call::Translate;
use crate::exec::dispatch::{Static, Table};
use crate::exec::{LINKAGE_SLOTS, array_call, guard};
use crate::handlers::Clause;
use crate::op::Cell;
use crate::translate;

/// The code of every function that was not called yet.
static UNTRANSLATED: Static<FuncHeader, Translate> =
    Static::new(FuncHeader { frame_slots: LINKAGE_SLOTS as u32, local_slots: 0 }, Translate);

/// A module that the interpreter can run, immovable in its `Arc`.
///
/// It has its functions once for each kind of memory 0 that instances were made with, since their
/// code differs. Code of one kind refers to functions of the same kind only.
pub(crate) struct InterpModule {
    engine: Engine,
    module: Arc<Module>,
    table: Table,
    /// By type index.
    layouts: OnceLock<Box<[Option<GcLayout>]>>,
    checked: OnceLock<Box<[InterpFunc]>>,
    guarded: OnceLock<Box<[InterpFunc]>>,
}

/// A function that the interpreter can run. Immovable.
pub(crate) struct InterpFunc {
    /// What to run: the function's own code, or [`UNTRANSLATED`].
    code: AtomicPtr<Cell>,
    module: *const InterpModule,
    index: DefinedFuncIdx,
    memory0: MemoryKind,
    pub(crate) param_slots: usize,
    pub(crate) result_slots: usize,
    translated: OnceLock<Code>,
}

// SAFETY: the pointer back to the module is what makes it neither; modules are shared between
// threads themselves and outlive their functions.
unsafe impl Send for InterpFunc {}
// SAFETY: as above.
unsafe impl Sync for InterpFunc {}

impl InterpModule {
    /// Prepares a module; nothing is translated yet.
    pub(crate) fn new(engine: Engine, module: Arc<Module>) -> Arc<Self> {
        let table =
            if engine.tunables().processor_features { Table::best() } else { Table::Baseline };
        Arc::new(Self {
            engine,
            module,
            table,
            layouts: OnceLock::new(),
            checked: OnceLock::new(),
            guarded: OnceLock::new(),
        })
    }

    /// The layout of a type of structs or arrays.
    pub(crate) fn layout(&self, ty: u32) -> Option<&GcLayout> {
        let layouts = self.layouts.get_or_init(|| {
            let types = self.engine.types();
            self.module.type_defs.iter().map(|ty| GcLayout::of(ty, types)).collect()
        });
        layouts.get(ty as usize)?.as_ref()
    }

    /// Which handlers code has.
    pub(crate) const fn table(&self) -> Table {
        self.table
    }

    /// Whether code has to count what it does.
    pub(crate) fn counts_fuel(&self) -> bool {
        self.engine.tunables().consume_fuel
    }

    fn funcs(&self, memory0: MemoryKind) -> &[InterpFunc] {
        match memory0 {
            MemoryKind::Guarded if guard::SUPPORTED => self.guarded.get_or_init(|| {
                guard::register();
                self.make_funcs(MemoryKind::Guarded)
            }),
            _ => self.checked.get_or_init(|| self.make_funcs(MemoryKind::Checked)),
        }
    }

    fn make_funcs(&self, memory0: MemoryKind) -> Box<[InterpFunc]> {
        let func = |position| {
            let index = DefinedFuncIdx::from_usize(position);
            let ty = self.module.func_type(self.module.func_idx(index));
            InterpFunc {
                code: AtomicPtr::new(UNTRANSLATED.code().cast_mut()),
                module: self,
                index,
                memory0,
                param_slots: ty.param_slots(),
                result_slots: ty.result_slots(),
                translated: OnceLock::new(),
            }
        };
        (0..self.module.defined_func_count()).map(func).collect()
    }

    /// The decoded module.
    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// A function, as code for a kind of memory 0 refers to it.
    pub(crate) fn func(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> &InterpFunc {
        &self.funcs(memory0)[func.index()]
    }
}

impl InterpFunc {
    /// The header of the code to run now.
    #[inline(always)]
    pub(crate) fn code(&self) -> *const Cell {
        self.code.load(Ordering::Acquire)
    }

    fn module(&self) -> &InterpModule {
        // SAFETY: functions are owned by their module, which is made and dropped as a whole.
        unsafe { &*self.module }
    }

    /// The function's index in its module.
    pub(crate) fn index(&self) -> FuncIdx {
        self.module().module.func_idx(self.index)
    }

    /// Validates and translates the function, unless another thread has done so.
    #[cold]
    pub(crate) fn translate(&self) -> Result<(), Error> {
        if self.translated.get().is_none() {
            let code = translate::function(self.module(), self.index, self.memory0, None)?;
            // Another thread may have been faster; its code is as good.
            let _ = self.translated.set(code);
        }
        if let Some(code) = self.translated.get() {
            self.code.store(code.cells.as_ptr().cast_mut(), Ordering::Release);
        }
        Ok(())
    }

    /// The code, and the position in it of the operation at `ip`, or of a cell of the one that
    /// ends there.
    fn position(&self, ip: *const Cell, is_behind: bool) -> Option<(&Code, usize)> {
        let code = self.translated.get()?;
        let position = ip.addr().checked_sub(code.cells.as_ptr().addr())? / size_of::<Cell>();
        Some((code, position - usize::from(is_behind)))
    }

    /// The offset in the module of the operation at `ip`, or of the one that ends there.
    pub(crate) fn module_offset(&self, ip: *const Cell, is_behind: bool) -> Option<usize> {
        let (code, position) = self.position(ip, is_behind)?;
        code.offsets.find(position)
    }

    /// The clause that catches an exception from the operation at `ip`, or from the one that
    /// ends there, and the address where it goes on.
    pub(crate) fn clause(
        &self,
        ip: *const Cell,
        is_behind: bool,
        is_tag: impl FnMut(u32) -> bool,
    ) -> Option<(&Clause, *const Cell)> {
        let (code, position) = self.position(ip, is_behind)?;
        let clause = code.handlers.find(position, is_tag)?;
        Some((clause, &raw const code.cells[clause.target]))
    }
}

// SAFETY: functions are immovable, and alive as long as the module; `array_call` follows the
// call protocol.
unsafe impl Executable for InterpModule {
    fn entry(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> FuncEntry {
        FuncEntry {
            kind: FuncKind::Interp,
            code: core::ptr::null_mut(),
            array_call,
            body: core::ptr::from_ref(self.func(func, memory0)).cast(),
        }
    }

    fn translate(&self, memory0: MemoryKind, threads: NonZero<usize>) -> Result<(), Error> {
        eager::translate(self.funcs(memory0), threads)
    }
}
