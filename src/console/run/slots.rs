//! Places in the list of actions for plugins. Actions are plain functions, so that each place has functions of its own.

use super::{App, Plugin};
use crate::console::action::{Action, Reason};

/// A place: the functions that an action there has.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    when: fn(&App) -> Result<(), Reason>,
    run: fn(&mut App),
}

fn when<const AT: usize>(app: &App) -> Result<(), Reason> {
    app.may_run_own(AT)
}

fn run<const AT: usize>(app: &mut App) {
    app.run_own(AT);
}

macro_rules! slots {
    ($($at:literal)*) => {
        /// All places; there are no more plugins than that.
        pub(super) const SLOTS: [Slot; [$($at),*].len()] = [$(Slot { when: when::<$at>, run: run::<$at> }),*];
    };
}

slots! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
}

/// So many plugins there can be.
pub(crate) const MOST: usize = SLOTS.len();

impl Slot {
    /// The action that runs a plugin. What it is called lives as long as the program, as all actions do.
    pub(super) fn action(self, plugin: &Plugin) -> Action {
        let kept = |text: &str| &*Box::leak(text.to_owned().into_boxed_str());
        let doc = if plugin.description.is_empty() {
            format!("Runs `{}`.", plugin.command)
        } else {
            plugin.description.clone()
        };
        Action {
            id: kept(&plugin.name),
            name: kept(&plugin.name),
            doc: kept(&doc),
            area: "Your own commands",
            keyed: false,
            aliases: &[],
            takes: None,
            when: self.when,
            run: self.run,
        }
    }
}
