//! Commands of the operator's own: plugins, a shell, logging in to hosts and VMs.
//!
//! A command runs with `sh -c` and either has the terminal until it ends, while the console steps aside, or runs behind the
//! console, which then shows the last line that it wrote. What fills its places is quoted for the shell.

use std::io;
use std::process::ExitStatus;

use tokio::sync::{mpsc, oneshot};

mod fill;
mod lend;
mod login;
mod slots;

pub(crate) use lend::{Lent, in_front};
pub(crate) use login::{has_login_host, has_login_vm};

use super::action::{self, Action, Reason};
use super::app::{App, Tone};
use super::config::ConfigError;
use super::dialog::Dialog;
use super::keymap::{Context, Keymap};
use super::template::{Placeholder, Template};

/// A command of the operator's own on what is under the cursor or marked.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // They are what its file says, each by itself.
pub struct Command {
    /// What it is called in the help and in the palette.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The keys that run it, as keymaps write them; none: it is found in the palette.
    pub key: Option<String>,
    /// Where the keys hold.
    pub context: Context,
    /// What the shell runs.
    pub command: Template,
    /// Whether the operator is asked first.
    pub confirm: bool,
    /// Whether it can do harm: it is asked about as what is hard to undo, and read-only consoles do not have it.
    pub dangerous: bool,
    /// Whether its output stays on screen until Enter is pressed.
    pub wait: bool,
    /// Whether it runs behind the console, without the terminal.
    pub background: bool,
}

/// A command in which every place may stand.
///
/// # Errors
/// With what is wrong in it.
pub fn template(text: &str) -> Result<Template, String> {
    let places: Vec<_> = Placeholder::ALL.iter().map(|(place, ..)| *place).collect();
    Template::parse(text, &places).map_err(|unknown| unknown.problem)
}

/// All commands of the operator's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Commands {
    /// Plugins.
    pub plugins: Vec<Command>,
    /// Logs in to a host.
    pub ssh_host: Template,
    /// Logs in to a VM.
    pub ssh_vm: Template,
}

/// How one logs in to a host where nobody says otherwise.
const SSH_HOST: &str = "ssh root@{host}";
/// How one logs in to a VM where nobody says otherwise: by its serial console, which needs no address.
const SSH_VM: &str = "ssh -t root@{host} virsh console {vm}";

impl Commands {
    /// Commands with these ways to log in to a host and to a VM.
    ///
    /// # Errors
    /// With what is wrong in one of them.
    pub fn logging_in(host: &str, vm: &str) -> Result<Self, String> {
        Ok(Self { plugins: Vec::new(), ssh_host: template(host)?, ssh_vm: template(vm)? })
    }
}

impl Default for Commands {
    fn default() -> Self {
        match Self::logging_in(SSH_HOST, SSH_VM) {
            Ok(commands) => commands,
            Err(problem) => unreachable!("built-in commands are sound: {problem}"),
        }
    }
}

/// A command with every place filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    pub name: String,
    pub command: String,
    pub wait: bool,
    pub background: bool,
}

/// How a command behind the console ended: what it is called, and the last line that it wrote or what went wrong.
pub(crate) type Ran = (String, Result<String, String>);

/// What the console knows of the operator's own commands.
#[derive(Default)]
pub(crate) struct Own {
    commands: Commands,
    /// What is to have the terminal next.
    pub errand: Option<Errand>,
}

impl Own {
    /// Takes the operator's commands; a read-only console has no dangerous ones.
    pub(crate) fn take(&mut self, commands: &Commands, read_only: bool) {
        self.commands = commands.clone();
        if read_only {
            self.commands.plugins.retain(|plugin| !plugin.dangerous);
        }
    }
}

/// Adds the plugins to the list of actions and their keys to the keymap. A read-only console gets no dangerous ones.
///
/// # Errors
/// Where there are too many, or a key or a name cannot be had.
pub(crate) fn add(commands: &Commands, read_only: bool, keymap: &mut Keymap) -> Result<(), ConfigError> {
    let wrong = |problem| ConfigError { file: "plugins".into(), line: 0, problem };
    let own = actions(commands, read_only);
    if commands.plugins.len() > slots::SLOTS.len() {
        return Err(wrong(format!("{} plugins: at most {} are taken", commands.plugins.len(), slots::SLOTS.len())));
    }
    action::add_own(own);
    for plugin in &commands.plugins {
        let Some((key, action)) = plugin.key.as_ref().zip(action::named(&plugin.name)) else { continue };
        keymap.bind(plugin.context, key, Some(action)).map_err(wrong)?;
    }
    Ok(())
}

/// The plugins as actions; for a read-only console dangerous ones are left out.
fn actions(commands: &Commands, read_only: bool) -> Vec<Action> {
    let plugins = commands.plugins.iter().filter(|plugin| !(plugin.dangerous && read_only));
    plugins.zip(slots::SLOTS).map(|(plugin, slot)| slot.action(plugin)).collect()
}

impl App {
    /// Whether a plugin can be run, or why not.
    pub(super) fn may_run_own(&self, at: usize) -> Result<(), Reason> {
        self.own.commands.plugins.get(at).map_or(Err("it is gone"), |plugin| fill::possible(self, &plugin.command))
    }

    /// Runs a plugin on what is under the cursor or marked, after a question where it wants one.
    pub(super) fn run_own(&mut self, at: usize) {
        let Some(plugin) = self.own.commands.plugins.get(at).cloned() else { return };
        let errand = Errand {
            command: fill::fill(self, &plugin.command),
            name: plugin.name,
            wait: plugin.wait,
            background: plugin.background,
        };
        if plugin.confirm || plugin.dangerous {
            let many = plugin.command.asks(Placeholder::Vms) || plugin.command.asks(Placeholder::Hosts);
            let vms = many.then(|| self.meant().len());
            self.open_dialog(Dialog::own(errand, vms, plugin.dangerous));
        } else {
            self.start_errand(errand);
        }
    }

    /// Starts a command: behind the console, or as soon as the loop can lend it the terminal.
    pub(crate) fn start_errand(&mut self, errand: Errand) {
        if !errand.background {
            self.own.errand = Some(errand);
            return;
        }
        self.note = Some((Tone::Good, format!("{} runs", errand.name)));
        let (sender, receiver) = oneshot::channel();
        self.asks.ran.push(receiver);
        // Not on tokio's threads: the console would wait for the command when it ends.
        let name = errand.name.clone();
        let run = move || drop(sender.send((errand.name, behind(&errand.command))));
        if let Err(error) = std::thread::Builder::new().name("own command".into()).spawn(run) {
            self.note = Some((Tone::Bad, format!("{name}: {error}")));
        }
    }

    /// Takes the terminal's return.
    pub(crate) fn came_back(&mut self, lent: Lent) {
        self.size = lent.size;
        self.note = Some(lent.note);
        self.exit |= lent.end;
        self.redraw = true;
    }
}

/// Runs a command without a terminal; the last line that it wrote, or what went wrong.
fn behind(command: &str) -> Result<String, String> {
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.trim().chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let (told, ended) = (last(&output.stdout), verdict(output.status));
    match ended {
        Ok(()) if told.is_empty() => Ok("done".into()),
        Ok(()) => Ok(told),
        Err(how) => {
            let told = [last(&output.stderr), told].into_iter().find(|line| !line.is_empty());
            Err(told.map_or(how.clone(), |told| format!("{how}: {told}")))
        }
    }
}

/// How a process ended that did not end well.
fn verdict(status: ExitStatus) -> Result<(), String> {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("exit code {code}")),
        (None, Some(signal)) => Err(format!("ended by signal {signal}")),
        (None, None) => Err("ended".into()),
    }
}

/// Signals, as far as whoever waits for a command is concerned.
type Signals = mpsc::Receiver<super::Signal>;

/// What comes of waiting for a command in front.
type Waited = io::Result<ExitStatus>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_console_the_last_line_is_told() {
        assert_eq!(behind("echo one; echo two; echo"), Ok("two".into()));
        assert_eq!(behind("true"), Ok("done".into()));
        assert_eq!(behind("echo out; echo wrong >&2; exit 3"), Err("exit code 3: wrong".into()));
        assert_eq!(behind("kill -9 $$"), Err("ended by signal 9".into()));
        assert_eq!(behind("read x || echo no input"), Ok("no input".into()));
    }

    #[test]
    fn read_only_consoles_have_no_dangerous_commands() {
        let template = Template::parse("true", &[]).unwrap();
        let plugin = |name: &str, dangerous| Command {
            name: name.into(),
            description: String::new(),
            key: None,
            context: Context::Vms,
            command: template.clone(),
            confirm: false,
            dangerous,
            wait: false,
            background: true,
        };
        let commands = Commands { plugins: vec![plugin("wipe", true), plugin("look", false)], ..Commands::default() };
        let names = |read_only| actions(&commands, read_only).iter().map(|a| a.name).collect::<Vec<_>>();
        assert_eq!(names(false), ["wipe", "look"]);
        assert_eq!(names(true), ["look"]);
    }
}
