//! Fuel: one subtraction for each block of operators that costs anything, if code is to count.
//! Where blocks begin and what operators cost is the business of [`wamr_types::fuel`].
//!
//! What is left is a variable of the function, so that nothing waits for memory, and is stored to
//! memory at once, so that whoever looks there (callees, the host after a trap) finds it. Whatever
//! is called may change it.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Inst, InstBuilder, InstructionData, types};
use cranelift_frontend::Variable;
use wamr_runtime::compiled::Builtin;
use wamr_types::fuel::{OperatorFuel, operator_fuel};

use super::FuncCompiler;

/// What is counted of the block at hand.
#[derive(Clone, Copy, Default)]
pub(super) struct Counter {
    /// The constant that says what the block costs, once an operator of it does.
    pub(super) units: Option<Inst>,
    /// What is left; `None` where nothing is counted.
    left: Option<Variable>,
}

impl FuncCompiler<'_, '_> {
    /// Counts the operator that `code` begins with, which is about to be compiled; says whether
    /// its block ends with it.
    pub(super) fn count(&mut self, code: &[u8]) -> bool {
        let OperatorFuel { cost, ends_block } = operator_fuel(code);
        if cost > 0 {
            let units = match self.fuel.units {
                Some(units) => units,
                None => self.charge(),
            };
            self.fuel.units = Some(units);
            if let InstructionData::UnaryImm { imm, .. } = &mut self.builder.func.dfg.insts[units] {
                *imm = (imm.bits() + i64::from(cost)).into();
            }
        }
        ends_block
    }

    /// Lets the next operator begin another block.
    pub(super) fn end_fuel_block(&mut self) {
        self.fuel.units = None;
    }

    /// Begins to count, where that is to be done.
    pub(super) fn begin_fuel(&mut self) {
        if self.env.counts_fuel {
            self.fuel.left = Some(self.builder.declare_var(types::I64));
            self.reload_fuel();
        }
    }

    /// Looks anew at what is left, which somebody else may have changed.
    pub(super) fn reload_fuel(&mut self) {
        if let Some(left) = self.fuel.left {
            let store = self.store_struct();
            let at = self.env.layout.store.fuel as i32;
            let fuel = self.builder.ins().load(types::I64, self.flags.fuel, store, at);
            self.builder.def_var(left, fuel);
        }
    }

    /// Takes off the store's fuel what a constant says, which is given back.
    fn charge(&mut self) -> Inst {
        let store = self.store_struct();
        let fuel_at = self.env.layout.store.fuel;
        let variable = self.fuel.left.expect("fuel is counted from the beginning on");
        let fuel = self.builder.use_var(variable);
        let units = self.i64_value(0);
        let constant = self.builder.func.dfg.value_def(units).unwrap_inst();
        let lacks = self.builder.ins().icmp(IntCC::UnsignedLessThan, fuel, units);
        let [pay, next] = [(); 2].map(|()| self.builder.create_block());
        let ask = self.cold_block();
        self.builder.ins().brif(lacks, ask, [], pay, []);
        self.begin(ask);
        self.call_builtin(Builtin::ChargeKeeping, &[units]);
        self.builder.ins().jump(next, []);
        self.begin(pay);
        let left = self.builder.ins().isub(fuel, units);
        self.builder.ins().store(self.flags.fuel, left, store, fuel_at as i32);
        self.builder.def_var(variable, left);
        self.builder.ins().jump(next, []);
        self.begin(next);
        constant
    }
}
