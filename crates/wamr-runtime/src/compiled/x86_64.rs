//! The stubs for x86-64. They move registers and nothing else; the layout of `RegFile` that they
//! rely on is asserted below.

use core::arch::naked_asm;
use core::mem::offset_of;

use super::{RegFile, adapt, limit, raise};

const SIZE: usize = size_of::<RegFile>();
const INTS: usize = offset_of!(RegFile, ints);
const INT_RESULT: usize = offset_of!(RegFile, int_result);
const FLOAT_RESULT: usize = offset_of!(RegFile, float_result);
const CALLEE: usize = offset_of!(RegFile, callee);
const CALLER: usize = offset_of!(RegFile, caller);
const ACTIVATION: usize = offset_of!(RegFile, activation);

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
        "push rbp
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
        mov r11, [rsp + 16]
        mov [r11 + {int_result}], rax
        movaps [r11 + {float_result}], xmm0
        xor eax, eax",
        leave!(),
        ints = const INTS,
        callee = const CALLEE,
        caller = const CALLER,
        int_result = const INT_RESULT,
        float_result = const FLOAT_RESULT,
    )
}

/// Jumped to with an activation's stack pointer in `rdi`: leaves it with status 1.
#[unsafe(naked)]
unsafe extern "sysv64" fn unwind() {
    naked_asm!(
        "mov rsp, rdi
        mov eax, 1",
        leave!(),
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
        mov rdi, [rsp + {activation}]
        jmp {unwind}
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
        activation = const ACTIVATION,
        adapt = sym adapt,
        unwind = sym unwind,
    )
}

/// Called by compiled code to trap; see [`raise`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn trap() {
    naked_asm!(
        "push rbp
        mov rbp, rsp
        call {raise}
        mov rdi, rax
        jmp {unwind}",
        raise = sym raise,
        unwind = sym unwind,
    )
}

/// Called by compiled code whose limit check fired; see [`limit`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn limit_hit() {
    naked_asm!(
        "push rbp
        mov rbp, rsp
        call {limit}
        mov rdi, rax
        test rax, rax
        jnz {unwind}
        pop rbp
        ret",
        limit = sym limit,
        unwind = sym unwind,
    )
}
