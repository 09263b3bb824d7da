//! What can be said about all instances of a module before there is one: function records but for
//! their instance, values of constant expressions that are constants, where the items of element
//! segments come from.
//!
//! Many modules are instantiated but once, for which a plan is not worth its memory: it is made
//! for the second instance, or when a module is linked beforehand.
//!
//! What does not live here: how an instance is made (`entity/instance.rs`), and images of data
//! (`image.rs`).

use std::sync::OnceLock;

use wamr_types::{ConstExpr, ConstOp, DefinedFuncIdx, ElementItems, FuncIdx, Module};

use crate::backend::{Executable, FuncEntry};
use crate::entity::MemoryKind;
use crate::vm::CallShape;

/// A function record of a module's instances, without what differs between them. `None` stands
/// for imports, which have records already.
pub(crate) type RecordPlan = Option<FuncPlan>;

/// What all records of a function have in common.
#[derive(Clone, Copy)]
pub(crate) struct FuncPlan {
    pub(crate) entry: FuncEntry,
    pub(crate) sig: u32,
    pub(crate) shape: *const CallShape,
}

impl FuncPlan {
    /// Asks a mode how to enter a function.
    pub(crate) fn new(
        module: &Module,
        executable: &dyn Executable,
        shapes: &[Option<CallShape>],
        func: DefinedFuncIdx,
        memory0: MemoryKind,
    ) -> Self {
        let entry = executable.entry(func, memory0);
        let func = module.func_idx(func);
        let shape = shapes[module.funcs[func.index()].index()].as_ref();
        Self {
            entry,
            sig: module.func_type_id(func).get(),
            shape: shape.map_or(core::ptr::null(), core::ptr::from_ref),
        }
    }
}

/// Where an instance finds a function: among its imports, or among its own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FuncPlace(u32);

impl FuncPlace {
    const IMPORT: u32 = 1 << 31;
    /// A function that no value can refer to.
    const NOWHERE: Self = Self(u32::MAX);

    /// The place of a function in instances of a module.
    pub(crate) fn of(module: &Module, func: FuncIdx) -> Self {
        if func.0 < module.imported_funcs {
            return Self(func.0 | Self::IMPORT);
        }
        module.escaping_position(func).map_or(Self::NOWHERE, |position| Self(position as u32))
    }

    /// What `imports` or `records` hold at the place.
    pub(crate) fn find<T: Copy, U>(
        self,
        imports: &[T],
        records: &[U],
        of_record: impl FnOnce(&U) -> T,
    ) -> Option<T> {
        if self.0 & Self::IMPORT == 0 {
            return records.get(self.0 as usize).map(of_record);
        }
        imports.get((self.0 & !Self::IMPORT) as usize).copied()
    }
}

/// What is known about all instances of a module.
pub(crate) struct InstancePlan {
    /// The initial values of defined globals, where they are constants.
    pub(crate) globals: Box<[Option<[u64; 2]>]>,
    /// By element segment; empty for segments of expressions.
    pub(crate) elements: Box<[Box<[FuncPlace]>]>,
    checked: OnceLock<Box<[RecordPlan]>>,
    guarded: OnceLock<Box<[RecordPlan]>>,
}

// SAFETY: the pointers lead to what the module and its executable own, which are shared between
// threads themselves and outlive the plan.
unsafe impl Send for InstancePlan {}
// SAFETY: as above.
unsafe impl Sync for InstancePlan {}

impl InstancePlan {
    pub(crate) fn new(module: &Module) -> Self {
        let defined = module.globals.iter().skip(module.imported_globals as usize);
        let value = |global: &wamr_types::Global| global.init.as_ref().and_then(constant);
        let places = |items: &ElementItems| match items {
            ElementItems::Funcs(funcs) => {
                funcs.iter().map(|&func| FuncPlace::of(module, func)).collect()
            }
            ElementItems::Exprs(_) => Box::default(),
        };
        Self {
            globals: defined.map(value).collect(),
            elements: module.elements.iter().map(|element| places(&element.items)).collect(),
            checked: OnceLock::new(),
            guarded: OnceLock::new(),
        }
    }

    /// The records of instances whose memory 0 is of that kind.
    pub(crate) fn records(
        &self,
        memory0: MemoryKind,
        make: impl FnOnce() -> Box<[RecordPlan]>,
    ) -> &[RecordPlan] {
        let records = match memory0 {
            MemoryKind::Checked => &self.checked,
            MemoryKind::Guarded => &self.guarded,
        };
        records.get_or_init(make)
    }
}

/// The value of an expression that is one constant.
pub(crate) fn constant(expr: &ConstExpr) -> Option<[u64; 2]> {
    match expr.0[..] {
        [op] => constant_of(op),
        _ => None,
    }
}

/// What an operator pushes, if that does not depend on anything.
pub(crate) fn constant_of(op: ConstOp) -> Option<[u64; 2]> {
    Some(match op {
        ConstOp::I32Const(value) => [u64::from(value as u32), 0],
        ConstOp::I64Const(value) => [value as u64, 0],
        ConstOp::F32Const(bits) => [u64::from(bits), 0],
        ConstOp::F64Const(bits) => [bits, 0],
        ConstOp::V128Const(bits) => [bits as u64, (bits >> 64) as u64],
        ConstOp::RefNull(_) => [0, 0],
        _ => return None,
    })
}
