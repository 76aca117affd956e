//! What a setting can be: the values that it takes, and how they are read and written.

use std::fmt;

use toml::Spanned;
use toml::de::DeValue;

use crate::console::config::unknown;
use crate::console::locale::Locale;
use crate::console::template::{Placeholder, Template};

/// The values that a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text; what it names, for people.
    Name(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// `true`, `false`, or `"auto"`.
    SwitchOrAuto,
    /// A whole number up to this.
    Count(u32),
    /// How many times as fast as real time.
    Speed,
    /// A locale's name, or `"auto"`.
    Locale,
    /// A command with these places.
    Template(&'static [Placeholder]),
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, or a word of a choice.
    Text(String),
    /// On or off.
    Switch(bool),
    /// A whole number.
    Count(u32),
    /// A number.
    Number(f64),
}

/// As in a configuration file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Count(n) => write!(f, "{n}"),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

/// The fastest and slowest that a simulated clock runs.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1e6;

impl Kind {
    /// What it takes, for people.
    pub fn expected(self) -> String {
        match self {
            Self::Name(what) => what.into(),
            Self::Choice(words) => format!("`\"{}\"`", words.join("\"`, `\"")),
            Self::Switch => "`true` or `false`".into(),
            Self::SwitchOrAuto => "`\"auto\"`, `true` or `false`".into(),
            Self::Count(most) => format!("a whole number from 0 to {most}"),
            Self::Speed => "a number from 0.001 to 1000000".into(),
            Self::Locale => "`\"auto\"` or a locale's name, as in `\"fr_FR\"`".into(),
            Self::Template(places) => {
                let places: Vec<String> = places.iter().map(|place| format!("`{{{}}}`", place.word())).collect();
                format!("a command with {}", places.join(" or "))
            }
        }
    }

    /// Reads what a flag or a variable says.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn read(self, text: &str) -> Result<Value, String> {
        let switch = match text {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        };
        let wrong = || Err(format!("found `{text}`, expected {}", self.expected().replace('`', "")));
        match self {
            Self::Name(_) if text.is_empty() => wrong(),
            Self::Name(_) => Ok(Value::Text(text.into())),
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.into())),
            Self::Choice(words) => Err(unknown("value", text, words.iter().copied())),
            Self::SwitchOrAuto if text == "auto" => Ok(Value::Text(text.into())),
            Self::Switch | Self::SwitchOrAuto => switch.map_or_else(wrong, |on| Ok(Value::Switch(on))),
            Self::Count(most) => match text.parse::<u32>() {
                Ok(n) if n <= most => Ok(Value::Count(n)),
                _ => wrong(),
            },
            Self::Speed => match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
                Ok(n) if SPEEDS.contains(&n) => Ok(Value::Number(n)),
                _ => wrong(),
            },
            Self::Locale => match Locale::named(text) {
                _ if text == "auto" => Ok(Value::Text(text.into())),
                Some(_) => Ok(Value::Text(text.into())),
                None => Err(format!("`{text}` is no locale, expected something like fr_FR, en_GB or C")),
            },
            Self::Template(places) => match Template::parse(text, places) {
                Ok(_) if text.trim().is_empty() => wrong(),
                Ok(_) => Ok(Value::Text(text.into())),
                Err(error) => Err(error.problem),
            },
        }
    }

    /// Reads what a file says.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(super) fn read_toml(self, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
        let found = value.get_ref();
        let wrong = || Err(format!("found {}, expected {}", found.type_str(), self.expected().replace('`', "")));
        match (self, found) {
            (Self::Switch | Self::Count(_), DeValue::String(_)) => wrong(),
            (Self::SwitchOrAuto, DeValue::String(text)) if text.as_ref() != "auto" => wrong(),
            (_, DeValue::String(text)) => self.read(text),
            (Self::Switch | Self::SwitchOrAuto, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            // A number of colours may stand without quotes.
            (Self::Count(_) | Self::Speed | Self::Choice(_), DeValue::Integer(n)) => self.read(&n.to_string()),
            (Self::Speed, DeValue::Float(n)) => self.read(n.as_str()),
            _ => wrong(),
        }
    }
}
