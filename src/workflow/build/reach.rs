//! How guests are reached.

use std::path;

use toml::Spanned;

use super::Reader;
use crate::files::FileError;
use crate::fleet::GuestSsh;
use crate::workflow::raw::{RawClass, RawReady};

impl Reader<'_> {
    /// Whether the guests of a class may have an agent; `table` names the class.
    pub(super) fn agent(&self, raw: &RawClass, table: &str) -> Result<bool, FileError> {
        let reachable = matches!(raw.ready.as_ref().map(Spanned::get_ref), Some(RawReady::Reachable));
        match &raw.agent {
            Some(agent) if !agent.get_ref() && raw.ssh.is_none() && reachable => {
                let message = format!("{table} is ready when its guests answer, which without an agent takes `ssh`");
                self.fail(agent, message)
            }
            agent => Ok(agent.as_ref().is_none_or(|agent| *agent.get_ref())),
        }
    }

    /// How the guests of a class are reached by SSH; `table` names the class.
    pub(super) fn guest_ssh(&self, raw: &RawClass, table: &str) -> Result<Option<GuestSsh>, FileError> {
        let Some(ssh) = &raw.ssh else {
            return match &raw.ssh_config {
                Some(config) => {
                    self.fail(config, format!("`ssh_config` in {table} goes with `ssh`, which is not there"))
                }
                None => Ok(None),
            };
        };
        let user = ssh.get_ref();
        if !GuestSsh::is_user(user) {
            return self.fail(ssh, format!("ssh: found {user:?}, expected a user of the guests, as in \"root\""));
        }
        if raw.network.is_none() {
            return self.fail(ssh, format!("`ssh` in {table} goes with `network`, which is not there"));
        }
        let config = raw.ssh_config.as_ref().map(|file| {
            if file.get_ref().trim().is_empty() {
                return self.fail(file, "ssh_config: found nothing, expected the path of a file, as in \"ssh_config\"");
            }
            // VMs bear it: who looks after them later may work elsewhere.
            path::absolute(self.source.beside(file.get_ref()))
                .or_else(|error| self.fail(file, format!("ssh_config `{}`: {error}", file.get_ref())))
        });
        Ok(Some(GuestSsh { user: user.clone(), config: config.transpose()? }))
    }
}
