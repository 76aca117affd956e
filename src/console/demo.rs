//! Demo scripts: what is typed, what is awaited, what is said about it.
//!
//! A demo is a TOML file of a world and of steps (`demos/` has those that are built in). A step's `keys` are typed one after
//! another: words are separated by blanks, a word between `<` and `>` is one key as keymaps write it (`<enter>`, `<ctrl-u>`,
//! `<space>`, `<lt>` for the sign itself), any other word is typed letter by letter. `wait` is a text that must come on the
//! screen before the demo goes on, `gone` one that must go; `hold` is how long it stays then.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::config::{ConfigError, Source, read, unknown};
use crate::fleet::Span;

/// A key that is typed, and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press {
    pub key: KeyEvent,
    /// The key's name; none for a letter of a longer word.
    pub name: Option<&'static str>,
    /// Whether a word begins with it.
    pub first: bool,
}

/// What must be before a demo goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// This text is on the screen.
    There(String),
    /// It is no longer on the screen.
    Gone(String),
}

/// A step of a demo.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub caption: String,
    pub keys: Vec<Press>,
    pub wait: Option<Awaited>,
    pub hold: Duration,
}

/// A demo: the world that it is for and what happens in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Demo {
    /// Its name.
    pub name: String,
    /// The world that it is made for.
    pub world: String,
    /// VMs that run already.
    pub vms: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// How many times as fast as real time the simulator's clock runs.
    pub speed: f64,
    /// What is said at the end.
    pub(crate) end: String,
    pub(crate) steps: Vec<Step>,
}

/// Demos that are built in, the one that is played where none is named first.
const BUILT_IN: [(&str, &str); 1] = [("first", include_str!("../../demos/first.toml"))];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    world: String,
    #[serde(default)]
    vms: u32,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "real")]
    speed: f64,
    end: String,
    step: Vec<RawStep>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    caption: String,
    keys: Option<toml::Spanned<String>>,
    wait: Option<String>,
    gone: Option<String>,
    hold: Option<toml::Spanned<String>>,
}

const fn one() -> u64 {
    1
}

const fn real() -> f64 {
    1.0
}

impl Demo {
    /// Names of the built-in demos.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in demo by its name, or the demo in the file of that path.
    ///
    /// # Errors
    /// Where neither exists, or the file says what cannot be understood.
    pub fn load(name_or_path: &str) -> Result<Self, ConfigError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("demos/{name}.toml"), text);
        }
        if !name_or_path.contains(['/', '.']) {
            let problem = unknown("demo", name_or_path, Self::names());
            return Err(ConfigError { file: name_or_path.to_owned(), line: 0, problem });
        }
        Self::parse(name_or_path, &read(name_or_path.as_ref())?)
    }

    /// Reads a demo.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let source = Source { name: file, text };
        let raw: Raw = toml::from_str(text).map_err(|error| source.toml(&error))?;
        if !(0.001..=1e6).contains(&raw.speed) {
            return Err(source.error(&(0..0), "speed: expected a number from 0.001 to 1000000"));
        }
        let mut steps = Vec::new();
        for step in raw.step {
            let hold = match &step.hold {
                None => Duration::ZERO,
                Some(hold) => {
                    let span: Result<Span, _> = hold.get_ref().parse();
                    span.map_err(|error| source.error(&hold.span(), error.to_string()))?.0
                }
            };
            let keys = match &step.keys {
                None => Vec::new(),
                Some(keys) => presses(keys.get_ref()).map_err(|problem| source.error(&keys.span(), problem))?,
            };
            let wait = step.wait.map(Awaited::There).or(step.gone.map(Awaited::Gone));
            steps.push(Step { caption: step.caption, keys, wait, hold });
        }
        let Raw { name, world, vms, seed, speed, end, .. } = raw;
        Ok(Self { name, world, vms, seed, speed, end, steps })
    }
}

/// Names of keys as they are shown.
const SHOWN: [(KeyCode, &str); 14] = [
    (KeyCode::Enter, "Enter"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::BackTab, "shift-Tab"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageDown, "PgDn"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Char(' '), "Space"),
];

/// Reads keys as demos write them.
fn presses(text: &str) -> Result<Vec<Press>, String> {
    let mut keys = Vec::new();
    for word in text.split_whitespace() {
        if let Some(name) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')).filter(|name| !name.is_empty()) {
            let key = match name {
                "lt" => KeyEvent::new(KeyCode::Char('<'), KeyModifiers::NONE),
                "space" => KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE),
                name => {
                    let key = crokey::parse(name).map_err(|_| format!("`{word}` is not a key"))?;
                    KeyEvent::new(*key.codes.first(), key.modifiers)
                }
            };
            let name = SHOWN.iter().find(|(code, _)| *code == key.code).map(|(_, name)| *name);
            keys.push(Press { key, name, first: true });
            continue;
        }
        for (i, c) in word.chars().enumerate() {
            let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
            keys.push(Press { key, name: None, first: i == 0 });
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_demos_are_sound() {
        for name in Demo::names() {
            let demo = Demo::load(name).unwrap();
            assert!(!demo.steps.is_empty(), "{name}");
            assert!(crate::world::World::built_in().any(|world| world == demo.world), "{name}: {}", demo.world);
        }
    }

    #[test]
    fn keys_are_words_and_names() {
        let codes = |text| presses(text).unwrap().iter().map(|press| press.key.code).collect::<Vec<_>>();
        assert_eq!(codes("b <tab> 20"), [KeyCode::Char('b'), KeyCode::Tab, KeyCode::Char('2'), KeyCode::Char('0')]);
        assert_eq!(codes("<lt> <space> > <"), "< ><".chars().map(KeyCode::Char).collect::<Vec<_>>());
        assert_eq!(presses("<ctrl-u>").unwrap()[0].key.modifiers, KeyModifiers::CONTROL);
        assert_eq!(presses("<entr>").unwrap_err(), "`<entr>` is not a key");
    }

    #[test]
    fn mistakes_name_their_line() {
        let error = |text: &str| Demo::parse("my.toml", text).unwrap_err().to_string();
        let head = "name = \"x\"\nworld = \"small\"\nend = \"\"\n[[step]]\ncaption = \"\"\n";
        assert_eq!(error(&format!("{head}keys = \"<foo>\"")), "my.toml:6: `<foo>` is not a key");
        assert!(error(&format!("{head}hold = \"2 parsecs\"")).starts_with("my.toml:6: "));
        assert!(error(&format!("{head}hodl = \"2 s\"")).starts_with("my.toml:6: unknown field `hodl`"));
        assert!(error("name = 3").starts_with("my.toml:1: "));
        assert!(Demo::load("frist").unwrap_err().to_string().contains("did you mean `first`"));
    }
}
