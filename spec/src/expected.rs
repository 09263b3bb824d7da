//! What is not expected to pass, and why. A script named here must fail: when it passes, the
//! suite fails until the row is gone.

use wamr::Mode;

/// Why a test is expected to fail under a mode, if it is.
///
/// `test` is the test's name without its mode, such as `proposals/simd::simd_const`.
pub fn expected_failure(mode: Mode, test: &str) -> Option<&'static str> {
    let rows = EVERYWHERE.iter().copied().chain(rows_of(mode));
    rows.into_iter().find(|(pattern, _)| covers(pattern, test)).map(|(_, reason)| reason)
}

/// A test's name, or a directory with `::` behind it for all that stands in it.
type Row = (&'static str, &'static str);

/// What no mode can pass.
const EVERYWHERE: &[Row] = &[
    (
        "proposals/reference-types::unreached-invalid",
        "wants a `br_table` in unreachable code to be invalid that WebAssembly 2.0 made valid",
    ),
    (
        "proposals/mutable-global::linking",
        "wants segments to be checked before anything is written, as before bulk memory",
    ),
    ("extra/custom::branch_hint", "branch hints are not validated"),
];

fn rows_of(mode: Mode) -> Vec<Row> {
    let unfinished: &[Unfinished] = match mode {
        Mode::Interp => INTERP,
        _ => &[],
    };
    let rows = unfinished
        .iter()
        .flat_map(|(reason, tests)| tests.iter().map(move |test| (*test, *reason)));
    rows.collect()
}

/// A proposal that a mode refuses, and the tests that use it.
type Unfinished = (&'static str, &'static [&'static str]);

const INTERP: &[Unfinished] = &[
    (
        "custom-descriptors: refused at load",
        &[
            "proposals/custom-descriptors::br_on_cast_desc_eq",
            "proposals/custom-descriptors::br_on_cast_desc_eq_fail",
            "proposals/custom-descriptors::descriptors",
            "proposals/custom-descriptors::exact-casts",
            "proposals/custom-descriptors::exact-func-import",
            "proposals/custom-descriptors::ref_cast_desc_eq",
        ],
    ),
    (
        "gc: refused at load",
        &[
            "extra::table_init64",
            "proposals/bulk-memory::table_init",
            "proposals/custom-descriptors::array_new_exact",
            "proposals/custom-descriptors::binary-descriptors",
            "proposals/custom-descriptors::br_on_cast",
            "proposals/custom-descriptors::br_on_cast_fail",
            "proposals/custom-descriptors::exact",
            "proposals/custom-descriptors::ref_get_desc",
            "proposals/custom-descriptors::struct_new_desc",
            "proposals/exceptions::tag",
            "proposals/gc::array",
            "proposals/gc::array_copy",
            "proposals/gc::array_fill",
            "proposals/gc::array_init_data",
            "proposals/gc::array_init_elem",
            "proposals/gc::array_new_data",
            "proposals/gc::array_new_elem",
            "proposals/gc::br_on_cast",
            "proposals/gc::br_on_cast_fail",
            "proposals/gc::extern",
            "proposals/gc::i31",
            "proposals/gc::ref_cast",
            "proposals/gc::ref_eq",
            "proposals/gc::ref_test",
            "proposals/gc::struct",
            "proposals/gc::type-subtyping",
            "wasm-v3::data",
            "wasm-v3::elem",
            "wasm-v3::global",
            "wasm-v3::ref_null",
            "wasm-v3::type-canon",
            "wasm-v3::type-equivalence",
            "wasm-v3::type-rec",
        ],
    ),
    (
        "simd: refused at load",
        &[
            "extra::simd_lane",
            "proposals/annotations::simd_lane",
            "proposals/memory64::simd_address",
            "proposals/relaxed-simd::i16x8_relaxed_q15mulr_s",
            "proposals/relaxed-simd::i32x4_relaxed_trunc",
            "proposals/relaxed-simd::i8x16_relaxed_swizzle",
            "proposals/relaxed-simd::relaxed_dot_product",
            "proposals/relaxed-simd::relaxed_laneselect",
            "proposals/relaxed-simd::relaxed_madd_nmadd",
            "proposals/relaxed-simd::relaxed_min_max",
            "proposals/simd::simd_address",
            "proposals/simd::simd_align",
            "proposals/simd::simd_bit_shift",
            "proposals/simd::simd_bitwise",
            "proposals/simd::simd_boolean",
            "proposals/simd::simd_const",
            "proposals/simd::simd_conversions",
            "proposals/simd::simd_f32x4",
            "proposals/simd::simd_f32x4_arith",
            "proposals/simd::simd_f32x4_cmp",
            "proposals/simd::simd_f32x4_pmin_pmax",
            "proposals/simd::simd_f32x4_rounding",
            "proposals/simd::simd_f64x2",
            "proposals/simd::simd_f64x2_arith",
            "proposals/simd::simd_f64x2_cmp",
            "proposals/simd::simd_f64x2_pmin_pmax",
            "proposals/simd::simd_f64x2_rounding",
            "proposals/simd::simd_i16x8_arith",
            "proposals/simd::simd_i16x8_arith2",
            "proposals/simd::simd_i16x8_cmp",
            "proposals/simd::simd_i16x8_extadd_pairwise_i8x16",
            "proposals/simd::simd_i16x8_extmul_i8x16",
            "proposals/simd::simd_i16x8_q15mulr_sat_s",
            "proposals/simd::simd_i16x8_sat_arith",
            "proposals/simd::simd_i32x4_arith",
            "proposals/simd::simd_i32x4_arith2",
            "proposals/simd::simd_i32x4_cmp",
            "proposals/simd::simd_i32x4_dot_i16x8",
            "proposals/simd::simd_i32x4_extadd_pairwise_i16x8",
            "proposals/simd::simd_i32x4_extmul_i16x8",
            "proposals/simd::simd_i32x4_trunc_sat_f32x4",
            "proposals/simd::simd_i32x4_trunc_sat_f64x2",
            "proposals/simd::simd_i64x2_arith",
            "proposals/simd::simd_i64x2_arith2",
            "proposals/simd::simd_i64x2_cmp",
            "proposals/simd::simd_i64x2_extmul_i32x4",
            "proposals/simd::simd_i8x16_arith",
            "proposals/simd::simd_i8x16_arith2",
            "proposals/simd::simd_i8x16_cmp",
            "proposals/simd::simd_i8x16_sat_arith",
            "proposals/simd::simd_int_to_int_extend",
            "proposals/simd::simd_lane",
            "proposals/simd::simd_linking",
            "proposals/simd::simd_load",
            "proposals/simd::simd_load16_lane",
            "proposals/simd::simd_load32_lane",
            "proposals/simd::simd_load64_lane",
            "proposals/simd::simd_load8_lane",
            "proposals/simd::simd_load_extend",
            "proposals/simd::simd_load_splat",
            "proposals/simd::simd_load_zero",
            "proposals/simd::simd_memory-multi",
            "proposals/simd::simd_select",
            "proposals/simd::simd_splat",
            "proposals/simd::simd_store",
            "proposals/simd::simd_store16_lane",
            "proposals/simd::simd_store32_lane",
            "proposals/simd::simd_store64_lane",
            "proposals/simd::simd_store8_lane",
        ],
    ),
    (
        "threads: refused at load",
        &[
            "proposals/threads::atomic",
            "proposals/threads::exports",
            "proposals/threads::imports",
            "proposals/threads::memory",
        ],
    ),
    ("wide-arithmetic: refused at load", &["proposals/wide-arithmetic::wide-arithmetic"]),
];

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
        let rows = rows.chain(EVERYWHERE.iter().copied());
        for (pattern, _) in rows.filter(|(pattern, _)| !pattern.starts_with("extra")) {
            let found = scripts.iter().any(|script| covers(pattern, &suite::name_of(script)));
            assert!(found, "no script is named {pattern}");
        }
    }
}
