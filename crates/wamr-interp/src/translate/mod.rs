//! From a function body to register code, in one pass.
//!
//! The translator keeps the operand stack of the moment. Locals and constants on it are not
//! copied anywhere until an operation needs them in their home, the temporary slot of their
//! place on the stack; see [`stack`].

use core::fmt::Write;
use std::collections::HashSet;

use wamr_runtime::numeric::simd::V128;
use wamr_runtime::{Error, ErrorKind, MemoryKind};
use wamr_types::{DefinedFuncIdx, LoadError, LoadErrorKind, Module, ValType};
use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use crate::code::{Code, FuncHeader, HEADER_CELLS, Listing, OffsetMap, encode, replace_handler};
use crate::exec::LINKAGE_SLOTS;
use crate::exec::dispatch::{HANDLER_CELLS, Handlers, Table};
use crate::exec::variable::Copy;
use crate::handlers::{self, Region};
use crate::module::InterpModule;
use crate::op::forms::{At, FloatKind, Inner, LoadKind, ShiftKind};
use crate::op::{Cell, Class, Define, Op, OpInfo, Slot, StackValue};

mod atomic;
mod call;
mod control;
mod exception;
mod fuel;
mod gc;
mod memory;
mod numeric;
mod operands;
mod simd;
mod simd_memory;
mod stack;
mod table;
mod variable;
mod visitor;
mod wide;

use control::{Control, Fuse};
use exception::PendingCatch;
use operands::Operands;
use stack::{LocalInfo, Operand, Value};

/// Validates and translates a function.
pub(crate) fn function(
    module: &InterpModule,
    func: DefinedFuncIdx,
    memory0: MemoryKind,
    listing: Option<&mut Listing>,
) -> Result<Code, Error> {
    let invalid = |error| Error::from_kind(ErrorKind::InvalidBody(error));
    let bodies = &module.module().bodies;
    bodies.validate(func).map_err(invalid)?;
    let body = bodies.body(func);
    let reader = BinaryReader::new(body.bytes, body.offset as u64);
    let mut translator = Translator::new(module, func, memory0);
    translator.listing = listing;
    translator.body(&FunctionBody::new(reader)).map_err(|error| {
        invalid(LoadError {
            kind: LoadErrorKind::Invalid(error.message().into()),
            offset: Some(error.offset() as usize),
            func: None,
        })
    })?;
    if translator.is_too_large() {
        return Err(invalid(LoadError {
            kind: LoadErrorKind::Invalid("function too large".into()),
            offset: Some(translator.offset),
            func: None,
        }));
    }
    Ok(translator.finish())
}

/// How many cells the code of a function may take: few enough for distances between them to be
/// operands, and far more than any real function needs.
const MAX_CELLS: usize = 1 << 26;
/// How many slots the operand stack of a function may take.
const MAX_HEIGHT: u32 = 1 << 22;

/// Translates a function to text.
pub(crate) fn listing(
    module: &InterpModule,
    func: DefinedFuncIdx,
    memory0: MemoryKind,
) -> Result<String, Error> {
    let mut listing = Listing::default();
    let code = function(module, func, memory0, Some(&mut listing))?;
    let mut text = String::new();
    writeln!(text, "frame {} locals {}", code.cells[0], code.cells[1])
        .and_then(|()| listing.write(&code.cells, &mut text))
        .expect("strings take everything");
    Ok(text)
}

/// The latest operation, while the value it defines is on top of the stack.
#[derive(Clone, core::marker::Copy)]
struct Latest {
    /// Where the value is.
    home: Slot,
    /// The cell that says so.
    dst_cell: usize,
    /// How to branch on the value instead, if it is a comparison.
    fuse: Option<Fuse>,
    /// What the value is the sum of, if it is one.
    sum: Option<Addends>,
    /// What the value is times a power of two, if it is that.
    scaled: Option<Scaled>,
    /// What an operator can take over that has the value for its second operand.
    folded: Option<Folded>,
    /// What leaves the value in its accumulator alone.
    quiet: Option<&'static Handlers>,
}

impl Latest {
    const fn new(home: Slot, dst_cell: usize) -> Self {
        Self { home, dst_cell, fuse: None, sum: None, scaled: None, folded: None, quiet: None }
    }
}

/// A sum that an operation which takes an address can compute itself.
#[derive(Clone, core::marker::Copy)]
struct Addends {
    /// Where the operation that computes it begins.
    start: usize,
    a: Slot,
    b: Operand,
    /// What the accumulators copy before that operation.
    copied: Copied,
    /// If `b` is a slot, how far `a` is shifted left before it is added.
    shift: Option<u32>,
}

/// A number that is shifted left by a constant.
#[derive(Clone, core::marker::Copy)]
struct Scaled {
    /// Where the operation that computes it begins.
    start: usize,
    index: Slot,
    shift: u32,
    /// What the accumulators copy before that operation.
    copied: Copied,
}

/// An operation that another one can take over as an operand.
#[derive(Clone, core::marker::Copy)]
struct Folded {
    /// Where it begins.
    start: usize,
    operator: FoldedOperator,
    before: Before,
}

/// What there was before an operation.
#[derive(Clone, core::marker::Copy)]
struct Before {
    /// What the accumulators copied.
    copied: Copied,
    /// The operation, if it defined a value: its home, its cell for that, and its quiet form.
    latest: Option<(Slot, usize, &'static Handlers)>,
}

/// An operator that another one can take over.
#[derive(Clone, core::marker::Copy)]
enum FoldedOperator {
    /// A shift by a constant, of a class of operands and a width.
    Shift { kind: ShiftKind, is_wide: bool },
    /// A load from a memory 0 of a kind, and its offset in the module.
    Load { kind: LoadKind, memory: MemoryKind, at: At, offset: usize },
    /// An operator on floats of a class.
    Float { kind: FloatKind, class: Class, inner: Inner },
}

/// An addition that the end of a loop can take over: of a slot and a constant or another slot, or
/// two of them.
#[derive(Clone, core::marker::Copy)]
struct Step {
    /// Where the operation begins.
    start: usize,
    kind: StepKind,
    /// Where an addition of a constant right before it begins.
    previous: Option<usize>,
}

/// What an addition adds.
#[derive(Clone, core::marker::Copy, PartialEq, Eq)]
enum StepKind {
    Imm,
    Slot,
    Two,
}

/// Which slot each accumulator copies, if any.
#[derive(Clone, core::marker::Copy)]
struct Copied([Slot; 4]);

impl Copied {
    /// No slot has this number.
    const NOTHING: Slot = Slot(i32::MIN);
    const NONE: Self = Self([Self::NOTHING; 4]);

    /// Whether the accumulator of a class copies the slot.
    fn holds(&self, class: Class, slot: Slot) -> bool {
        self.0[class as usize] == slot
    }

    /// Says that the slot is written without the accumulators.
    fn forget(&mut self, slot: Slot) {
        self.replace(slot, Self::NOTHING);
    }

    /// Says that what was written to a slot goes to another one.
    fn replace(&mut self, slot: Slot, by: Slot) {
        self.0.iter_mut().filter(|copied| **copied == slot).for_each(|copied| *copied = by);
    }
}

/// The translation of one function.
struct Translator<'m, 'l> {
    interp: &'m InterpModule,
    module: &'m Module,
    func: DefinedFuncIdx,
    /// The kind of memory 0 that the code is for.
    memory0: MemoryKind,
    /// Which handlers operations get.
    table: Table,
    cells: Vec<Cell>,
    offsets: OffsetMap,
    listing: Option<&'l mut Listing>,
    /// The offset in the module of the operator at hand.
    offset: usize,
    latest: Option<Latest>,
    /// Which slots the accumulators copy at this place of the code.
    copied: Copied,
    /// The latest operation, if it is a copy from a slot.
    latest_copy: Option<Copy<Slot>>,
    /// The latest operation, if it is an addition.
    latest_step: Option<Step>,

    locals: Vec<LocalInfo>,
    stack: Vec<Value>,
    /// No value below this position on the stack is a local.
    flushed: usize,
    /// How many slots the stack takes now.
    height: u32,
    max_height: u32,
    /// Where temporaries begin: behind linkage and locals.
    temp_base: u32,
    param_slots: u32,

    controls: Vec<Control<'m>>,
    /// What exceptions can come from; see [`exception`].
    regions: Vec<Region>,
    /// How many open blocks are or were regions.
    open_regions: usize,
    catches: Vec<PendingCatch>,
    /// The offsets of blocks that a `rethrow` names, once somebody wants to know.
    rethrown: Option<HashSet<usize>>,
    fuel: fuel::Counter,
    /// Whether the operator at hand can be reached.
    reachable: bool,
    /// How many blocks were opened since code became unreachable.
    skipped_blocks: u32,
    /// An operator that this backend does not support was met.
    unsupported: Option<&'static str>,
}

impl<'m, 'l> Translator<'m, 'l> {
    fn new(interp: &'m InterpModule, func: DefinedFuncIdx, memory0: MemoryKind) -> Self {
        Self {
            interp,
            module: interp.module(),
            func,
            memory0,
            table: interp.table(),
            cells: vec![0; HEADER_CELLS],
            offsets: OffsetMap::default(),
            listing: None,
            offset: 0,
            latest: None,
            copied: Copied::NONE,
            latest_copy: None,
            latest_step: None,
            locals: Vec::new(),
            stack: Vec::new(),
            flushed: 0,
            height: 0,
            max_height: 0,
            temp_base: LINKAGE_SLOTS as u32,
            param_slots: 0,
            controls: Vec::new(),
            regions: Vec::new(),
            open_regions: 0,
            catches: Vec::new(),
            rethrown: None,
            fuel: fuel::Counter::default(),
            reachable: true,
            skipped_blocks: 0,
            unsupported: None,
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        let ty = self.module.func_type(self.module.func_idx(self.func));
        self.param_slots = ty.param_slots() as u32;
        let mut slot = -(self.param_slots as i32);
        for &param in ty.params() {
            self.locals.push(LocalInfo::new(Slot(slot), param == ValType::V128));
            slot += param.slots() as i32;
        }
        let mut slot = LINKAGE_SLOTS;
        let mut declarations = body.get_locals_reader()?;
        for _ in 0..declarations.get_count() {
            let (count, ty) = declarations.read()?;
            let wide = ty == wasmparser::ValType::V128;
            for _ in 0..count {
                self.locals.push(LocalInfo::new(Slot(slot), wide));
                slot += 1 + i32::from(wide);
            }
        }
        self.temp_base = slot as u32;
        // Results may need more room than parameters left.
        let result_slots = ty.result_slots() as u32;
        self.max_height = result_slots;
        self.controls.push(Control::function(ty.results()));

        let mut operators = OperatorsReader::new(body.get_binary_reader_for_operators()?);
        let counts = self.interp.counts_fuel();
        let code = self.module.bodies.body(self.func);
        while !operators.eof() && !self.is_too_large() {
            self.offset = operators.original_position() as usize;
            if !self.reachable {
                self.skip(&operators.read()?);
                self.end_block();
            } else if counts {
                let ends_block = self.count(&code.bytes[self.offset - code.offset..]);
                operators.visit_operator(&mut visitor::Visitor(self))?;
                if ends_block {
                    self.end_block();
                }
            } else {
                operators.visit_operator(&mut visitor::Visitor(self))?;
            }
        }
        if let Some(operator) = self.unsupported {
            unreachable!("{operator} is not a supported feature's");
        }
        Ok(())
    }

    /// Whether the function is larger than this backend handles. To be asked often enough that
    /// what is over the limits is not much.
    fn is_too_large(&self) -> bool {
        self.cells.len() > MAX_CELLS || self.max_height > MAX_HEIGHT
    }

    /// Passes over an operator that cannot be reached.
    fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.skipped_blocks += 1,
            Operator::End if self.skipped_blocks > 0 => self.skipped_blocks -= 1,
            Operator::End => self.visit_end(),
            Operator::Else if self.skipped_blocks == 0 => self.visit_else(),
            Operator::Delegate { .. } if self.skipped_blocks > 0 => self.skipped_blocks -= 1,
            Operator::Delegate { relative_depth } => self.visit_delegate(*relative_depth),
            Operator::Catch { tag_index } if self.skipped_blocks == 0 => {
                self.visit_catch(*tag_index);
            }
            Operator::CatchAll if self.skipped_blocks == 0 => self.visit_catch_all(),
            _ => {}
        }
    }

    fn finish(mut self) -> Code {
        self.offsets.finish();
        let local_slots = self.temp_base - LINKAGE_SLOTS as u32;
        let header = FuncHeader { frame_slots: self.temp_base + self.max_height, local_slots };
        self.cells[0] = header.frame_slots;
        self.cells[1] = header.local_slots;
        Code {
            cells: self.cells.into(),
            offsets: self.offsets,
            handlers: handlers::Handlers::new(self.regions),
        }
    }

    /// Appends an operation.
    fn emit<O: Op>(&mut self, op: O) -> usize {
        // SAFETY: operands are packed to cells.
        unsafe { self.append(const { &OpInfo::of::<O>() }, (&raw const op).cast()) }
    }

    /// Appends an operation whose operands are given as cells.
    fn emit_form(&mut self, info: &'static OpInfo, operands: &Operands) -> usize {
        let operands = operands.as_slice();
        assert_eq!(operands.len(), info.cells.into(), "operands of {}", info.name());
        // SAFETY: there are as many as there have to be.
        unsafe { self.append(info, operands.as_ptr()) }
    }

    /// Appends an operation.
    ///
    /// # Safety
    /// `operands` points to its operands.
    #[inline(never)]
    unsafe fn append(&mut self, info: &'static OpInfo, operands: *const Cell) -> usize {
        let start = self.cells.len();
        self.keep_latest();
        if !info.keeps_acc {
            self.copied = Copied::NONE;
        }
        if info.traps {
            self.offsets.mark(start, self.offset);
        }
        if let Some(listing) = &mut self.listing {
            listing.record(start, info);
        }
        // SAFETY: the caller's promise.
        unsafe { encode(&mut self.cells, info, self.table, operands) };
        start
    }

    /// Appends an operation that pushes its result, of one slot. `dst` is its first operand.
    fn define<O: Op>(&mut self, op: impl FnOnce(Slot) -> O) -> usize {
        self.define_value::<u64, O>(op)
    }

    /// Appends an operation that pushes its result, a `T`. `dst` is its first operand.
    fn define_value<T: StackValue, O: Op>(&mut self, op: impl FnOnce(Slot) -> O) -> usize {
        let home = self.push_temp(T::WIDE);
        let start = self.emit(op(home));
        self.defined(start, home, T::WIDE);
        start
    }

    /// Appends an operation that pushes its result, and leaves it in an accumulator too. `dst` is
    /// its first operand.
    fn define_acc<O: Define>(&mut self, op: impl FnOnce(Slot) -> O) {
        let home = self.push_temp(false);
        let start = self.emit(op(home));
        self.defined(start, home, false);
        self.in_acc(Some(O::RESULT));
    }

    /// Appends an operation that pushes a vector, and leaves it in the accumulator too. `dst` is
    /// its first operand.
    fn define_vector<O: Op>(&mut self, op: impl FnOnce(Slot) -> O) {
        self.define_value::<V128, O>(op);
        self.in_acc(Some(Class::V128));
    }

    /// Says that the result of the latest operation is in an accumulator too.
    fn in_acc(&mut self, class: Option<Class>) {
        if let (Some(class), Some(latest)) = (class, &self.latest) {
            self.copied.0[class as usize] = latest.home;
        }
    }

    /// Appends an operation that pushes its result, of one slot, and may leave it in an
    /// accumulator too. `operands` are those behind `dst`.
    fn define_form(&mut self, info: &'static OpInfo, operands: &Operands) -> usize {
        self.define_form_value(info, operands, false)
    }

    /// The same for a result of one slot or two.
    fn define_form_value(
        &mut self,
        info: &'static OpInfo,
        operands: &Operands,
        wide: bool,
    ) -> usize {
        let home = self.push_temp(wide);
        let start = self.emit_form(info, &operands.behind(home));
        self.defined(start, home, wide);
        self.in_acc(info.result);
        if let Some(latest) = &mut self.latest {
            latest.quiet = info.quiet.as_ref();
        }
        start
    }

    /// Says that the latest operation, which begins at `start`, has pushed its result.
    fn defined(&mut self, start: usize, home: Slot, wide: bool) {
        self.copied.forget(home);
        if wide {
            self.copied.forget(Slot(home.0 + 1));
        }
        let dst_cell = start + HANDLER_CELLS;
        debug_assert_eq!(self.cells[dst_cell], home.0 as Cell, "dst comes first");
        self.latest = Some(Latest::new(home, dst_cell));
    }

    /// What there is before the next operation.
    fn before(&self) -> Before {
        let latest =
            self.latest.as_ref().and_then(|l| l.quiet.map(|quiet| (l.home, l.dst_cell, quiet)));
        Before { copied: self.copied, latest }
    }

    /// Takes an operation back, from `start` on.
    fn take_back(&mut self, start: usize, before: Before) {
        self.cells.truncate(start);
        if let Some(listing) = &mut self.listing {
            listing.take_back(start);
        }
        self.copied = before.copied;
        self.latest = before.latest.map(|(home, dst_cell, quiet)| Latest {
            quiet: Some(quiet),
            ..Latest::new(home, dst_cell)
        });
    }

    /// Whether an operand can be taken from the accumulator of a class. It was popped, so that
    /// nobody looks for it in its slot later: no value is said to be in its home again without
    /// having been written there.
    fn take_acc(&mut self, class: Class, slot: Slot) -> bool {
        if !self.copied.holds(class, slot) {
            return false;
        }
        if let Some(Latest { home, dst_cell, quiet: Some(quiet), .. }) = self.latest
            && home == slot
        {
            let handler = quiet.of_table(self.table);
            replace_handler(&mut self.cells[dst_cell - HANDLER_CELLS..], handler);
            if let Some(listing) = &mut self.listing {
                listing.record_quiet();
            }
        }
        true
    }

    /// Says that jumps may arrive here.
    fn join(&mut self) {
        self.keep_latest();
        self.copied = Copied::NONE;
    }

    /// Says that the latest operation stays as it is.
    fn keep_latest(&mut self) {
        self.latest = None;
        self.latest_copy = None;
        self.latest_step = None;
    }
}
