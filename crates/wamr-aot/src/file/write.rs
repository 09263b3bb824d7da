//! Writing files.

use object::elf;
use object::write::StringId;
use object::write::elf::{FileHeader, Rel, SectionHeader, SectionIndex, Sym, SymbolIndex, Writer};
use wamr_runtime::Error;
use wamr_types::{Features, Module, TypeRegistry};

use super::header::{self, Header};
use super::schema::Info;
use super::{NO_CODE, digest, encode, requirement, section};
use crate::artifact::{CompiledModule, page_bytes};

/// What a file has beside code.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Whether the code counts fuel.
    pub consume_fuel: bool,
    /// The features that the module needs; those that it was validated with if that is `None`.
    pub features: Option<Features>,
    /// The custom sections to keep; all if that is `None`.
    pub custom_sections: Option<Vec<String>>,
    /// Whether to write code and symbols alone: a file for tools, which cannot be loaded.
    pub object_only: bool,
}

/// Writes a module, whose types must come from `types`, with the code that was compiled for it.
///
/// # Errors
/// If the types come from elsewhere.
pub fn write(
    module: &Module,
    types: &TypeRegistry,
    compiled: &CompiledModule,
    options: &WriteOptions,
) -> Result<Vec<u8>, Error> {
    if options.object_only {
        return Elf::new(module, compiled).write(&[]).map_err(Error::new);
    }
    let keeps = |name: &str| match &options.custom_sections {
        Some(names) => names.iter().any(|kept| kept == name),
        None => true,
    };
    let encoded = encode::module(module, types, keeps);
    let encoded = encoded.ok_or_else(|| Error::msg("the module's types are of another engine"))?;
    let encoded = postcard::to_allocvec(&encoded).map_err(Error::new)?;
    let info = postcard::to_allocvec(&info(module, compiled, options)).map_err(Error::new)?;

    let bytes = module.bytes.as_slice();
    let data: Vec<u8> =
        module.data.iter().flat_map(|data| &bytes[data.range.clone()]).copied().collect();
    let customs = module.customs.iter().filter(|custom| keeps(&custom.name));
    let customs: Vec<u8> =
        customs.flat_map(|custom| &bytes[custom.range.clone()]).copied().collect();
    let tables = &compiled.tables;
    let at = |offset: Option<u32>| offset.unwrap_or(NO_CODE);
    let words = [
        (section::ENTRIES, words(&compiled.funcs, |func| [at(func.checked), at(func.guarded)])),
        (section::FUNCS, words(&tables.funcs, |func| [func.start, func.len_bytes, func.func])),
        (section::TRAPS, words(&tables.traps, |site| [site.at, site.code, site.position])),
        (section::CALLS, words(&tables.calls, |site| [site.at, site.position])),
        (
            section::HANDLERS,
            words(&tables.handlers, |site| {
                [site.at, site.frame_bytes, site.context, site.first, site.count]
            }),
        ),
        (
            section::CLAUSES,
            words(&tables.clauses, |clause| [clause.tag, clause.keep, clause.target]),
        ),
    ];
    let header = Header { package: encode::package_of(module), len: 0, digest: [0; _] };

    let mut sections = vec![
        Section::new(section::HEADER, header.encode().to_vec(), 8),
        Section::new(section::INFO, info, 1),
        Section::new(section::MODULE, encoded, 1),
    ];
    sections.extend(words.into_iter().map(|(name, bytes)| Section::new(name, bytes, 8)));
    if !tables.inlined.is_empty() {
        let frames = self::words(&tables.inlined, |frame| [frame.site, frame.func, frame.position]);
        sections.push(Section::new(section::INLINED, frames, 8));
    }
    sections.push(Section::new(section::DATA, data, 16));
    sections.push(Section::new(section::CUSTOM, customs, 1));
    let mut file = Elf::new(module, compiled).write(&sections).map_err(Error::new)?;

    let header = Header { len: file.len() as u64, ..header };
    let bytes = header.encode();
    file[header::OFFSET..header::OFFSET + header::LEN].copy_from_slice(&bytes);
    let found = digest::digest(&file);
    file[header::DIGEST_OFFSET..header::DIGEST_OFFSET + header::DIGEST_LEN].copy_from_slice(&found);
    Ok(file)
}

fn info<'a>(module: &Module, compiled: &'a CompiledModule, options: &WriteOptions) -> Info<'a> {
    let mut requires = Vec::new();
    let is_guarded_only = |func: &crate::artifact::FuncCode| func.checked.is_none();
    if compiled.funcs.iter().any(is_guarded_only) {
        requires.push(requirement::GUARDED_MEMORY);
    }
    if !compiled.tables.inlined.is_empty() {
        requires.push(requirement::INLINED_FRAMES);
    }
    if options.consume_fuel {
        requires.push(requirement::FUEL);
    }
    Info {
        producer: concat!("wamr-aot ", env!("CARGO_PKG_VERSION")),
        arch: &compiled.target.arch,
        cpu_features: compiled.target.cpu_features.iter().map(|name| &**name).collect(),
        requires,
        wasm_features: options
            .features
            .unwrap_or(module.features)
            .iter()
            .map(wamr_types::Feature::name)
            .collect(),
        linked: compiled.linked.iter().map(|name| &**name).collect(),
        constants: compiled.layout.iter().map(|field| (&*field.name, field.value)).collect(),
    }
}

fn words<T, const N: usize>(items: &[T], words_of: impl Fn(&T) -> [u32; N]) -> Vec<u8> {
    items.iter().flat_map(|item| words_of(item).map(u32::to_le_bytes)).flatten().collect()
}

/// A section that holds plain bytes.
struct Section {
    name: &'static str,
    bytes: Vec<u8>,
    align: usize,
}

impl Section {
    fn new(name: &'static str, bytes: Vec<u8>, align: usize) -> Self {
        Self { name, bytes, align }
    }
}

/// The container.
struct Elf<'a> {
    compiled: &'a CompiledModule,
    got: Vec<u8>,
    symbols: Vec<String>,
    linked: Vec<String>,
}

impl<'a> Elf<'a> {
    fn new(module: &Module, compiled: &'a CompiledModule) -> Self {
        let symbols = compiled.tables.funcs.iter().map(|range| {
            let mut name = match module.names.func(wamr_types::FuncIdx(range.func)) {
                // A symbol ends with a zero byte.
                Some(name) if !name.contains('\0') => name.to_owned(),
                _ => format!("wasm-function[{}]", range.func),
            };
            let defined = range.func.saturating_sub(module.imported_funcs);
            let entry = compiled.funcs.get(defined as usize).copied().unwrap_or_default();
            if entry.guarded.is_some() && entry.checked == Some(range.start) {
                name.push_str("[checked]");
            }
            name
        });
        Self {
            compiled,
            got: vec![0; compiled.linked.len() * size_of::<u64>()],
            symbols: symbols.collect(),
            linked: compiled.linked.iter().map(|name| format!("wamr:{name}")).collect(),
        }
    }

    fn write(&self, sections: &[Section]) -> object::write::Result<Vec<u8>> {
        let arch = &*self.compiled.target.arch;
        let (machine, reloc_type) = machine(arch);
        let page_bytes = page_bytes(arch);
        let mut file = Vec::new();
        let mut writer = Writer::new(object::Endianness::Little, true, &mut file);

        // Indices and names of everything, then its place, then its bytes: each in the same order.
        writer.reserve_null_section_index();
        let mut headers = Vec::new();
        writer.reserve_file_header();
        for section in sections {
            writer.reserve_section_index();
            let offset = writer.reserve(section.bytes.len(), section.align);
            let name = writer.add_section_name(section.name.as_bytes());
            headers.push(section_header(name, offset, section.bytes.len(), section.align));
        }
        let text = writer.reserve_section_index();
        let text_name = writer.add_section_name(section::TEXT.as_bytes());
        let text_offset = writer.reserve(self.compiled.code.len(), page_bytes);
        // Where the code expects it.
        let got = writer.reserve_section_index();
        let got_name = writer.add_section_name(section::GOT.as_bytes());
        writer.reserve_until(text_offset + self.compiled.got_offset);
        let got_offset = writer.reserve(self.got.len(), 1);
        writer.reserve_section_index();
        let rela_name = writer.add_section_name(b".rela.got");
        let rela_offset = writer.reserve_relocations(self.linked.len(), true);

        writer.reserve_null_symbol_index();
        let func_names: Vec<StringId> = self.strings(&mut writer, &self.symbols, Some(text));
        let linked_names: Vec<StringId> = self.strings(&mut writer, &self.linked, None);
        let symtab = writer.reserve_symtab_section_index();
        writer.reserve_symtab();
        writer.reserve_strtab_section_index();
        writer.reserve_strtab();
        writer.reserve_shstrtab_section_index();
        writer.reserve_shstrtab();
        writer.reserve_section_headers();

        writer.write_file_header(&FileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_REL,
            e_machine: machine,
            e_entry: 0,
            e_flags: self.flags(machine),
        })?;
        for section in sections {
            writer.write_align(section.align);
            writer.write(&section.bytes);
        }
        writer.write_align(page_bytes);
        writer.write(&self.compiled.code);
        writer.pad_until(got_offset);
        writer.write(&self.got);
        writer.write_align_relocation();
        let first_linked = 1 + func_names.len() as u32;
        for position in 0..self.linked.len() as u32 {
            writer.write_relocation(
                true,
                &Rel {
                    r_offset: u64::from(position) * 8,
                    r_sym: first_linked + position,
                    r_type: reloc_type,
                    r_addend: 0,
                },
            );
        }
        writer.write_null_symbol();
        for (&name, range) in func_names.iter().zip(&self.compiled.tables.funcs) {
            writer.write_symbol(&Sym {
                name: Some(name),
                section: Some(text),
                st_info: elf::STB_LOCAL << 4 | elf::STT_FUNC,
                st_other: elf::STV_DEFAULT,
                st_shndx: 0,
                st_value: range.start.into(),
                st_size: range.len_bytes.into(),
            });
        }
        for &name in &linked_names {
            writer.write_symbol(&Sym {
                name: Some(name),
                section: None,
                st_info: elf::STB_GLOBAL << 4 | elf::STT_NOTYPE,
                st_other: elf::STV_DEFAULT,
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
        writer.write_strtab();
        writer.write_shstrtab();

        writer.write_null_section_header();
        for header in &headers {
            writer.write_section_header(header);
        }
        let code_flags = u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR);
        let text_header =
            section_header(text_name, text_offset, self.compiled.code.len(), page_bytes);
        writer.write_section_header(&SectionHeader { sh_flags: code_flags, ..text_header });
        let got_flags = u64::from(elf::SHF_ALLOC | elf::SHF_WRITE);
        let got_header = section_header(got_name, got_offset, self.got.len(), 8);
        writer.write_section_header(&SectionHeader { sh_flags: got_flags, ..got_header });
        writer.write_relocation_section_header(
            rela_name,
            got,
            symtab,
            rela_offset,
            self.linked.len(),
            true,
        );
        writer.write_symtab_section_header(first_linked);
        writer.write_strtab_section_header();
        writer.write_shstrtab_section_header();
        Ok(file)
    }

    /// The flags of 64-bit RISC-V: floats of 64 bits in registers, and whether instructions are
    /// compressed. Other machines have none.
    fn flags(&self, machine: u16) -> u32 {
        let is_compressed = self.compiled.target.cpu_features.iter().any(|name| &**name == "c");
        match machine {
            elf::EM_RISCV if is_compressed => elf::EF_RISCV_FLOAT_ABI_DOUBLE | elf::EF_RISCV_RVC,
            elf::EM_RISCV => elf::EF_RISCV_FLOAT_ABI_DOUBLE,
            _ => 0,
        }
    }

    fn strings<'w>(
        &self,
        writer: &mut Writer<'w>,
        names: &'w [String],
        section: Option<SectionIndex>,
    ) -> Vec<StringId> {
        let mut add = |name: &'w String| {
            let _: SymbolIndex = writer.reserve_symbol_index(section);
            writer.add_string(name.as_bytes())
        };
        names.iter().map(&mut add).collect()
    }
}

fn section_header(name: StringId, offset: usize, len: usize, align: usize) -> SectionHeader {
    SectionHeader {
        name: Some(name),
        sh_type: elf::SHT_PROGBITS,
        sh_flags: 0,
        sh_addr: 0,
        sh_offset: offset as u64,
        sh_size: len as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: align as u64,
        sh_entsize: 0,
    }
}

/// ELF's number of an architecture, and of its relocation by an address.
fn machine(arch: &str) -> (u16, u32) {
    match arch {
        "x86_64" => (elf::EM_X86_64, elf::R_X86_64_64),
        "aarch64" => (elf::EM_AARCH64, elf::R_AARCH64_ABS64),
        "riscv64" => (elf::EM_RISCV, elf::R_RISCV_64),
        _ => (elf::EM_NONE, 0),
    }
}
