//! The operations that an operator can become, by where its operands are. Translation chooses
//! from these tables, so that it is there once rather than for every operator.

use super::memory::{LoadOp, StoreOp};
use super::numeric::{BinaryOp, CompareOp, UnaryOp};
use super::{Acc, Class, Imm, OpInfo, Slot, SlotValue, Sum};
use crate::exec::control::Branch;
use crate::exec::gc::BranchCast;
use crate::exec::guard::{LoadGuarded, StoreGuarded};
use crate::exec::memory::{Load, LoadAny, Store, StoreAny};
use crate::exec::numeric::{Binary, Compare, Unary};

/// An operator with one operand.
pub(crate) struct UnaryForms {
    pub(crate) class: Class,
    /// The operator on bits of slots, if it has a result.
    pub(crate) eval: fn(u64) -> Option<u64>,
    pub(crate) slot: OpInfo,
    pub(crate) acc: OpInfo,
}

impl UnaryForms {
    pub(crate) const fn of<K: UnaryOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            eval: |a| Some(K::eval(K::Arg::from_slot(a)).ok()?.to_slot()),
            slot: OpInfo::defining::<Unary<K, Slot>>(),
            acc: OpInfo::defining::<Unary<K, Acc>>(),
        }
    }
}

/// An operator with two operands of one type.
pub(crate) struct BinaryForms {
    pub(crate) class: Class,
    /// Whether constants of the operands' type take two cells.
    pub(crate) is_wide: bool,
    /// Whether the result may be the address of an access.
    pub(crate) is_address: bool,
    /// The operator on bits of slots, if it has a result.
    pub(crate) eval: fn(u64, u64) -> Option<u64>,
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) acc_slot: OpInfo,
    pub(crate) acc_imm: OpInfo,
    /// The forms that a commutative operator needs no operations for.
    pub(crate) ordered: Option<OrderedForms>,
}

/// Forms of an operator that are not those of another order of its operands.
pub(crate) struct OrderedForms {
    pub(crate) slot_acc: OpInfo,
    pub(crate) imm_slot: OpInfo,
}

impl BinaryForms {
    pub(crate) const fn of<K: BinaryOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            is_wide: is_wide::<K::Arg>(),
            is_address: K::IS_ADDRESS,
            eval: |a, b| Some(K::eval(K::Arg::from_slot(a), K::Arg::from_slot(b)).ok()?.to_slot()),
            slot_slot: OpInfo::defining::<Binary<K, Slot, Slot>>(),
            slot_imm: OpInfo::defining::<Binary<K, Slot, Imm<K::Arg>>>(),
            acc_slot: OpInfo::defining::<Binary<K, Acc, Slot>>(),
            acc_imm: OpInfo::defining::<Binary<K, Acc, Imm<K::Arg>>>(),
            ordered: if K::COMMUTATIVE {
                None
            } else {
                Some(OrderedForms {
                    slot_acc: OpInfo::defining::<Binary<K, Slot, Acc>>(),
                    imm_slot: OpInfo::defining::<Binary<K, Imm<K::Arg>, Slot>>(),
                })
            },
        }
    }
}

/// A comparison.
pub(crate) struct CompareForms {
    pub(crate) class: Class,
    pub(crate) is_wide: bool,
    /// The comparison of bits of slots.
    pub(crate) eval: fn(u64, u64) -> bool,
    /// The comparison for exchanged operands.
    pub(crate) swapped: fn() -> &'static Self,
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) acc_slot: OpInfo,
    pub(crate) acc_imm: OpInfo,
    pub(crate) test: Test,
}

impl CompareForms {
    pub(crate) const fn of<K: CompareOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            is_wide: is_wide::<K::Arg>(),
            eval: |a, b| K::eval(K::Arg::from_slot(a), K::Arg::from_slot(b)),
            swapped: || const { &Self::of::<K::Swapped>() },
            slot_slot: OpInfo::defining::<Compare<K, Slot, Slot>>(),
            slot_imm: OpInfo::defining::<Compare<K, Slot, Imm<K::Arg>>>(),
            acc_slot: OpInfo::defining::<Compare<K, Acc, Slot>>(),
            acc_imm: OpInfo::defining::<Compare<K, Acc, Imm<K::Arg>>>(),
            test: Test::of::<K>(),
        }
    }
}

/// What a branch can be taken on: something that holds or does not.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    /// Branches that are taken if it holds.
    pub(crate) holds: &'static BranchForms,
    /// Branches that are taken if it does not.
    pub(crate) fails: &'static BranchForms,
}

impl Test {
    pub(crate) const fn of<K: CompareOp>() -> Self {
        Self {
            holds: const { &BranchForms::of::<K>() },
            fails: const { &BranchForms::of::<K::Negated>() },
        }
    }

    /// Whether a reference is of a type, which is the second operand.
    pub(crate) const CAST: Self =
        Self { holds: &BranchForms::of_cast::<true>(), fails: &BranchForms::of_cast::<false>() };

    pub(crate) const fn negated(self) -> Self {
        Self { holds: self.fails, fails: self.holds }
    }
}

/// Branches on a comparison: forwards, and back.
pub(crate) struct BranchForms {
    pub(crate) class: Class,
    pub(crate) is_wide: bool,
    pub(crate) slot_imm: [OpInfo; 2],
    pub(crate) others: Option<OtherBranchForms>,
}

/// Branches on what is more than a slot and a constant.
pub(crate) struct OtherBranchForms {
    pub(crate) slot_slot: [OpInfo; 2],
    pub(crate) acc_slot: [OpInfo; 2],
    pub(crate) acc_imm: [OpInfo; 2],
}

impl BranchForms {
    const fn of<K: CompareOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            is_wide: is_wide::<K::Arg>(),
            slot_imm: [
                OpInfo::of::<Branch<K, Slot, Imm<K::Arg>, false>>(),
                OpInfo::of::<Branch<K, Slot, Imm<K::Arg>, true>>(),
            ],
            others: Some(OtherBranchForms {
                slot_slot: [
                    OpInfo::of::<Branch<K, Slot, Slot, false>>(),
                    OpInfo::of::<Branch<K, Slot, Slot, true>>(),
                ],
                acc_slot: [
                    OpInfo::of::<Branch<K, Acc, Slot, false>>(),
                    OpInfo::of::<Branch<K, Acc, Slot, true>>(),
                ],
                acc_imm: [
                    OpInfo::of::<Branch<K, Acc, Imm<K::Arg>, false>>(),
                    OpInfo::of::<Branch<K, Acc, Imm<K::Arg>, true>>(),
                ],
            }),
        }
    }

    const fn of_cast<const SENSE: bool>() -> Self {
        Self {
            class: Class::Int,
            is_wide: true,
            slot_imm: [
                OpInfo::of::<BranchCast<SENSE, false>>(),
                OpInfo::of::<BranchCast<SENSE, true>>(),
            ],
            others: None,
        }
    }
}

/// A load, by where its address is.
pub(crate) struct LoadForms {
    pub(crate) plain: AddressForms,
    pub(crate) guarded: AddressForms,
    pub(crate) any: OpInfo,
}

/// Forms of an access by its address.
pub(crate) struct AddressForms {
    pub(crate) slot: OpInfo,
    pub(crate) imm: OpInfo,
    pub(crate) acc: OpInfo,
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) acc_slot: OpInfo,
    pub(crate) acc_imm: OpInfo,
}

/// The forms of a load of one kind of memory.
macro_rules! address_forms {
    ($Load:ident<$K:ident>) => {
        AddressForms {
            slot: OpInfo::defining::<$Load<$K, Slot>>(),
            imm: OpInfo::defining::<$Load<$K, Imm<u32>>>(),
            acc: OpInfo::defining::<$Load<$K, Acc>>(),
            slot_slot: OpInfo::defining::<$Load<$K, Sum<Slot, Slot>>>(),
            slot_imm: OpInfo::defining::<$Load<$K, Sum<Slot, Imm<u32>>>>(),
            acc_slot: OpInfo::defining::<$Load<$K, Sum<Acc, Slot>>>(),
            acc_imm: OpInfo::defining::<$Load<$K, Sum<Acc, Imm<u32>>>>(),
        }
    };
}

impl LoadForms {
    pub(crate) const fn of<K: LoadOp>() -> Self {
        Self {
            plain: address_forms!(Load<K>),
            guarded: address_forms!(LoadGuarded<K>),
            any: OpInfo::of::<LoadAny<K>>(),
        }
    }
}

/// A store, by where its address and its value are.
pub(crate) struct StoreForms {
    /// The class of the value.
    pub(crate) class: Class,
    pub(crate) is_wide: bool,
    pub(crate) plain: [ValueForms; 3],
    pub(crate) guarded: [ValueForms; 3],
    pub(crate) any: OpInfo,
}

/// Forms of a store by its value.
pub(crate) struct ValueForms {
    pub(crate) slot: OpInfo,
    pub(crate) imm: OpInfo,
    pub(crate) acc: OpInfo,
}

/// The forms of a store to one kind of memory, to an address in a slot, a constant one, and one
/// in the accumulator.
macro_rules! value_forms {
    ($Store:ident<$K:ident>) => {
        [value_forms!($Store<$K> Slot), value_forms!($Store<$K> Imm<u32>), value_forms!($Store<$K> Acc)]
    };
    ($Store:ident<$K:ident> $At:ty) => {
        ValueForms {
            slot: OpInfo::of::<$Store<$K, $At, Slot>>(),
            imm: OpInfo::of::<$Store<$K, $At, Imm<$K::Arg>>>(),
            acc: OpInfo::of::<$Store<$K, $At, Acc>>(),
        }
    };
}

impl StoreForms {
    pub(crate) const fn of<K: StoreOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            is_wide: is_wide::<K::Arg>(),
            plain: value_forms!(Store<K>),
            guarded: value_forms!(StoreGuarded<K>),
            any: OpInfo::of::<StoreAny<K>>(),
        }
    }
}

/// Whether constants of a type take two cells.
const fn is_wide<T>() -> bool {
    size_of::<T>() == 8
}
