//! Constant expressions.
//! <https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions>

use smallvec::SmallVec;
use wamr_types::{ConstExpr, ConstOp, FuncIdx, GlobalIdx, LoadError, TypeIdx};
use wasmparser::Operator;

use crate::error::{unreadable, unrepresentable};
use crate::types::TypeScope;

/// Decodes an expression; every function that it names is added to `escaping`.
pub(crate) fn decode(
    expr: &wasmparser::ConstExpr<'_>,
    types: TypeScope<'_>,
    escaping: &mut Vec<FuncIdx>,
) -> Result<ConstExpr, LoadError> {
    let mut ops = SmallVec::new();
    let mut reader = expr.get_operators_reader();
    while !reader.eof() {
        let op = match reader.read().map_err(unreadable)? {
            Operator::End => break,
            op => const_op(&op, types)?,
        };
        if let ConstOp::RefFunc(func) = op {
            escaping.push(func);
        }
        ops.push(op);
    }
    Ok(ConstExpr(ops))
}

fn const_op(op: &Operator<'_>, types: TypeScope<'_>) -> Result<ConstOp, LoadError> {
    Ok(match *op {
        Operator::I32Const { value } => ConstOp::I32Const(value),
        Operator::I64Const { value } => ConstOp::I64Const(value),
        Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
        Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
        Operator::V128Const { value } => ConstOp::V128Const(u128::from_le_bytes(*value.bytes())),
        Operator::RefNull { hty } => ConstOp::RefNull(types.heap(hty)?),
        Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIdx(function_index)),
        Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIdx(global_index)),
        Operator::I32Add => ConstOp::I32Add,
        Operator::I32Sub => ConstOp::I32Sub,
        Operator::I32Mul => ConstOp::I32Mul,
        Operator::I64Add => ConstOp::I64Add,
        Operator::I64Sub => ConstOp::I64Sub,
        Operator::I64Mul => ConstOp::I64Mul,
        Operator::RefI31 => ConstOp::RefI31,
        Operator::StructNew { struct_type_index } => ConstOp::StructNew(TypeIdx(struct_type_index)),
        Operator::StructNewDefault { struct_type_index } => {
            ConstOp::StructNewDefault(TypeIdx(struct_type_index))
        }
        Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(TypeIdx(array_type_index)),
        Operator::ArrayNewDefault { array_type_index } => {
            ConstOp::ArrayNewDefault(TypeIdx(array_type_index))
        }
        Operator::ArrayNewFixed { array_type_index, array_size } => {
            ConstOp::ArrayNewFixed(TypeIdx(array_type_index), array_size)
        }
        Operator::AnyConvertExtern => ConstOp::AnyConvertExtern,
        Operator::ExternConvertAny => ConstOp::ExternConvertAny,
        _ => return Err(unrepresentable("this constant operator is not supported")),
    })
}
