//! An image to many hosts by TakTuk, which many testbeds have: <http://taktuk.gforge.inria.fr>.
//!
//! TakTuk starts the script of a [transfer](super::transfer) on every host, over connections that go on from host to host,
//! and sends all of them the image as its input. What the scripts say comes back the same way, so that each host verifies
//! what it got and tells how far it is as in any other transfer.
//!
//! A broadcast begins at the image's first byte: hosts that have a part of it go on otherwise.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ImageFile;
use super::transfer::{From, Handle, Heard, OPTIONS, Outcome, Target, hear, remote};

/// Its program.
const PROGRAM: &str = "taktuk";
/// To how many others each passes it on: one, as in a chain, is the fastest where the hosts' links are the limit.
const ARITY: &str = "1";
/// What it prints of the lines that hosts say: which stream, which host, what.
const STREAMS: [&str; 5] = [
    r#"output="O\t$host\t$line\n""#,
    r#"error="E\t$host\t$line\n""#,
    r#"connector="E\t$peer\t$line\n""#,
    r#"state="""#,
    r#"status="""#,
];

/// Whether it is installed here; the hosts need nothing but Perl.
pub(super) fn is_installed() -> bool {
    let mut command = Command::new(PROGRAM);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether it takes that image: its name stands among TakTuk's own words.
pub(super) fn takes(image: &ImageFile) -> bool {
    is_plain(&image.path.display().to_string())
}

/// Whether it reaches that host: the same of how that is reached.
pub(super) fn reaches(target: &Target) -> bool {
    !target.destination.starts_with('-')
        && is_plain(&target.destination)
        && target.config.as_ref().is_none_or(|config| is_plain(&config.display().to_string()))
}

/// Whether a text has no letters that a shell, TakTuk or its lists of hosts understand otherwise.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./_-@+".contains(&byte))
}

/// Sends an image to hosts, and tells what each says, by its place among them. To the end of all of them.
pub(super) fn run(targets: &[Target], image: &ImageFile, handle: &Handle, mut tell: impl FnMut(usize, Heard)) {
    let places: HashMap<&str, usize> =
        targets.iter().enumerate().map(|(place, target)| (target.destination.as_str(), place)).collect();
    let mut missing: Vec<bool> = vec![true; targets.len()];
    let mut why = vec![String::new(); targets.len()];
    let last = match handle.start(&mut command(targets, image)) {
        Err(error) => error,
        Ok((_, stdout, stderr)) => {
            let errors = stderr.map(|err| thread::spawn(move || std::io::read_to_string(err).unwrap_or_default()));
            for line in stdout.map(BufReader::new).into_iter().flat_map(|out| out.lines().map_while(Result::ok)) {
                let mut parts = line.splitn(3, '\t');
                let (Some(stream), Some(host), Some(said)) = (parts.next(), parts.next(), parts.next()) else {
                    continue;
                };
                let Some(&place) = places.get(host) else { continue };
                if stream == "E" {
                    said.trim().clone_into(&mut why[place]);
                } else if let Some(heard) = hear(said).filter(|_| missing[place]) {
                    missing[place] = !matches!(heard, Heard::Outcome(_));
                    tell(place, heard);
                }
            }
            handle.wait();
            let said = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
            said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it ended early").to_owned()
        }
    };
    for place in (0..targets.len()).filter(|place| missing[*place]) {
        let why = if why[place].is_empty() { &last } else { &why[place] };
        tell(place, Heard::Outcome(Outcome::Broken(format!("{PROGRAM}: {why}"))));
    }
}

fn command(targets: &[Target], image: &ImageFile) -> Command {
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["-s", "-d", ARITY]);
    for stream in STREAMS {
        command.arg("-o").arg(stream);
    }
    for target in targets {
        command.arg("-c").arg(connector(target.config.as_deref())).arg("-m").arg(&target.destination);
    }
    // In a form without the letters that end TakTuk's parameters.
    let script = STANDARD.encode(remote(image, &From::Here));
    command.args(["broadcast", "exec", "["]).arg(format!(r#"eval "$(echo {script} | base64 -d)""#)).args(["]", ";"]);
    command.args(["broadcast", "input", "file", "["]).arg(&image.path).args(["]", ";"]);
    command.args(["broadcast", "input", "close"]);
    command
}

/// How a host is reached, from here and from other hosts, as a shell's words.
fn connector(config: Option<&Path>) -> String {
    let options = OPTIONS.map(|option| format!("-o {option}")).join(" ");
    match config {
        // Hosts that do not have it go without.
        Some(config) => {
            let config = config.display();
            format!("ssh $(test -r {config} && echo -F {config} || echo -o StrictHostKeyChecking=accept-new) {options}")
        }
        // The hosts go on from one to the next with the keys of whoever asks.
        None => format!("ssh -A -o StrictHostKeyChecking=accept-new {options}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_taktuk_would_take_for_words_of_its_own_goes_without_it() {
        let target = |destination: &str, config: Option<&str>| Target {
            name: "a".into(),
            site: 0,
            destination: destination.into(),
            config: config.map(Into::into),
        };
        assert!(reaches(&target("root@paradoxe-1.rennes.grid5000.fr", Some("/run/lab/ssh/config"))));
        for (destination, config) in
            [("h[1-3]", None), ("-oProxyCommand=x", None), ("h;x", None), ("h", Some("/a b")), ("h", Some("/$(x)"))]
        {
            assert!(!reaches(&target(destination, config)), "{destination} {config:?}");
        }
    }
}
