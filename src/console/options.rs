//! How the console looks and what it may do, by flags, environment and files.

use std::path::PathBuf;
use std::sync::Arc;

use super::background;
use super::clipboard::Multiplexer;
use super::color::ColorLevel;
use super::config::ConfigError;
use super::demo::Demo;
use super::library::Library;
use super::live::Look;
use super::locale::Locale;
use super::settings::{Key, Overrides, Settings};
use super::theme::Background;

/// How the console looks and what it may do.
#[derive(Debug, Clone)]
pub struct Options {
    /// A theme's name or a file's path, or `auto`.
    pub theme: String,
    /// A keymap's name or a file's path.
    pub keymap: String,
    /// Where themes, keymaps and plugins are found by name.
    pub library: Library,
    /// Draw with ASCII alone.
    pub ascii: bool,
    /// Colours of the terminal.
    pub color: ColorLevel,
    /// The terminal's background, where it is known.
    pub background: Option<Background>,
    /// How numbers and dates are written.
    pub locale: Locale,
    /// Use the mouse.
    pub mouse: bool,
    /// Show everything, change nothing.
    pub read_only: bool,
    /// Every setting, where what stands above comes from.
    pub settings: Settings,
    /// The configuration file that was given by name.
    pub config: Option<PathBuf>,
    /// What goes before the configuration file.
    pub overrides: Overrides,
    /// The folder of what is remembered from one console to the next; none: nothing is.
    pub state: Option<PathBuf>,
    /// What stands between the console and the terminal.
    pub multiplexer: Multiplexer,
    /// The demo that is played at the start, and how many times as fast as its own pace.
    pub demo: Option<(Arc<Demo>, f64)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            theme: "dark".into(),
            keymap: "default".into(),
            library: Library::default(),
            ascii: false,
            color: ColorLevel::default(),
            background: None,
            locale: Locale::default(),
            mouse: true,
            read_only: false,
            settings: Settings::default(),
            config: None,
            overrides: Overrides::default(),
            state: None,
            multiplexer: Multiplexer::default(),
            demo: None,
        }
    }
}

impl Options {
    /// Options by the configuration: flags before the environment, that before the file (`config`, else the one of the
    /// user's library), that before what is built in.
    ///
    /// # Errors
    /// Where the file cannot be read, or with the line of the first thing in it that cannot be understood.
    pub fn read(
        config: Option<PathBuf>,
        overrides: Overrides,
        var: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let library = Library::from_env(var);
        let settings = Settings::read(&library, config.as_deref(), &overrides)?;
        Ok(Self {
            theme: settings.text(Key::Theme).to_owned(),
            keymap: settings.text(Key::Keymap).to_owned(),
            library,
            ascii: settings.switch(Key::Ascii).unwrap_or_else(|| ascii_by(var)),
            color: ColorLevel::named(settings.text(Key::Colors)).unwrap_or_else(|| ColorLevel::from_env(var)),
            background: background::told(var),
            locale: locale_by(&settings, var),
            mouse: settings.switch(Key::Mouse).unwrap_or(true),
            read_only: settings.switch(Key::ReadOnly).unwrap_or(false),
            settings,
            config,
            overrides,
            state: state_dir(var),
            multiplexer: Multiplexer::from_env(var),
            demo: None,
        })
    }

    /// Checks that all files that it names can be understood.
    ///
    /// # Errors
    /// With the line of the first thing that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        Look::new(self).map(drop)
    }
}

/// Whether only ASCII can be drawn: where the locale is not UTF-8, or on terminals whose fonts lack most signs.
pub(super) fn ascii_by(var: &impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| var(name).filter(|v| !v.is_empty()));
    let utf8 = locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    });
    let term = var("TERM").unwrap_or_default();
    !utf8
        || ["linux", "dumb", "unknown", ""].contains(&term.as_str())
        || term.starts_with("vt")
        || term.starts_with("cons")
}

/// The locale that the settings name, else that of the environment.
pub(super) fn locale_by(settings: &Settings, var: &impl Fn(&str) -> Option<String>) -> Locale {
    Locale::named(settings.text(Key::Locale)).unwrap_or_else(|| Locale::from_env(var))
}

/// `$XDG_STATE_HOME/hemera`, else `~/.local/state/hemera`.
fn state_dir(var: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // As its specification says, a relative XDG_STATE_HOME is as good as none.
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    state.or_else(|| set("HOME").map(|home| home.join(".local/state"))).map(|dir| dir.join("hemera"))
}
