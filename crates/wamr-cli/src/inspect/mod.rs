//! Showing what is in a module: imports, exports, sections, features that it needs, sizes.

use std::fmt::Write;

use serde_json::{Value, json};
use wamr::{Config, Engine, ExternType, Feature, Features, Module, Validation};

use crate::options::{Format, InspectOptions};
use crate::report::Progress;
use crate::run::{engine, load};
use crate::{Failure, print};

#[cfg(feature = "loading-linking")]
mod deps;
mod sections;
use sections::Section;

/// How many of the largest functions are shown.
const LARGEST: usize = 10;

/// Prints what is in a module.
pub(crate) fn run(options: &InspectOptions) -> Result<u8, Failure> {
    let engine = engine(&options.common, Validation::Lazy)?;
    let module = load(&engine, &options.file, &options.common)?;
    #[cfg(feature = "loading-linking")]
    if options.deps {
        return deps::run(&engine, &module, options);
    }
    let progress = Progress::start("iwasm", "looking at", &options.file);
    let report = Report::new(&module, options)?;
    drop(progress);
    match options.format {
        Format::Json => print_json(&report.json())?,
        _ => print(&report.text())?,
    }
    Ok(0)
}

fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// What there is to tell.
struct Report<'m> {
    file: &'m str,
    module: &'m Module,
    /// `wasm`, or `aot` for native code.
    kind: &'static str,
    features: Features,
    sections: Vec<Section>,
    /// Size, index and name of each function that the module defines, largest first.
    funcs: Vec<(usize, u32, Option<&'m str>)>,
}

impl<'m> Report<'m> {
    fn new(module: &'m Module, options: &'m InspectOptions) -> Result<Self, Failure> {
        let unusable =
            |error: &dyn std::fmt::Display| Failure::unusable(format!("{}: {error}", options.file));
        let decoded = module.decoded();
        let bytes = decoded.bytes.as_slice();
        let is_aot = wamr::aot::is_aot(bytes);
        let (features, sections) = if is_aot {
            // What the file says: what the module needs, or in older files all that was allowed.
            (decoded.features, sections::of_elf(bytes).map_err(|error| unusable(&error))?)
        } else {
            let features =
                needed(bytes, options.common.features).map_err(|error| unusable(&error))?;
            (features, sections::of_wasm(bytes).map_err(|error| unusable(&error))?)
        };
        let mut funcs: Vec<_> = (0..if is_aot { 0 } else { decoded.defined_func_count() })
            .map(|position| {
                let func = wamr::types::DefinedFuncIdx::from_usize(position);
                let index = decoded.func_idx(func);
                (decoded.bodies.body(func).bytes.len(), index.0, decoded.names.func(index))
            })
            .collect();
        funcs.sort_by_key(|&(bytes, index, _)| (std::cmp::Reverse(bytes), index));
        let kind = if is_aot { "aot" } else { "wasm" };
        Ok(Self { file: &options.file, module, kind, features, sections, funcs })
    }

    fn text(&self) -> String {
        let decoded = self.module.decoded();
        let name = self.module.name().unwrap_or_default().escape_debug();
        let what = if self.kind == "aot" { "native code of module" } else { "module" };
        let bytes = decoded.bytes.as_slice().len();
        let mut text = format!("{}: {what} `{name}`, {bytes} bytes\n", self.file.escape_debug());
        let features: Vec<&str> = self.features.iter().map(Feature::name).collect();
        let _ = match &features[..] {
            [] => writeln!(text, "needs nothing beyond the first version of WebAssembly"),
            _ if self.kind == "aot" => writeln!(text, "compiled for: {}", features.join(", ")),
            _ => writeln!(text, "needs: {}", features.join(", ")),
        };
        if !self.sections.is_empty() {
            let _ = writeln!(text, "\n    offset      bytes  section");
        }
        for Section { name, offset, len_bytes } in &self.sections {
            let _ = writeln!(text, "{offset:#10x} {len_bytes:>10}  {}", name.escape_debug());
        }
        let imports = self.module.imports();
        if imports.len() > 0 {
            let _ = writeln!(text, "\nimports ({}):", imports.len());
        }
        for import in imports {
            let (module, name) = (import.module().escape_debug(), import.name().escape_debug());
            let _ = writeln!(text, "  `{module}` `{name}`: {}", import.ty());
        }
        let exports = self.module.exports();
        if exports.len() > 0 {
            let _ = writeln!(text, "\nexports ({}):", exports.len());
        }
        for export in exports {
            let _ = writeln!(text, "  `{}`: {}", export.name().escape_debug(), export.ty());
        }
        if let Some(start) = decoded.start {
            let _ = writeln!(text, "\nstarts with function {start}");
        }
        if !self.funcs.is_empty() {
            let (all, shown) = (self.funcs.len(), self.funcs.len().min(LARGEST));
            let which = if shown < all { format!(", the {shown} largest") } else { String::new() };
            let _ = writeln!(text, "\nfunctions ({all}{which}):\n  function      bytes");
        }
        for (bytes, index, name) in self.funcs.iter().take(LARGEST) {
            let line = format!("{index:>10} {bytes:>10}  {}", name.unwrap_or("").escape_debug());
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    fn json(&self) -> Value {
        let decoded = self.module.decoded();
        let func = |&(bytes, index, name): &(usize, u32, Option<&str>)| json!({ "index": index, "name": name, "bytes": bytes });
        let section = |section: &Section| json!({ "name": section.name, "offset": section.offset, "bytes": section.len_bytes });
        json!({
            "file": self.file,
            "kind": self.kind,
            "name": self.module.name(),
            "bytes": decoded.bytes.as_slice().len(),
            "features": self.features.iter().map(Feature::name).collect::<Vec<_>>(),
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
            "imports": self.module.imports().map(|import| json!({
                "module": import.module(),
                "name": import.name(),
                "kind": kind(import.ty()),
                "type": import.ty().to_string(),
            })).collect::<Vec<_>>(),
            "exports": self.module.exports().map(|export| json!({
                "name": export.name(),
                "kind": kind(export.ty()),
                "type": export.ty().to_string(),
            })).collect::<Vec<_>>(),
            "start": decoded.start.map(|start| start.0),
            "functions": self.funcs.iter().map(func).collect::<Vec<_>>(),
        })
    }
}

/// The kind of an import or export, as the specification calls it.
fn kind(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Func { .. } => "func",
        ExternType::Table(_) => "table",
        ExternType::Memory(_) => "memory",
        ExternType::Global(_) => "global",
        ExternType::Tag(_) => "tag",
        _ => "unknown",
    }
}

/// A set of features that a module is valid with, and without any of which it is not.
fn needed(bytes: &[u8], allowed: Features) -> Result<Features, wamr::ModuleError> {
    check(bytes, allowed)?;
    let mut needed = allowed;
    // The latest first, so that an earlier one is named where either does.
    let mut candidates: Vec<Feature> = allowed.iter().collect();
    candidates.reverse();
    take_away(bytes, &mut needed, &candidates);
    Ok(needed)
}

/// Takes those candidates away that a module does without: all at once if it can be.
fn take_away(bytes: &[u8], needed: &mut Features, candidates: &[Feature]) {
    let fewer = candidates.iter().fold(*needed, |set, &feature| set.without(feature));
    if check(bytes, fewer).is_ok() {
        *needed = fewer;
    } else if candidates.len() > 1 {
        let (first, second) = candidates.split_at(candidates.len() / 2);
        take_away(bytes, needed, first);
        take_away(bytes, needed, second);
    }
}

fn check(bytes: &[u8], features: Features) -> Result<(), wamr::ModuleError> {
    let engine = Engine::new(Config::new().wasm_features(features));
    Module::validate(&engine.map_err(wamr::ModuleError::Prepare)?, bytes)
}
