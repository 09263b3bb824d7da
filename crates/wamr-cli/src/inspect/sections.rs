//! Which sections are in a file, and how large they are.

use object::LittleEndian as Le;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, SectionHeader as _};
use wasmparser::{Parser, Payload};

/// A section.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) len_bytes: u64,
}

/// The sections of an AOT file, which is an ELF file, but for the empty ones.
pub(super) fn of_elf(bytes: &[u8]) -> object::read::Result<Vec<Section>> {
    let header = FileHeader64::<Le>::parse(bytes)?;
    let endian = header.endian()?;
    let table = header.sections(endian, bytes)?;
    let mut sections = Vec::new();
    for section in table.iter() {
        let Some((offset, len_bytes)) = section.file_range(endian) else { continue };
        if len_bytes > 0 {
            let name = String::from_utf8_lossy(table.section_name(endian, section)?).into();
            sections.push(Section { name, offset, len_bytes });
        }
    }
    sections.sort_by_key(|section| section.offset);
    Ok(sections)
}

/// The sections of a module in the binary format.
pub(super) fn of_wasm(bytes: &[u8]) -> wasmparser::Result<Vec<Section>> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        let name = match &payload {
            Payload::CustomSection(custom) => format!("custom `{}`", custom.name()),
            _ => name(id).to_owned(),
        };
        sections.push(Section { name, offset: range.start, len_bytes: range.end - range.start });
    }
    Ok(sections)
}

/// What the specification calls a section.
fn name(id: u8) -> &'static str {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    NAMES.get(usize::from(id)).copied().unwrap_or("unknown")
}
