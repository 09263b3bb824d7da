//! Traps and frames.

use core::cell::OnceCell;
use core::fmt;
use std::sync::Arc;

use wamr::{Backtrace, Error, ExnRef, Instance};

use super::engine::StoreRef;
use super::foreign::Info;
use super::handle::{self, Handle, Owned, Payload, payload_of};
use super::types::null;
use super::vec::{vec_of_handles, wasm_byte_vec_t, wasm_handle_vec_t, wasm_vec_t, write_out};
use crate::frame::Place;
use crate::guard::{guard, last_error};

/// A trap. What is the same trap shares its `cause`.
pub(super) struct TrapData {
    pub(super) cause: Arc<Cause>,
    /// Whether it came out of a call; as in WAMR, its message says so.
    is_exception: bool,
    /// Innermost first.
    frames: Vec<FrameRecord>,
}

/// What is known about a frame.
#[derive(Clone)]
struct FrameRecord {
    frame: wamr::Frame,
    place: Place,
}

/// What messages of traps that came out of calls begin with.
const EXCEPTION: &str = "Exception: ";

/// What a trap is about.
pub(super) struct Cause {
    message: String,
    /// The exception that nothing caught, which goes on if a callback returns the trap.
    exception: Option<ExnRef>,
    pub(super) info: Info,
}

/// A frame, which stands for a moment of the past.
#[derive(Clone)]
pub(super) struct FrameData {
    record: FrameRecord,
    owner: Option<StoreRef>,
    /// Found when it is asked for.
    instance: OnceCell<Option<Owned>>,
}

/// A trap that a callback returned, on its way through wasm.
struct Returned(Arc<Cause>);

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap: {self}")
    }
}

impl std::error::Error for Returned {}

fn new_cause(message: String, exception: Option<ExnRef>) -> Arc<Cause> {
    Arc::new(Cause { message, exception, info: Info::default() })
}

/// A trap that says what was wrong.
pub(super) fn of_message(message: impl fmt::Display) -> *mut Handle {
    let cause = new_cause(message.to_string(), None);
    handle::new(Payload::Trap(
        None,
        Arc::new(TrapData { cause, is_exception: false, frames: Vec::new() }),
    ))
}

/// What a call ended in, as a trap.
pub(super) fn of_error(owner: &StoreRef, error: &Error) -> *mut Handle {
    let cause = match error.downcast_ref::<Returned>() {
        Some(returned) => returned.0.clone(),
        None => {
            let message = match error.trap_code() {
                Some(code) => code.to_string(),
                None => error.to_string(),
            };
            new_cause(message, error.exception().cloned())
        }
    };
    let frames = error.backtrace().frames().iter().map(FrameRecord::new);
    let trap = TrapData { cause, is_exception: true, frames: frames.collect() };
    handle::new(Payload::Trap(Some(owner.clone()), Arc::new(trap)))
}

/// What a callback fails with that returned this trap, which it gave away.
///
/// # Safety
/// `trap` must be a handle that the caller owns.
pub(super) unsafe fn into_error(trap: *mut Handle) -> Error {
    let cause = payload_of!(trap, "a trap", Payload::Trap(_, trap) => trap.cause.clone());
    // SAFETY: the caller's promise.
    unsafe { handle::delete_any(trap) };
    match cause {
        Some(cause) => match &cause.exception {
            Some(exception) => Error::from(exception.clone()),
            None => Error::new(Returned(cause)),
        },
        None => Error::msg("a callback returned something else than a trap"),
    }
}

impl FrameRecord {
    fn new(frame: &wamr::Frame) -> Self {
        Self { frame: frame.clone(), place: Place::of(frame) }
    }

    /// The payload of a handle to the frame.
    fn payload(&self, owner: Option<&StoreRef>) -> Payload {
        let (record, owner) = (self.clone(), owner.cloned());
        Payload::Frame(Box::new(FrameData { record, owner, instance: OnceCell::new() }))
    }
}

impl FrameData {
    /// The instance that the frame says, or where it says none, the only one of the module.
    fn find_instance(&self) -> Option<Owned> {
        let owner = self.owner.clone()?;
        let frame = &self.record.frame;
        let found = owner.with(|mut store| {
            let mut all = Instance::all_of(&mut store, frame.module());
            if frame.instance_id().is_some() {
                all.retain(|instance| instance.id(&store).ok() == frame.instance_id());
            }
            Ok(all)
        });
        let [instance] = &found.ok()?[..] else { return None };
        Some(Owned::new(Payload::Instance(owner, instance.clone())))
    }
}

fn trap_of(trap: *const Handle) -> Option<(Option<StoreRef>, Arc<TrapData>)> {
    payload_of!(trap, "a trap", Payload::Trap(owner, trap) => (owner.clone(), trap.clone()))
}

/// Makes a trap. The message ends with a zero, as far as this function is concerned. In a callback,
/// the trap has the frames that led to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_trap_new(
    store: *mut Handle,
    message: *const wasm_byte_vec_t,
) -> *mut Handle {
    guard(null(), || {
        let owner = payload_of!(store, "a store", Payload::Store(store) => store.clone());
        let Some(owner) = owner else { return null() };
        // SAFETY: C passes a vector or null.
        let bytes = unsafe { message.as_ref().map_or(&[][..], |message| message.as_slice()) };
        let message = String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes));
        let live = owner.with(|store| Ok(Backtrace::capture(&store))).unwrap_or_default();
        let frames: Vec<FrameRecord> = live.frames().iter().map(FrameRecord::new).collect();
        // One without frames does not keep the store.
        let owner = (!frames.is_empty()).then_some(owner);
        let cause = new_cause(message.into_owned(), None);
        let trap = TrapData { cause, is_exception: false, frames };
        handle::new(Payload::Trap(owner, Arc::new(trap)))
    })
}

/// A trap's message, with a zero at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_trap_message(trap: *const Handle, out: *mut wasm_byte_vec_t) {
    guard((), || {
        let message = trap_of(trap).map_or(wasm_vec_t::empty(), |(_, trap)| {
            let message = &trap.cause.message;
            let is_plain = trap.is_exception && !message.starts_with(EXCEPTION);
            let prefix = if is_plain { EXCEPTION } else { "" };
            let bytes: Vec<u8> = prefix.bytes().chain(message.bytes()).chain([0]).collect();
            wasm_vec_t::from_elements(bytes.into_iter())
        });
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, message) };
    })
}

/// What went wrong last on this thread, in words, with a zero at the end: not part of WAMR's header.
/// It is for people; calls that succeed leave it as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_last_error(out: *mut wasm_byte_vec_t) {
    guard((), || {
        let bytes: Vec<u8> = last_error().into_bytes().into_iter().chain([0]).collect();
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, wasm_vec_t::from_elements(bytes.into_iter())) };
    })
}

/// The innermost frame that a trap passed through or was made in; null where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_trap_origin(trap: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, trap)) = trap_of(trap) else { return null() };
        let frame = trap.frames.first();
        frame.map_or(null(), |frame| handle::new(frame.payload(owner.as_ref())))
    })
}

/// The frames that a trap passed through or was made in, innermost first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_trap_trace(trap: *const Handle, out: *mut wasm_handle_vec_t) {
    guard((), || {
        let frames = trap_of(trap).map_or(wasm_vec_t::empty(), |(owner, trap)| {
            vec_of_handles(trap.frames.iter().map(|frame| frame.payload(owner.as_ref())))
        });
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, frames) };
    })
}

/// Deletes a frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_delete(frame: *mut Handle) {
    // SAFETY: C gives the handle away.
    guard((), || unsafe {
        handle::delete(frame, "a frame", |payload| matches!(payload, Payload::Frame(_)))
    })
}

/// Copies a frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_copy(frame: *const Handle) -> *mut Handle {
    // SAFETY: C passes a handle.
    guard(null(), || unsafe {
        handle::copy(frame, "a frame", |payload| matches!(payload, Payload::Frame(_)))
    })
}

/// The instance whose function the frame is of; the frame keeps the handle. Null where the frame does
/// not say it, as most frames of compiled code, and the module has several instances in the store, or
/// none any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_instance(frame: *const Handle) -> *mut Handle {
    guard(null(), || {
        let instance = payload_of!(frame, "a frame", Payload::Frame(frame) => {
            frame.instance.get_or_init(|| frame.find_instance()).as_ref().map(Owned::as_ptr)
        });
        instance.flatten().unwrap_or(null())
    })
}

/// The index of the function in its module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_func_index(frame: *const Handle) -> u32 {
    guard(0, || {
        payload_of!(frame, "a frame", Payload::Frame(frame) => frame.record.frame.func().0)
            .unwrap_or(0)
    })
}

/// How far the instruction is from the start of its function; 0 where that is not known, as in AOT
/// files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_func_offset(frame: *const Handle) -> usize {
    guard(0, || {
        payload_of!(frame, "a frame", Payload::Frame(frame) => frame.record.place.func_offset)
            .unwrap_or(0)
    })
}

/// How far the instruction is from the start of its module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_frame_module_offset(frame: *const Handle) -> usize {
    guard(0, || {
        payload_of!(frame, "a frame", Payload::Frame(frame) => frame.record.place.module_offset)
            .unwrap_or(0)
    })
}
