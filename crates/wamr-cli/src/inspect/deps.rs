//! Showing what a program needs, and where each import would come from.

use std::fmt::Write;

use serde_json::{Value, json};
use wamr::loading::{DependencyGraph, Gap, GraphModule, Supplier};
use wamr::{Engine, ImportType, Module};

use super::print_json;
use crate::host::Builtins;
use crate::options::{Format, InspectOptions};
use crate::{Failure, print, program};

/// Prints a program's graph; fails if the program could not be linked.
pub(super) fn run(
    engine: &Engine,
    module: &Module,
    options: &InspectOptions,
) -> Result<u8, Failure> {
    let builtins = Builtins::new(engine)?;
    let InspectOptions { loading: paths, common, file, .. } = options;
    let mut loading = program::loading(engine, builtins.sources(), paths, common, file, module)?;
    let failed = |error| Failure::unusable(format!("{}: {error}", options.file));
    let graph = loading.explore(module).map_err(failed)?;
    match options.format {
        Format::Text => print(&text(&graph, &options.file))?,
        Format::Json => print_json(&json(&graph, &options.file))?,
        Format::Dot => print(&dot(&graph))?,
    }
    graph.check(&loading).map_err(failed)?;
    Ok(0)
}

/// Imports of a module with their suppliers.
fn imports(module: &GraphModule) -> impl Iterator<Item = (ImportType<'_>, &Supplier)> {
    module.module().imports().zip(module.suppliers())
}

/// Where a module was found; the main one is the file that was given.
fn origin<'a>(module: &'a GraphModule, file: &'a str) -> &'a str {
    if module.origin().is_empty() { file } else { module.origin() }
}

fn text(graph: &DependencyGraph, file: &str) -> String {
    let name = |module: usize| graph.modules()[module].name().escape_debug();
    let mut text = String::new();
    for module in graph.modules() {
        let _ = writeln!(text, "{} ({})", module.name().escape_debug(), origin(module, file));
        for (import, supplier) in imports(module) {
            let from = match supplier {
                Supplier::Source(label) => label.to_string(),
                Supplier::Module { module, fits: true } => format!("module `{}`", name(*module)),
                Supplier::Module { module, fits: false } => {
                    format!("module `{}`, which has it with another type", name(*module))
                }
                Supplier::Nobody(Gap::NoModule) => "nobody: there is no such module".into(),
                Supplier::Nobody(Gap::NoExport(module)) => {
                    format!("nobody: module `{}` does not export it", name(*module))
                }
                other => format!("{other:?}"),
            };
            let (module, name) = (import.module().escape_debug(), import.name().escape_debug());
            let _ = writeln!(text, "  `{module}` `{name}`: {}: {from}", import.ty());
        }
    }
    text
}

fn json(graph: &DependencyGraph, file: &str) -> Value {
    let import = |(import, supplier): (ImportType<'_>, &Supplier)| {
        let supplier = match supplier {
            Supplier::Source(label) => json!({ "source": &**label }),
            Supplier::Module { module, fits } => {
                json!({ "module": graph.modules()[*module].name(), "fits": fits })
            }
            _ => Value::Null,
        };
        json!({
            "module": import.module(),
            "name": import.name(),
            "type": import.ty().to_string(),
            "supplier": supplier,
        })
    };
    let module = |module: &GraphModule| {
        let needs: Vec<&str> =
            module.dependencies().map(|(_, needed)| graph.modules()[needed].name()).collect();
        json!({
            "name": module.name(),
            "origin": origin(module, file),
            "needs": needs,
            "imports": imports(module).map(import).collect::<Vec<_>>(),
        })
    };
    json!({ "modules": graph.modules().iter().map(module).collect::<Vec<_>>() })
}

fn dot(graph: &DependencyGraph) -> String {
    // What escapes in Rust escapes in DOT.
    let quote = |name: &str| format!("\"{}\"", name.escape_debug());
    let mut text = String::from("digraph dependencies {\n");
    for module in graph.modules() {
        let name = quote(module.name());
        let _ = writeln!(text, "  {name} [shape=box];");
        for (needed_as, needed) in module.dependencies() {
            let needed = graph.modules()[needed].name();
            let label = if needed == needed_as {
                String::new()
            } else {
                format!(" [label={}]", quote(needed_as))
            };
            let _ = writeln!(text, "  {name} -> {}{label};", quote(needed));
        }
        let mut others: Vec<(String, &str)> = imports(module)
            .filter_map(|(import, supplier)| match supplier {
                Supplier::Source(label) => Some((label.to_string(), "dashed")),
                Supplier::Nobody(_) => Some((import.module().to_owned(), "dotted")),
                _ => None,
            })
            .collect();
        others.sort();
        others.dedup();
        for (other, style) in others {
            let _ = writeln!(text, "  {name} -> {} [style={style}];", quote(&other));
        }
    }
    text + "}\n"
}
