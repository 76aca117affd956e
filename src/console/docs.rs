//! The documentation that comes from the code: all actions, keys, themes and settings.

use std::fmt::Write;

use super::action::{self, Action};
use super::color::ColorLevel;
use super::config::ConfigError;
use super::keymap::{Context, Keymap};
use super::library::Library;
use super::settings::{SETTINGS, sample};
use super::template::Placeholder;
use super::theme::{ROLES, Theme};

/// Says above every file where it comes from.
const GENERATED: &str = "<!-- Made from the code by `hemera docs`; do not change it by hand. -->\n\n";

/// Every generated file: its name and its text.
///
/// # Errors
/// Where a built-in theme or keymap is wrong.
pub fn all() -> Result<[(&'static str, String); 5], ConfigError> {
    let library = Library::default();
    let keymaps: Vec<Keymap> = Keymap::names().map(|name| Keymap::load(&library, name)).collect::<Result<_, _>>()?;
    let themes = Theme::names().map(|name| Theme::load(&library, name, ColorLevel::True));
    let themes: Vec<Theme> = themes.collect::<Result<_, _>>()?;
    Ok([
        ("actions.md", actions(&keymaps)),
        ("keys.md", keys(&keymaps)),
        ("themes.md", theme_items(&themes)),
        ("settings.md", settings()),
        ("config.toml", sample()),
    ])
}

/// A row of a table.
fn row<S: AsRef<str>>(out: &mut String, cells: impl IntoIterator<Item = S>) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", cell.as_ref().replace('|', "\\|"));
    }
    out.push('\n');
}

fn head(out: &mut String, titles: &[String]) {
    row(out, titles);
    row(out, titles.iter().map(|_| "---"));
}

/// A key as code, also where it is a backtick.
fn code(key: &str) -> String {
    if key.contains('`') { format!("`` {key} ``") } else { format!("`{key}`") }
}

fn actions(keymaps: &[Keymap]) -> String {
    let mut out = format!(
        "# Actions\n\n{GENERATED}Everything that the console can do. The first column is the action's name in keymap files; \
         those without keys are typed into the command line (`:`) or found with the key of `palette`.\n"
    );
    let titles: Vec<String> =
        ["action", "on screen", "what it does", "in the command line"].map(str::to_owned).to_vec();
    let titles = [titles, keymaps.iter().map(|keymap| keymap.name.clone()).collect()].concat();
    let mut area = "";
    for action @ Action { id, name, doc, area: chapter, .. } in action::all() {
        if *chapter != area {
            area = chapter;
            let _ = write!(out, "\n## {area}\n\n");
            head(&mut out, &titles);
        }
        let keys = keymaps.iter().map(|keymap| {
            let keys: Vec<String> = keymap.keys_of(id).iter().map(|key| code(key)).collect();
            keys.join(" ")
        });
        row(&mut out, [code(id), (*name).to_owned(), (*doc).to_owned(), typed(action)].into_iter().chain(keys));
    }
    out
}

/// How an action is typed, where that is more than its name: with words after it, by other names.
fn typed(action: &Action) -> String {
    let words = action.takes.map(|takes| code(&format!(":{} {}", action.id, takes.usage)));
    words.into_iter().chain(action.aliases.iter().map(|alias| code(&format!(":{alias}")))).collect::<Vec<_>>().join(" ")
}

fn keys(keymaps: &[Keymap]) -> String {
    let mut out = format!(
        "# Keys\n\n{GENERATED}The built-in keymaps. A key of a panel goes before the same key everywhere; Esc always leads \
         back. A keymap of your own is a file `$XDG_CONFIG_HOME/hemera/keymaps/NAME.toml`; begin it with `inherit = \"default\"` and \
         change what you like, key by key: `q = \"\"` frees a key.\n"
    );
    for keymap in keymaps {
        let _ = write!(out, "\n## {}\n\n{}\n", keymap.name, keymap.about);
        for (context, name) in Context::ALL {
            let mut keys: Vec<_> = keymap.all().filter(|(place, ..)| *place == context).collect();
            keys.sort_by_key(|(_, _, action)| action::all().position(|other| other.id == action.id));
            if keys.is_empty() {
                continue;
            }
            let _ = write!(out, "\n### {} in `{name}`\n\n", keymap.name);
            head(&mut out, &["key", "action", "what it does"].map(str::to_owned));
            for (_, key, action) in keys {
                row(&mut out, [code(&key), code(action.id), action.doc.to_owned()]);
            }
        }
    }
    out
}

fn theme_items(themes: &[Theme]) -> String {
    let mut out = format!(
        "# Themes\n\n{GENERATED}A theme of your own is a file `$XDG_CONFIG_HOME/hemera/themes/NAME.toml`; begin it with \
         `inherit = \"light\"` and change what you like, role by role. A style is `\"FG on BG modifiers\"`: colours are `#rrggbb`, an \
         index of the 256, one of the sixteen by name, or a name of `[palette]`; modifiers are `bold`, `dim`, `italic`, \
         `underline`, `reverse`. Beside `[palette]` and `[style]` a file may have a `name`, an `about` in a sentence, and the \
         `background` that it is made for: `dark`, `light` or `any`.\n\n## Built-in themes\n\n"
    );
    head(&mut out, &["theme", "background", "what it is for"].map(str::to_owned));
    for theme in themes {
        row(&mut out, [code(&theme.name), theme.background.word().to_owned(), theme.about.clone()]);
    }
    out += "\n## Roles\n\nUnder `NO_COLOR`, and on terminals without colours, a role has the modifier of the last column alone.\n\n";
    head(&mut out, &["role", "what it is for", "without colours"].map(str::to_owned));
    for (_, name, mono, doc) in ROLES {
        let modifiers: Vec<String> = mono.iter_names().map(|(name, _)| name.to_lowercase()).collect();
        row(&mut out, [code(name), (*doc).to_owned(), modifiers.join(" ")]);
    }
    out
}

fn settings() -> String {
    let mut out = format!(
        "# Settings\n\n{GENERATED}`$XDG_CONFIG_HOME/hemera/config.toml`, else `~/.config/hemera/config.toml`, or the file given with \
         `--config`; [config.toml](config.toml) is a complete one. A flag goes before the environment, the environment before \
         the file, the file before the default. `hemera check FILE` says what is wrong with a file.\n\n"
    );
    head(&mut out, &["setting", "default", "takes", "variable", "flag", "what it does"].map(str::to_owned));
    for setting in SETTINGS {
        let flag = setting.flag.map_or_else(String::new, code);
        let takes = setting.kind.expected();
        row(
            &mut out,
            [code(setting.key), code(setting.default), takes, code(setting.variable), flag, setting.doc.to_owned()],
        );
    }
    out += "\nTables whose names you make up: `[filters]` (saved filters) and `[aliases]` (short words for commands). \
            Saved views of tables are in `views.toml` beside it.\n\n## Plugins\n\n`plugins.toml` beside it gives keys to commands of your own:\n\n\
            ```toml\n[[plugin]]\nname = \"log\"                       # needed\nkey = \"ctrl-t\"                     # needed; must be free in the keymap\n\
            command = \"less /var/log/vms/{vm}\"  # needed; run by the shell\ncontext = \"vms\"                    # where the key counts\n\
            description = \"Shows the log.\"\nconfirm = false                    # ask first\ndangerous = false                  # off in a read-only console\n\
            wait = false                       # wait for Enter when it has ended\n\
            background = false                 # run behind the console, which shows the last line\n```\n\nPlaces in a command:\n\n";
    head(&mut out, &["place", "what stands there"].map(str::to_owned));
    for (_, name, doc) in Placeholder::ALL {
        row(&mut out, [format!("`{{{name}}}`"), (*doc).to_owned()]);
    }
    out += "\n`{{name}` stands for `{name}`; the shell's `${name}` stays as it is.\n";
    out
}
