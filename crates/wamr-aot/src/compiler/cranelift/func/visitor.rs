//! Connects wasmparser's operators to the compiler's methods of the same names.
//!
//! Operators of proposals that the backend supports need a method each, or this does not
//! compile. The others are refused.

use wasmparser::{VisitOperator, VisitSimdOperator};

use super::FuncCompiler;

/// Visits the operators of a body.
pub(super) struct Visitor<'c, 'a, 'f>(pub(super) &'c mut FuncCompiler<'a, 'f>);

macro_rules! visit {
    // `br_table` has its targets by value in the visitor, by reference in the compiler.
    (@mvp $this:ident visit_br_table $targets:ident) => {
        $this.0.visit_br_table(&$targets)
    };
    (@mvp $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@sign_extension $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@saturating_float_to_int $this:ident $visit:ident $($arg:ident)*) => {
        $this.0.$visit($($arg),*)
    };
    (@bulk_memory $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@reference_types $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@threads $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@exceptions $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@legacy_exceptions $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@function_references $this:ident $visit:ident $($arg:ident)*) => {
        $this.0.$visit($($arg),*)
    };
    (@gc $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@tail_call $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@wide_arithmetic $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@simd $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@relaxed_simd $this:ident $visit:ident $($arg:ident)*) => { $this.0.$visit($($arg),*) };
    (@$proposal:ident $this:ident $visit:ident $($arg:ident)*) => {{
        $(let _ = $arg;)*
        $this.0.unsupported = Some(stringify!($visit).trim_start_matches("visit_"));
    }};
}

macro_rules! define {
    ($(
        @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident
        ($($ann:tt)*)
    )*) => {$(
        fn $visit(&mut self $($(, $arg: $argty)*)?) {
            visit!(@$proposal self $visit $($($arg)*)?)
        }
    )*};
}

impl<'a> VisitOperator<'a> for Visitor<'_, '_, '_> {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define);
}

impl VisitSimdOperator<'_> for Visitor<'_, '_, '_> {
    wasmparser::for_each_visit_simd_operator!(define);
}
