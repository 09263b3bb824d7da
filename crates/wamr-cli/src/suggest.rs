//! What was probably meant.

/// The known word that a wrong one is closest to, if it is close.
pub(crate) fn closest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let allowed = (wrong.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|word| (strsim::osa_distance(wrong, word), word));
    distances.filter(|(distance, _)| *distance <= allowed).min().map(|(_, word)| word)
}

/// The same as the end of a message, empty if there is nothing to suggest.
pub(crate) fn did_you_mean<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    closest(wrong, known).map_or(String::new(), |word| format!("; did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_suggested() {
        let known = ["main", "_start", "fibonacci"];
        assert_eq!(closest("start", known), Some("_start"));
        assert_eq!(closest("fibonaci", known), Some("fibonacci"));
        assert_eq!(closest("mian", known), Some("main"), "two letters changed places");
        assert_eq!(closest("other", known), None);
        assert_eq!(did_you_mean("x", []), "");
    }
}
