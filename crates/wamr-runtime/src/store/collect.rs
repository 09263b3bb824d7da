//! Reclaiming what nothing can reach any more: entities, objects and host values.
//!
//! Roots are the handles that somebody outside the store holds. Instances, tables, globals,
//! functions and objects keep alive what they refer to. While wasm runs, frames are roots too.
//! They are scanned for anything that looks like a reference to an object or an exception; entities
//! are not reclaimed then, so that frames need not be scanned for those.
//!
//! # Pauses
//! [`StoreCore::collect`] does everything at once. That is for a store that is idle, and for one
//! whose heap is full. When garbage has piled up while wasm runs, a *cycle* begins instead: it
//! notes what roots refer to, and from then on every few allocations look at a few of the objects
//! that were found, until none is left and the rest is swept. What could be reached when the cycle
//! began survives it, and so does what was made since, and every exception: nobody tells where
//! references to those are overwritten. For the first half of that, whoever
//! overwrites a reference in an object while [`VmStore::gc_marking`] is set tells
//! [`StoreCore::overwritten`] about the old one. References in roots need no such care, since all
//! of them were noted.
//!
//! [`VmStore::gc_marking`]: crate::vm::VmStore::gc_marking

use core::any::Any;
use core::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::trace::{Marking, Tracer};
use super::{ExternPtr, Failure, StoreCore};
use crate::entity::HostFunc;
use crate::gc::Marks;

/// How many bytes are handed out between two steps of a cycle.
const STEP_BYTES: usize = 32 << 10;
/// How many bytes of objects a step looks at for each byte handed out.
const STEP_RATIO: usize = 4;

/// What is freed beside objects; each frees what those before it do.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Frees {
    Nothing,
    Exceptions,
    Entities,
}

/// What a panic was called with.
type Panic = Box<dyn Any + Send>;

/// A cycle under way.
pub(super) struct Cycle {
    marking: Marking,
    /// The heap's count of fresh bytes at the last step.
    stepped_at: usize,
}

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
        if self.depth == 0 && self.exceptions_are_due() {
            self.collect();
        }
    }

    fn entity_count(&self) -> usize {
        self.memories.len()
            + self.tables.len()
            + self.globals.len()
            + self.tags.len()
            + self.host_funcs.len()
            + self.host_groups.len()
            + self.instances.len()
            + self.exceptions.len()
    }

    /// Frees every object and exception that nothing can reach, and unless wasm is running every
    /// entity too.
    pub(crate) fn collect(&mut self) {
        if self.collections_paused > 0 {
            return;
        }
        self.end_cycle();
        self.drop_dead_roots();
        let mut marking = Marking::new(self.gc.no_marks());
        let mut tracer = Tracer::new(self, &mut marking);
        self.visit_roots(&mut tracer);
        tracer.run();
        let frees = if self.depth == 0 { Frees::Entities } else { Frees::Exceptions };
        self.sweep(&marking.marks, frees);
    }

    /// Collects a little, or begins to, if it is time. To be called before an object is made.
    #[inline]
    pub(super) fn collect_some(&mut self) {
        if self.gc.is_due() && self.collections_paused == 0 {
            match (&self.cycle, self.depth) {
                (Some(cycle), _) if self.gc.fresh_bytes() - cycle.stepped_at < STEP_BYTES => {}
                (Some(_), _) => self.step(),
                (None, 0) => self.collect(),
                (None, _) => self.begin_cycle(),
            }
        }
    }

    #[cold]
    fn begin_cycle(&mut self) {
        self.drop_dead_roots();
        let mut marking = Marking::new(self.gc.no_marks());
        let mut tracer = Tracer::new(self, &mut marking);
        self.visit_roots(&mut tracer);
        tracer.visit_all_exceptions();
        tracer.run_entities();
        // Entities are not freed as long as the cycle lasts, and all were looked at.
        let _none_freed = (self.sweep_entities(Frees::Nothing), self.host_groups.sweep(false));
        self.cycle = Some(Cycle { marking, stepped_at: self.gc.fresh_bytes() });
        self.vm.gc_marking.set(1);
    }

    #[cold]
    fn step(&mut self) {
        let Some(mut cycle) = self.cycle.take() else { return };
        let fresh = self.gc.fresh_bytes();
        let budget = (fresh - cycle.stepped_at).saturating_mul(STEP_RATIO);
        cycle.stepped_at = fresh;
        if Tracer::of_objects(self, &mut cycle.marking, budget).run_objects() {
            self.vm.gc_marking.set(0);
            self.sweep(&cycle.marking.marks, Frees::Nothing);
        } else {
            self.cycle = Some(cycle);
        }
    }

    /// Gives up what a cycle has found.
    pub(super) fn end_cycle(&mut self) {
        self.cycle = None;
        self.vm.gc_marking.set(0);
    }

    /// Keeps an object that was just made through the cycle under way.
    #[inline]
    pub(super) fn keep_new(&mut self, reference: u32) {
        if let Some(cycle) = &mut self.cycle {
            self.gc.mark_new(reference, &mut cycle.marking.marks);
        }
    }

    /// A reference to an object is about to be overwritten in another one: what it refers to is
    /// kept through the cycle under way. `reference` may be null or an `i31`.
    #[inline]
    pub(crate) fn overwritten(&mut self, reference: u32) {
        if let Some(cycle) = &mut self.cycle {
            cycle.marking.visit(reference);
        }
    }

    /// Whether anybody wants to hear of what is overwritten.
    #[inline]
    pub(super) fn is_marking(&self) -> bool {
        self.cycle.is_some()
    }

    /// Visits what handles, entities and frames refer to.
    fn visit_roots(&self, tracer: &mut Tracer<'_>) {
        self.roots().for_each(|target| tracer.visit(target));
        if self.depth > 0 {
            if let Some(Failure::Exception(reference, _)) = self.failure {
                tracer.visit(ExternPtr::Exception(reference));
            }
            tracer.visit_all_entities();
            tracer.scan_interp_stack();
            // Frames of Rust hold what they refer to by handles, or read it again.
            if self.vm.activation.get() != 0 {
                tracer.scan_native_stack();
            }
        }
    }

    /// Frees objects without marks, and what else is to be.
    fn sweep(&mut self, marks: &Marks, frees: Frees) {
        let mut dead = Vec::new();
        self.gc.sweep(marks, |index| dead.push(index));
        // Dropping host functions and host values runs code of the embedder, which may do anything
        // but reach this store, and may panic: before, all marks must be gone and all lists in
        // order.
        let values: Vec<_> =
            dead.into_iter().filter_map(|index| self.free_host_value(index)).collect();
        let attachments =
            if frees == Frees::Entities { self.sweep_attachments() } else { Vec::new() };
        let (host_funcs, entities) = self.sweep_entities(frees);
        let host_groups = self.host_groups.sweep(frees == Frees::Entities);
        let mut panic = None;
        drop_each(values, &mut panic);
        drop_each(attachments, &mut panic);
        drop_each(host_funcs, &mut panic);
        drop_each(host_groups, &mut panic);
        drop(entities);
        match panic {
            Some(payload) if self.depth == 0 => resume_unwind(payload),
            Some(payload) => self.defer_panic(payload),
            None => {}
        }
    }

    /// Clears the marks of entities and exceptions, frees exceptions without one if they are to be,
    /// and takes out such entities: host functions, whose destructors are the embedder's, and all
    /// others.
    #[must_use]
    #[expect(clippy::vec_box, reason = "entities never move")]
    fn sweep_entities(&mut self, frees: Frees) -> (Vec<Box<HostFunc>>, impl Sized + use<>) {
        self.sweep_exceptions(frees >= Frees::Exceptions);
        let free = frees == Frees::Entities;
        let host_funcs = self.host_funcs.sweep(|entity| entity.mark.replace(false) || !free);
        let others = (
            self.instances.sweep(|entity| entity.mark.replace(false) || !free),
            self.memories.sweep(|entity| entity.mark.replace(false) || !free),
            self.tables.sweep(|entity| entity.mark.replace(false) || !free),
            self.globals.sweep(|entity| entity.mark.replace(false) || !free),
            self.tags.sweep(|entity| entity.mark.replace(false) || !free),
        );
        (host_funcs, others)
    }

    /// Keeps a panic that must not unwind through running wasm for the host that called. Only the
    /// first one is kept.
    pub(super) fn defer_panic(&mut self, payload: Panic) {
        match &self.deferred_panic {
            None => self.deferred_panic = Some(payload),
            // Dropping it might panic in turn.
            Some(_) => forget(payload),
        }
    }
}

/// Drops values of the embedder one by one, so that those behind one that panics are dropped too;
/// the first panic is kept.
fn drop_each<T>(values: Vec<T>, first: &mut Option<Panic>) {
    for value in values {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match first {
                None => *first = Some(payload),
                // Dropping it might panic in turn.
                Some(_) => forget(payload),
            }
        }
    }
}
