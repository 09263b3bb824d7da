//! Giving a decoded module the types of another registry than it was decoded with.

use std::sync::Arc;

use wamr_types::{
    ConstExpr, ConstOp, ElementItems, ElementMode, HeapType, ImportDesc, Module, RefType, SubType,
    TypeId, ValType,
};

/// Gives a module these types in place of those that it has.
pub(super) fn retype(module: &mut Module, types: Vec<TypeId>, defs: Vec<Arc<SubType>>) {
    // Ids begin at 1 and have no gaps.
    let highest = module.types.iter().map(|ty| ty.get()).max().unwrap_or(0);
    let mut ids: Vec<Option<TypeId>> = vec![None; highest as usize + 1];
    for (from, &to) in module.types.iter().zip(&types) {
        ids[from.get() as usize] = Some(to);
    }
    let new = New(ids);
    for import in &mut module.imports {
        match &mut import.desc {
            ImportDesc::Table(ty) => new.reference(&mut ty.element),
            ImportDesc::Global(ty) => new.val(&mut ty.content),
            ImportDesc::Func(_) | ImportDesc::Memory(_) | ImportDesc::Tag(_) => {}
        }
    }
    for table in &mut module.tables {
        new.reference(&mut table.ty.element);
        table.init.iter_mut().for_each(|init| new.expr(init));
    }
    for global in &mut module.globals {
        new.val(&mut global.ty.content);
        global.init.iter_mut().for_each(|init| new.expr(init));
    }
    for element in &mut module.elements {
        new.reference(&mut element.ty);
        if let ElementMode::Active { offset, .. } = &mut element.mode {
            new.expr(offset);
        }
        if let ElementItems::Exprs(items) = &mut element.items {
            items.iter_mut().for_each(|item| new.expr(item));
        }
    }
    // Addresses of data segments name no types: no operator leads from a reference to a number.
    (module.types, module.type_defs) = (types.into(), defs.into());
}

/// For each old id the new one.
struct New(Vec<Option<TypeId>>);

impl New {
    fn heap(&self, heap: &mut HeapType) {
        if let HeapType::Concrete(id) = heap
            && let Some(Some(new)) = self.0.get(id.get() as usize)
        {
            *id = *new;
        }
    }

    fn reference(&self, ty: &mut RefType) {
        self.heap(&mut ty.heap);
    }

    fn val(&self, ty: &mut ValType) {
        if let ValType::Ref(ty) = ty {
            self.reference(ty);
        }
    }

    fn expr(&self, expr: &mut ConstExpr) {
        for op in &mut expr.0 {
            if let ConstOp::RefNull(heap) = op {
                self.heap(heap);
            }
        }
    }
}
