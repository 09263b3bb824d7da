//! What the runtime knows of machine code: where it is, and what its addresses mean.
//!
//! An image is a range of executable memory with tables beside it, both made by a backend. All
//! images are in one registry of the process, which is read without locks: by whoever walks
//! frames, and by the handler of faults.

use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use smallvec::SmallVec;
use wamr_types::TrapCode;

use super::table::{Table, TableItem};
use crate::module::WeakModule;

/// What addresses of an image mean. All offsets count from the image's first byte, and all
/// tables are sorted by their first field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTables {
    /// Every function.
    pub funcs: Table<FuncRange>,
    /// Every instruction that may fault.
    pub traps: Table<TrapSite>,
    /// Every call that may fail.
    pub calls: Table<CallSite>,
    /// Those calls that something catches exceptions of.
    pub handlers: Table<HandlerSite>,
    /// What [`HandlerSite`]s refer to.
    pub clauses: Table<Clause>,
    /// For sites in bodies that were inlined, the frames that one frame stands for there, innermost
    /// first. Their first field is the same for all frames of a site.
    pub inlined: Table<InlinedFrame>,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FuncRange {
    /// The offset of its first byte.
    pub start: u32,
    /// How many bytes it takes.
    pub len_bytes: u32,
    /// Its index in the module.
    pub func: u32,
}

/// An instruction that may fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TrapSite {
    /// The offset of the instruction.
    pub at: u32,
    /// Which trap a fault is: a [`TrapCode`] as a number.
    pub code: u32,
    /// The offset of the operator in the module; [`NO_POSITION`] if that is not known.
    pub position: u32,
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CallSite {
    /// The offset of the return address.
    pub at: u32,
    /// As [`TrapSite::position`].
    pub position: u32,
}

/// A call whose exceptions may be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct HandlerSite {
    /// The offset of the return address.
    pub at: u32,
    /// How far the stack pointer is below the frame pointer.
    pub frame_bytes: u32,
    /// Where the frame has the context, as a distance from the stack pointer.
    pub context: u32,
    /// The position of the first of the clauses, which are tried in order.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

/// What catches an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Clause {
    /// The tag by its index in the module; [`ALL_TAGS`] for every exception.
    pub tag: u32,
    /// What becomes of the exception: [`Keep`](crate::rt::Keep) as a number.
    pub keep: u32,
    /// The offset of the code that goes on.
    pub target: u32,
}

/// A frame that there is none of, since its function's body was inlined, or the one that it is part
/// of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct InlinedFrame {
    /// Which site it is about: see [`InlinedFrame::trap`] and [`InlinedFrame::call`].
    pub site: u32,
    /// The function's index in the module.
    pub func: u32,
    /// As [`TrapSite::position`]; that of the call, but for the innermost frame of a trap.
    pub position: u32,
}

impl InlinedFrame {
    /// The site of the trap at an offset, which is below 2 GiB.
    pub const fn trap(at: u32) -> u32 {
        2 * at
    }

    /// The site of the call that returns to an offset, which is below 2 GiB.
    pub const fn call(at: u32) -> u32 {
        2 * at + 1
    }
}

// SAFETY: all of them are declared above with such fields and such a layout.
unsafe impl TableItem for FuncRange {}
// SAFETY: as above.
unsafe impl TableItem for TrapSite {}
// SAFETY: as above.
unsafe impl TableItem for CallSite {}
// SAFETY: as above.
unsafe impl TableItem for HandlerSite {}
// SAFETY: as above.
unsafe impl TableItem for Clause {}
// SAFETY: as above.
unsafe impl TableItem for InlinedFrame {}

/// The offset of what has none.
pub const NO_POSITION: u32 = u32::MAX;
/// The tag of a clause that catches everything.
pub const ALL_TAGS: u32 = u32::MAX;

/// The item of a sorted table whose key is `key`.
fn find<T>(table: &[T], key: u32, key_of: impl Fn(&T) -> u32) -> Option<&T> {
    table.binary_search_by_key(&key, key_of).ok().map(|position| &table[position])
}

impl CodeTables {
    fn func_at(&self, at: u32) -> Option<u32> {
        let position = self.funcs.partition_point(|func| func.start <= at);
        let func = &self.funcs[position.checked_sub(1)?];
        (at - func.start < func.len_bytes).then_some(func.func)
    }
}

/// Executable memory that is known to the process, until this is dropped.
#[derive(Debug)]
pub struct CodeImage {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: usize,
    len: usize,
    tables: CodeTables,
    module: OnceLock<WeakModule>,
}

impl CodeImage {
    /// Makes an image known. Faults at its trap sites become traps from now on.
    ///
    /// # Safety
    /// `base` must be the address of `len` bytes of compiled code that follow the convention of
    /// [`super`], and the tables must say the truth about it, as long as the value lives. Its
    /// functions must keep a frame pointer.
    pub unsafe fn register(base: *const u8, len: usize, tables: CodeTables) -> Self {
        crate::platform::fault::install_for_code();
        let inner = Box::new(Inner { base: base.addr(), len, tables, module: OnceLock::new() });
        if len == 0 {
            // No address is in it, and it could begin where another one does and hide that.
            return Self { inner };
        }
        change(|images| {
            let position = images.partition_point(|image| image.start < inner.base);
            let (start, image) = (inner.base, &raw const *inner);
            images.insert(position, Entry { start, image });
        });
        Self { inner }
    }

    /// Says whose code it is, for backtraces.
    pub fn set_module(&self, module: WeakModule) {
        let _ = self.inner.module.set(module);
    }
}

impl Drop for CodeImage {
    fn drop(&mut self) {
        let image = &raw const *self.inner;
        change(|images| images.retain(|entry| entry.image != image));
    }
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    image: *const Inner,
}

/// A sorted list of images. It is replaced as a whole, so that it can be read at any time.
static IMAGES: AtomicPtr<Vec<Entry>> = AtomicPtr::new(core::ptr::null_mut());
/// How many threads are reading a list.
static READERS: AtomicUsize = AtomicUsize::new(0);
static WRITER: Mutex<()> = Mutex::new(());

fn change(edit: impl FnOnce(&mut Vec<Entry>)) {
    let _guard = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let old = IMAGES.load(Ordering::Acquire);
    // SAFETY: the list is freed by a writer alone, and this is the only one.
    let mut images = unsafe { old.as_ref() }.cloned().unwrap_or_default();
    edit(&mut images);
    IMAGES.store(Box::into_raw(Box::new(images)), Ordering::SeqCst);
    // Who reads the old list has said so before the new one was stored. Reading takes no time.
    while READERS.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    if !old.is_null() {
        // SAFETY: it came from a box, nobody reads it any more, and new readers find the new one.
        drop(unsafe { Box::from_raw(old) });
    }
}

/// A place in an image.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    image: *const Inner,
    at: u32,
}

/// The image that an address is in. Takes no locks and allocates nothing.
pub(crate) fn place_of(pc: usize) -> Option<Place> {
    READERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: no list is freed while somebody reads, and images leave the list before they go.
    let found = unsafe { IMAGES.load(Ordering::SeqCst).as_ref() }.and_then(|images| {
        let position = images.partition_point(|image| image.start <= pc).checked_sub(1)?;
        let image = images[position].image;
        // SAFETY: as above.
        let at = pc - unsafe { (*image).base };
        // SAFETY: as above.
        (at < unsafe { (*image).len }).then_some(Place { image, at: at as u32 })
    });
    READERS.fetch_sub(1, Ordering::SeqCst);
    found
}

impl Place {
    /// # Safety
    /// Code of the image must be running on this thread, so that the image stays.
    unsafe fn image<'a>(self) -> &'a Inner {
        // SAFETY: the caller says that it is there.
        unsafe { &*self.image }
    }

    /// The trap that a fault here is.
    ///
    /// # Safety
    /// As for all methods: code of the image must be running on this thread.
    pub(crate) unsafe fn trap(self) -> Option<TrapCode> {
        // SAFETY: the caller's promise.
        let site = find(&unsafe { self.image() }.tables.traps, self.at, |site| site.at)?;
        TrapCode::from_raw(site.code as u8)
    }

    /// Whose code it is.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn module(self) -> Option<crate::Module> {
        // SAFETY: the caller's promise.
        unsafe { self.image() }.module.get()?.upgrade()
    }

    /// The frames that are here, innermost first: the function's index, and the offset in the
    /// module of the operator that faulted here, or of the call that returns here. More than one
    /// where functions were inlined, and none where nothing is known.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn frames(self, is_return: bool) -> SmallVec<[(u32, Option<usize>); 1]> {
        // SAFETY: the caller's promise.
        let tables = &unsafe { self.image() }.tables;
        let position = |at: u32| (at != NO_POSITION).then_some(at as usize);
        let site = self.at.checked_mul(2).map(|site| site + u32::from(is_return));
        if let Some(site) = site {
            let first = tables.inlined.partition_point(|frame| frame.site < site);
            let frames = tables.inlined[first..].iter().take_while(|frame| frame.site == site);
            let frames: SmallVec<[_; 1]> =
                frames.map(|frame| (frame.func, position(frame.position))).collect();
            if !frames.is_empty() {
                return frames;
            }
        }
        // A return address may be behind the function.
        let func = tables.func_at(self.at - u32::from(is_return));
        let at = if is_return {
            find(&tables.calls, self.at, |site| site.at).map(|site| site.position)
        } else {
            find(&tables.traps, self.at, |site| site.at).map(|site| site.position)
        };
        func.zip(at).map(|(func, at)| (func, position(at))).into_iter().collect()
    }

    /// Who catches exceptions of the call that returns here.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn handlers<'a>(self) -> Option<(&'a HandlerSite, &'a [Clause])> {
        // SAFETY: the caller's promise.
        let tables = &unsafe { self.image() }.tables;
        let site = find(&tables.handlers, self.at, |site| site.at)?;
        let first = site.first as usize;
        Some((site, tables.clauses.get(first..first + site.count as usize)?))
    }

    /// The address of code of the same image.
    ///
    /// # Safety
    /// As above.
    pub(crate) unsafe fn address(self, offset: u32) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.image() }.base + offset as usize
    }
}

/// A compiled function in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompiledCode {
    /// The module.
    pub module: crate::Module,
    /// The function.
    pub func: wamr_types::FuncIdx,
    /// The address of its first byte.
    pub start: usize,
    /// How many bytes it takes.
    pub len_bytes: usize,
}

/// All compiled functions of the process, for debuggers and profilers. What belongs to no module
/// any more is left out.
pub fn compiled_code() -> Vec<CompiledCode> {
    // Dropped behind the guard, as the last user of a module gives its images back, which takes the
    // lock too.
    let mut modules = Vec::new();
    let _guard = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the list is freed by a writer alone, and this keeps writers out.
    let images = unsafe { IMAGES.load(Ordering::Acquire).as_ref() };
    let mut found = Vec::new();
    for entry in images.into_iter().flatten() {
        // SAFETY: images leave the list before they go, which takes the lock.
        let image = unsafe { &*entry.image };
        let Some(module) = image.module.get().and_then(WeakModule::upgrade) else { continue };
        found.extend(image.tables.funcs.iter().map(|func| CompiledCode {
            module: module.clone(),
            func: wamr_types::FuncIdx(func.func),
            start: image.base + func.start as usize,
            len_bytes: func.len_bytes as usize,
        }));
        modules.push(module);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_while_their_image_lives() {
        let code = [0xcc_u8; 64];
        let tables = CodeTables {
            funcs: vec![FuncRange { start: 0, len_bytes: 32, func: 7 }].into(),
            traps: vec![TrapSite { at: 4, code: 2, position: 99 }].into(),
            ..CodeTables::default()
        };
        let inside = code.as_ptr().addr() + 4;
        assert!(place_of(inside).is_none());
        // SAFETY: nobody runs it, and nobody else knows the memory.
        let image = unsafe { CodeImage::register(code.as_ptr(), code.len(), tables) };
        let place = place_of(inside).expect("it is registered");
        // SAFETY: the image stays until the end of the test.
        assert_eq!(unsafe { place.trap() }, Some(TrapCode::MemoryOutOfBounds));
        assert_eq!(image.inner.tables.func_at(31), Some(7));
        assert_eq!(image.inner.tables.func_at(32), None);
        assert!(place_of(inside + 64).is_none());
        drop(image);
        assert!(place_of(inside).is_none());
    }
}
