//! `wasm_export.h`: the API of WAMR's own embedders, which has no stores.
//!
//! * `handle`: what C holds are names in a table, never addresses.
//! * `group`: stores that come to be shared; where locks and re-entrancy are explained.
//! * `env`: execution environments, and the natives on a thread's stack.
//! * `runtime`, `alloc`: what is global.
//! * `module`, `types`: modules and what they tell about their imports and exports.
//! * `instance`, `instantiate`, `imports`, `world`, `wasi`, `context`: making instances and what belongs to them.
//! * `entity`, `memory`, `heap`, `shared_heap`: functions, memories, tables, globals and tags.
//! * `loading`, `no_loading`: modules that import from each other by name, or that this is left out.
//! * `call`, `value`, `native`, `sysv`: calls in both directions.
//! * `externref`, `gc`: references.
//! * `thread`, `report`, `aot`, `unsupported`: the rest.

/// Defines functions of the C API: a panic becomes the result type's "nothing".
macro_rules! c_api {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {
        $(
            $(#[$meta])*
            #[unsafe(no_mangle)]
            pub(crate) extern "C" fn $name($($arg: $ty),*) $(-> $result)? {
                $crate::export::guarded(move || $body)
            }
        )*
    };
}

/// What a C function gives when there is nothing to give.
pub(crate) trait Nothing {
    fn nothing() -> Self;
}

macro_rules! nothing {
    ($($ty:ty => $value:expr;)*) => {
        $(impl Nothing for $ty {
            fn nothing() -> Self {
                $value
            }
        })*
    };
}

nothing! {
    () => ();
    bool => false;
    u8 => 0;
    u32 => 0;
    i32 => -1;
    u64 => 0;
    usize => 0;
    f64 => 0.0;
}

impl<T> Nothing for *mut T {
    fn nothing() -> Self {
        std::ptr::null_mut()
    }
}

impl<T> Nothing for *const T {
    fn nothing() -> Self {
        std::ptr::null()
    }
}

/// Runs what a C function does; a panic becomes nothing. What was deferred meanwhile runs before
/// this returns.
pub(crate) fn guarded<R: Nothing>(body: impl FnOnce() -> R) -> R {
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or_else(|payload| {
            // A payload whose destructor panics must not cross either.
            std::mem::forget(payload);
            R::nothing()
        });
    crate::guard::run_deferred();
    result
}

mod alloc;
mod aot;
mod call;
mod clock;
mod context;
mod entity;
mod env;
mod externref;
mod gc;
mod group;
mod handle;
mod heap;
mod imports;
mod instance;
mod instantiate;
#[cfg(feature = "loading-linking")]
mod loading;
mod memory;
mod module;
mod native;
#[cfg(not(feature = "loading-linking"))]
mod no_loading;
mod report;
mod runtime;
mod shared_heap;
mod sysv;
mod text;
mod thread;
mod types;
mod unsupported;
mod value;
mod wasi;
mod world;
#[cfg(not(feature = "loading-linking"))]
use no_loading as loading;

#[cfg(test)]
mod tests;
