//! Copies between slots, constants, globals, and references to functions.

use wamr_runtime::rt;
use wamr_types::{FuncIdx, TrapCode};

use super::Regs;
use super::dispatch::Handlers;
use crate::op::{Class, Define, Flow, Name, Op, Slot, Source};

/// `dst = src`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Copy<A> {
    pub(crate) dst: Slot,
    pub(crate) src: A,
}

/// A constant that fills a slot with zeros, so that it takes one cell.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Narrow(pub(crate) u32);

impl Source<u64> for Narrow {
    const LETTER: &'static str = "n";

    #[inline(always)]
    unsafe fn get(self, _r: &Regs) -> u64 {
        self.0 as u64
    }
}

impl<A: Source<u64>> Op for Copy<A> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["copy_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: both are slots of the current frame.
        unsafe {
            let value = self.src.get(r);
            r.set(self.dst, value);
        }
        Flow::Next
    }
}

/// Two copies, one after the other.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CopyTwo {
    pub(crate) first: Copy<Slot>,
    pub(crate) second: Copy<Slot>,
}

impl Op for CopyTwo {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["copy_two"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: all are slots of the current frame.
        unsafe {
            let value: u64 = self.first.src.get(r);
            r.set(self.first.dst, value);
            let value: u64 = self.second.src.get(r);
            r.set(self.second.dst, value);
        }
        Flow::Next
    }
}

/// Copies adjacent slots, as if all were read before any is written.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CopyRun {
    pub(crate) dst: Slot,
    pub(crate) src: Slot,
    pub(crate) slots: u32,
}

impl Op for CopyRun {
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["copy_run"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: all are slots of the current frame.
        unsafe { core::ptr::copy(r.slot(self.src), r.slot(self.dst), self.slots as usize) };
        Flow::Next
    }
}

/// The address of a global's value.
///
/// # Safety
/// The instance is alive and has the global.
#[inline(always)]
pub(super) unsafe fn global(r: &Regs, index: u32) -> *mut u64 {
    // SAFETY: the caller says that the global exists.
    unsafe { (**(*r.ctx).globals.add(index as usize)).value.get().cast() }
}

/// `dst = global`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct GlobalGet {
    pub(crate) dst: Slot,
    pub(crate) global: u32,
}

impl Define for GlobalGet {
    // As bits, whatever the type is.
    const RESULT: Class = Class::Int;
    const QUIET: Option<Handlers> = None;
}

impl Op for GlobalGet {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["global.get"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the index.
        unsafe {
            let value = *global(r, self.global);
            r.define::<false, _>(self.dst, value);
        }
        Flow::Next
    }
}

/// `global = src`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct GlobalSet<A> {
    pub(crate) global: u32,
    pub(crate) src: A,
}

impl<A: Source<u64>> Op for GlobalSet<A> {
    const KEEPS_ACC: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["global.set_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the index.
        unsafe { *global(r, self.global) = self.src.get(r) };
        Flow::Next
    }
}

/// `dst = ref.func func`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct RefFunc {
    pub(crate) dst: Slot,
    pub(crate) func: u32,
}

impl Op for RefFunc {
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["ref.func"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the index.
        unsafe {
            let record = rt::ref_func(r.ctx, FuncIdx(self.func));
            r.set(self.dst, record.expose_provenance() as u64);
        }
        Flow::Next
    }
}

/// `ref.as_non_null`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct RefAsNonNull {
    pub(crate) value: Slot,
}

impl Op for RefAsNonNull {
    const NAME: Name = Name::of(&["ref.as_non_null"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the operand is a slot of the current frame.
        let value: u64 = unsafe { self.value.get(r) };
        if value == 0 { Flow::Trap(TrapCode::NullReference) } else { Flow::Next }
    }
}
