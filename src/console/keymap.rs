//! Keymaps: which keys run which action, by the panel that has the focus.
//!
//! A keymap is a TOML file with a table per context, `[everywhere]` first; a panel's own table wins over it. A key is
//! written as `ctrl-x`, `shift-up`, `G`, `?`; keys after one another are separated by blanks: `"g g"`. `inherit = "vim"`
//! takes over another keymap, and changes it key by key.

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::DeTable;

use super::action::{self, Action};
use super::config::{ConfigError, unknown};
use super::library::{Library, Shelf, Text};

#[cfg(test)]
mod tests;

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
    /// On the page of what a command wrote.
    Output,
    /// On the page of a host.
    Host,
    /// On the page of a VM.
    Vm,
    /// At a VM's serial console, screen or definition.
    Room,
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
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::Everywhere, "everywhere"),
        (Self::Sites, "sites"),
        (Self::Hosts, "hosts"),
        (Self::Vms, "vms"),
        (Self::Operations, "operations"),
        (Self::Tasks, "tasks"),
        (Self::Output, "output"),
        (Self::Host, "host"),
        (Self::Vm, "vm"),
        (Self::Room, "room"),
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

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let written = crokey::KeyCombination::new(self.0, self.1).to_string();
        f.write_str(&if let KeyCode::Char(c) = self.0
            && self.1.is_empty()
        {
            c.to_string()
        } else {
            pretty(&written.to_lowercase())
        })
    }
}

/// Reads keys one after another: `g g`.
pub(crate) fn sequence(keys: &str) -> Result<Vec<Key>, String> {
    let sequence = keys.split_whitespace().map(Key::parse).collect::<Result<Vec<_>, _>>()?;
    if sequence.is_empty() { Err("expected a key, found an empty text".into()) } else { Ok(sequence) }
}

/// The same for keys that were read before.
fn sequence_of(keys: &str) -> Vec<Key> {
    sequence(keys).unwrap_or_default()
}

/// What keys are bound to: an action, perhaps with words as in the command line.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub action: &'static Action,
    pub words: Option<Arc<str>>,
}

impl Bound {
    /// What is written in a keymap: `filter state:failed`.
    fn read(text: &str) -> Result<Self, String> {
        let (id, words) = text.split_once(' ').map_or((text, None), |(id, words)| (id, Some(words)));
        let Some(action) = action::named(id) else {
            return Err(unknown("action", id, action::all().map(|a| a.id)));
        };
        if words.is_some() && action.takes.is_none() {
            return Err(format!("`{id}` takes nothing after its name"));
        }
        Ok(Self { action, words: words.map(Into::into) })
    }

    /// Whether it is that action, with nothing else said.
    fn is(&self, id: &str) -> bool {
        self.action.id == id && self.words.is_none()
    }

    /// What it is called where its keys are listed.
    pub(crate) fn label(&self) -> String {
        match &self.words {
            Some(words) => format!("{} {words}", self.action.id),
            None => self.action.name.to_owned(),
        }
    }
}

/// What a key means.
pub(crate) enum Meaning {
    /// It runs this action.
    Run(&'static Action),
    /// It runs this action with words.
    Say(&'static Action, Arc<str>),
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
    /// What it is for, in a sentence.
    pub about: String,
    /// The files that it came from, the oldest ancestor first.
    pub files: Vec<String>,
    bindings: HashMap<(Context, Vec<Key>), Bound>,
    /// Sequences as written, with what they are bound to, in the order of the file.
    shown: Vec<(Context, String, Bound)>,
    /// Whether the operator's own actions have their keys.
    has_own: bool,
}

/// Keymaps that are built in.
pub(crate) const SHELF: Shelf = Shelf {
    folder: "keymaps",
    what: "keymap",
    built_in: &[
        ("default", include_str!("../../keymaps/default.toml")),
        ("vim", include_str!("../../keymaps/vim.toml")),
        ("emacs", include_str!("../../keymaps/emacs.toml")),
    ],
};

impl Keymap {
    /// Names of the built-in keymaps.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHELF.built_in.iter().map(|(name, _)| *name)
    }

    /// A keymap of the library by its name, the user's before the built-in one, or the keymap in the file of that path.
    ///
    /// # Errors
    /// Where neither exists, or the file says what cannot be understood.
    pub fn load(library: &Library, name_or_path: &str) -> Result<Self, ConfigError> {
        Self::of(library.load(&SHELF, name_or_path)?)
    }

    /// Reads a keymap. With `inherit = "default"` it changes another one key by key; `""` as an action frees a key.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood, or of a key that begins another one's sequence.
    pub fn parse(library: &Library, file: &str, text: &str) -> Result<Self, ConfigError> {
        Self::of(library.with_ancestors(&SHELF, Text { file: file.to_owned(), text: text.to_owned() })?)
    }

    fn of(texts: Vec<Text>) -> Result<Self, ConfigError> {
        let mut keymap = Self {
            name: String::new(),
            about: String::new(),
            files: Vec::new(),
            bindings: HashMap::new(),
            shown: Vec::new(),
            has_own: false,
        };
        for text in texts {
            keymap.name.clone_from(&text.file);
            keymap.read(&text)?;
            keymap.files.push(text.file);
        }
        Ok(keymap)
    }

    /// Takes over what one file says.
    fn read(&mut self, text: &Text) -> Result<(), ConfigError> {
        let source = text.source();
        let table = DeTable::parse(&text.text).map_err(|e| source.toml(&e))?;
        let mut own = Vec::new();
        for (key, value) in table.get_ref() {
            let section = key.get_ref().as_ref();
            match section {
                "name" => source.string(value)?.clone_into(&mut self.name),
                "about" => source.string(value)?.clone_into(&mut self.about),
                _ => {}
            }
            // What it inherits is read by the library.
            if matches!(section, "name" | "about" | "inherit") {
                continue;
            }
            let Some((context, _)) = Context::ALL.iter().find(|(_, name)| *name == section) else {
                let known = Context::ALL.iter().map(|(_, name)| *name).chain(["name", "about", "inherit"]);
                return Err(source.error(&key.span(), unknown("table", section, known)));
            };
            for (keys, action) in source.table(value)? {
                let name = source.string(action)?;
                // The empty text frees a key.
                let found = (!name.is_empty()).then(|| Bound::read(name)).transpose();
                let found = found.map_err(|problem| source.error(&action.span(), problem))?;
                let sequence = self
                    .bind(*context, keys.get_ref(), found, &own)
                    .map_err(|problem| source.error(&keys.span(), problem))?;
                own.push((*context, sequence));
            }
        }
        Ok(())
    }

    /// Whether the operator's own actions have their keys in it.
    pub(crate) const fn has_own(&self) -> bool {
        self.has_own
    }

    /// Gives the operator's own actions their keys, where they do not have them yet. They were found to be free.
    pub(crate) fn add_own<'a>(&mut self, own: impl Iterator<Item = (Context, &'a str, &'a [Key], &'static Action)>) {
        if std::mem::replace(&mut self.has_own, true) {
            return;
        }
        for (context, written, keys, action) in own {
            let bound = Bound { action, words: None };
            self.shown.push((context, written.to_owned(), bound.clone()));
            self.bindings.insert((context, keys.to_vec()), bound);
        }
    }

    /// Gives keys a meaning. What was inherited and stands in their way goes; what the same file says is a mistake.
    fn bind(
        &mut self,
        context: Context,
        keys: &str,
        bound: Option<Bound>,
        own: &[(Context, Vec<Key>)],
    ) -> Result<Vec<Key>, String> {
        let sequence = sequence(keys)?;
        let clashes = |other: &[Key]| other.starts_with(&sequence) || sequence.starts_with(other);
        if bound.is_some() {
            let clash =
                self.bindings.keys().find(|other| other.0 == context && clashes(&other.1) && own.contains(other));
            if let Some((_, other)) = clash {
                let written = self.shown.iter().find(|(c, k, _)| *c == context && sequence_of(k) == *other);
                let other = written.map_or_else(String::new, |(_, keys, _)| keys.clone());
                return Err(if other == keys {
                    format!("`{keys}` has a meaning already")
                } else {
                    format!("`{keys}` and `{other}` cannot both have a meaning: one begins the other")
                });
            }
        }
        let goes = |other: &[Key]| if bound.is_some() { clashes(other) } else { other == sequence };
        self.shown.retain(|(c, k, _)| *c != context || !goes(&sequence_of(k)));
        self.bindings.retain(|(c, k), _| *c != context || !goes(k));
        if let Some(bound) = bound {
            self.shown.push((context, keys.to_owned(), bound.clone()));
            self.bindings.insert((context, sequence.clone()), bound);
        }
        Ok(sequence)
    }

    /// What `keys`, typed one after another, mean where the focus is in `context`. What the context says goes before
    /// what is said everywhere, also where it only begins.
    pub(crate) fn meaning(&self, context: Context, keys: &[Key]) -> Meaning {
        for place in [context, Context::Everywhere] {
            match self.bindings.get(&(place, keys.to_vec())) {
                Some(Bound { action, words: None }) => return Meaning::Run(action),
                Some(Bound { action, words: Some(words) }) => return Meaning::Say(action, words.clone()),
                None => {}
            }
            if self.bindings.keys().any(|(c, s)| *c == place && s.len() > keys.len() && s.starts_with(keys)) {
                return Meaning::Begins;
            }
        }
        Meaning::Nothing
    }

    /// All keys with their context, in the order of the file, as they are written there.
    pub(crate) fn written(&self) -> impl Iterator<Item = (Context, &str, &'static Action)> {
        self.shown.iter().map(|(context, keys, bound)| (*context, keys.as_str(), bound.action))
    }

    /// The same, as they are written for people.
    pub fn all(&self) -> impl Iterator<Item = (Context, String, &'static Action)> {
        self.written().map(|(context, keys, action)| (context, pretty(keys), action))
    }

    /// The key of an action to show where the focus is in `context`.
    pub(crate) fn key_in(&self, context: Context, id: &str) -> Option<String> {
        let of = |place: Context| {
            let keys = self.shown.iter().filter(|(c, _, bound)| *c == place && bound.is(id));
            keys.map(|(_, keys, _)| pretty(keys)).min_by_key(|k| k.chars().count())
        };
        of(context).or_else(|| of(Context::Everywhere))
    }

    /// What can follow the keys that were typed already.
    pub(crate) fn following(&self, context: Context, keys: &[Key]) -> Vec<(String, Bound)> {
        let begins = |words: &[&str]| {
            words.len() > keys.len() && words.iter().zip(keys).all(|(w, k)| Key::parse(w).as_ref() == Ok(k))
        };
        let of = |place: Context| {
            self.shown.iter().filter(move |(c, ..)| *c == place).filter_map(|(_, written, bound)| {
                let words: Vec<&str> = written.split_whitespace().collect();
                begins(&words).then(|| (pretty(&words[keys.len()..].join(" ")), bound.clone()))
            })
        };
        let mut found: Vec<(String, Bound)> = of(context).collect();
        if context != Context::Everywhere {
            let own: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
            found.extend(of(Context::Everywhere).filter(|(key, _)| !own.contains(key)));
        }
        found
    }

    /// The keys that mean something in a context alone, as they are written for people.
    pub(crate) fn of_context(&self, context: Context) -> impl Iterator<Item = (String, &Bound)> {
        self.shown.iter().filter(move |(c, ..)| *c == context).map(|(_, keys, bound)| (pretty(keys), bound))
    }

    /// The keys of an action as they are written for people, the shortest first.
    pub fn keys_of(&self, id: &str) -> Vec<String> {
        let mut keys: Vec<String> =
            self.shown.iter().filter(|(_, _, bound)| bound.is(id)).map(|(_, keys, _)| pretty(keys)).collect();
        keys.sort_by_key(String::len);
        keys.dedup();
        keys
    }
}

/// `pagedown` as `PgDn`, `g g` as `gg`, but `ctrl-x o` with its blank.
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
        .map(|key| match key.as_str() {
            "tab" => "Tab".into(),
            key if key.strip_prefix('f').is_some_and(|n| n.parse::<u8>().is_ok()) => key.to_uppercase(),
            _ => key,
        })
        .collect();
    let letters = words.iter().all(|word| word.chars().count() == 1);
    words.join(if letters { "" } else { " " })
}
