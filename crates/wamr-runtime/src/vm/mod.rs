//! Layouts that running code reads: the only place where they are defined.
//!
//! Everything here is `repr(C)` and immovable once it is reachable by running code. Backends
//! read fields directly in hot paths; whatever changes a size, an element or a value in a way
//! that others could see goes through the entities in [`crate::entity`].

use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::live::ExitWord;
use crate::store::StoreCore;

mod layout;
pub use layout::TargetLayout;
use layout::vm_struct;

mod shape;
pub use shape::{CallShape, ValueClass};

/// How a call through [`FuncRecord::array_call`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Outcome {
    /// The results are written.
    Return = 0,
    /// A failure is pending in the store.
    Fail = 1,
    /// The callee ends in a tail call that its own mode cannot run: the caller must call
    /// [`VmStore::tail_callee`] with the arguments in [`VmStore::tail_args`] next, for the same
    /// results.
    Tail = 2,
}

/// Calls a function of any mode with its values in memory.
///
/// `args` has one 8-byte slot for each parameter (two for `v128`), `results` room for the
/// results; they may be the same memory. `caller` is never null.
pub type ArrayCall = unsafe extern "C" fn(
    record: *const FuncRecord,
    caller: *mut VmContext,
    args: *const u64,
    results: *mut u64,
) -> Outcome;

/// Which mode a function runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FuncKind {
    /// Rust code of the host; `body` points to a `HostFunc`.
    Host = 0,
    /// Interpreted; what `body` points to is the interpreter's own business.
    Interp = 1,
    /// Machine code at `code`.
    Compiled = 2,
}

vm_struct! {
    /// What a function reference points to. Immovable, and alive as long as its instance.
    pub struct FuncRecord, FuncRecordLayout {
        /// Entry point in the calling convention of compiled code.
        pub code: AtomicPtr<()> => Pointer,
        /// What `code` takes as the callee's context: `context` for compiled functions, the record
        /// itself for all others (their `code` is an adapter that must know whom it stands for).
        pub code_context: *mut () => Pointer,
        /// The context that the function runs in: its instance's, or the store's host context.
        pub context: *mut VmContext => Pointer,
        /// Canonical id of the function's type.
        pub sig: u32 => U32,
        /// The mode.
        pub kind: FuncKind => U32,
        /// Entry point with values in memory.
        pub array_call: ArrayCall => Pointer,
        /// What the mode needs to run the function.
        pub body: *const () => Pointer,
        /// How the type's values are spread over registers.
        pub shape: *const CallShape => Pointer,
    }
}

vm_struct! {
    /// An element of a table of functions.
    ///
    /// `sig` is 0 where the element is null, so that one compare catches null and wrong types.
    #[derive(Clone, Copy)]
    pub struct Slot, SlotLayout {
        /// Canonical id of the function's type; 0 for null.
        pub sig: u32 => U32,
        /// The function; null where `sig` is 0.
        pub func: *const FuncRecord => Pointer,
    }
}

impl Slot {
    /// The slot of a null element.
    pub const NULL: Self = Self { sig: 0, func: core::ptr::null() };
}

vm_struct! {
    /// The part of a table that running code reads.
    ///
    /// Tables of functions hold [`Slot`]s; all other tables hold references as 8-byte values.
    pub struct VmTable, VmTableLayout {
        /// First element.
        pub base: Cell<*mut u8> => Pointer,
        /// How many elements there are now.
        pub len: Cell<u64> => U64,
    }
}

vm_struct! {
    /// The part of a memory that running code reads.
    pub struct VmMemory, VmMemoryLayout {
        /// Address of the first byte.
        pub base: AtomicPtr<u8> => Pointer,
        /// The size in bytes now.
        pub len_bytes: AtomicUsize => Pointer,
    }
}

impl VmMemory {
    /// Address of the first byte.
    #[inline(always)]
    pub fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    /// The size in bytes now.
    #[inline(always)]
    pub fn len_bytes(&self) -> usize {
        self.len_bytes.load(Ordering::Relaxed)
    }
}

/// A global's value: one slot, or two for `v128`.
#[repr(C, align(16))]
pub struct VmGlobal {
    /// The value; the second slot is used by `v128` only.
    pub value: UnsafeCell<[u64; 2]>,
}

vm_struct! {
    /// What running code knows of its instance. The host context of a store has no instance and
    /// empty arrays.
    pub struct VmContext, VmContextLayout {
        /// The store.
        pub store: *const VmStore => Pointer,
        /// Memory 0, or a memory of no bytes where the instance has none.
        pub memory0: *const VmMemory => Pointer,
        /// Every memory by index.
        pub memories: *const *const VmMemory => Pointer,
        /// Every table by index.
        pub tables: *const *const VmTable => Pointer,
        /// Every global by index.
        pub globals: *const *const VmGlobal => Pointer,
        /// Every imported function by index.
        pub imports: *const *const FuncRecord => Pointer,
        /// Canonical ids of the module's types by type index.
        pub types: *const wamr_types::TypeId => Pointer,
        /// The instance; null in the host context.
        pub instance: *const crate::entity::InstanceEntity => Pointer,
        /// The address of memory 0's first byte, if that never changes: the memory is guarded. Null if
        /// it is not.
        pub memory0_base: *mut u8 => Pointer,
        /// The first globals by index, as `globals` has them; null where there are fewer.
        pub first_globals: [*const VmGlobal; FIRST_GLOBALS] => Pointers8,
    }
}

impl VmContext {
    /// A context that belongs to no instance.
    pub(crate) const fn without_instance(store: *const VmStore, memory0: *const VmMemory) -> Self {
        Self {
            store,
            memory0,
            memories: core::ptr::dangling(),
            tables: core::ptr::dangling(),
            globals: core::ptr::dangling(),
            imports: core::ptr::dangling(),
            types: core::ptr::dangling(),
            instance: core::ptr::null(),
            memory0_base: core::ptr::null_mut(),
            first_globals: [core::ptr::null(); FIRST_GLOBALS],
        }
    }
}

/// How many globals a context has at a distance that code knows: programs keep what they use at every
/// call in their first ones.
pub const FIRST_GLOBALS: usize = 8;

vm_struct! {
    /// What running code knows of its store. Shared with interrupt handles, hence the atomics.
    pub struct VmStore, VmStoreLayout {
        /// An interpreter frame may not end beyond this address. An interruption lowers it to 0, so
        /// that the check on every call and loop finds it.
        pub interp_limit: AtomicUsize => Pointer,
        /// The native stack pointer may not go below this address. An interruption raises it to the
        /// maximum.
        pub native_limit: AtomicUsize => Pointer,
        /// First free slot of the interpreter's stack.
        pub interp_top: Cell<*mut u64> => Pointer,
        /// The callee of a pending [`Outcome::Tail`].
        pub tail_callee: Cell<*const FuncRecord> => Pointer,
        /// The arguments of a pending [`Outcome::Tail`]; at least [`TAIL_ARG_SLOTS`] slots.
        pub tail_args: *mut u64 => Pointer,
        /// The stack pointer that the innermost activation of compiled code is left by; see
        /// [`crate::compiled`].
        pub activation: Cell<usize> => Pointer,
        /// The address that references to objects count from; fixed once there is an object.
        pub gc_base: Cell<*mut u8> => Pointer,
        /// The stack pointer that the innermost activation of the interpreter is left by when a guest
        /// access faults.
        pub interp_activation: Cell<usize> => Pointer,
        /// The context of the frame that the latest exception was caught in.
        pub catcher: Cell<*mut VmContext> => Pointer,
        /// The store itself.
        pub core: Cell<*mut StoreCore> => Pointer,
        pub(crate) interrupted: core::sync::atomic::AtomicBool => U8,
        /// What `interp_limit` is while no interruption is pending.
        pub(crate) interp_end: usize => Pointer,
        /// What `native_limit` is while no interruption is pending: set by the outermost entry.
        pub native_end: Cell<usize> => Pointer,
        /// The address in shared memory that the store waits at; 0 while it does not wait.
        pub(crate) waiting_at: AtomicUsize => Pointer,
        /// How much fuel is left, where the engine counts it. Running code takes off what a block
        /// costs before it runs it, and calls [`crate::rt::fuel::charge`] where that is more than
        /// there is.
        pub fuel: Cell<u64> => U64,
        /// Not 0 while references to objects must not be overwritten in objects before
        /// [`crate::rt::gc::overwritten`] knows of them.
        pub gc_marking: Cell<u32> => U32,
        /// From where wasm was left last for what may be the host's; see [`crate::live`].
        pub exit: Cell<ExitWord> => Pointer,
    }
}

/// How many slots [`VmStore::tail_args`] has: what 1,000 parameters of two slots need.
pub const TAIL_ARG_SLOTS: usize = 2048;

// Of two slots each.
const _: () = assert!(TAIL_ARG_SLOTS >= 2 * wamr_types::limits::MAX_PARAMS);

// SAFETY: other threads reach a `VmStore` through interrupt handles only, and those touch the
// atomic fields alone.
unsafe impl Send for VmStore {}
// SAFETY: as above.
unsafe impl Sync for VmStore {}
