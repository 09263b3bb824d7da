//! The accesses, the entry of activations and the landing, for x86-64.

use core::arch::x86_64::__m128i;
use core::arch::{asm, naked_asm};
use core::mem::offset_of;
use std::sync::Once;

use wamr_runtime::fault;
use wamr_runtime::numeric::simd::V128;
use wamr_runtime::vm::{Outcome, VmContext, VmStore};
use wamr_types::TrapCode;

use super::{Read, Write};
use crate::exec::{Regs, dispatch};
use crate::op::Cell;

/// Whether code for guarded memories can be made.
pub(crate) const SUPPORTED: bool = fault::SUPPORTED;

const STORE: usize = offset_of!(VmContext, store);
const ACTIVATION: usize = offset_of!(VmStore, interp_activation);

/// One instruction at label 2, and an entry for it in the section of those that may fault.
///
/// Entries are distances, so that nothing needs relocation at run time. `R` keeps the section
/// even where the linker finds that nothing refers to it.
///
/// `ip` is as before, but the compiler does not know: it would compute the next operation's address
/// and read operands before the access, and save a register for them.
macro_rules! access {
    ($instruction:literal, $ip:ident, $r:ident, $($operands:tt)*) => {
        asm!(
            concat!("2: ", $instruction),
            ".pushsection wamr_faults, \"aR\", @progbits",
            ".balign 4",
            ".long 2b - .",
            ".popsection",
            $($operands)*
            inout("rdi") $ip,
            in("rsi") $r.fp,
            in("rdx") $r.mem,
            in("r8") $r.ctx,
        )
    };
}

macro_rules! reads {
    ($($mem:ty as $res:ty, $class:ident $bits:ty: $instruction:literal;)*) => {$(
        impl Read<$res> for $mem {
            type Bits = $bits;

            #[inline(always)]
            unsafe fn read(mut ip: *const Cell, r: &Regs, start: u64) -> ($bits, *const Cell) {
                let value: $bits;
                // SAFETY: the address lies in what a guarded memory reserves; a fault leaves
                // this activation, which has nothing to drop.
                unsafe {
                    access!(
                        $instruction, ip, r,
                        options(nostack, preserves_flags, readonly),
                        value = lateout($class) value,
                        start = in(reg) start,
                    );
                }
                (value, ip)
            }
        }
    )*};
}

reads! {
    i32 as i32, reg u64: "mov {value:e}, dword ptr [rdx + {start}]";
    i64 as i64, reg u64: "mov {value:r}, qword ptr [rdx + {start}]";
    f32 as f32, xmm_reg f32: "movss {value}, dword ptr [rdx + {start}]";
    f64 as f64, xmm_reg f64: "movsd {value}, qword ptr [rdx + {start}]";
    i8 as i32, reg u64: "movsx {value:e}, byte ptr [rdx + {start}]";
    u8 as i32, reg u64: "movzx {value:e}, byte ptr [rdx + {start}]";
    i16 as i32, reg u64: "movsx {value:e}, word ptr [rdx + {start}]";
    u16 as i32, reg u64: "movzx {value:e}, word ptr [rdx + {start}]";
    i8 as i64, reg u64: "movsx {value:r}, byte ptr [rdx + {start}]";
    u8 as i64, reg u64: "movzx {value:e}, byte ptr [rdx + {start}]";
    i16 as i64, reg u64: "movsx {value:r}, word ptr [rdx + {start}]";
    u16 as i64, reg u64: "movzx {value:e}, word ptr [rdx + {start}]";
    i32 as i64, reg u64: "movsxd {value:r}, dword ptr [rdx + {start}]";
    u32 as i64, reg u64: "mov {value:e}, dword ptr [rdx + {start}]";
}

macro_rules! writes {
    ($($mem:ty: $instruction:literal, $class:ident: $($arg:ty),*;)*) => {$($(
        impl Write<$arg> for $mem {
            #[inline(always)]
            unsafe fn write(
                mut ip: *const Cell,
                r: &Regs,
                start: u64,
                value: $arg,
            ) -> *const Cell {
                // SAFETY: as for reads. A write that faults has changed nothing.
                unsafe {
                    access!(
                        $instruction, ip, r,
                        options(nostack, preserves_flags),
                        start = in(reg) start,
                        value = in($class) value,
                    );
                }
                ip
            }
        }
    )*)*};
}

writes! {
    i8: "mov byte ptr [rdx + {start}], {value:l}", reg: i32, i64;
    i16: "mov word ptr [rdx + {start}], {value:x}", reg: i32, i64;
    i32: "mov dword ptr [rdx + {start}], {value:e}", reg: i32, i64;
    i64: "mov qword ptr [rdx + {start}], {value:r}", reg: i64;
    f32: "movss dword ptr [rdx + {start}], {value}", xmm_reg: f32;
    f64: "movsd qword ptr [rdx + {start}], {value}", xmm_reg: f64;
}

/// Reads a vector, which no instruction does at once for other threads.
///
/// # Safety
/// As for [`Read::read`].
#[inline(always)]
pub(super) unsafe fn read_vector(mut ip: *const Cell, r: &Regs, start: u64) -> (V128, *const Cell) {
    let value: __m128i;
    // SAFETY: as for reads of numbers; vectors are 16 bytes without further meaning.
    unsafe {
        access!(
            "movdqu {value}, xmmword ptr [rdx + {start}]", ip, r,
            options(nostack, preserves_flags, readonly),
            value = lateout(xmm_reg) value,
            start = in(reg) start,
        );
        (core::mem::transmute::<__m128i, V128>(value), ip)
    }
}

/// Writes a vector, which no instruction does at once for other threads.
///
/// # Safety
/// As for [`Read::read`].
#[inline(always)]
pub(super) unsafe fn write_vector(
    mut ip: *const Cell,
    r: &Regs,
    start: u64,
    value: V128,
) -> *const Cell {
    // SAFETY: as for reads. Where a part of the bytes is out of bounds the processor writes none.
    unsafe {
        let value: __m128i = core::mem::transmute(value);
        access!(
            "movdqu xmmword ptr [rdx + {start}], {value}", ip, r,
            options(nostack, preserves_flags),
            start = in(reg) start,
            value = in(xmm_reg) value,
        );
    }
    ip
}

/// Has faults of the accesses end activations rather than the process.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (start, end): (*const i32, *const i32);
        // SAFETY: takes the addresses that the linker gives to the section's bounds. They are
        // this image's own, hence hidden.
        unsafe {
            asm!(
                ".hidden __start_wamr_faults",
                ".hidden __stop_wamr_faults",
                "lea {start}, [rip + __start_wamr_faults]",
                "lea {end}, [rip + __stop_wamr_faults]",
                start = out(reg) start,
                end = out(reg) end,
                options(nostack, preserves_flags, nomem, pure),
            );
        }
        // SAFETY: the section is an array of entries that never changes; the accesses keep the
        // promises as the module's header says.
        unsafe {
            let count = end.offset_from_unsigned(start);
            fault::register(core::slice::from_raw_parts(start, count), landing as *const ());
        }
    });
}

/// Runs from the operation at `r.ip` to the end of the activation.
///
/// # Safety
/// The registers are those of an activation.
#[inline(always)]
pub(crate) unsafe fn enter(r: Regs) -> Outcome {
    // SAFETY: the caller's promise is the one needed.
    unsafe { enter_stub(r.ip, r.fp, r.mem, r.mem_len, r.ctx) }
}

unsafe extern "sysv64" fn first(
    ip: *const Cell,
    fp: *mut u64,
    mem: *mut u8,
    mem_len: usize,
    ctx: *mut VmContext,
) -> Outcome {
    // SAFETY: the stub passes on what `enter` got.
    unsafe { dispatch::run(Regs::new(ip, fp, mem, mem_len, ctx)) }
}

/// What a fault comes to.
unsafe extern "sysv64" fn out_of_bounds(
    ip: *const Cell,
    fp: *mut u64,
    ctx: *mut VmContext,
) -> Outcome {
    // SAFETY: accesses have the registers of the innermost frame, and `ip` is their operation.
    unsafe { dispatch::leave_by_trap(ip, fp, TrapCode::MemoryOutOfBounds, 0, ctx) }
}

/// Leaves an activation whose stack pointer is in `rsp`, with the outcome in `eax`.
macro_rules! leave {
    () => {
        "add rsp, 8
        pop rcx
        pop rdx
        mov [rdx], rcx
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbx
        pop rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc"
    };
}

/// Saves the caller's registers and notes the stack pointer as a new activation's.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter_stub(
    ip: *const Cell,
    fp: *mut u64,
    mem: *mut u8,
    mem_len: usize,
    ctx: *mut VmContext,
) -> Outcome {
    naked_asm!(
        ".cfi_startproc
        push rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        mov rbp, rsp
        .cfi_def_cfa_register rbp
        push rbx
        push r12
        push r13
        push r14
        push r15
        mov rax, [r8 + {store}]
        add rax, {activation}
        push rax
        push qword ptr [rax]
        sub rsp, 8
        mov [rax], rsp
        call {first}",
        leave!(),
        store = const STORE,
        activation = const ACTIVATION,
        first = sym first,
    )
}

/// Where accesses that fault go on, with the registers that they had.
#[unsafe(naked)]
unsafe extern "sysv64" fn landing() {
    naked_asm!(
        ".cfi_startproc
        mov rax, [r8 + {store}]
        mov rsp, [rax + {activation}]
        lea rbp, [rsp + 64]
        .cfi_def_cfa rbp, 16
        .cfi_offset rbp, -16
        mov rdx, r8
        call {out_of_bounds}",
        leave!(),
        store = const STORE,
        activation = const ACTIVATION,
        out_of_bounds = sym out_of_bounds,
    )
}
