//! How the power of real hosts is switched: by commands that run where Hemera runs, as the world says.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::PowerAction;

/// How long a command may take; then it is ended. Tools that wait for hosts to start take minutes.
pub const POWER_TIMEOUT: Duration = Duration::from_mins(15);

/// What stands for the host's full name in a command.
pub const POWER_HOST: &str = "{host}";

/// The commands, a program and its arguments each; none where the world says none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Power([Option<Arc<[Arc<str>]>>; PowerAction::ALL.len()]);

impl Power {
    /// The same with that command for an action.
    #[must_use]
    pub fn with(mut self, action: PowerAction, command: Option<Arc<[Arc<str>]>>) -> Self {
        self.0[action as usize] = command;
        self
    }

    /// What there is a command for.
    pub fn actions(&self) -> impl Iterator<Item = PowerAction> + '_ {
        PowerAction::ALL.into_iter().filter(|&action| self.0[action as usize].is_some())
    }

    /// The command for the host of that full name.
    ///
    /// # Errors
    /// Where the world says none, with what would do.
    pub fn command(&self, action: PowerAction, host: &str) -> Result<Vec<String>, Arc<str>> {
        let command = self.0[action as usize].as_ref().ok_or_else(|| no_power(action))?;
        Ok(command.iter().map(|word| word.replace(POWER_HOST, host)).collect())
    }
}

/// What is said where a world has no command for an action.
pub fn no_power(action: PowerAction) -> Arc<str> {
    format!("the world file does not say how: `{}` of its [power]", action.key()).into()
}
