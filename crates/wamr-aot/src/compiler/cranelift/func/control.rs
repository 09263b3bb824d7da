//! Blocks and jumps.

use std::collections::HashMap;

use cranelift_codegen::ir::{
    Block, BlockArg, Inst, InstBuilder, JumpTableData, SourceLoc, Type, Value,
};
use wamr_types::{TrapCode, TypeIdx};
use wasmparser::{BlockType, BrTable};

use super::super::convention::clif_type;
use super::variable::parsed_type;
use super::{FuncCompiler, clif_trap};

/// What a block is; a legacy `try` becomes a `Catch` with its first clause.
pub(super) enum Kind {
    Block,
    Loop,
    /// With the beginning of the other arm, and the parameters.
    If(Block, Vec<Value>),
    TryTable,
    Try,
    Catch,
}

/// A block that has begun and not ended.
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Where jumps to the block go: to a check before its body for a loop, else to its end.
    label: Block,
    /// For a loop.
    turn: Option<Turn>,
    /// How many values such a jump takes along.
    arity: usize,
    end: Block,
    results: usize,
    /// How high the operand stack is below the block's parameters.
    pub(super) height: usize,
    /// Whether something jumps to the end.
    is_end_reached: bool,
    /// How many loops are open, this one included.
    pub(super) loops: usize,
    /// How many bodies of `try` and `try_table` are open, this one's included.
    pub(super) catching: usize,
    /// How many regions there were before the block.
    pub(super) regions: usize,
    /// Clauses of a legacy `try` that have not begun.
    pub(super) clauses: std::collections::VecDeque<Block>,
    /// The exception that a legacy clause keeps, if it keeps one.
    pub(super) exception: Option<Value>,
    /// Whether some `rethrow` names it.
    pub(super) is_rethrown: bool,
}

/// What is to be known at the end of a loop.
struct Turn {
    /// The jump into the loop.
    entry: Inst,
    /// The beginning of the loop's body.
    header: Block,
    /// The place of the loop.
    place: SourceLoc,
    /// How many calls there were before.
    calls: usize,
    /// Whether something jumps back.
    is_taken: bool,
}

pub(super) fn block_args(values: &[Value]) -> Vec<BlockArg> {
    values.iter().copied().map(BlockArg::from).collect()
}

impl FuncCompiler<'_, '_> {
    /// What follows is not reached.
    pub(super) fn is_left(&mut self) {
        self.dead = Some(0);
    }

    pub(super) fn visit_unreachable(&mut self) {
        // Without it a branch that leads here would become the trap, and backtraces name that.
        self.builder.ins().sequence_point();
        self.builder.ins().trap(clif_trap(TrapCode::Unreachable));
        self.is_left();
    }

    pub(super) fn visit_nop(&mut self) {}

    /// How many parameters a block has, and its results.
    fn block_type(&self, ty: BlockType) -> (usize, Vec<Type>) {
        match ty {
            BlockType::Empty => (0, Vec::new()),
            BlockType::Type(ty) => (0, vec![parsed_type(ty)]),
            BlockType::FuncType(index) => {
                let ty = self.module.func_type_at(TypeIdx(index));
                (ty.params().len(), ty.results().iter().copied().map(clif_type).collect())
            }
        }
    }

    /// Opens a block whose label is its end.
    pub(super) fn open(&mut self, kind: Kind, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        self.open_with(kind, params, &results);
    }

    fn open_with(&mut self, kind: Kind, params: usize, results: &[Type]) {
        let end = self.builder.create_block();
        for &result in results {
            self.builder.append_block_param(end, result);
        }
        let (loops, catching) = match self.frames.last() {
            Some(around) => (around.loops, around.catching),
            None => (0, 0),
        };
        self.frames.push(Frame {
            loops: loops + usize::from(matches!(kind, Kind::Loop)),
            catching: catching + usize::from(matches!(kind, Kind::Try | Kind::TryTable)),
            kind,
            label: end,
            turn: None,
            arity: results.len(),
            end,
            results: results.len(),
            height: self.stack.len() - params,
            is_end_reached: false,
            regions: self.regions.len(),
            clauses: Default::default(),
            exception: None,
            is_rethrown: false,
        });
    }

    /// The function's body is a block whose label is its end.
    pub(super) fn push_body(&mut self) {
        let results: Vec<Type> = self.ty.results().iter().copied().map(clif_type).collect();
        self.open_with(Kind::Block, 0, &results);
    }

    pub(super) fn visit_block(&mut self, ty: BlockType) {
        self.open(Kind::Block, ty);
    }

    pub(super) fn visit_loop(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        let args = self.pop_many(params);
        let [header, label] = [(); 2].map(|()| self.builder.create_block());
        for &arg in &args {
            let ty = self.type_of(arg);
            self.builder.append_block_param(label, ty);
            let param = self.builder.append_block_param(header, ty);
            self.stack.push(param);
        }
        let entry = self.builder.ins().jump(header, &block_args(&args));
        self.builder.switch_to_block(header);
        self.open_with(Kind::Loop, params, &results);
        let (place, calls) = (self.builder.srcloc(), self.calls);
        let frame = self.innermost();
        frame.label = label;
        frame.turn = Some(Turn { entry, header, place, calls, is_taken: false });
        frame.arity = params;
    }

    /// Ends a loop. If something jumps back, a check that finds interruptions comes before the body. It
    /// is made now, as it depends on the body.
    fn end_loop(&mut self, label: Block, turn: &Turn) {
        if turn.is_taken {
            self.builder.change_jump_destination(turn.entry, turn.header, label);
        }
        self.builder.seal_block(label);
        if turn.is_taken {
            let place = self.builder.srcloc();
            self.builder.set_srcloc(turn.place);
            self.builder.switch_to_block(label);
            self.check_turn(turn.header, self.calls != turn.calls);
            self.builder.set_srcloc(place);
        }
        self.builder.seal_block(turn.header);
    }

    pub(super) fn visit_if(&mut self, ty: BlockType) {
        let condition = self.pop();
        let (then, otherwise) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(condition, then, [], otherwise, []);
        self.builder.seal_block(otherwise);
        self.begin(then);
        let (params, results) = self.block_type(ty);
        let values = self.stack[self.stack.len() - params..].to_vec();
        self.open_with(Kind::If(otherwise, values), params, &results);
    }

    pub(super) fn visit_else(&mut self) {
        self.leave_arm();
        let kind = core::mem::replace(&mut self.innermost().kind, Kind::Block);
        let Kind::If(otherwise, params) = kind else { unreachable!("validated") };
        self.stack.extend(params);
        self.builder.switch_to_block(otherwise);
    }

    pub(super) fn innermost(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("validated: inside a block")
    }

    pub(super) fn visit_end(&mut self) {
        self.leave_clause();
        self.leave_arm();
        let frame = self.frames.pop().expect("validated: inside a block");
        self.close_regions(frame.regions);
        let mut is_reached = frame.is_end_reached;
        if let Kind::If(otherwise, params) = frame.kind {
            self.builder.switch_to_block(otherwise);
            self.builder.ins().jump(frame.end, &block_args(&params));
            is_reached = true;
        }
        if let Some(turn) = frame.turn {
            self.end_loop(frame.label, &turn);
        }
        if !is_reached {
            self.is_left();
            return;
        }
        self.begin(frame.end);
        let results = self.builder.block_params(frame.end).to_vec();
        self.stack.extend_from_slice(&results);
        if self.frames.is_empty() {
            let results = core::mem::take(&mut self.stack);
            self.leave_function(&results);
        }
        // The results of an inlined body stay on the stack.
    }

    /// Goes to the end of the innermost block, if that is reached, and leaves the stack as it
    /// was below the block.
    pub(super) fn leave_arm(&mut self) {
        let frame = self.frames.last_mut().expect("validated: inside a block");
        let (end, results, height) = (frame.end, frame.results, frame.height);
        if self.dead.take().is_none() {
            frame.is_end_reached = true;
            let results = self.pop_many(results);
            self.builder.ins().jump(end, &block_args(&results));
        }
        self.stack.truncate(height);
    }

    /// The label at `depth`, which is about to be jumped to, and how many values it takes.
    pub(super) fn label(&mut self, depth: u32) -> (Block, usize) {
        let position = self.frames.len() - 1 - depth as usize;
        let frame = &mut self.frames[position];
        match &mut frame.turn {
            Some(turn) => turn.is_taken = true,
            None => frame.is_end_reached = true,
        }
        (frame.label, frame.arity)
    }

    /// The label at `depth`, and the values to take there, which stay on the stack.
    pub(super) fn target(&mut self, depth: u32) -> (Block, Vec<BlockArg>) {
        let (label, arity) = self.label(depth);
        (label, block_args(&self.stack[self.stack.len() - arity..]))
    }

    pub(super) fn visit_br(&mut self, depth: u32) {
        let (label, args) = self.target(depth);
        self.builder.ins().jump(label, &args);
        self.is_left();
    }

    pub(super) fn visit_br_if(&mut self, depth: u32) {
        let condition = self.pop();
        self.br_if_value(depth, condition);
    }

    /// Jumps if a number is not zero.
    pub(super) fn br_if_value(&mut self, depth: u32, condition: Value) {
        let (label, args) = self.target(depth);
        let go_on = self.builder.create_block();
        self.builder.ins().brif(condition, label, &args, go_on, []);
        self.begin(go_on);
    }

    /// Jumps if a number is zero.
    pub(super) fn br_if_zero(&mut self, depth: u32, condition: Value) {
        let (label, args) = self.target(depth);
        let go_on = self.builder.create_block();
        self.builder.ins().brif(condition, go_on, [], label, &args);
        self.begin(go_on);
    }

    pub(super) fn visit_br_table(&mut self, table: &BrTable<'_>) {
        let index = self.pop();
        // Values travel by a block for each label, not with each of perhaps 65,000 targets.
        let mut edges = Vec::<(u32, Block)>::new();
        let mut known = HashMap::new();
        let mut calls = Vec::with_capacity(table.len() as usize + 1);
        for depth in table.targets().chain([Ok(table.default())]) {
            let Ok(depth) = depth else { unreachable!("validated") };
            let block = *known.entry(depth).or_insert_with(|| {
                let (label, arity) = self.label(depth);
                if arity == 0 {
                    return label;
                }
                let edge = self.builder.create_block();
                edges.push((depth, edge));
                edge
            });
            calls.push(self.builder.func.dfg.block_call(block, &[]));
        }
        let default = calls.pop().expect("the last one");
        let table = self.builder.create_jump_table(JumpTableData::new(default, &calls));
        self.builder.ins().br_table(index, table);
        for (depth, edge) in edges {
            self.begin(edge);
            let (label, args) = self.target(depth);
            self.builder.ins().jump(label, &args);
        }
        self.is_left();
    }

    pub(super) fn visit_return(&mut self) {
        if self.inlining.base == 0 {
            let results = self.pop_many(self.ty.results().len());
            self.leave_function(&results);
            self.is_left();
            return;
        }
        self.visit_br((self.frames.len() - self.inlining.base) as u32 - 1);
    }

    pub(super) fn visit_br_on_null(&mut self, depth: u32) {
        let reference = self.pop();
        self.br_if_zero(depth, reference);
        self.push(reference);
    }

    pub(super) fn visit_br_on_non_null(&mut self, depth: u32) {
        let reference = self.stack[self.stack.len() - 1];
        self.br_if_value(depth, reference);
        self.pop();
    }
}
