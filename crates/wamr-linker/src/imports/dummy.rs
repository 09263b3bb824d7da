//! Dummies: external values of the right types for imports that nobody supplies, exported by a
//! module that is made for the purpose. Functions of it trap, memories and globals hold zeros,
//! tables nulls.

use core::fmt;
use std::collections::HashMap;

use wamr_types::{
    AbstractHeapType as Abstract, CompositeType, FuncIdx, HeapType, Import, ImportDesc, IndexType,
    Module, RefType, StorageType, TypeId, TypeIdx, ValType,
};
use wasm_encoder as enc;
use wasm_encoder::Instruction;

/// There is no dummy for an import: no value of its type can be made from nothing, or the module
/// does not come with its types in the binary format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoDummy {
    /// Name of the module to import from.
    pub module: Box<str>,
    /// Name of the item.
    pub name: Box<str>,
}

impl fmt::Display for NoDummy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = (self.module.escape_debug(), self.name.escape_debug());
        write!(f, "there is no dummy for the import `{module}` `{name}`")
    }
}

impl core::error::Error for NoDummy {}

/// What the dummy for the import at this position is exported as.
pub(super) fn export_name(position: usize) -> String {
    position.to_string()
}

/// A module in the binary format that exports a dummy for each of these imports.
pub(super) fn dummy_module(module: &Module, positions: &[usize]) -> Result<Vec<u8>, NoDummy> {
    // Types that are equal have one id: the first of them stands for all.
    let types = module.types.iter().enumerate().rev().map(|(index, &id)| (id, index as u32));
    let mut dummies = Dummies {
        module,
        type_indices: types.collect(),
        funcs: enc::FunctionSection::new(),
        code: enc::CodeSection::new(),
        tables: enc::TableSection::new(),
        memories: enc::MemorySection::new(),
        tags: enc::TagSection::new(),
        globals: enc::GlobalSection::new(),
        exports: enc::ExportSection::new(),
    };
    for &position in positions {
        let import = &module.imports[position];
        let refusal = || NoDummy { module: import.module.clone(), name: import.name.clone() };
        dummies.add(position, import).ok_or_else(refusal)?;
    }
    let refusal = || {
        let import = positions.first().map(|&position| &module.imports[position]);
        let names = import.map(|import| (import.module.clone(), import.name.clone()));
        let (module, name) = names.unwrap_or_default();
        NoDummy { module, name }
    };
    dummies.finish().ok_or_else(refusal)
}

struct Dummies<'a> {
    module: &'a Module,
    /// Where canonical types stand in its type section.
    type_indices: HashMap<TypeId, u32>,
    funcs: enc::FunctionSection,
    code: enc::CodeSection,
    tables: enc::TableSection,
    memories: enc::MemorySection,
    tags: enc::TagSection,
    globals: enc::GlobalSection,
    exports: enc::ExportSection,
}

impl Dummies<'_> {
    /// Adds a dummy; `None` if none can be made.
    fn add(&mut self, position: usize, import: &Import) -> Option<()> {
        let (kind, index) = match import.desc {
            ImportDesc::Func(ty) => (enc::ExportKind::Func, self.func(ty).0),
            ImportDesc::Table(ty) => {
                let encoded = enc::TableType {
                    element_type: self.ref_type(ty.element)?,
                    table64: ty.index == IndexType::I64,
                    minimum: ty.limits.min,
                    maximum: ty.limits.max,
                    shared: false,
                };
                let index = self.tables.len();
                if ty.element.nullable {
                    self.tables.table(encoded);
                } else {
                    let init = self.initial(ValType::Ref(ty.element))?;
                    self.tables.table_with_init(encoded, &init);
                }
                (enc::ExportKind::Table, index)
            }
            ImportDesc::Memory(ty) => {
                let log2 = ty.page_size_log2;
                self.memories.memory(enc::MemoryType {
                    minimum: ty.limits.min,
                    maximum: ty.limits.max,
                    memory64: ty.index == IndexType::I64,
                    shared: ty.shared,
                    page_size_log2: (log2 != 16).then_some(log2.into()),
                });
                (enc::ExportKind::Memory, self.memories.len() - 1)
            }
            ImportDesc::Global(ty) => {
                let init = self.initial(ty.content)?;
                let val_type = self.val_type(ty.content)?;
                let ty = enc::GlobalType { val_type, mutable: ty.mutable, shared: false };
                self.globals.global(ty, &init);
                (enc::ExportKind::Global, self.globals.len() - 1)
            }
            ImportDesc::Tag(ty) => {
                let kind = enc::TagKind::Exception;
                self.tags.tag(enc::TagType { kind, func_type_idx: ty.0 });
                (enc::ExportKind::Tag, self.tags.len() - 1)
            }
        };
        self.exports.export(&export_name(position), kind, index);
        Some(())
    }

    /// Adds a function that traps.
    fn func(&mut self, ty: TypeIdx) -> FuncIdx {
        let index = FuncIdx(self.funcs.len());
        self.funcs.function(ty.0);
        let mut body = enc::Function::new([]);
        body.instruction(&Instruction::Unreachable);
        body.instruction(&Instruction::End);
        self.code.function(&body);
        index
    }

    /// A value of a type: zero, null, or whatever can be made.
    fn initial(&mut self, ty: ValType) -> Option<enc::ConstExpr> {
        Some(match ty {
            ValType::I32 => enc::ConstExpr::i32_const(0),
            ValType::I64 => enc::ConstExpr::i64_const(0),
            ValType::F32 => enc::ConstExpr::f32_const(0.0.into()),
            ValType::F64 => enc::ConstExpr::f64_const(0.0.into()),
            ValType::V128 => enc::ConstExpr::v128_const(0),
            ValType::Ref(RefType { nullable: true, heap }) => {
                enc::ConstExpr::ref_null(self.heap_type(heap)?)
            }
            ValType::Ref(RefType { nullable: false, heap }) => {
                let ops = self.object(heap)?;
                enc::ConstExpr::extended(ops)
            }
        })
    }

    /// Instructions that make a reference that is not null.
    fn object(&mut self, heap: HeapType) -> Option<Vec<Instruction<'static>>> {
        let i31 = [Instruction::I32Const(0), Instruction::RefI31];
        match heap {
            HeapType::Abstract(Abstract::Any | Abstract::Eq | Abstract::I31) => Some(i31.into()),
            HeapType::Abstract(Abstract::Extern) => {
                Some(i31.into_iter().chain([Instruction::ExternConvertAny]).collect())
            }
            HeapType::Abstract(wanted @ (Abstract::Func | Abstract::Struct | Abstract::Array)) => {
                let mut types = 0..self.module.types.len();
                types.find_map(|ty| if self.kind(ty) == wanted { self.concrete(ty) } else { None })
            }
            HeapType::Abstract(_) => None,
            HeapType::Concrete(id) => self.concrete(self.type_index(id)? as usize),
        }
    }

    fn kind(&self, ty: usize) -> Abstract {
        match self.module.type_defs[ty].composite {
            CompositeType::Func(_) => Abstract::Func,
            CompositeType::Struct(_) => Abstract::Struct,
            CompositeType::Array(_) => Abstract::Array,
        }
    }

    fn concrete(&mut self, ty: usize) -> Option<Vec<Instruction<'static>>> {
        let index = ty as u32;
        match &self.module.type_defs[ty].composite {
            CompositeType::Func(_) => {
                let func = self.func(TypeIdx(index));
                // A function must be named outside of constants before one may refer to it.
                let name = format!("func {}", func.0);
                self.exports.export(&name, enc::ExportKind::Func, func.0);
                Some(vec![Instruction::RefFunc(func.0)])
            }
            CompositeType::Struct(ty) => {
                let defaultable = ty.fields.iter().all(|field| match field.storage {
                    StorageType::Val(ty) => ty.is_defaultable(),
                    _ => true,
                });
                defaultable.then(|| vec![Instruction::StructNewDefault(index)])
            }
            CompositeType::Array(_) => {
                let array_size = 0;
                Some(vec![Instruction::ArrayNewFixed { array_type_index: index, array_size }])
            }
        }
    }

    fn val_type(&self, ty: ValType) -> Option<enc::ValType> {
        Some(match ty {
            ValType::I32 => enc::ValType::I32,
            ValType::I64 => enc::ValType::I64,
            ValType::F32 => enc::ValType::F32,
            ValType::F64 => enc::ValType::F64,
            ValType::V128 => enc::ValType::V128,
            ValType::Ref(ty) => enc::ValType::Ref(self.ref_type(ty)?),
        })
    }

    fn ref_type(&self, ty: RefType) -> Option<enc::RefType> {
        Some(enc::RefType { nullable: ty.nullable, heap_type: self.heap_type(ty.heap)? })
    }

    fn heap_type(&self, heap: HeapType) -> Option<enc::HeapType> {
        let ty = match heap {
            HeapType::Concrete(id) => return Some(enc::HeapType::Concrete(self.type_index(id)?)),
            HeapType::Abstract(heap) => heap,
        };
        let ty = match ty {
            Abstract::Func => enc::AbstractHeapType::Func,
            Abstract::NoFunc => enc::AbstractHeapType::NoFunc,
            Abstract::Extern => enc::AbstractHeapType::Extern,
            Abstract::NoExtern => enc::AbstractHeapType::NoExtern,
            Abstract::Any => enc::AbstractHeapType::Any,
            Abstract::Eq => enc::AbstractHeapType::Eq,
            Abstract::I31 => enc::AbstractHeapType::I31,
            Abstract::Struct => enc::AbstractHeapType::Struct,
            Abstract::Array => enc::AbstractHeapType::Array,
            Abstract::None => enc::AbstractHeapType::None,
            Abstract::Exn => enc::AbstractHeapType::Exn,
            Abstract::NoExn => enc::AbstractHeapType::NoExn,
        };
        Some(enc::HeapType::Abstract { shared: false, ty })
    }

    /// Where a canonical type stands in the module's type section.
    fn type_index(&self, id: TypeId) -> Option<u32> {
        self.type_indices.get(&id).copied()
    }

    /// The module; `None` if its types cannot be copied.
    fn finish(self) -> Option<Vec<u8>> {
        let mut encoded = enc::Module::new();
        // The type section as it is, so that recursion groups and their order stay what they are.
        if !self.module.types.is_empty() {
            let data = type_section(self.module.bytes.as_slice())?;
            encoded.section(&enc::RawSection { id: enc::SectionId::Type.into(), data });
        }
        encoded.section(&self.funcs);
        encoded.section(&self.tables);
        encoded.section(&self.memories);
        if !self.tags.is_empty() {
            encoded.section(&self.tags);
        }
        encoded.section(&self.globals);
        encoded.section(&self.exports);
        encoded.section(&self.code);
        Some(encoded.finish())
    }
}

/// The contents of the type section of a module in the binary format.
fn type_section(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"\0asm\x01\0\0\0")?;
    loop {
        let (&id, after) = rest.split_first()?;
        let (size, after) = leb128(after)?;
        let (contents, after) = after.split_at_checked(size)?;
        if id == u8::from(enc::SectionId::Type) {
            return Some(contents);
        }
        rest = after;
    }
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[i + 1..]));
        }
    }
    None
}
