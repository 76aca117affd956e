//! Filters that have a name: `@name` inside a filter stands for one of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{ConfigError, Source, read, real};
use crate::fleet::{SelectError, Selection, nearest};

/// Filters that name each other go no deeper than this.
const DEEPEST: usize = 8;

/// The saved filters: those of the configuration, and those that the console saved.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    given: BTreeMap<String, String>,
    own: BTreeMap<String, String>,
    path: Option<PathBuf>,
}

/// A filter without names, and where each of its characters comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub text: String,
    /// For each character its column in what was written, from 0.
    columns: Vec<usize>,
}

impl Expanded {
    /// An error about this text as one about what was written.
    pub(crate) fn error(&self, error: SelectError) -> SelectError {
        let at = error.column.saturating_sub(1);
        let end = self.columns.last().map_or(0, |last| last + 1);
        SelectError { column: self.columns.get(at).copied().unwrap_or(end) + 1, ..error }
    }
}

/// A file of filters, by their names.
type Written = BTreeMap<String, toml::Spanned<String>>;

fn parse(source: Source<'_>) -> Result<Written, ConfigError> {
    toml::from_str(source.text).map_err(|error| source.toml(&error))
}

/// Checks a file of saved filters; they may name each other and those that the configuration gives.
///
/// # Errors
/// With the line of the first one that cannot be understood.
pub fn check(file: &str, text: &str, given: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let source = Source { name: file, text };
    let written = parse(source)?;
    let own = written.iter().map(|(name, text)| (name.clone(), text.get_ref().clone())).collect();
    let saved = Saved { given: given.clone(), own, path: None };
    for (name, text) in &written {
        let told = |error: SelectError| source.error(&text.span(), format!("{name}: {error}"));
        let meant = saved.expand(text.get_ref()).map_err(told)?;
        let of_vms = Selection::quick_vms(&meant.text);
        if Selection::quick_hosts(&meant.text).is_err() {
            of_vms.map_err(|error| told(meant.error(error)))?;
        }
    }
    Ok(())
}

impl Saved {
    /// The filters of the configuration, and those saved in that folder. A file that cannot be understood is left
    /// alone: it is told, and nothing is saved over it.
    pub(crate) fn load(given: &BTreeMap<String, String>, dir: Option<&Path>) -> (Self, Option<String>) {
        let mut saved = Self { given: given.clone(), ..Self::default() };
        let Some(path) = dir.map(|dir| dir.join("filters.toml")) else { return (saved, None) };
        match read_own(&path) {
            Ok(own) => saved.own = own,
            Err(error) => return (saved, Some(error.to_string())),
        }
        saved.path = Some(path);
        (saved, None)
    }

    /// Takes over what the configuration gives now.
    pub(crate) fn configure(&mut self, given: &BTreeMap<String, String>) {
        self.given.clone_from(given);
    }

    /// All of them by name; what was saved here goes before what is configured.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.given.iter().filter(|(name, _)| !self.own.contains_key(*name));
        let mut all: Vec<_> = given.chain(&self.own).map(|(name, text)| (name.as_str(), text.as_str())).collect();
        all.sort_unstable();
        all.into_iter()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).or_else(|| self.given.get(name)).map(String::as_str)
    }

    /// Saves a filter under a name.
    ///
    /// # Errors
    /// Where the name is none, or the file cannot be written.
    pub(crate) fn save(&mut self, name: &str, text: &str) -> Result<(), String> {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')) {
            return Err("expected a name of letters, digits, - and _".into());
        }
        let Some(path) = &self.path else { return Err("there is no folder for filters, or it cannot be read".into()) };
        // Read anew: another console may have saved something meanwhile.
        let mut own = read_own(path).map_err(|error| error.to_string())?;
        own.insert(name.to_owned(), text.to_owned());
        let written = toml::to_string(&own).map_err(|error| error.to_string())?;
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        // Written beside it and moved there, so that a full disk leaves the old file.
        let path = real(path);
        let beside = path.with_extension(format!("toml.{}", std::process::id()));
        std::fs::write(&beside, written).and_then(|()| std::fs::rename(&beside, &path)).map_err(failed)?;
        self.own = own;
        Ok(())
    }

    /// Puts filters in the place of their names.
    ///
    /// # Errors
    /// At a name that no filter has.
    pub(crate) fn expand(&self, text: &str) -> Result<Expanded, SelectError> {
        let mut expanded = Expanded { text: String::new(), columns: Vec::new() };
        self.expand_into(text, None, 0, &mut expanded)?;
        Ok(expanded)
    }

    fn expand_into(
        &self,
        text: &str,
        from: Option<usize>,
        depth: usize,
        out: &mut Expanded,
    ) -> Result<(), SelectError> {
        let letters: Vec<char> = text.chars().collect();
        let (mut quoted, mut at) = (false, 0);
        while let Some(&c) = letters.get(at) {
            let column = from.unwrap_or(at);
            let begins = at == 0 || matches!(letters[at - 1], ' ' | '\t' | '(' | '!');
            if c != '@' || quoted || !begins {
                out.text.push(c);
                out.columns.push(column);
                if quoted && c == '\\' && at + 1 < letters.len() {
                    at += 1;
                    out.text.push(letters[at]);
                    out.columns.push(from.unwrap_or(at));
                } else if c == '"' {
                    quoted = !quoted;
                }
                at += 1;
                continue;
            }
            let name: String =
                letters[at + 1..].iter().take_while(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect();
            let Some(meant) = self.get(&name).filter(|_| depth < DEEPEST) else {
                return Err(self.unknown(&name, column, depth));
            };
            out.text.push('(');
            out.columns.push(column);
            self.expand_into(meant, Some(column), depth + 1, out)?;
            out.text.push(')');
            out.columns.push(column);
            at += 1 + name.chars().count();
        }
        Ok(())
    }

    fn unknown(&self, name: &str, column: usize, depth: usize) -> SelectError {
        let names = self.all().map(|(name, _)| name);
        let expected = match nearest(name, names) {
            _ if depth >= DEEPEST => "filters that do not name each other in a circle".into(),
            Some(near) => format!("a saved filter, perhaps `@{near}`"),
            None => "the name of a saved filter".into(),
        };
        SelectError { column: column + 1, found: format!("`@{name}`"), expected }
    }
}

/// The filters in that file; none where there is no file.
fn read_own(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let name = path.display().to_string();
    let text = read(path)?;
    toml::from_str(&text).map_err(|error| Source { name: &name, text: &text }.toml(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let given = [("bad", "state:failed or state:lost"), ("here", "@bad and site:rennes"), ("loop", "@loop")];
        let given = given.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        Saved::load(&given, None).0
    }

    #[test]
    fn names_are_replaced_outside_quotes() {
        let text = |text| saved().expand(text).unwrap().text;
        assert_eq!(text("web-* @bad"), "web-* (state:failed or state:lost)");
        assert_eq!(text("!@here"), "!((state:failed or state:lost) and site:rennes)");
        assert_eq!(text("\"@bad\" a@bad"), "\"@bad\" a@bad");
    }

    #[test]
    fn errors_stand_where_they_were_written() {
        let error = saved().expand("up @bda").unwrap_err();
        assert_eq!((error.column, error.expected.as_str()), (4, "a saved filter, perhaps `@bad`"));
        assert_eq!(saved().expand("@loop").unwrap_err().column, 1);
        let expanded = saved().expand("@bad and )").unwrap();
        let error = crate::fleet::Selection::quick_vms(&expanded.text).unwrap_err();
        assert_eq!(expanded.error(error).column, 10);
    }

    #[test]
    fn what_is_saved_is_there_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new");
        let (mut saved, _) = Saved::load(&BTreeMap::new(), Some(&dir));
        saved.save("mine", "cpu > 90 %").unwrap();
        assert!(saved.save("not one", "x").is_err());
        let (again, problem) = Saved::load(&BTreeMap::new(), Some(&dir));
        assert_eq!((again.get("mine"), problem), (Some("cpu > 90 %"), None));
        // Another console saves beside this one, and the file is a link.
        let there = dir.join("elsewhere.toml");
        std::fs::rename(dir.join("filters.toml"), &there).unwrap();
        std::os::unix::fs::symlink(&there, dir.join("filters.toml")).unwrap();
        let (mut other, _) = Saved::load(&BTreeMap::new(), Some(&dir));
        other.save("theirs", "state:up").unwrap();
        saved.save("more", "state:failed").unwrap();
        let (all, _) = Saved::load(&BTreeMap::new(), Some(&dir));
        assert_eq!(all.own.keys().collect::<Vec<_>>(), ["mine", "more", "theirs"]);
        assert!(std::fs::symlink_metadata(dir.join("filters.toml")).unwrap().is_symlink());
        std::fs::write(dir.join("filters.toml"), "mine = 3\n").unwrap();
        let (mut broken, problem) = Saved::load(&BTreeMap::new(), Some(&dir));
        assert!(problem.unwrap().contains("filters.toml:1"));
        assert!(broken.save("other", "x").is_err());
    }
}
