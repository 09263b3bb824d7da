//! Services for objects: structs, arrays, casts.
//!
//! Whoever calls one that makes an object must have set [`crate::vm::VmStore::interp_top`] beyond
//! every interpreted frame, so that a collection finds the references in them. Values are passed
//! as slots.

use wamr_types::{RefType, TrapCode, TypeId};

use super::fuel::charge_elements;
use super::{core, instance};
use crate::vm::VmContext;

/// `struct.new` with the values of the fields in `values`, or `struct.new_default` where that is
/// null.
pub unsafe fn struct_new(
    ctx: *mut VmContext,
    ty: TypeId,
    values: *const u64,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says; `values` holds a value for every field.
    unsafe { core(ctx).struct_new(ty, values) }
}

/// `array.new` with the value in `value`, or `array.new_default` where that is null.
pub unsafe fn array_new(
    ctx: *mut VmContext,
    ty: TypeId,
    value: *const u64,
    len: u32,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says; `value` holds an element.
    unsafe { core(ctx).array_new(ty, value, len) }
}

/// `array.new_fixed` with the elements in `values`.
pub unsafe fn array_new_fixed(
    ctx: *mut VmContext,
    ty: TypeId,
    values: *const u64,
    len: u32,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says; `values` holds all elements.
    unsafe { core(ctx).array_new_fixed(ty, values, len) }
}

/// `array.new_data`
pub unsafe fn array_new_data(
    ctx: *mut VmContext,
    ty: TypeId,
    data: u32,
    offset: u32,
    len: u32,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    unsafe { core(ctx).array_new_data(ty, instance(ctx).data(data), offset, len) }
}

/// `array.new_elem`
pub unsafe fn array_new_elem(
    ctx: *mut VmContext,
    ty: TypeId,
    element: u32,
    offset: u32,
    len: u32,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    let (core, instance) = unsafe { (core(ctx), instance(ctx)) };
    instance.check_items(element, offset, len)?;
    let array = core.new_array(ty, len)?;
    core.array_init_elem(array, 0, len, |i| instance.element_item(element, offset + i))?;
    Ok(array)
}

/// `array.init_data`
pub unsafe fn array_init_data(
    ctx: *mut VmContext,
    array: u32,
    index: u32,
    data: u32,
    offset: u32,
    len: u32,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    unsafe { core(ctx).array_init_data(array, index, instance(ctx).data(data), offset, len) }
}

/// `array.init_elem`
pub unsafe fn array_init_elem(
    ctx: *mut VmContext,
    array: u32,
    index: u32,
    element: u32,
    offset: u32,
    len: u32,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    let (core, instance) = unsafe { (core(ctx), instance(ctx)) };
    core.check_array(array, index, len)?;
    instance.check_items(element, offset, len)?;
    core.array_init_elem(array, index, len, |i| instance.element_item(element, offset + i))
}

/// A reference to an object, or an `i31` or null, is about to be overwritten in an object: to be
/// told while [`VmStore::gc_marking`] is not 0.
///
/// [`VmStore::gc_marking`]: crate::vm::VmStore::gc_marking
pub unsafe fn overwritten(ctx: *mut VmContext, reference: u32) {
    // SAFETY: as the module says.
    unsafe { core(ctx).overwritten(reference) };
}

/// `array.fill`; `array.set` for a count of 1.
pub unsafe fn array_fill(
    ctx: *mut VmContext,
    array: u32,
    index: u32,
    value: [u64; 2],
    len: u32,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    unsafe { core(ctx).array_fill(array, index, value, len) }
}

/// `array.get`, packed elements zero-extended.
pub unsafe fn array_get(ctx: *mut VmContext, array: u32, index: u32) -> Result<[u64; 2], TrapCode> {
    // SAFETY: as the module says.
    Ok(unsafe { core(ctx).array_get(array, index) }?.0)
}

/// `array.len`
pub unsafe fn array_len(ctx: *mut VmContext, array: u32) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { core(ctx).array_len(array) }
}

/// `array.copy`
pub unsafe fn array_copy(
    ctx: *mut VmContext,
    dst: u32,
    dst_index: u32,
    src: u32,
    src_index: u32,
    len: u32,
) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_elements(ctx, u64::from(len))? };
    // SAFETY: as the module says.
    unsafe { core(ctx).array_copy(dst, dst_index, src, src_index, len) }
}

/// `ref.test`, for a reference of the hierarchy that `ty` belongs to.
pub unsafe fn ref_test(ctx: *mut VmContext, value: u64, ty: RefType) -> bool {
    // SAFETY: as the module says.
    unsafe { core(ctx).ref_test(value, ty) }
}

/// Whether objects or functions whose type has the id `found` are of type `ty`.
pub unsafe fn is_subtype(ctx: *mut VmContext, found: u32, ty: TypeId) -> bool {
    // SAFETY: as the module says.
    unsafe { core(ctx).is_subtype(found, ty) }
}
