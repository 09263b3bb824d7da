//! What Cranelift gives, in the words of artifacts.

use cranelift_codegen::binemit;
use cranelift_codegen::ir::{ExternalName, Function, SourceLoc, TrapCode as ClifTrap};
use cranelift_codegen::{
    CompiledCode, ExceptionContextLoc, FinalizedMachExceptionHandler, FinalizedMachReloc,
    FinalizedRelocTarget,
};
use wamr_runtime::Error;
use wamr_runtime::compiled::{
    Builtin, CallSite, Clause, HandlerSite, InlinedFrame, NO_POSITION, TrapSite,
};
use wamr_types::{DefinedFuncIdx, TrapCode};

use super::super::{CompiledFunc, Reloc, RelocTarget};
use super::func::{BUILTINS, FUNCS, OFFSETS, Positions, clause_of};
use crate::artifact::LinkedOffset;

/// Takes over the compiled code of the function with the index `root`.
pub(super) fn finish(
    func: &Function,
    compiled: &CompiledCode,
    places: &Positions,
    root: u32,
) -> Result<CompiledFunc, Error> {
    let buffer = &compiled.buffer;
    let positions: Vec<(u32, u32, SourceLoc)> = buffer
        .get_srclocs_sorted()
        .iter()
        .map(|location| (location.start, location.end, location.loc))
        .collect();
    // The offset in the module of the code at an offset.
    let position_of = |at: u32| {
        let found = positions.partition_point(|&(start, ..)| start <= at).checked_sub(1);
        match found.map(|found| positions[found]) {
            Some((_, end, location)) if at < end && !location.is_default() => location.bits(),
            _ => NO_POSITION,
        }
    };
    let mut inlined = Vec::new();
    // The offset for what is known by `site`, and the frames that stand for one there.
    let mut source_of = |site: u32, place: u32| match place {
        NO_POSITION => NO_POSITION,
        place => {
            let frames = places.frames(place, root);
            let position = frames[0].1;
            if frames.len() > 1 {
                let frame = |(func, position)| InlinedFrame { site, func, position };
                inlined.extend(frames.into_iter().map(frame));
            }
            position
        }
    };
    let traps = buffer.traps().iter().map(|trap| {
        let at = trap.offset;
        let (code, place) = match places.access(trap.code, position_of(at)) {
            Some(place) => (TrapCode::MemoryOutOfBounds, place),
            None => (trap_code(trap.code), position_of(at)),
        };
        let position = source_of(InlinedFrame::trap(at), place);
        TrapSite { at, code: code as u32, position }
    });
    let mut traps: Vec<TrapSite> = traps.collect();
    traps.sort_by_key(|site| site.at);
    let (mut calls, mut handlers) = (Vec::new(), Vec::new());
    for site in buffer.call_sites() {
        let at = site.ret_addr;
        let position = source_of(InlinedFrame::call(at), position_of(at - 1));
        calls.push(CallSite { at, position });
        let (mut context, mut clauses) = (None, Vec::new());
        for handler in site.exception_handlers {
            match handler {
                FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(offset)) => {
                    context = Some(*offset);
                }
                FinalizedMachExceptionHandler::Tag(tag, target) => {
                    let (tag, keep) = clause_of(*tag);
                    clauses.push(Clause { tag, keep: keep.number(), target: *target });
                }
                other => return Err(Error::msg(format_args!("unexpected handler {other:?}"))),
            }
        }
        if !clauses.is_empty() {
            let (Some(context), Some(frame_bytes)) = (context, site.frame_offset) else {
                return Err(Error::msg("a handler without a frame"));
            };
            handlers.push((HandlerSite { at, frame_bytes, context, first: 0, count: 0 }, clauses));
        }
    }
    calls.sort_by_key(|site| site.at);
    handlers.sort_by_key(|(site, _)| site.at);
    // Frames of a site stay in order.
    inlined.sort_by_key(|frame| frame.site);
    let relocs = buffer.relocs().iter().map(|reloc| convert(func, reloc));
    Ok(CompiledFunc {
        code: compiled.code_buffer().to_vec(),
        align: (buffer.alignment as usize).max(16),
        relocs: relocs.collect::<Result<_, _>>()?,
        traps,
        calls,
        handlers,
        inlined,
        bodies: places.bodies(),
    })
}

fn trap_code(code: ClifTrap) -> TrapCode {
    match code {
        ClifTrap::STACK_OVERFLOW => TrapCode::StackOverflow,
        ClifTrap::INTEGER_OVERFLOW => TrapCode::IntegerOverflow,
        ClifTrap::HEAP_OUT_OF_BOUNDS => TrapCode::MemoryOutOfBounds,
        ClifTrap::INTEGER_DIVISION_BY_ZERO => TrapCode::IntegerDivideByZero,
        ClifTrap::BAD_CONVERSION_TO_INTEGER => TrapCode::InvalidConversionToInteger,
        other => TrapCode::from_raw(other.as_raw().get()).unwrap_or(TrapCode::Unreachable),
    }
}

fn convert(func: &Function, reloc: &FinalizedMachReloc) -> Result<Reloc, Error> {
    use binemit::Reloc as Kind;
    let unexpected =
        || Error::msg(format_args!("unexpected relocation {:?} of {:?}", reloc.kind, reloc.target));
    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = &reloc.target else {
        return Err(unexpected());
    };
    let name = &func.params.user_named_funcs()[*name];
    let target = match (name.namespace, reloc.kind) {
        (FUNCS, Kind::X86CallPCRel4 | Kind::X86PCRel4) => {
            RelocTarget::Func(DefinedFuncIdx(name.index))
        }
        (BUILTINS, Kind::X86GOTPCRel4) => {
            let builtin = Builtin::ALL.get(name.index as usize).ok_or_else(unexpected)?;
            RelocTarget::Linked(builtin.name())
        }
        (OFFSETS, Kind::X86GOTPCRel4) => {
            let offset = LinkedOffset::ALL.get(name.index as usize).ok_or_else(unexpected)?;
            RelocTarget::Linked(offset.name())
        }
        _ => return Err(unexpected()),
    };
    Ok(Reloc { at: reloc.offset, addend: reloc.addend, target })
}
