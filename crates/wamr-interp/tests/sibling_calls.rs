//! Handlers have to end in jumps to their successors: one that calls instead would use up the
//! native stack, a little with each operation. The compiler promises nothing, so this looks at
//! the machine code of all handlers in the test's own executable.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use object::{Object, ObjectSection, ObjectSymbol};
use wamr_interp::Interpreter;
use wamr_runtime::Backend;

/// Part of the mangled names of handlers and of what they jump to.
const HANDLERS: &str = "8dispatch8threaded";

/// A function in machine code.
struct Function<'d> {
    name: &'d str,
    address: u64,
    code: &'d [u8],
}

impl Function<'_> {
    fn instructions(&self) -> impl Iterator<Item = Instruction> {
        Decoder::with_ip(64, self.code, self.address, DecoderOptions::NONE).into_iter()
    }
}

/// The handlers in an executable.
fn handlers<'d>(file: &object::File<'d>) -> Vec<Function<'d>> {
    let text = file.section_by_name(".text").expect("an executable has code");
    let code = text.data().expect("code is there");
    let mut found = Vec::new();
    for symbol in file.symbols() {
        let Ok(name) = symbol.name() else { continue };
        if !name.contains(HANDLERS) || symbol.size() == 0 {
            continue;
        }
        let start = (symbol.address() - text.address()) as usize;
        let code = &code[start..start + symbol.size() as usize];
        found.push(Function { name, address: symbol.address(), code });
    }
    found
}

/// Whether an operand is in memory that the linker fills in: addresses of imported functions.
fn is_linked(instruction: &Instruction) -> bool {
    instruction.is_ip_rel_memory_operand()
}

/// Whether an instruction is part of leaving a function.
fn is_epilogue(instruction: &Instruction) -> bool {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Pop => true,
        Add | Lea => instruction.op0_register() == Register::RSP,
        _ => false,
    }
}

/// Whether an instruction chooses the position of the next operation by a condition.
fn is_choice(instruction: &Instruction) -> bool {
    use Mnemonic::*;
    let is_conditional_move = matches!(
        instruction.mnemonic(),
        Cmova
            | Cmovae
            | Cmovb
            | Cmovbe
            | Cmove
            | Cmovg
            | Cmovge
            | Cmovl
            | Cmovle
            | Cmovne
            | Cmovno
            | Cmovnp
            | Cmovns
            | Cmovo
            | Cmovp
            | Cmovs
    );
    is_conditional_move && instruction.op0_register() == Register::RDI
}

/// Whether an instruction writes its first operand.
fn writes(instruction: &Instruction, register: Register) -> bool {
    use Mnemonic::*;
    !matches!(instruction.mnemonic(), Cmp | Test | Push | Call | Jmp | Ucomisd | Ucomiss)
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register() == register
}

/// What is wrong with a handler.
fn fault(function: &Function<'_>) -> Option<String> {
    let mut has_just_called = false;
    // Registers that hold the address of an imported function.
    let mut imported = HashSet::new();
    // As data rather than as a branch, a condition would make the processor wait for it before it
    // goes on.
    let mut is_chosen = false;
    for instruction in function.instructions() {
        let fault = |what| Some(format!("{:#x} {what}", instruction.ip()));
        let target = instruction.op0_kind();
        match instruction.mnemonic() {
            Mnemonic::INVALID => return fault("is no instruction"),
            Mnemonic::Ret if has_just_called => return fault("returns from a call at the end"),
            Mnemonic::Jmp if is_chosen && target != OpKind::NearBranch64 => {
                return fault("goes where a conditional move said");
            }
            Mnemonic::Call => {
                let is_dispatch = match target {
                    OpKind::Register => !imported.contains(&instruction.op0_register()),
                    OpKind::Memory => !is_linked(&instruction),
                    _ => false,
                };
                if is_dispatch {
                    return fault("calls the next handler");
                }
                (has_just_called, is_chosen) = (true, false);
                continue;
            }
            _ => {}
        }
        has_just_called &= is_epilogue(&instruction);
        let written = instruction.op0_register();
        if instruction.mnemonic() == Mnemonic::Mov && is_linked(&instruction) {
            imported.insert(written);
        } else if writes(&instruction, written) {
            imported.remove(&written);
        }
        if is_choice(&instruction) {
            is_chosen = true;
        } else if [Register::RDI, Register::EDI].iter().any(|&half| writes(&instruction, half)) {
            is_chosen = false;
        }
    }
    None
}

#[test]
fn handlers_jump_to_their_successors() {
    // Keeps the interpreter in this executable.
    let backend: &dyn Backend = black_box(&Interpreter);
    assert_eq!(backend.name(), "interp");

    let path = std::env::current_exe().expect("this test has a path");
    let bytes = fs::read(path).expect("this test can be read");
    let file = object::File::parse(&*bytes).expect("this test is an executable");
    let handlers = handlers(&file);
    if !Interpreter::CHAINS {
        assert!(handlers.is_empty(), "handlers return to a loop");
        return;
    }
    assert!(handlers.len() > 1000, "only {} handlers: were symbols stripped?", handlers.len());
    assert!(
        handlers.iter().any(|handler| handler.name.contains("fast_v3")),
        "no handlers for x86-64-v3"
    );

    let mut faults = String::new();
    for handler in &handlers {
        if let Some(fault) = fault(handler) {
            writeln!(faults, "{}: {fault}", handler.name).expect("strings take everything");
        }
    }
    assert!(faults.is_empty(), "handlers that do not just jump:\n{faults}");
}

#[test]
fn a_handler_that_calls_is_found() {
    let fault = |code: &[u8]| fault(&Function { name: "", address: 0x1000, code });
    let jump = [0xff, 0x27]; // jmp [rdi]
    assert_eq!(fault(&jump), None);
    let helper = [0xff, 0x15, 0, 0, 0, 0, 0xff, 0x27]; // call [rip]; jmp [rdi]
    assert_eq!(fault(&helper), None);
    let register = [0x50, 0xff, 0xd0, 0x59, 0xc3]; // push rax; call rax; pop rcx; ret
    assert!(fault(&register).is_some());
    let memory = [0x50, 0xff, 0x17, 0x59, 0xc3]; // push rax; call [rdi]; pop rcx; ret
    assert!(fault(&memory).is_some());
    let direct = [0x50, 0xe8, 0, 0, 0, 0, 0x59, 0xc3]; // push rax; call next; pop rcx; ret
    assert!(fault(&direct).is_some());
    // mov rbx, [rip]; call rbx; call rbx; jmp [rdi]
    let held = [0x48, 0x8b, 0x1d, 0, 0, 0, 0, 0xff, 0xd3, 0xff, 0xd3, 0xff, 0x27];
    assert_eq!(fault(&held), None);
    let chosen = [0x48, 0x0f, 0x44, 0xf8, 0xff, 0x27]; // cmove rdi, rax; jmp [rdi]
    assert!(fault(&chosen).is_some());
}
