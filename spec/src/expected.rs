//! What is not expected to pass, and why. A script named here must fail: when it passes, the
//! suite fails until the row is gone.

/// Why a test is expected to fail, if it is: in every mode, for the modes agree.
///
/// `test` is the test's name without its mode, such as `proposals/simd::simd_const`.
pub fn expected_failure(test: &str) -> Option<&'static str> {
    rows().find(|(pattern, _)| covers(pattern, test)).map(|(_, reason)| reason)
}

/// A test's name, or a directory with `::` behind it for all that stands in it.
type Row = (&'static str, &'static str);

fn rows() -> impl Iterator<Item = Row> {
    UNFINISHED.iter().flat_map(|(reason, tests)| tests.iter().map(move |test| (*test, *reason)))
}

/// A proposal that is refused, and the tests that use it.
type Unfinished = (&'static str, &'static [&'static str]);

const UNFINISHED: &[Unfinished] = &[(
    "custom-descriptors: refused at load",
    &[
        "proposals/custom-descriptors::array_new_exact",
        "proposals/custom-descriptors::binary-descriptors",
        "proposals/custom-descriptors::br_on_cast",
        "proposals/custom-descriptors::br_on_cast_desc_eq",
        "proposals/custom-descriptors::br_on_cast_desc_eq_fail",
        "proposals/custom-descriptors::br_on_cast_fail",
        "proposals/custom-descriptors::descriptors",
        "proposals/custom-descriptors::exact",
        "proposals/custom-descriptors::exact-casts",
        "proposals/custom-descriptors::exact-func-import",
        "proposals/custom-descriptors::ref_cast_desc_eq",
        "proposals/custom-descriptors::ref_get_desc",
        "proposals/custom-descriptors::struct_new_desc",
    ],
)];

fn covers(pattern: &str, test: &str) -> bool {
    if pattern.ends_with("::") { test.starts_with(pattern) } else { test == pattern }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus, suite};

    #[test]
    fn rows_name_scripts_that_exist() {
        let scripts = corpus::carried();
        for (pattern, _) in rows().filter(|(pattern, _)| !pattern.starts_with("extra")) {
            let found = scripts.iter().any(|script| covers(pattern, &suite::name_of(script)));
            assert!(found, "no script is named {pattern}");
        }
    }
}
