//! Modules from bytes.

use arbitrary::{Arbitrary, Unstructured};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ExportKind, ExportSection, ImportSection, RawSection, SectionId};
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices, Module};
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef, Validator};

/// Pages of 64 KiB that no memory goes beyond.
const MEMORY_PAGES: u64 = 6;

/// The export by which a module that counts its own steps, and ends by itself, shows the global that
/// it counts in.
pub const STEPS_EXPORT: &str = "steps left";

/// How many calls and iterations such a module makes.
pub const STEPS: u32 = 1_000;

/// What generated modules are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything. Half of them count their steps, so that engines can run them that count no fuel.
    Any,
    /// They count their steps.
    CountsSteps,
    /// They count nothing, and have neither floats nor vectors: whatever becomes of a changed one, no
    /// NaN is in it.
    Integers,
}

/// Makes a module of any bytes: always a valid one, of features that the bytes choose. `None` if
/// they are too few, or if the module could wait for what never comes.
pub fn module_from(bytes: &[u8]) -> Option<Vec<u8>> {
    module_of(Kind::Any, bytes)
}

/// Makes a module of a kind, as [`module_from`].
pub fn module_of(kind: Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Unstructured::new(bytes);
    let (config, counts_steps) = config(kind, &mut bytes).ok()?;
    let (module, steps) = generate(config, counts_steps, &mut bytes)?;
    // Half of them keep their tables to themselves, as calls through these are compiled otherwise.
    let keeps_tables = module.len().is_multiple_of(2);
    let module = with_exports(&module, keeps_tables, steps)?;
    (!may_wait(&module)).then_some(module)
}

/// Makes a module; if it is to count its steps, also the global that it counts in.
fn generate(
    config: Config,
    counts_steps: bool,
    bytes: &mut Unstructured<'_>,
) -> Option<(Vec<u8>, Option<u32>)> {
    let mut module = Module::new(config, bytes).ok()?;
    let steps = counts_steps.then(|| module.ensure_termination(STEPS)).transpose().ok()?;
    Some((module.to_bytes(), steps))
}

/// A module without its exports of tables, if it keeps these to itself, and with one of the global
/// that it counts its steps in.
fn with_exports(module: &[u8], keeps_tables: bool, steps: Option<u32>) -> Option<Vec<u8>> {
    let mut kept = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        let Some((id, range)) = payload.as_section() else { continue };
        if let Payload::ExportSection(all) = payload {
            let mut exports = ExportSection::new();
            for export in all {
                let export = export.ok()?;
                if export.kind != ExternalKind::Table || !keeps_tables {
                    let kind = RoundtripReencoder.export_kind(export.kind).ok()?;
                    exports.export(export.name, kind, export.index);
                }
            }
            if let Some(steps) = steps {
                exports.export(STEPS_EXPORT, ExportKind::Global, steps);
            }
            kept.section(&exports);
        } else {
            let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            kept.section(&RawSection { id, data: module.get(range)? });
        }
    }
    Some(kept.finish())
}

/// Makes two modules of any bytes, of which the second imports some of what the first exports, and
/// nothing else. `None` as of [`module_from`].
pub fn pair_from(bytes: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (mut first, mut second) = (Unstructured::new(first), Unstructured::new(second));
    let (mut config, counts_steps) = config(Kind::Any, &mut first).ok()?;
    // What is imported has to be valid with wasmparser's default features, without which the
    // generator panics.
    config.custom_page_sizes_enabled = false;
    let (exporter, steps) = generate(config.clone(), counts_steps, &mut first)?;
    config.available_imports = Some(imports_of(&exporter)?);
    // What is imported counts.
    config.max_funcs *= 2;
    config.max_imports += config.max_funcs;
    config.max_globals *= 2;
    config.max_memories *= 2;
    config.max_tables *= 2;
    config.max_tags *= 2;
    config.max_type_size *= 2;
    let (importer, own_steps) = generate(config, counts_steps, &mut second)?;
    let exporter = with_exports(&exporter, false, steps)?;
    let importer = with_exports(&importer, false, own_steps)?;
    (!may_wait(&exporter) && !may_wait(&importer)).then_some([exporter, importer])
}

/// A module that has the types of another one, and imports all that it exports.
fn imports_of(module: &[u8]) -> Option<Vec<u8>> {
    let mut imports = ImportSection::new();
    let mut example = wasm_encoder::Module::new();
    let (mut funcs, mut tables, mut memories) = (Vec::new(), Vec::new(), Vec::new());
    let (mut globals, mut tags) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::TypeSection(types) => {
                let range = types.range();
                let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
                let data = &module[range];
                example.section(&RawSection { id: SectionId::Type as u8, data });
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import.ok()?.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => funcs.push(ty),
                        TypeRef::Table(ty) => tables.push(ty),
                        TypeRef::Memory(ty) => memories.push(ty),
                        TypeRef::Global(ty) => globals.push(ty),
                        TypeRef::Tag(ty) => tags.push(ty),
                    }
                }
            }
            Payload::FunctionSection(types) => {
                types.into_iter().for_each(|ty| funcs.extend(ty));
            }
            Payload::TableSection(types) => {
                types.into_iter().for_each(|table| tables.extend(table.map(|table| table.ty)));
            }
            Payload::MemorySection(types) => types.into_iter().for_each(|ty| memories.extend(ty)),
            Payload::TagSection(types) => types.into_iter().for_each(|ty| tags.extend(ty)),
            Payload::GlobalSection(types) => {
                types.into_iter().for_each(|global| globals.extend(global.map(|global| global.ty)));
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.ok()?;
                    let index = export.index as usize;
                    let ty = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => {
                            TypeRef::Func(*funcs.get(index)?)
                        }
                        ExternalKind::Table => TypeRef::Table(*tables.get(index)?),
                        ExternalKind::Memory => TypeRef::Memory(*memories.get(index)?),
                        ExternalKind::Global => TypeRef::Global(*globals.get(index)?),
                        ExternalKind::Tag => TypeRef::Tag(*tags.get(index)?),
                    };
                    let ty = RoundtripReencoder.entity_type(ty).ok()?;
                    imports.import("", export.name, ty);
                }
            }
            _ => {}
        }
    }
    example.section(&imports);
    let example = example.finish();
    Validator::new().validate_all(&example).ok()?;
    Some(example)
}

/// What a module is to be like, and whether it counts its steps.
fn config(kind: Kind, u: &mut Unstructured<'_>) -> arbitrary::Result<(Config, bool)> {
    // Which features and kinds of instructions there are is left to chance.
    let mut config = Config::arbitrary(u)?;
    if u.ratio(2, 3)? {
        use InstructionKind as Kind;
        config.allowed_instructions = InstructionKinds::new(&[
            Kind::Numeric,
            Kind::Vector,
            Kind::Reference,
            Kind::Parametric,
            Kind::Variable,
            Kind::Table,
            Kind::Memory,
            Kind::Control,
            Kind::Aggregate,
        ]);
    }
    config.wide_arithmetic_enabled = u.ratio(1, 4)?;
    config.custom_page_sizes_enabled = u.ratio(1, 6)?;
    config.generate_custom_sections = u.ratio(1, 16)?;
    config.disallow_traps = u.ratio(1, 2)?;
    config.memory_offset_choices = MemoryOffsetChoices(90, 9, 1);
    config.compact_imports_enabled = false;
    // What NaNs look like is not determined.
    config.canonicalize_nans = true;
    // What is not exported cannot be looked at.
    config.export_everything = true;
    // The generator stops adding to a section with every second item, so that without these most
    // modules would be next to empty. What is imported counts against the most there may be.
    config.max_imports = u.int_in_range(0..=8)?;
    config.min_types = u.int_in_range(1..=8)?;
    config.max_types = config.min_types + 16;
    config.min_funcs = u.int_in_range(1..=10)?;
    config.max_funcs = config.min_funcs + config.max_imports;
    config.max_instructions = u.int_in_range(10..=400)?;
    config.max_instructions = config.max_instructions.min(u.len() / (8 * config.min_funcs)).max(10);
    config.max_tags = config.max_imports + u.int_in_range(0..=4)?;
    config.min_globals = u.int_in_range(0..=6)?;
    config.max_globals = config.max_imports + config.min_globals + 4;
    config.min_memories = u.int_in_range(0..=1)?;
    config.max_memories = u.int_in_range(1..=3)?;
    config.min_tables = u.int_in_range(0..=1)?;
    config.max_tables = u.int_in_range(1..=3)?;
    config.max_element_segments = u.int_in_range(0..=6)?;
    config.max_elements = u.int_in_range(0..=24)?;
    config.max_data_segments = u.int_in_range(0..=6)?;
    config.max_memory32_bytes = MEMORY_PAGES << 16;
    config.max_memory64_bytes = u128::from(MEMORY_PAGES) << 16;
    config.max_table_elements = 64;
    config.max_type_size = 400;
    if kind == Kind::Integers {
        config.allow_floats = false;
        config.simd_enabled = false;
        config.relaxed_simd_enabled = false;
    }
    let counts_steps = match kind {
        Kind::Any => u.ratio(1, 2)?,
        Kind::CountsSteps => true,
        Kind::Integers => false,
    };
    Ok((config, counts_steps))
}

/// Whether a module in the binary format has an operator in one of its functions.
fn has_operator(module: &[u8], is_it: impl Fn(&Operator<'_>) -> bool) -> bool {
    Parser::new(0).parse_all(module).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { return false };
        let Ok(operators) = body.get_operators_reader() else { return false };
        operators.into_iter().any(|operator| operator.is_ok_and(|operator| is_it(&operator)))
    })
}

/// Whether a module computes with floats or vectors, of which not everything is determined.
pub fn has_floats(module: &[u8]) -> bool {
    has_operator(module, |operator| {
        // Their names say which types they are for.
        let name = format!("{operator:?}");
        let name = name.split(' ').next().unwrap_or(&name);
        ["F32", "F64", "V128", "x16", "x8", "x4", "x2"].iter().any(|part| name.contains(part))
    })
}

/// Whether a module makes tail calls. Whether a frame that makes one to a host function is still
/// there is not the same in every mode.
pub(crate) fn has_tail_calls(module: &[u8]) -> bool {
    has_operator(module, |operator| {
        matches!(
            operator,
            Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. }
        )
    })
}

/// Whether a module waits for other threads, of which there are none.
pub fn may_wait(module: &[u8]) -> bool {
    let shares = |payload: wasmparser::Result<Payload<'_>>| match payload {
        Ok(Payload::MemorySection(memories)) => {
            memories.into_iter().any(|memory| memory.is_ok_and(|memory| memory.shared))
        }
        Ok(Payload::ImportSection(imports)) => imports.into_imports().any(|import| {
            import.is_ok_and(
                |import| matches!(import.ty, wasmparser::TypeRef::Memory(memory) if memory.shared),
            )
        }),
        _ => false,
    };
    let waits = |operator: &Operator<'_>| {
        matches!(
            operator,
            Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. }
        )
    };
    Parser::new(0).parse_all(module).any(shares) && has_operator(module, waits)
}

/// Whether a module counts its steps.
pub(crate) fn counts_steps(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).any(|payload| match payload {
        Ok(Payload::ExportSection(exports)) => {
            exports.into_iter().any(|export| export.is_ok_and(|export| export.name == STEPS_EXPORT))
        }
        _ => false,
    })
}
