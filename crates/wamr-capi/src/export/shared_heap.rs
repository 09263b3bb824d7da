//! Heaps of the host's that several instances have in their address space, at its end.
//!
//! A heap is a [`HostRegion`], whose pages are mapped behind the end of memory 0 of each instance
//! that it is attached to (`wamr_runtime`'s `Memory::attach_region`). Heaps that are chained stand
//! one before the other, the last one at the end. Blocks are managed outside of the bytes.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wamr::HostRegion;

use super::env::Env;
use super::handle::{self, Name};
use super::instance::Inst;
use super::native::NativeDef;
use super::runtime::Runtime;
use super::text;
use crate::memory::pool::{ALIGNMENT, Pool};

/// Behind the last address of a guest.
const END: u64 = 1 << 32;
/// Sizes are multiples of this.
const PAGE_BYTES: u64 = 4096;
/// Beyond this no heap is made.
const MAX_BYTES: u64 = 1 << 30;

/// Nor a longer chain of them.
const MAX_CHAIN_BYTES: u64 = 3 << 30;

/// `SharedHeapInitArgs`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SharedHeapInitArgs {
    pub(crate) size: u32,
    pub(crate) pre_allocated_addr: *mut c_void,
}

/// A heap.
pub(crate) struct SharedHeap {
    name: Name,
    region: HostRegion,
    /// What blocks there are; a buffer of the embedder's has none.
    pool: Option<Mutex<Pool>>,
    links: Mutex<Links>,
}

/// What changes while [`CHAINS`] is locked alone.
#[derive(Default)]
struct Links {
    next: Option<Arc<SharedHeap>>,
    /// Whether another heap stands before this one.
    is_body: bool,
    /// How many instances have the chain that begins here.
    attached: usize,
}

/// Locked by whoever changes a chain, or attaches one.
static CHAINS: Mutex<()> = Mutex::new(());

/// Where the heaps are whose blocks are managed here, and how many there are.
static MANAGED: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());
static MANAGED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether the host finds something of a heap at an address.
pub(crate) fn has(address: usize) -> bool {
    MANAGED_COUNT.load(Ordering::Acquire) != 0
        && lock(&MANAGED).iter().any(|range| range.contains(&address))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A heap in the address space of an instance.
pub(crate) struct Piece {
    /// Where guests find it.
    pub(crate) start: u64,
    pub(crate) region: HostRegion,
}

/// The bytes of a heap, and what manages them.
fn make(args: SharedHeapInitArgs) -> Option<(HostRegion, Option<Mutex<Pool>>)> {
    let size = u64::from(args.size).next_multiple_of(PAGE_BYTES);
    if args.size == 0 || size > MAX_BYTES {
        return None;
    }
    let len = usize::try_from(size).ok()?;
    let buffer = args.pre_allocated_addr.cast::<u8>();
    if buffer.is_null() {
        let region = HostRegion::new(len).ok()?;
        let pool = Pool::new(region.base().expose_provenance(), len)?;
        return Some((region, Some(Mutex::new(pool))));
    }
    if size != u64::from(args.size) {
        return None;
    }
    // SAFETY: the header says what buffers there may be.
    Some((unsafe { HostRegion::over(buffer, len) }.ok()?, None))
}

// SAFETY: the name is carried, never followed.
unsafe impl Send for SharedHeap {}
// SAFETY: as above.
unsafe impl Sync for SharedHeap {}

impl Drop for SharedHeap {
    fn drop(&mut self) {
        if self.pool.is_some() {
            let mut managed = lock(&MANAGED);
            managed.retain(|range| range.start != self.region.base().addr());
            MANAGED_COUNT.store(managed.len(), Ordering::Release);
        }
    }
}

impl SharedHeap {
    fn new(name: Name, region: HostRegion, pool: Option<Mutex<Pool>>) -> Self {
        if pool.is_some() {
            let start = region.base().addr();
            let mut managed = lock(&MANAGED);
            managed.push(start..start + region.len_bytes());
            MANAGED_COUNT.store(managed.len(), Ordering::Release);
        }
        Self { name, region, pool, links: Mutex::default() }
    }

    /// The chain that begins here, with where each of its heaps stands.
    fn chain(self: &Arc<Self>) -> Vec<(u64, Arc<Self>)> {
        let mut heaps = vec![self.clone()];
        while let Some(next) = heaps.last().and_then(|heap| lock(&heap.links).next.clone()) {
            heaps.push(next);
        }
        let mut end = END;
        let mut placed: Vec<_> = heaps
            .into_iter()
            .rev()
            .map(|heap| {
                end -= heap.region.len_bytes() as u64;
                (end, heap)
            })
            .collect();
        placed.reverse();
        placed
    }
}

/// What an instance has of the chain that is attached to it.
#[derive(Clone)]
pub(crate) struct Chain(Vec<(u64, Arc<SharedHeap>)>);

impl Chain {
    /// The heaps by where guests find them.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.0.iter().map(|(start, heap)| Piece { start: *start, region: heap.region.clone() })
    }

    /// An instance has it no more.
    pub(crate) fn let_go(&self) {
        let _chains = lock(&CHAINS);
        if let Some((_, head)) = self.0.first() {
            lock(&head.links).attached -= 1;
        }
    }

    /// The heap that blocks come from.
    fn managed(&self) -> Option<(u64, &SharedHeap, &Mutex<Pool>)> {
        self.0.iter().find_map(|(start, heap)| Some((*start, &**heap, heap.pool.as_ref()?)))
    }

    /// A block: where guests and the host find it.
    fn alloc(&self, size: u64) -> Option<(u64, *mut u8)> {
        let (start, heap, pool) = self.managed()?;
        let at = lock(pool).alloc(usize::try_from(size).ok()?, ALIGNMENT, true)?;
        let offset = at - heap.region.base().addr();
        Some((start + offset as u64, heap.region.base().wrapping_add(offset)))
    }

    /// Takes a block back, if it is one.
    fn free(&self, at: u64) {
        let Some((start, heap, pool)) = self.managed() else { return };
        if let Some(offset) = at.checked_sub(start)
            && offset < heap.region.len_bytes() as u64
        {
            lock(pool).free(heap.region.base().addr() + offset as usize);
        }
    }
}

fn attach(inst: &Arc<Inst>, head: &Arc<SharedHeap>) -> Option<()> {
    let memory = inst.memory0()?;
    let chain = {
        let _chains = lock(&CHAINS);
        let mut links = lock(&head.links);
        if links.is_body {
            return None;
        }
        // From here on nobody changes the chain.
        links.attached += 1;
        drop(links);
        Chain(head.chain())
    };
    let attached = inst.with(|mut store| {
        let mut place = inst.shared_heap();
        // Another instance may have the memory, and something in its address space.
        if place.is_some() || memory.reach_bytes(&store, END - 1).ok()?.is_some() {
            return None;
        }
        for Piece { start, region } in chain.pieces() {
            if memory.attach_region(&mut store, start, &region).is_err() {
                memory.detach_regions(&mut store).ok();
                return None;
            }
        }
        *place = Some(chain.clone());
        Some(())
    });
    if attached.is_none() {
        chain.let_go();
    }
    attached
}

fn detach(inst: &Arc<Inst>) {
    let Some(memory) = inst.memory0() else { return };
    let chain = inst.with(|mut store| {
        let mut place = inst.shared_heap();
        place.as_ref()?;
        memory.detach_regions(&mut store).ok()?;
        place.take()
    });
    if let Some(chain) = chain {
        chain.let_go();
    }
}

fn chain(head: &Arc<SharedHeap>, body: &Arc<SharedHeap>) -> Option<()> {
    let _chains = lock(&CHAINS);
    if Arc::ptr_eq(head, body) {
        return None;
    }
    {
        let (head, body) = (lock(&head.links), lock(&body.links));
        let is_free = |links: &Links| links.attached == 0 && !links.is_body;
        if !is_free(&head) || !is_free(&body) || head.next.is_some() {
            return None;
        }
    }
    let heaps = body.chain();
    let bytes: u64 = heaps.iter().map(|(_, heap)| heap.region.len_bytes() as u64).sum();
    let managed = heaps.iter().filter(|(_, heap)| heap.pool.is_some()).count();
    let fits = bytes + head.region.len_bytes() as u64 <= MAX_CHAIN_BYTES;
    if !fits || managed + usize::from(head.pool.is_some()) > 1 {
        return None;
    }
    lock(&body.links).is_body = true;
    lock(&head.links).next = Some(body.clone());
    Some(())
}

/// Takes a chain apart: its first heap, or all of them. Gives the last heap that was not taken off.
fn unchain(head: &Arc<SharedHeap>, entire: bool) -> Option<Arc<SharedHeap>> {
    let _chains = lock(&CHAINS);
    if lock(&head.links).attached != 0 {
        return None;
    }
    let mut rest = lock(&head.links).next.take()?;
    loop {
        let mut links = lock(&rest.links);
        links.is_body = false;
        let Some(next) = (if entire { links.next.take() } else { None }) else { break };
        drop(links);
        rest = next;
    }
    Some(rest)
}

fn reset(head: &Arc<SharedHeap>) -> Option<()> {
    let _chains = lock(&CHAINS);
    if lock(&head.links).attached != 0 || lock(&head.links).is_body {
        return None;
    }
    for (_, heap) in head.chain() {
        heap.region.clear();
        if let Some(pool) = &heap.pool {
            *lock(pool) = Pool::new(heap.region.base().addr(), heap.region.len_bytes())?;
        }
    }
    Some(())
}

c_api! {
    fn wasm_runtime_create_shared_heap(args: *mut SharedHeapInitArgs) -> Name {
        let (Some(runtime), Some(args)) = (Runtime::current(), text::read(args)) else {
            return null_mut();
        };
        let Some((region, pool)) = make(args) else { return null_mut() };
        let name = handle::insert_cyclic(|name| Arc::new(SharedHeap::new(name, region, pool)));
        runtime.keep_name(name);
        name
    }

    fn wasm_runtime_chain_shared_heaps(head: Name, body: Name) -> Name {
        let heaps = handle::get::<SharedHeap>(head).zip(handle::get::<SharedHeap>(body));
        let chained = heaps.and_then(|(head, body)| chain(&head, &body));
        if chained.is_some() { head } else { null_mut() }
    }

    fn wasm_runtime_unchain_shared_heaps(head: Name, entire_chain: bool) -> Name {
        let heap = handle::get::<SharedHeap>(head);
        let rest = heap.and_then(|heap| unchain(&heap, entire_chain));
        rest.map_or(null_mut(), |heap| heap.name)
    }

    fn wasm_runtime_reset_shared_heap_chain(heap: Name) -> bool {
        handle::get::<SharedHeap>(heap).and_then(|heap| reset(&heap)).is_some()
    }

    fn wasm_runtime_attach_shared_heap(inst: Name, heap: Name) -> bool {
        let pair = handle::get::<Inst>(inst).zip(handle::get::<SharedHeap>(heap));
        pair.and_then(|(inst, heap)| attach(&inst, &heap)).is_some()
    }

    fn wasm_runtime_detach_shared_heap(inst: Name) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            detach(&inst);
        }
    }

    fn wasm_runtime_shared_heap_malloc(inst: Name, size: u64, native: *mut *mut c_void) -> u64 {
        text::write(native, null_mut());
        let inst = handle::get::<Inst>(inst);
        let block = inst.and_then(|inst| inst.shared_heap().as_ref()?.alloc(size));
        block.map_or(0, |(at, pointer)| {
            text::write(native, pointer.cast());
            at
        })
    }

    fn wasm_runtime_shared_heap_free(inst: Name, at: u64) {
        if let Some(inst) = handle::get::<Inst>(inst)
            && let Some(chain) = &*inst.shared_heap()
        {
            chain.free(at);
        }
    }
}

/// `shared_heap_malloc` of guests: `args[0]` is the size, and then the address.
extern "C" fn guest_malloc(env: Name, args: *mut u64) {
    crate::export::guarded(|| {
        let inst = handle::get::<Env>(env).map_or(null_mut(), |env| env.inst().name);
        let size = text::read(args).unwrap_or(0) as u32;
        text::write(args, wasm_runtime_shared_heap_malloc(inst, size.into(), null_mut()));
    });
}

/// `shared_heap_free` of guests.
extern "C" fn guest_free(env: Name, args: *mut u64) {
    crate::export::guarded(|| {
        let inst = handle::get::<Env>(env).map_or(null_mut(), |env| env.inst().name);
        let at = text::read(args).unwrap_or(0) as u32;
        wasm_runtime_shared_heap_free(inst, at.into());
    });
}

/// What guests import from `env` for the heap that is attached to their instance.
pub(crate) fn natives() -> [(&'static str, NativeDef); 2] {
    let native = |name, func: extern "C" fn(Name, *mut u64), signature: &str| {
        let func = std::ptr::with_exposed_provenance_mut(func as usize);
        let signature = signature.parse().ok();
        let (is_raw, attachment, finalizer) = (true, null_mut(), None);
        (name, NativeDef { func, signature, is_raw, attachment, finalizer })
    };
    [
        native("shared_heap_malloc", guest_malloc, "(i)i"),
        native("shared_heap_free", guest_free, "(i)"),
    ]
}
