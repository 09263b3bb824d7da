//! Programs of several modules on several threads: found as other programs are, and linked for as
//! many stores as there will be threads.

use wamr_runtime::{Engine, Error, ImportType};

use super::graph::{Need, Step};
use super::{DependencyGraph, Gap, Loading, LoadingError, Supplier};
use crate::imports::stub_for_threads;
use crate::program::{Linked, Part, export_of, find_imports, from_source};
use crate::{Missing, ProgramPre};

impl<T: 'static> Loading<'_, T> {
    /// Finds everything that a module needs and links it, for as many threads as there will be.
    /// Each thread has an instance of every module, made in the same order.
    ///
    /// Only what is of no store can be linked: host functions, memories that threads share, and
    /// what modules export. A module that exports `_initialize` is initialised by it as in
    /// [`Loading::instantiate`]; on other threads than the first, unless its memory 0 is one that
    /// they share, and therefore initialised already.
    ///
    /// # Errors
    /// Of finding and checking, or if a source only has something of a store for an import.
    pub fn link(&mut self, main: &wamr_runtime::Module) -> Result<ProgramPre<T>, LoadingError> {
        let graph = self.explore(main)?;
        graph.check(self)?;
        let steps = graph.steps(self, &|_| None, 0)?;
        let mut parts: Vec<Part<T>> = Vec::with_capacity(steps.len());
        for step in &steps {
            let found = &graph.modules()[step.module];
            let (name, module) = (found.name(), found.module());
            let mut suppliers = found.suppliers().iter();
            let imports = find_imports(main.engine(), module, |import| {
                let Some(supplier) = suppliers.next() else { return Ok(None) };
                self.linked(main.engine(), &graph, step, import, supplier)
            });
            let imports = imports.map_err(|error| LoadingError::link(name, error))?;
            let is_command = step.module == 0 && module.get_export("_start").is_some();
            parts.push(Part {
                name: Some(name.into()),
                module: module.clone(),
                imports,
                is_reactor: !is_command,
            });
        }
        Ok(ProgramPre::of_parts(main.engine(), parts))
    }

    /// What an import is linked with.
    fn linked(
        &self,
        engine: &Engine,
        graph: &DependencyGraph,
        step: &Step,
        import: &ImportType<'_>,
        supplier: &Supplier,
    ) -> Result<Option<Linked<T>>, Error> {
        match supplier {
            Supplier::Source(label) => {
                for (_, source) in self.sources.iter().filter(|(known, _)| known == label) {
                    if let Some(found) = source.find_for_threads(engine, import)? {
                        return Ok(Some(from_source(found)));
                    }
                }
                Ok(None)
            }
            Supplier::Module { module, .. } => {
                let names = &graph.modules()[step.module].dependencies;
                let position = names.iter().position(|(name, _)| **name == *import.module());
                let Some(Need::Step(part)) = position.and_then(|at| step.needs.get(at)) else {
                    return Ok(None);
                };
                Ok(export_of(*part, graph.modules()[*module].module(), import.name()))
            }
            Supplier::Nobody(Gap::NoModule | Gap::NoExport(_)) => match self.missing {
                Missing::StubFuncs => {
                    let stub = stub_for_threads(engine, import)?;
                    Ok(stub.map(|stub| from_source(stub.into())))
                }
                Missing::Refuse => Ok(None),
            },
        }
    }
}
