//! How many colours the terminal has, and stepping colours down to what it has.

use ratatui::style::Color;

/// Colours that a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ColorLevel {
    /// None: bold and reverse carry what colour would.
    None,
    /// The sixteen that every colour terminal has.
    Ansi16,
    /// xterm's palette of 256.
    #[default]
    Ansi256,
    /// 24 bits.
    True,
}

impl ColorLevel {
    /// What the environment says, by a function that looks variables up: `NO_COLOR` (<https://no-color.org>),
    /// `COLORTERM`, then `TERM`.
    pub fn from_env(var: &impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| var(name).filter(|value: &String| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        // Glass terminals, and what says of itself that it has no colours.
        let grey = ["", "dumb", "unknown"].contains(&term.as_str())
            || term.starts_with("vt")
            || term.ends_with("-m")
            || term.ends_with("-mono");
        if set("NO_COLOR").is_some() || grey {
            return Self::None;
        }
        // GNU screen hands on COLORTERM of the terminal around it and then stumbles over 24 bits.
        let screen = set("STY").is_some() && set("TMUX").is_none();
        // So do the consoles of Linux and BSD where it came along, as by sudo or from a multiplexer.
        let console = term == "linux" || term.starts_with("cons");
        let rich = ["kitty", "alacritty", "foot", "wezterm", "ghostty", "direct"];
        let told = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        if !screen && !console && (told || rich.iter().any(|name| term.contains(name))) {
            Self::True
        } else if term.contains("256color") || term.starts_with("tmux") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }

    /// The level that a setting names; none for `auto`.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::None, Self::Ansi16, Self::Ansi256, Self::True].into_iter().find(|level| level.word() == word)
    }

    /// Its name in settings.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ansi16 => "16",
            Self::Ansi256 => "256",
            Self::True => "true",
        }
    }

    /// The colour of this level that is nearest to `color`.
    pub fn step(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Ansi256, Color::Rgb(r, g, b)) => Color::Indexed(to_256(r, g, b)),
            (Self::Ansi16, Color::Rgb(r, g, b)) => to_16(r, g, b),
            (Self::Ansi16, Color::Indexed(i)) if i >= 16 => {
                let (r, g, b) = from_256(i);
                to_16(r, g, b)
            }
            (_, c) => c,
        }
    }
}

/// Levels of xterm's 6 × 6 × 6 colour cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// xterm's default sixteen, in ANSI order, with the colours that ratatui names.
const SIXTEEN: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (60, 100, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 100, 100)),
    (Color::LightGreen, (100, 255, 100)),
    (Color::LightYellow, (255, 255, 100)),
    (Color::LightBlue, (130, 150, 255)),
    (Color::LightMagenta, (255, 100, 255)),
    (Color::LightCyan, (100, 255, 255)),
    (Color::White, (255, 255, 255)),
];

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    2 * d(a.0, b.0) + 4 * d(a.1, b.1) + 3 * d(a.2, b.2)
}

fn nearest_level(value: u8) -> u8 {
    (0..6u8).min_by_key(|&i| CUBE[usize::from(i)].abs_diff(value)).unwrap_or(0)
}

fn to_256(r: u8, g: u8, b: u8) -> u8 {
    let (cr, cg, cb) = (nearest_level(r), nearest_level(g), nearest_level(b));
    let cube = 16 + 36 * cr + 6 * cg + cb;
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
    if distance(from_256(grey), (r, g, b)) < distance(from_256(cube), (r, g, b)) { grey } else { cube }
}

fn from_256(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => SIXTEEN[usize::from(index)].1,
        16..232 => {
            let i = index - 16;
            let level = |n: u8| CUBE[usize::from(n)];
            (level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        _ => {
            let v = 8 + 10 * (index - 232);
            (v, v, v)
        }
    }
}

/// By hue first: a pale red is still red, while the nearest of the sixteen would be grey.
fn to_16(r: u8, g: u8, b: u8) -> Color {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    if max - min < 40 {
        // Whether a grey can be read depends on the background, which nobody knows: the terminal's own colour can.
        return Color::Reset;
    }
    let half = u16::midpoint(u16::from(max), u16::from(min)) as u8;
    match (r > half, g > half, b > half, max > 220 && min > 60) {
        (true, false, false, false) => Color::Red,
        (false, true, false, false) => Color::Green,
        (true, true, false, false) => Color::Yellow,
        (false, false, true, false) => Color::Blue,
        (true, false, true, false) => Color::Magenta,
        (false, true, true, false) => Color::Cyan,
        (true, false, false, true) => Color::LightRed,
        (false, true, false, true) => Color::LightGreen,
        (true, true, false, true) => Color::LightYellow,
        (false, false, true, true) => Color::LightBlue,
        (true, false, true, true) => Color::LightMagenta,
        (false, true, true, true) => Color::LightCyan,
        _ => Color::Gray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_keep_their_hue_on_the_way_down() {
        let red = Color::Rgb(224, 108, 117);
        assert_eq!(ColorLevel::True.step(red), red);
        assert_eq!(ColorLevel::Ansi256.step(red), Color::Indexed(168));
        assert_eq!(ColorLevel::Ansi16.step(red), Color::LightRed);
        assert_eq!(ColorLevel::None.step(red), Color::Reset);
        assert_eq!(ColorLevel::Ansi256.step(Color::Rgb(40, 40, 40)), Color::Indexed(235));
        assert_eq!(ColorLevel::Ansi16.step(Color::Indexed(196)), Color::Red);
    }
}
