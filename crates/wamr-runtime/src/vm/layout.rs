//! Where fields are on a target that need not be the host.
//!
//! A structure that compiled code reads is declared once, by `vm_struct!`, with the machine kind
//! of each field beside its Rust type. The macro makes the structure and a table of offsets for
//! any target, and proves at compile time that the table for the host is what the compiler made.

/// What the layout of structures depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetLayout {
    /// The size and alignment of a pointer: 4 or 8.
    pub pointer_bytes: u32,
    /// The alignment of a 64-bit integer in a structure.
    pub u64_align_bytes: u32,
}

impl TargetLayout {
    /// The machine that this runs on.
    pub const HOST: Self = Self {
        pointer_bytes: size_of::<usize>() as u32,
        u64_align_bytes: align_of::<u64>() as u32,
    };
    /// Targets of 64-bit pointers.
    pub const BITS_64: Self = Self { pointer_bytes: 8, u64_align_bytes: 8 };
    /// Targets of 32-bit pointers that align 64-bit integers to their size, such as ARM.
    pub const BITS_32: Self = Self { pointer_bytes: 4, u64_align_bytes: 8 };
}

/// The machine kind of a field.
#[derive(Clone, Copy)]
pub(super) enum FieldKind {
    /// A pointer, or an integer of a pointer's size.
    Pointer,
    /// Eight pointers.
    Pointers8,
    /// A 64-bit integer.
    U64,
    /// A 32-bit integer.
    U32,
    /// A byte.
    U8,
}

impl FieldKind {
    /// Size and alignment in bytes.
    const fn size_and_align(self, target: TargetLayout) -> (u32, u32) {
        match self {
            Self::Pointer => (target.pointer_bytes, target.pointer_bytes),
            Self::Pointers8 => (8 * target.pointer_bytes, target.pointer_bytes),
            Self::U64 => (8, target.u64_align_bytes),
            Self::U32 => (4, 4),
            Self::U8 => (1, 1),
        }
    }
}

/// Lays fields out one behind the other, as C does.
pub(super) struct Layouter {
    target: TargetLayout,
    end: u32,
    align: u32,
}

impl Layouter {
    pub(super) const fn new(target: TargetLayout) -> Self {
        Self { target, end: 0, align: 1 }
    }

    /// The offset of the next field.
    pub(super) const fn field(&mut self, kind: FieldKind) -> u32 {
        let (size, align) = kind.size_and_align(self.target);
        let offset = self.end.next_multiple_of(align);
        self.end = offset + size;
        if align > self.align {
            self.align = align;
        }
        offset
    }

    /// The size of the structure.
    pub(super) const fn size(&self) -> u32 {
        self.end.next_multiple_of(self.align)
    }
}

/// Declares a structure that compiled code reads, and its layout on any target.
macro_rules! vm_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident, $layout:ident {
            $($(#[$doc:meta])* $vis:vis $field:ident: $ty:ty => $kind:ident,)*
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        pub struct $name {
            $($(#[$doc])* $vis $field: $ty,)*
        }

        #[doc = concat!("Where the fields of [`", stringify!($name), "`] are on a target, in bytes.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the fields are those of the structure")]
        pub struct $layout {
            $($vis $field: u32,)*
            /// The size of the structure.
            pub size_bytes: u32,
        }

        impl $layout {
            /// The layout on the host.
            pub const HOST: Self = Self::new(TargetLayout::HOST);

            /// The layout on a target.
            pub const fn new(target: TargetLayout) -> Self {
                let mut layouter = $crate::vm::layout::Layouter::new(target);
                $(let $field = layouter.field($crate::vm::layout::FieldKind::$kind);)*
                Self { $($field,)* size_bytes: layouter.size() }
            }
        }

        const _: () = {
            $(assert!($layout::HOST.$field as usize == core::mem::offset_of!($name, $field));)*
            assert!($layout::HOST.size_bytes as usize == size_of::<$name>());
        };
    };
}

pub(super) use vm_struct;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::{FuncRecordLayout, SlotLayout, VmTableLayout};

    #[test]
    fn layouts_follow_the_target() {
        let slot = SlotLayout::new(TargetLayout::BITS_64);
        assert_eq!((slot.sig, slot.func, slot.size_bytes), (0, 8, 16));
        let slot = SlotLayout::new(TargetLayout::BITS_32);
        assert_eq!((slot.sig, slot.func, slot.size_bytes), (0, 4, 8));
        let table = VmTableLayout::new(TargetLayout::BITS_32);
        assert_eq!((table.base, table.len, table.size_bytes), (0, 8, 16));
        let tight = TargetLayout { u64_align_bytes: 4, ..TargetLayout::BITS_32 };
        assert_eq!(VmTableLayout::new(tight).len, 4);
        let record = FuncRecordLayout::new(TargetLayout::BITS_64);
        assert_eq!(record.array_call, 32);
    }
}
