//! Canonical identity of types: structurally equal recursion groups get the same ids.
//! <https://webassembly.github.io/spec/core/valid/matching.html>
//!
//! The registry belongs to an engine. Ids are dense, are never reused while the engine lives,
//! and 0 is never one of them, so that compiled code can use 0 for "no signature".

use core::fmt;
use core::num::NonZeroU32;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::subtype::Group;
use crate::{
    AbstractHeapType, ArrayType, CompositeType, FieldType, FuncType, HeapType, RecGroup, RefType,
    StorageType, StructType, SubType, ValType,
};

/// Marks an id as "member of the recursion group being defined".
const IN_GROUP: u32 = 1 << 31;

/// The most types that one engine can hold.
const MAX_TYPES: usize = 1 << 24;

/// The canonical identity of a type within one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(NonZeroU32);

impl TypeId {
    /// The number, never 0.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The id of a number that [`TypeId::get`] gave; `None` for 0.
    #[inline]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match NonZeroU32::new(raw) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// A reference to the member at `position` of the group that is being defined.
    ///
    /// # Panics
    /// If `position` needs more than 31 bits.
    pub const fn in_group(position: u32) -> Self {
        assert!(position < IN_GROUP, "recursion group over 31 bits");
        match NonZeroU32::new(position | IN_GROUP) {
            Some(raw) => Self(raw),
            None => unreachable!(),
        }
    }

    /// The position of a member that [`TypeId::in_group`] refers to; `None` for other ids.
    pub fn group_position(self) -> Option<usize> {
        (self.get() & IN_GROUP != 0).then_some((self.get() & !IN_GROUP) as usize)
    }
}

/// Why a type could not be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// The engine holds as many types as it can.
    TooManyTypes,
    /// A type refers to one that the engine does not know.
    UnknownType,
    /// What a type declares as its supertype cannot be that; says why.
    /// <https://webassembly.github.io/spec/core/valid/types.html#sub-types>
    InvalidSubtype(&'static str),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyTypes => write!(f, "the engine holds {MAX_TYPES} types, its limit"),
            Self::UnknownType => f.write_str("the type refers to one that this engine lacks"),
            Self::InvalidSubtype(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for RegistryError {}

struct Entry {
    ty: Arc<SubType>,
    /// All supertypes from the root of the hierarchy down to the type itself.
    display: Arc<[TypeId]>,
    /// The id of the first member of its recursion group, and how many members that has.
    group: (TypeId, u32),
}

#[derive(Default)]
struct State {
    groups: HashMap<RecGroup, u32>,
    /// The entry of id `n` is at `n - 1`.
    entries: Vec<Entry>,
}

/// An engine's types.
#[derive(Default)]
pub struct TypeRegistry {
    state: RwLock<State>,
}

impl fmt::Debug for TypeRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeRegistry").field("types", &self.len()).finish()
    }
}

impl TypeRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many types are registered.
    pub fn len(&self) -> usize {
        self.state.read().entries.len()
    }

    /// Whether no type is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Registers a recursion group and returns the id of its first member; the others follow
    /// densely. A group that is structurally equal to a registered one gets that one's ids.
    ///
    /// # Errors
    /// If the engine is full, a member refers to a type that is neither registered nor in the
    /// group, or declares a supertype that is final, that it does not match, that is not defined
    /// before it, or that is [as deep](crate::limits::MAX_SUBTYPING_DEPTH) as can be.
    pub fn register(&self, group: RecGroup) -> Result<TypeId, RegistryError> {
        if let Some(&first) = self.state.read().groups.get(&group) {
            return Ok(canonical(first));
        }
        // What it refers to outside is registered already, and stays as it is.
        Group::check(self, &group.types).map_err(RegistryError::InvalidSubtype)?;
        let mut state = self.state.write();
        if let Some(&first) = state.groups.get(&group) {
            return Ok(canonical(first));
        }
        let first = state.entries.len() as u32 + 1;
        if state.entries.len() + group.types.len() > MAX_TYPES {
            return Err(RegistryError::TooManyTypes);
        }
        let mut resolved = Vec::with_capacity(group.types.len());
        for ty in &group.types {
            resolved.push(resolve(ty, first, group.types.len())?);
        }
        for (i, ty) in resolved.into_iter().enumerate() {
            let id = canonical(first + i as u32);
            let mut display = match ty.supertype {
                None => Vec::new(),
                Some(parent) => {
                    let parent = state.entries.get(parent.get() as usize - 1);
                    let Some(parent) = parent else {
                        state.entries.truncate(first as usize - 1);
                        return Err(RegistryError::UnknownType);
                    };
                    parent.display.to_vec()
                }
            };
            display.push(id);
            let group = (canonical(first), group.types.len() as u32);
            state.entries.push(Entry { ty: Arc::new(ty), display: display.into(), group });
        }
        state.groups.insert(group, first);
        Ok(canonical(first))
    }

    /// Registers a final function type without supertype: the form that hosts and modules
    /// before the GC proposal use.
    ///
    /// # Errors
    /// As [`TypeRegistry::register`].
    pub fn register_func(&self, ty: &FuncType) -> Result<TypeId, RegistryError> {
        self.register(RecGroup {
            types: Box::new([SubType {
                is_final: true,
                supertype: None,
                composite: CompositeType::Func(ty.clone()),
            }]),
        })
    }

    /// The definition behind an id, with canonical ids inside; `None` if the id is not of this
    /// registry.
    pub fn get(&self, id: TypeId) -> Option<Arc<SubType>> {
        self.state.read().entries.get(id.get() as usize - 1).map(|entry| entry.ty.clone())
    }

    /// The id of the first member of a type's recursion group, and how many members that has;
    /// `None` if the id is not of this registry.
    pub fn group_of(&self, id: TypeId) -> Option<(TypeId, u32)> {
        self.state.read().entries.get(id.get() as usize - 1).map(|entry| entry.group)
    }

    /// How many supertypes a type has, directly or not; `None` if the id is not of this registry.
    pub fn depth_of(&self, id: TypeId) -> Option<usize> {
        let state = self.state.read();
        state.entries.get(id.get() as usize - 1).map(|entry| entry.display.len() - 1)
    }

    /// The function type behind an id, if it is one.
    pub fn func(&self, id: TypeId) -> Option<FuncType> {
        self.get(id)?.as_func().cloned()
    }

    /// Whether `sub` is `sup` or a declared subtype of it, directly or not.
    pub fn is_subtype(&self, sub: TypeId, sup: TypeId) -> bool {
        if sub == sup {
            return true;
        }
        let state = self.state.read();
        let (Some(sub), Some(parent)) =
            (state.entries.get(sub.get() as usize - 1), state.entries.get(sup.get() as usize - 1))
        else {
            return false;
        };
        sub.display.get(parent.display.len() - 1) == Some(&sup)
    }

    /// Whether heap type `a` matches (is a subtype of) `b`.
    /// <https://webassembly.github.io/spec/core/valid/matching.html#heap-types>
    pub fn heap_matches(&self, a: HeapType, b: HeapType) -> bool {
        match (a, b) {
            (HeapType::Abstract(a), HeapType::Abstract(b)) => a.matches(b),
            (HeapType::Concrete(a), HeapType::Concrete(b)) => self.is_subtype(a, b),
            (HeapType::Concrete(a), HeapType::Abstract(b)) => {
                self.abstract_of(a).is_some_and(|a| a.matches(b))
            }
            (HeapType::Abstract(a), HeapType::Concrete(b)) => match self.abstract_of(b) {
                Some(AbstractHeapType::Func) => a == AbstractHeapType::NoFunc,
                Some(_) => a == AbstractHeapType::None,
                None => false,
            },
        }
    }

    /// Whether reference type `a` matches `b`.
    pub fn ref_matches(&self, a: RefType, b: RefType) -> bool {
        (b.nullable || !a.nullable) && self.heap_matches(a.heap, b.heap)
    }

    /// Whether value type `a` matches `b`.
    pub fn val_matches(&self, a: ValType, b: ValType) -> bool {
        match (a, b) {
            (ValType::Ref(a), ValType::Ref(b)) => self.ref_matches(a, b),
            (a, b) => a == b,
        }
    }

    /// The abstract type that a concrete one stands directly below.
    pub fn abstract_of(&self, id: TypeId) -> Option<AbstractHeapType> {
        Some(self.get(id)?.composite.abstract_type())
    }

    /// The top of the hierarchy that a heap type belongs to; `any` for a type that is not of this
    /// registry, of which there is no value but null.
    pub fn top_of(&self, heap: HeapType) -> AbstractHeapType {
        match heap {
            HeapType::Abstract(heap) => heap.top(),
            HeapType::Concrete(id) => self.abstract_of(id).unwrap_or(AbstractHeapType::Any).top(),
        }
    }
}

fn canonical(raw: u32) -> TypeId {
    TypeId::from_raw(raw).expect("ids start at 1")
}

/// Replaces references into the group by canonical ids and checks all others.
fn resolve(ty: &SubType, first: u32, group_len: usize) -> Result<SubType, RegistryError> {
    let mut ok = true;
    let mut id = |id: TypeId| match id.group_position() {
        Some(position) => {
            ok &= position < group_len;
            canonical(first + position as u32)
        }
        None => {
            ok &= id.get() < first;
            id
        }
    };
    let supertype = ty.supertype.map(&mut id);
    let mut val = |ty: ValType| match ty {
        ValType::Ref(RefType { nullable, heap: HeapType::Concrete(target) }) => {
            ValType::Ref(RefType { nullable, heap: HeapType::Concrete(id(target)) })
        }
        other => other,
    };
    let mut field = |ty: &FieldType| FieldType {
        mutable: ty.mutable,
        storage: match ty.storage {
            StorageType::Val(ty) => StorageType::Val(val(ty)),
            packed => packed,
        },
    };
    let composite = match &ty.composite {
        CompositeType::Struct(ty) => {
            CompositeType::Struct(StructType { fields: ty.fields.iter().map(field).collect() })
        }
        CompositeType::Array(ty) => CompositeType::Array(ArrayType(field(&ty.0))),
        CompositeType::Func(ty) => CompositeType::Func(ty.map(&mut val)),
    };
    if !ok {
        return Err(RegistryError::UnknownType);
    }
    Ok(SubType { is_final: ty.is_final, supertype, composite })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn func(params: &[ValType]) -> SubType {
        SubType {
            is_final: false,
            supertype: None,
            composite: CompositeType::Func(FuncType::new(params.iter().copied(), [])),
        }
    }

    #[test]
    fn equal_groups_share_ids_and_different_ones_do_not() {
        let registry = TypeRegistry::new();
        let own =
            ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(TypeId::in_group(0)) });
        let group = || RecGroup { types: Box::new([func(&[own]), func(&[ValType::I32])]) };
        let a = registry.register(group()).unwrap();
        assert_eq!(a, registry.register(group()).unwrap());
        let second = TypeId::from_raw(a.get() + 1).unwrap();
        assert_eq!(registry.group_of(second), Some((a, 2)));
        let single = registry.register(RecGroup { types: Box::new([func(&[ValType::I32])]) });
        assert_ne!(single.unwrap().get(), a.get() + 1, "a group's shape is part of identity");
    }

    #[test]
    fn subtypes_are_found_through_any_depth() {
        let registry = TypeRegistry::new();
        let root = registry.register(RecGroup { types: Box::new([func(&[])]) }).unwrap();
        let mut last = root;
        for _ in 0..5 {
            let ty = SubType { supertype: Some(last), ..func(&[]) };
            last = registry.register(RecGroup { types: Box::new([ty]) }).unwrap();
        }
        assert!(registry.is_subtype(last, root));
        assert!(!registry.is_subtype(root, last));
    }

    #[test]
    fn references_out_of_range_are_refused() {
        let registry = TypeRegistry::new();
        let far =
            ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(TypeId::in_group(7)) });
        let got = registry.register(RecGroup { types: Box::new([func(&[far])]) });
        assert_eq!(got, Err(RegistryError::UnknownType));
        assert!(registry.is_empty());
    }

    #[test]
    fn what_is_no_subtype_cannot_be_declared_one() {
        let registry = TypeRegistry::new();
        let register = |ty: SubType| registry.register(RecGroup { types: Box::new([ty]) });
        let object = |storage: ValType| {
            let field = FieldType { storage: StorageType::Val(storage), mutable: true };
            CompositeType::Struct(StructType { fields: [field].into() })
        };
        let below = |supertype, composite| SubType {
            is_final: false,
            supertype: Some(supertype),
            composite,
        };
        let externref = ValType::Ref(RefType {
            nullable: true,
            heap: HeapType::Abstract(AbstractHeapType::Extern),
        });
        let open = SubType { is_final: false, supertype: None, composite: object(externref) };
        let parent = register(open.clone()).unwrap();
        let last = register(SubType { is_final: true, ..open }).unwrap();
        let function = register(func(&[])).unwrap();
        let before = registry.len();
        for ty in [
            below(parent, object(ValType::I32)),
            below(last, object(externref)),
            below(function, object(externref)),
            below(TypeId::from_raw(99).unwrap(), object(externref)),
        ] {
            assert!(matches!(register(ty), Err(RegistryError::InvalidSubtype(_))));
        }
        assert_eq!(registry.len(), before);
        let mut deepest = parent;
        let deeper = (0..).map_while(|_| {
            deepest = register(below(deepest, object(externref))).ok()?;
            Some(())
        });
        assert_eq!(deeper.count(), crate::limits::MAX_SUBTYPING_DEPTH);
    }
}
