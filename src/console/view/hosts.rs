//! All hosts as a table: only the rows on screen are built.

use ratatui::layout::Rect;

use super::paint::{Paint, piece};
use super::table::{self, BEFORE};
use crate::console::app::App;
use crate::console::columns::{Column, Table, host_role, host_text};
use crate::console::format::count;
use crate::console::hits::Hit;
use crate::console::layout::inside;
use crate::console::pages::hosts::HostsPage;
use crate::console::theme::Role;

pub(super) fn draw(app: &App, page: &HostsPage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let fleet = &app.snapshot.fleet;
    let rows = &page.rows;
    let title = [piece("Hosts", Role::Focus), table::sorted_by(paint, Table::Hosts, rows.sort)];
    paint.panel(area, true, &title, &[table::total(rows.order.len(), fleet.hosts.len(), "host")]);
    let room = table::filter(&rows.filter_box, paint, inside(area));
    let range = app.host_range();
    table::selection(paint, area, marked(app, page), app.host_range.map(|_| range.len()));
    let columns = rows.columns.fitting(room.width.saturating_sub(BEFORE + 1));
    table::titles(paint, room, Table::Hosts, &columns, rows.sort);
    if rows.order.len() == 0 {
        let below = Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room };
        empty(app, page, paint, below);
        return;
    }
    let glyphs = paint.glyphs();
    for (line, row) in rows.shown().enumerate() {
        let y = room.y + 1 + line as u16;
        let Some(host) = rows.order.get(row) else { break };
        if y >= room.bottom() || host.index() >= fleet.hosts.len() {
            break;
        }
        let line = Rect { y, height: 1, ..room };
        let figures = fleet.hosts.row(host);
        let here = row == rows.row;
        let marked = app.host_marks.contains(host) || range.contains(host);
        table::begin(paint, line, Hit::Row(Table::Hosts, row), here, marked);
        for fit in &columns {
            let column = fit.shape.column;
            let role =
                if column == Column::Name && marked { Role::Mark } else { host_role(column, fleet, host, figures) };
            let text = host_text(column, fleet, host, figures, glyphs);
            table::cell(paint, Rect { x: room.x + BEFORE + fit.at, width: fit.width, ..line }, fit, &text, role);
        }
        if here {
            paint.tint(line, Role::Cursor);
        }
    }
}

/// `12 selected, 3 hidden by the filter`.
fn marked(app: &App, page: &HostsPage) -> String {
    let marks = &app.host_marks;
    let hidden = page.rows.visible.as_ref().map_or(0, |visible| marks.outside(visible));
    match (marks.len(), hidden) {
        (0, _) => String::new(),
        (all, 0) => format!("{} selected", count(all)),
        (all, hidden) => format!("{} selected, {} hidden by the filter", count(all), count(hidden)),
    }
}

/// Nothing known yet and nothing found are different things.
fn empty(app: &App, page: &HostsPage, paint: &mut Paint<'_>, room: Rect) {
    let lines = if app.snapshot.fleet.hosts.is_empty() || page.rows.loading {
        vec!["waiting for the engine".to_owned()]
    } else {
        let key = app.look.keymap.keys_of("clear-filter").first().cloned();
        let clears =
            key.map_or_else(|| "/ changes it, an empty one shows all".to_owned(), |key| format!("{key} clears it"));
        vec!["No host is selected by this filter.".to_owned(), clears]
    };
    table::instead(paint, room, &lines);
}
