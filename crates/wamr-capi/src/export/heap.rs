//! The heap that the host manages for an instance whose module has no allocator of its own.

#[cfg(feature = "libc-builtin")]
use wamr::AsContextMut;
#[cfg(feature = "libc-builtin")]
use wamr::libc_builtin::LibcCtx;
#[cfg(feature = "libc-builtin")]
use wamr::types::{ConstOp, ExternIdx};
use wamr::{Func, Memory, StoreContextMut, Val};

use super::group::Data;
use super::instance::Inst;

/// Gives the heap what the linker left between the module's data and the end of its first memory.
#[cfg(feature = "libc-builtin")]
pub(crate) fn set_up(store: &mut StoreContextMut<'_, Data>, inst: &Inst, memory: &Memory) {
    let decoded = inst.module.loaded.decoded();
    if inst.request.heap_bytes == 0 || inst.request.inherited.is_some() || own(inst).is_some() {
        return;
    }
    // The part that no data and no stack is in starts at `__heap_base`, if anybody tells.
    let start = decoded.export("__heap_base").and_then(|export| match export.index {
        ExternIdx::Global(global) => {
            let global = decoded.globals.get(global.index())?;
            match global.init.as_ref()?.0[..] {
                [ConstOp::I32Const(start)] if !global.ty.mutable => Some(u64::from(start as u32)),
                _ => None,
            }
        }
        _ => None,
    });
    let Some(start) = start else { return };
    let Ok(ty) = memory.ty(&*store) else { return };
    let end = ty.limits.min.saturating_mul(ty.page_size_bytes());
    let is_own = decoded.imported_memories == 0;
    if is_own && start < end {
        let end = end.min(start + u64::from(inst.request.heap_bytes));
        let _ = LibcCtx::heap_add(store.as_context_mut(), libc(inst), memory, start..end);
    }
}

/// The library's world of an instance, in the data of its store.
#[cfg(feature = "libc-builtin")]
fn libc(inst: &Inst) -> impl Fn(&mut Data) -> &mut LibcCtx + use<> {
    let serial = inst.serial;
    move |data| &mut data.worlds.entry(serial).or_default().libc
}

/// There is no heap without the library that has it.
#[cfg(not(feature = "libc-builtin"))]
pub(crate) fn set_up(_: &mut StoreContextMut<'_, Data>, _: &Inst, _: &Memory) {}

/// The module's own allocator, as exports: what allocates and what frees.
fn own(inst: &Inst) -> Option<(&'static str, &'static str)> {
    let has = |name: &&str| inst.module.loaded.decoded().export(name).is_some();
    [("malloc", "free"), ("__new", "__unpin"), ("_malloc", "_free")]
        .into_iter()
        .find(|(alloc, free)| has(alloc) && has(free))
}

/// A function of the module's allocator.
fn own_func(store: &mut StoreContextMut<'_, Data>, inst: &Inst, name: &str) -> Option<Func> {
    inst.export_value(store, name)?.into_func()
}

/// Whether addresses of the memory have 64 bits.
fn is_wide(store: &StoreContextMut<'_, Data>, memory: &Memory) -> bool {
    memory.ty(store).is_ok_and(|ty| ty.index == wamr::IndexType::I64)
}

fn number(wide: bool, value: u64) -> Val {
    if wide { Val::I64(value as i64) } else { Val::I32(value as i32) }
}

/// A block of memory 0: its address, or 0.
pub(crate) fn alloc(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    memory: &Memory,
    size: u64,
) -> Result<u64, wamr::Error> {
    let wide = is_wide(store, memory);
    if let Some((name, _)) = own(inst)
        && let Some(func) = own_func(store, inst, name)
    {
        let mut args = vec![number(wide, size)];
        if name == "__new" {
            // AssemblyScript's strings are of class 1.
            args.push(Val::I32(1));
        }
        let mut results = [number(wide, 0)];
        func.call(&mut *store, &args, &mut results)?;
        return Ok(match results {
            [Val::I32(at)] => u64::from(at as u32),
            [Val::I64(at)] => at as u64,
            _ => 0,
        });
    }
    managed(store, inst, memory, size)
}

#[cfg(feature = "libc-builtin")]
fn managed(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    memory: &Memory,
    size: u64,
) -> Result<u64, wamr::Error> {
    let Ok(size) = u32::try_from(size) else { return Ok(0) };
    let at = LibcCtx::heap_alloc(store.as_context_mut(), libc(inst), memory, size);
    at.map(u64::from)
}

#[cfg(not(feature = "libc-builtin"))]
fn managed(
    _: &mut StoreContextMut<'_, Data>,
    _: &Inst,
    _: &Memory,
    _: u64,
) -> Result<u64, wamr::Error> {
    Ok(0)
}

/// Takes a block back.
pub(crate) fn free(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    memory: &Memory,
    at: u64,
) -> Result<(), wamr::Error> {
    let wide = is_wide(store, memory);
    if let Some((_, name)) = own(inst)
        && let Some(func) = own_func(store, inst, name)
    {
        return func.call(&mut *store, &[number(wide, at)], &mut []);
    }
    free_managed(store, inst, memory, at)
}

#[cfg(feature = "libc-builtin")]
fn free_managed(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    memory: &Memory,
    at: u64,
) -> Result<(), wamr::Error> {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    LibcCtx::heap_free(store.as_context_mut(), libc(inst), memory, at)
}

#[cfg(not(feature = "libc-builtin"))]
fn free_managed(
    _: &mut StoreContextMut<'_, Data>,
    _: &Inst,
    _: &Memory,
    _: u64,
) -> Result<(), wamr::Error> {
    Ok(())
}
