//! Reclaiming what nothing can reach any more: entities, objects and host values, by one tracer.
//!
//! Roots are the handles that somebody outside the store holds. Instances, tables, globals,
//! functions and objects keep alive what they refer to.
//!
//! While wasm runs, frames are roots too. They are scanned for anything that looks like a
//! reference to an object; entities are not reclaimed then, so that frames need not be scanned
//! for those.

use core::ptr::NonNull;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr_types::{AbstractHeapType, ValType};

use super::exception::Exception;
use super::{ExternPtr, StoreCore};
use crate::entity::HostFunc;
use crate::gc::{FieldKind, FieldLayout, GcLayout, Marks, is_i31, prefetch};
use crate::vm::FuncRecord;

impl StoreCore {
    /// Collects if the store has twice as many entities as survived the last time, unless wasm is
    /// running. To be called before an entity is made for the embedder, while everything alive is
    /// behind handles.
    pub(crate) fn collect_if_due(&mut self) {
        if self.depth == 0 && self.entity_count() >= self.entities_watermark {
            self.collect();
            self.entities_watermark = (self.entity_count() * 2).max(256);
        }
    }

    /// Collects if exceptions have piled up, which calls may leave without making entities.
    #[inline]
    pub(crate) fn collect_exceptions_if_due(&mut self) {
        if self.depth == 0 && self.exceptions.is_due() {
            self.collect();
        }
    }

    fn entity_count(&self) -> usize {
        self.memories.len()
            + self.tables.len()
            + self.globals.len()
            + self.tags.len()
            + self.host_funcs.len()
            + self.instances.len()
            + self.exceptions.len()
    }

    /// Frees every object that nothing can reach, and unless wasm is running every entity too.
    pub(crate) fn collect(&mut self) {
        if self.collections_paused > 0 {
            return;
        }
        self.drop_dead_roots();
        let idle = self.depth == 0;
        let marks = self.gc.no_marks();
        let mut tracer = Tracer { core: self, marks, objects: Vec::new(), work: Vec::new() };
        self.roots().for_each(|target| tracer.visit(target));
        if !idle {
            tracer.visit_all_entities();
            tracer.scan_interp_stack();
            // Frames of Rust hold what they refer to by handles, or read it again.
            if tracer.core.vm.activation.get() != 0 {
                tracer.scan_native_stack();
            }
        }
        tracer.run();
        let marks = tracer.marks;
        let mut dead = Vec::new();
        self.gc.sweep(&marks, |index| dead.push(index));
        // Dropping host functions and host values runs code of the embedder, which may do anything
        // but reach this store, and may panic: before, all marks must be gone and all lists in
        // order.
        let values: Vec<_> =
            dead.into_iter().filter_map(|index| self.free_host_value(index)).collect();
        let entities = self.sweep_entities(idle);
        if idle {
            drop((entities, values));
            return;
        }
        // Wasm is running, and a panic must not unwind through it: it waits for the host that
        // called.
        for value in values {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                self.deferred_panic.get_or_insert(payload);
            }
        }
    }

    /// Clears the marks of entities, and takes out those without one if `free` is set.
    #[must_use]
    fn sweep_entities(&mut self, free: bool) -> impl Sized + use<> {
        self.exceptions.sweep(|_, _| !free);
        (
            self.instances.sweep(|entity| entity.mark.replace(false) || !free),
            self.host_funcs.sweep(|entity| entity.mark.replace(false) || !free),
            self.memories.sweep(|entity| entity.mark.replace(false) || !free),
            self.tables.sweep(|entity| entity.mark.replace(false) || !free),
            self.globals.sweep(|entity| entity.mark.replace(false) || !free),
            self.tags.sweep(|entity| entity.mark.replace(false) || !free),
        )
    }
}

struct Tracer<'a> {
    core: &'a StoreCore,
    marks: Marks,
    /// Objects whose fields have not been looked at yet.
    objects: Vec<u32>,
    /// Everything else that has not been looked at yet.
    work: Vec<ExternPtr>,
}

/// How many objects are on their way from memory at a time.
const AHEAD: usize = 8;

impl Tracer<'_> {
    fn visit(&mut self, target: ExternPtr) {
        // SAFETY: nothing is freed before the sweep, so every address found is a live entity of
        // this store.
        let fresh = unsafe {
            match target {
                ExternPtr::Func(func) => return self.visit_func(func),
                ExternPtr::Table(at) => !at.as_ref().mark.replace(true),
                ExternPtr::Memory(at) => !at.as_ref().mark.replace(true),
                ExternPtr::Global(at) => !at.as_ref().mark.replace(true),
                ExternPtr::Tag(at) => !at.as_ref().mark.replace(true),
                ExternPtr::Instance(at) => !at.as_ref().mark.replace(true),
                ExternPtr::Object(reference) => return self.visit_object(reference),
                ExternPtr::Exception(reference) => {
                    self.core.exception(reference).is_some_and(|exception| exception.mark())
                }
            }
        };
        if fresh {
            self.work.push(target);
        }
    }

    #[inline(always)]
    fn visit_object(&mut self, reference: u32) {
        if reference != 0 && !is_i31(reference) && self.marks.mark(reference) {
            self.objects.push(reference);
        }
    }

    fn visit_func(&mut self, func: NonNull<FuncRecord>) {
        // SAFETY: as in `visit`; a record without an instance is part of a `HostFunc`.
        unsafe {
            let record = func.as_ref();
            match NonNull::new((*record.context).instance.cast_mut()) {
                Some(instance) => self.visit(ExternPtr::Instance(instance)),
                None => (*record.body.cast::<HostFunc>()).mark.set(true),
            }
        }
    }

    /// Visits a reference of a hierarchy, as a value slot.
    fn visit_ref(&mut self, top: AbstractHeapType, value: u64) {
        if let Some(target) = ExternPtr::of_reference(top, value) {
            self.visit(target);
        }
    }

    fn visit_exception(&mut self, exception: &Exception) {
        self.visit(ExternPtr::Tag(exception.tag()));
        // SAFETY: as in `visit`.
        let ty = unsafe { &exception.tag().as_ref().ty.func };
        let mut fields = exception.fields().iter();
        for ty in ty.params() {
            let field = fields.next().copied().unwrap_or(0);
            match ty {
                ValType::Ref(ty) => {
                    self.visit_ref(self.core.engine.types().top_of(ty.heap), field);
                }
                ValType::V128 => drop(fields.next()),
                _ => {}
            }
        }
    }

    fn visit_all_entities(&mut self) {
        let core = self.core;
        core.instances.iter().for_each(|at| self.visit(ExternPtr::Instance(at)));
        core.tables.iter().for_each(|at| self.visit(ExternPtr::Table(at)));
        core.globals.iter().for_each(|at| self.visit(ExternPtr::Global(at)));
        core.exceptions.references().for_each(|at| self.visit(ExternPtr::Exception(at)));
    }

    /// Interpreted frames hold references as whole slots, zero-extended.
    fn scan_interp_stack(&mut self) {
        let base = self.core.interp_stack.base().cast::<u64>().cast_const();
        let top = self.core.vm.interp_top.get().cast_const();
        let mut at = base;
        while at < top {
            // SAFETY: the stack is committed memory up to its end.
            let word = unsafe { at.read() };
            // No slot points into the middle of an object, so that most numbers are told apart.
            if let Ok(reference) = u32::try_from(word)
                && self.core.gc.object_at(reference) == Some(reference)
            {
                self.visit(ExternPtr::Object(reference));
            }
            at = at.wrapping_add(1);
        }
    }

    /// Native frames may hold references as halves of words, or addresses into objects.
    fn scan_native_stack(&mut self) {
        let registers = crate::platform::callee_saved_registers();
        for word in registers {
            self.guess_word(word);
        }
        let mut at = crate::rt::native_stack_pointer() & !7;
        while at < self.core.native_base {
            // SAFETY: the range lies between this frame and the frame that entered wasm, on one
            // stack that belongs to this thread.
            self.guess_word(unsafe { (at as *const u64).read_volatile() });
            at += 8;
        }
    }

    fn guess_word(&mut self, word: u64) {
        self.guess(word as u32);
        self.guess((word >> 32) as u32);
        if let Ok(offset) = u32::try_from(word.wrapping_sub(self.core.gc.base() as u64)) {
            self.guess(offset);
        }
    }

    /// Visits what may be a reference to an object, or point into one.
    fn guess(&mut self, offset: u32) {
        if let Some(reference) = self.core.gc.object_at(offset) {
            self.visit(ExternPtr::Object(reference));
        }
    }

    fn run(&mut self) {
        loop {
            self.run_objects();
            let Some(target) = self.work.pop() else { return };
            // SAFETY: as in `visit`.
            unsafe {
                match target {
                    ExternPtr::Table(at) => {
                        let top = self.core.engine.types().top_of(at.as_ref().ty().element.heap);
                        at.as_ref().for_each(|value| self.visit_ref(top, value));
                    }
                    ExternPtr::Global(at) => {
                        let global = at.as_ref();
                        if let ValType::Ref(ty) = global.ty().content {
                            let top = self.core.engine.types().top_of(ty.heap);
                            self.visit_ref(top, global.get()[0]);
                        }
                    }
                    ExternPtr::Instance(at) => at.as_ref().trace(&mut |target| self.visit(target)),
                    ExternPtr::Exception(reference) => {
                        let core = self.core;
                        if let Some(exception) = core.exception(reference) {
                            self.visit_exception(exception);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Looks at objects until none is left. Most of the time goes into waiting for memory, so that
    /// an object is asked for some time before it is looked at.
    fn run_objects(&mut self) {
        let base = self.core.gc.base();
        let (mut coming, mut count, mut at) = ([0; AHEAD], 0, 0);
        loop {
            let next = self.objects.pop().unwrap_or(0);
            if next != 0 {
                prefetch(base.wrapping_add(next as usize));
                count += 1;
            }
            let arrived = core::mem::replace(&mut coming[at], next);
            at = (at + 1) % AHEAD;
            if arrived != 0 {
                count -= 1;
                self.visit_fields(arrived);
            } else if count == 0 && self.objects.is_empty() {
                return;
            }
        }
    }

    fn visit_fields(&mut self, reference: u32) {
        // SAFETY: the reference was marked, so it is an object.
        let (object, header) = unsafe {
            let header = self.core.gc.header(reference);
            (header.cast::<u8>(), *header)
        };
        match self.core.known_layout(header.type_id) {
            Some(GcLayout::Struct { fields, objects, has_others, .. }) => {
                for &offset in objects {
                    // SAFETY: the layout says that there is a reference.
                    self.visit_object(unsafe { *object.add(offset as usize).cast() });
                }
                if *has_others {
                    for field in fields.iter().filter(|field| field.kind != FieldKind::Object) {
                        self.visit_field(reference as usize, field);
                    }
                }
            }
            Some(GcLayout::Array { element }) if element.kind == FieldKind::Object => {
                // SAFETY: the layout says that references follow, as many as the header says.
                let first: *const u32 = unsafe { object.add(element.offset as usize).cast() };
                for i in 0..header.len as usize {
                    // SAFETY: as above.
                    self.visit_object(unsafe { *first.add(i) });
                }
            }
            Some(GcLayout::Array { element }) if element.kind.is_reference() => {
                for i in 0..header.len as usize {
                    self.visit_field(reference as usize + (i << element.kind.size_log2()), element);
                }
            }
            // Host values refer to nothing.
            _ => {}
        }
    }

    fn visit_field(&mut self, object: usize, field: &FieldLayout) {
        // SAFETY: the layout says that the field lies in the object, which is live.
        let [value, _] =
            unsafe { field.kind.read(self.core.gc.base().add(object + field.offset as usize)) };
        match field.kind {
            FieldKind::Func => self.visit_ref(AbstractHeapType::Func, value),
            FieldKind::Exception => self.visit_ref(AbstractHeapType::Exn, value),
            FieldKind::Object => self.visit_ref(AbstractHeapType::Any, value),
            _ => {}
        }
    }
}
