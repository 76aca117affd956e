//! Figures as the console writes them: short, of a steady width, and changing no oftener than they mean something.

use std::time::Duration;

use super::locale::Locale;
use crate::fleet::{Bytes, Span, Time};

/// Thousands apart, as in the place: `10 240`.
pub(crate) fn count(n: usize) -> String {
    Locale::here().count(n)
}

/// Count and noun: `1 VM`, `240 VMs`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// How long ago whole seconds `since` was. Exact below ten seconds, then in minutes, so that a still screen stays still.
pub(crate) fn age(now: Time, since: u32) -> String {
    let seconds = now.as_secs().saturating_sub(u64::from(since));
    match seconds {
        0..10 => format!("{seconds} s"),
        10..60 => "<1 m".into(),
        60..3600 => format!("{} m", seconds / 60),
        3600..86_400 => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A time of the run: `0:07`, `12:31`, `1:02:03`.
pub(crate) fn clock(at: Time) -> String {
    let s = at.as_secs();
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// A span as a person says it.
pub(crate) fn span(d: Duration) -> String {
    Locale::here().decimal(&Span(d).to_string())
}

/// For how long something has been so, steady while nothing changes.
pub(crate) fn steadily(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{} s", seconds / 10 * 10),
        60..3600 => format!("{} m", seconds / 60),
        _ => span(Duration::from_secs(seconds / 60 * 60)),
    }
}

/// MiB in at most five columns: `64 M`, `1.0 G`, `384 G`.
pub(crate) fn memory(mib: u32) -> String {
    if mib < 1000 {
        return format!("{mib} M");
    }
    let gib = f64::from(mib) / 1024.0;
    if gib < 9.95 { Locale::here().decimal(&format!("{gib:.1} G")) } else { format!("{gib:.0} G") }
}

/// KiB/s in at most seven columns: `12 MB/s`; nothing for none.
pub(crate) fn rate(kib: u32) -> String {
    if kib == 0 {
        String::new()
    } else {
        Locale::here().decimal(&crate::fleet::Rate(f64::from(kib) * 1024.0).to_string())
    }
}

/// Thousandths of a core as a share of `cores`, in whole percent.
pub(crate) fn percent(millicores: u32, cores: u32) -> u32 {
    if cores == 0 { 0 } else { (f64::from(millicores) / f64::from(cores) / 10.0).round() as u32 }
}

/// A share in percent as a bar of `width` cells; what is over a whole fills it.
pub(crate) fn bar(percent: u32, width: u16, glyphs: &super::glyphs::Glyphs) -> String {
    let eighths = (percent.min(100) * u32::from(width) * 8 / 100) as usize;
    let full = eighths / 8;
    let part = (eighths % 8).checked_sub(1).map_or("", |i| glyphs.eighths[i]);
    format!("{}{part}", glyphs.eighths[7].repeat(full))
}

/// MiB as an amount of data.
pub(crate) fn mib(mib: u32) -> String {
    amount(Bytes::mib(u64::from(mib)))
}

/// An amount of data: `1.5 GiB`.
pub(crate) fn amount(bytes: Bytes) -> String {
    Locale::here().decimal(&bytes.to_string())
}

/// A text in lines of at most `width` columns, broken between words.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// At most `width` columns of `text`, cut with `more` where it is longer.
pub(crate) fn cut(text: &str, width: usize, more: &str) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        out.push(c);
        used += w;
    }
    if width > 0 {
        out.push_str(more);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(count(10_240), "10 240");
        assert_eq!(count(1_000_000), "1 000 000");
        assert_eq!(count(7), "7");
        assert_eq!(counted(1, "VM"), "1 VM");
        assert_eq!(memory(64), "64 M");
        assert_eq!(memory(1024), "1.0 G");
        assert_eq!(memory(393_216), "384 G");
        assert_eq!(percent(1500, 2), 75);
        assert_eq!(cut("abcdef", 4, "…"), "abc…");
        assert_eq!(cut("abc", 0, "…"), "");
    }

    #[test]
    fn figures_are_written_as_in_the_place() {
        Locale::named("fr_FR").unwrap().enter();
        assert_eq!((memory(1536), mib(1536)), ("1,5 G".into(), "1,5 GiB".into()));
        assert_eq!(rate(1500), "1,5 MB/s");
        assert_eq!(span(Duration::from_millis(1500)), Span(Duration::from_millis(1500)).to_string().replace('.', ","));
        Locale::default().enter();
        assert_eq!(memory(1536), "1.5 G");
    }

    #[test]
    fn an_age_is_still_after_ten_seconds() {
        let at = |s: u64| Time(s * 1_000_000_000);
        assert_eq!(age(at(9), 0), "9 s");
        assert_eq!(age(at(10), 0), age(at(59), 0));
        assert_eq!(age(at(119), 0), "1 m");
        assert_eq!(age(at(3 * 3600 + 300), 0), "3 h 05");
        assert_eq!(age(at(1), 5), "0 s");
        assert_eq!(clock(at(3723)), "1:02:03");
    }
}
