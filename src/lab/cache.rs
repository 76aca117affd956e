//! Where guests are kept from lab to lab: a directory each, whose name holds a checksum of all that went in.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::run::{command, finish, run};
use super::{LabError, record};

/// The directory of all of them.
const CACHE: &str = "/var/cache/hemera/lab";

/// How long what nobody asks for stays: a lab may be about to start with it, or another version of this program at work.
const KEPT: Duration = Duration::from_hours(24);

/// The directory of what has that name.
pub(super) fn dir(name: &str) -> PathBuf {
    Path::new(CACHE).join(name)
}

/// Twelve digits of a checksum of files' contents and of a text: what is made of the same is the same.
pub(super) fn key<'a>(files: impl IntoIterator<Item = &'a PathBuf>, text: &str) -> Result<String, LabError> {
    let mut files = files.into_iter().peekable();
    let sums = if files.peek().is_some() { run("sha256sum", files)? } else { String::new() };
    let script = "printf %s \"$0\" | sha256sum";
    Ok(run("sh", ["-c", script, &(sums + text)])?.chars().take(12).collect())
}

/// Whether a directory is there and holds what its checksums say.
pub(super) fn intact(dir: &Path) -> bool {
    dir.join("SHA256SUMS").exists()
        && finish(command("sha256sum").args(["--check", "--status", "SHA256SUMS"]).current_dir(dir)).is_ok()
}

/// An empty directory in which what is to be `dir` is made. What builds have left that were killed goes first.
pub(super) fn draft(dir: &Path) -> Result<PathBuf, LabError> {
    for entry in fs::read_dir(CACHE).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split_once(".draft-").map(|(_, process)| process);
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let draft = PathBuf::from(format!("{}.draft-{}", dir.display(), std::process::id()));
    let _ = fs::remove_dir_all(&draft);
    fs::create_dir_all(&draft).map_err(LabError::file(&draft))?;
    Ok(draft)
}

/// Gives a draft its name. What is damaged goes; what another process has built meanwhile is as good as ours.
pub(super) fn keep(draft: &Path, dir: &Path) -> Result<(), LabError> {
    if !intact(dir) {
        let _ = fs::remove_dir_all(dir);
    }
    if let Err(error) = fs::rename(draft, dir) {
        let _ = fs::remove_dir_all(draft);
        if !intact(dir) {
            return Err(LabError::file(dir)(error));
        }
    }
    Ok(())
}

/// Has `name` lead to the one that was taken last, and removes older ones that nobody needs any more. Made beside and moved
/// over: whoever looks finds the old one or the new one.
pub(super) fn take(name: &str, to: &Path, say: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let (link, draft) = (dir(name), dir(&format!("{name}-{}", std::process::id())));
    in_use(to);
    if fs::read_link(&link).ok().as_deref() != Some(to) {
        let _ = fs::remove_file(&draft);
        symlink(to, &draft).and_then(|()| fs::rename(&draft, &link)).map_err(LabError::file(link))?;
    }
    clear(Path::new(CACHE), name, to, Uses::of_labs(), say);
    Ok(())
}

/// Removes what nobody needs any more. What was asked for is there in any case: trouble here is no reason to do without.
fn clear(cache: &Path, name: &str, newest: &Path, uses: Result<Uses, LabError>, say: &mut dyn FnMut(&str)) {
    let uses = match uses {
        Ok(uses) => uses,
        Err(error) => return say(&format!("older ones stay, as it is not known what labs use: {error}")),
    };
    for old in outdated(cache, name, newest, &uses) {
        match fs::remove_dir_all(&old) {
            Ok(()) => say(&format!("{} was removed: no lab uses it", old.display())),
            // It is in nobody's way but the disk's.
            Err(error) => tracing::warn!(old = %old.display(), %error, "an old guest stays"),
        }
    }
}

/// Notes that somebody is about to use what is there.
pub(super) fn in_use(dir: &Path) {
    let noted = File::open(dir).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = noted {
        tracing::warn!(dir = %dir.display(), %error, "its use could not be noted");
    }
}

/// The path without links on the way: what is compared.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// What labs of this machine may boot.
#[derive(Debug, Default)]
struct Uses {
    /// What they took at their starts.
    taken: Vec<PathBuf>,
    /// Their files for users, whose classes may name others, and which alone tell what labs took whose records do not.
    written: String,
    /// When the first of them began: what has been asked for since, their VMs may have found behind its link.
    since: Option<SystemTime>,
}

impl Uses {
    fn of_labs() -> Result<Self, LabError> {
        let labs = record::all()?;
        let files = labs.iter().flat_map(|record| [record.world(), record.workflow()]);
        // Of a lab that is just starting they are not there yet.
        let written = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
        let since = labs.iter().filter_map(record::Record::began).min();
        Ok(Self { taken: labs.into_iter().flat_map(|record| record.uses).collect(), written, since })
    }

    /// Whether one may be in use that was asked for then.
    fn may_include(&self, path: &Path, asked: SystemTime) -> bool {
        let real = real(path);
        let named = |path: &Path| self.written.contains(&*path.to_string_lossy());
        self.since.is_some_and(|since| asked >= since) || named(path) || named(&real) || self.taken.contains(&real)
    }
}

/// Those of `name` in `cache` beside `newest` that nobody has asked for lately, and that no lab may use.
fn outdated(cache: &Path, name: &str, newest: &Path, uses: &Uses) -> Vec<PathBuf> {
    let prefix = format!("{name}-");
    let old = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir);
        let Some(asked) = found.and_then(|found| found.modified().ok()) else { return false };
        // A draft is that of a build.
        asked.elapsed().is_ok_and(|unused| unused > KEPT)
            && file.starts_with(&prefix)
            && !file.contains(".draft-")
            && real(path) != real(newest)
            && !uses.may_include(path, asked)
    };
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(old).collect()
}

/// The static `hemera-load`: what `HEMERA_LOAD` says, or beside this program, or where `load/build` leaves it.
pub(super) fn load_tool() -> Option<PathBuf> {
    let said = std::env::var_os("HEMERA_LOAD").map(PathBuf::from);
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let beside = folder.map(|folder| folder.join("hemera-load"));
    // Programs are in target/debug or target/release, tests one level further down.
    let targets = folder.into_iter().flat_map(|folder| folder.ancestors().skip(1).take(2));
    let built = targets
        .map(|target| target.join(format!("static/{}-unknown-linux-gnu/load/hemera-load", std::env::consts::ARCH)));
    said.into_iter()
        .chain(beside)
        .chain(built)
        .find(|path| path.is_file() && is_static(path))
        .and_then(|path| path.canonicalize().ok())
}

/// Whether a program runs without the libraries of this machine. A usual build of the tool, as tests make it beside this
/// program, does not.
fn is_static(program: &Path) -> bool {
    match run("ldd", [program]) {
        Ok(said) => said.contains("statically linked"),
        Err(error) => error.to_string().contains("not a dynamic executable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_have_the_same_key_and_others_another() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![folder.path().join("a")];
        fs::write(&files[0], "1").unwrap();
        let first = key(&files, "text").unwrap();
        assert_eq!((first.len(), key(&files, "text").unwrap()), (12, first.clone()));
        assert_ne!(key(&files, "texts").unwrap(), first);
        assert_ne!(key(&[], "text").unwrap(), first);
        fs::write(&files[0], "2").unwrap();
        assert_ne!(key(&files, "text").unwrap(), first);
    }

    /// A cache with guests that nobody has asked for lately.
    fn aged(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let dir = folder.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("disk"), "").unwrap();
            File::open(&dir).unwrap().set_modified(SystemTime::now() - KEPT - Duration::from_mins(1)).unwrap();
        }
        folder
    }

    #[test]
    fn what_is_old_goes_unless_a_lab_has_it_or_it_is_the_newest() {
        let folder = aged(&["debian-1", "debian-2", "debian-3", "debian-4", "debian-5.draft-1", "debian-7", "guest-1"]);
        in_use(&folder.path().join("debian-2"));
        let link = folder.path().join("debian-6");
        symlink(folder.path().join("debian-1"), &link).unwrap();
        let mut uses = Uses {
            taken: vec![real(&folder.path().join("debian-7"))],
            written: format!("image = \"{}/disk\"", folder.path().join("debian-3").display()),
            since: None,
        };
        let found = |uses: &Uses| outdated(folder.path(), "debian", &folder.path().join("debian-4"), uses);
        assert_eq!(found(&uses), [folder.path().join("debian-1")]);
        uses.since = Some(SystemTime::now() - KEPT);
        assert_eq!(found(&uses), [folder.path().join("debian-1")], "it was asked for before any lab began");
        uses.since = Some(SystemTime::now() - KEPT * 2);
        assert_eq!(found(&uses), Vec::<PathBuf>::new(), "a lab may have found it behind the link");
    }

    #[test]
    fn what_a_lab_has_is_known_behind_links() {
        let folder = aged(&["debian-1", "debian-2", "debian-3", "debian-4"]);
        let links = tempfile::tempdir().unwrap();
        let cache = links.path().join("cache");
        symlink(folder.path(), &cache).unwrap();
        let uses = Uses {
            taken: vec![real(&cache.join("debian-2"))],
            written: format!("image = \"{}/disk\"", real(&cache.join("debian-3")).display()),
            since: None,
        };
        assert_eq!(outdated(&cache, "debian", &folder.path().join("debian-4"), &uses), [cache.join("debian-1")]);
    }

    #[test]
    fn nothing_goes_where_it_is_not_known_what_labs_use() {
        let folder = aged(&["debian-1", "debian-2"]);
        let (old, newest) = (folder.path().join("debian-1"), folder.path().join("debian-2"));
        let told = |uses| {
            let mut told = Vec::new();
            clear(folder.path(), "debian", &newest, uses, &mut |words| told.push(words.to_owned()));
            told.join("\n")
        };
        let unreadable = LabError::file("/var/lib/hemera/lab/3.toml")(std::io::ErrorKind::InvalidData.into());
        let words = told(Err(unreadable));
        assert!(words.starts_with("older ones stay") && words.contains("lab/3.toml"), "{words}");
        assert!(old.exists());
        assert_eq!(told(Ok(Uses::default())), format!("{} was removed: no lab uses it", old.display()));
        assert!(!old.exists() && newest.exists());
    }

    #[test]
    fn what_was_changed_is_not_intact() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("disk"), "1").unwrap();
        assert!(!intact(folder.path()), "no checksums");
        finish(command("sh").args(["-c", "sha256sum disk > SHA256SUMS"]).current_dir(folder.path())).unwrap();
        assert!(intact(folder.path()));
        fs::write(folder.path().join("disk"), "2").unwrap();
        assert!(!intact(folder.path()));
    }
}
