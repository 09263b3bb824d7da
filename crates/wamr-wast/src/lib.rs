//! Runs scripts in the format of the WebAssembly specification's test suite.
//! <https://github.com/WebAssembly/spec/tree/main/interpreter#scripts>
//!
//! Here lives what a directive means on an [`Engine`](wamr::Engine): every directive of a
//! script counts, and none is skipped. What doesn't live here: where scripts come from, under
//! which features they run, and which of them are not expected to pass yet.
//!
//! ```no_run
//! let engine = wamr::Engine::default();
//! let source = r#"
//!     (module (func (export "f") (result i32) (i32.const 1)))
//!     (assert_return (invoke "f") (i32.const 1))
//! "#;
//! let report = wamr_wast::WastRunner::new(&engine).run("example", source);
//! assert!(report.is_success(), "{report}");
//! assert_eq!(report.passed, 2);
//! ```
#![forbid(unsafe_code)]

mod runner;
pub use runner::{LoadModule, WastRunner};

mod report;
pub use report::{Failure, Report};

mod legacy;
mod load;
mod pattern;
mod scope;
mod script;
mod spectest;
mod value;
