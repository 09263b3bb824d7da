//! Inlining: instead of a call, the callee's body is compiled where the call would stand.
//!
//! The operators of both go the same way, so that traps, exceptions and fuel are what they are
//! for a call; what is left out is the callee's check of the stack, which its caller has done.
//! Calls within the callee may be inlined in turn. Where an operator stands among the bodies is
//! noted, so that backtraces name them all.

use std::collections::HashMap;

use cranelift_codegen::ir::{Inst, SourceLoc, TrapCode as ClifTrap};
use cranelift_frontend::Variable;
use wamr_runtime::compiled::NO_POSITION;
use wamr_types::{DefinedFuncIdx, FuncType};
use wasmparser::{BinaryReader, FunctionBody, Operator};

use super::super::convention::clif_type;
use super::exception::{MAX_HANDLER_EDGES, TryInfo};
use super::{Env, FuncCompiler};
use crate::compiler::InlinedBody;

/// Bodies of no more bytes that call nothing are always worth it: the call would be as long.
const TINY_BYTES: usize = 24;
/// How long bodies may be, where a loop calls them.
const IN_LOOP_BYTES: usize = 160;
/// How long bodies may be elsewhere.
const ELSEWHERE_BYTES: usize = 72;
/// How many bodies may stand in one another.
const MAX_DEPTH: usize = 6;
/// How many of them may be of the same function.
const MAX_RECURSION: usize = 3;
/// By how many bytes of bodies a function may always grow, as far as the options let it; longer ones
/// by their own length.
const LEAST_GROWTH_BYTES: usize = 400;
/// How many clauses may catch what a body throws, each of which every call in it names.
const MAX_HANDLERS: usize = 16;
/// How many locals a body may declare.
const MAX_LOCALS: u32 = 64;
/// How many a tiny one may, each of which the caller gets at every call.
const TINY_LOCALS: u32 = 4;

/// Set in places of operators of inlined bodies, which are an index instead of an offset.
const INLINED: u32 = 1 << 31;

/// Where operators of inlined bodies stand.
#[derive(Default)]
pub(in super::super) struct Positions {
    bodies: Vec<Body>,
    /// The body and the offset in the module.
    places: Vec<(u32, u32)>,
    /// The places of accesses that may fault, as they were built.
    accesses: Vec<u32>,
}

/// Codes of traps from here on are those of accesses that may fault.
const FIRST_ACCESS: u8 = 64;
/// How many codes accesses have, in turn: as many as Cranelift has.
const ACCESS_CODES: usize = 180;

/// A body that was inlined.
struct Body {
    /// The index of the function in the module.
    func: u32,
    /// The place of the call in its caller.
    call: u32,
}

impl Positions {
    /// The frames that stand at a place that Cranelift knows, innermost first, as function and
    /// offset; `root` is the function that was compiled.
    pub(in super::super) fn frames(&self, place: u32, root: u32) -> Vec<(u32, u32)> {
        let (mut frames, mut place) = (Vec::new(), place);
        while place & INLINED != 0 {
            let (body, offset) = self.places[(place & !INLINED) as usize];
            let body = &self.bodies[body as usize];
            frames.push((body.func, offset));
            place = body.call;
        }
        frames.push((root, place));
        frames
    }

    /// The bodies that were inlined.
    pub(in super::super) fn bodies(&self) -> Vec<InlinedBody> {
        let bodies = self.bodies.iter().map(|body| {
            let (within, call) = match body.call & INLINED {
                0 => (None, body.call),
                _ => {
                    let (within, call) = self.places[(body.call & !INLINED) as usize];
                    (Some(within), call)
                }
            };
            InlinedBody { func: body.func, call, within }
        });
        bodies.collect()
    }

    /// A trap code for the access at a place. Where Cranelift makes an access part of a later
    /// instruction it forgets its place, but not its code.
    pub(super) fn add_access(&mut self, place: SourceLoc) -> ClifTrap {
        let code = FIRST_ACCESS + (self.accesses.len() % ACCESS_CODES) as u8;
        self.accesses.push(place.bits());
        ClifTrap::unwrap_user(code)
    }

    /// The place of the access that a trap code is for; `found` is the place of the instruction that
    /// the access became part of. `None` if the code is for something else.
    pub(in super::super) fn access(&self, code: ClifTrap, found: u32) -> Option<u32> {
        let code = code.as_raw().get().checked_sub(FIRST_ACCESS)? as usize;
        if code >= ACCESS_CODES {
            return None;
        }
        let same_code = || self.accesses.iter().skip(code).step_by(ACCESS_CODES).copied();
        if found == NO_POSITION {
            let mut places = same_code();
            let only = places.next().filter(|_| places.next().is_none());
            return Some(only.unwrap_or(found));
        }
        if same_code().any(|place| place == found) {
            return Some(found);
        }
        // The last one before it.
        let limit = self.order(found, u32::MAX);
        let before = same_code().take_while(|&place| self.order(place, 0) <= limit);
        Some(before.last().unwrap_or(found))
    }

    /// A key that places are built in order of; `own` stands for a place of the function itself,
    /// among what was inlined there.
    fn order(&self, place: u32, own: u32) -> (u32, u32) {
        if place & INLINED == 0 {
            return (place, own);
        }
        let mut outermost = place;
        while outermost & INLINED != 0 {
            let (body, _) = self.places[(outermost & !INLINED) as usize];
            outermost = self.bodies[body as usize].call;
        }
        (outermost, place)
    }
}

/// What is known while bodies stand in one another.
#[derive(Default)]
pub(super) struct Inlining {
    pub(super) positions: Positions,
    /// The body at hand; `None` for the function that is compiled.
    body: Option<u32>,
    /// The functions whose bodies stand in one another, the innermost last; empty where nothing is
    /// to be inlined.
    funcs: Vec<DefinedFuncIdx>,
    /// How many bytes of bodies may yet be inlined.
    budget: usize,
    /// How many blocks stand around the body at hand.
    pub(super) base: usize,
}

impl Inlining {
    pub(super) fn new(env: &Env<'_>, func: DefinedFuncIdx) -> Self {
        if !env.inlines {
            return Self::default();
        }
        let own = env.module.bodies.body(func).bytes.len();
        let budget = own.max(LEAST_GROWTH_BYTES).min(env.inline_budget_bytes);
        Self { funcs: vec![func], budget, ..Self::default() }
    }

    /// What Cranelift is to know of the operator at an offset.
    pub(super) fn place(&mut self, offset: usize) -> SourceLoc {
        let offset = offset as u32;
        SourceLoc::new(match self.body {
            Some(body) => {
                self.positions.places.push((body, offset));
                INLINED | (self.positions.places.len() - 1) as u32
            }
            None => offset,
        })
    }
}

/// What belongs to the body at hand, of a caller that is gone on with later.
struct Caller<'a> {
    func: DefinedFuncIdx,
    ty: &'a FuncType,
    locals: Vec<Variable>,
    tries: Option<HashMap<usize, TryInfo>>,
    offset: usize,
    place: SourceLoc,
    fuel: Option<Inst>,
    body: Option<u32>,
    base: usize,
}

/// A body that can be inlined.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    bytes: usize,
    /// Whether it is always worth it.
    is_tiny: bool,
}

impl Env<'_> {
    /// What can be inlined of a function, if its body can.
    fn inlinable(&self, func: DefinedFuncIdx) -> Option<Candidate> {
        let mut known = self.inlinable.borrow_mut();
        *known.entry(func).or_insert_with(|| self.find_inlinable(func))
    }

    fn find_inlinable(&self, func: DefinedFuncIdx) -> Option<Candidate> {
        let code = self.module.bodies.body(func);
        let end = code.offset + code.bytes.len();
        if code.bytes.len() > IN_LOOP_BYTES || end >= INLINED as usize {
            return None;
        }
        // It may be a body that fails when it is called.
        self.module.bodies.validate(func).ok()?;
        let body = FunctionBody::new(BinaryReader::new(code.bytes, code.offset as u64));
        let mut locals = 0_u32;
        for group in body.get_locals_reader().ok()? {
            locals = locals.saturating_add(group.ok()?.0);
        }
        if locals > MAX_LOCALS {
            return None;
        }
        let mut calls = false;
        for operator in body.get_operators_reader().ok()? {
            match operator.ok()? {
                // These take the place of the frame that they are in, which would be the caller's.
                Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. } => return None,
                Operator::Call { .. }
                | Operator::CallIndirect { .. }
                | Operator::CallRef { .. } => calls = true,
                _ => {}
            }
        }
        let bytes = code.bytes.len();
        let is_tiny = bytes <= TINY_BYTES && locals <= TINY_LOCALS && !calls;
        Some(Candidate { bytes, is_tiny })
    }
}

impl<'a> FuncCompiler<'a, '_> {
    /// Whether a call here is better replaced by the callee's body.
    pub(super) fn is_worth_inlining(&self, callee: DefinedFuncIdx) -> bool {
        let Inlining { funcs, budget, .. } = &self.inlining;
        if funcs.is_empty()
            || funcs.len() > MAX_DEPTH
            || self.handlers.len() > MAX_HANDLERS
            // What is inlined must not make the function one that is refused.
            || self.handler_edges > MAX_HANDLER_EDGES / 4
            || self.offset >= INLINED as usize
        {
            return false;
        }
        let same = funcs.iter().filter(|&&func| func == callee).count();
        if same > MAX_RECURSION {
            return false;
        }
        let Some(Candidate { bytes, is_tiny }) = self.env.inlinable(callee) else { return false };
        let limit = if self.is_in_loop() { IN_LOOP_BYTES } else { ELSEWHERE_BYTES };
        is_tiny || (bytes <= limit && bytes <= *budget)
    }

    /// Compiles the body of a function here, with its arguments on the stack.
    pub(super) fn inline(&mut self, callee: DefinedFuncIdx) {
        let number = self.module.func_idx(callee);
        let ty = self.module.func_type(number);
        let args = self.pop_many(ty.params().len());
        let place = self.builder.srcloc();
        let state = &mut self.inlining;
        state.positions.bodies.push(Body { func: number.0, call: place.bits() });
        let body = state.positions.bodies.len() as u32 - 1;
        state.budget = state.budget.saturating_sub(self.module.bodies.body(callee).bytes.len());
        state.funcs.push(callee);
        let caller = Caller {
            func: core::mem::replace(&mut self.request.func, callee),
            ty: core::mem::replace(&mut self.ty, ty),
            locals: core::mem::take(&mut self.locals),
            tries: self.tries.take(),
            offset: self.offset,
            place,
            fuel: self.fuel.units.take(),
            body: state.body.replace(body),
            base: core::mem::replace(&mut state.base, self.frames.len()),
        };

        for (&ty, value) in ty.params().iter().zip(args) {
            let local = self.new_local(ty);
            self.builder.def_var(local, value);
        }
        if let Err(error) = self.translate() {
            self.error.get_or_insert(error);
        }
        if self.dead.take().is_some() {
            // What follows is never reached, but is compiled, and costs fuel, as behind a call.
            let block = self.cold_block();
            self.begin(block);
            for &ty in ty.results() {
                let value = self.zero(clif_type(ty));
                self.push(value);
            }
        }

        let Caller { func, ty, locals, tries, offset, place, fuel, body, base } = caller;
        self.request.func = func;
        self.ty = ty;
        self.locals = locals;
        self.tries = tries;
        self.offset = offset;
        self.fuel.units = fuel;
        self.inlining.funcs.pop();
        self.inlining.body = body;
        self.inlining.base = base;
        self.builder.set_srcloc(place);
    }

    /// Whether a loop of the bodies at hand is around here.
    fn is_in_loop(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.loops > 0)
    }
}
