//! From a decoded module to what stands in a file.

use std::collections::HashMap;

use wamr_types as wasm;
use wamr_types::{TypeId, TypeRegistry};

use super::schema::{
    CompositeType, ConstExpr, ConstOp, Data, Element, ElementItems, ElementMode, Export,
    ExternKind, FieldType, GlobalType, HeapType, Import, ImportDesc, Limits, MemoryType, Module,
    RefType, StorageType, SubType, TableType, ValType,
};

/// The lowest package version that has all of a module's imports.
pub(super) fn package_of(module: &wasm::Module) -> u16 {
    let is_first = |import: &wasm::Import| {
        matches!(import.desc, wasm::ImportDesc::Func(_) | wasm::ImportDesc::Global(_))
    };
    if module.imports.iter().all(is_first) { 1 } else { 2 }
}

/// Encodes a module, with those custom sections alone that `keep` wants. `None` if its types are
/// not those of `registry`.
pub(super) fn module<'a>(
    module: &'a wasm::Module,
    registry: &TypeRegistry,
    keep: impl Fn(&str) -> bool,
) -> Option<Module<'a>> {
    let mut encoder = Encoder { positions: HashMap::new(), group: None };
    for (position, &id) in module.types.iter().enumerate() {
        encoder.positions.entry(id).or_insert(position as u32);
    }
    let types = encoder.types(module, registry)?;
    let customs = module.customs.iter().filter(|section| keep(&section.name));
    Some(Module {
        name: module.names.module.as_deref(),
        types,
        imports: collect(module.imports.iter().map(|import| encoder.import(import)))?,
        funcs: module.funcs[module.imported_funcs as usize..].iter().map(|ty| ty.0).collect(),
        tables: collect(module.tables[module.imported_tables as usize..].iter().map(|table| {
            let init = match &table.init {
                Some(init) => Some(encoder.const_expr(init)?),
                None => None,
            };
            Some((encoder.table(table.ty)?, init))
        }))?,
        memories: module.memories[module.imported_memories as usize..]
            .iter()
            .map(|&ty| memory(ty))
            .collect(),
        globals: collect(module.globals[module.imported_globals as usize..].iter().map(
            |global| Some((encoder.global(global.ty)?, encoder.const_expr(global.init.as_ref()?)?)),
        ))?,
        tags: module.tags[module.imported_tags as usize..].iter().map(|ty| ty.0).collect(),
        exports: module.exports.iter().map(export).collect(),
        start: module.start.map(|func| func.0),
        elements: collect(module.elements.iter().map(|element| encoder.element(element)))?,
        data: collect(module.data.iter().map(|data| encoder.data(data)))?,
        customs: customs.map(|section| (&*section.name, section.range.len() as u64)).collect(),
        func_names: module.names.funcs.iter().map(|(func, name)| (func.0, &**name)).collect(),
        code_offset: module.code_offset as u64,
    })
}

fn collect<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    items.collect()
}

struct Encoder {
    /// The first position of each type.
    positions: HashMap<TypeId, u32>,
    /// The recursion group that is being encoded: where it begins, the id of its first member, and
    /// how many it has. What refers into it means this group, also if the same one came before.
    group: Option<(u32, TypeId, u32)>,
}

impl Encoder {
    fn types(
        &mut self,
        module: &wasm::Module,
        registry: &TypeRegistry,
    ) -> Option<Vec<Vec<SubType>>> {
        let mut groups = Vec::new();
        let mut at = 0;
        while let Some(&id) = module.types.get(at) {
            let (first, len) = registry.group_of(id)?;
            self.group = Some((at as u32, first, len));
            let members = module.type_defs.get(at..at + len as usize)?;
            groups.push(collect(members.iter().map(|ty| self.sub_type(ty)))?);
            at += len as usize;
        }
        self.group = None;
        Some(groups)
    }

    fn sub_type(&self, ty: &wasm::SubType) -> Option<SubType> {
        let supertype = match ty.supertype {
            Some(id) => Some(self.type_index(id)?),
            None => None,
        };
        let vals = |types: &[wasm::ValType]| collect(types.iter().map(|&ty| self.val(ty)));
        let composite = match &ty.composite {
            wasm::CompositeType::Func(ty) => {
                CompositeType::Func { params: vals(ty.params())?, results: vals(ty.results())? }
            }
            wasm::CompositeType::Struct(ty) => {
                CompositeType::Struct(collect(ty.fields.iter().map(|field| self.field(field)))?)
            }
            wasm::CompositeType::Array(ty) => CompositeType::Array(self.field(&ty.0)?),
        };
        Some(SubType { is_final: ty.is_final, supertype, composite })
    }

    fn type_index(&self, id: TypeId) -> Option<u32> {
        if let Some((start, first, len)) = self.group
            && let Some(position) = id.get().checked_sub(first.get())
            && position < len
        {
            return Some(start + position);
        }
        self.positions.get(&id).copied()
    }

    fn field(&self, field: &wasm::FieldType) -> Option<FieldType> {
        let storage = match field.storage {
            wasm::StorageType::I8 => StorageType::I8,
            wasm::StorageType::I16 => StorageType::I16,
            wasm::StorageType::Val(ty) => StorageType::Val(self.val(ty)?),
        };
        Some(FieldType { storage, mutable: field.mutable })
    }

    fn val(&self, ty: wasm::ValType) -> Option<ValType> {
        Some(match ty {
            wasm::ValType::I32 => ValType::I32,
            wasm::ValType::I64 => ValType::I64,
            wasm::ValType::F32 => ValType::F32,
            wasm::ValType::F64 => ValType::F64,
            wasm::ValType::V128 => ValType::V128,
            wasm::ValType::Ref(ty) => ValType::Ref(self.reference(ty)?),
        })
    }

    fn reference(&self, ty: wasm::RefType) -> Option<RefType> {
        Some(RefType { nullable: ty.nullable, heap: self.heap(ty.heap)? })
    }

    fn heap(&self, heap: wasm::HeapType) -> Option<HeapType> {
        use wasm::AbstractHeapType as H;
        Some(match heap {
            wasm::HeapType::Concrete(id) => HeapType::Concrete(self.type_index(id)?),
            wasm::HeapType::Abstract(heap) => match heap {
                H::Func => HeapType::Func,
                H::NoFunc => HeapType::NoFunc,
                H::Extern => HeapType::Extern,
                H::NoExtern => HeapType::NoExtern,
                H::Any => HeapType::Any,
                H::Eq => HeapType::Eq,
                H::I31 => HeapType::I31,
                H::Struct => HeapType::Struct,
                H::Array => HeapType::Array,
                H::None => HeapType::None,
                H::Exn => HeapType::Exn,
                H::NoExn => HeapType::NoExn,
            },
        })
    }

    fn table(&self, ty: wasm::TableType) -> Option<TableType> {
        Some(TableType {
            is_64: ty.index == wasm::IndexType::I64,
            element: self.reference(ty.element)?,
            limits: limits(ty.limits),
        })
    }

    fn global(&self, ty: wasm::GlobalType) -> Option<GlobalType> {
        Some(GlobalType { content: self.val(ty.content)?, mutable: ty.mutable })
    }

    fn import<'a>(&self, import: &'a wasm::Import) -> Option<Import<'a>> {
        let desc = match import.desc {
            wasm::ImportDesc::Func(ty) => ImportDesc::Func(ty.0),
            wasm::ImportDesc::Table(ty) => ImportDesc::Table(self.table(ty)?),
            wasm::ImportDesc::Memory(ty) => ImportDesc::Memory(memory(ty)),
            wasm::ImportDesc::Global(ty) => ImportDesc::Global(self.global(ty)?),
            wasm::ImportDesc::Tag(ty) => ImportDesc::Tag(ty.0),
        };
        Some(Import { module: &import.module, name: &import.name, desc })
    }

    fn element(&self, element: &wasm::Element) -> Option<Element> {
        let mode = match &element.mode {
            wasm::ElementMode::Active { table, offset } => {
                ElementMode::Active { table: table.0, offset: self.const_expr(offset)? }
            }
            wasm::ElementMode::Passive => ElementMode::Passive,
            wasm::ElementMode::Declared => ElementMode::Declared,
        };
        let items = match &element.items {
            wasm::ElementItems::Funcs(funcs) => {
                ElementItems::Funcs(funcs.iter().map(|func| func.0).collect())
            }
            wasm::ElementItems::Exprs(exprs) => {
                ElementItems::Exprs(collect(exprs.iter().map(|expr| self.const_expr(expr)))?)
            }
        };
        Some(Element { mode, ty: self.reference(element.ty)?, items })
    }

    fn data(&self, data: &wasm::Data) -> Option<Data> {
        let active = match &data.mode {
            wasm::DataMode::Active { memory, offset } => {
                Some((memory.0, self.const_expr(offset)?.into()))
            }
            wasm::DataMode::Passive => None,
        };
        Some(Data { active, len_bytes: data.range.len() as u64 })
    }

    fn const_expr(&self, expr: &wasm::ConstExpr) -> Option<ConstExpr> {
        collect(expr.0.iter().map(|&op| self.const_op(op)))
    }

    fn const_op(&self, op: wasm::ConstOp) -> Option<ConstOp> {
        use wasm::ConstOp as Op;
        Some(match op {
            Op::I32Const(value) => ConstOp::I32Const(value),
            Op::I64Const(value) => ConstOp::I64Const(value),
            Op::F32Const(bits) => ConstOp::F32Const(bits),
            Op::F64Const(bits) => ConstOp::F64Const(bits),
            Op::V128Const(bits) => ConstOp::V128Const(bits),
            Op::RefNull(heap) => ConstOp::RefNull(self.heap(heap)?),
            Op::RefFunc(func) => ConstOp::RefFunc(func.0),
            Op::GlobalGet(global) => ConstOp::GlobalGet(global.0),
            Op::I32Add => ConstOp::I32Add,
            Op::I32Sub => ConstOp::I32Sub,
            Op::I32Mul => ConstOp::I32Mul,
            Op::I64Add => ConstOp::I64Add,
            Op::I64Sub => ConstOp::I64Sub,
            Op::I64Mul => ConstOp::I64Mul,
            Op::RefI31 => ConstOp::RefI31,
            Op::StructNew(ty) => ConstOp::StructNew(ty.0),
            Op::StructNewDefault(ty) => ConstOp::StructNewDefault(ty.0),
            Op::ArrayNew(ty) => ConstOp::ArrayNew(ty.0),
            Op::ArrayNewDefault(ty) => ConstOp::ArrayNewDefault(ty.0),
            Op::ArrayNewFixed(ty, len) => ConstOp::ArrayNewFixed(ty.0, len),
            Op::AnyConvertExtern => ConstOp::AnyConvertExtern,
            Op::ExternConvertAny => ConstOp::ExternConvertAny,
        })
    }
}

fn limits(limits: wasm::Limits) -> Limits {
    Limits { min: limits.min, max: limits.max }
}

fn memory(ty: wasm::MemoryType) -> MemoryType {
    MemoryType {
        is_64: ty.index == wasm::IndexType::I64,
        limits: limits(ty.limits),
        shared: ty.shared,
        page_size_log2: ty.page_size_log2,
    }
}

fn export(export: &wasm::Export) -> Export<'_> {
    let (kind, index) = match export.index {
        wasm::ExternIdx::Func(func) => (ExternKind::Func, func.0),
        wasm::ExternIdx::Table(table) => (ExternKind::Table, table.0),
        wasm::ExternIdx::Memory(memory) => (ExternKind::Memory, memory.0),
        wasm::ExternIdx::Global(global) => (ExternKind::Global, global.0),
        wasm::ExternIdx::Tag(tag) => (ExternKind::Tag, tag.0),
    };
    Export { name: &export.name, kind, index }
}
