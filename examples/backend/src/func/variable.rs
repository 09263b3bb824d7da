//! Locals and globals.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_frontend::Variable;
use wamr_runtime::Error;
use wamr_types::ValType;
use wasmparser::FunctionBody;

use super::{FuncCompiler, IN_SLOT, invalid};
use crate::convention::clif_type;
use crate::layout;

/// The Cranelift type of a value whose type stands in the body.
pub(super) fn parsed_type(ty: wasmparser::ValType) -> Type {
    match ty {
        wasmparser::ValType::I32 => types::I32,
        wasmparser::ValType::I64 | wasmparser::ValType::Ref(_) => types::I64,
        wasmparser::ValType::F32 => types::F32,
        wasmparser::ValType::F64 => types::F64,
        wasmparser::ValType::V128 => types::I8X16,
    }
}

impl FuncCompiler<'_> {
    pub(super) fn new_local(&mut self, ty: ValType) -> Variable {
        let local = self.builder.declare_var(clif_type(ty));
        self.locals.push(local);
        local
    }

    /// Makes the locals that the body declares; they begin as zero and null.
    pub(super) fn declare_locals(&mut self, body: &FunctionBody<'_>) -> Result<(), Error> {
        for group in body.get_locals_reader().map_err(invalid)? {
            let (count, ty) = group.map_err(invalid)?;
            let ty = parsed_type(ty);
            let zero = self.zero(ty);
            for _ in 0..count {
                let local = self.builder.declare_var(ty);
                self.builder.def_var(local, zero);
                self.locals.push(local);
            }
        }
        Ok(())
    }

    fn zero(&mut self, ty: Type) -> Value {
        match ty {
            types::F32 => self.builder.ins().f32const(0.0),
            types::F64 => self.builder.ins().f64const(0.0),
            types::I8X16 => {
                let constant = self.builder.func.dfg.constants.insert([0; 16].as_slice().into());
                self.builder.ins().vconst(ty, constant)
            }
            _ => self.builder.ins().iconst(ty, 0),
        }
    }

    pub(super) fn local_get(&mut self, index: u32) {
        let value = self.builder.use_var(self.locals[index as usize]);
        self.push(value);
    }

    pub(super) fn local_set(&mut self, index: u32) {
        let value = self.pop();
        self.builder.def_var(self.locals[index as usize], value);
    }

    pub(super) fn local_tee(&mut self, index: u32) {
        self.local_set(index);
        self.local_get(index);
    }

    pub(super) fn global_get(&mut self, index: u32) {
        let ty = self.module.globals[index as usize].ty.content;
        let global = self.load_item(layout::CONTEXT_GLOBALS, index);
        let value = self.builder.ins().load(clif_type(ty), IN_SLOT, global, layout::GLOBAL_VALUE);
        self.push(value);
    }

    pub(super) fn global_set(&mut self, index: u32) {
        let ty = self.module.globals[index as usize].ty.content;
        let value = self.pop();
        let global = self.load_item(layout::CONTEXT_GLOBALS, index);
        let at = self.builder.ins().iadd_imm_s(global, i64::from(layout::GLOBAL_VALUE));
        self.store_slot(ty, value, at, 0);
    }
}
