//! The functions of a module, compiled one after the other and put together.

use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, Function};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, FinalizedMachReloc, FinalizedRelocTarget};
use cranelift_frontend::FunctionBuilderContext;
use wamr_runtime::compiled::compiled_call;
use wamr_runtime::vm::FuncKind;
use wamr_runtime::{Error, ErrorKind, Executable, FuncEntry, MemoryKind};
use wamr_types::{DefinedFuncIdx, Module};

use crate::code_memory::CodeMemory;
use crate::func;

/// What every function begins at a multiple of.
const ALIGNMENT: usize = 16;

/// A compiled module.
pub(crate) struct CompiledModule {
    code: CodeMemory,
    /// Where each function that the module defines begins.
    starts: Box<[usize]>,
}

/// A call from one function of the module to another.
struct CallSite {
    /// The place of the distance to the callee.
    at: usize,
    /// What to add to the distance.
    addend: i64,
    callee: usize,
}

impl CompiledModule {
    /// Compiles every function that a module defines.
    ///
    /// # Errors
    /// If a body is invalid, has an operator that is not supported, or the system refuses
    /// memory for the code.
    pub(crate) fn compile(module: &Module) -> Result<Self, Error> {
        let isa = target()?;
        let mut frontend = FunctionBuilderContext::new();
        let mut context = Context::new();
        let (mut code, mut starts, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        for position in 0..module.defined_func_count() {
            let index = DefinedFuncIdx::from_usize(position);
            let invalid = |error| Error::from_kind(ErrorKind::InvalidBody(error));
            module.bodies.validate(index).map_err(invalid)?;
            context.clear();
            func::build(module, index, &mut context.func, &mut frontend, isa.frontend_config())?;
            context
                .compile(&*isa, &mut ControlPlane::default())
                .map_err(|error| Error::msg(format_args!("{:?}", error.inner)))?;
            let Some(compiled) = context.compiled_code() else { continue };
            code.resize(code.len().next_multiple_of(ALIGNMENT), 0xcc);
            let start = code.len();
            code.extend_from_slice(compiled.code_buffer());
            starts.push(start);
            for reloc in compiled.buffer.relocs() {
                calls.push(call_site(&context.func, start, reloc)?);
            }
        }
        for CallSite { at, addend, callee } in calls {
            let distance = starts[callee] as i64 - at as i64 + addend;
            let distance = i32::try_from(distance)
                .map_err(|_| Error::msg("the module's code is larger than 2 GiB"))?;
            code[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        let code = CodeMemory::new(&code).map_err(Error::new)?;
        Ok(Self { code, starts: starts.into() })
    }
}

/// The host's architecture, as far as every machine of it goes.
fn target() -> Result<OwnedTargetIsa, Error> {
    let mut flags = settings::builder();
    // Tail calls need frame pointers.
    flags.set("preserve_frame_pointers", "true").map_err(Error::new)?;
    let builder = isa::lookup_by_name("x86_64").map_err(Error::new)?;
    builder.finish(settings::Flags::new(flags)).map_err(Error::new)
}

/// A relocation of a function that begins at `start`; none but direct calls need one.
fn call_site(func: &Function, start: usize, reloc: &FinalizedMachReloc) -> Result<CallSite, Error> {
    match (reloc.kind, &reloc.target) {
        (Reloc::X86CallPCRel4, FinalizedRelocTarget::ExternalName(ExternalName::User(name))) => {
            Ok(CallSite {
                at: start + reloc.offset as usize,
                addend: reloc.addend,
                callee: func.params.user_named_funcs()[*name].index as usize,
            })
        }
        (kind, target) => {
            Err(Error::msg(format_args!("unexpected relocation {kind:?} of {target:?}")))
        }
    }
}

// SAFETY: the code lives as long as the value, follows the calling convention of compiled code,
// and `compiled_call` enters it by that convention. It compares before every access to memory.
unsafe impl Executable for CompiledModule {
    fn entry(&self, func: DefinedFuncIdx, _memory0: MemoryKind) -> FuncEntry {
        FuncEntry {
            kind: FuncKind::Compiled,
            code: self.code.at(self.starts[func.index()]),
            array_call: compiled_call,
            body: core::ptr::null(),
        }
    }
}
