//! Translated code, and where in the module its operations come from.

use core::fmt;

use crate::exec::dispatch::{HANDLER_CELLS, Handler, Table};
use crate::handlers::Handlers;
use crate::op::{Cell, OpInfo};

/// What stands before the first operation of a function.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct FuncHeader {
    /// How many slots the frame takes from the frame pointer on.
    pub(crate) frame_slots: u32,
    /// How many slots the declared locals take; they are zeroed on entry.
    pub(crate) local_slots: u32,
}

/// How many cells a header takes.
pub(crate) const HEADER_CELLS: usize = size_of::<FuncHeader>() / size_of::<Cell>();

/// A translated function.
pub(crate) struct Code {
    /// A [`FuncHeader`], then operations.
    pub(crate) cells: Box<[Cell]>,
    pub(crate) offsets: OffsetMap,
    pub(crate) handlers: Handlers,
}

/// Offsets in the module of those operations that can fail or call, by position in the code.
#[derive(Default)]
pub(crate) struct OffsetMap {
    /// Pairs of LEB128 numbers: by how much both grow from one operation to the next.
    deltas: Vec<u8>,
    /// The first of each [`MARKS_PER_BLOCK`] marks, so that no more than these are looked at.
    blocks: Vec<MarkBlock>,
    marks: usize,
    /// The latest pair, not written yet: translation may take back its latest operation.
    latest: (usize, usize),
    written: (usize, usize),
}

/// Where a block of marks begins.
struct MarkBlock {
    /// The first mark: the position in the code, and the offset in the module.
    mark: (usize, usize),
    /// Where the pair for the next mark is.
    next: usize,
}

/// How many marks a block has.
const MARKS_PER_BLOCK: usize = 64;

impl OffsetMap {
    /// Says that the operation at `position` comes from `offset`.
    pub(crate) fn mark(&mut self, position: usize, offset: usize) {
        if position > self.latest.0 {
            self.flush();
        }
        self.latest = (position, offset);
    }

    fn flush(&mut self) {
        let (position, offset) = self.latest;
        if self.latest != self.written {
            put_leb(&mut self.deltas, position - self.written.0);
            put_leb(&mut self.deltas, offset - self.written.1);
            self.written = self.latest;
            if self.marks.is_multiple_of(MARKS_PER_BLOCK) {
                self.blocks.push(MarkBlock { mark: self.written, next: self.deltas.len() });
            }
            self.marks += 1;
        }
    }

    /// Ends construction.
    pub(crate) fn finish(&mut self) {
        self.flush();
        self.deltas.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// The offset of the last marked operation at or before `position`.
    pub(crate) fn find(&self, position: usize) -> Option<usize> {
        let block = self.blocks.partition_point(|block| block.mark.0 <= position);
        let block = &self.blocks[block.checked_sub(1)?];
        let mut deltas = self.deltas[block.next..].iter();
        let (mut at, mut offset) = block.mark;
        let mut found = offset;
        while let (Some(step), Some(advance)) = (get_leb(&mut deltas), get_leb(&mut deltas)) {
            at += step;
            offset += advance;
            if at > position {
                break;
            }
            found = offset;
        }
        Some(found)
    }
}

fn put_leb(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn get_leb(bytes: &mut core::slice::Iter<'_, u8>) -> Option<usize> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = *bytes.next()?;
        value |= (byte as usize & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

/// Writes an operation at the end of some code.
///
/// # Safety
/// `operands` points to as many cells as `info` says, which may be parts of pointers.
pub(crate) unsafe fn encode(
    cells: &mut Vec<Cell>,
    info: &OpInfo,
    table: Table,
    operands: *const Cell,
) {
    let start = cells.len();
    let count = usize::from(info.cells);
    cells.resize(start + HANDLER_CELLS + count, 0);
    let at = cells[start..].as_mut_ptr();
    // SAFETY: there is room for what both writes take together. Bytes are copied rather than
    // numbers, so that pointers remain pointers.
    unsafe {
        at.cast::<Handler>().write_unaligned(info.handlers.of_table(table));
        let operands = operands.cast::<u8>();
        at.add(HANDLER_CELLS).cast::<u8>().copy_from_nonoverlapping(operands, count * CELL_BYTES);
    }
}

const CELL_BYTES: usize = size_of::<Cell>();

/// Makes another operation, with the same operands, of the one at the beginning of some code.
pub(crate) fn replace_handler(cells: &mut [Cell], handler: Handler) {
    assert!(cells.len() >= HANDLER_CELLS);
    // SAFETY: there are cells for the address.
    unsafe { cells.as_mut_ptr().cast::<Handler>().write_unaligned(handler) }
}

/// The operations of a function as text, recorded during a translation that is asked for it.
#[derive(Default)]
pub(crate) struct Listing {
    ops: Vec<Listed>,
}

struct Listed {
    position: usize,
    info: &'static OpInfo,
    /// Whether the result is in its accumulator alone.
    is_quiet: bool,
}

impl Listing {
    /// Says that there is an operation at `position`, and that nothing stands behind it.
    pub(crate) fn record(&mut self, position: usize, info: &'static OpInfo) {
        self.take_back(position);
        self.ops.push(Listed { position, info, is_quiet: false });
    }

    /// Says that there are no operations from `position` on.
    pub(crate) fn take_back(&mut self, position: usize) {
        while self.ops.last().is_some_and(|last| last.position >= position) {
            self.ops.pop();
        }
    }

    /// Says that the latest operation has its quiet form.
    pub(crate) fn record_quiet(&mut self) {
        self.ops.last_mut().expect("there is one").is_quiet = true;
    }

    /// The text, now that all targets are known: positions, names and operands as numbers.
    pub(crate) fn write(&self, cells: &[Cell], f: &mut impl fmt::Write) -> fmt::Result {
        for Listed { position, info, is_quiet } in &self.ops {
            let quiet = if *is_quiet { " (quiet)" } else { "" };
            write!(f, "{position:5} {}{quiet}", info.name())?;
            let operands = &cells[position + HANDLER_CELLS..][..info.cells.into()];
            for &cell in operands {
                write!(f, " {}", cell as i32)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
