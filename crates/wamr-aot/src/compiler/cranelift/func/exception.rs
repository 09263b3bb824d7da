//! Exceptions, in both forms that the binary format has.
//!
//! A call in a region that catches names its handlers: blocks that take the reference to the
//! exception in a register, and find the payload in the store's buffer. There is no code for
//! entering or leaving a region.

use std::collections::{HashMap, HashSet, VecDeque};

use cranelift_codegen::ir::{
    Block, BlockArg, ExceptionTable, ExceptionTableData, ExceptionTableItem, InstBuilder, SigRef,
    Value, types,
};
use wamr_runtime::compiled::Builtin;
use wamr_runtime::rt::Keep;
use wamr_types::{FuncType, TrapCode};
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator, TryTable};

use super::control::{Kind, block_args};
use super::{FuncCompiler, Offsets, clause_tag, clif_trap};

/// What exceptions can come from.
pub(super) struct Region {
    /// The position of its block.
    depth: usize,
    action: Action,
}

/// What happens to exceptions that come from a region.
enum Action {
    /// The first clause that fits catches them; without one they go on outwards.
    Catch(Vec<Handler>),
    /// They go on as if they came from the block at this position.
    Delegate(usize),
}

#[derive(Clone, Copy)]
struct Handler {
    tag: Option<u32>,
    keep: Keep,
    block: Block,
}

/// What follows a legacy `try`.
#[derive(Default)]
pub(super) struct TryInfo {
    /// The tags of its clauses.
    clauses: Vec<Option<u32>>,
    /// The label that a `delegate` names.
    delegate: Option<u32>,
    is_rethrown: bool,
}

/// How many clauses a function may have looked at: as many as the calls within each, in all. What
/// real programs need is far below, and what is beyond may take for ever.
const MAX_HANDLER_WORK: usize = 1 << 23;

/// How many clauses the calls of a function may name, in all: each is a way through the function,
/// and what Cranelift does with these grows with their square.
pub(super) const MAX_HANDLER_EDGES: usize = 1 << 15;

impl<'a> FuncCompiler<'a, '_> {
    fn tag_type(&self, tag: u32) -> &'a FuncType {
        self.module.func_type_at(self.module.tags[tag as usize])
    }

    /// Calls a builtin that always fails.
    fn call_thrower(&mut self, builtin: Builtin, args: &[Value]) {
        if self.handlers.is_empty() {
            self.call_builtin(builtin, args);
        } else {
            let func = self.builtin_ref(builtin);
            let signature = self.builder.func.dfg.ext_funcs[func].signature;
            let normal = self.builder.create_block();
            let table = self.exception_table(signature, normal, &[]);
            let args = [&[self.ctx], args].concat();
            self.builder.ins().try_call(func, &args, table);
            self.begin(normal);
            self.calls += 1;
        }
        self.builder.ins().trap(clif_trap(TrapCode::Unreachable));
        self.is_left();
    }

    pub(super) fn visit_throw(&mut self, tag: u32) {
        let values = self.pop_many(self.tag_type(tag).params().len());
        let fields = self.spill(&values);
        let tag = self.i32_value(tag);
        self.call_thrower(Builtin::Throw, &[tag, fields]);
    }

    pub(super) fn visit_throw_ref(&mut self) {
        let exception = self.pop();
        self.call_thrower(Builtin::ThrowRef, &[exception]);
    }

    /// Cranelift's table for a call here that returns to `normal`.
    pub(super) fn exception_table(
        &mut self,
        signature: SigRef,
        normal: Block,
        returned: &[BlockArg],
    ) -> ExceptionTable {
        self.handler_edges += self.handlers.len();
        if self.handler_edges > MAX_HANDLER_EDGES {
            self.unsupported = Some("a function with so many calls with so many handlers");
        }
        let mut items = vec![ExceptionTableItem::Context(self.ctx)];
        let dfg = &mut self.builder.func.dfg;
        let normal = dfg.block_call(normal, returned);
        for &(tag, block) in &self.handlers {
            let call = dfg.block_call(block, &[BlockArg::TryCallExn(0)]);
            items.push(ExceptionTableItem::Tag(tag, call));
        }
        dfg.exception_tables.push(ExceptionTableData::new(signature, normal, items))
    }

    /// A block that takes an exception, and its parameter.
    fn handler_block(&mut self) -> Block {
        let block = self.cold_block();
        self.builder.append_block_param(block, types::I64);
        block
    }

    /// Pushes the payload of an exception that was just caught.
    fn push_payload(&mut self, tag: u32) {
        let ty = self.tag_type(tag);
        let buffer = self.tail_args();
        let mut slot = 0;
        for &param in ty.params() {
            let value = self.load_slot(param, buffer, slot);
            self.push(value);
            slot += param.slots();
        }
    }

    pub(super) fn visit_try_table(&mut self, table: TryTable) {
        let body = self.builder.create_block();
        self.builder.ins().jump(body, []);
        let mut handlers = Vec::new();
        // Labels of clauses are those outside of the block.
        for catch in &table.catches {
            let (tag, label, is_value) = match *catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let block = self.handler_block();
            self.builder.switch_to_block(block);
            self.reload_fuel();
            let height = self.stack.len();
            if let Some(tag) = tag {
                self.push_payload(tag);
            }
            if is_value {
                let exception = self.builder.block_params(block)[0];
                self.push(exception);
            }
            let (label, arity) = self.label(label);
            let args = block_args(&self.stack[self.stack.len() - arity..]);
            self.builder.ins().jump(label, &args);
            self.stack.truncate(height);
            let keep = if is_value { Keep::Value } else { Keep::Nothing };
            handlers.push(Handler { tag, keep, block });
        }
        self.begin(body);
        self.open(Kind::TryTable, table.ty);
        self.open_region(Action::Catch(handlers));
    }

    fn open_region(&mut self, action: Action) {
        self.regions.push(Region { depth: self.frames.len() - 1, action });
        self.update_handlers();
    }

    /// Ends all regions but the outermost `count`.
    pub(super) fn close_regions(&mut self, count: usize) {
        if self.regions.len() > count {
            self.regions.truncate(count);
            self.update_handlers();
        }
    }

    /// Finds out what an exception that is thrown here is offered. Of the clauses for one tag only
    /// the first is ever asked.
    fn update_handlers(&mut self) {
        self.handlers.clear();
        let (mut known, mut work) = (HashSet::new(), 0);
        let mut depth = usize::MAX;
        for region in self.regions.iter().rev() {
            work += 1;
            if region.depth > depth {
                continue;
            }
            match &region.action {
                Action::Delegate(outer) => depth = *outer,
                Action::Catch(handlers) => {
                    work += handlers.len();
                    for handler in handlers.iter().filter(|handler| known.insert(handler.tag)) {
                        self.handlers.push((clause_tag(handler.tag, handler.keep), handler.block));
                    }
                    if known.contains(&None) {
                        // Nothing goes on outwards.
                        break;
                    }
                }
            }
        }
        self.note_handler_work(work);
    }

    fn note_handler_work(&mut self, clauses: usize) {
        self.handler_work += clauses;
        if self.handler_work > MAX_HANDLER_WORK {
            self.unsupported = Some("a function with so many nested handlers of exceptions");
        }
    }

    pub(super) fn visit_try(&mut self, ty: BlockType) {
        if self.tries.is_none() {
            self.tries = Some(self.find_tries());
        }
        let offset = self.offset;
        let info = self.tries.as_mut().and_then(|tries| tries.remove(&offset)).unwrap_or_default();
        self.open(Kind::Try, ty);
        if let Some(label) = info.delegate {
            // The label is one of those outside of the block.
            let outer = self.frames.len() - 2 - label as usize;
            self.open_region(Action::Delegate(outer));
            return;
        }
        let keep = if info.is_rethrown { Keep::Hold } else { Keep::Nothing };
        let mut handlers = Vec::new();
        for tag in info.clauses {
            let block = self.handler_block();
            handlers.push(Handler { tag, keep, block });
        }
        let blocks: VecDeque<Block> = handlers.iter().map(|handler| handler.block).collect();
        let frame = self.innermost();
        frame.clauses = blocks;
        frame.is_rethrown = info.is_rethrown;
        self.open_region(Action::Catch(handlers));
    }

    pub(super) fn visit_catch(&mut self, tag: u32) {
        self.legacy_clause(Some(tag));
    }

    pub(super) fn visit_catch_all(&mut self) {
        self.legacy_clause(None);
    }

    fn legacy_clause(&mut self, tag: Option<u32>) {
        self.leave_clause();
        self.leave_arm();
        let regions = self.innermost().regions;
        self.close_regions(regions);
        let frame = self.innermost();
        if let Kind::Try = frame.kind {
            frame.catching -= 1;
        }
        frame.kind = Kind::Catch;
        let block = frame.clauses.pop_front().expect("found before");
        let is_rethrown = frame.is_rethrown;
        self.begin(block);
        self.reload_fuel();
        let exception = self.builder.block_params(block)[0];
        self.innermost().exception = is_rethrown.then_some(exception);
        if let Some(tag) = tag {
            self.push_payload(tag);
        }
    }

    /// Ends the hold of the exception that a legacy clause keeps, where the clause ends.
    pub(super) fn leave_clause(&mut self) {
        if self.dead.is_none()
            && let Some(exception) = self.innermost().exception
        {
            self.call_builtin(Builtin::Release, &[exception]);
        }
    }

    pub(super) fn visit_rethrow(&mut self, depth: u32) {
        let index = self.frames.len() - 1 - depth as usize;
        let frame = &self.frames[index];
        let ends = frame.catching == self.frames[self.frames.len() - 1].catching;
        let exception = frame.exception.expect("validated");
        let ends = self.i32_value(u32::from(ends));
        self.call_thrower(Builtin::Rethrow, &[exception, ends]);
    }

    pub(super) fn visit_delegate(&mut self, _depth: u32) {
        self.innermost().kind = Kind::Block;
        self.visit_end();
    }

    /// Looks at the whole body for what follows each legacy `try`.
    fn find_tries(&self) -> HashMap<usize, TryInfo> {
        let body = self.module.bodies.body(self.request.func);
        let body = FunctionBody::new(BinaryReader::new(body.bytes, body.offset as u64));
        let mut blocks = vec![usize::MAX];
        let mut found: HashMap<usize, TryInfo> = HashMap::new();
        let mut rethrown = Offsets::new();
        let operators = body.get_operators_reader().into_iter();
        for (operator, offset) in
            operators.flat_map(|reader| reader.into_iter_with_offsets()).flatten()
        {
            let innermost = blocks.last().copied().unwrap_or(usize::MAX);
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => blocks.push(offset as usize),
                Operator::Catch { tag_index } => {
                    found.entry(innermost).or_default().clauses.push(Some(tag_index));
                }
                Operator::CatchAll => found.entry(innermost).or_default().clauses.push(None),
                Operator::Delegate { relative_depth } => {
                    found.entry(innermost).or_default().delegate = Some(relative_depth);
                    blocks.pop();
                }
                Operator::End => drop(blocks.pop()),
                Operator::Rethrow { relative_depth } => {
                    let position = blocks.len().checked_sub(1 + relative_depth as usize);
                    rethrown.extend(position.map(|position| blocks[position]));
                }
                _ => {}
            }
        }
        for offset in rethrown {
            found.entry(offset).or_default().is_rethrown = true;
        }
        found
    }
}
