//! A VM looked at closely: what the fake's host tells of it, and its serial console.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use hemera::fleet::{Details, FromConsole, Inquiry, Picture, SerialLog, ToConsole, Told};
use hemera::handle::LineEnd;

/// What its guest wrote before anybody looked.
pub(crate) fn boot() -> String {
    let mut text = String::from("[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel)\r\n");
    for n in 1..=40 {
        write!(text, "[    0.{n:06}] device {n} is there\r\n").unwrap();
    }
    text + "\u{1b}[1;32mhemera guest is up\u{1b}[0m\r\n~ # "
}

/// Its definition.
pub(crate) fn xml() -> String {
    let mut text = String::from("<domain type='qemu' id='7'>\n  <name>vm-1</name>\n");
    for n in 1..=60 {
        writeln!(text, "  <device number='{n}'/>").unwrap();
    }
    text + "</domain>\n"
}

/// A screen with a red and a blue half.
pub(crate) fn picture() -> Picture {
    let (width, height) = (72, 40);
    let red_or_blue = |x: u32| if x < width / 2 { [200, 30, 30] } else { [30, 30, 200] };
    let rgb = (0..height).flat_map(|_| (0..width).flat_map(red_or_blue)).collect();
    Picture { width, height, rgb }
}

/// What its host tells.
pub(crate) fn told(inquiry: Inquiry) -> Told {
    match inquiry {
        Inquiry::Xml => Told::Xml(xml().into()),
        Inquiry::Screen => Told::Screen(Arc::new(picture())),
        Inquiry::Details => Told::Details(Arc::new(Details {
            state: "running".into(),
            reason: "booted".into(),
            job: None,
            hypervisor: Ok("running".into()),
            id: Some(7),
            uuid: "0a1b2c3d-1111-4222-8333-abcdefabcdef".into(),
            persistent: false,
            autostart: false,
        })),
        Inquiry::Serial { .. } => Told::Serial(SerialLog { from: 0, size: 4, bytes: b"~ # ".to_vec() }),
    }
}

/// A serial console that somebody else has until it is taken by force, and whose guest says what is typed.
pub(crate) async fn console(mut end: LineEnd, typed: Arc<Mutex<Vec<u8>>>) {
    let mut ours = false;
    end.from.send(FromConsole::Wrote(boot().into_bytes())).await.ok();
    while let Some(what) = end.to.recv().await {
        let said = match what {
            ToConsole::Take { force } => {
                ours |= force;
                if ours { FromConsole::Taken } else { FromConsole::InUse }
            }
            ToConsole::Type(keys) => {
                typed.lock().unwrap().extend(&keys);
                FromConsole::Wrote(keys)
            }
            ToConsole::GiveBack => continue,
        };
        if end.from.send(said).await.is_err() {
            return;
        }
    }
    // Whoever only reads cannot send, and reads on.
    end.from.closed().await;
}
