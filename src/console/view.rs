//! From the state to the screen. Nothing here changes the state.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::app::{App, Overlay};
use super::hits::Hits;
use super::layout::SMALLEST;
use super::page::Page;
use super::theme::Role;

mod big;
mod braille;
mod choosers;
mod dialog;
mod dock;
mod events;
mod filtering;
mod findings;
mod footer;
mod header;
mod heatmap;
mod help;
mod host;
mod hosts;
mod operations;
mod output;
mod paint;
mod parts;
mod plot;
mod popup;
mod prompt;
mod pulse;
mod room;
mod settings;
mod sites;
mod spark;
mod table;
mod tasks;
mod tree;
mod typing;
mod vm;
mod vms;
mod welcome;

use paint::Paint;
pub(crate) use vms::state_role;

/// Draws everything; says what stands where.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) -> Hits {
    let area = frame.area();
    let mut paint = Paint::new(frame.buffer_mut(), &app.look);
    paint.fill(area, Role::Text);
    if area.width < SMALLEST.width || area.height < SMALLEST.height {
        too_small(&mut paint, area);
        return paint.hits;
    }
    // The terminal was resized and the plan is not made yet: the next frame shows it.
    if app.plan.size != area.as_size() {
        return paint.hits;
    }
    header::header(app, &mut paint);
    let page = app.nav.page();
    match page {
        Page::Overview | Page::Panel(_) => {
            sites::draw(app, &mut paint);
            heatmap::draw(app, &mut paint);
            vms::draw(app, &mut paint);
            operations::draw(app, &mut paint);
        }
        Page::Tasks(_) => tasks::draw(app, &mut paint),
        Page::Output(_) => {
            if let Some(page) = &app.pages.output {
                output::draw(app, page, &mut paint);
            }
        }
        Page::Hosts => hosts::draw(app, &app.pages.hosts, &mut paint),
        Page::Host(host) => host::draw(app, host, &mut paint),
        Page::Vm(_) => vm::draw(app, &mut paint),
        Page::Room(..) => room::draw(app, &mut paint),
        Page::Tree => tree::draw(app, &app.pages.tree, &mut paint),
        Page::Events => events::draw(app, &app.pages.events, &mut paint),
        Page::Pulse => pulse::draw(app, &mut paint),
        Page::Findings => findings::draw(app, &mut paint),
        Page::Settings => settings::draw(app, &mut paint),
    }
    footer::footer(app, &mut paint);
    if let Some(choosing) = app.filter_choosing() {
        popup::words(app, choosing, &mut paint);
    }
    if !app.keys.is_empty() {
        popup::following(app, &mut paint);
    }
    dock::draw(app, &mut paint);
    for overlay in &app.overlays {
        match overlay {
            Overlay::Help(help) => help::keys(app, help, &mut paint),
            Overlay::Prompt(prompt) => prompt::draw(app, prompt, &mut paint),
            Overlay::Menu(menu) => popup::menu(app, menu, &mut paint),
            Overlay::Palette(palette) => prompt::palette(app, palette, &mut paint),
            Overlay::Dialog(dialog) => dialog::draw(app, dialog, &mut paint),
            Overlay::Columns(chooser) => choosers::columns(app, chooser, &mut paint),
            Overlay::Views(picker) => choosers::views(app, picker, &mut paint),
        }
    }
    paint.hits
}

fn too_small(paint: &mut Paint<'_>, area: Rect) {
    let lines = [
        "hemera".to_owned(),
        format!("needs {} x {}", SMALLEST.width, SMALLEST.height),
        format!("this is {} x {}", area.width, area.height),
    ];
    let top = area.y + area.height.saturating_sub(3) / 2;
    for (i, line) in lines.iter().enumerate() {
        let x = area.x + area.width.saturating_sub(line.len() as u16) / 2;
        let role = if i == 0 { Role::Brand } else { Role::Text };
        paint.text(x, top + i as u16, area.right(), line, role);
    }
}
