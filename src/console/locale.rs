//! How people of a place write numbers and dates, after glibc's data.
//!
//! What is drawn goes through the locale of the drawing thread; files never do. Only ASCII is used to group numbers, on
//! whatever terminal: narrow blanks of the data become blanks.

use std::cell::Cell;

use jiff::Zoned;
use jiff::fmt::strtime;
use pure_rust_locales::{Locale as Data, locale_match};

/// How numbers and dates are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Locale {
    thousands: &'static str,
    decimal: &'static str,
    /// Sizes of the groups of digits from the right; the last one goes on.
    grouping: &'static [i64],
    /// Whose words and order dates have; ISO 8601 without.
    dates: Option<Data>,
}

/// Where nobody says how: `10 240`, `1.5`, `2026-11-22`.
const PLAIN: Locale = Locale { thousands: " ", decimal: ".", grouping: &[3], dates: None };

impl Default for Locale {
    fn default() -> Self {
        PLAIN
    }
}

thread_local! {
    static HERE: Cell<Locale> = const { Cell::new(PLAIN) };
}

/// The data of `fr_FR.UTF-8`, `sr_RS@latin`, `fr`; none for unknown names, and for `C` and its kin.
fn data(name: &str) -> Option<Data> {
    let (base, modifier) = name.split_once('@').map_or((name, ""), |(base, modifier)| (base, modifier));
    let base = base.split('.').next().unwrap_or_default();
    let known = |name: &str| name.parse::<Data>().ok();
    known(&format!("{base}@{modifier}"))
        .or_else(|| known(base))
        .or_else(|| known(&format!("{base}_{}", base.to_uppercase())))
        .filter(|data| *data != Data::POSIX)
}

impl Locale {
    /// The locale of that name; none for unknown names.
    pub fn named(name: &str) -> Option<Self> {
        let plain = ["C", "POSIX"].contains(&name.split('.').next().unwrap_or_default());
        if plain { Some(PLAIN) } else { data(name).map(|data| Self::of(Some(data), Some(data))) }
    }

    /// What the environment says, by a function that looks variables up: `LC_ALL`, then `LC_NUMERIC` and `LC_TIME`,
    /// then `LANG`. What it says and nobody knows counts as nothing.
    pub fn from_env(var: &impl Fn(&str) -> Option<String>) -> Self {
        let of = |own: &str| {
            let set = ["LC_ALL", own, "LANG"].iter().find_map(|name| var(name).filter(|value| !value.is_empty()));
            set.and_then(|name| data(&name))
        };
        Self::of(of("LC_NUMERIC"), of("LC_TIME"))
    }

    fn of(numbers: Option<Data>, dates: Option<Data>) -> Self {
        let Some(numbers) = numbers else { return Self { dates, ..PLAIN } };
        Self {
            thousands: ascii(locale_match!(numbers => LC_NUMERIC::THOUSANDS_SEP)),
            decimal: ascii(locale_match!(numbers => LC_NUMERIC::DECIMAL_POINT)),
            grouping: locale_match!(numbers => LC_NUMERIC::GROUPING),
            dates,
        }
    }

    /// The locale of this thread.
    pub(crate) fn here() -> Self {
        HERE.get()
    }

    /// Makes it the locale of this thread.
    pub(crate) fn enter(self) {
        HERE.set(self);
    }

    /// A whole number with its digits in groups.
    pub fn count(&self, n: usize) -> String {
        let digits = n.to_string();
        let mut sizes = self.grouping.iter().copied();
        let mut size = sizes.next().unwrap_or(0);
        if self.thousands.is_empty() || size <= 0 {
            return digits;
        }
        let mut groups = Vec::new();
        let mut end = digits.len();
        while size > 0 && end > size as usize {
            groups.push(&digits[end - size as usize..end]);
            end -= size as usize;
            size = match sizes.next() {
                // The last size goes on, and so does the one before a 0; -1 ends the grouping.
                None | Some(0) => size,
                Some(next) => next,
            };
        }
        groups.push(&digits[..end]);
        groups.reverse();
        groups.join(self.thousands)
    }

    /// A number that was written with a point, such as `1.5 GiB`.
    pub fn decimal(&self, text: &str) -> String {
        if self.decimal == "." { text.to_owned() } else { text.replace('.', self.decimal) }
    }

    /// A day.
    pub fn date(&self, at: &Zoned) -> String {
        self.dates.map_or_else(|| iso("%Y-%m-%d", at), |data| expand(data, locale_match!(data => LC_TIME::D_FMT), at))
    }

    /// A time of day.
    pub fn time(&self, at: &Zoned) -> String {
        self.dates.map_or_else(|| iso("%H:%M:%S", at), |data| expand(data, locale_match!(data => LC_TIME::T_FMT), at))
    }

    /// A day and a time of it.
    pub fn date_time(&self, at: &Zoned) -> String {
        let whole = |data| expand(data, locale_match!(data => LC_TIME::D_T_FMT), at);
        self.dates.map_or_else(|| iso("%Y-%m-%d %H:%M:%S", at), whole)
    }
}

/// What stands for a separator where only ASCII is drawn.
fn ascii(separator: &'static str) -> &'static str {
    match separator {
        "\u{202f}" | "\u{a0}" => " ",
        "\u{2019}" => "'",
        "\u{66b}" => ".",
        "\u{66c}" => ",",
        other if other.is_ascii() => other,
        _ => " ",
    }
}

/// By jiff, which knows no languages; nothing for what it does not know.
fn iso(format: &str, at: &Zoned) -> String {
    strtime::format(format, at).unwrap_or_default()
}

/// A date after a format of glibc's data, with the words of that locale.
fn expand(data: Data, format: &str, at: &Zoned) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = String::new();
        let conversion = loop {
            match rest.next() {
                // Digits and years of other calendars are not drawn.
                Some('E' | 'O') => {}
                Some(flag @ ('-' | '_' | '0' | '^' | '#')) => flags.push(flag),
                other => break other,
            }
        };
        let Some(conversion) = conversion else { break };
        let weekday = at.weekday().to_sunday_zero_offset() as usize;
        let month = at.month() as usize - 1;
        let half = usize::from(at.hour() >= 12);
        let word = |words: &[&str], i: usize| words.get(i).copied().unwrap_or_default().to_owned();
        out += &match conversion {
            'a' => word(locale_match!(data => LC_TIME::ABDAY), weekday),
            'A' => word(locale_match!(data => LC_TIME::DAY), weekday),
            'b' | 'h' => word(locale_match!(data => LC_TIME::ABMON), month),
            'B' => word(locale_match!(data => LC_TIME::MON), month),
            'p' => word(locale_match!(data => LC_TIME::AM_PM), half),
            'P' => word(locale_match!(data => LC_TIME::AM_PM), half).to_lowercase(),
            'x' => expand(data, locale_match!(data => LC_TIME::D_FMT), at),
            'X' => expand(data, locale_match!(data => LC_TIME::T_FMT), at),
            'r' => iso("%I:%M:%S ", at) + &word(locale_match!(data => LC_TIME::AM_PM), half),
            other => iso(&format!("%{flags}{other}"), at),
        };
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Locale {
        Locale::named(name).unwrap()
    }

    #[test]
    fn numbers_are_grouped_as_in_the_place() {
        for (name, expected) in [
            ("C", "1 234 567"),
            ("C.UTF-8", "1 234 567"),
            ("POSIX", "1 234 567"),
            ("en_US.UTF-8", "1,234,567"),
            ("fr_FR.UTF-8", "1 234 567"),
            ("fr", "1 234 567"),
            ("de_DE@euro", "1.234.567"),
            ("de_CH", "1'234'567"),
            ("bn_BD", "12,34,567"),
            ("ja_JP", "1,234,567"),
        ] {
            assert_eq!(named(name).count(1_234_567), expected, "{name}");
        }
        assert_eq!(named("fr_FR").decimal("1.5 G"), "1,5 G");
        assert_eq!(named("en_GB").decimal("1.5 G"), "1.5 G");
        assert_eq!((PLAIN.count(0), PLAIN.count(999), PLAIN.count(1000)), ("0".into(), "999".into(), "1 000".into()));
        assert_eq!(Locale::named("xx_YY"), None);
    }

    #[test]
    fn every_locale_groups_with_ascii_alone_and_writes_every_date() {
        let at: Zoned = "2026-11-02T15:04:05+01:00[Europe/Paris]".parse().unwrap_or_else(|_| Zoned::now());
        let mut known = 0;
        for name in ["ar_EG", "fa_IR", "ps_AF", "my_MM", "th_TH", "ja_JP", "lzh_TW", "sr_RS@latin", "bg_BG", "uz_UZ"] {
            let Some(locale) = Locale::named(name) else { continue };
            known += 1;
            assert!(locale.count(1_234_567).is_ascii() && locale.decimal("1.5").is_ascii(), "{name}");
            for text in [locale.date(&at), locale.time(&at), locale.date_time(&at)] {
                assert!(!text.is_empty() && !text.contains('%'), "{name}: {text}");
            }
        }
        assert!(known >= 8);
    }

    #[test]
    fn dates_have_the_words_and_order_of_the_place() {
        let at = jiff::civil::date(2026, 2, 1).at(15, 4, 5, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!((PLAIN.date(&at), PLAIN.time(&at)), ("2026-02-01".into(), "15:04:05".into()));
        assert_eq!(PLAIN.date_time(&at), "2026-02-01 15:04:05");
        assert_eq!(named("fr_FR").date(&at), "01/02/2026");
        assert_eq!(named("fr_FR").date_time(&at), "dim. 01 févr. 2026 15:04:05 UTC");
        assert_eq!(named("en_US").date(&at), "02/01/2026");
        assert_eq!(named("en_US").time(&at), "03:04:05 PM");
        assert_eq!(named("de_DE").date(&at), "01.02.2026");
    }

    #[test]
    fn the_environment_says_which() {
        let from = |pairs: &[(&str, &str)]| {
            Locale::from_env(&|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(from(&[]), PLAIN);
        assert_eq!(from(&[("LANG", "fr_FR.UTF-8")]), named("fr_FR"));
        assert_eq!(from(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "C")]), PLAIN);
        assert_eq!(from(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "")]), named("fr_FR"));
        let mixed = from(&[("LANG", "en_US.UTF-8"), ("LC_NUMERIC", "de_DE.UTF-8")]);
        assert_eq!((mixed.count(1000), mixed.dates), ("1.000".into(), Some(Data::en_US)));
        assert_eq!(from(&[("LANG", "klingon")]), PLAIN);
    }
}
