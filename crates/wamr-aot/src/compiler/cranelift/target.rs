//! The machines that Cranelift generates code for, and what their processors are called.

use crate::image::{X86_64_FEATURES, has_cpu_feature};

/// A machine.
pub(super) struct Machine {
    /// Rust's name for it.
    pub(super) arch: &'static str,
    /// Rust's names for features that its processors may have, with Cranelift's for them.
    features: &'static [(&'static str, &'static [&'static str])],
    /// Names of kinds of processors, with the features that they have.
    cpus: &'static [(&'static str, &'static [&'static str])],
}

const X86_64: Machine = Machine {
    arch: "x86_64",
    features: &[
        ("sse3", &["has_sse3"]),
        ("ssse3", &["has_ssse3"]),
        ("sse4.1", &["has_sse41"]),
        ("sse4.2", &["has_sse42"]),
        ("popcnt", &["has_popcnt"]),
        ("avx", &["has_avx"]),
        ("avx2", &["has_avx2"]),
        ("fma", &["has_fma"]),
        ("bmi1", &["has_bmi1"]),
        ("bmi2", &["has_bmi2"]),
        ("lzcnt", &["has_lzcnt"]),
        ("cmpxchg16b", &["has_cmpxchg16b"]),
    ],
    cpus: &[
        ("x86-64", &[]),
        ("x86-64-v2", &["sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cmpxchg16b"]),
        (
            "x86-64-v3",
            &[
                "sse3",
                "ssse3",
                "sse4.1",
                "sse4.2",
                "popcnt",
                "cmpxchg16b",
                "avx",
                "avx2",
                "fma",
                "bmi1",
                "bmi2",
                "lzcnt",
            ],
        ),
    ],
};

#[cfg(feature = "cross")]
const AARCH64: Machine = Machine {
    arch: "aarch64",
    features: &[
        ("lse", &["has_lse"]),
        ("fp16", &["has_fp16"]),
        ("dotprod", &["has_dotprod"]),
        ("i8mm", &["has_i8mm"]),
    ],
    cpus: &[],
};

/// With integer multiplication, atomics and both kinds of floats, as operating systems want it.
#[cfg(feature = "cross")]
const RISCV64: Machine = Machine {
    arch: "riscv64",
    features: &[
        ("c", &["has_zca", "has_zcd"]),
        ("zba", &["has_zba"]),
        ("zbb", &["has_zbb"]),
        ("zbc", &["has_zbc"]),
        ("zbs", &["has_zbs"]),
        ("zicond", &["has_zicond"]),
    ],
    cpus: &[("rv64g", &[]), ("rv64gc", &["c"])],
};

/// All that there are generators for in this build.
const MACHINES: &[Machine] = &[
    X86_64,
    #[cfg(feature = "cross")]
    AARCH64,
    #[cfg(feature = "cross")]
    RISCV64,
];

impl Machine {
    /// All of them, by Rust's names.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        MACHINES.iter().map(|machine| machine.arch)
    }

    pub(super) fn by_name(arch: &str) -> Option<&'static Self> {
        MACHINES.iter().find(|machine| machine.arch == arch)
    }

    /// Cranelift's settings for a feature.
    pub(super) fn settings_of(&self, feature: &str) -> Option<&'static [&'static str]> {
        let mut features = self.features.iter();
        features.find(|(name, _)| *name == feature).map(|(_, settings)| *settings)
    }

    /// The features that there are.
    pub(super) fn features(&self) -> Vec<&'static str> {
        self.features.iter().map(|(name, _)| *name).collect()
    }

    /// The features of a kind of processor.
    pub(super) fn features_of_cpu(&self, name: &str) -> Option<Vec<&'static str>> {
        match name {
            "native" if self.arch == std::env::consts::ARCH => Some(host_features().collect()),
            "generic" => Some(Vec::new()),
            _ => {
                let cpu = self.cpus.iter().find(|(cpu, _)| *cpu == name);
                cpu.map(|(_, features)| features.to_vec())
            }
        }
    }
}

/// The features that this machine's processor has, by Rust's names for them; none on other machines
/// than x86-64.
pub(super) fn host_features() -> impl Iterator<Item = &'static str> {
    X86_64_FEATURES.iter().copied().filter(|name| has_cpu_feature(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_processors_have_is_known() {
        for machine in MACHINES {
            for (name, features) in machine.cpus {
                assert!(features.iter().all(|name| machine.settings_of(name).is_some()), "{name}");
            }
            assert_eq!(machine.features_of_cpu("generic"), Some(Vec::new()));
            assert_eq!(machine.features_of_cpu("i486"), None);
        }
        // What is found at run time is what code may need.
        assert_eq!(X86_64.features(), X86_64_FEATURES);
    }
}
