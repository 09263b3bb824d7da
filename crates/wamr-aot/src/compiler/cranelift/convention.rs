//! Where values travel in calls: [`wamr_runtime::compiled`] in Cranelift's words.

use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
use cranelift_codegen::isa::CallConv;
use wamr_runtime::vm::ValueClass;
use wamr_types::{FuncType, ValType};

/// How many integers and references travel in registers.
const INT_REGS: usize = 4;
/// How many floats and vectors travel in registers.
const FLOAT_REGS: usize = 8;

/// How many parameters come before those of the WebAssembly function: the callee's context and
/// the caller's.
pub(super) const CONTEXTS: usize = 2;

/// Where one value travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the next register of its class.
    Register,
    /// In the store's buffer, at this slot.
    Slot(usize),
}

/// The Cranelift type of a value.
pub(super) fn clif_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => types::I32,
        ValType::I64 | ValType::Ref(_) => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::V128 => types::I8X16,
    }
}

/// Where parameters travel.
pub(super) fn param_places(types: &[ValType]) -> impl Iterator<Item = (ValType, Place)> {
    let (mut slot, mut ints, mut floats) = (0, INT_REGS, FLOAT_REGS);
    types.iter().map(move |&ty| {
        let at = slot;
        slot += ty.slots();
        let left = if ValueClass::of(ty).is_int() { &mut ints } else { &mut floats };
        if *left == 0 {
            return (ty, Place::Slot(at));
        }
        *left -= 1;
        (ty, Place::Register)
    })
}

/// Where results travel.
pub(super) fn result_places(types: &[ValType]) -> impl Iterator<Item = (ValType, Place)> {
    let mut slot = 0;
    types.iter().map(move |&ty| {
        let at = slot;
        slot += ty.slots();
        (ty, if at == 0 { Place::Register } else { Place::Slot(at) })
    })
}

/// The signature of a WebAssembly function's code.
pub(super) fn signature(ty: &FuncType) -> Signature {
    let in_register = |(ty, place): (ValType, Place)| {
        (place == Place::Register).then(|| AbiParam::new(clif_type(ty)))
    };
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.extend([AbiParam::new(types::I64); CONTEXTS]);
    signature.params.extend(param_places(ty.params()).filter_map(in_register));
    signature.returns.extend(result_places(ty.results()).filter_map(in_register));
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_first_and_slots_at_their_own_number() {
        use Place::{Register, Slot};
        let types = [ValType::V128, ValType::I64, ValType::FUNCREF, ValType::I32, ValType::I32];
        let places: Vec<Place> =
            param_places(&[&types[..], &[ValType::I64]].concat()).map(|(_, at)| at).collect();
        assert_eq!(places, [Register, Register, Register, Register, Register, Slot(6)]);
        let places: Vec<Place> = result_places(&types).map(|(_, at)| at).collect();
        assert_eq!(places, [Register, Slot(2), Slot(3), Slot(4), Slot(5)]);
    }
}
