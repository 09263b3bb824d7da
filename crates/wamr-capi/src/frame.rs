//! Frames of call stacks, as both headers tell of them.

use wamr::Frame;

/// Where a frame is: how far from the start of its module, and of its function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) module_offset: usize,
    pub(crate) func_offset: usize,
}

impl Place {
    pub(crate) fn of(frame: &Frame) -> Self {
        let module = frame.module().decoded();
        let module_offset = frame.offset().unwrap_or(0);
        let start = module.defined_func(frame.func()).map(|func| module.bodies.body(func).offset);
        // AOT files have no bodies, and what has none is at 0.
        let start = start.filter(|start| *start != 0).unwrap_or(module_offset);
        Self { module_offset, func_offset: module_offset.saturating_sub(start) }
    }
}
