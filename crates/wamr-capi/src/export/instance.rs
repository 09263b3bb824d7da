//! Instances, and what belongs to each. How they come to be stands in `instantiate`.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use wamr::instantiate::InstanceHandle;
use wamr::types::{ExternIdx, FuncIdx};
use wamr::{Backtrace, Error, Extern, Func, InstanceId, Memory, StoreContextMut, TrapCode};

use super::clock;
use super::context::ContextKey;
use super::entity::Entity;
use super::env::{self, Env, Kind};
use super::group::{Data, Ended, Group};
use super::handle::{self, Name};
use super::imports::Given;
use super::instantiate::{self, Request};
use super::module::{Module, kind};
use super::native::NativeFailure;
use super::shared_heap::Chain;
use super::{text, thread};

/// What there is of an instance until C ends it.
pub(super) struct Live {
    pub(super) group: Arc<Group>,
    pub(super) handle: InstanceHandle,
    pub(super) id: InstanceId,
    pub(super) memory0: Option<Memory>,
    /// Entities that C has names of.
    pub(super) names: Vec<(Extern, Name)>,
    /// What it was made with, to make it again.
    pub(super) given: Given,
    /// Instances that loading linking made for it.
    pub(super) dependencies: Vec<Arc<Inst>>,
}

/// An instance.
pub(crate) struct Inst {
    pub(crate) name: Name,
    pub(crate) serial: u64,
    pub(crate) module: Arc<Module>,
    pub(crate) request: Request,
    pub(super) mode: AtomicU32,
    pub(super) live: Mutex<Option<Live>>,
    /// For those whose functions live on.
    pub(super) group: Mutex<Weak<Group>>,
    /// The text of an exception, where C can read it.
    exception: Mutex<Box<[u8; 512]>>,
    /// Whether that is one. Set behind the lock.
    has_exception: AtomicBool,
    pub(super) terminated: Arc<AtomicBool>,
    /// How many calls from C into the instance are under way.
    running: AtomicU32,
    exit_code: AtomicU32,
    custom_data: AtomicPtr<c_void>,
    contexts: Mutex<HashMap<usize, usize>>,
    singleton: Mutex<Name>,
    backtrace: Mutex<Backtrace>,
    has_backtrace: AtomicBool,
    /// Ticks that calls from C took.
    ticks: AtomicU64,
    /// Texts that C was given.
    texts: Mutex<Vec<CString>>,
    pub(crate) family: Family,
    /// Whether anything was asked of it or called.
    pub(super) touched: AtomicBool,
    /// What it has of heaps that are shared.
    shared_heap: Mutex<Option<Chain>>,
}

// SAFETY: names and pointers of the embedder's are carried, never followed.
unsafe impl Send for Inst {}
// SAFETY: as above.
unsafe impl Sync for Inst {}

/// The instances of a program's threads.
#[derive(Clone, Default)]
pub(crate) struct Family(Arc<Relatives>);

#[derive(Default)]
struct Relatives {
    /// The first is that of the program's first thread.
    members: Mutex<Vec<Weak<Inst>>>,
    /// Threads that guests started.
    guests: Mutex<Vec<JoinHandle<()>>>,
}

impl Family {
    pub(crate) fn members(&self) -> Vec<Arc<Inst>> {
        lock(&self.0.members).iter().filter_map(Weak::upgrade).collect()
    }

    /// Notes a thread that a guest started.
    pub(crate) fn add_guest(&self, thread: JoinHandle<()>) {
        let mut guests = lock(&self.0.guests);
        guests.retain(|guest| !guest.is_finished());
        guests.push(thread);
    }

    pub(super) fn add(&self, inst: &Arc<Inst>) {
        let mut members = lock(&self.0.members);
        members.retain(|member| member.strong_count() != 0);
        members.push(Arc::downgrade(inst));
    }
}

static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// Adds to a count that one thread at a time adds to.
pub(super) fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).saturating_add(more), Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What proc_exit reports, as WAMR words it.
const PROC_EXIT: &str = "wasi proc exit";
const TERMINATED: &str = "terminated by user";

impl Inst {
    pub(super) fn new(name: Name, module: &Arc<Module>, request: &Request, mode: c_int) -> Self {
        clock::start();
        Self {
            name,
            serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
            module: module.clone(),
            // A thread's parent is not kept by it.
            request: Request { parent: None, ..request.clone() },
            mode: AtomicU32::new(mode as u32),
            live: Mutex::new(None),
            group: Mutex::new(Weak::new()),
            exception: Mutex::new(Box::new([0; 512])),
            has_exception: AtomicBool::new(false),
            terminated: Arc::default(),
            running: AtomicU32::new(0),
            exit_code: AtomicU32::new(0),
            custom_data: AtomicPtr::new(std::ptr::with_exposed_provenance_mut(request.custom_data)),
            contexts: Mutex::default(),
            singleton: Mutex::new(null_mut()),
            backtrace: Mutex::default(),
            has_backtrace: AtomicBool::new(false),
            ticks: AtomicU64::new(0),
            texts: Mutex::default(),
            family: request.parent.as_ref().map(|parent| parent.family.clone()).unwrap_or_default(),
            touched: AtomicBool::new(false),
            shared_heap: Mutex::default(),
        }
    }

    /// The group, as long as it is there.
    pub(crate) fn group(&self) -> Option<Arc<Group>> {
        match &*lock(&self.live) {
            Some(live) => Some(live.group.clone()),
            None => lock(&self.group).upgrade(),
        }
    }

    /// Whether C ended it, and nothing of it lives on.
    pub(crate) fn is_gone(&self) -> bool {
        lock(&self.live).is_none() && lock(&self.group).strong_count() == 0
    }

    /// Whether it is that instance in the runtime.
    pub(crate) fn is_live_as(&self, id: InstanceId) -> bool {
        lock(&self.live).as_ref().is_some_and(|live| live.id == id)
    }

    /// The heaps that are attached to it.
    pub(crate) fn shared_heap(&self) -> MutexGuard<'_, Option<Chain>> {
        lock(&self.shared_heap)
    }

    /// The environment that belongs to the instance.
    pub(crate) fn singleton(self: &Arc<Self>) -> Option<Arc<Env>> {
        let mut name = lock(&self.singleton);
        if let Some(env) = handle::get::<Env>(*name) {
            return Some(env);
        }
        lock(&self.live).as_ref()?;
        *name = Env::make(self, Kind::Singleton);
        handle::get::<Env>(*name)
    }

    /// Memory 0.
    pub(crate) fn memory0(&self) -> Option<Memory> {
        self.touched.store(true, Ordering::Relaxed);
        if let Some(live) = &*lock(&self.live) {
            return live.memory0.clone();
        }
        // It ended, but one of its functions called a native.
        let group = lock(&self.group).upgrade()?.present();
        env::caller_of(&group)?.caller(|caller| caller.default_memory()).ok()?
    }

    /// Does something with the store.
    pub(crate) fn with<R>(
        &self,
        body: impl FnOnce(StoreContextMut<'_, Data>) -> Option<R>,
    ) -> Option<R> {
        self.group()?.with(body).ok()?
    }

    /// An item of its index spaces.
    pub(crate) fn item(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        index: ExternIdx,
    ) -> Option<Extern> {
        let handle = lock(&self.live).as_ref()?.handle.clone();
        handle.item(store, index).ok()?
    }

    /// An export.
    pub(crate) fn export_value(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        name: &str,
    ) -> Option<Extern> {
        let index = self.module.loaded.decoded().export(name)?.index;
        self.item(store, index)
    }

    /// The name of an export of a kind.
    pub(crate) fn export(&self, name: &str, wanted: c_int) -> Option<Name> {
        let index = self.module.loaded.decoded().export(name)?.index;
        let fits = match index {
            ExternIdx::Func(_) => kind::FUNC,
            ExternIdx::Table(_) => kind::TABLE,
            ExternIdx::Memory(_) => kind::MEMORY,
            ExternIdx::Global(_) => kind::GLOBAL,
            ExternIdx::Tag(_) => kind::TAG,
        };
        if fits != wanted {
            return None;
        }
        self.name_at(index)
    }

    /// The name of an item of its index spaces.
    pub(crate) fn name_at(&self, index: ExternIdx) -> Option<Name> {
        let value = self.with(|mut store| self.item(&mut store, index))?;
        self.name_of(value)
    }

    /// The name of an entity, the same one each time; it lasts as long as the instance.
    pub(crate) fn name_of(&self, value: Extern) -> Option<Name> {
        self.touched.store(true, Ordering::Relaxed);
        let mut live = lock(&self.live);
        let live = live.as_mut()?;
        if let Some((_, name)) = live.names.iter().find(|(known, _)| Extern::same(known, &value)) {
            return Some(*name);
        }
        let name = handle::insert(Entity::of_instance(&live.group, value.clone()));
        live.names.push((value, name));
        Some(name)
    }

    /// The index of a function that values can refer to.
    pub(crate) fn func_index(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        func: &Func,
    ) -> Option<u32> {
        let mut candidates = self.module.loaded.decoded().escaping_funcs.iter();
        let is_it = |index: &&FuncIdx| {
            let item = self.item(store, ExternIdx::Func(**index));
            matches!(item, Some(Extern::Func(found)) if Func::same(&found, func))
        };
        candidates.find(is_it).map(|index| index.0)
    }

    /// The handle in the runtime, unless the instance ended.
    pub(crate) fn handle(&self) -> Option<InstanceHandle> {
        lock(&self.live).as_ref().map(|live| live.handle.clone())
    }

    /// What it was made with.
    pub(crate) fn given(&self) -> Given {
        lock(&self.live).as_ref().map_or_else(Given::new, |live| live.given.clone())
    }

    /// Makes a thread's instance one of the same program as its parent.
    pub(super) fn take_after(self: &Arc<Self>, parent: &Arc<Self>) {
        parent.family.add(self);
        self.set_custom_data(parent.custom_data());
        *lock(&self.contexts) = lock(&parent.contexts).clone();
    }

    /// Ends what all threads of the program run.
    pub(crate) fn terminate(&self, why: &str) {
        for thread in self.family.members() {
            thread.terminate_alone(why);
        }
    }

    /// Ends what is running in the instance, and lets nothing begin any more.
    fn terminate_alone(&self, why: &str) {
        self.set_exception(Some(why));
        // In this order, as a call does the opposite: it sees this, or is seen here.
        self.terminated.store(true, Ordering::SeqCst);
        // Whatever else runs in the group goes on.
        if let Some(group) = self.group() {
            group.interrupt_if(|| self.running.load(Ordering::SeqCst) != 0);
        }
    }

    /// Counts a call as long as the answer lives.
    pub(crate) fn running(&self) -> impl Drop + '_ {
        struct Running<'i>(&'i AtomicU32);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(&self.running)
    }

    /// Keeps a text for C; equal ones once.
    pub(crate) fn keep_text(&self, text: CString) -> *const c_char {
        let mut texts = lock(&self.texts);
        if let Some(known) = texts.iter().find(|known| **known == text) {
            return known.as_ptr();
        }
        texts.push(text);
        texts.last().map_or(null(), |text| text.as_ptr())
    }

    /// Counts the time that a call from C took. Whoever does has the group.
    pub(crate) fn add_ticks(&self, ticks: u64) {
        add(&self.ticks, ticks);
    }

    /// The time that calls from C took.
    pub(crate) fn time(&self) -> Duration {
        clock::duration(self.ticks.load(Ordering::Relaxed))
    }

    /// The name of an exported function.
    pub(crate) fn known_export(&self, name: &str) -> Option<Name> {
        self.export(name, kind::FUNC)
    }

    pub(crate) fn set_context(&self, key: Name, context: *mut c_void) {
        lock(&self.contexts).insert(key.addr(), context.expose_provenance());
    }

    pub(crate) fn context(&self, key: Name) -> *mut c_void {
        let context = lock(&self.contexts).get(&key.addr()).copied();
        context.map_or(null_mut(), std::ptr::with_exposed_provenance_mut)
    }

    pub(crate) fn custom_data(&self) -> *mut c_void {
        self.custom_data.load(Ordering::Relaxed)
    }

    pub(crate) fn set_custom_data(&self, data: *mut c_void) {
        self.custom_data.store(data, Ordering::Relaxed);
    }

    /// Sets the text of an exception; `None` clears it.
    pub(crate) fn set_exception(&self, text: Option<&str>) {
        let mut exception = lock(&self.exception);
        self.has_exception.store(text.is_some(), Ordering::Release);
        let Some(text) = text else {
            drop(exception);
            self.terminated.store(false, Ordering::SeqCst);
            return;
        };
        let text = format!("Exception: {text}");
        text::message(exception.as_mut_ptr().cast(), exception.len() as u32, &text);
    }

    /// Takes the text of an exception away, without what stands before it.
    pub(crate) fn take_exception_text(&self) -> Option<String> {
        if !self.has_exception.load(Ordering::Acquire) {
            return None;
        }
        let exception = lock(&self.exception);
        if !self.has_exception.swap(false, Ordering::Relaxed) {
            return None;
        }
        let end = exception.iter().position(|byte| *byte == 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&exception[..end]).into_owned();
        Some(text.strip_prefix("Exception: ").unwrap_or(&text).to_owned())
    }

    /// Notes what a call ended in.
    pub(crate) fn fail(&self, error: &Error) {
        *lock(&self.backtrace) = error.backtrace().clone();
        self.has_backtrace.store(true, Ordering::Release);
        if self.is_terminated() && error.trap_code() == Some(TrapCode::Interrupted) {
            return self.set_exception(Some(TERMINATED));
        }
        #[cfg(feature = "wasi")]
        if let Some(exit) = error.downcast_ref::<wamr::wasi::Exit>() {
            self.exit_code.store(exit.0 as u32, Ordering::Relaxed);
            return self.set_exception(Some(PROC_EXIT));
        }
        let text = match (error.trap_code(), error.downcast_ref::<NativeFailure>()) {
            (Some(code), _) => code.to_string(),
            (None, Some(failure)) => failure.to_string(),
            (None, None) => error.to_string(),
        };
        self.set_exception(Some(&text));
    }

    /// What the guest gave to `proc_exit`.
    pub(crate) fn exit_code(&self) -> u32 {
        self.exit_code.load(Ordering::Relaxed)
    }

    /// The frames that the last failure passed through.
    pub(crate) fn backtrace(&self) -> Backtrace {
        lock(&self.backtrace).clone()
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }

    /// Whether a call may begin; else the exception says why.
    pub(crate) fn begin_call(&self) -> bool {
        self.touched.store(true, Ordering::Relaxed);
        if self.is_terminated() {
            self.set_exception(Some(TERMINATED));
            self.terminated.store(true, Ordering::SeqCst);
            return false;
        }
        if self.has_exception.load(Ordering::Acquire) {
            let _exception = lock(&self.exception);
            self.has_exception.store(false, Ordering::Relaxed);
        }
        if self.has_backtrace.swap(false, Ordering::AcqRel) {
            *lock(&self.backtrace) = Backtrace::default();
        }
        true
    }

    /// Whether the exception is that of a guest that ended of its own accord, which is then no
    /// exception.
    pub(crate) fn is_proc_exit(&self) -> bool {
        let exception = lock(&self.exception);
        let is_exit = exception.starts_with(b"Exception: wasi proc exit\0");
        is_exit && self.has_exception.swap(false, Ordering::Relaxed)
    }

    /// Whether it is that of its program's first thread.
    fn is_first(self: &Arc<Self>) -> bool {
        self.family.members().first().is_some_and(|first| Arc::ptr_eq(first, self))
    }

    /// Ends the threads that guests of the program started, which use what the embedder frees once
    /// the program has ended.
    fn join_guests(self: &Arc<Self>) {
        let pop = || lock(&self.family.0.guests).pop();
        while let Some(guest) = pop() {
            // Each time, since a guest may have started another meanwhile.
            for thread in self.family.members().iter().filter(|thread| !Arc::ptr_eq(thread, self)) {
                thread.terminate_alone(TERMINATED);
            }
            let _ = guest.join();
        }
    }

    /// Ends the instance for C.
    pub(crate) fn end(self: &Arc<Self>) {
        if self.is_first() && !thread::is_guest() {
            self.join_guests();
        }
        let contexts = std::mem::take(&mut *lock(&self.contexts));
        for (key, context) in contexts {
            let key = handle::get::<ContextKey>(std::ptr::without_provenance(key));
            if let Some(destroy) = key.and_then(|key| key.destructor)
                && context != 0
                && self.is_first()
            {
                destroy(self.name, std::ptr::with_exposed_provenance_mut(context));
            }
        }
        super::externref::forget(self.name);
        let singleton = std::mem::replace(&mut *lock(&self.singleton), null_mut());
        if let Some(env) = handle::get::<Env>(singleton) {
            env.destroy();
        }
        let Some(live) = lock(&self.live).take() else { return };
        for (_, name) in &live.names {
            handle::remove::<Entity>(*name);
        }
        live.dependencies.iter().for_each(Self::end);
        let chain = self.shared_heap().take();
        let memory = if chain.is_some() { live.memory0.clone() } else { None };
        live.group.leave(Ended { serial: self.serial, memory });
        if let Some(chain) = chain {
            chain.let_go();
        }
        // If that was the last of the group, the store goes, and with it the instance's name.
        drop(live);
    }
}

c_api! {
    fn wasm_runtime_deinstantiate(inst: Name) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            inst.end();
        }
    }

    fn wasm_runtime_get_module(inst: Name) -> Name {
        handle::get::<Inst>(inst).map_or(null_mut(), |inst| inst.module.name())
    }

    fn wasm_runtime_get_running_mode(inst: Name) -> u32 {
        let inst = handle::get::<Inst>(inst).filter(|inst| !inst.module.is_compiled);
        inst.map_or(0, |inst| inst.mode.load(Ordering::Relaxed))
    }

    fn wasm_runtime_set_running_mode(inst: Name, mode: c_int) -> bool {
        handle::get::<Inst>(inst).is_some_and(|inst| instantiate::switch_mode(&inst, mode))
    }

    fn wasm_runtime_get_exception(inst: Name) -> *const c_char {
        let Some(inst) = handle::get::<Inst>(inst) else { return null() };
        let exception = lock(&inst.exception);
        let is_set = inst.has_exception.load(Ordering::Relaxed);
        if is_set { exception.as_ptr().cast() } else { null() }
    }

    fn wasm_runtime_set_exception(inst: Name, text: *const c_char) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            inst.set_exception(text::string(text).as_deref());
        }
    }

    fn wasm_runtime_clear_exception(inst: Name) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            inst.set_exception(None);
        }
    }

    fn wasm_runtime_terminate(inst: Name) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            inst.terminate(TERMINATED);
        }
    }

    fn wasm_runtime_set_bounds_checks(inst: Name, _enable: bool) {
        let _ = inst;
    }

    fn wasm_runtime_is_bounds_checks_enabled(inst: Name) -> bool {
        handle::get::<Inst>(inst).is_some()
    }
}
