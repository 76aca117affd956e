//! A command that has the terminal while the console steps aside.

use std::io::{self, Read, Write};
use std::process::Command;

use ratatui::layout::Size;
use tokio::sync::oneshot;

use super::{Errand, Signals, Waited, verdict};
use crate::console::Signal;
use crate::console::app::Tone;
use crate::console::front::Front;
use crate::console::guard;

/// How the terminal came back.
pub(crate) struct Lent {
    /// Its size now.
    pub size: Size,
    /// How the command ended.
    pub note: (Tone, String),
    /// Whether the console was told to end meanwhile.
    pub end: bool,
    /// What else was heard meanwhile.
    pub heard: Vec<Signal>,
}

/// Lends the terminal to a command and waits until it has ended.
///
/// Interrupts from the keyboard are the command's alone: they come to every process on the terminal, this one too.
pub(crate) async fn in_front(front: &mut impl Front, signals: &mut Signals, errand: Errand) -> io::Result<Lent> {
    if !front.lend() {
        let note = (Tone::Bad, format!("{}: there is no terminal that it could have", errand.name));
        return Ok(Lent { size: front.take_back()?, note, end: false, heard: Vec::new() });
    }
    let name = errand.name.clone();
    let (sender, mut ended) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("own command".into()).spawn(move || drop(sender.send(run(&errand))));
    let mut end = false;
    let mut heard = Vec::new();
    let waited = match spawned {
        Err(error) => Err(error),
        Ok(_) => loop {
            tokio::select! {
                waited = &mut ended => break waited.unwrap_or_else(|_| Err(io::Error::other("it was not waited for"))),
                Some(signal) = signals.recv() => match signal {
                    Signal::End => end = true,
                    // The terminal is not ours to restore: only the process stops.
                    Signal::Stop => guard::stop()?,
                    Signal::Interrupt | Signal::Continue => {}
                    other => heard.push(other),
                },
            }
        },
    };
    let note = match waited.map(verdict) {
        Ok(Ok(())) => (Tone::Good, format!("{name} has ended")),
        Ok(Err(how)) => (Tone::Bad, format!("{name}: {how}")),
        Err(error) => (Tone::Bad, format!("{name}: {error}")),
    };
    Ok(Lent { size: front.take_back()?, note, end, heard })
}

/// Runs a command on the terminal that this process has.
fn run(errand: &Errand) -> Waited {
    let status = Command::new("sh").args(["-c", &errand.command]).status()?;
    if errand.wait {
        let how = verdict(status).err().map(|how| format!(" ({how})")).unwrap_or_default();
        let mut out = io::stdout();
        write!(out, "\n{} has ended{how}; Enter goes back to the console ", errand.name)?;
        out.flush()?;
        // Byte by byte, so that nothing is kept of what was typed for the console.
        let mut byte = [0];
        while io::stdin().lock().read(&mut byte)? == 1 && byte[0] != b'\n' {}
    }
    Ok(status)
}
