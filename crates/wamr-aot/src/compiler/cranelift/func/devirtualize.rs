//! Calls through tables whose elements are known: where few of them have the type that is called,
//! the index decides, and what is called is called directly, or inlined.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, InstructionData, Opcode, Value, types};
use wamr_runtime::compiled::Builtin;
use wamr_types::{DefinedFuncIdx, FuncType, TrapCode, TypeIdx};

use super::super::super::KnownTable;
use super::super::convention::clif_type;
use super::control::block_args;
use super::{FuncCompiler, clif_trap};

impl<'a> FuncCompiler<'a, '_> {
    /// Compiles a call through a table, or a tail call, if its callees are known; else does nothing
    /// and gives false.
    pub(super) fn call_known(&mut self, ty: u32, table: u32, is_tail: bool) -> bool {
        let Some(known) = &self.env.known_tables[table as usize] else { return false };
        let index = *self.stack.last().expect("validated: the operand is there");
        let id = self.module.types[ty as usize];
        let constant = self.constant(index);
        let one;
        let callees = match constant {
            Some(constant) => {
                let Some(callee) = known.at(self.module, constant, id) else { return false };
                one = [(constant, callee)];
                &one[..]
            }
            None => match known.of_type(id) {
                Some(callees) => callees,
                None => return false,
            },
        };
        let index = self.pop_index(self.module.tables[table as usize].ty.index);
        let func_ty = self.module.func_type_at(TypeIdx(ty));
        let args = self.pop_many(func_ty.params().len());
        // Where calls come back to; tail calls do not.
        let done = (!is_tail).then(|| {
            let done = self.builder.create_block();
            for &ty in func_ty.results() {
                self.builder.append_block_param(done, clif_type(ty));
            }
            done
        });

        let is_certain = constant.is_some();
        for &(at, callee) in callees {
            let next = (!is_certain).then(|| {
                let (call, next) = (self.builder.create_block(), self.builder.create_block());
                let is_this = self.builder.ins().icmp_imm_u(IntCC::Equal, index, at as i64);
                self.builder.ins().brif(is_this, call, [], next, []);
                self.begin(call);
                next
            });
            self.stack.extend(&args);
            self.call_one(callee, is_tail);
            self.come_back(done, func_ty);
            match next {
                Some(next) => self.begin(next),
                None => {
                    self.end_known(done);
                    return true;
                }
            }
        }

        // What is none of these traps, but for subtypes.
        self.builder.set_cold_block(self.builder.current_block().expect("one has begun"));
        self.call_other(known, ty, table, index, &args, is_tail);
        self.come_back(done, func_ty);
        self.end_known(done);
        true
    }

    /// Goes on with the results of a call where all calls come back to.
    fn come_back(&mut self, done: Option<Block>, ty: &FuncType) {
        if let Some(done) = done.filter(|_| self.dead.is_none()) {
            let results = self.pop_many(ty.results().len());
            self.builder.ins().jump(done, &block_args(&results));
        }
    }

    /// What follows is reached from all calls, or from none if they are tail calls.
    fn end_known(&mut self, done: Option<Block>) {
        match done {
            Some(done) => {
                self.dead = None;
                self.begin(done);
                self.stack.extend_from_slice(self.builder.block_params(done));
            }
            None => self.is_left(),
        }
    }

    /// Calls a function of the module, with its arguments on the stack.
    fn call_one(&mut self, callee: DefinedFuncIdx, is_tail: bool) {
        self.dead = None;
        let number = self.module.func_idx(callee).0;
        if is_tail {
            self.visit_return_call(number);
        } else {
            self.visit_call(number);
        }
    }

    /// Calls whatever else is in the table there, which mostly traps.
    fn call_other(
        &mut self,
        known: &KnownTable,
        ty: u32,
        table: u32,
        index: Value,
        args: &[Value],
        is_tail: bool,
    ) {
        self.dead = None;
        let expected = self.type_id(ty);
        let number = self.i32_value(table);
        let record = self.ask_builtin(Builtin::IndirectCallee, &[number, index, expected]);
        if !known.has_subtypes(self.env.types, self.module.types[ty as usize]) {
            self.builder.ins().trap(clif_trap(TrapCode::IndirectCallTypeMismatch));
            self.dead = Some(0);
            return;
        }
        self.stack.extend(args);
        let callee = self.callee_found(record, ty);
        let func_ty = self.module.func_type_at(TypeIdx(ty));
        if is_tail {
            self.emit_tail_call(callee, func_ty);
        } else {
            self.emit_call(callee, func_ty);
        }
    }

    /// What a value is, if it is a constant.
    fn constant(&self, value: Value) -> Option<u64> {
        let dfg = &self.builder.func.dfg;
        let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
        match dfg.insts[inst] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
                let bits = imm.bits() as u64;
                Some(if dfg.value_type(value) == types::I32 { bits & 0xffff_ffff } else { bits })
            }
            _ => None,
        }
    }
}
