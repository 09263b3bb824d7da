//! Blocks and branches.
//!
//! Values that a label takes travel in the temporaries at the height where its block began, so
//! that all ways to a label agree.

use std::collections::HashMap;

use wamr_types::{TypeIdx, ValType};
use wasmparser::{BlockType, BrTable};

use crate::exec::call::{Return, ReturnMany, ReturnOne};
use crate::exec::control::{Jump, JumpTable, Unreachable};
use crate::exec::dispatch::{HANDLER_CELLS, operand_cells};
use crate::exec::simd::ReturnVector;
use crate::exec::variable::Narrow;
use crate::op::forms::Test;
use crate::op::{Acc, Cell, Class, Imm, Slot, Target};

use super::exception::Kept;
use super::numeric::{NOT_ZERO, SAME};
use super::stack::{Operand, Place};
use super::{Copied, Folded, Step, Translator};

/// The types of values that a block takes or leaves.
#[derive(Clone, Copy)]
pub(super) enum Values<'m> {
    One { wide: bool },
    Many(&'m [ValType]),
}

impl Values<'_> {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Many(types) => types.len(),
        }
    }

    pub(super) fn is_wide(self, position: usize) -> bool {
        match self {
            Self::One { wide } => wide,
            Self::Many(types) => types[position] == ValType::V128,
        }
    }
}

/// What a block is; a legacy `try` becomes a `Catch` with its first clause.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Loop,
    If,
    Else,
    Function,
    TryTable,
    Try,
    Catch,
}

/// A place that branches go to. Cells of branches to a place that is not known yet form a list.
#[derive(Clone, Copy)]
struct Label {
    position: Option<usize>,
    /// The latest cell that waits; `NO_CELL` for none.
    waiting: Cell,
}

const NO_CELL: Cell = Cell::MAX;

/// From how many values on a branch copies them in one operation.
const MANY_VALUES: usize = 8;

impl Label {
    const UNKNOWN: Self = Self { position: None, waiting: NO_CELL };

    const fn at(position: usize) -> Self {
        Self { position: Some(position), waiting: NO_CELL }
    }

    /// Adds a cell to the list; returns what the cell has to hold.
    const fn wait(&mut self, cell: usize) -> Cell {
        core::mem::replace(&mut self.waiting, cell as Cell)
    }

    const fn is_used(self) -> bool {
        self.waiting != NO_CELL
    }
}

/// A block that is open.
pub(super) struct Control<'m> {
    pub(super) kind: Kind,
    params: Values<'m>,
    results: Values<'m>,
    /// How many values and slots lie below the parameters.
    base: usize,
    height: u32,
    /// Where a branch to the block goes.
    label: Label,
    /// Where an `if` goes when its condition is false.
    otherwise: Label,
    /// Whether a catch clause goes to the label.
    is_caught: bool,
    /// The latest catch clause that waits for the label.
    pub(super) catches: Option<usize>,
    /// How many bodies of `try` and `try_table` are open, this one's included.
    pub(super) catching: usize,
    /// The region that the block's body is.
    pub(super) region: Option<usize>,
    /// Whether a `rethrow` names the block.
    pub(super) is_rethrown: bool,
    /// Where the current legacy clause keeps the exception.
    pub(super) exception: Kept,
}

impl<'m> Control<'m> {
    pub(super) const fn function(results: &'m [ValType]) -> Self {
        Self::new(Kind::Function, Values::Many(&[]), Values::Many(results))
    }

    const fn new(kind: Kind, params: Values<'m>, results: Values<'m>) -> Self {
        Self {
            kind,
            params,
            results,
            base: 0,
            height: 0,
            label: Label::UNKNOWN,
            otherwise: Label::UNKNOWN,
            is_caught: false,
            catches: None,
            catching: 0,
            region: None,
            is_rethrown: false,
            exception: None,
        }
    }

    /// How many slots lie below what the block's label takes.
    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    /// Says that a catch clause goes to the label; gives the label's position where it is known.
    pub(super) const fn catch_here(&mut self) -> Option<usize> {
        self.is_caught = true;
        self.label.position
    }

    const fn label_values(&self) -> Values<'m> {
        match self.kind {
            Kind::Loop => self.params,
            _ => self.results,
        }
    }
}

/// A comparison that a branch can take over.
#[derive(Clone, Copy)]
pub(super) struct Fuse {
    /// Where the operations that compute it begin.
    pub(super) start: usize,
    pub(super) a: Slot,
    pub(super) b: Operand,
    pub(super) test: Test,
    /// What the accumulators copy before these operations.
    pub(super) copied: Copied,
    /// `Translator::latest_step` before these operations.
    pub(super) step: Option<Step>,
    /// What an operation right before them is that defines `a`.
    pub(super) folded: Option<Folded>,
}

impl<'m> Translator<'m, '_> {
    pub(super) fn open(&mut self, kind: Kind, ty: BlockType) -> usize {
        let (params, results): (Values<'m>, Values<'m>) = match ty {
            BlockType::Empty => (Values::Many(&[]), Values::Many(&[])),
            BlockType::Type(ty) => {
                (Values::Many(&[]), Values::One { wide: ty == wasmparser::ValType::V128 })
            }
            BlockType::FuncType(index) => {
                let ty = self.module.func_type_at(TypeIdx(index));
                (Values::Many(ty.params()), Values::Many(ty.results()))
            }
        };
        self.flush_locals();
        if matches!(kind, Kind::Loop | Kind::If) {
            self.bring_home_top(params.len());
        }
        self.latest = None;
        let base = self.stack.len() - params.len();
        let height = self.stack.get(base).map_or(self.height, |value| value.height);
        let label = if kind == Kind::Loop {
            self.join();
            Label::at(self.cells.len())
        } else {
            Label::UNKNOWN
        };
        let catching = self.controls.last().map_or(0, |outer| outer.catching)
            + usize::from(matches!(kind, Kind::Try | Kind::TryTable));
        let control = Control::new(kind, params, results);
        self.controls.push(Control { base, height, label, catching, ..control });
        self.controls.len() - 1
    }

    pub(super) fn visit_block(&mut self, ty: BlockType) {
        self.open(Kind::Block, ty);
    }

    pub(super) fn visit_loop(&mut self, ty: BlockType) {
        self.open(Kind::Loop, ty);
    }

    pub(super) fn visit_if(&mut self, ty: BlockType) {
        let condition = self.pop_condition();
        let index = self.open(Kind::If, ty);
        let cell = self.emit_branch(condition.test.fails, &condition, false);
        self.cells[cell] = self.controls[index].otherwise.wait(cell);
    }

    pub(super) fn visit_else(&mut self) {
        let index = self.controls.len() - 1;
        let params = self.controls[index].params;
        self.end_branch(index);
        self.push_temps(params);
        let control = &mut self.controls[index];
        control.kind = Kind::Else;
        let otherwise = core::mem::replace(&mut control.otherwise, Label::UNKNOWN);
        self.resolve(otherwise);
        self.reachable = true;
    }

    /// Ends one of several ways through a block: goes to its end, and forgets the values that it
    /// leaves.
    pub(super) fn end_branch(&mut self, index: usize) {
        let Control { results, base, height, .. } = self.controls[index];
        if self.reachable {
            self.copy_top(results.len(), height);
            self.jump(index);
        }
        self.drop_to(base);
    }

    pub(super) fn visit_end(&mut self) {
        let index = self.controls.len() - 1;
        self.end_region(self.controls[index].region);
        self.leave_clause(index);
        let control = self.controls.pop().expect("validated");
        self.open_regions -= usize::from(control.region.is_some());
        let mut is_joined = control.label.is_used() || control.is_caught;
        match control.kind {
            Kind::If => is_joined = true,
            // Results may lie above the reference that the clause keeps.
            Kind::Catch if self.reachable => is_joined = true,
            _ => {}
        }
        match control.kind {
            // A loop's label is at its beginning.
            Kind::Loop => is_joined = false,
            Kind::Function if !is_joined => {
                if self.reachable {
                    self.return_top(control.results);
                }
                return;
            }
            _ => {}
        }
        if !is_joined {
            if !self.reachable {
                self.drop_to(control.base);
            }
            return;
        }
        if self.reachable {
            self.copy_top(control.results.len(), control.height);
        }
        self.drop_to(control.base);
        self.push_temps(control.results);
        if control.is_caught {
            self.resolve_catches(control.catches);
        }
        self.resolve(control.label);
        self.resolve(control.otherwise);
        self.reachable = true;
        if control.kind == Kind::Function {
            self.return_top(control.results);
        }
    }

    pub(super) fn visit_br(&mut self, depth: u32) {
        let index = self.control_index(depth);
        self.branch_with_values(index);
        self.reachable = false;
    }

    pub(super) fn visit_br_if(&mut self, depth: u32) {
        let condition = self.pop_condition();
        self.branch_if(depth, &condition);
    }

    /// Goes to a label with the values on top of the stack, if a condition holds.
    pub(super) fn branch_if(&mut self, depth: u32, condition: &Fuse) {
        let test = condition.test;
        let index = self.control_index(depth);
        self.gather_for(index);
        let control = &self.controls[index];
        let values = control.label_values().len();
        let needs_copy = self.needs_copy(values, control.height);
        if needs_copy {
            let skip = self.emit_branch(test.fails, condition, false);
            self.branch_with_values(index);
            self.resolve_cell(skip);
        } else {
            let back = control.kind == Kind::Loop;
            let cell = self.emit_branch(test.holds, condition, back);
            self.link(cell, index);
        }
    }

    pub(super) fn visit_br_on_null(&mut self, depth: u32) {
        let reference = self.top_slot();
        let value = self.pop_value();
        self.branch_if_null(depth, reference, true);
        self.push_again(value);
    }

    pub(super) fn visit_br_on_non_null(&mut self, depth: u32) {
        let reference = self.top_slot();
        self.branch_if_null(depth, reference, false);
        self.pop_value();
    }

    /// Goes to a label with the values on top of the stack, if a reference is null (`sense`) or
    /// is not.
    fn branch_if_null(&mut self, depth: u32, reference: Slot, sense: bool) {
        // The reference stays on the stack.
        self.latest = None;
        let test = if sense { SAME } else { SAME.negated() };
        let condition = self.condition(reference, Operand::Const(0), test);
        self.branch_if(depth, &condition);
    }

    pub(super) fn visit_br_table(&mut self, table: &BrTable<'_>) {
        let (index, last) = (self.pop_slot(), table.len());
        self.gather_for(self.control_index(table.default()));
        if self.take_acc(Class::Int, index) {
            self.emit(JumpTable { index: Acc, last });
        } else {
            self.emit(JumpTable { index, last });
        }
        let first = self.cells.len();
        let targets: Vec<u32> =
            table.targets().chain([Ok(table.default())]).collect::<Result<_, _>>().expect("valid");
        self.cells.resize(first + targets.len(), 0);
        // Where the values of each label are put in place, once for each label.
        let mut stubs = HashMap::new();
        for (position, &depth) in targets.iter().enumerate() {
            if self.is_too_large() {
                break;
            }
            let cell = first + position;
            let index = self.control_index(depth);
            let control = &self.controls[index];
            if !self.needs_copy(control.label_values().len(), control.height) {
                self.link(cell, index);
                continue;
            }
            let start = *stubs.entry(index).or_insert_with(|| {
                self.join();
                let start = self.cells.len();
                self.branch_with_values(index);
                start
            });
            self.cells[cell] = distance(cell, start);
        }
        self.latest = None;
        self.reachable = false;
    }

    pub(super) fn visit_return(&mut self) {
        self.return_top(self.controls[0].results);
        self.reachable = false;
    }

    pub(super) fn visit_unreachable(&mut self) {
        self.emit(Unreachable);
        self.reachable = false;
    }

    pub(super) fn control_index(&self, depth: u32) -> usize {
        self.controls.len() - 1 - depth as usize
    }

    pub(super) fn push_temps(&mut self, values: Values<'_>) {
        for position in 0..values.len() {
            self.push_temp(values.is_wide(position));
        }
    }

    /// Copies the values that a label takes home, if they are many and more than one branch may
    /// take them: each of these can copy them in one operation then.
    fn gather_for(&mut self, index: usize) {
        let values = self.controls[index].label_values().len();
        if values >= MANY_VALUES {
            self.bring_home_top(values);
        }
    }

    /// Goes to a label, with the values it takes.
    fn branch_with_values(&mut self, index: usize) {
        let control = &self.controls[index];
        let values = control.label_values();
        if control.kind == Kind::Function {
            self.return_top(values);
        } else {
            self.copy_top(values.len(), control.height);
            self.jump(index);
        }
    }

    fn jump(&mut self, index: usize) {
        let cell = if self.controls[index].kind == Kind::Loop {
            self.emit_jump::<true>()
        } else {
            self.emit_jump::<false>()
        };
        self.link(cell, index);
    }

    fn emit_jump<const BACK: bool>(&mut self) -> usize {
        let start = self.emit(Jump::<BACK> { target: Target::UNKNOWN });
        start + HANDLER_CELLS + operand_cells::<Jump<BACK>>() - 1
    }

    /// Returns the values on top of the stack.
    fn return_top(&mut self, results: Values<'_>) {
        let dst = Slot(-(self.param_slots as i32));
        match results.len() {
            0 => {
                self.emit(Return);
            }
            1 if !results.is_wide(0) => {
                let value = *self.stack.last().expect("validated");
                match self.operand(value) {
                    Operand::Slot(value) if self.copied.holds(Class::Int, value) => {
                        self.emit(ReturnOne { dst, value: Acc })
                    }
                    Operand::Slot(value) => self.emit(ReturnOne { dst, value }),
                    Operand::Const(bits) => match u32::try_from(bits) {
                        Ok(bits) => self.emit(ReturnOne { dst, value: Narrow(bits) }),
                        Err(_) => self.emit(ReturnOne { dst, value: Imm(bits) }),
                    },
                };
            }
            1 => {
                let value = self.stack.last().expect("validated");
                let Operand::Slot(value) = self.operand(*value) else { unreachable!("a vector") };
                self.emit(ReturnVector { dst, value });
            }
            count => {
                self.copy_top(count, 0);
                let slots = (0..count).map(|i| 1 + u32::from(results.is_wide(i))).sum();
                self.emit(ReturnMany { dst, values: self.temp(0), slots });
            }
        }
    }

    /// Pops a condition; the operations of a comparison are taken back, for a branch to take
    /// them over.
    pub(super) fn pop_condition(&mut self) -> Fuse {
        let value = self.pop_value();
        if let Some(fuse) = self.latest.as_ref().and_then(|latest| latest.fuse)
            && matches!(value.place, Place::Temp)
            && self.latest.as_ref().is_some_and(|latest| latest.home == self.temp(value.height))
        {
            self.cells.truncate(fuse.start);
            self.copied = fuse.copied;
            self.latest = None;
            self.latest_step = fuse.step;
            return fuse;
        }
        let operand = self.operand(value);
        let a = self.stage(operand, value.height);
        let folded = self.latest_folded(a);
        Fuse { folded, ..self.condition(a, Operand::Const(0), NOT_ZERO) }
    }

    /// A condition that no operation has to compute.
    pub(super) fn condition(&self, a: Slot, b: Operand, test: Test) -> Fuse {
        let (copied, step) = (self.copied, self.latest_step);
        Fuse { start: self.cells.len(), a, b, test, copied, step, folded: None }
    }

    /// Lets the target in `cell` be the label of a block.
    fn link(&mut self, cell: usize, index: usize) {
        match self.controls[index].label.position {
            Some(position) => self.cells[cell] = distance(cell, position),
            None => self.cells[cell] = self.controls[index].label.wait(cell),
        }
    }

    /// Lets all that waits for a label go to the next operation.
    fn resolve(&mut self, label: Label) {
        let mut waiting = label.waiting;
        while waiting != NO_CELL {
            waiting = self.resolve_cell(waiting as usize);
        }
        self.join();
    }

    /// Lets the target in `cell` be the next operation; returns what was there.
    fn resolve_cell(&mut self, cell: usize) -> Cell {
        self.join();
        let target = distance(cell, self.cells.len());
        core::mem::replace(&mut self.cells[cell], target)
    }
}

/// What the target in `cell` is for a jump to `position`.
fn distance(cell: usize, position: usize) -> Cell {
    (position as i32 - (cell as i32 + 1)) as Cell
}
