//! Files to hosts and from them, by OpenSSH's `ssh`: one session each, on the threads of commands on hosts.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::landing::Landing;
use super::{PLACE, RECEIVE, part_of, without_part};
use crate::fleet::{FileCopy, Way};
use crate::platform::libvirt::ledger::Ticket;
use crate::platform::libvirt::said::{Said, last_line};
use crate::platform::libvirt::shell::{Outcome, Session};
use crate::platform::{End, SshAccess, Stream};

/// Tells the size of the file `$1` in a line, then its content, then the checksum of that: what comes to its end
/// meanwhile, as to a log's, is not copied.
const SEND: &str = r#"from=$1
[ -e "$from" ] || { printf 'there is no %s\n' "$from" >&2; exit 1; }
[ -f "$from" ] || { printf '%s is no file\n' "$from" >&2; exit 1; }
size=$(wc -c < "$from") && echo "$size" && head -c "$size" "$from" && head -c "$size" "$from" | sha256sum"#;

/// The longest line that tells a size, and that tells a checksum.
const LINES: (usize, usize) = (32, 256);
/// How much of the end of what a host says beside is remembered.
const REMEMBERED: usize = 1 << 10;

/// What [`SEND`] says, taken apart.
#[derive(Debug)]
struct Arrival {
    landing: Landing,
    /// The line of the size, as far as it came.
    head: Vec<u8>,
    /// How many bytes of content are to come.
    left: Option<u64>,
    /// The line of the checksum, as far as it came.
    tail: Vec<u8>,
}

impl Arrival {
    const fn new(landing: Landing) -> Self {
        Self { landing, head: Vec::new(), left: None, tail: Vec::new() }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let mut left = if let Some(left) = self.left {
            left
        } else {
            let line = bytes.iter().position(|&byte| byte == b'\n');
            self.head.extend(&bytes[..line.unwrap_or(bytes.len()).min(LINES.0)]);
            let Some(line) = line.filter(|_| self.head.len() < LINES.0) else {
                return if self.head.len() < LINES.0 { Ok(()) } else { Err(self.unexpected()) };
            };
            bytes = &bytes[line + 1..];
            let text = String::from_utf8_lossy(&self.head);
            text.trim().parse().map_err(|_| self.unexpected())?
        };
        let content = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.landing.write(&bytes[..content])?;
        left -= content as u64;
        self.left = Some(left);
        let rest = &bytes[content..];
        self.tail.extend(&rest[..rest.len().min(LINES.1 - self.tail.len().min(LINES.1))]);
        Ok(())
    }

    fn unexpected(&self) -> String {
        format!("it said {:?}, expected the file's size", String::from_utf8_lossy(&self.head))
    }

    fn finish(self) -> Result<(), String> {
        match self.left {
            Some(0) => {}
            Some(left) => return Err(format!("it was cut off {left} bytes before its end")),
            None => return Err(self.unexpected()),
        }
        let tail = String::from_utf8_lossy(&self.tail).into_owned();
        self.landing.finish(tail.split_whitespace().next().unwrap_or_default())
    }
}

/// A copy to a host or from it, or a guest that has no agent.
#[derive(Debug)]
pub(in super::super) struct Carry {
    ssh: SshAccess,
    /// The name of the host or VM.
    host: Arc<str>,
    copy: Arc<FileCopy>,
    ticket: Ticket,
}

impl Carry {
    pub(in super::super) const fn new(ssh: SshAccess, host: Arc<str>, copy: Arc<FileCopy>, ticket: Ticket) -> Self {
        Self { ssh, host, copy, ticket }
    }

    /// Its task.
    pub(in super::super) const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Ends it before it has begun.
    pub(in super::super) fn cancelled(self) {
        self.ticket.end(End::Cancelled, |_| true, None);
    }

    /// Does all of it. Blocks.
    pub(in super::super) fn work(self) {
        let end = match &self.copy.way {
            _ if self.ticket.signals.cancelled() => End::Cancelled,
            Way::In { file, to, mode, sum, size, .. } => {
                self.send(file, to, [&format!("{mode:o}"), sum, &size.0.to_string()])
            }
            Way::Out { from, to } => self.fetch(from, to),
        };
        self.ticket.end(end, |_| true, None);
    }

    fn send(&self, file: &Path, to: &str, [mode, sum, size]: [&str; 3]) -> End {
        let feed = match File::open(file) {
            Ok(feed) => feed,
            Err(error) => return End::Failed(format!("{}: {error}", file.display()).into()),
        };
        let script = format!("{RECEIVE}\n{PLACE}");
        let part = part_of(to);
        match self.converse(&script, &[&part, to, mode, sum, size], Some(feed), &mut |_| Ok(())) {
            End::Failed(why) => End::Failed(without_part(&why, &part, to).into()),
            end => end,
        }
    }

    fn fetch(&self, from: &str, to: &Path) -> End {
        let landing = match Landing::begin(to, &self.host, from) {
            Ok(landing) => landing,
            Err(why) => return End::Failed(why.into()),
        };
        let mut arrival = Arrival::new(landing);
        match self.converse(SEND, &[from], None, &mut |bytes| arrival.take(bytes)) {
            End::Done => arrival.finish().map_or_else(|why| End::Failed(why.into()), |()| End::Done),
            end => end,
        }
    }

    /// Runs a script on the host; `came` takes what it says.
    fn converse(
        &self,
        script: &str,
        arguments: &[&str],
        feed: Option<File>,
        came: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> End {
        let mut errors = Vec::new();
        let mut wrote = |stream, bytes: &[u8]| match stream {
            Stream::Out => came(bytes),
            Stream::Err => {
                errors.extend(bytes);
                errors.drain(..errors.len().saturating_sub(REMEMBERED));
                Ok(())
            }
        };
        let session = Session::new(&self.ssh, script, arguments.iter().copied(), self.copy.timeout);
        let outcome = session.follow(feed, &self.ticket.signals, &mut wrote);
        let why = |none: &str| last_line(&errors).unwrap_or_else(|| none.to_owned());
        match outcome {
            Outcome::Exited(0) => End::Done,
            Outcome::Exited(code) => End::Failed(why(&format!("it ended with {code}")).into()),
            Outcome::NoSsh => End::Failed(format!("ssh did not get through: {}", why("it did not say why")).into()),
            Outcome::Cancelled => End::Cancelled,
            Outcome::Late => Said::late(self.copy.timeout),
            Outcome::Broken(why) => End::Failed(why.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Command, Output};

    use proptest::prelude::*;

    use super::*;

    /// What a host says that is to send this file.
    fn said(from: &Path) -> Output {
        Command::new("sh").args(["-c", SEND, "sh"]).arg(from).output().unwrap()
    }

    /// Takes what a host said in pieces of these sizes.
    fn arrive(said: &[u8], sizes: &[usize], to: &Path) -> Result<Vec<u8>, String> {
        let mut arrival = Arrival::new(Landing::begin(to, "h1", "/tmp/data")?);
        let mut rest = said;
        for size in sizes.iter().copied().cycle() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            arrival.take(piece)?;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        arrival.finish()?;
        Ok(fs::read(to.join("h1/data")).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_file_arrives_whole_or_not_at_all(
            content in proptest::collection::vec(any::<u8>(), 0..300),
            sizes in proptest::collection::vec(1..100_usize, 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("it's a file");
            fs::write(&file, &content).unwrap();
            let said = said(&file).stdout;
            prop_assert_eq!(arrive(&said, &sizes, folder.path()), Ok(content));
            // The name of what `sha256sum` read, and the end of its line, are not needed.
            let cut = cut.index(said.len() - " -\n".len() - 1);
            fs::remove_dir_all(folder.path().join("h1")).unwrap();
            prop_assert!(arrive(&said[..cut], &sizes, folder.path()).is_err());
            prop_assert!(!folder.path().join("h1").exists());
        }
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| String::from_utf8(said(path).stderr).unwrap();
        assert_eq!(told(folder.path()), format!("{} is no file\n", folder.path().display()));
        assert_eq!(told(Path::new("/nowhere/x")), "there is no /nowhere/x\n");
        let greeted = arrive(b"Welcome to paradoxe\n3\nabc", &[100], folder.path()).unwrap_err();
        assert_eq!(greeted, "it said \"Welcome to paradoxe\", expected the file's size");
        assert!(arrive(&[b'x'; 500], &[7], folder.path()).unwrap_err().contains("expected the file's size"));
    }
}
