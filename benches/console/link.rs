//! A slow line between a program and its terminal: two ends of a network of their own, as with `ssh` to a machine far
//! away. Needs root and `tc`.
//!
//! The kernel sends at 1 Mbit/s and keeps what does not fit yet, as everywhere. It also delays where it can (`netem`);
//! where it cannot, the terminal's end does. The far end takes what the program writes at once, as `sshd` does.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::terminal::SIZE;

/// The port at which the far end waits.
const PORT: u16 = 7022;
/// What waits at the far end before it stops to read: `sshd`'s window of 2 MiB, in pieces of up to 16 KiB.
const WINDOW: usize = 128;

/// A network that is slow. It goes with this.
pub struct Link {
    name: String,
    /// What the kernel could not delay, each way.
    delay: Duration,
}

impl Link {
    /// Makes a line of 1 Mbit/s that takes `delay` each way.
    pub fn new(delay: Duration) -> Result<Self, String> {
        let name = format!("hml{}", std::process::id() % 100_000);
        run(&["ip", "netns", "add", &name])?;
        let mut link = Self { name, delay: Duration::ZERO };
        let (near, far, inside) = (link.near(), link.far(), link.inside());
        run(&["ip", "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &link.name])?;
        run(&["ip", "address", "add", "10.231.7.1/30", "dev", &near])?;
        run(&["ip", "link", "set", &near, "up"])?;
        for command in [
            &["ip", "address", "add", "10.231.7.2/30", "dev", &far][..],
            &["ip", "link", "set", "lo", "up"],
            &["ip", "link", "set", &far, "up"],
        ] {
            run(&[&inside[..], command].concat())?;
        }
        let span = format!("{}ms", delay.as_millis());
        let ends = [(&near, &[][..]), (&far, &inside[..])];
        let netem = |(device, inside): &(&String, &[&str])| {
            run(&[inside, &["tc", "qdisc", "add", "dev", device, "root", "netem", "rate", "1mbit", "delay", &span][..]]
                .concat())
        };
        let delayed = ends.iter().try_for_each(netem).is_ok();
        if !delayed {
            for (device, inside) in ends {
                let rate = ["rate", "1mbit", "burst", "3000", "limit", "1500000"];
                run(&[inside, &["tc", "qdisc", "replace", "dev", device, "root", "tbf"], &rate].concat())?;
            }
        }
        link.delay = if delayed { Duration::ZERO } else { delay };
        Ok(link)
    }

    fn near(&self) -> String {
        format!("{}a", self.name)
    }

    fn far(&self) -> String {
        format!("{}b", self.name)
    }

    fn inside(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// How the line is made.
    pub const fn made(&self) -> &'static str {
        if self.delay.is_zero() { "tc netem" } else { "tc tbf, delayed at the terminal's end" }
    }

    /// A command that runs at the far end.
    pub fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Both ways to the program that the far end runs.
    pub fn connect(&self) -> io::Result<(Delayed, Box<dyn Write + Send>)> {
        let until = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match TcpStream::connect(("10.231.7.2", PORT)) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_nodelay(true)?;
        let (sender, keys) = channel();
        let mut to = stream.try_clone()?;
        let delay = self.delay;
        std::thread::spawn(move || late(&keys, delay, &mut |bytes| to.write_all(bytes)));
        Ok((Delayed::new(stream, self.delay), Box::new(Keys(sender))))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // With its last end goes the line; what is not there need not go.
        drop(run(&["ip", "netns", "delete", &self.name]));
        drop(run(&["ip", "link", "delete", &self.near()]));
    }
}

fn run(command: &[&str]) -> Result<(), String> {
    let told = |why: &str| format!("{}: {}", command.join(" "), why.trim());
    let output = Command::new(command[0]).args(&command[1..]).output().map_err(|e| told(&e.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(told(&String::from_utf8_lossy(&output.stderr))) }
}

/// Bytes and when they came.
type Piece = (Instant, Vec<u8>);

/// Passes pieces on, each so long after it came.
fn late(pieces: &Receiver<Piece>, delay: Duration, to: &mut dyn FnMut(&[u8]) -> io::Result<()>) {
    for (came, bytes) in pieces {
        std::thread::sleep((came + delay).saturating_duration_since(Instant::now()));
        if to(&bytes).is_err() {
            return;
        }
    }
}

struct Keys(Sender<Piece>);

impl Write for Keys {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::ErrorKind::BrokenPipe.into();
        self.0.send((Instant::now(), bytes.to_vec())).map(|()| bytes.len()).map_err(gone)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What comes from the far end, some time after it came.
pub struct Delayed {
    pieces: Receiver<Vec<u8>>,
    rest: VecDeque<u8>,
}

impl Delayed {
    fn new(mut stream: TcpStream, delay: Duration) -> Self {
        let (sender, came) = channel::<Piece>();
        std::thread::spawn(move || pump(&mut stream, |bytes| sender.send((Instant::now(), bytes)).is_ok()));
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let gone = |_| io::ErrorKind::BrokenPipe.into();
            late(&came, delay, &mut |bytes| sender.send(bytes.to_vec()).map_err(gone));
        });
        Self { pieces, rest: VecDeque::new() }
    }
}

impl Read for Delayed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest.extend(self.pieces.recv().unwrap_or_default());
        }
        self.rest.read(into)
    }
}

/// Reads until the end or until nobody takes it.
fn pump(from: &mut dyn Read, mut take: impl FnMut(Vec<u8>) -> bool) {
    let mut buffer = vec![0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !take(buffer[..count].to_vec()) {
            return;
        }
    }
}

/// The far end: runs a program on a terminal for whoever connects, until either is gone.
pub fn far_end(program: &CommandBuilder) -> io::Result<()> {
    let (mut stream, _) = TcpListener::bind(("10.231.7.2", PORT))?.accept()?;
    stream.set_nodelay(true)?;
    let size = PtySize { rows: SIZE.1, cols: SIZE.0, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).map_err(io::Error::other)?;
    let mut child = pty.slave.spawn_command(program.clone()).map_err(io::Error::other)?;
    drop(pty.slave);
    let mut shown = pty.master.try_clone_reader().map_err(io::Error::other)?;
    let mut keys = pty.master.take_writer().map_err(io::Error::other)?;
    let mut back = stream.try_clone()?;
    let (sender, pieces): (SyncSender<Vec<u8>>, _) = sync_channel(WINDOW);
    std::thread::spawn(move || pump(&mut shown, |bytes| sender.send(bytes).is_ok()));
    std::thread::spawn(move || {
        for bytes in pieces {
            if back.write_all(&bytes).is_err() {
                return;
            }
        }
        drop(back.shutdown(std::net::Shutdown::Both));
    });
    pump(&mut stream, |bytes| keys.write_all(&bytes).and_then(|()| keys.flush()).is_ok());
    child.kill()
}
