//! The mouse: what a click, a double click, a drag and the wheel do.
//!
//! A click selects what is under it, a second one on the same spot opens it; on a column's title it sorts, on a hint it
//! runs that action, on a step of the way it goes there. Ctrl with a click, or the right button, marks a row; the right
//! button drawn over rows marks them all. Shift with a click marks from the cursor to there, in terminals that let it
//! through: most keep Shift and the mouse for selecting text as they do without Hemera, which is why nothing needs it.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{App, Overlay};
use crate::console::action;
use crate::console::columns::Table;
use crate::console::hits::Hit;
use crate::console::layout::{Panel, inside};
use crate::console::page::Around;

/// Rows that a notch of the wheel moves.
const NOTCH: isize = 3;
/// The longest time between the clicks of a double click.
const DOUBLE: Duration = Duration::from_millis(400);

/// What the mouse did last.
#[derive(Debug, Default)]
pub(super) struct Pointer {
    /// The last click that may become a double click.
    clicked: Option<(Instant, Position)>,
    /// When a dialog was opened last.
    pub(super) opened: Option<Instant>,
    /// Where rows are being marked by drawing the pointer over them, and whether they get marks or lose them.
    marking: Option<(Table, usize, bool)>,
}

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::ScrollDown => self.scroll(at, NOTCH),
            MouseEventKind::ScrollUp => self.scroll(at, -NOTCH),
            MouseEventKind::Down(button) => self.press(button, event.modifiers, at),
            MouseEventKind::Drag(MouseButton::Right) => self.draw_over(at),
            MouseEventKind::Drag(MouseButton::Left) if self.on_heatmap(at) => self.drag_heat(at),
            MouseEventKind::Up(MouseButton::Left) if self.overlays.is_empty() => self.drop_heat(),
            MouseEventKind::Up(_) => {
                self.pointer.marking = None;
                self.dirty = false;
            }
            _ => self.dirty = false,
        }
    }

    /// Whether the heatmap is there, and nothing over it.
    fn on_heatmap(&self, at: Position) -> bool {
        let alone = self.overlays.is_empty() && self.pages.seen(self.nav.page()).is_none();
        alone && self.plan.rect(Panel::Hosts).contains(at)
    }

    fn press(&mut self, button: MouseButton, modifiers: KeyModifiers, at: Position) {
        let hit = self.hits.at(at);
        self.note = None;
        let marks = button == MouseButton::Right || modifiers.contains(KeyModifiers::CONTROL);
        if self.overlays.is_empty()
            && let Some(Hit::Row(table, row)) = hit
        {
            if modifiers.contains(KeyModifiers::SHIFT) {
                self.noting(|app| app.mark_to(table, row));
                return;
            } else if marks {
                let present = !self.is_marked(table, row);
                self.pointer.marking = Some((table, row, present));
                self.noting(|app| app.mark_row(table, row, present));
                return;
            }
        }
        if button != MouseButton::Left {
            self.dirty = false;
            return;
        }
        let before = self.pointer.clicked.take().filter(|(when, place)| *place == at && self.now < *when + DOUBLE);
        if before.is_none() {
            self.pointer.clicked = Some((self.now, at));
        }
        if self.overlays.is_empty() {
            self.click(hit, at, before.is_some());
        } else {
            self.click_over(hit, before.is_some());
        }
    }

    /// A click where nothing lies over the panels.
    fn click(&mut self, hit: Option<Hit>, at: Position, again: bool) {
        match hit {
            Some(Hit::Action(id)) => {
                if let Some(action) = action::named(id) {
                    self.keys.clear();
                    self.run(action);
                }
                return;
            }
            Some(Hit::Key(code)) => return self.key(KeyEvent::new(code, KeyModifiers::NONE)),
            Some(Hit::Crumb(step)) => return self.go_to_step(step),
            Some(Hit::Title(table, column)) => {
                self.focus_on(table);
                self.sort_by(column);
                return;
            }
            Some(Hit::Row(table, row)) => {
                self.focus_on(table);
                self.go_to_row(table, row);
            }
            Some(Hit::Line(line)) => return self.click_below(line),
            Some(Hit::Popup) => return,
            Some(Hit::Site(site)) => {
                self.focus(Panel::Sites);
                self.site = site;
            }
            Some(Hit::Operation(operation)) => {
                self.focus(Panel::Operations);
                self.operation = operation;
            }
            _ => {
                if !self.click_beside(at) {
                    return;
                }
            }
        }
        if again {
            self.open();
        }
    }

    /// A click on a line of what says what can follow: words in a filter that is typed, or keys.
    fn click_below(&mut self, line: usize) {
        if self.is_filtering() {
            self.choose_word(line);
            return;
        }
        let following = self.look.keymap.following(self.context(), &self.keys);
        self.keys.clear();
        if let Some((_, bound)) = following.into_iter().nth(line) {
            match &bound.words {
                Some(words) => self.say_by_key(bound.action, words),
                None => self.run(bound.action),
            }
        }
    }

    /// A click on what notes no hits: a page's own list, the heatmap, an empty part of a panel. Says whether anything
    /// can be under it that a second click opens.
    fn click_beside(&mut self, at: Position) -> bool {
        let around = Around { snapshot: &self.snapshot, heat: &self.heat };
        if let Some(view) = self.pages.view(self.nav.page()) {
            view.click(at, &around);
            return inside(self.plan.page).contains(at);
        }
        let Some(panel) = Panel::ALL.into_iter().find(|p| self.plan.rect(*p).contains(at)) else {
            self.dirty = false;
            return false;
        };
        self.focus(panel);
        // A second click on a host opens it, which the heatmap knows best: its cells may be smaller than a character.
        if panel == Panel::Hosts {
            self.click_heat(at);
        }
        false
    }

    /// A click while something lies over the panels.
    fn click_over(&mut self, hit: Option<Hit>, again: bool) {
        let press = |code| KeyEvent::new(code, KeyModifiers::NONE);
        match (self.overlays.last_mut(), hit) {
            (_, Some(Hit::Key(code))) => self.overlay_key(press(code)),
            (Some(Overlay::Palette(palette)), Some(Hit::Line(line))) => {
                palette.at = line;
                self.overlay_key(press(KeyCode::Enter));
            }
            (Some(Overlay::Menu(menu)), Some(Hit::Line(line))) => {
                menu.at = line;
                self.overlay_key(press(KeyCode::Enter));
            }
            (Some(Overlay::Prompt(prompt)), Some(Hit::Line(line))) => {
                prompt.at = line;
                self.overlay_key(press(KeyCode::Tab));
            }
            (Some(Overlay::Views(picker)), Some(Hit::Line(line))) => {
                picker.at = line;
                if again {
                    self.overlay_key(press(KeyCode::Enter));
                }
            }
            (Some(Overlay::Columns(chooser)), Some(Hit::Line(line))) => {
                // The first click goes to the column, the next one shows or hides it.
                let there = std::mem::replace(&mut chooser.at, line) == line;
                if there {
                    self.overlay_key(press(KeyCode::Char(' ')));
                }
            }
            (Some(Overlay::Dialog(dialog)), Some(Hit::Part(part))) => {
                let there = std::mem::replace(&mut dialog.at, part) == part;
                // Buttons act at once; a choice that has the focus goes on to the next one. The second click of a
                // double click was not meant for a button that the first one brought up.
                if part == dialog.go() && self.pointer.opened.is_some_and(|when| self.now < when + DOUBLE) {
                    dialog.at = dialog.cancel();
                } else if part >= dialog.fields.len() {
                    self.overlay_key(press(KeyCode::Enter));
                } else if there && dialog.is_choice(part) {
                    self.overlay_key(press(KeyCode::Right));
                }
            }
            (Some(Overlay::Dialog(_)), _) | (_, Some(Hit::Popup)) => {}
            // Beside what only shows something, a click puts it away.
            _ => self.overlay_key(press(KeyCode::Esc)),
        }
    }

    fn scroll(&mut self, at: Position, by: isize) {
        let code = if by > 0 { KeyCode::Down } else { KeyCode::Up };
        match self.overlays.last() {
            // In a dialog the wheel would go from field to field.
            Some(Overlay::Dialog(_)) => self.dirty = false,
            Some(_) => {
                for _ in 0..by.unsigned_abs() {
                    self.overlay_key(KeyEvent::new(code, KeyModifiers::NONE));
                }
            }
            None => {
                if let Some(view) = self.pages.view(self.nav.page()) {
                    view.step(by);
                } else if let Some(panel) = Panel::ALL.into_iter().find(|p| self.plan.rect(*p).contains(at)) {
                    let focus = std::mem::replace(&mut self.focus, panel);
                    self.step(if panel == Panel::Vms { by } else { by.signum() });
                    self.focus = focus;
                } else {
                    self.dirty = false;
                }
            }
        }
    }

    /// Marks the rows that the pointer is drawn over.
    fn draw_over(&mut self, at: Position) {
        let (Some((table, from, present)), Some(Hit::Row(over, to))) = (self.pointer.marking, self.hits.at(at)) else {
            self.dirty = false;
            return;
        };
        if table == over && self.overlays.is_empty() {
            for row in from.min(to)..=from.max(to) {
                self.mark_row(table, row, present);
            }
        }
    }

    /// Marks the rows from the cursor to this one.
    fn mark_to(&mut self, table: Table, row: usize) {
        let from = match table {
            Table::Vms => self.vms.row,
            Table::Hosts => self.pages.hosts.rows.row,
        };
        for row in from.min(row)..=from.max(row) {
            self.mark_row(table, row, true);
        }
        self.focus_on(table);
        self.go_to_row(table, row);
    }

    fn is_marked(&self, table: Table, row: usize) -> bool {
        match table {
            Table::Vms => self.vms.order.get(row).is_some_and(|vm| self.vms.marks.contains(vm)),
            Table::Hosts => self.pages.hosts.rows.order.get(row).is_some_and(|host| self.host_marks.contains(host)),
        }
    }

    fn mark_row(&mut self, table: Table, row: usize, present: bool) {
        match table {
            Table::Vms => {
                if let Some(vm) = self.vms.order.get(row) {
                    self.vms.marks.set(vm, present);
                }
            }
            Table::Hosts => {
                if let Some(host) = self.pages.hosts.rows.order.get(row) {
                    self.host_marks.set(host, present);
                }
            }
        }
    }

    fn go_to_row(&mut self, table: Table, row: usize) {
        match table {
            Table::Vms => self.vms.go(row),
            Table::Hosts => self.pages.hosts.rows.go(row),
        }
    }

    fn focus_on(&mut self, table: Table) {
        if table == Table::Vms {
            self.focus(Panel::Vms);
        }
    }

    /// Goes up to a step of the way, counted from the overview.
    fn go_to_step(&mut self, step: usize) {
        while self.nav.trail().len() > step + 1 {
            self.go_up();
        }
    }
}
