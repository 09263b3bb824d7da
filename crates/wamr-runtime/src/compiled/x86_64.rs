//! The stubs for x86-64. They move registers and nothing else; the layout of `RegFile` that they
//! rely on is asserted below.

use core::arch::naked_asm;
use core::mem::offset_of;

use super::unwind::{Landing, PENDING, fail, fault};
use super::{RegFile, adapt, limit};

const SIZE: usize = size_of::<RegFile>();
const INTS: usize = offset_of!(RegFile, ints);
const INT_RESULT: usize = offset_of!(RegFile, int_result);
const FLOAT_RESULT: usize = offset_of!(RegFile, float_result);
const CALLEE: usize = offset_of!(RegFile, callee);
const CALLER: usize = offset_of!(RegFile, caller);
/// Room for a [`Landing`] that keeps the stack aligned.
const LANDING_SIZE: usize = size_of::<Landing>().next_multiple_of(16);

const _: () = assert!(SIZE.is_multiple_of(16) && offset_of!(RegFile, floats) == 0);

/// Loads parameter registers and contexts from the register file at `r11`.
macro_rules! load_params {
    () => {
        "movaps xmm0, [r11]
        movaps xmm1, [r11 + 16]
        movaps xmm2, [r11 + 32]
        movaps xmm3, [r11 + 48]
        movaps xmm4, [r11 + 64]
        movaps xmm5, [r11 + 80]
        movaps xmm6, [r11 + 96]
        movaps xmm7, [r11 + 112]
        mov rdx, [r11 + {ints}]
        mov rcx, [r11 + {ints} + 8]
        mov r8, [r11 + {ints} + 16]
        mov r9, [r11 + {ints} + 24]
        mov rdi, [r11 + {callee}]
        mov rsi, [r11 + {caller}]"
    };
}

/// Leaves an activation whose stack pointer is in `rsp`, with the status in `rax`.
macro_rules! leave {
    () => {
        "pop rcx
        pop r8
        mov [r8], rcx
        pop r11
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbx
        pop rbp
        ret"
    };
}

/// Runs `code` with the registers in `regs`, as a new activation whose stack pointer is noted in
/// `activation`. Gives 0, or 1 if the activation was left by [`unwind`].
///
/// # Safety
/// `code` must follow the convention, for the values in `regs`.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn enter(
    code: *const (),
    regs: *mut RegFile,
    activation: *mut usize,
) -> usize {
    naked_asm!(
        "test rdi, rdi
        jz 3f
        push rbp
        mov rbp, rsp
        push rbx
        push r12
        push r13
        push r14
        push r15
        push rsi
        push rdx
        push qword ptr [rdx]
        mov [rdx], rsp
        mov rax, rdi
        mov r11, rsi",
        load_params!(),
        "call rax
        2:
        mov r11, [rsp + 16]
        mov [r11 + {int_result}], rax
        movaps [r11 + {float_result}], xmm0
        xor eax, eax",
        leave!(),
        "3:
        lea rax, [rip + 2b]
        ret",
        ints = const INTS,
        callee = const CALLEE,
        caller = const CALLER,
        int_result = const INT_RESULT,
        float_result = const FLOAT_RESULT,
    )
}

/// The return address of what [`enter`] calls.
pub(super) fn entry_return() -> usize {
    // SAFETY: for no code it gives the address, and touches nothing.
    unsafe { enter(core::ptr::null(), core::ptr::null_mut(), core::ptr::null_mut()) }
}

/// Where the frame of [`enter`] has the address of [`crate::vm::VmStore::activation`].
pub(super) fn entry_activation(fp: *const usize) -> *const usize {
    fp.wrapping_sub(7)
}

/// Jumped to with an activation's stack pointer: leaves it with the status in `rax`.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn left() {
    naked_asm!(leave!())
}

/// Goes on at the [`Landing`] at `rsp`.
macro_rules! land {
    () => {
        "mov r10, [rsp + {pc}]
        mov rbp, [rsp + {fp}]
        mov rax, [rsp + {values}]
        mov rdx, [rsp + {values} + 8]
        mov rsp, [rsp + {sp}]
        jmp r10"
    };
}

/// Jumped to with the context in `rdi`, a code in `esi`, and the frame pointer of a stub that
/// compiled code called: see [`fail`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn failed() {
    naked_asm!(
        "mov rdx, rbp
        and rsp, -16
        sub rsp, {size}
        mov rcx, rsp
        call {fail}",
        land!(),
        size = const LANDING_SIZE,
        fail = sym fail,
        sp = const offset_of!(Landing, sp),
        fp = const offset_of!(Landing, fp),
        pc = const offset_of!(Landing, pc),
        values = const offset_of!(Landing, values),
    )
}

/// Where compiled code goes on after a fault, with what [`fault`] takes in registers.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn faulted() {
    naked_asm!(
        "and rsp, -16
        sub rsp, {size}
        mov rcx, rsp
        call {fault}",
        land!(),
        size = const LANDING_SIZE,
        fault = sym fault,
        sp = const offset_of!(Landing, sp),
        fp = const offset_of!(Landing, fp),
        pc = const offset_of!(Landing, pc),
        values = const offset_of!(Landing, values),
    )
}

/// The `code` of functions that are not compiled: see [`adapt`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn adapter() {
    naked_asm!(
        "push rbp
        mov rbp, rsp
        sub rsp, {size}
        movaps [rsp], xmm0
        movaps [rsp + 16], xmm1
        movaps [rsp + 32], xmm2
        movaps [rsp + 48], xmm3
        movaps [rsp + 64], xmm4
        movaps [rsp + 80], xmm5
        movaps [rsp + 96], xmm6
        movaps [rsp + 112], xmm7
        mov [rsp + {ints}], rdx
        mov [rsp + {ints} + 8], rcx
        mov [rsp + {ints} + 16], r8
        mov [rsp + {ints} + 24], r9
        mov rdx, rsp
        call {adapt}
        cmp rax, 1
        je 2f
        ja 3f
        mov rax, [rsp + {int_result}]
        movaps xmm0, [rsp + {float_result}]
        leave
        ret
        2:
        mov rdi, [rsp + {caller}]
        mov esi, {pending}
        jmp {failed}
        3:
        mov r11, rsp
        mov r10, rax",
        load_params!(),
        "leave
        jmp r10",
        size = const SIZE,
        ints = const INTS,
        callee = const CALLEE,
        caller = const CALLER,
        int_result = const INT_RESULT,
        float_result = const FLOAT_RESULT,
        pending = const PENDING,
        adapt = sym adapt,
        failed = sym failed,
    )
}

/// Called by compiled code to trap, with a context and a code.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn trap() {
    naked_asm!(
        "push rbp
        mov rbp, rsp
        jmp {failed}",
        failed = sym failed,
    )
}

/// Called by compiled code whose limit check fired; see [`limit`]. It keeps all registers.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn limit_hit() {
    naked_asm!(
        "push rbp
        mov rbp, rsp
        push rdi
        push rax
        push rcx
        push rdx
        push rsi
        push r8
        push r9
        push r10
        push r11
        sub rsp, 264
        movaps [rsp], xmm0
        movaps [rsp + 16], xmm1
        movaps [rsp + 32], xmm2
        movaps [rsp + 48], xmm3
        movaps [rsp + 64], xmm4
        movaps [rsp + 80], xmm5
        movaps [rsp + 96], xmm6
        movaps [rsp + 112], xmm7
        movaps [rsp + 128], xmm8
        movaps [rsp + 144], xmm9
        movaps [rsp + 160], xmm10
        movaps [rsp + 176], xmm11
        movaps [rsp + 192], xmm12
        movaps [rsp + 208], xmm13
        movaps [rsp + 224], xmm14
        movaps [rsp + 240], xmm15
        call {limit}
        mov rdi, [rbp - 8]
        mov esi, eax
        test eax, eax
        jnz {failed}
        movaps xmm0, [rsp]
        movaps xmm1, [rsp + 16]
        movaps xmm2, [rsp + 32]
        movaps xmm3, [rsp + 48]
        movaps xmm4, [rsp + 64]
        movaps xmm5, [rsp + 80]
        movaps xmm6, [rsp + 96]
        movaps xmm7, [rsp + 112]
        movaps xmm8, [rsp + 128]
        movaps xmm9, [rsp + 144]
        movaps xmm10, [rsp + 160]
        movaps xmm11, [rsp + 176]
        movaps xmm12, [rsp + 192]
        movaps xmm13, [rsp + 208]
        movaps xmm14, [rsp + 224]
        movaps xmm15, [rsp + 240]
        add rsp, 264
        pop r11
        pop r10
        pop r9
        pop r8
        pop rsi
        pop rdx
        pop rcx
        pop rax
        pop rdi
        pop rbp
        ret",
        limit = sym limit,
        failed = sym failed,
    )
}

/// Gives a function the convention by which code calls it.
macro_rules! called_by_code {
    ($(#[$meta:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        $(#[$meta])* $vis unsafe extern "sysv64" fn $($rest)*
    };
}
pub(super) use called_by_code;

/// Makes an entry point for compiled code of a function that may fail: it gives a value and a
/// code, and comes back to compiled code only if the code is [`super::unwind::NO_FAILURE`].
macro_rules! fallible {
    ($name:ident) => {{
        #[unsafe(naked)]
        unsafe extern "sysv64" fn entry() {
            core::arch::naked_asm!(
                "push rbp
                mov rbp, rsp
                push rdi
                push rdi
                call {body}
                test edx, edx
                jne 2f
                leave
                ret
                2:
                mov rdi, [rbp - 8]
                mov esi, edx
                jmp {failed}",
                body = sym $name,
                failed = sym $crate::compiled::arch::failed,
            )
        }
        entry as *const () as usize
    }};
}
pub(super) use fallible;
