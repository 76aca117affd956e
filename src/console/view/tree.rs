//! The tree: only the rows on screen are built.

use ratatui::layout::Rect;

use super::paint::{Paint, Piece, piece};
use super::state_role;
use super::typing::line_of_text;
use crate::console::app::App;
use crate::console::format::{count, counted, memory, percent};
use crate::console::layout::inside;
use crate::console::pages::tree::{Node, Sums, TreePage};
use crate::console::theme::Role;
use crate::fleet::{Finding, HostId, HostState, VmId};

/// Cells of the bar of a load.
const BAR: u16 = 8;

/// Where the columns end, from the left; zero for those without room.
struct Columns {
    name: u16,
    hosts: u16,
    vms: u16,
    bar: u16,
    load: u16,
    memory: u16,
    end: u16,
}

impl Columns {
    fn new(room: Rect) -> Self {
        let (wide, roomy) = (room.width >= 90, room.width >= 56);
        let name = room.x
            + if wide {
                34
            } else if roomy {
                26
            } else {
                room.width.saturating_sub(14)
            };
        let hosts = if roomy { name + 8 } else { 0 };
        let vms = if roomy { hosts + 11 } else { name + 8 };
        let bar = if wide { vms + 2 + BAR } else { 0 };
        let load = bar.max(vms) + 6;
        let memory = if roomy { load + 7 } else { 0 };
        Self { name, hosts, vms, bar, load, memory, end: room.right() }
    }
}

pub(super) fn draw(app: &App, page: &TreePage, paint: &mut Paint<'_>) {
    let area = app.plan.page;
    let mut title = vec![piece("Tree", Role::Title)];
    if page.by_load {
        title.push(piece(format!(" {} hosts by load {}", paint.glyphs().dot, paint.glyphs().down), Role::Dim));
    }
    let total = page.index.as_ref().map_or(String::new(), |index| counted(index.all().len(), "VM"));
    paint.panel(area, true, &title, &[piece(total, Role::Dim)]);
    let marks = app.vms.marks.len();
    if marks > 0 {
        let text = format!(" {} selected ", count(marks));
        paint.right(area.right() - 2, area.bottom() - 1, area.x + 1, &text, Role::Mark);
    }
    let mut room = inside(area);
    let lines = filter_lines(page, room, paint);
    room.y += lines;
    room.height = room.height.saturating_sub(lines);
    let columns = Columns::new(room);
    head(room, &columns, paint);
    if page.rows().is_empty() {
        let text = match &page.index {
            None => "gathering the VMs",
            Some(_) if !page.filter_box.text.is_empty() => "Nothing is selected by this filter. Esc and / change it.",
            Some(_) => "no hosts yet",
        };
        paint.text(room.x + 3, room.y + 2, room.right(), text, Role::Dim);
        return;
    }
    for row in page.cursor.shown(page.rows().len()) {
        let y = room.y + 1 + (row - page.cursor.top) as u16;
        if y >= room.bottom() {
            break;
        }
        let here = row == page.cursor.row;
        if here {
            paint.text(room.x, y, room.right(), paint.glyphs().cursor, Role::Key);
        }
        node(app, page, page.rows()[row], Rect { y, height: 1, ..room }, &columns, paint);
        if here {
            paint.tint(Rect { y, height: 1, ..room }, Role::Cursor);
        }
    }
}

/// The filter as it is typed or holds, and what is wrong with it; says how many lines that took.
fn filter_lines(page: &TreePage, room: Rect, paint: &mut Paint<'_>) -> u16 {
    let (filter, end) = (&page.filter_box, room.right() - 1);
    let mut lines = 0;
    if let Some((input, _)) = &filter.editing {
        paint.fill(Rect { height: 1, ..room }, Role::FieldFocus);
        let x = paint.text(room.x + 1, room.y, end, "/", Role::FieldFocus);
        line_of_text(paint, x, room.y, end, input);
        lines += 1;
    } else if !filter.text.is_empty() {
        let x = paint.text(room.x + 1, room.y, end, "/", Role::Key);
        paint.cut(x, room.y, end, &filter.text, Role::Strong);
        lines += 1;
    }
    if let Some(error) = &filter.error {
        let at = (error.column as u16).saturating_sub(1).min(room.width / 2);
        let text = format!("{} expected {}, found {}", paint.glyphs().up, error.expected, error.found);
        paint.cut(room.x + 2 + at, room.y + lines, end, &text, Role::Error);
        lines += 1;
    }
    lines
}

fn head(room: Rect, columns: &Columns, paint: &mut Paint<'_>) {
    paint.text(room.x + 3, room.y, columns.name, "name", Role::Column);
    for (end, title) in [(columns.hosts, "hosts"), (columns.vms, "VMs"), (columns.load, "cpu"), (columns.memory, "mem")]
    {
        if end > 0 {
            paint.right(end, room.y, room.x, title, Role::Column);
        }
    }
    if columns.memory > 0 {
        paint.text(columns.memory + 2, room.y, columns.end, "note", Role::Column);
    }
}

fn node(app: &App, page: &TreePage, node: Node, line: Rect, columns: &Columns, paint: &mut Paint<'_>) {
    let (fleet, glyphs) = (&app.snapshot.fleet, app.look.glyphs);
    let Some(index) = &page.index else { return };
    let topology = &fleet.topology;
    let (name, sums) = match node {
        Node::Vm(vm) => return leaf(app, vm, line, columns, paint),
        Node::Site(site) => (&*topology.sites[site.index()].name, index.site(site.index())),
        Node::Cluster(cluster) => (&*topology.clusters[cluster.index()].name, index.cluster(cluster.index())),
        Node::Host(host) => (&*topology.host(host).name, index.host(host.index())),
        Node::Nowhere => ("on no host", Sums { vms: index.nowhere().len() as u32, ..Sums::default() }),
    };
    let marked = page.marked(node, fleet);
    if marked > 0 {
        // All, or some of them.
        let sign = if marked >= sums.vms { glyphs.mark } else { glyphs.none };
        paint.text(line.x + 1, line.y, line.right(), sign, Role::Mark);
    }
    let x = line.x + 3 + 2 * node.depth();
    let fold = if page.is_unfolded(node) { glyphs.unfolded } else { glyphs.folded };
    paint.text(x, line.y, line.right(), fold, Role::Dim);
    let role = if node.depth() == 0 { Role::Strong } else { Role::Text };
    paint.cut(x + 2, line.y, columns.name, name, role);
    paint.right(columns.vms, line.y, columns.name, &count(sums.vms as usize), Role::Text);
    if node != Node::Nowhere {
        if columns.hosts > 0 && !matches!(node, Node::Host(_)) {
            paint.right(columns.hosts, line.y, columns.name, &count(sums.hosts as usize), Role::Text);
        }
        figures(&sums, line, columns, paint);
    }
    if columns.memory > 0 {
        let host = if let Node::Host(host) = node { Some(host) } else { None };
        paint.whole(columns.memory + 2, line.y, columns.end, &notes(app, host, &sums));
    }
}

/// Load and memory of a site, cluster or host.
fn figures(sums: &Sums, line: Rect, columns: &Columns, paint: &mut Paint<'_>) {
    let (load, glyphs) = (sums.load(), paint.glyphs());
    let level = (load * 8.0).clamp(0.0, 7.0) as u8;
    let heat = paint.look.theme.heat(level);
    if columns.bar > 0 {
        let full = if sums.cpu.0 == 0 { 0 } else { usize::from(level) + 1 };
        let x = paint.styled(columns.bar - BAR, line.y, columns.end, &glyphs.eighths[7].repeat(full), heat);
        paint.text(x, line.y, columns.end, &glyphs.track.repeat(usize::from(BAR) - full), Role::Track);
    }
    let role = if sums.over > 0 { Role::Warn } else { Role::Text };
    paint.right(columns.load, line.y, columns.bar, &format!("{:.0} %", load * 100.0), role);
    if columns.memory > 0 {
        let text = format!("{:.0} %", sums.full() * 100.0);
        paint.right(columns.memory, line.y, columns.load, &text, Role::Text);
    }
}

/// What is wrong below a node.
fn notes(app: &App, host: Option<HostId>, sums: &Sums) -> Vec<Piece> {
    let (fleet, glyphs) = (&app.snapshot.fleet, app.look.glyphs);
    let mut notes = Vec::new();
    let mut note = |text: String, role| {
        if !notes.is_empty() {
            notes.push(piece(format!(" {} ", glyphs.dot), Role::Dim));
        }
        notes.push(piece(text, role));
    };
    if let Some(state) = host.map(|host| fleet.hosts.row(host).state).filter(|state| *state != HostState::Ready) {
        let role = if sums.down > 0 { Role::Error } else { Role::Warn };
        note(state.word().to_owned(), role);
    } else if sums.down > 0 {
        note(format!("{} {} down", glyphs.bad, counted(sums.down as usize, "host")), Role::Error);
    }
    match (sums.over, host) {
        (0, _) => {}
        (_, Some(_)) => note("! over".to_owned(), Role::Over),
        (n, None) => note(format!("! {} over", counted(n as usize, "host")), Role::Warn),
    }
    if sums.failed > 0 {
        note(format!("{} {} failed", glyphs.bad, count(sums.failed as usize)), Role::Error);
    }
    notes
}

/// A VM.
fn leaf(app: &App, vm: VmId, line: Rect, columns: &Columns, paint: &mut Paint<'_>) {
    let (fleet, glyphs) = (&app.snapshot.fleet, app.look.glyphs);
    if vm.0 >= fleet.vms.id_count() {
        return;
    }
    let row = fleet.vms.row(vm);
    let marked = app.vms.marks.contains(vm);
    if marked {
        paint.text(line.x + 1, line.y, line.right(), glyphs.mark, Role::Mark);
    }
    let role = state_role(row.state);
    let x = line.x + 3 + 2 * Node::Vm(vm).depth();
    paint.text(x, line.y, line.right(), glyphs.vm(row.state), role);
    let name = if marked { Role::Mark } else { Role::Text };
    paint.cut(x + 2, line.y, columns.name, fleet.vms.name(vm), name);
    // Where hosts and VMs are counted, its state in a word.
    paint.right(columns.vms, line.y, columns.name + 1, row.state.word(), role);
    if row.state.runs() {
        let text = format!("{} %", percent(row.cpu, u32::from(row.vcpus.max(1))));
        paint.right(columns.load, line.y, columns.bar, &text, Role::Text);
    }
    if columns.memory > 0 {
        paint.right(columns.memory, line.y, columns.load, &memory(row.memory), Role::Text);
        let reason = fleet.vm_reasons.get(&vm).map(ToString::to_string);
        let target = row.target.map(|host| format!("{} {}", glyphs.to, fleet.topology.host(host).name));
        let (text, role) = match row.finding {
            Finding::None => (reason.or(target).unwrap_or_default(), Role::Dim),
            finding => (finding.word().to_owned(), Role::Warn),
        };
        paint.cut(columns.memory + 2, line.y, columns.end, &text, role);
    }
}
