//! Where this machine gets its packages from.

use std::fmt::Write as _;
use std::fs;

use crate::lab::LabError;
use crate::lab::run::run;

/// What is asked of `apt-get indextargets`, which reads `/etc/apt` in all its ways.
const FORMAT: &str = "$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)";

/// A suite of packages on a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// As in `http://deb.debian.org/debian/`.
    pub(super) mirror: String,
    /// As in `bookworm` or `bookworm-security`.
    pub(super) suite: String,
}

/// This machine's sources of its own release: the release itself first, then its updates.
///
/// # Errors
/// Where there is none.
pub(super) fn of_this_machine() -> Result<Vec<Source>, LabError> {
    let path = "/etc/os-release";
    let system = fs::read_to_string(path).map_err(LabError::file(path))?;
    let release = system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let release = release.unwrap_or_default().trim_matches('"');
    let listed = run("apt-get", ["indextargets", "--format", FORMAT, "Created-By: Packages"])?;
    let found = of(&listed, release);
    if found.first().is_some_and(|first| first.suite == release) {
        return Ok(found);
    }
    let wanted = if release.is_empty() { "a release of Debian".to_owned() } else { format!("Debian {release}") };
    Err(LabError::Image(format!(
        "expected a mirror of {wanted} (component main, http or https) in /etc/apt/sources.list or sources.list.d"
    )))
}

/// The release and its updates among the lines of that format.
fn of(listed: &str, release: &str) -> Vec<Source> {
    let line = |line: &str| {
        let [origin, component, suite, mirror] = line.split('|').collect::<Vec<_>>().try_into().ok()?;
        // Nothing is known of who keeps packages whose lists were not fetched yet.
        let debian = ["Debian", ""].contains(&origin) && component == "main" && mirror.starts_with("http");
        debian.then(|| Source { mirror: mirror.to_owned(), suite: suite.to_owned() })
    };
    let mut sources: Vec<Source> = Vec::new();
    for suite in [release.to_owned(), format!("{release}-updates"), format!("{release}-security")] {
        sources.extend(listed.lines().filter_map(line).find(|source| source.suite == suite));
    }
    sources
}

/// As apt reads it.
pub(super) fn list(sources: &[Source]) -> String {
    sources.iter().fold(String::new(), |mut text, Source { mirror, suite }| {
        let _ = writeln!(text, "deb {mirror} {suite} main");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_comes_first_and_what_others_keep_is_left_out() {
        let listed = "Debian|main|bookworm-security|http://deb.debian.org/debian-security/\n\
                      Google|main|cloud-sdk-bookworm|https://packages.example.com/apt/\n\
                      Docker|main|bookworm|https://download.example.com/linux/debian/\n\
                      Debian|contrib|bookworm|http://deb.debian.org/debian/\n\
                      Debian|main|bookworm|cdrom://disc/\n\
                      Debian|main|bookworm|http://deb.debian.org/debian/\n\
                      Debian|main|bookworm|http://ftp.debian.org/debian/\n\
                      Debian|main|bookworm-backports|http://deb.debian.org/debian/\n";
        let expected = "deb http://deb.debian.org/debian/ bookworm main\n\
                        deb http://deb.debian.org/debian-security/ bookworm-security main\n";
        assert_eq!(list(&of(listed, "bookworm")), expected);
        assert_eq!(list(&of("|main|trixie|https://mirror/\n", "trixie")), "deb https://mirror/ trixie main\n");
        assert!(of(listed, "jammy").is_empty());
    }
}
