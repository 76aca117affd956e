//! How the power of real hosts is switched.

use toml::Spanned;

use super::Reader;
use crate::files::FileError;
use crate::fleet::PowerAction;
use crate::platform::{POWER_HOST, Power};
use crate::world::raw::{Platform, RawCommand, RawPower};

impl Reader<'_> {
    pub(super) fn power(&self, platform: Platform, power: &Spanned<RawPower>) -> Result<Power, FileError> {
        if platform == Platform::Sim {
            return self.fail(power, "[power] says how real hosts are switched: not with platform = \"sim\"");
        }
        let raw = power.get_ref();
        let commands = [
            (PowerAction::On, &raw.on),
            (PowerAction::Off, &raw.off),
            (PowerAction::Reboot, &raw.reboot),
            (PowerAction::RestartLibvirtd, &raw.restart_libvirtd),
        ];
        let mut power = Power::default();
        for (action, command) in commands {
            if let Some(command) = command {
                self.power_command(action, command)?;
                let words = command.get_ref().iter().map(|word| word.get_ref().as_str().into());
                power = power.with(action, Some(words.collect()));
            }
        }
        Ok(power)
    }

    /// A program, and somewhere the host that is meant.
    fn power_command(&self, action: PowerAction, command: &RawCommand) -> Result<(), FileError> {
        let (key, words) = (action.key(), command.get_ref());
        let example = "as in [\"kapower3\", \"--on\", \"-m\", \"{host}\"]";
        match words.first() {
            None => {
                return self
                    .fail(command, format!("{key}: found nothing, expected a program and its arguments, {example}"));
            }
            Some(program) if program.get_ref().trim().is_empty() => {
                return self
                    .fail(program, format!("{key}: found no program, expected one and its arguments, {example}"));
            }
            Some(_) => {}
        }
        if let Some(word) = words.iter().find(|word| word.get_ref().contains('\0')) {
            return self.fail(word, format!("{key}: found a NUL, which no program takes in an argument"));
        }
        if !words.iter().any(|word| word.get_ref().contains(POWER_HOST)) {
            let message =
                format!("{key}: found no {POWER_HOST}, expected it where the host's full name belongs, {example}");
            return self.fail(command, message);
        }
        Ok(())
    }
}
