//! Keys and what each has to show before it counts as done.

use vt100::Screen;

use crate::terminal::Effect;

/// Cells that differ at least where a line of the screen is another one, and where a panel or popup is.
const LINE: usize = 60;
const PANEL: usize = 200;

/// A key to measure.
pub struct Press {
    /// What kind of key it is, for the list of the slowest.
    pub kind: &'static str,
    /// Keys that go before and are not measured.
    pub before: &'static str,
    /// The key.
    pub key: &'static str,
    /// What it is to do, told by the screen before.
    pub effect: fn(&Screen) -> Effect,
}

const fn press(kind: &'static str, key: &'static str, effect: fn(&Screen) -> Effect) -> Press {
    Press { kind, before: "", key, effect }
}

/// A round through the console: it ends where it began, but for the cursor.
pub const ROUND: [Press; 21] = [
    press("down", "\x1b[B", |s| moved(s, 1)),
    press("down", "\x1b[B", |s| moved(s, 1)),
    press("down", "\x1b[B", |s| moved(s, 1)),
    press("down", "\x1b[B", |s| moved(s, 1)),
    press("up", "\x1b[A", |s| moved(s, -1)),
    press("page", "\x1b[6~", |s| beyond(s, 5)),
    press("page", "\x1b[6~", |s| beyond(s, 5)),
    press("down", "\x1b[B", |s| moved(s, 1)),
    press("page", "\x1b[5~", |s| beyond(s, -5)),
    Press { kind: "sort", before: "o", key: "c", effect: |_| says("by cpu") },
    Press { kind: "sort", before: "o", key: "i", effect: |_| says("by age") },
    press("filter", "/", |s| changed(s, LINE)),
    press("filter", "v", |_| says("/v")),
    press("close", "\x1b", |_| says_not("/v")),
    press("popup", "?", |s| changed(s, PANEL)),
    press("close", "\x1b", |s| changed(s, PANEL)),
    press("popup", "\r", |s| changed(s, PANEL)),
    press("close", "\x1b", |s| changed(s, PANEL)),
    press("panel", "\t", |s| changed(s, PANEL)),
    press("panel", "\x1b[Z", |s| changed(s, PANEL)),
    press("down", "\x1b[B", |s| moved(s, 1)),
];

/// A round through the heatmap.
pub const HEATMAP: [Press; 5] = [
    press("right", "\x1b[C", pointed_elsewhere),
    press("right", "\x1b[C", pointed_elsewhere),
    press("right", "\x1b[C", pointed_elsewhere),
    press("left", "\x1b[D", pointed_elsewhere),
    press("metric", "h", titled_otherwise),
];

/// For programs whose screen cannot be read: it changed.
pub const ARROWS: [Press; 2] = [press("down", "\x1b[B", |s| changed(s, 1)), press("up", "\x1b[A", |s| changed(s, 1))];

/// The same for those that read keys as keypads in application mode send them.
pub const KEYPAD: [Press; 2] = [press("down", "\x1bOB", |s| changed(s, 1)), press("up", "\x1bOA", |s| changed(s, 1))];

/// A key that is echoed: what the machine and this bench add to every figure.
pub const ECHO: [Press; 1] = [press("echo", "x", |s| changed(s, 1))];

/// The heatmap's title says another figure; the figures themselves may be the same, as where nothing moves.
fn titled_otherwise(before: &Screen) -> Effect {
    let title = |screen: &Screen| {
        let contents = screen.contents();
        let from = contents.find("Hosts · ")?;
        Some(contents[from..].split('─').next().unwrap_or_default().to_owned())
    };
    let before = title(before);
    Box::new(move |screen| title(screen) != before)
}

/// The number of the VM under the cursor.
pub fn cursor(screen: &Screen) -> Option<i64> {
    let (_, columns) = screen.size();
    let line = screen.rows(0, columns).find(|line| line.contains("▸  vm-") || line.contains("▸▪ vm-"))?;
    let name = line.split_once("vm-")?.1;
    name[..name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len())].parse().ok()
}

/// What the heatmap says of the host under its cursor begins with the host's name.
fn pointed(screen: &Screen) -> Option<String> {
    let (_, columns) = screen.size();
    let line = screen.rows(0, columns).find(|line| line.contains(" cores ") && line.contains("% of"))?;
    line.split('·').next().map(str::to_owned)
}

fn pointed_elsewhere(before: &Screen) -> Effect {
    let before = pointed(before);
    Box::new(move |screen| before.is_some() && pointed(screen) != before)
}

fn moved(before: &Screen, by: i64) -> Effect {
    let wanted = cursor(before).map(|vm| vm + by);
    Box::new(move |screen| wanted.is_some() && cursor(screen) == wanted)
}

fn beyond(before: &Screen, by: i64) -> Effect {
    let from = cursor(before).unwrap_or_default();
    Box::new(move |screen| cursor(screen).is_some_and(|vm| if by > 0 { vm >= from + by } else { vm <= from + by }))
}

/// The screen shows a text.
pub fn says(text: &'static str) -> Effect {
    Box::new(move |screen| screen.contents().contains(text))
}

fn says_not(text: &'static str) -> Effect {
    Box::new(move |screen| !screen.contents().contains(text))
}

/// So many cells differ, in text or style. Between two keys loads change far fewer than a panel has.
fn changed(before: &Screen, cells: usize) -> Effect {
    let before = before.clone();
    Box::new(move |screen| {
        let (rows, columns) = screen.size();
        let all = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        all.filter(|&(y, x)| screen.cell(y, x) != before.cell(y, x)).take(cells).count() == cells
    })
}
