//! The border between C and Rust: no panic crosses it, code of the embedder that has to run later
//! runs on the way out, and what went wrong last is remembered for who asks.
//!
//! Every exported function is `guard(otherwise, || ...)`.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A call of the embedder's code that has to wait.
type Deferred = Box<dyn FnOnce()>;

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
    static PENDING: RefCell<Vec<Deferred>> = const { RefCell::new(Vec::new()) };
    static HAS_PENDING: Cell<bool> = const { Cell::new(false) };
}

/// Runs what a C function does. A panic becomes `otherwise`, and the thread's last error.
///
/// What was deferred meanwhile runs before this returns, when no store is borrowed by `body` any
/// more.
#[inline]
pub(crate) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        set_last_error(panic_message(&*payload));
        // A payload whose destructor panics must not cross either.
        core::mem::forget(payload);
        otherwise
    });
    run_deferred();
    result
}

fn panic_message(payload: &(dyn core::any::Any + Send)) -> String {
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", message.unwrap_or("of an unknown kind"))
}

/// Remembers what went wrong, for this thread.
#[cold]
pub(crate) fn set_last_error(error: impl Display) {
    let message = error.to_string();
    // A thread that ends may have no place for it any more, and nobody to ask.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = message);
}

/// What went wrong last on this thread; empty where nothing did.
pub(crate) fn last_error() -> String {
    LAST_ERROR.try_with(|last| last.borrow().clone()).unwrap_or_default()
}

/// The value, or `None` and its error as the thread's last.
pub(crate) fn ok_or_last_error<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.map_err(set_last_error).ok()
}

/// A function of the embedder, and data that it gets when nobody needs them any more.
///
/// Dropping it defers the call to the end of the exported function that is running, since who drops
/// it may be a store in the middle of something. Outside of exported functions it waits for the next
/// one on the thread.
#[derive(Debug)]
pub(crate) struct Finalizer {
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    data: *mut c_void,
}

// SAFETY: the data is only handed back to the embedder, who is told that finalizers run on whatever
// thread lets go last.
unsafe impl Send for Finalizer {}
// SAFETY: nothing is reachable through a shared reference but the pointer itself.
unsafe impl Sync for Finalizer {}

impl Finalizer {
    /// # Safety
    /// `function` must be fit to be called once with `data`, on any thread.
    pub(crate) unsafe fn new(
        function: Option<unsafe extern "C" fn(*mut c_void)>,
        data: *mut c_void,
    ) -> Self {
        Self { function, data }
    }

    /// The data.
    pub(crate) fn data(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for Finalizer {
    fn drop(&mut self) {
        let Some(function) = self.function.take() else { return };
        let data = self.data;
        // SAFETY: who made the finalizer vouches for it; it was taken out, so this is once.
        defer(move || unsafe { function(data) });
    }
}

/// Leaves a call of the embedder's code to the end of the exported function that is running, since
/// a store may be in the middle of something now. On a thread that ends, whose list is gone, it is
/// made at once.
pub(crate) fn defer(call: impl FnOnce() + 'static) {
    let mut call: Option<Deferred> = Some(Box::new(call));
    let _ = PENDING.try_with(|pending| pending.borrow_mut().extend(call.take()));
    match call {
        Some(call) => call(),
        None => {
            let _ = HAS_PENDING.try_with(|has| has.set(true));
        }
    }
}

/// Makes the calls that were deferred.
#[inline]
pub(crate) fn run_deferred() {
    if HAS_PENDING.try_with(Cell::get) == Ok(true) {
        run_pending();
    }
}

#[cold]
fn run_pending() {
    let _ = HAS_PENDING.try_with(|has| has.set(false));
    // What is called may call the API again, which comes here again.
    let pending = PENDING.try_with(|pending| pending.take()).unwrap_or_default();
    for call in pending {
        call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_the_other_value_and_the_last_error() {
        assert_eq!(guard(7, || panic!("no {}", 3)), 7);
        assert_eq!(last_error(), "panic: no 3");
        assert_eq!(guard(7, || 8), 8);
    }

    #[test]
    fn finalizers_run_once_at_the_end() {
        unsafe extern "C" fn count(data: *mut c_void) {
            // SAFETY: the test passes a cell that outlives the call.
            let cell = unsafe { &*data.cast::<Cell<u32>>() };
            cell.set(cell.get() + 1);
        }
        let runs = Cell::new(0);
        guard((), || {
            let data = core::ptr::from_ref(&runs).cast_mut().cast();
            // SAFETY: `count` takes such data.
            drop(unsafe { Finalizer::new(Some(count), data) });
            assert_eq!(runs.get(), 0);
        });
        assert_eq!(runs.get(), 1);
        guard((), || ());
        assert_eq!(runs.get(), 1);
    }

    #[test]
    fn finalizers_run_where_the_thread_has_no_list_any_more() {
        use core::sync::atomic::{AtomicU32, Ordering};
        static RUNS: AtomicU32 = AtomicU32::new(0);
        unsafe extern "C" fn count(_: *mut c_void) {
            RUNS.fetch_add(1, Ordering::SeqCst);
            // As the API does.
            guard((), || set_last_error("late"));
        }
        thread_local! {
            static EARLY: RefCell<Option<Finalizer>> = const { RefCell::new(None) };
        }
        let run = || {
            // SAFETY: `count` takes anything.
            let finalizer = || unsafe { Finalizer::new(Some(count), core::ptr::null_mut()) };
            // Its destructor runs before or after that of the list.
            EARLY.set(Some(finalizer()));
            guard((), || set_last_error("there is a list"));
            guard((), || drop(finalizer()));
            assert_eq!(RUNS.load(Ordering::SeqCst), 1);
        };
        std::thread::spawn(run).join().unwrap();
    }
}
