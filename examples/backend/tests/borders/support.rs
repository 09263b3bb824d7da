//! A store with modules of several modes, and functions made to measure for each.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wamr_interp::Interpreter;
use wamr_linker::Instance;
use wamr_loader::WasmLoader;
use wamr_runtime::{
    AsContextMut, Backend, Caller, Engine, Error, Extern, Func, Module, Store, Table, Tunables, Val,
};
use wamr_types::{
    Feature, Features, FuncType, IndexType, Limits, LoadOptions, Loader, ModuleBytes, RefType,
    TableType, ValType, Validation,
};

/// Who runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Interp,
    Compiled,
    Host,
}

impl Mode {
    fn backend(self) -> Option<&'static dyn Backend> {
        match self {
            Self::Interp => Some(&Interpreter),
            Self::Compiled => Some(crate::COMPILED),
            Self::Host => None,
        }
    }

    pub(crate) fn counts_fuel(self) -> bool {
        self.backend().is_some_and(Backend::counts_fuel)
    }

    pub(crate) fn supports(self, feature: Feature) -> bool {
        self.backend().is_none_or(|backend| backend.supported().contains(feature))
    }
}

pub(crate) const MODES: [Mode; 3] = [Mode::Interp, Mode::Compiled, Mode::Host];
/// The modes that run WebAssembly.
pub(crate) const GUESTS: [Mode; 2] = [Mode::Interp, Mode::Compiled];

/// Every sequence of three modes.
pub(crate) fn chains() -> impl Iterator<Item = [Mode; 3]> {
    MODES.into_iter().flat_map(|a| MODES.into_iter().flat_map(move |b| MODES.map(|c| [a, b, c])))
}

/// How a function knows the one that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// By a table that others can reach too.
    Table,
    /// By an import; for the host, by a handle.
    Import,
}

pub(crate) const WAYS: [Via; 2] = [Via::Table, Via::Import];

/// The type of a function without parameters and results.
pub(crate) const NOTHING: (&[ValType], &[ValType]) = (&[], &[]);

/// A store, and the modules that it has seen.
pub(crate) struct World {
    pub(crate) store: Store<()>,
    modules: HashMap<(Mode, String), Module>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A store of an engine of its own.
    pub(crate) fn with(configure: impl FnOnce(&mut Tunables)) -> Self {
        let mut tunables = Tunables::default();
        configure(&mut tunables);
        Self { store: Store::new(&Engine::new(tunables), ()), modules: HashMap::new() }
    }

    /// A store whose stacks hold so many bytes.
    pub(crate) fn with_stacks(native_bytes: usize, interp_bytes: usize) -> Self {
        Self::with(|tunables| {
            tunables.native_stack_bytes = native_bytes;
            tunables.interp_stack_bytes = interp_bytes;
        })
    }

    /// Another store of the same engine, with the same modules.
    pub(crate) fn beside(&self) -> Self {
        Self { store: Store::new(self.store.engine(), ()), modules: self.modules.clone() }
    }

    pub(crate) fn module(&mut self, mode: Mode, text: &str) -> Module {
        if let Some(module) = self.modules.get(&(mode, text.to_owned())) {
            return module.clone();
        }
        let module = self.try_module(mode, text).expect(text);
        self.modules.insert((mode, text.to_owned()), module.clone());
        module
    }

    pub(crate) fn try_module(&self, mode: Mode, text: &str) -> Result<Module, Error> {
        let backend = mode.backend().expect("a mode that has modules");
        let options = LoadOptions {
            features: Features::WASM_3_0,
            supported: backend.supported(),
            validation: Validation::Lazy,
        };
        let engine = self.store.engine();
        let bytes = ModuleBytes::new(text.to_owned());
        let decoded = WasmLoader.load(bytes, engine.types(), &options).expect(text);
        // SAFETY: the loader validates the module, and its types are the engine's.
        unsafe { Module::prepare(engine, Arc::new(decoded), backend) }
    }

    /// Drops the handles to all modules.
    pub(crate) fn forget_modules(&mut self) {
        self.modules.clear();
    }

    pub(crate) fn instance(&mut self, mode: Mode, text: &str, imports: &[Extern]) -> Instance {
        let module = self.module(mode, text);
        Instance::new(&mut self.store, &module, imports).expect(text)
    }

    /// The function that an instance of `text` exports as `f`.
    pub(crate) fn guest(&mut self, mode: Mode, text: &str, imports: &[Extern]) -> Func {
        let instance = self.instance(mode, text, imports);
        instance.get_func(&mut self.store, "f").expect("an export `f`")
    }

    /// A function of the host.
    pub(crate) fn host(
        &mut self,
        (params, results): (&[ValType], &[ValType]),
        func: impl Fn(Caller<'_, ()>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Func {
        let ty = FuncType::new(params.iter().copied(), results.iter().copied());
        Func::new(&mut self.store, ty, func).expect("a type of this engine")
    }

    /// A table of `size` functions, all null, that can grow to `max`.
    pub(crate) fn table(&mut self, size: u64, max: u64) -> Table {
        let limits = Limits { min: size, max: Some(max) };
        let ty = TableType { index: IndexType::I32, limits, element: RefType::FUNCREF };
        Table::new(&mut self.store, ty, Val::FuncRef(None)).expect("a table")
    }

    /// A function that calls `callee` and returns its own parameters, which live across the
    /// call, and behind them the callee's results.
    pub(crate) fn relay(
        &mut self,
        mode: Mode,
        via: Via,
        (params, results): (&[ValType], &[ValType]),
        callee: &Func,
    ) -> Func {
        let table = self.table(1, 1);
        table.set(&mut self.store, 0, callee.clone().into()).expect("a function");
        if mode == Mode::Host {
            let callee = callee.clone();
            let all: Vec<ValType> = params.iter().chain(results).copied().collect();
            return self.host((params, &all), move |mut caller, args, out| {
                let _guard = Guard::new();
                let callee = match via {
                    Via::Import => callee.clone(),
                    Via::Table => match table.get(&mut caller, 0)? {
                        Some(Val::FuncRef(Some(callee))) => callee,
                        other => panic!("{other:?} in the table"),
                    },
                };
                let (kept, given) = out.split_at_mut(args.len());
                kept.clone_from_slice(args);
                callee.call(&mut caller, args, given)
            });
        }
        let gets = local_gets(0..params.len());
        let (call, import): (_, Extern) = match via {
            Via::Table => ("(call_indirect (type $t) (i32.const 0))", table.into()),
            Via::Import => ("(call $callee)", callee.clone().into()),
        };
        let (ty, all) =
            (func_type(params, results), func_type(params, &[params, results].concat()));
        let text = match via {
            Via::Table => format!(
                r#"(module (type $t (func {ty})) (import "" "" (table 1 1 funcref))
                   (func (export "f") {all} {gets} {gets} {call}))"#
            ),
            Via::Import => format!(
                r#"(module (type $t (func {ty})) (import "" "" (func $callee (type $t)))
                   (func (export "f") {all} {gets} {gets} {call}))"#
            ),
        };
        self.guest(mode, &text, &[import])
    }

    /// A chain of relays of nothing, the outermost first, that ends in `callee`.
    pub(crate) fn chain(&mut self, modes: &[Mode], via: Via, callee: &Func) -> Func {
        let relay = |callee: Func, &mode: &Mode| self.relay(mode, via, NOTHING, &callee);
        modes.iter().rev().fold(callee.clone(), relay)
    }

    /// Calls a function of no parameters and no results.
    pub(crate) fn run(&mut self, func: &Func) -> Result<(), Error> {
        func.call(&mut self.store, &[], &mut [])
    }

    /// Calls a function for its results.
    pub(crate) fn call(&mut self, func: &Func, params: &[Val]) -> Result<Vec<Val>, Error> {
        call(&mut self.store, func, params)
    }
}

/// Calls a function for its results.
pub(crate) fn call(
    mut store: impl AsContextMut,
    func: &Func,
    params: &[Val],
) -> Result<Vec<Val>, Error> {
    let ty = func.ty(store.as_context_mut())?;
    let mut results = vec![Val::I32(0); ty.results().len()];
    func.call(store, params, &mut results)?;
    Ok(results)
}

/// `(param ...) (result ...)` in the text format.
pub(crate) fn func_type(params: &[ValType], results: &[ValType]) -> String {
    let mut text = String::from("(param");
    params.iter().for_each(|ty| write!(text, " {ty}").expect("a string"));
    text += ") (result";
    results.iter().for_each(|ty| write!(text, " {ty}").expect("a string"));
    text + ")"
}

/// `local.get` of several locals in the text format.
pub(crate) fn local_gets(locals: impl IntoIterator<Item = usize>) -> String {
    locals.into_iter().map(|local| format!("local.get {local} ")).collect()
}

/// Stands for what a host function's frame owns: counts how many were dropped on this thread.
pub(crate) struct Guard(());

thread_local! {
    static DROPPED: AtomicUsize = const { AtomicUsize::new(0) };
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// How many were dropped since the last time somebody asked.
    pub(crate) fn take_dropped() -> usize {
        DROPPED.with(|dropped| dropped.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.with(|dropped| dropped.fetch_add(1, Ordering::Relaxed));
    }
}

/// Runs a test on a thread of its own with a stack of `bytes`, and fails if it hangs.
pub(crate) fn on_thread<R: Send + 'static>(
    bytes: usize,
    test: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (done, is_done) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(bytes).spawn(move || {
        let result = test();
        done.send(()).expect("somebody waits");
        result
    });
    let thread = thread.expect("a thread");
    if is_done.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
