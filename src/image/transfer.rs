//! One transfer to one host, by its script over SSH.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, copy};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::ImageFile;
use crate::fleet::Topology;
use crate::platform::HostAccess;

/// Where images lie on hosts.
pub const DIRECTORY: &str = "/var/lib/libvirt/images/hemera";
/// What a host runs to receive.
const RECEIVE: &str = include_str!("receive.sh");
/// What a host runs to pass on.
const SERVE: &str = include_str!("serve.sh");

/// A host that is to get an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, for people.
    pub name: Arc<str>,
    /// Its site, by any number that is the same for all hosts of it.
    pub site: usize,
    /// Where its shell is: a destination of `ssh`, from here and from the other hosts.
    pub destination: String,
    /// The configuration of `ssh` with which it is reached; hosts use it too where they have a file of that path.
    pub config: Option<PathBuf>,
}

impl Target {
    /// A host of a world; none where the world does not say how its shell is reached.
    pub fn of(topology: &Topology, access: &HostAccess) -> Option<Self> {
        let ssh = access.ssh.clone()?;
        let host = topology.host(access.host);
        // Other hosts start somewhere else.
        let config = ssh.config.map(|config| std::path::absolute(&config).unwrap_or(config));
        Some(Self { name: host.name.clone(), site: host.site.index(), destination: ssh.destination, config })
    }
}

/// Whom a host takes an image from.
#[derive(Debug, Clone)]
pub(super) enum From {
    /// Nobody: it only tells whether it has it.
    Nobody,
    /// This machine.
    Here,
    /// Another host.
    Host(Target),
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The image was there already.
    There,
    /// It lacks it, so many bytes excepted.
    Lacks(u64),
    /// It has it now.
    Arrived,
    /// It has no room for it.
    Full(String),
    /// Anything else; what arrived stays for the next attempt.
    Broken(String),
}

/// What a process reads, writes and complains to.
pub(super) type Pipes = (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>);

/// A running transfer, for whoever may end it.
#[derive(Debug, Default, Clone)]
pub(super) struct Handle(Arc<Mutex<(bool, Option<Child>)>>);

impl Handle {
    /// Ends it; what is not started yet is not started any more.
    pub(super) fn kill(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0 = true;
        if let Some(child) = &mut inner.1 {
            // It may have ended by itself.
            let _ = child.kill();
        }
    }
}

impl Handle {
    /// Starts a transfer that this one ends.
    pub(super) fn start(&self, command: &mut Command) -> Result<Pipes, String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.0 {
            return Err("cancelled".into());
        }
        let program = command.get_program().display().to_string();
        let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        inner.1 = Some(child);
        Ok(pipes)
    }

    /// Waits for its end.
    pub(super) fn wait(&self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).1.take();
        if let Some(mut child) = child {
            // It has closed what it writes to.
            let _ = child.wait();
        }
    }
}

/// Where an image lies on hosts.
pub(super) fn path(image: &ImageFile) -> String {
    format!("{DIRECTORY}/{}", image.name())
}

/// Does a transfer to its end, telling how many bytes are there.
pub(super) fn run(
    target: &Target,
    image: &ImageFile,
    from: &From,
    handle: &Handle,
    mut tell: impl FnMut(u64),
) -> Outcome {
    let mut command = ssh(target);
    command.arg(remote(image, from));
    command.stdin(if matches!(from, From::Here) { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut stdin, stdout, stderr) = match handle.start(&mut command) {
        Ok(pipes) => pipes,
        Err(why) => return Outcome::Broken(why),
    };
    let errors = stderr.map(|stderr| thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default()));
    let mut outcome = None;
    for line in stdout.map(BufReader::new).into_iter().flat_map(|out| out.lines().map_while(Result::ok)) {
        match hear(&line) {
            Some(Heard::Outcome(told)) => outcome = Some(told),
            Some(Heard::At(bytes)) => tell(bytes),
            Some(Heard::From(offset)) => {
                tell(offset);
                if let Some(stdin) = stdin.take() {
                    push(image, offset, stdin);
                }
            }
            None => {}
        }
    }
    handle.wait();
    let said = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
    outcome.unwrap_or_else(|| {
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("the connection ended");
        Outcome::Broken(last.to_owned())
    })
}

/// A line that a host's script says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It wants what comes after so many bytes.
    From(u64),
    /// It has so many bytes.
    At(u64),
    /// It is at its end.
    Outcome(Outcome),
}

/// Reads such a line; none where a login shell said it.
pub(super) fn hear(line: &str) -> Option<Heard> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let bytes = || rest.parse().unwrap_or(0);
    Some(match word {
        "there" => Heard::Outcome(Outcome::There),
        "lacks" => Heard::Outcome(Outcome::Lacks(bytes())),
        "done" => Heard::Outcome(Outcome::Arrived),
        "full" => Heard::Outcome(Outcome::Full(rest.to_owned())),
        "broken" => Heard::Outcome(Outcome::Broken(rest.trim_end_matches([':', ' ']).to_owned())),
        "at" => Heard::At(bytes()),
        "from" => Heard::From(bytes()),
        _ => return None,
    })
}

/// Sends the rest of an image, on a thread of its own: its pipe is full most of the time.
fn push(image: &ImageFile, offset: u64, mut stdin: ChildStdin) {
    let path = image.path.clone();
    thread::spawn(move || {
        let sent = File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            copy(&mut file, &mut stdin)
        });
        // A transfer that ended early closes the pipe, and says itself why.
        if let Err(error) = sent {
            tracing::debug!(%error, path = %path.display(), "sending an image");
        }
    });
}

/// With what `ssh` asks nobody, and notices within some ten seconds that a host went away.
pub(super) const OPTIONS: [&str; 4] =
    ["BatchMode=yes", "ConnectTimeout=5", "ServerAliveInterval=3", "ServerAliveCountMax=3"];

/// `ssh` to a host.
pub(crate) fn ssh(target: &Target) -> Command {
    let mut command = Command::new("ssh");
    if let Some(config) = &target.config {
        command.arg("-F").arg(config);
    } else {
        // The hosts go on from one to the next with the keys of whoever asks.
        command.arg("-A");
    }
    for option in OPTIONS {
        command.arg("-o").arg(option);
    }
    command.arg("--").arg(&target.destination);
    command
}

/// The line that a host's shell runs.
pub(super) fn remote(image: &ImageFile, from: &From) -> String {
    let (name, size) = (image.name(), image.size.to_string());
    let (source, config) = match from {
        From::Nobody => ("?", None),
        From::Here => ("-", None),
        From::Host(host) => (host.destination.as_str(), host.config.as_ref()),
    };
    let config = config.map_or_else(String::new, |config| config.display().to_string());
    let serve = shell_words::join(["sh", "-c", SERVE, "serve", DIRECTORY, &name, &size]);
    shell_words::join([
        "sh",
        "-c",
        RECEIVE,
        "receive",
        DIRECTORY,
        &name,
        &size,
        &image.checksum,
        source,
        &config,
        &serve,
    ])
}
