//! One call of a guest's SSH server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Heard;

/// How long a guest may take to let a call in: one that has just come up is found sooner where it is asked again, and one
/// that answered is not given up because its machine is busy.
const CALL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How much a server says at most before its greeting.
const LINES: usize = 4 << 10;

/// A connection to the server there, if it lets the call in. `known`: it has greeted before.
pub(super) async fn connect(place: SocketAddr, known: bool) -> Result<TcpStream, Heard> {
    match timeout(if known { CALL.1 } else { CALL.0 }, TcpStream::connect(place)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Heard::Refusal),
        Ok(Err(_)) | Err(_) => Err(Heard::Nothing),
    }
}

/// Whether an SSH server greets there within that time, with the line by which such servers tell their version.
pub(super) async fn greeted(stream: TcpStream, within: Duration) -> Heard {
    let greeting = async {
        let (mut said, mut piece) = (Vec::new(), [0; 256]);
        while said.len() < LINES && stream.readable().await.is_ok() {
            match stream.try_read(&mut piece) {
                Ok(0) => return false,
                Ok(count) => said.extend(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
            // Other lines may come before it (RFC 4253, 4.2).
            if said.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"SSH-2.0-")) {
                return true;
            }
        }
        false
    };
    if timeout(within, greeting).await.unwrap_or(false) { Heard::Greeting } else { Heard::Refusal }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    /// A server that greets everybody with this, and its port.
    pub(in super::super) fn server(greeting: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let streams = listener.incoming().flatten();
            streams.for_each(|mut stream| stream.write_all(greeting).unwrap_or_default());
        });
        port
    }

    fn call(place: SocketAddr) -> Heard {
        let call = async {
            match connect(place, false).await {
                Ok(stream) => greeted(stream, Duration::from_secs(60)).await,
                Err(heard) => heard,
            }
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call)
    }

    #[test]
    fn only_ssh_servers_greet() {
        let hear = |greeting| call(SocketAddr::from((Ipv4Addr::LOCALHOST, server(greeting))));
        assert_eq!(hear(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), Heard::Greeting);
        assert_eq!(hear(b"welcome\r\nSSH-2.0-x\r\n"), Heard::Greeting);
        assert_eq!(hear(b"220 mail.example ESMTP, not SSH-2.0-\r\n"), Heard::Refusal);
        assert_eq!(hear(b""), Heard::Refusal);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(call(free), Heard::Refusal);
    }
}
