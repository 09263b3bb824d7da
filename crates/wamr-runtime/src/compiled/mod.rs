//! The calling convention of compiled code, and the adapters between it and all other modes.
//!
//! # Registers (x86-64)
//! | what | where |
//! |---|---|
//! | callee's context ([`FuncRecord::code_context`]) | `rdi` |
//! | caller's context | `rsi` |
//! | first four integers and references | `rdx`, `rcx`, `r8`, `r9` |
//! | first eight floats and vectors | `xmm0` to `xmm7` |
//! | every other parameter | [`VmStore::tail_args`], at its slot number; the callee reads it first thing |
//! | first result | `rax` or `xmm0` |
//! | every other result | [`VmStore::tail_args`], at its slot number; the caller reads it first thing |
//!
//! What stands above an `i32` or an `f32` in its register is not defined; in slots it is zero, and
//! references are whole slots everywhere.
//!
//! Nothing is passed on the stack, so that a tail call never has to move anything. `rbx`, `rbp`
//! and `r12` to `r15` belong to the caller. Cranelift's `tail` convention is this one as long as
//! the registers suffice; the border tests hold it to that.
//!
//! # Activations
//! [`compiled_call`] enters compiled code through a stub that saves the caller's registers and
//! notes the stack pointer in [`VmStore::activation`]. Code that must fail calls a stub or faults;
//! frames of compiled code are then walked by their frame pointers up to the one that catches the
//! failure, and execution goes on there. If none does, the activation is left with that stack
//! pointer, and the stub returns a status. What lies between is compiled code alone, which has
//! nothing to drop: a call from compiled code into any other mode returns its failure normally to
//! an adapter, and the adapter goes on with it.
//!
//! The adapters of functions that are not compiled note their frame pointer in [`VmStore::exit`], as
//! [`crate::live`] has it. Their frames have the caller's context at the same distance; the stub
//! that enters keeps the word before in its own frame.
//!
//! [`CodeImage`] is how the runtime knows where machine code is and what its addresses mean;
//! [`Builtin`]s are what it may call.

use crate::live::ExitWord;
use crate::rt;
use crate::vm::{CallShape, FuncKind, FuncRecord, Outcome, ValueClass, VmContext, VmStore};

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
use x86_64 as arch;

#[cfg(not(target_arch = "x86_64"))]
mod none;
#[cfg(not(target_arch = "x86_64"))]
use none as arch;

pub(crate) mod code;
pub use code::{
    ALL_TAGS, CallSite, Clause, CodeImage, CodeTables, CompiledCode, FuncRange, HandlerSite,
    InlinedFrame, NO_POSITION, TrapSite, compiled_code,
};

mod table;
pub use table::{Table, TableItem};

pub(crate) mod direct;

mod unwind;
pub(crate) use unwind::live_frames;

mod builtins;
pub use builtins::{Builtin, BuiltinType};

/// Where compiled code goes on after a fault: with the instruction, the frame pointer and the
/// trap's code in the first three registers of parameters.
#[cfg(target_arch = "x86_64")]
pub(crate) const FAULTED: *const () = arch::faulted as *const ();

/// The `code` of every function that is not compiled itself: it turns a call of compiled code
/// into an array call.
pub(crate) const ADAPTER: *mut () = arch::adapter as *mut ();

/// How many integers travel in registers.
const INT_REGS: usize = 4;
/// How many floats and vectors travel in registers.
const FLOAT_REGS: usize = 8;

/// Registers on their way into and out of compiled code. The stubs know its layout.
#[repr(C, align(16))]
#[derive(Default)]
struct RegFile {
    floats: [[u64; 2]; FLOAT_REGS],
    ints: [u64; INT_REGS],
    float_result: [u64; 2],
    int_result: u64,
    callee: usize,
    caller: usize,
}

impl RegFile {
    /// Spreads parameters over registers, and the rest over `rest` (which `args` may be).
    ///
    /// # Safety
    /// `args` must hold values of the shape, `rest` be the store's buffer.
    unsafe fn load_params(&mut self, shape: &CallShape, args: *const u64, rest: *mut u64) {
        let (mut at, mut ints, mut floats) = (0, 0, 0);
        for &class in &shape.params {
            // SAFETY: the caller vouches for the slots; a value's slots in `rest` are the same
            // as in `args`, so that copying one onto itself is harmless.
            unsafe {
                let low = *args.add(at);
                let high = if class == ValueClass::Vector { *args.add(at + 1) } else { 0 };
                match class.is_int() {
                    true if ints < INT_REGS => {
                        self.ints[ints] = low;
                        ints += 1;
                    }
                    false if floats < FLOAT_REGS => {
                        self.floats[floats] = [low, high];
                        floats += 1;
                    }
                    _ => {
                        *rest.add(at) = low;
                        if class == ValueClass::Vector {
                            *rest.add(at + 1) = high;
                        }
                    }
                }
            }
            at += class.slots();
        }
    }

    /// Gathers parameters from registers and the store's buffer.
    ///
    /// # Safety
    /// `slots` must have room for the shape's parameters.
    unsafe fn store_params(&self, shape: &CallShape, rest: *const u64, slots: *mut u64) {
        let (mut at, mut ints, mut floats) = (0, 0, 0);
        for &class in &shape.params {
            // SAFETY: the caller vouches for the slots.
            unsafe {
                let [low, high] = match class.is_int() {
                    true if ints < INT_REGS => {
                        ints += 1;
                        [self.ints[ints - 1], 0]
                    }
                    false if floats < FLOAT_REGS => {
                        floats += 1;
                        self.floats[floats - 1]
                    }
                    _ if class == ValueClass::Vector => [*rest.add(at), *rest.add(at + 1)],
                    _ => [*rest.add(at), 0],
                };
                *slots.add(at) = class.narrow(low);
                if class == ValueClass::Vector {
                    *slots.add(at + 1) = high;
                }
            }
            at += class.slots();
        }
    }

    /// Puts results where compiled callers look for them.
    ///
    /// # Safety
    /// `slots` must hold the shape's results.
    unsafe fn load_results(&mut self, shape: &CallShape, slots: *const u64, rest: *mut u64) {
        let Some(&first) = shape.results.first() else { return };
        // SAFETY: the caller vouches for the slots.
        unsafe {
            match first {
                ValueClass::Int32 | ValueClass::Int64 => self.int_result = *slots,
                ValueClass::Float32 | ValueClass::Float64 => self.float_result = [*slots, 0],
                ValueClass::Vector => self.float_result = [*slots, *slots.add(1)],
            }
            for at in first.slots()..shape.result_slots {
                *rest.add(at) = *slots.add(at);
            }
        }
    }

    /// Takes results from where compiled callees leave them.
    ///
    /// # Safety
    /// `slots` must have room for the shape's results.
    unsafe fn store_results(&self, shape: &CallShape, rest: *const u64, slots: *mut u64) {
        let Some(&first) = shape.results.first() else { return };
        // SAFETY: the caller vouches for the slots.
        unsafe {
            let [low, high] = if first.is_int() { [self.int_result, 0] } else { self.float_result };
            *slots = first.narrow(low);
            if first == ValueClass::Vector {
                *slots.add(1) = high;
            }
            for at in first.slots()..shape.result_slots {
                *slots.add(at) = *rest.add(at);
            }
        }
    }
}

/// The [`FuncRecord::array_call`] of compiled functions.
///
/// # Safety
/// As [`crate::vm::ArrayCall`]; the record's `code` must follow the convention above.
pub unsafe extern "C" fn compiled_call(
    record: *const FuncRecord,
    caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome {
    // SAFETY: the protocol gives live pointers; shapes live as long as their records.
    unsafe {
        let store: &VmStore = &*(*caller).store;
        let shape = &*(*record).shape;
        let mut regs = RegFile::default();
        regs.load_params(shape, args, store.tail_args);
        regs.callee = (*record).code_context as usize;
        regs.caller = caller as usize;
        let code = (*record).code.load(core::sync::atomic::Ordering::Acquire);
        if arch::enter(code, &mut regs, store.activation.as_ptr()) != 0 {
            return Outcome::Fail;
        }
        regs.store_results(shape, store.tail_args, results);
        Outcome::Return
    }
}

/// How far the adapter's register file is below its frame pointer.
const ADAPTER_FRAME: usize = size_of::<RegFile>();
/// How far below its frame pointer an adapter's frame has the caller's context.
const CALLER_BELOW_FP: usize = ADAPTER_FRAME - core::mem::offset_of!(RegFile, caller);

/// What the adapter does next.
const RETURN: usize = 0;
const FAIL: usize = 1;

arch::called_by_code! {
    /// The adapter's body: calls a function that is not compiled with what compiled code passed.
    /// Gives [`RETURN`], [`FAIL`], or the code to jump to for a tail call.
    unsafe fn adapt(
        record: *const FuncRecord,
        caller: *mut VmContext,
        regs: *mut RegFile,
    ) -> usize {
        // SAFETY: the adapter passes what compiled code gave it: a live record that is not
        // compiled, a live caller, and registers on the adapter's stack.
        unsafe {
            let regs = &mut *regs;
            let store: &VmStore = &*(*caller).store;
            let shape = &*(*record).shape;
            store.exit.set(ExitWord::of_stub(core::ptr::from_mut(regs).addr() + ADAPTER_FRAME));
            regs.caller = caller as usize;
            let room = shape.param_slots.max(shape.result_slots);
            let mut slots: smallvec::SmallVec<[u64; 16]> = smallvec::smallvec![0; room];
            regs.store_params(shape, store.tail_args, slots.as_mut_ptr());
            let at = slots.as_mut_ptr();
            let mut outcome = rt::call_array_once(record, caller, at, at);
            while outcome == Outcome::Tail {
                let callee = store.tail_callee.get();
                if (*callee).kind == FuncKind::Compiled {
                    regs.load_params(&*(*callee).shape, store.tail_args, store.tail_args);
                    regs.callee = (*callee).code_context as usize;
                    return (*callee).code.load(core::sync::atomic::Ordering::Acquire) as usize;
                }
                outcome = rt::call_array_once(callee, caller, store.tail_args, at);
            }
            if outcome == Outcome::Fail {
                return FAIL;
            }
            regs.load_results(shape, at, store.tail_args);
            RETURN
        }
    }
}

arch::called_by_code! {
    /// What a stack or loop check of compiled code does when the limit word stops it: a trap's code,
    /// or 0.
    unsafe fn limit(ctx: *mut VmContext, fp: *const usize) -> u32 {
        // SAFETY: compiled code passes its own live context, and `fp` is the frame pointer of the stub
        // that it called.
        unsafe {
            if rt::takes_sample(ctx) {
                unwind::sample(ctx, fp);
            }
            rt::native_limit_hit(ctx).map_or_else(|code| code as u32, |()| unwind::NO_FAILURE)
        }
    }
}

arch::called_by_code! {
    /// What code does whose next block costs more than the fuel that is left: a trap's code, or 0.
    unsafe fn charge(ctx: *mut VmContext, units: u64) -> u32 {
        // SAFETY: compiled code passes its own live context.
        unsafe { rt::fuel::charge(ctx, units) }
            .map_or_else(|code| code as u32, |()| unwind::NO_FAILURE)
    }
}

/// Entry points for compiled code, in the C convention of the platform.
pub mod entry_points {
    use super::arch;

    /// `(context, trap code)`: traps. Does not return.
    pub fn trap() -> usize {
        arch::trap as *const () as usize
    }

    /// `(context)`: to be called when the native stack pointer is below
    /// [`crate::vm::VmStore::native_limit`]; returns if that was spurious, with all registers as
    /// they were.
    pub fn limit() -> usize {
        arch::limit_hit as *const () as usize
    }

    /// `(context, units)`: charges for a block of operators that costs more than the fuel that is
    /// left; comes back with all registers as they were.
    pub fn charge() -> usize {
        arch::fuel_lacks as *const () as usize
    }
}
