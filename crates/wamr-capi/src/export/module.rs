//! Modules: loading them, and what they tell about themselves.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wamr::types::ModuleBytes;
use wamr::{ExternType, Mode};

use super::handle::{self, Name};
use super::runtime::{Runtime, mode_of};
use super::types::{Type, TypeNames};
use super::world::WasiArgs;
use super::{aot, text};

/// Modules by the modes that they were prepared for.
type ByMode = HashMap<Mode, wamr::Module>;

/// A loaded module.
pub(crate) struct Module {
    pub(crate) runtime: Arc<Runtime>,
    bytes: ModuleBytes,
    /// What it was loaded as, which all questions go to.
    pub(crate) loaded: wamr::Module,
    by_mode: Mutex<ByMode>,
    /// Whether it was compiled before it was loaded.
    pub(crate) is_compiled: bool,
    /// What compiling it ahead of time gave.
    pub(crate) compiled: Mutex<Option<Arc<[u8]>>>,
    name: Mutex<CString>,
    pub(crate) wasi: Mutex<WasiArgs>,
    imports: Box<[Item]>,
    exports: Box<[Item]>,
    pub(crate) types: TypeNames,
    /// What C calls it, as long as it is loaded.
    c_name: OnceLock<Name>,
}

/// An import or export as C sees it.
struct Item {
    /// Empty for exports.
    module: CString,
    name: CString,
    kind: c_int,
    ty: Name,
}

// SAFETY: names are carried, never followed.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

/// `wasm_import_export_kind_t`
pub(crate) mod kind {
    use std::ffi::c_int;

    pub(crate) const FUNC: c_int = 0;
    pub(crate) const TABLE: c_int = 1;
    pub(crate) const MEMORY: c_int = 2;
    pub(crate) const GLOBAL: c_int = 3;
    pub(crate) const TAG: c_int = 4;
}

/// How C calls a kind of external values.
pub(crate) fn kind_of(ty: &ExternType) -> c_int {
    match ty.kind() {
        wamr::ExternKind::Func => kind::FUNC,
        wamr::ExternKind::Table => kind::TABLE,
        wamr::ExternKind::Memory => kind::MEMORY,
        wamr::ExternKind::Global => kind::GLOBAL,
        wamr::ExternKind::Tag => kind::TAG,
    }
}

fn c_string(text: &str) -> CString {
    // A NUL ends the name as C sees it.
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

fn type_name(runtime: &Runtime, types: &TypeNames, ty: &ExternType) -> Name {
    match ty {
        ExternType::Func { id, .. } => types.defined(runtime, *id),
        ExternType::Tag(ty) => types.defined(runtime, ty.id),
        ExternType::Table(ty) => types.other(Type::Table(*ty)),
        ExternType::Memory(ty) => types.other(Type::Memory(*ty)),
        ExternType::Global(ty) => types.other(Type::Global(*ty)),
        _ => null_mut(),
    }
}

impl Module {
    /// Loads a module.
    pub(crate) fn load(
        runtime: &Arc<Runtime>,
        bytes: ModuleBytes,
        name: Option<&str>,
    ) -> Result<Arc<Self>, wamr::ModuleError> {
        let engine = runtime.engine();
        let mode = mode_of(runtime.default_mode()).unwrap_or(Mode::Interp);
        let is_compiled = aot::is_compiled(bytes.as_slice());
        let loaded = if is_compiled {
            aot::load(engine, &bytes)?
        } else {
            wamr::Module::in_mode(engine, bytes.clone(), name, mode)?
        };
        let types = TypeNames::of(&loaded);
        let item = |module: &str, name: &str, ty: &ExternType| Item {
            module: c_string(module),
            name: c_string(name),
            kind: kind_of(ty),
            ty: type_name(runtime, &types, ty),
        };
        let imports =
            loaded.imports().map(|import| item(import.module(), import.name(), import.ty()));
        let imports = imports.collect();
        let exports = loaded.exports().map(|export| item("", export.name(), export.ty())).collect();
        Ok(Arc::new(Self {
            runtime: runtime.clone(),
            bytes,
            by_mode: Mutex::new(HashMap::from([(mode, loaded.clone())])),
            loaded,
            is_compiled,
            compiled: Mutex::default(),
            name: Mutex::new(name.map(c_string).unwrap_or_default()),
            wasi: Mutex::default(),
            imports,
            exports,
            types,
            c_name: OnceLock::new(),
        }))
    }

    /// The module, prepared for a mode.
    pub(crate) fn in_mode(&self, mode: Mode) -> Result<wamr::Module, wamr::ModuleError> {
        if self.is_compiled {
            return Ok(self.loaded.clone());
        }
        let mut by_mode = self.by_mode.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = by_mode.get(&mode) {
            return Ok(module.clone());
        }
        let name = self.loaded.name().map(str::to_owned);
        let engine = self.runtime.engine();
        let module = wamr::Module::in_mode(engine, self.bytes.clone(), name.as_deref(), mode)?;
        by_mode.insert(mode, module.clone());
        Ok(module)
    }

    /// What C calls the module. One that was unloaded gets a name that lasts as long as the runtime.
    pub(crate) fn name(self: &Arc<Self>) -> Name {
        let name = self.c_name.get().copied().unwrap_or(null_mut());
        match handle::get::<Self>(name) {
            Some(_) => name,
            None => self.runtime.name_for_good(self.clone()),
        }
    }

    /// The binary format that it was loaded from.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// The name of a type by its index.
    pub(crate) fn type_at(&self, index: u32) -> Name {
        let id = self.loaded.decoded().types.get(index as usize);
        id.map_or(null_mut(), |id| self.types.defined(&self.runtime, *id))
    }
}

const BYTECODE: c_int = 0;
const AOT: c_int = 1;
const UNKNOWN: c_int = 0xffff;

/// What bytes begin with says which form of module they are.
fn package_type(bytes: &[u8]) -> c_int {
    match bytes.get(..4) {
        Some(b"\0asm") => BYTECODE,
        Some(b"\0aot") => AOT,
        _ if aot::is_compiled(bytes) => AOT,
        _ => UNKNOWN,
    }
}

/// `LoadArgs`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct LoadArgs {
    name: *const c_char,
    // C's `bool`s, which may hold anything.
    clone_wasm_binary: u8,
    wasm_binary_freeable: u8,
    no_resolve: u8,
}

/// `wasm_section_t`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Section {
    next: *const Section,
    section_type: c_int,
    section_body: *const u8,
    section_body_size: u32,
}

fn load(bytes: ModuleBytes, name: Option<&str>) -> Result<Name, String> {
    let runtime = Runtime::current().ok_or("the runtime was not started")?;
    let module = Module::load(&runtime, bytes, name);
    let module = module.map_err(|error| format!("WASM module load failed: {error}"))?;
    let name = handle::insert(module.clone());
    let _ = module.c_name.set(name);
    Ok(name)
}

/// Gives the name, or null and a message.
pub(crate) fn answer(
    outcome: Result<Name, String>,
    error_buf: *mut c_char,
    error_buf_size: u32,
) -> Name {
    outcome.unwrap_or_else(|message| {
        text::message(error_buf, error_buf_size, &message);
        null_mut()
    })
}

fn load_buffer(buf: *const u8, size: u32, args: Option<LoadArgs>) -> Result<Name, String> {
    if buf.is_null() {
        return Err("WASM module load failed: there is no buffer".into());
    }
    let name = args.and_then(|args| text::full_string(args.name));
    // Functions of the module may outlive it in the tables of others, and the buffer need not.
    load(ModuleBytes::new(text::slice(buf, size as usize).to_vec()), name.as_deref())
}

/// The binary format of a list of sections.
fn assemble(mut at: *const Section) -> Result<Vec<u8>, &'static str> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    while let Some(section) = text::read(at) {
        let id = u8::try_from(section.section_type).map_err(|_| "a section has no such type")?;
        bytes.push(id);
        let mut size = section.section_body_size;
        loop {
            let low = (size & 0x7f) as u8;
            size >>= 7;
            if size == 0 {
                bytes.push(low);
                break;
            }
            bytes.push(low | 0x80);
        }
        let body = text::slice(section.section_body, section.section_body_size as usize);
        if body.len() != section.section_body_size as usize {
            return Err("a section has no body");
        }
        bytes.extend_from_slice(body);
        at = section.next;
    }
    Ok(bytes)
}

/// `wasm_import_t`
#[repr(C)]
pub(crate) struct ImportType {
    module_name: *const c_char,
    name: *const c_char,
    kind: c_int,
    linked: bool,
    ty: Name,
}

/// `wasm_export_t`
#[repr(C)]
pub(crate) struct ExportType {
    name: *const c_char,
    kind: c_int,
    ty: Name,
}

fn export_type(item: Option<&Item>) -> ExportType {
    match item {
        Some(item) => ExportType { name: item.name.as_ptr(), kind: item.kind, ty: item.ty },
        None => ExportType { name: null(), kind: 0, ty: null_mut() },
    }
}

fn file_version(bytes: &[u8]) -> u32 {
    match package_type(bytes) {
        UNKNOWN => return 0,
        AOT if aot::is_compiled(bytes) => return aot::VERSION,
        _ => {}
    }
    let version = bytes.get(4..8).and_then(|version| version.try_into().ok());
    version.map_or(0, u32::from_le_bytes)
}

c_api! {
    fn get_package_type(buf: *const u8, size: u32) -> i32 {
        package_type(text::slice(buf, size as usize))
    }

    fn wasm_runtime_get_file_package_type(buf: *const u8, size: u32) -> i32 {
        package_type(text::slice(buf, size as usize))
    }

    fn wasm_runtime_get_module_package_type(module: Name) -> i32 {
        handle::get::<Module>(module)
            .map_or(UNKNOWN, |module| package_type(module.bytes.as_slice()))
    }

    fn wasm_runtime_get_file_package_version(buf: *const u8, size: u32) -> u32 {
        file_version(text::slice(buf, size as usize))
    }

    fn wasm_runtime_get_module_package_version(module: Name) -> u32 {
        handle::get::<Module>(module).map_or(0, |module| file_version(module.bytes.as_slice()))
    }

    fn wasm_runtime_get_current_package_version(package_type: c_int) -> u32 {
        match package_type {
            BYTECODE => 1,
            AOT => aot::VERSION,
            _ => 0,
        }
    }

    fn wasm_runtime_is_xip_file(_buf: *const u8, _size: u32) -> bool {
        false
    }

    fn wasm_runtime_load(
        buf: *mut u8,
        size: u32,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        answer(load_buffer(buf, size, None), error_buf, error_buf_size)
    }

    fn wasm_runtime_load_ex(
        buf: *mut u8,
        size: u32,
        args: *const LoadArgs,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        answer(load_buffer(buf, size, text::read(args)), error_buf, error_buf_size)
    }

    fn wasm_runtime_load_from_sections(
        sections: *const Section,
        is_aot: bool,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let outcome = if is_aot {
            Err("WASM module load failed: AOT sections cannot be loaded one by one".to_owned())
        } else {
            assemble(sections)
                .map_err(|what| format!("WASM module load failed: {what}"))
                .and_then(|bytes| load(ModuleBytes::new(bytes), None))
        };
        answer(outcome, error_buf, error_buf_size)
    }

    fn wasm_runtime_resolve_symbols(module: Name) -> bool {
        let Some(module) = handle::get::<Module>(module) else { return false };
        let mut imports = module.loaded.imports();
        imports.all(|import| {
            import.ty().func().is_none()
                || super::imports::has(&module.runtime, import.module(), import.name())
        })
    }

    fn wasm_runtime_unload(module: Name) {
        handle::remove::<Module>(module);
    }

    fn wasm_runtime_get_module_hash(_module: Name) -> *mut c_char {
        null_mut()
    }

    fn wasm_runtime_set_module_name(
        module: Name,
        name: *const c_char,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> bool {
        let (Some(module), Some(name)) = (handle::get::<Module>(module), text::string(name))
        else {
            text::message(error_buf, error_buf_size, &"there is no such module, or no name");
            return false;
        };
        *module.name.lock().unwrap_or_else(PoisonError::into_inner) = c_string(&name);
        true
    }

    fn wasm_runtime_get_module_name(module: Name) -> *const c_char {
        match handle::get::<Module>(module) {
            Some(module) => module.name.lock().unwrap_or_else(PoisonError::into_inner).as_ptr(),
            None => c"".as_ptr(),
        }
    }

    fn wasm_runtime_is_underlying_binary_freeable(module: Name) -> bool {
        // The buffer was copied.
        handle::get::<Module>(module).is_some()
    }

    fn wasm_runtime_get_custom_section(
        module: Name,
        name: *const c_char,
        len: *mut u32,
    ) -> *const u8 {
        let (Some(module), Some(name)) = (handle::get::<Module>(module), text::string(name))
        else {
            return null();
        };
        let Some(content) = module.loaded.decoded().custom_section(&name) else { return null() };
        text::write(len, content.len() as u32);
        content.as_ptr()
    }

    fn wasm_runtime_get_import_count(module: Name) -> i32 {
        handle::get::<Module>(module).map_or(-1, |module| module.imports.len() as i32)
    }

    fn wasm_runtime_get_import_type(module: Name, index: i32, out: *mut ImportType) {
        let module = handle::get::<Module>(module);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let item = module.as_ref().and_then(|module| Some((module, module.imports.get(index)?)));
        let import = match item {
            Some((module, item)) => ImportType {
                module_name: item.module.as_ptr(),
                name: item.name.as_ptr(),
                kind: item.kind,
                linked: super::imports::has(
                    &module.runtime,
                    &item.module.to_string_lossy(),
                    &item.name.to_string_lossy(),
                ),
                ty: item.ty,
            },
            None => ImportType {
                module_name: null(),
                name: null(),
                kind: 0,
                linked: false,
                ty: null_mut(),
            },
        };
        text::write(out, import);
    }

    fn wasm_runtime_get_export_count(module: Name) -> i32 {
        handle::get::<Module>(module).map_or(-1, |module| module.exports.len() as i32)
    }

    fn wasm_runtime_get_export_type(module: Name, index: i32, out: *mut ExportType) {
        let module = handle::get::<Module>(module);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let item = module.as_ref().and_then(|module| module.exports.get(index));
        text::write(out, export_type(item));
    }

    fn wasm_runtime_get_export_type_by_name(
        module: Name,
        name: *const c_char,
        out: *mut ExportType,
    ) {
        let (module, name) = (handle::get::<Module>(module), text::string(name));
        let item = module.as_ref().and_then(|module| {
            let name = name.as_deref()?;
            module.exports.iter().find(|item| item.name.to_bytes() == name.as_bytes())
        });
        text::write(out, export_type(item));
    }

    fn wasm_runtime_is_import_func_linked(module: *const c_char, name: *const c_char) -> bool {
        is_linked(module, name)
    }

    fn wasm_runtime_is_import_global_linked(module: *const c_char, name: *const c_char) -> bool {
        text::string(module).is_some_and(|module| module == "global") && is_linked(module, name)
    }
}

fn is_linked(module: *const c_char, name: *const c_char) -> bool {
    match (Runtime::current(), text::string(module), text::string(name)) {
        (Some(runtime), Some(module), Some(name)) => super::imports::has(&runtime, &module, &name),
        _ => false,
    }
}

#[cfg(test)]
pub(crate) fn load_args(name: *const c_char, wasm_binary_freeable: bool) -> LoadArgs {
    let wasm_binary_freeable = wasm_binary_freeable.into();
    LoadArgs { name, clone_wasm_binary: 0, wasm_binary_freeable, no_resolve: 0 }
}

#[cfg(test)]
pub(crate) fn section(next: *const Section, section_type: c_int, body: &[u8]) -> Section {
    let (section_body, section_body_size) = (body.as_ptr(), body.len() as u32);
    Section { next, section_type, section_body, section_body_size }
}
