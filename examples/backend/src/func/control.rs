//! Blocks and jumps.

use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use wamr_types::{TrapCode, TypeIdx};
use wasmparser::{BlockType, Operator};

use super::FuncCompiler;
use super::variable::parsed_type;
use crate::convention::clif_type;

/// A block that has begun and not ended.
pub(super) struct Frame {
    /// Where jumps to the block go: its beginning for a loop, else its end.
    label: Block,
    /// How many values such a jump takes along.
    arity: usize,
    end: Block,
    results: usize,
    /// How high the operand stack is below the block's parameters.
    height: usize,
    /// Of an `if` without `else` so far: where that begins, and the block's parameters.
    otherwise: Option<(Block, Vec<Value>)>,
}

fn block_args(values: &[Value]) -> Vec<BlockArg> {
    values.iter().copied().map(BlockArg::from).collect()
}

impl FuncCompiler<'_> {
    /// Whether an operator is not compiled because nothing reaches it.
    pub(super) fn skips(&mut self, operator: &Operator<'_>) -> bool {
        let Some(depth) = self.dead else { return false };
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.dead = Some(depth + 1);
            }
            // These belong to the block that was left: its other arm, or what follows, may run.
            Operator::Else | Operator::End if depth == 0 => return false,
            Operator::End => self.dead = Some(depth - 1),
            _ => {}
        }
        true
    }

    /// What follows is not reached.
    pub(super) fn is_left(&mut self) {
        self.dead = Some(0);
    }

    pub(super) fn unreachable(&mut self) {
        let trap = self.trap_block(TrapCode::Unreachable);
        self.builder.ins().jump(trap, []);
        self.is_left();
    }

    /// How many parameters a block has, and a Cranelift block that takes its results.
    fn block_type(&mut self, ty: BlockType) -> (usize, Block) {
        let end = self.builder.create_block();
        let module = self.module;
        let (params, results) = match ty {
            BlockType::Empty => (0, Vec::new()),
            BlockType::Type(ty) => (0, vec![parsed_type(ty)]),
            BlockType::FuncType(index) => {
                let ty = module.func_type_at(TypeIdx(index));
                (ty.params().len(), ty.results().iter().copied().map(clif_type).collect())
            }
        };
        for result in results {
            self.builder.append_block_param(end, result);
        }
        (params, end)
    }

    fn results_of(&self, end: Block) -> usize {
        self.builder.block_params(end).len()
    }

    /// The function's body is a block whose label is its end.
    pub(super) fn push_body(&mut self) {
        let end = self.builder.create_block();
        for &result in self.ty.results() {
            self.builder.append_block_param(end, clif_type(result));
        }
        let results = self.ty.results().len();
        let frame = Frame { label: end, arity: results, end, results, height: 0, otherwise: None };
        self.frames.push(frame);
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        let (params, end) = self.block_type(ty);
        let (results, height) = (self.results_of(end), self.stack.len() - params);
        self.frames.push(Frame {
            label: end,
            arity: results,
            end,
            results,
            height,
            otherwise: None,
        });
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        let (params, end) = self.block_type(ty);
        let (results, height) = (self.results_of(end), self.stack.len() - params);
        let args = self.pop_many(params);
        let label = self.builder.create_block();
        for &arg in &args {
            let ty = self.builder.func.dfg.value_type(arg);
            let param = self.builder.append_block_param(label, ty);
            self.stack.push(param);
        }
        self.builder.ins().jump(label, &block_args(&args));
        self.builder.switch_to_block(label);
        self.check_limit();
        self.frames.push(Frame { label, arity: params, end, results, height, otherwise: None });
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let condition = self.pop();
        let (then, otherwise) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(condition, then, [], otherwise, []);
        self.builder.switch_to_block(then);
        self.block(ty);
        if let Some(frame) = self.frames.last_mut() {
            frame.otherwise = Some((otherwise, self.stack[frame.height..].to_vec()));
        }
    }

    pub(super) fn else_(&mut self) {
        self.leave_arm();
        let frame = self.frames.last_mut().expect("validated: inside an `if`");
        let (otherwise, params) = frame.otherwise.take().expect("validated: the first `else`");
        self.stack.extend(params);
        self.builder.switch_to_block(otherwise);
    }

    pub(super) fn end(&mut self) {
        self.leave_arm();
        let frame = self.frames.pop().expect("validated: inside a block");
        if let Some((otherwise, params)) = frame.otherwise {
            self.builder.switch_to_block(otherwise);
            self.builder.ins().jump(frame.end, &block_args(&params));
        }
        self.builder.switch_to_block(frame.end);
        let results = self.builder.block_params(frame.end).to_vec();
        self.stack.extend_from_slice(&results);
        if self.frames.is_empty() {
            self.leave_function();
        }
    }

    /// Goes to the end of the innermost block, if that is reached, and leaves the stack as it
    /// was below the block.
    fn leave_arm(&mut self) {
        let frame = self.frames.last().expect("validated: inside a block");
        let (end, results, height) = (frame.end, frame.results, frame.height);
        if self.dead.take().is_none() {
            let results = self.pop_many(results);
            self.builder.ins().jump(end, &block_args(&results));
        }
        self.stack.truncate(height);
    }

    /// The label at `depth`, and the values to take there, which stay on the stack.
    fn target(&self, depth: u32) -> (Block, Vec<BlockArg>) {
        let frame = &self.frames[self.frames.len() - 1 - depth as usize];
        (frame.label, block_args(&self.stack[self.stack.len() - frame.arity..]))
    }

    pub(super) fn br(&mut self, depth: u32) {
        let (label, args) = self.target(depth);
        self.builder.ins().jump(label, &args);
        self.is_left();
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.pop();
        let (label, args) = self.target(depth);
        let go_on = self.builder.create_block();
        self.builder.ins().brif(condition, label, &args, go_on, []);
        self.builder.switch_to_block(go_on);
    }

    pub(super) fn return_(&mut self) {
        self.br(self.frames.len() as u32 - 1);
    }
}
