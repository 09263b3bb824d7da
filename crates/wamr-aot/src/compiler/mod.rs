//! From a decoded module to an artifact, for any generator of code.
//!
//! A generator compiles one function at a time; here functions are shared out to threads, and put
//! together in an order that does not depend on who was faster: the same module and options give
//! the same bytes.

use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::OnceLock;

use wamr_runtime::compiled::{
    CallSite, Clause, CodeTables, FuncRange, HandlerSite, InlinedFrame, TrapSite,
};
use wamr_runtime::vm::TargetLayout;
use wamr_runtime::{Error, ErrorKind, MemoryKind};
use wamr_types::{DefinedFuncIdx, Module, TypeRegistry};

use crate::artifact::{CompiledModule, FuncCode, Target, page_bytes, promises, relied_on};

mod cranelift;
mod progress;
pub use cranelift::{Cranelift, OptLevel};
pub use progress::CompileProgress;

mod tables;
pub use tables::KnownTable;

mod reloc;
pub use reloc::{Reloc, RelocKind, RelocTarget};

/// A generator of machine code.
pub trait CodeGenerator: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its version: another one may make other code of the same module.
    fn version(&self) -> &'static str;

    /// The machine that it generates code for.
    fn target(&self) -> Target;

    /// How structures of the runtime are laid out there.
    fn layout(&self) -> TargetLayout;

    /// Makes what one thread needs to generate code.
    fn worker<'a>(&'a self, env: ModuleEnv<'a>) -> Box<dyn FuncGenerator + 'a>;
}

/// One thread's part of a [`CodeGenerator`].
pub trait FuncGenerator {
    /// Compiles a function, whose body is valid.
    ///
    /// # Errors
    /// What cannot be compiled.
    fn compile(&mut self, func: DefinedFuncIdx, memory0: MemoryKind)
    -> Result<CompiledFunc, Error>;

    /// Compiles what stands for a function whose body is invalid: it fails when it is called.
    ///
    /// # Errors
    /// If the generator fails.
    fn compile_invalid(&mut self, func: DefinedFuncIdx) -> Result<CompiledFunc, Error>;
}

/// What a generator may know of the module.
#[derive(Clone, Copy)]
pub struct ModuleEnv<'a> {
    /// The module.
    pub module: &'a Module,
    /// The types of its engine.
    pub types: &'a TypeRegistry,
    /// Whether code charges for what it does, as [`wamr_types::fuel`] says.
    pub counts_fuel: bool,
    /// Whether bodies of functions may stand in place of calls.
    pub inlines: bool,
    /// See [`CompileOptions::inline_budget_bytes`].
    pub inline_budget_bytes: usize,
    /// For each table, what it holds, if that is known.
    pub known_tables: &'a [Option<KnownTable>],
}

/// How to compile.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// The kinds of memory 0 to compile for; more than one makes the code larger.
    pub memory0: Vec<MemoryKind>,
    /// How many threads to use at most; as many as there are processors if that is `None`.
    pub threads: Option<NonZeroUsize>,
    /// Whether a function with an invalid body fails when it is called, rather than now.
    pub defer_invalid_bodies: bool,
    /// Whether code charges for what it does, as [`wamr_types::fuel`] says.
    pub counts_fuel: bool,
    /// Whether bodies of small functions stand in place of calls, where that pays.
    pub inlines: bool,
    /// By how many bytes of WebAssembly other bodies may make a function longer at most. Bodies that
    /// are hardly longer than the call do not count.
    pub inline_budget_bytes: usize,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            memory0: vec![MemoryKind::Guarded, MemoryKind::Checked],
            threads: None,
            defer_invalid_bodies: false,
            counts_fuel: false,
            inlines: true,
            inline_budget_bytes: INLINE_BUDGET_BYTES,
        }
    }
}

/// What [`CompileOptions::inline_budget_bytes`] is by default.
const INLINE_BUDGET_BYTES: usize = 4000;

/// A compiled function. All offsets count from its first byte.
#[derive(Clone, Debug, Default)]
pub struct CompiledFunc {
    /// Code, and its constants.
    pub code: Vec<u8>,
    /// What it has to begin at a multiple of.
    pub align: usize,
    /// Distances that are not known yet.
    pub relocs: Vec<Reloc>,
    /// Instructions that may fault.
    pub traps: Vec<TrapSite>,
    /// Calls that may fail.
    pub calls: Vec<CallSite>,
    /// Calls whose exceptions are caught, with the clauses.
    pub handlers: Vec<(HandlerSite, Vec<Clause>)>,
    /// What frames stand for at places in inlined bodies.
    pub inlined: Vec<InlinedFrame>,
    /// The bodies that were inlined, each behind the one that its call is in.
    pub bodies: Vec<InlinedBody>,
}

/// A body that stands in place of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InlinedBody {
    /// The index of its function in the module.
    pub func: u32,
    /// The offset of the call in the module's bytes.
    pub call: u32,
    /// The body that the call is in, by its position; `None` if that is the function itself.
    pub within: Option<u32>,
}

/// What a function body has that a generator does not compile; found in the [`Error`] by
/// [`Error::downcast_ref`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The operator.
    pub operator: Box<str>,
    /// Its offset in the module's bytes.
    pub offset: usize,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, offset } = self;
        write!(f, "{operator} cannot be compiled yet (at offset {offset:#x})")
    }
}

impl core::error::Error for Unsupported {}

/// Compiles a module, whose types must come from `types`.
///
/// # Errors
/// If a body is invalid or has an operator that is not supported, or the code is too large.
pub fn compile(
    generator: &dyn CodeGenerator,
    module: &Module,
    types: &TypeRegistry,
    options: &CompileOptions,
) -> Result<CompiledModule, Error> {
    Ok(compile_reporting(generator, module, types, options)?.0)
}

/// The same, with the bodies that were inlined in each function that the module defines, for the
/// first kind of memory 0.
///
/// # Errors
/// As [`compile`].
pub fn compile_reporting(
    generator: &dyn CodeGenerator,
    module: &Module,
    types: &TypeRegistry,
    options: &CompileOptions,
) -> Result<(CompiledModule, Vec<Vec<InlinedBody>>), Error> {
    let count = module.defined_func_count();
    let CompileOptions { counts_fuel, inlines, inline_budget_bytes, .. } = *options;
    let known_tables = &*tables::known_tables(module, types);
    let env = ModuleEnv { module, types, counts_fuel, inlines, inline_budget_bytes, known_tables };
    let jobs = count * options.memory0.len();
    let results: Vec<OnceLock<Result<CompiledFunc, Error>>> =
        core::iter::repeat_with(OnceLock::new).take(jobs).collect();
    let next = AtomicUsize::new(0);
    let progress = CompileProgress::of_this_thread();
    if let Some(progress) = &progress {
        progress.expect(jobs);
    }
    let work = || {
        let mut worker = generator.worker(env);
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return;
            }
            let func = DefinedFuncIdx::from_usize(job % count);
            let result = match validate(module, func) {
                Ok(()) => worker.compile(func, options.memory0[job / count]),
                Err(_) if options.defer_invalid_bodies => worker.compile_invalid(func),
                Err(error) => Err(error),
            };
            if result.is_err() {
                // The others need not be done any more.
                next.store(jobs, Ordering::Relaxed);
            }
            let _ = results[job].set(result);
            if let Some(progress) = &progress {
                progress.step();
            }
        }
    };
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
    // A thread is not worth it for a handful of functions.
    let threads = threads.map_or(1, NonZeroUsize::get).min(jobs / 8 + 1);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut funcs = Vec::with_capacity(jobs);
    let mut bodies = Vec::with_capacity(count);
    for result in results {
        match result.into_inner() {
            Some(Ok(mut func)) => {
                if bodies.len() < count {
                    bodies.push(core::mem::take(&mut func.bodies));
                }
                funcs.push(func);
            }
            Some(Err(error)) => return Err(error),
            // Another one failed before; its error comes up.
            None => funcs.push(CompiledFunc::default()),
        }
    }
    Ok((assemble(generator, module, options, funcs)?, bodies))
}

fn validate(module: &Module, func: DefinedFuncIdx) -> Result<(), Error> {
    let invalid = |error| Error::from_kind(ErrorKind::InvalidBody(error));
    module.bodies.validate(func).map_err(invalid)
}

fn too_large() -> Error {
    Error::msg("the module's code is too large for its machine: parts of it do not reach others")
}

/// Puts functions one behind the other, and their tables together.
fn assemble(
    generator: &dyn CodeGenerator,
    module: &Module,
    options: &CompileOptions,
    funcs: Vec<CompiledFunc>,
) -> Result<CompiledModule, Error> {
    let kinds = &options.memory0;
    let count = module.defined_func_count();
    let mut code = Vec::new();
    let mut starts = Vec::with_capacity(funcs.len());
    let (mut ranges, mut traps, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let (mut handlers, mut clauses) = (Vec::new(), Vec::new());
    let mut inlined = Vec::new();
    for (job, func) in funcs.iter().enumerate() {
        code.resize(code.len().next_multiple_of(func.align.max(1)), 0);
        if code.len() + func.code.len() >= i32::MAX as usize {
            return Err(too_large());
        }
        let start = code.len() as u32;
        starts.push(start);
        code.extend_from_slice(&func.code);
        let index = module.func_idx(DefinedFuncIdx::from_usize(job % count.max(1)));
        let len_bytes = func.code.len() as u32;
        ranges.push(FuncRange { start, len_bytes, func: index.0 });
        traps.extend(func.traps.iter().map(|site| TrapSite { at: start + site.at, ..*site }));
        calls.extend(func.calls.iter().map(|site| CallSite { at: start + site.at, ..*site }));
        let moved = |frame: &InlinedFrame| InlinedFrame { site: 2 * start + frame.site, ..*frame };
        inlined.extend(func.inlined.iter().map(moved));
        for (site, caught) in &func.handlers {
            let (first, count) = (clauses.len() as u32, caught.len() as u32);
            handlers.push(HandlerSite { at: start + site.at, first, count, ..*site });
            let moved = |clause: &Clause| Clause { target: start + clause.target, ..*clause };
            clauses.extend(caught.iter().map(moved));
        }
    }
    let got_offset = code.len().next_multiple_of(page_bytes(&generator.target().arch));
    let mut linked: Vec<Box<str>> = Vec::new();
    let mut positions = HashMap::new();
    for (job, func) in funcs.iter().enumerate() {
        for reloc in &func.relocs {
            let at = starts[job] as usize + reloc.at as usize;
            let target = match reloc.target {
                RelocTarget::Func(callee) => starts[job - job % count + callee.index()] as usize,
                RelocTarget::Linked(name) => {
                    let position = *positions.entry(name).or_insert_with(|| {
                        linked.push(name.into());
                        linked.len() - 1
                    });
                    got_offset + position * size_of::<u64>()
                }
            };
            let to = target as i64 + reloc.addend;
            let start = starts[job] as usize;
            reloc.kind.apply(&mut code, start, at, to).ok_or_else(too_large)?;
        }
    }
    let mut entries = vec![FuncCode::default(); count];
    for (job, &start) in starts.iter().enumerate() {
        let entry = &mut entries[job % count];
        match kinds[job / count] {
            MemoryKind::Guarded => entry.guarded = Some(start),
            MemoryKind::Checked => entry.checked = Some(start),
        }
    }
    let has_objects = module.type_defs.iter().any(|def| def.as_func().is_none());
    let mut layout = relied_on(generator.layout(), has_objects);
    layout.extend(promises(kinds, options.counts_fuel));
    Ok(CompiledModule {
        target: generator.target(),
        code: code.into(),
        got_offset,
        linked: linked.into(),
        funcs: entries.into(),
        tables: CodeTables {
            funcs: ranges.into(),
            traps: traps.into(),
            calls: calls.into(),
            handlers: handlers.into(),
            clauses: clauses.into(),
            inlined: inlined.into(),
        },
        layout: layout.into(),
    })
}
