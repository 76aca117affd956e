//! Words that are nearly right.

/// The known word nearest to `found`, where one is near enough to be a slip: the same but for case, a part of it, or
/// few edits away.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = found.to_lowercase();
    let allowed = (found.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&lower, &word.to_lowercase()), word))
        .filter(|&(distance, word)| {
            distance <= allowed || (lower.len() >= 3 && (word.starts_with(&lower) || lower.starts_with(word)))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_a_slip_away_or_nothing() {
        assert_eq!(nearest("coress", ["name", "cores", "memory"]), Some("cores"));
        assert_eq!(nearest("Memory", ["name", "cores", "memory"]), Some("memory"));
        assert_eq!(nearest("mem", ["name", "cores", "memory"]), Some("memory"));
        assert_eq!(nearest("bandwidth", ["name", "cores", "memory"]), None);
    }
}
