//! From offsets in modules to places in source code, by the DWARF that modules carry.

use crate::backtrace::{Frame, SourceLocation};

#[cfg(feature = "dwarf")]
pub(crate) use dwarf::Symbols;

/// The reader of a build without DWARF.
#[cfg(not(feature = "dwarf"))]
#[derive(Default)]
pub(crate) struct Symbols(());

#[cfg(not(feature = "dwarf"))]
impl Symbols {
    pub(crate) fn locations(&mut self, _: &Frame) -> Vec<SourceLocation> {
        Vec::new()
    }
}

#[cfg(feature = "dwarf")]
mod dwarf {
    use addr2line::Context;
    use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian, SectionId};
    use wamr_types::ModuleBytes;

    use super::*;

    /// Reads DWARF, keeping what it parsed of the latest module.
    #[derive(Default)]
    pub(crate) struct Symbols {
        latest: Option<Parsed>,
    }

    struct Parsed {
        /// Field order matters: the context borrows from the bytes, and goes first.
        context: Option<Context<EndianSlice<'static, LittleEndian>>>,
        bytes: ModuleBytes,
        code_offset: usize,
    }

    impl Parsed {
        fn of(frame: &Frame) -> Self {
            let module = frame.module().decoded();
            let bytes = module.bytes.clone();
            let load = |id: SectionId| -> Result<_, Error> {
                let section = module.custom_section(id.name()).unwrap_or_default();
                // SAFETY: the slice points into `bytes`, which is immutable and shared, and
                // which this structure keeps alive longer than the context.
                let section: &'static [u8] = unsafe { core::mem::transmute(section) };
                Ok(EndianSlice::new(section, LittleEndian))
            };
            let context = Dwarf::load(load).and_then(Context::from_dwarf).ok();
            Self { context, bytes, code_offset: module.code_offset }
        }

        fn is_of(&self, frame: &Frame) -> bool {
            let bytes = frame.module().decoded().bytes.as_slice();
            core::ptr::eq(self.bytes.as_slice(), bytes)
        }

        fn locations(&self, offset: usize) -> Option<Vec<SourceLocation>> {
            let address = offset.checked_sub(self.code_offset)? as u64;
            let frames = self.context.as_ref()?.find_frames(address).skip_all_loads();
            let mut frames = frames.ok()?;
            let mut locations = Vec::new();
            while let Ok(Some(frame)) = frames.next() {
                let Some(location) = frame.location else { continue };
                let Some(file) = location.file else { continue };
                let name = frame.function.as_ref().and_then(|name| name.raw_name().ok());
                locations.push(SourceLocation {
                    function: name.map(|name| format!("{:#}", rustc_demangle::demangle(&name))),
                    file: file.to_owned(),
                    // DWARF says 0 where there is none.
                    line: location.line.filter(|&line| line > 0),
                    column: location.column.filter(|&column| column > 0),
                });
            }
            Some(locations)
        }
    }

    impl Symbols {
        /// Where a frame is in source code, the innermost inlined function first.
        pub(crate) fn locations(&mut self, frame: &Frame) -> Vec<SourceLocation> {
            let Some(offset) = frame.offset() else { return Vec::new() };
            if frame.module().decoded().custom_section(".debug_line").is_none() {
                return Vec::new();
            }
            if !self.latest.as_ref().is_some_and(|parsed| parsed.is_of(frame)) {
                self.latest = Some(Parsed::of(frame));
            }
            self.latest.as_ref().and_then(|parsed| parsed.locations(offset)).unwrap_or_default()
        }
    }
}
