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
use wamr_runtime::{AsContextMut, Engine, Error, ErrorKind, Module, SharedMemory, Store};
use wamr_types::{ExternIdx, ExternType};

use crate::instance::{check_types, same_engine};
use crate::{Instance, InstantiateError, LinkError, Linker};

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

struct Part<T: 'static> {
    /// What later parts import it by; nothing imports the main module.
    name: Option<Box<str>>,
    module: Module,
    imports: Box<[Source<T>]>,
}

/// Where an import comes from.
enum Source<T: 'static> {
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
                    Source::Value(value) => value.clone(),
                    Source::Export { part, index } => {
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
            instances.push(Instance::run(handle, store.as_context_mut())?);
        }
        Ok(instances.into())
    }
}

/// Links the modules of a [`ProgramPre`], one after the other.
pub struct ProgramBuilder<'l, T: 'static> {
    linker: &'l Linker<T>,
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
        Self { linker, parts: Vec::new() }
    }

    /// Adds a module that later ones import from by a name. What it imports comes from the modules
    /// before it or from the linker; the last module of a name that has an export wins.
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
        for part in &self.parts {
            part.module.expect_instances();
        }
        let inner = Inner { engine: self.linker.engine().clone(), parts: self.parts.into() };
        Ok(ProgramPre(Arc::new(inner)))
    }

    fn add(&mut self, name: Option<&str>, module: &Module) -> Result<(), LinkError> {
        let imports = find_imports(self.linker, &self.parts, module)?;
        self.parts.push(Part { name: name.map(Into::into), module: module.clone(), imports });
        Ok(())
    }
}

/// Where a module's imports come from, in the order of its import section.
fn find_imports<T: 'static>(
    linker: &Linker<T>,
    parts: &[Part<T>],
    module: &Module,
) -> Result<Box<[Source<T>]>, LinkError> {
    same_engine(module.engine(), linker.engine())?;
    let (mut sources, mut types) = (Vec::new(), Vec::new());
    for import in module.imports() {
        let found = find(linker, parts, import.module(), import.name())?;
        let (source, ty) = found.unzip();
        sources.extend(source);
        types.push(ty);
    }
    check_types(module, types)?;
    Ok(sources.into())
}

fn find<T: 'static>(
    linker: &Linker<T>,
    parts: &[Part<T>],
    module: &str,
    name: &str,
) -> Result<Option<(Source<T>, ExternType)>, LinkError> {
    for (at, part) in parts.iter().enumerate().rev() {
        if part.name.as_deref() == Some(module)
            && let Some(export) = part.module.decoded().export(name)
            && let Some(ty) = part.module.get_export(name)
        {
            return Ok(Some((Source::Export { part: at, index: export.index }, ty)));
        }
    }
    let Some(definition) = linker.definition(module, name) else { return Ok(None) };
    if let ImportValue::Extern(_) = definition.value {
        return Err(LinkError::Foreign(Error::msg(format_args!(
            "`{module}` `{name}` belongs to a store, which threads do not share"
        ))));
    }
    Ok(Some((Source::Value(definition.value.clone()), definition.ty.clone())))
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
