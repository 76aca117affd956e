//! The VM table: only the rows on screen are built.

use ratatui::layout::Rect;

use super::footer::marked;
use super::paint::{Paint, piece, title_role};
use super::table::{self, BEFORE};
use crate::console::app::App;
use crate::console::columns::{Column, Table, vm_role, vm_text};
use crate::console::format::counted;
use crate::console::hits::Hit;
use crate::console::layout::{Panel, inside};
use crate::console::theme::Role;
use crate::fleet::VmState;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.vms;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Vms;
    let mut title = vec![piece("VMs", title_role(focus)), table::sorted_by(paint, Table::Vms, app.vms.sort)];
    if app.vms.only_marked() {
        title.push(piece(format!(" {} only marked", paint.glyphs().dot), Role::Mark));
    }
    let total = table::total(app.vms.order.len(), app.snapshot.fleet.vms.len(), "VM");
    paint.panel(area, focus, &title, &[total]);
    let room = table::filter(&app.vms.filter_box, paint, inside(area));
    table::selection(paint, area, marked(app), app.vms.range().map(|range| range.len()));
    rows(app, paint, room, focus);
}

fn rows(app: &App, paint: &mut Paint<'_>, room: Rect, focus: bool) {
    let fleet = &app.snapshot.fleet;
    let columns = app.vms.columns.fitting(room.width.saturating_sub(BEFORE + 1));
    table::titles(paint, room, Table::Vms, &columns, app.vms.sort);
    if app.vms.order.len() == 0 {
        empty(app, paint, Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room });
        return;
    }
    let glyphs = paint.glyphs();
    let range = app.vms.range();
    for (line, row) in app.vms.shown().enumerate() {
        let y = room.y + 1 + line as u16;
        let Some(vm) = app.vms.order.get(row) else { break };
        if y >= room.bottom() || vm.0 >= fleet.vms.id_count() {
            break;
        }
        let line = Rect { y, height: 1, ..room };
        let figures = fleet.vms.row(vm);
        let here = row == app.vms.row;
        let marked = app.vms.marks.contains(vm) || range.as_ref().is_some_and(|r| r.contains(&row));
        table::begin(paint, line, Hit::Row(Table::Vms, row), here, marked);
        for fit in &columns {
            let column = fit.shape.column;
            let role = if column == Column::Name && marked { Role::Mark } else { vm_role(column, &figures) };
            let text = vm_text(column, fleet, vm, &figures, glyphs);
            table::cell(paint, Rect { x: room.x + BEFORE + fit.at, width: fit.width, ..line }, fit, &text, role);
        }
        if here {
            paint.tint(line, if focus { Role::Cursor } else { Role::Resting });
        }
    }
}

/// The style of a VM's state.
pub(crate) const fn state_role(state: VmState) -> Role {
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
    table::instead(paint, room, &lines);
}
