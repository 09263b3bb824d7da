//! Reading files.

use core::ops::Range;

use object::LittleEndian as Le;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, SectionHeader as _, SectionTable};
use wamr_runtime::compiled::{
    ALL_TAGS, CallSite, Clause, CodeTables, FuncRange, HandlerSite, InlinedFrame, Table, TableItem,
    TrapSite,
};
use wamr_types::{Feature, Features, MemoryType, Module, ModuleBytes, TrapCode, TypeRegistry};

use super::decode::{self, Blobs};
use super::header::{self, Header};
use super::schema::{self, ImportDesc, Info};
use super::{FileError, Kind, NO_CODE, digest, requirement, section};
use crate::artifact::{CompiledModule, FuncCode, LayoutField, Target};

/// What stands in a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct AotFile {
    /// The module. Its functions have no bodies.
    pub module: Module,
    /// What is known about its code, without the code itself.
    pub compiled: CompiledModule,
    /// Where in the file the code is.
    pub text: Range<usize>,
    /// Whether the code counts fuel.
    pub consumes_fuel: bool,
    /// The package version.
    pub package: u16,
    /// What wrote the file.
    pub producer: Box<str>,
}

impl AotFile {
    /// The code.
    pub fn code(&self) -> &[u8] {
        &self.module.bytes.as_slice()[self.text.clone()]
    }
}

/// Whether bytes are an AOT file, of whatever version and machine.
pub fn is_aot(bytes: &[u8]) -> bool {
    Header::is_there(bytes)
}

/// What stands in a file, as far as it can be known without the module's types.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outline {
    /// What is known about the code, without the code itself.
    pub compiled: CompiledModule,
    /// Where in the file the code is.
    pub text: Range<usize>,
    /// Whether the code counts fuel.
    pub consumes_fuel: bool,
    /// The features that the module needs.
    pub features: Features,
    /// The type of the first memory, if there is one.
    pub memory0: Option<MemoryType>,
}

/// Reads a file. Types are registered in `types`.
///
/// # Errors
/// If it is not a file that this version can read, or is damaged. Whether its code fits this
/// machine is found out by [`LoadedModule::load_file`](crate::LoadedModule::load_file).
pub fn read(bytes: ModuleBytes, types: &TypeRegistry) -> Result<AotFile, FileError> {
    read_if(bytes, types, |_| Ok(()))
}

/// Reads a file as [`read`] does, if it is accepted. An engine holds types for ever, so that they
/// are registered last of all, and none is of a file that cannot be read.
///
/// # Errors
/// As [`read`], and what `accept` gives.
pub fn read_if<E: From<FileError>>(
    bytes: ModuleBytes,
    types: &TypeRegistry,
    accept: impl FnOnce(&Outline) -> Result<(), E>,
) -> Result<AotFile, E> {
    let Opened { package, producer, outline, more } = open(&bytes, decode::Draft::new)?;
    accept(&outline)?;
    let module = more.register(types)?;
    let Outline { compiled, text, consumes_fuel, .. } = outline;
    Ok(AotFile { module, compiled, text, consumes_fuel, package, producer })
}

/// What stands in a file, as far as it can be known without the module's types.
///
/// # Errors
/// As [`read`], but for what is wrong with the module alone.
pub fn outline(bytes: &ModuleBytes) -> Result<Outline, FileError> {
    Ok(open(bytes, |_, _, _| Ok(()))?.outline)
}

/// What is known of a file.
struct Opened<T> {
    package: u16,
    producer: Box<str>,
    outline: Outline,
    /// What was made of the module.
    more: T,
}

/// Reads a file; `make` makes something of the module with its package version.
fn open<T>(
    bytes: &ModuleBytes,
    make: impl FnOnce(schema::Module<'_>, u16, Blobs) -> Result<T, FileError>,
) -> Result<Opened<T>, FileError> {
    let file = bytes.as_slice();
    if !Header::is_there(file) {
        return Err(FileError::NotAot(Kind::of(file)));
    }
    let header = Header::decode(file)?;
    let (file, _) = header::split(file, &header)?;
    let look = || look(bytes, file, header.package, make);
    digest::beside(file, &header.digest, look).ok_or(FileError::Damaged)?
}

/// Reads a file that may be damaged.
fn look<T>(
    bytes: &ModuleBytes,
    file: &[u8],
    package: u16,
    make: impl FnOnce(schema::Module<'_>, u16, Blobs) -> Result<T, FileError>,
) -> Result<Opened<T>, FileError> {
    let sections = Sections::new(bytes, file)?;
    let info: Info<'_> = decode_as(sections.get(section::INFO)?)?;
    if let Some(unknown) = info.requires.iter().find(|name| !requirement::KNOWN.contains(name)) {
        return Err(FileError::Requires((*unknown).into()));
    }
    let features = features(&info)?;
    let blobs = Blobs {
        bytes: bytes.clone(),
        data: sections.range(section::DATA)?,
        custom: sections.range(section::CUSTOM)?,
        features,
    };
    let described: schema::Module<'_> = decode_as(sections.get(section::MODULE)?)?;
    let text = sections.range(section::TEXT)?;
    let outline = Outline {
        compiled: compiled(&sections, &info, &Counts::new(&described), &text)?,
        text,
        consumes_fuel: info.requires.contains(&requirement::FUEL),
        features,
        memory0: decode::memory0(&described)?,
    };
    let more = make(described, package, blobs)?;
    Ok(Opened { package, producer: info.producer.into(), outline, more })
}

/// How much there is of what code refers to.
struct Counts {
    defined_funcs: usize,
    funcs: usize,
    tags: usize,
}

impl Counts {
    fn new(module: &schema::Module<'_>) -> Self {
        let imported = |wanted: fn(&ImportDesc) -> bool| {
            module.imports.iter().filter(|import| wanted(&import.desc)).count()
        };
        let defined_funcs = module.funcs.len();
        Self {
            defined_funcs,
            funcs: imported(|desc| matches!(desc, ImportDesc::Func(_))) + defined_funcs,
            tags: imported(|desc| matches!(desc, ImportDesc::Tag(_))) + module.tags.len(),
        }
    }
}

/// The features that the module needs.
fn features(info: &Info<'_>) -> Result<Features, FileError> {
    info.wasm_features.iter().try_fold(Features::NONE, |features, &name| {
        let feature = Feature::ALL.iter().find(|feature| feature.name() == name);
        let feature = feature.ok_or_else(|| FileError::Requires(name.into()))?;
        Ok(features.with(*feature))
    })
}

/// A file as it was before it was loaded where it is in memory, which filled in addresses.
///
/// # Errors
/// If it is no file that [`read`] could have read.
pub fn unloaded(bytes: &ModuleBytes) -> Result<Vec<u8>, FileError> {
    let file = bytes.as_slice();
    if !Header::is_there(file) {
        return Err(FileError::NotAot(Kind::of(file)));
    }
    let got = Sections::new(bytes, file)?.range(section::GOT)?;
    let mut bytes = file.to_vec();
    bytes[got].fill(0);
    Ok(bytes)
}

fn decode_as<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FileError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(FileError::Malformed("a section with more than what it is to hold")),
        Err(_) => Err(FileError::Malformed("a section that does not decode")),
    }
}

/// The most sections that a file has: more than a few times as many as are read.
const MAX_SECTIONS: usize = 64;

/// The sections of a file, by name.
struct Sections<'a> {
    bytes: &'a ModuleBytes,
    file: &'a [u8],
    table: SectionTable<'a, FileHeader64<Le>>,
    /// Where the table of sections is, and how long it is.
    headers: (u64, u64),
}

impl<'a> Sections<'a> {
    fn new(bytes: &'a ModuleBytes, file: &'a [u8]) -> Result<Self, FileError> {
        let malformed = |_| FileError::Malformed("no table of sections");
        // The endianness stands in the header, and the header of others does not parse.
        let header = FileHeader64::<Le>::parse(file).map_err(malformed)?;
        let endian = header.endian().map_err(malformed)?;
        let table = header.sections(endian, file).map_err(malformed)?;
        // Sections are looked for by name, one after the other.
        if table.len() > MAX_SECTIONS {
            return Err(FileError::Malformed("too many sections"));
        }
        let len = table.len() as u64 * u64::from(header.e_shentsize(Le));
        let headers = (header.e_shoff(Le), len);
        Ok(Self { bytes, file, table, headers })
    }

    fn range(&self, name: &'static str) -> Result<Range<usize>, FileError> {
        let missing = || FileError::Malformed("a section is missing");
        let (_, header) = self.table.section_by_name(Le, name.as_bytes()).ok_or_else(missing)?;
        let (offset, len) = header.file_range(Le).ok_or_else(missing)?;
        let outside = FileError::Malformed("a section outside the file");
        let (Ok(start), Ok(len)) = (usize::try_from(offset), usize::try_from(len)) else {
            return Err(outside);
        };
        match start.checked_add(len) {
            Some(end) if end <= self.file.len() => Ok(start..end),
            _ => Err(outside),
        }
    }

    /// The room for addresses: zeros that nothing else lies on, as they are written when the code is
    /// loaded where it is.
    fn got(&self) -> Result<Range<usize>, FileError> {
        let got = self.range(section::GOT)?;
        if self.file[got.clone()].iter().any(|&byte| byte != 0) {
            return Err(FileError::Malformed("a table of addresses that is filled already"));
        }
        let overlaps = |start: u64, len: u64| {
            !got.is_empty()
                && len > 0
                && start < got.end as u64
                && start.saturating_add(len) > got.start as u64
        };
        // Whether another section than this one; the first of its name was found.
        let own = self.table.section_by_name(Le, section::GOT.as_bytes()).map(|(index, _)| index);
        let lies_there = self.table.enumerate().any(|(index, header)| {
            let range = header.file_range(Le).filter(|_| Some(index) != own);
            range.is_some_and(|(start, len)| overlaps(start, len))
        });
        let headers = (header::OFFSET + header::LEN) as u64;
        if lies_there || overlaps(0, headers) || overlaps(self.headers.0, self.headers.1) {
            return Err(FileError::Malformed("a table of addresses where something else is"));
        }
        Ok(got)
    }

    fn get(&self, name: &'static str) -> Result<&'a [u8], FileError> {
        Ok(&self.file[self.range(name)?])
    }

    /// A table, which is used where it is.
    fn table<T: TableItem>(&self, name: &'static str) -> Result<Table<T>, FileError> {
        let table = Table::in_bytes(self.bytes, self.range(name)?);
        table.ok_or(FileError::Malformed("half an item in a table"))
    }

    /// A table in ascending order of these numbers.
    fn sorted<T: TableItem>(
        &self,
        name: &'static str,
        key: impl Fn(&T) -> u32,
    ) -> Result<Table<T>, FileError> {
        let table = self.table(name)?;
        // All are compared: to stop at the first that is wrong takes a branch for each.
        let pairs = table.array_windows();
        if pairs.fold(true, |sorted, [a, b]| sorted & (key(a) <= key(b))) {
            return Ok(table);
        }
        Err(FileError::Malformed("a table that is not sorted"))
    }

    /// A table of items of `N` words each.
    fn words<T, const N: usize>(
        &self,
        name: &'static str,
        mut make: impl FnMut([u32; N]) -> T,
    ) -> Result<Box<[T]>, FileError> {
        let (words, []) = self.get(name)?.as_chunks::<4>() else {
            return Err(FileError::Malformed("half a number in a table"));
        };
        let (items, []) = words.as_chunks::<N>() else {
            return Err(FileError::Malformed("half an item in a table"));
        };
        Ok(items.iter().map(|item| make(item.map(u32::from_le_bytes))).collect())
    }
}

/// Reads the tables about the code, and checks that all of them speak of what is there.
fn compiled(
    sections: &Sections<'_>,
    info: &Info<'_>,
    counts: &Counts,
    text: &Range<usize>,
) -> Result<CompiledModule, FileError> {
    let got = sections.got()?;
    let code_len =
        u32::try_from(text.len()).map_err(|_| FileError::Malformed("code of more than 4 GiB"))?;
    let got_offset = got.start.checked_sub(text.start).filter(|&at| at >= text.len());
    let got_offset = got_offset.ok_or(FileError::Malformed("the code's table is inside it"))?;
    if got.len() != info.linked.len() * size_of::<u64>() {
        return Err(FileError::Malformed("a table of addresses of another size"));
    }
    let tables = CodeTables {
        funcs: sections.sorted(section::FUNCS, |func: &FuncRange| func.start)?,
        traps: sections.sorted(section::TRAPS, |site: &TrapSite| site.at)?,
        calls: sections.sorted(section::CALLS, |site: &CallSite| site.at)?,
        handlers: sections.sorted(section::HANDLERS, |site: &HandlerSite| site.at)?,
        clauses: sections.table(section::CLAUSES)?,
        inlined: match info.requires.contains(&requirement::INLINED_FRAMES) {
            true => sections.sorted(section::INLINED, |frame: &InlinedFrame| frame.site)?,
            false => Table::default(),
        },
    };
    let at = |at: u32| (at != NO_CODE).then_some(at);
    let funcs: Box<[FuncCode]> = sections.words(section::ENTRIES, |[checked, guarded]| {
        FuncCode { checked: at(checked), guarded: at(guarded) }
    })?;
    check(&funcs, &tables, code_len, counts)?;
    let boxed = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    Ok(CompiledModule {
        target: Target { arch: info.arch.into(), cpu_features: boxed(&info.cpu_features) },
        code: Box::default(),
        got_offset,
        linked: boxed(&info.linked),
        funcs,
        tables,
        layout: info
            .constants
            .iter()
            .map(|&(name, value)| LayoutField { name: name.into(), value })
            .collect(),
    })
}

fn check(
    funcs: &[FuncCode],
    tables: &CodeTables,
    code_len: u32,
    counts: &Counts,
) -> Result<(), FileError> {
    if funcs.len() != counts.defined_funcs {
        return Err(FileError::Malformed("code for another number of functions"));
    }
    let starts_func = |at: u32| tables.funcs.binary_search_by_key(&at, |func| func.start).is_ok();
    let is_entry = |at: Option<u32>| at.is_none_or(starts_func);
    let has_code = |func: &FuncCode| {
        (func.checked.is_some() || func.guarded.is_some())
            && is_entry(func.checked)
            && is_entry(func.guarded)
    };
    let is_range = |func: &FuncRange| {
        func.start.checked_add(func.len_bytes).is_some_and(|end| end <= code_len)
            && (func.func as usize) < counts.funcs
    };
    let is_code: [bool; 256] =
        core::array::from_fn(|code| TrapCode::from_raw(code as u8).is_some());
    let is_trap = |site: &TrapSite| site.code < 256 && is_code[usize::from(site.code as u8)];
    let is_handler = |site: &HandlerSite| {
        let end = site.first.checked_add(site.count);
        end.is_some_and(|end| end as usize <= tables.clauses.len())
    };
    // Of sorted tables the last item says it for all.
    let are_inside = tables.traps.last().is_none_or(|site| site.at < code_len)
        && tables.calls.last().is_none_or(|site| site.at <= code_len)
        && tables.handlers.last().is_none_or(|site| site.at <= code_len);
    let is_clause = |clause: &Clause| {
        clause.target < code_len
            && clause.keep <= 2
            && (clause.tag == ALL_TAGS || (clause.tag as usize) < counts.tags)
    };
    let is_inlined = |frame: &InlinedFrame| (frame.func as usize) < counts.funcs;
    let is_good = are_inside
        && funcs.iter().all(has_code)
        && tables.funcs.iter().all(is_range)
        && tables.traps.iter().fold(true, |good, site| good & is_trap(site))
        && tables.handlers.iter().all(is_handler)
        && tables.clauses.iter().all(is_clause)
        && tables.inlined.iter().all(is_inlined);
    if is_good { Ok(()) } else { Err(FileError::Malformed("a table that leaves the code")) }
}
