//! One function, from the binary format to Cranelift's form, operator by operator.
//!
//! WebAssembly's operand stack is a stack of Cranelift values at compile time. Each group of
//! operators has its file; this one has what they share, and the dispatch.

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AbiParam, Block, InstBuilder, MemFlagsData, Signature, Type};
use cranelift_codegen::ir::{Value, types};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use wamr_runtime::compiled::entry_points;
use wamr_runtime::{Error, ErrorKind};
use wamr_types::{DefinedFuncIdx, FuncType, Module, TrapCode, ValType};
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator};

use crate::convention::{self, CONTEXTS, Place};
use crate::{Unsupported, layout};
use control::Frame;

mod call;
mod control;
mod memory;
mod numeric;
mod table;
mod variable;

/// What running code's own structures may be assumed to be: there, and aligned.
const TRUSTED: MemFlagsData = MemFlagsData::trusted();
/// Value slots are there, but no more than 8-byte aligned.
const IN_SLOT: MemFlagsData = MemFlagsData::new().with_notrap();

/// A function on its way to Cranelift.
struct FuncCompiler<'a> {
    module: &'a Module,
    ty: &'a FuncType,
    builder: FunctionBuilder<'a>,
    /// The context that the function runs in.
    ctx: Value,
    locals: Vec<Variable>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// How many blocks have begun in code that nothing reaches; `None` in code that runs.
    dead: Option<usize>,
    /// The code of each trap, shared by all places that trap so.
    traps: HashMap<TrapCode, Block>,
}

/// Fills `func` with the function at `index`, whose body must be valid.
///
/// # Errors
/// [`Unsupported`] for an operator that is not.
pub(crate) fn build(
    module: &Module,
    index: DefinedFuncIdx,
    func: &mut ir::Function,
    frontend: &mut FunctionBuilderContext,
    target: TargetFrontendConfig,
) -> Result<(), Error> {
    let ty = module.func_type(module.func_idx(index));
    func.signature = convention::signature(ty);
    let body = module.bodies.body(index);
    let body = FunctionBody::new(BinaryReader::new(body.bytes, body.offset as u64));

    let mut compiler = FuncCompiler::new(module, ty, FunctionBuilder::new(func, frontend));
    compiler.declare_locals(&body)?;
    compiler.check_limit();
    compiler.push_body();
    let mut operators = body.get_operators_reader().map_err(invalid)?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(invalid)?;
        compiler.operator(&operator).map_err(|Refused| {
            Error::new(Unsupported {
                operator: format!("{operator:?}").into(),
                offset: offset as usize,
            })
        })?;
    }
    compiler.finish(target);
    Ok(())
}

/// What has passed validation cannot be malformed; should it be, this says so.
fn invalid(error: BinaryReaderError) -> Error {
    Error::from_kind(ErrorKind::InvalidBody(wamr_types::LoadError {
        kind: wamr_types::LoadErrorKind::Malformed(error.message().into()),
        offset: Some(error.offset() as usize),
        func: None,
    }))
}

/// An operator that is not supported.
struct Refused;

impl<'a> FuncCompiler<'a> {
    /// Begins with the parameters, which are to be read first thing.
    fn new(module: &'a Module, ty: &'a FuncType, mut builder: FunctionBuilder<'a>) -> Self {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let ctx = builder.block_params(entry)[0];
        let mut this = Self {
            module,
            ty,
            builder,
            ctx,
            locals: Vec::new(),
            stack: Vec::new(),
            frames: Vec::new(),
            dead: None,
            traps: HashMap::new(),
        };
        let params = this.builder.block_params(entry).to_vec();
        let mut registers = params[CONTEXTS..].iter().copied();
        let buffer = this.tail_args();
        for (ty, place) in convention::param_places(ty.params()) {
            let value = match place {
                Place::Register => registers.next().expect("the signature has it"),
                Place::Slot(slot) => this.load_slot(ty, buffer, slot),
            };
            let local = this.new_local(ty);
            this.builder.def_var(local, value);
        }
        this
    }

    fn finish(mut self, target: TargetFrontendConfig) {
        self.emit_traps();
        self.builder.seal_all_blocks();
        self.builder.finalize(target);
    }

    /// Compiles one operator. In code that nothing reaches only the structure of blocks counts.
    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), Refused> {
        use Operator as O;
        if self.skips(operator) {
            return Ok(());
        }
        match *operator {
            O::Nop => {}
            O::Unreachable => self.unreachable(),
            O::Block { blockty } => self.block(blockty),
            O::Loop { blockty } => self.loop_(blockty),
            O::If { blockty } => self.if_(blockty),
            O::Else => self.else_(),
            O::End => self.end(),
            O::Br { relative_depth } => self.br(relative_depth),
            O::BrIf { relative_depth } => self.br_if(relative_depth),
            O::Return => self.return_(),

            O::Call { function_index } => self.call(function_index),
            O::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index);
            }
            O::ReturnCall { function_index } => self.return_call(function_index),
            O::ReturnCallIndirect { type_index, table_index } => {
                self.return_call_indirect(type_index, table_index);
            }

            O::Drop => drop(self.pop()),
            O::LocalGet { local_index } => self.local_get(local_index),
            O::LocalSet { local_index } => self.local_set(local_index),
            O::LocalTee { local_index } => self.local_tee(local_index),
            O::GlobalGet { global_index } => self.global_get(global_index),
            O::GlobalSet { global_index } => self.global_set(global_index),

            O::RefNull { .. } => self.i64_const(0),
            O::RefIsNull => self.is_zero(),
            O::RefFunc { function_index } => self.ref_func(function_index),
            O::TableGet { table } => self.table_get(table),
            O::TableSet { table } => self.table_set(table),
            O::TableSize { table } => self.table_size(table),
            O::TableGrow { table } => self.table_grow(table),

            O::MemorySize { mem } => self.memory_size(mem),
            O::MemoryGrow { mem } => self.memory_grow(mem),
            O::I32Load { memarg } => self.i32_load(memarg),
            O::I32Store { memarg } => self.i32_store(memarg),

            O::I32Const { value } => self.i32_const(value),
            O::I64Const { value } => self.i64_const(value),
            O::F64Const { value } => self.f64_const(value.bits()),
            O::V128Const { value } => self.v128_const(value.bytes()),
            O::I32Add | O::I64Add => self.binary(|ins, a, b| ins.iadd(a, b)),
            O::I32Sub | O::I64Sub => self.binary(|ins, a, b| ins.isub(a, b)),
            O::F64Add => self.binary(|ins, a, b| ins.fadd(a, b)),
            O::I32Eqz | O::I64Eqz => self.is_zero(),

            _ => return Err(Refused),
        }
        Ok(())
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

    fn load(&mut self, ty: Type, base: Value, offset: i32) -> Value {
        self.builder.ins().load(ty, TRUSTED, base, offset)
    }

    /// Loads what other threads, or calls that the optimiser knows nothing of, may have
    /// changed.
    fn load_atomic(&mut self, base: Value, offset: i32) -> Value {
        let at = self.builder.ins().iadd_imm_s(base, i64::from(offset));
        self.builder.ins().atomic_load(types::I64, TRUSTED, at)
    }

    /// Loads item `index` of one of the context's arrays of pointers.
    fn load_item(&mut self, array: i32, index: u32) -> Value {
        let base = self.load(types::I64, self.ctx, array);
        self.load(types::I64, base, index as i32 * layout::POINTER_BYTES)
    }

    /// The store's buffer for values without a register.
    fn tail_args(&mut self) -> Value {
        let store = self.load(types::I64, self.ctx, layout::CONTEXT_STORE);
        self.load(types::I64, store, layout::STORE_TAIL_ARGS)
    }

    fn load_slot(&mut self, ty: ValType, base: Value, slot: usize) -> Value {
        let (ty, offset) = (convention::clif_type(ty), slot as i32 * layout::SLOT_BYTES);
        self.builder.ins().load(ty, IN_SLOT, base, offset)
    }

    fn store_slot(&mut self, ty: ValType, value: Value, base: Value, slot: usize) {
        let value = match ty {
            ValType::I32 => self.builder.ins().uextend(types::I64, value),
            ValType::F32 => {
                let bits = self.builder.ins().bitcast(types::I32, MemFlagsData::new(), value);
                self.builder.ins().uextend(types::I64, bits)
            }
            _ => value,
        };
        self.builder.ins().store(IN_SLOT, value, base, slot as i32 * layout::SLOT_BYTES);
    }

    /// Calls a function in the C convention of the platform by its address.
    fn call_native(
        &mut self,
        address: usize,
        args: &[Value],
        result: Option<Type>,
    ) -> Option<Value> {
        let mut signature = Signature::new(CallConv::SystemV);
        let types = args.iter().map(|&arg| self.builder.func.dfg.value_type(arg));
        signature.params.extend(types.map(AbiParam::new));
        signature.returns.extend(result.map(AbiParam::new));
        let signature = self.builder.import_signature(signature);
        let callee = self.builder.ins().iconst(types::I64, address as i64);
        let call = self.builder.ins().call_indirect(signature, callee, args);
        self.builder.inst_results(call).first().copied()
    }

    /// Calls a helper: the context first, then `args`.
    fn call_helper(&mut self, helper: *const (), args: &[Value], result: Type) -> Value {
        let args = [&[self.ctx], args].concat();
        let result = self.call_native(helper as usize, &args, Some(result));
        result.expect("the signature has a result")
    }

    /// The check that every function begins with, and every turn of a loop: it finds an
    /// exhausted stack, and interruptions.
    fn check_limit(&mut self) {
        let store = self.load(types::I64, self.ctx, layout::CONTEXT_STORE);
        let limit = self.load_atomic(store, layout::STORE_NATIVE_LIMIT);
        let stack_pointer = self.builder.ins().get_stack_pointer(types::I64);
        let is_beyond = self.builder.ins().icmp(IntCC::UnsignedLessThan, stack_pointer, limit);
        let (slow, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder.ins().brif(is_beyond, slow, [], go_on, []);
        self.builder.switch_to_block(slow);
        self.call_native(entry_points::limit(), &[self.ctx], None);
        self.builder.ins().jump(go_on, []);
        self.builder.switch_to_block(go_on);
    }

    fn cold_block(&mut self) -> Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        block
    }

    /// Where to go for a trap.
    fn trap_block(&mut self, code: TrapCode) -> Block {
        if let Some(&block) = self.traps.get(&code) {
            return block;
        }
        let block = self.cold_block();
        self.traps.insert(code, block);
        block
    }

    /// Goes on only if `condition` does not hold.
    fn trap_if(&mut self, condition: Value, code: TrapCode) {
        let (trap, go_on) = (self.trap_block(code), self.builder.create_block());
        self.builder.ins().brif(condition, trap, [], go_on, []);
        self.builder.switch_to_block(go_on);
    }

    /// Leaves the activation with a trap whose code is an `i32`.
    fn raise(&mut self, code: Value) {
        self.call_native(entry_points::trap(), &[self.ctx, code], None);
        self.builder.ins().trap(ir::TrapCode::unwrap_user(1));
    }

    fn emit_traps(&mut self) {
        for (code, block) in core::mem::take(&mut self.traps) {
            self.builder.switch_to_block(block);
            let code = self.builder.ins().iconst(types::I32, code as i64);
            self.raise(code);
        }
    }
}
