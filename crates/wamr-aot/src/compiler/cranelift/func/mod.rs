//! One function, from the binary format to Cranelift's form, operator by operator.
//!
//! WebAssembly's operand stack is a stack of Cranelift values at compile time. Each group of
//! operators has its file; this one has what they share.

use core::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use cranelift_codegen::cursor::{Cursor as _, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, AliasRegion, AliasRegionData, Block, Endianness, ExceptionTag, ExtFuncData,
    ExternalName, FuncRef, GlobalValue, GlobalValueData, Inst, InstBuilder, MemFlagsData,
    Signature, StackSlot, StackSlotData, StackSlotKind, TrapCode as ClifTrap, Type,
    UserExternalName, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use wamr_runtime::compiled::{ALL_TAGS, Builtin, BuiltinType};
use wamr_runtime::gc::GcLayout;
use wamr_runtime::rt::Keep;
use wamr_runtime::{Error, ErrorKind, MemoryKind};
use wamr_types::{
    AbstractHeapType, DefinedFuncIdx, FuncType, IndexType, Module, TrapCode, ValType,
};
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator};

use super::super::{KnownTable, ModuleEnv, Unsupported};
use super::convention::{self, CONTEXTS, Place};
use super::layout::{self, Layout};
use crate::artifact::LinkedOffset;
use control::Frame;
use exception::{Region, TryInfo};
use inline::Inlining;
pub(super) use inline::Positions;

mod atomic;
mod call;
mod control;
mod devirtualize;
mod exception;
mod fuel;
mod gc;
mod inline;
mod memory;
mod numeric;
mod simd;
mod table;
mod variable;
mod visitor;
mod wide;

/// The namespace of names of the module's functions.
pub(super) const FUNCS: u32 = 0;
/// The namespace of names of builtins.
pub(super) const BUILTINS: u32 = 1;
/// The namespace of names of offsets that are linked.
pub(super) const OFFSETS: u32 = 2;

/// What all functions of a module share.
pub(super) struct Env<'a> {
    module: &'a Module,
    types: &'a wamr_types::TypeRegistry,
    layout: &'a Layout,
    /// Whether each table holds functions.
    func_tables: Vec<bool>,
    /// The layouts of structs and arrays by type index, once a function accesses any.
    gc_layouts: OnceCell<Vec<Option<GcLayout>>>,
    counts_fuel: bool,
    inlines: bool,
    inline_budget_bytes: usize,
    known_tables: &'a [Option<KnownTable>],
    /// For functions that were looked at, what is known of their bodies, where they can be inlined.
    inlinable: RefCell<HashMap<DefinedFuncIdx, Option<inline::Candidate>>>,
}

impl<'a> Env<'a> {
    pub(super) fn new(env: ModuleEnv<'a>, layout: &'a Layout) -> Self {
        let is_func = |table: &wamr_types::Table| {
            env.types.top_of(table.ty.element.heap) == AbstractHeapType::Func
        };
        let func_tables = env.module.tables.iter().map(is_func).collect();
        let ModuleEnv { module, types, counts_fuel, inlines, inline_budget_bytes, known_tables } =
            env;
        Self {
            module,
            types,
            layout,
            func_tables,
            gc_layouts: OnceCell::new(),
            counts_fuel,
            inlines,
            inline_budget_bytes,
            known_tables,
            inlinable: RefCell::default(),
        }
    }

    /// The layout of a type of structs or arrays.
    fn gc_layout(&self, ty: u32) -> Option<&GcLayout> {
        let layouts = self.gc_layouts.get_or_init(|| {
            self.module.type_defs.iter().map(|ty| GcLayout::of(ty, self.types)).collect()
        });
        layouts.get(ty as usize)?.as_ref()
    }
}

impl Env<'_> {
    /// The index of a function in the module.
    pub(super) fn number_of(&self, func: DefinedFuncIdx) -> u32 {
        self.module.func_idx(func).0
    }

    /// Where the body of a function of that index begins in the module.
    pub(super) fn offset_of(&self, func: u32) -> usize {
        let defined = self.module.defined_func(wamr_types::FuncIdx(func));
        defined.map_or(0, |defined| self.module.bodies.body(defined).offset)
    }
}

/// What to compile.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) func: DefinedFuncIdx,
    pub(super) memory0: MemoryKind,
    /// Whether the frame is so large that the stack must be checked before it is made.
    pub(super) has_large_frame: bool,
}

/// The kinds of mutable memory that never overlap, and the flags of accesses to them.
struct Flags {
    /// Fields of the runtime's structures.
    vm: MemFlagsData,
    /// Elements of tables.
    tables: MemFlagsData,
    globals: MemFlagsData,
    /// Linear memories; bounds were compared.
    memories: MemFlagsData,
    /// Linear memories, where accesses out of bounds fault: each has its trap code besides.
    guarded: MemFlagsData,
    /// The store's buffer of values.
    args: MemFlagsData,
    objects: MemFlagsData,
    /// The store's fuel.
    fuel: MemFlagsData,
}

impl Flags {
    fn new(func: &mut ir::Function) -> Self {
        let mut region = |user_id, description: &'static str| {
            let description = description.into();
            let region: AliasRegion =
                func.dfg.alias_regions.insert(AliasRegionData { user_id, description });
            Some(region)
        };
        let trusted = MemFlagsData::trusted();
        // Slots are no more than 8-byte aligned, linear memory is not at all.
        let any = MemFlagsData::new().with_notrap();
        let memory = region(4, "memory");
        Self {
            vm: trusted.with_alias_region(region(1, "vm")),
            tables: trusted.with_alias_region(region(2, "table")),
            globals: any.with_alias_region(region(3, "global")),
            memories: any.with_endianness(Endianness::Little).with_alias_region(memory),
            guarded: any.with_endianness(Endianness::Little).with_alias_region(memory),
            args: any.with_alias_region(region(5, "args")),
            objects: trusted.with_alias_region(region(6, "object")),
            fuel: trusted.with_alias_region(region(7, "fuel")),
        }
    }
}

/// A function on its way to Cranelift.
struct FuncCompiler<'a, 'f> {
    env: &'f Env<'a>,
    module: &'a Module,
    request: Request,
    ty: &'a FuncType,
    builder: FunctionBuilder<'f>,
    flags: Flags,
    /// The context that the function runs in.
    ctx: Value,
    locals: Vec<Variable>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// How many blocks have begun in code that nothing reaches; `None` in code that runs.
    dead: Option<usize>,
    /// What exceptions can come from now, the innermost last.
    regions: Vec<Region>,
    /// The clauses that an exception thrown here would be offered, in order.
    handlers: Vec<(ExceptionTag, Block)>,
    /// How many clauses have been looked at for them.
    handler_work: usize,
    /// How many of them calls have named.
    handler_edges: usize,
    /// What follows legacy `try` instructions, by their offset, once somebody wants to know.
    tries: Option<HashMap<usize, TryInfo>>,
    builtins: HashMap<Builtin, FuncRef>,
    offsets: HashMap<LinkedOffset, GlobalValue>,
    callees: HashMap<DefinedFuncIdx, FuncRef>,
    signatures: HashMap<u32, ir::SigRef>,
    /// Room in the frame for values that are passed by address.
    scratch: Option<StackSlot>,
    scratch_bytes: u32,
    /// The offset in the module of the operator at hand.
    offset: usize,
    fuel: fuel::Counter,
    inlining: Inlining,
    /// The check that the function begins with.
    entry_check: Option<LimitCheck>,
    /// How many calls there were, but for that of a check.
    calls: usize,
    unsupported: Option<&'static str>,
    error: Option<Error>,
}

/// A check of the stack's limit.
struct LimitCheck {
    /// What it computes before it branches, the last first.
    steps: [Inst; 4],
    branch: Inst,
    slow: Block,
    go_on: Block,
}

/// Fills `func` with a function, whose body must be valid. Gives where its operators stand.
///
/// # Errors
/// [`Unsupported`] for an operator that is not.
pub(super) fn build(
    env: &Env<'_>,
    request: Request,
    func: &mut ir::Function,
    frontend: &mut FunctionBuilderContext,
    target: TargetFrontendConfig,
) -> Result<Positions, Error> {
    let module = env.module;
    let ty = module.func_type(module.func_idx(request.func));
    func.signature = convention::signature(ty);
    if request.has_large_frame {
        limit_stack(func, env.layout);
    }
    let mut compiler = FuncCompiler::new(env, request, func, frontend);
    compiler.inlining = Inlining::new(env, request.func);
    compiler.begin_fuel();
    compiler.entry_check = Some(compiler.check_entry());
    compiler.translate()?;
    if let Some(error) = compiler.error.take() {
        return Err(error);
    }
    if compiler.calls == 0 && !request.has_large_frame {
        compiler.drop_entry_check();
    }
    let positions = core::mem::take(&mut compiler.inlining.positions);
    compiler.finish(target);
    Ok(positions)
}

/// Fills `func` with what stands for a function whose body is invalid.
pub(super) fn build_invalid(
    env: &Env<'_>,
    index: DefinedFuncIdx,
    func: &mut ir::Function,
    frontend: &mut FunctionBuilderContext,
    target: TargetFrontendConfig,
) {
    let request = Request { func: index, memory0: MemoryKind::Checked, has_large_frame: false };
    let number = env.module.func_idx(index);
    func.signature = convention::signature(env.module.func_type(number));
    let mut compiler = FuncCompiler::new(env, request, func, frontend);
    let number = compiler.i32_value(number.0);
    compiler.call_builtin(Builtin::InvalidBody, &[number]);
    compiler.builder.ins().trap(clif_trap(TrapCode::Unreachable));
    compiler.finish(target);
}

/// What has passed validation cannot be malformed; should it be, this says so.
fn invalid(error: BinaryReaderError) -> Error {
    Error::from_kind(ErrorKind::InvalidBody(wamr_types::LoadError {
        kind: wamr_types::LoadErrorKind::Malformed(error.message().into()),
        offset: Some(error.offset() as usize),
        func: None,
    }))
}

/// Has the stack checked before the frame is made.
fn limit_stack(func: &mut ir::Function, layout: &Layout) {
    let flags = func.dfg.mem_flags.insert_unchecked(MemFlagsData::trusted());
    let context = func.create_global_value(GlobalValueData::VMContext);
    func.signature.params[0].purpose = ir::ArgumentPurpose::VMContext;
    let store = func.create_global_value(GlobalValueData::Load {
        base: context,
        offset: (layout.context.store as i32).into(),
        global_type: types::I64,
        flags,
    });
    func.stack_limit = Some(func.create_global_value(GlobalValueData::Load {
        base: store,
        offset: (layout.store.native_end as i32).into(),
        global_type: types::I64,
        flags,
    }));
}

/// What a tag of Cranelift's exception tables says: the tag's index, and what becomes of the
/// exception.
pub(super) fn clause_of(tag: ExceptionTag) -> (u32, Keep) {
    let keep = match tag.as_u32() & 3 {
        0 => Keep::Nothing,
        1 => Keep::Value,
        _ => Keep::Hold,
    };
    ((tag.as_u32() >> 2).checked_sub(1).unwrap_or(ALL_TAGS), keep)
}

/// The opposite of [`clause_of`].
fn clause_tag(tag: Option<u32>, keep: Keep) -> ExceptionTag {
    ExceptionTag::from_u32(tag.map_or(0, |tag| tag + 1) << 2 | keep.number())
}

impl<'a, 'f> FuncCompiler<'a, 'f> {
    /// Begins with the parameters, which are to be read first thing.
    fn new(
        env: &'f Env<'a>,
        request: Request,
        func: &'f mut ir::Function,
        frontend: &'f mut FunctionBuilderContext,
    ) -> Self {
        let module = env.module;
        let ty = module.func_type(module.func_idx(request.func));
        let flags = Flags::new(func);
        let mut builder = FunctionBuilder::new(func, frontend);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let ctx = builder.block_params(entry)[0];
        let mut this = Self {
            env,
            module,
            request,
            ty,
            builder,
            flags,
            ctx,
            locals: Vec::new(),
            stack: Vec::new(),
            frames: Vec::new(),
            dead: None,
            regions: Vec::new(),
            handlers: Vec::new(),
            handler_work: 0,
            handler_edges: 0,
            tries: None,
            builtins: HashMap::new(),
            offsets: HashMap::new(),
            callees: HashMap::new(),
            signatures: HashMap::new(),
            scratch: None,
            scratch_bytes: 0,
            offset: 0,
            fuel: fuel::Counter::default(),
            inlining: Inlining::default(),
            entry_check: None,
            calls: 0,
            unsupported: None,
            error: None,
        };
        let params = this.builder.block_params(entry).to_vec();
        let mut registers = params[CONTEXTS..].iter().copied();
        let mut buffer = None;
        for (ty, place) in convention::param_places(ty.params()) {
            let value = match place {
                Place::Register => registers.next().expect("the signature has it"),
                Place::Slot(slot) => {
                    let buffer = *buffer.get_or_insert_with(|| this.tail_args());
                    this.load_slot(ty, buffer, slot)
                }
            };
            let local = this.new_local(ty);
            this.builder.def_var(local, value);
        }
        this
    }

    /// Compiles the body of the function at hand, whose parameters are its first locals.
    fn translate(&mut self) -> Result<(), Error> {
        let code = self.module.bodies.body(self.request.func);
        let body = FunctionBody::new(BinaryReader::new(code.bytes, code.offset as u64));
        self.declare_locals(&body)?;
        self.push_body();
        let mut operators = body.get_operators_reader().map_err(invalid)?;
        while !operators.eof() {
            let offset = operators.original_position() as usize;
            self.offset = offset;
            if self.dead.is_some() {
                self.skip(&operators.read().map_err(invalid)?);
                self.end_fuel_block();
            } else {
                let place = self.inlining.place(offset);
                self.builder.set_srcloc(place);
                let ends_block =
                    self.env.counts_fuel && self.count(&code.bytes[offset - code.offset..]);
                let mut visitor = visitor::Visitor(self);
                operators.visit_operator(&mut visitor).map_err(invalid)?;
                if ends_block {
                    self.end_fuel_block();
                }
            }
            if let Some(operator) = self.unsupported {
                return Err(Error::new(Unsupported { operator: operator.into(), offset }));
            }
        }
        Ok(())
    }

    fn finish(mut self, target: TargetFrontendConfig) {
        if let Some(slot) = self.scratch {
            self.builder.func.sized_stack_slots[slot].size = self.scratch_bytes;
        }
        self.builder.seal_all_blocks();
        self.builder.finalize(target);
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().expect("validated: the operand is there")
    }

    /// Takes the topmost `count` values, the topmost last.
    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        self.stack.split_off(self.stack.len() - count)
    }

    fn i32_value(&mut self, value: u32) -> Value {
        self.builder.ins().iconst(types::I32, i64::from(value))
    }

    fn i64_value(&mut self, value: u64) -> Value {
        self.builder.ins().iconst(types::I64, value as i64)
    }

    fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    /// Loads what never changes as long as the instance lives.
    fn load_constant(&mut self, ty: Type, base: Value, offset: i32) -> Value {
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        self.builder.ins().load(ty, flags, base, offset)
    }

    /// Loads a field of the runtime's structures that may change.
    fn load_field(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        self.builder.ins().load(ty, self.flags.vm, base, offset as i32)
    }

    /// Loads item `index` of one of the context's arrays of pointers.
    fn load_item(&mut self, array: u32, index: u32) -> Value {
        let base = self.load_constant(types::I64, self.ctx, array as i32);
        self.load_constant(types::I64, base, index as i32 * layout::POINTER_BYTES)
    }

    /// The canonical id of a type.
    fn type_id(&mut self, ty: u32) -> Value {
        let types_at = self.env.layout.context.types as i32;
        let base = self.load_constant(types::I64, self.ctx, types_at);
        self.load_constant(types::I32, base, ty as i32 * size_of::<u32>() as i32)
    }

    fn store_struct(&mut self) -> Value {
        self.load_constant(types::I64, self.ctx, self.env.layout.context.store as i32)
    }

    /// The store's buffer for values without a register.
    fn tail_args(&mut self) -> Value {
        let at = self.store_field(LinkedOffset::TailArgs);
        self.load_constant(types::I64, at, 0)
    }

    /// The address of a field of the store that is found by name.
    fn store_field(&mut self, field: LinkedOffset) -> Value {
        let func = &mut *self.builder.func;
        let offset = *self.offsets.entry(field).or_insert_with(|| {
            let name = UserExternalName::new(OFFSETS, field as u32);
            let name = ExternalName::user(func.declare_imported_user_function(name));
            let offset = 0.into();
            // Its value is what stands in the table, which for functions is an address.
            func.create_global_value(GlobalValueData::Symbol {
                name,
                offset,
                colocated: false,
                tls: false,
            })
        });
        let offset = self.builder.ins().symbol_value(types::I64, offset);
        let store = self.store_struct();
        self.builder.ins().iadd(store, offset)
    }

    fn load_slot(&mut self, ty: ValType, base: Value, slot: usize) -> Value {
        let (ty, offset) = (convention::clif_type(ty), slot as i32 * layout::SLOT_BYTES);
        self.builder.ins().load(ty, self.flags.args, base, offset)
    }

    /// A value as its slot has it: zero beyond the value.
    fn widened(&mut self, value: Value) -> Value {
        match self.type_of(value) {
            types::I32 => self.builder.ins().uextend(types::I64, value),
            types::F32 => {
                let bits = self.builder.ins().bitcast(types::I32, MemFlagsData::new(), value);
                self.builder.ins().uextend(types::I64, bits)
            }
            _ => value,
        }
    }

    fn store_slot(&mut self, value: Value, base: Value, slot: usize) {
        let value = self.widened(value);
        let offset = slot as i32 * layout::SLOT_BYTES;
        self.builder.ins().store(self.flags.args, value, base, offset);
    }

    /// Stores values in the frame one behind the other, and gives the address of the first.
    fn spill(&mut self, values: &[Value]) -> Value {
        let slots = |value: &Value| if self.type_of(*value).bytes() == 16 { 2 } else { 1 };
        let slots: Vec<usize> = values.iter().map(slots).collect();
        let bytes = (slots.iter().sum::<usize>() * layout::SLOT_BYTES as usize).max(16) as u32;
        self.scratch_bytes = self.scratch_bytes.max(bytes);
        let scratch = *self.scratch.get_or_insert_with(|| {
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4);
            self.builder.create_sized_stack_slot(data)
        });
        let base = self.builder.ins().stack_addr(types::I64, scratch, 0);
        let mut at = 0;
        for (&value, slots) in values.iter().zip(slots) {
            self.store_slot(value, base, at);
            at += slots;
        }
        base
    }

    fn builtin_ref(&mut self, builtin: Builtin) -> FuncRef {
        if let Some(&found) = self.builtins.get(&builtin) {
            return found;
        }
        let convention = match builtin {
            // Those that exceptions may come from take all registers then; what is called where
            // hardly anything goes wrong takes none.
            Builtin::Throw | Builtin::ThrowRef | Builtin::Rethrow => CallConv::Tail,
            Builtin::Limit | Builtin::ChargeKeeping => CallConv::PreserveAll,
            _ => CallConv::SystemV,
        };
        let clif = |ty: &BuiltinType| match ty {
            BuiltinType::I32 => AbiParam::new(types::I32),
            BuiltinType::I64 => AbiParam::new(types::I64),
        };
        let mut signature = Signature::new(convention);
        signature.params.push(AbiParam::new(types::I64));
        signature.params.extend(builtin.params().iter().map(clif));
        signature.returns.extend(builtin.result().iter().map(clif));
        let signature = self.builder.import_signature(signature);
        let name = UserExternalName::new(BUILTINS, builtin as u32);
        let name = self.builder.func.declare_imported_user_function(name);
        let func = self.builder.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: false,
            patchable: false,
        });
        self.builtins.insert(builtin, func);
        func
    }

    /// Calls a builtin: the context first, then `args`.
    fn call_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Option<Value> {
        let func = self.builtin_ref(builtin);
        let args = [&[self.ctx], args].concat();
        let call = self.builder.ins().call(func, &args);
        let result = self.builder.inst_results(call).first().copied();
        self.has_called();
        result
    }

    /// To be told after every call but that of a check.
    fn has_called(&mut self) {
        self.calls += 1;
        self.reload_fuel();
    }

    /// Calls a builtin for its result.
    fn ask_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Value {
        self.call_builtin(builtin, args).expect("the builtin has a result")
    }

    /// The check that every function begins with: it finds an exhausted stack, and interruptions.
    fn check_entry(&mut self) -> LimitCheck {
        let store = self.reload_store();
        let [at, limit] = self.load_limit(store);
        let stack_pointer = self.builder.ins().get_stack_pointer(types::I64);
        let is_beyond = self.builder.ins().icmp(IntCC::UnsignedLessThan, stack_pointer, limit);
        let (slow, go_on) = (self.cold_block(), self.builder.create_block());
        let branch = self.builder.ins().brif(is_beyond, slow, [], go_on, []);
        self.call_limit(slow);
        self.builder.ins().jump(go_on, []);
        self.begin(go_on);
        let dfg = &self.builder.func.dfg;
        let steps = [is_beyond, limit, at, store].map(|value| dfg.value_def(value).unwrap_inst());
        LimitCheck { steps, branch, slow, go_on }
    }

    /// The check before every turn of a loop, in a block whose parameters are those of the body: it finds
    /// interruptions, which raise the limit as high as can be.
    fn check_turn(&mut self, header: Block, calls: bool) {
        let block = self.builder.current_block().expect("the block has begun");
        let args = control::block_args(self.builder.block_params(block));
        // In a loop that calls, a value that is kept is one in the frame.
        let store = if calls { self.reload_store() } else { self.store_struct() };
        let [_, limit] = self.load_limit(store);
        let is_raised = self.builder.ins().icmp_imm_s(IntCC::Equal, limit, -1);
        let slow = self.cold_block();
        self.builder.ins().brif(is_raised, slow, [], header, &args);
        self.call_limit(slow);
        self.builder.ins().jump(header, &args);
    }

    /// The store, of which no value from before is kept for it.
    fn reload_store(&mut self) -> Value {
        self.load_field(types::I64, self.ctx, self.env.layout.context.store)
    }

    /// The address of the limit, and the limit.
    fn load_limit(&mut self, store: Value) -> [Value; 2] {
        let offset = i64::from(self.env.layout.store.native_limit);
        let at = self.builder.ins().iadd_imm_s(store, offset);
        // Other threads change it, and no turn of a loop may go without.
        [at, self.builder.ins().atomic_load(types::I64, MemFlagsData::trusted(), at)]
    }

    /// Calls the runtime in a block, because of the limit.
    fn call_limit(&mut self, slow: Block) {
        self.begin(slow);
        let func = self.builtin_ref(Builtin::Limit);
        self.builder.ins().call(func, &[self.ctx]);
    }

    /// Leaves out the check that the function begins with, which its caller has done: it calls
    /// nothing itself, and its frame fits into what is kept free below the limit.
    fn drop_entry_check(&mut self) {
        let Some(LimitCheck { steps, branch, slow, go_on }) = self.entry_check.take() else {
            return;
        };
        let mut cursor = FuncCursor::new(self.builder.func).at_inst(branch);
        cursor.ins().jump(go_on, &[]);
        let layout = &mut cursor.func.layout;
        for inst in [branch].into_iter().chain(steps) {
            layout.remove_inst(inst);
        }
        while let Some(inst) = layout.first_inst(slow) {
            layout.remove_inst(inst);
        }
        layout.remove_block(slow);
    }

    fn cold_block(&mut self) -> Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        block
    }

    /// Goes on in a block that nothing else will jump to.
    fn begin(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
    }

    /// Traps if a number is not zero.
    fn trap_if(&mut self, condition: Value, code: TrapCode) {
        self.builder.ins().trapnz(condition, clif_trap(code));
    }

    /// Traps if a number or a reference is zero.
    fn trap_if_zero(&mut self, value: Value, code: TrapCode) {
        self.builder.ins().trapz(value, clif_trap(code));
    }

    /// Widens an index or a count to 64 bits.
    fn index_value(&mut self, index: IndexType, value: Value) -> Value {
        match index {
            IndexType::I32 => self.builder.ins().uextend(types::I64, value),
            IndexType::I64 => value,
        }
    }

    /// Pops an index or a count, as 64 bits.
    fn pop_index(&mut self, index: IndexType) -> Value {
        let value = self.pop();
        self.index_value(index, value)
    }

    /// Pushes a size, which came in 64 bits.
    fn push_size(&mut self, index: IndexType, value: Value) {
        let value = match index {
            IndexType::I32 => self.builder.ins().ireduce(types::I32, value),
            IndexType::I64 => value,
        };
        self.push(value);
    }

    /// Passes over an operator that nothing reaches.
    fn skip(&mut self, operator: &Operator<'_>) {
        let Some(depth) = self.dead else { return };
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.dead = Some(depth + 1),
            Operator::End | Operator::Delegate { .. } if depth > 0 => self.dead = Some(depth - 1),
            // These belong to the block that was left: its other parts, or what follows, may run.
            Operator::End => self.visit_end(),
            Operator::Else if depth == 0 => self.visit_else(),
            Operator::Delegate { relative_depth } => self.visit_delegate(*relative_depth),
            Operator::Catch { tag_index } if depth == 0 => self.visit_catch(*tag_index),
            Operator::CatchAll if depth == 0 => self.visit_catch_all(),
            _ => {}
        }
    }
}

/// A trap code in Cranelift's words.
fn clif_trap(code: TrapCode) -> ClifTrap {
    ClifTrap::unwrap_user(code as u8)
}

/// The offsets of blocks, for a look at a body as a whole.
type Offsets = HashSet<usize>;
