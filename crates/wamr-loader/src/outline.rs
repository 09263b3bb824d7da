//! The first of two passes over a module: validates every section and notes where the bodies
//! stand. Whatever an [`Outline`] holds has passed validation.

use core::ops::Range;

use wasmparser::{
    FromReader, FuncToValidate, Parser, Payload, SectionLimited, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

use crate::error::Rejection;

/// The sections of a module, validated but not decoded, and its bodies, not validated.
pub(crate) struct Outline<'a> {
    /// All bytes of the module.
    pub(crate) bytes: &'a [u8],
    /// Every section but the code section, in order.
    pub(crate) sections: Vec<Payload<'a>>,
    /// The bodies.
    pub(crate) code: Code,
}

/// Where bodies stand and what it takes to validate them.
pub(crate) struct Code {
    /// Where the contents of the section begin; 0 where there is none.
    pub(crate) offset: usize,
    /// The bodies in order, size prefixes excluded.
    pub(crate) ranges: Vec<Range<usize>>,
    /// What bodies are validated against; absent when there are none.
    pub(crate) resources: Option<ValidatorResources>,
    /// The index of the first defined function.
    pub(crate) first_func: u32,
    /// What bodies may use.
    pub(crate) features: WasmFeatures,
}

impl<'a> Outline<'a> {
    /// Validates all of a module but its bodies.
    pub(crate) fn read(bytes: &'a [u8], features: WasmFeatures) -> Result<Self, Rejection> {
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let mut validator = Validator::new_with_features(features);
        let code = Code { offset: 0, ranges: Vec::new(), resources: None, first_func: 0, features };
        let mut outline = Self { bytes, sections: Vec::new(), code };
        for payload in parser.parse_all(bytes) {
            let payload = payload.map_err(malformed)?;
            match validator.payload(&payload) {
                Ok(ValidPayload::Func(func, body)) => outline.code.push(func, body.range()),
                Ok(_) => outline.keep(payload),
                Err(error) => {
                    let malformed = is_malformed(&payload, &error);
                    return Err(Rejection { error, malformed, func: None });
                }
            }
        }
        Ok(outline)
    }

    fn keep(&mut self, payload: Payload<'a>) {
        if let Payload::CodeSectionStart { count, unchecked_range, .. } = payload {
            self.code.offset = unchecked_range.start as usize;
            // The parser has compared the count with that of the function section.
            self.code.ranges.reserve_exact(count as usize);
        } else {
            self.sections.push(payload);
        }
    }
}

impl Code {
    fn push(&mut self, func: FuncToValidate<ValidatorResources>, range: Range<u64>) {
        if self.resources.is_none() {
            self.first_func = func.index;
            self.resources = Some(func.resources);
        }
        // Offsets within a slice fit in `usize`.
        self.ranges.push(range.start as usize..range.end as usize);
    }
}

fn malformed(error: wasmparser::Error) -> Rejection {
    Rejection { error, malformed: true, func: None }
}

/// Whether the contents of a section that was turned down cannot even be read.
fn is_malformed(payload: &Payload<'_>, error: &wasmparser::Error) -> bool {
    let reading = match payload {
        Payload::TypeSection(section) => read_all(section),
        Payload::ImportSection(section) => read_all(section),
        Payload::FunctionSection(section) => read_all(section),
        Payload::TableSection(section) => read_all(section),
        Payload::MemorySection(section) => read_all(section),
        Payload::TagSection(section) => read_all(section),
        Payload::GlobalSection(section) => read_all(section),
        Payload::ExportSection(section) => read_all(section),
        Payload::ElementSection(section) => read_all(section),
        Payload::DataSection(section) => read_all(section),
        Payload::Version { .. } | Payload::UnknownSection { .. } => return true,
        _ => Ok(()),
    };
    reading.is_err_and(|reading| reading.offset() == error.offset())
}

fn read_all<'a, T: FromReader<'a>>(section: &SectionLimited<'a, T>) -> wasmparser::Result<()> {
    section.clone().into_iter().try_for_each(|item| item.map(drop))
}
