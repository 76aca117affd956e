//! From a line to the action that it names.

use std::collections::BTreeMap;

use super::Wrong;
use crate::console::action::{self, Action};
use crate::fleet::nearest;

/// Aliases that stand for aliases go no deeper than this.
const DEEPEST: usize = 8;

/// A line that was understood so far: what is to be done, and the words after it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub action: &'static Action,
    /// The words after the name; none where no blank follows it.
    pub words: Option<String>,
    /// Where the words begin in the line, in characters. Less than zero: where an alias brought words with it.
    pub at: isize,
}

impl Call {
    /// A mistake in the words as one in the line.
    pub(crate) fn wrong(&self, wrong: Wrong) -> Wrong {
        let at = self.at + wrong.at as isize;
        Wrong { at: usize::try_from(at).unwrap_or(0), text: wrong.text }
    }
}

/// The first word of a line, where it begins, and what follows the blank after it.
fn parts(line: &str) -> (&str, usize, Option<&str>) {
    let start = line.len() - line.trim_start().len();
    let rest = &line[start..];
    match rest.split_once(char::is_whitespace) {
        Some((word, words)) => (word, start, Some(words)),
        None => (rest, start, None),
    }
}

/// Puts in the place of the user's own words what they stand for.
fn expand(line: &str, aliases: &BTreeMap<String, String>) -> Result<String, Wrong> {
    let mut line = line.to_owned();
    for _ in 0..DEEPEST {
        let (word, _, words) = parts(&line);
        let Some(meant) = aliases.get(word) else { return Ok(line) };
        line = match words {
            Some(words) => format!("{meant} {words}"),
            None => meant.clone(),
        };
    }
    Err(Wrong::new(0, "these aliases stand for each other in a circle"))
}

/// The action of that id or alias.
fn exactly(word: &str) -> Option<&'static Action> {
    action::named(word).or_else(|| action::all().find(|action| action.aliases.contains(&word)))
}

/// The one action whose id begins so.
fn beginning(word: &str) -> Option<&'static Action> {
    let mut found = action::all().filter(|action| !word.is_empty() && action.id.starts_with(word));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Says which action a line names.
///
/// # Errors
/// Where no action has that name, with the nearest ones.
pub(crate) fn call(line: &str, aliases: &BTreeMap<String, String>) -> Result<Call, Wrong> {
    let expanded = expand(line, aliases)?;
    let (word, start, words) = parts(&expanded);
    let Some(action) = exactly(word).or_else(|| words.and_then(|_| beginning(word))) else {
        return Err(Wrong::new(parts(line).1, unknown(word, aliases)));
    };
    let longer = expanded.chars().count() as isize - line.chars().count() as isize;
    let before = expanded[..start].chars().count() + word.chars().count() + 1;
    Ok(Call { action, words: words.map(str::to_owned), at: before as isize - longer })
}

/// `unknown command `evcuate`: evacuate?`
fn unknown(word: &str, aliases: &BTreeMap<String, String>) -> String {
    let names = || action::all().flat_map(|a| a.aliases.iter().copied().chain([a.id])).filter(|name| name.len() > 1);
    let own = aliases.keys().map(String::as_str);
    let mut near: Vec<&str> = names().filter(|name| word.len() > 1 && name.starts_with(word)).take(3).collect();
    if near.is_empty() {
        near.extend(nearest(word, names().chain(own)));
    }
    match near.as_slice() {
        [] => format!("there is no command `{word}`, ctrl-p lists them all"),
        near => format!("there is no command `{word}`, perhaps {}", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases() -> BTreeMap<String, String> {
        let own = [("bad", "vms state:failed"), ("worse", "bad and"), ("a", "b"), ("b", "a")];
        own.map(|(name, line)| (name.to_owned(), line.to_owned())).into()
    }

    #[test]
    fn names_aliases_and_beginnings_are_found() {
        let of = |line| call(line, &aliases()).map(|c| (c.action.id, c.words, c.at));
        assert_eq!(of("quit"), Ok(("quit", None, 5)));
        assert_eq!(of(" q"), Ok(("quit", None, 3)));
        assert_eq!(of("evac suno-3"), Ok(("evacuate", Some("suno-3".into()), 5)));
        assert_eq!(of("evacuat").unwrap_err().text, "there is no command `evacuat`, perhaps evacuate");
        assert_eq!(of("evcuate x").unwrap_err().text, "there is no command `evcuate`, perhaps evacuate");
        assert_eq!(of("sort- x").unwrap_err().at, 0);
    }

    #[test]
    fn own_words_stand_for_lines() {
        let found = call("worse site:x", &aliases()).unwrap();
        assert_eq!((found.action.id, found.words.as_deref()), ("vms", Some("state:failed and site:x")));
        // The words that are typed stand where they were typed.
        assert_eq!(found.wrong(Wrong::new(17, "")).at, 6);
        assert!(call("a", &aliases()).unwrap_err().text.contains("circle"));
    }
}
