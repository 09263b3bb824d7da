//! Making instances, and making them again in another mode.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wamr::instantiate::InstanceHandle;
use wamr::types::{ExternIdx, MemoryIdx};
use wamr::{Error, Extern, SharedMemory, StoreContextMut};

use super::entity::Entity;
use super::env;
use super::group::Data;
use super::handle::{self, Name};
use super::imports::{self, Entry, ExternInst};
use super::instance::{Inst, Live};
use super::loading::Loading;
use super::module::{Module, answer};
use super::runtime::mode_of;
use super::wasi::{argv, dirs, is_wasi};
use super::world::{WasiArgs, World};
use super::{heap, text};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an instance is made.
#[derive(Clone, Default)]
pub(crate) struct Request {
    pub(crate) heap_bytes: u32,
    pub(crate) max_pages: u32,
    pub(super) custom_data: usize,
    pub(super) wasi: WasiArgs,
    pub(super) imports: Vec<Entry>,
    /// As C calls it; `None` for the runtime's default.
    pub(super) mode: Option<c_int>,
    pub(crate) allow_unlinked: bool,
    /// Whether memories and so on are made for imports that nobody supplies.
    pub(super) fill: bool,
    /// The shared memories of the first thread, for other threads of a program.
    pub(crate) inherited: Option<Vec<SharedMemory>>,
    /// The instance that starts the thread that this one is for.
    pub(crate) parent: Option<Arc<Inst>>,
}

impl Request {
    /// How an instance for another thread of a program is made.
    pub(crate) fn for_thread(&self, parent: &Arc<Inst>, inherited: Vec<SharedMemory>) -> Self {
        Self { inherited: Some(inherited), parent: Some(parent.clone()), ..self.clone() }
    }

    /// How what it imports from is made.
    pub(crate) fn for_dependency(&self) -> Self {
        Self {
            heap_bytes: self.heap_bytes,
            mode: self.mode,
            allow_unlinked: self.allow_unlinked,
            wasi: self.wasi.clone(),
            ..Self::default()
        }
    }
}

/// Makes an instance.
///
/// # Errors
/// Says what went wrong, as `error_buf` gets it.
pub(crate) fn make(module: &Arc<Module>, request: &Request) -> Result<Arc<Inst>, String> {
    let failed = |what: String| format!("WASM module instantiate failed: {what}");
    let prepared = prepare(module, request).map_err(failed)?.0;
    let mut given = imports::match_entries(&prepared, &request.imports).map_err(failed)?;
    if request.fill {
        imports::fill_with_new(module, &prepared, &mut given);
    }
    let group = imports::group_for(&module.runtime, &given).map_err(failed)?;
    let mut loading = Loading::default();
    let made = group.run(|mut store| {
        let inst = make_in(&mut store, module, request, &given, &mut loading)?;
        let made = std::mem::take(&mut loading).into_made();
        if let Some(live) = &mut *lock(&inst.live) {
            live.dependencies = made;
        }
        Ok(inst)
    });
    let made = made.map_err(|busy| busy.to_string()).and_then(|made| made);
    loading.into_made().iter().for_each(Inst::end);
    made.map_err(failed)
}

fn prepare(module: &Arc<Module>, request: &Request) -> Result<(wamr::Module, c_int), String> {
    let c_mode = request.mode.unwrap_or_else(|| module.runtime.default_mode());
    // What was compiled before runs as it is, in builds without any mode too.
    if module.is_compiled {
        return Ok((module.loaded.clone(), c_mode));
    }
    let mode = mode_of(c_mode).ok_or("this build lacks the running mode")?;
    let prepared = module.in_mode(mode).map_err(|error| error.to_string())?;
    Ok((prepared, c_mode))
}

/// Makes an instance in a store.
///
/// # Errors
/// Says what went wrong.
pub(crate) fn make_in(
    store: &mut StoreContextMut<'_, Data>,
    module: &Arc<Module>,
    request: &Request,
    given: &[(usize, Arc<Entity>)],
    loading: &mut Loading,
) -> Result<Arc<Inst>, String> {
    let (prepared, c_mode) = prepare(module, request)?;
    let name = handle::insert_cyclic(|name| Arc::new(Inst::new(name, module, request, c_mode)));
    let inst = handle::get::<Inst>(name).ok_or("the instance is gone")?;
    let made = start(store, &inst, &prepared, given, loading, request.parent.as_ref());
    if made.is_err() {
        inst.end();
        // Its functions may be in tables of others, and then stays known to the store.
        let id = store.data().instances.values().any(|known| Arc::ptr_eq(known, &inst));
        if !id {
            handle::remove::<Inst>(name);
            store.data_mut().worlds.remove(&inst.serial);
        }
    }
    made.map(|()| inst)
}

fn start(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Arc<Inst>,
    prepared: &wamr::Module,
    given: &[(usize, Arc<Entity>)],
    loading: &mut Loading,
    parent: Option<&Arc<Inst>>,
) -> Result<(), String> {
    let Inst { module, request, serial, .. } = &**inst;
    let group = store.data().group.upgrade().ok_or("the group is gone")?;
    let wasi = request.wasi.clone().or(&lock(&module.wasi));
    let (terminated, interrupt) = (inst.terminated.clone(), group.interrupt_handle());
    let world = match parent {
        Some(parent) => World::of_thread(parent, request.heap_bytes, terminated, interrupt)?,
        None => World::new(&wasi, request.heap_bytes, terminated, interrupt)?,
    };
    store.data_mut().worlds.insert(*serial, world);
    let given = given.to_vec();
    let values = imports::build(store, module, prepared, *serial, request, &given, loading)?;
    let text = |error: Error| error.to_string();
    // SAFETY: the list of imports was built for the module, types checked.
    let handle = unsafe {
        match &request.inherited {
            None => InstanceHandle::allocate(&mut *store, prepared, &values),
            Some(inherited) => {
                let values: Vec<_> =
                    values.into_iter().map(wamr::instantiate::ImportValue::Extern).collect();
                InstanceHandle::allocate_thread(&mut *store, prepared, &values, inherited)
            }
        }
    };
    let handle = handle.map_err(text)?;
    if request.max_pages != 0 {
        let decoded = prepared.decoded();
        for index in decoded.imported_memories..decoded.memories.len() as u32 {
            let memory =
                handle.item(&mut *store, ExternIdx::Memory(MemoryIdx(index))).map_err(text)?;
            if let Some(memory) = memory.and_then(Extern::into_memory) {
                memory.limit_pages(&mut *store, request.max_pages.into()).map_err(text)?;
            }
        }
    }
    let memory0 = handle.item(&mut *store, ExternIdx::Memory(MemoryIdx(0))).map_err(text)?;
    let memory0 = memory0.and_then(Extern::into_memory);
    let id = handle.id(&*store).map_err(text)?;
    *lock(&inst.group) = Arc::downgrade(&group);
    *lock(&inst.live) = Some(Live {
        group: group.clone(),
        handle: handle.clone(),
        id,
        memory0: memory0.clone(),
        names: Vec::new(),
        given,
        dependencies: Vec::new(),
    });
    let before = store.data_mut().instances.insert(id, inst.clone());
    if let Some(before) = before {
        handle::remove::<Inst>(before.name);
    }
    match parent {
        Some(parent) => inst.take_after(parent),
        None => inst.family.add(inst),
    }
    if let Some(memory) = &memory0 {
        heap::set_up(store, inst, memory);
    }
    let env = inst.singleton().ok_or("the instance is gone")?;
    // What a native instantiates computes at the expense of the call that the native is part of.
    if module.runtime.is_metered() && !env::is_calling(&group) {
        store.set_fuel(u64::MAX).map_err(text)?;
    }
    let _running = inst.running();
    env::calling(&env, || {
        handle.copy_active_segments(&mut *store).map_err(text)?;
        handle.start(&mut *store).map_err(text)?;
        if request.inherited.is_some() {
            return Ok(());
        }
        for name in initializers(prepared) {
            let Some(Extern::Func(func)) = inst.export_value(store, name) else { continue };
            let ty = func.ty(&*store).map_err(text)?;
            if ty.params().is_empty() && ty.results().is_empty() {
                func.call(&mut *store, &[], &mut []).map_err(text)?;
            }
        }
        Ok(())
    })
}

/// What toolchains want called right after instantiation.
fn initializers(module: &wamr::Module) -> impl Iterator<Item = &'static str> {
    let is_wasi = is_wasi(module);
    let is_command = module.get_export("_start").is_some();
    let names = [
        (is_wasi && !is_command).then_some("_initialize"),
        Some("__post_instantiate"),
        (!is_wasi).then_some("__wasm_call_ctors"),
    ];
    names.into_iter().flatten()
}

/// Makes an instance anew in another mode, if nobody can tell.
pub(super) fn switch_mode(inst: &Arc<Inst>, c_mode: c_int) -> bool {
    let Some(mode) = mode_of(c_mode) else { return false };
    // What was compiled before has one mode, whatever is asked for.
    if inst.module.is_compiled {
        return true;
    }
    let now = inst.mode.load(Ordering::Relaxed) as c_int;
    if mode_of(now) == Some(mode) {
        inst.mode.store(c_mode as u32, Ordering::Relaxed);
        return true;
    }
    let decoded = inst.module.loaded.decoded();
    let is_private = inst.module.loaded.imports().all(|import| match import.ty() {
        wamr::ExternType::Func { .. } | wamr::ExternType::Tag(_) => true,
        wamr::ExternType::Global(ty) => !ty.mutable,
        _ => false,
    });
    if inst.touched.load(Ordering::Relaxed) || decoded.start.is_some() || !is_private {
        return false;
    }
    let Some(group) = inst.group() else { return false };
    let switched = group.run(|mut store| {
        let (given, dependencies) = {
            let mut live = lock(&inst.live);
            let live = live.as_mut()?;
            (live.given.clone(), std::mem::take(&mut live.dependencies))
        };
        let prepared = inst.module.in_mode(mode).ok()?;
        start(&mut store, inst, &prepared, &given, &mut Loading::default(), None).ok()?;
        lock(&inst.live).as_mut()?.dependencies.extend(dependencies);
        Some(())
    });
    let switched = matches!(switched, Ok(Some(())));
    if switched {
        inst.mode.store(c_mode as u32, Ordering::Relaxed);
    }
    switched
}

/// `InstantiationArgs`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct InstantiationArgs {
    default_stack_size: u32,
    heap_size: u32,
    max_memory_pages: u32,
}

/// `WASMInstantiationArgsWithImports`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ArgsWithImports {
    args: InstantiationArgs,
    imports: *const ExternInst,
    import_count: u32,
}

impl From<InstantiationArgs> for Request {
    fn from(args: InstantiationArgs) -> Self {
        Self { heap_bytes: args.heap_size, max_pages: args.max_memory_pages, ..Self::default() }
    }
}

/// `InstantiationArgs2`
#[derive(Default)]
pub(crate) struct Args2(Mutex<Request>);

fn instantiate(
    module: Name,
    request: &Request,
    error_buf: *mut c_char,
    error_buf_size: u32,
) -> Name {
    let module = handle::get::<Module>(module).ok_or_else(|| "there is no such module".to_owned());
    let made = module.and_then(|module| make(&module, request)).map(|inst| inst.name);
    answer(made, error_buf, error_buf_size)
}

/// Changes arguments that C holds.
fn set(args: Name, change: impl FnOnce(&mut Request)) {
    if let Some(args) = handle::get::<Args2>(args) {
        change(&mut lock(&args.0));
    }
}

c_api! {
    fn wasm_runtime_instantiate(
        module: Name,
        _stack_size: u32,
        heap_bytes: u32,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let request = Request { heap_bytes, ..Request::default() };
        instantiate(module, &request, error_buf, error_buf_size)
    }

    fn wasm_runtime_instantiate_ex(
        module: Name,
        args: *const InstantiationArgs,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let request = text::read(args).map(Request::from).unwrap_or_default();
        instantiate(module, &request, error_buf, error_buf_size)
    }

    fn wasm_runtime_instantiate_ex_with_imports(
        module: Name,
        args: *const ArgsWithImports,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let request = text::read(args).map(|args| Request {
            imports: imports::entries(args.imports, args.import_count),
            ..Request::from(args.args)
        });
        instantiate(module, &request.unwrap_or_default(), error_buf, error_buf_size)
    }

    fn wasm_runtime_instantiate_ex2(
        module: Name,
        args: Name,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let Some(args) = handle::get::<Args2>(args) else {
            text::message(error_buf, error_buf_size, &"there are no such arguments");
            return null_mut();
        };
        let request = lock(&args.0).clone();
        instantiate(module, &request, error_buf, error_buf_size)
    }

    fn wasm_runtime_instantiate_with_builtin_linker(
        module: Name,
        _stack_size: u32,
        heap_bytes: u32,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> Name {
        let request = Request { heap_bytes, fill: true, ..Request::default() };
        instantiate(module, &request, error_buf, error_buf_size)
    }

    fn wasm_runtime_instantiation_args_create(out: *mut Name) -> bool {
        if out.is_null() {
            return false;
        }
        text::write(out, handle::insert(Arc::new(Args2::default())))
    }

    fn wasm_runtime_instantiation_args_destroy(args: Name) {
        handle::remove::<Args2>(args);
    }

    fn wasm_runtime_instantiation_args_set_default_stack_size(args: Name, _size: u32) {
        let _ = args;
    }

    fn wasm_runtime_instantiation_args_set_host_managed_heap_size(args: Name, size: u32) {
        set(args, |request| request.heap_bytes = size);
    }

    fn wasm_runtime_instantiation_args_set_max_memory_pages(args: Name, pages: u32) {
        set(args, |request| request.max_pages = pages);
    }

    fn wasm_runtime_instantiation_args_set_custom_data(args: Name, data: *mut c_void) {
        set(args, |request| request.custom_data = data.expose_provenance());
    }

    fn wasm_runtime_instantiation_args_set_wasi_arg(
        args: Name,
        list: *const *const c_char,
        argc: c_int,
    ) {
        set(args, |request| request.wasi.argv = Some(argv(list, argc)));
    }

    fn wasm_runtime_instantiation_args_set_wasi_env(
        args: Name,
        env: *const *const c_char,
        count: u32,
    ) {
        set(args, |request| request.wasi.env = Some(text::strings(env, count as usize)));
    }

    fn wasm_runtime_instantiation_args_set_wasi_dir(
        args: Name,
        list: *const *const c_char,
        count: u32,
        mapped: *const *const c_char,
        map_count: u32,
    ) {
        set(args, |request| request.wasi.dirs = Some(dirs(list, count, mapped, map_count)));
    }

    fn wasm_runtime_instantiation_args_set_wasi_stdio(
        args: Name,
        stdin: i64,
        stdout: i64,
        stderr: i64,
    ) {
        set(args, |request| request.wasi.stdio = Some([stdin, stdout, stderr]));
    }

    fn wasm_runtime_instantiation_args_set_wasi_addr_pool(
        args: Name,
        pool: *const *const c_char,
        count: u32,
    ) {
        set(args, |request| request.wasi.addr_pool = Some(text::strings(pool, count as usize)));
    }

    fn wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(
        args: Name,
        pool: *const *const c_char,
        count: u32,
    ) {
        let pool = text::strings(pool, count as usize);
        set(args, |request| request.wasi.ns_lookup_pool = Some(pool));
    }

    fn wasm_runtime_instantiation_args_set_imports(
        args: Name,
        list: *const ExternInst,
        count: u32,
    ) {
        set(args, |request| request.imports = imports::entries(list, count));
    }
}
