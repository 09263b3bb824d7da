//! What there is once: the engine, its settings, and what is registered by name.

use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use wamr::{Config, Engine, Mode};

use super::alloc::{self, MemAllocOption};
use super::handle::{Handle, Name};
use super::loading::Modules;
use super::native::{NativeSymbol, Registry};
use super::types::TypeNames;

/// `RunningMode`, and what is none of its names: whatever is the default.
const MODE_DEFAULT: c_int = 0;
pub(crate) const MODE_INTERP: c_int = 1;
const MODE_FAST_JIT: c_int = 2;
const MODE_LLVM_JIT: c_int = 3;
const MODE_MULTI_TIER_JIT: c_int = 4;

/// The environment variable that switches the counting of instructions on, for programs that do not
/// know [`wasm_runtime_set_instruction_metering`].
const METERING: &str = "WAMR_METERING";

/// The version that is told to C; programs ask for WAMR's.
const VERSION: [u32; 3] = [2, 4, 3];

/// The runtime, from `wasm_runtime_init` to `wasm_runtime_destroy`.
pub(crate) struct Runtime {
    /// Made for the first module, so that settings can be made before.
    engine: OnceLock<Engine>,
    gc_heap_bytes: Option<usize>,
    metering: AtomicBool,
    default_mode: AtomicI32,
    pub(crate) allow_unlinked: AtomicBool,
    pub(crate) max_threads: AtomicU32,
    pub(crate) natives: RwLock<Registry>,
    /// Modules that others import from.
    pub(crate) loadable: Modules,
    /// Types of objects whose module nobody knows.
    pub(crate) types: TypeNames,
    /// What C has names of, to be taken back in the end.
    names: Mutex<Vec<Name>>,
}

#[derive(Default)]
struct State {
    users: usize,
    runtime: Option<Arc<Runtime>>,
}

static STATE: Mutex<State> = Mutex::new(State { users: 0, runtime: None });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mode behind one of C's.
pub(crate) fn mode_of(mode: c_int) -> Option<Mode> {
    let mode = match mode {
        MODE_INTERP => "interp",
        MODE_FAST_JIT | MODE_LLVM_JIT | MODE_MULTI_TIER_JIT => "jit",
        _ => return None,
    };
    mode.parse().ok()
}

/// What instances run in unless C says otherwise: the environment's `WAMR_MODE`, or the first mode
/// that there is.
fn first_mode() -> c_int {
    let wanted = std::env::var("WAMR_MODE").ok();
    let mode = wanted.and_then(|name| name.parse().ok()).or(Mode::ALL.first().copied());
    match mode {
        Some(Mode::Interp) | None => MODE_INTERP,
        Some(_) => MODE_LLVM_JIT,
    }
}

impl Runtime {
    /// The runtime, if it was started.
    pub(crate) fn current() -> Option<Arc<Self>> {
        state().runtime.clone()
    }

    fn new(gc_heap_bytes: u32, mode: c_int) -> Self {
        Self {
            engine: OnceLock::new(),
            gc_heap_bytes: (gc_heap_bytes != 0).then_some(gc_heap_bytes as usize),
            metering: AtomicBool::new(std::env::var_os(METERING).is_some_and(|it| it == "1")),
            default_mode: AtomicI32::new(if mode_of(mode).is_some() { mode } else { first_mode() }),
            allow_unlinked: AtomicBool::new(false),
            max_threads: AtomicU32::new(4),
            natives: RwLock::new(Registry::new()),
            loadable: Modules::default(),
            types: TypeNames::default(),
            names: Mutex::default(),
        }
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| {
            let mut config = Config::new();
            if let Some(mode) = mode_of(self.default_mode()) {
                config.mode(mode);
            }
            if let Some(bytes) = self.gc_heap_bytes {
                config.gc_heap_bytes(bytes);
            }
            config.consume_fuel(self.metering.load(Ordering::Relaxed));
            Engine::new(&config).unwrap_or_default()
        })
    }

    /// Whether instructions are counted.
    pub(crate) fn is_metered(&self) -> bool {
        self.engine().tunables().consume_fuel
    }

    /// The mode of new instances, as C calls it.
    pub(crate) fn default_mode(&self) -> c_int {
        self.default_mode.load(Ordering::Relaxed)
    }

    /// Gives something a name that lasts as long as the runtime.
    pub(crate) fn name_for_good<T: Handle>(&self, object: Arc<T>) -> Name {
        let name = super::handle::insert(object);
        self.keep_name(name);
        name
    }

    /// Takes a name back when the runtime ends.
    pub(crate) fn keep_name(&self, name: Name) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

// SAFETY: names are carried, never followed.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

/// `RuntimeInitArgs`
#[repr(C)]
pub(crate) struct RuntimeInitArgs {
    pub(crate) mem_alloc_type: c_int,
    pub(crate) mem_alloc_option: MemAllocOption,
    pub(crate) native_module_name: *const c_char,
    pub(crate) native_symbols: *mut NativeSymbol,
    pub(crate) n_native_symbols: u32,
    pub(crate) max_thread_num: u32,
    pub(crate) ip_addr: [c_char; 128],
    pub(crate) unused: c_int,
    pub(crate) instance_port: c_int,
    pub(crate) fast_jit_code_cache_size: u32,
    pub(crate) gc_heap_size: u32,
    pub(crate) running_mode: c_int,
    pub(crate) llvm_jit_opt_level: u32,
    pub(crate) llvm_jit_size_level: u32,
    pub(crate) segue_flags: u32,
    pub(crate) enable_linux_perf: u8,
}

/// Starts the runtime, or counts one more user of it.
fn start(make: impl FnOnce() -> Option<Runtime>) -> bool {
    let mut state = state();
    if state.runtime.is_none() {
        let Some(runtime) = make() else { return false };
        state.runtime = Some(Arc::new(runtime));
    }
    state.users += 1;
    true
}

c_api! {
    fn wasm_runtime_init() -> bool {
        start(|| {
            crate::memory::use_system();
            Some(Runtime::new(0, 0))
        })
    }

    fn wasm_runtime_full_init(args: *mut RuntimeInitArgs) -> bool {
        if args.is_null() {
            return false;
        }
        // SAFETY: by the header's contract this points to the arguments.
        let args = unsafe { &*args };
        let started = start(|| {
            let mode = args.running_mode;
            if mode != MODE_DEFAULT && mode_of(mode).is_none() {
                return None;
            }
            alloc::set_up(args.mem_alloc_type, &args.mem_alloc_option)
                .then(|| Runtime::new(args.gc_heap_size, mode))
        });
        if !started {
            return false;
        }
        if let Some(runtime) = Runtime::current().filter(|_| args.max_thread_num != 0) {
            runtime.max_threads.store(args.max_thread_num, Ordering::Relaxed);
        }
        if args.n_native_symbols == 0 {
            return true;
        }
        let registered = super::native::register(
            args.native_module_name,
            args.native_symbols,
            args.n_native_symbols,
            false,
        );
        if !registered {
            wasm_runtime_destroy();
        }
        registered
    }

    fn wasm_runtime_destroy() {
        let mut state = state();
        state.users = state.users.saturating_sub(1);
        if state.users != 0 {
            return;
        }
        let runtime = state.runtime.take();
        drop(state);
        let Some(runtime) = runtime else { return };
        // Modules hold the runtime.
        runtime.loadable.clear();
        let names =
            std::mem::take(&mut *runtime.names.lock().unwrap_or_else(PoisonError::into_inner));
        for name in names {
            super::handle::remove_any(name);
        }
        super::memory::forget_callback();
    }

    fn wasm_runtime_set_log_level(_level: c_int) {}

    fn wasm_runtime_get_version(major: *mut u32, minor: *mut u32, patch: *mut u32) {
        for (to, value) in [major, minor, patch].into_iter().zip(VERSION) {
            super::text::write(to, value);
        }
    }

    fn wasm_runtime_is_running_mode_supported(mode: c_int) -> bool {
        mode == MODE_DEFAULT || mode_of(mode).is_some()
    }

    fn wasm_runtime_set_default_running_mode(mode: c_int) -> bool {
        match Runtime::current() {
            Some(runtime) if wasm_runtime_is_running_mode_supported(mode) => {
                let mode = if mode == MODE_DEFAULT { first_mode() } else { mode };
                runtime.default_mode.store(mode, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    fn wasm_runtime_set_instruction_metering(enable: bool) -> bool {
        let Some(runtime) = Runtime::current() else { return false };
        if runtime.engine.get().is_some() {
            return runtime.is_metered() == enable;
        }
        runtime.metering.store(enable, Ordering::Relaxed);
        true
    }

    fn wasm_runtime_set_allow_unlinked_functions(allow: bool) {
        if let Some(runtime) = Runtime::current() {
            runtime.allow_unlinked.store(allow, Ordering::Relaxed);
        }
    }

    fn wasm_runtime_set_max_thread_num(num: u32) {
        if let Some(runtime) = Runtime::current() {
            runtime.max_threads.store(num, Ordering::Relaxed);
        }
    }
}
