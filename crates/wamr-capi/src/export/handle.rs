//! What C holds: names of objects, not addresses.
//!
//! Every opaque pointer that the API gives out is a tag, a generation and a position in one table
//! of the process. It cannot be read through, and it is never given out twice (a position retires
//! when its generations are used up), so that a name that was destroyed, or one of another kind, is
//! found out instead of followed. The table holds one reference to each object; whoever looks a
//! name up holds another while it works, so that destroying something in use is no danger.

use std::ffi::c_void;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::context::ContextKey;
use super::entity::Entity;
use super::env::Env;
use super::gc::Object;
use super::instance::Inst;
use super::instantiate::Args2;
use super::module::Module;
use super::shared_heap::SharedHeap;
use super::thread::Thread;
use super::types::Type;

/// The top bits of a name. No address of x86-64 or AArch64 has such, so that a name is told from
/// a pointer of the embedder's; the lowest bit is 0, which tells it from an `i31`.
const TAG: u64 = 0x5a5 << 52;
const TAG_MASK: u64 = 0xfff << 52;
const GENERATION_BITS: u32 = 20;
const POSITION_BITS: u32 = 31;

/// An opaque pointer as C passes it.
pub(crate) type Name = *mut c_void;

macro_rules! kinds {
    ($($kind:ident($object:ty);)*) => {
        /// Something that has a name.
        #[derive(Clone)]
        enum Named {
            $($kind(Arc<$object>),)*
        }

        $(impl Handle for $object {
            fn wrap(this: Arc<Self>) -> AnyNamed {
                AnyNamed(Named::$kind(this))
            }

            fn unwrap(named: &AnyNamed) -> Option<&Arc<Self>> {
                match &named.0 {
                    Named::$kind(this) => Some(this),
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }
        })*
    };
}

kinds! {
    Module(Module);
    Inst(Inst);
    Env(Env);
    Entity(Entity);
    Type(Type);
    Args(Args2);
    Key(ContextKey);
    Object(Object);
    Thread(Thread);
    SharedHeap(SharedHeap);
}

/// Something that has a name, of whatever kind.
#[derive(Clone)]
pub(crate) struct AnyNamed(Named);

/// A kind of objects that have names.
pub(crate) trait Handle: Sized {
    fn wrap(this: Arc<Self>) -> AnyNamed;
    fn unwrap(named: &AnyNamed) -> Option<&Arc<Self>>;
}

#[derive(Default)]
struct Slot {
    generation: u32,
    object: Option<AnyNamed>,
}

#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

static TABLE: RwLock<Table> = RwLock::new(Table { slots: Vec::new(), free: Vec::new() });

fn read() -> RwLockReadGuard<'static, Table> {
    TABLE.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Table> {
    TABLE.write().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(position: u32, generation: u32) -> Name {
    let bits = TAG | u64::from(generation) << (POSITION_BITS + 1) | u64::from(position) << 1;
    std::ptr::without_provenance_mut(bits as usize)
}

fn parts(name: *const c_void) -> Option<(usize, u32)> {
    let bits = name.addr() as u64;
    if bits & TAG_MASK != TAG || bits & 1 != 0 {
        return None;
    }
    let position = (bits >> 1) & ((1 << POSITION_BITS) - 1);
    let generation = (bits >> (POSITION_BITS + 1)) & ((1 << GENERATION_BITS) - 1);
    Some((position as usize, generation as u32))
}

impl Table {
    fn get(&self, name: *const c_void) -> Option<&AnyNamed> {
        let (position, generation) = parts(name)?;
        let slot = self.slots.get(position)?;
        slot.object.as_ref().filter(|_| slot.generation == generation)
    }
}

/// Gives an object a name.
pub(crate) fn insert<T: Handle>(object: Arc<T>) -> Name {
    insert_cyclic(|_| object)
}

/// Gives an object a name that it knows from its beginning.
pub(crate) fn insert_cyclic<T: Handle>(make: impl FnOnce(Name) -> Arc<T>) -> Name {
    let mut table = write();
    let position = table.free.pop().unwrap_or_else(|| {
        table.slots.push(Slot::default());
        (table.slots.len() - 1) as u32
    });
    let slot = &mut table.slots[position as usize];
    let name = name_of(position, slot.generation);
    slot.object = Some(T::wrap(make(name)));
    name
}

/// The object of a name, if it is there and of that kind.
pub(crate) fn get<T: Handle>(name: *const c_void) -> Option<Arc<T>> {
    T::unwrap(read().get(name)?).cloned()
}

/// Takes a name back, and what it named.
pub(crate) fn remove<T: Handle>(name: *const c_void) -> Option<Arc<T>> {
    T::unwrap(&take(name, |named| T::unwrap(named).is_some())?).cloned()
}

/// Takes a name of whatever kind back.
pub(crate) fn remove_any(name: *const c_void) {
    take(name, |_| true);
}

fn take(name: *const c_void, is_wanted: impl FnOnce(&AnyNamed) -> bool) -> Option<AnyNamed> {
    let mut table = write();
    table.get(name).filter(|named| is_wanted(named))?;
    let (position, _) = parts(name)?;
    let slot = &mut table.slots[position];
    // Dropped behind the lock, since destructors may call back.
    let named = slot.object.take();
    slot.generation += 1;
    if slot.generation < 1 << GENERATION_BITS {
        table.free.push(position as u32);
    }
    named
}
