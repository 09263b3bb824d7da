//! Functions, memories, tables, globals and tags as C holds them: those of instances, and those
//! that the host makes.
//!
//! What the host makes is described first, and made in the group that it is first used in; so it
//! can be given to an instance even while that one's group runs.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use wamr::{
    AsContextMut, Error, Extern, ExternKind, Func, FuncType, Global, GlobalType, Memory,
    MemoryType, SharedMemory, SlotFunc, StoreContextMut, Table, TableType, Tag, Val, ValType,
};

use super::clock;
use super::group::{Busy, Data, Group};
use super::handle::{self, Name};
use super::instance::{Inst, add};
use super::module::{Module, kind};
use super::native::{self, Finalizer, NativeDef};
use super::runtime::Runtime;
use super::text;
use super::types::{self, Type};
use super::value::WasmVal;

/// An external value.
pub(crate) struct Entity {
    state: Mutex<State>,
    /// Whether the host made it, and destroys it.
    is_hosts: bool,
    /// What it was made from.
    spec: Option<Spec>,
    /// How many calls from C there were, and the ticks that they took.
    calls: AtomicU64,
    ticks: AtomicU64,
    /// The type of a function, once somebody asked.
    func_type: OnceLock<FuncType>,
    prepared: OnceLock<Prepared>,
}

/// What a call needs to know of a function, found out at the first one.
pub(crate) struct Prepared {
    pub(crate) group: Arc<Group>,
    pub(crate) func: Func,
    pub(crate) ty: FuncType,
    /// Where all values are numbers of no more than 64 bits.
    pub(crate) numbers: Option<SlotFunc>,
}

impl Prepared {
    /// # Errors
    /// If the group cannot be asked now.
    pub(crate) fn new(group: Arc<Group>, func: Func) -> Result<Option<Self>, Busy> {
        let found = group.with(|store| {
            let ty = func.ty(&store).ok()?;
            let vectors = ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::V128);
            let numbers = func.with_slots(&store).ok()?.filter(|_| !vectors);
            Some((ty, numbers))
        })?;
        Ok(found.map(|(ty, numbers)| Self { group, func, ty, numbers }))
    }
}

enum State {
    /// Not used yet.
    Detached(Spec),
    Live(Arc<Group>, Extern),
}

/// What the host described.
#[derive(Clone)]
pub(crate) enum Spec {
    Memory(MemoryType),
    Table(TableType),
    /// With the bits of its value.
    Global(GlobalType, GlobalValue),
    Func(Arc<NativeDef>, FuncType),
    Tag(FuncType),
    /// A memory that another thread has.
    Shared(SharedMemory),
}

/// The first value of a global.
#[derive(Clone)]
pub(crate) enum GlobalValue {
    /// Zero or null.
    Default,
    Number(Val),
    /// A host value, or a name.
    Reference(u64),
}

// SAFETY: what the host gave is carried, and used behind locks.
unsafe impl Send for Entity {}
// SAFETY: as above.
unsafe impl Sync for Entity {}

fn other_group() -> Error {
    Error::msg("the value belongs to another group of instances; see wasm_export.h")
}

impl Spec {
    fn make(&self, mut store: StoreContextMut<'_, Data>) -> Result<Extern, Error> {
        let null = |ty: ValType, store: &StoreContextMut<'_, Data>| {
            let null = Val::default_in(store.engine().types(), ty);
            null.ok_or_else(|| Error::msg(format_args!("{ty} has no default value")))
        };
        Ok(match self {
            Self::Memory(ty) => Memory::new(store, *ty)?.into(),
            Self::Shared(memory) => memory.to_memory(store)?.into(),
            Self::Table(ty) => {
                let init = null(ValType::Ref(ty.element), &store)?;
                Table::new(store, *ty, init)?.into()
            }
            Self::Tag(ty) => Tag::new(store, ty.clone())?.into(),
            Self::Func(def, ty) => {
                let func = def.make(store, ty)?;
                func.ok_or_else(|| Error::msg("the function does not fit its type"))?.into()
            }
            Self::Global(ty, value) => {
                let value = match value {
                    GlobalValue::Default => null(ty.content, &store)?,
                    GlobalValue::Number(value) => value.clone(),
                    GlobalValue::Reference(bits) => {
                        reference(store.as_context_mut(), ty.content, *bits)?
                    }
                };
                Global::new(store, *ty, value)?.into()
            }
        })
    }
}

/// A reference that the host gave outside of any instance.
fn reference(mut store: StoreContextMut<'_, Data>, ty: ValType, bits: u64) -> Result<Val, Error> {
    super::value::host_reference(&mut store, ty, bits).map_err(Error::msg)
}

impl Entity {
    /// What belongs to an instance.
    pub(crate) fn of_instance(group: &Arc<Group>, value: Extern) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::Live(group.clone(), value)),
            is_hosts: false,
            spec: None,
            calls: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            func_type: OnceLock::new(),
            prepared: OnceLock::new(),
        })
    }

    /// What the host made.
    pub(crate) fn detached(spec: Spec) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::Detached(spec.clone())),
            is_hosts: true,
            spec: Some(spec),
            calls: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            func_type: OnceLock::new(),
            prepared: OnceLock::new(),
        })
    }

    /// The same for another thread's store; `None` for what threads do not share.
    pub(crate) fn for_thread(&self) -> Option<Arc<Self>> {
        match (&self.spec, self.live()?) {
            (Some(spec @ (Spec::Func(..) | Spec::Tag(_))), _) => Some(Self::detached(spec.clone())),
            (_, (group, Extern::Memory(memory))) => {
                let shared = group.with(|store| memory.shared(store)).ok()?.ok()??;
                Some(Self::detached(Spec::Shared(shared)))
            }
            _ => None,
        }
    }

    /// Counts a call from C. Whoever does has the group.
    pub(crate) fn add_call(&self, ticks: u64) {
        add(&self.calls, 1);
        add(&self.ticks, ticks);
    }

    /// How many calls from C there were, and how long they took.
    pub(crate) fn time(&self) -> (u64, Duration) {
        let time = clock::duration(self.ticks.load(Ordering::Relaxed));
        (self.calls.load(Ordering::Relaxed), time)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group, unless the entity is detached.
    pub(crate) fn group(&self) -> Option<Arc<Group>> {
        match &*self.state() {
            State::Detached(_) => None,
            State::Live(group, _) => Some(group.clone()),
        }
    }

    /// The kind, as C calls it.
    pub(crate) fn kind(&self) -> i32 {
        match &*self.state() {
            State::Detached(spec) => match spec {
                Spec::Memory(_) | Spec::Shared(_) => kind::MEMORY,
                Spec::Table(_) => kind::TABLE,
                Spec::Global(..) => kind::GLOBAL,
                Spec::Func(..) => kind::FUNC,
                Spec::Tag(_) => kind::TAG,
            },
            State::Live(_, value) => match value.kind() {
                ExternKind::Func => kind::FUNC,
                ExternKind::Table => kind::TABLE,
                ExternKind::Memory => kind::MEMORY,
                ExternKind::Global => kind::GLOBAL,
                ExternKind::Tag => kind::TAG,
            },
        }
    }

    /// The value in a store, made there if it is detached.
    pub(crate) fn live_in(&self, store: &mut StoreContextMut<'_, Data>) -> Result<Extern, Error> {
        let own = store.data().group.upgrade();
        let own = own.ok_or_else(|| Error::msg(Busy::Gone))?;
        let mut state = self.state();
        match &*state {
            State::Live(group, value) if Group::same(group, &own) => Ok(value.clone()),
            State::Live(..) => Err(other_group()),
            State::Detached(spec) => {
                let value = spec.make(store.as_context_mut())?;
                *state = State::Live(own, value.clone());
                Ok(value)
            }
        }
    }

    /// The value and its group, which is a new one if the entity is detached.
    pub(crate) fn live(&self) -> Option<(Arc<Group>, Extern)> {
        if let State::Live(group, value) = &*self.state() {
            return Some((group.clone(), value.clone()));
        }
        let group = Group::new(&*Runtime::current()?).ok()?;
        let value = group.with(|mut store| self.live_in(&mut store)).ok()?.ok()?;
        Some((group, value))
    }

    /// Does something with the value.
    pub(crate) fn with<R>(
        &self,
        body: impl FnOnce(StoreContextMut<'_, Data>, Extern) -> Option<R>,
    ) -> Option<R> {
        let (group, value) = self.live()?;
        group.with(|store| body(store, value)).ok()?
    }

    /// What calls need to know; `None` if it is no function.
    ///
    /// # Errors
    /// If nobody can tell now.
    pub(crate) fn prepared(&self) -> Result<Option<&Prepared>, Busy> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(Some(prepared));
        }
        let found = self.live().and_then(|(group, value)| Some((group, value.into_func()?)));
        let Some((group, func)) = found else { return Ok(None) };
        let prepared = Prepared::new(group, func)?;
        Ok(prepared.map(|prepared| self.prepared.get_or_init(|| prepared)))
    }

    /// The type of a function.
    pub(crate) fn func_type(&self) -> Option<&FuncType> {
        if let Some(ty) = self.func_type.get() {
            return Some(ty);
        }
        let ty = self.with(|store, value| value.into_func()?.ty(store).ok())?;
        Some(self.func_type.get_or_init(|| ty))
    }
}

/// The table of a name, and its store.
pub(crate) fn with_table<R>(
    name: Name,
    body: impl FnOnce(StoreContextMut<'_, Data>, Table) -> Option<R>,
) -> Option<R> {
    handle::get::<Entity>(name)?.with(|store, value| body(store, value.into_table()?))
}

/// The memory of a name, and its store.
pub(crate) fn with_memory<R>(
    name: Name,
    body: impl FnOnce(StoreContextMut<'_, Data>, Memory) -> Option<R>,
) -> Option<R> {
    handle::get::<Entity>(name)?.with(|store, value| body(store, value.into_memory()?))
}

fn with_global<R>(
    name: Name,
    body: impl FnOnce(StoreContextMut<'_, Data>, Global) -> Option<R>,
) -> Option<R> {
    handle::get::<Entity>(name)?.with(|store, value| body(store, value.into_global()?))
}

/// Takes what the host made back, if it is of that kind.
fn destroy(name: Name, kind: i32) {
    let entity = handle::get::<Entity>(name);
    if entity.is_some_and(|entity| entity.is_hosts && entity.kind() == kind) {
        handle::remove::<Entity>(name);
    }
}

fn ty(module: Name, ty: Name) -> Option<Arc<Type>> {
    handle::get::<Module>(module)?;
    handle::get::<Type>(ty)
}

fn create_global(module: Name, name: Name, value: *const WasmVal, mutable: bool) -> Option<Name> {
    let ty = ty(module, name)?;
    let Type::Global(mut ty) = *ty else { return None };
    ty.mutable &= mutable;
    let value = match (text::read(value), ty.content) {
        (None, content) => {
            let engine = Runtime::current()?;
            Val::default_in(engine.engine().types(), content)?;
            GlobalValue::Default
        }
        (Some(value), content) if value.kind != types::kind_of(content) => return None,
        (Some(value), content) => GlobalValue::Number(match content {
            ValType::I32 => Val::I32(value.of as i32),
            ValType::I64 => Val::I64(value.of as i64),
            ValType::F32 => Val::F32(value.of as u32),
            ValType::F64 => Val::F64(value.of),
            ValType::V128 => return None,
            ValType::Ref(_) => {
                let entity = Entity::detached(Spec::Global(ty, GlobalValue::Reference(value.of)));
                // A reference that does not fit is found now.
                entity.live()?;
                return Some(handle::insert(entity));
            }
        }),
    };
    Some(handle::insert(Entity::detached(Spec::Global(ty, value))))
}

fn create_function(ty_name: Name, module: Name, def: NativeDef) -> Option<Name> {
    let ty = ty(module, ty_name)?;
    let ty = ty.func()?.clone();
    if def.func.is_null() || def.signature.as_ref().is_some_and(|signature| !signature.fits(&ty)) {
        return None;
    }
    if !def.is_raw && ty.results().len() > 1 {
        return None;
    }
    Some(handle::insert(Entity::detached(Spec::Func(Arc::new(def), ty))))
}

fn finalizer(run: Option<extern "C" fn(*mut c_void)>, env: *mut c_void) -> Option<Finalizer> {
    run.map(|run| Finalizer { run, env })
}

/// A function as an element of a table; `None` if it is none.
fn element(store: &mut StoreContextMut<'_, Data>, func: Name) -> Option<Val> {
    if func.is_null() {
        return Some(Val::FuncRef(None));
    }
    let func = handle::get::<Entity>(func)?.live_in(store).ok()?.into_func()?;
    Some(Val::FuncRef(Some(func)))
}

/// Brings a function into the group of a table.
fn join_for(table: Name, func: Name) -> Option<()> {
    let (Some(table), Some(func)) = (handle::get::<Entity>(table), handle::get::<Entity>(func))
    else {
        return Some(());
    };
    match (table.live()?, func.group()) {
        ((table, _), Some(func)) => table.join(&func).ok(),
        _ => Some(()),
    }
}

c_api! {
    fn wasm_runtime_create_memory(module: Name, ty_name: Name) -> Name {
        match ty(module, ty_name).as_deref() {
            Some(Type::Memory(ty)) => handle::insert(Entity::detached(Spec::Memory(*ty))),
            _ => null_mut(),
        }
    }

    fn wasm_runtime_destroy_memory(_module: Name, memory: Name) {
        destroy(memory, kind::MEMORY);
    }

    fn wasm_runtime_create_table(module: Name, ty_name: Name) -> Name {
        match ty(module, ty_name).as_deref() {
            Some(Type::Table(ty)) if ty.element.nullable => {
                handle::insert(Entity::detached(Spec::Table(*ty)))
            }
            _ => null_mut(),
        }
    }

    fn wasm_runtime_destroy_table(_module: Name, table: Name) {
        destroy(table, kind::TABLE);
    }

    fn wasm_runtime_create_immutable_global(
        module: Name,
        ty: Name,
        value: *const WasmVal,
    ) -> Name {
        create_global(module, ty, value, false).unwrap_or(null_mut())
    }

    fn wasm_runtime_create_global(module: Name, ty: Name, value: *const WasmVal) -> Name {
        create_global(module, ty, value, true).unwrap_or(null_mut())
    }

    fn wasm_runtime_destroy_global(_module: Name, global: Name) {
        destroy(global, kind::GLOBAL);
    }

    fn wasm_runtime_create_function(module: Name, ty: Name, callback: *mut c_void) -> Name {
        let def = NativeDef {
            func: callback,
            signature: None,
            is_raw: false,
            attachment: null_mut(),
            finalizer: None,
        };
        create_function(ty, module, def).unwrap_or(null_mut())
    }

    fn wasm_runtime_create_function_with_env(
        module: Name,
        ty: Name,
        callback: *mut c_void,
        signature: *const c_char,
        env: *mut c_void,
        finalize: Option<extern "C" fn(*mut c_void)>,
    ) -> Name {
        let Ok(signature) = native::signature(signature) else { return null_mut() };
        let mut def = NativeDef {
            func: callback,
            signature,
            is_raw: false,
            attachment: env,
            finalizer: None,
        };
        if !fits(module, ty, &def) {
            return null_mut();
        }
        def.finalizer = finalizer(finalize, env);
        create_function(ty, module, def).unwrap_or(null_mut())
    }

    fn wasm_runtime_create_function_raw(
        module: Name,
        ty: Name,
        callback: *mut c_void,
        env: *mut c_void,
        finalize: Option<extern "C" fn(*mut c_void)>,
    ) -> Name {
        let mut def = NativeDef {
            func: callback,
            signature: None,
            is_raw: true,
            attachment: env,
            finalizer: None,
        };
        if !fits(module, ty, &def) {
            return null_mut();
        }
        def.finalizer = finalizer(finalize, env);
        create_function(ty, module, def).unwrap_or(null_mut())
    }

    fn wasm_runtime_destroy_function(_module: Name, func: Name) {
        destroy(func, kind::FUNC);
    }

    fn wasm_runtime_create_tag(module: Name, ty_name: Name) -> Name {
        let Some(ty) = ty(module, ty_name) else { return null_mut() };
        match ty.func() {
            Some(ty) if ty.results().is_empty() => {
                handle::insert(Entity::detached(Spec::Tag(ty.clone())))
            }
            _ => null_mut(),
        }
    }

    fn wasm_runtime_destroy_tag(_module: Name, tag: Name) {
        destroy(tag, kind::TAG);
    }

    fn wasm_global_get_value(global: Name, out: *mut WasmVal) -> bool {
        let value = with_global(global, |mut store, global| {
            let ty = global.ty(&store).ok()?.content;
            let value = global.get(&mut store).ok()?;
            let of = super::value::host_bits(&mut store, value)?;
            Some(WasmVal { kind: types::kind_of(ty), paddings: [0; 7], of })
        });
        value.is_some_and(|value| text::write(out, value))
    }

    fn wasm_global_set_value(global: Name, value: *const WasmVal) -> bool {
        let Some(value) = text::read(value) else { return false };
        let set = with_global(global, |mut store, global| {
            let ty = global.ty(&store).ok()?.content;
            if value.kind != types::kind_of(ty) {
                return None;
            }
            let value = super::value::host_reference(&mut store, ty, value.of).ok()?;
            global.set(store, value).ok()
        });
        set.is_some()
    }

    fn wasm_table_get_cur_size(table: Name) -> u32 {
        with_table(table, |store, table| Some(types::clamp(table.size(store).ok()?))).unwrap_or(0)
    }

    fn wasm_table_get_max_size(table: Name) -> u32 {
        let max = with_table(table, |store, table| table.ty(store).ok()?.limits.max.or(Some(u64::MAX)));
        max.map_or(0, types::clamp)
    }

    fn wasm_table_set_func(table: Name, index: u32, func: Name) -> bool {
        let done = join_for(table, func).and_then(|()| {
            with_table(table, |mut store, table| {
                let element = element(&mut store, func)?;
                table.set(store, index.into(), element).ok()
            })
        });
        done.is_some()
    }

    fn wasm_table_enlarge(table: Name, count: u32, init: Name) -> bool {
        let done = join_for(table, init).and_then(|()| {
            with_table(table, |mut store, table| {
                let ty = ValType::Ref(table.ty(&store).ok()?.element);
                let init = if init.is_null() {
                    Val::default_in(store.engine().types(), ty)?
                } else {
                    element(&mut store, init)?
                };
                table.grow(store, count.into(), init).ok()
            })
        });
        done.is_some()
    }

    fn wasm_runtime_get_table_func(inst: Name, table: Name, index: u32) -> Name {
        table_func(inst, table, index).unwrap_or(null_mut())
    }

    fn wasm_table_get_func_inst(inst: Name, table: *const TableInst, index: u32) -> Name {
        let table = text::read(table).map_or(null_mut(), |table| table.elems);
        table_func(inst, table, index).unwrap_or(null_mut())
    }

    fn wasm_runtime_get_export_global_inst(
        inst: Name,
        name: *const c_char,
        out: *mut GlobalInst,
    ) -> bool {
        let global = wasm_runtime_get_export_global(inst, name);
        let found = with_global(global, |store, global| {
            let ty = global.ty(&store).ok()?;
            let data = global.as_ptr(&store).ok()?;
            Some(GlobalInst {
                kind: types::kind_of(ty.content),
                is_mutable: ty.mutable,
                global_data: data.map_or(null_mut(), |data| data.as_ptr().cast()),
            })
        });
        found.is_some_and(|found| text::write(out, found))
    }

    fn wasm_runtime_get_export_table_inst(
        inst: Name,
        name: *const c_char,
        out: *mut TableInst,
    ) -> bool {
        let name = wasm_runtime_get_export_table(inst, name);
        let found = with_table(name, |store, table| {
            let ty = table.ty(&store).ok()?;
            Some(TableInst {
                elem_kind: types::kind_of(ValType::Ref(ty.element)),
                cur_size: types::clamp(ty.limits.min),
                max_size: types::clamp(ty.limits.max.unwrap_or(u64::MAX)),
                elems: name,
            })
        });
        found.is_some_and(|found| text::write(out, found))
    }

    fn wasm_runtime_lookup_function(inst: Name, name: *const c_char) -> Name {
        export(inst, name, kind::FUNC)
    }

    fn wasm_runtime_lookup_memory(inst: Name, name: *const c_char) -> Name {
        export(inst, name, kind::MEMORY)
    }

    fn wasm_runtime_get_export_global(inst: Name, name: *const c_char) -> Name {
        export(inst, name, kind::GLOBAL)
    }

    fn wasm_runtime_get_export_table(inst: Name, name: *const c_char) -> Name {
        export(inst, name, kind::TABLE)
    }

    fn wasm_runtime_get_export_tag_inst(inst: Name, name: *const c_char) -> Name {
        export(inst, name, kind::TAG)
    }

    fn wasm_func_get_param_count(func: Name, _inst: Name) -> u32 {
        with_func_type(func, |ty| ty.params().len() as u32).unwrap_or(0)
    }

    fn wasm_func_get_result_count(func: Name, _inst: Name) -> u32 {
        with_func_type(func, |ty| ty.results().len() as u32).unwrap_or(0)
    }

    fn wasm_func_get_param_types(func: Name, _inst: Name, out: *mut u8) {
        let _ = with_func_type(func, |ty| write_kinds(ty.params(), out));
    }

    fn wasm_func_get_result_types(func: Name, _inst: Name, out: *mut u8) {
        let _ = with_func_type(func, |ty| write_kinds(ty.results(), out));
    }
}

/// Whether a function could be made of this: else its environment stays the embedder's.
fn fits(module: Name, ty_name: Name, def: &NativeDef) -> bool {
    let Some(ty) = ty(module, ty_name) else { return false };
    let Some(ty) = ty.func() else { return false };
    let signature = def.signature.as_ref();
    !def.func.is_null()
        && signature.is_none_or(|signature| signature.fits(ty))
        && (def.is_raw || ty.results().len() <= 1)
}

/// `wasm_global_inst_t`
#[repr(C)]
pub(crate) struct GlobalInst {
    kind: u8,
    is_mutable: bool,
    global_data: *mut c_void,
}

/// `wasm_table_inst_t`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct TableInst {
    elem_kind: u8,
    cur_size: u32,
    max_size: u32,
    elems: Name,
}

fn with_func_type<R>(func: Name, body: impl FnOnce(&FuncType) -> R) -> Option<R> {
    let entity = handle::get::<Entity>(func)?;
    entity.func_type().map(body)
}

fn write_kinds(types: &[ValType], out: *mut u8) {
    let out = text::slice_mut(out, types.len());
    for (to, ty) in out.iter_mut().zip(types) {
        *to = types::kind_of(*ty);
    }
}

/// The name of an export of a kind.
fn export(inst: Name, name: *const c_char, kind: i32) -> Name {
    let (Some(inst), Some(name)) = (handle::get::<Inst>(inst), text::string(name)) else {
        return null_mut();
    };
    inst.export(&name, kind).unwrap_or(null_mut())
}

fn table_func(inst: Name, table: Name, index: u32) -> Option<Name> {
    let inst = handle::get::<Inst>(inst)?;
    let element = with_table(table, |store, table| table.get(store, index.into()).ok()?)?;
    match element {
        Val::FuncRef(Some(func)) => inst.name_of(func.into()),
        _ => None,
    }
}
