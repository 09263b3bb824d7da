//! Calls of C functions whose types are known at run time only, by the System V ABI of x86-64, and
//! C functions with variable arguments.

use std::ffi::c_void;

use super::handle::Name;
use super::value::WasmVal;

/// Arguments of a C function, in the places where it looks for them.
#[derive(Debug, Default)]
pub(crate) struct Args {
    ints: usize,
    floats: usize,
    regs: Registers,
    stack: Vec<u64>,
}

#[repr(C)]
#[derive(Debug, Default)]
struct Registers {
    ints: [u64; 6],
    floats: [u64; 8],
    stack: usize,
    stack_len: usize,
}

/// What a C function left where results are.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Returned {
    /// An integer or pointer.
    pub(crate) int: u64,
    /// The bits of a number with a point.
    pub(crate) float: u64,
}

impl Args {
    /// Adds an integer or a pointer.
    pub(crate) fn int(&mut self, value: u64) {
        match self.regs.ints.get_mut(self.ints) {
            Some(register) => *register = value,
            None => self.stack.push(value),
        }
        self.ints += 1;
    }

    /// Adds the bits of a number with a point.
    pub(crate) fn float(&mut self, bits: u64) {
        match self.regs.floats.get_mut(self.floats) {
            Some(register) => *register = bits,
            None => self.stack.push(bits),
        }
        self.floats += 1;
    }

    /// Calls a function.
    ///
    /// # Safety
    /// `func` must be a C function that takes such arguments.
    pub(crate) unsafe fn call(mut self, func: *const c_void) -> Returned {
        // The stack stays aligned to 16 bytes.
        if self.stack.len() % 2 == 1 {
            self.stack.push(0);
        }
        self.regs.stack = self.stack.as_ptr().expose_provenance();
        self.regs.stack_len = self.stack.len();
        let mut returned = Returned::default();
        // SAFETY: the caller vouches for the function; arguments are where the ABI wants them.
        unsafe { call_c(func, &self.regs, &mut returned) };
        returned
    }
}

/// Whether functions of any type can be called on this machine.
pub(crate) const CAN_CALL: bool = cfg!(all(target_arch = "x86_64", not(windows)));

#[cfg(all(target_arch = "x86_64", not(windows)))]
#[unsafe(naked)]
unsafe extern "C" fn call_c(func: *const c_void, regs: &Registers, returned: &mut Returned) {
    std::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "mov rbx, rdx",
        "mov r11, rdi",
        "mov r12, rsi",
        // Arguments beyond the registers, the last one first.
        "mov rcx, [r12 + 120]",
        "mov rax, [r12 + 112]",
        "2:",
        "test rcx, rcx",
        "jz 3f",
        "dec rcx",
        "push qword ptr [rax + rcx * 8]",
        "jmp 2b",
        "3:",
        "movsd xmm0, qword ptr [r12 + 48]",
        "movsd xmm1, qword ptr [r12 + 56]",
        "movsd xmm2, qword ptr [r12 + 64]",
        "movsd xmm3, qword ptr [r12 + 72]",
        "movsd xmm4, qword ptr [r12 + 80]",
        "movsd xmm5, qword ptr [r12 + 88]",
        "movsd xmm6, qword ptr [r12 + 96]",
        "movsd xmm7, qword ptr [r12 + 104]",
        "mov rdi, [r12]",
        "mov rsi, [r12 + 8]",
        "mov rdx, [r12 + 16]",
        "mov rcx, [r12 + 24]",
        "mov r8, [r12 + 32]",
        "mov r9, [r12 + 40]",
        "mov eax, 8",
        "call r11",
        "mov [rbx], rax",
        "movsd qword ptr [rbx + 8], xmm0",
        "lea rsp, [rbp - 16]",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

#[cfg(not(all(target_arch = "x86_64", not(windows))))]
unsafe fn call_c(_: *const c_void, _: &Registers, _: &mut Returned) {}

/// Variable arguments, where the caller left them.
pub(crate) struct VarArgs {
    /// The integer registers, of which the first ones hold named arguments.
    ints: *const u64,
    next_int: usize,
    floats: *const [u64; 2],
    next_float: usize,
    stack: *const u64,
}

impl VarArgs {
    /// The next integer or pointer.
    ///
    /// # Safety
    /// There must be one.
    pub(crate) unsafe fn int(&mut self) -> u64 {
        // SAFETY: the caller vouches for the argument, which is where the ABI wants it.
        unsafe {
            if self.next_int < 6 {
                self.next_int += 1;
                return self.ints.add(self.next_int - 1).read();
            }
            self.on_stack()
        }
    }

    /// The bits of the next `double`.
    ///
    /// # Safety
    /// There must be one.
    pub(crate) unsafe fn double(&mut self) -> u64 {
        // SAFETY: as in `int`.
        unsafe {
            if self.next_float < 8 {
                self.next_float += 1;
                return (*self.floats.add(self.next_float - 1))[0];
            }
            self.on_stack()
        }
    }

    unsafe fn on_stack(&mut self) -> u64 {
        // SAFETY: as in `int`.
        unsafe {
            let value = self.stack.read();
            self.stack = self.stack.add(1);
            value
        }
    }
}

/// Saves what may hold variable arguments, and calls a worker with where they are as the sixth
/// argument. The functions have five named ones.
macro_rules! variadic {
    ($name:ident => $worker:path) => {
        #[cfg(all(target_arch = "x86_64", not(windows)))]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $name() {
            std::arch::naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                "sub rsp, 176",
                "mov [rsp + 40], r9",
                "movaps [rsp + 48], xmm0",
                "movaps [rsp + 64], xmm1",
                "movaps [rsp + 80], xmm2",
                "movaps [rsp + 96], xmm3",
                "movaps [rsp + 112], xmm4",
                "movaps [rsp + 128], xmm5",
                "movaps [rsp + 144], xmm6",
                "movaps [rsp + 160], xmm7",
                "mov r9, rsp",
                "call {worker}",
                "leave",
                "ret",
                worker = sym $worker,
            )
        }

        #[cfg(not(all(target_arch = "x86_64", not(windows))))]
        #[unsafe(no_mangle)]
        pub(crate) extern "C" fn $name() -> bool {
            false
        }
    };
}

/// # Safety
/// `area` must be what `variadic` saved.
unsafe fn var_args(area: *const u64) -> VarArgs {
    // SAFETY: the area has 176 bytes; behind it are the frame pointer, the return address and the
    // arguments on the stack.
    unsafe {
        VarArgs {
            ints: area,
            next_int: 5,
            floats: area.add(6).cast(),
            next_float: 0,
            stack: area.add(22 + 2),
        }
    }
}

extern "C" fn call_wasm_v(
    env: Name,
    func: Name,
    num_results: u32,
    results: *mut WasmVal,
    num_args: u32,
    area: *const u64,
) -> bool {
    super::guarded(|| {
        // SAFETY: only `variadic` calls this.
        let args = unsafe { var_args(area) };
        super::call::call_v(env, func, num_results, results, num_args, args)
    })
}

variadic!(wasm_runtime_call_wasm_v => call_wasm_v);
variadic!(wasm_runtime_call_func_ref_v => call_wasm_v);
