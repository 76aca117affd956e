//! What is wrong, a line for each kind and each reason, and below what helps with the one under the cursor.

use ratatui::layout::Rect;

use super::paint::{Paint, piece, width};
use super::parts::{fitted, helps, wrap};
use crate::console::app::App;
use crate::console::format::count;
use crate::console::layout::inside;
use crate::console::pages::findings::{BELOW, FindingsPage, Group, Kind, Members};
use crate::console::theme::Role;
use crate::fleet::Finding;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let page = &app.pages.findings;
    let area = app.plan.page;
    let total = if page.kinds() == 1 { "1 finding".to_owned() } else { format!("{} findings", page.kinds()) };
    paint.panel(area, true, &[piece("Findings", Role::Title)], &[piece(total, Role::Dim)]);
    let room = inside(area);
    if page.groups.is_empty() {
        let glyph = paint.glyphs().ok;
        let x = paint.text(room.x + 1, room.y, room.right(), &format!("{glyph} "), Role::Ok);
        paint.text(x, room.y, room.right(), "Nothing is wrong, as far as is known.", Role::Text);
        return;
    }
    let rows = (page.cursor.height as u16).min(room.height);
    for row in page.cursor.shown(page.groups.len()) {
        let at = Rect { y: room.y + (row - page.cursor.top) as u16, height: 1, ..room };
        line(app, page, paint, at, row);
    }
    let below = Rect { y: room.y + rows, height: room.height - rows, ..room };
    if let Some(group) = page.groups.get(page.cursor.row).filter(|_| below.height >= BELOW) {
        advice(app, paint, below, group);
    }
}

/// `✖ 29 VMs failed   vm-12, vm-40, vm-77 …`; reasons stand to the right of their kind.
fn line(app: &App, page: &FindingsPage, paint: &mut Paint<'_>, room: Rect, row: usize) {
    let (group, glyphs) = (&page.groups[row], paint.glyphs());
    let (sign, role) = match group.kind {
        Kind::Found(Finding::Unknown) => ("?", Role::Dim),
        Kind::Found(
            Finding::Panic | Finding::QemuGone | Finding::DiskFull | Finding::HostSilent | Finding::LibvirtdHung,
        )
        | Kind::Failed
        | Kind::Lost
        | Kind::Down
        | Kind::HostDisk
        | Kind::Operations => (glyphs.bad, Role::Error),
        Kind::Found(_) => (glyphs.warn, Role::Warn),
        Kind::Over => ("!", Role::Over),
    };
    // The kind's own line comes first.
    let is_reason = row > 0 && page.groups[row - 1].kind == group.kind;
    let indent = if is_reason { 4 } else { 1 };
    let end = room.right();
    let mut x = room.x + indent;
    let many = count(group.members.len());
    if is_reason {
        let reason = group.reason.as_deref().unwrap_or_default();
        let own = matches!(group.kind, Kind::Operations | Kind::Found(_));
        let text = if own { reason.to_owned() } else { format!("{many:>6}  {reason}") };
        x = paint.cut(x, room.y, end, &text, Role::Text);
    } else {
        x = paint.text(x, room.y, end, &format!("{sign} "), role);
        x = paint.text(x, room.y, end, &format!("{many:>6} "), Role::Strong);
        x = paint.cut(x, room.y, end, group.kind.title(group.members.len()), Role::Strong);
        if let Some(reason) = group.reason.as_deref().filter(|_| group.kind != Kind::Operations) {
            x = paint.cut(x, room.y, end, &format!(": {reason}"), Role::Text);
        }
    }
    let names = names(app, group, 4);
    // These reasons name whom they are about.
    let tells = matches!(group.kind, Kind::Found(_)) && group.reason.is_some() || group.kind == Kind::Operations;
    if x + 4 + width(&names).min(12) < end && !tells {
        paint.cut(x + 3, room.y, end, &names, Role::Dim);
    }
    if row == page.cursor.row {
        paint.text(room.x, room.y, end, glyphs.cursor, Role::Key);
        paint.tint(room, Role::Cursor);
    }
}

/// The first so many by name.
fn names(app: &App, group: &Group, many: usize) -> String {
    let fleet = &app.snapshot.fleet;
    let names: Vec<String> = match &group.members {
        Members::Vms(vms) => {
            let known = vms.iter().filter(|vm| vm.0 < fleet.vms.id_count());
            known.take(many).map(|&vm| fleet.vms.name(vm).to_owned()).collect()
        }
        Members::Hosts(hosts) => {
            let known = hosts.iter().filter_map(|host| fleet.topology.hosts.get(host.index()));
            known.take(many).map(|host| host.name.to_string()).collect()
        }
        Members::Operations(operations) => operations.iter().take(many).map(ToString::to_string).collect(),
    };
    let more = if group.members.len() > names.len() { format!(", {}", app.look.glyphs.more) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// What is found of the first of the group under the cursor, from what, and what helps.
fn advice(app: &App, paint: &mut Paint<'_>, room: Rect, group: &Group) {
    let line = paint.glyphs().border.horizontal_bottom.repeat(usize::from(room.width));
    paint.text(room.x, room.y, room.right(), &line, Role::Border);
    let (x, end, last) = (room.x + 1, room.right(), room.bottom() - 1);
    let mut y = room.y + 1;
    let fleet = &app.snapshot.fleet;
    let (who, found) = match &group.members {
        Members::Vms(vms) => {
            let first = vms.first().filter(|vm| vm.0 < fleet.vms.id_count());
            (first.map(|&vm| fleet.vms.name(vm).to_owned()), first.and_then(|&vm| fleet.diagnosis(vm)))
        }
        Members::Hosts(hosts) => {
            let first = hosts.first().filter(|host| host.index() < fleet.topology.hosts.len());
            let name = first.map(|host| fleet.topology.host(*host).name.to_string());
            (name, first.and_then(|host| fleet.host_diagnoses.get(host)))
        }
        Members::Operations(_) => (None, None),
    };
    if let (Some(who), Some(found)) = (who, found) {
        let rest = paint.text(x, y, end, &who, Role::Strong);
        paint.cut(rest, y, end, &format!(" {}", found.text), Role::Text);
        y += 1;
        for seen in found.evidence.iter().take(usize::from(last.saturating_sub(y + 2))) {
            paint.cut(x + 2, y, end, seen, Role::Dim);
            y += 1;
        }
    }
    let told = wrap(group.kind.advice(), usize::from(room.width.saturating_sub(2)));
    for text in told.iter().take(usize::from(last.saturating_sub(y)).min(2)) {
        paint.text(x, y, end, text, Role::Text);
        y += 1;
    }
    let keys = helps(app, group.kind.helps());
    fitted(paint, (x, last), end, &keys);
    if y < last {
        paint.cut(x, y, end, &names(app, group, 20), Role::Dim);
    }
}
