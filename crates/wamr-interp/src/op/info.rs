//! What translation and listings know of a type of operations, as data: code that handles it is
//! there once rather than for every type.

use super::{Class, Define, Op};
use crate::exec::dispatch::{Handlers, operand_cells};

/// What there is to know of a type of operations.
pub(crate) struct OpInfo {
    pub(crate) handlers: Handlers,
    /// The handlers of the same operation without the slot of its result, if it has such a form.
    pub(crate) quiet: Option<Handlers>,
    /// The accumulator that has the result too.
    pub(crate) result: Option<Class>,
    pub(crate) keeps_acc: bool,
    pub(crate) traps: bool,
    /// How many cells the operands take.
    pub(crate) cells: u8,
    name: Name,
}

impl OpInfo {
    pub(crate) const fn of<O: Op>() -> Self {
        let cells = operand_cells::<O>();
        assert!(cells <= u8::MAX as usize);
        Self {
            handlers: Handlers::of::<O>(),
            quiet: None,
            result: None,
            keeps_acc: O::KEEPS_ACC,
            traps: O::TRAPS,
            cells: cells as u8,
            name: O::NAME,
        }
    }

    /// Of an operation that leaves its result in an accumulator.
    pub(crate) const fn defining<O: Define>() -> Self {
        assert!(O::KEEPS_ACC);
        Self { quiet: O::QUIET, result: Some(O::RESULT), ..Self::of::<O>() }
    }

    /// Of an operation that leaves its result, which may be a vector, in the accumulator of a
    /// class too.
    pub(crate) const fn leaving<O: Op>(class: Class) -> Self {
        assert!(O::KEEPS_ACC);
        Self { result: Some(class), ..Self::of::<O>() }
    }

    /// The operation's name in listings.
    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// More bytes than any name has.
const NAME_BYTES: usize = 48;

/// A name that is put together when the interpreter is compiled.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    bytes: [u8; NAME_BYTES],
    len: u8,
}

impl Name {
    /// Joins the parts of a name.
    pub(crate) const fn of(parts: &[&str]) -> Self {
        let mut name = Self { bytes: [0; NAME_BYTES], len: 0 };
        let mut part = 0;
        while part < parts.len() {
            let bytes = parts[part].as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                name.bytes[name.len as usize] = bytes[at];
                name.len += 1;
                at += 1;
            }
            part += 1;
        }
        name
    }

    pub(crate) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len as usize).0) {
            Ok(name) => name,
            Err(_) => panic!("made of strings"),
        }
    }
}

/// A number below 16, for names.
pub(crate) const fn decimal(number: u8) -> &'static str {
    const NUMBERS: [&str; 16] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];
    NUMBERS[number as usize]
}

/// How many bits some bytes have, for names.
pub(crate) const fn bits(bytes: usize) -> &'static str {
    match bytes {
        1 => "8",
        2 => "16",
        4 => "32",
        8 => "64",
        _ => panic!("not the size of a number"),
    }
}
