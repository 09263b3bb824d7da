//! The operations that an operator can become, by where its operands are. Translation chooses
//! from these tables, so that it is there once rather than for every operator.

use wamr_runtime::MemoryKind;

use super::memory::{LoadOp, StoreOp};
use super::numeric::{BinaryOp, CompareOp, UnaryOp};
use super::simd::{ShiftOp, VectorBinaryOp, VectorUnaryOp};
use super::{Acc, Class, Element, Imm, OpInfo, Scaled, Slot, SlotValue, StackValue, Sum};
use crate::exec::control::{Branch, StepBranch, StepOtherBranch, StepTwoBranch};
use crate::exec::gc::BranchCast;
use crate::exec::guard::{BinaryLoadedGuarded, BranchLoadedGuarded, LoadGuarded, StoreGuarded};
use crate::exec::memory::{BinaryLoaded, Load, LoadAny, Store, StoreAny};
use crate::exec::numeric::{Address, Binary, Compare, CompareSelect, Nested, Shifted, Unary};
use crate::exec::simd::{Shift, VectorBinary, VectorUnary};
use crate::exec::variable::Narrow;

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
    /// Whether it multiplies by a power of two.
    pub(crate) is_scale: bool,
    /// The operator on bits of slots, if it has a result.
    pub(crate) eval: fn(u64, u64) -> Option<u64>,
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) acc_slot: OpInfo,
    pub(crate) acc_imm: OpInfo,
    /// The forms that a commutative operator needs no operations for.
    pub(crate) ordered: Option<OrderedForms>,
    /// The shift of a slot by a constant that it is, for operators that take that over.
    pub(crate) shift: Option<ShiftKind>,
    /// Forms with a shift as the second operand, of the same type.
    pub(crate) shifted: Option<&'static ShiftedForms>,
    /// Forms with a load as the second operand.
    pub(crate) loaded: &'static [LoadedForms],
    /// What it is for operators of the same type that take it over.
    pub(crate) float: Option<FloatKind>,
    /// Forms with one of these as an operand.
    pub(crate) nested: Option<&'static [NestedForms; 3]>,
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
            is_scale: K::IS_SCALE,
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
            shift: K::SHIFT,
            shifted: K::SHIFTED,
            loaded: K::LOADED,
            float: K::FLOAT,
            nested: K::NESTED,
        }
    }
}

/// The address of an element, by where the index is.
pub(crate) struct ElementForms {
    pub(crate) slot: OpInfo,
    pub(crate) acc: OpInfo,
}

impl ElementForms {
    pub(crate) const ADDRESS: Self = Self {
        slot: OpInfo::defining::<Address<Element<Slot>>>(),
        acc: OpInfo::defining::<Address<Element<Acc>>>(),
    };
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
    /// Branches back on a sum that they compute.
    pub(crate) steps: Option<StepForms>,
    /// Choices between two values instead.
    pub(crate) selects: Option<SelectForms>,
    /// Branches on what they load.
    pub(crate) loaded: &'static [BranchLoadedForms],
    pub(crate) slot_imm: [OpInfo; 2],
    pub(crate) others: Option<OtherBranchForms>,
}

/// Branches on a sum, by how it comes about, and a slot or a constant.
pub(crate) struct StepForms {
    pub(crate) by_imm: EndForms,
    pub(crate) by_slot: EndForms,
    pub(crate) two: EndForms,
    /// The comparison is not of the sum.
    pub(crate) other: EndForms,
    /// Forwards, by a constant.
    pub(crate) forwards: EndForms,
}

/// Branches by where the second operand of the comparison is.
pub(crate) struct EndForms {
    pub(crate) slot: OpInfo,
    pub(crate) imm: OpInfo,
}

impl StepForms {
    pub(crate) const fn of<K: CompareOp<Arg = i32>>() -> Self {
        Self {
            by_imm: EndForms {
                slot: OpInfo::of::<StepBranch<K, Imm<i32>, Slot, true>>(),
                imm: OpInfo::of::<StepBranch<K, Imm<i32>, Imm<i32>, true>>(),
            },
            by_slot: EndForms {
                slot: OpInfo::of::<StepBranch<K, Slot, Slot, true>>(),
                imm: OpInfo::of::<StepBranch<K, Slot, Imm<i32>, true>>(),
            },
            other: EndForms {
                slot: OpInfo::of::<StepOtherBranch<K, Slot>>(),
                imm: OpInfo::of::<StepOtherBranch<K, Imm<i32>>>(),
            },
            forwards: EndForms {
                slot: OpInfo::of::<StepBranch<K, Imm<i32>, Slot, false>>(),
                imm: OpInfo::of::<StepBranch<K, Imm<i32>, Imm<i32>, false>>(),
            },
            two: EndForms {
                slot: OpInfo::of::<StepTwoBranch<K, Slot>>(),
                imm: OpInfo::of::<StepTwoBranch<K, Imm<i32>>>(),
            },
        }
    }
}

/// Choices on a comparison, by where its operands are.
pub(crate) struct SelectForms {
    pub(crate) slot_slot: ChosenForms,
    pub(crate) slot_imm: ChosenForms,
    pub(crate) acc_slot: ChosenForms,
    pub(crate) acc_imm: ChosenForms,
}

/// Choices by where the values are; a slot comes before a constant.
pub(crate) struct ChosenForms {
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) imm_imm: OpInfo,
}

/// The choices for one kind of operands.
macro_rules! chosen_forms {
    ($K:ident, $A:ty, $B:ty) => {
        ChosenForms {
            slot_slot: OpInfo::defining::<CompareSelect<$K, $A, $B, Slot, Slot>>(),
            slot_imm: OpInfo::defining::<CompareSelect<$K, $A, $B, Slot, Narrow>>(),
            imm_imm: OpInfo::defining::<CompareSelect<$K, $A, $B, Narrow, Narrow>>(),
        }
    };
}

impl SelectForms {
    pub(crate) const fn of<K: CompareOp<Arg = i32>>() -> Self {
        Self {
            slot_slot: chosen_forms!(K, Slot, Slot),
            slot_imm: chosen_forms!(K, Slot, Imm<i32>),
            acc_slot: chosen_forms!(K, Acc, Slot),
            acc_imm: chosen_forms!(K, Acc, Imm<i32>),
        }
    }
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
            steps: K::STEPS,
            selects: K::SELECTS,
            loaded: K::LOADED,
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
            steps: None,
            selects: None,
            loaded: &[],
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
    /// Whether operators take it over, as an operand.
    pub(crate) kind: Option<LoadKind>,
    pub(crate) plain: AddressForms,
    pub(crate) guarded: AddressForms,
    pub(crate) any: OpInfo,
}

/// Where the address of a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Slot,
    SlotSlot,
    SlotImm,
    Element,
    Scaled,
    Acc,
    AccSlot,
    AccImm,
    AccElement,
    AccScaled,
    Imm,
}

impl At {
    /// How many kinds there are with a slot, and with an accumulator.
    const KINDS: usize = 5;

    /// Whether the accumulator of integers is part of it.
    const fn is_acc(self) -> bool {
        matches!(
            self,
            Self::Acc | Self::AccSlot | Self::AccImm | Self::AccElement | Self::AccScaled
        )
    }
}

/// Forms of a load, by [`At`].
pub(crate) type AddressForms = [OpInfo; 11];

/// The forms of a load of one kind of memory.
macro_rules! address_forms {
    ($Load:ident<$K:ident>) => {
        [
            OpInfo::defining::<$Load<$K, Slot>>(),
            OpInfo::defining::<$Load<$K, Sum<Slot, Slot>>>(),
            OpInfo::defining::<$Load<$K, Sum<Slot, Imm<u32>>>>(),
            OpInfo::defining::<$Load<$K, Element<Slot>>>(),
            OpInfo::defining::<$Load<$K, Scaled<Slot>>>(),
            OpInfo::defining::<$Load<$K, Acc>>(),
            OpInfo::defining::<$Load<$K, Sum<Acc, Slot>>>(),
            OpInfo::defining::<$Load<$K, Sum<Acc, Imm<u32>>>>(),
            OpInfo::defining::<$Load<$K, Element<Acc>>>(),
            OpInfo::defining::<$Load<$K, Scaled<Acc>>>(),
            OpInfo::defining::<$Load<$K, Imm<u32>>>(),
        ]
    };
}

/// An operator whose second operand is loaded from a memory of one kind, by [`At`].
pub(crate) struct LoadedForms {
    pub(crate) load: LoadKind,
    pub(crate) memory: MemoryKind,
    /// Where the first operand is, and the address.
    slot_slot: [OpInfo; At::KINDS],
    slot_acc: [OpInfo; At::KINDS],
    acc_slot: [OpInfo; At::KINDS],
    /// Two accumulators, which floats and addresses have.
    acc_acc: Option<[OpInfo; At::KINDS]>,
}

/// A load that operators take an operand from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadKind {
    I32,
    I32Byte,
    I64,
    F32,
    F64,
}

/// Forms of an operator with an operand that is loaded.
macro_rules! loaded_forms {
    ($Loaded:ident<$K:ident, $L:ident>, $First:ty, $At:ty) => {
        [
            OpInfo::defining::<$Loaded<$K, $L, $First, $At>>(),
            OpInfo::defining::<$Loaded<$K, $L, $First, Sum<$At, Slot>>>(),
            OpInfo::defining::<$Loaded<$K, $L, $First, Sum<$At, Imm<u32>>>>(),
            OpInfo::defining::<$Loaded<$K, $L, $First, Element<$At>>>(),
            OpInfo::defining::<$Loaded<$K, $L, $First, Scaled<$At>>>(),
        ]
    };
}

impl LoadedForms {
    pub(crate) const fn of_guarded<K: BinaryOp, L: LoadOp>(load: LoadKind) -> Self {
        Self {
            load,
            memory: MemoryKind::Guarded,
            slot_slot: loaded_forms!(BinaryLoadedGuarded<K, L>, Slot, Slot),
            slot_acc: loaded_forms!(BinaryLoadedGuarded<K, L>, Slot, Acc),
            acc_slot: loaded_forms!(BinaryLoadedGuarded<K, L>, Acc, Slot),
            acc_acc: None,
        }
    }

    pub(crate) const fn of_guarded_floats<K: BinaryOp, L: LoadOp>(load: LoadKind) -> Self {
        Self {
            acc_acc: Some(loaded_forms!(BinaryLoadedGuarded<K, L>, Acc, Acc)),
            ..Self::of_guarded::<K, L>(load)
        }
    }

    pub(crate) const fn of_floats<K, L>(load: LoadKind) -> Self
    where
        K: BinaryOp,
        L: LoadOp<Res = K::Arg>,
    {
        Self {
            load,
            memory: MemoryKind::Checked,
            slot_slot: loaded_forms!(BinaryLoaded<K, L>, Slot, Slot),
            slot_acc: loaded_forms!(BinaryLoaded<K, L>, Slot, Acc),
            acc_slot: loaded_forms!(BinaryLoaded<K, L>, Acc, Slot),
            acc_acc: Some(loaded_forms!(BinaryLoaded<K, L>, Acc, Acc)),
        }
    }

    /// The form for a first operand that is in the accumulator or in a slot.
    pub(crate) fn form(&self, is_acc: bool, at: At) -> Option<&OpInfo> {
        let forms = match (is_acc, at.is_acc()) {
            (false, false) => Some(&self.slot_slot),
            (false, true) => Some(&self.slot_acc),
            (true, false) => Some(&self.acc_slot),
            (true, true) => self.acc_acc.as_ref(),
        };
        forms.filter(|_| at != At::Imm).map(|forms| &forms[at as usize % At::KINDS])
    }
}

/// A branch on a comparison of what is loaded from a guarded memory: forwards, and back.
pub(crate) struct BranchLoadedForms {
    pub(crate) load: LoadKind,
    /// Where the address is, and the second operand.
    slot_slot: [[OpInfo; At::KINDS]; 2],
    slot_imm: [[OpInfo; At::KINDS]; 2],
    acc_slot: [[OpInfo; At::KINDS]; 2],
    acc_imm: [[OpInfo; At::KINDS]; 2],
}

/// Forms of a branch on what is loaded.
macro_rules! branch_loaded_forms {
    ($K:ident, $L:ident, $At:ty, $B:ty) => {
        [branch_loaded_forms!($K, $L, $At, $B, false), branch_loaded_forms!($K, $L, $At, $B, true)]
    };
    ($K:ident, $L:ident, $At:ty, $B:ty, $back:literal) => {
        [
            OpInfo::of::<BranchLoadedGuarded<$K, $L, $At, $B, $back>>(),
            OpInfo::of::<BranchLoadedGuarded<$K, $L, Sum<$At, Slot>, $B, $back>>(),
            OpInfo::of::<BranchLoadedGuarded<$K, $L, Sum<$At, Imm<u32>>, $B, $back>>(),
            OpInfo::of::<BranchLoadedGuarded<$K, $L, Element<$At>, $B, $back>>(),
            OpInfo::of::<BranchLoadedGuarded<$K, $L, Scaled<$At>, $B, $back>>(),
        ]
    };
}

impl BranchLoadedForms {
    pub(crate) const fn of<K: CompareOp, L: LoadOp>(load: LoadKind) -> Self {
        Self {
            load,
            slot_slot: branch_loaded_forms!(K, L, Slot, Slot),
            slot_imm: branch_loaded_forms!(K, L, Slot, Imm<K::Arg>),
            acc_slot: branch_loaded_forms!(K, L, Acc, Slot),
            acc_imm: branch_loaded_forms!(K, L, Acc, Imm<K::Arg>),
        }
    }

    /// The form for an address, and a second operand that is a slot or a constant.
    pub(crate) fn form(&self, at: At, is_slot: bool, back: bool) -> Option<&OpInfo> {
        let forms = match (at.is_acc(), is_slot) {
            (false, true) => &self.slot_slot,
            (false, false) => &self.slot_imm,
            (true, true) => &self.acc_slot,
            (true, false) => &self.acc_imm,
        };
        (at != At::Imm).then(|| &forms[usize::from(back)][at as usize % At::KINDS])
    }
}

/// An operator on floats one of whose operands is computed by another one, which is `K`.
pub(crate) struct NestedForms {
    /// The first operand is computed, by where its operands are; the second is in a slot.
    pub(crate) first: [OpInfo; 3],
    /// The second operand is computed, and the first is in a slot.
    pub(crate) second: [OpInfo; 3],
    /// The second operand is computed from slots, and the first is in the accumulator.
    pub(crate) acc_second: OpInfo,
}

/// Where the operands are of an operator that another one can take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    SlotSlot,
    SlotAcc,
    AccSlot,
}

/// An operator on floats that others of the same type can take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatKind {
    Add,
    Sub,
    Mul,
}

impl NestedForms {
    /// By [`FloatKind`] of the operator within.
    pub(crate) const fn of<K, A, S, M>() -> [Self; 3]
    where
        K: BinaryOp,
        A: BinaryOp<Arg = K::Arg, Res = K::Arg>,
        S: BinaryOp<Arg = K::Arg, Res = K::Arg>,
        M: BinaryOp<Arg = K::Arg, Res = K::Arg>,
    {
        [Self::of_one::<K, A>(), Self::of_one::<K, S>(), Self::of_one::<K, M>()]
    }

    const fn of_one<K: BinaryOp, N: BinaryOp<Arg = K::Arg, Res = K::Arg>>() -> Self {
        Self {
            first: [
                OpInfo::defining::<Binary<K, Nested<N, Slot, Slot>, Slot>>(),
                OpInfo::defining::<Binary<K, Nested<N, Slot, Acc>, Slot>>(),
                OpInfo::defining::<Binary<K, Nested<N, Acc, Slot>, Slot>>(),
            ],
            second: [
                OpInfo::defining::<Binary<K, Slot, Nested<N, Slot, Slot>>>(),
                OpInfo::defining::<Binary<K, Slot, Nested<N, Slot, Acc>>>(),
                OpInfo::defining::<Binary<K, Slot, Nested<N, Acc, Slot>>>(),
            ],
            acc_second: OpInfo::defining::<Binary<K, Acc, Nested<N, Slot, Slot>>>(),
        }
    }
}

/// An operator whose second operand is shifted by a constant, or multiplied.
pub(crate) struct ShiftedForms {
    kinds: [ShiftKind; 3],
    slot: [OpInfo; 3],
    acc: [OpInfo; 3],
}

/// An operator with a constant that others take an operand from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShiftKind {
    Left,
    Right,
    Rotated,
    Multiplied,
}

impl ShiftedForms {
    pub(crate) const fn of<K, L, R, T>() -> Self
    where
        K: BinaryOp,
        L: BinaryOp<Arg = K::Arg, Res = K::Arg>,
        R: BinaryOp<Arg = K::Arg, Res = K::Arg>,
        T: BinaryOp<Arg = K::Arg, Res = K::Arg>,
    {
        Self {
            kinds: [shift_kind::<L>(), shift_kind::<R>(), shift_kind::<T>()],
            slot: [
                OpInfo::defining::<Binary<K, Slot, Shifted<L>>>(),
                OpInfo::defining::<Binary<K, Slot, Shifted<R>>>(),
                OpInfo::defining::<Binary<K, Slot, Shifted<T>>>(),
            ],
            acc: [
                OpInfo::defining::<Binary<K, Acc, Shifted<L>>>(),
                OpInfo::defining::<Binary<K, Acc, Shifted<R>>>(),
                OpInfo::defining::<Binary<K, Acc, Shifted<T>>>(),
            ],
        }
    }

    /// The form for a first operand that is in the accumulator or in a slot.
    pub(crate) fn form(&self, is_acc: bool, kind: ShiftKind) -> Option<&OpInfo> {
        let position = self.kinds.iter().position(|&known| known == kind)?;
        Some(if is_acc { &self.acc[position] } else { &self.slot[position] })
    }
}

const fn shift_kind<K: BinaryOp>() -> ShiftKind {
    match K::SHIFT {
        Some(kind) => kind,
        None => panic!("not an operator that is folded"),
    }
}

impl LoadForms {
    pub(crate) const fn of<K: LoadOp>() -> Self {
        Self {
            kind: K::KIND,
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
    pub(crate) plain: PlaceForms,
    pub(crate) guarded: PlaceForms,
    pub(crate) any: OpInfo,
}

/// Forms of a store by its value.
pub(crate) struct ValueForms {
    pub(crate) slot: OpInfo,
    pub(crate) imm: OpInfo,
    /// Nothing where the address is a sum: that is computed last.
    pub(crate) acc: Option<OpInfo>,
}

/// Forms of a store by its address.
pub(crate) struct PlaceForms {
    pub(crate) slot: ValueForms,
    pub(crate) imm: ValueForms,
    pub(crate) acc: ValueForms,
    pub(crate) slot_slot: ValueForms,
    pub(crate) slot_imm: ValueForms,
    pub(crate) acc_slot: ValueForms,
    pub(crate) acc_imm: ValueForms,
}

/// The forms of a store to one kind of memory.
macro_rules! place_forms {
    ($Store:ident<$K:ident>) => {
        PlaceForms {
            slot: place_forms!($Store<$K> at Slot, acc Some(OpInfo::of::<$Store<$K, Slot, Acc>>())),
            imm: place_forms!(
                $Store<$K> at Imm<u32>, acc Some(OpInfo::of::<$Store<$K, Imm<u32>, Acc>>())
            ),
            acc: place_forms!($Store<$K> at Acc, acc Some(OpInfo::of::<$Store<$K, Acc, Acc>>())),
            slot_slot: place_forms!($Store<$K> at Sum<Slot, Slot>, acc None),
            slot_imm: place_forms!($Store<$K> at Sum<Slot, Imm<u32>>, acc None),
            acc_slot: place_forms!($Store<$K> at Sum<Acc, Slot>, acc None),
            acc_imm: place_forms!($Store<$K> at Sum<Acc, Imm<u32>>, acc None),
        }
    };
    ($Store:ident<$K:ident> at $At:ty, acc $acc:expr) => {
        ValueForms {
            slot: OpInfo::of::<$Store<$K, $At, Slot>>(),
            imm: OpInfo::of::<$Store<$K, $At, Imm<$K::Arg>>>(),
            acc: $acc,
        }
    };
}

impl StoreForms {
    pub(crate) const fn of<K: StoreOp>() -> Self {
        Self {
            class: K::Arg::CLASS,
            is_wide: is_wide::<K::Arg>(),
            plain: place_forms!(Store<K>),
            guarded: place_forms!(StoreGuarded<K>),
            any: OpInfo::of::<StoreAny<K>>(),
        }
    }
}

/// An operator with one operand, which takes or gives a vector.
pub(crate) struct VectorUnaryForms {
    /// The class of the operand.
    pub(crate) class: Class,
    /// Whether the result is a vector.
    pub(crate) is_vector: bool,
    pub(crate) slot: OpInfo,
    pub(crate) acc: OpInfo,
}

impl VectorUnaryForms {
    pub(crate) const fn of<K: VectorUnaryOp>() -> Self {
        Self {
            class: K::Arg::ACC,
            is_vector: K::Res::WIDE,
            slot: OpInfo::leaving::<VectorUnary<K, Slot>>(K::Res::ACC),
            acc: OpInfo::leaving::<VectorUnary<K, Acc>>(K::Res::ACC),
        }
    }
}

/// An operator with two vectors.
pub(crate) struct VectorBinaryForms {
    pub(crate) slot_slot: OpInfo,
    pub(crate) acc_slot: OpInfo,
    pub(crate) slot_acc: OpInfo,
}

impl VectorBinaryForms {
    pub(crate) const fn of<K: VectorBinaryOp>() -> Self {
        Self {
            slot_slot: OpInfo::leaving::<VectorBinary<K, Slot, Slot>>(Class::V128),
            acc_slot: OpInfo::leaving::<VectorBinary<K, Acc, Slot>>(Class::V128),
            slot_acc: OpInfo::leaving::<VectorBinary<K, Slot, Acc>>(Class::V128),
        }
    }
}

/// A shift of a vector.
pub(crate) struct ShiftForms {
    pub(crate) slot_slot: OpInfo,
    pub(crate) slot_imm: OpInfo,
    pub(crate) acc_imm: OpInfo,
}

impl ShiftForms {
    pub(crate) const fn of<K: ShiftOp>() -> Self {
        Self {
            slot_slot: OpInfo::leaving::<Shift<K, Slot, Slot>>(Class::V128),
            slot_imm: OpInfo::leaving::<Shift<K, Slot, Imm<i32>>>(Class::V128),
            acc_imm: OpInfo::leaving::<Shift<K, Acc, Imm<i32>>>(Class::V128),
        }
    }
}

/// Whether constants of a type take two cells.
const fn is_wide<T>() -> bool {
    size_of::<T>() == 8
}
