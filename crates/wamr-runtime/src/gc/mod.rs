//! The heap of structs, arrays and host values: a non-moving, marking collector.
//!
//! A reference is a 32-bit byte offset into a reserved range of addresses. Objects start at
//! multiples of 16, so that an odd number can stand for an `i31` and 0 for null. Objects,
//! globals, tables and handles are traced precisely; stacks are scanned for anything that looks
//! like a reference, so that no mode needs stack maps. Objects never move, hence a reference that
//! was only guessed costs memory and nothing else.
//!
//! `heap` hands out cells and sweeps, `mark` remembers what was reached, `layout` says where fields are; who is a root is the
//! store's business (`store/collect.rs`).

mod heap;
mod layout;
mod mark;

pub use heap::GcHeap;
pub(crate) use heap::Moved;
pub use layout::{FieldKind, FieldLayout, GcLayout, HEADER_BYTES};
pub(crate) use mark::{Marks, prefetch};

/// What every object starts with.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ObjectHeader {
    /// Canonical id of the object's type; [`HOST_VALUE`] for a host value.
    pub type_id: u32,
    /// How many elements an array has; which host value it is; 0 for structs.
    pub len: u32,
}

/// The type id of host values behind `externref`.
pub const HOST_VALUE: u32 = 0;

/// Makes the reference of an `i31` from the low 31 bits of a number.
pub const fn i31_new(value: u32) -> u32 {
    value << 1 | 1
}

/// Whether a reference is an `i31`.
pub const fn is_i31(reference: u32) -> bool {
    reference & 1 != 0
}

/// The number in an `i31`, sign-extended.
pub const fn i31_get_s(reference: u32) -> u32 {
    (reference as i32 >> 1) as u32
}

/// The number in an `i31`, zero-extended.
pub const fn i31_get_u(reference: u32) -> u32 {
    reference >> 1
}
