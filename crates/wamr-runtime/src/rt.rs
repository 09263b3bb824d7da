//! What running code calls: the run-time services that every mode shares.
//!
//! All functions take the context of the instance that is running; it and everything that it
//! refers to must be live, which holds while wasm runs. Indices are validated ones.
#![allow(clippy::missing_safety_doc, reason = "the module's header states the one condition")]

use wamr_types::{FuncIdx, TableAccess, TrapCode, TypeId};

use crate::backtrace::Frame;
use crate::entity::{InstanceEntity, MAX_TABLE_ELEMENTS, TagEntity};
use crate::error::Error;
pub use crate::store::Keep;
use crate::store::{Failure, InstanceId, StoreCore};
use crate::vm::{FuncRecord, Outcome, Slot, VmContext};

pub mod atomic;
pub mod fuel;
pub mod gc;

/// # Safety
/// As the module says.
unsafe fn instance<'a>(ctx: *mut VmContext) -> &'a InstanceEntity {
    // SAFETY: the context of running wasm has an instance, which is live.
    unsafe { &*(*ctx).instance }
}

/// # Safety
/// As the module says; the reference must not live across guest code.
unsafe fn core<'a>(ctx: *mut VmContext) -> &'a mut StoreCore {
    // SAFETY: no reference to the store lives across guest code, so this one is alone.
    unsafe { &mut *(*(*ctx).store).core.get() }
}

/// An address near the top of the native stack.
#[inline(always)]
pub fn native_stack_pointer() -> usize {
    let marker = 0u8;
    core::hint::black_box(&raw const marker) as usize
}

/// `memory.size`, in pages.
pub unsafe fn memory_size(ctx: *mut VmContext, memory: u32) -> u64 {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.memory(memory).size_pages()
}

/// `memory.grow`: the old size in pages, or `u64::MAX`.
pub unsafe fn memory_grow(ctx: *mut VmContext, memory: u32, delta_pages: u64) -> u64 {
    // SAFETY: as the module says.
    let (core, memory) = unsafe { (core(ctx), instance(ctx).memory(memory)) };
    core.grow_memory(memory, delta_pages).unwrap_or(u64::MAX)
}

/// `memory.fill`
pub unsafe fn memory_fill(
    ctx: *mut VmContext,
    memory: u32,
    dst: u64,
    value: u8,
    len: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_bytes(ctx, len)? };
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.memory(memory).fill(dst, value, len)
}

/// `memory.copy`
pub unsafe fn memory_copy(
    ctx: *mut VmContext,
    dst_memory: u32,
    src_memory: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_bytes(ctx, len)? };
    // SAFETY: as the module says.
    let instance = unsafe { instance(ctx) };
    instance.memory(dst_memory).copy_from(dst, instance.memory(src_memory), src, len)
}

/// `memory.init`
pub unsafe fn memory_init(
    ctx: *mut VmContext,
    memory: u32,
    data: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_bytes(ctx, len)? };
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.memory_init(memory, data, dst, src, len)
}

/// `data.drop`
pub unsafe fn data_drop(ctx: *mut VmContext, data: u32) {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.data_drop(data);
}

/// `table.get`: a reference as a value slot.
pub unsafe fn table_get(ctx: *mut VmContext, table: u32, index: u64) -> Result<u64, TrapCode> {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.table(table).get(index)
}

/// `table.set`
pub unsafe fn table_set(
    ctx: *mut VmContext,
    table: u32,
    index: u64,
    value: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.table(table).set(index, value)
}

/// `table.size`
pub unsafe fn table_size(ctx: *mut VmContext, table: u32) -> u64 {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.table(table).size()
}

/// `table.grow`: the old size, or `u64::MAX`.
pub unsafe fn table_grow(ctx: *mut VmContext, table: u32, delta: u64, value: u64) -> u64 {
    // SAFETY: as the module says.
    let (core, table) = unsafe { (core(ctx), instance(ctx).table(table)) };
    // Growth may always be refused, and is where the fuel to write the elements lacks. What is
    // beyond any table writes none.
    // SAFETY: as the module says.
    if delta <= MAX_TABLE_ELEMENTS && unsafe { fuel::charge_elements(ctx, delta) }.is_err() {
        return u64::MAX;
    }
    core.grow_table(table, delta, value).unwrap_or(u64::MAX)
}

/// `table.fill`
pub unsafe fn table_fill(
    ctx: *mut VmContext,
    table: u32,
    start: u64,
    value: u64,
    count: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_elements(ctx, count)? };
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.table(table).fill(start, value, count)
}

/// `table.copy`
pub unsafe fn table_copy(
    ctx: *mut VmContext,
    dst_table: u32,
    src_table: u32,
    dst: u64,
    src: u64,
    count: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_elements(ctx, count)? };
    // SAFETY: as the module says.
    let instance = unsafe { instance(ctx) };
    instance.table(dst_table).copy_from(dst, instance.table(src_table), src, count)
}

/// `table.init`
pub unsafe fn table_init(
    ctx: *mut VmContext,
    table: u32,
    element: u32,
    dst: u64,
    src: u64,
    count: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { fuel::charge_elements(ctx, count)? };
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.table_init(table, element, dst, src, count)
}

/// `elem.drop`
pub unsafe fn elem_drop(ctx: *mut VmContext, element: u32) {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.elem_drop(element);
}

/// `ref.func`
pub unsafe fn ref_func(ctx: *mut VmContext, func: FuncIdx) -> *const FuncRecord {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.func(func)
}

/// The slow path of `call_indirect`, for an element whose type id is not `sig`: the callee
/// where its type is a subtype, else the trap.
pub unsafe fn indirect_callee(
    ctx: *mut VmContext,
    table: u32,
    index: u64,
    sig: TypeId,
) -> Result<*const FuncRecord, TrapCode> {
    // SAFETY: as the module says; the index is compared with the length before use, and
    // validation makes this a table of functions.
    unsafe {
        let vm = *(*ctx).tables.add(table as usize);
        if index >= (*vm).len.get() {
            return Err(TrapCode::UndefinedElement);
        }
        let slot = *(*vm).base.get().cast::<Slot>().add(index as usize);
        let Some(found) = TypeId::from_raw(slot.sig) else {
            return Err(TrapCode::UninitializedElement);
        };
        if instance(ctx).module().engine().types().is_subtype(found, sig) {
            Ok(slot.func)
        } else {
            Err(TrapCode::IndirectCallTypeMismatch)
        }
    }
}

/// Calls a function of any mode, and what it ends in by tail calls. Never gives
/// [`Outcome::Tail`].
///
/// # Safety
/// `args` and `results` must fit the function's type; the rest as the module says.
pub unsafe fn call_array(
    record: *const FuncRecord,
    caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome {
    // SAFETY: the caller vouches for the pointers; a pending tail call has its arguments in
    // `tail_args` and results like those of the function that made it.
    unsafe {
        let store = (*caller).store;
        let mut outcome = call_array_once(record, caller, args, results);
        while outcome == Outcome::Tail {
            let callee = (*store).tail_callee.get();
            outcome = call_array_once(callee, caller, (*store).tail_args, results);
        }
        outcome
    }
}

/// Calls a function of any mode, leaving a tail call that it ends in to the caller.
///
/// # Safety
/// As [`call_array`].
pub(crate) unsafe fn call_array_once(
    record: *const FuncRecord,
    caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome {
    // SAFETY: the caller vouches for the pointers.
    unsafe {
        if !check_native_stack(caller) {
            return Outcome::Fail;
        }
        ((*record).array_call)(record, caller, args, results)
    }
}

/// Compares the native stack pointer with the limit word; `false` if a trap is pending now.
#[inline(always)]
pub(crate) unsafe fn check_native_stack(caller: *mut VmContext) -> bool {
    // SAFETY: as the module says.
    unsafe {
        let limit = (*(*caller).store).native_limit.load(core::sync::atomic::Ordering::Relaxed);
        native_stack_pointer() >= limit || raise_at_limit(caller)
    }
}

/// See [`check_native_stack`].
#[cold]
unsafe fn raise_at_limit(caller: *mut VmContext) -> bool {
    // SAFETY: as the module says.
    unsafe {
        match native_limit_hit(caller) {
            Ok(()) => true,
            Err(code) => {
                raise(caller, code);
                false
            }
        }
    }
}

/// What to do when the native stack pointer is below the limit word.
///
/// # Errors
/// [`TrapCode::Interrupted`] or [`TrapCode::StackOverflow`].
#[cold]
pub(crate) unsafe fn native_limit_hit(ctx: *mut VmContext) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    let store = unsafe { &*(*ctx).store };
    if store.take_interruption() {
        return Err(TrapCode::Interrupted);
    }
    if native_stack_pointer() < store.native_end.get() {
        Err(TrapCode::StackOverflow)
    } else {
        // SAFETY: as above.
        unsafe { core(ctx) }.keep_asking();
        Ok(())
    }
}

/// What to do when the interpreter's limit word stops a frame that ends at `end`, or a loop in
/// it.
///
/// # Errors
/// [`TrapCode::Interrupted`] or [`TrapCode::StackOverflow`]; `Ok` if the frame fits after all,
/// since only a limit lowered for an interruption that is over was in its way.
#[cold]
pub unsafe fn limit_hit(ctx: *mut VmContext, end: *const u64) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    let store = unsafe { &*(*ctx).store };
    if store.take_interruption() {
        Err(TrapCode::Interrupted)
    } else if end.addr() > store.interp_end {
        Err(TrapCode::StackOverflow)
    } else {
        // SAFETY: as above.
        unsafe { core(ctx) }.keep_asking();
        Ok(())
    }
}

/// Whether the store has to say where it is before it goes on: [`sample`] says it.
#[cold]
pub unsafe fn takes_sample(ctx: *mut VmContext) -> bool {
    // SAFETY: as the module says.
    unsafe { core(ctx) }.takes_sample()
}

/// Says where the store is: `frames` gives context, function and offset of each frame, innermost
/// first.
#[cold]
pub unsafe fn sample(
    ctx: *mut VmContext,
    frames: impl FnOnce(&mut dyn FnMut(*mut VmContext, FuncIdx, Option<usize>)),
) {
    // SAFETY: as the module says; contexts of frames are alive as their frames are.
    unsafe { core(ctx) }.tell_sample(|push| {
        // SAFETY: as above.
        frames(&mut |ctx, func, offset| push(unsafe { frame(ctx, func, offset) }));
    });
}

/// What is told of a frame of the instance.
pub(crate) unsafe fn frame(ctx: *mut VmContext, func: FuncIdx, offset: Option<usize>) -> Frame {
    // SAFETY: as the module says.
    let entity = unsafe { instance(ctx) };
    let instance = Some(InstanceId::of(entity));
    Frame { module: entity.module().clone(), instance, func, offset }
}

/// Makes a trap the store's pending failure.
#[cold]
pub unsafe fn raise(ctx: *mut VmContext, code: TrapCode) {
    // SAFETY: as the module says.
    unsafe { raise_error(ctx, Error::from(code)) }
}

/// Makes an error the store's pending failure.
#[cold]
pub unsafe fn raise_error(ctx: *mut VmContext, error: Error) {
    // SAFETY: as the module says.
    unsafe { core(ctx) }.set_failure(Failure::Error(error));
}

/// Makes what is wrong with the body of a function the pending failure.
#[cold]
pub unsafe fn raise_invalid_body(ctx: *mut VmContext, func: FuncIdx) {
    // SAFETY: as the module says.
    let module = unsafe { instance(ctx) }.module().decoded();
    let outcome = module.defined_func(func).map(|func| module.bodies.validate(func));
    let error = match outcome {
        Some(Err(error)) => Error::from_kind(crate::error::ErrorKind::InvalidBody(error)),
        _ => TrapCode::Unreachable.into(),
    };
    // SAFETY: as above.
    unsafe { raise_error(ctx, error) }
}

/// `throw`: makes a new exception of a tag the pending failure. `fields` points to its payload. As
/// for objects ([`gc`]), [`VmStore::interp_top`] must be beyond every interpreted frame.
///
/// [`VmStore::interp_top`]: crate::vm::VmStore::interp_top
#[inline(never)]
pub unsafe fn throw(ctx: *mut VmContext, tag: u32, fields: *const u64) {
    // SAFETY: as the module says; the payload is as long as the tag's type says.
    unsafe {
        let tag = instance(ctx).tag(tag);
        let len = tag.as_ref().ty.func.param_slots();
        let core = core(ctx);
        match core.new_exception(tag, core::slice::from_raw_parts(fields, len)) {
            Ok(reference) => core.throw(reference),
            Err(code) => core.set_failure(Failure::Error(code.into())),
        }
    }
}

/// `throw_ref`: makes an exception the pending failure.
///
/// # Errors
/// [`TrapCode::NullExceptionReference`]
#[inline(never)]
pub unsafe fn throw_ref(ctx: *mut VmContext, reference: u64) -> Result<(), TrapCode> {
    if reference == 0 {
        return Err(TrapCode::NullExceptionReference);
    }
    // SAFETY: as the module says.
    unsafe { core(ctx) }.throw(reference as u32);
    Ok(())
}

/// The legacy `rethrow`, of an exception that was caught with [`Keep::Hold`]; `ends` says
/// whether that hold ends, because nothing goes on in the catch clause.
#[inline(never)]
pub unsafe fn rethrow(ctx: *mut VmContext, reference: u64, ends: bool) {
    // SAFETY: as the module says.
    let core = unsafe { core(ctx) };
    if ends {
        core.release_exception(reference as u32);
    }
    core.throw(reference as u32);
}

/// Ends a catch clause's hold of an exception.
#[inline(never)]
pub unsafe fn release(ctx: *mut VmContext, reference: u64) {
    // SAFETY: as the module says.
    let core = unsafe { core(ctx) };
    core.release_exception(reference as u32);
    core.end_exception(reference as u32);
}

/// The tag of the pending exception; null if the pending failure is something else.
#[cold]
pub unsafe fn pending_tag(ctx: *mut VmContext) -> *const TagEntity {
    // SAFETY: as the module says.
    let core = unsafe { core(ctx) };
    let reference = match core.failure_mut() {
        Some(Failure::Exception(reference, _)) => *reference,
        _ => return core::ptr::null(),
    };
    core.exception(reference).map_or(core::ptr::null(), |e| e.tag().as_ptr())
}

/// A tag of the instance. Tags are the same if their addresses are.
pub unsafe fn tag(ctx: *mut VmContext, tag: u32) -> *const TagEntity {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.tag(tag).as_ptr()
}

/// Catches the pending exception: writes its payload to `payload`, unless that is null, and
/// gives the reference to it, which is void where the clause keeps nothing.
#[cold]
pub unsafe fn catch(ctx: *mut VmContext, payload: *mut u64, keep: Keep) -> u64 {
    // SAFETY: as the module says; a catch clause has room for its tag's payload.
    unsafe { u64::from(core(ctx).catch(payload, keep)) }
}

/// Adds a frame to the pending failure's backtrace, innermost ones first. Where it is in the module
/// is asked only if the frame is kept.
#[cold]
pub unsafe fn push_frame(
    ctx: *mut VmContext,
    func: FuncIdx,
    offset: impl FnOnce() -> Option<usize>,
) {
    // SAFETY: as in `raise_error`.
    unsafe {
        match core(ctx).failure_backtrace() {
            Some(backtrace) if backtrace.is_full() => backtrace.omit(),
            Some(_) => {
                let frame = frame(ctx, func, offset());
                if let Some(backtrace) = core(ctx).failure_backtrace() {
                    backtrace.push(frame);
                }
            }
            None => {}
        }
    }
}

/// The entry point of records that stand for nothing: a call is an error, not undefined.
pub(crate) unsafe extern "C" fn unreachable_call(
    _: *const FuncRecord,
    caller: *mut VmContext,
    _: *const u64,
    _: *mut u64,
) -> Outcome {
    // SAFETY: the protocol gives a live caller.
    unsafe { raise(caller, TrapCode::UninitializedElement) };
    Outcome::Fail
}
