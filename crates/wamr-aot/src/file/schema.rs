//! What stands in the encoded sections of a file.
//!
//! These structures are the file format, and nothing else: no type of another crate is in them, so
//! that none can change it. The order of fields and variants is what is written (see
//! <https://postcard.jamesmunns.com/wire-format>), and a structure has no end that could be left
//! out. So no structure here ever gets a field more. Within an ABI major, what is added stands in
//! structures of its own, in further sections; that they are there is said by a new name in
//! [`Info::requires`] or a new package version, so that readers that do not know them refuse the
//! file. Variants are added at the end of their enums. Older files are read for ever.

use core::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a file needs, and how it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Info<'a> {
    /// What wrote the file.
    pub(super) producer: &'a str,
    /// The architecture, as Rust names it.
    pub(super) arch: &'a str,
    /// Features that the processor must have, as Rust names them.
    #[serde(borrow)]
    pub(super) cpu_features: Vec<&'a str>,
    /// What the runtime must be able to do, by name. A name that a reader does not know is one that
    /// it lacks.
    pub(super) requires: Vec<&'a str>,
    /// The WebAssembly features that the module needs.
    pub(super) wasm_features: Vec<&'a str>,
    /// What the code takes from the runtime, in the order of the table behind it: addresses of what
    /// it calls, and offsets of fields.
    pub(super) linked: Vec<&'a str>,
    /// Names of numbers that stand in the code, such as offsets of the runtime's structures.
    pub(super) constants: Vec<(&'a str, u32)>,
}

/// A module without its functions' bodies. Indices are those of the WebAssembly module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Module<'a> {
    pub(super) name: Option<&'a str>,
    /// Recursion groups; types are counted through all of them.
    pub(super) types: Vec<Vec<SubType>>,
    #[serde(borrow)]
    pub(super) imports: Vec<Import<'a>>,
    /// Type indices of the functions that the module defines.
    pub(super) funcs: Vec<u32>,
    pub(super) tables: Vec<(TableType, Option<ConstExpr>)>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<(GlobalType, ConstExpr)>,
    /// Type indices.
    pub(super) tags: Vec<u32>,
    pub(super) exports: Vec<Export<'a>>,
    pub(super) start: Option<u32>,
    pub(super) elements: Vec<Element>,
    /// Their bytes stand one behind the other in a section of their own.
    pub(super) data: Vec<Data>,
    /// Names and lengths; the bytes stand in a section of their own.
    pub(super) customs: Vec<(&'a str, u64)>,
    /// Names of functions, sorted by index.
    pub(super) func_names: Vec<(u32, &'a str)>,
    /// Where the code section's contents begin in the WebAssembly module.
    pub(super) code_offset: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubType {
    pub(super) is_final: bool,
    pub(super) supertype: Option<u32>,
    pub(super) composite: CompositeType,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CompositeType {
    Func { params: Vec<ValType>, results: Vec<ValType> },
    Struct(Vec<FieldType>),
    Array(FieldType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FieldType {
    pub(super) storage: StorageType,
    pub(super) mutable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StorageType {
    I8,
    I16,
    Val(ValType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ValType {
    I32,
    I64,
    F32,
    F64,
    V128,
    Ref(RefType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefType {
    pub(super) nullable: bool,
    pub(super) heap: HeapType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum HeapType {
    Concrete(u32),
    Func,
    NoFunc,
    Extern,
    NoExtern,
    Any,
    Eq,
    I31,
    Struct,
    Array,
    None,
    Exn,
    NoExn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemoryType {
    pub(super) is_64: bool,
    pub(super) limits: Limits,
    pub(super) shared: bool,
    pub(super) page_size_log2: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableType {
    pub(super) is_64: bool,
    pub(super) element: RefType,
    pub(super) limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GlobalType {
    pub(super) content: ValType,
    pub(super) mutable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Import<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
    pub(super) desc: ImportDesc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ImportDesc {
    Func(u32),
    Global(GlobalType),
    // From package 2 on.
    Table(TableType),
    Memory(MemoryType),
    Tag(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Export<'a> {
    pub(super) name: &'a str,
    pub(super) kind: ExternKind,
    pub(super) index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ExternKind {
    Func,
    Table,
    Memory,
    Global,
    Tag,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Element {
    pub(super) mode: ElementMode,
    pub(super) ty: RefType,
    pub(super) items: ElementItems,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ElementMode {
    Active { table: u32, offset: ConstExpr },
    Passive,
    Declared,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ElementItems {
    Funcs(Vec<u32>),
    Exprs(Vec<ConstExpr>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    /// The memory and the address of an active segment.
    pub(super) active: Option<(u32, Address)>,
    pub(super) len_bytes: u64,
}

/// A constant expression, written as any other. Modules have very many whose value is a number: that
/// is kept without an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    I32(i32),
    Other(Box<[ConstOp]>),
}

impl From<ConstExpr> for Address {
    fn from(ops: ConstExpr) -> Self {
        match ops[..] {
            [ConstOp::I32Const(value)] => Self::I32(value),
            _ => Self::Other(ops.into()),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::I32(value) => [ConstOp::I32Const(*value)].as_slice().serialize(serializer),
            Self::Other(ops) => ops.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ops;

        impl<'de> Visitor<'de> for Ops {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a constant expression")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Address, A::Error> {
                let first = seq.next_element()?;
                let second = seq.next_element()?;
                if let (Some(ConstOp::I32Const(value)), None) = (first, second) {
                    return Ok(Address::I32(value));
                }
                let mut ops: ConstExpr = first.into_iter().chain(second).collect();
                while let Some(op) = seq.next_element()? {
                    ops.push(op);
                }
                Ok(Address::Other(ops.into()))
            }
        }

        deserializer.deserialize_seq(Ops)
    }
}

pub(super) type ConstExpr = Vec<ConstOp>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    F32Const(u32),
    F64Const(u64),
    V128Const(u128),
    RefNull(HeapType),
    RefFunc(u32),
    GlobalGet(u32),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
    RefI31,
    StructNew(u32),
    StructNewDefault(u32),
    ArrayNew(u32),
    ArrayNewDefault(u32),
    ArrayNewFixed(u32, u32),
    AnyConvertExtern,
    ExternConvertAny,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_expressions() {
        let exprs: [ConstExpr; 5] = [
            vec![],
            vec![ConstOp::I32Const(-5)],
            vec![ConstOp::I64Const(7)],
            vec![ConstOp::I32Const(1), ConstOp::GlobalGet(3), ConstOp::I32Add],
            vec![ConstOp::I32Const(1), ConstOp::I32Const(2)],
        ];
        for expr in exprs {
            let address = Address::from(expr.clone());
            let bytes = postcard::to_allocvec(&expr).expect("it is encoded");
            assert_eq!(postcard::to_allocvec(&address).expect("it is encoded"), bytes);
            assert_eq!(postcard::from_bytes::<Address>(&bytes), Ok(address), "{expr:?}");
            for cut in 0..bytes.len() {
                assert!(postcard::from_bytes::<Address>(&bytes[..cut]).is_err(), "{expr:?}");
            }
        }
    }
}
