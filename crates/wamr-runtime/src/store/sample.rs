//! Sampling: where a store is, asked by another thread, told by the one that runs in it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::backtrace::{Backtrace, Frame};
use crate::store::{Store, StoreCore};

/// Who is told where a store is.
pub(super) type Sampler = dyn FnMut(&Backtrace) + Send + Sync;

impl StoreCore {
    /// Whether somebody wants to know where the store is, once.
    pub(crate) fn takes_sample(&self) -> bool {
        self.vm.takes_sample() && self.sampler.is_some()
    }

    /// Keeps a question open that was not answered.
    pub(crate) fn keep_asking(&self) {
        self.vm.keep_asking();
    }

    /// Tells where the store is, as far as the innermost activation goes.
    pub(crate) fn tell_sample(&mut self, frames: impl FnOnce(&mut dyn FnMut(Frame))) {
        let mut backtrace = Backtrace::default();
        frames(&mut |frame| backtrace.push(frame));
        let Some(sampler) = &mut self.sampler else { return };
        // Wasm is running, and a panic must not unwind through it: it waits for the host that
        // called.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| sampler(&backtrace))) {
            self.defer_panic(payload);
        }
    }
}

impl<T: 'static> Store<T> {
    /// Sets who is told where the store is whenever [`InterruptHandle::sample`] asks: the frames of
    /// its innermost activation, which are those since the host called last.
    ///
    /// [`InterruptHandle::sample`]: crate::InterruptHandle::sample
    pub fn sampler(&mut self, tell: impl FnMut(&Backtrace) + Send + Sync + 'static) {
        use crate::store::AsContextMut;
        self.as_context_mut().core().sampler = Some(Box::new(tell));
    }
}
