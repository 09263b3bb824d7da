//! Execution environments, and what a thread is doing: which environment called, and which
//! natives are on its stack.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wamr::{AsContextMut, Caller, InstanceId, StoreContextMut};

use super::group::{Busy, Data, Group};
use super::handle::{self, Name};
use super::instance::Inst;

/// An execution environment: what calls are made with.
pub(crate) struct Env {
    pub(crate) name: Name,
    inst: Mutex<Arc<Inst>>,
    user_data: AtomicPtr<c_void>,
    /// How much calls may compute; negative for without limit.
    pub(crate) limit: AtomicI64,
    /// Names of objects that were given out, and live as long as this.
    pub(super) objects: Mutex<Vec<Name>>,
    /// How many, as far as this thread has seen. Calls of natives look here.
    pub(super) object_count: AtomicUsize,
    /// The chain of local references.
    pub(crate) local_refs: AtomicPtr<c_void>,
    /// Whether `wasm_runtime_destroy_exec_env` may destroy it.
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Created,
    Singleton,
    /// With an instance of its own, for another thread.
    Spawned,
}

// SAFETY: pointers of the embedder's are carried, never followed.
unsafe impl Send for Env {}
// SAFETY: as above.
unsafe impl Sync for Env {}

impl Env {
    /// Makes an environment and gives it a name.
    pub(crate) fn make(inst: &Arc<Inst>, kind: Kind) -> Name {
        handle::insert_cyclic(|name| {
            Arc::new(Self {
                name,
                inst: Mutex::new(inst.clone()),
                user_data: AtomicPtr::default(),
                limit: AtomicI64::new(-1),
                objects: Mutex::default(),
                object_count: AtomicUsize::new(0),
                local_refs: AtomicPtr::default(),
                kind,
            })
        })
    }

    /// The instance.
    pub(crate) fn inst(&self) -> Arc<Inst> {
        self.inst.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the text of the instance's exception, if there is any.
    pub(crate) fn take_exception(&self) -> Option<String> {
        self.inst.lock().unwrap_or_else(PoisonError::into_inner).take_exception_text()
    }

    /// Whether that is its instance.
    fn is_of(&self, id: InstanceId) -> bool {
        self.inst.lock().unwrap_or_else(PoisonError::into_inner).is_live_as(id)
    }

    pub(crate) fn set_inst(&self, inst: Arc<Inst>) -> Arc<Inst> {
        let mut place = self.inst.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, inst)
    }

    /// Takes the environment's name back, and those of its objects.
    pub(crate) fn destroy(&self) {
        handle::remove::<Self>(self.name);
        let objects =
            std::mem::take(&mut *self.objects.lock().unwrap_or_else(PoisonError::into_inner));
        super::gc::release(objects);
    }
}

/// What the API may use of a native that runs on this thread.
struct Loan {
    caller: NonNull<Caller<'static, Data>>,
    /// Whether somebody has the caller borrowed.
    lent: Cell<bool>,
}

/// A native that runs on this thread, as lent to whoever it calls.
#[derive(Clone, Copy)]
pub(crate) struct Lent(NonNull<Loan>);

impl Lent {
    /// Borrows the store that called the native.
    ///
    /// # Errors
    /// If somebody has it borrowed.
    pub(crate) fn borrow<R>(
        self,
        body: impl FnOnce(StoreContextMut<'_, Data>) -> R,
    ) -> Result<R, Busy> {
        self.caller(|caller| body(caller.as_context_mut()))
    }

    /// Borrows the caller.
    ///
    /// # Errors
    /// If somebody has it borrowed.
    pub(crate) fn caller<R>(
        self,
        body: impl FnOnce(&mut Caller<'static, Data>) -> R,
    ) -> Result<R, Busy> {
        struct Back<'l>(&'l Cell<bool>);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        // SAFETY: `in_native` has the loan on this thread's stack as long as its entry is there,
        // which is where this came from.
        let loan = unsafe { self.0.as_ref() };
        if loan.lent.replace(true) {
            return Err(Busy::Borrowed);
        }
        let _back = Back(&loan.lent);
        // SAFETY: the caller lives as long as the loan, and `in_native` does not use it until the
        // native returns. Nobody else has it borrowed, as `lent` says; a call into wasm under
        // `body` suspends this borrow, and natives that it reaches push loans of their own.
        Ok(body(unsafe { &mut *loan.caller.as_ptr() }))
    }
}

struct Activation {
    group: *const Group,
    caller: Lent,
    env: Arc<Env>,
    attachment: *mut c_void,
    /// How many objects the environment had when the native was called.
    objects: usize,
}

#[derive(Default)]
struct ThreadState {
    /// Environments of calls from C, outermost first.
    envs: Vec<Arc<Env>>,
    natives: Vec<Activation>,
}

thread_local! {
    static STATE: RefCell<ThreadState> = RefCell::default();
}

/// The innermost native of this thread that a group called.
pub(crate) fn caller_of(group: &Arc<Group>) -> Option<Lent> {
    STATE.with_borrow(|state| {
        let same = |native: &&Activation| std::ptr::eq(native.group, Arc::as_ptr(group));
        state.natives.iter().rev().find(same).map(|native| native.caller)
    })
}

/// Whether this thread is in a native that a group called.
pub(crate) fn is_calling(group: &Arc<Group>) -> bool {
    caller_of(group).is_some()
}

/// Whether this thread is in a call from C.
pub(crate) fn is_running() -> bool {
    STATE.with_borrow(|state| !state.envs.is_empty())
}

/// The environment of the innermost call from C on this thread.
pub(crate) fn current() -> Option<Arc<Env>> {
    STATE.with_borrow(|state| state.envs.last().cloned())
}

/// Notes a call from C as long as it lasts.
pub(crate) fn calling<R>(env: &Arc<Env>, body: impl FnOnce() -> R) -> R {
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            // What was popped is dropped when the state is free again.
            let env = STATE.with_borrow_mut(|state| state.envs.pop());
            drop(env);
        }
    }
    STATE.with_borrow_mut(|state| state.envs.push(env.clone()));
    let _pop = Pop;
    body()
}

/// Notes a native as long as it runs: `body` gets the environment to pass to it. The environment's
/// instance is the one that called.
pub(crate) fn in_native<R>(
    caller: &mut Caller<'_, Data>,
    attachment: *mut c_void,
    body: impl FnOnce(&Arc<Env>) -> R,
) -> Option<R> {
    struct Pop(Option<Arc<Inst>>);
    impl Drop for Pop {
        fn drop(&mut self) {
            let native = STATE.with_borrow_mut(|state| state.natives.pop());
            let Some(native) = native else { return };
            if let Some(inst) = self.0.take() {
                native.env.set_inst(inst);
            }
            if native.env.object_count.load(Ordering::Relaxed) != native.objects {
                super::gc::release_native(&native.env, native.objects);
            }
        }
    }
    let id = caller.instance_id();
    let find = |id| caller.data().instances.get(&id).cloned();
    let (env, inst) = match current() {
        Some(env) => {
            // Mostly it is the instance that was called which calls.
            let other = id.filter(|id| !env.is_of(*id)).and_then(find);
            (env, other)
        }
        None => {
            let inst = find(id?)?;
            (inst.singleton()?, Some(inst))
        }
    };
    let group = caller.data().group.as_ptr();
    let before = inst.map(|inst| env.set_inst(inst));
    let objects = env.object_count.load(Ordering::Relaxed);
    let loan = Loan { caller: NonNull::from(caller).cast(), lent: Cell::new(false) };
    let caller = Lent(NonNull::from(&loan));
    let native = Activation { group, caller, env: env.clone(), attachment, objects };
    STATE.with_borrow_mut(|state| state.natives.push(native));
    let _pop = Pop(before);
    Some(body(&env))
}

/// Lends the store of the innermost native of this thread.
pub(crate) fn innermost() -> Option<Lent> {
    STATE.with_borrow(|state| state.natives.last().map(|native| native.caller))
}

/// What is attached to the innermost native that runs with an environment.
fn attachment(env: &Arc<Env>) -> *mut c_void {
    STATE.with_borrow(|state| {
        let mut natives = state.natives.iter().rev();
        let native = natives.find(|native| Arc::ptr_eq(&native.env, env));
        native.map_or(std::ptr::null_mut(), |native| native.attachment)
    })
}

c_api! {
    fn wasm_runtime_create_exec_env(inst: Name, stack_size: u32) -> Name {
        match handle::get::<Inst>(inst) {
            Some(inst) if stack_size != 0 && inst.group().is_some() => {
                Env::make(&inst, Kind::Created)
            }
            _ => std::ptr::null_mut(),
        }
    }

    fn wasm_runtime_destroy_exec_env(env: Name) {
        match handle::get::<Env>(env) {
            Some(env) if env.kind == Kind::Created => env.destroy(),
            _ => {}
        }
    }

    fn wasm_runtime_destroy_spawned_exec_env(env: Name) {
        if let Some(env) = handle::get::<Env>(env).filter(|env| env.kind == Kind::Spawned) {
            let inst = env.inst();
            env.destroy();
            inst.end();
        }
    }

    fn wasm_runtime_get_exec_env_singleton(inst: Name) -> Name {
        let inst = handle::get::<Inst>(inst);
        inst.and_then(|inst| inst.singleton()).map_or(std::ptr::null_mut(), |env| env.name)
    }

    fn wasm_runtime_get_module_inst(env: Name) -> Name {
        handle::get::<Env>(env).map_or(std::ptr::null_mut(), |env| env.inst().name)
    }

    fn wasm_runtime_set_module_inst(env: Name, inst: Name) {
        if let (Some(env), Some(inst)) = (handle::get::<Env>(env), handle::get::<Inst>(inst)) {
            env.set_inst(inst);
        }
    }

    fn wasm_runtime_set_user_data(env: Name, user_data: *mut c_void) {
        if let Some(env) = handle::get::<Env>(env) {
            env.user_data.store(user_data, Ordering::Relaxed);
        }
    }

    fn wasm_runtime_get_user_data(env: Name) -> *mut c_void {
        let env = handle::get::<Env>(env);
        env.map_or(std::ptr::null_mut(), |env| env.user_data.load(Ordering::Relaxed))
    }

    fn wasm_runtime_get_function_attachment(env: Name) -> *mut c_void {
        handle::get::<Env>(env).map_or(std::ptr::null_mut(), |env| attachment(&env))
    }

    fn wasm_runtime_set_native_stack_boundary(env: Name, _boundary: *mut u8) {
        let _ = env;
    }

    fn wasm_runtime_set_instruction_count_limit(env: Name, count: i32) {
        if let Some(env) = handle::get::<Env>(env) {
            env.limit.store(count.into(), Ordering::Relaxed);
        }
    }

    fn wasm_runtime_begin_blocking_op(env: Name) -> bool {
        handle::get::<Env>(env).is_some_and(|env| !env.inst().is_terminated())
    }

    fn wasm_runtime_end_blocking_op(env: Name) {
        let _ = env;
    }
}
