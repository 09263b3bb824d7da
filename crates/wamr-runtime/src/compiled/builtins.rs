//! What compiled code may call in the runtime: one row for each function, with the name that
//! files of compiled code know it by.
//!
//! All take the context of the calling function first and follow the C convention of the
//! platform. A function that may fail comes back only if it does not. A name never changes its
//! meaning or its type: what needs another type is another row.

#![allow(clippy::missing_safety_doc, reason = "the module's header states the one condition")]

use wamr_types::{AbstractHeapType, FuncIdx, HeapType, RefType, TrapCode, TypeId};

use super::arch;
use super::unwind::{NO_FAILURE, PENDING};
use crate::rt;
use crate::vm::VmContext;

/// The type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltinType {
    /// 32 bits.
    I32,
    /// 64 bits, or an address.
    I64,
}

/// What a function that may fail gives: the value, and a trap's number, [`NO_FAILURE`] or
/// [`PENDING`].
#[repr(C)]
struct Checked {
    value: u64,
    code: u64,
}

impl Checked {
    const PENDING: Self = Self { value: 0, code: PENDING as u64 };
}

impl From<Result<(), TrapCode>> for Checked {
    fn from(result: Result<(), TrapCode>) -> Self {
        result.map(|()| 0_u64).into()
    }
}

impl From<Result<u32, TrapCode>> for Checked {
    fn from(result: Result<u32, TrapCode>) -> Self {
        result.map(u64::from).into()
    }
}

impl From<Result<u64, TrapCode>> for Checked {
    fn from(result: Result<u64, TrapCode>) -> Self {
        match result {
            Ok(value) => Self { value, code: u64::from(NO_FAILURE) },
            Err(code) => Self { value: 0, code: code as u64 },
        }
    }
}

macro_rules! builtins {
    ($(
        $(#[$doc:meta])*
        $kind:ident $variant:ident $name:literal ($ctx:ident $(, $arg:ident: $ty:ident)*) $(-> $result:ident)?
            $body:block
    )*) => {
        /// A function of the runtime that compiled code may call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Builtin {
            $($(#[$doc])* $variant,)*
        }

        impl Builtin {
            /// Every function.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$variant),*];

            /// The name that files of compiled code know it by.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The parameters behind the context.
            pub const fn params(self) -> &'static [BuiltinType] {
                match self { $(Self::$variant => &[$(builtins!(@type $ty)),*],)* }
            }

            /// The result, if there is one.
            pub const fn result(self) -> Option<BuiltinType> {
                match self { $(Self::$variant => builtins!(@result $($result)?),)* }
            }

            /// The address, as compiled code calls it.
            pub fn address(self) -> usize {
                match self {
                    $(Self::$variant => {
                        builtins!(@define $kind ($ctx $(, $arg: $ty)*) $(-> $result)? $body)
                    })*
                }
            }
        }
    };
    (@type u32) => { BuiltinType::I32 };
    (@type u64) => { BuiltinType::I64 };
    (@result) => { None };
    (@result u32) => { Some(BuiltinType::I32) };
    (@result u64) => { Some(BuiltinType::I64) };
    // One that always comes back.
    (@define total ($ctx:ident $(, $arg:ident: $ty:ident)*) $(-> $result:ident)? $body:block) => {{
        arch::called_by_code! {
            unsafe fn body($ctx: *mut VmContext $(, $arg: $ty)*) $(-> $result)? {
                // SAFETY: compiled code passes its own live context, and indices and references that
                // were validated; that is all that the runtime asks for.
                unsafe { $body }
            }
        }
        body as *const () as usize
    }};
    (@define fallible ($ctx:ident $(, $arg:ident: $ty:ident)*) $(-> $result:ident)? $body:block) => {{
        arch::called_by_code! {
            unsafe fn body($ctx: *mut VmContext $(, $arg: $ty)*) -> Checked {
                // SAFETY: as above.
                Checked::from(unsafe { $body })
            }
        }
        arch::fallible!(body)
    }};
    // An entry point that is written elsewhere.
    (@define stub ($ctx:ident $(, $arg:ident: $ty:ident)*) $body:block) => { $body };
}

builtins! {
    /// Called when the stack pointer is below [`crate::vm::VmStore::native_limit`]; keeps all
    /// registers.
    stub Limit "limit" (ctx) { super::entry_points::limit() }
    /// Traps.
    stub Trap "trap" (ctx, code: u32) { super::entry_points::trap() }

    /// Fails as the call of a function whose body is invalid does.
    fallible InvalidBody "invalid body" (ctx, func: u32) {
        rt::raise_invalid_body(ctx, FuncIdx(func));
        Checked::PENDING
    }

    /// `memory.grow`: the old size in pages, or -1.
    total MemoryGrow "memory.grow" (ctx, memory: u32, delta: u64) -> u64 {
        rt::memory_grow(ctx, memory, delta)
    }
    /// `memory.fill`
    fallible MemoryFill "memory.fill" (ctx, memory: u32, dst: u64, value: u32, len: u64) {
        rt::memory_fill(ctx, memory, dst, value as u8, len)
    }
    /// `memory.copy`, to the first memory.
    fallible MemoryCopy "memory.copy" (ctx, to: u32, from: u32, dst: u64, src: u64, len: u64) {
        rt::memory_copy(ctx, to, from, dst, src, len)
    }
    /// `memory.init`
    fallible MemoryInit "memory.init" (ctx, memory: u32, data: u32, dst: u64, src: u64, len: u64) {
        rt::memory_init(ctx, memory, data, dst, src, len)
    }
    /// `memory.atomic.wait32`
    fallible AtomicWait32 "memory.atomic.wait32" (
        ctx, memory: u32, address: u64, expected: u64, timeout_ns: u64
    ) -> u64 {
        rt::atomic::wait::<u32>(ctx, memory, address, expected, timeout_ns as i64).map(u64::from)
    }
    /// `memory.atomic.wait64`
    fallible AtomicWait64 "memory.atomic.wait64" (
        ctx, memory: u32, address: u64, expected: u64, timeout_ns: u64
    ) -> u64 {
        rt::atomic::wait::<u64>(ctx, memory, address, expected, timeout_ns as i64).map(u64::from)
    }
    /// `memory.atomic.notify`
    fallible AtomicNotify "memory.atomic.notify" (
        ctx, memory: u32, address: u64, count: u32
    ) -> u64 {
        rt::atomic::notify(ctx, memory, address, count).map(u64::from)
    }
    /// Charges for a block of operators that costs more than the fuel that is left; keeps all
    /// registers.
    stub ChargeKeeping "fuel.charge.keeping" (ctx, units: u64) { super::entry_points::charge() }
    /// The same, keeping those that a C function keeps.
    fallible Charge "fuel.charge" (ctx, units: u64) { rt::fuel::charge(ctx, units) }
    /// `data.drop`
    total DataDrop "data.drop" (ctx, data: u32) { rt::data_drop(ctx, data) }

    /// `table.get`
    fallible TableGet "table.get" (ctx, table: u32, index: u64) -> u64 {
        rt::table_get(ctx, table, index)
    }
    /// `table.set`
    fallible TableSet "table.set" (ctx, table: u32, index: u64, value: u64) {
        rt::table_set(ctx, table, index, value)
    }
    /// `table.grow`: the old size, or -1.
    total TableGrow "table.grow" (ctx, table: u32, delta: u64, value: u64) -> u64 {
        rt::table_grow(ctx, table, delta, value)
    }
    /// `table.fill`
    fallible TableFill "table.fill" (ctx, table: u32, start: u64, value: u64, count: u64) {
        rt::table_fill(ctx, table, start, value, count)
    }
    /// `table.copy`, to the first table.
    fallible TableCopy "table.copy" (ctx, to: u32, from: u32, dst: u64, src: u64, count: u64) {
        rt::table_copy(ctx, to, from, dst, src, count)
    }
    /// `table.init`
    fallible TableInit "table.init" (ctx, table: u32, elem: u32, dst: u64, src: u64, count: u64) {
        rt::table_init(ctx, table, elem, dst, src, count)
    }
    /// `elem.drop`
    total ElemDrop "elem.drop" (ctx, elem: u32) { rt::elem_drop(ctx, elem) }

    /// `ref.func`
    total RefFunc "ref.func" (ctx, func: u32) -> u64 { rt::ref_func(ctx, FuncIdx(func)) as u64 }
    /// The record of the callee of a `call_indirect` whose element is not of the type with the
    /// id `sig` at first sight.
    fallible IndirectCallee "call_indirect.callee" (ctx, table: u32, index: u64, sig: u32) -> u64 {
        match TypeId::from_raw(sig) {
            Some(sig) => rt::indirect_callee(ctx, table, index, sig).map(|record| record as u64),
            None => Err(TrapCode::IndirectCallTypeMismatch),
        }
    }

    /// `throw` of a tag's payload, in slots.
    fallible Throw "throw" (ctx, tag: u32, fields: u64) {
        rt::throw(ctx, tag, fields as *const u64);
        Checked::PENDING
    }
    /// `throw_ref`
    fallible ThrowRef "throw_ref" (ctx, reference: u64) {
        match rt::throw_ref(ctx, reference) {
            Ok(()) => Checked::PENDING,
            Err(code) => Checked::from(Err::<(), _>(code)),
        }
    }
    /// The legacy `rethrow`; `ends` is 1 where it leaves the catch clause for good.
    fallible Rethrow "rethrow" (ctx, reference: u64, ends: u32) {
        rt::rethrow(ctx, reference, ends != 0);
        Checked::PENDING
    }
    /// The end of a legacy catch clause that keeps its exception.
    total Release "release" (ctx, reference: u64) { rt::release(ctx, reference) }

    /// `struct.new` of the type with the id `ty`, with its fields in slots, or
    /// `struct.new_default` where `values` is 0.
    fallible StructNew "struct.new" (ctx, ty: u32, values: u64) -> u64 {
        match TypeId::from_raw(ty) {
            Some(ty) => rt::gc::struct_new(ctx, ty, values as *const u64),
            None => Err(TrapCode::CastFailure),
        }
    }
    /// `array.new` with the element in slots, or `array.new_default` where `value` is 0.
    fallible ArrayNew "array.new" (ctx, ty: u32, value: u64, len: u32) -> u64 {
        match TypeId::from_raw(ty) {
            Some(ty) => rt::gc::array_new(ctx, ty, value as *const u64, len),
            None => Err(TrapCode::CastFailure),
        }
    }
    /// `array.new_fixed` with the elements in slots.
    fallible ArrayNewFixed "array.new_fixed" (ctx, ty: u32, values: u64, len: u32) -> u64 {
        match TypeId::from_raw(ty) {
            Some(ty) => rt::gc::array_new_fixed(ctx, ty, values as *const u64, len),
            None => Err(TrapCode::CastFailure),
        }
    }
    /// `array.new_data`
    fallible ArrayNewData "array.new_data" (ctx, ty: u32, data: u32, offset: u32, len: u32) -> u64 {
        match TypeId::from_raw(ty) {
            Some(ty) => rt::gc::array_new_data(ctx, ty, data, offset, len),
            None => Err(TrapCode::CastFailure),
        }
    }
    /// `array.new_elem`
    fallible ArrayNewElem "array.new_elem" (ctx, ty: u32, elem: u32, offset: u32, len: u32) -> u64 {
        match TypeId::from_raw(ty) {
            Some(ty) => rt::gc::array_new_elem(ctx, ty, elem, offset, len),
            None => Err(TrapCode::CastFailure),
        }
    }
    /// `array.init_data`
    fallible ArrayInitData "array.init_data" (
        ctx, array: u32, index: u32, data: u32, offset: u32, len: u32
    ) {
        rt::gc::array_init_data(ctx, array, index, data, offset, len)
    }
    /// `array.init_elem`
    fallible ArrayInitElem "array.init_elem" (
        ctx, array: u32, index: u32, elem: u32, offset: u32, len: u32
    ) {
        rt::gc::array_init_elem(ctx, array, index, elem, offset, len)
    }
    /// A reference to an object is about to be overwritten, while that is to be told.
    total Overwritten "gc.overwritten" (ctx, reference: u32) {
        rt::gc::overwritten(ctx, reference)
    }
    /// `array.fill` with a value of one slot or two.
    fallible ArrayFill "array.fill" (
        ctx, array: u32, index: u32, low: u64, high: u64, len: u32
    ) {
        rt::gc::array_fill(ctx, array, index, [low, high], len)
    }
    /// `array.copy`
    fallible ArrayCopy "array.copy" (
        ctx, dst: u32, dst_index: u32, src: u32, src_index: u32, len: u32
    ) {
        rt::gc::array_copy(ctx, dst, dst_index, src, src_index, len)
    }
    /// Whether the type with the id `found` is a subtype of the one with the id `ty`.
    total IsSubtype "ref.is_subtype" (ctx, found: u32, ty: u32) -> u32 {
        u32::from(TypeId::from_raw(ty).is_some_and(|ty| rt::gc::is_subtype(ctx, found, ty)))
    }
    /// Whether a reference that is not null is of an abstract type, by its number.
    total RefTest "ref.test" (ctx, value: u64, heap: u32) -> u32 {
        u32::from(ABSTRACT.get(heap as usize).is_some_and(|&heap| {
            let ty = RefType { nullable: false, heap: HeapType::Abstract(heap) };
            rt::gc::ref_test(ctx, value, ty)
        }))
    }
}

/// The abstract types by the numbers that compiled code knows them by.
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

impl Builtin {
    /// The function of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|builtin| builtin.name() == name)
    }

    /// The number that [`Builtin::RefTest`] knows an abstract type by.
    pub fn heap_number(heap: AbstractHeapType) -> Option<u32> {
        ABSTRACT.iter().position(|&other| other == heap).map(|position| position as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_registers_suffice() {
        for &builtin in Builtin::ALL {
            assert_eq!(Builtin::by_name(builtin.name()), Some(builtin));
            assert!(builtin.params().len() <= 5, "{}", builtin.name());
            assert_ne!(builtin.address(), 0);
        }
    }
}
