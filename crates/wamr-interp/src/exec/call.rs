//! Calls and returns.

use core::mem::offset_of;
use core::sync::atomic::Ordering;

use wamr_runtime::rt;
use wamr_runtime::vm::{FuncKind, FuncRecord, Outcome, Slot as TableSlot, VmContext};
use wamr_types::{TrapCode, TypeId};

use super::{LINKAGE_SLOTS, Linkage, Regs};
use crate::code::FuncHeader;
use crate::frames::{CallOut, sample};
use crate::module::InterpFunc;
use crate::op::{Cell, Flow, Name, Op, Slot, Source};

/// Where a frame returns to.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Caller {
    pub(crate) ip: *const Cell,
    /// Null for the bottom frame of an activation.
    pub(crate) fp: *mut u64,
    pub(crate) ctx: *mut VmContext,
}

const _: () = assert!(offset_of!(Linkage, caller) == 0);

impl Caller {
    /// The current frame, about to call.
    #[inline(always)]
    pub(crate) const fn current(r: &Regs) -> Self {
        Self { ip: r.ip, fp: r.fp, ctx: r.ctx }
    }

    /// The caller of the current frame.
    ///
    /// # Safety
    /// The registers are those of an activation.
    #[inline(always)]
    pub(crate) unsafe fn of_frame(r: &Regs) -> Self {
        // SAFETY: every frame begins with its linkage.
        unsafe { *r.fp.cast::<Self>() }
    }

    /// Goes on in the caller.
    ///
    /// # Safety
    /// The registers are those of a frame that this is the caller of.
    #[inline(always)]
    pub(crate) unsafe fn resume(self, r: &mut Regs) {
        r.ip = self.ip;
        r.fp = self.fp;
        // SAFETY: instances live as long as frames that run their code.
        unsafe { r.switch(self.ctx) };
    }
}

/// Whether an address is beyond the end of the stack (or an interruption is pending).
///
/// # Safety
/// `ctx` is alive.
#[inline(always)]
pub(crate) unsafe fn is_beyond_limit(ctx: *mut VmContext, address: *mut u64) -> bool {
    // SAFETY: a context's store is alive as long as the context.
    address.addr() > unsafe { (*(*ctx).store).interp_limit.load(Ordering::Relaxed) }
}

/// The code of a function, if the stack has room for its frame at `fp`.
///
/// # Safety
/// `ctx` and `func` are alive.
#[inline(always)]
pub(crate) unsafe fn admit(
    ctx: *mut VmContext,
    func: *const InterpFunc,
    fp: *mut u64,
) -> Option<*const Cell> {
    // SAFETY: the caller says that they are alive; code begins with its header.
    unsafe {
        let code = (*func).code();
        let end = fp.wrapping_add((*code.cast::<FuncHeader>()).frame_slots as usize);
        if is_beyond_limit(ctx, end) { None } else { Some(code) }
    }
}

/// Makes a frame at `fp` and begins to run `code` in it.
///
/// # Safety
/// `code` is the code of `func`; the stack has room for its frame and the parameters are in
/// place; `r.ctx` is the instance of `func`.
#[inline(always)]
pub(crate) unsafe fn enter(
    r: &mut Regs,
    code: *const Cell,
    func: *const InterpFunc,
    fp: *mut u64,
    caller: Caller,
) {
    // SAFETY: the caller says that there is room.
    unsafe {
        *fp.cast::<Linkage>() = Linkage { caller, func };
        let header = code.cast::<FuncHeader>();
        zero(fp.add(LINKAGE_SLOTS as usize), (*header).local_slots as usize);
        r.fp = fp;
        r.ip = header.add(1).cast();
    }
}

/// Zeroes slots.
///
/// # Safety
/// They are free.
#[cfg(wamr_threaded)]
#[inline(always)]
unsafe fn zero(first: *mut u64, count: usize) {
    // As assembly, since the compiler unrolls the loop, which few locals gain nothing from and
    // which takes registers that have to be saved.
    // SAFETY: the caller says that the slots can be written.
    unsafe {
        core::arch::asm!(
            "cmp {at}, {end}",
            "je 3f",
            "2: mov qword ptr [{at}], 0",
            "add {at}, 8",
            "cmp {at}, {end}",
            "jne 2b",
            "3:",
            at = inout(reg) first => _,
            end = in(reg) first.add(count),
            options(nostack),
        );
    }
}

/// Zeroes slots.
///
/// # Safety
/// They are free.
#[cfg(not(wamr_threaded))]
#[inline(always)]
unsafe fn zero(first: *mut u64, count: usize) {
    // SAFETY: the caller says that the slots can be written.
    unsafe { first.write_bytes(0, count) };
}

/// Where the arguments of a call lie.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Site {
    /// The first argument, and later the first result.
    pub(crate) args: Slot,
    /// The callee's frame pointer: behind the arguments.
    pub(crate) fp: Slot,
    /// Behind both arguments and results.
    pub(crate) top: Slot,
}

impl Site {
    /// Calls an interpreted function; asks for the slow path in all other cases.
    ///
    /// # Safety
    /// `record` is alive, and of the type that the arguments were staged for.
    #[inline(always)]
    pub(crate) unsafe fn call(self, r: &mut Regs, record: *const FuncRecord) -> Flow {
        // SAFETY: interpreted functions have an `InterpFunc` for their body; the record's
        // context is alive as the record is.
        unsafe {
            if (*record).kind != FuncKind::Interp {
                return Flow::Slow;
            }
            let func = (*record).body.cast::<InterpFunc>();
            let fp = r.slot(self.fp);
            let Some(code) = admit(r.ctx, func, fp) else { return Flow::Slow };
            let caller = Caller::current(r);
            r.switch((*record).context);
            enter(r, code, func, fp, caller);
            Flow::Next
        }
    }

    /// Calls a function of any mode.
    ///
    /// # Safety
    /// As for [`Site::call`].
    #[inline(always)]
    pub(crate) unsafe fn call_slow(self, r: &mut Regs, record: *const FuncRecord) -> Flow {
        // SAFETY: as in `call`.
        unsafe {
            if (*record).kind != FuncKind::Interp {
                return match self.call_out(r, record) {
                    Outcome::Return => Flow::Next,
                    _ => Flow::Fail,
                };
            }
            sample(r.ip, r.fp, r.ctx);
            let func = (*record).body.cast::<InterpFunc>();
            let fp = r.slot(self.fp);
            let Checked { value: code, trap } = admit_slow(r.ctx, func, fp);
            if let Some(code) = trap {
                return Flow::Trap(code);
            }
            let caller = Caller::current(r);
            r.switch((*record).context);
            enter(r, code, func, fp, caller);
            Flow::Next
        }
    }

    /// Leaves the activation's code for a call.
    ///
    /// # Safety
    /// As for [`Site::call`].
    #[inline(always)]
    pub(crate) unsafe fn call_out(self, r: &mut Regs, record: *const FuncRecord) -> Outcome {
        // SAFETY: frames that the callee makes begin behind arguments and results.
        unsafe {
            let args = r.slot(self.args);
            let store = &*(*r.ctx).store;
            store.interp_top.set(r.slot(self.top));
            let outcome = call_noted(record, args, r.ip, r.fp, r.ctx);
            r.reload_memory();
            outcome
        }
    }
}

/// Calls a function that finds the frames that led to it by what is noted here: a local that it
/// has the address of, which handlers may not have.
///
/// # Safety
/// As for [`rt::call_array`], from the operation that `ip` is behind; results replace arguments.
#[inline(never)]
unsafe fn call_noted(
    record: *const FuncRecord,
    args: *mut u64,
    ip: *const Cell,
    fp: *mut u64,
    ctx: *mut VmContext,
) -> Outcome {
    let from = CallOut::new(ip, fp, ctx);
    // SAFETY: the caller's promise; a context's store is alive as long as the context.
    unsafe {
        (*(*ctx).store).exit.set(from.word());
        rt::call_array(record, ctx, args, args)
    }
}

/// A pointer, or why there is none. Unlike a `Result` it is returned in registers.
#[derive(Clone, Copy)]
pub(crate) struct Checked<T> {
    pub(crate) value: *const T,
    pub(crate) trap: Option<TrapCode>,
}

impl<T> From<Result<*const T, TrapCode>> for Checked<T> {
    fn from(result: Result<*const T, TrapCode>) -> Self {
        match result {
            Ok(value) => Self { value, trap: None },
            Err(code) => Self { value: core::ptr::null(), trap: Some(code) },
        }
    }
}

/// The code of a function whose frame the fast check did not admit.
///
/// # Safety
/// As for [`admit`].
#[inline(never)]
pub(crate) unsafe fn admit_slow(
    ctx: *mut VmContext,
    func: *const InterpFunc,
    fp: *mut u64,
) -> Checked<Cell> {
    // SAFETY: the caller says that they are alive.
    unsafe {
        match admit(ctx, func, fp) {
            Some(code) => Ok(code),
            None => admit_again(ctx, func, fp, fp),
        }
        .into()
    }
}

/// The code of a function that the limit word did not admit, if the stack has room for its frame
/// at `fp` and reaches to `end` after all.
///
/// # Errors
/// The trap that there is otherwise.
///
/// # Safety
/// As for [`admit`].
#[cold]
pub(crate) unsafe fn admit_again(
    ctx: *mut VmContext,
    func: *const InterpFunc,
    fp: *mut u64,
    end: *mut u64,
) -> Result<*const Cell, TrapCode> {
    // SAFETY: the caller says that they are alive; code begins with its header. The code is read
    // once, since another thread may put larger code in its place.
    unsafe {
        let code = (*func).code();
        let frame_end = fp.wrapping_add((*code.cast::<FuncHeader>()).frame_slots as usize);
        rt::limit_hit(ctx, frame_end.max(end)).map(|()| code)
    }
}

/// Calls a function of the same module.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Call {
    pub(crate) func: *const InterpFunc,
    pub(crate) fp: Slot,
}

impl Op for Call {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["call"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: functions of a module live as long as its code.
        unsafe {
            let fp = r.slot(self.fp);
            let Some(code) = admit(r.ctx, self.func, fp) else { return Flow::Slow };
            let caller = Caller::current(r);
            enter(r, code, self.func, fp, caller);
            Flow::Next
        }
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `run`.
        unsafe {
            sample(r.ip, r.fp, r.ctx);
            let fp = r.slot(self.fp);
            let Checked { value: code, trap } = admit_slow(r.ctx, self.func, fp);
            if let Some(code) = trap {
                return Flow::Trap(code);
            }
            let caller = Caller::current(r);
            enter(r, code, self.func, fp, caller);
            Flow::Next
        }
    }
}

/// The record of an imported function.
///
/// # Safety
/// The instance is alive and has the import.
#[inline(always)]
pub(crate) unsafe fn import(ctx: *mut VmContext, import: u32) -> *const FuncRecord {
    // SAFETY: the caller says that the import exists.
    unsafe { *(*ctx).imports.add(import as usize) }
}

/// Calls an imported function.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CallImport {
    pub(crate) import: u32,
    pub(crate) site: Site,
}

impl Op for CallImport {
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["call_import"]);

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

/// The callee of an indirect call.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Indirect {
    /// The element.
    pub(crate) index: Slot,
    pub(crate) table: u32,
    /// Canonical id of the type that is expected.
    pub(crate) sig: u32,
    /// Whether indices are 64 bits wide.
    pub(crate) wide: u32,
}

impl Indirect {
    #[inline(always)]
    unsafe fn index(self, r: &Regs) -> u64 {
        // SAFETY: the index is in a slot of the current frame.
        let index: u64 = unsafe { self.index.get(r) };
        if self.wide != 0 { index } else { index as u32 as u64 }
    }

    /// The function in the table, if it has the very type that is expected.
    ///
    /// # Safety
    /// The registers are those of the frame that the call was translated for.
    #[inline(always)]
    pub(crate) unsafe fn find(self, r: &Regs) -> Option<*const FuncRecord> {
        // SAFETY: validation checked the table's index; `call_indirect` is valid for tables of
        // functions only, whose elements are slots.
        unsafe {
            let index = self.index(r);
            let table = &**(*r.ctx).tables.add(self.table as usize);
            if index >= table.len.get() {
                return None;
            }
            let slot = table.base.get().cast::<TableSlot>().add(index as usize);
            if (*slot).sig == self.sig { Some((*slot).func) } else { None }
        }
    }

    /// The function in the table, or why it cannot be called.
    ///
    /// # Safety
    /// As for [`Indirect::find`].
    #[inline(always)]
    pub(crate) unsafe fn find_slow(self, r: &Regs) -> Checked<FuncRecord> {
        // SAFETY: as in `find`.
        unsafe {
            match self.find(r) {
                Some(record) => Checked { value: record, trap: None },
                None => find_callee(r.ctx, self.table, self.index(r), self.sig),
            }
        }
    }
}

/// The function in a table where the fast check found none.
///
/// # Safety
/// As for [`rt::indirect_callee`].
#[inline(never)]
unsafe fn find_callee(
    ctx: *mut VmContext,
    table: u32,
    index: u64,
    sig: u32,
) -> Checked<FuncRecord> {
    let sig = TypeId::from_raw(sig).expect("ids are not 0");
    // SAFETY: the caller's promise is the one needed.
    unsafe { rt::indirect_callee(ctx, table, index, sig) }.into()
}

/// Calls an element of a table.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CallIndirect {
    pub(crate) callee: Indirect,
    pub(crate) site: Site,
}

impl Op for CallIndirect {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["call_indirect"]);

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

/// The record of a function reference, if it is not null.
///
/// # Safety
/// The slot holds a function reference.
#[inline(always)]
pub(crate) unsafe fn referent(r: &Regs, callee: Slot) -> Option<*const FuncRecord> {
    // SAFETY: the slot belongs to the current frame.
    let address: u64 = unsafe { callee.get(r) };
    if address == 0 {
        return None;
    }
    Some(core::ptr::with_exposed_provenance(address as usize))
}

/// Calls what a reference refers to.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct CallRef {
    pub(crate) callee: Slot,
    pub(crate) site: Site,
}

impl Op for CallRef {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["call_ref"]);

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

/// Returns without results.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct Return;

impl Op for Return {
    const JUMPS: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["return"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the registers are those of an activation.
        unsafe { Caller::of_frame(r).resume(r) };
        Flow::Next
    }
}

/// Returns one value of one slot.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnOne<A> {
    /// Where the caller expects it.
    pub(crate) dst: Slot,
    pub(crate) value: A,
}

impl<A: Source<u64>> Op for ReturnOne<A> {
    const JUMPS: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["return_one_", A::LETTER]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: the registers are those of an activation. The result may overwrite the
        // linkage, which is read first.
        unsafe {
            let caller = Caller::of_frame(r);
            let value: u64 = self.value.get(r);
            r.set(self.dst, value);
            caller.resume(r);
        }
        Flow::Next
    }
}

/// Returns values that lie in temporaries.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ReturnMany {
    /// Where the caller expects them.
    pub(crate) dst: Slot,
    pub(crate) values: Slot,
    /// How many slots they take.
    pub(crate) slots: u32,
}

impl Op for ReturnMany {
    const JUMPS: bool = true;
    const TRAPS: bool = false;

    const NAME: Name = Name::of(&["return_many"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `ReturnOne`.
        unsafe {
            let caller = Caller::of_frame(r);
            core::ptr::copy(r.slot(self.values), r.slot(self.dst), self.slots as usize);
            caller.resume(r);
        }
        Flow::Next
    }
}

/// The only operation of a function that is not translated yet.
#[derive(Clone, Copy)]
pub(crate) struct Translate;

impl Op for Translate {
    const JUMPS: bool = true;
    const SLOW: bool = true;

    const NAME: Name = Name::of(&["translate"]);

    #[inline(always)]
    unsafe fn run(&self, _r: &mut Regs) -> Flow {
        Flow::Slow
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: the frame has its linkage already, and parameters are in place; it is made
        // again, now at its full size.
        unsafe {
            let linkage = *r.fp.cast::<Linkage>();
            if let Err(error) = (*linkage.func).translate() {
                rt::raise_error(r.ctx, error);
                return Flow::Fail;
            }
            let Checked { value: code, trap } = admit_slow(r.ctx, linkage.func, r.fp);
            if let Some(code) = trap {
                return Flow::Trap(code);
            }
            let fp = r.fp;
            enter(r, code, linkage.func, fp, linkage.caller);
            Flow::Next
        }
    }
}
