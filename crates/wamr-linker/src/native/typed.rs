//! Natives from closures with typed parameters: the types spell the signature.

use core::slice;
use std::sync::Arc;

use wamr_runtime::{Error, ExternRef, Val};

use super::{Body, GuestBuf, NativeArg, NativeEnv};

/// A pointer into the caller's memory: `*`. One byte there is known to lie in the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestPtr(
    /// The address.
    pub u64,
);

/// A string in the caller's memory: `$`, without its NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestStr(
    /// Where it is.
    pub GuestBuf,
);

impl GuestStr {
    /// The bytes.
    ///
    /// # Errors
    /// If the memory is shared with other threads.
    pub fn bytes<'e, T: 'static>(self, env: &'e mut NativeEnv<'_, T>) -> Result<&'e [u8], Error> {
        Ok(env.slice(self.0)?)
    }

    /// The text, with what is not UTF-8 replaced.
    ///
    /// # Errors
    /// None, as long as the native that got the string has not returned.
    pub fn to_text<T: 'static>(self, env: &mut NativeEnv<'_, T>) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&env.read(self.0)?).into_owned())
    }
}

/// A type that a parameter of a native may have.
pub trait NativeParam: Sized {
    /// Its letters in the signature.
    const LETTERS: &'static str;

    /// Takes as many arguments as there are letters; `None` if they are others.
    fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self>;
}

/// A type that the result of a native may have.
pub trait NativeResult {
    /// Its letter in the signature.
    const LETTER: &'static str;

    /// The value.
    ///
    /// # Errors
    /// The native's own.
    fn into_val(self) -> Result<Option<Val>, Error>;
}

macro_rules! numbers {
    ($($ty:ty, $letter:literal, $variant:ident, $from:ident => $to:expr;)*) => {$(
        impl NativeParam for $ty {
            const LETTERS: &'static str = $letter;

            fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self> {
                match args.next()? {
                    NativeArg::$variant(value) => Some(*value as $ty),
                    _ => None,
                }
            }
        }

        impl NativeResult for $ty {
            const LETTER: &'static str = $letter;

            fn into_val(self) -> Result<Option<Val>, Error> {
                let $from = self;
                Ok(Some($to))
            }
        }
    )*};
}

numbers! {
    i32, "i", I32, value => Val::I32(value);
    u32, "i", I32, value => Val::I32(value as i32);
    i64, "I", I64, value => Val::I64(value);
    u64, "I", I64, value => Val::I64(value as i64);
    f32, "f", F32, value => Val::from(value);
    f64, "F", F64, value => Val::from(value);
}

impl NativeParam for Option<ExternRef> {
    const LETTERS: &'static str = "r";

    fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self> {
        match args.next()? {
            NativeArg::Ref(Val::ExternRef(value)) => Some(value.clone()),
            _ => None,
        }
    }
}

impl NativeResult for Option<ExternRef> {
    const LETTER: &'static str = "r";

    fn into_val(self) -> Result<Option<Val>, Error> {
        Ok(Some(Val::ExternRef(self)))
    }
}

impl NativeParam for GuestPtr {
    const LETTERS: &'static str = "*";

    fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self> {
        match args.next()? {
            NativeArg::Pointer(range) => Some(Self(range.address)),
            _ => None,
        }
    }
}

/// A pointer and the length behind it: `*~`.
impl NativeParam for GuestBuf {
    const LETTERS: &'static str = "*~";

    fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self> {
        match (args.next()?, args.next()?) {
            (NativeArg::Pointer(range), NativeArg::Length(_)) => Some(*range),
            _ => None,
        }
    }
}

impl NativeParam for GuestStr {
    const LETTERS: &'static str = "$";

    fn take(args: &mut slice::Iter<'_, NativeArg>) -> Option<Self> {
        match args.next()? {
            NativeArg::String(range) => Some(Self(*range)),
            _ => None,
        }
    }
}

impl NativeResult for () {
    const LETTER: &'static str = "";

    fn into_val(self) -> Result<Option<Val>, Error> {
        Ok(None)
    }
}

impl<R: NativeResult> NativeResult for Result<R, Error> {
    const LETTER: &'static str = R::LETTER;

    fn into_val(self) -> Result<Option<Val>, Error> {
        self?.into_val()
    }
}

/// A closure that can be a native: typed parameters (perhaps a `&mut NativeEnv` before them), and
/// a typed result (perhaps in a `Result`).
///
/// `P` and `R` stand for parameters and result; the compiler infers them.
pub trait IntoNative<T: 'static, P, R>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_native(self) -> (String, Body<T>);
}

/// Marks closures that take the environment.
#[derive(Debug)]
pub struct WithEnv;

macro_rules! closures {
    ($(($($name:ident)*))*) => {$(
        #[allow(non_snake_case, unused_variables, unused_mut)]
        impl<T: 'static, F, $($name: NativeParam,)* R: NativeResult>
            IntoNative<T, (WithEnv, $($name,)*), R> for F
        where
            F: Fn(&mut NativeEnv<'_, T>, $($name),*) -> R + Send + Sync + 'static,
        {
            fn into_native(self) -> (String, Body<T>) {
                let letters: &[&str] = &[$($name::LETTERS),*];
                let signature = format!("({}){}", letters.concat(), R::LETTER);
                let body = move |env: &mut NativeEnv<'_, T>, args: &[NativeArg]| {
                    let mut args = args.iter();
                    $(let $name = $name::take(&mut args).ok_or_else(other_type)?;)*
                    self(env, $($name),*).into_val()
                };
                (signature, Arc::new(body))
            }
        }

        #[allow(non_snake_case, unused_variables, unused_mut)]
        impl<T: 'static, F, $($name: NativeParam,)* R: NativeResult>
            IntoNative<T, ($($name,)*), R> for F
        where
            F: Fn($($name),*) -> R + Send + Sync + 'static,
        {
            fn into_native(self) -> (String, Body<T>) {
                let closure =
                    move |_: &mut NativeEnv<'_, T>, $($name: $name),*| self($($name),*);
                IntoNative::<T, (WithEnv, $($name,)*), R>::into_native(closure)
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
}

/// A signature says `r` for references of every kind; the closure wants another one.
fn other_type() -> Error {
    Error::msg("a native got a reference of another kind than it takes")
}
