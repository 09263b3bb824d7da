//! Stores as C sees them: shared by all handles to what is in them, and entered again by callbacks.
//!
//! A [`Store`] of the runtime has one owner and is borrowed mutably by whoever uses it. In C, any
//! handle leads to its store, at any time: a host function that wasm calls may call wasm again, read
//! a memory, or delete the last handle to the store itself. [`StoreCell`] stands between the two:
//!
//! * It is held by an `Arc` in every handle, so that the store lives as long as any of them.
//!   Whoever enters it holds a clone of its own for that time, because what runs inside may
//!   delete the handle that led here.
//! * [`StoreCell::with`] lends the store to a closure. Whoever has it borrowed has it alone: another
//!   `with` inside of that is refused (`Busy::Borrowed`), and so no two borrows ever overlap.
//! * While a host function runs, the borrow that entered wasm is suspended, and the runtime has made
//!   a new one for the host function, its [`Caller`]. [`StoreCell::lend`] puts that one into the
//!   cell for the time of the callback, so that `with` works again, from that borrow. When the
//!   callback returns, the state before comes back. The borrows form a stack, and only the topmost
//!   one is ever used, which is what Rust demands of reborrows.
//! * One thread at a time is inside of a cell, from its outermost `with` on. Others are refused
//!   (`Busy::OtherThread`) and don't wait: the C APIs say that a store belongs to one thread at a
//!   time, so that this is wrong use.
//!
//! What must not be kept across a call into wasm are addresses of Rust references into the store:
//! closures of `with` return values, handles and raw pointers only. Pointers to a memory's bytes that
//! C gets are as good as the headers say: until the memory grows.
//!
//! Nothing inside of a store may hold its cell strongly, or it would never go: host functions take
//! a `Weak`, and upgrade it when they are called.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use wamr::{AsContextMut, Caller, Store, StoreContextMut};

/// Why a store cannot be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Another thread is in it.
    OtherThread,
    /// It is being used further out on this thread, and no callback has been lent it.
    Borrowed,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherThread => "another thread is using the store",
            Self::Borrowed => "the store is in the middle of something",
        })
    }
}

impl std::error::Error for Busy {}

/// Where the next borrow comes from.
enum Access<T: 'static> {
    /// From the store itself.
    Owner,
    /// From the host function that is running.
    Caller(*mut Caller<'static, T>),
    /// From nowhere: somebody has it.
    Borrowed,
}

impl<T> Clone for Access<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Access<T> {}

/// A store that is reached through many handles; see the module.
pub(crate) struct StoreCell<T: 'static> {
    /// The thread that is inside; 0 for none.
    user: AtomicUsize,
    /// Belongs to `user`.
    access: Cell<Access<T>>,
    /// Borrowed where `access` was `Owner`.
    store: UnsafeCell<Store<T>>,
}

// SAFETY: a store may go to other threads if its data may, and nothing else in here is tied to one.
unsafe impl<T: Send> Send for StoreCell<T> {}
// SAFETY: `access` and `store` are touched by the thread in `user` alone, which is handed on with
// acquire and release.
unsafe impl<T: Send> Sync for StoreCell<T> {}

impl<T: 'static> fmt::Debug for StoreCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreCell")
    }
}

/// A number for this thread that no other living thread has.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| core::ptr::from_ref(here) as usize)
}

/// Puts the cell back into the state before.
struct Restore<'a, T: 'static> {
    cell: &'a StoreCell<T>,
    access: Access<T>,
    leave: bool,
}

impl<T: 'static> Drop for Restore<'_, T> {
    fn drop(&mut self) {
        self.cell.access.set(self.access);
        if self.leave {
            self.cell.user.store(0, Ordering::Release);
        }
    }
}

impl<T: 'static> StoreCell<T> {
    pub(crate) fn new(store: Store<T>) -> Self {
        Self {
            user: AtomicUsize::new(0),
            access: Cell::new(Access::Owner),
            store: UnsafeCell::new(store),
        }
    }

    /// Lends the store to a closure.
    ///
    /// # Errors
    /// If another thread is in the store, or somebody further out has borrowed it.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        body: impl FnOnce(StoreContextMut<'_, T>) -> R,
    ) -> Result<R, Busy> {
        let me = this_thread();
        let entered = self.user.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed);
        let leave = match entered {
            Ok(_) => true,
            Err(user) if user == me => false,
            Err(_) => return Err(Busy::OtherThread),
        };
        let access = self.access.replace(Access::Borrowed);
        let _restore = Restore { cell: self, access, leave };
        match access {
            // SAFETY: this thread is the only one inside, and nobody else has borrowed the store,
            // as `access` says.
            Access::Owner => Ok(body(unsafe { &mut *self.store.get() }.as_context_mut())),
            // SAFETY: as above, and the caller lives until `lend` returns, which puts another
            // state here.
            Access::Caller(caller) => Ok(body(unsafe { &mut *caller }.as_context_mut())),
            Access::Borrowed => Err(Busy::Borrowed),
        }
    }

    /// Lends the borrow of a host function of this store to what `body` calls.
    pub(crate) fn lend<R>(&self, caller: &mut Caller<'_, T>, body: impl FnOnce() -> R) -> R {
        if self.user.load(Ordering::Relaxed) != this_thread() {
            // Wasm was not entered through this cell.
            return body();
        }
        let caller = core::ptr::from_mut(caller).cast::<Caller<'static, T>>();
        let access = self.access.replace(Access::Caller(caller));
        let _restore = Restore { cell: self, access, leave: false };
        body()
    }

    /// The store, from its only owner.
    pub(crate) fn into_inner(self) -> Store<T> {
        self.store.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use wamr::{Engine, Func};

    use super::*;

    type Cell = StoreCell<Weak<()>>;

    fn cell() -> Arc<Cell> {
        Arc::new(StoreCell::new(Store::new(&Engine::default(), Weak::new())))
    }

    #[test]
    fn borrows_do_not_overlap() {
        let cell = cell();
        let inner = cell.with(|_| cell.with(|_| ()));
        assert_eq!(inner, Ok(Err(Busy::Borrowed)));
        assert_eq!(cell.with(|_| ()), Ok(()));
    }

    #[test]
    fn one_thread_at_a_time() {
        let cell = cell();
        let other = cell.clone();
        let inner = cell.with(|_| std::thread::spawn(move || other.with(|_| ())).join().unwrap());
        assert_eq!(inner, Ok(Err(Busy::OtherThread)));
        let other = cell.clone();
        assert_eq!(std::thread::spawn(move || other.with(|_| ())).join().unwrap(), Ok(()));
    }

    #[test]
    fn host_functions_lend_what_they_have() {
        let cell = cell();
        let weak = Arc::downgrade(&cell);
        let inner = cell.with(|mut store| Func::wrap(&mut store, || 5)).unwrap();
        let outer = cell
            .with(|mut store| {
                Func::wrap(&mut store, move |mut caller: Caller<'_, Weak<()>>| -> i32 {
                    let cell = weak.upgrade().unwrap();
                    assert_eq!(cell.with(|_| ()), Err(Busy::Borrowed));
                    cell.lend(&mut caller, || {
                        let call = |mut store: StoreContextMut<'_, _>| {
                            inner
                                .typed::<(), i32>(&mut store)
                                .unwrap()
                                .call(&mut store, ())
                                .unwrap()
                        };
                        cell.with(call).unwrap() + cell.with(call).unwrap()
                    })
                })
            })
            .unwrap();
        let result = cell.with(|mut store| {
            outer.typed::<(), i32>(&mut store).unwrap().call(&mut store, ()).unwrap()
        });
        assert_eq!(result, Ok(10));
        assert_eq!(cell.with(|_| ()), Ok(()));
    }
}
