//! The console as a person meets it: keys in, a terminal's screen out, a service without an engine behind it.

#![allow(clippy::unwrap_used)] // What is unexpected here fails the test.

mod acting;
mod close;
mod commands;
mod driver;
mod fake;
mod habits;
mod heat;
mod line;
mod living;
mod look;
mod meant;
mod pages;
mod past;
mod room;
mod size;
mod tables;
mod tour;
mod tree;

use driver::{Console, Setup};

/// 10 240 VMs on 504 hosts, three operations.
fn busy(width: u16, height: u16) -> Setup {
    Setup::new(fake::snapshot(fake::fleet(10_240), fake::operations()), width, height)
}

/// Writes the screen as ANSI where somebody asked for it, to be looked at.
fn dump(console: &Console, name: &str) {
    if let Ok(dir) = std::env::var("CONSOLE_DUMP") {
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(format!("{dir}/{name}.ansi"), console.ansi()).unwrap();
    }
}
