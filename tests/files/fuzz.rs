//! Right files with pieces cut out, doubled and put elsewhere: whatever comes of it is read, or refused with a place that
//! is in the file.

use hemera::files::FileError;
use hemera::workflow::Workflow;
use hemera::world::World;
use proptest::prelude::*;

use super::{REAL, WORKFLOW, WORLD};

/// Pieces that people and editors put where they do not belong.
const ODD: [&str; 18] = [
    "\n",
    "\"",
    "'",
    "\"\"\"",
    "#é\n",
    "[",
    "]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "é",
    "\\",
    "[[step]]\n",
    "[load]\n",
    "0x",
    "\u{1F680} ",
];

/// A change to a text: at a share of its length, cut so many characters and put something there.
type Change = (f64, usize, Option<prop::sample::Index>);

fn changed(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, cut, put) in changes {
        let at = (at * chars.len() as f64) as usize;
        let end = (at + cut).min(chars.len());
        let odd = put.map_or("", |put| ODD[put.index(ODD.len())]);
        chars.splice(at..end, odd.chars());
    }
    chars.into_iter().collect()
}

fn in_file(error: &FileError, text: &str) -> Result<(), TestCaseError> {
    let place = error.place.ok_or_else(|| TestCaseError::fail(format!("no place: {error}")))?;
    let line = text.split('\n').nth(place.line - 1);
    let columns = line.map(|line| line.chars().count() + 1).unwrap_or_default();
    prop_assert!((1..=columns).contains(&place.column), "{error}\n{text}");
    prop_assert!(!error.message.is_empty() && !error.message.contains("struct "), "{error}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read_or_refused_at_a_place_in_them(
        changes in prop::collection::vec((0.0..1.0, 0..12usize, any::<Option<prop::sample::Index>>()), 1..4),
    ) {
        for base in [WORLD, REAL] {
            let text = changed(base, &changes);
            if let Err(error) = World::parse(&text, "w.toml") {
                in_file(&error, &text)?;
            }
        }
        let text = changed(WORKFLOW, &changes);
        match Workflow::parse(&text, "x.toml") {
            Err(error) => in_file(&error, &text)?,
            Ok(workflow) => {
                let world = World::load("small").map_err(|error| TestCaseError::fail(error.to_string()))?;
                if let Err(error) = workflow.check(&world) {
                    in_file(&error, &text)?;
                }
            }
        }
    }
}
