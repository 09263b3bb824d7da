//! Decides how handlers reach their successors; see `src/exec/dispatch.rs`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(wamr_threaded)");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let optimised = matches!(&*set("OPT_LEVEL"), "2" | "3");
    let sibling_calls = set("CARGO_CFG_TARGET_ARCH") == "x86_64";
    let forced_loop = env::var_os("CARGO_FEATURE_LOOP_DISPATCH").is_some();
    if optimised && sibling_calls && !forced_loop {
        println!("cargo::rustc-cfg=wamr_threaded");
    }
}
