//! The one list of actions, a file per chapter. Keymaps, the palette, the help, the generated documentation and the hints
//! at the bottom all come from it.

use std::sync::{PoisonError, RwLock};

use super::app::App;

/// Why an action cannot be run now.
pub(crate) type Reason = &'static str;

/// Something that the operator can do.
pub struct Action {
    /// Its name in keymap files.
    pub id: &'static str,
    /// Its name on screen.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// The chapter of the help that it stands in.
    pub area: &'static str,
    /// Whether keymaps must have a key for it; the others are found in the palette.
    pub keyed: bool,
    /// Other names for it in the command line.
    pub aliases: &'static [&'static str],
    /// How it is used with words after its name in the command line; none where it takes none.
    pub takes: Option<&'static Takes>,
    /// Whether it can be run now, or why not.
    pub(crate) when: fn(&App) -> Result<(), Reason>,
    pub(crate) run: fn(&mut App),
}

impl Action {
    /// Whether it may do something with what is marked. A range that is still open counts as marked then: it looks so.
    pub(crate) fn is_about_marks(&self) -> bool {
        match self.area {
            "Moving" => false,
            "View" => matches!(self.id, "act" | "copy" | "copy-row" | "undo" | "redo"),
            _ => !matches!(self.id, "range" | "rectangle"),
        }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({})", self.id)
    }
}

/// Makes a chapter's list of actions: id, name, whether keymaps must have a key, when, what it does, how; then, where it
/// takes words in the command line, how those are understood; then other names for it.
macro_rules! actions {
    ($area:literal { $(
        $id:literal $name:literal $keyed:literal $when:ident $doc:literal $run:expr
        $(, takes $takes:path)? $(, also $($alias:literal)+)?;
    )* }) => {
        /// The actions of this chapter, in the order of the help.
        pub(super) static ACTIONS: &[Action] = &[$(Action {
            id: $id, name: $name, doc: $doc, area: $area, keyed: $keyed,
            aliases: &[$($($alias),+)?], takes: optional!($($takes)?), when: $when, run: $run,
        },)*];
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($takes:path) => {
        Some(&$takes)
    };
}

mod changing;
mod choosing;
mod closely;
mod guiding;
mod moving;
mod operations;
mod running;
mod takes;
mod viewing;
mod when;

pub use takes::Takes;
pub(super) use when::knows_vms;

/// Actions that the operator's files add.
static OWN: RwLock<&'static [Action]> = RwLock::new(&[]);

/// Puts the operator's own actions at the end of the list, in the place of those before. They live as long as the program,
/// as all actions do: somebody changes a file now and then, and each time it is a few hundred bytes.
pub(super) fn set_own(actions: Vec<Action>) {
    *OWN.write().unwrap_or_else(PoisonError::into_inner) = actions.leak();
}

/// What everybody can do, in the order of the help.
pub(super) fn built_in() -> impl Iterator<Item = &'static Action> + Clone {
    let chapters: [&'static [Action]; 8] = [
        moving::ACTIONS,
        viewing::ACTIONS,
        choosing::ACTIONS,
        changing::ACTIONS,
        closely::ACTIONS,
        operations::ACTIONS,
        running::ACTIONS,
        guiding::ACTIONS,
    ];
    chapters.into_iter().flatten()
}

/// Everything that the operator can do, in the order of the help.
pub fn all() -> impl Iterator<Item = &'static Action> + Clone {
    built_in().chain(all_own())
}

/// All of the operator's own actions.
pub(super) fn all_own() -> std::slice::Iter<'static, Action> {
    let own: &'static [Action] = *OWN.read().unwrap_or_else(PoisonError::into_inner);
    own.iter()
}

/// The operator's own action at that place.
pub(super) fn own(at: usize) -> Option<&'static Action> {
    all_own().as_slice().get(at)
}

/// The action of that id.
pub fn named(id: &str) -> Option<&'static Action> {
    all().find(|a| a.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_docs_are_sentences() {
        let mut ids: Vec<_> = all().map(|a| a.id).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for alias in all().flat_map(|a| a.aliases) {
            assert!(!ids.contains(alias), "{alias}");
            assert_eq!(all().filter(|a| a.aliases.contains(alias)).count(), 1, "{alias}");
        }
        assert!(all().all(|a| a.doc.ends_with('.') && a.doc.starts_with(char::is_uppercase)));
        assert!(all().all(|a| a.name.is_ascii() && a.doc.is_ascii()), "terminals without other signs show them, too");
    }
}
