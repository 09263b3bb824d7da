//! The section of branch hints. Nothing in it can make a module invalid: a section with an error
//! is left out, and the error is kept for who asks.
//! <https://webassembly.github.io/spec/core/appendix/custom.html#branch-hints>

use wamr_types::{BranchHint, FuncIdx, LoadError, LoadErrorKind};
use wasmparser::{
    BinaryReaderError, BranchHintFunction, BranchHintSectionReader, CustomSectionReader,
    FunctionBody, Operator, OperatorsReader, Payload,
};

use crate::error::unreadable;
use crate::outline::Code;
use crate::validate;

const SECTION: &str = "metadata.code.branch_hint";

/// Hints by function.
pub(crate) type BranchHints = Box<[(FuncIdx, Box<[BranchHint]>)]>;

/// Everything that the section of branch hints says, if there is one. Bodies are looked at if they
/// have been validated.
pub(crate) fn all(
    sections: &[Payload<'_>],
    code: &Code,
    bytes: &[u8],
    is_validated: bool,
) -> Result<BranchHints, LoadError> {
    let mut hints = None;
    for section in sections {
        let Payload::CustomSection(section) = section else { continue };
        if section.name() != SECTION {
            continue;
        }
        let start = section.data_offset() as usize;
        if hints.is_some() {
            return Err(invalid("there are two of them", start));
        }
        if code.offset != 0 && start > code.offset {
            return Err(invalid("it stands behind the code", start));
        }
        hints = Some(read(section, code, bytes, is_validated)?);
    }
    Ok(hints.unwrap_or_default())
}

fn read(
    section: &CustomSectionReader<'_>,
    code: &Code,
    bytes: &[u8],
    is_validated: bool,
) -> Result<BranchHints, LoadError> {
    let reader = wasmparser::BinaryReader::new(section.data(), section.data_offset());
    let functions = BranchHintSectionReader::new(reader).map_err(unreadable)?;
    let mut all: Vec<(FuncIdx, Box<[BranchHint]>)> = Vec::new();
    for function in functions.into_iter_with_offsets() {
        let (offset, BranchHintFunction { func, hints }) = function.map_err(unreadable)?;
        let position = func.checked_sub(code.first_func).map(|position| position as usize);
        let Some(position) = position.filter(|&position| position < code.ranges.len()) else {
            return Err(invalid("the function has no body", offset as usize));
        };
        if all.last().is_some_and(|&(last, _)| func <= last.0) {
            return Err(invalid("functions are out of order", offset as usize));
        }
        let mut in_function: Vec<BranchHint> = Vec::new();
        for hint in hints.into_iter_with_offsets() {
            let (offset, hint) = hint.map_err(unreadable)?;
            if in_function.last().is_some_and(|last| hint.func_offset <= last.offset) {
                return Err(invalid("a duplicate, or out of order", offset as usize));
            }
            in_function.push(BranchHint { offset: hint.func_offset, is_likely: hint.taken });
        }
        if is_validated {
            check_targets(code, bytes, position, &in_function)?;
        }
        all.push((FuncIdx(func), in_function.into()));
    }
    Ok(all.into())
}

/// Checks that hints stand at instructions that they are for.
fn check_targets(
    code: &Code,
    bytes: &[u8],
    position: usize,
    hints: &[BranchHint],
) -> Result<(), LoadError> {
    let start = code.ranges[position].start;
    let mut hints = hints.iter().peekable();
    let mut check = || -> Result<(), BinaryReaderError> {
        let body = FunctionBody::new(validate::reader(code, bytes, position));
        let mut operators = OperatorsReader::new(body.get_binary_reader_for_operators()?);
        while !operators.eof() && hints.peek().is_some() {
            let offset = operators.original_position() as usize - start;
            let operator = operators.read()?;
            let is_target = matches!(operator, Operator::If { .. } | Operator::BrIf { .. });
            hints.next_if(|hint| is_target && hint.offset as usize == offset);
        }
        Ok(())
    };
    check().map_err(unreadable)?;
    match hints.next() {
        None => Ok(()),
        Some(hint) => Err(invalid("invalid target", start + hint.offset as usize)),
    }
}

fn invalid(what: &str, offset: usize) -> LoadError {
    let what = format!("@{SECTION} annotation: {what}");
    LoadError { kind: LoadErrorKind::Invalid(what.into()), offset: Some(offset), func: None }
}
