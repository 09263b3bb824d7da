//! The stubs for x86-64. They move registers and nothing else; the layout of `RegFile` that they
//! rely on is asserted below.

use core::arch::naked_asm;
use core::mem::offset_of;

use super::direct::{HostBody, Registers};
use super::unwind::{Landing, PENDING, fail, fault};
use super::{CALLER_BELOW_FP, RegFile, adapt, charge, limit};
use crate::live::ExitWord;
use crate::vm::{FuncRecord, VmContext, VmStore};

const SIZE: usize = size_of::<RegFile>();
const INTS: usize = offset_of!(RegFile, ints);
const INT_RESULT: usize = offset_of!(RegFile, int_result);
const FLOAT_RESULT: usize = offset_of!(RegFile, float_result);
const CALLEE: usize = offset_of!(RegFile, callee);
const CALLER: usize = offset_of!(RegFile, caller);
/// Room for a [`Landing`] that keeps the stack aligned.
const LANDING_SIZE: usize = size_of::<Landing>().next_multiple_of(16);

/// How far [`VmStore::exit`] is from [`VmStore::activation`].
const EXIT: usize = offset_of!(VmStore, exit) - offset_of!(VmStore, activation);

const _: () = assert!(SIZE.is_multiple_of(16) && offset_of!(RegFile, floats) == 0);
// `host_entry` pushes it there.
const _: () = assert!(CALLER_BELOW_FP == 16);

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
        "pop r8
        pop qword ptr [r8]
        pop qword ptr [r8 + {exit}]
        add rsp, 16
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbx
        pop rbp
        ret"
    };
}

/// As [`leave`] where the code has returned, which left the caller's registers as they were.
macro_rules! leave_returned {
    () => {
        "mov r8, [rsp]
        mov r9, [rsp + 8]
        mov r10, [rsp + 16]
        mov [r8], r9
        mov [r8 + {exit}], r10
        mov rsp, rbp
        pop rbp
        ret"
    };
}

/// Begins an activation: saves what belongs to the caller, and notes the stack pointer at `r11`.
/// What is pushed between the two halves says where results go; see [`entered`]. The exit before it
/// goes into the frame.
macro_rules! save {
    () => {
        "push rbp
        mov rbp, rsp
        push rbx
        push r12
        push r13
        push r14
        push r15"
    };
}

/// See [`save`].
macro_rules! note {
    () => {
        "push r11
        push qword ptr [r11 + {exit}]
        push qword ptr [r11]
        push r11
        mov [r11], rsp"
    };
}

/// Runs `code` with the registers in `regs`, as a new activation whose stack pointer is noted in
/// `activation`. Gives 0, or 1 if the activation was left by [`left`].
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
        save!(),
        "push rsi
        mov r11, rdx",
        note!(),
        "mov rax, rdi
        mov r11, rsi",
        load_params!(),
        "jmp {entered}",
        ints = const INTS,
        callee = const CALLEE,
        caller = const CALLER,
        exit = const EXIT,
        entered = sym entered,
    )
}

/// What stands in the frame in place of a register file where results stay in registers.
const INT_STAYS: usize = 0;
/// As above.
const FLOAT_STAYS: usize = 1;

/// Jumped to with an activation's frame made, and code in `rax`: runs it, and ends the activation.
/// The one place that activations call from.
#[unsafe(naked)]
unsafe extern "sysv64" fn entered() {
    naked_asm!(
        "call rax
        mov r11, [rsp + 32]
        cmp r11, {float_stays}
        je 2f
        ja 3f
        xor edx, edx",
        leave_returned!(),
        "2:
        xor eax, eax",
        leave_returned!(),
        "3:
        mov [r11 + {int_result}], rax
        movaps [r11 + {float_result}], xmm0
        xor eax, eax",
        leave_returned!(),
        float_stays = const FLOAT_STAYS,
        int_result = const INT_RESULT,
        float_result = const FLOAT_RESULT,
        exit = const EXIT,
    )
}

/// The return address of what [`entered`] calls.
pub(super) fn entry_return() -> usize {
    /// The length of `call rax`.
    const CALL_BYTES: usize = 2;
    entered as *const () as usize + CALL_BYTES
}

/// Where an activation's frame has the address of [`crate::vm::VmStore::activation`].
pub(super) fn entry_activation(fp: *const usize) -> *const usize {
    fp.wrapping_sub(7)
}

/// Where an activation's frame has what [`crate::vm::VmStore::exit`] was before it.
pub(super) fn entry_exit(fp: *const usize) -> *const ExitWord {
    fp.wrapping_sub(8).cast()
}

/// Jumped to with an activation's stack pointer: leaves it with the status in `rax`, and in `rdx`
/// for those whose result would be in `rax`.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn left() {
    naked_asm!(leave!(), exit = const EXIT)
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

/// Makes an entry point for compiled code that keeps all registers. Its body gets the context, and
/// what `$second` leaves in `rsi`; it gives a trap's code, or 0 to go on.
macro_rules! keeping {
    ($(#[$meta:meta])* $name:ident calls $body:ident, second: $second:literal) => {
        $(#[$meta])*
        #[unsafe(naked)]
        pub(super) unsafe extern "sysv64" fn $name() {
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
                movaps [rsp + 240], xmm15",
                $second,
                "call {body}
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
                body = sym $body,
                failed = sym failed,
            )
        }
    };
}

keeping! {
    /// Called by compiled code whose limit check fired; see [`limit`].
    limit_hit calls limit, second: "mov rsi, rbp"
}

keeping! {
    /// Called by compiled code that lacks fuel; see [`charge`].
    fuel_lacks calls charge, second: ""
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

/// Whether there is [`enter_direct`] and [`direct_entry`].
pub(super) const HAS_DIRECT: bool = true;

/// A result in `rax`, and a status in `rdx`.
#[repr(C)]
pub(super) struct IntResult {
    value: u64,
    status: u64,
}

/// A result in `xmm0`, and a status in `rax`.
#[repr(C)]
pub(super) struct FloatResult {
    value: f64,
    status: u64,
}

impl IntResult {
    #[inline(always)]
    fn new(slot: u64, status: u64) -> Self {
        Self { value: slot, status }
    }
}

impl FloatResult {
    #[inline(always)]
    fn new(slot: u64, status: u64) -> Self {
        Self { value: f64::from_bits(slot), status }
    }
}

/// What [`enter_direct`] calls: code and the place of the activation are on the stack, all else in
/// the registers of the convention.
type Enter<R> = unsafe extern "sysv64" fn(
    *mut (),
    *mut VmContext,
    u64,
    u64,
    u64,
    u64,
    *const (),
    *mut usize,
) -> R;

/// The same, with floats.
type EnterWithFloats<R> = unsafe extern "sysv64" fn(
    *mut (),
    *mut VmContext,
    u64,
    u64,
    u64,
    u64,
    *const (),
    *mut usize,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
) -> R;

/// Makes a function of the type [`Enter`], which is one of the type [`EnterWithFloats`] too.
macro_rules! enter_with {
    ($name:ident, $result:ident, $stays:ident) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $name(
            _: *mut (),
            _: *mut VmContext,
            _: u64,
            _: u64,
            _: u64,
            _: u64,
            _: *const (),
            _: *mut usize,
        ) -> $result {
            naked_asm!(
                save!(),
                "push {stays}
                mov rax, [rbp + 16]
                mov r11, [rbp + 24]",
                note!(),
                "jmp {entered}",
                stays = const $stays,
                exit = const EXIT,
                entered = sym entered,
            )
        }
    };
}

enter_with!(enter_for_int, IntResult, INT_STAYS);
enter_with!(enter_for_float, FloatResult, FLOAT_STAYS);

/// Runs code as a new activation, with values in registers; see [`super::direct::call`].
///
/// # Safety
/// `code` must follow the convention, for such values.
#[inline(always)]
pub(super) unsafe fn enter_direct(
    code: *const (),
    callee: *mut (),
    caller: *mut VmContext,
    activation: *mut usize,
    values: &Registers,
    has_floats: bool,
    gives_float: bool,
) -> Option<u64> {
    let [i0, i1, i2, i3] = values.ints;
    macro_rules! enter {
        ($enter:ident, $result:ident) => {{
            let enter: Enter<$result> = $enter;
            if has_floats {
                let [f0, f1, f2, f3, f4, f5, f6, f7] = values.floats;
                // SAFETY: the stub touches no float, and hands all on in their registers.
                unsafe {
                    let enter: EnterWithFloats<$result> = core::mem::transmute(enter);
                    enter(
                        callee, caller, i0, i1, i2, i3, code, activation, f0, f1, f2, f3, f4, f5,
                        f6, f7,
                    )
                }
            } else {
                // SAFETY: the caller vouches for the code and its values.
                unsafe { enter(callee, caller, i0, i1, i2, i3, code, activation) }
            }
        }};
    }
    if gives_float {
        let FloatResult { value, status } = enter!(enter_for_float, FloatResult);
        (status == 0).then_some(value.to_bits())
    } else {
        let IntResult { value, status } = enter!(enter_for_int, IntResult);
        (status == 0).then_some(value)
    }
}

/// Makes the entry for compiled code of host functions, and what it calls.
macro_rules! host_entry {
    ($entry:ident, $body:ident, $result:ident, $test:literal) => {
        #[unsafe(naked)]
        unsafe extern "sysv64" fn $entry<B: HostBody>() {
            naked_asm!(
                "push rbp
                mov rbp, rsp
                push rsi
                push rsi
                mov r11, [rsi + {store}]
                mov [r11 + {exit}], rbp
                call {body}",
                $test,
                "jne 2f
                leave
                ret
                2:
                mov rdi, [rbp - 8]
                mov esi, {pending}
                jmp {failed}",
                body = sym $body::<B>,
                pending = const PENDING,
                store = const offset_of!(VmContext, store),
                exit = const offset_of!(VmStore, exit),
                failed = sym failed,
            )
        }

        #[allow(clippy::too_many_arguments, reason = "one for each register")]
        unsafe extern "sysv64" fn $body<B: HostBody>(
            record: *const FuncRecord,
            caller: *mut VmContext,
            i0: u64,
            i1: u64,
            i2: u64,
            i3: u64,
            f0: f64,
            f1: f64,
            f2: f64,
            f3: f64,
            f4: f64,
            f5: f64,
            f6: f64,
            f7: f64,
        ) -> $result {
            let ints = [i0, i1, i2, i3];
            let values = Registers { ints, floats: [f0, f1, f2, f3, f4, f5, f6, f7] };
            // SAFETY: compiled code calls by the convention, with its own live context.
            match unsafe { B::run(record, caller, &values) } {
                Ok(slot) => $result::new(slot, 0),
                Err(()) => $result::new(0, 1),
            }
        }
    };
}

host_entry!(int_entry, int_body, IntResult, "test edx, edx");
host_entry!(float_entry, float_body, FloatResult, "test eax, eax");

/// The entry for compiled code of host functions with such a body.
pub(super) fn direct_entry<B: HostBody>() -> usize {
    if B::GIVES_FLOAT {
        float_entry::<B> as *const () as usize
    } else {
        int_entry::<B> as *const () as usize
    }
}
