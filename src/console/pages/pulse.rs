//! Big figures for a projector.

use ratatui::layout::Rect;

use crate::console::keymap::Context;
use crate::console::page::{Around, Go, Page, PageView};
use crate::fleet::OpId;
use crate::handle::{OpKind, OpState, OperationView};

/// The page's state: it has none, and shows what is.
#[derive(Debug, Default)]
pub(crate) struct PulsePage {}

/// The operation that a room wants to see: a boot that runs, anything that runs, the last boot, the last of all.
pub(crate) fn foremost(operations: &[OperationView]) -> Option<&OperationView> {
    let runs = |op: &&OperationView| op.state != OpState::Ended;
    let boots = |op: &&OperationView| op.kind == OpKind::Boot;
    let last = |wanted: &dyn Fn(&&OperationView) -> bool| operations.iter().rev().find(wanted);
    last(&|op| runs(op) && boots(op)).or_else(|| last(&runs)).or_else(|| last(&boots)).or_else(|| operations.last())
}

impl PageView for PulsePage {
    fn context(&self) -> Context {
        Context::Pulse
    }

    fn settle(&mut self, _: &Around<'_>, _: Rect) {}

    fn step(&mut self, _: isize) {}

    fn rows(&self) -> isize {
        1
    }

    fn open(&mut self, around: &Around<'_>) -> Go {
        foremost(&around.snapshot.operations).map_or(Go::Stay, |op| Go::Into(Page::Tasks(op.id)))
    }

    fn operation(&self, around: &Around<'_>) -> Option<OpId> {
        foremost(&around.snapshot.operations).map(|op| op.id)
    }
}
