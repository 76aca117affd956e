//! What actions do with the words that follow their name in the command line.

use super::Reason;
use crate::console::app::App;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{Completions, Over, selection};

mod changing;
mod choosing;
mod looking;
mod places;
mod power;
mod tables;

pub(super) use changing::*;
pub(super) use choosing::*;
pub(super) use looking::*;
pub(super) use places::*;
pub(super) use power::*;
pub(super) use tables::*;

/// How an action is used with words after its name.
pub struct Takes {
    /// The words, as in `CLASS [COUNT] [HOSTS]`.
    pub usage: &'static str,
    /// Whether it cannot do without them.
    pub needed: bool,
    /// Whether it can be run with words now, or why not.
    pub(crate) when: fn(&App) -> Result<(), Reason>,
    /// What can stand at the end of the words.
    pub(crate) complete: fn(&App, &str) -> Completions,
    /// What is wrong with the words.
    pub(crate) check: fn(&App, &str) -> Result<(), Wrong>,
    /// Shows beforehand what it would do, until it is done or given up; only where that costs nothing.
    pub(crate) preview: Option<fn(&mut App, &str)>,
    /// Does it. What is hard to undo asks first, as it does without words.
    pub(crate) run: fn(&mut App, &str) -> Result<(), Wrong>,
}

impl std::fmt::Debug for Takes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Takes({})", self.usage)
    }
}

/// Words that select VMs.
fn vms(app: &App, text: &str) -> Completions {
    selection(app, text, Over::Vms)
}

fn hosts(app: &App, text: &str) -> Completions {
    selection(app, text, Over::Hosts)
}

fn nothing(_: &App, _: &str) -> Completions {
    Completions::default()
}

#[allow(clippy::unnecessary_wraps)] // Has the shape of the other checks.
const fn anything(_: &App, _: &str) -> Result<(), Wrong> {
    Ok(())
}

fn filters_vms(app: &App, text: &str) -> Result<(), Wrong> {
    app.quick(text, Over::Vms).map(drop)
}

fn selects_vms(app: &App, text: &str) -> Result<(), Wrong> {
    app.selected(text, Over::Vms).map(drop)
}

fn filters_hosts(app: &App, text: &str) -> Result<(), Wrong> {
    app.quick(text, Over::Hosts).map(drop)
}

fn unknown(what: &str, name: &str, near: Option<&str>) -> String {
    let near = near.map_or_else(String::new, |near| format!(", perhaps `{near}`"));
    format!("there is no {what} `{name}`{near}")
}
