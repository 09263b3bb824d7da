//! Indices into a module's index spaces, one newtype for each space.

macro_rules! indices {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a `usize`, for slices.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Makes an index from a position in a slice.
            ///
            /// # Panics
            /// If the position does not fit in 32 bits, which no module can reach.
            #[inline]
            pub const fn from_usize(position: usize) -> Self {
                assert!(position <= u32::MAX as usize, "index space over 32 bits");
                Self(position as u32)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

indices! {
    /// An index in a module's type section.
    TypeIdx
    /// A function: imported functions first, then those that the module defines.
    FuncIdx
    /// A function that the module defines, counted from its first one (imports excluded).
    DefinedFuncIdx
    /// A table: imported tables first.
    TableIdx
    /// A memory: imported memories first.
    MemoryIdx
    /// A global: imported globals first.
    GlobalIdx
    /// A tag: imported tags first.
    TagIdx
    /// An element segment.
    ElemIdx
    /// A data segment.
    DataIdx
}
