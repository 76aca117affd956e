//! What happened lately: the events that consoles show and the timelines of VMs, both bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::fleet::{Time, VmId};
use crate::handle::Event;

/// Events that a snapshot shows at most.
const EVENTS: usize = 400;
/// Moments of VMs that are remembered in all.
const MOMENTS: usize = 50_000;

/// Recent events and moments.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Event>,
    /// The events as snapshots share them, made when one is asked for after a change.
    shared: std::cell::OnceCell<Arc<Vec<Event>>>,
    moments: VecDeque<(Time, VmId, Moment)>,
}

/// What happened to a VM, in few bytes.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    Started(crate::fleet::TaskId),
    Ended(crate::fleet::TaskId),
    Said(Arc<str>),
}

impl History {
    pub(super) fn event(&mut self, event: Event) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.shared.take();
    }

    pub(super) fn moment(&mut self, at: Time, vm: VmId, moment: Moment) {
        if self.moments.len() == MOMENTS {
            self.moments.pop_front();
        }
        self.moments.push_back((at, vm, moment));
    }

    pub(super) fn events(&self) -> Arc<Vec<Event>> {
        self.shared.get_or_init(|| Arc::new(self.events.iter().cloned().collect())).clone()
    }

    /// What is remembered of a VM, oldest first.
    pub(super) fn of(&self, vm: VmId) -> impl Iterator<Item = (Time, &Moment)> {
        self.moments.iter().filter(move |(_, of, _)| *of == vm).map(|(at, _, moment)| (*at, moment))
    }
}
