//! Calls: arguments are brought home, where the callee finds its parameters.

use wamr_types::{FuncIdx, FuncType, IndexType, TypeIdx};

use crate::exec::call::{Call, CallImport, CallIndirect, CallRef, Indirect, Site};
use crate::exec::tail_call::{
    ReturnCall, ReturnCallImport, ReturnCallIndirect, ReturnCallRef, TailSite,
};
use crate::op::Slot;

use super::Translator;

impl Translator<'_, '_> {
    /// Pops the arguments of a call, all of them at home.
    fn pop_args(&mut self, ty: &FuncType) -> Site {
        let count = ty.params().len();
        self.bring_home_top(count);
        self.drop_to(self.stack.len() - count);
        let (args, results) = (ty.param_slots() as u32, ty.result_slots() as u32);
        self.max_height = self.max_height.max(self.height + args.max(results));
        Site {
            args: self.temp(self.height),
            fp: self.temp(self.height + args),
            top: self.temp(self.height + args.max(results)),
        }
    }

    fn pop_tail_args(&mut self, ty: &FuncType) -> TailSite {
        TailSite {
            site: self.pop_args(ty),
            arg_slots: ty.param_slots() as u32,
            result_slots: ty.result_slots() as u32,
            params: Slot(-(self.param_slots as i32)),
        }
    }

    fn push_results(&mut self, ty: &FuncType) {
        for &result in ty.results() {
            self.push_temp(result == wamr_types::ValType::V128);
        }
        self.latest = None;
    }

    fn pop_callee(&mut self, ty: u32, table: u32) -> Indirect {
        let index = self.pop_slot();
        let wide = self.module.tables[table as usize].ty.index == IndexType::I64;
        let sig = self.module.types[ty as usize].get();
        Indirect { index, table, sig, wide: u32::from(wide) }
    }

    pub(super) fn visit_call(&mut self, func: u32) {
        let module = self.module;
        let ty = module.func_type(FuncIdx(func));
        let site = self.pop_args(ty);
        match module.defined_func(FuncIdx(func)) {
            Some(func) => {
                self.emit(Call { func: self.interp.func(func, self.memory0), fp: site.fp })
            }
            None => self.emit(CallImport { import: func, site }),
        };
        self.push_results(ty);
    }

    pub(super) fn visit_call_indirect(&mut self, ty_index: u32, table: u32) {
        let ty = self.module.func_type_at(TypeIdx(ty_index));
        let callee = self.pop_callee(ty_index, table);
        let site = self.pop_args(ty);
        self.emit(CallIndirect { callee, site });
        self.push_results(ty);
    }

    pub(super) fn visit_call_ref(&mut self, ty_index: u32) {
        let ty = self.module.func_type_at(TypeIdx(ty_index));
        let callee = self.pop_slot();
        let site = self.pop_args(ty);
        self.emit(CallRef { callee, site });
        self.push_results(ty);
    }

    pub(super) fn visit_return_call(&mut self, func: u32) {
        let module = self.module;
        let site = self.pop_tail_args(module.func_type(FuncIdx(func)));
        match module.defined_func(FuncIdx(func)) {
            Some(func) => {
                self.emit(ReturnCall { func: self.interp.func(func, self.memory0), site });
            }
            None => {
                let start = self.emit(ReturnCallImport { import: func, site });
                self.leave_regions(start);
            }
        }
        self.reachable = false;
    }

    pub(super) fn visit_return_call_indirect(&mut self, ty_index: u32, table: u32) {
        let callee = self.pop_callee(ty_index, table);
        let site = self.pop_tail_args(self.module.func_type_at(TypeIdx(ty_index)));
        let start = self.emit(ReturnCallIndirect { callee, site });
        self.leave_regions(start);
        self.reachable = false;
    }

    pub(super) fn visit_return_call_ref(&mut self, ty_index: u32) {
        let callee = self.pop_slot();
        let site = self.pop_tail_args(self.module.func_type_at(TypeIdx(ty_index)));
        let start = self.emit(ReturnCallRef { callee, site });
        self.leave_regions(start);
        self.reachable = false;
    }
}
