//! The list of running migrations: from which sites and hosts to which, most first.

use ratatui::layout::Rect;

use crate::console::app::App;
use crate::console::format::{count, counted};
use crate::console::theme::Role;
use crate::console::view::paint::{Paint, piece};

pub(super) fn draw(app: &App, room: Rect, paint: &mut Paint<'_>) {
    if room.area() == 0 {
        return;
    }
    let (flows, topology, glyphs) = (app.heat.flows(), &app.snapshot.fleet.topology, app.look.glyphs);
    let total = flows.count();
    let mut lines = Vec::new();
    let title = if total == 0 { "nothing moves now".to_owned() } else { format!("{} run", counted(total, "move")) };
    lines.push(vec![piece(title, Role::Title)]);
    let pair = |from: &str, to: &str, n: u32, role| {
        let times = format!(" {}{}", glyphs.times, count(n as usize));
        vec![
            piece(from, role),
            piece(format!(" {} ", glyphs.to), Role::Dim),
            piece(to, role),
            piece(times, Role::Strong),
        ]
    };
    let site = |id: crate::fleet::SiteId| &*topology.sites[id.index()].name;
    let sites = flows.sites.iter().map(|&(from, to, n)| pair(site(from), site(to), n, Role::Text));
    // Where everything stays at one site, that says nothing.
    lines.extend(sites.filter(|_| topology.sites.len() > 1).take(usize::from(room.height) / 3));
    // What the host under the cursor sends and gets comes first.
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for &(from, to, n) in &flows.hosts {
        let here = app.pointed().is_some_and(|host| host == from || host == to);
        let role = if here { Role::Busy } else { Role::Dim };
        let list = if here { &mut near } else { &mut far };
        if list.len() < usize::from(room.height) {
            list.push(pair(&topology.host(from).name, &topology.host(to).name, n, role));
        }
    }
    near.append(&mut far);
    lines.append(&mut near);
    let pairs = flows.hosts.len() + flows.sites.len().min(usize::from(room.height) / 3) + 1;
    let full = lines.len().min(usize::from(room.height));
    for (i, line) in lines.iter().take(full).enumerate() {
        let y = room.y + i as u16;
        if i + 1 == usize::from(room.height) && pairs > full {
            let text = format!("{} {} more", glyphs.down, counted(pairs - full + 1, "pair"));
            paint.text(room.x + 1, y, room.right(), &text, Role::Dim);
        } else {
            paint.pieces(room.x + 1, y, room.right(), line);
        }
    }
}
