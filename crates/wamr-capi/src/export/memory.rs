//! Memories as C reaches them: sizes, addresses, and room for data.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};

use wamr::types::{ExternIdx, MemoryIdx};
use wamr::{AsContext, AsContextMut, Error, Memory, StoreContextMut};

use super::entity::with_memory;
use super::env;
use super::group::Data;
use super::handle::{self, Name};
use super::instance::Inst;
use super::{heap, text};

type GrowthFailed = extern "C" fn(u32, u64, u32, c_int, Name, Name, *mut c_void);

#[derive(Clone, Copy)]
struct Callback {
    run: GrowthFailed,
    user_data: *mut c_void,
}

// SAFETY: by the header's contract the callback may be called on any thread; its data is carried,
// never followed.
unsafe impl Send for Callback {}

static GROWTH_FAILED: Mutex<Option<Callback>> = Mutex::new(None);

/// `MAX_SIZE_REACHED`
const MAX_SIZE_REACHED: c_int = 1;

/// Tells the embedder that a memory does not grow, once nobody has the store any more.
pub(crate) fn tell_growth_failed(current_bytes: u64, delta_bytes: u64) {
    let callback = *GROWTH_FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Callback { run, user_data }) = callback else { return };
    let env = env::current();
    let inst = env.as_ref().map_or(null_mut(), |env| env.inst().name);
    let env = env.map_or(null_mut(), |env| env.name);
    let pages = u32::try_from(delta_bytes >> 16).unwrap_or(u32::MAX);
    crate::guard::defer(move || {
        run(pages, current_bytes, 0, MAX_SIZE_REACHED, inst, env, user_data);
    });
}

/// Nobody hears of failures any more.
pub(crate) fn forget_callback() {
    *GROWTH_FAILED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The address of the first byte.
pub(crate) fn base(
    mut store: StoreContextMut<'_, Data>,
    memory: &Memory,
) -> Result<*mut u8, Error> {
    match memory.shared(&store)? {
        Some(shared) => Ok(shared.data().as_ptr().cast::<u8>().cast_mut()),
        None => Ok(memory.data_mut(&mut store)?.as_mut_ptr()),
    }
}

fn len_bytes(store: impl AsContext<Data = Data>, memory: &Memory) -> Result<u64, Error> {
    let ty = memory.ty(&store)?;
    Ok(ty.limits.min.saturating_mul(ty.page_size_bytes()))
}

/// Something contiguous in an instance's address space: memory 0, or a heap that is shared.
struct Piece {
    /// Where guests find it.
    start: u64,
    /// Where the host finds it.
    base: usize,
    len: u64,
}

impl Piece {
    /// The first that a test holds for.
    fn find(inst: &Inst, is_it: impl Fn(&Self) -> bool) -> Option<Self> {
        let memory = inst.memory0()?;
        let memory = inst.with(|mut store| {
            let len = len_bytes(&store, &memory).ok()?;
            let base = base(store.as_context_mut(), &memory).ok()?;
            Some(Self { start: 0, base: base.expose_provenance(), len })
        })?;
        if is_it(&memory) {
            return Some(memory);
        }
        let chain = inst.shared_heap();
        let pieces = chain.as_ref()?.pieces().map(|piece| Self {
            start: piece.start,
            base: piece.region.base().expose_provenance(),
            len: piece.region.len_bytes() as u64,
        });
        pieces.into_iter().find(is_it)
    }

    /// What has an address of a guest's.
    fn of_guest(inst: &Inst, at: u64) -> Option<Self> {
        Self::find(inst, |piece| at.checked_sub(piece.start).is_some_and(|at| at < piece.len))
    }

    /// What has an address of the host's, and at which distance from its beginning.
    fn of_host(inst: &Inst, at: usize) -> Option<(Self, u64)> {
        let distance = |piece: &Self| at.checked_sub(piece.base).map(|at| at as u64);
        let is_it = |piece: &Self| distance(piece).is_some_and(|at| at < piece.len);
        let piece = Self::find(inst, is_it)?;
        let at = distance(&piece)?;
        Some((piece, at))
    }
}

fn contains(len: u64, offset: u64, size: u64) -> bool {
    offset.checked_add(size).is_some_and(|end| end <= len)
}

fn check(inst: &Inst, fits: bool) -> bool {
    if !fits {
        inst.set_exception(Some("out of bounds memory access"));
    }
    fits
}

fn alloc(inst: &Inst, size: u64, native: *mut *mut c_void) -> u64 {
    text::write(native, null_mut());
    let at = inst.memory0().and_then(|memory| {
        let group = inst.group()?;
        let at = group.run(|mut store| {
            let env = env::current().or_else(|| handle::get::<Inst>(inst.name)?.singleton())?;
            let _running = inst.running();
            let at = env::calling(&env, || heap::alloc(&mut store, inst, &memory, size));
            match at {
                Ok(0) => None,
                Ok(at) => {
                    let len = len_bytes(&store, &memory).ok()?;
                    let base = base(store.as_context_mut(), &memory).ok()?;
                    contains(len, at, size).then(|| (at, base.wrapping_add(at as usize)))
                }
                Err(error) => {
                    inst.fail(&error);
                    None
                }
            }
        });
        at.ok()?
    });
    let Some((at, pointer)) = at else { return 0 };
    text::write(native, pointer.cast());
    at
}

fn free(inst: &Inst, at: u64) {
    let (Some(memory), Some(group)) = (inst.memory0(), inst.group()) else { return };
    if at == 0 {
        return;
    }
    let _ = group.run(|mut store| {
        let env = env::current().or_else(|| handle::get::<Inst>(inst.name)?.singleton())?;
        let _running = inst.running();
        let freed = env::calling(&env, || heap::free(&mut store, inst, &memory, at));
        if let Err(error) = freed {
            inst.fail(&error);
        }
        Some(())
    });
}

/// Frees a block and leaves the exception as it is.
pub(crate) fn free_kept(inst: &Inst, at: u64) {
    let exception = inst.take_exception_text();
    free(inst, at);
    if let Some(exception) = exception {
        inst.set_exception(Some(&exception));
    }
}

/// Puts strings and a list of pointers to them into memory: the block, and where the list is.
pub(crate) fn put_strings(inst: &Inst, list: &[String], wide: bool) -> Option<(u64, u64)> {
    if list.is_empty() {
        return Some((0, 0));
    }
    let pointer_bytes = if wide { 8 } else { 4 };
    let texts: usize = list.iter().map(|text| text.len() + 1).sum();
    let texts = texts.next_multiple_of(8);
    let size = (texts + (list.len() + 1) * pointer_bytes) as u64;
    let at = alloc(inst, size, null_mut());
    if at == 0 {
        return None;
    }
    let mut bytes = Vec::with_capacity(size as usize);
    let mut pointers = Vec::with_capacity(list.len() + 1);
    for text in list {
        pointers.push(at + bytes.len() as u64);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes.resize(texts, 0);
    pointers.push(0);
    for pointer in pointers {
        bytes.extend_from_slice(&pointer.to_le_bytes()[..pointer_bytes]);
    }
    let memory = inst.memory0()?;
    inst.with(|store| memory.write(store, at as usize, &bytes).ok())?;
    Some((at, at + texts as u64))
}

fn grow(memory: Memory, mut store: StoreContextMut<'_, Data>, pages: u64) -> Option<()> {
    if memory.grow(&mut store, pages).is_ok() {
        return Some(());
    }
    // The limiter has told if there was a call to tell about.
    if !env::is_running() {
        let current = len_bytes(&store, &memory).unwrap_or(0);
        tell_growth_failed(current, pages.saturating_mul(1 << 16));
    }
    None
}

c_api! {
    fn wasm_runtime_get_default_memory(inst: Name) -> Name {
        wasm_runtime_get_memory(inst, 0)
    }

    fn wasm_runtime_get_memory(inst: Name, index: u32) -> Name {
        let Some(inst) = handle::get::<Inst>(inst) else { return null_mut() };
        inst.name_at(ExternIdx::Memory(MemoryIdx(index))).unwrap_or(null_mut())
    }

    fn wasm_memory_get_cur_page_count(memory: Name) -> u64 {
        with_memory(memory, |store, memory| memory.size(store).ok()).unwrap_or(0)
    }

    fn wasm_memory_get_max_page_count(memory: Name) -> u64 {
        with_memory(memory, |store, memory| memory.max_pages(store).ok()).unwrap_or(0)
    }

    fn wasm_memory_get_bytes_per_page(memory: Name) -> u64 {
        with_memory(memory, |store, memory| Some(memory.ty(store).ok()?.page_size_bytes()))
            .unwrap_or(0)
    }

    fn wasm_memory_get_shared(memory: Name) -> bool {
        with_memory(memory, |store, memory| Some(memory.ty(store).ok()?.shared)).unwrap_or(false)
    }

    fn wasm_memory_get_base_address(memory: Name) -> *mut c_void {
        let found = with_memory(memory, |store, memory| base(store, &memory).ok());
        found.map_or(null_mut(), <*mut u8>::cast)
    }

    fn wasm_memory_enlarge(memory: Name, pages: u64) -> bool {
        with_memory(memory, |store, memory| grow(memory, store, pages)).is_some()
    }

    fn wasm_runtime_enlarge_memory(inst: Name, pages: u64) -> bool {
        let Some(inst) = handle::get::<Inst>(inst) else { return false };
        let Some(memory) = inst.memory0() else { return false };
        inst.with(|store| grow(memory, store, pages)).is_some()
    }

    fn wasm_runtime_set_enlarge_mem_error_callback(
        callback: Option<GrowthFailed>,
        user_data: *mut c_void,
    ) {
        let callback = callback.map(|run| Callback { run, user_data });
        *GROWTH_FAILED.lock().unwrap_or_else(PoisonError::into_inner) = callback;
    }

    fn wasm_runtime_module_malloc(inst: Name, size: u64, native: *mut *mut c_void) -> u64 {
        handle::get::<Inst>(inst).map_or_else(
            || {
                text::write(native, null_mut());
                0
            },
            |inst| alloc(&inst, size, native),
        )
    }

    fn wasm_runtime_module_free(inst: Name, at: u64) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            free(&inst, at);
        }
    }

    fn wasm_runtime_module_dup_data(inst: Name, src: *const c_char, size: u64) -> u64 {
        let Some(inst) = handle::get::<Inst>(inst) else { return 0 };
        // What does not fit the memory is no size of anything that C has.
        let fits = Piece::of_guest(&inst, 0).is_some_and(|memory| size <= memory.len);
        let Some(len) = usize::try_from(size).ok().filter(|_| fits) else { return 0 };
        let bytes = text::slice(src.cast::<u8>(), len);
        if bytes.len() != len {
            return 0;
        }
        let at = alloc(&inst, size, null_mut());
        let Some(memory) = inst.memory0().filter(|_| at != 0) else { return 0 };
        let written = inst.with(|store| memory.write(store, at as usize, bytes).ok());
        if written.is_some() { at } else { 0 }
    }

    fn wasm_runtime_validate_app_addr(inst: Name, offset: u64, size: u64) -> bool {
        let Some(inst) = handle::get::<Inst>(inst) else { return false };
        check(&inst, reach(&inst, offset).is_some_and(|reach| size <= reach))
    }

    fn wasm_runtime_validate_app_str_addr(inst: Name, offset: u64) -> bool {
        let Some(inst) = handle::get::<Inst>(inst) else { return false };
        check(&inst, has_end(&inst, offset))
    }

    fn wasm_runtime_validate_native_addr(inst: Name, native: *mut c_void, size: u64) -> bool {
        let Some(inst) = handle::get::<Inst>(inst) else { return false };
        let found = Piece::of_host(&inst, native.addr());
        check(&inst, found.is_some_and(|(piece, at)| contains(piece.len, at, size)))
    }

    fn wasm_runtime_addr_app_to_native(inst: Name, offset: u64) -> *mut c_void {
        let piece = handle::get::<Inst>(inst).and_then(|inst| Piece::of_guest(&inst, offset));
        piece.map_or(null_mut(), |piece| {
            let at = piece.base + (offset - piece.start) as usize;
            std::ptr::with_exposed_provenance_mut(at)
        })
    }

    fn wasm_runtime_addr_native_to_app(inst: Name, native: *mut c_void) -> u64 {
        let inst = handle::get::<Inst>(inst);
        let found = inst.and_then(|inst| Piece::of_host(&inst, native.addr()));
        found.map_or(0, |(piece, at)| piece.start + at)
    }

    fn wasm_runtime_get_app_addr_range(
        inst: Name,
        offset: u64,
        start: *mut u64,
        end: *mut u64,
    ) -> bool {
        let piece = handle::get::<Inst>(inst).and_then(|inst| Piece::of_guest(&inst, offset));
        let Some(piece) = piece else { return false };
        text::write(start, piece.start);
        text::write(end, piece.start + piece.len);
        true
    }

    fn wasm_runtime_get_native_addr_range(
        inst: Name,
        native: *mut u8,
        start: *mut *mut u8,
        end: *mut *mut u8,
    ) -> bool {
        let found =
            handle::get::<Inst>(inst).and_then(|inst| Piece::of_host(&inst, native.addr()));
        let Some((piece, _)) = found else { return false };
        text::write(start, std::ptr::with_exposed_provenance_mut(piece.base));
        let end_at = piece.base + piece.len as usize;
        text::write(end, std::ptr::with_exposed_provenance_mut(end_at));
        true
    }
}

/// How many bytes there are from an address of a guest's on.
fn reach(inst: &Inst, offset: u64) -> Option<u64> {
    let memory = inst.memory0()?;
    inst.with(|store| memory.reach_bytes(store, offset).ok()?)
}

/// Whether there is a NUL between an address and the end of memory.
fn has_end(inst: &Arc<Inst>, offset: u64) -> bool {
    let Some(memory) = inst.memory0() else { return false };
    let found = inst.with(|store| {
        let (mut at, mut piece) = (offset, [0; 256]);
        let mut left = memory.reach_bytes(&store, offset).ok()??;
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            memory.read(&store, usize::try_from(at).ok()?, &mut piece[..size]).ok()?;
            if piece[..size].contains(&0) {
                return Some(());
            }
            at += size as u64;
            left -= size as u64;
        }
        None
    });
    found.is_some()
}
