//! The signs that stand for states and amounts, and what replaces them on terminals without them.

use ratatui::symbols::border;

use crate::fleet::VmState;
use crate::handle::{OpState, TaskEnd, TaskState};

/// A set of signs. Each is one column wide.
#[derive(Debug)]
pub(crate) struct Glyphs {
    /// Whether only ASCII may be drawn.
    pub plain: bool,
    /// Before the row under the cursor.
    pub cursor: &'static str,
    /// Before a marked row.
    pub mark: &'static str,
    /// Eight steps of an amount, from little to much.
    pub heat: [&'static str; 8],
    /// A host without VMs.
    pub idle: &'static str,
    /// A host that is not ready yet.
    pub coming: &'static str,
    /// A host that takes no new VMs.
    pub draining: &'static str,
    /// The upper and the lower half of a sign; the same where there are none.
    pub upper: &'static str,
    pub lower: &'static str,
    /// What VMs go to and come from at once.
    pub both: &'static str,
    /// Before a node of a tree that is folded, and unfolded.
    pub folded: &'static str,
    pub unfolded: &'static str,
    /// Eighths of a progress bar's cell, from one to eight.
    pub eighths: [&'static str; 8],
    /// The empty part of a progress bar.
    pub track: &'static str,
    /// The failed part of a progress bar.
    pub failed: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// Where no figure is known.
    pub none: &'static str,
    /// Between the steps of a way.
    pub crumb: &'static str,
    /// More follows.
    pub more: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub to: &'static str,
    pub times: &'static str,
    pub ok: &'static str,
    pub bad: &'static str,
    pub warn: &'static str,
    pub busy: &'static str,
    pub wait: &'static str,
    pub paused: &'static str,
    /// A line across a plot.
    pub line: &'static str,
    /// Panel borders.
    pub border: border::Set<'static>,
    states: [&'static str; 12],
}

pub(crate) static UNICODE: Glyphs = Glyphs {
    plain: false,
    cursor: "▸",
    mark: "●",
    heat: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    idle: "·",
    coming: "◌",
    draining: "▽",
    upper: "▀",
    lower: "▄",
    both: "↕",
    folded: "▹",
    unfolded: "▿",
    eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    track: "░",
    failed: "▒",
    dot: "·",
    none: "–",
    crumb: "›",
    more: "…",
    up: "↑",
    down: "↓",
    to: "→",
    times: "×",
    ok: "✔",
    bad: "✖",
    warn: "▲",
    busy: "◐",
    wait: "◌",
    paused: "‖",
    line: "┄",
    border: border::ROUNDED,
    states: ["◌", "◔", "◐", "●", "◉", "‖", "⇄", "▾", "◑", "○", "✖", "?"],
};

pub(crate) static ASCII: Glyphs = Glyphs {
    plain: true,
    cursor: ">",
    mark: "*",
    heat: ["1", "2", "3", "4", "5", "6", "7", "8"],
    idle: ".",
    coming: "c",
    draining: "d",
    upper: "#",
    lower: "#",
    both: "|",
    folded: "+",
    unfolded: "-",
    eighths: ["-", "-", "-", "=", "=", "=", "=", "#"],
    track: ".",
    failed: "X",
    dot: "-",
    none: "-",
    crumb: ">",
    more: "~",
    up: "^",
    down: "v",
    to: ">",
    times: "x",
    ok: "+",
    bad: "X",
    warn: "!",
    busy: "o",
    wait: ".",
    paused: "=",
    line: "-",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    states: [".", "-", "o", "*", "@", "=", "%", "s", "x", "0", "X", "?"],
};

impl Glyphs {
    /// The sign of a VM's state.
    pub(crate) fn vm(&self, state: VmState) -> &'static str {
        self.states.get(state as usize).copied().unwrap_or(" ")
    }

    /// The sign of an operation's state.
    pub(crate) const fn operation(&self, state: OpState, failed: bool) -> &'static str {
        match state {
            OpState::Running => self.busy,
            OpState::Paused => self.paused,
            OpState::Cancelling => self.down,
            OpState::Ended if failed => self.bad,
            OpState::Ended => self.ok,
        }
    }

    /// The sign of a task's state.
    pub(crate) const fn task(&self, state: &TaskState) -> &'static str {
        match state {
            TaskState::Waiting(_) => self.wait,
            TaskState::Running => self.busy,
            TaskState::Cancelling => self.down,
            TaskState::Ended(TaskEnd::Done) => self.ok,
            TaskState::Ended(TaskEnd::Failed(_)) => self.bad,
            TaskState::Ended(TaskEnd::Cancelled) => self.none,
        }
    }
}
