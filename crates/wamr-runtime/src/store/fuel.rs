//! The store's fuel: how much there is, and who gives more.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{AsContext, AsContextMut, Caller, Store, StoreContextMut, StoreCore, StoreInner};
use crate::error::{Error, ErrorKind};

/// From a store and what is lacking to what is given.
pub(super) type Refill = dyn FnMut(*mut StoreCore, u64) -> u64 + Send + Sync;

impl StoreCore {
    /// # Errors
    /// If the engine does not count fuel.
    fn counts_fuel(&self) -> Result<(), Error> {
        let counts = self.engine.tunables().consume_fuel;
        if counts { Ok(()) } else { Err(Error::from_kind(ErrorKind::FuelDisabled)) }
    }

    /// Takes fuel away, after asking the embedder for more if it does not suffice; false, and
    /// nothing is taken, if it still does not.
    #[cold]
    pub(crate) fn charge_fuel(&mut self, units: u64) -> bool {
        loop {
            let left = self.vm.fuel.get();
            if let Some(left) = left.checked_sub(units) {
                self.vm.fuel.set(left);
                return true;
            }
            let given = self.ask_for_fuel(units - left);
            if given == 0 {
                return false;
            }
            self.vm.fuel.set(self.vm.fuel.get().saturating_add(given));
        }
    }

    fn ask_for_fuel(&mut self, lacking: u64) -> u64 {
        // The pointer that the store was made with, since the data lies behind the core.
        let this = self.vm.core.get();
        // It is not there while it runs, and so does not run inside itself.
        let Some(mut refill) = self.refill.take() else { return 0 };
        let given = catch_unwind(AssertUnwindSafe(|| refill(this, lacking)));
        self.refill = Some(refill);
        given.unwrap_or_else(|payload| {
            if self.depth == 0 {
                resume_unwind(payload);
            }
            // Wasm is running, and a panic must not unwind through it: it waits for the host that
            // called.
            self.defer_panic(payload);
            0
        })
    }
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// How much fuel is left. While wasm runs, the block of operators that calls is paid for.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        let store = self.as_context();
        store.core().counts_fuel()?;
        Ok(store.core().vm.fuel.get())
    }

    /// Sets how much fuel is left.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        let core = self.core();
        core.counts_fuel()?;
        core.vm.fuel.set(fuel);
        Ok(())
    }

    /// Takes fuel away for what a host function does, after asking for more if there is too
    /// little.
    ///
    /// # Errors
    /// The trap that ends wasm for lack of fuel, to be returned by the host function; nothing is
    /// taken then. Or if the engine does not count fuel.
    pub fn charge_fuel(&mut self, units: u64) -> Result<(), Error> {
        let core = self.core();
        core.counts_fuel()?;
        let paid = core.charge_fuel(units);
        if paid { Ok(()) } else { Err(wamr_types::TrapCode::OutOfFuel.into()) }
    }
}

impl<T: 'static> Store<T> {
    /// How much fuel is left; a new store has none. Joining another store adds nothing.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        let store = self.as_context();
        store.core().counts_fuel()?;
        Ok(store.core().vm.fuel.get())
    }

    /// Sets how much fuel is left.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Sets who is asked when fuel runs out: from the embedder's data, and how much is lacking for
    /// what comes next, to how much there is to be more. For 0 the computation traps; for too
    /// little it is asked again.
    pub fn refill_fuel(
        &mut self,
        mut refill: impl FnMut(&mut T, u64) -> u64 + Send + Sync + 'static,
    ) {
        let mut store = self.as_context_mut();
        store.core().refill = Some(Box::new(move |core, lacking| {
            // SAFETY: the store that this is installed in has data of type `T`, and nobody holds a
            // reference to that data while wasm runs on.
            let data = unsafe { &mut (*core.cast::<StoreInner<T>>()).data };
            refill(data, lacking)
        }));
    }
}

impl<T: 'static> Caller<'_, T> {
    /// How much fuel is left; the block of operators that calls is paid for.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        let store = self.as_context();
        store.core().counts_fuel()?;
        Ok(store.core().vm.fuel.get())
    }

    /// Sets how much fuel is left.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Takes fuel away for what the host function does; see [`StoreContextMut::charge_fuel`].
    ///
    /// # Errors
    /// The trap that ends wasm for lack of fuel, to be returned by the host function; or if the
    /// engine does not count fuel.
    pub fn charge_fuel(&mut self, units: u64) -> Result<(), Error> {
        self.as_context_mut().charge_fuel(units)
    }
}
