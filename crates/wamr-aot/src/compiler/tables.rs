//! Tables of functions whose elements are known when the module is compiled: those that nobody but
//! the module can reach, and that it never writes.
//!
//! Element segments are copied before any code of an instance runs, unless an earlier one puts a
//! function into somebody else's table and a later one fails. So nothing is known of modules whose
//! segments could fail, or that have segments for imported tables.

use std::collections::{HashMap, HashSet};

use wamr_types::{
    AbstractHeapType, ConstExpr, ConstOp, DefinedFuncIdx, ElementItems, ElementMode, Export,
    ExternIdx, FuncIdx, Module, TypeId, TypeRegistry,
};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// How many elements of all tables are looked at.
const MAX_ELEMENTS: u64 = 1 << 20;

/// An element of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Null,
    Own(DefinedFuncIdx),
    Imported,
}

/// A table whose elements are known.
#[derive(Debug)]
pub struct KnownTable {
    elements: Vec<Known>,
    /// The first elements of each type that is there, with their indices.
    by_type: HashMap<TypeId, Vec<(u64, DefinedFuncIdx)>>,
    has_imported: bool,
}

/// How many elements of a type are told at most; more are better loaded.
const MAX_OF_TYPE: usize = 4;

/// How many types are compared to find subtypes.
const MAX_TYPES: usize = 64;

impl KnownTable {
    fn empty(len: usize) -> Self {
        Self { elements: vec![Known::Null; len], by_type: HashMap::new(), has_imported: false }
    }

    /// Looks at all elements, once they are there.
    fn sort(&mut self, module: &Module) {
        for (index, &element) in self.elements.iter().enumerate() {
            match element {
                Known::Null => {}
                Known::Own(func) => {
                    let ty = module.func_type_id(module.func_idx(func));
                    let found = self.by_type.entry(ty).or_default();
                    if found.len() <= MAX_OF_TYPE {
                        found.push((index as u64, func));
                    }
                }
                Known::Imported => self.has_imported = true,
            }
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> u64 {
        self.elements.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Whether all functions in the table are the module's own.
    pub fn is_own(&self) -> bool {
        !self.has_imported
    }

    /// The function of the module that an element is, if it is of exactly that type.
    pub fn at(&self, module: &Module, index: u64, ty: TypeId) -> Option<DefinedFuncIdx> {
        match self.elements.get(usize::try_from(index).ok()?)? {
            Known::Own(func) if module.func_type_id(module.func_idx(*func)) == ty => Some(*func),
            _ => None,
        }
    }

    /// All elements of exactly that type, with their indices, if they are few and nothing in the
    /// table is imported.
    pub fn of_type(&self, ty: TypeId) -> Option<&[(u64, DefinedFuncIdx)]> {
        let found = self.by_type.get(&ty).filter(|found| found.len() <= MAX_OF_TYPE)?;
        (!self.has_imported).then_some(found)
    }

    /// Whether a function in the table may have another type that `ty` is a supertype of.
    pub fn has_subtypes(&self, types: &TypeRegistry, ty: TypeId) -> bool {
        self.has_imported
            || self.by_type.len() > MAX_TYPES
            || self.by_type.keys().any(|&found| found != ty && types.is_subtype(found, ty))
    }
}

/// What is known of a module's tables, by index.
pub(super) fn known_tables(module: &Module, types: &TypeRegistry) -> Vec<Option<KnownTable>> {
    let mut tables = candidates(module, types).unwrap_or_default();
    if tables.iter().any(Option::is_some) {
        forget_written(module, &mut tables);
        tables.iter_mut().flatten().for_each(|table| table.sort(module));
    }
    tables.resize_with(module.tables.len(), || None);
    tables
}

/// The tables that nobody else can reach, as instantiation leaves them; `None` if instantiation
/// could stop in between.
fn candidates(module: &Module, types: &TypeRegistry) -> Option<Vec<Option<KnownTable>>> {
    let imported = module.imported_tables as usize;
    let exported = |export: &Export| match export.index {
        ExternIdx::Table(table) => Some(table.index()),
        _ => None,
    };
    let exported: HashSet<usize> = module.exports.iter().filter_map(exported).collect();
    let mut left = MAX_ELEMENTS;
    let mut tables: Vec<Option<KnownTable>> = Vec::new();
    for (index, table) in module.tables.iter().enumerate() {
        let is_func = types.top_of(table.ty.element.heap) == AbstractHeapType::Func;
        let is_null =
            table.init.as_ref().is_none_or(|init| element(module, init) == Some(Known::Null));
        let len = table.ty.limits.min;
        let is_known =
            index >= imported && is_func && is_null && len <= left && !exported.contains(&index);
        tables.push(is_known.then(|| {
            left -= len;
            KnownTable::empty(len as usize)
        }));
    }
    for segment in &module.elements {
        let ElementMode::Active { table, offset } = &segment.mode else { continue };
        let start = match offset.0[..] {
            [ConstOp::I32Const(start)] => u64::from(start as u32),
            [ConstOp::I64Const(start)] => start as u64,
            _ => return None,
        };
        let end = start.checked_add(segment.items.len() as u64)?;
        let table = table.index();
        if table < imported || end > module.tables[table].ty.limits.min {
            return None;
        }
        let Some(known) = &mut tables[table] else { continue };
        let to = &mut known.elements[start as usize..end as usize];
        let is_known = match &segment.items {
            ElementItems::Funcs(funcs) => {
                to.iter_mut().zip(funcs).for_each(|(to, &func)| *to = function(module, func));
                true
            }
            ElementItems::Exprs(exprs) => to.iter_mut().zip(exprs).all(|(to, expr)| {
                let found = element(module, expr);
                *to = found.unwrap_or(Known::Null);
                found.is_some()
            }),
        };
        if !is_known {
            tables[table] = None;
        }
    }
    Some(tables)
}

fn function(module: &Module, func: FuncIdx) -> Known {
    module.defined_func(func).map_or(Known::Imported, Known::Own)
}

/// What an expression gives, if that is known.
fn element(module: &Module, expr: &ConstExpr) -> Option<Known> {
    match expr.0[..] {
        [ConstOp::RefNull(_)] => Some(Known::Null),
        [ConstOp::RefFunc(func)] => Some(function(module, func)),
        _ => None,
    }
}

/// Forgets the tables that some body may write; all if there is one that cannot be read.
fn forget_written(module: &Module, tables: &mut [Option<KnownTable>]) {
    for func in 0..module.defined_func_count() {
        let code = module.bodies.body(DefinedFuncIdx::from_usize(func));
        let body = FunctionBody::new(BinaryReader::new(code.bytes, code.offset as u64));
        let Ok(operators) = body.get_operators_reader() else {
            return tables.fill_with(|| None);
        };
        for operator in operators {
            let written = match operator {
                Ok(
                    Operator::TableSet { table }
                    | Operator::TableFill { table }
                    | Operator::TableGrow { table }
                    | Operator::TableInit { table, .. }
                    | Operator::TableCopy { dst_table: table, .. },
                ) => table,
                Ok(_) => continue,
                Err(_) => return tables.fill_with(|| None),
            };
            if let Some(table) = tables.get_mut(written as usize) {
                *table = None;
            }
        }
    }
}
