//! What a module's imports are linked with: what C gives, registered natives, the built-in
//! libraries, and registered modules.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wamr::{
    AsContextMut, Extern, ExternType, ImportType, Imports, Linker, Missing, Policy, Source,
    StoreContextMut,
};

use super::entity::{Entity, GlobalValue, Spec};
use super::group::{Data, Group};
use super::handle::{self, Name};
use super::instance::Inst;
use super::instantiate::Request;
use super::loading::Loading;
use super::module::{Module, kind, kind_of};
use super::native::NativeSource;
use super::runtime::Runtime;
use super::world::World;
use super::{text, thread};

/// `WASMExternInstance`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ExternInst {
    pub(crate) module_name: *const c_char,
    pub(crate) field_name: *const c_char,
    pub(crate) kind: c_int,
    pub(crate) value: Name,
    pub(crate) dep_inst: Name,
}

impl ExternInst {
    const EMPTY: Self = Self {
        module_name: std::ptr::null(),
        field_name: std::ptr::null(),
        kind: 0,
        value: null_mut(),
        dep_inst: null_mut(),
    };

    fn is_empty(&self) -> bool {
        self.module_name.is_null() && self.field_name.is_null() && self.value.is_null()
    }
}

/// An entry of a list of imports, copied from C.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    position: usize,
    /// The import's names; an entry without stands for the import at its position.
    names: Option<(String, String)>,
    kind: c_int,
    value: Name,
}

// SAFETY: names are carried, never followed.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

/// Copies a list of imports; empty entries are left out.
pub(crate) fn entries(list: *const ExternInst, count: u32) -> Vec<Entry> {
    let entries = text::slice(list, count as usize).iter().enumerate();
    let full = entries.filter(|(_, entry)| !entry.is_empty());
    full.map(|(position, entry)| {
        let names = text::string(entry.module_name).zip(text::string(entry.field_name));
        Entry { position, names, kind: entry.kind, value: entry.value }
    })
    .collect()
}

/// What C gives, by the positions of imports.
pub(crate) type Given = Vec<(usize, Arc<Entity>)>;

/// Finds the imports that entries stand for: by name first, by position second. Where nothing is
/// imported from an entry's module, the import at the entry's own position will do, if kind and
/// field are the entry's, since WAMR goes by positions and compares no modules.
///
/// # Errors
/// Names entries that fit nothing.
pub(crate) fn match_entries(module: &wamr::Module, entries: &[Entry]) -> Result<Given, String> {
    let imports: Vec<ImportType<'_>> = module.imports().collect();
    let mut given: Given = Vec::with_capacity(entries.len());
    for entry in entries {
        let Entry { position, names, kind, value } = entry;
        let positions: Vec<usize> = match names {
            Some((module, name)) => {
                let of_name = |import: &ImportType<'_>| {
                    import.module() == module
                        && import.name() == name
                        && kind_of(import.ty()) == *kind
                };
                let found = imports.iter().enumerate().filter(|(_, import)| of_name(import));
                let found: Vec<usize> = found.map(|(position, _)| position).collect();
                let is_same_field = |import: &&ImportType<'_>| {
                    import.name() == name && kind_of(import.ty()) == *kind
                };
                let own = imports.get(*position).filter(is_same_field).map(|_| *position);
                if found.is_empty() { own.into_iter().collect() } else { found }
            }
            None => (*position < imports.len()).then_some(*position).into_iter().collect(),
        };
        let what = match names {
            Some((module, name)) => format!("`{module}` `{name}` (entry {position})"),
            None => format!("entry {position}"),
        };
        if positions.is_empty() {
            return Err(format!("the module has no such import: {what}"));
        }
        let Some(entity) = handle::get::<Entity>(*value) else {
            return Err(format!("the value of an import is gone or was never made: {what}"));
        };
        for at in positions {
            let wanted = kind_of(imports[at].ty());
            if entity.kind() != wanted || *kind != wanted {
                return Err(format!(
                    "incompatible import type: {what} is not a {}",
                    imports[at].ty().kind()
                ));
            }
            given.push((at, entity.clone()));
        }
    }
    Ok(given)
}

/// The group that everything given is in, after joining what is in several.
///
/// # Errors
/// If a group that would have to join is running, or there is no room.
pub(crate) fn group_for(runtime: &Runtime, given: &Given) -> Result<Arc<Group>, String> {
    let mut groups = given.iter().filter_map(|(_, entity)| entity.group());
    let Some(first) = groups.next() else {
        return Group::new(runtime).map_err(|error| error.to_string());
    };
    for group in groups {
        first.join(&group).map_err(|error| error.to_string())?;
    }
    Ok(first)
}

/// The complete list of a module's imports.
///
/// # Errors
/// Names what is missing or does not fit.
pub(crate) fn build(
    store: &mut StoreContextMut<'_, Data>,
    module: &Arc<Module>,
    prepared: &wamr::Module,
    serial: u64,
    request: &Request,
    given: &Given,
    loading: &mut Loading,
) -> Result<Vec<Extern>, String> {
    let runtime = &module.runtime;
    let mut imports = Imports::of(prepared);
    for (position, entity) in given {
        let value = entity.live_in(store).map_err(|error| error.to_string())?;
        imports = imports.at(*position, value);
    }
    let natives = NativeSource(runtime);
    let builtins = Builtins::new(runtime, prepared, serial)?;
    for (position, import) in prepared.imports().enumerate() {
        let (from, name) = (import.module(), import.name());
        let is_given = given.iter().any(|(at, _)| *at == position);
        if is_given || natives.contains(from, name) || builtins.has(from, name) {
            continue;
        }
        if let Some(found) = loading.find(store, runtime, from, name, request)? {
            imports = imports.at(position, found);
        }
    }
    imports = imports.source("natives", &natives);
    for (label, source) in &builtins.sources {
        imports = imports.source(label, &**source);
    }
    let allow = request.allow_unlinked || runtime.allow_unlinked.load(Ordering::Relaxed);
    let missing = if allow { Missing::StubFuncs } else { Missing::Refuse };
    let imports = imports.policy(Policy::new().missing(missing));
    let list = imports.build(store.as_context_mut()).map_err(|error| error.to_string())?;
    Ok(list.into_values())
}

/// The built-in libraries, for one instance.
struct Builtins {
    sources: Vec<(&'static str, Box<dyn Source<Data>>)>,
}

impl Builtins {
    /// Those that a module may need.
    fn new(runtime: &Runtime, module: &wamr::Module, serial: u64) -> Result<Self, String> {
        let mut sources: Vec<(&'static str, Box<dyn Source<Data>>)> = Vec::new();
        let wants =
            |wanted: &[&str]| module.imports().any(|import| wanted.contains(&import.module()));
        let failed = |error: wamr::LinkError| error.to_string();
        if wants(&WASI_MODULES)
            && let Some(wasi) = wasi(runtime, serial).map_err(failed)?
        {
            sources.push(("wasi", Box::new(wasi)));
        }
        if wants(&["env", "global"])
            && let Some(libc) = libc(runtime, serial).map_err(failed)?
        {
            sources.push(("libc-builtin", libc));
        }
        if wants(&["wasi"]) {
            let mut linker = Linker::new(runtime.engine());
            thread::add_to_linker(&mut linker).map_err(failed)?;
            sources.push(("wasi-threads", Box::new(linker)));
        }
        Ok(Self { sources })
    }

    fn has(&self, module: &str, name: &str) -> bool {
        self.sources.iter().any(|(_, source)| source.contains(module, name))
    }
}

/// The names that WASI goes by.
pub(crate) const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Whoever has no world any more gets an empty one.
fn world(data: &mut Data, serial: u64) -> &mut World {
    data.worlds.entry(serial).or_default()
}

#[cfg(feature = "wasi")]
fn wasi(runtime: &Runtime, serial: u64) -> Result<Option<Linker<Data>>, wamr::LinkError> {
    let mut linker = Linker::new(runtime.engine());
    wamr::wasi::add_shared_to_linker(&mut linker, move |data| &mut world(data, serial).wasi)?;
    Ok(Some(linker))
}

#[cfg(not(feature = "wasi"))]
fn wasi(_: &Runtime, _: u64) -> Result<Option<Linker<Data>>, wamr::LinkError> {
    Ok(None)
}

#[cfg(feature = "libc-builtin")]
fn libc(runtime: &Runtime, serial: u64) -> Result<Option<Box<dyn Source<Data>>>, wamr::LinkError> {
    use wamr::libc_builtin::LibcBuiltin;
    let libc =
        LibcBuiltin::new(runtime.engine(), move |data: &mut Data| &mut world(data, serial).libc)?;
    Ok(Some(Box::new(libc)))
}

#[cfg(not(feature = "libc-builtin"))]
fn libc(_: &Runtime, _: u64) -> Result<Option<Box<dyn Source<Data>>>, wamr::LinkError> {
    Ok(None)
}

/// Whether a native or a built-in library has something of that name.
pub(crate) fn has(runtime: &Runtime, module: &str, name: &str) -> bool {
    if NativeSource(runtime).contains(module, name) {
        return true;
    }
    let linker =
        |linker: Option<Linker<Data>>| linker.is_some_and(|linker| linker.contains(module, name));
    if WASI_MODULES.contains(&module) {
        return wasi(runtime, 0).is_ok_and(linker);
    }
    match module {
        "env" | "global" => {
            libc(runtime, 0).is_ok_and(|libc| libc.is_some_and(|libc| libc.contains(module, name)))
        }
        "wasi" => name == thread::SPAWN,
        _ => false,
    }
}

c_api! {
    fn wasm_runtime_create_imports_with_builtin(
        module: Name,
        out: *mut ExternInst,
        out_len: u32,
    ) -> bool {
        let Some(module) = handle::get::<Module>(module) else { return false };
        let list = text::slice_mut(out, out_len as usize);
        let imports = module.loaded.imports();
        if list.len() < imports.len() {
            return false;
        }
        fill(&module, list)
    }

    fn wasm_runtime_destroy_imports(module: Name, list: *mut ExternInst) {
        let Some(module) = handle::get::<Module>(module) else { return };
        let list = text::slice_mut(list, module.loaded.imports().len());
        for entry in list.iter_mut().filter(|entry| is_builtin(entry)) {
            handle::remove::<Entity>(entry.value);
            *entry = ExternInst::EMPTY;
        }
    }

    fn wasm_runtime_get_export_extern(
        inst: Name,
        name: *const c_char,
        out: *mut ExternInst,
    ) -> bool {
        let (Some(inst), Some(text)) = (handle::get::<Inst>(inst), text::string(name)) else {
            return false;
        };
        let found = [kind::FUNC, kind::TABLE, kind::MEMORY, kind::GLOBAL, kind::TAG]
            .into_iter()
            .find_map(|kind| Some((kind, inst.export(&text, kind)?)));
        let Some((kind, value)) = found else { return false };
        let entry = ExternInst {
            module_name: std::ptr::null(),
            field_name: name,
            kind,
            value,
            dep_inst: inst.name,
        };
        super::text::write(out, entry)
    }
}

/// Marks entries that the runtime filled; it is the name of no instance.
fn builtin_mark() -> Name {
    std::ptr::without_provenance_mut(2)
}

fn is_builtin(entry: &ExternInst) -> bool {
    entry.dep_inst == builtin_mark()
}

/// Fills the empty places of a list with natives.
///
/// WASI and the C library act on the world of an instance, which is found when they are linked:
/// their places stay empty and count as filled.
fn fill(module: &Arc<Module>, list: &mut [ExternInst]) -> bool {
    let natives = NativeSource(&module.runtime);
    let mut complete = true;
    for (import, entry) in module.loaded.imports().zip(list) {
        let (from, name) = (import.module(), import.name());
        if !entry.is_empty() {
            continue;
        }
        match (natives.get(from, name), import.ty().func()) {
            (Some(def), Some(ty)) => {
                let value = handle::insert(Entity::detached(Spec::Func(def, ty.clone())));
                let kind = kind::FUNC;
                *entry = ExternInst { kind, value, dep_inst: builtin_mark(), ..ExternInst::EMPTY };
            }
            _ => complete &= has(&module.runtime, from, name),
        }
    }
    complete
}

/// Adds new memories, tables, globals and tags for imports that nobody supplies.
pub(crate) fn fill_with_new(module: &Arc<Module>, prepared: &wamr::Module, given: &mut Given) {
    for (position, import) in prepared.imports().enumerate() {
        let is_given = given.iter().any(|(at, _)| *at == position);
        if is_given || has(&module.runtime, import.module(), import.name()) {
            continue;
        }
        let spec = match import.ty() {
            ExternType::Memory(ty) => Spec::Memory(*ty),
            ExternType::Table(ty) if ty.element.nullable => Spec::Table(*ty),
            ExternType::Global(ty) if ty.content.is_defaultable() => {
                Spec::Global(*ty, GlobalValue::Default)
            }
            ExternType::Tag(ty) => Spec::Tag(ty.func.clone()),
            _ => continue,
        };
        given.push((position, Entity::detached(spec)));
    }
}
