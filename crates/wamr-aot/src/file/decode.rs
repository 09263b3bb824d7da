//! From what stands in a file to a decoded module, every index checked.

use core::ops::Range;
use std::collections::HashMap;
use std::sync::Arc;

use wamr_types as wasm;
use wamr_types::limits;
use wamr_types::{
    DefinedFuncIdx, FuncIdx, FunctionBodies, FunctionBody, GlobalIdx, LoadError, MemoryIdx,
    ModuleBytes, TableIdx, TagIdx, TypeId, TypeIdx, TypeRegistry,
};

use super::FileError;
use super::const_expr::Scope;
use super::retype::retype;
use super::schema::{
    Address, CompositeType, ConstOp, Data, Element, ElementItems, ElementMode, ExternKind,
    FieldType, GlobalType, HeapType, ImportDesc, Limits, MemoryType, Module, RefType, StorageType,
    SubType, TableType, ValType,
};

type Result<T = ()> = core::result::Result<T, FileError>;

fn malformed<T>(what: &'static str) -> Result<T> {
    Err(FileError::Malformed(what))
}

/// Refuses what is larger than in any module that loaders accept.
fn at_most(count: usize, most: usize) -> Result {
    if count <= most { Ok(()) } else { malformed("a module beyond the limits of modules") }
}

/// Where the bytes of segments and sections are.
pub(super) struct Blobs {
    pub(super) bytes: ModuleBytes,
    pub(super) data: Range<usize>,
    pub(super) custom: Range<usize>,
    /// What the module was validated with.
    pub(super) features: wasm::Features,
}

/// A decoded module whose types are in no engine's registry. An engine holds types for ever, so that
/// they are put elsewhere until it is known that nothing is wrong with the rest either.
pub(super) struct Draft {
    module: wasm::Module,
    types: Vec<Vec<SubType>>,
}

impl Draft {
    /// Decodes a module of a package version.
    pub(super) fn new(file: Module<'_>, package: u16, blobs: Blobs) -> Result<Self> {
        check_counts(&file)?;
        let module = decode(&file, package, blobs, &TypeRegistry::new())?;
        Ok(Self { module, types: file.types })
    }

    /// The module, with its types in a registry.
    pub(super) fn register(self, registry: &TypeRegistry) -> Result<wasm::Module> {
        let Self { mut module, types } = self;
        let mut decoder = Decoder::new(registry);
        decoder.types(&types)?;
        retype(&mut module, decoder.types, decoder.type_defs);
        Ok(module)
    }
}

fn decode(
    file: &Module<'_>,
    package: u16,
    blobs: Blobs,
    registry: &TypeRegistry,
) -> Result<wasm::Module> {
    let mut decoder = Decoder::new(registry);
    decoder.types(&file.types)?;
    decoder.imports(file, package)?;
    decoder.definitions(file)?;
    decoder.exports(file)?;
    let start = file.start.map(|func| decoder.func(func)).transpose()?;
    if let Some(start) = start {
        let ty = decoder.module_func_type(start);
        if !ty.params().is_empty() || !ty.results().is_empty() {
            return malformed("a start function with parameters or results");
        }
    }
    let elements = file.elements.iter().map(|element| decoder.element(element));
    let elements = elements.collect::<Result<_>>()?;
    let mut ranges = Ranges { rest: blobs.data };
    let mut data = Vec::with_capacity(file.data.len());
    for segment in &file.data {
        data.push(decoder.data(segment, &mut ranges)?);
    }
    ranges.finish()?;
    let mut ranges = Ranges { rest: blobs.custom };
    let customs = file.customs.iter().map(|&(name, len)| {
        Ok(wasm::CustomSection { name: name.into(), range: ranges.take(len)? })
    });
    let customs = customs.collect::<Result<_>>()?;
    ranges.finish()?;
    let code_offset = usize::try_from(file.code_offset)
        .or_else(|_| malformed("a code section beyond the address space"))?;
    decoder.escaping.extend(start);
    decoder.escaping.sort_unstable();
    decoder.escaping.dedup();
    Ok(wasm::Module {
        types: decoder.types.into(),
        type_defs: decoder.type_defs.into(),
        imports: decoder.imports.into(),
        funcs: decoder.funcs.into(),
        tables: decoder.tables.into(),
        memories: decoder.memories.into(),
        globals: decoder.globals.into(),
        tags: decoder.tags.into(),
        exports: decoder.exports.into(),
        export_map: decoder.export_map,
        start,
        elements,
        data: data.into(),
        imported_funcs: decoder.imported[0],
        imported_tables: decoder.imported[1],
        imported_memories: decoder.imported[2],
        imported_globals: decoder.imported[3],
        imported_tags: decoder.imported[4],
        escaping_funcs: decoder.escaping.into(),
        customs,
        names: names(file)?,
        branch_hints: Box::default(),
        custom_errors: Box::default(),
        code_offset,
        bytes: blobs.bytes,
        bodies: Arc::new(NoBodies),
        features: blobs.features,
    })
}

/// Checks how much of everything there is, before any of it is looked at.
fn check_counts(file: &Module<'_>) -> Result {
    let mut imported = [0; 5];
    for import in &file.imports {
        imported[match import.desc {
            ImportDesc::Func(_) => 0,
            ImportDesc::Table(_) => 1,
            ImportDesc::Memory(_) => 2,
            ImportDesc::Global(_) => 3,
            ImportDesc::Tag(_) => 4,
        }] += 1;
    }
    let [funcs, tables, memories, globals, tags] = imported;
    at_most(file.types.iter().map(Vec::len).sum(), limits::MAX_TYPES)?;
    at_most(file.imports.len(), limits::MAX_ITEMS)?;
    at_most(funcs + file.funcs.len(), limits::MAX_ITEMS)?;
    at_most(tables + file.tables.len(), limits::MAX_TABLES)?;
    at_most(memories + file.memories.len(), limits::MAX_MEMORIES)?;
    at_most(globals + file.globals.len(), limits::MAX_ITEMS)?;
    at_most(tags + file.tags.len(), limits::MAX_ITEMS)?;
    at_most(file.exports.len(), limits::MAX_ITEMS)?;
    at_most(file.elements.len(), limits::MAX_SEGMENTS)?;
    at_most(file.data.len(), limits::MAX_SEGMENTS)
}

fn names(file: &Module<'_>) -> Result<wasm::Names> {
    let funcs: Box<[(FuncIdx, Box<str>)]> =
        file.func_names.iter().map(|&(func, name)| (FuncIdx(func), name.into())).collect();
    if !funcs.is_sorted_by(|(a, _), (b, _)| a < b) {
        return malformed("names out of order");
    }
    Ok(wasm::Names { module: file.name.map(Into::into), given: None, funcs })
}

/// The type of a module's first memory.
pub(super) fn memory0(file: &Module<'_>) -> Result<Option<wasm::MemoryType>> {
    let mut imported = file.imports.iter().filter_map(|import| match import.desc {
        ImportDesc::Memory(ty) => Some(ty),
        _ => None,
    });
    imported.next().or(file.memories.first().copied()).map(memory).transpose()
}

/// The bodies of compiled functions, which are not kept.
struct NoBodies;

impl FunctionBodies for NoBodies {
    fn body(&self, _: DefinedFuncIdx) -> FunctionBody<'_> {
        FunctionBody { bytes: &[], offset: 0 }
    }

    fn validate(&self, _: DefinedFuncIdx) -> core::result::Result<(), LoadError> {
        Ok(())
    }
}

/// Parts of a section, one behind the other.
struct Ranges {
    rest: Range<usize>,
}

impl Ranges {
    fn take(&mut self, len: u64) -> Result<Range<usize>> {
        let start = self.rest.start;
        match usize::try_from(len).ok().and_then(|len| start.checked_add(len)) {
            Some(end) if end <= self.rest.end => {
                self.rest.start = end;
                Ok(start..end)
            }
            _ => malformed("bytes beyond their section"),
        }
    }

    fn finish(self) -> Result {
        if self.rest.is_empty() { Ok(()) } else { malformed("bytes that belong to nothing") }
    }
}

struct Decoder<'a> {
    registry: &'a TypeRegistry,
    types: Vec<TypeId>,
    type_defs: Vec<Arc<wasm::SubType>>,
    imports: Vec<wasm::Import>,
    /// Functions, tables, memories, globals, tags.
    imported: [u32; 5],
    funcs: Vec<TypeIdx>,
    tables: Vec<wasm::Table>,
    memories: Vec<wasm::MemoryType>,
    globals: Vec<wasm::Global>,
    tags: Vec<TypeIdx>,
    exports: Vec<wasm::Export>,
    export_map: HashMap<Box<str>, usize>,
    escaping: Vec<FuncIdx>,
}

impl<'a> Decoder<'a> {
    fn new(registry: &'a TypeRegistry) -> Self {
        Self {
            registry,
            types: Vec::new(),
            type_defs: Vec::new(),
            imports: Vec::new(),
            imported: [0; 5],
            funcs: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            exports: Vec::new(),
            export_map: HashMap::new(),
            escaping: Vec::new(),
        }
    }

    fn types(&mut self, groups: &[Vec<SubType>]) -> Result {
        for group in groups {
            if group.is_empty() {
                return malformed("an empty recursion group");
            }
            let scope = Types { ids: &self.types, group_len: group.len() };
            let types: Box<[_]> =
                group.iter().map(|ty| scope.sub_type(ty)).collect::<Result<_>>()?;
            let first = self.registry.register(wasm::RecGroup { types })?.get();
            for id in (first..first + group.len() as u32).filter_map(TypeId::from_raw) {
                let Some(def) = self.registry.get(id) else { return malformed("an unknown type") };
                self.types.push(id);
                self.type_defs.push(def);
            }
        }
        Ok(())
    }

    /// The scope of everything but type definitions.
    fn outside(&self) -> Types<'_> {
        Types { ids: &self.types, group_len: 0 }
    }

    fn func_type(&self, ty: u32) -> Result<TypeIdx> {
        let def = self.type_defs.get(ty as usize);
        if def.and_then(|def| def.as_func()).is_none() {
            return malformed("a type that is not a function's");
        }
        Ok(TypeIdx(ty))
    }

    fn tag_type(&self, ty: u32) -> Result<TypeIdx> {
        let ty = self.func_type(ty)?;
        let def = self.type_defs[ty.index()].as_func();
        if def.is_none_or(|def| !def.results().is_empty()) {
            return malformed("a tag with results");
        }
        Ok(ty)
    }

    fn module_func_type(&self, func: FuncIdx) -> &wasm::FuncType {
        let ty = self.funcs[func.index()];
        self.type_defs[ty.index()].as_func().expect("checked when the function was added")
    }

    fn imports(&mut self, file: &Module<'_>, package: u16) -> Result {
        for import in &file.imports {
            let is_later = !matches!(import.desc, ImportDesc::Func(_) | ImportDesc::Global(_));
            if package < 2 && is_later {
                return malformed("an import that its package version does not have");
            }
            let (desc, kind) = match import.desc {
                ImportDesc::Func(ty) => {
                    let ty = self.func_type(ty)?;
                    self.funcs.push(ty);
                    (wasm::ImportDesc::Func(ty), 0)
                }
                ImportDesc::Table(ty) => {
                    let ty = self.outside().table(ty)?;
                    self.tables.push(wasm::Table { ty, init: None });
                    (wasm::ImportDesc::Table(ty), 1)
                }
                ImportDesc::Memory(ty) => {
                    let ty = memory(ty)?;
                    self.memories.push(ty);
                    (wasm::ImportDesc::Memory(ty), 2)
                }
                ImportDesc::Global(ty) => {
                    let ty = self.outside().global(ty)?;
                    self.globals.push(wasm::Global { ty, init: None });
                    (wasm::ImportDesc::Global(ty), 3)
                }
                ImportDesc::Tag(ty) => {
                    let ty = self.tag_type(ty)?;
                    self.tags.push(ty);
                    (wasm::ImportDesc::Tag(ty), 4)
                }
            };
            self.imported[kind] += 1;
            let (module, name) = (import.module.into(), import.name.into());
            self.imports.push(wasm::Import { module, name, desc });
        }
        Ok(())
    }

    fn definitions(&mut self, file: &Module<'_>) -> Result {
        self.funcs.reserve_exact(file.funcs.len());
        for &ty in &file.funcs {
            self.funcs.push(self.func_type(ty)?);
        }
        for &ty in &file.memories {
            self.memories.push(memory(ty)?);
        }
        for &ty in &file.tags {
            self.tags.push(self.tag_type(ty)?);
        }
        for (ty, init) in &file.globals {
            let ty = self.outside().global(*ty)?;
            let init = Some(self.const_expr(init, ty.content)?);
            self.globals.push(wasm::Global { ty, init });
        }
        for (ty, init) in &file.tables {
            let ty = self.outside().table(*ty)?;
            let init = match init {
                Some(init) => Some(self.const_expr(init, wasm::ValType::Ref(ty.element))?),
                None if ty.element.nullable => None,
                None => return malformed("a table without the value that it needs"),
            };
            self.tables.push(wasm::Table { ty, init });
        }
        Ok(())
    }

    fn exports(&mut self, file: &Module<'_>) -> Result {
        self.export_map.reserve(file.exports.len());
        for export in &file.exports {
            let index = export.index;
            let index = match export.kind {
                ExternKind::Func => {
                    let func = self.func(index)?;
                    self.escaping.push(func);
                    wasm::ExternIdx::Func(func)
                }
                ExternKind::Table => wasm::ExternIdx::Table(TableIdx(index)),
                ExternKind::Memory => wasm::ExternIdx::Memory(MemoryIdx(index)),
                ExternKind::Global => wasm::ExternIdx::Global(GlobalIdx(index)),
                ExternKind::Tag => wasm::ExternIdx::Tag(TagIdx(index)),
            };
            let count = match export.kind {
                ExternKind::Func => self.funcs.len(),
                ExternKind::Table => self.tables.len(),
                ExternKind::Memory => self.memories.len(),
                ExternKind::Global => self.globals.len(),
                ExternKind::Tag => self.tags.len(),
            };
            let name = Box::<str>::from(export.name);
            let before = self.export_map.insert(name.clone(), self.exports.len());
            if export.index as usize >= count || before.is_some() {
                return malformed("an export of nothing, or of a name that is taken");
            }
            self.exports.push(wasm::Export { name, index });
        }
        Ok(())
    }

    fn func(&self, func: u32) -> Result<FuncIdx> {
        if func as usize >= self.funcs.len() {
            return malformed("an unknown function");
        }
        Ok(FuncIdx(func))
    }

    fn element(&mut self, element: &Element) -> Result<wasm::Element> {
        let ty = self.outside().reference(element.ty)?;
        let mode = match &element.mode {
            ElementMode::Passive => wasm::ElementMode::Passive,
            ElementMode::Declared => wasm::ElementMode::Declared,
            ElementMode::Active { table, offset } => {
                let Some(table_ty) = self.tables.get(*table as usize).map(|table| table.ty) else {
                    return malformed("an unknown table");
                };
                if !self.registry.ref_matches(ty, table_ty.element) {
                    return malformed("an element segment of another type than its table");
                }
                let offset = self.const_expr(offset, table_ty.index.val_type())?;
                wasm::ElementMode::Active { table: TableIdx(*table), offset }
            }
        };
        let items = match &element.items {
            ElementItems::Funcs(funcs) => {
                at_most(funcs.len(), limits::MAX_SEGMENT_ITEMS)?;
                let items =
                    funcs.iter().map(|&func| self.func(func)).collect::<Result<Box<_>>>()?;
                self.escaping.extend_from_slice(&items);
                let is_func = self.registry.top_of(ty.heap) == wasm::AbstractHeapType::Func;
                let concrete = matches!(ty.heap, wasm::HeapType::Concrete(_));
                if !is_func || concrete && !items.iter().all(|&func| self.is_of(func, ty)) {
                    return malformed("functions in an element segment of another type");
                }
                wasm::ElementItems::Funcs(items)
            }
            ElementItems::Exprs(exprs) => {
                at_most(exprs.len(), limits::MAX_SEGMENT_ITEMS)?;
                let wanted = wasm::ValType::Ref(ty);
                let items = exprs.iter().map(|expr| self.const_expr(expr, wanted));
                wasm::ElementItems::Exprs(items.collect::<Result<_>>()?)
            }
        };
        Ok(wasm::Element { mode, ty, items })
    }

    fn is_of(&self, func: FuncIdx, ty: wasm::RefType) -> bool {
        let id = self.types[self.funcs[func.index()].index()];
        self.registry.heap_matches(wasm::HeapType::Concrete(id), ty.heap)
    }

    fn data(&mut self, data: &Data, ranges: &mut Ranges) -> Result<wasm::Data> {
        let mode = match &data.active {
            None => wasm::DataMode::Passive,
            Some((memory, offset)) => {
                let Some(ty) = self.memories.get(*memory as usize) else {
                    return malformed("an unknown memory");
                };
                let offset = match offset {
                    &Address::I32(offset) if ty.index == wasm::IndexType::I32 => {
                        wasm::ConstExpr([wasm::ConstOp::I32Const(offset)].into())
                    }
                    &Address::I32(_) => return malformed("an invalid constant expression"),
                    Address::Other(ops) => self.const_expr(ops, ty.index.val_type())?,
                };
                wasm::DataMode::Active { memory: MemoryIdx(*memory), offset }
            }
        };
        Ok(wasm::Data { mode, range: ranges.take(data.len_bytes)? })
    }

    fn const_expr(&mut self, expr: &[ConstOp], wanted: wasm::ValType) -> Result<wasm::ConstExpr> {
        let ops = expr.iter().map(|&op| self.outside().const_op(op)).collect::<Result<_>>()?;
        let decoded = wasm::ConstExpr(ops);
        let scope = Scope {
            registry: self.registry,
            types: &self.types,
            type_defs: &self.type_defs,
            funcs: &self.funcs,
            globals: &self.globals,
        };
        scope.check(&decoded, wanted)?;
        for op in &decoded.0 {
            if let wasm::ConstOp::RefFunc(func) = op {
                self.escaping.push(*func);
            }
        }
        Ok(decoded)
    }
}

/// What type indices mean at one place.
#[derive(Clone, Copy)]
struct Types<'a> {
    /// All types before the current recursion group.
    ids: &'a [TypeId],
    /// How many types that group has; 0 outside of groups.
    group_len: usize,
}

impl Types<'_> {
    fn id(self, ty: u32) -> Result<TypeId> {
        match (ty as usize).checked_sub(self.ids.len()) {
            None => Ok(self.ids[ty as usize]),
            Some(position) if position < self.group_len => Ok(TypeId::in_group(position as u32)),
            Some(_) => malformed("an unknown type"),
        }
    }

    fn sub_type(self, ty: &SubType) -> Result<wasm::SubType> {
        let vals = |types: &[ValType]| {
            types.iter().map(|&ty| self.val(ty)).collect::<Result<Vec<wasm::ValType>>>()
        };
        let composite = match &ty.composite {
            CompositeType::Func { params, results } => {
                at_most(params.len(), limits::MAX_PARAMS)?;
                at_most(results.len(), limits::MAX_RESULTS)?;
                wasm::CompositeType::Func(wasm::FuncType::new(vals(params)?, vals(results)?))
            }
            CompositeType::Struct(fields) => {
                at_most(fields.len(), limits::MAX_FIELDS)?;
                let fields =
                    fields.iter().map(|&field| self.field(field)).collect::<Result<_>>()?;
                wasm::CompositeType::Struct(wasm::StructType { fields })
            }
            CompositeType::Array(element) => {
                wasm::CompositeType::Array(wasm::ArrayType(self.field(*element)?))
            }
        };
        let supertype = ty.supertype.map(|ty| self.id(ty)).transpose()?;
        Ok(wasm::SubType { is_final: ty.is_final, supertype, composite })
    }

    fn field(self, field: FieldType) -> Result<wasm::FieldType> {
        let storage = match field.storage {
            StorageType::I8 => wasm::StorageType::I8,
            StorageType::I16 => wasm::StorageType::I16,
            StorageType::Val(ty) => wasm::StorageType::Val(self.val(ty)?),
        };
        Ok(wasm::FieldType { storage, mutable: field.mutable })
    }

    fn val(self, ty: ValType) -> Result<wasm::ValType> {
        Ok(match ty {
            ValType::I32 => wasm::ValType::I32,
            ValType::I64 => wasm::ValType::I64,
            ValType::F32 => wasm::ValType::F32,
            ValType::F64 => wasm::ValType::F64,
            ValType::V128 => wasm::ValType::V128,
            ValType::Ref(ty) => wasm::ValType::Ref(self.reference(ty)?),
        })
    }

    fn reference(self, ty: RefType) -> Result<wasm::RefType> {
        Ok(wasm::RefType { nullable: ty.nullable, heap: self.heap(ty.heap)? })
    }

    fn heap(self, heap: HeapType) -> Result<wasm::HeapType> {
        use wasm::AbstractHeapType as H;
        Ok(wasm::HeapType::Abstract(match heap {
            HeapType::Concrete(ty) => return Ok(wasm::HeapType::Concrete(self.id(ty)?)),
            HeapType::Func => H::Func,
            HeapType::NoFunc => H::NoFunc,
            HeapType::Extern => H::Extern,
            HeapType::NoExtern => H::NoExtern,
            HeapType::Any => H::Any,
            HeapType::Eq => H::Eq,
            HeapType::I31 => H::I31,
            HeapType::Struct => H::Struct,
            HeapType::Array => H::Array,
            HeapType::None => H::None,
            HeapType::Exn => H::Exn,
            HeapType::NoExn => H::NoExn,
        }))
    }

    fn table(self, ty: TableType) -> Result<wasm::TableType> {
        Ok(wasm::TableType {
            index: index_type(ty.is_64),
            element: self.reference(ty.element)?,
            limits: limits_of(ty.limits)?,
        })
    }

    fn global(self, ty: GlobalType) -> Result<wasm::GlobalType> {
        Ok(wasm::GlobalType { content: self.val(ty.content)?, mutable: ty.mutable })
    }

    fn const_op(self, op: ConstOp) -> Result<wasm::ConstOp> {
        use wasm::ConstOp as Op;
        Ok(match op {
            ConstOp::I32Const(value) => Op::I32Const(value),
            ConstOp::I64Const(value) => Op::I64Const(value),
            ConstOp::F32Const(bits) => Op::F32Const(bits),
            ConstOp::F64Const(bits) => Op::F64Const(bits),
            ConstOp::V128Const(bits) => Op::V128Const(bits),
            ConstOp::RefNull(heap) => Op::RefNull(self.heap(heap)?),
            ConstOp::RefFunc(func) => Op::RefFunc(FuncIdx(func)),
            ConstOp::GlobalGet(global) => Op::GlobalGet(GlobalIdx(global)),
            ConstOp::I32Add => Op::I32Add,
            ConstOp::I32Sub => Op::I32Sub,
            ConstOp::I32Mul => Op::I32Mul,
            ConstOp::I64Add => Op::I64Add,
            ConstOp::I64Sub => Op::I64Sub,
            ConstOp::I64Mul => Op::I64Mul,
            ConstOp::RefI31 => Op::RefI31,
            ConstOp::StructNew(ty) => Op::StructNew(TypeIdx(ty)),
            ConstOp::StructNewDefault(ty) => Op::StructNewDefault(TypeIdx(ty)),
            ConstOp::ArrayNew(ty) => Op::ArrayNew(TypeIdx(ty)),
            ConstOp::ArrayNewDefault(ty) => Op::ArrayNewDefault(TypeIdx(ty)),
            ConstOp::ArrayNewFixed(ty, len) => Op::ArrayNewFixed(TypeIdx(ty), len),
            ConstOp::AnyConvertExtern => Op::AnyConvertExtern,
            ConstOp::ExternConvertAny => Op::ExternConvertAny,
        })
    }
}

fn index_type(is_64: bool) -> wasm::IndexType {
    if is_64 { wasm::IndexType::I64 } else { wasm::IndexType::I32 }
}

fn limits_of(limits: Limits) -> Result<wasm::Limits> {
    if limits.max.is_some_and(|max| max < limits.min) {
        return malformed("a maximum below the minimum");
    }
    Ok(wasm::Limits { min: limits.min, max: limits.max })
}

fn memory(ty: MemoryType) -> Result<wasm::MemoryType> {
    if !matches!(ty.page_size_log2, 0 | 16) {
        return malformed("an unknown size of pages");
    }
    let ty = wasm::MemoryType {
        index: index_type(ty.is_64),
        limits: limits_of(ty.limits)?,
        shared: ty.shared,
        page_size_log2: ty.page_size_log2,
    };
    let largest = ty.limits.max.unwrap_or(ty.limits.min);
    if largest > ty.addressable_pages() || ty.shared && ty.limits.max.is_none() {
        return malformed("impossible limits of a memory");
    }
    Ok(ty)
}
