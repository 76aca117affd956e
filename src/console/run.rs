//! Commands of the operator's own: plugins, a shell, logging in to hosts and VMs.
//!
//! A command runs with `sh -c` and either has the terminal until it ends, while the console steps aside, or runs behind the
//! console, which then shows the last line that it wrote. What fills its places is quoted for the shell.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};

use tokio::sync::{mpsc, oneshot};

mod fill;
mod lend;
mod login;
mod slots;

pub(crate) use lend::{Lent, in_front};
pub(crate) use login::{has_login_host, has_login_vm};
pub(crate) use slots::MOST;

use super::action::{self, Reason};
use super::app::{App, Overlay, Tone};
use super::dialog::Dialog;
use super::keymap::Keymap;
use super::plugins::Plugin;
use super::template::Placeholder;

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
    /// Those that its file says; a read-only console has no dangerous ones.
    plugins: Vec<Plugin>,
    read_only: bool,
    /// What is to have the terminal next.
    pub errand: Option<Errand>,
}

impl Own {
    /// Gives the plugins their keys, where the keymap is another one than it was.
    pub(crate) fn give_keys(&self, keymap: &mut Keymap) {
        keymap.add_own(self.plugins.iter().enumerate().filter_map(|(at, plugin)| {
            // By its place in the list, as it is run.
            let action = action::own(at)?;
            Some((plugin.context, plugin.key.as_str(), plugin.keys.as_slice(), action))
        }));
    }
}

/// The plugins that a console has: where it is read-only, no dangerous ones; never more than there are places for.
fn had(plugins: &[Plugin], read_only: bool) -> Vec<Plugin> {
    plugins.iter().filter(|plugin| !(plugin.dangerous && read_only)).take(slots::SLOTS.len()).cloned().collect()
}

impl App {
    /// Takes the operator's commands into the list of actions.
    pub(crate) fn take_own(&mut self, read_only: bool) {
        self.own.read_only = read_only;
        self.take_own_again();
    }

    /// The same after their file was read again.
    pub(crate) fn take_own_again(&mut self) {
        let plugins = had(&self.look.plugins, self.own.read_only);
        if plugins == self.own.plugins {
            return;
        }
        let actions = plugins.iter().zip(slots::SLOTS).map(|(plugin, slot)| slot.action(plugin));
        action::set_own(actions.collect());
        self.own.plugins = plugins;
        // What is listed there may have another meaning now.
        self.overlays.retain(|overlay| matches!(overlay, Overlay::Dialog(_) | Overlay::Columns(_) | Overlay::Views(_)));
    }

    /// Whether a plugin can be run, or why not.
    pub(super) fn may_run_own(&self, at: usize) -> Result<(), Reason> {
        self.own.plugins.get(at).map_or(Err("it is gone"), |plugin| fill::possible(self, &plugin.command))
    }

    /// Runs a plugin on what is under the cursor or marked, after a question where it wants one.
    pub(super) fn run_own(&mut self, at: usize) {
        let Some(plugin) = self.own.plugins.get(at).cloned() else { return };
        let errand = Errand {
            command: fill::fill(self, &plugin.command),
            name: plugin.name,
            wait: plugin.wait,
            background: plugin.background,
        };
        if plugin.confirm || plugin.dangerous {
            let of_vms = plugin.command.asks(Placeholder::Vms);
            let on = if of_vms || plugin.command.asks(Placeholder::Hosts) && !self.marks_hosts() {
                Some((self.meant().len(), "VM"))
            } else {
                plugin.command.asks(Placeholder::Hosts).then(|| (self.meant_hosts().len(), "host"))
            };
            let mut dialog = Dialog::own(errand, on, plugin.dangerous, self.look.settings.confirm_above());
            dialog.facts.extend(if of_vms { self.marked_elsewhere() } else { None });
            self.open_dialog(dialog);
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
        for signal in lent.heard {
            match signal {
                super::Signal::Files => self.reload(),
                super::Signal::Background(background) => self.see_background(background),
                _ => {}
            }
        }
        self.redraw = true;
    }
}

/// Bytes of what a command behind the console writes that are kept.
const KEPT: usize = 8192;

/// The end of what is read.
fn end_of(mut from: impl Read) -> Vec<u8> {
    let (mut end, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        end.extend_from_slice(&chunk[..count]);
        end.drain(..end.len().saturating_sub(KEPT));
    }
    end
}

/// Runs a command without a terminal, in a group of its own so that what the terminal tells the console is not told to
/// it; the last line that it wrote, or what went wrong.
fn behind(command: &str) -> Result<String, String> {
    let told = |error: io::Error| error.to_string();
    let mut child = std::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(told)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = std::thread::scope(|scope| {
        let err = scope.spawn(|| err.map(end_of).unwrap_or_default());
        (out.map(end_of).unwrap_or_default(), err.join().unwrap_or_default())
    });
    let status = child.wait().map_err(told)?;
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.trim().chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let (told, ended) = (last(&out), verdict(status));
    match ended {
        Ok(()) if told.is_empty() => Ok("done".into()),
        Ok(()) => Ok(told),
        Err(how) => {
            let told = [last(&err), told].into_iter().find(|line| !line.is_empty());
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
        let text = "[[plugin]]\nname = \"wipe\"\nkey = \"f11\"\ncommand = \"x\"\ndangerous = true\n\
                    [[plugin]]\nname = \"look\"\nkey = \"f12\"\ncommand = \"x\"\n";
        let plugins = Plugin::parse("plugins.toml".as_ref(), text).unwrap();
        let names = |read_only| had(&plugins, read_only).into_iter().map(|plugin| plugin.name).collect::<Vec<_>>();
        assert_eq!(names(false), ["wipe", "look"]);
        assert_eq!(names(true), ["look"]);
    }
}
