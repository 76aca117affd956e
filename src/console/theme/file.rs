//! What a theme file says.

use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use toml::de::DeTable;

use super::{Background, ROLES, Role};
use crate::console::config::{ConfigError, Source, unknown};
use crate::console::library::Text;

/// Colours by name.
pub(super) type Palette = HashMap<String, Color>;

/// What one file says, without what it inherits.
pub(super) struct Layer<'a> {
    pub source: Source<'a>,
    pub name: Option<String>,
    pub about: Option<String>,
    pub background: Option<Background>,
    pub palette: Palette,
    /// Roles with their styles as they are written, and where.
    pub styles: Vec<(Role, String, Range<usize>)>,
}

/// Keys of a theme file.
const KEYS: [&str; 6] = ["name", "about", "background", "inherit", "palette", "style"];

impl<'a> Layer<'a> {
    pub(super) fn read(text: &'a Text) -> Result<Self, ConfigError> {
        let source = text.source();
        let table = DeTable::parse(&text.text).map_err(|e| source.toml(&e))?;
        let mut layer =
            Self { source, name: None, about: None, background: None, palette: Palette::new(), styles: Vec::new() };
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "name" => layer.name = Some(source.string(value)?.to_owned()),
                "about" => layer.about = Some(source.string(value)?.to_owned()),
                "background" => {
                    let text = source.string(value)?;
                    let known = Background::ALL.iter().find(|(_, name)| *name == text);
                    let (background, _) = known.ok_or_else(|| {
                        let names = Background::ALL.iter().map(|(_, name)| *name);
                        source.error(&value.span(), unknown("background", text, names))
                    })?;
                    layer.background = Some(*background);
                }
                // Read by the library.
                "inherit" => {}
                "palette" => layer.read_palette(source.table(value)?)?,
                "style" => layer.read_styles(source.table(value)?)?,
                other => return Err(source.error(&key.span(), unknown("key", other, KEYS))),
            }
        }
        Ok(layer)
    }

    /// Puts its styles in their places, with these names of colours.
    pub(super) fn paint(&self, styles: &mut [Style], palette: &Palette) -> Result<(), ConfigError> {
        for (role, text, span) in &self.styles {
            styles[*role as usize] = style(text, palette).map_err(|e| self.source.error(span, e))?;
        }
        Ok(())
    }

    fn read_palette(&mut self, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let text = self.source.string(value)?;
            let color = Color::from_str(text).map_err(|_| self.source.error(&value.span(), not_a_color(text)))?;
            self.palette.insert(name.get_ref().to_string(), color);
        }
        Ok(())
    }

    fn read_styles(&mut self, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (role, value) in table {
            let known = ROLES.iter().find(|(_, name, ..)| *name == role.get_ref().as_ref());
            let Some((found, ..)) = known else {
                let names = ROLES.iter().map(|(_, name, ..)| *name);
                return Err(self.source.error(&role.span(), unknown("role", role.get_ref(), names)));
            };
            self.styles.push((*found, self.source.string(value)?.to_owned(), value.span()));
        }
        Ok(())
    }
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
fn style(text: &str, palette: &Palette) -> Result<Style, String> {
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
