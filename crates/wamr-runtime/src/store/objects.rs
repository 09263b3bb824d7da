//! Objects of the heap: making them, asking what they are, and what is done to them.
//! <https://webassembly.github.io/spec/core/exec/instructions.html#reference-instructions>

use core::any::Any;
use core::ops::Range;
use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::{AbstractHeapType, HeapType, RefType, TrapCode, TypeId};

use super::StoreCore;
use crate::error::{Error, ErrorKind};
use crate::gc::{FieldKind, FieldLayout, GcLayout, HOST_VALUE, ObjectHeader, is_i31};
use crate::vm::FuncRecord;

/// Answers to "is this type a subtype of that one", since the registry takes a lock.
pub(super) struct SubtypeCache([(u32, u32, bool); 64]);

impl Default for SubtypeCache {
    fn default() -> Self {
        Self([(0, 0, false); 64])
    }
}

/// How many layouts stand together.
const LAYOUT_CHUNK: usize = 64;

/// Layouts by type id, for types that objects were made of. Of all types of an engine a store uses
/// few, which are close together, and so they stand in chunks.
#[derive(Default)]
pub(super) struct Layouts(Vec<Option<Box<[Option<GcLayout>; LAYOUT_CHUNK]>>>);

impl Layouts {
    fn get(&self, type_id: u32) -> Option<&GcLayout> {
        let index = type_id as usize;
        self.0.get(index / LAYOUT_CHUNK)?.as_ref()?[index % LAYOUT_CHUNK].as_ref()
    }

    fn insert(&mut self, type_id: u32, layout: GcLayout) {
        let (chunk, place) = (type_id as usize / LAYOUT_CHUNK, type_id as usize % LAYOUT_CHUNK);
        if self.0.len() <= chunk {
            self.0.resize_with(chunk + 1, || None);
        }
        self.0[chunk].get_or_insert_with(|| Box::new([const { None }; LAYOUT_CHUNK]))[place] =
            Some(layout);
    }

    /// Takes what another store of the engine knows.
    pub(super) fn absorb(&mut self, other: Self) {
        for (chunk, layouts) in other.0.into_iter().enumerate() {
            for (place, layout) in layouts.into_iter().flat_map(|chunk| *chunk).enumerate() {
                if let Some(layout) = layout {
                    self.insert((chunk * LAYOUT_CHUNK + place) as u32, layout);
                }
            }
        }
    }
}

/// An array, found and checked.
#[derive(Clone, Copy)]
struct Array {
    /// Element 0.
    first: *mut u8,
    kind: FieldKind,
    len: u32,
}

impl Array {
    /// The address of element `index` if `count` elements from there on are in the array.
    fn range(&self, index: u32, count: u32) -> Result<*mut u8, TrapCode> {
        match index.checked_add(count) {
            Some(end) if end <= self.len => {
                // SAFETY: the index is at most the length.
                Ok(unsafe { self.first.add((index as usize) << self.kind.size_log2()) })
            }
            _ => Err(TrapCode::ArrayOutOfBounds),
        }
    }
}

impl StoreCore {
    /// The layout of a type of structs or arrays.
    fn layout(&mut self, ty: TypeId) -> Option<&GcLayout> {
        if self.layouts.get(ty.get()).is_none() {
            self.add_layout(ty)?;
        }
        self.layouts.get(ty.get())
    }

    #[cold]
    fn add_layout(&mut self, ty: TypeId) -> Option<()> {
        let types = self.engine.types();
        let layout = GcLayout::of(&*types.get(ty)?, types)?;
        self.layouts.insert(ty.get(), layout);
        Some(())
    }

    pub(super) fn known_layout(&self, type_id: u32) -> Option<&GcLayout> {
        self.layouts.get(type_id)
    }

    /// Makes an object of zeros, collecting if need be.
    fn allocate(&mut self, size_bytes: u32, header: ObjectHeader) -> Result<u32, TrapCode> {
        self.collect_some();
        let reference = match self.gc.allocate(size_bytes, header) {
            Some(reference) => reference,
            None if self.collections_paused > 0 => return Err(TrapCode::GcHeapExhausted),
            None => {
                self.collect();
                self.gc.allocate(size_bytes, header).ok_or(TrapCode::GcHeapExhausted)?
            }
        };
        self.vm.gc_base.set(self.gc.base());
        self.keep_new(reference);
        Ok(reference)
    }

    /// `struct.new`, or `struct.new_default` where `values` is null.
    ///
    /// # Errors
    /// If the heap is full.
    ///
    /// # Safety
    /// `values` must be null or hold a value for every field, in slots.
    pub(crate) unsafe fn struct_new(
        &mut self,
        ty: TypeId,
        values: *const u64,
    ) -> Result<u32, TrapCode> {
        let layout = self.layout(ty).ok_or(TrapCode::CastFailure)?;
        let size = layout.size_bytes(0).ok_or(TrapCode::GcHeapExhausted)?;
        let reference = self.allocate(size, ObjectHeader { type_id: ty.get(), len: 0 })?;
        if !values.is_null()
            && let Some(GcLayout::Struct { fields, .. }) = self.known_layout(ty.get())
        {
            let mut from = values;
            for field in fields {
                // SAFETY: the field lies in the object; the caller vouches for the values.
                unsafe {
                    let at = self.gc.base().add(reference as usize + field.offset as usize);
                    field.kind.write(at, load(&mut from, field.kind));
                }
            }
        }
        Ok(reference)
    }

    /// `array.new`, or `array.new_default` where `value` is null.
    ///
    /// # Errors
    /// If the heap is full.
    ///
    /// # Safety
    /// `value` must be null or hold an element, in slots.
    pub(crate) unsafe fn array_new(
        &mut self,
        ty: TypeId,
        value: *const u64,
        len: u32,
    ) -> Result<u32, TrapCode> {
        let reference = self.new_array(ty, len)?;
        if !value.is_null() {
            let kind = self.array(reference)?.kind;
            let mut from = value;
            // SAFETY: the caller vouches for the value.
            let value = unsafe { load(&mut from, kind) };
            self.array_fill(reference, 0, value, len)?;
        }
        Ok(reference)
    }

    /// `array.new_fixed`
    ///
    /// # Errors
    /// If the heap is full.
    ///
    /// # Safety
    /// `values` must hold all elements, in slots.
    pub(crate) unsafe fn array_new_fixed(
        &mut self,
        ty: TypeId,
        values: *const u64,
        len: u32,
    ) -> Result<u32, TrapCode> {
        let reference = self.new_array(ty, len)?;
        let array = self.array(reference)?;
        let (mut from, mut at) = (values, array.first);
        for _ in 0..len {
            // SAFETY: the array has that many elements; the caller vouches for the values.
            unsafe {
                array.kind.write(at, load(&mut from, array.kind));
                at = at.add(1 << array.kind.size_log2());
            }
        }
        Ok(reference)
    }

    /// Makes an array whose elements are zeros or nulls.
    pub(crate) fn new_array(&mut self, ty: TypeId, len: u32) -> Result<u32, TrapCode> {
        let layout = self.layout(ty).ok_or(TrapCode::CastFailure)?;
        let size = layout.size_bytes(len).ok_or(TrapCode::GcHeapExhausted)?;
        self.allocate(size, ObjectHeader { type_id: ty.get(), len })
    }

    /// Stores a host value and gives its reference.
    ///
    /// # Errors
    /// If the heap is full.
    pub(crate) fn new_host_value(
        &mut self,
        value: Arc<dyn Any + Send + Sync>,
    ) -> Result<u32, Error> {
        // The object first: it may need a collection, which frees host values.
        let header = ObjectHeader { type_id: HOST_VALUE, len: u32::MAX };
        let reference = self.allocate(crate::gc::HEADER_BYTES, header)?;
        let index = match self.free_host_values.pop() {
            Some(index) => index,
            None => {
                self.host_values.push(None);
                self.host_values.len() as u32 - 1
            }
        };
        self.host_values[index as usize] = Some(value);
        // SAFETY: the object was just made.
        unsafe { (*self.gc.header(reference)).len = index };
        Ok(reference)
    }

    pub(super) fn free_host_value(&mut self, index: u32) -> Option<Arc<dyn Any + Send + Sync>> {
        let value = self.host_values.get_mut(index as usize)?.take();
        self.free_host_values.push(index);
        value
    }

    /// The host value behind a reference; `None` for objects that wasm made.
    pub(crate) fn host_value(&self, reference: u32) -> Option<&(dyn Any + Send + Sync)> {
        let header = self.header(reference)?;
        if header.type_id != HOST_VALUE {
            return None;
        }
        self.host_values.get(header.len as usize)?.as_deref()
    }

    /// The header of an object; `None` for null and `i31`.
    pub(crate) fn header(&self, reference: u32) -> Option<ObjectHeader> {
        if reference == 0 || is_i31(reference) {
            return None;
        }
        // SAFETY: references of this store that are not null nor `i31` are objects.
        Some(unsafe { *self.gc.header(reference) })
    }

    /// The address and layout of a field of a struct.
    pub(crate) fn field(&self, reference: u32, index: u32) -> Option<(*mut u8, FieldKind)> {
        let header = self.header(reference)?;
        let GcLayout::Struct { fields, .. } = self.known_layout(header.type_id)? else {
            return None;
        };
        let FieldLayout { offset, kind } = *fields.get(index as usize)?;
        // SAFETY: the field lies in the object.
        Some((unsafe { self.gc.base().add(reference as usize + offset as usize) }, kind))
    }

    /// Writes a field that [`StoreCore::field`] has found.
    ///
    /// # Safety
    /// `at` must be the address of a field of the kind in a live object, `value` be of its type.
    pub(crate) unsafe fn write_field(&mut self, at: *mut u8, kind: FieldKind, value: [u64; 2]) {
        // SAFETY: the caller's promise.
        unsafe {
            self.overwritten_at(at, kind, 1);
            kind.write(at, value);
        }
    }

    /// `count` fields or elements from `at` on are about to be overwritten.
    ///
    /// # Safety
    /// There must be as many of the kind.
    unsafe fn overwritten_at(&mut self, at: *const u8, kind: FieldKind, count: u32) {
        if kind == FieldKind::Object && self.is_marking() {
            for i in 0..count as usize {
                // SAFETY: the caller's promise.
                self.overwritten(unsafe { *at.cast::<u32>().add(i) });
            }
        }
    }

    /// # Errors
    /// [`TrapCode::NullArrayReference`]
    fn array(&self, reference: u32) -> Result<Array, TrapCode> {
        let header = self.header(reference).ok_or(TrapCode::NullArrayReference)?;
        let Some(GcLayout::Array { element }) = self.known_layout(header.type_id) else {
            return Err(TrapCode::CastFailure);
        };
        // SAFETY: element 0 is behind the header, inside or at the end of the object.
        let first = unsafe { self.gc.base().add(reference as usize + element.offset as usize) };
        Ok(Array { first, kind: element.kind, len: header.len })
    }

    /// Where the elements of an array are.
    pub(crate) fn elements(&self, reference: u32) -> Option<NonNull<u8>> {
        NonNull::new(self.array(reference).ok()?.first)
    }

    /// Checks a range of an array.
    ///
    /// # Errors
    /// Null, or a range out of bounds.
    pub(crate) fn check_array(&self, array: u32, index: u32, len: u32) -> Result<(), TrapCode> {
        self.array(array)?.range(index, len).map(drop)
    }

    /// How many elements an array has.
    ///
    /// # Errors
    /// [`TrapCode::NullArrayReference`]
    pub(crate) fn array_len(&self, reference: u32) -> Result<u32, TrapCode> {
        Ok(self.array(reference)?.len)
    }

    /// `array.get`, packed elements zero-extended.
    ///
    /// # Errors
    /// Null, or an index out of bounds.
    pub(crate) fn array_get(
        &self,
        reference: u32,
        index: u32,
    ) -> Result<([u64; 2], FieldKind), TrapCode> {
        let array = self.array(reference)?;
        let at = array.range(index, 1)?;
        // SAFETY: the element is in bounds.
        Ok((unsafe { array.kind.read(at) }, array.kind))
    }

    /// `array.fill`; `array.set` for a count of 1.
    ///
    /// # Errors
    /// Null, or a range out of bounds; nothing is written then.
    pub(crate) fn array_fill(
        &mut self,
        reference: u32,
        index: u32,
        value: [u64; 2],
        count: u32,
    ) -> Result<(), TrapCode> {
        let array = self.array(reference)?;
        let mut at = array.range(index, count)?;
        // SAFETY: the whole range is in bounds.
        unsafe { self.overwritten_at(at, array.kind, count) };
        for _ in 0..count {
            // SAFETY: the whole range is in bounds.
            unsafe {
                array.kind.write(at, value);
                at = at.add(1 << array.kind.size_log2());
            }
        }
        Ok(())
    }

    /// `array.copy`
    ///
    /// # Errors
    /// Null, or a range out of bounds; nothing is written then.
    pub(crate) fn array_copy(
        &mut self,
        dst: u32,
        dst_index: u32,
        src: u32,
        src_index: u32,
        count: u32,
    ) -> Result<(), TrapCode> {
        let (to, from) = (self.array(dst)?, self.array(src)?);
        let dst = to.range(dst_index, count)?;
        let src = from.range(src_index, count)?;
        // SAFETY: both ranges are in bounds, validation makes their elements equally large, and
        // `copy` allows overlap.
        unsafe { self.overwritten_at(dst, to.kind, count) };
        // SAFETY: as above.
        unsafe { core::ptr::copy(src, dst, (count as usize) << to.kind.size_log2()) };
        Ok(())
    }

    /// `array.init_data`: writes elements from their little-endian bytes in `data`, from byte
    /// `offset` on.
    ///
    /// # Errors
    /// Null, or a range out of bounds; nothing is written then.
    pub(crate) fn array_init_data(
        &self,
        reference: u32,
        index: u32,
        data: &[u8],
        offset: u32,
        count: u32,
    ) -> Result<(), TrapCode> {
        let array = self.array(reference)?;
        let at = array.range(index, count)?;
        let bytes = data_range(data, offset, count, array.kind)?;
        // SAFETY: the elements are in bounds; every supported platform is little-endian, and
        // `data` is not part of the heap.
        unsafe { core::ptr::copy_nonoverlapping(data[bytes.clone()].as_ptr(), at, bytes.len()) };
        Ok(())
    }

    /// `array.new_data`
    ///
    /// # Errors
    /// A range out of bounds, or a full heap.
    pub(crate) fn array_new_data(
        &mut self,
        ty: TypeId,
        data: &[u8],
        offset: u32,
        count: u32,
    ) -> Result<u32, TrapCode> {
        let layout = self.layout(ty).ok_or(TrapCode::CastFailure)?;
        if let GcLayout::Array { element } = layout {
            data_range(data, offset, count, element.kind)?;
        }
        let array = self.new_array(ty, count)?;
        self.array_init_data(array, 0, data, offset, count)?;
        Ok(array)
    }

    /// `array.init_elem` with the items of a segment.
    ///
    /// # Errors
    /// Null, or a range out of bounds; nothing is written then.
    pub(crate) fn array_init_elem(
        &mut self,
        reference: u32,
        index: u32,
        count: u32,
        mut item: impl FnMut(u32) -> u64,
    ) -> Result<(), TrapCode> {
        let array = self.array(reference)?;
        let mut at = array.range(index, count)?;
        // SAFETY: the whole range is in bounds.
        unsafe { self.overwritten_at(at, array.kind, count) };
        for i in 0..count {
            // SAFETY: the whole range is in bounds.
            unsafe {
                array.kind.write(at, [item(i), 0]);
                at = at.add(1 << array.kind.size_log2());
            }
        }
        Ok(())
    }

    /// Whether type `sub` is a subtype of `sup`, from a cache. No type has id 0, hence host values
    /// are of no such type.
    pub(crate) fn is_subtype(&mut self, sub: u32, sup: TypeId) -> bool {
        if sub == sup.get() {
            return true;
        }
        let Some(sub_id) = TypeId::from_raw(sub) else { return false };
        let slot = (sub ^ sup.get().rotate_left(3)) as usize % self.subtypes.0.len();
        let entry = &mut self.subtypes.0[slot];
        if (entry.0, entry.1) != (sub, sup.get()) {
            *entry = (sub, sup.get(), self.engine.types().is_subtype(sub_id, sup));
        }
        entry.2
    }

    /// `ref.test`: whether a reference, as a value slot of the same hierarchy, is of type `ty`.
    pub(crate) fn ref_test(&mut self, value: u64, ty: RefType) -> bool {
        if value == 0 {
            return ty.nullable;
        }
        use AbstractHeapType as H;
        match ty.heap {
            HeapType::Abstract(H::Func | H::Extern | H::Any | H::Exn) => true,
            HeapType::Abstract(H::None | H::NoFunc | H::NoExtern | H::NoExn) => false,
            HeapType::Abstract(heap) => {
                let reference = value as u32;
                let Some(header) = self.header(reference) else {
                    return matches!(heap, H::I31 | H::Eq);
                };
                match self.known_layout(header.type_id) {
                    Some(GcLayout::Struct { .. }) => matches!(heap, H::Struct | H::Eq),
                    Some(GcLayout::Array { .. }) => matches!(heap, H::Array | H::Eq),
                    None => false,
                }
            }
            HeapType::Concrete(ty) => {
                let is_func = self.engine.types().abstract_of(ty) == Some(H::Func);
                let found = if is_func {
                    // SAFETY: a reference in the function hierarchy that is not null is the
                    // address of a live record.
                    unsafe { (*(value as *const FuncRecord)).sig }
                } else {
                    match self.header(value as u32) {
                        Some(header) => header.type_id,
                        None => return false,
                    }
                };
                self.is_subtype(found, ty)
            }
        }
    }
}

/// Reads a value from slots and steps beyond it.
///
/// # Safety
/// `from` must point to a value of the kind.
unsafe fn load(from: &mut *const u64, kind: FieldKind) -> [u64; 2] {
    // SAFETY: the caller vouches for the slots; vectors take two.
    unsafe {
        let low = **from;
        let high = if kind == FieldKind::Vector { *from.add(1) } else { 0 };
        *from = from.add(if kind == FieldKind::Vector { 2 } else { 1 });
        [low, high]
    }
}

/// The bytes of `count` elements in a data segment.
fn data_range(
    data: &[u8],
    offset: u32,
    count: u32,
    kind: FieldKind,
) -> Result<Range<usize>, TrapCode> {
    let start = u64::from(offset);
    let end = start + (u64::from(count) << kind.size_log2());
    if end > data.len() as u64 {
        return Err(TrapCode::MemoryOutOfBounds);
    }
    Ok(start as usize..end as usize)
}

impl From<TrapCode> for ErrorKind {
    fn from(code: TrapCode) -> Self {
        Self::Trap(code)
    }
}
