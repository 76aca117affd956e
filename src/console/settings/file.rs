//! What a configuration file says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Effective, Origin, SETTINGS, Value};
use crate::console::config::{ConfigError, Source, unknown};
use crate::fleet::Selection;

/// Tables of a configuration file whose keys the user makes up.
pub(super) const FREE: [(&str, &str); 2] = [
    ("filters", "Saved filters of the VM table, by name: `failed = \"state:failed or state:lost\"`."),
    ("aliases", "Short words for commands: `k = \"filter state:failed\"`."),
];

/// A configuration file, read.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    /// What it sets, with the index of the setting.
    pub set: Vec<(usize, Effective)>,
    /// What its free tables say, for the list of all settings.
    pub free: Vec<Effective>,
    pub filters: BTreeMap<String, String>,
    pub aliases: BTreeMap<String, String>,
}

/// Reads a configuration file.
pub(super) fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    let name = path.display().to_string();
    let source = Source { name: &name, text };
    let table = DeTable::parse(text).map_err(|error| source.toml(&error))?;
    let mut reader = Reader { source, path: path.to_owned(), file: File::default() };
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "filters" => reader.filters(value)?,
            "aliases" => reader.aliases(value)?,
            section if SETTINGS.iter().any(|setting| setting.table() == Some(section)) => {
                for (inner, value) in source.table(value)? {
                    reader.setting(&format!("{section}."), inner, value)?;
                }
            }
            _ => reader.setting("", key, value)?,
        }
    }
    Ok(reader.file)
}

struct Reader<'a> {
    source: Source<'a>,
    path: PathBuf,
    file: File,
}

impl Reader<'_> {
    fn origin(&self, at: usize) -> Origin {
        Origin::File { path: self.path.clone(), line: self.source.line(at) }
    }

    fn setting(
        &mut self,
        table: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let name = format!("{table}{}", key.get_ref());
        let Some(index) = SETTINGS.iter().position(|setting| setting.key == name) else {
            // In a table the keys of that table are meant, elsewhere those without one and the tables.
            let inside = SETTINGS.iter().filter_map(|setting| setting.key.strip_prefix(table));
            let known: Vec<&str> = if table.is_empty() {
                let first = |key: &'static str| key.split('.').next().unwrap_or(key);
                inside.map(first).chain(FREE.iter().map(|(name, _)| *name)).collect()
            } else {
                inside.collect()
            };
            let what =
                if table.is_empty() { "setting".into() } else { format!("key of [{}]", table.trim_end_matches('.')) };
            return Err(self.source.error(&key.span(), unknown(&what, key.get_ref(), known)));
        };
        let setting = &SETTINGS[index];
        let value = setting
            .kind
            .read_toml(value)
            .map_err(|problem| self.source.error(&value.span(), format!("{}: {problem}", setting.key)))?;
        let effective = Effective { key: name, value, origin: self.origin(key.span().start), means: None };
        self.file.set.push((index, effective));
        Ok(())
    }

    /// The names and texts of a free table, each text checked.
    fn texts(
        &mut self,
        table: &str,
        value: &Spanned<DeValue<'_>>,
        check: impl Fn(&str, &str) -> Result<(), String>,
    ) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.source.table(value)? {
            let (name, text) = (key.get_ref().as_ref(), self.source.string(value)?);
            if name.is_empty() || name.contains(char::is_whitespace) {
                let problem = format!("`{name}` is no name in [{table}]: expected one word");
                return Err(self.source.error(&key.span(), problem));
            }
            check(name, text).map_err(|e| self.source.error(&value.span(), format!("{table}.{name}: {e}")))?;
            self.file.free.push(Effective {
                key: format!("{table}.{name}"),
                value: Value::Text(text.to_owned()),
                origin: self.origin(key.span().start),
                means: None,
            });
            texts.insert(name.to_owned(), text.to_owned());
        }
        Ok(texts)
    }

    fn filters(&mut self, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
        let check = |_: &str, text: &str| Selection::quick_vms(text).map(drop).map_err(|error| error.to_string());
        self.file.filters = self.texts("filters", value, check)?;
        Ok(())
    }

    fn aliases(&mut self, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
        let check = |name: &str, text: &str| match text.split_whitespace().next() {
            None => Err("found an empty text, expected a command".into()),
            Some(first) if first == name => Err("stands for itself".into()),
            Some(_) => Ok(()),
        };
        self.file.aliases = self.texts("aliases", value, check)?;
        Ok(())
    }
}
