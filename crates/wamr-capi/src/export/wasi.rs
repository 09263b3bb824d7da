//! What C says about WASI, and asks.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::PoisonError;

use super::handle::{self, Name};
use super::instance::Inst;
use super::module::{Module, kind};
use super::world::WasiArgs;
use super::{imports, text};

/// Lists of directories as C gives them.
pub(crate) fn dirs(
    dirs: *const *const c_char,
    dir_count: u32,
    mapped: *const *const c_char,
    map_count: u32,
) -> (Vec<String>, Vec<String>) {
    (text::strings(dirs, dir_count as usize), text::strings(mapped, map_count as usize))
}

pub(crate) fn argv(argv: *const *const c_char, argc: c_int) -> Vec<String> {
    text::strings(argv, usize::try_from(argc).unwrap_or(0))
}

/// Whether a module imports from WASI.
pub(crate) fn is_wasi(module: &wamr::Module) -> bool {
    module.imports().any(|import| imports::WASI_MODULES.contains(&import.module()))
}

/// Changes what instances of a module get.
fn set(module: Name, change: impl FnOnce(&mut WasiArgs)) {
    if let Some(module) = handle::get::<Module>(module) {
        change(&mut module.wasi.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Makes a function that says all about directories, environment and arguments, and more.
macro_rules! set_args {
    ($name:ident($($more:ident),*): $stdio:expr) => {
        c_api! {
            fn $name(
                module: Name,
                dir_list: *const *const c_char,
                dir_count: u32,
                map_dir_list: *const *const c_char,
                map_dir_count: u32,
                env: *const *const c_char,
                env_count: u32,
                list: *const *const c_char,
                argc: c_int,
                $($more: i64,)*
            ) {
                set(module, |wasi| {
                    wasi.dirs = Some(dirs(dir_list, dir_count, map_dir_list, map_dir_count));
                    wasi.env = Some(text::strings(env, env_count as usize));
                    wasi.argv = Some(argv(list, argc));
                    wasi.stdio = Some($stdio);
                });
            }
        }
    };
}

set_args!(wasm_runtime_set_wasi_args(): [-1; 3]);
set_args!(wasm_runtime_set_wasi_args_ex(stdin, stdout, stderr): [stdin, stdout, stderr]);

c_api! {
    fn wasm_runtime_set_wasi_addr_pool(
        module: Name,
        pool: *const *const c_char,
        count: u32,
    ) {
        set(module, |wasi| wasi.addr_pool = Some(text::strings(pool, count as usize)));
    }

    fn wasm_runtime_set_wasi_ns_lookup_pool(
        module: Name,
        pool: *const *const c_char,
        count: u32,
    ) {
        set(module, |wasi| wasi.ns_lookup_pool = Some(text::strings(pool, count as usize)));
    }

    fn wasm_runtime_is_wasi_mode(inst: Name) -> bool {
        handle::get::<Inst>(inst).is_some_and(|inst| is_wasi(&inst.module.loaded))
    }

    fn wasm_runtime_lookup_wasi_start_function(inst: Name) -> Name {
        let Some(inst) = handle::get::<Inst>(inst) else { return null_mut() };
        inst.export("_start", kind::FUNC).unwrap_or(null_mut())
    }

    fn wasm_runtime_get_wasi_exit_code(inst: Name) -> u32 {
        handle::get::<Inst>(inst).map_or(0, |inst| inst.exit_code())
    }
}
