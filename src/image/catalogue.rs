//! Where images are looked up.

use std::path::{Path, PathBuf};

use super::ImageFile;
use crate::files::suggestion;

/// Where Grid'5000's frontends and nodes have images of virtual machines.
pub const DEFAULT_DIRECTORY: &str = "/grid5000/virt-images";
/// What the files of images may end in, beside nothing.
const ENDINGS: [&str; 4] = ["", ".qcow2", ".img", ".raw"];

/// The directories in which images are found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// In the order in which they are searched.
    pub directories: Vec<PathBuf>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self { directories: vec![DEFAULT_DIRECTORY.into()] }
    }
}

impl Catalogue {
    /// The file of an image: of that path where it has a slash in it, else of that name, with or without its ending.
    ///
    /// # Errors
    /// Where there is none; what was searched, and the nearest name that is there.
    pub fn find(&self, image: &str) -> Result<PathBuf, String> {
        if image.contains('/') {
            let path = PathBuf::from(image);
            return if path.is_file() { Ok(path) } else { Err(format!("no image {image}: there is no such file")) };
        }
        let candidates = self
            .directories
            .iter()
            .flat_map(|directory| ENDINGS.iter().map(move |ending| directory.join(format!("{image}{ending}"))));
        if let Some(found) = candidates.into_iter().find(|path| path.is_file()) {
            return Ok(found);
        }
        let names = self.names();
        let directories: Vec<String> = self.directories.iter().map(|dir| dir.display().to_string()).collect();
        let hint = suggestion(image, names.iter().map(String::as_str));
        Err(format!("no image `{image}` in {}{hint}", directories.join(", ")))
    }

    /// The file of which a host has a copy of that name ([`ImageFile::name`]): an earlier run may have brought it there.
    pub fn original(&self, name: &str) -> Option<PathBuf> {
        let (stem, rest) = name.rsplit_once('-')?;
        let ending = rest.find('.').map_or("", |at| &rest[at..]);
        let there = |path: PathBuf| ImageFile::read(&path).is_ok_and(|image| image.name() == name).then_some(path);
        self.directories
            .iter()
            .map(|dir| dir.join(format!("{stem}{ending}")))
            .filter(|path| path.is_file())
            .find_map(there)
    }

    /// The names of all images that are there, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = self.directories.iter().filter_map(|directory| directory.read_dir().ok()).flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        let mut names: Vec<String> = files.filter_map(|path| name(&path)).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// The name of an image, without an ending that need not be written.
fn name(path: &Path) -> Option<String> {
    let full = path.file_name()?.to_str()?;
    let short = ENDINGS[1..].iter().find_map(|ending| full.strip_suffix(ending)).unwrap_or(full);
    Some(short.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_name_with_or_without_ending_and_by_path() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        for (directory, file) in [(&first, "debian12.qcow2"), (&second, "debian12.img"), (&second, "alpine.raw")] {
            std::fs::create_dir_all(directory).unwrap();
            std::fs::write(directory.join(file), "x").unwrap();
        }
        let catalogue = Catalogue { directories: vec![first.clone(), second.clone()] };
        assert_eq!(catalogue.find("debian12").unwrap(), first.join("debian12.qcow2"));
        assert_eq!(catalogue.find("debian12.img").unwrap(), second.join("debian12.img"));
        let path = second.join("alpine.raw");
        assert_eq!(catalogue.find(path.to_str().unwrap()).unwrap(), path);
        let name = ImageFile::read(&first.join("debian12.qcow2")).unwrap().name();
        assert_eq!(catalogue.original(&name), Some(first.join("debian12.qcow2")));
        assert_eq!(catalogue.original("debian12-0123456789ab.qcow2"), None);
        assert_eq!(catalogue.names(), ["alpine", "debian12"]);
        let error = catalogue.find("debain12").unwrap_err();
        assert!(error.starts_with("no image `debain12` in ") && error.contains("did you mean `debian12`?"), "{error}");
        assert!(catalogue.find("./nowhere").unwrap_err().contains("no such file"));
    }
}
