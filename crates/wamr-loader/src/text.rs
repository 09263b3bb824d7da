//! Modules in the text format. <https://webassembly.github.io/spec/core/text/>

use wamr_types::{LoadError, LoadErrorKind, ModuleBytes};
use wast::lexer::{Lexer, Token, TokenKind};

/// Turns text into the binary format; everything else comes back as it is.
///
/// Text is what is in UTF-8, starts with no zero byte (as the binary format does), and has
/// more in it than white space.
pub(crate) fn to_binary(bytes: ModuleBytes) -> Result<ModuleBytes, LoadError> {
    let Some(text) = text(bytes.as_slice()) else {
        return Ok(bytes);
    };
    let malformed = |error: String| {
        let kind = LoadErrorKind::Text(error.into());
        LoadError { kind, offset: None, func: None }
    };
    if has_double_hint(text) {
        return Err(malformed(format!("@{HINT} annotation: duplicate annotation")));
    }
    match wat::parse_str(text) {
        Ok(binary) => Ok(ModuleBytes::new(binary)),
        Err(error) => Err(malformed(error.to_string())),
    }
}

const HINT: &str = "metadata.code.branch_hint";

/// Whether some instruction has two branch hints, of which the parser would take the second.
fn has_double_hint(text: &str) -> bool {
    if text.matches(HINT).nth(1).is_none() {
        return false;
    }
    let lexer = Lexer::new(text);
    // What the parser says about bad tokens is as good as anything said here.
    let tokens = lexer.iter(0).map_while(Result::ok).filter(|token| {
        !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment
        )
    });
    let is_hint = |token: &Token| token.annotation(text).is_ok_and(|name| name == HINT);
    // How many tokens of a hint were just read, and whether one stood right before it.
    let (mut read, mut is_second) = (0, false);
    for token in tokens {
        read = match (read, token.kind) {
            (_, TokenKind::LParen) => {
                is_second = read == 4;
                1
            }
            (1, TokenKind::Annotation) if is_hint(&token) => {
                if is_second {
                    return true;
                }
                2
            }
            (2, TokenKind::String) => 3,
            (3, TokenKind::RParen) => 4,
            _ => 0,
        };
    }
    false
}

fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.first() == Some(&0) {
        return None;
    }
    core::str::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())
}
