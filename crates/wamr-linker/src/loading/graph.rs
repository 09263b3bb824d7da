//! Which module needs which, and where each import would come from: found without a store, and
//! without recursion, so that no depth overflows a stack.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wamr_runtime::{ImportType, Module};
use wamr_types::ExternType;

use super::{Loading, LoadingError, Precedence, UnresolvedModule};
use crate::{Found, ImportProblem, Missing, NearMiss, Origin, UnresolvedImport, UnresolvedImports};

/// Where an import would come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Supplier {
    /// A source has it; whether its type fits, a store will tell.
    Source(Arc<str>),
    /// A module exports it.
    Module {
        /// The position of the module in the graph.
        module: usize,
        /// Whether its type fits, as far as that can be told before instantiation: tables and
        /// memories may have grown.
        fits: bool,
    },
    /// Nobody has it.
    Nobody(Gap),
}

/// Why nobody has an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// There is no such module.
    NoModule,
    /// The module at this position of the graph exports nothing of that name.
    NoExport(usize),
}

/// A module of a graph.
#[derive(Clone, Debug)]
pub struct GraphModule {
    name: Arc<str>,
    origin: Arc<str>,
    module: Module,
    suppliers: Vec<Supplier>,
    /// The names that are imported from other modules of the graph, and those modules.
    pub(super) dependencies: Vec<(Arc<str>, usize)>,
    len_bytes: u64,
}

impl GraphModule {
    /// The name under which it is loaded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it was found.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Where its imports would come from, in the order of the import section.
    pub fn suppliers(&self) -> &[Supplier] {
        &self.suppliers
    }

    /// The names that it imports from other modules by, and their positions in the graph.
    pub fn dependencies(&self) -> impl Iterator<Item = (&str, usize)> {
        self.dependencies.iter().map(|(name, module)| (&**name, *module))
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

/// A module and all that it needs, directly or not.
#[derive(Clone, Debug)]
pub struct DependencyGraph {
    modules: Vec<GraphModule>,
    searched: Vec<Origin>,
}

impl DependencyGraph {
    /// The modules; the main one is the first.
    pub fn modules(&self) -> &[GraphModule] {
        &self.modules
    }

    /// The modules' positions, each behind those that it needs.
    ///
    /// # Errors
    /// [`LoadingError::Cycle`] if modules need each other; it names those of one cycle.
    pub fn order(&self) -> Result<Vec<usize>, LoadingError> {
        let mut order = Vec::with_capacity(self.modules.len());
        // Depth first, with a stack of our own: a module, and its next dependency to look at.
        let mut stack = vec![(0, 0)];
        let mut state = vec![State::Unseen; self.modules.len()];
        while let Some((module, next)) = stack.last_mut() {
            let module = *module;
            state[module] = State::Open;
            let Some(&(_, needed)) = self.modules[module].dependencies.get(*next) else {
                state[module] = State::Done;
                order.push(module);
                stack.pop();
                continue;
            };
            *next += 1;
            match state[needed] {
                State::Unseen => stack.push((needed, 0)),
                State::Done => {}
                State::Open => {
                    let path = stack.iter().map(|&(module, _)| module);
                    let path = path.skip_while(|module| *module != needed).chain([needed]);
                    let name = |module: usize| self.modules[module].name().into();
                    return Err(LoadingError::Cycle(path.map(name).collect()));
                }
            }
        }
        Ok(order)
    }

    /// The instances that the graph wants, each behind those that it needs; the root's is the
    /// last. `live` tells instances that are there already and shared, `count` how many there are.
    ///
    /// # Errors
    /// [`LoadingError::Limit`]. The graph must have passed [`DependencyGraph::check`].
    pub(super) fn steps<T: 'static>(
        &self,
        loading: &Loading<'_, T>,
        live: &dyn Fn(&str) -> Option<u64>,
        count: usize,
    ) -> Result<Vec<Step>, LoadingError> {
        let limit = loading.limits.instances;
        let mut steps: Vec<Step> = Vec::new();
        let mut shared = HashMap::new();
        let mut stack = vec![Step { module: 0, needs: Vec::new() }];
        while let Some(step) = stack.last_mut() {
            let module = &self.modules[step.module];
            if let Some(&(_, needed)) = module.dependencies.get(step.needs.len()) {
                let known = live(self.modules[needed].name()).map(Need::Live);
                match known.or_else(|| shared.get(&needed).copied().map(Need::Step)) {
                    Some(need) => step.needs.push(need),
                    None => stack.push(Step { module: needed, needs: Vec::new() }),
                }
                continue;
            }
            if count + steps.len() >= limit {
                return Err(LoadingError::Limit { what: "many instances", limit: limit as u64 });
            }
            let number = steps.len();
            let done = stack.pop().into_iter();
            steps.extend(done);
            if let Some(importer) = stack.last_mut() {
                importer.needs.push(Need::Step(number));
                let module = steps[number].module;
                if loading.is_shared(self.modules[module].name()) {
                    shared.insert(module, number);
                }
            }
        }
        Ok(steps)
    }

    /// Checks what can be checked without a store: that there is no cycle, that dependencies are
    /// not too deep, and that every import has a supplier that may fit.
    ///
    /// # Errors
    /// [`LoadingError::Cycle`], [`LoadingError::Limit`] or [`LoadingError::Unresolved`].
    pub fn check<T: 'static>(&self, loading: &Loading<'_, T>) -> Result<(), LoadingError> {
        let mut depths = vec![0; self.modules.len()];
        for module in self.order()? {
            let needed = self.modules[module].dependencies.iter();
            let depth = needed.map(|&(_, needed)| depths[needed] + 1).max().unwrap_or(0);
            depths[module] = depth;
            if depth > loading.limits.depth {
                let limit = loading.limits.depth as u64;
                return Err(LoadingError::Limit { what: "long chains of dependencies", limit });
            }
        }
        let mut unresolved = Vec::new();
        for module in &self.modules {
            let imports = self.unresolved(module, loading);
            if !imports.is_empty() {
                let mut imports = UnresolvedImports { imports, searched: self.searched.clone() };
                imports.find_near_misses(&self.names(module, loading));
                unresolved.push(UnresolvedModule { module: module.name().into(), imports });
            }
        }
        if unresolved.is_empty() { Ok(()) } else { Err(LoadingError::Unresolved(unresolved)) }
    }

    fn unresolved<T: 'static>(
        &self,
        module: &GraphModule,
        loading: &Loading<'_, T>,
    ) -> Vec<UnresolvedImport> {
        let imports = module.module.imports().zip(&module.suppliers).enumerate();
        let problem = |import: &ImportType<'_>, supplier: &Supplier| match supplier {
            Supplier::Source(_) | Supplier::Module { fits: true, .. } => None,
            Supplier::Module { module, fits: false } => {
                let exporter = &self.modules[*module];
                let ty = exporter.module.get_export(import.name())?;
                let origin = Origin::Instance(exporter.name.clone());
                let found = Found { origin, what: ty.to_string().into(), ty: Some(ty) };
                Some(ImportProblem::Mismatch(vec![found]))
            }
            Supplier::Nobody(_) => {
                let stub = loading.missing == Missing::StubFuncs && import.ty().func().is_some();
                (!stub).then_some(ImportProblem::Missing)
            }
        };
        let unresolved = imports.filter_map(|(position, (import, supplier))| {
            Some(UnresolvedImport {
                position,
                module: import.module().into(),
                name: import.name().into(),
                wanted: import.ty().clone(),
                problem: problem(&import, supplier)?,
                near: Vec::new(),
            })
        });
        unresolved.collect()
    }

    /// Every name that a module could import.
    fn names<T: 'static>(&self, importer: &GraphModule, loading: &Loading<'_, T>) -> Vec<NearMiss> {
        let near = |module: &str, name: &str, origin: &Origin| NearMiss {
            module: module.into(),
            name: name.into(),
            origin: origin.clone(),
        };
        let mut names = Vec::new();
        for (label, source) in &loading.sources {
            let origin = Origin::Source(label.clone());
            source.names(&mut |module, name| names.push(near(module, name, &origin)));
        }
        let gaps = importer.module.imports().zip(&importer.suppliers);
        let gaps = gaps.filter_map(|(import, supplier)| match supplier {
            Supplier::Nobody(Gap::NoExport(module)) => Some((import.module().to_owned(), *module)),
            _ => None,
        });
        let mut seen = Vec::new();
        for (name, module) in gaps {
            if seen.contains(&module) {
                continue;
            }
            seen.push(module);
            let exporter = &self.modules[module];
            let origin = Origin::Instance(exporter.name.clone());
            let exports = exporter.module.exports();
            names.extend(exports.map(|export| near(&name, export.name(), &origin)));
        }
        names
    }
}

/// An instance that is to be made of the module at a position of the graph.
pub(super) struct Step {
    pub(super) module: usize,
    /// As the module's dependencies.
    pub(super) needs: Vec<Need>,
}

/// An instance that another one is linked with.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// It is there, by its number.
    Live(u64),
    /// An earlier step makes it.
    Step(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    Open,
    Done,
}

/// Says of a name whether an instance stands under it already, and of which module.
pub(super) type LiveModules<'l> = &'l dyn Fn(&str) -> Option<Module>;

impl<T: 'static> Loading<'_, T> {
    /// Finds everything that a module needs, and reads what is not loaded. Nothing is
    /// instantiated. Whether the graph can be instantiated, [`DependencyGraph::check`] tells.
    ///
    /// # Errors
    /// [`LoadingError::Read`] if a module is there but cannot be read, and
    /// [`LoadingError::Limit`].
    pub fn explore(&mut self, main: &Module) -> Result<DependencyGraph, LoadingError> {
        let name = self.name_of(main);
        let known = self.main_name.clone();
        self.explore_from(name, "", main, known, &|_| None)
    }

    /// As [`Loading::explore`], where names in `live` are not explored any further. `known` is the
    /// name that others can import the root from.
    pub(super) fn explore_from(
        &mut self,
        name: Arc<str>,
        origin: &str,
        root: &Module,
        known: Option<Arc<str>>,
        live: LiveModules<'_>,
    ) -> Result<DependencyGraph, LoadingError> {
        let sources = self.sources.iter().map(|(label, _)| Origin::Source(label.clone()));
        let places = self.places().into_iter().map(|place| Origin::Source(place.into()));
        let searched = sources.chain(places).collect();
        let root = GraphModule {
            name,
            origin: origin.into(),
            module: root.clone(),
            suppliers: Vec::new(),
            dependencies: Vec::new(),
            len_bytes: 0,
        };
        let mut explorer = Explorer {
            by_name: known.into_iter().map(|name| (name, Some(0))).collect(),
            modules: vec![root],
            waiting: VecDeque::from([0]),
            len_bytes: 0,
            loading: self,
            live,
        };
        while let Some(position) = explorer.waiting.pop_front() {
            explorer.explore(position)?;
        }
        let mut graph = DependencyGraph { modules: explorer.modules, searched };
        graph.check_fit();
        Ok(graph)
    }
}

struct Explorer<'e, 'a, T: 'static> {
    loading: &'e mut Loading<'a, T>,
    live: LiveModules<'e>,
    modules: Vec<GraphModule>,
    /// By canonical name; `None` where there is no module.
    by_name: HashMap<Arc<str>, Option<usize>>,
    waiting: VecDeque<usize>,
    len_bytes: u64,
}

impl<T: 'static> Explorer<'_, '_, T> {
    /// Finds suppliers for the imports of one module.
    fn explore(&mut self, position: usize) -> Result<(), LoadingError> {
        let module = self.modules[position].module.clone();
        let importer = self.modules[position].name.clone();
        let decoded = module.decoded();
        let mut suppliers = Vec::with_capacity(decoded.imports.len());
        let mut dependencies: Vec<(Arc<str>, usize)> = Vec::new();
        // Imports from one module mostly stand together, so that one name is remembered.
        let mut last: Option<(&str, Option<usize>)> = None;
        let mut needed = HashMap::new();
        for import in &decoded.imports {
            let source = self.source(&import.module, &import.name);
            if let (Some(label), Precedence::Sources) = (&source, self.loading.precedence) {
                suppliers.push(Supplier::Source(label.clone()));
                continue;
            }
            let found = match last {
                Some((name, found)) if name == &*import.module => found,
                _ => self.find(&import.module, &importer)?,
            };
            last = Some((&import.module, found));
            let exporter = found.filter(|&found| {
                self.modules[found].module.decoded().export(&import.name).is_some()
            });
            suppliers.push(match (exporter, source, found) {
                (Some(exporter), ..) => {
                    needed.entry(&*import.module).or_insert_with(|| {
                        dependencies.push(((&*import.module).into(), exporter));
                    });
                    Supplier::Module { module: exporter, fits: true }
                }
                (None, Some(label), _) => Supplier::Source(label),
                (None, None, Some(found)) => Supplier::Nobody(Gap::NoExport(found)),
                (None, None, None) => Supplier::Nobody(Gap::NoModule),
            });
        }
        self.modules[position].suppliers = suppliers;
        self.modules[position].dependencies = dependencies;
        Ok(())
    }

    /// The first source that has something of that name.
    fn source(&self, module: &str, name: &str) -> Option<Arc<str>> {
        let mut sources = self.loading.sources.iter();
        let found = sources.find(|(_, source)| source.contains(module, name));
        found.map(|(label, _)| label.clone())
    }

    /// The position of the module that a name means, if there is one.
    fn find(&mut self, name: &str, importer: &str) -> Result<Option<usize>, LoadingError> {
        let name: Arc<str> = self.loading.registry().canonical(name).into();
        if let Some(found) = self.by_name.get(&name) {
            return Ok(*found);
        }
        let limits = self.loading.limits;
        let (module, origin, len_bytes, live) = match (self.live)(&name) {
            Some(module) => (module, "running".into(), 0, true),
            None => match self.loading.load(&name, Some(importer))? {
                Some(found) => (found.module, found.origin, found.len_bytes, false),
                None => {
                    self.by_name.insert(name, None);
                    return Ok(None);
                }
            },
        };
        self.len_bytes = self.len_bytes.saturating_add(len_bytes);
        if self.len_bytes > limits.bytes {
            return Err(LoadingError::Limit { what: "many bytes", limit: limits.bytes });
        }
        if self.modules.len() >= limits.modules {
            let limit = limits.modules as u64;
            return Err(LoadingError::Limit { what: "many modules", limit });
        }
        let position = self.modules.len();
        self.by_name.insert(name.clone(), Some(position));
        let (suppliers, dependencies) = (Vec::new(), Vec::new());
        self.modules.push(GraphModule { name, origin, module, suppliers, dependencies, len_bytes });
        if !live {
            self.waiting.push_back(position);
        }
        Ok(Some(position))
    }
}

impl DependencyGraph {
    /// Notes which exports cannot fit.
    fn check_fit(&mut self) {
        let mut unfit = Vec::new();
        for (position, module) in self.modules.iter().enumerate() {
            let types = module.module.engine().types();
            for (i, (import, supplier)) in
                module.module.imports().zip(&module.suppliers).enumerate()
            {
                let Supplier::Module { module: exporter, .. } = supplier else { continue };
                let exported = self.modules[*exporter].module.get_export(import.name());
                let fits = exported.is_some_and(|exported| {
                    as_large(exported, import.ty()).matches(import.ty(), types)
                });
                if !fits {
                    unfit.push((position, i, *exporter));
                }
            }
        }
        for (position, i, module) in unfit {
            self.modules[position].suppliers[i] = Supplier::Module { module, fits: false };
        }
    }

    /// How many bytes were read for a module.
    pub fn len_bytes(&self, module: usize) -> Option<u64> {
        self.modules.get(module).map(|module| module.len_bytes)
    }
}

/// The type of a table or memory that has grown as far as an import asks for.
fn as_large(exported: ExternType, wanted: &ExternType) -> ExternType {
    let grown = |limits: wamr_types::Limits, wanted: wamr_types::Limits| wamr_types::Limits {
        min: limits.min.max(wanted.min.min(limits.max.unwrap_or(u64::MAX))),
        ..limits
    };
    match (exported, wanted) {
        (ExternType::Memory(ty), ExternType::Memory(wanted)) => {
            ExternType::Memory(wamr_types::MemoryType {
                limits: grown(ty.limits, wanted.limits),
                ..ty
            })
        }
        (ExternType::Table(ty), ExternType::Table(wanted)) => {
            ExternType::Table(wamr_types::TableType {
                limits: grown(ty.limits, wanted.limits),
                ..ty
            })
        }
        (exported, _) => exported,
    }
}
