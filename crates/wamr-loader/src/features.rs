//! The one table from our names of features to the parser's flags.

use wamr_types::{Feature, Features};
use wasmparser::WasmFeatures;

/// The parser's flags for a set of features.
pub(crate) fn wasm_features(features: Features) -> WasmFeatures {
    // What the first version has already: floats, and types that a collector may look after
    // (each of those needs its own proposal besides).
    let first_version = WasmFeatures::FLOATS | WasmFeatures::GC_TYPES;
    features.iter().fold(first_version, |flags, feature| flags | flags_of(feature))
}

/// The feature of `candidates` that switches on all of `wanted`.
pub(crate) fn feature_with(wanted: WasmFeatures, candidates: Features) -> Option<Feature> {
    candidates.iter().find(|&feature| flags_of(feature).contains(wanted))
}

fn flags_of(feature: Feature) -> WasmFeatures {
    match feature {
        Feature::MutableGlobal => WasmFeatures::MUTABLE_GLOBAL,
        Feature::SaturatingFloatToInt => WasmFeatures::SATURATING_FLOAT_TO_INT,
        Feature::SignExtension => WasmFeatures::SIGN_EXTENSION,
        Feature::MultiValue => WasmFeatures::MULTI_VALUE,
        Feature::BulkMemory => WasmFeatures::BULK_MEMORY | WasmFeatures::BULK_MEMORY_OPT,
        Feature::ReferenceTypes => {
            WasmFeatures::REFERENCE_TYPES | WasmFeatures::CALL_INDIRECT_OVERLONG
        }
        Feature::Simd => WasmFeatures::SIMD,
        Feature::RelaxedSimd => WasmFeatures::RELAXED_SIMD,
        Feature::TailCall => WasmFeatures::TAIL_CALL,
        Feature::ExtendedConst => WasmFeatures::EXTENDED_CONST,
        Feature::MultiMemory => WasmFeatures::MULTI_MEMORY,
        Feature::Memory64 => WasmFeatures::MEMORY64,
        Feature::FunctionReferences => WasmFeatures::FUNCTION_REFERENCES,
        // The proposal builds on typed function references.
        Feature::Gc => WasmFeatures::GC | WasmFeatures::FUNCTION_REFERENCES,
        Feature::Exceptions => WasmFeatures::EXCEPTIONS,
        Feature::LegacyExceptions => WasmFeatures::LEGACY_EXCEPTIONS,
        Feature::Threads => WasmFeatures::THREADS,
        Feature::CustomPageSizes => WasmFeatures::CUSTOM_PAGE_SIZES,
        Feature::WideArithmetic => WasmFeatures::WIDE_ARITHMETIC,
        Feature::CustomDescriptors => WasmFeatures::CUSTOM_DESCRIPTORS,
        // `Feature` may grow; the test below fails until the new one stands here.
        _ => WasmFeatures::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_its_own_flags() {
        let mut seen = WasmFeatures::empty();
        for &feature in Feature::ALL {
            let flags = flags_of(feature);
            assert!(!(flags - seen).is_empty(), "{feature} switches nothing on");
            seen |= flags;
        }
    }

    #[test]
    fn versions_mean_what_the_parser_takes_them_for() {
        assert_eq!(wasm_features(Features::WASM_1_0), WasmFeatures::WASM1);
        assert_eq!(wasm_features(Features::WASM_2_0), WasmFeatures::WASM2);
        let threads = Features::WASM_3_0.with(Feature::Threads);
        assert_eq!(wasm_features(threads), WasmFeatures::WASM3);
    }
}
