//! The sites with their size and load.

use super::paint::{Paint, piece, title_role};
use crate::console::app::App;
use crate::console::format::count;
use crate::console::layout::{Panel, inside};
use crate::console::theme::Role;

/// Cells of the load's history.
const SPARK: u16 = 6;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    let area = app.plan.sites;
    if area.area() == 0 {
        return;
    }
    let focus = app.focus == Panel::Sites;
    paint.panel(area, focus, &[piece("Sites", title_role(focus))], &[]);
    let room = inside(area);
    let wide = room.width >= 30;
    let end = room.right();
    // From the right: load, its history, VMs, hosts.
    let load = end - 1;
    let spark = load.saturating_sub(6);
    let vms = if wide { spark.saturating_sub(SPARK + 1) } else { load.saturating_sub(6) };
    let hosts = if wide { vms.saturating_sub(8) } else { room.x };
    let y = room.y;
    paint.text(room.x + 2, y, end, "site", Role::Column);
    paint.right(vms, y, room.x, "VMs", Role::Column);
    if wide {
        paint.right(hosts, y, room.x, "hosts", Role::Column);
    }
    paint.right(load, y, room.x, "load", Role::Column);
    let sites = &app.snapshot.fleet.topology.sites;
    if sites.is_empty() {
        paint.text(room.x + 2, y + 1, end, "waiting for the engine", Role::Dim);
    }
    let rows = usize::from(room.height.saturating_sub(1)).max(1);
    let top = (app.site + 1).saturating_sub(rows);
    let glyphs = paint.glyphs();
    for (line, (i, site)) in sites.iter().enumerate().skip(top).take(rows).enumerate() {
        let y = room.y + 1 + line as u16;
        if y >= room.bottom() {
            break;
        }
        let figures = app.heat.sites().get(i).cloned().unwrap_or_default();
        paint.hits.note(ratatui::layout::Rect { y, height: 1, ..room }, crate::console::hits::Hit::Site(i));
        let here = i == app.site;
        paint.text(room.x, y, end, if here { glyphs.cursor } else { " " }, if focus { Role::Key } else { Role::Dim });
        paint.cut(
            room.x + 2,
            y,
            if wide { hosts.saturating_sub(5) } else { vms.saturating_sub(6) },
            &site.name,
            if here { Role::Strong } else { Role::Text },
        );
        if wide {
            paint.right(hosts, y, room.x, &count(figures.hosts), Role::Text);
            let shown = usize::from(SPARK).min(figures.history.len());
            let mut x = spark.saturating_sub(shown as u16);
            for level in &figures.history[figures.history.len() - shown..] {
                let style = paint.look.theme.heat(*level);
                x = paint.styled(x, y, end, glyphs.heat[usize::from(*level)], style);
            }
        }
        paint.right(vms, y, room.x, &count(figures.vms), Role::Text);
        let percent = format!("{:.0} %", figures.load * 100.0);
        paint.right(load, y, room.x, &percent, if figures.over > 0 { Role::Warn } else { Role::Text });
        if figures.down > 0 {
            paint.text(load, y, end, glyphs.bad, Role::Error);
        } else if figures.over > 0 {
            paint.text(load, y, end, "!", Role::Over);
        }
        if here && focus {
            paint.tint(ratatui::layout::Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}
