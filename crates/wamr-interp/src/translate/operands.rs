//! The operands of an operation that is chosen from a table, as cells.

use super::stack::Operand;
use crate::op::{Cell, Slot};

/// More cells than such an operation takes.
const MAX_CELLS: usize = 8;

/// Operands in the order of the operation's fields.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    cells: [Cell; MAX_CELLS],
    len: usize,
}

impl Operands {
    pub(super) const NONE: Self = Self { cells: [0; MAX_CELLS], len: 0 };

    /// Operands that are cells already.
    pub(super) fn of(cells: &[Cell]) -> Self {
        let mut all = Self::NONE;
        all.cells[..cells.len()].copy_from_slice(cells);
        all.len = cells.len();
        all
    }

    /// Adds a number, or a target that is not known yet.
    #[inline]
    pub(super) const fn cell(mut self, cell: Cell) -> Self {
        self.cells[self.len] = cell;
        self.len += 1;
        self
    }

    #[inline]
    pub(super) const fn slot(self, slot: Slot) -> Self {
        self.cell(slot.0 as Cell)
    }

    /// Adds a constant of four bytes, or of eight.
    #[inline]
    pub(super) const fn imm(self, bits: u64, is_wide: bool) -> Self {
        if !is_wide {
            return self.cell(bits as Cell);
        }
        let [a, b, c, d, e, f, g, h] = bits.to_ne_bytes();
        self.cell(Cell::from_ne_bytes([a, b, c, d])).cell(Cell::from_ne_bytes([e, f, g, h]))
    }

    #[inline]
    pub(super) const fn operand(self, operand: Operand, is_wide: bool) -> Self {
        match operand {
            Operand::Slot(slot) => self.slot(slot),
            Operand::Const(bits) => self.imm(bits, is_wide),
        }
    }

    /// The same with a slot before them.
    pub(super) fn behind(&self, first: Slot) -> Self {
        let mut all = Self::NONE.slot(first);
        all.cells[1..=self.len].copy_from_slice(&self.cells[..self.len]);
        all.len += self.len;
        all
    }

    pub(super) fn as_slice(&self) -> &[Cell] {
        &self.cells[..self.len]
    }
}
