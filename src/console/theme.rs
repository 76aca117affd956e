//! Themes: which style each part of the screen has.
//!
//! A theme is a TOML file of `role = "FG on BG modifiers"` under `[style]`, with names for colours under `[palette]`.
//! Colours are `#rrggbb`, an index of the 256 (`"243"`), one of the sixteen by name, or a name from the palette.

use std::collections::HashMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::DeTable;

use super::color::ColorLevel;
use super::config::{ConfigError, Source, unknown};

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

/// The styles of all roles.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

/// Themes that are built in.
const BUILT_IN: [(&str, &str); 2] =
    [("dark", include_str!("../../themes/dark.toml")), ("light", include_str!("../../themes/light.toml"))];

impl Theme {
    /// Names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in theme by its name, or the theme in the file of that path.
    ///
    /// # Errors
    /// Where neither exists, or the file says what cannot be understood.
    pub fn load(name_or_path: &str, level: ColorLevel) -> Result<Self, ConfigError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("themes/{name}.toml"), text, level);
        }
        if !name_or_path.contains(['/', '.']) {
            let problem = unknown("theme", name_or_path, Self::names());
            return Err(ConfigError { file: name_or_path.to_owned(), line: 0, problem });
        }
        Self::parse(name_or_path, &super::config::read(name_or_path.as_ref())?, level)
    }

    /// Reads a theme. Roles that it does not name have those of the dark theme.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(file: &str, text: &str, level: ColorLevel) -> Result<Self, ConfigError> {
        let source = Source { name: file, text };
        let mut styles = if text == BUILT_IN[0].1 {
            vec![Style::new(); ROLES.len()]
        } else {
            Self::parse("themes/dark.toml", BUILT_IN[0].1, ColorLevel::True)?.styles
        };
        let table = DeTable::parse(text).map_err(|e| source.toml(&e))?;
        let mut name = file.to_owned();
        let mut palette = HashMap::new();
        let mut sections: Vec<_> = table.get_ref().iter().collect();
        // The palette first, wherever it stands.
        sections.sort_by_key(|(key, _)| key.get_ref().as_ref() != "palette");
        for (key, value) in sections {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", v) if v.is_str() => v.as_str().unwrap_or_default().clone_into(&mut name),
                ("palette", v) if v.is_table() => {
                    for (colour, value) in v.as_table().into_iter().flatten() {
                        let text = string(&source, value)?;
                        let Ok(parsed) = Color::from_str(text) else {
                            return Err(source.error(&value.span(), not_a_color(text)));
                        };
                        palette.insert(colour.get_ref().to_string(), parsed);
                    }
                }
                ("style", v) if v.is_table() => {
                    for (role, value) in v.as_table().into_iter().flatten() {
                        let known = ROLES.iter().find(|(_, name, ..)| *name == role.get_ref().as_ref());
                        let Some((role, ..)) = known else {
                            let names = ROLES.iter().map(|(_, name, ..)| *name);
                            return Err(source.error(&role.span(), unknown("role", role.get_ref(), names)));
                        };
                        styles[*role as usize] =
                            style(string(&source, value)?, &palette).map_err(|e| source.error(&value.span(), e))?;
                    }
                }
                (other, _) => {
                    let problem = unknown("key", other, ["name", "palette", "style"]);
                    return Err(source.error(&key.span(), problem));
                }
            }
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
        Ok(Self { name, styles })
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

fn string<'a>(source: &Source<'_>, value: &'a Spanned<toml::de::DeValue<'_>>) -> Result<&'a str, ConfigError> {
    value.get_ref().as_str().ok_or_else(|| {
        source.error(&value.span(), format!("found {}, expected a text in quotes", value.get_ref().type_str()))
    })
}

fn not_a_color(found: &str) -> String {
    format!("`{found}` is not a colour: expected #rrggbb, 0 to 255, or a name such as red, lightblue, darkgray")
}

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// Reads `bold ink on paper`.
fn style(text: &str, palette: &HashMap<String, Color>) -> Result<Style, String> {
    let mut style = Style::new();
    let mut background = false;
    for word in text.split_whitespace() {
        if word == "on" {
            background = true;
        } else if let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
        } else {
            let color = match palette.get(word) {
                Some(color) => *color,
                None => Color::from_str(word).map_err(|_| {
                    let names = palette.keys().map(String::as_str).chain(MODIFIERS.iter().map(|(name, _)| *name));
                    format!("{}; {}", unknown("colour or modifier", word, names), not_a_color(word))
                })?,
            };
            style = if background { style.bg(color) } else { style.fg(color) };
        }
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_name_every_role() {
        for (name, text) in BUILT_IN {
            Theme::load(name, ColorLevel::True).unwrap();
            for (_, role, ..) in ROLES {
                assert!(text.lines().any(|l| l.split('=').next().unwrap().trim() == *role), "{name}: {role}");
            }
        }
    }

    #[test]
    fn mistakes_name_line_and_nearest() {
        let error = |text| Theme::parse("my.toml", text, ColorLevel::True).unwrap_err().to_string();
        assert_eq!(error("[style]\n\ncursr = \"red\""), "my.toml:3: unknown role `cursr`, did you mean `cursor`?");
        assert!(
            error("[style]\ncursor = \"inkk\"\n[palette]\nink = \"#ffffff\"")
                .starts_with("my.toml:2: unknown colour or modifier `inkk`, did you mean `ink`?")
        );
        assert!(error("[palette]\na = \"#12\"").starts_with("my.toml:2: `#12` is not a colour"));
        assert!(error("[style]\ncursor = 3").starts_with("my.toml:2: found integer, expected a text"));
        assert!(error("[stile]\n").starts_with("my.toml:1: unknown key `stile`, did you mean `style`?"));
        assert!(error("[style\n").starts_with("my.toml:1: "));
        assert!(Theme::load("drak", ColorLevel::True).unwrap_err().to_string().contains("did you mean `dark`"));
    }

    #[test]
    fn without_colours_the_cursor_is_reversed() {
        let theme = Theme::load("dark", ColorLevel::None).unwrap();
        let cursor = theme.style(Role::Cursor);
        assert!(cursor.add_modifier.contains(Modifier::REVERSED));
        assert_eq!((cursor.fg, cursor.bg), (None, None));
    }
}
