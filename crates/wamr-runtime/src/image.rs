//! Initial contents of memories, mapped copy-on-write instead of copied.
//!
//! A module that is instantiated again gets an image of what its active data segments write,
//! if that can be told from the module alone: all of them go to memory 0, which is the module's
//! own, at constant offsets, and fit into its minimum size, so that none of them can trap. Where
//! it is little data, or thinly spread, copying is as good.
//!
//! What does not live here: when the image takes the place of the segments
//! (`api/instantiate.rs`).

use std::sync::OnceLock;

use wamr_types::{ConstExpr, ConstOp, Data, DataIdx, DataMode, IndexType, Module};

use crate::platform::image::{Image, page_bytes};

/// Below this many bytes of data, copying is cheaper than mapping.
const MIN_DATA_BYTES: usize = 64 << 10;
/// How many bytes of image there may be for each byte of data.
const MAX_SPREAD: usize = 4;

/// The contents of a memory from some page on.
pub(crate) struct DataImage {
    /// Where in the memory it begins.
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) image: Image,
}

/// A module's image, made when it is first asked for.
#[derive(Default)]
pub(crate) struct LazyImage(OnceLock<Option<DataImage>>);

impl LazyImage {
    /// The image; `None` where there cannot be one, or where it is not worth it.
    pub(crate) fn get(&self, module: &Module) -> Option<&DataImage> {
        self.0.get_or_init(|| make(module)).as_ref()
    }
}

fn make(module: &Module) -> Option<DataImage> {
    let memory = module.memories.first().filter(|_| module.imported_memories == 0)?;
    let min_bytes = memory.limits.min.checked_mul(memory.page_size_bytes())?;
    let mut parts = Vec::new();
    let (mut start, mut end, mut total) = (usize::MAX, 0, 0);
    for (index, data) in module.data.iter().enumerate() {
        let Some(offset) = constant_offset(data, memory.index)? else { continue };
        let len = data.range.len();
        if offset.checked_add(len as u64)? > min_bytes {
            return None;
        }
        let offset = usize::try_from(offset).ok()?;
        if len > 0 {
            (start, end) = (start.min(offset), end.max(offset + len));
            total += len;
            parts.push((offset, DataIdx(index as u32)));
        }
    }
    let page = page_bytes();
    let start = start / page * page;
    let len = end.checked_sub(start)?.checked_next_multiple_of(page)?;
    if total < MIN_DATA_BYTES || len > total.saturating_mul(MAX_SPREAD) {
        return None;
    }
    let parts = parts.iter().map(|&(offset, data)| (offset - start, module.data_bytes(data)));
    Some(DataImage { offset: start, len, image: Image::new(len, parts)? })
}

/// Where in memory 0 a segment goes: `Some(None)` for a passive one, `None` where that cannot be
/// told.
fn constant_offset(data: &Data, index: IndexType) -> Option<Option<u64>> {
    let DataMode::Active { memory, offset: ConstExpr(offset) } = &data.mode else {
        return Some(None);
    };
    match (memory.0, &offset[..], index) {
        (0, [ConstOp::I32Const(offset)], IndexType::I32) => Some(Some(u64::from(*offset as u32))),
        (0, [ConstOp::I64Const(offset)], IndexType::I64) => Some(Some(*offset as u64)),
        _ => None,
    }
}
