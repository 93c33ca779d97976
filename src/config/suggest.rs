//! "Did you mean": the nearest known word.

/// The word of `known` that `text` is most likely a slip of; `None` when none is near enough.
/// Letter case, `-` and `_` do not count.
pub(crate) fn closest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(text);
    known
        .iter()
        .map(|word| {
            let candidate = plain(word);
            let score = if candidate == wanted { 2.0 } else { strsim::jaro_winkler(&candidate, &wanted) };
            (*word, score, strsim::damerau_levenshtein(&candidate, &wanted))
        })
        .filter(|(word, score, distance)| *score > 0.84 && *distance <= word.len().div_ceil(2))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(word, ..)| word)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn slips_find_their_word_and_strangers_none() {
        let known = ["keep_days", "detail", "on_failure", "write"];
        for (text, want) in [
            ("keepdays", Some("keep_days")),
            ("keep-days", Some("keep_days")),
            ("KEEP_DAYS", Some("keep_days")),
            ("detial", Some("detail")),
            ("on_failiure", Some("on_failure")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(closest(text, &known), want, "{text}");
        }
    }
}
