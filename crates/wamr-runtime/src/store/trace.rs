//! Finding what can be reached: one tracer for entities, objects and exceptions.

use core::ptr::NonNull;

use wamr_types::{AbstractHeapType, ValType};

use super::exception::Exception;
use super::{ExternPtr, StoreCore};
use crate::entity::HostFunc;
use crate::gc::{FieldKind, FieldLayout, GcLayout, Marks, is_i31, prefetch};
use crate::vm::FuncRecord;

/// Objects that were found, and those among them that have not been looked at yet.
pub(super) struct Marking {
    pub(super) marks: Marks,
    objects: Vec<u32>,
    /// Long arrays that were looked at in part: from which element on they were not.
    arrays: Vec<(u32, u32)>,
}

impl Marking {
    pub(super) fn new(marks: Marks) -> Self {
        Self { marks, objects: Vec::new(), arrays: Vec::new() }
    }

    /// Marks what a reference refers to, to be looked at later.
    #[inline(always)]
    pub(super) fn visit(&mut self, reference: u32) {
        if reference != 0 && !is_i31(reference) && self.marks.mark(reference) {
            self.objects.push(reference);
        }
    }
}

/// A walk through a store.
pub(super) struct Tracer<'a> {
    core: &'a StoreCore,
    marking: &'a mut Marking,
    /// Entities and exceptions that have not been looked at yet; `None` where all of them are
    /// known to have been.
    work: Option<Vec<ExternPtr>>,
    /// How many more bytes of objects are to be looked at; may be exceeded by one piece.
    budget_bytes: usize,
}

/// How many objects are on their way from memory at a time.
const AHEAD: usize = 8;
/// How many elements of an array are looked at in one piece.
const PIECE: u32 = 4096;

impl<'a> Tracer<'a> {
    /// One that follows every reference.
    pub(super) fn new(core: &'a StoreCore, marking: &'a mut Marking) -> Self {
        Self { core, marking, work: Some(Vec::new()), budget_bytes: usize::MAX }
    }

    /// One that looks at so many bytes of objects, and at nothing else.
    pub(super) fn of_objects(
        core: &'a StoreCore,
        marking: &'a mut Marking,
        budget_bytes: usize,
    ) -> Self {
        Self { core, marking, work: None, budget_bytes }
    }

    pub(super) fn visit(&mut self, target: ExternPtr) {
        if let ExternPtr::Object(reference) = target {
            return self.marking.visit(reference);
        }
        if self.work.is_none() {
            return;
        }
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
                ExternPtr::Object(_) => false,
                ExternPtr::Exception(reference) => {
                    self.core.exception(reference).is_some_and(|exception| exception.mark())
                }
            }
        };
        if fresh && let Some(work) = &mut self.work {
            work.push(target);
        }
    }

    fn visit_func(&mut self, func: NonNull<FuncRecord>) {
        // SAFETY: as in `visit`; a record without an instance is part of a `HostFunc`.
        unsafe {
            let record = func.as_ref();
            match NonNull::new((*record.context).instance.cast_mut()) {
                Some(instance) => self.visit(ExternPtr::Instance(instance)),
                None => self.core.mark_host_func(&*record.body.cast::<HostFunc>()),
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

    pub(super) fn visit_all_entities(&mut self) {
        let core = self.core;
        core.instances.iter().for_each(|at| self.visit(ExternPtr::Instance(at)));
        core.tables.iter().for_each(|at| self.visit(ExternPtr::Table(at)));
        core.globals.iter().for_each(|at| self.visit(ExternPtr::Global(at)));
    }

    pub(super) fn visit_all_exceptions(&mut self) {
        let core = self.core;
        core.exceptions.references().for_each(|at| self.visit(ExternPtr::Exception(at)));
    }

    /// Interpreted frames hold references as whole slots, zero-extended.
    pub(super) fn scan_interp_stack(&mut self) {
        let base = self.core.interp_stack.base().cast::<u64>().cast_const();
        let top = self.core.vm.interp_top.get().cast_const();
        let mut at = base;
        while at < top {
            // SAFETY: the stack is committed memory up to its end.
            let word = unsafe { at.read() };
            if let Ok(reference) = u32::try_from(word) {
                // No slot points into the middle of an object, so that most numbers are told apart.
                if self.core.gc.object_at(reference) == Some(reference) {
                    self.visit(ExternPtr::Object(reference));
                }
                self.guess_exception(reference);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Native frames may hold references as halves of words, or addresses into objects.
    pub(super) fn scan_native_stack(&mut self) {
        let registers = crate::platform::callee_saved_registers();
        for word in registers {
            self.guess_word(word);
        }
        let mut at = crate::rt::native_stack_pointer() & !7;
        while at < self.core.native_base.0 {
            // SAFETY: the range lies between this frame and the frame that entered wasm, on one
            // stack that belongs to this thread.
            self.guess_word(unsafe { (at as *const u64).read_volatile() });
            at += 8;
        }
    }

    fn guess_word(&mut self, word: u64) {
        for half in [word as u32, (word >> 32) as u32] {
            self.guess(half);
            self.guess_exception(half);
        }
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

    /// Visits what may be a reference to an exception.
    fn guess_exception(&mut self, reference: u32) {
        if self.core.exception(reference).is_some() {
            self.visit(ExternPtr::Exception(reference));
        }
    }

    /// Looks at everything that can be reached.
    pub(super) fn run(&mut self) {
        loop {
            self.run_entities();
            if self.run_objects() && self.work.as_ref().is_none_or(Vec::is_empty) {
                return;
            }
        }
    }

    /// Looks at entities and exceptions until none is left, but not at the objects found.
    pub(super) fn run_entities(&mut self) {
        while let Some(target) = self.work.as_mut().and_then(Vec::pop) {
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

    /// Looks at objects until none is left, which is true then, or the budget is used up. Most of
    /// the time goes into waiting for memory, so that an object is asked for some time before it is
    /// looked at.
    pub(super) fn run_objects(&mut self) -> bool {
        let base = self.core.gc.base();
        let (mut coming, mut count, mut at) = ([0; AHEAD], 0, 0);
        loop {
            let next = self.marking.objects.pop().unwrap_or(0);
            if next != 0 {
                prefetch(base.wrapping_add(next as usize));
                count += 1;
            }
            let arrived = core::mem::replace(&mut coming[at], next);
            at = (at + 1) % AHEAD;
            if arrived != 0 {
                count -= 1;
                self.visit_fields(arrived, 0);
                if self.budget_bytes == 0 {
                    self.marking.objects.extend(coming.into_iter().filter(|&next| next != 0));
                    return false;
                }
            } else if count == 0 && self.marking.objects.is_empty() {
                let Some((array, from)) = self.marking.arrays.pop() else { return true };
                self.visit_fields(array, from);
                if self.budget_bytes == 0 {
                    return false;
                }
            }
        }
    }

    /// Looks at a struct, or at the elements of an array from `from` on.
    fn visit_fields(&mut self, reference: u32, from: u32) {
        // SAFETY: the reference was marked, so it is an object.
        let (object, header) = unsafe {
            let header = self.core.gc.header(reference);
            (header.cast::<u8>(), *header)
        };
        self.pay(crate::gc::HEADER_BYTES as usize);
        match self.core.known_layout(header.type_id) {
            Some(GcLayout::Struct { fields, objects, has_others, .. }) => {
                self.pay(size_of_val(&**objects));
                for &offset in objects {
                    // SAFETY: the layout says that there is a reference.
                    self.marking.visit(unsafe { *object.add(offset as usize).cast() });
                }
                if *has_others {
                    for field in fields.iter().filter(|field| field.kind != FieldKind::Object) {
                        self.visit_field(reference as usize, field);
                    }
                }
            }
            Some(GcLayout::Array { element }) if element.kind.is_reference() => {
                let end = header.len.min(from.saturating_add(PIECE));
                if end < header.len {
                    self.marking.arrays.push((reference, end));
                }
                let (start, log2) = (element.offset as usize, element.kind.size_log2());
                self.pay(((end - from) as usize) << log2);
                if element.kind == FieldKind::Object {
                    // SAFETY: the layout says that references follow, as many as the header says.
                    let first: *const u32 = unsafe { object.add(start).cast() };
                    for i in from..end {
                        // SAFETY: as above.
                        self.marking.visit(unsafe { *first.add(i as usize) });
                    }
                } else {
                    for i in from..end {
                        self.visit_field(reference as usize + ((i as usize) << log2), element);
                    }
                }
            }
            // Host values refer to nothing.
            _ => {}
        }
    }

    fn pay(&mut self, bytes: usize) {
        self.budget_bytes = self.budget_bytes.saturating_sub(bytes);
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
