//! Calls: from one function to any other, whatever its mode.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{ExtFuncData, ExternalName, FuncRef, InstBuilder, UserExternalName};
use cranelift_codegen::ir::{Value, types};
use wamr_types::{FuncIdx, FuncType, TypeIdx, ValType};

use super::FuncCompiler;
use crate::convention::{self, Place};
use crate::{helpers, layout};

/// Whom to call.
enum Callee {
    /// A function that the module defines.
    Direct(FuncRef),
    /// Code, and the context that it takes.
    Indirect { code: Value, context: Value },
}

impl FuncCompiler<'_> {
    pub(super) fn call(&mut self, func: u32) {
        let callee = self.callee(FuncIdx(func));
        self.emit_call(callee, self.module.func_type(FuncIdx(func)));
    }

    pub(super) fn return_call(&mut self, func: u32) {
        let callee = self.callee(FuncIdx(func));
        self.emit_tail_call(callee, self.module.func_type(FuncIdx(func)));
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let callee = self.indirect_callee(TypeIdx(ty), table);
        self.emit_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    pub(super) fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let callee = self.indirect_callee(TypeIdx(ty), table);
        self.emit_tail_call(callee, self.module.func_type_at(TypeIdx(ty)));
    }

    fn callee(&mut self, func: FuncIdx) -> Callee {
        let Some(defined) = self.module.defined_func(func) else {
            let record = self.load_item(layout::CONTEXT_IMPORTS, func.0);
            return self.callee_of_record(record);
        };
        let signature = convention::signature(self.module.func_type(func));
        let signature = self.builder.import_signature(signature);
        let name = UserExternalName::new(0, defined.0);
        let name = self.builder.func.declare_imported_user_function(name);
        Callee::Direct(self.builder.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: true,
            patchable: false,
        }))
    }

    fn callee_of_record(&mut self, record: Value) -> Callee {
        let code = self.load_atomic(record, layout::RECORD_CODE);
        let context = self.load(types::I64, record, layout::RECORD_CODE_CONTEXT);
        Callee::Indirect { code, context }
    }

    /// The function in a table, if its type is the expected one. The comparison of type ids
    /// catches null and other types; the runtime knows subtypes, and which trap it is.
    fn indirect_callee(&mut self, ty: TypeIdx, table: u32) -> Callee {
        let index = self.pop();
        let index = self.builder.ins().uextend(types::I64, index);
        let expected = i64::from(self.module.types[ty.index()].get());
        let (look, slow, found) =
            (self.builder.create_block(), self.cold_block(), self.builder.create_block());
        let record = self.builder.append_block_param(found, types::I64);

        let at = self.load_item(layout::CONTEXT_TABLES, table);
        let len = self.load(types::I64, at, layout::TABLE_LEN);
        let is_inside = self.builder.ins().icmp(IntCC::UnsignedLessThan, index, len);
        self.builder.ins().brif(is_inside, look, [], slow, []);

        self.builder.switch_to_block(look);
        let slot = self.element(at, index, layout::FUNC_ELEMENT_BYTES);
        let sig = self.load(types::I32, slot, layout::SLOT_SIG);
        let func = self.load(types::I64, slot, layout::SLOT_FUNC);
        let is_expected = self.builder.ins().icmp_imm_u(IntCC::Equal, sig, expected);
        self.builder.ins().brif(is_expected, found, &[func.into()], slow, []);

        self.builder.switch_to_block(slow);
        let table = self.builder.ins().iconst(types::I32, i64::from(table));
        let sig = self.builder.ins().iconst(types::I32, expected);
        let helper = helpers::indirect_callee as *const ();
        let result = self.call_helper(helper, &[table, index, sig], types::I64);
        let is_trap = self.builder.ins().icmp_imm_u(
            IntCC::UnsignedLessThanOrEqual,
            result,
            helpers::MAX_TRAP,
        );
        let trap = self.cold_block();
        self.builder.ins().brif(is_trap, trap, [], found, &[result.into()]);

        self.builder.switch_to_block(trap);
        let code = self.builder.ins().ireduce(types::I32, result);
        self.raise(code);

        self.builder.switch_to_block(found);
        self.callee_of_record(record)
    }

    /// Takes the arguments from the stack; those without a register go to the store's buffer.
    /// Gives those that have one, contexts first.
    fn pass_arguments(&mut self, callee: &Callee, ty: &FuncType) -> Vec<Value> {
        let callee_ctx = match *callee {
            Callee::Direct(_) => self.ctx,
            Callee::Indirect { context, .. } => context,
        };
        let values = self.pop_many(ty.params().len());
        [&[callee_ctx, self.ctx], &*self.place(values, convention::param_places(ty.params()))]
            .concat()
    }

    /// Stores the values that go to the store's buffer, and gives the others.
    fn place(
        &mut self,
        values: Vec<Value>,
        places: impl Iterator<Item = (ValType, Place)>,
    ) -> Vec<Value> {
        let buffer = self.tail_args();
        let mut registers = Vec::new();
        for (value, (ty, place)) in values.into_iter().zip(places) {
            match place {
                Place::Register => registers.push(value),
                Place::Slot(slot) => self.store_slot(ty, value, buffer, slot),
            }
        }
        registers
    }

    fn emit_call(&mut self, callee: Callee, ty: &FuncType) {
        let args = self.pass_arguments(&callee, ty);
        let call = match callee {
            Callee::Direct(func) => self.builder.ins().call(func, &args),
            Callee::Indirect { code, .. } => {
                let signature = self.builder.import_signature(convention::signature(ty));
                self.builder.ins().call_indirect(signature, code, &args)
            }
        };
        let in_register = self.builder.inst_results(call).first().copied();
        let buffer = self.tail_args();
        for (ty, place) in convention::result_places(ty.results()) {
            let value = match place {
                Place::Register => in_register.expect("the signature has it"),
                Place::Slot(slot) => self.load_slot(ty, buffer, slot),
            };
            self.push(value);
        }
    }

    /// Nothing travels on the native stack, so that any callee can take the caller's place.
    fn emit_tail_call(&mut self, callee: Callee, ty: &FuncType) {
        let args = self.pass_arguments(&callee, ty);
        match callee {
            Callee::Direct(func) => self.builder.ins().return_call(func, &args),
            Callee::Indirect { code, .. } => {
                let signature = self.builder.import_signature(convention::signature(ty));
                self.builder.ins().return_call_indirect(signature, code, &args)
            }
        };
        self.is_left();
    }

    /// Returns the values on the stack, which are the function's results.
    pub(super) fn leave_function(&mut self) {
        let results = core::mem::take(&mut self.stack);
        let results = self.place(results, convention::result_places(self.ty.results()));
        self.builder.ins().return_(&results);
    }

    pub(super) fn ref_func(&mut self, func: u32) {
        let func = self.builder.ins().iconst(types::I32, i64::from(func));
        let value = self.call_helper(helpers::ref_func as *const (), &[func], types::I64);
        self.push(value);
    }
}
