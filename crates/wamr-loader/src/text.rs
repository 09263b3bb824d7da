//! Modules in the text format. <https://webassembly.github.io/spec/core/text/>

use wamr_types::{LoadError, LoadErrorKind, ModuleBytes};

/// Turns text into the binary format; everything else comes back as it is.
///
/// Text is what is in UTF-8, starts with no zero byte (as the binary format does), and has
/// more in it than white space.
pub(crate) fn to_binary(bytes: ModuleBytes) -> Result<ModuleBytes, LoadError> {
    let Some(text) = text(bytes.as_slice()) else {
        return Ok(bytes);
    };
    match wat::parse_str(text) {
        Ok(binary) => Ok(ModuleBytes::new(binary)),
        Err(error) => {
            let kind = LoadErrorKind::Text(error.to_string().into());
            Err(LoadError { kind, offset: None, func: None })
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.first() == Some(&0) {
        return None;
    }
    core::str::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())
}
