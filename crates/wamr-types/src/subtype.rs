//! Whether declared subtypes are subtypes: code that is made for a type relies on that.
//! <https://webassembly.github.io/spec/core/valid/matching.html#composite-types>

use std::sync::Arc;

use crate::limits::MAX_SUBTYPING_DEPTH;
use crate::{
    AbstractHeapType, CompositeType, FieldType, HeapType, RefType, StorageType, SubType, TypeId,
    TypeRegistry, ValType,
};

/// A recursion group that is not registered yet. Other types than its own are.
pub(super) struct Group<'a> {
    registry: &'a TypeRegistry,
    types: &'a [SubType],
}

/// A type of the group, or one that is registered.
enum Def<'a> {
    Own(&'a SubType),
    Registered(Arc<SubType>),
}

impl Def<'_> {
    fn get(&self) -> &SubType {
        match self {
            Self::Own(ty) => ty,
            Self::Registered(ty) => ty,
        }
    }
}

impl<'a> Group<'a> {
    /// Checks the declared supertypes of a group's members; says what is wrong with them.
    ///
    /// Even if the same group is registered already, no reference out of it leads to that one's
    /// members: it would be another group then. So members differ from all registered types here.
    pub(super) fn check(
        registry: &'a TypeRegistry,
        types: &'a [SubType],
    ) -> Result<(), &'static str> {
        let group = Self { registry, types };
        let mut depths: Vec<usize> = Vec::with_capacity(types.len());
        for (position, ty) in types.iter().enumerate() {
            let depth = match ty.supertype {
                None => 0,
                Some(parent) => {
                    1 + match parent.group_position() {
                        // That the lower ones are known makes walks upwards end.
                        Some(parent) if parent < position => depths[parent],
                        Some(_) => return Err("a supertype that is not defined before"),
                        None => registry.depth_of(parent).ok_or("an unknown supertype")?,
                    }
                }
            };
            if depth > MAX_SUBTYPING_DEPTH {
                return Err("subtypes too deep");
            }
            depths.push(depth);
        }
        for ty in types {
            let Some(parent) = ty.supertype else { continue };
            let parent = group.def(parent).ok_or("an unknown supertype")?;
            if parent.get().is_final {
                return Err("a subtype of a final type");
            }
            if !group.composite_matches(&ty.composite, &parent.get().composite) {
                return Err("a subtype that does not match its supertype");
            }
        }
        Ok(())
    }

    fn def(&self, id: TypeId) -> Option<Def<'_>> {
        match id.group_position() {
            Some(position) => self.types.get(position).map(Def::Own),
            None => self.registry.get(id).map(Def::Registered),
        }
    }

    fn composite_matches(&self, a: &CompositeType, b: &CompositeType) -> bool {
        match (a, b) {
            (CompositeType::Func(a), CompositeType::Func(b)) => {
                self.all_match(b.params(), a.params()) && self.all_match(a.results(), b.results())
            }
            (CompositeType::Struct(a), CompositeType::Struct(b)) => {
                a.fields.len() >= b.fields.len()
                    && a.fields.iter().zip(&b.fields).all(|(&a, &b)| self.field_matches(a, b))
            }
            (CompositeType::Array(a), CompositeType::Array(b)) => self.field_matches(a.0, b.0),
            _ => false,
        }
    }

    fn all_match(&self, a: &[ValType], b: &[ValType]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| self.val_matches(a, b))
    }

    fn field_matches(&self, a: FieldType, b: FieldType) -> bool {
        let matches = |a, b| match (a, b) {
            (StorageType::Val(a), StorageType::Val(b)) => self.val_matches(a, b),
            (a, b) => a == b,
        };
        a.mutable == b.mutable
            && matches(a.storage, b.storage)
            && (!a.mutable || matches(b.storage, a.storage))
    }

    fn val_matches(&self, a: ValType, b: ValType) -> bool {
        match (a, b) {
            (ValType::Ref(a), ValType::Ref(b)) => self.ref_matches(a, b),
            (a, b) => a == b,
        }
    }

    fn ref_matches(&self, a: RefType, b: RefType) -> bool {
        (b.nullable || !a.nullable) && self.heap_matches(a.heap, b.heap)
    }

    fn heap_matches(&self, a: HeapType, b: HeapType) -> bool {
        let own = |heap| match heap {
            HeapType::Concrete(id) => id.group_position(),
            HeapType::Abstract(_) => None,
        };
        match (own(a), own(b)) {
            (None, None) => self.registry.heap_matches(a, b),
            (Some(own), _) => match b {
                HeapType::Concrete(b) => self.is_subtype(own, b),
                HeapType::Abstract(b) => self.abstract_of(own).is_some_and(|a| a.matches(b)),
            },
            (None, Some(own)) => match (a, self.abstract_of(own)) {
                (HeapType::Abstract(a), Some(AbstractHeapType::Func)) => {
                    a == AbstractHeapType::NoFunc
                }
                (HeapType::Abstract(a), Some(_)) => a == AbstractHeapType::None,
                _ => false,
            },
        }
    }

    /// Whether a member is a type or a declared subtype of it.
    fn is_subtype(&self, own: usize, b: TypeId) -> bool {
        let mut own = own;
        loop {
            if Some(own) == b.group_position() {
                return true;
            }
            let Some(parent) = self.types.get(own).and_then(|ty| ty.supertype) else {
                return false;
            };
            match parent.group_position() {
                // Lower than before.
                Some(parent) => own = parent,
                None => return b.group_position().is_none() && self.registry.is_subtype(parent, b),
            }
        }
    }

    fn abstract_of(&self, own: usize) -> Option<AbstractHeapType> {
        self.types.get(own).map(|ty| ty.composite.abstract_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FuncType;

    #[test]
    fn supertypes_come_before_their_subtypes() {
        let registry = TypeRegistry::new();
        let below = |parent: TypeId| SubType {
            is_final: false,
            supertype: Some(parent),
            composite: CompositeType::Func(FuncType::new([], [])),
        };
        let own = TypeId::in_group;
        for group in [&[below(own(0))][..], &[below(own(1)), below(own(0))], &[below(own(9))]] {
            assert_eq!(
                Group::check(&registry, group),
                Err("a supertype that is not defined before")
            );
        }
        let unknown = TypeId::from_raw(1).expect("not zero");
        assert_eq!(Group::check(&registry, &[below(unknown)]), Err("an unknown supertype"));
    }
}
