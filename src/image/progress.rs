//! How far an image is on its way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fleet::{Bytes, Rate, Transfer};

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is being asked, or waits for somebody to take the image from.
    Waits,
    /// It takes the image from there.
    Receives(Arc<str>),
    /// It has it.
    Has,
    /// It was given up.
    Failed(Arc<str>),
}

/// A host's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProgress {
    /// The host's name.
    pub name: Arc<str>,
    /// How far it is.
    pub stage: Stage,
    /// How many bytes of the image it has.
    pub bytes: u64,
    /// How many transfers to it broke.
    pub broken: u32,
}

/// How far a spread is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The image's size in bytes; 0 before it is known.
    pub size: u64,
    /// Its name on hosts; empty before it is known.
    pub name: Arc<str>,
    /// All hosts that asked for it, in that order.
    pub hosts: Vec<HostProgress>,
    /// What all hosts together received per second, from the first transfer on to the last byte; none before.
    pub rate: Option<Rate>,
    received: u64,
    began: Option<Instant>,
}

impl Progress {
    /// The first transfer starts, or a later one.
    pub(super) fn begin(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    /// A host has so many bytes now.
    pub(super) fn note(&mut self, host: usize, bytes: u64) {
        let host = &mut self.hosts[host];
        let more = bytes.saturating_sub(std::mem::replace(&mut host.bytes, bytes));
        // What a host says before it receives had been there.
        if let (Some(began), Stage::Receives(_)) = (self.began, &host.stage) {
            self.received += more;
            self.rate = Some(Rate(self.received as f64 / began.elapsed().as_secs_f64().max(0.001)));
        }
    }

    /// How many bytes hosts received altogether, over however many transfers.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// How far a host is, beside what concerns all of them.
    pub fn transfer(&self, host: &str) -> Transfer {
        let bytes = self.hosts.iter().find(|known| &*known.name == host).map_or(0, |known| known.bytes);
        let rate = self.rate.unwrap_or_default();
        Transfer { bytes: Bytes(bytes), size: Bytes(self.size), rate, left: self.left() }
    }

    /// How long what is missing takes at the present rate; none where nothing moves yet.
    pub fn left(&self) -> Option<Duration> {
        let rate = self.rate.filter(|rate| rate.0 > 0.0)?;
        let waits = |host: &&HostProgress| matches!(host.stage, Stage::Waits | Stage::Receives(_));
        let missing: u64 = self.hosts.iter().filter(waits).map(|host| self.size.saturating_sub(host.bytes)).sum();
        Some(Duration::from_secs_f64(missing as f64 / rate.0))
    }
}
