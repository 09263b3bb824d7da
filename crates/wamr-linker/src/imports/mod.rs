//! Complete lists of imports: what the embedder gives, and sources that fill the rest.

#[cfg(feature = "dummies")]
mod dummy;
#[cfg(feature = "dummies")]
pub use dummy::NoDummy;

mod list;
pub use list::{ImportList, Origin};

mod policy;
pub use policy::{Missing, Order, Policy, Shadowing};

mod source;
pub(crate) use source::of_a_store;
pub use source::{Candidate, ForThreads, Source};

mod stub;
pub use stub::MissingFunc;
#[cfg(feature = "loading-linking")]
pub(crate) use stub::stub_for_threads;

mod unresolved;
pub use unresolved::{Found, ImportProblem, NearMiss, UnresolvedImport, UnresolvedImports};

use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;

use wamr_runtime::{AsContextMut, Error, Extern, ImportType, Module, StoreContextMut};

use crate::instance::same_engine;
use crate::{Instance, LinkError};

/// Builds a complete list of imports for a module from what is given and from sources.
///
/// ```
/// # use wamr_linker::{Imports, ImportList, LinkError, Linker};
/// # use wamr_runtime::{Memory, Module, Store};
/// fn complete(
///     store: &mut Store<()>,
///     module: &Module,
///     memory: Memory,
///     builtins: &Linker<()>,
/// ) -> Result<ImportList, LinkError> {
///     Imports::of(module).named("env", "memory", memory).source("builtins", builtins).build(store)
/// }
/// ```
pub struct Imports<'a, T: 'static> {
    module: &'a Module,
    by_position: HashMap<usize, Extern>,
    by_name: HashMap<Box<str>, HashMap<Box<str>, Extern>>,
    instances: HashMap<Arc<str>, Vec<Instance>>,
    sources: Vec<(Arc<str>, &'a dyn Source<T>)>,
    policy: Policy,
    /// Makes modules for dummies; nobody sets it where the feature is off.
    load_dummies: Option<&'a LoadDummies<'a>>,
}

/// Makes a module from the binary format.
type LoadDummies<'a> = dyn Fn(Vec<u8>) -> Result<Module, Error> + 'a;

impl<T: 'static> fmt::Debug for Imports<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<&str> = self.sources.iter().map(|(label, _)| &**label).collect();
        f.debug_struct("Imports")
            .field("module", &self.module)
            .field("sources", &labels)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<'a, T: 'static> Imports<'a, T> {
    /// A list for this module, with nothing given yet.
    pub fn of(module: &'a Module) -> Self {
        Self {
            module,
            by_position: HashMap::new(),
            by_name: HashMap::new(),
            instances: HashMap::new(),
            sources: Vec::new(),
            policy: Policy::default(),
            load_dummies: None,
        }
    }

    /// Gives the value for a position in the import section. It goes before what is given by name.
    #[must_use]
    pub fn at(mut self, position: usize, value: impl Into<Extern>) -> Self {
        self.by_position.insert(position, value.into());
        self
    }

    /// Gives a value for all imports of that name. It goes before whole instances; where the
    /// name was given before, it replaces that value.
    #[must_use]
    pub fn named(mut self, module: &str, name: &str, value: impl Into<Extern>) -> Self {
        self.by_name.entry(module.into()).or_default().insert(name.into(), value.into());
        self
    }

    /// Gives all exports of an instance for the imports from that module name. The newest
    /// instance under a name goes first.
    #[must_use]
    pub fn instance(mut self, module: &str, instance: &Instance) -> Self {
        self.instances.entry(module.into()).or_default().push(instance.clone());
        self
    }

    /// Adds a source that fills what is not given. Sources are asked in the order in which they
    /// were added; reports and errors name them by their label.
    #[must_use]
    pub fn source(mut self, label: &str, source: &'a dyn Source<T>) -> Self {
        self.sources.push((label.into(), source));
        self
    }

    /// Sets the policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Asks for dummies in place of what nobody supplies: exports of an instance of a module that
    /// is made for the purpose, and that `load` makes from the binary format. Their functions
    /// trap, their memories and globals hold zeros, their tables nulls.
    #[cfg(feature = "dummies")]
    #[must_use]
    pub fn dummies(mut self, load: &'a (dyn Fn(Vec<u8>) -> Result<Module, Error> + 'a)) -> Self {
        self.load_dummies = Some(load);
        self
    }

    /// Builds the list.
    ///
    /// # Errors
    /// [`LinkError::Unresolved`] names every import that nobody has or that has another type;
    /// [`LinkError::ImportCount`] says that a value was given for a position that the module
    /// lacks; [`LinkError::Foreign`] that something belongs to another store or engine, or that
    /// there are no dummies.
    pub fn build(&self, mut store: impl AsContextMut<Data = T>) -> Result<ImportList, LinkError> {
        let mut store = store.as_context_mut();
        same_engine(self.module.engine(), store.engine())?;
        let wanted = self.module.imports();
        if let Some(position) = self.by_position.keys().find(|key| **key >= wanted.len()) {
            let found = position.saturating_add(1);
            return Err(LinkError::ImportCount { wanted: wanted.len(), found });
        }
        for instance in self.instances.values().flatten() {
            instance.module(store.as_context_mut()).map_err(LinkError::Foreign)?;
        }
        let mut found = Vec::with_capacity(wanted.len());
        let mut imports = Vec::new();
        for (position, import) in wanted.enumerate() {
            let outcome = self.resolve(store.as_context_mut(), position, &import)?;
            if let Err(problem) = outcome {
                imports.push(UnresolvedImport {
                    position,
                    module: import.module().into(),
                    name: import.name().into(),
                    wanted: import.ty().clone(),
                    problem,
                    near: Vec::new(),
                });
                found.push(None);
            } else {
                found.push(outcome.ok());
            }
        }
        self.fill_with_dummies(store.as_context_mut(), &mut found, &mut imports)?;
        if imports.is_empty() {
            let (values, origins) = found.into_iter().flatten().unzip();
            return Ok(ImportList::new(self.module, values, origins));
        }
        let mut unresolved = UnresolvedImports { imports, searched: self.searched() };
        unresolved.find_near_misses(&self.names(store)?);
        Err(LinkError::Unresolved(Box::new(unresolved)))
    }

    /// Puts dummies where nobody has anything, if they were asked for.
    #[cfg(feature = "dummies")]
    fn fill_with_dummies(
        &self,
        mut store: StoreContextMut<'_, T>,
        found: &mut [Option<(Extern, Origin)>],
        imports: &mut Vec<UnresolvedImport>,
    ) -> Result<(), LinkError> {
        let Some(load) = self.load_dummies else { return Ok(()) };
        let missing = |import: &UnresolvedImport| matches!(import.problem, ImportProblem::Missing);
        let missing: Vec<usize> = {
            let missing = imports.iter().filter(|import| missing(import));
            missing.map(|import| import.position).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let foreign = LinkError::Foreign;
        let bytes = dummy::dummy_module(self.module.decoded(), &missing)
            .map_err(|error| foreign(Error::new(error)))?;
        let module = load(bytes).map_err(foreign)?;
        let dummies = Instance::new(store.as_context_mut(), &module, &[]);
        let dummies = dummies.map_err(|error| foreign(Error::new(error)))?;
        let wanted: Vec<ImportType<'_>> = self.module.imports().collect();
        for position in missing {
            let name = dummy::export_name(position);
            let Some(value) = dummies.get_export(store.as_context_mut(), &name) else { continue };
            let mut asked = Asked::default();
            asked.offer(store.as_context_mut(), &wanted[position], value, Origin::Dummy)?;
            if let Ok(value) = asked.outcome() {
                found[position] = Some(value);
            }
        }
        imports.retain(|import| found[import.position].is_none());
        Ok(())
    }

    #[cfg(not(feature = "dummies"))]
    fn fill_with_dummies(
        &self,
        _: StoreContextMut<'_, T>,
        _: &mut [Option<(Extern, Origin)>],
        _: &mut Vec<UnresolvedImport>,
    ) -> Result<(), LinkError> {
        debug_assert!(self.load_dummies.is_none(), "nobody could set it");
        Ok(())
    }

    /// The value for one import, or what is wrong with it.
    fn resolve(
        &self,
        mut store: StoreContextMut<'_, T>,
        position: usize,
        import: &ImportType<'_>,
    ) -> Result<Result<(Extern, Origin), ImportProblem>, LinkError> {
        let mut asked = Asked { shadowing: self.policy.shadowing, ..Asked::default() };
        if self.policy.order == Order::SourcesFirst {
            self.ask_sources(store.as_context_mut(), import, &mut asked)?;
        }
        self.ask_given(store.as_context_mut(), position, import, &mut asked)?;
        if self.policy.order == Order::GivenFirst {
            self.ask_sources(store.as_context_mut(), import, &mut asked)?;
        }
        if asked.is_missing() && self.policy.missing == Missing::StubFuncs {
            let stub = stub::stub(store.as_context_mut(), import).map_err(LinkError::Foreign)?;
            if let Some(stub) = stub {
                asked.offer(store, import, stub.into(), Origin::Stub)?;
            }
        }
        Ok(asked.outcome())
    }

    /// Asks what the embedder gave.
    fn ask_given(
        &self,
        mut store: StoreContextMut<'_, T>,
        position: usize,
        import: &ImportType<'_>,
        asked: &mut Asked,
    ) -> Result<(), LinkError> {
        if asked.is_done() {
            return Ok(());
        }
        let named = || Some(self.by_name.get(import.module())?.get(import.name())?.clone());
        let explicit = match self.by_position.get(&position) {
            Some(value) => Some((value.clone(), Origin::Position)),
            None => named().map(|value| (value, Origin::Name)),
        };
        if let Some((value, origin)) = explicit {
            asked.offer(store.as_context_mut(), import, value, origin)?;
            asked.explicit = true;
        }
        let Some((name, instances)) = self.instances.get_key_value(import.module()) else {
            return Ok(());
        };
        for instance in instances.iter().rev() {
            if asked.is_done() {
                break;
            }
            if let Some(value) = instance.get_export(store.as_context_mut(), import.name()) {
                let origin = Origin::Instance(name.clone());
                asked.offer(store.as_context_mut(), import, value, origin)?;
            }
        }
        Ok(())
    }

    /// Asks the sources, in order.
    fn ask_sources(
        &self,
        mut store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
        asked: &mut Asked,
    ) -> Result<(), LinkError> {
        for (label, source) in &self.sources {
            if asked.is_done() {
                break;
            }
            let found = source.find(store.as_context_mut(), import).map_err(LinkError::Foreign)?;
            let origin = Origin::Source(label.clone());
            match found {
                None => {}
                Some(Candidate::Value(value)) => {
                    asked.offer(store.as_context_mut(), import, value, origin)?;
                }
                Some(Candidate::Unfit(what)) => {
                    asked.unfit.push(Found { origin, what, ty: None });
                }
            }
        }
        Ok(())
    }

    /// The places that are searched, in order.
    fn searched(&self) -> Vec<Origin> {
        let mut given = Vec::new();
        if !self.by_position.is_empty() {
            given.push(Origin::Position);
        }
        if !self.by_name.is_empty() {
            given.push(Origin::Name);
        }
        let mut instances: Vec<Origin> =
            self.instances.keys().map(|name| Origin::Instance(name.clone())).collect();
        instances.sort_by_key(Origin::to_string);
        given.extend(instances);
        let sources = self.sources.iter().map(|(label, _)| Origin::Source(label.clone()));
        match self.policy.order {
            Order::GivenFirst => given.into_iter().chain(sources).collect(),
            Order::SourcesFirst => sources.chain(given).collect(),
        }
    }

    /// Every name that there is, with where it is.
    fn names(&self, mut store: StoreContextMut<'_, T>) -> Result<Vec<NearMiss>, LinkError> {
        let near = |module: &str, name: &str, origin: &Origin| NearMiss {
            module: module.into(),
            name: name.into(),
            origin: origin.clone(),
        };
        let mut names = Vec::new();
        for (module, items) in &self.by_name {
            names.extend(items.keys().map(|name| near(module, name, &Origin::Name)));
        }
        for (module, instances) in &self.instances {
            let origin = Origin::Instance(module.clone());
            for instance in instances {
                let exporter = instance.module(store.as_context_mut());
                let exporter = exporter.map_err(LinkError::Foreign)?;
                names.extend(exporter.exports().map(|item| near(module, item.name(), &origin)));
            }
        }
        for (label, source) in &self.sources {
            let origin = Origin::Source(label.clone());
            source.names(&mut |module, name| names.push(near(module, name, &origin)));
        }
        Ok(names)
    }
}

/// What those who were asked for one import had.
#[derive(Default)]
struct Asked {
    shadowing: Shadowing,
    /// The first value that fits, and all others that do.
    fitting: Vec<(Extern, Origin)>,
    unfit: Vec<Found>,
    /// Whether the embedder gave a value for just this import.
    explicit: bool,
}

impl Asked {
    fn is_missing(&self) -> bool {
        self.fitting.is_empty() && self.unfit.is_empty()
    }

    /// Whether nobody else need be asked.
    fn is_done(&self) -> bool {
        match self.shadowing {
            Shadowing::First => !self.is_missing(),
            Shadowing::FirstFitting => !self.fitting.is_empty() || self.explicit,
            Shadowing::Refused => false,
        }
    }

    /// Takes a value for what it is: one that fits, or one that does not.
    fn offer<T: 'static>(
        &mut self,
        store: StoreContextMut<'_, T>,
        import: &ImportType<'_>,
        value: Extern,
        origin: Origin,
    ) -> Result<(), LinkError> {
        let ty = value.ty(&store).map_err(LinkError::Foreign)?;
        if ty.matches(import.ty(), store.engine().types()) {
            self.fitting.push((value, origin));
        } else if origin != Origin::Stub {
            self.unfit.push(Found { origin, what: ty.to_string().into(), ty: Some(ty) });
        }
        Ok(())
    }

    fn outcome(mut self) -> Result<(Extern, Origin), ImportProblem> {
        let found = self.fitting.len() + self.unfit.len();
        if self.shadowing == Shadowing::Refused && found > 1 {
            let fitting = self.fitting.into_iter().map(|(_, origin)| origin);
            let unfit = self.unfit.into_iter().map(|found| found.origin);
            return Err(ImportProblem::Ambiguous(fitting.chain(unfit).collect()));
        }
        if !self.fitting.is_empty() {
            return Ok(self.fitting.swap_remove(0));
        }
        if self.unfit.is_empty() {
            return Err(ImportProblem::Missing);
        }
        Err(ImportProblem::Mismatch(self.unfit))
    }
}
