//! The user's own commands: a key, and what the shell runs for it.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::action::{self, Action};
use super::config::{ConfigError, Source, read, unknown};
use super::keymap::{self, Context, Key, Keymap};
use super::library::Library;
use super::run;
use super::template::{Placeholder, Template};

/// A command of the user's.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // They are what its file says, each by itself.
pub struct Plugin {
    /// Its name on screen.
    pub name: String,
    /// Its key as it is written in the file.
    pub key: String,
    /// The same as it is typed.
    pub(crate) keys: Vec<Key>,
    /// Where the key has this meaning.
    pub context: Context,
    /// What the shell runs.
    pub command: Template,
    /// Whether it is asked about first.
    pub confirm: bool,
    /// Whether it changes what it is about: it is off in a read-only console.
    pub dangerous: bool,
    /// What it does, in a sentence; may be empty.
    pub description: String,
    /// Whether Enter is waited for when it has ended.
    pub wait: bool,
    /// Whether it runs behind the console, which shows the last line that it writes.
    pub background: bool,
    /// The file that it stands in.
    pub path: PathBuf,
    /// The line where its key stands, from 1.
    pub line: usize,
}

const KEYS: [&str; 9] =
    ["name", "key", "context", "command", "confirm", "dangerous", "description", "wait", "background"];

impl Plugin {
    /// The plugins of the user's `plugins.toml`, none where there is no such file.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn load(library: &Library) -> Result<Vec<Self>, ConfigError> {
        library.file("plugins.toml").map_or(Ok(Vec::new()), |path| Self::parse(&path, &read(&path)?))
    }

    /// Reads a file of plugins.
    ///
    /// # Errors
    /// With the line of the first thing that cannot be understood.
    pub fn parse(path: &Path, text: &str) -> Result<Vec<Self>, ConfigError> {
        let name = path.display().to_string();
        let source = Source { name: &name, text };
        let table = DeTable::parse(text).map_err(|error| source.toml(&error))?;
        let mut plugins: Vec<Self> = Vec::new();
        for (key, value) in table.get_ref() {
            if key.get_ref() != "plugin" {
                return Err(source.error(&key.span(), unknown("key", key.get_ref(), ["plugin"])));
            }
            let DeValue::Array(list) = value.get_ref() else {
                return Err(source.error(&value.span(), "expected a list of tables, each begun by [[plugin]]"));
            };
            for entry in list {
                let plugin = Self::read(source, path, source.table(entry)?, entry.span().start)?;
                if let Some(other) = plugins.iter().find(|other| other.name == plugin.name) {
                    let problem = format!("name: `{}` is what the plugin in line {} is called", other.name, other.line);
                    return Err(plugin.error(problem));
                }
                if let Some(other) = plugins.iter().find(|other| plugin.meets(other.context, &other.keys)) {
                    let problem =
                        format!("`{}` is the key of `{}` already, in line {}", plugin.key, other.name, other.line);
                    return Err(plugin.error(problem));
                }
                if plugins.len() == run::MOST {
                    return Err(plugin.error(format!("more than {} plugins have no place in the console", run::MOST)));
                }
                plugins.push(plugin);
            }
        }
        Ok(plugins)
    }

    fn read(source: Source<'_>, path: &Path, table: &DeTable<'_>, at: usize) -> Result<Self, ConfigError> {
        for key in table.keys() {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                return Err(source.error(&key.span(), unknown("key of [[plugin]]", key.get_ref(), KEYS)));
            }
        }
        let text = |key: &str| table.get(key).map(|value| Ok((source.string(value)?, value.span()))).transpose();
        let needed = |key: &str| match text(key)? {
            Some((text, _)) if text.trim().is_empty() => {
                Err(source.error(&table[key].span(), format!("{key}: found an empty text")))
            }
            Some(found) => Ok(found),
            None => Err(source.error(&(at..at), format!("missing key `{key}` in [[plugin]]"))),
        };
        let switch = |key: &str| table.get(key).map_or(Ok(false), |value| source.switch(value));
        let (name, name_span) = needed("name")?;
        if action::built_in().any(|action| action.id == name || action.aliases.contains(&name)) {
            let problem = format!("name: `{name}` is a command of the console already, choose another name");
            return Err(source.error(&name_span, problem));
        }
        let (key, key_span) = needed("key")?;
        let keys = keymap::sequence(key).map_err(|problem| source.error(&key_span, problem))?;
        let context = match text("context")? {
            None => Context::Vms,
            Some((word, span)) => {
                let found = Context::ALL.iter().find(|(_, name)| *name == word).map(|(context, _)| *context);
                let known = Context::ALL.iter().map(|(_, name)| *name);
                found.ok_or_else(|| source.error(&span, unknown("context", word, known)))?
            }
        };
        let (command, span) = needed("command")?;
        let places: Vec<Placeholder> = Placeholder::ALL.iter().map(|(place, ..)| *place).collect();
        let command = Template::parse(command, &places).map_err(|error| {
            // The text may go over several lines.
            let at = source.text[span.clone()].find(&error.token).map_or(span.start, |i| span.start + i);
            source.error(&(at..at), error.problem)
        })?;
        Ok(Self {
            name: name.to_owned(),
            key: key.to_owned(),
            keys,
            context,
            command,
            confirm: switch("confirm")?,
            dangerous: switch("dangerous")?,
            description: text("description")?.map_or_else(String::new, |(text, _)| text.to_owned()),
            wait: switch("wait")?,
            background: switch("background")?,
            path: path.to_owned(),
            line: source.line(key_span.start),
        })
    }

    /// Whether these keys in that context and its own cannot both have a meaning.
    fn meets(&self, context: Context, keys: &[Key]) -> bool {
        let together = context == self.context || [context, self.context].contains(&Context::Everywhere);
        together && (self.keys.starts_with(keys) || keys.starts_with(&self.keys))
    }

    fn error(&self, problem: String) -> ConfigError {
        ConfigError { file: self.path.display().to_string(), line: self.line, problem }
    }

    /// Checks that no plugin has a key that means something in the keymap already.
    ///
    /// # Errors
    /// With the line of the first key that does.
    pub fn check(plugins: &[Self], keymap: &Keymap) -> Result<(), ConfigError> {
        for plugin in plugins {
            if let Some((key, action)) = plugin.conflict(keymap) {
                let taken = format!("is `{}` in the keymap `{}` already", action.id, keymap.name);
                let (own, free) = (&plugin.key, "choose another key, or free that one in a keymap of your own");
                let problem = if key == own {
                    format!("`{own}` {taken}: {free}")
                } else {
                    format!("`{own}` stands in the way of `{key}`, which {taken}: {free}")
                };
                return Err(plugin.error(problem));
            }
        }
        Ok(())
    }

    fn conflict<'k>(&self, keymap: &'k Keymap) -> Option<(&'k str, &'static Action)> {
        keymap
            .written()
            .find(|(context, keys, _)| self.meets(*context, &keymap::sequence(keys).unwrap_or_default()))
            .map(|(_, keys, action)| (keys, action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Plugin>, ConfigError> {
        Plugin::parse(Path::new("plugins.toml"), text)
    }

    const CONSOLE: &str = "[[plugin]]\nname = \"log\"\nkey = \"ctrl-t\"\ncommand = \"less /var/log/{vm}\"\n";

    #[test]
    fn what_is_left_out_is_harmless() {
        let plugins = parse(CONSOLE).unwrap();
        let [plugin] = plugins.as_slice() else { panic!("{plugins:?}") };
        assert_eq!((plugin.name.as_str(), plugin.context, plugin.line), ("log", Context::Vms, 3));
        assert!(!plugin.confirm && !plugin.dangerous && !plugin.wait && plugin.description.is_empty());
        assert_eq!(parse("").unwrap(), []);
        Plugin::check(&plugins, &Keymap::load(&Library::default(), "default").unwrap()).unwrap();
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        let with = |more: &str| error(&format!("{CONSOLE}{more}"));
        let named = |name: &str| error(&CONSOLE.replace("\"log\"", name));
        assert!(named("\"quit\"").starts_with("plugins.toml:2: name: `quit` is a command of the console already"));
        assert!(named("\"mv\"").starts_with("plugins.toml:2: name: `mv` is a command of the console already"));
        let twice = format!("{CONSOLE}{}", CONSOLE.replace("ctrl-t", "ctrl-g"));
        assert_eq!(error(&twice), "plugins.toml:7: name: `log` is what the plugin in line 3 is called");
        let many: Vec<String> = (0..=run::MOST)
            .map(|n| {
                format!(
                    "[[plugin]]\nname = \"p{n}\"\nkey = \"{}\"\ncommand = \"x\"\n",
                    char::from_u32(0x100 + n as u32).unwrap()
                )
            })
            .collect();
        assert_eq!(error(&many.concat()), "plugins.toml:259: more than 64 plugins have no place in the console");
        assert_eq!(error("[[plugins]]\n"), "plugins.toml:1: unknown key `plugins`, did you mean `plugin`?");
        assert!(error("plugin = 3\n").starts_with("plugins.toml:1: expected a list"));
        assert_eq!(error("\n[[plugin]]\nname = \"x\"\n"), "plugins.toml:2: missing key `key` in [[plugin]]");
        assert_eq!(with("comand = 1\n"), "plugins.toml:5: unknown key of [[plugin]] `comand`, did you mean `command`?");
        assert!(with("confirm = \"yes\"\n").starts_with("plugins.toml:5: found string, expected true or false"));
        assert!(with("context = \"vmz\"\n").starts_with("plugins.toml:5: unknown context `vmz`, did you mean `vm`?"));
        let places = CONSOLE.replace("\"less /var/log/{vm}\"", "\"\"\"\nless \\\n  {vmm}\"\"\"");
        assert!(error(&places).starts_with("plugins.toml:6: unknown placeholder `vmm`"), "{}", error(&places));
        assert!(error(&CONSOLE.replace("ctrl-t", "ctrl-foo")).starts_with("plugins.toml:3: `ctrl-foo` is not a key"));
        assert_eq!(error(&CONSOLE.replace("less /var/log/{vm}", " ")), "plugins.toml:4: command: found an empty text");
        assert_eq!(
            error(&format!("{CONSOLE}{}", CONSOLE.replace("\"log\"", "\"tail\""))),
            "plugins.toml:7: `ctrl-t` is the key of `log` already, in line 3"
        );
    }

    #[test]
    fn a_key_that_means_something_already_is_a_mistake() {
        let keymap = |name| Keymap::load(&Library::default(), name).unwrap();
        let taken = parse(&CONSOLE.replace("ctrl-t", "m")).unwrap();
        let told = Plugin::check(&taken, &keymap("default")).unwrap_err().to_string();
        assert!(told.starts_with("plugins.toml:3: `m` is `migrate` in the keymap `default` already"), "{told}");
        let begun = parse(&CONSOLE.replace("ctrl-t", "g")).unwrap();
        assert!(Plugin::check(&begun, &keymap("vim")).unwrap_err().to_string().contains("in the way of `g "));
        let elsewhere = parse(&CONSOLE.replace("ctrl-t", "E")).unwrap();
        Plugin::check(&elsewhere, &keymap("default")).unwrap();
    }
}
