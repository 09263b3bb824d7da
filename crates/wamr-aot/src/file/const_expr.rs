//! Whether a constant expression of a file is one: evaluating it relies on that.

use wamr_types::limits::MAX_ARRAY_NEW_FIXED;
use wamr_types::{
    AbstractHeapType, ConstExpr, ConstOp, FieldType, FuncIdx, Global, GlobalIdx, HeapType, RefType,
    StorageType, SubType, TypeId, TypeIdx, TypeRegistry, ValType,
};

use super::FileError;

/// What an expression may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) registry: &'a TypeRegistry,
    pub(super) types: &'a [TypeId],
    pub(super) type_defs: &'a [std::sync::Arc<SubType>],
    /// Types of functions.
    pub(super) funcs: &'a [TypeIdx],
    /// Those that are initialised before.
    pub(super) globals: &'a [Global],
}

const INVALID: FileError = FileError::Malformed("an invalid constant expression");

impl Scope<'_> {
    /// Checks that an expression gives a value of the type.
    pub(super) fn check(self, expr: &ConstExpr, wanted: ValType) -> Result<(), FileError> {
        let mut stack = Stack { registry: self.registry, values: Vec::new() };
        for &op in &expr.0 {
            self.push(&mut stack, op).ok_or(INVALID)?;
        }
        match stack.values[..] {
            [found] if self.registry.val_matches(found, wanted) => Ok(()),
            _ => Err(INVALID),
        }
    }

    fn push(self, stack: &mut Stack<'_>, op: ConstOp) -> Option<()> {
        let result = match op {
            ConstOp::I32Const(_) => ValType::I32,
            ConstOp::I64Const(_) => ValType::I64,
            ConstOp::F32Const(_) => ValType::F32,
            ConstOp::F64Const(_) => ValType::F64,
            ConstOp::V128Const(_) => ValType::V128,
            ConstOp::RefNull(heap) => ValType::Ref(RefType { nullable: true, heap }),
            ConstOp::RefFunc(FuncIdx(func)) => {
                self.reference_to(*self.funcs.get(func as usize)?)?
            }
            ConstOp::GlobalGet(GlobalIdx(global)) => self.globals.get(global as usize)?.ty.content,
            ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul => {
                stack.pop(ValType::I32)?;
                stack.pop(ValType::I32)?;
                ValType::I32
            }
            ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => {
                stack.pop(ValType::I64)?;
                stack.pop(ValType::I64)?;
                ValType::I64
            }
            ConstOp::RefI31 => {
                stack.pop(ValType::I32)?;
                let heap = HeapType::Abstract(AbstractHeapType::I31);
                ValType::Ref(RefType { nullable: false, heap })
            }
            ConstOp::StructNew(ty) => {
                for field in self.fields(ty)?.iter().rev() {
                    stack.pop(unpacked(field))?;
                }
                self.reference_to(ty)?
            }
            ConstOp::StructNewDefault(ty) => {
                let has_default = |field: &FieldType| unpacked(field).is_defaultable();
                self.fields(ty)?.iter().all(has_default).then_some(())?;
                self.reference_to(ty)?
            }
            ConstOp::ArrayNew(ty) => {
                stack.pop(ValType::I32)?;
                stack.pop(unpacked(self.element(ty)?))?;
                self.reference_to(ty)?
            }
            ConstOp::ArrayNewDefault(ty) => {
                stack.pop(ValType::I32)?;
                unpacked(self.element(ty)?).is_defaultable().then_some(())?;
                self.reference_to(ty)?
            }
            ConstOp::ArrayNewFixed(ty, len) => {
                (len <= MAX_ARRAY_NEW_FIXED).then_some(())?;
                let element = unpacked(self.element(ty)?);
                for _ in 0..len {
                    stack.pop(element)?;
                }
                self.reference_to(ty)?
            }
            ConstOp::AnyConvertExtern => {
                let nullable = stack.pop_converted(AbstractHeapType::Extern)?;
                ValType::Ref(RefType { nullable, heap: HeapType::Abstract(AbstractHeapType::Any) })
            }
            ConstOp::ExternConvertAny => {
                let nullable = stack.pop_converted(AbstractHeapType::Any)?;
                let heap = HeapType::Abstract(AbstractHeapType::Extern);
                ValType::Ref(RefType { nullable, heap })
            }
        };
        stack.values.push(result);
        Some(())
    }

    fn reference_to(self, ty: TypeIdx) -> Option<ValType> {
        let heap = HeapType::Concrete(*self.types.get(ty.index())?);
        Some(ValType::Ref(RefType { nullable: false, heap }))
    }

    fn fields(&self, ty: TypeIdx) -> Option<&[FieldType]> {
        match &self.type_defs.get(ty.index())?.composite {
            wamr_types::CompositeType::Struct(ty) => Some(&ty.fields),
            _ => None,
        }
    }

    fn element(&self, ty: TypeIdx) -> Option<&FieldType> {
        match &self.type_defs.get(ty.index())?.composite {
            wamr_types::CompositeType::Array(ty) => Some(&ty.0),
            _ => None,
        }
    }
}

fn unpacked(field: &FieldType) -> ValType {
    match field.storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

/// The types of the values on the stack.
struct Stack<'a> {
    registry: &'a TypeRegistry,
    values: Vec<ValType>,
}

impl Stack<'_> {
    /// Takes a value of a type.
    fn pop(&mut self, wanted: ValType) -> Option<()> {
        let found = self.values.pop()?;
        self.registry.val_matches(found, wanted).then_some(())
    }

    /// Takes a reference of a hierarchy; gives whether it may be null.
    fn pop_converted(&mut self, top: AbstractHeapType) -> Option<bool> {
        let found = self.values.pop()?.as_ref_type()?;
        self.registry.heap_matches(found.heap, HeapType::Abstract(top)).then_some(found.nullable)
    }
}
