//! Tests of what a reference is, and what follows from them.

use wamr_runtime::gc::{ObjectHeader, is_i31};
use wamr_runtime::rt;
use wamr_runtime::vm::{FuncRecord, VmContext};
use wamr_types::{AbstractHeapType, HeapType, RefType, TrapCode, TypeId};

use super::access::object;
use crate::exec::Regs;
use crate::exec::control::{back, take};
use crate::exec::memory::helper_ops;
use crate::op::{Flow, Imm, Name, Op, Slot, Source, Target};

/// The type that a reference is tested for, in two cells.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct CastType {
    /// A canonical id, or the position of an abstract type in [`ABSTRACT`].
    heap: u32,
    flags: u32,
}

const NULLABLE: u32 = 1;
const CONCRETE: u32 = 2;
/// Whether references are ones to functions; said for concrete types only.
const FUNC: u32 = 4;

/// The abstract types by number.
const ABSTRACT: [AbstractHeapType; 12] = {
    use AbstractHeapType as H;
    [
        H::Func,
        H::NoFunc,
        H::Extern,
        H::NoExtern,
        H::Any,
        H::Eq,
        H::I31,
        H::Struct,
        H::Array,
        H::None,
        H::Exn,
        H::NoExn,
    ]
};

impl CastType {
    /// `is_func` says whether a concrete type is one of functions.
    pub(crate) fn new(ty: RefType, is_func: bool) -> Self {
        let nullable = if ty.nullable { NULLABLE } else { 0 };
        match ty.heap {
            HeapType::Concrete(id) => {
                let func = if is_func { FUNC } else { 0 };
                Self { heap: id.get(), flags: nullable | CONCRETE | func }
            }
            HeapType::Abstract(heap) => {
                let position = ABSTRACT.iter().position(|&other| other == heap);
                Self { heap: position.expect("all are there") as u32, flags: nullable }
            }
        }
    }

    /// As a constant that an operand can be.
    pub(crate) const fn to_bits(self) -> u64 {
        self.heap as u64 | (self.flags as u64) << 32
    }

    /// What [`CastType::to_bits`] gave.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { heap: bits as u32, flags: (bits >> 32) as u32 }
    }

    /// Whether a reference is of the type. The type itself is found here, its subtypes by the
    /// runtime.
    ///
    /// # Safety
    /// The value is a reference of the type's hierarchy.
    #[inline(always)]
    unsafe fn test(self, r: &Regs, value: u64) -> bool {
        if value == 0 {
            return self.flags & NULLABLE != 0;
        }
        if self.flags & CONCRETE != 0 {
            // SAFETY: references that are not null nor `i31` are addresses of records in the
            // hierarchy of functions, else objects.
            let found = unsafe {
                if self.flags & FUNC != 0 {
                    (*core::ptr::with_exposed_provenance::<FuncRecord>(value as usize)).sig
                } else if is_i31(value as u32) {
                    return false;
                } else {
                    (*object(r, value as u32).cast::<ObjectHeader>()).type_id
                }
            };
            // SAFETY: translation wrote an id.
            return found == self.heap
                || unsafe {
                    let ty = TypeId::from_raw(self.heap).unwrap_unchecked();
                    rt::gc::is_subtype(r.ctx, found, ty)
                };
        }
        // SAFETY: the caller vouches for the value.
        unsafe { test_abstract(r.ctx, value, self.heap) }
    }
}

/// [`CastType::test`] for abstract types and values that are not null.
///
/// # Safety
/// As for [`CastType::test`].
#[inline(never)]
unsafe fn test_abstract(ctx: *mut VmContext, value: u64, heap: u32) -> bool {
    let ty = RefType { nullable: false, heap: HeapType::Abstract(ABSTRACT[heap as usize]) };
    // SAFETY: the caller vouches for the value.
    unsafe { rt::gc::ref_test(ctx, value, ty) }
}

helper_ops! {
    /// `ref.test`
    RefTest "ref.test" { dst: Slot, value: Slot, ty: CastType } |op, r| {
        let value = op.value.get(r);
        let result = op.ty.test(r, value);
        r.set(op.dst, result);
        Flow::Next
    }

    /// `ref.cast`, which leaves the value where it is.
    RefCast "ref.cast" { value: Slot, ty: CastType } |op, r| {
        let value = op.value.get(r);
        if op.ty.test(r, value) { Flow::Next } else { Flow::Trap(TrapCode::CastFailure) }
    }
}

/// Jumps if a test gives `SENSE`.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct BranchCast<const SENSE: bool, const BACK: bool> {
    value: Slot,
    /// What [`CastType::to_bits`] gave.
    ty: Imm<u64>,
    target: Target,
}

impl<const SENSE: bool, const BACK: bool> Op for BranchCast<SENSE, BACK> {
    const JUMPS: bool = true;
    const TRAPS: bool = BACK;
    const NAME: Name =
        Name::of(&["jump", back(BACK), if SENSE { "_if" } else { "_unless" }, "_ref.test"]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation checked the value's hierarchy; the target is the last operand.
        unsafe {
            let value = self.value.get(r);
            if CastType::from_bits(self.ty.get(r)).test(r, value) == SENSE {
                return take::<BACK>(self.target, r);
            }
        }
        Flow::Next
    }
}
