//! How real hosts are reached, and what they come by.

use std::path::PathBuf;

use toml::Spanned;

use super::Reader;
use crate::files::FileError;
use crate::fleet::Subnet;
use crate::image::{Catalogue, Settings};
use crate::platform::SshAccess;
use crate::world::raw::{Platform, RawHost, RawImages};

impl Reader<'_> {
    pub(super) fn subnet(&self, platform: Platform, subnet: &Spanned<String>) -> Result<Subnet, FileError> {
        if platform == Platform::Sim {
            return self.fail(subnet, "subnet says which addresses real VMs get: not with platform = \"sim\"");
        }
        subnet.get_ref().parse().or_else(|error| self.fail(subnet, format!("subnet: {error}")))
    }

    pub(super) fn images(&self, platform: Platform, images: &Spanned<RawImages>) -> Result<Settings, FileError> {
        if platform == Platform::Sim {
            return self.fail(images, "[images] says how real hosts come by images: not with platform = \"sim\"");
        }
        let raw = images.get_ref();
        let mut settings = Settings {
            strategy: raw.strategy.unwrap_or_default(),
            shape: raw.spread.unwrap_or_default(),
            ..Settings::default()
        };
        if let Some(directories) = &raw.directories {
            if let Some(empty) = directories.get_ref().iter().find(|directory| directory.get_ref().is_empty()) {
                return self.fail(empty, "directories: found nothing, expected the path of a directory");
            }
            let beside = |directory: &Spanned<String>| self.source.beside(directory.get_ref());
            settings.catalogue = Catalogue { directories: directories.get_ref().iter().map(beside).collect() };
        }
        Ok(settings)
    }

    /// The file of `ssh_config(5)`, seen from the world file.
    pub(super) fn ssh_config(&self, platform: Platform, file: &Spanned<String>) -> Result<PathBuf, FileError> {
        if platform == Platform::Sim {
            return self.fail(file, "ssh_config says how real hosts are reached: not with platform = \"sim\"");
        }
        if file.get_ref().trim().is_empty() {
            return self.fail(file, "ssh_config: found nothing, expected the path of a file, as in \"ssh_config\"");
        }
        Ok(self.source.beside(file.get_ref()))
    }

    /// How a host's shell is reached: as its `ssh` says, else as its URI does where that goes by SSH.
    pub(super) fn ssh(&self, host: &RawHost, config: Option<&PathBuf>) -> Result<Option<SshAccess>, FileError> {
        let by_uri = || {
            let uri = host.uri.get_ref();
            let authority = uri.split_once("+ssh://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
            authority.filter(|authority| !authority.contains(':')).map(str::to_owned)
        };
        let destination = match &host.ssh {
            None => by_uri(),
            Some(text) => {
                let said = text.get_ref();
                // What begins like an option would be taken for one.
                if said.is_empty()
                    || said.starts_with('-')
                    || said.contains(|c: char| c.is_whitespace() || c.is_control())
                {
                    return self
                        .fail(text, format!("ssh: found {said:?}, expected a user and host, as in \"root@h1\""));
                }
                Some(said.clone())
            }
        };
        Ok(destination
            .filter(|destination| !destination.is_empty() && !destination.starts_with('-'))
            .map(|destination| SshAccess { destination, config: config.cloned(), any_key: false, guest: false }))
    }

    pub(super) fn uri(&self, uri: &Spanned<String>, example: &str) -> Result<(), FileError> {
        let text = uri.get_ref();
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        if scheme.is_empty() || !text.contains(":/") || text.contains(char::is_whitespace) {
            return self.fail(uri, format!("found {text:?}, expected a URI, as in \"{example}\""));
        }
        Ok(())
    }
}
