//! `hemera check`: are these files right?

use std::ffi::OsStr;
use std::path::Path;

use super::args::CheckArgs;
use super::{BAD_INPUT, DONE};
use crate::console::settings::{Overrides, SETTINGS, Settings};
use crate::console::{
    ColorLevel, ConfigError, Context, Demo, Key, Keymap, Library, Plugin, Theme, check_filters, check_views,
};
use crate::files::{self, FileError, Source};
use crate::workflow::Workflow;
use crate::world::World;

/// What a file is, told by the keys that only such files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    World,
    Workflow,
    Theme,
    Keymap,
    Config,
    Plugins,
    Demo,
    Views,
    Filters,
}

/// All that their keys tell. Where keys leave it open, the first counts.
const SORTS: [Sort; 8] =
    [Sort::World, Sort::Workflow, Sort::Theme, Sort::Keymap, Sort::Config, Sort::Plugins, Sort::Demo, Sort::Views];

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Workflow => "workflow",
            Self::Theme => "theme",
            Self::Keymap => "keymap",
            Self::Config => "configuration",
            Self::Plugins => "plugins",
            Self::Demo => "demo",
            Self::Views => "saved views",
            Self::Filters => "saved filters",
        }
    }

    /// Whether files of this sort have such a key and few others do.
    fn has(self, key: &str) -> bool {
        match self {
            Self::World => ["cluster", "platform", "link", "load", "boot", "migration", "faults"].contains(&key),
            Self::Workflow => ["step", "vm", "limits", "record", "seed"].contains(&key),
            Self::Theme => ["style", "palette"].contains(&key),
            Self::Keymap => Context::ALL.iter().any(|(_, name)| *name == key),
            Self::Config => {
                let setting = |name: &str| name.split('.').next() == Some(key);
                ["filters", "aliases", "views"].contains(&key) || SETTINGS.iter().any(|s| setting(s.key))
            }
            Self::Plugins => key == "plugin",
            Self::Demo => ["world", "vms", "speed", "end", "step"].contains(&key),
            Self::Views => key == "view",
            // Their names are anybody's.
            Self::Filters => false,
        }
    }

    /// What a file is by where it lies: in the user's folder of configuration that says it.
    fn by_place(path: &Path) -> Option<Self> {
        let folder = path.parent().and_then(Path::file_name).and_then(OsStr::to_str);
        match (path.file_name().and_then(OsStr::to_str), folder) {
            (Some("config.toml"), _) => Some(Self::Config),
            (Some("plugins.toml"), _) => Some(Self::Plugins),
            (Some("views.toml"), _) => Some(Self::Views),
            (Some("filters.toml"), _) => Some(Self::Filters),
            (_, Some("themes")) => Some(Self::Theme),
            (_, Some("keymaps")) => Some(Self::Keymap),
            (_, Some("demos")) => Some(Self::Demo),
            _ => None,
        }
    }

    /// What a file is by its keys, most of which must be of that sort; by its place where they do not tell.
    fn of(source: &Source, path: &Path) -> Result<Self, FileError> {
        let table: toml::Table = source.parse()?;
        let told = |sort: Self| table.keys().filter(|key| sort.has(key)).count();
        let by_keys = SORTS.iter().rev().map(|sort| (told(*sort), *sort)).max_by_key(|(n, _)| *n);
        let by_keys = by_keys.filter(|(n, _)| *n > 0).map(|(_, sort)| sort);
        let by_place = Self::by_place(path);
        let found = if by_place == Some(Self::Filters) { by_place } else { by_keys.or(by_place) };
        found.ok_or_else(|| {
            let message = "is no world ([[cluster]]), workflow ([[step]]), theme ([style]), keymap ([everywhere]), \
                           configuration (theme = ...), list of plugins ([[plugin]]) or of views ([[view]]), or demo";
            FileError::of_file(source.name(), message)
        })
    }
}

/// Checks all files, says what is wrong with each, and returns the exit code.
pub(super) fn check(args: &CheckArgs) -> u8 {
    let mut errors = Vec::new();
    let world = args.world.as_deref().and_then(|name| match World::load(name) {
        Ok(world) => Some(world),
        Err(error) => {
            errors.push(error.to_string());
            None
        }
    });
    for file in &args.files {
        match check_file(file, world.as_ref()) {
            Ok(sort) => say!("{}: {}, ok", file.display(), sort.word()),
            Err(error) => errors.push(error),
        }
    }
    for error in &errors {
        note!("error: {error}");
    }
    if errors.is_empty() { DONE } else { BAD_INPUT }
}

fn check_file(path: &Path, world: Option<&World>) -> Result<Sort, String> {
    let told = |error: FileError| error.to_string();
    let source = files::read(path).map_err(told)?;
    let sort = Sort::of(&source, path).map_err(told)?;
    match sort {
        Sort::World => drop(World::parse(source.text(), source.name()).map_err(told)?),
        Sort::Workflow => {
            let workflow = Workflow::parse(source.text(), source.name()).map_err(told)?;
            if let Some(world) = world {
                workflow.check(world).map_err(told)?;
            }
        }
        _ => check_config(path, &source, sort).map_err(|error| error.to_string())?,
    }
    Ok(sort)
}

/// Checks a file of the console's configuration, with what it names in the user's.
fn check_config(path: &Path, source: &Source, sort: Sort) -> Result<(), ConfigError> {
    let var = |name: &str| std::env::var(name).ok();
    let library = Library::from_env(&var);
    match sort {
        // Colours are checked before they are fitted to what a terminal can show.
        Sort::Theme => drop(Theme::parse(&library, source.name(), source.text(), ColorLevel::True)?),
        Sort::Keymap => drop(Keymap::parse(&library, source.name(), source.text())?),
        Sort::Plugins => {
            let plugins = Plugin::parse(path, source.text())?;
            let settings = Settings::read(&library, None, &Overrides::from_env(&var)?)?;
            Plugin::check(&plugins, &Keymap::load(&library, settings.text(Key::Keymap))?)?;
        }
        Sort::Demo => drop(Demo::parse(source.name(), source.text())?),
        Sort::Views => check_views(source.name(), source.text())?,
        Sort::Filters => {
            let settings = Settings::read(&library, None, &Overrides::from_env(&var)?)?;
            check_filters(source.name(), source.text(), &settings.filters)?;
        }
        _ => drop(Settings::parse(path, source.text())?),
    }
    Ok(())
}
