//! Calls: from one function to any other, whatever its mode.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    BlockArg, ExtFuncData, ExternalName, FuncRef, Inst, InstBuilder, SigRef, UserExternalName,
    Value, types,
};
use wamr_runtime::compiled::Builtin;
use wamr_types::{FuncIdx, FuncType, TrapCode, TypeIdx, ValType};

use super::super::super::KnownTable;
use super::super::convention::{self, Place, clif_type};
use super::{FUNCS, FuncCompiler};

/// Whom to call.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// A function that the module defines.
    Direct(FuncRef),
    /// Code, the context that it takes, and the signature.
    Indirect { code: Value, context: Value, signature: SigRef },
}

impl FuncCompiler<'_, '_> {
    pub(super) fn visit_call(&mut self, func: u32) {
        if let Some(defined) = self.module.defined_func(FuncIdx(func))
            && self.is_worth_inlining(defined)
        {
            self.inline(defined);
            return;
        }
        let callee = self.callee(FuncIdx(func));
        self.emit_call(callee, self.module.func_type(FuncIdx(func)));
    }

    pub(super) fn visit_return_call(&mut self, func: u32) {
        let callee = self.callee(FuncIdx(func));
        self.emit_tail_call(callee, self.module.func_type(FuncIdx(func)));
    }

    pub(super) fn visit_call_indirect(&mut self, ty: u32, table: u32) {
        if self.call_known(ty, table, false) {
            return;
        }
        let callee = self.indirect_callee(ty, table);
        self.emit_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    pub(super) fn visit_return_call_indirect(&mut self, ty: u32, table: u32) {
        if self.call_known(ty, table, true) {
            return;
        }
        let callee = self.indirect_callee(ty, table);
        self.emit_tail_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    pub(super) fn visit_call_ref(&mut self, ty: u32) {
        let callee = self.referred_callee(ty);
        self.emit_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    pub(super) fn visit_return_call_ref(&mut self, ty: u32) {
        let callee = self.referred_callee(ty);
        self.emit_tail_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    fn signature(&mut self, ty: TypeIdx) -> SigRef {
        if let Some(&found) = self.signatures.get(&ty.0) {
            return found;
        }
        let signature = convention::signature(self.module.func_type_at(ty));
        let signature = self.builder.import_signature(signature);
        self.signatures.insert(ty.0, signature);
        signature
    }

    fn callee(&mut self, func: FuncIdx) -> Callee {
        let ty = self.module.funcs[func.index()];
        let signature = self.signature(ty);
        let Some(defined) = self.module.defined_func(func) else {
            let record = self.load_item(self.env.layout.context.imports, func.0);
            return self.callee_of_record(record, signature);
        };
        if let Some(&found) = self.callees.get(&defined) {
            return Callee::Direct(found);
        }
        let name = UserExternalName::new(FUNCS, defined.0);
        let name = self.builder.func.declare_imported_user_function(name);
        let callee = self.builder.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: true,
            patchable: false,
        });
        self.callees.insert(defined, callee);
        Callee::Direct(callee)
    }

    fn callee_of_record(&mut self, record: Value, signature: SigRef) -> Callee {
        // The code may be replaced while the record lives; the context stays.
        let code = self.load_field(types::I64, record, self.env.layout.record.code);
        let context_at = self.env.layout.record.code_context as i32;
        let context = self.load_constant(types::I64, record, context_at);
        Callee::Indirect { code, context, signature }
    }

    fn referred_callee(&mut self, ty: u32) -> Callee {
        let record = self.pop();
        self.trap_if_zero(record, TrapCode::NullFunctionReference);
        self.callee_found(record, ty)
    }

    /// The function that a record is of, which a check has found.
    pub(super) fn callee_found(&mut self, record: Value, ty: u32) -> Callee {
        let signature = self.signature(TypeIdx(ty));
        // Nothing may be read before the check.
        let code = self.load_field(types::I64, record, self.env.layout.record.code);
        let context = self.load_field(types::I64, record, self.env.layout.record.code_context);
        Callee::Indirect { code, context, signature }
    }

    /// The function in a table, if its type is the expected one. The comparison of type ids
    /// catches null and other types; the runtime knows subtypes, and which trap it is.
    fn indirect_callee(&mut self, ty: u32, table: u32) -> Callee {
        let layout = self.env.layout;
        let table_index = table as usize;
        let index = self.pop_index(self.module.tables[table_index].ty.index);
        let signature = self.signature(TypeIdx(ty));
        let expected = self.type_id(ty);
        let (slow, found) = (self.cold_block(), self.builder.create_block());
        let record = self.builder.append_block_param(found, types::I64);

        let at = self.load_item(layout.context.tables, table);
        let len = self.table_len(table, at);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_if(is_outside, TrapCode::UndefinedElement);
        let slot = self.element(at, index, i64::from(layout.slot.size_bytes));
        let flags = self.flags.tables;
        let sig = self.builder.ins().load(types::I32, flags, slot, layout.slot.sig as i32);
        let func = self.builder.ins().load(types::I64, flags, slot, layout.slot.func as i32);
        let is_expected = self.builder.ins().icmp(IntCC::Equal, sig, expected);
        self.builder.ins().brif(is_expected, found, &[func.into()], slow, []);

        self.begin(slow);
        let table = self.i32_value(table);
        let other = self.ask_builtin(Builtin::IndirectCallee, &[table, index, expected]);
        self.builder.ins().jump(found, &[other.into()]);

        self.begin(found);
        let code = self.load_field(types::I64, record, layout.record.code);
        let is_own = self.env.known_tables[table_index].as_ref().is_some_and(KnownTable::is_own);
        let context = match is_own {
            true => self.ctx,
            false => self.load_field(types::I64, record, layout.record.code_context),
        };
        Callee::Indirect { code, context, signature }
    }

    /// Takes the arguments from the stack; those without a register go to the store's buffer.
    /// Gives those that have one, contexts first.
    fn pass_arguments(&mut self, callee: Callee, ty: &FuncType) -> Vec<Value> {
        let callee_ctx = match callee {
            Callee::Direct(_) => self.ctx,
            Callee::Indirect { context, .. } => context,
        };
        let values = self.pop_many(ty.params().len());
        let mut args = vec![callee_ctx, self.ctx];
        self.place(&mut args, &values, convention::param_places(ty.params()));
        args
    }

    /// Stores the values that go to the store's buffer, and appends the others to `registers`.
    fn place(
        &mut self,
        registers: &mut Vec<Value>,
        values: &[Value],
        places: impl Iterator<Item = (ValType, Place)>,
    ) {
        let mut buffer = None;
        for (&value, (_, place)) in values.iter().zip(places) {
            match place {
                Place::Register => registers.push(value),
                Place::Slot(slot) => {
                    let buffer = *buffer.get_or_insert_with(|| self.tail_args());
                    self.store_slot(value, buffer, slot);
                }
            }
        }
    }

    pub(super) fn emit_call(&mut self, callee: Callee, ty: &FuncType) {
        let args = self.pass_arguments(callee, ty);
        let first = if self.handlers.is_empty() {
            let call = match callee {
                Callee::Direct(func) => self.builder.ins().call(func, &args),
                Callee::Indirect { code, signature, .. } => {
                    self.builder.ins().call_indirect(signature, code, &args)
                }
            };
            self.builder.inst_results(call).first().copied()
        } else {
            self.emit_try_call(callee, &args, ty)
        };
        self.has_called();
        let mut buffer = None;
        for (ty, place) in convention::result_places(ty.results()) {
            let value = match place {
                Place::Register => first.expect("the signature has it"),
                Place::Slot(slot) => {
                    let buffer = *buffer.get_or_insert_with(|| self.tail_args());
                    self.load_slot(ty, buffer, slot)
                }
            };
            self.push(value);
        }
    }

    /// Calls where exceptions are caught; gives the result that travels in a register.
    fn emit_try_call(&mut self, callee: Callee, args: &[Value], ty: &FuncType) -> Option<Value> {
        let normal = self.builder.create_block();
        let first = ty.results().first();
        let result = first.map(|&ty| self.builder.append_block_param(normal, clif_type(ty)));
        let returned: &[BlockArg] = if result.is_some() { &[BlockArg::TryCallRet(0)] } else { &[] };
        let signature = match callee {
            Callee::Direct(func) => self.builder.func.dfg.ext_funcs[func].signature,
            Callee::Indirect { signature, .. } => signature,
        };
        let table = self.exception_table(signature, normal, returned);
        match callee {
            Callee::Direct(func) => self.builder.ins().try_call(func, args, table),
            Callee::Indirect { code, .. } => {
                self.builder.ins().try_call_indirect(code, args, table)
            }
        };
        self.begin(normal);
        result
    }

    /// Nothing travels on the native stack, so that any callee can take the caller's place.
    pub(super) fn emit_tail_call(&mut self, callee: Callee, ty: &FuncType) {
        let args = self.pass_arguments(callee, ty);
        self.calls += 1;
        let _: Inst = match callee {
            Callee::Direct(func) => self.builder.ins().return_call(func, &args),
            Callee::Indirect { code, signature, .. } => {
                self.builder.ins().return_call_indirect(signature, code, &args)
            }
        };
        self.is_left();
    }

    /// Returns the function's results.
    pub(super) fn leave_function(&mut self, results: &[Value]) {
        let mut registers = Vec::new();
        self.place(&mut registers, results, convention::result_places(self.ty.results()));
        self.builder.ins().return_(&registers);
    }

    pub(super) fn visit_ref_func(&mut self, func: u32) {
        let func = self.i32_value(func);
        let value = self.ask_builtin(Builtin::RefFunc, &[func]);
        self.push(value);
    }
}
