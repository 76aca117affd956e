//! What an image is: its content, known by a checksum.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

/// A file on this machine that holds a disk image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content, in hexadecimal.
    pub checksum: String,
}

impl ImageFile {
    /// Reads what an image is. The checksum of a file that has not changed its size or time since is remembered in the
    /// user's cache.
    ///
    /// # Errors
    /// Where it cannot be read, or is no file; what is told to people.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let path = path.canonicalize().map_err(failed)?;
        let found = fs::metadata(&path).map_err(failed)?;
        if !found.is_file() {
            return Err(format!("{}: expected a file that holds a disk image", path.display()));
        }
        let size = found.len();
        let cache = cache(&path);
        let line = format!("{size} {} {}", changed(&found), path.display());
        if let Some(checksum) = cache.as_deref().and_then(|cache| remembered(cache, &line)) {
            return Ok(Self { path, size, checksum });
        }
        let checksum = sha256(&path)?;
        // Changed while it was read, it would be remembered wrongly.
        if fs::metadata(&path).map_err(failed)?.len() != size {
            return Err(format!("{}: is being written at this time", path.display()));
        }
        if let Some(cache) = cache {
            let _ = cache.parent().map(fs::create_dir_all);
            // Without it the checksum is computed again.
            let _ = fs::write(cache, format!("{checksum} {line}\n"));
        }
        Ok(Self { path, size, checksum })
    }

    /// The name that it has on hosts: its own with twelve digits of its checksum.
    pub fn name(&self) -> String {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let plain =
            |text: String| text.replace(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'), "_");
        let (stem, extension) = (plain(text(self.path.file_stem())), plain(text(self.path.extension())));
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{stem}-{}{dot}{extension}", &self.checksum[..12])
    }
}

fn changed(found: &Metadata) -> u128 {
    found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos())
}

/// Where the checksum of a file is remembered.
fn cache(path: &Path) -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|base| base.is_absolute());
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let name = path.display().to_string().replace('/', "%");
    // The file says in full what it is about; names have a limit.
    let name: String = name.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
    Some(base.join("hemera/checksums").join(name))
}

fn remembered(cache: &Path, line: &str) -> Option<String> {
    let text = fs::read_to_string(cache).ok()?;
    let (checksum, rest) = text.trim_end().split_once(' ')?;
    (rest == line && is_checksum(checksum)).then(|| checksum.to_owned())
}

fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sha256(path: &Path) -> Result<String, String> {
    let output = Command::new("sha256sum").arg("--").arg(path).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("sha256sum: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A backslash goes before the checksum of a file whose name holds one.
    let checksum = said.trim_start_matches('\\').split_whitespace().next().unwrap_or_default();
    if output.status.success() && is_checksum(checksum) {
        return Ok(checksum.to_owned());
    }
    Err(format!("sha256sum {}: {}", path.display(), String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("debian 12.x64.qcow2");
        fs::write(&path, "abc").unwrap();
        let image = ImageFile::read(&path).unwrap();
        assert_eq!(image.checksum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((image.size, image.name().as_str()), (3, "debian_12.x64-ba7816bf8f01.qcow2"));
        assert_eq!(ImageFile::read(&path).unwrap(), image, "from the cache");
        fs::write(&path, "abcd").unwrap();
        assert_ne!(ImageFile::read(&path).unwrap().checksum, image.checksum);
        assert!(ImageFile::read(folder.path()).unwrap_err().contains("expected a file"));
    }
}
