//! Exceptions, in both forms that the binary format has.
//!
//! A clause finds its payload where its label expects it, so that there is no code for being
//! caught, and none for entering or leaving a region either.

use std::collections::HashSet;

use wamr_runtime::rt::Keep;
use wamr_types::FuncType;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator, TryTable};

use crate::exec::exception::{Release, Rethrow, Throw, ThrowRef};
use crate::handlers::{Action, Clause, Region};
use crate::op::Slot;

use super::Translator;
use super::control::{Kind, Values};

impl<'m> Translator<'m, '_> {
    fn tag(&self, tag: u32) -> &'m FuncType {
        let module = self.module;
        module.func_type_at(module.tags[tag as usize])
    }

    pub(super) fn visit_throw(&mut self, tag: u32) {
        let count = self.tag(tag).params().len();
        self.bring_home_top(count);
        let top = self.temp(self.height);
        self.drop_to(self.stack.len() - count);
        let fields = self.temp(self.height);
        self.emit(Throw { tag, fields, top });
        self.reachable = false;
    }

    pub(super) fn visit_throw_ref(&mut self) {
        let exception = self.pop_slot();
        self.emit(ThrowRef { exception });
        self.reachable = false;
    }

    pub(super) fn visit_try_table(&mut self, table: TryTable) {
        // Labels of clauses are those outside of the block.
        let clauses = table.catches.iter().map(|catch| self.clause(catch)).collect();
        let index = self.open(Kind::TryTable, table.ty);
        self.begin_region(index, clauses);
    }

    fn clause(&mut self, catch: &Catch) -> (Clause, usize) {
        let (tag, label, is_value) = match *catch {
            Catch::One { tag, label } => (Some(tag), label, false),
            Catch::OneRef { tag, label } => (Some(tag), label, true),
            Catch::All { label } => (None, label, false),
            Catch::AllRef { label } => (None, label, true),
        };
        let index = self.control_index(label);
        let height = self.controls[index].height();
        let slots = tag.map_or(0, |tag| self.tag(tag).param_slots() as u32);
        let clause = Clause {
            tag,
            payload: self.temp(height),
            reference: is_value.then(|| self.temp(height + slots)),
            keep: if is_value { Keep::Value } else { Keep::Nothing },
            target: 0,
        };
        (clause, index)
    }

    /// Lets a region begin, with clauses and the blocks whose labels they go to.
    fn begin_region(&mut self, index: usize, clauses: Vec<(Clause, usize)>) {
        let position = self.regions.len();
        let (mut clauses, labels): (Vec<_>, Vec<_>) = clauses.into_iter().unzip();
        for (clause, &label) in labels.iter().enumerate() {
            match self.controls[label].catch_here() {
                Some(target) => clauses[clause].target = target,
                None => {
                    let next = self.controls[label].catches.replace(self.catches.len());
                    self.catches.push(PendingCatch { region: position, clause, next });
                }
            }
        }
        // What is in the region may not take operations back that are not.
        self.keep_latest();
        let start = self.cells.len();
        let action = Action::Catch(clauses);
        self.regions.push(Region { start, end: usize::MAX, depth: index, action });
        self.controls[index].region = Some(position);
        self.open_regions += 1;
    }

    /// Lets the region of a block end here, if it has not ended yet.
    pub(super) fn end_region(&mut self, region: Option<usize>) {
        if let Some(region) = region {
            let end = &mut self.regions[region].end;
            *end = (*end).min(self.cells.len());
            // What follows may not take operations back that are in the region.
            self.keep_latest();
        }
    }

    /// Lets clauses that wait for a label, of which the latest is given, go on at the next operation.
    pub(super) fn resolve_catches(&mut self, mut latest: Option<usize>) {
        let target = self.cells.len();
        while let Some(position) = latest {
            let PendingCatch { region, clause, next } = self.catches[position];
            if let Action::Catch(clauses) = &mut self.regions[region].action {
                clauses[clause].target = target;
            }
            latest = next;
        }
    }

    /// Says that exceptions from the latest operation, which begins at `start`, leave the
    /// function: it is a tail call, for which the frame is gone.
    pub(super) fn leave_regions(&mut self, start: usize) {
        if self.open_regions > 0 {
            let (end, depth) = (self.cells.len(), self.controls.len());
            self.regions.push(Region { start, end, depth, action: Action::Delegate(0) });
        }
    }

    pub(super) fn visit_try(&mut self, ty: BlockType) {
        let index = self.open(Kind::Try, ty);
        self.begin_region(index, Vec::new());
        if self.rethrown.is_none() {
            self.rethrown = Some(self.rethrown_blocks());
        }
        let offset = self.offset;
        self.controls[index].is_rethrown =
            self.rethrown.as_ref().is_some_and(|blocks| blocks.contains(&offset));
    }

    pub(super) fn visit_catch(&mut self, tag: u32) {
        self.legacy_clause(Some(tag));
    }

    pub(super) fn visit_catch_all(&mut self) {
        self.legacy_clause(None);
    }

    fn legacy_clause(&mut self, tag: Option<u32>) {
        let index = self.controls.len() - 1;
        let region = self.controls[index].region;
        self.end_region(region);
        self.leave_clause(index);
        self.end_branch(index);
        // The reference lies below the payload, where no instruction of the clause looks.
        let is_held = self.controls[index].is_rethrown;
        let reference = is_held.then(|| self.push_temp(false));
        let payload = self.temp(self.height);
        if let Some(tag) = tag {
            self.push_temps(Values::Many(self.tag(tag).params()));
        }
        let keep = if is_held { Keep::Hold } else { Keep::Nothing };
        let clause = Clause { tag, payload, reference, keep, target: self.cells.len() };
        if let Some(region) = region
            && let Action::Catch(clauses) = &mut self.regions[region].action
        {
            clauses.push(clause);
        }
        let control = &mut self.controls[index];
        if control.kind == Kind::Try {
            control.catching -= 1;
        }
        control.kind = Kind::Catch;
        control.exception = reference;
        self.join();
        self.reachable = true;
    }

    /// Ends the hold of the exception that a legacy clause keeps, where the clause ends.
    pub(super) fn leave_clause(&mut self, index: usize) {
        if self.reachable
            && let Some(exception) = self.controls[index].exception
        {
            self.emit(Release { exception });
        }
    }

    pub(super) fn visit_rethrow(&mut self, depth: u32) {
        let index = self.control_index(depth);
        let innermost = self.controls.len() - 1;
        let ends = self.controls[innermost].catching == self.controls[index].catching;
        let exception = self.controls[index].exception.expect("validated");
        self.emit(Rethrow { exception, ends: u32::from(ends) });
        self.reachable = false;
    }

    pub(super) fn visit_delegate(&mut self, depth: u32) {
        let index = self.controls.len() - 1;
        // The label is one of those outside of the block.
        let outer = index - 1 - depth as usize;
        if let Some(region) = self.controls[index].region {
            self.end_region(Some(region));
            self.regions[region].action = Action::Delegate(outer);
        }
        self.controls[index].kind = Kind::Block;
        self.visit_end();
    }

    /// The offsets of those `try` instructions whose exceptions some `rethrow` names.
    fn rethrown_blocks(&self) -> HashSet<usize> {
        let body = self.module.bodies.body(self.func);
        let body = FunctionBody::new(BinaryReader::new(body.bytes, body.offset as u64));
        let mut blocks = vec![usize::MAX];
        let mut found = HashSet::new();
        let operators = body.get_operators_reader().into_iter();
        for (operator, offset) in
            operators.flat_map(|reader| reader.into_iter_with_offsets()).flatten()
        {
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => blocks.push(offset as usize),
                Operator::End | Operator::Delegate { .. } => drop(blocks.pop()),
                Operator::Rethrow { relative_depth } => {
                    let position = blocks.len().checked_sub(1 + relative_depth as usize);
                    found.extend(position.map(|position| blocks[position]));
                }
                _ => {}
            }
        }
        found
    }
}

/// A clause that waits for the label it goes to.
#[derive(Clone, Copy)]
pub(super) struct PendingCatch {
    region: usize,
    clause: usize,
    /// The position of the clause before, in the order of the code, that waits for the same label.
    next: Option<usize>,
}

/// The exception that a legacy clause keeps, if it keeps one.
pub(super) type Kept = Option<Slot>;
