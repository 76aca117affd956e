//! What a serial console's last words say.

use std::sync::Arc;
use std::time::Duration;

use super::Evidence;
use super::evidence::secs;
use crate::fleet::{Diagnosis, Finding, VmState};

/// How long a guest may run without a word. A kernel says its first ones within a second under KVM; under QEMU's own
/// emulation, with many guests at once, seven seconds were seen.
const WORDLESS: Duration = Duration::from_secs(20);
/// How long a shell of the boot must have waited: a boot that goes through one does not stop there.
const WAITS: Duration = Duration::from_secs(3);
/// Lines of a console that are shown as evidence.
const LINES: usize = 6;

/// A console's words without what only a terminal needs, line by line.
pub(super) fn lines(tail: &str) -> Vec<String> {
    let mut text = String::with_capacity(tail.len());
    let mut chars = tail.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // ESC [ parameters letter; others are two characters long.
                if chars.next() == Some('[') {
                    while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
                }
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => text.push('\n'),
            c if c.is_control() && c != '\n' => {}
            c => text.push(c),
        }
    }
    text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// A line without the kernel's time stamp.
fn bare(line: &str) -> &str {
    let line = line.trim_start();
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((stamp, rest)) if stamp.trim().starts_with(|c: char| c.is_ascii_digit()) => rest.trim(),
        _ => line,
    }
}

fn quoted(lines: &[String]) -> impl Iterator<Item = Arc<str>> {
    lines.iter().map(|line| format!("console: {}", line.trim()).into())
}

/// Whether a guest that executes instructions could say something.
const fn executes(state: VmState) -> bool {
    matches!(state, VmState::Starting | VmState::Up | VmState::Reachable | VmState::Migrating)
}

/// The guest's kernel panicked: it said so, and nothing since. A kernel that is told to restart after a panic says other
/// things afterwards and is not meant.
///
/// A reboot helps where the cause was passing; a kernel that finds no init panics each time, and its class is wrong.
pub(super) fn panic(evidence: &Evidence) -> Option<Diagnosis> {
    const SAYS: &str = "Kernel panic - not syncing";
    let serial = evidence.serial.as_ref().filter(|_| executes(evidence.state))?;
    let lines = lines(&serial.tail);
    let at = lines.iter().rposition(|line| line.contains(SAYS) && !line.contains("end Kernel panic"))?;
    // What follows a panic is its trace and the line that ends it, all of the kernel.
    let of_kernel = |line: &String| line.trim_start().starts_with(['[', '-']) || line.contains("Rebooting in");
    if !lines[at + 1..].iter().all(of_kernel) {
        return None;
    }
    let why = bare(&lines[at]).split_once(SAYS).map_or("", |(_, why)| why.trim_start_matches(':').trim());
    let ago = secs(evidence.lasts(serial.since));
    let mut seen: Vec<Arc<str>> = quoted(&lines[at.saturating_sub(2)..lines.len().min(at + LINES - 2)]).collect();
    seen.push(format!("nothing more for {ago}").into());
    Some(Diagnosis::new(Finding::Panic, format!("its kernel panicked {ago} ago: {why}"), seen))
}

/// Words after which a guest waits in a shell for somebody, and what that shell is.
const SHELLS: [(&str, &str); 11] = [
    ("You are in emergency mode", "systemd's emergency mode"),
    ("You are in rescue mode", "systemd's rescue mode"),
    ("Cannot open access to console, the root account is locked", "systemd's emergency mode"),
    ("Give root password for maintenance", "a shell for maintenance"),
    ("Press Enter for maintenance", "a shell for maintenance"),
    ("(initramfs)", "a shell of its initial RAM disk"),
    ("Entering emergency mode", "dracut's emergency shell"),
    ("dracut:/#", "dracut's emergency shell"),
    ("can't access tty; job control turned off", "a shell in the place of its init"),
    ("grub rescue>", "its boot loader's rescue shell"),
    ("grub>", "its boot loader's shell"),
];

/// Words of a guest that is past any such shell.
const COMES_UP: [&str; 3] = ["login:", "guest is up", "Reached target Multi-User"];
/// Words that say why a boot stopped.
const CAUSES: [&str; 7] =
    ["ALERT!", "Failed to mount", "Dependency failed", "Timed out waiting for", "mount: mounting", "error:", "No init"];

/// The guest stopped in a shell of its boot, waiting for somebody to type: its root disk was not found, a file system of
/// its fstab could not be mounted, its boot loader found no kernel.
///
/// Its serial console takes what is typed. A reboot helps where a device came late.
pub(super) fn emergency(evidence: &Evidence) -> Option<Diagnosis> {
    let comes_up = matches!(evidence.state, VmState::Starting | VmState::Up | VmState::Migrating);
    let serial = evidence.serial.as_ref().filter(|serial| comes_up && evidence.lasts(serial.since) >= WAITS)?;
    let lines = lines(&serial.tail);
    let place = |words: &str| lines.iter().rposition(|line| line.contains(words));
    let (at, shell) = SHELLS.iter().filter_map(|(words, shell)| Some((place(words)?, *shell))).max_by_key(|f| f.0)?;
    if COMES_UP.iter().filter_map(|words| place(words)).any(|past| past > at) {
        return None;
    }
    let cause = lines.iter().rev().find(|line| CAUSES.iter().any(|word| line.contains(word)));
    let why = cause.map_or_else(String::new, |line| format!(": {}", bare(line)));
    let mut seen: Vec<Arc<str>> = cause.map(|line| format!("console: {}", line.trim()).into()).into_iter().collect();
    seen.extend(quoted(&lines[at.saturating_sub(1)..lines.len().min(at + 2)]));
    seen.push(format!("waits for {}", secs(evidence.lasts(serial.since))).into());
    Some(Diagnosis::new(Finding::Emergency, format!("it stopped in {shell}{why}"), seen))
}

/// The guest runs and has never said a word: there is no kernel in it, its kernel does not speak on the serial line
/// (`console=ttyS0` is missing), or it hangs before its first word.
pub(super) fn no_output(evidence: &Evidence) -> Option<Diagnosis> {
    let runs = matches!(evidence.state, VmState::Starting | VmState::Up);
    let serial = evidence.serial.as_ref().filter(|_| runs)?;
    let wordless = evidence.lasts(serial.since);
    if wordless < WORDLESS || !lines(&serial.tail).is_empty() {
        return None;
    }
    let seen = vec![
        "the log of its serial console is empty".into(),
        format!("{} for {}", evidence.state.word(), secs(evidence.lasts(evidence.since))).into(),
    ];
    let text = format!("no word of its kernel for {}: no kernel, or none that speaks on ttyS0", secs(wordless));
    Some(Diagnosis::new(Finding::NoOutput, text, seen))
}

/// The line by which a kernel says that it ended the process of that number for want of memory.
pub fn killed(tail: &str, pid: u32) -> Option<Arc<str>> {
    let words = [
        format!("Out of memory: Killed process {pid} "),
        format!("Memory cgroup out of memory: Killed process {pid} "),
    ];
    let lines = lines(tail);
    let said = lines.iter().rev().find(|line| words.iter().any(|words| line.contains(words)))?;
    Some(bare(said).into())
}

/// What a guest's DHCP client says when it gives up.
const NO_LEASE: [&str; 5] = [
    "no lease",
    "No DHCPOFFERS received",
    "no response after",
    "DHCP lease acquisition failed",
    "timed out waiting for DHCP",
];
/// What it says when it has an address.
const LEASE: [&str; 5] = ["lease of", "bound to", "DHCPACK", "guest has ", "IP-Config: Complete"];

/// The last words of a guest's DHCP client where they are that nobody answered.
pub(super) fn no_lease(tail: &str) -> Option<String> {
    let lines = lines(tail);
    let place = |words: &[&str]| lines.iter().rposition(|line| words.iter().any(|word| line.contains(word)));
    let at = place(&NO_LEASE)?;
    (place(&LEASE).is_none_or(|lease| lease < at)).then(|| bare(&lines[at]).to_owned())
}

#[cfg(test)]
mod tests;
