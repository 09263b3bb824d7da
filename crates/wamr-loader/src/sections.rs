//! One function for each kind of section.
//! <https://webassembly.github.io/spec/core/binary/modules.html>

use smallvec::smallvec;
use wamr_types::{
    AbstractHeapType, ConstExpr, ConstOp, CustomSection, Data, DataMode, Element, ElementItems,
    ElementMode, Export, ExternIdx, Feature, FuncIdx, Global, GlobalIdx, HeapType, Import,
    ImportDesc, LoadError, MemoryIdx, RefType, Table, TableIdx, TagIdx, TypeId, TypeIdx,
    TypeRegistry,
};
use wasmparser::{BinaryReader, ExternalKind, FromReader, SectionLimited, TableInit, TypeRef};

use crate::const_expr;
use crate::decode::Decoder;
use crate::error::{unreadable, unrepresentable, unsupported};
use crate::types::{TypeScope, memory};

type Result<T = ()> = core::result::Result<T, LoadError>;

impl Decoder {
    pub(crate) fn types(
        &mut self,
        section: SectionLimited<'_, wasmparser::RecGroup>,
        registry: &TypeRegistry,
    ) -> Result {
        for group in section {
            let group = group.map_err(unreadable)?;
            let len = group.types().len();
            if len == 0 {
                continue;
            }
            let group = TypeScope::in_group(&self.types, len).rec_group(group)?;
            let first = registry.register(group)?.get();
            // Ids are dense within a group, and `len` is at most a million.
            for id in (first..first + len as u32).filter_map(TypeId::from_raw) {
                let def = registry.get(id).ok_or_else(|| unrepresentable("unknown type"))?;
                self.types.push(id);
                self.type_defs.push(def);
            }
        }
        Ok(())
    }

    pub(crate) fn imports(
        &mut self,
        section: SectionLimited<'_, wasmparser::Imports<'_>>,
    ) -> Result {
        for import in section.into_imports() {
            let import = import.map_err(unreadable)?;
            let desc = self.import_desc(import.ty)?;
            self.define_import(desc);
            let (module, name) = (import.module.into(), import.name.into());
            self.imports.push(Import { module, name, desc });
        }
        Ok(())
    }

    fn import_desc(&self, ty: TypeRef) -> Result<ImportDesc> {
        let types = TypeScope::new(&self.types);
        Ok(match ty {
            TypeRef::Func(ty) => ImportDesc::Func(TypeIdx(ty)),
            TypeRef::Table(ty) => ImportDesc::Table(types.table(ty)?),
            TypeRef::Memory(ty) => ImportDesc::Memory(memory(ty)),
            TypeRef::Global(ty) => ImportDesc::Global(types.global(ty)?),
            TypeRef::Tag(ty) => ImportDesc::Tag(TypeIdx(ty.func_type_idx)),
            TypeRef::FuncExact(_) => return Err(unsupported(Feature::CustomDescriptors)),
        })
    }

    /// Gives an import its place in the index space of its kind.
    fn define_import(&mut self, desc: ImportDesc) {
        let count = match desc {
            ImportDesc::Func(ty) => {
                self.funcs.push(ty);
                &mut self.imported.funcs
            }
            ImportDesc::Table(ty) => {
                self.tables.push(Table { ty, init: None });
                &mut self.imported.tables
            }
            ImportDesc::Memory(ty) => {
                self.memories.push(ty);
                &mut self.imported.memories
            }
            ImportDesc::Global(ty) => {
                self.globals.push(Global { ty, init: None });
                &mut self.imported.globals
            }
            ImportDesc::Tag(ty) => {
                self.tags.push(ty);
                &mut self.imported.tags
            }
        };
        *count += 1;
    }

    pub(crate) fn functions(&mut self, section: SectionLimited<'_, u32>) -> Result {
        self.funcs.reserve_exact(section.count() as usize);
        for ty in section {
            self.funcs.push(TypeIdx(ty.map_err(unreadable)?));
        }
        Ok(())
    }

    pub(crate) fn tables(&mut self, section: SectionLimited<'_, wasmparser::Table<'_>>) -> Result {
        for table in section {
            let table = table.map_err(unreadable)?;
            let ty = TypeScope::new(&self.types).table(table.ty)?;
            let init = match table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expr) => Some(self.const_expr(&expr)?),
            };
            self.tables.push(Table { ty, init });
        }
        Ok(())
    }

    pub(crate) fn memories(
        &mut self,
        section: SectionLimited<'_, wasmparser::MemoryType>,
    ) -> Result {
        for ty in section {
            self.memories.push(memory(ty.map_err(unreadable)?));
        }
        Ok(())
    }

    pub(crate) fn tags(&mut self, section: SectionLimited<'_, wasmparser::TagType>) -> Result {
        for ty in section {
            self.tags.push(TypeIdx(ty.map_err(unreadable)?.func_type_idx));
        }
        Ok(())
    }

    pub(crate) fn globals(
        &mut self,
        section: SectionLimited<'_, wasmparser::Global<'_>>,
    ) -> Result {
        for global in section {
            let global = global.map_err(unreadable)?;
            let ty = TypeScope::new(&self.types).global(global.ty)?;
            let init = Some(self.const_expr(&global.init_expr)?);
            self.globals.push(Global { ty, init });
        }
        Ok(())
    }

    pub(crate) fn exports(
        &mut self,
        section: SectionLimited<'_, wasmparser::Export<'_>>,
    ) -> Result {
        self.export_map.reserve(section.count() as usize);
        for export in section {
            let export = export.map_err(unreadable)?;
            let index = extern_idx(export.kind, export.index)?;
            if let ExternIdx::Func(func) = index {
                self.escaping.push(func);
            }
            let name = Box::<str>::from(export.name);
            self.export_map.insert(name.clone(), self.exports.len());
            self.exports.push(Export { name, index });
        }
        Ok(())
    }

    pub(crate) fn elements(
        &mut self,
        section: SectionLimited<'_, wasmparser::Element<'_>>,
    ) -> Result {
        for element in section {
            let element = element.map_err(unreadable)?;
            let mode = match element.kind {
                wasmparser::ElementKind::Passive => ElementMode::Passive,
                wasmparser::ElementKind::Declared => ElementMode::Declared,
                wasmparser::ElementKind::Active { table_index, offset_expr } => {
                    ElementMode::Active {
                        table: TableIdx(table_index.unwrap_or(0)),
                        offset: self.const_expr(&offset_expr)?,
                    }
                }
            };
            let (ty, items) = self.element_items(element.items)?;
            self.elements.push(Element { mode, ty, items });
        }
        Ok(())
    }

    fn element_items(
        &mut self,
        items: wasmparser::ElementItems<'_>,
    ) -> Result<(RefType, ElementItems)> {
        match items {
            wasmparser::ElementItems::Functions(items) => {
                let mut funcs = Vec::with_capacity(items.count() as usize);
                for func in items {
                    funcs.push(FuncIdx(func.map_err(unreadable)?));
                }
                self.escaping.extend_from_slice(&funcs);
                let heap = HeapType::Abstract(AbstractHeapType::Func);
                Ok((RefType { nullable: false, heap }, ElementItems::Funcs(funcs.into())))
            }
            wasmparser::ElementItems::Expressions(ty, items) => {
                let ty = TypeScope::new(&self.types).reference(ty)?;
                let mut exprs = Vec::with_capacity(items.count() as usize);
                for expr in items {
                    exprs.push(self.const_expr(&expr.map_err(unreadable)?)?);
                }
                Ok((ty, ElementItems::Exprs(exprs.into())))
            }
        }
    }

    pub(crate) fn data(
        &mut self,
        section: &SectionLimited<'_, wasmparser::Data<'_>>,
        bytes: &[u8],
    ) -> Result {
        let start = section.original_position();
        let contents = &bytes[start as usize..section.range().end as usize];
        let mut reader = BinaryReader::new(contents, start);
        self.data.reserve_exact(section.count() as usize);
        for _ in 0..section.count() {
            let data = match plain_data(&mut reader) {
                Some(data) => data,
                None => self.data_of_any_kind(&mut reader)?,
            };
            self.data.push(data);
        }
        Ok(())
    }

    fn data_of_any_kind(&mut self, reader: &mut BinaryReader<'_>) -> Result<Data> {
        let data = wasmparser::Data::from_reader(reader).map_err(unreadable)?;
        let mode = match data.kind {
            wasmparser::DataKind::Passive => DataMode::Passive,
            wasmparser::DataKind::Active { memory_index, offset_expr } => DataMode::Active {
                memory: MemoryIdx(memory_index),
                offset: self.const_expr(&offset_expr)?,
            },
        };
        // The segment's range begins with its mode and ends with its bytes.
        let end = data.range.end as usize;
        Ok(Data { mode, range: end - data.data.len()..end })
    }

    pub(crate) fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) {
        let range = section.data_range();
        let range = range.start as usize..range.end as usize;
        self.customs.push(CustomSection { name: section.name().into(), range });
    }

    fn const_expr(&mut self, expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr> {
        const_expr::decode(expr, TypeScope::new(&self.types), &mut self.escaping)
    }
}

fn extern_idx(kind: ExternalKind, index: u32) -> Result<ExternIdx> {
    Ok(match kind {
        ExternalKind::Func => ExternIdx::Func(FuncIdx(index)),
        ExternalKind::Table => ExternIdx::Table(TableIdx(index)),
        ExternalKind::Memory => ExternIdx::Memory(MemoryIdx(index)),
        ExternalKind::Global => ExternIdx::Global(GlobalIdx(index)),
        ExternalKind::Tag => ExternIdx::Tag(TagIdx(index)),
        ExternalKind::FuncExact => return Err(unsupported(Feature::CustomDescriptors)),
    })
}

/// Reads a segment that goes to a constant address of memory 0. Nearly all are of this form, and
/// some compilers write a hundred thousand of them, so that this is much of a lazy start. Leaves
/// the reader where it is before any other segment.
fn plain_data(reader: &mut BinaryReader<'_>) -> Option<Data> {
    const ACTIVE_IN_MEMORY_0: u8 = 0;
    const I32_CONST: u8 = 0x41;
    const END: u8 = 0x0b;
    let mut ahead = reader.clone();
    if ahead.read_u8().ok()? != ACTIVE_IN_MEMORY_0 || ahead.read_u8().ok()? != I32_CONST {
        return None;
    }
    let offset = ahead.read_var_i32().ok()?;
    if ahead.read_u8().ok()? != END {
        return None;
    }
    let len = ahead.read_var_u32().ok()? as usize;
    ahead.read_bytes(len).ok()?;
    let end = ahead.original_position() as usize;
    *reader = ahead;
    let offset = ConstExpr(smallvec![ConstOp::I32Const(offset)]);
    Some(Data { mode: DataMode::Active { memory: MemoryIdx(0), offset }, range: end - len..end })
}
