//! Signature strings of natives: `(i*~$)F`.
//!
//! `i` `I` `f` `F` are numbers, `r` a reference, `*` a pointer into the caller's memory, `~` the
//! length in bytes of what the `*` before it points to, `$` a string that ends with a NUL. What
//! follows the parenthesis is the result. Pointers and lengths are `i32` or `i64`, as the memory
//! that they point into has it.

use core::fmt;
use core::str::FromStr;

use wamr_types::{FuncType, ValType};

/// What one letter of a signature stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    I32,
    I64,
    F32,
    F64,
    Ref,
    Pointer,
    Length,
    String,
}

impl Letter {
    fn read(letter: u8) -> Option<Self> {
        Some(match letter {
            b'i' => Self::I32,
            b'I' => Self::I64,
            b'f' => Self::F32,
            b'F' => Self::F64,
            b'r' => Self::Ref,
            b'*' => Self::Pointer,
            b'~' => Self::Length,
            b'$' => Self::String,
            _ => return None,
        })
    }

    /// Whether a parameter or result of a function may have this letter.
    fn fits(self, ty: ValType) -> bool {
        match self {
            Self::I32 => ty == ValType::I32,
            Self::I64 => ty == ValType::I64,
            Self::F32 => ty == ValType::F32,
            Self::F64 => ty == ValType::F64,
            Self::Ref => ty.as_ref_type().is_some(),
            Self::Pointer | Self::Length | Self::String => {
                matches!(ty, ValType::I32 | ValType::I64)
            }
        }
    }
}

/// A signature of a native, parsed from a string such as `(i*~$)F`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    text: Box<str>,
    params: Box<[Letter]>,
    result: Option<Letter>,
}

/// A string is not the signature of a native.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    text: Box<str>,
    what: &'static str,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a signature: {}", self.text, self.what)
    }
}

impl core::error::Error for SignatureError {}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let error = |what| SignatureError { text: text.into(), what };
        let inner = text.strip_prefix('(').ok_or_else(|| error("it does not begin with `(`"))?;
        let (params, result) = inner.split_once(')').ok_or_else(|| error("there is no `)`"))?;
        let letter =
            |byte| Letter::read(byte).ok_or_else(|| error("its letters are `i I f F r * ~ $`"));
        let params: Vec<Letter> = params.bytes().map(letter).collect::<Result<_, _>>()?;
        for (i, param) in params.iter().enumerate() {
            let before = i.checked_sub(1).map(|before| params[before]);
            if *param == Letter::Length && before != Some(Letter::Pointer) {
                return Err(error("a `~` belongs behind a `*`"));
            }
        }
        let result = match result.as_bytes() {
            [] => None,
            [one] => Some(letter(*one)?),
            _ => return Err(error("there is more than one result")),
        };
        if matches!(result, Some(Letter::Pointer | Letter::Length | Letter::String)) {
            return Err(error("a result is a number or a reference"));
        }
        Ok(Self { text: text.into(), params: params.into(), result })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Signature {
    /// Whether a function of this type may be called by the signature.
    pub fn fits(&self, ty: &FuncType) -> bool {
        let all = |letters: &[Letter], types: &[ValType]| {
            letters.len() == types.len()
                && letters.iter().zip(types).all(|(letter, ty)| letter.fits(*ty))
        };
        all(&self.params, ty.params()) && all(self.result.as_slice(), ty.results())
    }

    /// Whether all letters are numbers, with which nothing has to be done.
    pub fn is_numbers(&self) -> bool {
        let is_number = |letter: &Letter| {
            matches!(letter, Letter::I32 | Letter::I64 | Letter::F32 | Letter::F64)
        };
        self.params.iter().chain(self.result.as_slice()).all(is_number)
    }

    pub(super) fn params(&self) -> &[Letter] {
        &self.params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_and_fit_types() {
        let signature: Signature = "(iIfFr*~$)F".parse().unwrap();
        let mut params = vec![
            ValType::I32,
            ValType::I64,
            ValType::F32,
            ValType::F64,
            ValType::EXTERNREF,
            ValType::I32,
            ValType::I32,
            ValType::I32,
        ];
        let ty = |params: &[ValType]| FuncType::new(params.iter().copied(), [ValType::F64]);
        assert!(signature.fits(&ty(&params)));
        params[5] = ValType::I64;
        assert!(signature.fits(&ty(&params)));
        params[5] = ValType::F32;
        assert!(!signature.fits(&ty(&params)));
        assert!(!signature.fits(&ty(&params[1..])));
        assert_eq!(signature.to_string(), "(iIfFr*~$)F");
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for (text, what) in [
            ("", "does not begin"),
            ("i", "does not begin"),
            ("(i", "no `)`"),
            ("(x)", "its letters"),
            ("(i)ii", "more than one"),
            ("(~)", "behind a `*`"),
            ("(*~~)", "behind a `*`"),
            ("()*", "a result is"),
        ] {
            let error = text.parse::<Signature>().unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
