//! Settings: one list of them, where each can be set, and which value counts. A flag goes before the environment, the
//! environment before the configuration file, the file before the default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{ConfigError, read};
use super::library::Library;
use super::template::{Placeholder, Template};

mod file;
mod kind;
mod sample;
#[cfg(test)]
mod tests;

pub use kind::{Kind, Value};
pub use sample::sample;

/// Something that can be set.
#[derive(Debug)]
pub struct Setting {
    /// Its name in configuration files, with its table: `theme`, `ssh.host`.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its value where nobody sets it, as in a file.
    pub default: &'static str,
    /// The variable that sets it.
    pub variable: &'static str,
    /// The flag that sets it, where there is one.
    pub flag: Option<&'static str>,
    /// What it does, in sentences.
    pub doc: &'static str,
}

impl Setting {
    /// The table that it stands in.
    pub(crate) fn table(&self) -> Option<&'static str> {
        self.key.split_once('.').map(|(table, _)| table)
    }
}

macro_rules! settings {
    ($($variant:ident $key:literal $kind:expr, $default:literal, $variable:literal, $flag:expr, $doc:literal;)*) => {
        /// Every setting by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Key {
            $(#[doc = $doc] $variant,)*
        }

        /// Every key, in the order of [`SETTINGS`].
        const KEYS: &[Key] = &[$(Key::$variant,)*];

        /// Every setting, in the order of [`Key`].
        pub static SETTINGS: &[Setting] = &[$(Setting {
            key: $key, kind: $kind, default: $default, variable: $variable, flag: $flag, doc: $doc,
        },)*];
    };
}

settings! {
    Theme "theme" Kind::Name("a theme's name or file"), "\"auto\"", "HEMERA_THEME", Some("--theme"),
        "The theme: a built-in one, a file, or the name of a file in `themes/` beside this one. `auto`: dark or light after the terminal's background, `ansi16` with 16 colours, `mono` without.";
    Keymap "keymap" Kind::Name("a keymap's name or file"), "\"default\"", "HEMERA_KEYMAP", Some("--keymap"),
        "The keymap: a built-in one, a file, or the name of a file in `keymaps/` beside this one.";
    Ascii "ascii" Kind::SwitchOrAuto, "\"auto\"", "HEMERA_ASCII", Some("--ascii"),
        "Draw with ASCII characters only. `auto`: where the locale is not UTF-8, or the terminal lacks the signs.";
    Colors "colors" Kind::Choice(&["auto", "none", "16", "256", "true"]), "\"auto\"", "HEMERA_COLORS", Some("--colors"),
        "Colours that the terminal has. `auto`: after `NO_COLOR`, `COLORTERM` and `TERM`.";
    Background "background" Kind::Choice(&["auto", "dark", "light"]), "\"auto\"", "HEMERA_BACKGROUND", Some("--background"),
        "The terminal's background, for the theme `auto`. `auto`: after `COLORFGBG`, else the terminal is asked.";
    Mouse "mouse" Kind::Switch, "true", "HEMERA_MOUSE", Some("--mouse"),
        "Use the mouse. Without, the terminal's own selecting works.";
    Locale "locale" Kind::Locale, "\"auto\"", "HEMERA_LOCALE", Some("--locale"),
        "How numbers and dates are written. `auto`: after `LC_ALL`, `LC_NUMERIC`, `LC_TIME` and `LANG`. Files are not touched by it.";
    ReadOnly "read_only" Kind::Switch, "false", "HEMERA_READ_ONLY", Some("--read-only"),
        "Look, change nothing.";
    ConfirmAbove "confirm_above" Kind::Count(1_000_000), "100", "HEMERA_CONFIRM_ABOVE", Some("--confirm-above"),
        "Destroy and reboot of more VMs than this want the count typed.";
    World "world" Kind::Name("a world's name or file"), "\"grid5000-2012\"", "HEMERA_WORLD", Some("--world"),
        "The world: a built-in one (grid5000-2012, grid5000-2026, small, faulty), or a file.";
    Speed "speed" Kind::Speed, "1", "HEMERA_SPEED", Some("--speed"),
        "How many times as fast as real time the simulator's clock runs.";
    SshHost "ssh.host" Kind::Template(&[Placeholder::Host, Placeholder::Site, Placeholder::Cluster]), "\"ssh root@{host}\"", "HEMERA_SSH_HOST", None,
        "The command that opens a shell on a host.";
    SshVm "ssh.vm" Kind::Template(&[Placeholder::Vm, Placeholder::Host, Placeholder::Site, Placeholder::Cluster]), "\"ssh root@{vm}\"", "HEMERA_SSH_VM", None,
        "The command that opens a shell in a VM.";
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file, and the line from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line in it, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
    /// It was chosen in this console.
    Console,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => write!(f, "${variable}"),
            Self::Flag(flag) => f.write_str(flag),
            Self::Console => f.write_str("chosen here"),
        }
    }
}

/// A setting's value that counts, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The setting's name in configuration files.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// Who set it.
    pub origin: Origin,
    /// What an `auto` has come to.
    pub means: Option<String>,
}

/// What goes before the configuration file, weakest first: it stays when the file changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides(Vec<(Key, Value, Origin)>);

impl Overrides {
    /// What the environment says, by a function that looks variables up.
    ///
    /// # Errors
    /// With the name of the variable that says what cannot be understood.
    pub fn from_env(var: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut overrides = Self::default();
        for (key, setting) in KEYS.iter().zip(SETTINGS) {
            if let Some(text) = var(setting.variable).filter(|text| !text.is_empty()) {
                overrides.add(*key, &text, Origin::Environment(setting.variable), setting.variable)?;
            }
        }
        Ok(overrides)
    }

    /// Adds what a flag says.
    ///
    /// # Errors
    /// With the name of the flag where it says what cannot be understood.
    pub fn flag(&mut self, key: Key, text: Option<&str>) -> Result<(), ConfigError> {
        let flag = SETTINGS[key as usize].flag.unwrap_or_default();
        text.map_or(Ok(()), |text| self.add(key, text, Origin::Flag(flag), flag))
    }

    /// Adds what was chosen in this console.
    pub(crate) fn choose(&mut self, key: Key, value: Value) {
        self.0.retain(|(other, _, origin)| *other != key || *origin != Origin::Console);
        self.0.push((key, value, Origin::Console));
    }

    fn add(&mut self, key: Key, text: &str, origin: Origin, name: &str) -> Result<(), ConfigError> {
        let value = SETTINGS[key as usize].kind.read(text);
        let value = value.map_err(|problem| ConfigError { file: name.to_owned(), line: 0, problem })?;
        self.0.push((key, value, origin));
        Ok(())
    }
}

/// All settings with the values that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Each setting in the order of [`SETTINGS`], then what the file's free tables say.
    pub all: Vec<Effective>,
    /// The configuration file that was read.
    pub path: Option<PathBuf>,
    /// Saved filters by name.
    pub filters: BTreeMap<String, String>,
    /// Commands by the short word that stands for them.
    pub aliases: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let all = SETTINGS.iter().map(|setting| Effective {
            key: setting.key.to_owned(),
            value: setting.kind.read(setting.default.trim_matches('"')).expect("defaults are held right by a test"),
            origin: Origin::Default,
            means: None,
        });
        let (filters, aliases) = Default::default();
        Self { all: all.collect(), path: None, filters, aliases }
    }
}

impl Settings {
    /// Reads the configuration: `config` where it is given, else `config.toml` of the library where there is one.
    ///
    /// # Errors
    /// Where the file cannot be read, or with the line of the first thing in it that cannot be understood.
    pub fn read(library: &Library, config: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let path = config.map(Path::to_owned).or_else(|| library.file("config.toml"));
        let text = path.as_deref().map_or(Ok(String::new()), read)?;
        let mut settings = Self::parse(&path.clone().unwrap_or_default(), &text)?;
        settings.path = path;
        for (key, value, origin) in &overrides.0 {
            let effective = &mut settings.all[*key as usize];
            (effective.value, effective.origin) = (value.clone(), origin.clone());
        }
        Ok(settings)
    }

    /// What the text of a configuration file alone says.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file = file::parse(path, text)?;
        let mut settings = Self::default();
        for (index, effective) in file.set {
            settings.all[index] = effective;
        }
        settings.all.extend(file.free);
        Ok(Self { filters: file.filters, aliases: file.aliases, ..settings })
    }

    /// The value of a setting and where it comes from.
    pub fn get(&self, key: Key) -> &Effective {
        &self.all[key as usize]
    }

    /// The text of a setting; empty where it has another kind of value.
    pub fn text(&self, key: Key) -> &str {
        match &self.get(key).value {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// Whether a setting is switched on; none for `auto`.
    pub fn switch(&self, key: Key) -> Option<bool> {
        match self.get(key).value {
            Value::Switch(on) => Some(on),
            _ => None,
        }
    }

    /// The VMs above which destroy and reboot want the count typed.
    pub fn confirm_above(&self) -> usize {
        match self.get(Key::ConfirmAbove).value {
            Value::Count(n) => n as usize,
            _ => usize::MAX,
        }
    }

    /// How many times as fast as real time the simulator's clock runs.
    pub fn speed(&self) -> f64 {
        match self.get(Key::Speed).value {
            Value::Number(n) => n,
            _ => 1.0,
        }
    }

    /// The command of a setting that holds one.
    pub fn template(&self, key: Key) -> Option<Template> {
        match SETTINGS[key as usize].kind {
            Kind::Template(places) => Template::parse(self.text(key), places).ok(),
            _ => None,
        }
    }

    /// Says of a name that does not exist who named it: the line of the file, the variable or the flag.
    pub fn blame(&self, key: Key, problem: &str) -> ConfigError {
        let named = |file: &str, line| ConfigError { file: file.to_owned(), line, problem: problem.to_owned() };
        match &self.get(key).origin {
            Origin::File { path, line } => named(&path.display().to_string(), *line),
            Origin::Environment(variable) => named(variable, 0),
            Origin::Flag(flag) => named(flag, 0),
            Origin::Default | Origin::Console => named(SETTINGS[key as usize].key, 0),
        }
    }

    /// The same of an error about what a setting names; mistakes inside of a file are told as they are.
    pub(crate) fn blamed(&self, key: Key, name: &str, error: ConfigError) -> ConfigError {
        if error.file == name && error.line == 0 { self.blame(key, &error.problem) } else { error }
    }

    /// Says what an `auto` has come to.
    pub(crate) fn tell(&mut self, key: Key, means: impl Into<String>) {
        let effective = &mut self.all[key as usize];
        effective.means = (effective.value == Value::Text("auto".into())).then(|| means.into());
    }
}
