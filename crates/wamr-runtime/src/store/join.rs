//! Joining stores: everything that one store owns becomes another's.
//!
//! Entities stay where they are; their contexts learn which store they run in. Objects and
//! exceptions get new references, since those count from the start of a heap or list: all places
//! that hold one are known exactly as long as no wasm runs.

use core::fmt;
use core::mem::{ManuallyDrop, take};
use core::ptr::NonNull;

use wamr_types::{AbstractHeapType, TrapCode, TypeRegistry, ValType};

use super::exception::Exception;
use super::{ExternPtr, Store, StoreCore, StoreInner};
use crate::engine::Engine;
use crate::entity::TableEntity;
use crate::error::{Error, ErrorKind};
use crate::gc::{FieldKind, GcLayout, HOST_VALUE, Moved, ObjectHeader, is_i31};

/// Why two stores were not joined; both are as they were.
pub struct JoinError<T: 'static> {
    /// The store that was to be joined to another one.
    pub store: Store<T>,
    /// What speaks against it: stores of different engines ([`ErrorKind::WrongEngine`]), one
    /// where wasm is running ([`ErrorKind::StoreBusy`]), or objects that do not fit one heap
    /// ([`TrapCode::GcHeapExhausted`]).
    pub reason: Error,
}

impl<T> fmt::Display for JoinError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stores cannot be joined: {}", self.reason)
    }
}

impl<T> fmt::Debug for JoinError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> std::error::Error for JoinError<T> {}

impl<T: 'static> Store<T> {
    /// Makes everything that `other` owns part of this store, and gives the other's data back.
    ///
    /// Handles to what was in `other` are handles to what is in this store from now on, and both
    /// parts may be linked and may share values. Host functions that were made in `other` find
    /// this store's data in their [`crate::Caller`]. This store's limiter is asked whenever
    /// something grows from now on, and its fuel is what both parts burn; what `other` had of
    /// either is gone. An
    /// [`InterruptHandle`](crate::InterruptHandle) of `other` stops what runs in this store. A host
    /// function that both have, by modules linked beforehand, keeps what is attached to it here.
    ///
    /// Joining takes time proportional to what `other` owns.
    ///
    /// # Errors
    /// [`JoinError`] has the reasons, and gives `other` back.
    pub fn join(&mut self, other: Self) -> Result<T, Box<JoinError<T>>> {
        // SAFETY: both stores are owned or borrowed mutably here, and different.
        let joined =
            unsafe { (*self.inner.as_ptr()).core.absorb(&mut (*other.inner.as_ptr()).core) };
        if let Err(reason) = joined {
            return Err(Box::new(JoinError { store: other, reason }));
        }
        // Not before: a destructor that panics in a collection must not lose the store.
        let other = ManuallyDrop::new(other);
        // SAFETY: the other store is not used again: its data is taken out, and what is left of it
        // owns no entity.
        unsafe {
            let inner: *mut StoreInner<T> = other.inner.as_ptr();
            let data = ManuallyDrop::take(&mut (*inner).data);
            drop(Box::from_raw(inner));
            Ok(data)
        }
    }
}

/// What the references of a store become as it is made part of another one.
struct Renaming {
    objects: Moved,
    /// How far references to exceptions move.
    exceptions: u32,
}

impl Renaming {
    /// The new form of a reference, given as a value slot of a hierarchy.
    fn value(&self, top: AbstractHeapType, value: u64) -> u64 {
        match ExternPtr::of_reference(top, value).map(|target| self.target(target)) {
            Some(ExternPtr::Object(reference) | ExternPtr::Exception(reference)) => {
                u64::from(reference)
            }
            _ => value,
        }
    }

    fn target(&self, target: ExternPtr) -> ExternPtr {
        match target {
            ExternPtr::Object(reference) if !is_i31(reference) => {
                ExternPtr::Object(self.objects.reference(reference))
            }
            ExternPtr::Exception(reference) => ExternPtr::Exception(reference + self.exceptions),
            target => target,
        }
    }
}

impl StoreCore {
    /// Takes over everything that another store owns, data apart.
    fn absorb(&mut self, other: &mut Self) -> Result<(), Error> {
        if !Engine::same(&self.engine, &other.engine) {
            return Err(Error::from_kind(ErrorKind::WrongEngine));
        }
        if self.depth != 0 || other.depth != 0 {
            return Err(Error::from_kind(ErrorKind::StoreBusy));
        }
        if !self.exceptions.has_room_for(&other.exceptions) {
            return Err(Error::from_kind(ErrorKind::OutOfMemory));
        }
        other.drop_dead_roots();
        self.end_cycle();
        other.end_cycle();
        // Nothing fails from the moment that the objects have moved.
        let objects = match self.gc.absorb(&mut other.gc) {
            Some(moved) => moved,
            None => {
                self.collect();
                other.collect();
                self.gc.absorb(&mut other.gc).ok_or(TrapCode::GcHeapExhausted)?
            }
        };
        self.vm.gc_base.set(self.gc.base());
        self.layouts.absorb(take(&mut other.layouts));
        let renaming = self.absorb_exceptions(other, objects);
        self.update_objects(other, &renaming);
        other.update_entities(&renaming);
        self.absorb_entities(other);
        for root in other.roots.drain(..) {
            root.adopt(self.id, renaming.target(root.raw_target()));
            self.roots.push(root);
        }
        other.vm.join(&self.vm);
        Ok(())
    }

    fn absorb_exceptions(&mut self, other: &mut Self, objects: Moved) -> Renaming {
        let types = self.engine.types();
        let renaming = Renaming { objects, exceptions: self.exceptions.next_position() };
        self.exceptions.absorb(take(&mut other.exceptions), |exception| {
            update_payload(exception, types, &renaming);
        });
        renaming
    }

    /// Puts the fields of objects right that came from another store, and takes over its host
    /// values.
    fn update_objects(&mut self, other: &mut Self, renaming: &Renaming) {
        let values = self.host_values.len() as u32;
        self.host_values.append(&mut other.host_values);
        let free = other.free_host_values.drain(..).map(|index| index + values);
        self.free_host_values.extend(free);
        for reference in renaming.objects.blocks().flat_map(|block| self.gc.objects_in(block)) {
            // SAFETY: the heap names objects alone, and nobody else looks at them now.
            let (header, ObjectHeader { type_id, len }) = unsafe {
                let header = self.gc.header(reference);
                (header, *header)
            };
            if type_id == HOST_VALUE {
                // SAFETY: as above.
                unsafe { (*header).len += values };
                continue;
            }
            let update = |offset: usize, kind: FieldKind| {
                let top = match kind {
                    FieldKind::Object => AbstractHeapType::Any,
                    FieldKind::Exception => AbstractHeapType::Exn,
                    _ => return,
                };
                // SAFETY: the layout says that the field lies in the object.
                unsafe {
                    let at = header.cast::<u8>().add(offset);
                    let [value, _] = kind.read(at);
                    kind.write(at, [renaming.value(top, value), 0]);
                }
            };
            match self.known_layout(type_id) {
                Some(GcLayout::Struct { fields, .. }) => {
                    fields.iter().for_each(|field| update(field.offset as usize, field.kind));
                }
                Some(GcLayout::Array { element }) if element.kind.is_reference() => {
                    let size_log2 = element.kind.size_log2();
                    (0..len as usize).for_each(|i| {
                        update(element.offset as usize + (i << size_log2), element.kind)
                    });
                }
                _ => {}
            }
        }
    }

    /// Puts references in tables, globals and element segments right.
    fn update_entities(&mut self, renaming: &Renaming) {
        let types = self.engine.types();
        for table in self.tables.iter() {
            // SAFETY: the arena's addresses are live, and no wasm runs.
            let table: &TableEntity = unsafe { table.as_ref() };
            let top = types.top_of(table.ty().element.heap);
            table.update_each(|value| renaming.value(top, value));
        }
        for global in self.globals.iter() {
            // SAFETY: as above.
            let global = unsafe { global.as_ref() };
            if let ValType::Ref(ty) = global.ty().content {
                let [value, high] = global.get();
                global.set([renaming.value(types.top_of(ty.heap), value), high]);
            }
        }
        for instance in self.instances.iter() {
            // SAFETY: as above; no reference to the instance exists.
            let instance = unsafe { &mut *instance.as_ptr() };
            instance.update_elements(|top, value| renaming.value(top, value));
        }
    }

    /// Takes over entities, whose contexts are told which store they run in.
    fn absorb_entities(&mut self, other: &mut Self) {
        let (vm, empty) = (self.vm(), self.empty_memory());
        let (vm, foreign_empty) = (NonNull::from(vm), other.empty_memory());
        for instance in other.instances.iter() {
            // SAFETY: the arena's addresses are live; no wasm runs, so that nobody reads the
            // context now.
            let context = unsafe { &mut *instance.as_ref().context() };
            context.store = vm.as_ptr();
            if context.memory0 == foreign_empty {
                context.memory0 = empty;
            }
        }
        self.memories.append(&mut other.memories);
        self.tables.append(&mut other.tables);
        self.globals.append(&mut other.globals);
        self.tags.append(&mut other.tags);
        self.host_funcs.append(&mut other.host_funcs);
        self.host_groups.append(&mut other.host_groups);
        self.instances.append(&mut other.instances);
        self.absorb_attachments(other);
    }
}

fn update_payload(exception: &mut Exception, types: &TypeRegistry, renaming: &Renaming) {
    // SAFETY: an exception's tag lives as long as the exception.
    let ty = unsafe { &exception.tag().as_ref().ty.func };
    let mut fields = exception.fields_mut().iter_mut();
    for ty in ty.params() {
        let Some(field) = fields.next() else { return };
        match ty {
            ValType::Ref(ty) => *field = renaming.value(types.top_of(ty.heap), *field),
            ValType::V128 => drop(fields.next()),
            _ => {}
        }
    }
}
