//! The terms of a filter that are joined by `and`: what the crumbs of a filter are.

/// The terms of a filter, from the first to the last. One that has an `or` outside brackets is a single term.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let text = text.trim();
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let mut terms = Vec::new();
    let (mut start, mut word) = (0, 0);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => {
                match &text[word..at] {
                    "or" => return vec![text],
                    "and" => {
                        terms.push(text[start..word].trim());
                        start = at;
                    }
                    _ => {}
                }
                word = at + 1;
            }
            _ => {}
        }
    }
    terms.push(text[start..].trim());
    terms.retain(|term| !term.is_empty());
    terms
}

/// Terms joined by `and`; a term with an `or` gets brackets.
pub(crate) fn joined(terms: &[&str]) -> String {
    let bracketed = |term: &&str| {
        let or = term.split_whitespace().any(|word| word == "or");
        if or && terms.len() > 1 && split(term).len() == 1 && !is_bracketed(term) {
            format!("({term})")
        } else {
            (*term).to_owned()
        }
    };
    terms.iter().map(bracketed).collect::<Vec<_>>().join(" and ")
}

/// The filter that selects the others.
pub(crate) fn turned(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix("not ").filter(|inner| is_bracketed(inner)) {
        Some(inner) => inner[1..inner.len() - 1].to_owned(),
        None if is_bracketed(text) => format!("not {text}"),
        None => format!("not ({text})"),
    }
}

/// Whether one pair of brackets holds all of a text.
fn is_bracketed(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    if !text.starts_with('(') || !text.ends_with(')') {
        return false;
    }
    for (at, c) in text.char_indices() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && at + 1 < text.len() {
                    return false;
                }
            }
            _ => {}
        }
    }
    depth == 0 && !quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_split_outside_brackets_and_quotes() {
        assert_eq!(split("state:up and site:x"), ["state:up", "site:x"]);
        assert_eq!(split("(a or b) and \"c and d\" and e f"), ["(a or b)", "\"c and d\"", "e f"]);
        assert_eq!(split("a and b or c"), ["a and b or c"]);
        assert_eq!(split(""), Vec::<&str>::new());
        assert_eq!(joined(&["a or b", "c"]), "(a or b) and c");
        assert_eq!(joined(&["(a or b)", "c"]), "(a or b) and c");
        assert_eq!(joined(&["a or b"]), "a or b");
    }

    #[test]
    fn a_filter_turned_twice_is_itself() {
        for text in ["state:up", "a or b", "not a", "(a) or (b)", "not (a) and (b)"] {
            assert_eq!(turned(&turned(text)), text);
            assert_eq!(
                crate::fleet::Selection::quick_vms(&turned(text)).is_ok(),
                crate::fleet::Selection::quick_vms(text).is_ok()
            );
        }
        assert_eq!(turned("(a or b)"), "not (a or b)");
    }
}
