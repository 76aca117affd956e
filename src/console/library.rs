//! Where themes and keymaps come from: those of the user first, then those that are built in; and which inherits which.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::config::{ConfigError, Source, read, unknown};

/// The user's own folder of configuration: `$XDG_CONFIG_HOME/hemera`, else `~/.config/hemera`.
#[derive(Debug, Clone, Default)]
pub struct Library {
    dir: Option<PathBuf>,
}

/// What a folder of the library holds.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The folder's name.
    pub folder: &'static str,
    /// What each file in it is.
    pub what: &'static str,
    /// Names and texts of those that are built in.
    pub built_in: &'static [(&'static str, &'static str)],
}

/// A file that was found, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// Its name in errors: the path, or `themes/dark.toml` where it is built in.
    pub file: String,
    pub text: String,
}

impl Text {
    pub(crate) fn source(&self) -> Source<'_> {
        Source { name: &self.file, text: &self.text }
    }
}

impl Library {
    /// A library with the user's files in that folder, or without any.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// The user's library, by a function that looks variables up.
    pub fn from_env(var: &impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // As its specification says, a relative XDG_CONFIG_HOME is as good as none.
        let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let config = config.or_else(|| set("HOME").map(|home| home.join(".config")));
        Self { dir: config.map(|dir| dir.join("hemera")) }
    }

    /// The folder, whether it exists or not.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// A file of the folder, where there is one of that name.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(name)).filter(|path| path.exists())
    }

    /// All names on a shelf: the built-in ones in their order, then the user's by name.
    pub(crate) fn names(&self, of: &Shelf) -> Vec<String> {
        let mut names: Vec<String> = of.built_in.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files = self.dir.as_ref().and_then(|dir| std::fs::read_dir(dir.join(of.folder)).ok());
        let mut own: Vec<String> = files
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .filter(|name| !names.contains(name))
            .collect();
        own.sort_unstable();
        names.append(&mut own);
        names
    }

    /// Where a name or path is found. `child` is the file that names it: a file that inherits its own name means the
    /// built-in one.
    fn find(&self, of: &Shelf, name: &str, child: Option<&str>) -> Result<Text, Trouble> {
        if name.contains(['/', '.']) {
            return read(name.as_ref()).map(|text| Text { file: name.to_owned(), text }).map_err(Trouble::Unreadable);
        }
        if let Some(path) = self.file(&format!("{}/{name}.toml", of.folder)) {
            let file = path.display().to_string();
            let itself = child == Some(&file);
            if itself && !of.built_in.iter().any(|(built_in, _)| *built_in == name) {
                let problem = format!("inherits itself, and no built-in {} has its name", of.what);
                return Err(Trouble::Unknown(problem));
            }
            if !itself {
                return read(&path).map(|text| Text { file, text }).map_err(Trouble::Unreadable);
            }
        }
        match of.built_in.iter().find(|(built_in, _)| *built_in == name) {
            Some((_, text)) => Ok(Text { file: format!("{}/{name}.toml", of.folder), text: (*text).to_owned() }),
            None => Err(Trouble::Unknown(unknown(of.what, name, self.names(of).iter().map(String::as_str)))),
        }
    }

    /// What is found under a name or path, after all that it inherits, the oldest ancestor first.
    ///
    /// # Errors
    /// Where it or an ancestor does not exist, is no TOML, or inherits itself; with the line that says so.
    pub(crate) fn load(&self, of: &Shelf, name_or_path: &str) -> Result<Vec<Text>, ConfigError> {
        let found = self.find(of, name_or_path, None).map_err(|trouble| match trouble {
            Trouble::Unreadable(error) => error,
            Trouble::Unknown(problem) => ConfigError { file: name_or_path.to_owned(), line: 0, problem },
        })?;
        self.with_ancestors(of, found)
    }

    /// A text after all that it inherits.
    ///
    /// # Errors
    /// See [`Library::load`].
    pub(crate) fn with_ancestors(&self, of: &Shelf, text: Text) -> Result<Vec<Text>, ConfigError> {
        let mut line = vec![text];
        loop {
            let child = &line[line.len() - 1];
            let source = child.source();
            let table = DeTable::parse(&child.text).map_err(|error| source.toml(&error))?;
            let Some(parent) = table.get_ref().get("inherit") else { break };
            let span = parent.span();
            let Some(name) = parent.get_ref().as_str() else {
                let problem = format!("inherit: found {}, expected a name in quotes", parent.get_ref().type_str());
                return Err(source.error(&span, problem));
            };
            let found = self.find(of, name, Some(&child.file)).map_err(|trouble| match trouble {
                Trouble::Unreadable(error) => source.error(&span, format!("inherit: {}", error.problem)),
                Trouble::Unknown(problem) => source.error(&span, problem),
            })?;
            if line.iter().any(|text| text.file == found.file) {
                let names: Vec<&str> =
                    line.iter().map(|text| text.file.as_str()).chain([found.file.as_str()]).collect();
                return Err(source.error(&span, format!("inherits itself: {}", names.join(" -> "))));
            }
            line.push(found);
        }
        line.reverse();
        Ok(line)
    }
}

/// Why something is not found.
enum Trouble {
    Unreadable(ConfigError),
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELF: Shelf =
        Shelf { folder: "themes", what: "theme", built_in: &[("dark", "a = 1\n"), ("light", "b = 1\n")] };

    fn library(files: &[(&str, &str)]) -> (tempfile::TempDir, Library) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("themes")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join("themes").join(name), text).unwrap();
        }
        let library = Library::new(Some(dir.path().to_owned()));
        (dir, library)
    }

    #[test]
    fn the_folder_is_where_the_environment_says() {
        let dir = |pairs: &[(&str, &str)]| {
            let var = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            Library::from_env(&var).dir().map(|dir| dir.display().to_string())
        };
        assert_eq!(dir(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]).as_deref(), Some("/x/hemera"));
        assert_eq!(dir(&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")]).as_deref(), Some("/h/.config/hemera"));
        assert_eq!(dir(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]).as_deref(), Some("/h/.config/hemera"));
        assert_eq!(dir(&[]), None);
    }

    #[test]
    fn the_users_file_comes_before_the_built_in_one_and_may_inherit_it() {
        let (dir, library) = library(&[("dark.toml", "inherit = \"dark\"\n"), ("mine.toml", "inherit = \"dark\"")]);
        let files: Vec<String> = library.load(&SHELF, "mine").unwrap().into_iter().map(|t| t.file).collect();
        let path = |name: &str| dir.path().join("themes").join(name).display().to_string();
        assert_eq!(files, ["themes/dark.toml".to_owned(), path("dark.toml"), path("mine.toml")]);
        assert_eq!(library.names(&SHELF), ["dark", "light", "mine"]);
    }

    #[test]
    fn circles_and_unknown_parents_are_told_with_their_line() {
        let (_dir, library) = library(&[
            ("a.toml", "# first\ninherit = \"b\"\n"),
            ("b.toml", "inherit = \"a\"\n"),
            ("self.toml", "inherit = \"self\"\n"),
            ("lost.toml", "\n\ninherit = \"drak\"\n"),
            ("odd.toml", "inherit = 3\n"),
        ]);
        let error = |name: &str| library.load(&SHELF, name).unwrap_err().to_string();
        assert!(error("a").contains("b.toml:1: inherits itself: "), "{}", error("a"));
        assert!(error("self").contains("self.toml:1: inherits itself"), "{}", error("self"));
        assert!(error("lost").contains("lost.toml:3: unknown theme `drak`, did you mean `dark`?"), "{}", error("lost"));
        assert!(error("odd").contains("odd.toml:1: inherit: found integer"), "{}", error("odd"));
        assert!(error("gone").starts_with("gone: unknown theme"), "{}", error("gone"));
    }
}
