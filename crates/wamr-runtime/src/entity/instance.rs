//! Instances: a module's index spaces bound to entities.
//! <https://webassembly.github.io/spec/core/exec/modules.html#instances>

use core::cell::{Cell, OnceCell};
use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::{
    AbstractHeapType, CompositeType, ConstExpr, ConstOp, DataIdx, DataMode, ElementItems,
    ExternIdx, FieldType, FuncIdx, GlobalIdx, StorageType, TableAccess, TrapCode, TypeId, TypeIdx,
    ValType,
};

use super::{GlobalEntity, LinearMemory, MemoryEntity, MemoryKind, TableEntity, TagEntity};
use crate::error::{Error, ErrorKind};
use crate::module::Module;
use crate::plan::{FuncPlace, FuncPlan, InstancePlan, RecordPlan, constant_of};
use crate::store::{ExternPtr, StoreCore};
use crate::vm::{FIRST_GLOBALS, FuncKind, FuncRecord, VmContext, VmGlobal, VmMemory, VmTable};

/// The stack of a constant expression, two slots for each value.
type ConstStack = smallvec::SmallVec<[[u64; 2]; 4]>;

/// What an instance is given for its module's imports, by kind, each in import order.
#[derive(Default)]
pub struct InstanceImports {
    pub(crate) funcs: Vec<*const FuncRecord>,
    pub(crate) tables: Vec<NonNull<TableEntity>>,
    pub(crate) memories: Vec<NonNull<MemoryEntity>>,
    pub(crate) globals: Vec<NonNull<GlobalEntity>>,
    pub(crate) tags: Vec<NonNull<TagEntity>>,
    /// For another thread of a program: the shared memories that its module defines, in order, as
    /// the threads before it have them.
    pub(crate) inherited: Option<Vec<Arc<LinearMemory>>>,
}

/// An instance.
#[repr(C)]
pub struct InstanceEntity {
    context: VmContext,
    module: Module,
    imported_funcs: Box<[*const FuncRecord]>,
    /// Records of the module's own functions that values can refer to.
    records: OnceCell<Box<[FuncRecord]>>,
    tables: Box<[NonNull<TableEntity>]>,
    memories: Box<[NonNull<MemoryEntity>]>,
    globals: OnceCell<Box<[NonNull<GlobalEntity>]>>,
    tags: Box<[NonNull<TagEntity>]>,
    /// Element segments given by expressions, evaluated.
    elements: OnceCell<Box<[Box<[u64]>]>>,
    dropped_elements: Box<[Cell<bool>]>,
    dropped_data: Box<[Cell<bool>]>,
    /// Whether other threads have initialised the shared memories.
    is_thread: bool,
    // The arrays that `context` points to.
    _vm_tables: Box<[*const VmTable]>,
    _vm_memories: Box<[*const VmMemory]>,
    vm_globals: OnceCell<Box<[*const VmGlobal]>>,
    pub(crate) mark: Cell<bool>,
}

impl InstanceEntity {
    /// Allocates an instance with everything that its module defines, and evaluates the
    /// initialisers of globals and tables and the items of element segments. Active segments
    /// are not copied yet.
    ///
    /// # Errors
    /// If the system lacks memory.
    pub(crate) fn allocate(
        core: &mut StoreCore,
        module: &Module,
        imports: InstanceImports,
    ) -> Result<NonNull<Self>, Error> {
        let decoded = module.decoded();
        let plan = module.plan_for_instance();
        let made = core.instances.len();
        if !core.allows(|limiter| limiter.instance_creating(made)) {
            return Err(Error::from_kind(ErrorKind::LimitReached));
        }
        let InstanceImports { funcs, mut tables, mut memories, globals, mut tags, inherited } =
            imports;
        let is_thread = inherited.is_some();
        let mut inherited = inherited.into_iter().flatten();
        for memory in &decoded.memories[memories.len()..] {
            memories.push(match memory.shared.then(|| inherited.next()).flatten() {
                Some(inherited) => core.hold_memory(inherited),
                None => core.new_memory(*memory)?,
            });
        }
        if !module.runs_with(kind_of(&memories)) {
            return Err(Error::from_kind(ErrorKind::NotGuarded));
        }
        for table in &decoded.tables[tables.len()..] {
            tables.push(core.new_table(table.ty, 0)?);
        }
        for tag in tags.len()..decoded.tags.len() {
            let ty = decoded.tag_type(wamr_types::TagIdx::from_usize(tag));
            tags.push(core.tags.alloc(TagEntity::new(ty)));
        }
        let imported_funcs = funcs.into_boxed_slice();
        // SAFETY: all entities live in the store.
        let vm_tables: Box<[*const VmTable]> =
            tables.iter().map(|at| unsafe { core::ptr::from_ref(at.as_ref().vm()) }).collect();
        // SAFETY: as above.
        let vm_memories: Box<[*const VmMemory]> =
            memories.iter().map(|at| unsafe { core::ptr::from_ref(at.as_ref().vm()) }).collect();
        let context = VmContext {
            store: core.vm(),
            memory0: vm_memories.first().copied().unwrap_or(core.empty_memory()),
            memories: vm_memories.as_ptr(),
            tables: vm_tables.as_ptr(),
            globals: core::ptr::dangling(),
            imports: imported_funcs.as_ptr(),
            types: decoded.types.as_ptr(),
            instance: core::ptr::null(),
            memory0_base: match (kind_of(&memories), vm_memories.first()) {
                // SAFETY: the memory lives in the store.
                (MemoryKind::Guarded, Some(&memory)) => unsafe { (*memory).base() },
                _ => core::ptr::null_mut(),
            },
            first_globals: [core::ptr::null(); FIRST_GLOBALS],
        };
        let flags = |count: usize| (0..count).map(|_| Cell::new(false)).collect();
        let entity = core.instances.alloc(Self {
            context,
            module: module.clone(),
            imported_funcs,
            records: OnceCell::new(),
            tables: tables.into(),
            memories: memories.into(),
            globals: OnceCell::new(),
            tags: tags.into(),
            elements: OnceCell::new(),
            dropped_elements: flags(decoded.elements.len()),
            dropped_data: flags(decoded.data.len()),
            is_thread,
            _vm_tables: vm_tables,
            _vm_memories: vm_memories,
            vm_globals: OnceCell::new(),
            mark: Cell::new(false),
        });
        // SAFETY: the instance was just made; nobody else uses it until it is complete.
        unsafe {
            (*entity.as_ptr()).context.instance = entity.as_ptr();
            let this = entity.as_ref();
            this.make_records(plan);
            let mut initialised = this.initialise_untraced(core, plan, globals.clone());
            if initialised.as_ref().is_err_and(is_heap_full) {
                // What was made so far is garbage, but for what the instance holds.
                let root = core.root(ExternPtr::Instance(entity));
                core.collect();
                drop(root);
                initialised = this.initialise_untraced(core, plan, globals);
            }
            initialised?;
            let globals = this.vm_globals.get().map_or(&[][..], |globals| globals);
            let context = &raw mut (*entity.as_ptr()).context;
            (*context).globals = globals.as_ptr();
            for (position, &global) in globals.iter().enumerate().take(FIRST_GLOBALS) {
                (*context).first_globals[position] = global;
            }
        }
        Ok(entity)
    }

    fn make_records(&self, plan: Option<&InstancePlan>) {
        let memory0 = self.memory0_kind();
        let records = match plan {
            Some(plan) => {
                let plans = self.module.planned_records(plan, memory0);
                self.records_of(plans.len(), plans.iter().copied())
            }
            None => {
                let funcs = &self.module.decoded().escaping_funcs;
                let plans = funcs.iter().map(|&func| self.module.record_plan(func, memory0));
                self.records_of(funcs.len(), plans)
            }
        };
        let _ = self.records.set(records);
    }

    /// `plans` are `count`.
    fn records_of(
        &self,
        count: usize,
        plans: impl Iterator<Item = RecordPlan>,
    ) -> Box<[FuncRecord]> {
        let mut records = Box::new_uninit_slice(count);
        let mut made = 0;
        for (at, plan) in records.iter_mut().zip(plans) {
            let at: *mut FuncRecord = at.as_mut_ptr();
            // SAFETY: `at` is room for a record.
            unsafe { at.write(self.record(plan, at)) };
            made += 1;
        }
        assert_eq!(made, count, "a plan for each record");
        // SAFETY: all are written.
        unsafe { records.assume_init() }
    }

    /// The record to be written to `at`.
    fn record(&self, plan: RecordPlan, at: *mut FuncRecord) -> FuncRecord {
        let context = self.context();
        let Some(FuncPlan { entry, sig, shape }) = plan else {
            // An import has a record already; this one is never handed out.
            return FuncRecord {
                code: crate::compiled::ADAPTER.into(),
                code_context: at.cast(),
                context,
                sig: 0,
                kind: FuncKind::Host,
                array_call: crate::rt::unreachable_call,
                body: core::ptr::null(),
                shape: core::ptr::null(),
            };
        };
        let (code, code_context) = match entry.kind {
            FuncKind::Compiled => (entry.code, context.cast()),
            _ => (crate::compiled::ADAPTER, at.cast()),
        };
        FuncRecord {
            code: code.into(),
            code_context,
            context,
            sig,
            kind: entry.kind,
            array_call: entry.array_call,
            body: entry.body,
            shape,
        }
    }

    /// Initialises without collections, since values on their way into globals and segments are
    /// not traced.
    fn initialise_untraced(
        &self,
        core: &mut StoreCore,
        plan: Option<&InstancePlan>,
        imported_globals: Vec<NonNull<GlobalEntity>>,
    ) -> Result<(), Error> {
        core.collections_paused += 1;
        let initialised = self.initialise(core, plan, imported_globals);
        core.collections_paused -= 1;
        initialised
    }

    fn initialise(
        &self,
        core: &mut StoreCore,
        plan: Option<&InstancePlan>,
        imported_globals: Vec<NonNull<GlobalEntity>>,
    ) -> Result<(), Error> {
        // After a collection in between they are there already.
        if self.globals.get().is_none() {
            self.make_globals(core, plan, imported_globals)?;
        }
        self.init_tables(core)?;
        self.evaluate_elements(core)
    }

    fn make_globals(
        &self,
        core: &mut StoreCore,
        plan: Option<&InstancePlan>,
        mut globals: Vec<NonNull<GlobalEntity>>,
    ) -> Result<(), Error> {
        let decoded = self.module.decoded();
        globals.reserve_exact(decoded.globals.len() - globals.len());
        for (position, global) in decoded.globals[globals.len()..].iter().enumerate() {
            let value = match (plan.and_then(|plan| plan.globals[position]), &global.init) {
                (Some(value), _) => value,
                (None, Some(init)) => self.evaluate(core, init, &globals)?,
                (None, None) => [0; 2],
            };
            globals.push(core.globals.alloc(GlobalEntity::new(global.ty, value)));
        }
        // SAFETY: all globals live in the store.
        let vm = globals.iter().map(|at| unsafe { core::ptr::from_ref(at.as_ref().vm()) });
        let _ = self.vm_globals.set(vm.collect());
        let _ = self.globals.set(globals.into());
        Ok(())
    }

    fn init_tables(&self, core: &mut StoreCore) -> Result<(), Error> {
        let decoded = self.module.decoded();
        for (table, at) in decoded.tables.iter().zip(&self.tables) {
            if let Some(init) = &table.init {
                let [value, _] = self.evaluate(core, init, self.globals())?;
                // SAFETY: the table lives in the store.
                unsafe { at.as_ref().fill(0, value, at.as_ref().size())? };
            }
        }
        Ok(())
    }

    fn evaluate_elements(&self, core: &mut StoreCore) -> Result<(), Error> {
        let decoded = self.module.decoded();
        let mut all = Vec::with_capacity(decoded.elements.len());
        for element in &decoded.elements {
            let mut items = Vec::new();
            if let ElementItems::Exprs(exprs) = &element.items {
                items.reserve_exact(exprs.len());
                for expr in exprs {
                    items.push(self.evaluate(core, expr, self.globals())?[0]);
                }
            }
            all.push(items.into_boxed_slice());
        }
        let _ = self.elements.set(all.into());
        Ok(())
    }

    /// Evaluates a constant expression; `globals` are those that it may refer to.
    fn evaluate(
        &self,
        core: &mut StoreCore,
        expr: &ConstExpr,
        globals: &[NonNull<GlobalEntity>],
    ) -> Result<[u64; 2], Error> {
        let mut stack = ConstStack::new();
        let invalid = || Error::from_kind(ErrorKind::InvalidType("constant expression".into()));
        for op in &expr.0 {
            let value = match *op {
                ConstOp::I32Const(_)
                | ConstOp::I64Const(_)
                | ConstOp::F32Const(_)
                | ConstOp::F64Const(_)
                | ConstOp::V128Const(_)
                | ConstOp::RefNull(_) => constant_of(*op).ok_or_else(invalid)?,
                ConstOp::RefFunc(func) => [self.func(func) as u64, 0],
                ConstOp::GlobalGet(global) => {
                    let global = globals.get(global.index()).ok_or_else(invalid)?;
                    // SAFETY: the global lives in the store.
                    unsafe { global.as_ref().get() }
                }
                ConstOp::I32Add
                | ConstOp::I32Sub
                | ConstOp::I32Mul
                | ConstOp::I64Add
                | ConstOp::I64Sub
                | ConstOp::I64Mul => {
                    let [b, _] = stack.pop().ok_or_else(invalid)?;
                    let [a, _] = stack.pop().ok_or_else(invalid)?;
                    [arithmetic(*op, a, b), 0]
                }
                ConstOp::AnyConvertExtern | ConstOp::ExternConvertAny => continue,
                ConstOp::RefI31 => {
                    let [value, _] = stack.pop().ok_or_else(invalid)?;
                    [u64::from(crate::gc::i31_new(value as u32)), 0]
                }
                ConstOp::StructNew(ty)
                | ConstOp::StructNewDefault(ty)
                | ConstOp::ArrayNew(ty)
                | ConstOp::ArrayNewDefault(ty)
                | ConstOp::ArrayNewFixed(ty, _) => {
                    let reference = self.make_object(core, *op, ty, &mut stack);
                    [u64::from(reference?.ok_or_else(invalid)?), 0]
                }
            };
            stack.push(value);
        }
        stack.pop().ok_or_else(invalid)
    }

    /// Evaluates an operator that makes an object; `None` if the stack does not fit it.
    fn make_object(
        &self,
        core: &mut StoreCore,
        op: ConstOp,
        ty: TypeIdx,
        stack: &mut ConstStack,
    ) -> Result<Option<u32>, Error> {
        let decoded = self.module.decoded();
        let id = decoded.types[ty.index()];
        let composite = &decoded.type_defs[ty.index()].composite;
        // SAFETY: the values are those of the fields or elements, in slots.
        let object = unsafe {
            match (op, composite) {
                (ConstOp::StructNew(_), CompositeType::Struct(ty)) => {
                    let types = ty.fields.iter();
                    let Some(values) = pop_slots(stack, types) else { return Ok(None) };
                    core.struct_new(id, values.as_ptr())
                }
                (ConstOp::StructNewDefault(_), CompositeType::Struct(_)) => {
                    core.struct_new(id, core::ptr::null())
                }
                (ConstOp::ArrayNewFixed(_, len), CompositeType::Array(ty)) => {
                    let types = core::iter::repeat_n(&ty.0, len as usize);
                    let Some(values) = pop_slots(stack, types) else { return Ok(None) };
                    core.array_new_fixed(id, values.as_ptr(), len)
                }
                (ConstOp::ArrayNew(_), CompositeType::Array(_)) => {
                    let Some([len, _]) = stack.pop() else { return Ok(None) };
                    let Some(value) = stack.pop() else { return Ok(None) };
                    core.array_new(id, value.as_ptr(), len as u32)
                }
                (ConstOp::ArrayNewDefault(_), CompositeType::Array(_)) => {
                    let Some([len, _]) = stack.pop() else { return Ok(None) };
                    core.array_new(id, core::ptr::null(), len as u32)
                }
                _ => return Ok(None),
            }
        };
        Ok(Some(object?))
    }

    /// Whether everything was allocated and initialised; one that was not may still be in the
    /// store, but nobody may run its code.
    pub(crate) fn is_complete(&self) -> bool {
        self.elements.get().is_some()
    }

    /// The context that the instance's functions run in.
    pub fn context(&self) -> *mut VmContext {
        core::ptr::from_ref(&self.context).cast_mut()
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The record of a function that values can refer to; null for one that they cannot.
    pub(crate) fn func(&self, func: FuncIdx) -> *const FuncRecord {
        if let Some(&import) = self.imported_funcs.get(func.index()) {
            return import;
        }
        self.func_at(FuncPlace::of(self.module.decoded(), func))
    }

    /// The record of a function at its place; null for one that values cannot refer to.
    fn func_at(&self, place: FuncPlace) -> *const FuncRecord {
        let found = place.find(&self.imported_funcs, self.records(), core::ptr::from_ref);
        found.unwrap_or(core::ptr::null())
    }

    fn records(&self) -> &[FuncRecord] {
        self.records.get().map_or(&[], |records| records)
    }

    pub(crate) fn table(&self, table: u32) -> &TableEntity {
        // SAFETY: the instance keeps its tables alive.
        unsafe { self.tables[table as usize].as_ref() }
    }

    pub(crate) fn memory(&self, memory: u32) -> &MemoryEntity {
        // SAFETY: the instance keeps its memories alive.
        unsafe { self.memories[memory as usize].as_ref() }
    }

    pub(crate) fn memories(&self) -> &[NonNull<MemoryEntity>] {
        &self.memories
    }

    pub(crate) fn tag(&self, tag: u32) -> NonNull<TagEntity> {
        self.tags[tag as usize]
    }

    /// What code of this instance may be made for: the kind of memory 0, wherever it comes from.
    fn memory0_kind(&self) -> MemoryKind {
        kind_of(&self.memories)
    }

    pub(crate) fn globals(&self) -> &[NonNull<GlobalEntity>] {
        self.globals.get().map_or(&[], |globals| globals)
    }

    /// An export by name.
    pub(crate) fn export(&self, name: &str) -> Option<ExternPtr> {
        let index = self.module.decoded().export(name)?.index;
        self.item(index)
    }

    /// An item of the index spaces.
    pub(crate) fn item(&self, index: ExternIdx) -> Option<ExternPtr> {
        Some(match index {
            ExternIdx::Func(func) => ExternPtr::Func(NonNull::new(self.func(func).cast_mut())?),
            ExternIdx::Table(table) => ExternPtr::Table(*self.tables.get(table.index())?),
            ExternIdx::Memory(memory) => ExternPtr::Memory(*self.memories.get(memory.index())?),
            ExternIdx::Global(GlobalIdx(global)) => {
                ExternPtr::Global(*self.globals().get(global as usize)?)
            }
            ExternIdx::Tag(tag) => ExternPtr::Tag(*self.tags.get(tag.index())?),
        })
    }

    /// `table.init`: copies items of an element segment; a dropped segment has none.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`] before anything is written.
    pub(crate) fn table_init(
        &self,
        table: u32,
        element: u32,
        dst: u64,
        src: u64,
        count: u64,
    ) -> Result<(), TrapCode> {
        let table = self.table(table);
        let decoded = self.module.decoded();
        let items = &decoded.elements[element as usize].items;
        let dropped = self.dropped_elements[element as usize].get();
        let len = if dropped { 0 } else { items.len() as u64 };
        match (items, self.module.plan()) {
            // The case of large tables.
            (ElementItems::Funcs(_), Some(plan)) => {
                let places = &plan.elements[element as usize];
                let records = self.records();
                let imports = &self.imported_funcs;
                table.init(dst, len, src, count, |i| {
                    let found = places[i as usize].find(imports, records, core::ptr::from_ref);
                    found.unwrap_or(core::ptr::null()) as u64
                })
            }
            _ => table.init(dst, len, src, count, |i| self.element_item(element, i as u32)),
        }
    }

    /// The bytes of a data segment; none once it is dropped.
    pub(crate) fn data(&self, data: u32) -> &[u8] {
        let dropped = self.dropped_data[data as usize].get();
        if dropped { &[] } else { self.module.decoded().data_bytes(DataIdx(data)) }
    }

    /// Checks a range of an element segment; a dropped segment has no items.
    ///
    /// # Errors
    /// [`TrapCode::TableOutOfBounds`]
    pub(crate) fn check_items(&self, element: u32, src: u32, count: u32) -> Result<(), TrapCode> {
        let dropped = self.dropped_elements[element as usize].get();
        let items = &self.module.decoded().elements[element as usize].items;
        let len = if dropped { 0 } else { items.len() as u64 };
        if u64::from(src) + u64::from(count) > len {
            return Err(TrapCode::TableOutOfBounds);
        }
        Ok(())
    }

    /// An item of an element segment, as a value slot.
    pub(crate) fn element_item(&self, element: u32, item: u32) -> u64 {
        match &self.module.decoded().elements[element as usize].items {
            ElementItems::Funcs(funcs) => match self.module.plan() {
                Some(plan) => self.func_at(plan.elements[element as usize][item as usize]) as u64,
                None => self.func(funcs[item as usize]) as u64,
            },
            ElementItems::Exprs(_) => {
                let all = self.elements.get().map_or(&[][..], |all| all);
                all[element as usize][item as usize]
            }
        }
    }

    /// `elem.drop`
    pub(crate) fn elem_drop(&self, element: u32) {
        self.dropped_elements[element as usize].set(true);
    }

    /// `memory.init`: copies bytes of a data segment; a dropped segment has none.
    ///
    /// # Errors
    /// [`TrapCode::MemoryOutOfBounds`] before anything is written.
    pub(crate) fn memory_init(
        &self,
        memory: u32,
        data: u32,
        dst: u64,
        src: u64,
        len: u64,
    ) -> Result<(), TrapCode> {
        self.memory(memory).init(dst, self.data(data), src, len)
    }

    /// Does what all active data segments do by mapping the module's image of them; false, and
    /// nothing is changed, where there is none.
    pub(crate) fn map_data_image(&self) -> bool {
        let Some(image) = self.module.image() else { return false };
        let is_mapped = self.memory(0).map_image(image);
        for (data, dropped) in self.module.decoded().data.iter().zip(&self.dropped_data) {
            if is_mapped && matches!(data.mode, DataMode::Active { .. }) {
                dropped.set(true);
            }
        }
        is_mapped
    }

    /// Whether an active data segment of a memory has had its effect already, on another thread.
    pub(crate) fn is_initialised(&self, memory: u32) -> bool {
        self.is_thread && self.memory(memory).declared_type().shared
    }

    /// The shared memories that the module defines, in order.
    pub(crate) fn own_shared_memories(&self) -> impl Iterator<Item = &Arc<LinearMemory>> {
        let imported = self.module.decoded().imported_memories as usize;
        // SAFETY: the instance keeps its memories alive.
        let own = self.memories.iter().skip(imported).map(|at| unsafe { at.as_ref() }.memory());
        own.filter(|memory| memory.declared_type().shared)
    }

    /// `data.drop`
    pub(crate) fn data_drop(&self, data: u32) {
        self.dropped_data[data as usize].set(true);
    }

    /// Evaluates an expression after allocation: offsets of active segments.
    pub(crate) fn evaluate_offset(
        &self,
        core: &mut StoreCore,
        expr: &ConstExpr,
    ) -> Result<u64, Error> {
        Ok(self.evaluate(core, expr, self.globals())?[0])
    }

    /// Replaces the references in evaluated element segments by what `f` makes of them, given the
    /// top of their types' hierarchy.
    pub(crate) fn update_elements(&mut self, f: impl Fn(AbstractHeapType, u64) -> u64) {
        let types = self.module.engine().types();
        let all = self.elements.get_mut().map_or(&mut [][..], |all| all);
        for (values, element) in all.iter_mut().zip(&self.module.decoded().elements) {
            let top = types.top_of(element.ty.heap);
            values.iter_mut().for_each(|value| *value = f(top, *value));
        }
    }

    /// Tells the tracer everything that the instance refers to.
    pub(crate) fn trace(&self, visit: &mut dyn FnMut(ExternPtr)) {
        for &func in &self.imported_funcs {
            if let Some(func) = NonNull::new(func.cast_mut()) {
                visit(ExternPtr::Func(func));
            }
        }
        self.tables.iter().for_each(|&at| visit(ExternPtr::Table(at)));
        self.memories.iter().for_each(|&at| visit(ExternPtr::Memory(at)));
        self.globals().iter().for_each(|&at| visit(ExternPtr::Global(at)));
        self.tags.iter().for_each(|&at| visit(ExternPtr::Tag(at)));
        // Evaluated element items refer to functions of this instance, to imported ones, or to
        // values of globals.
        let decoded = self.module.decoded();
        let all = self.elements.get().map_or(&[][..], |all| all);
        let segments = all.iter().zip(&decoded.elements).zip(&self.dropped_elements);
        for ((values, element), _) in segments.filter(|(_, dropped)| !dropped.get()) {
            let top = self.module.engine().types().top_of(element.ty.heap);
            for &value in values {
                if let Some(target) = ExternPtr::of_reference(top, value) {
                    visit(target);
                }
            }
        }
    }
}

/// Takes a value of each type off the stack, as slots; `None` if there are too few.
fn pop_slots<'a>(
    stack: &mut ConstStack,
    types: impl ExactSizeIterator<Item = &'a FieldType>,
) -> Option<Vec<u64>> {
    let at = stack.len().checked_sub(types.len())?;
    let mut slots = Vec::with_capacity(types.len());
    for (value, ty) in stack.drain(at..).zip(types) {
        let is_vector = ty.storage == StorageType::Val(ValType::V128);
        slots.extend_from_slice(&value[..if is_vector { 2 } else { 1 }]);
    }
    Some(slots)
}

fn is_heap_full(error: &Error) -> bool {
    error.trap_code() == Some(TrapCode::GcHeapExhausted)
}

/// The kind of the first of the memories that an instance keeps alive.
fn kind_of(memories: &[NonNull<MemoryEntity>]) -> MemoryKind {
    // SAFETY: the caller's instance keeps them alive.
    memories.first().map_or(MemoryKind::Checked, |at| unsafe { at.as_ref() }.kind())
}

fn arithmetic(op: ConstOp, a: u64, b: u64) -> u64 {
    let narrow = |value: u32| u64::from(value);
    match op {
        ConstOp::I32Add => narrow((a as u32).wrapping_add(b as u32)),
        ConstOp::I32Sub => narrow((a as u32).wrapping_sub(b as u32)),
        ConstOp::I32Mul => narrow((a as u32).wrapping_mul(b as u32)),
        ConstOp::I64Add => a.wrapping_add(b),
        ConstOp::I64Sub => a.wrapping_sub(b),
        _ => a.wrapping_mul(b),
    }
}

/// Canonical ids are read by running code as plain numbers.
const _: () = assert!(size_of::<TypeId>() == 4);
