//! The line at the top: what this is and how it is.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece, width};
use crate::console::app::App;
use crate::console::format::{clock, count, cut};
use crate::console::hits::Hit;
use crate::console::layout::Panel;
use crate::console::page::Page;
use crate::console::theme::Role;
use crate::fleet::VmState;

pub(super) fn header(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.header;
    paint.fill(area, Role::Bar);
    let glyphs = paint.glyphs();
    let about = &app.snapshot.about;
    let fleet = &app.snapshot.fleet;
    let mut x = area.x + 1;
    // What is shown matters more than who shows it.
    if area.width >= 100 {
        x = paint.text(x, area.y, area.right(), "hemera", Role::Brand) + 2;
    }
    x = paint.text(x, area.y, area.right(), &about.world, Role::Strong);
    let mut kind = if &*about.platform == "sim" { " simulated".to_owned() } else { format!(" {}", about.platform) };
    if (about.speed - 1.0).abs() > 1e-9 && about.speed > 0.0 {
        kind = format!("{kind} {}{}", glyphs.times, about.speed);
    }
    if about.multiplied > 1 {
        kind = format!("{kind} {} hosts {}{}", glyphs.dot, glyphs.times, about.multiplied);
    }
    if !app.handle.can_command() {
        kind = format!("{kind} {} read-only", glyphs.dot);
    }
    let begin = Rect { width: x, ..area };
    paint.hits.note(begin, Hit::Crumb(0));
    let crumbs = crumbs(app);
    if area.width >= if crumbs.is_empty() { 60 } else { 110 } {
        x = paint.text(x, area.y, area.right(), &kind, Role::Dim);
    } else if !app.handle.can_command() && area.width >= 60 {
        // Who cannot change anything must not have to guess why.
        x = paint.text(x, area.y, area.right(), &format!(" {} read-only", glyphs.dot), Role::Dim);
    }
    for (step, name) in crumbs {
        let from = paint.text(x, area.y, area.right(), &format!(" {} ", glyphs.crumb), Role::Title);
        x = paint.text(from, area.y, area.right(), &name, Role::Title);
        paint.hits.note(Rect { x: from, width: x - from, ..area }, Hit::Crumb(step));
    }

    // On the right: the clock, or that it stands still.
    let end = area.right() - 1;
    let start = match app.lost {
        Some(_) => {
            let text = format!("{} engine gone, as of {}", glyphs.bad, clock(fleet.now));
            paint.right(end, area.y, x, &text, Role::Error)
        }
        None => match &app.habits.frozen {
            Some(frozen) => paint.right(end, area.y, x, &frozen.text(), Role::Warn),
            None => paint.right(end, area.y, x, &clock(fleet.now), Role::Text),
        },
    };
    let groups = counts(app);
    // What does not fit goes: how many are up before what is wrong.
    let room = start.saturating_sub(x + 2);
    let wide = |group: &Count| group.pieces.iter().map(|(t, _)| width(t)).sum::<u16>() + 2;
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|i| !groups[*i].urgent);
    let mut shown = vec![false; groups.len()];
    let mut used = 0;
    for i in order {
        if used + wide(&groups[i]) <= room {
            used += wide(&groups[i]);
            shown[i] = true;
        }
    }
    let mut at = start.saturating_sub(used + 1);
    for (group, _) in groups.iter().zip(shown).filter(|(_, shown)| *shown) {
        let from = at;
        at = paint.pieces(at, area.y, start, &group.pieces) + 2;
        if let Some(action) = group.leads {
            paint.hits.note(Rect { x: from, width: at - 2 - from, ..area }, Hit::Action(action));
        }
    }
}

/// The way from the overview to where one is, with the number of each step; nothing in the overview. The end of a long
/// way is kept.
fn crumbs(app: &App) -> Vec<(usize, String)> {
    let trail = app.nav.trail();
    let fleet = &app.snapshot.fleet;
    let glyphs = app.look.glyphs;
    let width = usize::from(app.size.width / 3);
    let mut names: Vec<(usize, String)> = Vec::new();
    for (step, place) in trail.iter().enumerate().skip(1) {
        let filtered = place.page == Page::Panel(Panel::Vms) && !place.filter.is_empty();
        let name = if filtered { cut(&place.filter, 24, glyphs.more) } else { place.page.crumb(fleet) };
        names.push((step, name));
    }
    while names.len() > 1 && names.iter().map(|(_, n)| n.chars().count() + 3).sum::<usize>() > width {
        names.remove(0);
    }
    names
}

/// A figure of the header.
struct Count {
    pieces: Vec<Piece>,
    /// Whether it is shown before the others where there is little room.
    urgent: bool,
    /// The action that a click on it runs.
    leads: Option<&'static str>,
}

/// Figures of the header, in their order there.
fn counts(app: &App) -> Vec<Count> {
    let vms = &app.snapshot.fleet.vms;
    let topology = &app.snapshot.fleet.topology;
    let glyphs = app.look.glyphs;
    let of = |states: &[VmState]| states.iter().map(|s| vms.count(*s)).sum::<usize>();
    let state = |glyph: &str, n: usize, word: &str, role: Role| {
        let pieces =
            vec![piece(format!("{glyph} "), role), piece(count(n), Role::Strong), piece(format!(" {word}"), Role::Dim)];
        Count { pieces, urgent: matches!(role, Role::Error | Role::Warn), leads: None }
    };
    let plain = |n: usize, word: &str| {
        let pieces = vec![piece(count(n), Role::Strong), piece(format!(" {word}"), Role::Dim)];
        Count { pieces, urgent: false, leads: None }
    };
    let mut groups = vec![
        plain(vms.len(), if vms.len() == 1 { "VM" } else { "VMs" }),
        state(glyphs.vm(VmState::Up), of(&[VmState::Up, VmState::Reachable]), "up", Role::Ok),
    ];
    // Findings say more than how many VMs failed, and where to look.
    let kinds = app.pages.findings.kinds();
    if kinds > 0 {
        let word = if kinds == 1 { "finding" } else { "findings" };
        let mut group = state(glyphs.warn, kinds, word, Role::Warn);
        let narrow = app.size.width < 60;
        // In brackets, as a bare 8 beside figures would be one of them.
        if let Some(key) = app.look.keymap.key_in(app.context(), "findings").filter(|_| !narrow) {
            group.pieces.push(piece(format!(" [{key}]"), Role::Key));
        }
        group.leads = Some("findings");
        groups.push(group);
    }
    let optional = [
        (VmState::Failed, of(&[VmState::Failed]), "failed", Role::Error),
        (VmState::Lost, of(&[VmState::Lost]), "lost", Role::Error),
        (VmState::Starting, of(&[VmState::Planned, VmState::Preparing, VmState::Starting]), "booting", Role::Busy),
        (VmState::Migrating, of(&[VmState::Migrating]), "moving", Role::Busy),
        (VmState::Paused, of(&[VmState::Paused]), "paused", Role::Wait),
    ];
    for (glyph, n, word, role) in optional {
        if n > 0 {
            groups.push(state(glyphs.vm(glyph), n, word, role));
        }
    }
    let over: usize = app.heat.sites().iter().map(|s| s.over).sum();
    if over > 0 {
        groups.push(state("!", over, "over", Role::Warn));
    }
    groups.push(plain(topology.hosts.len(), if topology.hosts.len() == 1 { "host" } else { "hosts" }));
    groups
}
