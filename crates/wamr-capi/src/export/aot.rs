//! `aot_export.h`: compiling ahead of time, and loading what that gave.
//!
//! Data, contexts and object data of the compiler are names of the module that is compiled.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::ptr::null_mut;
use std::sync::{Arc, PoisonError};

use wamr::ModuleError;
use wamr::types::ModuleBytes;

use super::handle::{self, Name};
use super::module::Module;
use super::{alloc, text};

/// The version of files that this build writes and reads; 0 if it does neither.
#[cfg(feature = "aot")]
pub(crate) const VERSION: u32 = wamr::aot::PACKAGE_VERSION as u32;
/// The version of files that this build writes and reads; 0 if it does neither.
#[cfg(not(feature = "aot"))]
pub(crate) const VERSION: u32 = 0;

/// Whether bytes are a module that was compiled ahead of time.
#[cfg(feature = "aot")]
pub(crate) fn is_compiled(bytes: &[u8]) -> bool {
    wamr::aot::is_aot(bytes)
}

/// This build cannot tell.
#[cfg(not(feature = "aot"))]
pub(crate) fn is_compiled(_: &[u8]) -> bool {
    false
}

/// Loads such a module.
#[cfg(feature = "aot")]
pub(crate) fn load(
    engine: &wamr::Engine,
    bytes: &ModuleBytes,
) -> Result<wamr::Module, ModuleError> {
    // SAFETY: by the header's contract compiled modules come from a compiler of this runtime.
    unsafe { wamr::Module::deserialize(engine, bytes.as_slice()) }
}

/// Nothing gets here, since nothing is told to be such a module.
#[cfg(not(feature = "aot"))]
pub(crate) fn load(
    engine: &wamr::Engine,
    bytes: &ModuleBytes,
) -> Result<wamr::Module, ModuleError> {
    wamr::Module::from_bytes(engine, bytes.clone())
}

#[cfg(feature = "jit")]
fn compile(module: &Module, object_only: bool) -> Result<Vec<u8>, String> {
    let mut compiler = wamr::aot::Precompile::new();
    compiler.object_only(object_only);
    let compiled = compiler.compile(module.runtime.engine(), module.bytes());
    compiled.map_err(|error| error.to_string())
}

#[cfg(not(feature = "jit"))]
fn compile(_: &Module, _: bool) -> Result<Vec<u8>, String> {
    Err("this build has no compiler".into())
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Notes why the last function failed.
fn check<T>(outcome: Result<T, String>) -> Option<T> {
    outcome
        .map_err(|error| {
            let error = CString::new(error.replace('\0', "")).unwrap_or_default();
            LAST_ERROR.set(error);
        })
        .ok()
}

fn module(name: Name) -> Result<Arc<Module>, String> {
    handle::get::<Module>(name).ok_or_else(|| "there is no such module".into())
}

/// Another name for what is compiled.
fn derive(name: Name) -> Name {
    let module = module(name).and_then(|module| {
        let what = "the module was compiled before";
        if module.is_compiled { Err(what.into()) } else { Ok(module) }
    });
    check(module).map_or(null_mut(), handle::insert)
}

/// What compiling gave, once.
fn compiled(name: Name) -> Result<Arc<[u8]>, String> {
    let module = module(name)?;
    let mut compiled = module.compiled.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = &*compiled {
        return Ok(compiled.clone());
    }
    let bytes: Arc<[u8]> = compile(&module, false)?.into();
    *compiled = Some(bytes.clone());
    Ok(bytes)
}

fn write(file: *const c_char, bytes: &[u8]) -> Result<(), String> {
    let file = text::string(file).ok_or("there is no name of a file")?;
    std::fs::write(&file, bytes).map_err(|error| format!("{file}: {error}"))
}

/// `AOTCallStackFeatures`
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallStackFeatures(pub(crate) [u8; 6]);

/// The beginning of `AOTCompOption`, as far as it is looked at.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct CompOption {
    modes: [u8; 2],
    pub(crate) target_arch: *const c_char,
    target_abi: *const c_char,
    target_cpu: *const c_char,
    cpu_features: *const c_char,
    proposals: [u8; 12],
    aux_stack_frame_type: c_int,
    call_stack_features: [u8; 6],
    switches: [u8; 10],
    use_prof_file: *const c_char,
    opt_level: u32,
    size_level: u32,
    pub(crate) output_format: u32,
}

/// `AOT_OBJECT_FILE`; `AOT_FORMAT_FILE` is 0, and the others are of LLVM.
const OBJECT_FILE: u32 = 1;

impl CompOption {
    fn check(self) -> Result<(), String> {
        if self.output_format > OBJECT_FILE {
            return Err(format!("there is no output format {}", self.output_format));
        }
        check_arch(self.target_arch)
    }
}

/// Fails for an architecture that is not this machine's, which is all that the compiler has.
fn check_arch(arch: *const c_char) -> Result<(), String> {
    let Some(arch) = text::full_string(arch) else { return Ok(()) };
    let host = std::env::consts::ARCH;
    // WAMR names versions of AArch64, too.
    if arch == host || (host == "aarch64" && arch.starts_with("aarch64v8")) {
        return Ok(());
    }
    Err(format!("the compiler makes code for {host}, not for {arch}"))
}

c_api! {
    fn aot_compiler_init() -> bool {
        true
    }

    fn aot_compiler_destroy() {}

    fn aot_call_stack_features_init_default(features: *mut CallStackFeatures) {
        text::write(features, CallStackFeatures([1, 1, 1, 1, 1, 0]));
    }

    fn aot_create_comp_data(module: Name, arch: *const c_char, _gc: bool) -> Name {
        match check(check_arch(arch)) {
            Some(()) => derive(module),
            None => null_mut(),
        }
    }

    fn aot_destroy_comp_data(data: Name) {
        handle::remove::<Module>(data);
    }

    fn aot_create_comp_context(data: Name, option: *const CompOption) -> Name {
        match check(text::read(option).map_or(Ok(()), CompOption::check)) {
            Some(()) => derive(data),
            None => null_mut(),
        }
    }

    fn aot_destroy_comp_context(context: Name) {
        handle::remove::<Module>(context);
    }

    fn aot_compile_wasm(context: Name) -> bool {
        check(compiled(context)).is_some()
    }

    fn aot_obj_data_create(context: Name) -> Name {
        match check(compiled(context)) {
            Some(_) => derive(context),
            None => null_mut(),
        }
    }

    fn aot_obj_data_destroy(data: Name) {
        handle::remove::<Module>(data);
    }

    fn aot_get_aot_file_size(context: Name, _data: Name, _object: Name) -> u32 {
        check(compiled(context)).map_or(0, |bytes| bytes.len() as u32)
    }

    fn aot_emit_aot_file_buf(context: Name, _data: Name, size: *mut u32) -> *mut u8 {
        text::write(size, 0);
        let Some(bytes) = check(compiled(context)) else { return null_mut() };
        let Ok(len) = u32::try_from(bytes.len()) else { return null_mut() };
        let buf = alloc::wasm_runtime_malloc(len).cast::<u8>();
        if !buf.is_null() {
            text::slice_mut(buf, bytes.len()).copy_from_slice(&bytes);
            text::write(size, len);
        }
        buf
    }

    fn aot_emit_aot_file_buf_ex(
        context: Name,
        _data: Name,
        _object: Name,
        buf: *mut u8,
        size: u32,
    ) -> bool {
        let Some(bytes) = check(compiled(context)) else { return false };
        let to = text::slice_mut(buf, size as usize);
        let fits = to.len() >= bytes.len();
        if fits {
            to[..bytes.len()].copy_from_slice(&bytes);
        }
        check(fits.then_some(()).ok_or_else(|| "the buffer is too small".to_owned())).is_some()
    }

    fn aot_emit_llvm_file(_context: Name, _file: *const c_char) -> bool {
        check(Err::<(), _>("the compiler is not LLVM".into())).is_some()
    }

    fn aot_emit_object_file(context: Name, file: *const c_char) -> bool {
        let object = module(context).and_then(|module| compile(&module, true));
        check(object.and_then(|object| write(file, &object))).is_some()
    }

    fn aot_emit_aot_file(context: Name, _data: Name, file: *const c_char) -> bool {
        check(compiled(context).and_then(|bytes| write(file, &bytes))).is_some()
    }

    fn aot_destroy_aot_file(file: *mut u8) {
        alloc::wasm_runtime_free(file.cast());
    }

    fn aot_get_last_error() -> *mut c_char {
        LAST_ERROR.with_borrow(|error| error.as_ptr().cast_mut())
    }

    fn aot_get_plt_table_size() -> u32 {
        0
    }
}
