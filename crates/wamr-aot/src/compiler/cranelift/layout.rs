//! The fields that compiled code reads: offsets on the target, from the runtime's layouts.

/// The fields that code may read.
pub(super) use crate::artifact::Relied as Layout;

/// The size of a pointer in arrays.
pub(super) const POINTER_BYTES: i32 = 8;
/// The size of a value slot.
pub(super) const SLOT_BYTES: i32 = 8;
/// The size of an element of a table that does not hold functions.
pub(super) const REF_ELEMENT_BYTES: i64 = 8;
/// Where the header of an object has its type's id, and the length of an array.
pub(super) const OBJECT_TYPE: i32 =
    core::mem::offset_of!(wamr_runtime::gc::ObjectHeader, type_id) as i32;
/// As above.
pub(super) const OBJECT_LEN: i32 =
    core::mem::offset_of!(wamr_runtime::gc::ObjectHeader, len) as i32;
