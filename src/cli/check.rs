//! `hemera check`: are these files right?

use std::path::Path;

use super::args::CheckArgs;
use super::{BAD_INPUT, DONE};
use crate::console::{ColorLevel, Keymap, Library, Theme};
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
}

/// The keys that tell what a file is. A file with keys of several sorts is the sort of which it has most.
const TELLING: [(Sort, &[&str]); 4] = [
    (Sort::World, &["cluster", "platform", "link", "load", "boot", "migration", "faults"]),
    (Sort::Workflow, &["step", "vm", "limits", "record", "seed"]),
    (Sort::Theme, &["style", "palette"]),
    (Sort::Keymap, &["everywhere", "sites", "hosts", "vms", "operations", "tasks"]),
];

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Workflow => "workflow",
            Self::Theme => "theme",
            Self::Keymap => "keymap",
        }
    }

    fn of(source: &Source) -> Result<Self, FileError> {
        let table: toml::Table = source.parse()?;
        let told = |keys: &[&str]| keys.iter().filter(|key| table.contains_key(**key)).count();
        let (most, sort) = TELLING
            .iter()
            .map(|(sort, keys)| (told(keys), *sort))
            .rev()
            .max_by_key(|(n, _)| *n)
            .expect("there are four sorts");
        if most == 0 {
            let message = "is no world ([[cluster]]), workflow ([[step]]), theme ([style]) or keymap ([everywhere])";
            return Err(FileError::of_file(source.name(), message));
        }
        Ok(sort)
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
            Ok(sort) => println!("{}: {}, ok", file.display(), sort.word()),
            Err(error) => errors.push(error),
        }
    }
    for error in &errors {
        eprintln!("error: {error}");
    }
    if errors.is_empty() { DONE } else { BAD_INPUT }
}

fn check_file(path: &Path, world: Option<&World>) -> Result<Sort, String> {
    let told = |error: FileError| error.to_string();
    let source = files::read(path).map_err(told)?;
    let library = Library::from_env(&|name| std::env::var(name).ok());
    let sort = Sort::of(&source).map_err(told)?;
    match sort {
        Sort::World => drop(World::parse(source.text(), source.name()).map_err(told)?),
        Sort::Workflow => {
            let workflow = Workflow::parse(source.text(), source.name()).map_err(told)?;
            if let Some(world) = world {
                workflow.check(world).map_err(told)?;
            }
        }
        // Colours are checked before they are fitted to what a terminal can show.
        Sort::Theme => {
            drop(
                Theme::parse(&library, source.name(), source.text(), ColorLevel::True)
                    .map_err(|error| error.to_string())?,
            );
        }
        Sort::Keymap => {
            drop(Keymap::parse(&library, source.name(), source.text()).map_err(|error| error.to_string())?);
        }
    }
    Ok(sort)
}
