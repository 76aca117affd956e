//! How a guest without an agent is reached by SSH, by what its domain's mark says.
//!
//! Others may write a domain's metadata, and a file of `ssh_config(5)` can name commands that run here (`ProxyCommand`,
//! `Match exec`): one that others may write is not used.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::queue::lock;
use super::xml::Mark;
use crate::fleet::GuestSsh;
use crate::platform::SshAccess;

/// What was said already: as many VMs as bear the same mark are one matter.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// How much is said at most: who writes marks writes as many as he likes.
const MOST: usize = 1000;

/// Says once why a mark is not heeded.
pub(super) fn say_once(why: String) {
    let mut said = lock(&SAID);
    if said.len() < MOST && !said.contains(&why) {
        tracing::warn!("{why}");
        said.insert(why);
    }
}

/// How the guest of a domain with this mark is reached; none where it has no SSH, or a configuration that is not used.
pub(super) fn of(mark: &Mark) -> Option<SshAccess> {
    let (address, GuestSsh { user, config }) = (mark.address?, mark.ssh.as_ref()?);
    let any_key = config.is_none();
    let config = match config.as_deref().map(trusted).transpose() {
        Ok(config) => config,
        Err(why) => {
            say_once(format!("{why}: no SSH to guests whose marks name it"));
            return None;
        }
    };
    Some(SshAccess { destination: format!("{user}@{address}"), config, any_key, guest: true })
}

/// The file itself that a path leads to, where only this user and root can have written it.
fn trusted(config: &Path) -> Result<PathBuf, String> {
    let named = |error| format!("ssh_config {}: {error}", config.display());
    // Links on the way may be led elsewhere later.
    let file = fs::canonicalize(config).map_err(named)?;
    let found = fs::metadata(&file).map_err(named)?;
    let me = fs::metadata("/proc/self").map_err(named)?.uid();
    distrust(found.uid(), found.mode(), me)
        .map_or(Ok(file), |why| Err(format!("ssh_config {} {why}", config.display())))
}

/// Why a file with this owner and mode is not trusted.
fn distrust(owner: u32, mode: u32, me: u32) -> Option<String> {
    if owner != 0 && owner != me {
        return Some(format!("belongs to the user {owner}, expected {me} or root"));
    }
    (mode & 0o022 != 0).then(|| "can be written by others (chmod go-w)".into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mark(config: Option<&Path>) -> Mark {
        let ssh = GuestSsh { user: "root".into(), config: config.map(Into::into) };
        Mark { address: Some(Ipv4Addr::new(10, 160, 0, 1)), ssh: Some(ssh), ..Mark::default() }
    }

    #[test]
    fn a_configuration_that_others_may_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().canonicalize().unwrap().join("config");
        assert_eq!(of(&mark(Some(&config))), None, "it is not there");
        fs::write(&config, "").unwrap();
        for (mode, used) in [(0o600, true), (0o644, true), (0o660, false), (0o602, false)] {
            fs::set_permissions(&config, fs::Permissions::from_mode(mode)).unwrap();
            let login = of(&mark(Some(&config)));
            assert_eq!(login.as_ref().map(|login| login.any_key), used.then_some(false), "{mode:o}");
            assert_eq!(login.and_then(|login| login.config), used.then(|| config.clone()), "{mode:o}");
        }
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&config, &link).unwrap();
        assert_eq!(of(&mark(Some(&link))).unwrap().config, Some(config));
        assert!(of(&mark(None)).unwrap().any_key);
    }

    #[test]
    fn a_configuration_belongs_to_its_user_or_root() {
        assert_eq!((distrust(1000, 0o600, 1000), distrust(0, 0o644, 1000)), (None, None));
        assert!(distrust(1001, 0o600, 1000).unwrap().contains("the user 1001"));
        assert!(distrust(1000, 0o600, 0).is_some());
    }
}
