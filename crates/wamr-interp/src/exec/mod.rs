//! Execution: registers, frames, and the operations by group.
//!
//! A frame is an array of 8-byte slots around the frame pointer:
//!
//! ```text
//!        parameters | linkage | locals | temporaries
//!                   ^ fp      ^ fp + 4
//! ```
//!
//! The caller stages arguments in its topmost temporaries, which become the callee's
//! parameters; results replace them. An activation is a run of frames from one entry by
//! [`array_call`] on; its bottom frame has a null caller. In the slot below that frame's parameters is
//! the [`wamr_runtime::live::ExitWord`] of the activation before.

use wamr_runtime::numeric::simd::V128;
use wamr_runtime::rt;
use wamr_runtime::vm::{FuncRecord, Outcome, VmContext};

use crate::module::InterpFunc;
use crate::op::{Cell, Flow, Name, Op, Slot, SlotValue, StackValue};

pub(crate) mod atomic;
pub(crate) mod call;
pub(crate) mod control;
pub(crate) mod dispatch;
pub(crate) mod exception;
pub(crate) mod gc;
pub(crate) mod guard;
pub(crate) mod memory;
pub(crate) mod numeric;
pub(crate) mod simd;
pub(crate) mod table;
pub(crate) mod tail_call;
pub(crate) mod variable;
pub(crate) mod wide;

use call::{Caller, admit, admit_again, enter, is_beyond_limit};
use dispatch::Static;

/// A vector in the form that handlers pass on in a machine register.
#[cfg(wamr_threaded)]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Vector(core::arch::x86_64::__m128i);

#[cfg(wamr_threaded)]
impl Vector {
    #[inline(always)]
    pub(crate) const fn new(value: V128) -> Self {
        // SAFETY: both are 16 bytes without further meaning.
        unsafe { core::mem::transmute(value) }
    }

    #[inline(always)]
    const fn from_register(value: core::arch::x86_64::__m128i) -> Self {
        Self(value)
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> V128 {
        // SAFETY: as above.
        unsafe { core::mem::transmute(self) }
    }
}

/// A vector.
#[cfg(not(wamr_threaded))]
#[derive(Clone, Copy)]
pub(crate) struct Vector(V128);

#[cfg(not(wamr_threaded))]
impl Vector {
    #[inline(always)]
    pub(crate) const fn new(value: V128) -> Self {
        Self(value)
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> V128 {
        self.0
    }
}

/// Copies of what the latest operations wrote to slots, in machine registers: an operation that
/// takes such a value need not wait for it to come back from memory. Translation knows which slot
/// each one copies.
#[derive(Clone, Copy)]
pub(crate) struct Accumulators {
    /// An integer or a reference, as the bits of its slot.
    pub(crate) int: u64,
    pub(crate) f64: f64,
    pub(crate) f32: f32,
    pub(crate) v128: Vector,
}

impl Accumulators {
    /// What nobody asks for.
    pub(crate) const UNKNOWN: Self =
        Self { int: 0, f64: 0.0, f32: 0.0, v128: Vector::new(V128::from_bytes([0; 16])) };
}

/// What handlers keep in machine registers.
#[derive(Clone, Copy)]
pub(crate) struct Regs {
    /// The next operation.
    pub(crate) ip: *const Cell,
    /// The current frame.
    pub(crate) fp: *mut u64,
    /// First byte of memory 0.
    pub(crate) mem: *mut u8,
    /// Length of memory 0 in bytes.
    pub(crate) mem_len: usize,
    /// The instance that the current function belongs to.
    pub(crate) ctx: *mut VmContext,
    /// The latest results, by class, until an operation that does not care for them.
    pub(crate) acc: Accumulators,
}

impl Regs {
    /// The registers that an activation begins with.
    pub(crate) const fn new(
        ip: *const Cell,
        fp: *mut u64,
        mem: *mut u8,
        mem_len: usize,
        ctx: *mut VmContext,
    ) -> Self {
        Self { ip, fp, mem, mem_len, ctx, acc: Accumulators::UNKNOWN }
    }

    /// The address of a slot.
    ///
    /// # Safety
    /// The slot belongs to the current frame.
    #[inline(always)]
    pub(crate) unsafe fn slot(&self, slot: Slot) -> *mut u64 {
        // SAFETY: the caller says that the slot is one of the current frame.
        unsafe { self.fp.offset(slot.0 as isize) }
    }

    /// Writes a value to its slot or slots.
    ///
    /// # Safety
    /// The slots belong to the current frame.
    #[inline(always)]
    pub(crate) unsafe fn set<T: StackValue>(&mut self, slot: Slot, value: T) {
        // SAFETY: the caller says that the slots are of the current frame.
        unsafe { value.write(self.slot(slot)) }
    }

    /// Writes a result to its slot or slots, and to its accumulator.
    ///
    /// # Safety
    /// The slots belong to the current frame.
    #[inline(always)]
    pub(crate) unsafe fn define_value<T: StackValue>(&mut self, slot: Slot, value: T) {
        // SAFETY: the caller's promise.
        unsafe { self.set(slot, value) };
        value.write_acc(&mut self.acc);
    }

    /// Writes a result to the accumulator of its class, and to its slot unless `QUIET` is set.
    ///
    /// # Safety
    /// The slot belongs to the current frame.
    #[inline(always)]
    pub(crate) unsafe fn define<const QUIET: bool, T: SlotValue>(&mut self, slot: Slot, value: T) {
        if !QUIET {
            // SAFETY: the caller says that the slot is one of the current frame.
            unsafe { self.set(slot, value) };
        }
        value.to_acc(&mut self.acc);
    }

    /// Switches to an instance.
    ///
    /// # Safety
    /// `ctx` is the context of a live instance.
    #[inline(always)]
    pub(crate) unsafe fn switch(&mut self, ctx: *mut VmContext) {
        if ctx != self.ctx {
            self.ctx = ctx;
            // SAFETY: the caller says that the instance is alive.
            unsafe { self.reload_memory() };
        }
    }

    /// Reads base and length of memory 0 again, after something that may have grown it.
    ///
    /// # Safety
    /// `ctx` is the context of a live instance.
    #[inline(always)]
    pub(crate) unsafe fn reload_memory(&mut self) {
        // SAFETY: a context's memory 0 is never null and lives as long as its instance.
        let memory = unsafe { &*(*self.ctx).memory0 };
        self.mem = memory.base();
        self.mem_len = memory.len_bytes();
    }
}

/// What a frame remembers of its caller. It lies at the frame pointer.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Linkage {
    pub(crate) caller: Caller,
    /// The function whose frame this is.
    pub(crate) func: *const InterpFunc,
}

/// How many slots [`Linkage`] takes on every target.
pub(crate) const LINKAGE_SLOTS: i32 = 4;
const _: () = assert!(size_of::<Linkage>() <= 8 * LINKAGE_SLOTS as usize);

/// Ends an activation: what a bottom frame returns to.
#[derive(Clone, Copy)]
pub(crate) struct Exit;

impl Op for Exit {
    const NAME: Name = Name::of(&["exit"]);

    #[inline(always)]
    unsafe fn run(&self, _r: &mut Regs) -> Flow {
        Flow::Exit(Outcome::Return)
    }
}

static EXIT: Static<(), Exit> = Static::new((), Exit);

/// Enters interpreted code: the [`wamr_runtime::vm::ArrayCall`] of interpreted functions.
///
/// # Safety
/// See [`wamr_runtime::vm::ArrayCall`].
pub(crate) unsafe extern "C" fn array_call(
    record: *const FuncRecord,
    _caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome {
    // SAFETY: the record is alive, describes an interpreted function, and its context belongs
    // to a live instance of a live store. Slots are written after the limit check only.
    unsafe {
        let func = (*record).body.cast::<InterpFunc>();
        let ctx = (*record).context;
        let store = &*(*ctx).store;
        let (param_slots, result_slots) = ((*func).param_slots, (*func).result_slots);

        let (bottom, exit) = (store.interp_top.get(), store.exit.get());
        let base = bottom.wrapping_add(1);
        let fp = base.add(param_slots);
        let code = match admit(ctx, func, fp) {
            Some(code) if !is_beyond_limit(ctx, base.add(result_slots)) => code,
            _ => match admit_again(ctx, func, fp, base.wrapping_add(result_slots)) {
                Ok(code) => code,
                Err(trap) => {
                    rt::raise(ctx, trap);
                    return Outcome::Fail;
                }
            },
        };
        bottom.write(exit.to_slot());
        core::ptr::copy(args, base, param_slots);

        let null = core::ptr::null_mut();
        let mut r = Regs::new(EXIT.code(), null, null.cast(), 0, ctx);
        r.reload_memory();
        let caller = Caller::current(&r);
        enter(&mut r, code, func, fp, caller);
        let outcome = guard::enter(r);
        if outcome == Outcome::Return {
            core::ptr::copy(base, results, result_slots);
        }
        store.interp_top.set(bottom);
        store.exit.set(exit);
        outcome
    }
}
