//! Checking modules.

use wamr::Validation;

use crate::Failure;
use crate::options::FileOptions;
use crate::run::{engine, load};

/// Checks each file; the first one that is no valid module is the failure.
pub(crate) fn run(options: &FileOptions) -> Result<u8, Failure> {
    let engine = engine(&options.common, Validation::Eager)?;
    for file in &options.files {
        load(&engine, file, &options.common)?;
    }
    Ok(0)
}
