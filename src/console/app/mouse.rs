//! The mouse: a click focuses and selects, the wheel scrolls what is under it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::App;
use crate::console::layout::{Panel, inside};
use crate::console::page::Around;

/// Rows that a notch of the wheel moves.
const NOTCH: isize = 3;

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let at = Position::new(event.column, event.row);
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        if !self.overlays.is_empty() {
            self.dirty = false;
            return;
        }
        if let Some(view) = self.pages.view(self.nav.page()) {
            match event.kind {
                MouseEventKind::ScrollDown => view.step(NOTCH),
                MouseEventKind::ScrollUp => view.step(-NOTCH),
                MouseEventKind::Down(MouseButton::Left) => view.click(at, &around),
                _ => self.dirty = false,
            }
            return;
        }
        let Some(panel) = Panel::ALL.into_iter().find(|p| self.plan.rect(*p).contains(at)) else {
            self.dirty = false;
            return;
        };
        match event.kind {
            MouseEventKind::ScrollDown => self.wheel(panel, NOTCH),
            MouseEventKind::ScrollUp => self.wheel(panel, -NOTCH),
            MouseEventKind::Down(MouseButton::Left) => {
                self.focus(panel);
                self.click(panel, at);
            }
            MouseEventKind::Drag(MouseButton::Left) if panel == Panel::Hosts => self.drag_heat(at),
            MouseEventKind::Up(MouseButton::Left) => self.drop_heat(),
            _ => self.dirty = false,
        }
    }

    fn wheel(&mut self, panel: Panel, by: isize) {
        let focus = std::mem::replace(&mut self.focus, panel);
        self.step(if panel == Panel::Vms { by } else { by.signum() });
        self.focus = focus;
    }

    fn click(&mut self, panel: Panel, at: Position) {
        let room = inside(self.plan.rect(panel));
        if !room.contains(at) {
            return;
        }
        let line = usize::from(at.y - room.y);
        match panel {
            Panel::Sites => self.site = line.saturating_sub(1),
            Panel::Operations => self.operation = line / 2,
            Panel::Vms => {
                let above = usize::from(room.height).saturating_sub(self.vms.height);
                if line >= above {
                    self.vms.go(self.vms.top + line - above);
                }
            }
            Panel::Hosts => self.click_heat(at),
        }
    }
}
