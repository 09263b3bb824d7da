//! Rust closures as host functions.

use core::marker::PhantomData;
use std::sync::Arc;

use wamr_types::FuncType;

use super::{WasmRet, WasmTy};
use crate::compiled::direct::{self, Cursor, HostBody, Registers};
use crate::entity::{Direct, HostCall, run_host};
use crate::error::Error;
use crate::store::{Caller, StoreCore};
use crate::vm::{FuncRecord, VmContext};

/// A closure that can be a host function in a store of data `T`: typed parameters (perhaps a
/// [`Caller`] before them), typed results (perhaps in a `Result`).
///
/// `P` and `R` stand for parameters and results; the compiler infers them.
pub trait IntoFunc<T, P, R>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_func(self) -> (FuncType, Arc<HostCall>, Option<Direct>);
}

/// The body of a host function that is a closure of type `F`, for calls with values in registers.
struct Typed<F, T, P, R>(PhantomData<fn(F, T, P) -> R>);

macro_rules! closures {
    ($(($($name:ident)*))*) => {$(
        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments)]
        impl<T: 'static, F, $($name: WasmTy,)* R: WasmRet> IntoFunc<T, ($($name,)*), R> for F
        where
            F: Fn($($name),*) -> R + Send + Sync + 'static,
        {
            fn into_func(self) -> (FuncType, Arc<HostCall>, Option<Direct>) {
                let closure = move |_: Caller<'_, T>, $($name: $name),*| self($($name),*);
                IntoFunc::<T, (Caller<'_, T>, $($name,)*), R>::into_func(closure)
            }
        }

        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments)]
        impl<T: 'static, F, $($name: WasmTy,)* R: WasmRet>
            IntoFunc<T, (Caller<'_, T>, $($name,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
        {
            fn into_func(self) -> (FuncType, Arc<HostCall>, Option<Direct>) {
                let ty = FuncType::new([$($name::TY),*], R::types());
                let func = Arc::new(self);
                let direct = const { direct::fits(&[$($name::TY),*], R::TYPES) }
                    .then(|| Direct::new::<F, Typed<F, T, ($($name,)*), R>>(func.clone()));
                let call = move |
                    core: *mut StoreCore,
                    context: *mut VmContext,
                    args: *const u64,
                    results: *mut u64,
                | -> Result<(), Error> {
                    // SAFETY: the call protocol gives a live store of data `T`, and values and
                    // room as the type says. Arguments are read before results are written.
                    unsafe {
                        let mut at = args;
                        $(
                            let $name = $name::from_raw(&mut *core, *at);
                            at = at.add(1);
                        )*
                        let returned = func(Caller::new(core, context), $($name),*);
                        returned.store(&mut *core, results)
                    }
                };
                (ty, Arc::new(call), direct)
            }
        }

        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments)]
        impl<T: 'static, F, $($name: WasmTy,)* R: WasmRet> HostBody
            for Typed<F, T, ($($name,)*), R>
        where
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
        {
            const GIVES_FLOAT: bool = direct::has_floats(R::TYPES);

            #[inline(always)]
            unsafe fn run(
                record: *const FuncRecord,
                context: *mut VmContext,
                values: &Registers,
            ) -> Result<u64, ()> {
                // SAFETY: the call protocol gives a live store of data `T`, and values as the type
                // says; the function's closure is of the type that this was made for.
                unsafe {
                    run_host(record, context, |core, func: &F| {
                        let mut at = Cursor::default();
                        $(let $name = $name::from_raw(&mut *core, at.take(values, $name::TY));)*
                        let returned = func(Caller::new(core, context), $($name),*);
                        let mut slot = 0;
                        returned.store(&mut *core, &raw mut slot)?;
                        Ok(slot)
                    })
                }
            }
        }
    )*};
}

closures! {
    ()
    (A1)
    (A1 A2)
    (A1 A2 A3)
    (A1 A2 A3 A4)
    (A1 A2 A3 A4 A5)
    (A1 A2 A3 A4 A5 A6)
    (A1 A2 A3 A4 A5 A6 A7)
    (A1 A2 A3 A4 A5 A6 A7 A8)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15)
    (A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16)
}
