//! What compiling a module gives: machine code that runs anywhere, and tables about it.
//!
//! Everything here is plain data. Whoever loads it puts [`CompiledModule::code`] into executable
//! memory and what [`CompiledModule::linked`] names at
//! [`CompiledModule::got_offset`] behind it; nothing in the code is changed. What depends on the
//! engine (the ids of types) or on the instance is reached by the context, when it runs.

use wamr_runtime::MemoryKind;
use wamr_runtime::compiled::CodeTables;
use wamr_runtime::entity::GUARDED_RESERVATION_BYTES;
use wamr_runtime::gc::{FieldKind, HEADER_BYTES, ObjectHeader};
use wamr_runtime::vm::{
    FIRST_GLOBALS, FuncRecordLayout, SlotLayout, TargetLayout, VmContextLayout, VmMemoryLayout,
    VmStoreLayout, VmTableLayout,
};

/// The largest pages that an architecture has: code, and the table of builtins behind it, begin at
/// a multiple of that.
pub fn page_bytes(arch: &str) -> usize {
    if arch == "x86_64" { 4 << 10 } else { 64 << 10 }
}

/// A compiled module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledModule {
    /// The machine that the code is for.
    pub target: Target,
    /// Machine code and its constants. It may be put anywhere that is a multiple of 64.
    pub code: Box<[u8]>,
    /// Where the code expects what `linked` names, as 8-byte words in order, counted from its first
    /// byte.
    pub got_offset: usize,
    /// What the code takes from the runtime, by name: addresses of what it calls
    /// ([`Builtin::name`](wamr_runtime::compiled::Builtin::name)), and offsets of fields
    /// ([`LinkedOffset::name`]).
    pub linked: Box<[Box<str>]>,
    /// The functions that the module defines, in order.
    pub funcs: Box<[FuncCode]>,
    /// What addresses of the code mean; offsets count from its first byte.
    pub tables: CodeTables,
    /// Where the code takes fields of the runtime's structures to be.
    pub layout: Box<[LayoutField]>,
}

/// The machine that code is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The architecture, as Rust names it.
    pub arch: Box<str>,
    /// Features that the processor must have, as Rust names them, sorted.
    pub cpu_features: Box<[Box<str>]>,
}

/// Where a function begins in the code.
///
/// Code for checked memories is right for every memory 0, code for guarded ones for those alone.
/// An artifact may have one or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FuncCode {
    /// The code that compares addresses with the length of memory 0.
    pub checked: Option<u32>,
    /// The code that relies on faults of memory 0.
    pub guarded: Option<u32>,
}

impl CompiledModule {
    /// Whether there is code of all functions for a kind of memory 0.
    pub fn runs_with(&self, memory0: MemoryKind) -> bool {
        crate::image::runs_with(&self.funcs, memory0)
    }
}

/// A field of a structure of the runtime, or another number that compiled code relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutField {
    /// Structure and field, such as `VmContext.store`.
    pub name: Box<str>,
    /// The offset in bytes, or the size of the structure where the field is `size`.
    pub value: u32,
}

macro_rules! relied_on {
    ($($group:ident: $name:literal $layout:ident as $fields:ident { $($field:ident = $at:literal),* })*) => {
        $(
            #[doc = concat!("What compiled code relies on of `", $name, "`, in bytes.")]
            #[derive(Clone, Copy, Debug)]
            #[allow(missing_docs, reason = "the fields are those of the structure")]
            pub struct $fields {
                $(pub $field: u32,)*
            }
        )*

        /// What compiled code has in its instructions of the runtime's structures. A generator takes
        /// offsets from here and from [`LinkedOffset`] alone, so that files name all of them.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs, reason = "each is one structure")]
        pub struct Relied {
            $(pub $group: $fields,)*
        }

        impl Relied {
            /// Of the structures on a target.
            pub const fn new(target: TargetLayout) -> Self {
                $(let $group = $layout::new(target);)*
                Self { $($group: $fields { $($field: $group.$field,)* },)* }
            }

            /// All numbers with their names.
            fn named(&self) -> Vec<(&'static str, u32)> {
                vec![$($((concat!($name, ".", stringify!($field)), self.$group.$field)),*),*]
            }
        }

        $($(const _: () = assert!(
            $layout::new(TargetLayout::BITS_64).$field == $at,
            concat!($name, ".", stringify!($field), " is elsewhere in files of this ABI major"),
        );)*)*
    };
}

// The numbers stand in instructions of files, which load for ever: what is here never moves within
// an ABI major. Structures grow behind it, and fields beside it may come, go and change.
relied_on! {
    context: "VmContext" VmContextLayout as ContextFields {
        store = 0, memory0 = 8, memories = 16, tables = 24, globals = 32, imports = 40, types = 48,
        memory0_base = 64, first_globals = 72
    }
    store: "VmStore" VmStoreLayout as StoreFields { native_limit = 8, native_end = 96, fuel = 112 }
    record: "FuncRecord" FuncRecordLayout as RecordFields { code = 0, code_context = 8, sig = 24 }
    table: "VmTable" VmTableLayout as TableFields { base = 0, len = 8 }
    memory: "VmMemory" VmMemoryLayout as MemoryFields { base = 0, len_bytes = 8 }
    slot: "Slot" SlotLayout as SlotFields { sig = 0, func = 8, size_bytes = 16 }
}

macro_rules! linked_offsets {
    ($($(#[$doc:meta])* $variant:ident: $name:literal $layout:ident.$field:ident)*) => {
        /// An offset of the runtime's structures that does not stand in code: code takes it from the
        /// table behind it, where the loader puts it, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LinkedOffset {
            $($(#[$doc])* $variant,)*
        }

        impl LinkedOffset {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that files know it by.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!($name, ".", stringify!($field)),)* }
            }

            /// Where the field is on a target, in bytes.
            pub const fn bytes_on(self, target: TargetLayout) -> u32 {
                match self { $(Self::$variant => $layout::new(target).$field,)* }
            }

            /// The offset of that name.
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|offset| offset.name() == name)
            }
        }
    };
}

linked_offsets! {
    /// The store's buffer for values without a register.
    TailArgs: "VmStore" VmStoreLayout.tail_args
    /// The address that references to objects count from.
    GcBase: "VmStore" VmStoreLayout.gc_base
    /// Whether overwritten references must be told.
    GcMarking: "VmStore" VmStoreLayout.gc_marking
}

/// How far code relies on guards: the address space of a guarded memory, in pages of 64 KiB.
const GUARDED_PAGES: &str = "Memory.guarded_pages";

/// What operators cost, where code counts fuel.
const FUEL_COSTS: &str = "Fuel.costs_version";

/// What code relies on besides the layout of structures, if it is for these kinds of memory 0.
#[cfg(feature = "compiler")]
pub(crate) fn promises(kinds: &[MemoryKind], counts_fuel: bool) -> Vec<LayoutField> {
    let is_used = |name: &str| match name {
        GUARDED_PAGES => kinds.contains(&MemoryKind::Guarded),
        _ => counts_fuel,
    };
    let here = PROMISES.iter().filter(|(name, _)| is_used(name));
    here.map(|&(name, value)| LayoutField { name: name.into(), value }).collect()
}

const PROMISES: [(&str, u32); 2] = [
    (GUARDED_PAGES, (GUARDED_RESERVATION_BYTES >> 16) as u32),
    (FUEL_COSTS, wamr_types::fuel::COSTS_VERSION),
];

/// Whether something that code relies on is so here, where structures are laid out as in `layout`.
pub(crate) fn is_kept(field: &LayoutField, layout: &[LayoutField]) -> bool {
    match PROMISES.iter().find(|(name, _)| *name == &*field.name) {
        // More does no harm.
        Some((GUARDED_PAGES, here)) => *here >= field.value,
        Some((_, here)) => *here == field.value,
        None => layout.contains(field),
    }
}

/// Everything that compiled code may have in its instructions of the runtime's structures on a
/// target.
pub fn layout_of(target: TargetLayout) -> Box<[LayoutField]> {
    let linked = LinkedOffset::ALL.iter().map(|at| (at.name(), at.bytes_on(target)));
    // Before these were linked they stood in instructions too.
    let all = immediates_of(target).into_iter().chain(linked);
    all.map(|(name, value)| LayoutField { name: name.into(), value }).collect()
}

/// The same, of code that is generated now; `objects` says whether the module has types of objects.
#[cfg(feature = "compiler")]
pub(crate) fn relied_on(target: TargetLayout, objects: bool) -> Vec<LayoutField> {
    let all = immediates_of(target).into_iter();
    let used = all.filter(|(name, _)| objects || !name.starts_with("Object."));
    used.map(|(name, value)| LayoutField { name: name.into(), value }).collect()
}

// As above.
const _: () =
    assert!(FIRST_GLOBALS >= 8, "files of this ABI major take more globals from contexts");

// As above.
const _: () = assert!(
    core::mem::offset_of!(ObjectHeader, type_id) == 0
        && core::mem::offset_of!(ObjectHeader, len) == 4
        && HEADER_BYTES == 8
        && FieldKind::Object.size_log2() == 2
        && FieldKind::Exception.size_log2() == 2
        && FieldKind::Func.size_log2() == 3,
    "objects are otherwise in files of this ABI major",
);

fn immediates_of(target: TargetLayout) -> Vec<(&'static str, u32)> {
    let objects = [
        ("Object.type_id", core::mem::offset_of!(ObjectHeader, type_id) as u32),
        ("Object.len", core::mem::offset_of!(ObjectHeader, len) as u32),
        ("Object.size", HEADER_BYTES),
        ("Object.reference_bytes", 1 << FieldKind::Object.size_log2()),
        ("Object.exception_bytes", 1 << FieldKind::Exception.size_log2()),
        ("Object.func_bytes", 1 << FieldKind::Func.size_log2()),
    ];
    let mut all = Relied::new(target).named();
    all.extend(objects);
    all
}
