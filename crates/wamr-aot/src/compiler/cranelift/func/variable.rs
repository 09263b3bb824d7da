//! Locals and globals.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::Variable;
use wamr_runtime::Error;
use wamr_runtime::vm::FIRST_GLOBALS;
use wamr_types::{GlobalType, ValType};
use wasmparser::FunctionBody;

use super::super::convention::clif_type;
use super::super::layout::POINTER_BYTES;
use super::{FuncCompiler, invalid};

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

impl FuncCompiler<'_, '_> {
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

    pub(super) fn zero(&mut self, ty: Type) -> Value {
        match ty {
            types::F32 => self.builder.ins().f32const(0.0),
            types::F64 => self.builder.ins().f64const(0.0),
            types::I8X16 => self.vector_constant(&[0; 16]),
            _ => self.builder.ins().iconst(ty, 0),
        }
    }

    pub(super) fn visit_local_get(&mut self, index: u32) {
        let value = self.builder.use_var(self.locals[index as usize]);
        self.push(value);
    }

    pub(super) fn visit_local_set(&mut self, index: u32) {
        let value = self.pop();
        self.builder.def_var(self.locals[index as usize], value);
    }

    pub(super) fn visit_local_tee(&mut self, index: u32) {
        self.visit_local_set(index);
        self.visit_local_get(index);
    }

    pub(super) fn visit_drop(&mut self) {
        self.pop();
    }

    pub(super) fn visit_select(&mut self) {
        let condition = self.pop();
        let (b, a) = (self.pop(), self.pop());
        let value = self.builder.ins().select(condition, a, b);
        self.push(value);
    }

    pub(super) fn visit_typed_select(&mut self, _ty: wasmparser::ValType) {
        self.visit_select();
    }

    pub(super) fn visit_typed_select_multi(&mut self, _types: Vec<wasmparser::ValType>) {
        self.visit_select();
    }

    fn global(&mut self, index: u32) -> (GlobalType, Value) {
        let context = self.env.layout.context;
        let at = if (index as usize) < FIRST_GLOBALS {
            let at = context.first_globals as i32 + index as i32 * POINTER_BYTES;
            self.load_constant(types::I64, self.ctx, at)
        } else {
            self.load_item(context.globals, index)
        };
        (self.module.globals[index as usize].ty, at)
    }

    pub(super) fn visit_global_get(&mut self, index: u32) {
        let (ty, at) = self.global(index);
        let flags = if ty.mutable {
            self.flags.globals
        } else {
            MemFlagsData::new().with_notrap().with_readonly().with_can_move()
        };
        let value = self.builder.ins().load(clif_type(ty.content), flags, at, 0);
        self.push(value);
    }

    pub(super) fn visit_global_set(&mut self, index: u32) {
        let value = self.pop();
        let (_, at) = self.global(index);
        let value = self.widened(value);
        self.builder.ins().store(self.flags.globals, value, at, 0);
    }
}
