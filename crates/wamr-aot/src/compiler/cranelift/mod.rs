//! The generator that uses Cranelift.
//!
//! * `convention`: where values travel in calls.
//! * `layout`: the fields that compiled code reads.
//! * `func`: one function, operator by operator.
//! * `finish`: what Cranelift gives, in the words of artifacts.
//! * `target`: machines, and what their processors are called.

use std::sync::Arc;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{self, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use wamr_runtime::vm::TargetLayout;
use wamr_runtime::{Error, MemoryKind};
use wamr_types::{DefinedFuncIdx, Feature, Features};

use super::{CodeGenerator, CompiledFunc, FuncGenerator, ModuleEnv, Unsupported};
use crate::artifact::Target;

mod convention;
mod finish;
mod func;
mod layout;
mod target;

use target::Machine;

/// How large a frame may be before its function checks the stack for itself.
const LARGE_FRAME_BYTES: u32 = 32 << 10;

/// What to spend on good code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptLevel {
    /// Little: code is there sooner.
    None,
    /// As much as makes it fast.
    #[default]
    Speed,
    /// The same, but where that makes code larger.
    SpeedAndSize,
}

impl OptLevel {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Speed => "speed",
            Self::SpeedAndSize => "speed_and_size",
        }
    }
}

/// The generator that uses Cranelift.
pub struct Cranelift {
    isa: Arc<dyn TargetIsa>,
    target: Target,
    layout: layout::Layout,
    has_vectors: bool,
}

impl Cranelift {
    /// What it can compile.
    pub const FEATURES: Features = Features::WASM_2_0
        .with(Feature::Threads)
        .with(Feature::RelaxedSimd)
        .with(Feature::ExtendedConst)
        .with(Feature::TailCall)
        .with(Feature::FunctionReferences)
        .with(Feature::Exceptions)
        .with(Feature::LegacyExceptions)
        .with(Feature::Gc)
        .with(Feature::MultiMemory)
        .with(Feature::Memory64)
        .with(Feature::CustomPageSizes)
        .with(Feature::WideArithmetic);

    /// A generator for this machine.
    ///
    /// # Errors
    /// If there is none for it.
    pub fn host() -> Result<Self, Error> {
        if !wamr_runtime::fault::SUPPORTED {
            return Err(Error::msg("there is no compiled code for this platform yet"));
        }
        Self::new(std::env::consts::ARCH, Self::host_features(), OptLevel::default())
    }

    /// The features that this machine's processor has, by Rust's names for them; none on other
    /// machines than x86-64.
    pub fn host_features() -> impl Iterator<Item = &'static str> {
        target::host_features()
    }

    /// The architectures that there are generators for, by Rust's names. The feature `cross` adds
    /// others to x86-64: for them, nothing can be loaded yet.
    pub fn targets() -> impl Iterator<Item = &'static str> {
        Machine::names()
    }

    /// The features of a kind of processor of an architecture: `native` are those of this machine,
    /// `generic` is any; `x86-64-v2` and `x86-64-v3` are the levels of that platform's ABI.
    pub fn features_of_cpu(arch: &str, name: &str) -> Option<Vec<&'static str>> {
        Machine::by_name(arch)?.features_of_cpu(name)
    }

    /// A generator for processors of an architecture with some features, by Rust's names.
    ///
    /// # Errors
    /// If there is none for the architecture, or it knows no such feature.
    pub fn new<'f>(
        arch: &str,
        features: impl IntoIterator<Item = &'f str>,
        opt_level: OptLevel,
    ) -> Result<Self, Error> {
        let machine = Machine::by_name(arch).ok_or_else(|| {
            Error::msg(format_args!("there is no generator of code for `{arch}` in this build"))
        })?;
        let mut flags = settings::builder();
        for (name, value) in [
            ("opt_level", opt_level.name()),
            // Frames are walked by their frame pointers.
            ("preserve_frame_pointers", "true"),
            ("is_pic", "true"),
            ("unwind_info", "false"),
            ("enable_probestack", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ] {
            flags.set(name, value).map_err(Error::new)?;
        }
        let mut builder = isa::lookup_by_name(machine.arch).map_err(Error::new)?;
        let mut names: Vec<Box<str>> = features.into_iter().map(Box::from).collect();
        names.sort();
        names.dedup();
        for name in &names {
            let settings = machine.settings_of(name).ok_or_else(|| {
                let known = machine.features().join(", ");
                Error::msg(format_args!(
                    "unknown feature `{name}` of {arch} processors; known: {known}"
                ))
            })?;
            for setting in settings {
                builder.enable(setting).map_err(Error::new)?;
            }
        }
        // Of these machines, most have none.
        let has_vectors = arch != "riscv64";
        let isa = builder.finish(settings::Flags::new(flags)).map_err(Error::new)?;
        let target = Target { arch: arch.into(), cpu_features: names.into() };
        let layout = layout::Layout::new(TargetLayout::BITS_64);
        Ok(Self { isa, target, layout, has_vectors })
    }
}

impl CodeGenerator for Cranelift {
    fn name(&self) -> &'static str {
        "cranelift"
    }

    fn version(&self) -> &'static str {
        cranelift_codegen::VERSION
    }

    fn target(&self) -> Target {
        self.target.clone()
    }

    fn layout(&self) -> TargetLayout {
        TargetLayout::BITS_64
    }

    fn worker<'a>(&'a self, env: ModuleEnv<'a>) -> Box<dyn FuncGenerator + 'a> {
        Box::new(Worker {
            generator: self,
            env: func::Env::new(env, &self.layout),
            context: Context::new(),
            frontend: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
        })
    }
}

/// What a thread uses for one function after the other.
struct Worker<'a> {
    generator: &'a Cranelift,
    env: func::Env<'a>,
    context: Context,
    frontend: FunctionBuilderContext,
    control: ControlPlane,
}

impl FuncGenerator for Worker<'_> {
    fn compile(
        &mut self,
        func: DefinedFuncIdx,
        memory0: MemoryKind,
    ) -> Result<CompiledFunc, Error> {
        let compiled = self.compile_once(func, memory0, false)?;
        match compiled {
            Some(compiled) => Ok(compiled),
            // The frame is large: once more, with a check that knows its size.
            None => self
                .compile_once(func, memory0, true)?
                .ok_or_else(|| Error::msg("a function has too large a frame")),
        }
    }

    fn compile_invalid(&mut self, func: DefinedFuncIdx) -> Result<CompiledFunc, Error> {
        let target = self.generator.isa.frontend_config();
        self.context.clear();
        let (into, frontend) = (&mut self.context.func, &mut self.frontend);
        func::build_invalid(&self.env, func, into, frontend, target);
        let root = self.env.number_of(func);
        self.generate(false, &func::Positions::default(), root)?
            .ok_or_else(|| Error::msg("Cranelift gave no code"))
    }
}

impl Worker<'_> {
    /// Compiles a function; `None` if the frame is large and `has_large_frame` does not say so.
    fn compile_once(
        &mut self,
        func: DefinedFuncIdx,
        memory0: MemoryKind,
        has_large_frame: bool,
    ) -> Result<Option<CompiledFunc>, Error> {
        let isa = &*self.generator.isa;
        self.context.clear();
        let request = func::Request { func, memory0, has_large_frame };
        let (into, frontend) = (&mut self.context.func, &mut self.frontend);
        let target = isa.frontend_config();
        let places = func::build(&self.env, request, into, frontend, target)?;
        self.generate(!has_large_frame, &places, self.env.number_of(func))
    }

    /// Has Cranelift generate code for what was built; `None` if the frame is large and must not
    /// be.
    fn generate(
        &mut self,
        must_be_small: bool,
        places: &func::Positions,
        root: u32,
    ) -> Result<Option<CompiledFunc>, Error> {
        let isa = &*self.generator.isa;
        let dfg = &self.context.func.dfg;
        if !self.generator.has_vectors
            && dfg.values().any(|value| dfg.value_type(value).is_vector())
        {
            return Err(Error::new(Unsupported {
                operator: "v128, on riscv64,".into(),
                offset: self.env.offset_of(root),
            }));
        }
        self.context
            .compile(isa, &mut self.control)
            .map_err(|error| Error::msg(format_args!("{:?}", error.inner)))?;
        let compiled = self.context.compiled_code();
        let compiled = compiled.ok_or_else(|| Error::msg("Cranelift gave no code"))?;
        let frame = compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset);
        if frame > LARGE_FRAME_BYTES && must_be_small {
            return Ok(None);
        }
        finish::finish(&self.context.func, compiled, places, root).map(Some)
    }
}
