//! How much is inlined, as `--inlining` says it, the same for `iwasm` and `wamrc`.

use wamr::Config;

/// What command lines say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inlining {
    /// As it is by default.
    #[default]
    Default,
    /// Nothing.
    Off,
    /// What makes a function longer by so many bytes at most.
    Bytes(usize),
}

impl Inlining {
    /// `on`, `off`, or a number of bytes.
    pub(crate) fn parse(value: &str) -> Result<Self, String> {
        match value {
            "on" => Ok(Self::Default),
            "off" => Ok(Self::Off),
            _ => value.parse().map(Self::Bytes).map_err(|_| {
                format!("`{value}` is neither `on`, nor `off`, nor a whole number of bytes")
            }),
        }
    }

    pub(crate) fn apply(self, config: &mut Config) {
        match self {
            Self::Default => {}
            Self::Off => {
                config.inlining(false);
            }
            Self::Bytes(bytes) => {
                config.inline_budget_bytes(bytes);
            }
        }
    }
}
