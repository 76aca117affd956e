//! The VM table: only the rows on screen are built.

use ratatui::layout::Rect;

use super::bars::marked;
use super::paint::{Paint, piece, title_role};
use super::typing::error_under;
pub(super) use super::typing::line_of_text;
use crate::console::app::App;
use crate::console::columns::{Column, fitting};
use crate::console::format::{count, counted, cut, percent};
use crate::console::layout::{Panel, inside};
use crate::console::terms::split;
use crate::console::theme::Role;
use crate::fleet::{Finding, VmId, VmRow, VmState};

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.vms;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Vms;
    let vms = &app.snapshot.fleet.vms;
    let shown = app.vms.order.len();
    let total = if shown == vms.len() {
        counted(shown, "VM")
    } else {
        format!("{} of {}", count(shown), counted(vms.len(), "VM"))
    };
    let mut title = vec![piece("VMs", title_role(focus))];
    let arrow = if app.vms.sort.descending { paint.glyphs().down } else { paint.glyphs().up };
    title.push(piece(format!(" {} by {} {arrow}", paint.glyphs().dot, app.vms.sort.column.title()), Role::Dim));
    if app.vms.only_marked() {
        title.push(piece(format!(" {} only marked", paint.glyphs().dot), Role::Mark));
    }
    paint.panel(area, focus, &title, &[piece(total, Role::Dim)]);
    let mut room = inside(area);
    for role in [Role::Text, Role::Error] {
        let line = if role == Role::Text { filter_line(app, paint, room) } else { error_line(app, paint, room) };
        if line {
            room.y += 1;
            room.height = room.height.saturating_sub(1);
        }
    }
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    selection(app, paint, bottom);
    table(app, paint, room, focus);
}

fn filter_line(app: &App, paint: &mut Paint<'_>, room: Rect) -> bool {
    let end = room.right() - 1;
    match &app.vms.filter_box.editing {
        Some((input, _)) => {
            paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
            let x = paint.text(room.x + 1, room.y, end, "/", Role::FieldFocus);
            line_of_text(paint, x, room.y, end, input);
            true
        }
        None if !app.vms.filter_box.text.is_empty() => {
            let x = paint.text(room.x + 1, room.y, end, "/", Role::Key);
            let x = crumbs(paint, x, room.y, end, &app.vms.filter_box.text);
            paint.right(end, room.y, x + 1, "Esc clears", Role::Dim);
            true
        }
        None => false,
    }
}

/// The terms of a filter after one another, so that one sees what the last one narrows.
fn crumbs(paint: &mut Paint<'_>, mut x: u16, y: u16, end: u16, text: &str) -> u16 {
    let between = format!(" {} ", paint.glyphs().crumb);
    for (i, term) in split(text).into_iter().enumerate() {
        if i > 0 {
            x = paint.text(x, y, end, &between, Role::Dim);
        }
        x = paint.cut(x, y, end, term, Role::Strong);
    }
    x
}

fn error_line(app: &App, paint: &mut Paint<'_>, room: Rect) -> bool {
    let filter = &app.vms.filter_box;
    let (Some(error), Some((input, _))) = (&filter.error, &filter.editing) else { return false };
    let text = format!("expected {}, found {}", error.expected, error.found);
    error_under(paint, (room.x + 2, room.y, room.right() - 1), input, error.column.saturating_sub(1), &text);
    true
}

fn selection(app: &App, paint: &mut Paint<'_>, bottom: Rect) {
    let mut text = marked(app);
    if let Some(range) = app.vms.range() {
        let more = format!("range of {}", count(range.len()));
        text = if text.is_empty() { more } else { format!("{text}, {more}") };
    }
    if !text.is_empty() {
        paint.right(bottom.right() - 2, bottom.y, bottom.x + 1, &format!(" {text} "), Role::Mark);
    }
}

fn table(app: &App, paint: &mut Paint<'_>, room: Rect, focus: bool) {
    let fleet = &app.snapshot.fleet;
    let columns = fitting(room.width.saturating_sub(4));
    let mut x = room.x + 3;
    let sorted = app.vms.sort.column;
    for (shape, width) in &columns {
        let role = if shape.column == sorted { Role::Strong } else { Role::Column };
        if shape.right {
            paint.right(x + width, room.y, x, shape.title, role);
        } else {
            let x = x + u16::from(shape.column == Column::Note);
            paint.text(x, room.y, x + width, shape.title, role);
        }
        x += width + 1;
    }
    if app.vms.order.len() == 0 {
        empty(app, paint, Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room });
        return;
    }
    let range = app.vms.range();
    for (line, row) in app.vms.shown().enumerate() {
        let y = room.y + 1 + line as u16;
        let Some(vm) = app.vms.order.get(row) else { break };
        if y >= room.bottom() || vm.0 >= fleet.vms.id_count() {
            break;
        }
        let figures = fleet.vms.row(vm);
        let here = row == app.vms.row;
        let marked = app.vms.marks.contains(vm) || range.as_ref().is_some_and(|r| r.contains(&row));
        if here {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        if marked {
            paint.text(room.x + 1, y, room.right(), paint.glyphs().mark, Role::Mark);
        }
        cells(app, paint, (room.x + 3, y), vm, &figures, &columns, marked);
        if here && focus {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        } else if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Resting);
        }
    }
}

fn cells(
    app: &App,
    paint: &mut Paint<'_>,
    (mut x, y): (u16, u16),
    vm: VmId,
    row: &VmRow,
    columns: &[(&crate::console::columns::Shape, u16)],
    marked: bool,
) {
    let glyphs = paint.glyphs();
    for (shape, width) in columns {
        let text = shape.column.text(&app.snapshot.fleet, vm, row, glyphs);
        // The note follows figures that end at its edge.
        let gap = u16::from(shape.column == Column::Note);
        let text = cut(&text, usize::from(width.saturating_sub(gap)), glyphs.more);
        let role = match shape.column {
            Column::Name if marked => Role::Mark,
            Column::State => state_role(row.state),
            Column::Cpu if row.state.runs() => cpu_role(percent(row.cpu, u32::from(row.vcpus.max(1)))),
            Column::Note if row.finding != Finding::None => Role::Warn,
            Column::Note if row.state == VmState::Failed || row.state == VmState::Lost => Role::Text,
            Column::Name | Column::Host | Column::Memory => Role::Text,
            _ => Role::Dim,
        };
        if shape.right {
            paint.right(x + width, y, x, &text, role);
        } else {
            paint.text(x + gap, y, x + width, &text, role);
        }
        x += width + 1;
    }
}

const fn cpu_role(percent: u32) -> Role {
    match percent {
        0..50 => Role::Text,
        50..85 => Role::Heat4,
        _ => Role::Heat6,
    }
}

/// The style of a VM's state.
pub(super) const fn state_role(state: VmState) -> Role {
    match state {
        VmState::Up | VmState::Reachable => Role::Ok,
        VmState::Preparing | VmState::Starting | VmState::Migrating | VmState::Saving | VmState::Stopping => Role::Busy,
        VmState::Planned | VmState::Paused | VmState::Off | VmState::Gone => Role::Wait,
        VmState::Failed | VmState::Lost => Role::Error,
    }
}

/// Loading, empty, nothing found and gone are different things.
fn empty(app: &App, paint: &mut Paint<'_>, room: Rect) {
    let lines = if app.vms.loading || app.snapshot.fleet.topology.hosts.is_empty() {
        vec!["waiting for the engine".to_owned()]
    } else if app.snapshot.loading > 0 {
        vec![format!("loading {}", counted(app.snapshot.loading as usize, "VM"))]
    } else if app.snapshot.fleet.vms.is_empty() {
        return super::welcome::draw(app, paint, room);
    } else {
        let what =
            if app.vms.only_marked() { "No VM that is marked is shown." } else { "No VM is selected by this filter." };
        vec![what.to_owned(), "Esc clears it".to_owned()]
    };
    let top = room.y + room.height.saturating_sub(lines.len() as u16) / 2;
    for (i, line) in lines.iter().enumerate() {
        let x = room.x + room.width.saturating_sub(super::paint::width(line)) / 2;
        let y = top + i as u16;
        if y < room.bottom() {
            paint.text(x, y, room.right(), line, if i == 0 { Role::Text } else { Role::Dim });
        }
    }
}
