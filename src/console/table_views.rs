//! Saved views of the tables: columns, order and filter under a name, kept in `views.toml` in the user's folder of
//! configuration.
//!
//! ```toml
//! [[view]]
//! name = "hot"
//! table = "hosts"
//! columns = ["name 20", "cpu", "vms"]
//! sort = "cpu"
//! descending = true
//! filter = "cpu > 80 %"
//! ```
//!
//! A file that cannot be understood is said and never written to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::columns::{Column, Columns, NARROWEST, Table, WIDEST};
use super::config::{ConfigError, Source, real, unknown};
use super::order::Sort;
use crate::fleet::Selection;

/// The view that a table has from the start, where there is one of that name.
pub(crate) const DEFAULT: &str = "default";

/// A saved view.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableView {
    pub name: String,
    pub table: Table,
    /// The columns that are shown, in their order, with widths that somebody set.
    pub columns: Vec<(Column, Option<u16>)>,
    pub sort: Sort,
    pub filter: String,
}

impl TableView {
    /// What a table shows now, under a name.
    pub(crate) fn of(name: &str, columns: &Columns, sort: Sort, filter: &str) -> Self {
        Self {
            name: name.to_owned(),
            table: columns.table,
            columns: columns.shown().map(|c| (c.shape.column, c.width)).collect(),
            sort,
            filter: filter.to_owned(),
        }
    }

    /// Its columns, as they are shown.
    pub(crate) fn shown(&self) -> Columns {
        Columns::of(self.table, &self.columns)
    }
}

/// The file of saved views.
#[derive(Debug, Clone, Default)]
pub(crate) struct ViewsFile {
    path: Option<PathBuf>,
}

impl ViewsFile {
    /// The file in this folder.
    pub(crate) fn new(dir: Option<&Path>) -> Self {
        Self { path: dir.map(|dir| dir.join("views.toml")) }
    }

    fn path(&self) -> Result<&Path, ConfigError> {
        self.path.as_deref().ok_or_else(|| ConfigError {
            file: "views.toml".into(),
            line: 0,
            problem: "there is no folder for it: neither XDG_CONFIG_HOME nor HOME is set".into(),
        })
    }

    /// All views; none where there is no file.
    ///
    /// # Errors
    /// Where the file cannot be read, or with the line that cannot be understood.
    pub(crate) fn load(&self) -> Result<Vec<TableView>, ConfigError> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        match std::fs::read_to_string(path) {
            Ok(text) => parse(&path.display().to_string(), &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed(path, "read", &error)),
        }
    }

    /// Saves a view in the place of one of the same name of the same table. Says whether there was one.
    ///
    /// # Errors
    /// Where the file that is there cannot be understood, or nothing can be written.
    pub(crate) fn save(&self, view: TableView) -> Result<bool, ConfigError> {
        // Read anew: another console may have saved something meanwhile.
        let mut views = self.load()?;
        let place = views.iter().position(|v| (&v.name, v.table) == (&view.name, view.table));
        match place {
            Some(at) => views[at] = view,
            None => views.push(view),
        }
        self.store(&views)?;
        Ok(place.is_some())
    }

    /// Forgets a view.
    ///
    /// # Errors
    /// As [`ViewsFile::save`].
    pub(crate) fn delete(&self, name: &str, table: Table) -> Result<(), ConfigError> {
        let mut views = self.load()?;
        views.retain(|v| (v.name.as_str(), v.table) != (name, table));
        self.store(&views)
    }

    /// Writes beside the file and puts the new one in its place, so that it is never half written.
    fn store(&self, views: &[TableView]) -> Result<(), ConfigError> {
        let path = &real(self.path()?);
        let beside = path.with_extension(format!("toml.{}", std::process::id()));
        let write = || {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            let mut file = std::fs::File::create(&beside)?;
            file.write_all(written(views).as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().map_err(|error| {
            drop(std::fs::remove_file(&beside));
            failed(path, "written", &error)
        })
    }
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> ConfigError {
    ConfigError { file: path.display().to_string(), line: 0, problem: format!("cannot be {what}: {error}") }
}

/// The views as the file says them.
fn written(views: &[TableView]) -> String {
    let mut out = String::from("# Views of Hemera's tables. One named `default` is what its table begins with.\n");
    for view in views {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let id = |column| view.table.shape(column).map_or("id", |s| s.id);
        let column = |(column, width): &(Column, Option<u16>)| match width {
            Some(width) => format!("\"{} {width}\"", id(*column)),
            None => format!("\"{}\"", id(*column)),
        };
        let columns: Vec<String> = view.columns.iter().map(column).collect();
        let said = format!(
            "\n[[view]]\nname = {}\ntable = \"{}\"\ncolumns = [{}]\nsort = \"{}\"\ndescending = {}\nfilter = {}\n",
            text(&view.name),
            view.table.word(),
            columns.join(", "),
            id(view.sort.column),
            view.sort.descending,
            text(&view.filter),
        );
        out.push_str(&said);
    }
    out
}

const KEYS: [&str; 6] = ["name", "table", "columns", "sort", "descending", "filter"];

/// Checks a file of saved views.
///
/// # Errors
/// With the line of the first thing that cannot be understood.
pub fn check(file: &str, text: &str) -> Result<(), ConfigError> {
    parse(file, text).map(drop)
}

/// Reads the file.
fn parse(file: &str, text: &str) -> Result<Vec<TableView>, ConfigError> {
    let source = Source { name: file, text };
    let table = DeTable::parse(text).map_err(|error| source.toml(&error))?;
    let mut views: Vec<TableView> = Vec::new();
    for (key, value) in table.get_ref() {
        let Some(list) = value.get_ref().as_array().filter(|_| key.get_ref() == "view") else {
            let problem = if key.get_ref() == "view" {
                "expected [[view]], a table for each view".to_owned()
            } else {
                unknown("key", key.get_ref(), ["view"])
            };
            return Err(source.error(&key.span(), problem));
        };
        for value in list {
            let view = view(&source, value)?;
            if views.iter().any(|v| (&v.name, v.table) == (&view.name, view.table)) {
                let problem = format!("there is a view `{}` of {} already", view.name, view.table.word());
                return Err(source.error(&value.span(), problem));
            }
            views.push(view);
        }
    }
    Ok(views)
}

fn view(source: &Source<'_>, value: &Spanned<DeValue<'_>>) -> Result<TableView, ConfigError> {
    let table = source.table(value)?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref())) {
        return Err(source.error(&key.span(), unknown("key", key.get_ref(), KEYS)));
    }
    let missing = |key: &str| source.error(&value.span(), format!("this view has no `{key}`"));
    let text = |key: &str| table.get(key).map(|v| source.string(v)).transpose();
    let name = text("name")?.filter(|name| !name.trim().is_empty()).ok_or_else(|| missing("name"))?.to_owned();
    let word = text("table")?.ok_or_else(|| missing("table"))?;
    let Some(of) = Table::ALL.into_iter().find(|t| t.word() == word) else {
        return Err(source.error(&table["table"].span(), unknown("table", word, Table::ALL.map(Table::word))));
    };
    let columns = match table.get("columns") {
        Some(value) => columns(source, of, value)?,
        None => Columns::new(of).shown().map(|c| (c.shape.column, None)).collect(),
    };
    let descending = table.get("descending").map(|v| source.switch(v)).transpose()?.unwrap_or(false);
    let sorted = text("sort")?.map_or(Ok(Column::Id), |id| column(source, of, &table["sort"], id))?;
    let filter = text("filter")?.unwrap_or_default().to_owned();
    let names_saved = filter.contains('@');
    let read = if of == Table::Vms { Selection::quick_vms(&filter) } else { Selection::quick_hosts(&filter) };
    // What saved filters stand for is known where the view is shown.
    if let Err(error) = read.map(drop).or_else(|error| if names_saved { Ok(()) } else { Err(error) }) {
        return Err(source.error(&table["filter"].span(), format!("this filter cannot be read: {error}")));
    }
    Ok(TableView { name, table: of, columns, sort: Sort { column: sorted, descending }, filter })
}

fn columns(
    source: &Source<'_>,
    of: Table,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<(Column, Option<u16>)>, ConfigError> {
    let list = value
        .get_ref()
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| source.error(&value.span(), "expected a list of columns, as in [\"name\", \"host 20\"]"))?;
    let mut columns: Vec<(Column, Option<u16>)> = Vec::new();
    for value in list {
        let text = source.string(value)?;
        let (id, width) = text.split_once(' ').map_or((text, None), |(id, width)| (id, Some(width)));
        let column = column(source, of, value, id)?;
        let width = match width.map(str::parse) {
            None => None,
            Some(Ok(width)) if (NARROWEST..=WIDEST).contains(&width) => Some(width),
            Some(_) => {
                let problem = format!("`{text}`: expected a width from {NARROWEST} to {WIDEST} after the column");
                return Err(source.error(&value.span(), problem));
            }
        };
        if columns.iter().any(|(c, _)| *c == column) {
            return Err(source.error(&value.span(), format!("the column `{id}` stands here twice")));
        }
        columns.push((column, width));
    }
    Ok(columns)
}

fn column(source: &Source<'_>, of: Table, value: &Spanned<DeValue<'_>>, id: &str) -> Result<Column, ConfigError> {
    let known = || of.shapes().iter().map(|s| s.id);
    let found = of.shapes().iter().find(|s| s.id == id);
    found.map(|s| s.column).ok_or_else(|| source.error(&value.span(), unknown("column", id, known())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrong(text: &str) -> String {
        parse("views.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let of = "[[view]]\nname = \"a\"\ntable = \"vms\"\n";
        assert_eq!(wrong("[[veiw]]\n"), "views.toml:1: unknown key `veiw`, did you mean `view`?");
        assert_eq!(wrong("view = 3\n"), "views.toml:1: expected [[view]], a table for each view");
        assert_eq!(wrong(&format!("{of}colums = []\n")), "views.toml:4: unknown key `colums`, did you mean `columns`?");
        assert_eq!(
            wrong(&format!("{of}columns = [\n  \"name\",\n  \"hots 20\"]\n")),
            "views.toml:6: unknown column `hots`, did you mean `host`?"
        );
        assert!(wrong(&format!("{of}columns = [\"name 2\"]\n")).contains("expected a width from 3 to 80"));
        assert!(wrong(&format!("{of}columns = [\"name\", \"name\"]\n")).contains("twice"));
        assert!(wrong(&format!("{of}columns = []\n")).contains("expected a list of columns"));
        assert!(wrong(&format!("{of}sort = \"demand\"\n")).starts_with("views.toml:4: unknown column `demand`"));
        assert!(wrong(&format!("{of}filter = \"cpu >\"\n")).starts_with("views.toml:4: this filter cannot be read"));
        assert!(wrong(&format!("{of}{of}")).contains("there is a view `a` of vms already"));
        assert_eq!(wrong("[[view]]\nname = \"a\"\n"), "views.toml:1: this view has no `table`");
        assert_eq!(
            wrong("[[view]]\nname = \"a\"\ntable = \"host\"\n"),
            "views.toml:3: unknown table `host`, did you mean `hosts`?"
        );
        assert!(wrong("[[view]\n").starts_with("views.toml:1: "));
    }

    #[test]
    fn a_broken_file_is_never_written_to() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("views.toml"), "[[view]]\nnaem = 1\n").unwrap();
        let file = ViewsFile::new(Some(dir.path()));
        let view = TableView::of("a", &Columns::new(Table::Vms), Sort::default(), "");
        assert!(file.save(view).unwrap_err().to_string().contains("views.toml:2: unknown key `naem`"));
        assert!(file.delete("a", Table::Vms).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("views.toml")).unwrap(), "[[view]]\nnaem = 1\n");
    }

    #[test]
    fn a_link_to_the_file_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (there, link) = (dir.path().join("elsewhere.toml"), dir.path().join("views.toml"));
        std::fs::write(&there, "").unwrap();
        std::os::unix::fs::symlink(&there, &link).unwrap();
        let file = ViewsFile::new(Some(dir.path()));
        file.save(TableView::of("a", &Columns::new(Table::Vms), Sort::default(), "")).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&there).unwrap().contains("[[view]]"));
    }

    fn any_view() -> impl Strategy<Value = TableView> {
        let table = prop_oneof![Just(Table::Vms), Just(Table::Hosts)];
        (table, "\\PC{1,12}", any::<bool>(), any::<usize>(), "[a-z\"'\\\\]{0,3}").prop_flat_map(
            |(table, name, descending, sort, filter)| {
                let all: Vec<Column> = table.shapes().iter().map(|s| s.column).collect();
                let count = all.len();
                let sort = Sort { column: all[sort % count], descending };
                // Only filters that can be read are ever saved.
                let filter = if Selection::quick_vms(&filter).is_ok() { filter } else { String::new() };
                let columns = proptest::sample::subsequence(all, 1..=count).prop_shuffle();
                let widths = prop::collection::vec(prop::option::of(NARROWEST..=WIDEST), count);
                (Just(name), Just(filter), columns, widths).prop_map(move |(name, filter, columns, widths)| {
                    let columns = columns.into_iter().zip(widths).collect();
                    TableView { name: format!("v{name}"), table, columns, sort, filter }
                })
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_saved_is_read_again(views in prop::collection::vec(any_view(), 1..6)) {
            let dir = tempfile::tempdir().unwrap();
            let file = ViewsFile::new(Some(&dir.path().join("new")));
            let mut kept: Vec<TableView> = Vec::new();
            for view in views {
                let replaced = file.save(view.clone()).unwrap();
                let before = kept.len();
                match kept.iter_mut().find(|v| (&v.name, v.table) == (&view.name, view.table)) {
                    Some(there) => *there = view,
                    None => kept.push(view),
                }
                prop_assert_eq!(replaced, kept.len() == before);
            }
            prop_assert_eq!(file.load().unwrap(), kept.clone());
            let gone = kept.remove(0);
            file.delete(&gone.name, gone.table).unwrap();
            prop_assert_eq!(file.load().unwrap(), kept);
        }
    }
}
