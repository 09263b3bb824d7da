//! The second of two passes over a module: turns validated sections into a [`Module`].

use std::collections::HashMap;
use std::sync::Arc;

use wamr_types::{
    CustomSection, Data, Element, Export, Features, FuncIdx, FunctionBodies, Global, Import,
    LoadError, MemoryType, Module, ModuleBytes, Names, SubType, Table, TypeId, TypeIdx,
    TypeRegistry,
};
use wasmparser::Payload;

use crate::hints::BranchHints;
use crate::names;

/// A module in the making: the fields of [`Module`] that its sections fill.
#[derive(Default)]
pub(crate) struct Decoder {
    pub(crate) types: Vec<TypeId>,
    pub(crate) type_defs: Vec<Arc<SubType>>,
    pub(crate) imports: Vec<Import>,
    pub(crate) funcs: Vec<TypeIdx>,
    pub(crate) tables: Vec<Table>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) globals: Vec<Global>,
    pub(crate) tags: Vec<TypeIdx>,
    pub(crate) exports: Vec<Export>,
    pub(crate) export_map: HashMap<Box<str>, usize>,
    pub(crate) start: Option<FuncIdx>,
    pub(crate) elements: Vec<Element>,
    pub(crate) data: Vec<Data>,
    pub(crate) imported: Imported,
    pub(crate) escaping: Vec<FuncIdx>,
    pub(crate) customs: Vec<CustomSection>,
    pub(crate) names: Names,
    pub(crate) branch_hints: BranchHints,
    pub(crate) custom_errors: Vec<LoadError>,
}

/// How many items of each kind are imported.
#[derive(Default)]
pub(crate) struct Imported {
    pub(crate) funcs: u32,
    pub(crate) tables: u32,
    pub(crate) memories: u32,
    pub(crate) globals: u32,
    pub(crate) tags: u32,
}

impl Decoder {
    /// Decodes all sections of an outline of `bytes`.
    pub(crate) fn read(
        sections: Vec<Payload<'_>>,
        bytes: &[u8],
        registry: &TypeRegistry,
    ) -> Result<Self, LoadError> {
        let mut decoder = Self { names: names::all(&sections), ..Self::default() };
        for section in sections {
            let offset = section.as_section().map(|(_, range)| range.start as usize);
            decoder
                .section(section, bytes, registry)
                .map_err(|error| LoadError { offset: error.offset.or(offset), ..error })?;
        }
        Ok(decoder)
    }

    fn section(
        &mut self,
        section: Payload<'_>,
        bytes: &[u8],
        registry: &TypeRegistry,
    ) -> Result<(), LoadError> {
        match section {
            Payload::TypeSection(section) => self.types(section, registry)?,
            Payload::ImportSection(section) => self.imports(section)?,
            Payload::FunctionSection(section) => self.functions(section)?,
            Payload::TableSection(section) => self.tables(section)?,
            Payload::MemorySection(section) => self.memories(section)?,
            Payload::TagSection(section) => self.tags(section)?,
            Payload::GlobalSection(section) => self.globals(section)?,
            Payload::ExportSection(section) => self.exports(section)?,
            Payload::StartSection { func, .. } => self.start = Some(FuncIdx(func)),
            Payload::ElementSection(section) => self.elements(section)?,
            Payload::DataSection(section) => self.data(&section, bytes)?,
            Payload::CustomSection(section) => self.custom(&section),
            // The header, the data count and the end hold nothing that is not known already;
            // sections of other kinds have not passed validation.
            _ => {}
        }
        Ok(())
    }

    /// The finished module.
    pub(crate) fn finish(
        mut self,
        bytes: ModuleBytes,
        bodies: Arc<dyn FunctionBodies>,
        code_offset: usize,
        features: Features,
    ) -> Module {
        self.escaping.extend(self.start);
        self.escaping.sort_unstable();
        self.escaping.dedup();
        Module {
            types: self.types.into(),
            type_defs: self.type_defs.into(),
            imports: self.imports.into(),
            funcs: self.funcs.into(),
            tables: self.tables.into(),
            memories: self.memories.into(),
            globals: self.globals.into(),
            tags: self.tags.into(),
            exports: self.exports.into(),
            export_map: self.export_map,
            start: self.start,
            elements: self.elements.into(),
            data: self.data.into(),
            imported_funcs: self.imported.funcs,
            imported_tables: self.imported.tables,
            imported_memories: self.imported.memories,
            imported_globals: self.imported.globals,
            imported_tags: self.imported.tags,
            escaping_funcs: self.escaping.into(),
            customs: self.customs.into(),
            names: self.names,
            branch_hints: self.branch_hints,
            custom_errors: self.custom_errors.into(),
            code_offset,
            bytes,
            bodies,
            features,
        }
    }
}
