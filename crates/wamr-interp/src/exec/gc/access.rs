//! Reading and writing fields and elements, and `i31`.

use core::marker::PhantomData;

use wamr_runtime::gc::{HEADER_BYTES, ObjectHeader, i31_get_s, i31_get_u, i31_new};
use wamr_runtime::rt;
use wamr_runtime::vm::VmContext;
use wamr_types::TrapCode;

use crate::exec::Regs;
use crate::exec::dispatch::Kind;
use crate::exec::memory::{flow, helper_ops};
use crate::op::{Flow, Name, Op, Slot, Source};

/// How a field or element is stored, and how it becomes a value in slots.
pub(crate) trait Storage: Copy + 'static {
    const NAME: &'static str;
    /// The size in bytes.
    const BYTES: u32;
    /// Whether it refers to objects, so that the collector may want to know what is overwritten.
    const REFERS: bool = false;
    /// Copies from an object to a frame.
    ///
    /// # Safety
    /// `at` is the address of such a field, `slot` one that the value fits in.
    unsafe fn get(at: *const u8, slot: *mut u64);
    /// Copies from a frame to an object.
    ///
    /// # Safety
    /// As for [`Storage::get`].
    unsafe fn set(at: *mut u8, slot: *const u64);
}

macro_rules! storages {
    ($($(#[$doc:meta])* $Name:ident $name:literal: $stored:ty as $value:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $Name;

        impl Storage for $Name {
            const NAME: &'static str = $name;
            const BYTES: u32 = size_of::<$stored>() as u32;

            #[inline(always)]
            unsafe fn get(at: *const u8, slot: *mut u64) {
                // SAFETY: the caller vouches for both; fields are aligned to their size.
                unsafe { *slot = *at.cast::<$stored>() as $value as u64 };
            }

            #[inline(always)]
            unsafe fn set(at: *mut u8, slot: *const u64) {
                // SAFETY: as in `get`.
                unsafe { *at.cast::<$stored>() = *slot as $stored };
            }
        }
    )*};
}

storages! {
    /// `i8`, sign-extended when read.
    Signed8 "8_s": i8 as u32;
    /// `i8`, zero-extended when read.
    Unsigned8 "8_u": u8 as u32;
    /// `i16`, sign-extended when read.
    Signed16 "16_s": i16 as u32;
    /// `i16`, zero-extended when read.
    Unsigned16 "16_u": u16 as u32;
    /// Numbers of 32 bits, and references to exceptions.
    Word32 "32": u32 as u32;
    /// Numbers of 64 bits, and references to functions.
    Word64 "64": u64 as u64;
}

/// References to objects.
#[derive(Clone, Copy)]
pub(crate) struct Reference;

impl Storage for Reference {
    const NAME: &'static str = "ref";
    const BYTES: u32 = 4;
    const REFERS: bool = true;

    #[inline(always)]
    unsafe fn get(at: *const u8, slot: *mut u64) {
        // SAFETY: the caller vouches for both.
        unsafe { Word32::get(at, slot) };
    }

    #[inline(always)]
    unsafe fn set(at: *mut u8, slot: *const u64) {
        // SAFETY: the caller vouches for both.
        unsafe { Word32::set(at, slot) };
    }
}

/// Vectors, which take two slots.
#[derive(Clone, Copy)]
pub(crate) struct Vector;

impl Storage for Vector {
    const NAME: &'static str = "128";
    const BYTES: u32 = 16;

    #[inline(always)]
    unsafe fn get(at: *const u8, slot: *mut u64) {
        // SAFETY: the caller vouches for both.
        unsafe { *slot.cast::<[u64; 2]>() = *at.cast::<[u64; 2]>() };
    }

    #[inline(always)]
    unsafe fn set(at: *mut u8, slot: *const u64) {
        // SAFETY: as in `get`.
        unsafe { *at.cast::<[u64; 2]>() = *slot.cast::<[u64; 2]>() };
    }
}

/// The address of an object.
///
/// # Safety
/// The reference is one of a live object of the store.
#[inline(always)]
pub(super) unsafe fn object(r: &Regs, reference: u32) -> *mut u8 {
    // SAFETY: a context's store is alive as long as the context; the caller vouches for the
    // reference.
    unsafe { (*(*r.ctx).store).gc_base.get().add(reference as usize) }
}

/// Whether the collector wants to know of a `K` that is about to be overwritten.
///
/// # Safety
/// The registers are those of an activation.
#[inline(always)]
unsafe fn must_tell<K: Storage>(r: &Regs) -> bool {
    // SAFETY: the current context and its store are alive.
    K::REFERS && unsafe { (*(*r.ctx).store).gc_marking.get() != 0 }
}

/// Overwrites a reference after telling the collector of it.
///
/// # Safety
/// As for [`Storage::set`]; the field refers to objects.
unsafe fn tell_and_set<K: Storage>(r: &Regs, at: *mut u8, value: Slot) {
    // SAFETY: the caller's promise; the current context is alive.
    unsafe {
        rt::gc::overwritten(r.ctx, *at.cast::<u32>());
        K::set(at, r.slot(value));
    }
}

/// `dst = object.field`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StructGet<K> {
    dst: Slot,
    object: Slot,
    offset: u32,
    kind: Kind<K>,
}

impl<K> StructGet<K> {
    pub(crate) const fn new(dst: Slot, object: Slot, offset: u32) -> Self {
        Self { dst, object, offset, kind: PhantomData }
    }
}

impl<K: Storage> Op for StructGet<K> {
    const NAME: Name = Name::of(&["struct.get", K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation says that the reference is null or a struct with such a field.
        unsafe {
            let reference: u32 = self.object.get(r);
            if reference == 0 {
                return Flow::Trap(TrapCode::NullStructureReference);
            }
            K::get(object(r, reference).add(self.offset as usize), r.slot(self.dst));
        }
        Flow::Next
    }
}

/// `object.field = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct StructSet<K> {
    object: Slot,
    value: Slot,
    offset: u32,
    kind: Kind<K>,
}

impl<K> StructSet<K> {
    pub(crate) const fn new(object: Slot, value: Slot, offset: u32) -> Self {
        Self { object, value, offset, kind: PhantomData }
    }
}

impl<K: Storage> Op for StructSet<K> {
    const SLOW: bool = K::REFERS;

    const NAME: Name = Name::of(&["struct.set", K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `StructGet`.
        unsafe {
            let reference: u32 = self.object.get(r);
            if reference == 0 {
                return Flow::Trap(TrapCode::NullStructureReference);
            }
            if must_tell::<K>(r) {
                return Flow::Slow;
            }
            K::set(object(r, reference).add(self.offset as usize), r.slot(self.value));
        }
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as above, and `run` has found the field.
        unsafe {
            let at = object(r, self.object.get(r)).add(self.offset as usize);
            tell_and_set::<K>(r, at, self.value);
        }
        Flow::Next
    }
}

/// How many elements an array has.
///
/// # Safety
/// `array` is the address of an array.
#[inline(always)]
unsafe fn len(array: *mut u8) -> u32 {
    // SAFETY: every object begins with its header.
    unsafe { (*array.cast::<ObjectHeader>()).len }
}

/// The address of an element.
///
/// # Safety
/// `array` is the address of an array of `K`s that has such an element.
#[inline(always)]
unsafe fn element<K: Storage>(array: *mut u8, index: u32) -> *mut u8 {
    let offset = const { HEADER_BYTES.next_multiple_of(K::BYTES) } as usize;
    // SAFETY: the elements follow the header at multiples of their size.
    unsafe { array.add(offset + index as usize * K::BYTES as usize) }
}

/// `dst = array[index]`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ArrayGet<K> {
    dst: Slot,
    array: Slot,
    index: Slot,
    kind: Kind<K>,
}

impl<K> ArrayGet<K> {
    pub(crate) const fn new(dst: Slot, array: Slot, index: Slot) -> Self {
        Self { dst, array, index, kind: PhantomData }
    }
}

impl<K: Storage> Op for ArrayGet<K> {
    const NAME: Name = Name::of(&["array.get", K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: validation says that the reference is null or an array of `K`s.
        unsafe {
            let reference: u32 = self.array.get(r);
            if reference == 0 {
                return Flow::Trap(TrapCode::NullArrayReference);
            }
            let array = object(r, reference);
            let index: u32 = self.index.get(r);
            if index >= len(array) {
                return Flow::Trap(TrapCode::ArrayOutOfBounds);
            }
            K::get(element::<K>(array, index), r.slot(self.dst));
        }
        Flow::Next
    }
}

/// `array[index] = value`
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct ArraySet<K> {
    array: Slot,
    index: Slot,
    value: Slot,
    kind: Kind<K>,
}

impl<K> ArraySet<K> {
    pub(crate) const fn new(array: Slot, index: Slot, value: Slot) -> Self {
        Self { array, index, value, kind: PhantomData }
    }
}

impl<K: Storage> Op for ArraySet<K> {
    const SLOW: bool = K::REFERS;

    const NAME: Name = Name::of(&["array.set", K::NAME]);

    #[inline(always)]
    unsafe fn run(&self, r: &mut Regs) -> Flow {
        // SAFETY: as in `ArrayGet`.
        unsafe {
            let reference: u32 = self.array.get(r);
            if reference == 0 {
                return Flow::Trap(TrapCode::NullArrayReference);
            }
            let array = object(r, reference);
            let index: u32 = self.index.get(r);
            if index >= len(array) {
                return Flow::Trap(TrapCode::ArrayOutOfBounds);
            }
            if must_tell::<K>(r) {
                return Flow::Slow;
            }
            K::set(element::<K>(array, index), r.slot(self.value));
        }
        Flow::Next
    }

    #[inline(always)]
    unsafe fn slow(&self, r: &mut Regs) -> Flow {
        // SAFETY: as above, and `run` has found the element.
        unsafe {
            let at = element::<K>(object(r, self.array.get(r)), self.index.get(r));
            tell_and_set::<K>(r, at, self.value);
        }
        Flow::Next
    }
}

/// Fills elements with a value of one or two slots.
///
/// # Safety
/// As for [`rt::gc::array_fill`]; `value` points to the value.
#[inline(never)]
unsafe fn fill(
    ctx: *mut VmContext,
    array: u32,
    index: u32,
    value: *const u64,
    wide: bool,
    len: u32,
) -> Result<(), TrapCode> {
    // SAFETY: the caller's promise is the one needed; only wide values have a second slot.
    unsafe {
        let value = [*value, if wide { *value.add(1) } else { 0 }];
        rt::gc::array_fill(ctx, array, index, value, len)
    }
}

helper_ops! {
    /// `array.len`
    ArrayLen "array.len" { dst: Slot, array: Slot } |op, r| {
        let reference: u32 = op.array.get(r);
        if reference == 0 {
            return Flow::Trap(TrapCode::NullArrayReference);
        }
        let len = len(object(r, reference));
        r.set(op.dst, len);
        Flow::Next
    }

    /// `array.fill`
    ArrayFill "array.fill" {
        array: Slot, index: Slot, value: Slot, len: Slot, wide: u32
    } |op, r| {
        let value = r.slot(op.value);
        let (array, index, len) = (op.array.get(r), op.index.get(r), op.len.get(r));
        flow(fill(r.ctx, array, index, value, op.wide != 0, len))
    }

    /// `array.copy`
    ArrayCopy "array.copy" {
        dst: Slot, dst_index: Slot, src: Slot, src_index: Slot, len: Slot
    } |op, r| {
        let (dst, dst_index) = (op.dst.get(r), op.dst_index.get(r));
        let (src, src_index) = (op.src.get(r), op.src_index.get(r));
        flow(rt::gc::array_copy(r.ctx, dst, dst_index, src, src_index, op.len.get(r)))
    }

    /// `array.init_data`
    ArrayInitData "array.init_data" {
        array: Slot, index: Slot, offset: Slot, len: Slot, data: u32
    } |op, r| {
        let (array, index) = (op.array.get(r), op.index.get(r));
        let (offset, len) = (op.offset.get(r), op.len.get(r));
        flow(rt::gc::array_init_data(r.ctx, array, index, op.data, offset, len))
    }

    /// `array.init_elem`
    ArrayInitElem "array.init_elem" {
        array: Slot, index: Slot, offset: Slot, len: Slot, elem: u32
    } |op, r| {
        let (array, index) = (op.array.get(r), op.index.get(r));
        let (offset, len) = (op.offset.get(r), op.len.get(r));
        flow(rt::gc::array_init_elem(r.ctx, array, index, op.elem, offset, len))
    }

    /// `ref.i31`
    RefI31 "ref.i31" { dst: Slot, value: Slot } |op, r| {
        let value: u32 = op.value.get(r);
        r.set(op.dst, i31_new(value));
        Flow::Next
    }

    /// `i31.get_s`
    I31GetS "i31.get_s" { dst: Slot, value: Slot } |op, r| {
        let reference: u32 = op.value.get(r);
        if reference == 0 {
            return Flow::Trap(TrapCode::NullI31Reference);
        }
        r.set(op.dst, i31_get_s(reference));
        Flow::Next
    }

    /// `i31.get_u`
    I31GetU "i31.get_u" { dst: Slot, value: Slot } |op, r| {
        let reference: u32 = op.value.get(r);
        if reference == 0 {
            return Flow::Trap(TrapCode::NullI31Reference);
        }
        r.set(op.dst, i31_get_u(reference));
        Flow::Next
    }
}
