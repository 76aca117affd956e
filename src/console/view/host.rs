//! A host: state, load, what it holds.

use super::heatmap::named;
use super::paint::{Paint, piece};
use crate::console::app::App;
use crate::console::layout::inside;
use crate::console::theme::Role;
use crate::fleet::HostId;

pub(super) fn draw(app: &App, host: HostId, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let fleet = &app.snapshot.fleet;
    if host.index() >= fleet.topology.hosts.len() {
        return;
    }
    paint.panel(area, true, &[piece(fleet.topology.full_name(host), Role::Title)], &[]);
    let room = inside(area);
    paint.whole(room.x + 1, room.y, room.right(), &named(fleet, host, app));
}
