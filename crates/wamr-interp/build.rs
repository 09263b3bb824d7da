//! Decides how handlers reach their successors (see `src/exec/dispatch.rs`), and whether guest
//! accesses may fault (see `src/exec/guard/mod.rs`).

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(wamr_threaded, wamr_guards)");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let optimised = matches!(&*set("OPT_LEVEL"), "2" | "3");
    let sibling_calls = set("CARGO_CFG_TARGET_ARCH") == "x86_64";
    let forced_loop = env::var_os("CARGO_FEATURE_LOOP_DISPATCH").is_some();
    if optimised && sibling_calls && !forced_loop {
        println!("cargo::rustc-cfg=wamr_threaded");
        // Faults leave handlers, which must be alone above the entry of their activation.
        let is_64_bit = set("CARGO_CFG_TARGET_POINTER_WIDTH") == "64";
        let has_assembly = env::var_os("CARGO_CFG_MIRI").is_none();
        if set("CARGO_CFG_TARGET_OS") == "linux" && is_64_bit && has_assembly {
            println!("cargo::rustc-cfg=wamr_guards");
        }
    }
}
