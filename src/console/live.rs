//! Another look while the console runs: themes and keymaps are switched, changed files are read again.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::app::{App, Tone};
use super::background;
use super::color::ColorLevel;
use super::config::ConfigError;
use super::glyphs::{self, Glyphs};
use super::keymap::{self, Keymap};
use super::library::Library;
use super::locale::Locale;
use super::plugins::Plugin;
use super::settings::{Key, Origin, Overrides, Settings, Value};
use super::theme::{self, Background, Theme};
use super::watch::Watch;
use super::{Options, from_env};

#[cfg(test)]
mod tests;

/// How the console looks, and what it was configured by.
pub(crate) struct Look {
    pub theme: Theme,
    pub glyphs: &'static Glyphs,
    pub keymap: Keymap,
    /// Every setting and where it comes from.
    pub settings: Settings,
    /// The user's own commands.
    pub plugins: Vec<Plugin>,
    library: Library,
    /// The file given by a flag.
    config: Option<PathBuf>,
    overrides: Overrides,
    level: ColorLevel,
    locale: Locale,
    /// The theme and keymap as they were asked for; the theme may be `auto`.
    theme_name: String,
    keymap_name: String,
    /// What the terminal's background is, as far as it is known.
    background: Option<Background>,
    /// The theme to come back to from a preview, and the name of what is shown.
    preview: Option<(Theme, String)>,
    watch: Option<Watch>,
    /// When each file that counts was last written.
    stamps: Vec<Option<SystemTime>>,
}

/// What counts from the next start on only.
const AT_START: [Key; 5] = [Key::World, Key::Speed, Key::Colors, Key::ReadOnly, Key::Mouse];

/// The theme that `auto` stands for.
fn automatic(level: ColorLevel, background: Option<Background>) -> &'static str {
    match (level, background) {
        (ColorLevel::None, _) => "mono",
        (ColorLevel::Ansi16, _) => "ansi16",
        (_, Some(Background::Light)) => "light",
        _ => "dark",
    }
}

impl Look {
    /// Reads what the options name.
    pub(crate) fn new(options: &Options) -> Result<Self, ConfigError> {
        let background = background_set(&options.settings).or(options.background);
        let name = if options.theme == "auto" { automatic(options.color, background) } else { &options.theme };
        let blamed = |key: Key, name: &str| {
            let name = name.to_owned();
            move |error| options.settings.blamed(key, &name, error)
        };
        let theme = Theme::load(&options.library, name, options.color).map_err(blamed(Key::Theme, name))?;
        let keymap = Keymap::load(&options.library, &options.keymap);
        let keymap = keymap.map_err(blamed(Key::Keymap, &options.keymap))?;
        let plugins = Plugin::load(&options.library)?;
        Plugin::check(&plugins, &keymap)?;
        let mut look = Self {
            theme,
            glyphs: glyphs_for(options.ascii),
            keymap,
            settings: options.settings.clone(),
            plugins,
            library: options.library.clone(),
            config: options.config.clone(),
            overrides: options.overrides.clone(),
            level: options.color,
            locale: options.locale,
            theme_name: options.theme.clone(),
            keymap_name: options.keymap.clone(),
            background,
            preview: None,
            watch: None,
            stamps: Vec::new(),
        };
        look.tell();
        look.stamps = look.stamps();
        Ok(look)
    }

    /// How many colours there are.
    pub(crate) const fn level(&self) -> ColorLevel {
        self.level
    }

    /// Whether the halves of a sign can be told apart: it takes a half block and colours.
    pub(crate) fn tells_halves(&self) -> bool {
        self.level != ColorLevel::None && self.glyphs.upper != self.glyphs.lower
    }

    /// Makes numbers and dates of this thread those of the look's locale.
    pub(crate) fn speak(&self) {
        self.locale.enter();
    }

    /// Whether the terminal's background decides the theme and nobody knows it.
    pub(crate) fn wonders(&self) -> bool {
        self.theme_name == "auto" && self.background.is_none() && self.level > ColorLevel::Ansi16
    }

    /// Has changes of the files told.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
        self.cover();
    }

    fn cover(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let mut folders: Vec<PathBuf> = Vec::new();
        if let Some(dir) = self.library.dir() {
            folders.extend([dir.to_owned(), dir.join(theme::SHELF.folder), dir.join(keymap::SHELF.folder)]);
        }
        // What is built in has no path that exists, and no folder to be watched.
        let files = self.theme.files.iter().chain(&self.keymap.files).map(Path::new).chain(self.config.as_deref());
        folders.extend(files.filter(|file| file.exists()).filter_map(|file| file.parent().map(Path::to_owned)));
        watch.cover(folders.iter().map(PathBuf::as_path));
    }

    /// Names of all themes: the built-in ones, then the user's.
    pub(crate) fn themes(&self) -> Vec<String> {
        self.library.names(&theme::SHELF)
    }

    /// Names of all keymaps: the built-in ones, then the user's.
    pub(crate) fn keymaps(&self) -> Vec<String> {
        self.library.names(&keymap::SHELF)
    }

    fn load_theme(&self, name: &str) -> Result<Theme, ConfigError> {
        let name = if name == "auto" { automatic(self.level, self.background) } else { name };
        Theme::load(&self.library, name, self.level)
    }

    /// Says what each `auto` has come to.
    fn tell(&mut self) {
        let ascii = std::ptr::eq(self.glyphs, &raw const glyphs::ASCII);
        let background = self.background.unwrap_or_default().word();
        self.settings.tell(Key::Theme, self.theme.name.clone());
        self.settings.tell(Key::Ascii, ascii.to_string());
        self.settings.tell(Key::Colors, self.level.word());
        self.settings.tell(Key::Background, background);
        self.settings.tell(Key::Locale, self.locale.count(10_240));
    }

    /// When each file that counts was last written: those that were read, and those that would go before them.
    fn stamps(&self) -> Vec<Option<SystemTime>> {
        let mut files: Vec<PathBuf> = self.theme.files.iter().chain(&self.keymap.files).map(PathBuf::from).collect();
        files.extend(self.config.clone());
        if let Some(dir) = self.library.dir() {
            files.extend([dir.join("config.toml"), dir.join("plugins.toml")]);
            for (shelf, name) in [(theme::SHELF, &self.theme_name), (keymap::SHELF, &self.keymap_name)] {
                files.push(dir.join(shelf.folder).join(format!("{name}.toml")));
            }
        }
        files.iter().map(|file| file.metadata().and_then(|meta| meta.modified()).ok()).collect()
    }

    /// Reads everything again and takes over what has changed; what cannot be understood stays as it was. Says whether
    /// anything had been written at all, or what went wrong.
    fn reload(&mut self) -> Result<bool, ConfigError> {
        // A folder that is new is watched from now on, before one looks whether anything is in it already.
        self.cover();
        let stamps = self.stamps();
        if stamps == self.stamps {
            return Ok(false);
        }
        self.stamps = stamps;
        let settings = Settings::read(&self.library, self.config.as_deref(), &self.overrides)?;
        let before = std::mem::replace(&mut self.settings, settings);
        for key in AT_START {
            // The list says what is, not what will be.
            self.settings.all[key as usize] = before.get(key).clone();
        }
        let mut result = self.reload_look(&before);
        // A keymap that could not be read again still has the keys of the plugins before.
        if !self.keymap.has_own() {
            let plugins = Plugin::load(&self.library);
            match plugins.and_then(|plugins| Plugin::check(&plugins, &self.keymap).map(|()| plugins)) {
                Ok(plugins) => self.plugins = plugins,
                Err(error) => result = result.and(Err(error)),
            }
        }
        self.tell();
        self.cover();
        // Other files may count now. After a mistake any file may be what was missing.
        self.stamps = if result.is_ok() { self.stamps() } else { Vec::new() };
        result.map(|()| true)
    }

    /// Takes over what the settings say now about how the console looks.
    fn reload_look(&mut self, before: &Settings) -> Result<(), ConfigError> {
        let changed = |look: &Self, key: Key| look.settings.get(key).value != before.get(key).value;
        if changed(self, Key::Background) {
            self.background = background_set(&self.settings).or_else(|| background::told(&from_env));
        }
        if changed(self, Key::Ascii) {
            self.glyphs =
                glyphs_for(self.settings.switch(Key::Ascii).unwrap_or_else(|| super::options::ascii_by(&from_env)));
        }
        if changed(self, Key::Locale) {
            self.locale = super::options::locale_by(&self.settings, &from_env);
        }
        let name = |look: &Self, key: Key, old: &String| {
            if changed(look, key) { look.settings.text(key).to_owned() } else { old.clone() }
        };
        let theme_name = name(self, Key::Theme, &self.theme_name);
        let theme = self.load_theme(&theme_name).map_err(|e| self.settings.blamed(Key::Theme, &theme_name, e));
        let theme = theme.map(|theme| (self.theme, self.theme_name, self.preview) = (theme, theme_name, None));
        let keymap_name = name(self, Key::Keymap, &self.keymap_name);
        let keymap = Keymap::load(&self.library, &keymap_name);
        let keymap = keymap.map_err(|e| self.settings.blamed(Key::Keymap, &keymap_name, e));
        let keymap = keymap.map(|keymap| (self.keymap, self.keymap_name) = (keymap, keymap_name));
        for (key, failed) in [(Key::Theme, theme.is_err()), (Key::Keymap, keymap.is_err())] {
            if failed {
                self.settings.all[key as usize] = before.get(key).clone();
            }
        }
        theme.and(keymap)
    }

    /// Sets a setting for the rest of this console, whatever its files say.
    fn choose(&mut self, key: Key, name: &str) {
        let value = Value::Text(name.to_owned());
        self.overrides.choose(key, value.clone());
        let effective = &mut self.settings.all[key as usize];
        (effective.value, effective.origin) = (value, Origin::Console);
        self.tell();
        self.cover();
        self.stamps = self.stamps();
    }
}

impl App {
    /// Switches to a theme, of the library or a file, or says why not.
    pub(crate) fn set_theme(&mut self, name: &str) {
        if self.preview_theme(name) {
            self.end_preview(true);
            self.note = Some((Tone::Good, format!("theme {}", self.look.theme.name)));
        }
    }

    /// Shows a theme until the preview ends; says why not and leaves what is shown where it cannot be loaded.
    pub(crate) fn preview_theme(&mut self, name: &str) -> bool {
        self.dirty = true;
        match self.look.load_theme(name) {
            Ok(theme) => {
                let before = std::mem::replace(&mut self.look.theme, theme);
                let before = self.look.preview.take().map_or(before, |(before, _)| before);
                self.look.preview = Some((before, name.to_owned()));
                true
            }
            Err(error) => {
                self.note = Some((Tone::Bad, error.to_string()));
                false
            }
        }
    }

    /// Keeps the theme that is previewed, or goes back to the one before.
    pub(crate) fn end_preview(&mut self, keep: bool) {
        let Some((before, name)) = self.look.preview.take() else { return };
        self.dirty = true;
        if keep {
            self.look.theme_name.clone_from(&name);
            self.look.choose(Key::Theme, &name);
        } else {
            self.look.theme = before;
        }
    }

    /// Switches to a keymap, of the library or a file, or says why not.
    pub(crate) fn set_keymap(&mut self, name: &str) {
        self.dirty = true;
        let keymap = Keymap::load(&self.look.library, name);
        match keymap.and_then(|keymap| Plugin::check(&self.look.plugins, &keymap).map(|()| keymap)) {
            Ok(keymap) => {
                self.keys.clear();
                self.note = Some((Tone::Good, format!("keymap {}", keymap.name)));
                self.look.keymap = keymap;
                name.clone_into(&mut self.look.keymap_name);
                self.look.choose(Key::Keymap, name);
            }
            Err(error) => self.note = Some((Tone::Bad, error.to_string())),
        }
    }

    /// The theme after the one that is shown.
    pub(crate) fn next_theme(&mut self) {
        let name = next(&self.look.themes(), &self.look.theme.name);
        self.set_theme(&name);
    }

    /// The keymap after the one that counts.
    pub(crate) fn next_keymap(&mut self) {
        let name = next(&self.look.keymaps(), &self.look.keymap_name);
        self.set_keymap(&name);
    }

    /// Reads the configuration again after one of its files has changed.
    pub(crate) fn reload(&mut self) {
        match self.look.reload() {
            Ok(false) => return,
            Ok(true) => {
                let now = jiff::Zoned::now();
                let said = self.look.locale.time(&now);
                let plain = said.is_ascii() || std::ptr::eq(self.look.glyphs, &raw const glyphs::UNICODE);
                let now = if plain { said } else { Locale::default().time(&now) };
                self.note = Some((Tone::Good, format!("configuration read again at {now}")));
            }
            Err(error) => self.note = Some((Tone::Bad, error.to_string())),
        }
        self.habits.saved.configure(&self.look.settings.filters);
        self.take_own_again();
        self.keys.clear();
        self.dirty = true;
    }

    /// Takes what the terminal says about its background, where that decides the theme.
    pub(crate) fn see_background(&mut self, background: Background) {
        if self.look.wonders() && self.look.preview.is_none() {
            self.look.background = Some(background);
            if let Ok(theme) = self.look.load_theme("auto") {
                self.look.theme = theme;
                self.look.tell();
                self.dirty = true;
            }
        }
    }
}

/// What follows a name in a list, the first after the last.
fn next(names: &[String], name: &str) -> String {
    let at = names.iter().position(|other| other == name).map_or(0, |i| i + 1);
    names[at % names.len()].clone()
}

/// The background that the settings say.
fn background_set(settings: &Settings) -> Option<Background> {
    match settings.text(Key::Background) {
        "dark" => Some(Background::Dark),
        "light" => Some(Background::Light),
        _ => None,
    }
}

fn glyphs_for(ascii: bool) -> &'static Glyphs {
    if ascii { &glyphs::ASCII } else { &glyphs::UNICODE }
}
