//! Dialogs: fields, what would happen, the buttons.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece, width};
use super::typing::line_of_text;
use crate::console::app::App;
use crate::console::dialog::{Ahead, Dialog, Value};
use crate::console::format::{amount, count, counted, span};
use crate::console::hits::Hit;
use crate::console::layout::centred;
use crate::console::theme::Role;
use crate::handle::Preview;

/// Where fields begin, after their labels.
const LABEL: u16 = 17;
/// Width of fields.
const FIELD: u16 = 28;
/// Lines kept for the preview, so that the dialog does not jump while one types.
const PREVIEW: usize = 5;

pub(super) fn draw(app: &App, dialog: &Dialog, paint: &mut Paint<'_>) {
    let wide = 84.max(width(&dialog.title) + 8).min(app.plan.size.width.saturating_sub(4));
    let preview = preview_lines(app, dialog, wide.saturating_sub(6));
    let previewed = dialog.ahead != Ahead::NotNeeded;
    let preview_height = if previewed { preview.len().max(PREVIEW) + 1 } else { 0 };
    let height = 5 + dialog.facts.len() + dialog.fields.len() + usize::from(!dialog.fields.is_empty()) + preview_height;
    let area = centred(app.plan.body, wide, height as u16);
    paint.popup(area, dialog.danger, &dialog.title);
    let room = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(2),
    };
    // The buttons always have their line; of the rest, what has the focus is shown where not all fits.
    let buttons_at = room.bottom().saturating_sub(1);
    let top = room.y + u16::from(room.height > 6);
    let fits = buttons_at.saturating_sub(top);
    let first = dialog.facts.len() + dialog.at.min(dialog.fields.len());
    let hidden = (first as u16 + 1).saturating_sub(fits);
    let mut line = 0;
    let mut next = || {
        let at = u16::checked_sub(line, hidden).map(|line| top + line).filter(|y| *y < buttons_at);
        line += 1;
        at
    };
    for fact in &dialog.facts {
        if let Some(y) = next() {
            paint.cut(room.x, y, room.right(), fact, if dialog.danger { Role::Warn } else { Role::Dim });
        }
    }
    for i in 0..dialog.fields.len() {
        if let Some(y) = next() {
            field(dialog, i, paint, Rect { y, height: 1, ..room });
        }
    }
    if !dialog.fields.is_empty() {
        next();
    }
    if previewed {
        for pieces in &preview {
            if let Some(y) = next() {
                paint.pieces(room.x, y, room.right(), pieces);
            }
        }
    }
    buttons(dialog, paint, Rect { y: buttons_at, height: 1, ..room });
    paint.end_popup();
}

fn longest_label(dialog: &Dialog) -> u16 {
    dialog.fields.iter().map(|field| width(field.label) + 1).max().unwrap_or(0)
}

fn field(dialog: &Dialog, i: usize, paint: &mut Paint<'_>, room: Rect) {
    let field = &dialog.fields[i];
    let here = dialog.at == i;
    let wrong = dialog.problem.as_ref().filter(|(at, _)| *at == i);
    paint.text(room.x, room.y, room.right(), field.label, if here { Role::Strong } else { Role::Dim });
    paint.hits.note(room, Hit::Part(i));
    // Where there is little room, labels take no more than they need.
    let label = if room.width < 50 { longest_label(dialog).min(LABEL) } else { LABEL };
    let x = room.x + label;
    let hint = field.hint();
    // What needs no hint has all the room.
    let end = if hint.is_empty() { room.right() } else { (x + FIELD).min(room.right()) };
    let role = if here { Role::FieldFocus } else { Role::Field };
    paint.fill(Rect { x, width: end.saturating_sub(x), ..room }, role);
    match &field.value {
        Value::Text(input) if here => {
            line_of_text(paint, x, room.y, end.saturating_sub(1), input);
            // As selected text elsewhere: what is typed takes its place.
            if field.fresh {
                let wide = width(input.value()).min(end.saturating_sub(x + 1));
                paint.picked(Rect { x, width: wide, ..room });
            }
        }
        Value::Text(input) => {
            paint.cut(x, room.y, end, input.value(), role);
        }
        Value::Choice { .. } => {
            let (left, right) = if paint.glyphs().cursor == ">" { ("<", ">") } else { ("‹", "›") };
            paint.cut(x, room.y, end, &format!("{left} {} {right}", field.value()), role);
        }
    }
    match wrong {
        Some((_, problem)) => {
            paint.cut(end + 1, room.y, room.right(), problem, Role::Error);
        }
        None => {
            paint.cut(end + 1, room.y, room.right(), &hint, Role::Dim);
        }
    }
}

fn buttons(dialog: &Dialog, paint: &mut Paint<'_>, room: Rect) {
    let go = format!("  {}  ", dialog.button());
    let cancel = format!("  {}  ", dialog.safe());
    let wide = width(&go) + width(&cancel) + 3;
    let x = room.x + room.width.saturating_sub(wide) / 2;
    let role = |at: usize| if dialog.at == at { Role::ButtonFocus } else { Role::Button };
    let bracket = |text: &str, at: usize| {
        if dialog.at == at { format!("[{}]", &text[1..text.len() - 1]) } else { text.to_owned() }
    };
    paint.hits.note(Rect { x, width: width(&cancel), ..room }, Hit::Part(dialog.cancel()));
    let x = paint.text(x, room.y, room.right(), &bracket(&cancel, dialog.cancel()), role(dialog.cancel()));
    let blocked = dialog.blocked().is_some();
    let go_role = if dialog.at == dialog.go() {
        Role::ButtonFocus
    } else if blocked {
        Role::Off
    } else if dialog.danger {
        Role::Danger
    } else {
        Role::Button
    };
    paint.hits.note(Rect { x: x + 3, width: width(&go), ..room }, Hit::Part(dialog.go()));
    paint.text(x + 3, room.y, room.right(), &bracket(&go, dialog.go()), go_role);
}

fn preview_lines(app: &App, dialog: &Dialog, room: u16) -> Vec<Vec<Piece>> {
    match &dialog.ahead {
        Ahead::NotNeeded => Vec::new(),
        // The line of a field is too short for most of what can be wrong with it.
        Ahead::Unsaid if let Some((at, problem)) = &dialog.problem => {
            let label = dialog.fields.get(*at).map_or("", |field| field.label);
            let text = format!("{} {label}: {problem}", app.look.glyphs.warn);
            let lines = crate::console::format::wrapped(&text, usize::from(room));
            lines.into_iter().map(|line| vec![piece(line, Role::Warn)]).collect()
        }
        Ahead::Unsaid => vec![vec![piece("fill in the fields to see what would happen", Role::Dim)]],
        Ahead::Asking(None) => vec![vec![piece("asking what would happen", Role::Dim)]],
        Ahead::Impossible(reason) => vec![vec![piece(format!("{} {reason}", app.look.glyphs.bad), Role::Error)]],
        Ahead::Known(preview) | Ahead::Asking(Some(preview)) => told(app, preview, dialog.counts(), room),
    }
}

/// What would happen: how many from where to where, what it costs, what is refused.
fn told(app: &App, preview: &Preview, what: &str, room: u16) -> Vec<Vec<Piece>> {
    let glyphs = app.look.glyphs;
    let topology = &app.snapshot.fleet.topology;
    let dot = format!(" {} ", glyphs.dot);
    let mut lines = Vec::new();

    let mut first = vec![piece(counted(preview.tasks as usize, what), Role::Strong)];
    let places = |list: &[(crate::fleet::HostId, u32)]| match list {
        [] => String::new(),
        [(host, _)] => topology.host(*host).name.to_string(),
        [(_, 1), ..] => format!("{}, 1 each", counted(list.len(), "host")),
        [(a, n), ..] => {
            let (hosts, most) = (counted(list.len(), "host"), count(*n as usize));
            format!("{hosts} (at most {most}, on {})", topology.host(*a).name)
        }
    };
    let (from, to) = (places(&preview.sources), places(&preview.targets));
    if !from.is_empty() {
        first.push(piece(format!(" {} {from}", if to.is_empty() { "on" } else { "from" }), Role::Text));
    }
    if !to.is_empty() {
        first.push(piece(format!(" {} {to}", if from.is_empty() { "on" } else { glyphs.to }), Role::Text));
    }
    if preview.unchanged > 0 {
        let stay = if preview.unchanged == 1 { "stays where it is" } else { "stay where they are" };
        first.push(piece(format!("{dot}{} {stay}", count(preview.unchanged as usize)), Role::Dim));
    }
    lines.push(first);
    if preview.tasks == 0 && preview.unchanged > 0 && preview.kind.moves() {
        let way = "they are on these hosts already: name others, or choose a pattern";
        lines.push(vec![piece(format!("{} {way}", glyphs.warn), Role::Warn)]);
    }

    let mut cost = Vec::new();
    if preview.ending > 0 {
        cost.push(format!("{} end with it", counted(preview.ending as usize, "VM")));
    }
    if preview.bytes.0 > 0 {
        let what = if preview.kind.moves() { "to send" } else { "of memory" };
        cost.push(format!("{} {what}", amount(preview.bytes)));
    }
    if let Some(duration) = preview.duration {
        cost.push(format!("about {} at the limits that hold", span(duration)));
    }
    if let Some(downtime) = preview.downtime {
        cost.push(format!("guests stand still up to {}", span(downtime)));
    }
    if let Some((host, free)) = preview.tightest {
        cost.push(format!("tightest afterwards: {} free on {}", amount(free), topology.host(host).name));
    }
    lines.extend(wrapped(&cost, &dot, room).into_iter().map(|line| vec![piece(line, Role::Text)]));
    if !preview.examples.is_empty() {
        let more = preview.tasks as usize > preview.examples.len();
        let names = preview.examples.join(", ");
        lines.push(vec![piece(
            format!("{names}{}", if more { format!(" {}", glyphs.more) } else { String::new() }),
            Role::Dim,
        )]);
    }
    let doubtful = preview.doubtful.iter().map(|group| (group, "doubtful"));
    for (group, what) in preview.refused.iter().take(4).map(|group| (group, "refused")).chain(doubtful) {
        let names = group.examples.join(", ");
        lines.push(vec![
            piece(format!("{} {} {what}: {}", glyphs.warn, count(group.count as usize), group.reason), Role::Warn),
            piece(format!("{dot}{names}"), Role::Dim),
        ]);
    }
    if preview.refused.len() > 4 {
        lines.push(vec![piece(format!("and {} more reasons", preview.refused.len() - 4), Role::Dim)]);
    }
    lines
}

/// Facts after one another, on as many lines as they need.
fn wrapped(facts: &[String], between: &str, room: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(fact) <= room => {
                line.push_str(between);
                line.push_str(fact);
            }
            _ => lines.push(fact.clone()),
        }
    }
    lines
}
