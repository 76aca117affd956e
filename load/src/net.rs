//! Network load: payload sent to an address, as datagrams or on a connection.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::load::{Counters, Load};
use crate::memory::fill;
use crate::settings::{Asked, Target, Way};
use crate::units::{Rate, Refusal};
use crate::worker::Work;

/// Payload sent at once: what goes into one Ethernet frame beside the headers of IP and UDP.
const PAYLOAD: usize = 1400;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a receiver may let data wait before changes are looked for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Where data goes.
#[derive(Debug)]
pub(crate) struct Net {
    line: Option<(Target, Line)>,
    payload: [u8; PAYLOAD],
}

#[derive(Debug)]
enum Line {
    /// Not connected: that nobody listens is no error.
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Net {
    /// Sends nothing yet.
    pub(crate) fn new() -> Self {
        let mut payload = [0; PAYLOAD];
        fill(&mut payload, 2);
        Self { line: None, payload }
    }
}

fn open(target: Target) -> std::io::Result<Line> {
    Ok(match target.way {
        Way::Udp => Line::Udp(match target.address {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
        }),
        Way::Tcp => {
            let stream = TcpStream::connect_timeout(&target.address, CONNECT)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Line::Tcp(stream)
        }
    })
}

impl Work for Net {
    const NAME: &'static str = "net";
    const QUANTUM: u64 = PAYLOAD as u64;

    fn rate(asked: &Asked) -> Rate {
        asked.net
    }

    fn counter(counters: &Counters) -> &AtomicU64 {
        &counters.net
    }

    fn take_up(&mut self, asked: &Asked, _load: &Load) -> Result<(), Refusal> {
        let Some(target) = asked.to else { return Err(Refusal("no address to send to was named".to_owned())) };
        if self.line.as_ref().is_none_or(|line| line.0 != target) {
            self.line = None;
            let line = open(target).map_err(|error| refused(target, "reach", &error))?;
            self.line = Some((target, line));
        }
        Ok(())
    }

    fn put_down(&mut self, _asked: &Asked, _load: &Load) {
        self.line = None;
    }

    fn some(&mut self, _most: u64, _load: &Load) -> Result<u64, Refusal> {
        let Some((target, line)) = &mut self.line else { return Err(Refusal("there is no connection".to_owned())) };
        let sent = match line {
            Line::Udp(socket) => socket.send_to(&self.payload, target.address),
            Line::Tcp(stream) => stream.write(&self.payload),
        };
        match sent {
            Ok(bytes) => Ok(bytes as u64),
            // The receiver is slower than asked, which the achieved rate shows.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            Err(error) => {
                let refusal = refused(*target, "send to", &error);
                self.line = None;
                Err(refusal)
            }
        }
    }
}

fn refused(target: Target, what: &str, error: &std::io::Error) -> Refusal {
    Refusal(format!("cannot {what} {}: {error}", target.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn asked(to: &str) -> Asked {
        Asked { to: Some(Target::parse(to).expect("an address")), ..Asked::default() }
    }

    #[test]
    fn datagrams_need_no_listener() {
        let (mut net, load) = (Net::new(), Load::new());
        // Port 9 discards; nothing listens there as a rule.
        net.take_up(&asked("127.0.0.1:9"), &load).expect("opens");
        for _ in 0..3 {
            assert_eq!(net.some(0, &load), Ok(PAYLOAD as u64));
        }
    }

    #[test]
    fn a_connection_carries_the_payload_and_its_end_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = asked(&format!("tcp:{}", listener.local_addr().expect("an address")));
        let (mut net, load) = (Net::new(), Load::new());
        net.take_up(&to, &load).expect("connects");
        let sent = net.some(0, &load).expect("sends") as usize;
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut got = vec![0; sent];
        stream.read_exact(&mut got).expect("the payload");
        drop((stream, listener));
        let refusal = (0..1000).find_map(|_| net.some(0, &load).err()).expect("noticed");
        assert!(refusal.0.starts_with("cannot send to 127.0.0.1:"), "{refusal}");
        let refusal = net.take_up(&to, &load).expect_err("nobody listens");
        assert!(refusal.0.starts_with("cannot reach 127.0.0.1:"), "{refusal}");
    }
}
