//! Charging for computation; what costs what stands in [`wamr_types::fuel`].

use wamr_types::TrapCode;
use wamr_types::fuel::{bulk_element_fuel, bulk_fuel};

use super::core;
use crate::vm::VmContext;

/// Takes fuel away, where running code has seen that there is too little, or does not look itself.
///
/// # Errors
/// [`TrapCode::OutOfFuel`] if the embedder does not give more either; nothing is taken then.
pub unsafe fn charge(ctx: *mut VmContext, units: u64) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    if unsafe { core(ctx).charge_fuel(units) } { Ok(()) } else { Err(TrapCode::OutOfFuel) }
}

/// Charges for the bytes of a bulk operation, if the engine counts fuel.
#[inline]
pub(super) unsafe fn charge_bytes(ctx: *mut VmContext, len: u64) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_counted(ctx, bulk_fuel(len)) }
}

/// Charges for the elements of a bulk operation, if the engine counts fuel.
#[inline]
pub(super) unsafe fn charge_elements(ctx: *mut VmContext, count: u64) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe { charge_counted(ctx, bulk_element_fuel(count)) }
}

#[inline]
unsafe fn charge_counted(ctx: *mut VmContext, units: u64) -> Result<(), TrapCode> {
    // SAFETY: as the module says.
    unsafe {
        let counts = units > 0 && core(ctx).engine().tunables().consume_fuel;
        if counts { charge(ctx, units) } else { Ok(()) }
    }
}
