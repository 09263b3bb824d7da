//! Why execution stopped: one row for each trap, with its code and the specification's words.

use core::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $message:literal;)*) => {
        /// Why a WebAssembly computation trapped.
        ///
        /// The numbers are part of the contract with compiled code and never change meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum TrapCode {
            $($(#[$doc])* $variant = $code,)*
        }

        impl TrapCode {
            /// Every code.
            pub const ALL: &'static [TrapCode] = &[$(TrapCode::$variant),*];

            /// The code of a number, if one has it.
            pub const fn from_raw(raw: u8) -> Option<Self> {
                match raw { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The specification's message where it has one.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

traps! {
    /// An `unreachable` was executed.
    Unreachable = 1, "unreachable";
    /// A load, store or bulk operation left its memory.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// A table access left its table.
    TableOutOfBounds = 3, "out of bounds table access";
    /// `call_indirect` on an index that its table lacks.
    UndefinedElement = 4, "undefined element";
    /// `call_indirect` on a null element.
    UninitializedElement = 5, "uninitialized element";
    /// `call_indirect` on a function of another type.
    IndirectCallTypeMismatch = 6, "indirect call type mismatch";
    /// Division or remainder by zero.
    IntegerDivideByZero = 7, "integer divide by zero";
    /// A result that its integer type cannot hold.
    IntegerOverflow = 8, "integer overflow";
    /// A conversion of a NaN to an integer.
    InvalidConversionToInteger = 9, "invalid conversion to integer";
    /// The stack of frames is full.
    StackOverflow = 10, "call stack exhausted";
    /// Somebody asked the computation to stop.
    Interrupted = 11, "interrupted";
    /// The fuel given is used up.
    OutOfFuel = 12, "all fuel consumed";
    /// `call_ref` on null.
    NullFunctionReference = 13, "null function reference";
    /// `ref.as_non_null` on null.
    NullReference = 14, "null reference";
    /// `struct.get` or `struct.set` on null.
    NullStructureReference = 15, "null structure reference";
    /// An array operation on null.
    NullArrayReference = 16, "null array reference";
    /// `i31.get_s` or `i31.get_u` on null.
    NullI31Reference = 17, "null i31 reference";
    /// An array index beyond the array's length.
    ArrayOutOfBounds = 18, "out of bounds array access";
    /// A cast to a type that the value does not have.
    CastFailure = 19, "cast failure";
    /// An atomic access at an address that is not a multiple of its size.
    UnalignedAtomic = 20, "unaligned atomic";
    /// `memory.atomic.wait` on a memory that is not shared.
    ExpectedSharedMemory = 21, "expected shared memory";
    /// `throw_ref` on null.
    NullExceptionReference = 22, "null exception reference";
    /// The GC heap is full and nothing in it is garbage.
    GcHeapExhausted = 23, "GC heap exhausted";
    /// An exception reached the host.
    UncaughtException = 24, "uncaught exception";
    /// The host's memory for a table, memory or stack ran out.
    ResourceExhausted = 25, "resource exhausted";
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for TrapCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_way_through_a_number() {
        for &code in TrapCode::ALL {
            assert_eq!(TrapCode::from_raw(code as u8), Some(code));
        }
        assert_eq!(TrapCode::from_raw(0), None);
    }
}
