//! Themes: which style each part of the screen has.
//!
//! A theme is a TOML file of `role = "FG on BG modifiers"` under `[style]`, with names for colours under `[palette]`.
//! Colours are `#rrggbb`, an index of the 256 (`"243"`), one of the sixteen by name, or a name from the palette.
//! `inherit = "light"` takes over another theme, and changes it role by role and colour by colour.

use ratatui::style::{Modifier, Style};

use super::color::ColorLevel;
use super::config::ConfigError;
use super::library::{Library, Shelf, Text};

mod file;
#[cfg(test)]
mod sight;

use file::Layer;

macro_rules! roles {
    ($($variant:ident $name:literal $mono:ident $doc:literal;)*) => {
        /// A part of the screen that has a style of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Role {
            $(#[doc = $doc] $variant,)*
        }

        /// Every role: its name in theme files, the modifier that it has where there are no colours, what it is for.
        pub const ROLES: &[(Role, &str, Modifier, &str)] =
            &[$((Role::$variant, $name, $mono, $doc),)*];
    };
}

const NONE: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const REVERSED: Modifier = Modifier::REVERSED;
const UNDERLINED: Modifier = Modifier::UNDERLINED;

roles! {
    Text "text" NONE "Plain text, and the background of the screen.";
    Dim "dim" NONE "What matters less: units, hints, empty figures.";
    Strong "strong" BOLD "What is to be read first.";
    Brand "brand" BOLD "The program's name.";
    Bar "bar" NONE "The lines at the top and at the bottom.";
    Border "border" NONE "Borders of panels without the focus.";
    Focus "focus" BOLD "Borders of the panel with the focus.";
    Title "title" BOLD "Titles of panels.";
    Column "column" UNDERLINED "Names of columns.";
    Cursor "cursor" REVERSED "The row under the cursor in the panel with the focus.";
    Resting "resting" NONE "The row under the cursor elsewhere.";
    Mark "mark" BOLD "Marked rows.";
    Ok "ok" NONE "Up, reachable, done.";
    Busy "busy" NONE "Under way.";
    Wait "wait" NONE "Waiting, paused, off.";
    Warn "warn" BOLD "What may need somebody.";
    Error "error" BOLD "What failed.";
    Heat0 "heat0" NONE "Load up to an eighth.";
    Heat1 "heat1" NONE "Load up to two eighths.";
    Heat2 "heat2" NONE "Load up to three eighths.";
    Heat3 "heat3" NONE "Load up to four eighths.";
    Heat4 "heat4" NONE "Load up to five eighths.";
    Heat5 "heat5" NONE "Load up to six eighths.";
    Heat6 "heat6" NONE "Load up to seven eighths.";
    Heat7 "heat7" NONE "Load above seven eighths.";
    Over "over" BOLD "Demand over capacity.";
    Pointed "pointed" REVERSED "The heatmap's cell under the cursor.";
    Done "done" NONE "The done part of a progress bar.";
    Track "track" NONE "The rest of a progress bar.";
    Key "key" BOLD "Keys in hints.";
    Hint "hint" NONE "What keys do in hints.";
    Popup "popup" NONE "Background and text of dialogs.";
    PopupBorder "popup-border" BOLD "Borders of dialogs.";
    Danger "danger" BOLD "Borders and titles of dialogs about what is hard to undo.";
    Field "field" UNDERLINED "Text fields.";
    FieldFocus "field-focus" REVERSED "The text field that is typed into.";
    Button "button" NONE "Buttons.";
    ButtonFocus "button-focus" REVERSED "The button that Enter presses.";
    Off "off" NONE "What cannot be used now.";
}

/// What a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// Terminals with a dark background.
    #[default]
    Dark,
    /// Terminals with a light background.
    Light,
    /// Either.
    Any,
}

impl Background {
    /// All of them with their names in files.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Dark, "dark"), (Self::Light, "light"), (Self::Any, "any")];

    /// Its name in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Any => "any",
        }
    }
}

/// The styles of all roles.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// The background that it is made for.
    pub background: Background,
    /// The files that it came from, the oldest ancestor first.
    pub files: Vec<String>,
    styles: Vec<Style>,
}

/// Themes that are built in.
pub(crate) const SHELF: Shelf = Shelf {
    folder: "themes",
    what: "theme",
    built_in: &[
        ("dark", include_str!("../../themes/dark.toml")),
        ("light", include_str!("../../themes/light.toml")),
        ("high-contrast", include_str!("../../themes/high-contrast.toml")),
        ("okabe-ito", include_str!("../../themes/okabe-ito.toml")),
        ("tritan", include_str!("../../themes/tritan.toml")),
        ("ansi16", include_str!("../../themes/ansi16.toml")),
        ("mono", include_str!("../../themes/mono.toml")),
    ],
};

impl Theme {
    /// Names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHELF.built_in.iter().map(|(name, _)| *name)
    }

    /// A theme of the library by its name, the user's before the built-in one, or the theme in the file of that path.
    ///
    /// # Errors
    /// Where neither exists, or the file says what cannot be understood.
    pub fn load(library: &Library, name_or_path: &str, level: ColorLevel) -> Result<Self, ConfigError> {
        Self::of(library.load(&SHELF, name_or_path)?, level)
    }

    /// Reads a theme. Roles that neither it nor what it inherits names have those of the dark theme.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(library: &Library, file: &str, text: &str, level: ColorLevel) -> Result<Self, ConfigError> {
        Self::of(library.with_ancestors(&SHELF, Text { file: file.to_owned(), text: text.to_owned() })?, level)
    }

    fn of(texts: Vec<Text>, level: ColorLevel) -> Result<Self, ConfigError> {
        let mut styles = vec![Style::new(); ROLES.len()];
        // What nobody names is as in the dark theme; its names of colours stay its own.
        let dark = Text { file: "themes/dark.toml".into(), text: SHELF.built_in[0].1.into() };
        let dark = Layer::read(&dark)?;
        dark.paint(&mut styles, &dark.palette)?;
        let layers: Vec<Layer<'_>> = texts.iter().map(Layer::read).collect::<Result<_, _>>()?;
        let (mut palette, mut background, mut about) = (file::Palette::new(), Background::Dark, String::new());
        for layer in &layers {
            palette.extend(layer.palette.iter().map(|(name, color)| (name.clone(), *color)));
            background = layer.background.unwrap_or(background);
            about = layer.about.clone().unwrap_or(about);
        }
        for layer in &layers {
            layer.paint(&mut styles, &palette)?;
        }
        for (role, _, mono, _) in ROLES {
            let style = &mut styles[*role as usize];
            // With few colours a row's background tint would be lost or garish: its modifier stands in for it.
            if level == ColorLevel::None || (level == ColorLevel::Ansi16 && mono.contains(Modifier::REVERSED)) {
                *style = Style { fg: None, bg: None, ..*style }.add_modifier(*mono);
            } else if level == ColorLevel::Ansi16 && !matches!(role, Role::Over | Role::Text) {
                style.bg = None;
            }
        }
        let last = layers.last().unwrap_or(&dark);
        let name = last.name.clone().unwrap_or_else(|| last.source.name.to_owned());
        Ok(Self { name, about, background, styles, files: texts.into_iter().map(|text| text.file).collect() })
    }

    /// The style of a part of the screen.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The style of a heat level from 0 to 7.
    pub fn heat(&self, level: u8) -> Style {
        self.styles[Role::Heat0 as usize + usize::from(level.min(7))]
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    fn parse(text: &str) -> Result<Theme, ConfigError> {
        Theme::parse(&Library::default(), "my.toml", text, ColorLevel::True)
    }

    #[test]
    fn built_in_themes_name_every_role() {
        for (name, text) in SHELF.built_in {
            let theme = Theme::load(&Library::default(), name, ColorLevel::True).unwrap();
            assert_eq!(theme.name, *name);
            assert!(theme.about.ends_with('.'), "{name}: `about` is no sentence");
            for (_, role, ..) in ROLES {
                assert!(text.lines().any(|l| l.split('=').next().unwrap().trim() == *role), "{name}: {role}");
            }
        }
    }

    #[test]
    fn mistakes_name_line_and_nearest() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert_eq!(error("[style]\n\ncursr = \"red\""), "my.toml:3: unknown role `cursr`, did you mean `cursor`?");
        assert!(
            error("[style]\ncursor = \"inkk\"\n[palette]\nink = \"#ffffff\"")
                .starts_with("my.toml:2: unknown colour or modifier `inkk`, did you mean `ink`?")
        );
        assert!(error("[palette]\na = \"#12\"").starts_with("my.toml:2: `#12` is not a colour"));
        assert!(error("[style]\ncursor = 3").starts_with("my.toml:2: found integer, expected a text"));
        assert!(error("[stile]\n").starts_with("my.toml:1: unknown key `stile`, did you mean `style`?"));
        assert!(error("style = 3\n").starts_with("my.toml:1: found integer, expected a table"));
        assert!(error("\nbackground = \"drak\"").starts_with("my.toml:2: unknown background `drak`, did you mean"));
        assert!(error("[style\n").starts_with("my.toml:1: "));
        assert!(error("inherit = \"drak\"\n").starts_with("my.toml:1: unknown theme `drak`, did you mean `dark`?"));
    }

    #[test]
    fn a_theme_inherits_role_by_role_and_colour_by_colour() {
        let light = Theme::load(&Library::default(), "light", ColorLevel::True).unwrap();
        let theme =
            parse("inherit = \"light\"\n[palette]\ngreen = \"#123456\"\n[style]\nerror = \"underline green\"").unwrap();
        assert_eq!(theme.background, Background::Light);
        assert_eq!(theme.style(Role::Text), light.style(Role::Text));
        assert_eq!(theme.style(Role::Ok).fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
        assert_eq!(theme.style(Role::Error), Style::new().fg(Color::Rgb(0x12, 0x34, 0x56)).underlined());
    }

    #[test]
    fn without_colours_the_cursor_is_reversed() {
        let theme = Theme::load(&Library::default(), "dark", ColorLevel::None).unwrap();
        let cursor = theme.style(Role::Cursor);
        assert!(cursor.add_modifier.contains(Modifier::REVERSED));
        assert_eq!((cursor.fg, cursor.bg), (None, None));
    }

    #[test]
    fn the_mono_theme_is_what_every_theme_is_without_colours() {
        let mono = Theme::load(&Library::default(), "mono", ColorLevel::True).unwrap();
        for (role, name, modifier, _) in ROLES {
            assert_eq!(mono.style(*role), Style::new().add_modifier(*modifier), "{name}");
        }
    }
}
