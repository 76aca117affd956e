//! Is the terminal dark or light? `COLORFGBG` says so, or the terminal itself is asked, without waiting for it.
//!
//! The question is OSC 11, its answer is taken out of what is typed by [`Input`](super::input::Input) whenever it comes, so
//! that a terminal on a slow line leaves nothing behind, and one that never answers costs nothing: the first frame does
//! not wait.

use super::theme::Background;

/// The question for the colour of the background.
pub(super) const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// What `COLORFGBG` says: `15;0`, `0;default;15`, the background last, as an index of the sixteen.
pub(super) fn told(var: &impl Fn(&str) -> Option<String>) -> Option<Background> {
    let index: u8 = var("COLORFGBG")?.rsplit(';').next()?.trim().parse().ok()?;
    match index {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

/// Whether the terminal may be asked: those that would show the question, or swallow it, are not.
pub(super) fn may_ask(var: &impl Fn(&str) -> Option<String>) -> bool {
    let term = var("TERM").unwrap_or_default();
    let mute = ["linux", "dumb", "screen", "vt", "cons", "ansi", "sun", "unknown"];
    let screen = var("STY").is_some_and(|v| !v.is_empty());
    !term.is_empty() && !screen && !mute.iter().any(|name| term.starts_with(name))
}

/// What `11;rgb:1e1e/1e1e/1e1e` is: light where it is nearer to white than to black.
pub(super) fn shade(answer: &str) -> Option<Background> {
    let (_, components) = answer.split_once(':')?;
    let mut shares = components.split('/').map(|hex| {
        let most = 16u32.checked_pow(hex.len() as u32)?.checked_sub(1).filter(|most| *most > 0)?;
        Some(f64::from(u32::from_str_radix(hex, 16).ok()?) / f64::from(most))
    });
    let (red, green, blue) = (shares.next()??, shares.next()??, shares.next()??);
    // Luma as ITU-R BT.601 weighs it.
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    Some(if luma > 0.5 { Background::Light } else { Background::Dark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_first() {
        let told = |value: &'static str| super::told(&|_: &str| Some(value.to_owned()));
        assert_eq!(told("15;0"), Some(Background::Dark));
        assert_eq!(told("0;default;15"), Some(Background::Light));
        assert_eq!(told("0;7"), Some(Background::Light));
        assert_eq!((told("default;default"), told("")), (None, None));
        assert_eq!(super::told(&|_: &str| None), None);
    }

    #[test]
    fn terminals_that_would_show_the_question_are_not_asked() {
        let asked =
            |term: &str, sty: &str| may_ask(&|name: &str| Some(if name == "TERM" { term } else { sty }.to_owned()));
        assert!(asked("xterm-256color", "") && asked("tmux-256color", "") && asked("foot", ""));
        for term in ["", "linux", "dumb", "screen", "screen-256color", "vt100"] {
            assert!(!asked(term, ""), "{term}");
        }
        assert!(!asked("xterm-256color", "1234.pts-0.host"));
    }

    #[test]
    fn answers_are_light_or_dark() {
        assert_eq!(shade("11;rgb:1e1e/1e1e/1e1e"), Some(Background::Dark));
        assert_eq!(shade("11;rgb:ffff/ffff/ffff"), Some(Background::Light));
        assert_eq!(shade("11;rgb:fd/f6/e3"), Some(Background::Light));
        assert_eq!(shade("11;rgba:0000/2b2b/3636/ffff"), Some(Background::Dark));
        assert_eq!((shade("11;rgb:"), shade("11;rgb:zz/00/00"), shade("11")), (None, None, None));
    }
}
