//! Suggestions for a wrong name.

/// The names that `wrong` may have been meant to be: misspelt, or without its section.
pub(super) fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let last = |name: &str| name.rsplit("__").next()?.rsplit('.').next().map(str::to_owned);
    let last = |name: &str| last(name).unwrap_or_default();
    let wrong = wrong.to_lowercase();
    if let "database.password" | "bailiwick__database__password" = wrong.as_str() {
        // Even if another key is as near: a password has no key, its file has.
        return known.filter(|name| last(name).eq_ignore_ascii_case("password_file")).collect();
    }
    let mut near: Vec<_> = known
        .filter_map(|name| {
            let right = name.to_lowercase();
            let whole = strsim::damerau_levenshtein(&wrong, &right);
            let part = strsim::damerau_levenshtein(&last(&wrong), &last(&right)) + 1;
            let distance = whole.min(part);
            (distance <= 2.max(last(&wrong).len() / 3)).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().filter(|(distance, _)| *distance <= best + 1).take(3).map(|(_, n)| n).collect()
}
