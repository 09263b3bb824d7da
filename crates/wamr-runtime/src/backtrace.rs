//! Backtraces: the wasm frames that a failure passed through, and where they are in source code.

use core::fmt::{self, Write};

use wamr_types::FuncIdx;

use crate::module::Module;
use crate::store::InstanceId;
use crate::symbols::Symbols;

/// The wasm frames that a failure passed through, innermost first.
#[derive(Clone, Default)]
pub struct Backtrace {
    frames: Vec<Frame>,
    omitted: usize,
}

impl Backtrace {
    /// How many frames are kept; the innermost ones tell most.
    pub const MAX_FRAMES: usize = 128;

    /// The frames, innermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.len() < Self::MAX_FRAMES {
            self.frames.push(frame);
        } else {
            self.omit();
        }
    }

    /// Whether every further frame is left out.
    pub(crate) fn is_full(&self) -> bool {
        self.frames.len() >= Self::MAX_FRAMES
    }

    /// Counts a frame that is left out.
    pub(crate) fn omit(&mut self) {
        self.omitted += 1;
    }

    /// How many outer frames were left out.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.frames.is_empty() {
            return Ok(());
        }
        f.write_str("\nwasm backtrace:")?;
        let mut symbols = Symbols::default();
        for (i, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  {i:>3}: {frame}")?;
            for location in symbols.locations(frame) {
                write!(f, "\n       {location}")?;
            }
        }
        if self.omitted > 0 {
            write!(f, "\n  ... and {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// One frame of a backtrace.
#[derive(Clone)]
pub struct Frame {
    pub(crate) module: Module,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) func: FuncIdx,
    pub(crate) offset: Option<usize>,
}

impl Frame {
    /// The module that the function belongs to.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Which instance of the module it was, where that is known: frames of compiled code do not say
    /// it, but the one does that called a host function or failed. Means nothing once the instance is
    /// gone.
    pub fn instance_id(&self) -> Option<InstanceId> {
        self.instance
    }

    /// The function.
    pub fn func(&self) -> FuncIdx {
        self.func
    }

    /// The function's name, demangled where it is a mangled one.
    pub fn func_name(&self) -> Option<String> {
        let name = self.module.decoded().names.func(self.func)?;
        Some(format!("{:#}", rustc_demangle::demangle(name)))
    }

    /// Where the frame is in source code, the innermost inlined function first; empty unless
    /// the module carries DWARF and this build reads it.
    pub fn locations(&self) -> Vec<SourceLocation> {
        Symbols::default().locations(self)
    }

    /// The offset of the instruction in the module's bytes.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }
}

/// A place in source code that a frame stands at. An inlined call gives a frame several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation {
    /// The source function, demangled, where known.
    pub function: Option<String>,
    /// The file.
    pub file: String,
    /// The line, counted from 1, where known.
    pub line: Option<u32>,
    /// The column, counted from 1, where known.
    pub column: Option<u32>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        match &self.function {
            Some(function) => write!(f, " in {function}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(offset) = self.offset {
            write!(f, "{offset:#8x} - ")?;
        }
        write_name(f, self.module.name().unwrap_or("<unknown>"))?;
        f.write_str("!")?;
        match self.func_name() {
            Some(name) => write_name(f, &name),
            None => write!(f, "<function {}>", self.func),
        }
    }
}

/// Writes a name that a module chose so that a terminal shows it and does nothing else.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    name.chars().try_for_each(|c| {
        if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
    })
}
