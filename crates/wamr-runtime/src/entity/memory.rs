//! Memories: linear bytes that grow, the one implementation of what is done to them.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#memory-instances>

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use wamr_types::{MemoryType, TrapCode};

use crate::platform::Reservation;
use crate::vm::VmMemory;

/// Memories of up to this many bytes reserve their whole reach at once, so that growth never
/// moves them.
const FULL_RESERVATION_BYTES: u64 = 1 << 32;

/// A memory.
#[repr(C)]
pub struct MemoryEntity {
    vm: VmMemory,
    ty: MemoryType,
    storage: RefCell<Option<Reservation>>,
    pub(crate) mark: Cell<bool>,
}

impl MemoryEntity {
    /// Makes a memory of zeros; `None` where the system cannot provide it.
    pub(crate) fn new(ty: MemoryType) -> Option<Self> {
        let bytes = ty.limits.min.checked_mul(ty.page_size_bytes())?;
        let reach = ty.max_pages().saturating_mul(ty.page_size_bytes());
        let memory = Self {
            vm: VmMemory {
                base: AtomicPtr::new(core::ptr::dangling_mut::<u64>().cast()),
                len_bytes: AtomicUsize::new(0),
            },
            ty,
            storage: RefCell::new(None),
            mark: Cell::new(false),
        };
        let reserve = reach.min(FULL_RESERVATION_BYTES).max(bytes);
        memory.resize(usize::try_from(bytes).ok()?, usize::try_from(reserve).ok()?)?;
        Some(memory)
    }

    /// The part that running code reads.
    pub fn vm(&self) -> &VmMemory {
        &self.vm
    }

    /// The type as declared.
    pub fn declared_type(&self) -> MemoryType {
        self.ty
    }

    /// The type with the present size as its minimum.
    pub fn ty(&self) -> MemoryType {
        let mut ty = self.ty;
        ty.limits.min = self.size_pages();
        ty
    }

    /// The present size in pages.
    pub fn size_pages(&self) -> u64 {
        self.vm.len_bytes() as u64 >> self.ty.page_size_log2
    }

    /// Adds pages of zeros; the old size in pages, or `None` if the type's maximum or the
    /// system's memory does not allow it.
    pub fn grow(&self, delta_pages: u64) -> Option<u64> {
        let old = self.size_pages();
        let new = old.checked_add(delta_pages)?;
        if new > self.ty.max_pages() {
            return None;
        }
        let bytes = usize::try_from(new.checked_mul(self.ty.page_size_bytes())?).ok()?;
        self.resize(bytes, bytes)?;
        Some(old)
    }

    /// Makes the first `bytes` usable, moving to a reservation of at least `reserve` where the
    /// present one is too small.
    fn resize(&self, bytes: usize, reserve: usize) -> Option<()> {
        let mut storage = self.storage.borrow_mut();
        let fits = storage.as_ref().is_some_and(|storage| bytes <= storage.reserved_bytes());
        if !fits && (bytes > 0 || reserve > 0) {
            let grown = storage.as_ref().map_or(0, |storage| storage.reserved_bytes() * 2);
            let mut fresh =
                Reservation::new(reserve.max(grown)).or_else(|| Reservation::new(bytes))?;
            let len = self.vm.len_bytes();
            if !fresh.commit(bytes.max(len)) {
                return None;
            }
            // SAFETY: both ranges are committed for `len` bytes and belong to different
            // reservations.
            unsafe { core::ptr::copy_nonoverlapping(self.vm.base(), fresh.base(), len) };
            self.vm.base.store(fresh.base(), Ordering::Relaxed);
            *storage = Some(fresh);
        } else if let Some(storage) = storage.as_mut()
            && !storage.commit(bytes)
        {
            return None;
        }
        self.vm.len_bytes.store(bytes, Ordering::Relaxed);
        Some(())
    }

    /// The address of `offset`, if `len` bytes from there on lie in the memory.
    pub(crate) fn checked(&self, offset: u64, len: u64) -> Result<*mut u8, TrapCode> {
        let end = offset.checked_add(len).ok_or(TrapCode::MemoryOutOfBounds)?;
        if end > self.vm.len_bytes() as u64 {
            return Err(TrapCode::MemoryOutOfBounds);
        }
        // SAFETY: `offset <= end <= len_bytes`, the size of the allocation at `base`.
        Ok(unsafe { self.vm.base().add(offset as usize) })
    }

    /// `memory.fill`
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn fill(&self, dst: u64, value: u8, len: u64) -> Result<(), TrapCode> {
        let dst = self.checked(dst, len)?;
        // SAFETY: `checked` holds for the whole range.
        unsafe { core::ptr::write_bytes(dst, value, len as usize) };
        Ok(())
    }

    /// `memory.copy`, from a memory that may be the same.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn copy_from(
        &self,
        dst: u64,
        source: &MemoryEntity,
        src: u64,
        len: u64,
    ) -> Result<(), TrapCode> {
        let src = source.checked(src, len)?;
        let dst = self.checked(dst, len)?;
        // SAFETY: `checked` holds for both ranges; `copy` allows them to overlap.
        unsafe { core::ptr::copy(src, dst, len as usize) };
        Ok(())
    }

    /// `memory.init`: copies `len` bytes of `data` from `src` on.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn init(&self, dst: u64, data: &[u8], src: u64, len: u64) -> Result<(), TrapCode> {
        let end = src.checked_add(len).filter(|&end| end <= data.len() as u64);
        let end = end.ok_or(TrapCode::MemoryOutOfBounds)?;
        let dst = self.checked(dst, len)?;
        let data = &data[src as usize..end as usize];
        // SAFETY: `checked` holds for the destination; `data` is not guest memory.
        unsafe { core::ptr::copy_nonoverlapping(data.as_ptr(), dst, data.len()) };
        Ok(())
    }
}
