//! How large the parts of a module may be: the limits that engines of browsers have agreed on.
//! <https://webassembly.github.io/spec/js-api/index.html#limits>
//!
//! Loaders refuse what is larger, and the runtime relies on that.

/// The most types of a module, and of a recursion group.
pub const MAX_TYPES: usize = 1_000_000;
/// The most parameters of a function.
pub const MAX_PARAMS: usize = 1_000;
/// The most results of a function.
pub const MAX_RESULTS: usize = 1_000;
/// The most fields of a struct.
pub const MAX_FIELDS: usize = 10_000;
/// The most supertypes that a type has, directly or not.
pub const MAX_SUBTYPING_DEPTH: usize = 63;
/// The most functions, globals, tags, imports or exports of a module: of each, not together.
pub const MAX_ITEMS: usize = 1_000_000;
/// The most tables of a module.
pub const MAX_TABLES: usize = 100_000;
/// The most memories of a module.
pub const MAX_MEMORIES: usize = 100;
/// The most element segments of a module, and the most data segments.
pub const MAX_SEGMENTS: usize = 100_000;
/// The most items of an element segment.
pub const MAX_SEGMENT_ITEMS: usize = 10_000_000;
/// The most elements of an array that `array.new_fixed` makes.
pub const MAX_ARRAY_NEW_FIXED: u32 = 10_000;
