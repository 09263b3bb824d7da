//! WebAssembly features: what a module may use, by proposal and by version.

use core::fmt;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, since $since:ident;)*) => {
        /// A part of WebAssembly that began as a proposal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// Every feature.
            pub const ALL: &'static [Feature] = &[$(Feature::$variant),*];

            /// The name that the proposal goes by, for command lines and errors.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn since(self) -> Since {
                match self { $(Self::$variant => Since::$since,)* }
            }
        }
    };
}

#[derive(PartialEq, PartialOrd)]
enum Since {
    V1,
    V2,
    V3,
    Later,
}

features! {
    /// Imported and exported mutable globals.
    MutableGlobal = "mutable-global", since V1;
    /// Conversions that saturate instead of trapping.
    SaturatingFloatToInt = "saturating-float-to-int", since V2;
    /// `i32.extend8_s` and its kin.
    SignExtension = "sign-extension", since V2;
    /// Several results, and block parameters.
    MultiValue = "multi-value", since V2;
    /// `memory.copy`, `table.init`, passive segments.
    BulkMemory = "bulk-memory", since V2;
    /// `externref`, `table.get`, several tables.
    ReferenceTypes = "reference-types", since V2;
    /// 128-bit vectors.
    Simd = "simd", since V2;
    /// Vectors with results that depend on the machine.
    RelaxedSimd = "relaxed-simd", since V3;
    /// Calls that do not grow the stack.
    TailCall = "tail-call", since V3;
    /// Arithmetic in constant expressions.
    ExtendedConst = "extended-const", since V3;
    /// More than one memory.
    MultiMemory = "multi-memory", since V3;
    /// 64-bit memories and tables.
    Memory64 = "memory64", since V3;
    /// References to functions of a given type.
    FunctionReferences = "function-references", since V3;
    /// Structs, arrays, recursive types.
    Gc = "gc", since V3;
    /// `try_table`, `throw`, `throw_ref`.
    Exceptions = "exceptions", since V3;
    /// `try`, `catch`, `delegate`, `rethrow`.
    LegacyExceptions = "legacy-exceptions", since Later;
    /// Shared memories and atomics.
    Threads = "threads", since Later;
    /// Memories with pages of one byte.
    CustomPageSizes = "custom-page-sizes", since Later;
    /// `i64.add128` and its kin.
    WideArithmetic = "wide-arithmetic", since Later;
    /// Descriptors for GC types.
    CustomDescriptors = "custom-descriptors", since Later;
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u32);

impl Features {
    /// No feature at all: the first published version without its later corrections.
    pub const NONE: Self = Self(0);
    /// WebAssembly 1.0.
    pub const WASM_1_0: Self = Self::up_to(Since::V1);
    /// WebAssembly 2.0.
    pub const WASM_2_0: Self = Self::up_to(Since::V2);
    /// WebAssembly 3.0.
    pub const WASM_3_0: Self = Self::up_to(Since::V3);
    /// Every feature that this crate can name.
    pub const ALL: Self = Self::up_to(Since::Later);

    const fn up_to(version: Since) -> Self {
        let mut set = Self::NONE;
        let mut i = 0;
        while i < Feature::ALL.len() {
            let feature = Feature::ALL[i];
            if (feature.since() as u8) <= (Self::rank(&version)) {
                set = set.with(feature);
            }
            i += 1;
        }
        set
    }

    const fn rank(version: &Since) -> u8 {
        match version {
            Since::V1 => Since::V1 as u8,
            Since::V2 => Since::V2 as u8,
            Since::V3 => Since::V3 as u8,
            Since::Later => Since::Later as u8,
        }
    }

    /// Whether the set has a feature.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    /// The set with a feature added.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature as u32)
    }

    /// The set with a feature taken away.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(1 << feature as u32))
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The features in the set.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |&feature| self.contains(feature))
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Feature::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_contain_their_predecessors() {
        for (older, newer) in [
            (Features::WASM_1_0, Features::WASM_2_0),
            (Features::WASM_2_0, Features::WASM_3_0),
            (Features::WASM_3_0, Features::ALL),
        ] {
            assert_eq!(older.intersection(newer), older);
            assert_ne!(older, newer);
        }
        assert!(!Features::WASM_2_0.contains(Feature::TailCall));
        assert!(Features::WASM_2_0.contains(Feature::Simd));
    }
}
