//! Memories: linear bytes that grow, the one implementation of what is done to them.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#memory-instances>
//!
//! A guarded memory reserves all that a 32-bit address, a 32-bit offset and the width of an access
//! can reach, and commits exactly its bytes. Its base never changes, and running code that is
//! made for it compares nothing: accesses out of bounds fault (see [`crate::fault`]). Whether code
//! *may* be made so is known from the memory's kind, which never changes either.
//!
//! A shared memory is one [`LinearMemory`] that an entity in each of several stores holds. It
//! never moves; its length grows under a lock, and whoever reads a length may have to read it
//! again before a trap. Its bytes are accessed by the functions of [`super::bytes`] alone.
//!
//! A guarded memory that is not shared can have regions of the host's in its address space, behind
//! its end ([`HostRegion`]): their pages are mapped into its reservation, so that guarded accesses
//! reach them as they are. Whatever compares addresses with the memory's length finds them by
//! [`LinearMemory::find`], where the comparison fails. The memory does not grow into them.

use core::cell::Cell;
use core::ops::Deref;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;
use wamr_types::{IndexType, MemoryType, TrapCode};

use super::bytes;
use crate::engine::Tunables;
use crate::image::DataImage;
use crate::platform::{Reservation, fault};
use crate::region::HostRegion;
use crate::vm::VmMemory;

/// Memories of up to this many bytes reserve their whole reach at once, so that growth never
/// moves them; where addresses have 32 bits, the first few megabytes.
const FULL_RESERVATION_BYTES: u64 = if size_of::<usize>() > 4 { 1 << 32 } else { 8 << 20 };

/// How much a guarded memory reserves: 2^32 - 1 as address and as offset, and room for the
/// widest access behind both. Taking every offset in costs address space alone (some 16,000 such
/// memories fit into 47 bits), and spares backends a second kind of access.
pub const GUARDED_RESERVATION_BYTES: u64 = (8 << 30) + (64 << 10);

/// How accesses that are out of bounds are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryKind {
    /// By a fault of the access itself, or as for [`MemoryKind::Checked`].
    Guarded,
    /// By comparison with the length before the access.
    Checked,
}

impl MemoryKind {
    /// The kind that a memory of a type has unless the system refuses it the address space.
    /// Guarded are, where the engine asks for it, memories with 32-bit addresses whose size is a
    /// multiple of what the hardware can protect.
    pub fn wanted(ty: &MemoryType, tunables: &Tunables) -> Self {
        let is_guarded = fault::SUPPORTED
            && tunables.memory_guard
            && ty.index == IndexType::I32
            && ty.page_size_log2 == 16;
        if is_guarded { Self::Guarded } else { Self::Checked }
    }
}

/// A store's hold of a memory.
pub struct MemoryEntity {
    memory: Arc<LinearMemory>,
    pub(crate) mark: Cell<bool>,
}

impl MemoryEntity {
    /// Holds a memory, which stores hold one by one unless it is a shared one.
    pub(crate) fn new(memory: Arc<LinearMemory>) -> Self {
        Self { memory, mark: Cell::new(false) }
    }

    /// The memory itself.
    pub(crate) fn memory(&self) -> &Arc<LinearMemory> {
        &self.memory
    }
}

impl Deref for MemoryEntity {
    type Target = LinearMemory;

    fn deref(&self) -> &LinearMemory {
        &self.memory
    }
}

/// How the growth of a memory of a known size ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// The memory has grown.
    Done,
    /// The type's maximum or the system's memory does not allow it.
    Refused,
    /// The memory is of another size by now.
    Outdated,
}

/// A memory.
pub struct LinearMemory {
    vm: VmMemory,
    ty: MemoryType,
    kind: MemoryKind,
    /// What the embedder allows it to grow to.
    allowed_pages: AtomicU64,
    /// Locked while the memory grows.
    storage: Mutex<Option<Reservation>>,
    /// What of the host's is in its address space, by where it begins.
    regions: Mutex<Vec<Attached>>,
}

/// Bytes of the host's in a memory's address space.
struct Attached {
    offset: u64,
    region: HostRegion,
}

/// Where bytes of a range are.
struct Found {
    at: *mut u8,
    /// Whether other threads may be using them.
    is_shared: bool,
}

impl LinearMemory {
    /// Makes a memory of zeros; `None` where the system cannot provide it. It is checked where
    /// the system cannot provide a guarded one.
    pub(crate) fn new(ty: MemoryType, tunables: &Tunables) -> Option<Self> {
        let bytes = usize::try_from(ty.limits.min.checked_mul(ty.page_size_bytes())?).ok()?;
        if MemoryKind::wanted(&ty, tunables) == MemoryKind::Guarded
            && let Some(storage) = guarded_reservation(bytes)
        {
            let memory = Self::empty(ty, MemoryKind::Guarded);
            memory.vm.base.store(storage.base(), Ordering::Relaxed);
            *memory.storage.lock() = Some(storage);
            memory.resize(&mut memory.storage.lock(), bytes, bytes)?;
            return Some(memory);
        }
        let memory = Self::empty(ty, MemoryKind::Checked);
        let reach = ty.max_pages().saturating_mul(ty.page_size_bytes());
        if ty.shared {
            *memory.storage.lock() = Some(fixed_reservation(bytes, reach)?);
            memory.resize(&mut memory.storage.lock(), bytes, bytes)?;
            return Some(memory);
        }
        let reserve = reach.min(FULL_RESERVATION_BYTES).max(bytes as u64);
        memory.resize(&mut memory.storage.lock(), bytes, usize::try_from(reserve).ok()?)?;
        Some(memory)
    }

    fn empty(ty: MemoryType, kind: MemoryKind) -> Self {
        Self {
            vm: VmMemory {
                base: AtomicPtr::new(core::ptr::dangling_mut::<u64>().cast()),
                len_bytes: AtomicUsize::new(0),
            },
            ty,
            kind,
            allowed_pages: AtomicU64::new(u64::MAX),
            storage: Mutex::new(None),
            regions: Mutex::default(),
        }
    }

    /// The part that running code reads.
    pub fn vm(&self) -> &VmMemory {
        &self.vm
    }

    /// How accesses out of bounds are found.
    pub fn kind(&self) -> MemoryKind {
        self.kind
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

    /// How far it may grow.
    pub(crate) fn max_pages(&self) -> u64 {
        self.ty.max_pages().min(self.allowed_pages.load(Ordering::Relaxed))
    }

    /// Lowers how far it may grow; what it has stays.
    pub(crate) fn limit_pages(&self, pages: u64) {
        self.allowed_pages.fetch_min(pages, Ordering::Relaxed);
    }

    /// The present size in pages.
    pub fn size_pages(&self) -> u64 {
        self.vm.len_bytes.load(Ordering::SeqCst) as u64 >> self.ty.page_size_log2
    }

    /// Takes initial contents on, in place of zeros; false where that is impossible.
    pub(crate) fn map_image(&self, image: &DataImage) -> bool {
        let mut storage = self.storage.lock();
        let Some(storage) = storage.as_mut() else { return false };
        let Some(end) = image.offset.checked_add(image.len) else { return false };
        let fits = end <= storage.committed_bytes();
        storage.is_mapped_over();
        // SAFETY: the range is committed, and the one store that this memory belongs to is being
        // used by the caller alone; reservations and images begin with pages.
        fits && !self.ty.shared && unsafe { image.image.map(self.vm.base().add(image.offset)) }
    }

    /// Adds pages of zeros; the old size in pages, or `None` if the type's maximum or the
    /// system's memory does not allow it.
    pub fn grow(&self, delta_pages: u64) -> Option<u64> {
        let mut storage = self.storage.lock();
        let old = self.size_pages();
        self.grow_locked(&mut storage, old, delta_pages)?;
        Some(old)
    }

    /// Adds pages of zeros if the size is `old_pages`: what was allowed for that size.
    pub(crate) fn grow_from(&self, old_pages: u64, delta_pages: u64) -> Growth {
        let mut storage = self.storage.lock();
        if self.size_pages() != old_pages {
            return Growth::Outdated;
        }
        let grown = self.grow_locked(&mut storage, old_pages, delta_pages);
        if grown.is_some() { Growth::Done } else { Growth::Refused }
    }

    fn grow_locked(
        &self,
        storage: &mut Option<Reservation>,
        old_pages: u64,
        delta_pages: u64,
    ) -> Option<()> {
        let new = old_pages.checked_add(delta_pages)?;
        if new > self.max_pages() {
            return None;
        }
        let bytes = usize::try_from(new.checked_mul(self.ty.page_size_bytes())?).ok()?;
        self.resize(storage, bytes, bytes)
    }

    /// Makes the first `bytes` usable, moving to a reservation of at least `reserve` where the
    /// present one is too small; a shared memory does not move.
    fn resize(
        &self,
        storage: &mut Option<Reservation>,
        bytes: usize,
        reserve: usize,
    ) -> Option<()> {
        let fits = storage.as_ref().is_some_and(|storage| bytes <= storage.reserved_bytes());
        if !fits && self.ty.shared {
            return None;
        }
        if !fits && (bytes > 0 || reserve > 0) {
            let grown =
                storage.as_ref().map_or(0, |storage| storage.reserved_bytes().saturating_mul(2));
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
        } else if let Some(storage) = storage.as_mut() {
            if !storage.commit(bytes) {
                return None;
            }
            self.vm.base.store(storage.base(), Ordering::Relaxed);
        }
        // What is committed is so for all threads before any of them can see the length.
        self.vm.len_bytes.store(bytes, Ordering::SeqCst);
        Some(())
    }

    /// The address of `offset`, if `len` bytes from there on lie in the memory, or in what of the
    /// host's is attached to it.
    pub(crate) fn checked(&self, offset: u64, len: u64) -> Result<*mut u8, TrapCode> {
        Ok(self.find(offset, len)?.at)
    }

    fn find(&self, offset: u64, len: u64) -> Result<Found, TrapCode> {
        let end = offset.checked_add(len).ok_or(TrapCode::MemoryOutOfBounds)?;
        if end > self.vm.len_bytes() as u64 {
            return self.find_attached(offset, end);
        }
        // SAFETY: `offset <= end <= len_bytes`, the size of the allocation at `base`.
        let at = unsafe { self.vm.base().add(offset as usize) };
        Ok(Found { at, is_shared: self.ty.shared })
    }

    #[cold]
    fn find_attached(&self, offset: u64, end: u64) -> Result<Found, TrapCode> {
        let regions = self.regions.lock();
        let found = regions.iter().find_map(|Attached { offset: start, region }| {
            let at = offset.checked_sub(*start)?;
            let fits = end - start <= region.len_bytes() as u64;
            fits.then(|| Found { at: region.base().wrapping_add(at as usize), is_shared: true })
        });
        found.ok_or(TrapCode::MemoryOutOfBounds)
    }

    /// How many bytes from `offset` on are there without a gap; `None` for nothing at all.
    pub(crate) fn reach(&self, offset: u64) -> Option<u64> {
        let own = (self.vm.len_bytes() as u64).checked_sub(offset);
        if own.is_some_and(|reach| reach > 0) {
            return own;
        }
        let regions = self.regions.lock();
        // What ends at an address does not have it.
        let attached = regions.iter().find_map(|Attached { offset: start, region }| {
            let reach = (region.len_bytes() as u64).checked_sub(offset.checked_sub(*start)?)?;
            (reach > 0).then_some(reach)
        });
        attached.or(own)
    }

    /// What is attached, and where.
    pub(crate) fn attached(&self) -> Vec<(u64, HostRegion)> {
        let regions = self.regions.lock();
        regions.iter().map(|attached| (attached.offset, attached.region.clone())).collect()
    }

    /// Puts bytes of the host's into the address space.
    ///
    /// # Errors
    /// Why that is impossible; nothing has changed then.
    pub(crate) fn attach(&self, offset: u64, region: &HostRegion) -> Result<(), &'static str> {
        if self.kind != MemoryKind::Guarded {
            return Err("accesses to the memory are checked");
        }
        if self.ty.shared {
            return Err("the memory is shared with other threads");
        }
        let end = offset.checked_add(region.len_bytes() as u64);
        if end.is_none_or(|end| end > 1 << 32) {
            return Err("addresses of the memory do not reach so far");
        }
        let mut storage = self.storage.lock();
        let mut regions = self.regions.lock();
        let is_free = |attached: &Attached| {
            let (start, len) = (attached.offset, attached.region.len_bytes() as u64);
            end.is_some_and(|end| end <= start) || offset >= start + len
        };
        if !regions.iter().all(is_free) {
            return Err("something else is there");
        }
        let is_mapped = storage.as_mut().is_some_and(|it| it.map(offset as usize, region.pages()));
        if !is_mapped {
            return Err("the memory is in the way, or the system refuses");
        }
        regions.push(Attached { offset, region: region.clone() });
        Ok(())
    }

    /// Takes all bytes of the host's out of the address space.
    ///
    /// # Errors
    /// If the system refuses; they stay then.
    ///
    /// # Safety
    /// No accesses to them may be under way.
    pub(crate) unsafe fn detach_all(&self) -> Result<(), &'static str> {
        let mut storage = self.storage.lock();
        let mut regions = self.regions.lock();
        let Some(start) = regions.iter().map(|attached| attached.offset).min() else {
            return Ok(());
        };
        let ends = regions.iter().map(|it| it.offset + it.region.len_bytes() as u64);
        let len = (ends.max().unwrap_or(start) - start) as usize;
        // SAFETY: the caller's promise; what lies between regions is reserved alone.
        let is_unmapped =
            storage.as_mut().is_some_and(|it| unsafe { it.unmap(start as usize, len) });
        if !is_unmapped {
            return Err("the system refuses");
        }
        regions.clear();
        Ok(())
    }

    /// `memory.fill`
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn fill(&self, dst: u64, value: u8, len: u64) -> Result<(), TrapCode> {
        let dst = self.find(dst, len)?;
        // SAFETY: `find` holds for the whole range.
        unsafe {
            if dst.is_shared {
                bytes::fill(dst.at, value, len as usize);
            } else {
                core::ptr::write_bytes(dst.at, value, len as usize);
            }
        }
        Ok(())
    }

    /// `memory.copy`, from a memory that may be the same.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn copy_from(
        &self,
        dst: u64,
        source: &LinearMemory,
        src: u64,
        len: u64,
    ) -> Result<(), TrapCode> {
        let src = source.find(src, len)?;
        let dst = self.find(dst, len)?;
        // SAFETY: `find` holds for both ranges, which may overlap. What is not shared is used
        // by the caller alone.
        unsafe {
            if dst.is_shared || src.is_shared {
                bytes::copy(src.at, dst.at, len as usize);
            } else {
                core::ptr::copy(src.at, dst.at, len as usize);
            }
        }
        Ok(())
    }

    /// `memory.init`: copies `len` bytes of `data` from `src` on.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub fn init(&self, dst: u64, data: &[u8], src: u64, len: u64) -> Result<(), TrapCode> {
        let end = src.checked_add(len).filter(|&end| end <= data.len() as u64);
        let end = end.ok_or(TrapCode::MemoryOutOfBounds)?;
        let data = &data[src as usize..end as usize];
        self.write(dst, data)
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub(crate) fn write(&self, dst: u64, from: &[u8]) -> Result<(), TrapCode> {
        let dst = self.find(dst, from.len() as u64)?;
        // SAFETY: `find` holds for the destination; `from` is not guest memory.
        unsafe {
            if dst.is_shared {
                bytes::copy(from.as_ptr(), dst.at, from.len());
            } else {
                core::ptr::copy_nonoverlapping(from.as_ptr(), dst.at, from.len());
            }
        }
        Ok(())
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is read.
    pub(crate) fn read(&self, src: u64, to: &mut [u8]) -> Result<(), TrapCode> {
        let src = self.find(src, to.len() as u64)?;
        // SAFETY: `find` holds for the source; `to` is not guest memory.
        unsafe {
            if src.is_shared {
                bytes::copy(src.at, to.as_mut_ptr(), to.len());
            } else {
                core::ptr::copy_nonoverlapping(src.at, to.as_mut_ptr(), to.len());
            }
        }
        Ok(())
    }
}

/// Address space for a memory that must not move: all that it can reach, or as much of that as
/// the system grants, but room for `bytes` at least.
fn fixed_reservation(bytes: usize, reach: u64) -> Option<Reservation> {
    let mut wanted = usize::try_from(reach).unwrap_or(usize::MAX / 2).max(bytes);
    loop {
        if let Some(storage) = Reservation::new(wanted) {
            return Some(storage);
        }
        if wanted <= bytes.max(1) {
            return None;
        }
        wanted = (wanted / 2).max(bytes).max(1);
    }
}

/// The address space of a guarded memory, with somebody to tell its faults.
fn guarded_reservation(bytes: usize) -> Option<Reservation> {
    if !fault::install() {
        return None;
    }
    Reservation::with_committed(usize::try_from(GUARDED_RESERVATION_BYTES).ok()?, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::REFUSED_ABOVE;

    const PAGES: MemoryType = MemoryType {
        limits: wamr_types::Limits { min: 1, max: Some(3) },
        index: IndexType::I32,
        shared: false,
        page_size_log2: 16,
    };

    fn kind(ty: MemoryType) -> MemoryKind {
        LinearMemory::new(ty, &Tunables::default()).expect("memory").kind()
    }

    #[test]
    fn the_kind_follows_from_type_and_tunables() {
        let wanted = if fault::SUPPORTED { MemoryKind::Guarded } else { MemoryKind::Checked };
        assert_eq!(kind(PAGES), wanted);
        assert_eq!(kind(MemoryType { index: IndexType::I64, ..PAGES }), MemoryKind::Checked);
        assert_eq!(kind(MemoryType { page_size_log2: 0, ..PAGES }), MemoryKind::Checked);
        let tunables = Tunables { memory_guard: false, ..Tunables::default() };
        let memory = LinearMemory::new(PAGES, &tunables).expect("memory");
        assert_eq!(memory.kind(), MemoryKind::Checked);
    }

    #[test]
    fn memories_are_checked_where_address_space_is_refused() {
        REFUSED_ABOVE.set(1 << 20);
        let memory = LinearMemory::new(PAGES, &Tunables::default()).expect("memory");
        assert_eq!(memory.kind(), MemoryKind::Checked);
        assert_eq!((memory.grow(2), memory.grow(1), memory.size_pages()), (Some(1), None, 3));
        REFUSED_ABOVE.set(usize::MAX);
    }

    #[test]
    fn shared_memories_never_move() {
        let shared = MemoryType { shared: true, ..PAGES };
        for memory_guard in [true, false] {
            let tunables = Tunables { memory_guard, ..Tunables::default() };
            let memory = LinearMemory::new(shared, &tunables).expect("memory");
            let base = memory.vm().base();
            assert_eq!((memory.grow(1), memory.grow_from(1, 1)), (Some(1), Growth::Outdated));
            assert_eq!(
                (memory.grow_from(2, 1), memory.grow_from(3, 1)),
                (Growth::Done, Growth::Refused)
            );
            assert_eq!((memory.vm().base(), memory.size_pages()), (base, 3));
        }
    }

    #[test]
    fn shared_memories_reserve_what_there_is() {
        REFUSED_ABOVE.set(1 << 20);
        let limits = wamr_types::Limits { min: 1, max: Some(1 << 16) };
        let memory =
            LinearMemory::new(MemoryType { shared: true, limits, ..PAGES }, &Tunables::default());
        let memory = memory.expect("memory");
        assert_eq!((memory.grow(15), memory.grow(1), memory.size_pages()), (Some(1), None, 16));
        REFUSED_ABOVE.set(usize::MAX);
    }

    #[test]
    fn guarded_memories_never_move() {
        let memory = LinearMemory::new(PAGES, &Tunables::default()).expect("memory");
        let base = memory.vm().base();
        assert_eq!(memory.grow(2), Some(1));
        assert!(memory.kind() == MemoryKind::Checked || memory.vm().base() == base);
        assert!(memory.fill(0, 1, 3 << 16).is_ok() && memory.fill(1, 1, 3 << 16).is_err());
    }
}
