//! Core dumps: a module in the binary format with everything that was in a store, and where it
//! was, for debuggers.
//! <https://github.com/WebAssembly/tool-conventions/blob/main/Coredump.md>

use std::fs::File;
use std::io::{self, BufWriter, Write};

use wamr::{Error, Frame, Global, InstanceParts, Memory, Store, Val, ValType};
use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection,
    CoreDumpStackSection, CoreDumpValue, Encode, GlobalSection, GlobalType, HeapType,
    MemorySection, MemoryType, RefType, Section, SectionId,
};

/// Memories are dumped in pieces of so many bytes, but for those that are zero.
const LEAST_PIECE_BYTES: u64 = 4 << 10;
/// How many data segments readers take.
const MAX_PIECES: u64 = 60_000;

/// Writes what is in a store whose program has failed.
pub(crate) fn dump<T: 'static>(
    store: &mut Store<T>,
    error: &Error,
    program: &str,
    path: &str,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let instances = store.instances();
    let (memories, globals) = entities(&instances);

    out.write_all(b"\0asm\x01\0\0\0")?;
    write(&mut out, &CoreDumpSection::new(program))?;
    let mut modules = CoreDumpModulesSection::new();
    let mut described = CoreDumpInstancesSection::new();
    for (position, instance) in instances.iter().enumerate() {
        modules.module(instance.module.name().unwrap_or("<unknown>"));
        let memories = instance.memories.iter().map(|memory| {
            memories.iter().position(|known| Memory::same(known, memory)).unwrap_or(0) as u32
        });
        let globals = instance.globals.iter().map(|global| {
            globals.iter().position(|known| Global::same(known, global)).unwrap_or(0) as u32
        });
        let (memories, globals): (Vec<u32>, Vec<u32>) = (memories.collect(), globals.collect());
        described.instance(position as u32, memories, globals);
    }
    write(&mut out, &modules)?;
    write(&mut out, &described)?;
    write(&mut out, &stack(error, &instances))?;

    write(&mut out, &memory_section(store, &memories)?)?;
    write(&mut out, &global_section(store, &globals)?)?;
    write_data(&mut out, store, &memories)?;
    out.flush()
}

fn write(out: &mut impl Write, section: &impl Section) -> io::Result<()> {
    let mut bytes = Vec::new();
    section.append_to(&mut bytes);
    out.write_all(&bytes)
}

/// Every memory and global once, however many instances have it.
fn entities(instances: &[InstanceParts]) -> (Vec<Memory>, Vec<Global>) {
    let (mut memories, mut globals) = (Vec::<Memory>::new(), Vec::<Global>::new());
    for instance in instances {
        for memory in &instance.memories {
            if !memories.iter().any(|known| Memory::same(known, memory)) {
                memories.push(memory.clone());
            }
        }
        let imported = instance.module.decoded().imported_globals as usize;
        for (position, global) in instance.globals.iter().enumerate() {
            // Only what is imported can be there already.
            if position >= imported || !globals.iter().any(|known| Global::same(known, global)) {
                globals.push(global.clone());
            }
        }
    }
    (memories, globals)
}

/// The frames, innermost first. Values of locals and operands are not known.
fn stack(error: &Error, instances: &[InstanceParts]) -> CoreDumpStackSection {
    let mut stack = CoreDumpStackSection::new("main");
    for frame in error.backtrace().frames() {
        let decoded = frame.module().decoded();
        let is_frames =
            |parts: &InstanceParts| std::sync::Arc::ptr_eq(parts.module.decoded(), decoded);
        let instance = instances.iter().position(is_frames).unwrap_or(0);
        let none = || std::iter::empty::<CoreDumpValue>();
        stack.frame(
            instance as u32,
            frame.func().0,
            offset_in_func(frame),
            none().collect::<Vec<_>>(),
            none().collect::<Vec<_>>(),
        );
    }
    stack
}

/// The offset of a frame's instruction from its function's start; 0 if that is not known.
fn offset_in_func(frame: &Frame) -> u32 {
    let decoded = frame.module().decoded();
    let place = frame.offset().zip(decoded.defined_func(frame.func()));
    place.map_or(0, |(offset, func)| {
        let range = decoded.bodies.body(func).range();
        if range.contains(&offset) { (offset - range.start) as u32 } else { 0 }
    })
}

fn memory_section<T: 'static>(
    store: &mut Store<T>,
    memories: &[Memory],
) -> io::Result<MemorySection> {
    let mut section = MemorySection::new();
    for memory in memories {
        let ty = memory.ty(&*store).map_err(io::Error::other)?;
        let minimum = memory.size(&*store).map_err(io::Error::other)?;
        let log2 = ty.page_size_bytes().trailing_zeros();
        section.memory(MemoryType {
            minimum,
            // Nothing more than what is there will ever be; shared ones must say so.
            maximum: ty.shared.then_some(minimum),
            memory64: ty.index.val_type() == ValType::I64,
            shared: ty.shared,
            page_size_log2: (log2 != 16).then_some(log2),
        });
    }
    Ok(section)
}

fn global_section<T: 'static>(
    store: &mut Store<T>,
    globals: &[Global],
) -> io::Result<GlobalSection> {
    let mut section = GlobalSection::new();
    for global in globals {
        let value = global.get(&mut *store).map_err(io::Error::other)?;
        let null = ConstExpr::ref_null(HeapType::EXTERN);
        let externref = wasm_encoder::ValType::Ref(RefType::EXTERNREF);
        let (val_type, value) = match value {
            Val::I32(value) => (wasm_encoder::ValType::I32, ConstExpr::i32_const(value)),
            Val::I64(value) => (wasm_encoder::ValType::I64, ConstExpr::i64_const(value)),
            Val::F32(bits) => {
                (wasm_encoder::ValType::F32, ConstExpr::f32_const(f32::from_bits(bits).into()))
            }
            Val::F64(bits) => {
                (wasm_encoder::ValType::F64, ConstExpr::f64_const(f64::from_bits(bits).into()))
            }
            Val::V128(bits) => (wasm_encoder::ValType::V128, ConstExpr::v128_const(bits as i128)),
            // What references refer to has no form in a file.
            _ => (externref, null),
        };
        section.global(GlobalType { val_type, mutable: false, shared: false }, &value);
    }
    Ok(section)
}

/// A piece of a memory that is not zero.
struct Piece {
    memory: usize,
    at: u64,
    len: usize,
    /// What stands before the bytes.
    header: Vec<u8>,
}

/// Writes the data section piece by piece: memories may be as large as what this process has.
fn write_data<T: 'static>(
    out: &mut impl Write,
    store: &mut Store<T>,
    memories: &[Memory],
) -> io::Result<()> {
    let (pieces, piece_bytes) = pieces(store, memories)?;
    let mut count = Vec::new();
    (pieces.len() as u32).encode(&mut count);
    let bytes: usize = pieces.iter().map(|piece| piece.header.len() + piece.len).sum();
    let too_large = |_| io::Error::other("the memories hold more than 4 GiB that are not zero");
    let bytes = u32::try_from(count.len() + bytes).map_err(too_large)?;
    let mut start = vec![SectionId::Data as u8];
    bytes.encode(&mut start);
    out.write_all(&start)?;
    out.write_all(&count)?;
    let mut buffer = vec![0; piece_bytes];
    for Piece { memory, at, len, header } in pieces {
        out.write_all(&header)?;
        let buffer = &mut buffer[..len];
        memories[memory].read(&*store, at as usize, buffer).map_err(io::Error::other)?;
        out.write_all(buffer)?;
    }
    Ok(())
}

/// The pieces of all memories that are not zero, and how long they are at most.
fn pieces<T: 'static>(
    store: &mut Store<T>,
    memories: &[Memory],
) -> io::Result<(Vec<Piece>, usize)> {
    let mut sizes = Vec::with_capacity(memories.len());
    for memory in memories {
        let ty = memory.ty(&*store).map_err(io::Error::other)?;
        let pages = memory.size(&*store).map_err(io::Error::other)?;
        sizes.push((pages * ty.page_size_bytes(), ty.index.val_type() == ValType::I64));
    }
    let total: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
    let least = (total / MAX_PIECES).next_power_of_two();
    let mut buffer = vec![0; least.max(LEAST_PIECE_BYTES) as usize];
    let mut pieces = Vec::new();
    for (position, (memory, &(bytes, is_64))) in memories.iter().zip(&sizes).enumerate() {
        let mut at = 0;
        while at < bytes {
            let len = (bytes - at).min(buffer.len() as u64) as usize;
            let buffer = &mut buffer[..len];
            memory.read(&*store, at as usize, buffer).map_err(io::Error::other)?;
            if buffer.iter().any(|&byte| byte != 0) {
                // Active, and with the memory's index if that is not 0.
                let mut header = vec![0];
                if position > 0 {
                    header[0] = 2;
                    (position as u32).encode(&mut header);
                }
                let offset = match is_64 {
                    true => ConstExpr::i64_const(at as i64),
                    false => ConstExpr::i32_const(at as i32),
                };
                offset.encode(&mut header);
                (len as u32).encode(&mut header);
                pieces.push(Piece { memory: position, at, len, header });
            }
            at += len as u64;
        }
    }
    Ok((pieces, buffer.len()))
}
