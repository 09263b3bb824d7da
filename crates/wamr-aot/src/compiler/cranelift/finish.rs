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

use super::super::{CompiledFunc, Reloc, RelocKind, RelocTarget};
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
    let relocs = buffer.relocs().iter().map(|reloc| convert(func, buffer.relocs(), reloc));
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

/// Takes over one of the relocations of a function.
fn convert(
    func: &Function,
    all: &[FinalizedMachReloc],
    reloc: &FinalizedMachReloc,
) -> Result<Reloc, Error> {
    use binemit::Reloc as Kind;
    let unexpected =
        || Error::msg(format_args!("unexpected relocation {:?} of {:?}", reloc.kind, reloc.target));
    let external = match &reloc.target {
        FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => *name,
        // The second of two instructions leads to the first, which has the name.
        &FinalizedRelocTarget::Func(upper_at) if reloc.kind == Kind::RiscvPCRelLo12I => {
            let is_upper = |upper: &&FinalizedMachReloc| {
                upper.offset == upper_at && upper.kind == Kind::RiscvGotHi20
            };
            let upper = all.iter().find(is_upper).ok_or_else(unexpected)?;
            let Reloc { addend, target, .. } = convert(func, all, upper)?;
            let kind = RelocKind::RiscvLower { upper_at };
            return Ok(Reloc { at: reloc.offset, kind, addend, target });
        }
        _ => return Err(unexpected()),
    };
    let name = &func.params.user_named_funcs()[external];
    let kind = match (name.namespace == FUNCS, reloc.kind) {
        (true, Kind::X86CallPCRel4 | Kind::X86PCRel4) => RelocKind::Word,
        (true, Kind::Arm64Call) => RelocKind::Arm64Branch,
        (true, Kind::RiscvCallPlt) => RelocKind::RiscvCall,
        (false, Kind::X86GOTPCRel4) => RelocKind::Word,
        (false, Kind::Aarch64AdrGotPage21) => RelocKind::Arm64Page,
        (false, Kind::Aarch64Ld64GotLo12Nc) => RelocKind::Arm64LoadInPage,
        (false, Kind::RiscvGotHi20) => RelocKind::RiscvUpper,
        _ => return Err(unexpected()),
    };
    let index = name.index as usize;
    let target = match name.namespace {
        FUNCS => RelocTarget::Func(DefinedFuncIdx(name.index)),
        BUILTINS => RelocTarget::Linked(Builtin::ALL.get(index).ok_or_else(unexpected)?.name()),
        OFFSETS => RelocTarget::Linked(LinkedOffset::ALL.get(index).ok_or_else(unexpected)?.name()),
        _ => return Err(unexpected()),
    };
    Ok(Reloc { at: reloc.offset, kind, addend: reloc.addend, target })
}
