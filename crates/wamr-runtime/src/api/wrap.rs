//! Rust closures as host functions.

use std::sync::Arc;

use wamr_types::FuncType;

use super::{WasmRet, WasmTy};
use crate::entity::HostCall;
use crate::error::Error;
use crate::store::{Caller, StoreCore};
use crate::vm::VmContext;

/// A closure that can be a host function in a store of data `T`: typed parameters (perhaps a
/// [`Caller`] before them), typed results (perhaps in a `Result`).
///
/// `P` and `R` stand for parameters and results; the compiler infers them.
pub trait IntoFunc<T, P, R>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_func(self) -> (FuncType, Arc<HostCall>);
}

macro_rules! closures {
    ($(($($name:ident)*))*) => {$(
        #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments)]
        impl<T: 'static, F, $($name: WasmTy,)* R: WasmRet> IntoFunc<T, ($($name,)*), R> for F
        where
            F: Fn($($name),*) -> R + Send + Sync + 'static,
        {
            fn into_func(self) -> (FuncType, Arc<HostCall>) {
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
            fn into_func(self) -> (FuncType, Arc<HostCall>) {
                let ty = FuncType::new([$($name::TY),*], R::types());
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
                        let returned = self(Caller::new(core, context), $($name),*);
                        returned.store(&mut *core, results)
                    }
                };
                (ty, Arc::new(call))
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
