//! The folded form of legacy exception handling, which the parser of scripts does not know:
//! `(try (do ...) (catch $e ...))` becomes `try ... catch $e ... end`, which it does.

use std::borrow::Cow;

/// A parenthesis that is open.
enum Open {
    /// One that stays.
    Plain,
    /// That of a `try`, whose closing one becomes its `end`.
    Try { is_delegated: bool },
    /// That of a part of a `try`, which goes.
    Part,
}

/// Unfolds every `try` of a script. Lines stay where they are.
pub(crate) fn unfold(source: &str) -> Cow<'_, str> {
    if !source.contains("(try ") && !source.contains("(try\n") {
        return Cow::Borrowed(source);
    }
    let mut text = String::with_capacity(source.len());
    let mut open: Vec<Open> = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = verbatim(rest);
        if len > 0 {
            text.push_str(&rest[..len]);
        } else if first == '(' {
            let keyword = keyword(&rest[1..]);
            match (keyword, open.last_mut()) {
                ("try", _) => {
                    text.push(' ');
                    open.push(Open::Try { is_delegated: false });
                }
                ("do", Some(Open::Try { .. })) => {
                    open.push(Open::Part);
                    rest = &rest["(do".len()..];
                    continue;
                }
                ("catch" | "catch_all", Some(Open::Try { .. })) => {
                    text.push(' ');
                    open.push(Open::Part);
                }
                ("delegate", Some(Open::Try { is_delegated })) => {
                    *is_delegated = true;
                    text.push(' ');
                    open.push(Open::Part);
                }
                _ => {
                    text.push('(');
                    open.push(Open::Plain);
                }
            }
        } else if first == ')' {
            text.push_str(match open.pop() {
                Some(Open::Try { is_delegated: false }) => " end ",
                Some(Open::Try { .. } | Open::Part) => " ",
                Some(Open::Plain) | None => ")",
            });
        } else {
            text.push(first);
        }
        rest = &rest[len.max(first.len_utf8())..];
    }
    Cow::Owned(text)
}

/// How long the string or comment is that a text begins with; 0 if it begins with neither.
fn verbatim(text: &str) -> usize {
    if text.starts_with(";;") {
        return text.find('\n').unwrap_or(text.len());
    }
    let bytes = text.as_bytes();
    if text.starts_with("(;") {
        let (mut depth, mut at) = (0, 0);
        while at < bytes.len() {
            match &bytes[at..] {
                [b'(', b';', ..] => depth += 1,
                [b';', b')', ..] => depth -= 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
            if depth == 0 {
                break;
            }
        }
        return at;
    }
    if bytes[0] != b'"' {
        return 0;
    }
    let mut is_escaped = false;
    let end = bytes[1..].iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The keyword that a text begins with.
fn keyword(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_.$".contains(c));
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let text = unfold(text).replace('(', " ( ").replace(')', " ) ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn parts_lose_their_parentheses() {
        let folded = "(try $l (result i32) (do (call $f)) (catch $e (nop)) (catch_all))";
        let flat = "try $l ( result i32 ) ( call $f ) catch $e ( nop ) catch_all end";
        assert_eq!(words(folded), flat);
    }

    #[test]
    fn delegation_is_the_end() {
        let folded = "(block (try (do (throw $e)) (delegate 0)))";
        assert_eq!(words(folded), "( block try ( throw $e ) delegate 0 )");
    }

    #[test]
    fn strings_and_comments_stay() {
        let source = "(try (do \"(try (do) \\\" )\" (; (try ) ;) ;; (try (do)\n))";
        let text = unfold(source);
        assert!(text.contains("\"(try (do) \\\" )\" (; (try ) ;) ;; (try (do)\n"), "{text}");
        assert!(matches!(unfold("(try_table (catch_all 0))"), Cow::Borrowed(_)));
    }
}
