//! Types as C asks about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use wamr::{
    AbstractHeapType, FuncType, GlobalType, HeapType, MemoryType, RefType, SubType, TableType,
    TypeId, ValType,
};

use super::handle::{self, Name};
use super::runtime::Runtime;

/// A type that C has a name of.
pub(crate) enum Type {
    /// A function's, a struct's or an array's, with the places of the module's types.
    Defined {
        id: TypeId,
        def: Arc<SubType>,
        indices: Arc<HashMap<TypeId, u32>>,
    },
    Table(TableType),
    Global(GlobalType),
    Memory(MemoryType),
}

/// `wasm_valkind_t`
pub(crate) mod valkind {
    pub(crate) const I32: u8 = 0;
    pub(crate) const I64: u8 = 1;
    pub(crate) const F32: u8 = 2;
    pub(crate) const F64: u8 = 3;
    pub(crate) const V128: u8 = 4;
    pub(crate) const EXTERNREF: u8 = 128;
    pub(crate) const FUNCREF: u8 = 129;
    /// There is no such thing.
    pub(crate) const NONE: u8 = u8::MAX;
}

/// How C calls the kind of a value.
pub(crate) fn kind_of(ty: ValType) -> u8 {
    match ty {
        ValType::I32 => valkind::I32,
        ValType::I64 => valkind::I64,
        ValType::F32 => valkind::F32,
        ValType::F64 => valkind::F64,
        ValType::V128 => valkind::V128,
        ValType::Ref(ty) if is_func(ty) => valkind::FUNCREF,
        ValType::Ref(_) => valkind::EXTERNREF,
    }
}

/// The top of a reference's hierarchy.
pub(crate) fn top_of(heap: HeapType) -> AbstractHeapType {
    match heap {
        HeapType::Abstract(heap) => heap.top(),
        HeapType::Concrete(_) => Runtime::current()
            .map_or(AbstractHeapType::Any, |runtime| runtime.engine().types().top_of(heap)),
    }
}

/// Whether references of that type refer to functions.
pub(crate) fn is_func(ty: RefType) -> bool {
    top_of(ty.heap) == AbstractHeapType::Func
}

impl Type {
    pub(crate) fn func(&self) -> Option<&FuncType> {
        match self {
            Self::Defined { def, .. } => def.as_func(),
            _ => None,
        }
    }
}

/// The names of types that C asked a module for. They last as long as the module.
#[derive(Default)]
pub(crate) struct TypeNames {
    /// Where each type stands among the module's types at first.
    indices: Arc<HashMap<TypeId, u32>>,
    defined: Mutex<HashMap<TypeId, Name>>,
    others: Mutex<Vec<Name>>,
}

// SAFETY: names are carried, never followed.
unsafe impl Send for TypeNames {}
// SAFETY: as above.
unsafe impl Sync for TypeNames {}

impl TypeNames {
    pub(crate) fn of(module: &wamr::Module) -> Self {
        let mut indices = HashMap::new();
        for (index, id) in module.decoded().types.iter().enumerate() {
            indices.entry(*id).or_insert(index as u32);
        }
        let mut names = Self::default();
        names.indices = Arc::new(indices);
        names
    }

    /// The name of a defined type; equal types have equal names.
    pub(crate) fn defined(&self, runtime: &Runtime, id: TypeId) -> Name {
        let mut names = self.defined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.get(&id) {
            return *name;
        }
        let Some(def) = runtime.engine().types().get(id) else { return std::ptr::null_mut() };
        let indices = self.indices.clone();
        let name = handle::insert(Arc::new(Type::Defined { id, def, indices }));
        names.insert(id, name);
        name
    }

    /// Gives another type a name.
    pub(crate) fn other(&self, ty: Type) -> Name {
        let name = handle::insert(Arc::new(ty));
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        name
    }

    /// Where a type stands among the module's types at first.
    pub(crate) fn index(&self, id: TypeId) -> Option<u32> {
        self.indices.get(&id).copied()
    }
}

impl Drop for TypeNames {
    fn drop(&mut self) {
        let defined = self.defined.get_mut().unwrap_or_else(PoisonError::into_inner);
        let others = self.others.get_mut().unwrap_or_else(PoisonError::into_inner);
        for name in defined.drain().map(|(_, name)| name).chain(others.drain(..)) {
            handle::remove::<Type>(name);
        }
    }
}

fn func_kind(ty: Name, types: impl FnOnce(&FuncType) -> &[ValType], index: u32) -> u8 {
    let ty = handle::get::<Type>(ty);
    let found = ty.as_ref().and_then(|ty| ty.func());
    let found = found.and_then(|ty| types(ty).get(index as usize));
    found.map_or(valkind::NONE, |ty| kind_of(*ty))
}

fn func_count(ty: Name, types: impl FnOnce(&FuncType) -> &[ValType]) -> u32 {
    let ty = handle::get::<Type>(ty);
    ty.as_ref().and_then(|ty| ty.func()).map_or(0, |ty| types(ty).len() as u32)
}

fn memory(ty: Name) -> Option<MemoryType> {
    match *handle::get::<Type>(ty)? {
        Type::Memory(ty) => Some(ty),
        _ => None,
    }
}

fn table(ty: Name) -> Option<TableType> {
    match *handle::get::<Type>(ty)? {
        Type::Table(ty) => Some(ty),
        _ => None,
    }
}

fn global(ty: Name) -> Option<GlobalType> {
    match *handle::get::<Type>(ty)? {
        Type::Global(ty) => Some(ty),
        _ => None,
    }
}

/// As much of a size as C's 32 bits hold.
pub(crate) fn clamp(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

c_api! {
    fn wasm_func_type_get_param_count(ty: Name) -> u32 {
        func_count(ty, FuncType::params)
    }

    fn wasm_func_type_get_param_valkind(ty: Name, index: u32) -> u8 {
        func_kind(ty, FuncType::params, index)
    }

    fn wasm_func_type_get_result_count(ty: Name) -> u32 {
        func_count(ty, FuncType::results)
    }

    fn wasm_func_type_get_result_valkind(ty: Name, index: u32) -> u8 {
        func_kind(ty, FuncType::results, index)
    }

    fn wasm_global_type_get_valkind(ty: Name) -> u8 {
        global(ty).map_or(valkind::NONE, |ty| kind_of(ty.content))
    }

    fn wasm_global_type_get_mutable(ty: Name) -> bool {
        global(ty).is_some_and(|ty| ty.mutable)
    }

    fn wasm_memory_type_get_shared(ty: Name) -> bool {
        memory(ty).is_some_and(|ty| ty.shared)
    }

    fn wasm_memory_type_get_init_page_count(ty: Name) -> u32 {
        memory(ty).map_or(0, |ty| clamp(ty.limits.min))
    }

    fn wasm_memory_type_get_max_page_count(ty: Name) -> u32 {
        memory(ty).map_or(0, |ty| clamp(ty.max_pages()))
    }

    fn wasm_table_type_get_elem_kind(ty: Name) -> u8 {
        table(ty).map_or(valkind::NONE, |ty| kind_of(ValType::Ref(ty.element)))
    }

    fn wasm_table_type_get_shared(_ty: Name) -> bool {
        false
    }

    fn wasm_table_type_get_init_size(ty: Name) -> u32 {
        table(ty).map_or(0, |ty| clamp(ty.limits.min))
    }

    fn wasm_table_type_get_max_size(ty: Name) -> u32 {
        table(ty).map_or(0, |ty| clamp(ty.limits.max.unwrap_or(u64::MAX)))
    }
}
