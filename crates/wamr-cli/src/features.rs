//! The features of WebAssembly that `--enable-FEATURE` and `--disable-FEATURE` know, the same for
//! `iwasm` and `wamrc`.

use wamr::{Feature, Features};

use crate::suggest::did_you_mean;

/// What WAMR calls some of them.
const WAMR_NAMES: &[(&str, &str)] = &[
    ("multi-thread", "threads"),
    ("ref-types", "reference-types"),
    ("exce-handling", "exceptions"),
];

/// All names.
pub(crate) fn names() -> Vec<&'static str> {
    Feature::ALL.iter().map(|feature| feature.name()).collect()
}

/// Switches a feature on or off by its name.
pub(crate) fn switch(features: &mut Features, name: &str, on: bool) -> Result<(), String> {
    let ours = WAMR_NAMES.iter().find(|(wamrs, _)| *wamrs == name).map_or(name, |(_, ours)| ours);
    let found = Feature::ALL.iter().find(|feature| feature.name() == ours);
    let Some(&feature) = found else {
        let meant = did_you_mean(name, names());
        return Err(format!("there is no feature `{name}`{meant}"));
    };
    *features = if on { features.with(feature) } else { features.without(feature) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_switched_by_both_names() {
        let mut features = Features::NONE;
        switch(&mut features, "multi-thread", true).unwrap();
        assert!(features.contains(Feature::Threads));
        switch(&mut features, "threads", false).unwrap();
        assert_eq!(features, Features::NONE);
        assert!(switch(&mut features, "thread", true).unwrap_err().contains("`threads`"));
        for (_, ours) in WAMR_NAMES {
            assert!(names().contains(ours), "{ours}");
        }
    }
}
