//! Programs in a store: the main module's instance and those that it needs, and more that are
//! opened and closed while it runs.

use core::fmt;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use wamr_runtime::{AsContextMut, Module};

use super::graph::{Need, Step};
use super::{DependencyGraph, Loading, LoadingError};
use crate::{Imports, Instance, InstantiateError};

/// Names one call of [`Program::open`], to close it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpenId(u64);

/// An instance of a program.
struct Live {
    name: Arc<str>,
    module: Module,
    instance: Instance,
    /// The numbers of the instances that it was linked with.
    needs: Vec<u64>,
}

/// A running program: instances in one store that are linked with each other.
pub struct Program {
    main: u64,
    /// By number, in the order in which they were made.
    live: BTreeMap<u64, Live>,
    /// Instances that later importers share.
    shared: HashMap<Arc<str>, u64>,
    opened: BTreeMap<OpenId, u64>,
    next: u64,
    next_open: u64,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.live.values().map(|live| &*live.name).collect();
        f.debug_struct("Program")
            .field("instances", &names)
            .field("opened", &self.opened.len())
            .finish_non_exhaustive()
    }
}

impl<T: 'static> Loading<'_, T> {
    /// Finds everything that a module needs and instantiates it, each module behind those that it
    /// needs. A module that exports `_initialize` is initialised by it before anybody links with
    /// its instance; the main one only if it exports no `_start`, which is left to the caller.
    ///
    /// # Errors
    /// Of finding and checking, before anything is instantiated; or what a module's own code
    /// ended in.
    pub fn instantiate(
        &mut self,
        store: impl AsContextMut<Data = T>,
        main: &Module,
    ) -> Result<Program, LoadingError> {
        let graph = self.explore(main)?;
        let mut program = Program {
            main: 0,
            live: BTreeMap::new(),
            shared: HashMap::new(),
            opened: BTreeMap::new(),
            next: 0,
            next_open: 0,
        };
        program.main = program.make(self, store, &graph)?;
        if let Some(name) = &self.main_name {
            program.shared.insert(name.clone(), program.main);
        }
        Ok(program)
    }
}

impl Program {
    /// The main module's instance.
    pub fn main(&self) -> &Instance {
        &self.live[&self.main].instance
    }

    /// The instance that importers of that name share.
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.live.get(self.shared.get(name)?).map(|live| &live.instance)
    }

    /// All instances with their names, in the order in which they were made.
    pub fn instances(&self) -> impl Iterator<Item = (&str, &Instance)> {
        self.live.values().map(|live| (&*live.name, &live.instance))
    }

    /// Opens a module while the program runs: an instance that is there is taken, else the module
    /// and what it needs are found, instantiated and linked with instances that are there.
    ///
    /// # Errors
    /// [`LoadingError::NotFound`] if there is no such module; else as [`Loading::instantiate`].
    /// Instances that were made before the failure are let go of.
    pub fn open<T: 'static>(
        &mut self,
        loading: &mut Loading<'_, T>,
        store: impl AsContextMut<Data = T>,
        name: &str,
    ) -> Result<OpenId, LoadingError> {
        let name: Arc<str> = loading.registry().canonical(name).into();
        let number = match self.shared.get(&name) {
            Some(&number) => number,
            None => {
                let made = self.open_new(loading, store, name);
                if made.is_err() {
                    self.sweep(loading);
                    let loaded: Vec<String> = loading.registry().names().map(Into::into).collect();
                    self.forget_read(loading, loaded.iter().map(|name| &**name));
                }
                made?
            }
        };
        let id = OpenId(self.next_open);
        self.next_open += 1;
        self.opened.insert(id, number);
        Ok(id)
    }

    fn open_new<T: 'static>(
        &mut self,
        loading: &mut Loading<'_, T>,
        store: impl AsContextMut<Data = T>,
        name: Arc<str>,
    ) -> Result<u64, LoadingError> {
        let Some(found) = loading.load(&name, None)? else {
            return Err(LoadingError::NotFound((&*name).into()));
        };
        let live = |name: &str| {
            let number = self.shared.get(name)?;
            Some(self.live.get(number)?.module.clone())
        };
        let known = Some(name.clone());
        let graph =
            loading.explore_from(name.clone(), &found.origin, &found.module, known, &live)?;
        let number = self.make(loading, store, &graph)?;
        if loading.is_shared(&name) {
            self.shared.insert(name, number);
        }
        Ok(number)
    }

    /// The instance that was opened.
    pub fn opened(&self, id: OpenId) -> Option<&Instance> {
        self.live.get(self.opened.get(&id)?).map(|live| &live.instance)
    }

    /// Closes what was opened. What neither the main module nor anything that is open needs is
    /// unloaded: its names are returned, and modules that a reader had found leave the registry.
    /// Handles and references, functions in tables for example, keep instances alive until they
    /// are gone too.
    pub fn close<T: 'static>(&mut self, loading: &mut Loading<'_, T>, id: OpenId) -> Vec<String> {
        if self.opened.remove(&id).is_none() {
            return Vec::new();
        }
        self.sweep(loading)
    }

    /// Lets go of instances that nothing needs.
    fn sweep<T: 'static>(&mut self, loading: &mut Loading<'_, T>) -> Vec<String> {
        let mut waiting: Vec<u64> = self.opened.values().copied().chain([self.main]).collect();
        let mut needed = HashSet::new();
        while let Some(number) = waiting.pop() {
            if needed.insert(number) {
                waiting.extend(self.live.get(&number).iter().flat_map(|live| &live.needs));
            }
        }
        let mut unloaded = Vec::new();
        self.live.retain(|number, live| {
            let keep = needed.contains(number);
            if !keep {
                unloaded.push(live.name.to_string());
            }
            keep
        });
        self.shared.retain(|_, number| needed.contains(number));
        self.forget_read(loading, unloaded.iter().map(|name| &**name));
        unloaded
    }

    /// Takes modules out of the registry that a reader found and nobody has an instance of.
    fn forget_read<'n, T: 'static>(
        &self,
        loading: &mut Loading<'_, T>,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let live: HashSet<&str> = self.live.values().map(|live| &*live.name).collect();
        for name in names {
            let by_reader = loading.registry().entry(name).is_some_and(|entry| entry.by_reader);
            if by_reader && !live.contains(name) {
                loading.registry_mut().unregister(name);
            }
        }
    }

    /// Instantiates a graph, except for what is there already; returns its root's number.
    fn make<T: 'static>(
        &mut self,
        loading: &Loading<'_, T>,
        mut store: impl AsContextMut<Data = T>,
        graph: &DependencyGraph,
    ) -> Result<u64, LoadingError> {
        graph.check(loading)?;
        let live = |name: &str| self.shared.get(name).copied();
        let steps = graph.steps(loading, &live, self.live.len())?;
        let mut made: Vec<u64> = Vec::with_capacity(steps.len());
        for Step { module: position, needs } in steps {
            let number = |need| match need {
                Need::Live(number) => number,
                Need::Step(step) => made[step],
            };
            let needs = needs.into_iter().map(number).collect();
            made.push(self.instantiate(loading, store.as_context_mut(), graph, position, needs)?);
        }
        Ok(made.last().copied().unwrap_or_default())
    }

    /// Makes one instance, linked with those that it needs, and initialises it.
    fn instantiate<T: 'static>(
        &mut self,
        loading: &Loading<'_, T>,
        mut store: impl AsContextMut<Data = T>,
        graph: &DependencyGraph,
        position: usize,
        needs: Vec<u64>,
    ) -> Result<u64, LoadingError> {
        let found = &graph.modules()[position];
        let (name, module) = (found.name(), found.module());
        let mut imports = Imports::of(module).policy(loading.policy());
        for ((imported_as, _), number) in found.dependencies.iter().zip(&needs) {
            imports = imports.instance(imported_as, &self.live[number].instance);
        }
        for (label, source) in &loading.sources {
            imports = imports.source(label, *source);
        }
        let list = imports.build(store.as_context_mut());
        let list = list.map_err(|error| LoadingError::link(name, error))?;
        let failed =
            |error: InstantiateError| LoadingError::Instantiate { name: name.into(), error };
        let instance = list.instantiate(store.as_context_mut()).map_err(failed)?;
        let is_command = position == 0 && module.get_export("_start").is_some();
        if !is_command
            && let Ok(init) =
                instance.get_typed_func::<(), ()>(store.as_context_mut(), "_initialize")
        {
            let done = init.call(store.as_context_mut(), ());
            done.map_err(|error| LoadingError::Initialize { name: name.into(), error })?;
        }
        let number = self.next;
        self.next += 1;
        let (name, module) = (found.shared_name().clone(), module.clone());
        if position != 0 && loading.is_shared(&name) {
            self.shared.insert(name.clone(), number);
        }
        self.live.insert(number, Live { name, module, instance, needs });
        Ok(number)
    }
}
