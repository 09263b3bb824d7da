//! What is not expected to pass, and why. A script named here must fail: when it passes, the
//! suite fails until the row is gone.

use wamr::Mode;

/// Why a test is expected to fail under a mode, if it is.
///
/// `test` is the test's name without its mode, such as `proposals/simd::simd_const`.
pub fn expected_failure(mode: Mode, test: &str) -> Option<&'static str> {
    rows_of(mode).into_iter().find(|(pattern, _)| covers(pattern, test)).map(|(_, reason)| reason)
}

/// A test's name, or a directory with `::` behind it for all that stands in it.
type Row = (&'static str, &'static str);

fn rows_of(mode: Mode) -> Vec<Row> {
    let own: &[Unfinished] = match mode {
        Mode::Jit => JIT,
        _ => &[],
    };
    let rows = UNFINISHED
        .iter()
        .chain(own)
        .flat_map(|(reason, tests)| tests.iter().map(move |test| (*test, *reason)));
    rows.collect()
}

/// A proposal that a mode refuses, and the tests that use it.
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

/// What compiled code lacks beside.
const JIT: &[Unfinished] = &[(
    "threads: refused at load",
    &[
        "proposals/threads::atomic",
        "proposals/threads::exports",
        "proposals/threads::imports",
        "proposals/threads::memory",
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
        let rows = suite::modes().iter().flat_map(|&mode| rows_of(mode));
        for (pattern, _) in rows.filter(|(pattern, _)| !pattern.starts_with("extra")) {
            let found = scripts.iter().any(|script| covers(pattern, &suite::name_of(script)));
            assert!(found, "no script is named {pattern}");
        }
    }
}
