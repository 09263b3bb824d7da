//! Which features the scripts of a directory run under.
//!
//! A later version accepts modules that an earlier one's scripts expect to be refused, so each
//! directory has the features of its own time.

use wamr::{Feature, Features};

/// Directories and the features of their time. What stands in no row has a rule below.
const ROWS: &[(&str, Features)] = &[
    ("wasm-v1", Features::WASM_1_0),
    ("wasm-v2", Features::WASM_2_0),
    ("wasm-v3", Features::WASM_3_0),
    ("wasm-latest", Features::WASM_3_0),
    // About the text format only.
    ("proposals/annotations", Features::WASM_3_0),
    // Proposals that expect what a later version changed to be refused.
    ("proposals/multi-value", Features::WASM_1_0.with(Feature::MultiValue)),
    ("proposals/mutable-global", Features::WASM_1_0),
    (
        "proposals/nontrapping-float-to-int-conversions",
        Features::WASM_1_0.with(Feature::SaturatingFloatToInt),
    ),
    ("proposals/reference-types", Features::WASM_2_0),
    ("proposals/sign-extension-ops", Features::WASM_1_0.with(Feature::SignExtension)),
    ("proposals/threads", Features::WASM_1_0.with(Feature::Threads)),
    ("proposals/memory64", Features::WASM_2_0.with(Feature::Memory64)),
    (
        "proposals/function-references",
        Features::WASM_2_0.with(Feature::FunctionReferences).with(Feature::TailCall),
    ),
    ("legacy", Features::WASM_3_0.with(Feature::LegacyExceptions)),
];

/// The features that scripts of a directory run under.
///
/// The first row whose directory is part of the path decides. A proposal without one runs under
/// the latest version with the feature of its name, and all else under the latest version.
///
/// # Errors
/// If nothing here knows the proposal.
pub fn features_of(group: &str) -> Result<Features, String> {
    if let Some((_, features)) = ROWS.iter().find(|(dir, _)| has_parts(group, dir)) {
        return Ok(*features);
    }
    let Some(proposal) = proposal_of(group) else {
        return Ok(Features::WASM_3_0);
    };
    Feature::ALL
        .iter()
        .find(|feature| feature.name() == proposal)
        .map(|feature| Features::WASM_3_0.with(*feature))
        .ok_or_else(|| format!("no row in versions.rs knows the proposal `{proposal}`"))
}

fn has_parts(group: &str, parts: &str) -> bool {
    format!("/{group}/").contains(&format!("/{parts}/"))
}

fn proposal_of(group: &str) -> Option<&str> {
    let mut parts = group.split('/').skip_while(|part| *part != "proposals");
    parts.nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    #[test]
    fn every_directory_has_features() {
        for script in corpus::carried() {
            features_of(&script.group).unwrap();
        }
    }

    #[test]
    fn directories_are_known_by_whole_names_wherever_they_stand() {
        let threads = Features::WASM_1_0.with(Feature::Threads);
        assert_eq!(features_of("extra/proposals/threads"), Ok(threads));
        assert_eq!(features_of("extra"), Ok(Features::WASM_3_0));
        assert_eq!(features_of("extra/customs"), Ok(Features::WASM_3_0));
        let simd = features_of("proposals/simd");
        assert_eq!(simd, Ok(Features::WASM_3_0), "part of the version already");
        assert!(features_of("proposals/unheard-of").is_err());
    }
}
