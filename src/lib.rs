//! Hemera runs virtual machines by the ten thousand and shows them in a terminal.
//!
//! The rooms, from the ground up: [`fleet`] says what there is; [`platform`] makes it happen, simulated or real, with
//! [`migration`]'s models; [`doctor`] says what is wrong; [`engine`] decides what has to happen; [`runtime`] drives both; [`handle`] is what consoles
//! see and ask; [`console`] shows it. [`world`] and [`workflow`] read the files that people write (by [`files`]),
//! [`results`] writes what a run leaves; [`image`] gets disk images to hosts; [`lab`] makes real hosts on one machine. [`cli`] wires them up.

// They panic where nobody listens any more; the command line has macros of its own that do not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod cli;
pub mod console;
pub mod doctor;
pub mod engine;
pub mod files;
pub mod fleet;
pub mod handle;
pub mod image;
pub mod lab;
pub mod migration;
pub mod platform;
pub mod results;
pub mod runtime;
pub mod workflow;
pub mod world;
