//! `gc_export.h`: objects of the GC proposal.
//!
//! * Here: names of objects, how long they last, values of the host, and `i31`s.
//! * `types`: what types are made of, and subtyping.
//! * `objects`: structs, arrays, functions, and what an object is.

pub(super) mod objects;
pub(super) mod types;

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wamr::{AnyRef, AsContext, ExnRef, ExternRef, Func, StoreContextMut, Val};

use super::env::Env;
use super::group::{Data, Group};
use super::handle::{self, Name};
use super::text;

/// An object that C has a name of.
pub(crate) struct Object {
    group: Weak<Group>,
    /// The module of the instance that C got it from, which gives types their names.
    module: Weak<super::module::Module>,
    pub(crate) val: Val,
    pins: AtomicUsize,
    /// The environment that has the name.
    env: Name,
}

// SAFETY: names are carried, never followed.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// The group, as long as it is there.
    pub(crate) fn group(&self) -> Option<Arc<Group>> {
        self.group.upgrade()
    }

    /// The environment that names of what it holds belong to: that of the call that is under way,
    /// or the one that has its name.
    fn env(&self) -> Option<Arc<Env>> {
        super::env::current().or_else(|| handle::get::<Env>(self.env))
    }

    /// Does something with the store.
    fn with<R>(&self, body: impl FnOnce(StoreContextMut<'_, Data>) -> Option<R>) -> Option<R> {
        self.group()?.with(body).ok()?
    }

    fn any(&self) -> Option<&AnyRef> {
        match &self.val {
            Val::AnyRef(value) => value.as_ref(),
            _ => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::AnyRef(Some(a)), Val::AnyRef(Some(b))) => AnyRef::same(a, b),
        (Val::ExternRef(Some(a)), Val::ExternRef(Some(b))) => ExternRef::same(a, b),
        (Val::FuncRef(Some(a)), Val::FuncRef(Some(b))) => Func::same(a, b),
        (Val::ExnRef(Some(a)), Val::ExnRef(Some(b))) => ExnRef::same(a, b),
        _ => false,
    }
}

/// The name of a reference that is not null, for an environment.
pub(crate) fn name_of(store: &mut StoreContextMut<'_, Data>, env: &Arc<Env>, val: Val) -> Name {
    if let Val::AnyRef(Some(value)) = &val
        && let Ok(Some(number)) = value.as_i31(&*store)
    {
        return std::ptr::without_provenance_mut(i31_bits(number as u32) as usize);
    }
    let mut objects = lock(&env.objects);
    let known = objects
        .iter()
        .rev()
        .find(|name| handle::get::<Object>(**name).is_some_and(|object| same(&object.val, &val)));
    if let Some(name) = known {
        return *name;
    }
    let object = Object {
        group: store.data().group.clone(),
        module: Arc::downgrade(&env.inst().module),
        val,
        pins: AtomicUsize::new(0),
        env: env.name,
    };
    let name = handle::insert(Arc::new(object));
    objects.push(name);
    env.object_count.store(objects.len(), Ordering::Relaxed);
    name
}

/// Takes names back.
pub(crate) fn release(names: Vec<Name>) {
    for name in names {
        handle::remove::<Object>(name);
    }
}

/// Takes the names back that a native got or made, which are those behind the first `before`, but
/// those that something keeps, which the environment has from now on.
pub(crate) fn release_native(env: &Env, before: usize) {
    let mut objects = lock(&env.objects);
    let before = before.min(objects.len());
    let names = objects.split_off(before);
    drop(objects);
    let mut kept = Vec::new();
    let chain = local_refs(env);
    for name in names {
        let is_pinned = |object: Arc<Object>| object.pins.load(Ordering::Relaxed) != 0;
        if chain.contains(&name) || handle::get::<Object>(name).is_some_and(is_pinned) {
            kept.push(name);
        } else {
            handle::remove::<Object>(name);
        }
    }
    let mut objects = lock(&env.objects);
    objects.append(&mut kept);
    env.object_count.store(objects.len(), Ordering::Relaxed);
}

/// A pointer of the host's, in a reference.
pub(crate) struct HostValue {
    pointer: usize,
    /// Whether it was made as an object, and is given back as one.
    is_object: bool,
    finalizer: Mutex<Option<Finalizer>>,
}

struct Finalizer {
    run: extern "C" fn(Name, *mut c_void),
    object: Name,
    data: *mut c_void,
}

// SAFETY: by the header's contract finalizers may run on any thread; pointers of the embedder's
// are carried, never followed.
unsafe impl Send for Finalizer {}

impl Drop for HostValue {
    fn drop(&mut self) {
        let finalizer = self.finalizer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Finalizer { run, object, data }) = finalizer {
            // Values end in sweeps, in the middle of whatever the store does.
            crate::guard::defer(move || run(object, data));
        }
    }
}

impl HostValue {
    /// A pointer that C passed as it is.
    pub(crate) fn plain(pointer: usize) -> Self {
        Self { pointer, is_object: false, finalizer: Mutex::new(None) }
    }
}

/// The pointer of a host value, and whether it is an object; `None` for an object of wasm.
pub(crate) fn host_value(
    store: &mut StoreContextMut<'_, Data>,
    value: &ExternRef,
) -> Option<(usize, bool)> {
    let store = store.as_context();
    let value = value.data(&store).ok()??.downcast_ref::<HostValue>()?;
    Some((value.pointer, value.is_object))
}

/// C's form of an `i31`.
pub(crate) fn i31_bits(value: u32) -> u64 {
    u64::from(value & 0x7fff_ffff) << 1 | 1
}

/// The number of an `i31`, without sign.
pub(crate) fn i31_value(bits: u64) -> u32 {
    (bits >> 1) as u32 & 0x7fff_ffff
}

/// Makes a host value as an object.
fn new_host_value(env: Name, pointer: *const c_void, internal: bool) -> Option<Name> {
    let env = handle::get::<Env>(env)?;
    env.inst().with(|mut store| {
        let value = HostValue {
            pointer: pointer.expose_provenance(),
            is_object: true,
            finalizer: Mutex::new(None),
        };
        let value = ExternRef::new(&mut store, value).ok()?;
        let value = if internal {
            Val::AnyRef(Some(AnyRef::from_extern(&mut store, &value).ok()?))
        } else {
            Val::ExternRef(Some(value))
        };
        Some(name_of(&mut store, &env, value))
    })
}

/// The host value in an object, as an `externref`.
fn extern_of(store: &mut StoreContextMut<'_, Data>, object: &Object) -> Option<ExternRef> {
    match &object.val {
        Val::ExternRef(value) => value.clone(),
        Val::AnyRef(Some(value)) => value.to_extern(&mut *store).ok()?,
        _ => None,
    }
}

fn pointer_in(object: Name) -> *const c_void {
    let found = handle::get::<Object>(object).and_then(|object| {
        object.with(|mut store| {
            let value = extern_of(&mut store, &object)?;
            host_value(&mut store, &value)
        })
    });
    found.map_or(std::ptr::null(), |(pointer, _)| std::ptr::with_exposed_provenance(pointer))
}

fn set_finalizer(object: Name, finalizer: Option<Finalizer>) -> bool {
    let set = handle::get::<Object>(object).and_then(|object| {
        object.with(|mut store| {
            let value = extern_of(&mut store, &object)?;
            let store = store.as_context();
            let value = value.data(&store).ok()??.downcast_ref::<HostValue>()?;
            *lock(&value.finalizer) = finalizer;
            value.is_object.then_some(())
        })
    });
    set.is_some()
}

/// `wasm_local_obj_ref_t`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct LocalRef {
    prev: *mut LocalRef,
    val: Name,
}

/// How long a chain may be before it counts as broken.
const LONGEST_CHAIN: usize = 1 << 20;

/// What the environment's local references hold.
fn local_refs(env: &Env) -> Vec<Name> {
    let mut at = env.local_refs.load(Ordering::Relaxed).cast::<LocalRef>();
    let mut names = Vec::new();
    while let Some(LocalRef { prev, val }) = text::read(at.cast_const()) {
        names.push(val);
        if names.len() == LONGEST_CHAIN {
            break;
        }
        at = prev;
    }
    names
}

fn pop(env: &Env) -> *mut LocalRef {
    let top = env.local_refs.load(Ordering::Relaxed).cast::<LocalRef>();
    if let Some(LocalRef { prev, .. }) = text::read(top.cast_const()) {
        env.local_refs.store(prev.cast(), Ordering::Relaxed);
    }
    top
}

c_api! {
    fn wasm_externref_obj_new(env: Name, pointer: *const c_void) -> Name {
        new_host_value(env, pointer, false).unwrap_or(null_mut())
    }

    fn wasm_externref_obj_get_value(object: Name) -> *const c_void {
        pointer_in(object)
    }

    fn wasm_anyref_obj_new(env: Name, pointer: *const c_void) -> Name {
        new_host_value(env, pointer, true).unwrap_or(null_mut())
    }

    fn wasm_anyref_obj_get_value(object: Name) -> *const c_void {
        pointer_in(object)
    }

    fn wasm_externref_obj_to_internal_obj(object: Name) -> Name {
        let converted = handle::get::<Object>(object).and_then(|object| {
            let env = object.env()?;
            object.with(|mut store| {
                let value = extern_of(&mut store, &object)?;
                let value = AnyRef::from_extern(&mut store, &value).ok()?;
                Some(name_of(&mut store, &env, Val::AnyRef(Some(value))))
            })
        });
        converted.unwrap_or(null_mut())
    }

    fn wasm_internal_obj_to_externref_obj(env: Name, object: Name) -> Name {
        let Some(env) = handle::get::<Env>(env) else { return null_mut() };
        let converted = env.inst().with(|mut store| {
            let bits = object.addr() as u64;
            let value = if bits & 1 == 1 {
                AnyRef::from_i31(&mut store, i31_value(bits) as i32).to_extern(&mut store).ok()??
            } else {
                extern_of(&mut store, &*handle::get::<Object>(object)?)?
            };
            Some(name_of(&mut store, &env, Val::ExternRef(Some(value))))
        });
        converted.unwrap_or(null_mut())
    }

    fn wasm_i31_obj_new(value: u32) -> usize {
        i31_bits(value) as usize
    }

    fn wasm_i31_obj_get_value(object: usize, sign_extend: bool) -> u32 {
        let value = i31_value(object as u64);
        if sign_extend { ((value << 1) as i32 >> 1) as u32 } else { value }
    }

    fn wasm_runtime_pin_object(env: Name, object: Name) -> bool {
        match (handle::get::<Env>(env), handle::get::<Object>(object)) {
            (Some(_), Some(object)) => {
                object.pins.fetch_add(1, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    fn wasm_runtime_unpin_object(env: Name, object: Name) -> bool {
        let (Some(_), Some(object)) = (handle::get::<Env>(env), handle::get::<Object>(object))
        else {
            return false;
        };
        let less = |pins: usize| pins.checked_sub(1);
        object.pins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn wasm_runtime_push_local_obj_ref(env: Name, local: *mut LocalRef) {
        let Some(env) = handle::get::<Env>(env).filter(|_| !local.is_null()) else { return };
        let prev = env.local_refs.load(Ordering::Relaxed).cast::<LocalRef>();
        text::write(local, LocalRef { prev, val: null_mut() });
        env.local_refs.store(local.cast(), Ordering::Relaxed);
    }

    fn wasm_runtime_pop_local_obj_ref(env: Name) -> *mut LocalRef {
        handle::get::<Env>(env).map_or(null_mut(), |env| pop(&env))
    }

    fn wasm_runtime_pop_local_obj_refs(env: Name, count: u32) {
        if let Some(env) = handle::get::<Env>(env) {
            let _ = (0..count).find(|_| pop(&env).is_null());
        }
    }

    fn wasm_runtime_get_cur_local_obj_ref(env: Name) -> *mut LocalRef {
        let env = handle::get::<Env>(env);
        env.map_or(null_mut(), |env| env.local_refs.load(Ordering::Relaxed).cast())
    }

    fn wasm_obj_set_gc_finalizer(
        env: Name,
        object: Name,
        run: Option<extern "C" fn(Name, *mut c_void)>,
        data: *mut c_void,
    ) -> bool {
        match (handle::get::<Env>(env), run) {
            (Some(_), Some(run)) => set_finalizer(object, Some(Finalizer { run, object, data })),
            _ => false,
        }
    }

    fn wasm_obj_unset_gc_finalizer(env: Name, object: Name) {
        if handle::get::<Env>(env).is_some() {
            set_finalizer(object, None);
        }
    }
}
