//! Reclaiming entities that nothing can reach any more.
//!
//! Roots are the handles that somebody outside the store holds. Instances, tables, globals and
//! functions keep alive what they refer to. Collection waits until no wasm is running, so that
//! frames need not be scanned.

use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::ValType;

use super::{ExternPtr, StoreCore};
use crate::entity::HostFunc;
use crate::vm::FuncRecord;

impl StoreCore {
    /// Collects if the store has grown to twice what survived the last time.
    pub(crate) fn collect_if_due(&mut self) {
        if self.entity_count() >= self.entities_watermark {
            self.collect();
            self.entities_watermark = (self.entity_count() * 2).max(256);
        }
    }

    fn entity_count(&self) -> usize {
        self.memories.len()
            + self.tables.len()
            + self.globals.len()
            + self.tags.len()
            + self.host_funcs.len()
            + self.instances.len()
            + (self.externs.len() - self.free_externs.len())
    }

    /// Frees every entity that no handle, and nothing that a handle reaches, refers to. Does
    /// nothing while wasm is running.
    pub(crate) fn collect(&mut self) {
        if self.depth > 0 {
            return;
        }
        self.roots.retain(|root| Arc::strong_count(root) > 1);
        let mut tracer = Tracer { core: self, work: Vec::new() };
        for root in &self.roots {
            tracer.visit(root.raw_target());
        }
        tracer.run();
        self.sweep();
    }

    fn sweep(&mut self) {
        self.instances.sweep(|entity| entity.mark.replace(false));
        self.host_funcs.sweep(|entity| entity.mark.replace(false));
        self.memories.sweep(|entity| entity.mark.replace(false));
        self.tables.sweep(|entity| entity.mark.replace(false));
        self.globals.sweep(|entity| entity.mark.replace(false));
        self.tags.sweep(|entity| entity.mark.replace(false));
        let mut dead = Vec::new();
        for (index, slot) in self.externs.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|cell| !cell.mark.replace(false)) {
                dead.extend(slot.take());
                self.free_externs.push(index as u32);
            }
        }
    }
}

struct Tracer<'a> {
    core: &'a StoreCore,
    work: Vec<ExternPtr>,
}

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
                ExternPtr::Extern(reference) => {
                    if let Some(Some(cell)) = self.core.externs.get(reference as usize - 1) {
                        cell.mark.set(true);
                    }
                    false
                }
            }
        };
        if fresh {
            self.work.push(target);
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

    fn visit_ref(&mut self, funcs: bool, value: u64) {
        if funcs {
            if let Some(func) = NonNull::new(value as *mut FuncRecord) {
                self.visit_func(func);
            }
        } else if value != 0 {
            self.visit(ExternPtr::Extern(value as u32));
        }
    }

    fn run(&mut self) {
        while let Some(target) = self.work.pop() {
            // SAFETY: as in `visit`.
            unsafe {
                match target {
                    ExternPtr::Table(at) => {
                        let funcs = at.as_ref().holds_funcs();
                        at.as_ref().for_each(|value| self.visit_ref(funcs, value));
                    }
                    ExternPtr::Global(at) => {
                        let global = at.as_ref();
                        if let ValType::Ref(ty) = global.ty().content {
                            let top = self.core.engine.types().top_of(ty.heap);
                            let funcs = top == wamr_types::AbstractHeapType::Func;
                            self.visit_ref(funcs, global.get()[0]);
                        }
                    }
                    ExternPtr::Instance(at) => {
                        at.as_ref().trace(&mut |target| self.visit(target));
                    }
                    _ => {}
                }
            }
        }
    }
}
