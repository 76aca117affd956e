//! A terminal's screen as an SVG picture: every cell at its own place, blocks and braille as shapes, so that no font
//! can shift a line.

use std::fmt::Write as _;

const CELL: (f32, f32) = (8.4, 17.0);
const FONT: f32 = 14.0;
const FOREGROUND: &str = "#d0d0d0";

/// The 16 colours of a terminal, as most terminals have them.
const ANSI: [&str; 16] = [
    "#1c1c1c", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666", "#f14c4c",
    "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
];

fn color(color: vt100::Color, default: &str) -> String {
    match color {
        vt100::Color::Default => default.to_owned(),
        vt100::Color::Idx(i @ 0..16) => ANSI[usize::from(i)].to_owned(),
        vt100::Color::Idx(i @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let i = i - 16;
            format!("#{:02x}{:02x}{:02x}", level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        vt100::Color::Idx(i) => {
            let grey = 8 + 10 * (i - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

/// The parts of a cell that a block element fills, in eighths from its left and its bottom: x0, x1, y0, y1.
fn block(c: char) -> Option<(u32, u32, u32, u32)> {
    let code = c as u32;
    match code {
        0x2580 => Some((0, 8, 4, 8)),
        0x2581..=0x2588 => Some((0, 8, 0, code - 0x2580)),
        0x2589..=0x258F => Some((0, 8 - (code - 0x2588), 0, 8)),
        0x2590 => Some((4, 8, 0, 8)),
        _ => None,
    }
}

/// What stands in a line in one style: words with their columns. Signs beyond ASCII stand alone, as no font can be relied
/// upon to make them as wide as letters.
type Written = std::collections::BTreeMap<(String, &'static str, &'static str), Vec<(u16, String)>>;

/// Puts a sign into a style's words.
fn put(words: &mut Vec<(u16, String)>, column: u16, text: &str) {
    match words.last_mut() {
        Some((from, word)) if word.is_ascii() && text.is_ascii() && *from + word.len() as u16 == column => {
            word.push_str(text);
        }
        _ => words.push((column, text.to_owned())),
    }
}

/// The screen as an SVG document on a ground of this colour.
pub(crate) fn svg(screen: &vt100::Screen, ground: &str) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = size(columns, rows);
    let mut shapes = Shapes::default();
    let mut texts = String::new();
    for row in 0..rows {
        let mut written = Written::new();
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else { continue };
            let (x, y) = (f32::from(column) * CELL.0, f32::from(row) * CELL.1);
            let mut fore = color(cell.fgcolor(), FOREGROUND);
            let mut back = color(cell.bgcolor(), ground);
            if cell.inverse() {
                std::mem::swap(&mut fore, &mut back);
            }
            if back != ground {
                shapes.add(Shape { x, y, width: CELL.0, height: CELL.1, fill: back, opacity: 1.0 });
            }
            let text = cell.contents();
            let Some(c) = text.chars().next().filter(|c| !c.is_whitespace()) else { continue };
            if let Some((x0, x1, y0, y1)) = block(c) {
                let part = |n: u32, whole: f32| n as f32 * whole / 8.0;
                let (x, y) = (x + part(x0, CELL.0), y + CELL.1 - part(y1, CELL.1));
                let (width, height) = (part(x1 - x0, CELL.0), part(y1 - y0, CELL.1));
                shapes.add(Shape { x, y, width, height, fill: fore, opacity: 1.0 });
            } else if matches!(c, '\u{2591}'..='\u{2593}') {
                let opacity = 0.25 * (c as u32 - 0x2590) as f32;
                shapes.add(Shape { x, y, width: CELL.0, height: CELL.1, fill: fore, opacity });
            } else {
                let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
                let dim = if cell.dim() { " opacity=\"0.6\"" } else { "" };
                put(written.entry((fore, weight, dim)).or_default(), column, text);
            }
        }
        let base = f32::from(row + 1) * CELL.1 - 4.0;
        for ((fore, weight, dim), words) in written {
            write!(texts, "<text y=\"{base:.1}\" fill=\"{fore}\"{weight}{dim}>").expect("writing to a string");
            for (column, word) in words {
                let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let x = f32::from(column) * CELL.0;
                write!(texts, "<tspan x=\"{x:.1}\">{word}</tspan>").expect("writing to a string");
            }
            texts.push_str("</text>\n");
        }
    }
    let shapes = shapes.drawn();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{ground}\"/>\n{shapes}\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"{FONT}\">\n{texts}</g>\n</svg>\n"
    )
}

/// A filled part of a line.
struct Shape {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    fill: String,
    opacity: f32,
}

/// Shapes from left to right; those that go on beside one another in the same colour are one.
#[derive(Default)]
struct Shapes {
    done: String,
    last: Option<Shape>,
}

impl Shapes {
    fn add(&mut self, shape: Shape) {
        let near = |a: f32, b: f32| (a - b).abs() < 0.01;
        match &mut self.last {
            Some(last)
                if near(last.x + last.width, shape.x)
                    && near(last.y, shape.y)
                    && near(last.height, shape.height)
                    && (&last.fill, last.opacity) == (&shape.fill, shape.opacity) =>
            {
                last.width += shape.width;
            }
            last => {
                if let Some(before) = last.replace(shape) {
                    draw(&mut self.done, &before);
                }
            }
        }
    }

    fn drawn(mut self) -> String {
        if let Some(last) = &self.last {
            draw(&mut self.done, last);
        }
        self.done
    }
}

fn draw(into: &mut String, shape: &Shape) {
    rectangle(into, shape.x, shape.y, shape.width, shape.height, &shape.fill, shape.opacity);
}

fn rectangle(into: &mut String, x: f32, y: f32, width: f32, height: f32, fill: &str, opacity: f32) {
    let opacity = if opacity < 1.0 { format!(" opacity=\"{opacity}\"") } else { String::new() };
    writeln!(
        into,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{fill}\"{opacity}/>",
        width + 0.1
    )
    .expect("writing to a string");
}

/// The size of a picture of so many columns and rows.
pub(crate) fn size(columns: u16, rows: u16) -> (f32, f32) {
    (f32::from(columns) * CELL.0, f32::from(rows) * CELL.1)
}

/// A line of the screen at the top of a picture, as few shapes and texts as its styles allow; empty where nothing is.
pub(crate) fn line(screen: &vt100::Screen, row: u16, ground: &str) -> String {
    let mut out = String::new();
    let (_, columns) = screen.size();
    let mut column = 0;
    while column < columns {
        let (look, first) = self::look(screen, row, column, ground);
        let mut text = String::from(first);
        let from = column;
        column += 1;
        while column < columns {
            let (next, more) = self::look(screen, row, column, ground);
            // Shapes stand alone: no font draws them alike everywhere.
            if next != look || block(more).is_some() || block(text.chars().next_back().unwrap_or(' ')).is_some() {
                break;
            }
            text.push(more);
            column += 1;
        }
        run(&mut out, from, &text, &look, ground);
    }
    out
}

/// How a cell is painted: ink, paper, bold.
type Style = (String, String, bool);

fn look(screen: &vt100::Screen, row: u16, column: u16, ground: &str) -> (Style, char) {
    let Some(cell) = screen.cell(row, column) else { return ((FOREGROUND.into(), ground.into(), false), ' ') };
    let mut ink = color(cell.fgcolor(), FOREGROUND);
    let mut paper = color(cell.bgcolor(), ground);
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut paper);
    }
    let sign = cell.contents().chars().next().unwrap_or(' ');
    // Blanks look the same in any ink.
    if sign == ' ' { ((FOREGROUND.into(), paper, false), ' ') } else { ((ink, paper, cell.bold()), sign) }
}

fn run(out: &mut String, column: u16, text: &str, (ink, paper, bold): &Style, ground: &str) {
    let x = f32::from(column) * CELL.0;
    let width = text.chars().count() as f32 * CELL.0;
    if paper != ground {
        rectangle(out, x, 0.0, width, CELL.1, paper, 1.0);
    }
    if let Some((x0, x1, y0, y1)) = text.chars().next().and_then(block) {
        let part = |n: u32, whole: f32| n as f32 * whole / 8.0;
        let (left, top) = (x + part(x0, CELL.0), CELL.1 - part(y1, CELL.1));
        rectangle(out, left, top, part(x1 - x0, CELL.0), part(y1 - y0, CELL.1), ink, 1.0);
        return;
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"13\" fill=\"{ink}\"{weight} textLength=\"{width:.1}\" xml:space=\"preserve\">{escaped}</text>"
    )
    .expect("writing to a string");
}
