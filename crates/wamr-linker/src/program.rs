//! Programs on several threads: modules linked with each other, as often as there are threads.
//!
//! A thread is a store of its own with an instance of every module of the program, linked as those
//! of the first thread are. Shared memories are the same for all threads, whether they come from
//! the host or a module of the program defines them; everything else of an instance is the
//! thread's own. Host functions are those of one linker, with the data of the thread's store.

use core::fmt;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use wamr_runtime::api::instantiate::{ImportValue, InstanceHandle};
use wamr_runtime::{
    AsContextMut, Engine, Error, ErrorKind, ImportType, Module, SharedMemory, Store,
};
use wamr_types::{ExternIdx, ExternType};

use crate::instance::{check_types, same_engine};
use crate::{ForThreads, Instance, InstantiateError, LinkError, Linker, Source};

/// Modules that are linked with each other and with what a linker has, types checked once, by
/// [`ProgramBuilder`].
///
/// Cheap to clone; instantiated in any store of the engine, on any thread. The first instances
/// make the shared memories that the modules define; [`ProgramInstance::thread`] gives what
/// further threads are made from.
///
/// ```
/// # use wamr_linker::{Linker, ProgramBuilder};
/// # fn run(engine: &wamr_runtime::Engine, counter: wamr_runtime::Module, main: wamr_runtime::Module)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use wamr_runtime::Store;
///
/// let linker = Linker::<u32>::new(engine);
/// let program = ProgramBuilder::new(&linker).module("counter", &counter)?.build(&main)?;
/// let mut store = Store::new(engine, 0);
/// let first = program.instantiate(&mut store)?;
/// let thread = first.thread();
/// let second = thread.spawn(
///     |engine| Store::try_new(engine, 1),
///     |mut store, program| {
///         let work = program.main().get_typed_func::<(), i32>(&mut store, "work")?;
///         work.call(&mut store, ())
///     },
/// )?;
/// # second.join().unwrap()??;
/// # Ok(())
/// # }
/// ```
pub struct ProgramPre<T: 'static>(Arc<Inner<T>>);

struct Inner<T: 'static> {
    engine: Engine,
    /// In the order of instantiation; the main module is the last.
    parts: Box<[Part<T>]>,
}

pub(crate) struct Part<T: 'static> {
    /// What later parts import it by; nothing imports the main module.
    pub(crate) name: Option<Box<str>>,
    pub(crate) module: Module,
    pub(crate) imports: Box<[Origin<T>]>,
    /// Whether `_initialize` is called.
    pub(crate) is_reactor: bool,
}

/// Where an import comes from.
pub(crate) enum Origin<T: 'static> {
    /// From outside of the program.
    Value(ImportValue<T>),
    /// From an instance of an earlier part.
    Export { part: usize, index: ExternIdx },
}

impl<T: 'static> Clone for ProgramPre<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> fmt::Debug for ProgramPre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramPre").field("main", &self.main().module).finish_non_exhaustive()
    }
}

impl<T: 'static> ProgramPre<T> {
    /// Links a main module that imports from nothing but a linker; see [`ProgramBuilder`].
    ///
    /// # Errors
    /// As [`ProgramBuilder::build`].
    pub fn new(linker: &Linker<T>, main: &Module) -> Result<Self, LinkError> {
        ProgramBuilder::new(linker).build(main)
    }

    /// Of parts whose imports were checked; the main module is the last.
    pub(crate) fn of_parts(engine: &Engine, mut parts: Vec<Part<T>>) -> Self {
        for part in &mut parts {
            part.module.expect_instances();
            ImportValue::share(part.imports.iter_mut().filter_map(|import| match import {
                Origin::Value(value) => Some(value),
                Origin::Export { .. } => None,
            }));
        }
        Self(Arc::new(Inner { engine: engine.clone(), parts: parts.into() }))
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The main module.
    pub fn module(&self) -> &Module {
        &self.main().module
    }

    fn main(&self) -> &Part<T> {
        self.0.parts.last().expect("a program has a main module")
    }

    /// Makes an instance of each module, on what is the program's first thread.
    ///
    /// # Errors
    /// [`InstantiateError::Link`] if the store is one of another engine;
    /// [`InstantiateError::Run`] tells what active segments or a start function ended in.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
    ) -> Result<ProgramInstance<T>, InstantiateError> {
        let instances = self.instantiate_all(store.as_context_mut(), None)?;
        let memories = instances
            .iter()
            .map(|instance| instance.handle().own_shared_memories(store.as_context_mut()));
        let memories = memories.collect::<Result<_, _>>()?;
        let thread = ThreadPre { program: self.clone(), memories };
        Ok(ProgramInstance { instances, thread })
    }

    /// `memories` are the shared memories that each part defines, for a thread that is not the
    /// first.
    fn instantiate_all(
        &self,
        mut store: impl AsContextMut<Data = T>,
        memories: Option<&[Vec<SharedMemory>]>,
    ) -> Result<Box<[Instance]>, InstantiateError> {
        same_engine(&self.0.engine, store.as_context().engine())?;
        let mut instances: Vec<Instance> = Vec::with_capacity(self.0.parts.len());
        for (at, part) in self.0.parts.iter().enumerate() {
            let mut imports = Vec::with_capacity(part.imports.len());
            for source in &part.imports {
                imports.push(match source {
                    Origin::Value(value) => value.clone(),
                    Origin::Export { part, index } => {
                        let item =
                            instances[*part].handle().item(store.as_context_mut(), *index)?;
                        let item = item.ok_or_else(|| Error::from_kind(ErrorKind::WrongStore))?;
                        ImportValue::Extern(item)
                    }
                });
            }
            let inherited = memories.map(|memories| &memories[at][..]);
            // SAFETY: the imports match in number, order and type: they were checked against the
            // types that modules give their exports, and what instances export is of those types.
            let handle = unsafe {
                match inherited {
                    None => InstanceHandle::allocate_linked(
                        store.as_context_mut(),
                        &part.module,
                        &imports,
                    )?,
                    Some(inherited) => InstanceHandle::allocate_thread(
                        store.as_context_mut(),
                        &part.module,
                        &imports,
                        inherited,
                    )?,
                }
            };
            let instance = Instance::run(handle, store.as_context_mut())?;
            // What the first thread wrote to a memory that all share is there.
            let is_done = memories.is_some() && has_shared_memory0(&part.module);
            if part.is_reactor && !is_done {
                initialize(&instance, store.as_context_mut())?;
            }
            instances.push(instance);
        }
        Ok(instances.into())
    }
}

fn has_shared_memory0(module: &Module) -> bool {
    module.decoded().memories.first().is_some_and(|memory| memory.shared)
}

/// Calls what reactors export for that.
fn initialize(instance: &Instance, mut store: impl AsContextMut) -> Result<(), Error> {
    match instance.get_typed_func::<(), ()>(store.as_context_mut(), "_initialize") {
        Ok(init) => init.call(store, ()),
        Err(_) => Ok(()),
    }
}

/// Links the modules of a [`ProgramPre`], one after the other.
pub struct ProgramBuilder<'l, T: 'static> {
    engine: Engine,
    sources: Vec<&'l dyn Source<T>>,
    parts: Vec<Part<T>>,
}

impl<T: 'static> fmt::Debug for ProgramBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramBuilder").field("modules", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<'l, T: 'static> ProgramBuilder<'l, T> {
    /// Starts with what a linker has, for stores of every thread.
    pub fn new(linker: &'l Linker<T>) -> Self {
        Self::of_engine(linker.engine()).source(linker)
    }

    /// Starts with nothing.
    pub fn of_engine(engine: &Engine) -> Self {
        Self { engine: engine.clone(), sources: Vec::new(), parts: Vec::new() }
    }

    /// Adds a source for what no earlier module exports and no earlier source has.
    #[must_use]
    pub fn source(mut self, source: &'l dyn Source<T>) -> Self {
        self.sources.push(source);
        self
    }

    /// Adds a module that later ones import from by a name. What it imports comes from the modules
    /// before it or from a source; the last module of a name that has an export wins.
    ///
    /// # Errors
    /// Names the imports that cannot be satisfied, or says that something belongs to another
    /// engine, or to a store, which threads do not share.
    pub fn module(mut self, name: &str, module: &Module) -> Result<Self, LinkError> {
        self.add(Some(name), module)?;
        Ok(self)
    }

    /// Links the main module, in the same way.
    ///
    /// # Errors
    /// As [`ProgramBuilder::module`].
    pub fn build(mut self, main: &Module) -> Result<ProgramPre<T>, LinkError> {
        self.add(None, main)?;
        Ok(ProgramPre::of_parts(&self.engine, self.parts))
    }

    fn add(&mut self, name: Option<&str>, module: &Module) -> Result<(), LinkError> {
        let imports = find_imports(&self.engine, module, |import| self.find(import))?;
        let (name, module) = (name.map(Into::into), module.clone());
        self.parts.push(Part { name, module, imports, is_reactor: false });
        Ok(())
    }

    fn find(&self, import: &ImportType<'_>) -> Result<Option<Linked<T>>, Error> {
        for (at, part) in self.parts.iter().enumerate().rev() {
            if part.name.as_deref() == Some(import.module())
                && let Some(found) = export_of(at, &part.module, import.name())
            {
                return Ok(Some(found));
            }
        }
        for source in &self.sources {
            if let Some(found) = source.find_for_threads(&self.engine, import)? {
                return Ok(Some(from_source(found)));
            }
        }
        Ok(None)
    }
}

/// Where an import comes from, and its type.
pub(crate) type Linked<T> = (Origin<T>, ExternType);

/// From a source.
pub(crate) fn from_source<T: 'static>(ForThreads(found): ForThreads<T>) -> Linked<T> {
    (Origin::Value(found.value), found.ty)
}

/// An export of an earlier part, if it has it.
pub(crate) fn export_of<T: 'static>(part: usize, module: &Module, name: &str) -> Option<Linked<T>> {
    let export = module.decoded().export(name)?;
    let ty = module.get_export(name)?;
    Some((Origin::Export { part, index: export.index }, ty))
}

/// Where a module's imports come from, in the order of its import section, if all are found and of
/// the right type.
pub(crate) fn find_imports<T: 'static>(
    engine: &Engine,
    module: &Module,
    mut find: impl FnMut(&ImportType<'_>) -> Result<Option<Linked<T>>, Error>,
) -> Result<Box<[Origin<T>]>, LinkError> {
    same_engine(module.engine(), engine)?;
    let (mut linked, mut types) = (Vec::new(), Vec::new());
    for import in module.imports() {
        let (from, ty) = find(&import).map_err(LinkError::Foreign)?.unzip();
        linked.extend(from);
        types.push(ty);
    }
    check_types(module, types)?;
    Ok(linked.into())
}

/// The instances of a program on one thread.
pub struct ProgramInstance<T: 'static> {
    /// As the program's parts.
    instances: Box<[Instance]>,
    thread: ThreadPre<T>,
}

impl<T: 'static> fmt::Debug for ProgramInstance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramInstance")
            .field("program", &self.thread.program)
            .finish_non_exhaustive()
    }
}

impl<T: 'static> ProgramInstance<T> {
    /// The instance of the main module.
    pub fn main(&self) -> &Instance {
        self.instances.last().expect("a program has a main module")
    }

    /// The instance of another module, by name.
    pub fn get(&self, name: &str) -> Option<&Instance> {
        let parts = self.thread.program.0.parts.iter();
        let at = parts.rev().position(|part| part.name.as_deref() == Some(name))?;
        self.instances.iter().rev().nth(at)
    }

    /// What further threads of the same program are made from.
    pub fn thread(&self) -> ThreadPre<T> {
        self.thread.clone()
    }
}

/// What further threads of a program are made from. Cheap to clone.
pub struct ThreadPre<T: 'static> {
    program: ProgramPre<T>,
    /// The shared memories that each part of the program defines.
    memories: Arc<[Vec<SharedMemory>]>,
}

impl<T: 'static> Clone for ThreadPre<T> {
    fn clone(&self) -> Self {
        Self { program: self.program.clone(), memories: self.memories.clone() }
    }
}

impl<T: 'static> fmt::Debug for ThreadPre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPre").field("program", &self.program).finish_non_exhaustive()
    }
}

impl<T: 'static> ThreadPre<T> {
    /// The program.
    pub fn program(&self) -> &ProgramPre<T> {
        &self.program
    }

    /// Makes an instance of each module in a thread's store, with the shared memories of the
    /// first thread. Active data segments of shared memories count as copied, since the first
    /// thread did so; other memories, tables and globals are initialised, and start functions run.
    ///
    /// # Errors
    /// As [`ProgramPre::instantiate`].
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
    ) -> Result<ProgramInstance<T>, InstantiateError> {
        let instances = self.program.instantiate_all(store, Some(&self.memories))?;
        Ok(ProgramInstance { instances, thread: self.clone() })
    }
}

impl<T: Send + 'static> ThreadPre<T> {
    /// Starts a thread, which makes a store, instances in it, and runs.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn spawn<R: Send + 'static>(
        &self,
        store: impl FnOnce(&Engine) -> Result<Store<T>, Error> + Send + 'static,
        run: impl FnOnce(Store<T>, ProgramInstance<T>) -> R + Send + 'static,
    ) -> std::io::Result<JoinHandle<Result<R, InstantiateError>>> {
        let this = self.clone();
        Builder::new().spawn(move || {
            let mut store = store(this.program.engine())?;
            let instance = this.instantiate(&mut store)?;
            Ok(run(store, instance))
        })
    }
}
