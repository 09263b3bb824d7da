//! Fuel: one operation for each block of operators that costs anything, if the engine counts.
//! Where blocks begin and what operators cost is the business of [`wamr_types::fuel`].

use wamr_types::fuel::{OperatorFuel, operator_fuel};

use super::Translator;
use crate::exec::control::Charge;
use crate::exec::dispatch::HANDLER_CELLS;

/// What is counted of the block at hand.
#[derive(Clone, Copy, Default)]
pub(super) struct Counter {
    /// The cell of what the block costs, once an operator of it does.
    units_cell: Option<usize>,
}

impl Translator<'_, '_> {
    /// Counts the operator that `code` begins with, which is about to be translated; says whether
    /// its block ends with it.
    pub(super) fn count(&mut self, code: &[u8]) -> bool {
        let OperatorFuel { cost, ends_block } = operator_fuel(code);
        if cost > 0 {
            let cell = match self.fuel.units_cell {
                Some(cell) => cell,
                None => self.emit(Charge { units: 0 }) + HANDLER_CELLS,
            };
            self.cells[cell] += cost;
            self.fuel.units_cell = Some(cell);
        }
        ends_block
    }

    /// Lets the next operator begin another block.
    pub(super) fn end_block(&mut self) {
        self.fuel.units_cell = None;
    }
}
