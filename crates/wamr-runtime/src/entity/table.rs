//! Tables: elements that everybody shares, the one implementation of [`TableAccess`].
//! <https://webassembly.github.io/spec/core/exec/runtime.html#table-instances>

use core::cell::{Cell, RefCell};
use core::ptr;

use wamr_types::{AbstractHeapType, TableAccess, TableType, TrapCode};

use crate::platform::Reservation;
use crate::vm::{FuncRecord, Slot, VmTable};

/// The most elements that a table may have.
pub const MAX_TABLE_ELEMENTS: u64 = 10_000_000;

/// How many elements a table has room for that says no less: it never moves, and where addresses
/// have 32 bits there is no room for many of them. A table that is larger from the beginning has
/// room for no more than that.
const ROOM_ELEMENTS: u64 = if size_of::<usize>() > 4 { MAX_TABLE_ELEMENTS } else { 128 << 10 };

/// Tables that never take more bytes than this are allocated rather than reserved.
const SMALL_BYTES: usize = 32 << 10;

/// Where elements are. Their address never changes.
enum Storage {
    /// Address space for all that there may ever be.
    Reserved(Reservation),
    /// All that there may ever be, as zeroed words.
    Allocated(Vec<u64>),
}

impl Storage {
    fn new(bytes: usize) -> Option<Self> {
        if bytes <= SMALL_BYTES {
            return Some(Self::Allocated(vec![0; bytes.div_ceil(size_of::<u64>())]));
        }
        Reservation::new(bytes).map(Self::Reserved)
    }

    fn base(&mut self) -> *mut u8 {
        match self {
            Self::Reserved(storage) => storage.base(),
            Self::Allocated(storage) => storage.as_mut_ptr().cast(),
        }
    }

    /// Makes the first `bytes` usable; those that were not before are zero.
    fn commit(&mut self, bytes: usize) -> bool {
        match self {
            Self::Reserved(storage) => storage.commit(bytes),
            Self::Allocated(storage) => bytes <= size_of_val(&**storage),
        }
    }
}

/// A table.
#[repr(C)]
pub struct TableEntity {
    vm: VmTable,
    ty: TableType,
    /// Whether elements are [`Slot`]s rather than 8-byte references.
    funcs: bool,
    storage: RefCell<Storage>,
    pub(crate) mark: Cell<bool>,
}

impl TableEntity {
    /// Makes a table whose elements are all `value` (a reference as an 8-byte value); `None`
    /// where the system cannot provide it. `top` is the top of the element type's hierarchy.
    pub(crate) fn new(ty: TableType, top: AbstractHeapType, value: u64) -> Option<Self> {
        let funcs = top == AbstractHeapType::Func;
        let stride = if funcs { size_of::<Slot>() } else { size_of::<u64>() };
        let max = ty.limits.max.unwrap_or(u64::MAX).min(ROOM_ELEMENTS).max(ty.limits.min);
        if ty.limits.min > MAX_TABLE_ELEMENTS {
            return None;
        }
        let mut storage = Storage::new(usize::try_from(max).ok()?.checked_mul(stride)?)?;
        let table = Self {
            vm: VmTable { base: Cell::new(storage.base()), len: Cell::new(0) },
            ty,
            funcs,
            storage: RefCell::new(storage),
            mark: Cell::new(false),
        };
        table.grow(ty.limits.min, value)?;
        Some(table)
    }

    /// The part that running code reads.
    pub fn vm(&self) -> &VmTable {
        &self.vm
    }

    /// The type with the present size as its minimum.
    pub fn ty(&self) -> TableType {
        let mut ty = self.ty;
        ty.limits.min = self.size();
        ty
    }

    fn stride(&self) -> usize {
        if self.funcs { size_of::<Slot>() } else { size_of::<u64>() }
    }

    fn check(&self, start: u64, count: u64) -> Result<(), TrapCode> {
        match start.checked_add(count) {
            Some(end) if end <= self.vm.len.get() => Ok(()),
            _ => Err(TrapCode::TableOutOfBounds),
        }
    }

    /// The address of an element.
    ///
    /// # Safety
    /// `index` must not be beyond the table's committed part.
    unsafe fn at(&self, index: u64) -> *mut u8 {
        // SAFETY: the caller keeps the index inside the reservation.
        unsafe { self.vm.base.get().add(index as usize * self.stride()) }
    }

    /// # Safety
    /// `index` must lie in the committed part, and `value` be a reference of the element type.
    unsafe fn write(&self, index: u64, value: u64) {
        // SAFETY: the caller vouches for index and value.
        unsafe {
            let at = self.at(index);
            if self.funcs {
                let func = value as *const FuncRecord;
                let sig = if func.is_null() { 0 } else { (*func).sig };
                at.cast::<Slot>().write(Slot { sig, func });
            } else {
                at.cast::<u64>().write(value);
            }
        }
    }

    /// Every element as an 8-byte reference, for the tracer.
    pub(crate) fn for_each(&self, mut f: impl FnMut(u64)) {
        for index in 0..self.size() {
            f(self.get(index).unwrap_or(0));
        }
    }

    /// Replaces every reference to an object or an exception by what `f` makes of it.
    pub(crate) fn update_each(&self, f: impl Fn(u64) -> u64) {
        let count = if self.funcs { 0 } else { self.size() };
        for index in 0..count {
            // SAFETY: the index is below the length, and elements up to there are initialised.
            unsafe {
                let at = self.at(index).cast::<u64>();
                at.write(f(at.read()));
            }
        }
    }
}

impl TableAccess for TableEntity {
    type Ref = u64;

    fn size(&self) -> u64 {
        self.vm.len.get()
    }

    fn get(&self, index: u64) -> Result<u64, TrapCode> {
        self.check(index, 1)?;
        // SAFETY: the index is below the length, and elements up to there are initialised.
        unsafe {
            let at = self.at(index);
            Ok(if self.funcs { (*at.cast::<Slot>()).func as u64 } else { *at.cast::<u64>() })
        }
    }

    fn set(&self, index: u64, value: u64) -> Result<(), TrapCode> {
        self.check(index, 1)?;
        // SAFETY: the index is below the length.
        unsafe { self.write(index, value) };
        Ok(())
    }

    fn grow(&self, delta: u64, value: u64) -> Option<u64> {
        let old = self.size();
        let new = old.checked_add(delta)?;
        if new > self.ty.limits.max.unwrap_or(u64::MAX).min(MAX_TABLE_ELEMENTS) {
            return None;
        }
        if !self.storage.borrow_mut().commit(new as usize * self.stride()) {
            return None;
        }
        // Fresh memory is zero, which is null.
        if value != 0 {
            for index in old..new {
                // SAFETY: elements up to `new` are committed.
                unsafe { self.write(index, value) };
            }
        }
        self.vm.len.set(new);
        Some(old)
    }

    fn fill(&self, start: u64, value: u64, count: u64) -> Result<(), TrapCode> {
        self.check(start, count)?;
        for index in start..start + count {
            // SAFETY: the whole range is below the length.
            unsafe { self.write(index, value) };
        }
        Ok(())
    }

    fn copy_from(&self, dst: u64, source: &Self, src: u64, count: u64) -> Result<(), TrapCode> {
        source.check(src, count)?;
        self.check(dst, count)?;
        debug_assert_eq!(self.funcs, source.funcs, "validated: element types match");
        // SAFETY: both ranges are below their lengths, both tables have the same stride, and
        // `copy` allows overlap.
        unsafe {
            ptr::copy(source.at(src), self.at(dst), count as usize * self.stride());
        }
        Ok(())
    }

    fn init(
        &self,
        dst: u64,
        len: u64,
        src: u64,
        count: u64,
        mut item: impl FnMut(u64) -> u64,
    ) -> Result<(), TrapCode> {
        if src.checked_add(count).is_none_or(|end| end > len) {
            return Err(TrapCode::TableOutOfBounds);
        }
        self.check(dst, count)?;
        for i in 0..count {
            let value = item(src + i);
            // SAFETY: the whole range is below the length.
            unsafe { self.write(dst + i, value) };
        }
        Ok(())
    }
}
