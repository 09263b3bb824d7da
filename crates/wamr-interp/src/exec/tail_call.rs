//! Tail calls: the callee's frame takes the place of the current one.

use wamr_runtime::vm::{FuncKind, FuncRecord, Outcome};
use wamr_types::TrapCode;

use super::Regs;
use super::call::{Caller, Checked, Indirect, Site, admit, admit_slow, enter, import, referent};
use crate::module::InterpFunc;
use crate::op::{Cell, Flow, Name, Op, Slot};

/// Where the arguments of a tail call lie, and where they go.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct TailSite {
    /// The call, as if it were none.
    pub(crate) site: Site,
    /// How many slots the arguments take.
    pub(crate) arg_slots: u32,
    /// How many slots the results take.
    pub(crate) result_slots: u32,
    /// Where the current function's own parameters begin.
    pub(crate) params: Slot,
}

impl TailSite {
    /// The frame pointer of the callee.
    #[inline(always)]
    unsafe fn callee_fp(self, r: &Regs) -> *mut u64 {
        // SAFETY: the frame ends behind its own arguments, hence behind those of the callee.
        unsafe { r.slot(self.params).add(self.arg_slots as usize) }
    }

    /// Moves the arguments and runs an interpreted function of the current instance.
    ///
    /// # Safety
    /// `code` is the admitted code of `func`; `caller` is the current frame's caller.
    #[inline(always)]
    unsafe fn replace(
        self,
        r: &mut Regs,
        code: *const Cell,
        func: *const InterpFunc,
        caller: Caller,
    ) -> Flow {
        // SAFETY: arguments lie in temporaries, above where they go; the linkage that they may
        // overwrite has been read.
        unsafe {
            let fp = self.callee_fp(r);
            core::ptr::copy(r.slot(self.site.args), r.slot(self.params), self.arg_slots as usize);
            enter(r, code, func, fp, caller);
        }
        Flow::Next
    }

    /// Calls an interpreted function; asks for the slow path in all other cases.
    ///
    /// # Safety
    /// `record` is alive, and of the type that the arguments were staged for.
    #[inline(always)]
    unsafe fn call(self, r: &mut Regs, record: *const FuncRecord) -> Flow {
        // SAFETY: interpreted functions have an `InterpFunc` for their body.
        unsafe {
            if (*record).kind != FuncKind::Interp {
                return Flow::Slow;
            }
            let func = (*record).body.cast::<InterpFunc>();
            let Some(code) = admit(r.ctx, func, self.callee_fp(r)) else { return Flow::Slow };
            let caller = Caller::of_frame(r);
            r.switch((*record).context);
            self.replace(r, code, func, caller)
        }
    }

    /// Calls a function of any mode.
    ///
    /// Compiled functions run their own tail calls, so that the activation may end where the
    /// current frame is its last. All others return here first: host functions make no tail
    /// calls, and below the current frame there is a frame to return to anyway.
    ///
    /// # Safety
    /// As for [`TailSite::call`].
    #[inline(always)]
    unsafe fn call_slow(self, r: &mut Regs, record: *const FuncRecord) -> Flow {
        // SAFETY: as in `call`; `tail_args` has room for the arguments of any function.
        unsafe {
            let caller = Caller::of_frame(r);
            match (*record).kind {
                FuncKind::Interp => {
                    let func = (*record).body.cast::<InterpFunc>();
                    let Checked { value: code, trap } = admit_slow(r.ctx, func, self.callee_fp(r));
                    if let Some(code) = trap {
                        return Flow::Trap(code);
                    }
                    r.switch((*record).context);
                    self.replace(r, code, func, caller)
                }
                FuncKind::Compiled if caller.fp.is_null() => {
                    let store = &*(*r.ctx).store;
                    let args = r.slot(self.site.args);
                    core::ptr::copy(args, store.tail_args, self.arg_slots as usize);
                    store.tail_callee.set(record);
                    Flow::Exit(Outcome::Tail)
                }
                _ => match self.site.call_out(r, record) {
                    Outcome::Return => {
                        let results = r.slot(self.site.args);
                        core::ptr::copy(results, r.slot(self.params), self.result_slots as usize);
                        caller.resume(r);
                        Flow::Next
                    }
                    _ => Flow::Fail,
                },
            }
        }
    }
}

/// Tail-calls a function of the same module.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnCall {
    pub(crate) func: *const InterpFunc,
    pub(crate) site: TailSite,
}

impl Op for ReturnCall {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["return_call"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: functions of a module live as long as its code.
        unsafe {
            match admit(r.ctx, self.func, self.site.callee_fp(r)) {
                Some(code) => {
                    let caller = Caller::of_frame(r);
                    self.site.replace(r, code, self.func, caller)
                }
                None => Flow::Slow,
            }
        }
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            let Checked { value: code, trap } =
                admit_slow(r.ctx, self.func, self.site.callee_fp(r));
            if let Some(code) = trap {
                return Flow::Trap(code);
            }
            let caller = Caller::of_frame(r);
            self.site.replace(r, code, self.func, caller)
        }
    }
}

/// Tail-calls an imported function.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnCallImport {
    pub(crate) import: u32,
    pub(crate) site: TailSite,
}

impl Op for ReturnCallImport {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["return_call_import"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the index, linking the type.
        unsafe { self.site.call(r, import(r.ctx, self.import)) }
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe { self.site.call_slow(r, import(r.ctx, self.import)) }
    }
}

/// Tail-calls an element of a table.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnCallIndirect {
    pub(crate) callee: Indirect,
    pub(crate) site: TailSite,
}

impl Op for ReturnCallIndirect {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["return_call_indirect"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: a function that was found has the type that arguments were staged for.
        unsafe {
            match self.callee.find(r) {
                Some(record) => self.site.call(r, record),
                None => Flow::Slow,
            }
        }
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            let Checked { value: record, trap } = self.callee.find_slow(r);
            match trap {
                None => self.site.call_slow(r, record),
                Some(code) => Flow::Trap(code),
            }
        }
    }
}

/// Tail-calls what a reference refers to.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnCallRef {
    pub(crate) callee: Slot,
    pub(crate) site: TailSite,
}

impl Op for ReturnCallRef {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["return_call_ref"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked that the reference is to a function of a type that the
        // arguments were staged for.
        unsafe {
            match referent(r, self.callee) {
                Some(record) => self.site.call(r, record),
                None => Flow::Trap(TrapCode::NullFunctionReference),
            }
        }
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            match referent(r, self.callee) {
                Some(record) => self.site.call_slow(r, record),
                None => Flow::Trap(TrapCode::NullFunctionReference),
            }
        }
    }
}
