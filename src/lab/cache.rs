//! Where guests are kept from lab to lab: a directory each, whose name holds a checksum of all that went in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::LabError;
use super::run::{command, finish, run};

/// The directory of all of them.
const CACHE: &str = "/var/cache/hemera/lab";

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

/// Has `name` lead to the one that was taken last. Made beside and moved over: whoever looks finds the old one or the new
/// one.
pub(super) fn link(name: &str, to: &Path) -> Result<(), LabError> {
    let (link, draft) = (dir(name), dir(&format!("{name}-{}", std::process::id())));
    if fs::read_link(&link).ok().as_deref() != Some(to) {
        let _ = fs::remove_file(&draft);
        symlink(to, &draft).and_then(|()| fs::rename(&draft, &link)).map_err(LabError::file(link))?;
    }
    Ok(())
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
