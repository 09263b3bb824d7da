//! Loading linking: finding the modules that a program imports from, instantiating them, and
//! linking them by instantiation linking, as `ld.so` does with libraries.
//!
//! * `reader`, `path`: where modules come from.
//! * `registry`: modules that are loaded, by name.
//! * `graph`: which module needs which, and where each import would come from.
//! * `program`: instances in a store, opening and closing more of them while the program runs.
//! * `threads`: the same linked for programs on several threads.
//!
//! It stands on the same public interface as an embedder: [`Imports`](crate::Imports) and
//! [`Instance`](crate::Instance).

mod config;
pub use config::{Limits, Loading, Precedence, Sharing};

mod error;
pub use error::{LoadingError, UnresolvedModule};

mod graph;
pub use graph::{DependencyGraph, Gap, GraphModule, Supplier};

mod path;
pub use path::{FindError, FoundFile, PathReader, SearchPath};

mod program;
pub use program::{OpenId, Program};

mod reader;
pub use reader::{ModuleReader, ReadError, ReadModule};

mod registry;
pub use registry::ModuleRegistry;

mod threads;
