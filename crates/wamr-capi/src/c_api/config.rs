//! Configurations: a structure that C may look into, and what it does not show.

use core::ffi::{c_char, c_int, c_uint, c_void};
use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use wamr::{Config, Mode, UnknownMode};

use crate::guard::{guard, set_last_error};
use crate::memory::{self, Callbacks};

/// Where memory comes from: `mem_alloc_type_t`.
pub type mem_alloc_type_t = c_int;
/// A buffer of the embedder.
pub const ALLOC_WITH_POOL: mem_alloc_type_t = 0;
/// Functions of the embedder.
pub const ALLOC_WITH_ALLOCATOR: mem_alloc_type_t = 1;
/// The system.
pub const ALLOC_WITH_SYSTEM_ALLOCATOR: mem_alloc_type_t = 2;

/// `MemAllocOption`
#[repr(C)]
#[derive(Clone, Copy)]
pub union MemAllocOption {
    /// For [`ALLOC_WITH_POOL`].
    pub pool: MemAllocPool,
    /// For [`ALLOC_WITH_ALLOCATOR`].
    pub allocator: MemAllocFunctions,
}

/// A buffer of the embedder.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemAllocPool {
    /// Where it is.
    pub heap_buf: *mut c_void,
    /// How many bytes it has.
    pub heap_size: u32,
}

/// Functions of the embedder.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemAllocFunctions {
    /// `void *malloc(unsigned int size)`
    pub malloc_func: *mut c_void,
    /// `void *realloc(void *block, unsigned int size)`
    pub realloc_func: *mut c_void,
    /// `void free(void *block)`
    pub free_func: *mut c_void,
    /// Not used.
    pub user_data: *mut c_void,
}

impl core::fmt::Debug for MemAllocOption {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MemAllocOption")
    }
}

/// A configuration, as C sees it.
#[repr(C)]
#[derive(Debug)]
pub struct wasm_config_t {
    /// Where memory comes from.
    pub mem_alloc_type: mem_alloc_type_t,
    /// The particulars of that.
    pub mem_alloc_option: MemAllocOption,
    /// No effect: no mode uses the register.
    pub segue_flags: u32,
    /// No effect.
    pub enable_linux_perf: u8,
}

/// Configurations that were made here and not deleted, with what their structure does not show.
static LIVE: Mutex<Option<HashMap<usize, Hidden>>> = Mutex::new(None);

#[derive(Clone)]
struct Hidden {
    /// Which configuration it is, since another one may come to be at the address.
    serial: u64,
    mode: Option<ModuleMode>,
}

/// How modules in the binary format are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModuleMode {
    /// In a mode of the engine.
    Engine(Mode),
    /// Compiled to bytes and loaded from these, as modules are that were compiled before.
    Aot,
}

impl ModuleMode {
    fn named(name: &str) -> Result<Self, UnknownMode> {
        if name == "aot" && cfg!(feature = "jit") {
            Ok(Self::Aot)
        } else {
            name.parse().map(Self::Engine)
        }
    }
}

fn with_live<R>(body: impl FnOnce(&mut HashMap<usize, Hidden>) -> R) -> R {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    body(live.get_or_insert_default())
}

/// The mode that the environment asks for, where this build has it.
fn mode_of_environment() -> Option<ModuleMode> {
    ModuleMode::named(&std::env::var("WAMR_MODE").ok()?).ok()
}

/// The runtime's configuration for one of C's; null is the default. Sets where C's memory comes
/// from.
///
/// # Safety
/// `config` must be null or a configuration.
pub(super) unsafe fn runtime_config(config: *const wasm_config_t) -> Option<(Config, ModuleMode)> {
    let hidden = with_live(|live| live.get(&(config as usize)).cloned());
    let mut made = Config::new();
    let first = Mode::ALL.first().copied().unwrap_or(Mode::Interp);
    let mode = hidden.and_then(|hidden| hidden.mode).or_else(mode_of_environment);
    let mode = mode.unwrap_or(ModuleMode::Engine(first));
    made.mode(match mode {
        ModuleMode::Engine(mode) => mode,
        ModuleMode::Aot => first,
    });
    // SAFETY: the caller's promise.
    if let Some(config) = unsafe { config.as_ref() } {
        // SAFETY: the type says what is in the union.
        unsafe { use_allocator(config.mem_alloc_type, &config.mem_alloc_option)? };
    }
    Some((made, mode))
}

/// # Safety
/// `ty` must say what is in `option`.
pub(super) unsafe fn use_allocator(ty: mem_alloc_type_t, option: &MemAllocOption) -> Option<()> {
    match ty {
        ALLOC_WITH_ALLOCATOR => {
            // SAFETY: the caller's promise.
            let functions = unsafe { option.allocator };
            if functions.malloc_func.is_null() || functions.free_func.is_null() {
                set_last_error("an allocator needs `malloc_func` and `free_func`");
                return None;
            }
            // SAFETY: the header says what functions these are; null is no function.
            let callbacks = unsafe {
                use core::mem::transmute;
                Callbacks {
                    malloc: transmute::<*mut c_void, unsafe extern "C" fn(u32) -> *mut c_void>(
                        functions.malloc_func,
                    ),
                    realloc: transmute::<
                        *mut c_void,
                        Option<unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void>,
                    >(functions.realloc_func),
                    free: transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(
                        functions.free_func,
                    ),
                }
            };
            memory::use_callbacks(callbacks);
        }
        ALLOC_WITH_POOL => {
            // SAFETY: the caller's promise.
            let pool = unsafe { option.pool };
            if !memory::use_pool(pool.heap_buf, pool.heap_size as usize) {
                set_last_error("a pool needs a buffer with room for something");
                return None;
            }
        }
        ALLOC_WITH_SYSTEM_ALLOCATOR => memory::use_system(),
        ty => {
            set_last_error(format_args!("there is no type {ty} of allocators"));
            return None;
        }
    }
    Some(())
}

/// Makes a configuration: memory from the system, the first mode of this build.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_config_new() -> *mut wasm_config_t {
    guard(core::ptr::null_mut(), || {
        let functions = MemAllocFunctions {
            malloc_func: core::ptr::null_mut(),
            realloc_func: core::ptr::null_mut(),
            free_func: core::ptr::null_mut(),
            user_data: core::ptr::null_mut(),
        };
        let config = Box::into_raw(Box::new(wasm_config_t {
            mem_alloc_type: ALLOC_WITH_SYSTEM_ALLOCATOR,
            mem_alloc_option: MemAllocOption { allocator: functions },
            segue_flags: 0,
            enable_linux_perf: 0,
        }));
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        with_live(|live| live.insert(config as usize, Hidden { serial, mode: None }));
        config
    })
}

/// Deletes a configuration that was made here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_config_delete(config: *mut wasm_config_t) {
    guard((), || {
        let owned = Owned::of(config);
        if !config.is_null() && !owned.is_some_and(Owned::delete) {
            set_last_error("expected a configuration, got what was deleted or never was");
        }
    })
}

/// Which configuration an engine deletes: another one may be at its address by then, where C
/// deleted it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    address: usize,
    serial: u64,
}

impl Owned {
    /// The configuration at an address, if there is one that was made here.
    pub(super) fn of(config: *const wasm_config_t) -> Option<Self> {
        let address = config as usize;
        with_live(|live| Some(Self { address, serial: live.get(&address)?.serial }))
    }

    /// Deletes the configuration, unless it was before.
    pub(super) fn delete(self) -> bool {
        let found = with_live(|live| {
            let is_it = live.get(&self.address).is_some_and(|hidden| hidden.serial == self.serial);
            is_it && live.remove(&self.address).is_some()
        });
        if found {
            // SAFETY: it was made by `wasm_config_new`, and has just been taken off the list.
            drop(unsafe { Box::from_raw(self.address as *mut wasm_config_t) });
        }
        found
    }
}

/// Sets where memory comes from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_config_set_mem_alloc_opt(
    config: *mut wasm_config_t,
    ty: mem_alloc_type_t,
    option: *mut MemAllocOption,
) -> *mut wasm_config_t {
    // SAFETY: C passes a configuration and particulars, or null.
    let (made, option) = unsafe { (config.as_mut(), option.as_ref()) };
    let Some(made) = made else { return config };
    made.mem_alloc_type = ty;
    if let Some(option) = option {
        made.mem_alloc_option = *option;
    }
    config
}

/// Asks for maps of code for Linux' `perf`, which no mode writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_config_set_linux_perf_opt(
    config: *mut wasm_config_t,
    enable: bool,
) -> *mut wasm_config_t {
    // SAFETY: C passes a configuration or null.
    if let Some(config) = unsafe { config.as_mut() } {
        config.enable_linux_perf = enable.into();
    }
    config
}

/// Asks for accesses by way of a segment register, which no mode makes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_config_set_segue_flags(
    config: *mut wasm_config_t,
    segue_flags: c_uint,
) -> *mut wasm_config_t {
    // SAFETY: C passes a configuration or null.
    if let Some(config) = unsafe { config.as_mut() } {
        config.segue_flags = segue_flags;
    }
    config
}

/// Sets the mode that modules are prepared for, by its name: not part of WAMR's header. False, and
/// nothing changes, where this build has no such mode.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_config_set_mode(
    config: *mut wasm_config_t,
    mode: *const c_char,
) -> bool {
    guard(false, || {
        if mode.is_null() {
            set_last_error("a mode needs a name");
            return false;
        }
        // SAFETY: C passes a string.
        let name = unsafe { CStr::from_ptr(mode) }.to_string_lossy();
        match ModuleMode::named(&name) {
            Ok(mode) => with_live(|live| {
                let hidden = live.get_mut(&(config as usize));
                hidden.map(|hidden| hidden.mode = Some(mode)).is_some()
            }),
            Err(error) => {
                set_last_error(error);
                false
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_told_from_another_at_its_address() {
        let config = wasm_config_new();
        let owned = Owned::of(config).unwrap();
        let other = Owned { serial: u64::MAX, ..owned };
        assert!(!other.delete());
        assert!(owned.delete() && !owned.delete());
        assert_eq!(Owned::of(config), None);
    }
}
