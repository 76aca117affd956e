//! Keymaps: which keys run which action, by the panel that has the focus.
//!
//! A keymap is a TOML file with a table per context, `[everywhere]` first; a panel's own table wins over it. A key is
//! written as `ctrl-x`, `shift-up`, `G`, `?`; keys after one another are separated by blanks: `"g g"`.

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::DeTable;

use super::action::{self, Action};
use super::config::{ConfigError, Source, unknown};

/// Where keys have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// In every view, unless the view has its own meaning for the key.
    Everywhere,
    /// In the sites panel.
    Sites,
    /// In the heatmap and the table of hosts.
    Hosts,
    /// In the VM table.
    Vms,
    /// In the operations panel.
    Operations,
    /// In an operation's list of tasks.
    Tasks,
    /// On the page of a host.
    Host,
    /// On the page of a VM.
    Vm,
    /// In the tree.
    Tree,
    /// On the page of events.
    Events,
    /// On the page for projectors.
    Pulse,
    /// On the page of findings.
    Findings,
    /// On the page of settings.
    Settings,
}

impl Context {
    /// All contexts with their names in keymap files.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Everywhere, "everywhere"),
        (Self::Sites, "sites"),
        (Self::Hosts, "hosts"),
        (Self::Vms, "vms"),
        (Self::Operations, "operations"),
        (Self::Tasks, "tasks"),
        (Self::Host, "host"),
        (Self::Vm, "vm"),
        (Self::Tree, "tree"),
        (Self::Events, "events"),
        (Self::Pulse, "pulse"),
        (Self::Findings, "findings"),
        (Self::Settings, "settings"),
    ];
}

/// A key with its modifiers, the same whichever way a terminal reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(KeyCode, KeyModifiers);

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

impl Key {
    /// Terminals differ in whether they report Shift with a letter that is a capital already.
    fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let modifiers = modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        match code {
            KeyCode::Char(c) => {
                let c = if modifiers.contains(KeyModifiers::SHIFT) { c.to_ascii_uppercase() } else { c };
                Self(KeyCode::Char(c), modifiers - KeyModifiers::SHIFT)
            }
            KeyCode::BackTab => Self(code, modifiers - KeyModifiers::SHIFT),
            code => Self(code, modifiers),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut letters = text.chars();
        if let (Some(c), None) = (letters.next(), letters.next()) {
            return Ok(Self::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
        let parsed = crokey::parse(text).map_err(|_| {
            format!("`{text}` is not a key: expected something like `q`, `G`, `ctrl-x`, `shift-up`, `f5`, `space`")
        })?;
        Ok(Self::new(*parsed.codes.first(), parsed.modifiers))
    }
}

/// What a key means.
pub(crate) enum Meaning {
    /// It runs this action.
    Run(&'static Action),
    /// It begins a longer sequence.
    Begins,
    /// Nothing.
    Nothing,
}

/// Keys and what they do.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Its name.
    pub name: String,
    bindings: HashMap<(Context, Vec<Key>), &'static Action>,
    /// Sequences as written, per action, in the order of the file.
    shown: Vec<(Context, String, &'static Action)>,
}

/// Keymaps that are built in.
const BUILT_IN: [(&str, &str); 2] =
    [("default", include_str!("../../keymaps/default.toml")), ("vim", include_str!("../../keymaps/vim.toml"))];

impl Keymap {
    /// Names of the built-in keymaps.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in keymap by its name, or the keymap in the file of that path.
    ///
    /// # Errors
    /// Where neither exists, or the file says what cannot be understood.
    pub fn load(name_or_path: &str) -> Result<Self, ConfigError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("keymaps/{name}.toml"), text);
        }
        if !name_or_path.contains(['/', '.']) {
            let problem = unknown("keymap", name_or_path, Self::names());
            return Err(ConfigError { file: name_or_path.to_owned(), line: 0, problem });
        }
        Self::parse(name_or_path, &super::config::read(name_or_path.as_ref())?)
    }

    /// Reads a keymap. With `inherit = "default"` it changes another one key by key; `""` as an action frees a key.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let source = Source { name: file, text };
        let table = DeTable::parse(text).map_err(|e| source.toml(&e))?;
        let table = table.get_ref();
        let mut keymap = match table.get("inherit") {
            None => Self { name: file.to_owned(), bindings: HashMap::new(), shown: Vec::new() },
            Some(parent) => {
                let name = parent.get_ref().as_str().unwrap_or_default();
                match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
                    // A keymap that inherits itself would never end.
                    Some((name, parent_text)) if *parent_text != text => Self::load(name)?,
                    _ => return Err(source.error(&parent.span(), unknown("keymap", name, Self::names()))),
                }
            }
        };
        for (key, value) in table {
            let section = key.get_ref().as_ref();
            if section == "inherit" {
                continue;
            }
            if section == "name" {
                value.get_ref().as_str().unwrap_or(file).clone_into(&mut keymap.name);
                continue;
            }
            let context = Context::ALL.iter().find(|(_, name)| *name == section);
            let (Some((context, _)), Some(bindings)) = (context, value.get_ref().as_table()) else {
                let known = Context::ALL.iter().map(|(_, name)| *name).chain(["name", "inherit"]);
                return Err(source.error(&key.span(), unknown("table", section, known)));
            };
            for (keys, action) in bindings {
                let name = action.get_ref().as_str().unwrap_or_default();
                let found = action::named(name);
                if found.is_none() && action.get_ref().as_str() != Some("") {
                    let known = action::all().map(|a| a.id);
                    return Err(source.error(&action.span(), unknown("action", name, known)));
                }
                keymap.bind(*context, keys.get_ref(), found).map_err(|e| source.error(&keys.span(), e))?;
            }
        }
        Ok(keymap)
    }

    /// Gives keys in a context to an action, or frees them.
    pub(super) fn bind(&mut self, context: Context, keys: &str, action: Option<&'static Action>) -> Result<(), String> {
        let sequence = keys.split_whitespace().map(Key::parse).collect::<Result<Vec<_>, _>>()?;
        if sequence.is_empty() {
            return Err("expected a key, found an empty text".into());
        }
        self.shown.retain(|(c, k, _)| (*c, k.as_str()) != (context, keys));
        self.bindings.remove(&(context, sequence.clone()));
        if let Some(action) = action {
            self.shown.push((context, keys.to_owned(), action));
            self.bindings.insert((context, sequence), action);
        }
        Ok(())
    }

    /// What `keys`, typed one after another, mean where the focus is in `context`.
    pub(crate) fn meaning(&self, context: Context, keys: &[Key]) -> Meaning {
        let places = [context, Context::Everywhere];
        for place in places {
            if let Some(action) = self.bindings.get(&(place, keys.to_vec())) {
                return Meaning::Run(action);
            }
        }
        let begins = |(place, sequence): &(Context, Vec<Key>)| {
            places.contains(place) && sequence.len() > keys.len() && sequence.starts_with(keys)
        };
        if self.bindings.keys().any(begins) { Meaning::Begins } else { Meaning::Nothing }
    }

    /// The key of an action to show where the focus is in `context`.
    pub(crate) fn key_in(&self, context: Context, id: &str) -> Option<String> {
        let of = |place: Context| {
            let keys = self.shown.iter().filter(|(c, _, a)| *c == place && a.id == id);
            keys.map(|(_, keys, _)| pretty(keys)).min_by_key(|k| k.chars().count())
        };
        of(context).or_else(|| of(Context::Everywhere))
    }

    /// What can follow the keys that were typed already.
    pub(crate) fn following(&self, context: Context, keys: &[Key]) -> Vec<(String, &'static Action)> {
        let mut found: Vec<(String, &'static Action)> = self
            .shown
            .iter()
            .filter(|(place, ..)| *place == context || *place == Context::Everywhere)
            .filter_map(|(_, written, action)| {
                let words: Vec<&str> = written.split_whitespace().collect();
                let begins = words.len() > keys.len() && words.iter().zip(keys).all(|(w, k)| Key::parse(w) == Ok(*k));
                begins.then(|| (pretty(&words[keys.len()..].join(" ")), *action))
            })
            .collect();
        found.dedup_by_key(|(key, _)| key.clone());
        found
    }

    /// The keys of an action as they are written for people, the shortest first.
    pub fn keys_of(&self, id: &str) -> Vec<String> {
        let mut keys: Vec<String> =
            self.shown.iter().filter(|(_, _, a)| a.id == id).map(|(_, keys, _)| pretty(keys)).collect();
        keys.sort_by_key(String::len);
        keys.dedup();
        keys
    }
}

/// `pagedown` as `PgDn`, `g g` as `gg`.
fn pretty(keys: &str) -> String {
    let words: Vec<String> = keys
        .split_whitespace()
        .map(|key| {
            key.replace("pagedown", "PgDn")
                .replace("pageup", "PgUp")
                .replace("enter", "Enter")
                .replace("backtab", "shift-Tab")
                .replace("delete", "Del")
                .replace("insert", "Ins")
                .replace("home", "Home")
                .replace("end", "End")
                .replace("esc", "Esc")
                .replace("down", "Down")
                .replace("up", "Up")
                .replace("left", "Left")
                .replace("right", "Right")
        })
        .map(|key| if key == "tab" { "Tab".into() } else { key })
        .collect();
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_keymaps_are_sound_and_reach_every_action() {
        for name in Keymap::names() {
            let keymap = Keymap::load(name).unwrap();
            for action in action::all().filter(|a| a.keyed) {
                assert!(!keymap.keys_of(action.id).is_empty(), "{name}: no key for {}", action.id);
            }
        }
    }

    #[test]
    fn mistakes_name_line_and_nearest() {
        let error = |text| Keymap::parse("my.toml", text).unwrap_err().to_string();
        assert_eq!(error("[everywhere]\nq = \"quti\""), "my.toml:2: unknown action `quti`, did you mean `quit`?");
        assert!(error("[everywhere]\nctrl-foo = \"quit\"").starts_with("my.toml:2: `ctrl-foo` is not a key"));
        assert!(error("[evrywhere]\n").contains("did you mean `everywhere`?"));
        assert!(error("inherit = \"emacs\"\n").starts_with("my.toml:1: unknown keymap `emacs`"));
        assert!(error("[vms]\nq = 3\n").starts_with("my.toml:2: unknown action"));
    }

    #[test]
    fn a_keymap_inherits_key_by_key() {
        let keymap =
            Keymap::parse("my.toml", "inherit = \"default\"\n[everywhere]\nq = \"\"\nctrl-y = \"quit\"").unwrap();
        assert!(!keymap.keys_of("quit").contains(&"q".to_owned()));
        assert!(keymap.keys_of("quit").contains(&"ctrl-y".to_owned()));
        assert!(!keymap.keys_of("help").is_empty());
    }

    #[test]
    fn a_capital_is_the_same_however_the_terminal_reports_it() {
        let plain = Key::from(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE));
        assert_eq!(plain, Key::from(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)));
        assert_eq!(plain, Key::from(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::SHIFT)));
        assert_eq!(plain, Key::parse("G").unwrap());
        assert_eq!(plain, Key::parse("shift-g").unwrap());
    }
}
