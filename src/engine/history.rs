//! What happened lately: the events that consoles show, the timelines of VMs and hosts, all bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::fleet::{HostId, HostState, Time, VmId};
use crate::handle::{Event, EventFilter, EventPage, Level, TaskSubject};

/// Events that a snapshot shows at most.
const EVENTS: usize = 400;
/// Events that are remembered.
const REMEMBERED: usize = 10_000;
/// Moments of VMs and hosts that are remembered in all.
const MOMENTS: usize = 50_000;
/// States of hosts that are remembered in all.
const HOST_STATES: usize = 10_000;

/// Recent events and moments.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Event>,
    /// Events so far.
    count: u64,
    /// The last events as snapshots share them, made when one is asked for after a change.
    shared: std::cell::OnceCell<Arc<Vec<Event>>>,
    moments: VecDeque<(Time, TaskSubject, Moment)>,
    host_states: VecDeque<(Time, HostId, HostState, Option<Arc<str>>)>,
}

/// What happened to a VM or on a host, in few bytes.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    Started(crate::fleet::TaskId),
    Ended(crate::fleet::TaskId),
    Said(Arc<str>),
}

/// Adds something at the end; what is too old goes.
fn remember<T>(all: &mut VecDeque<T>, room: usize, new: T) {
    if all.len() == room {
        all.pop_front();
    }
    all.push_back(new);
}

impl History {
    /// Takes an event and gives it its number.
    pub(super) fn event(&mut self, event: Event) {
        self.count += 1;
        remember(&mut self.events, REMEMBERED, Event { number: self.count, ..event });
        self.shared.take();
    }

    pub(super) fn moment(&mut self, at: Time, subject: TaskSubject, moment: Moment) {
        remember(&mut self.moments, MOMENTS, (at, subject, moment));
    }

    /// A host entered a state.
    pub(super) fn host(&mut self, at: Time, host: HostId, state: HostState, reason: &str) {
        let reason = (!reason.is_empty()).then(|| reason.into());
        remember(&mut self.host_states, HOST_STATES, (at, host, state, reason));
    }

    pub(super) fn events(&self) -> Arc<Vec<Event>> {
        let hidden = self.events.len().saturating_sub(EVENTS);
        self.shared.get_or_init(|| Arc::new(self.events.range(hidden..).cloned().collect())).clone()
    }

    /// A page of the remembered events, newest first.
    pub(super) fn page(&self, filter: &EventFilter, before: Option<u64>, offset: usize, limit: usize) -> EventPage {
        let text = filter.text.to_lowercase();
        let wanted = |event: &&Event| {
            before.is_none_or(|before| event.number < before)
                && filter.level.is_none_or(|level| event.level >= level)
                && (filter.vm.is_none() || event.vm == filter.vm)
                && (filter.host.is_none() || event.host == filter.host)
                && (filter.op.is_none() || event.op == filter.op)
                && (filter.kind.is_none() || event.kind == filter.kind)
                && (text.is_empty() || event.text.to_lowercase().contains(&text))
        };
        let found: Vec<&Event> = self.events.iter().rev().filter(wanted).collect();
        EventPage { total: found.len(), events: found.into_iter().skip(offset).take(limit).cloned().collect() }
    }

    /// What is remembered of a VM, oldest first.
    pub(super) fn of(&self, vm: VmId) -> impl Iterator<Item = (Time, &Moment)> {
        self.moments().filter(move |(_, of, _)| of.vm() == Some(vm)).map(|(at, _, moment)| (at, moment))
    }

    /// What is remembered of all VMs and hosts, oldest first.
    pub(super) fn moments(&self) -> impl DoubleEndedIterator<Item = (Time, TaskSubject, &Moment)> {
        self.moments.iter().map(|(at, subject, moment)| (*at, *subject, moment))
    }

    /// Which states a host entered when, and why, oldest first.
    pub(super) fn states_of(
        &self,
        host: HostId,
    ) -> impl DoubleEndedIterator<Item = (Time, HostState, Option<&Arc<str>>)> {
        let states = self.host_states.iter().filter(move |(_, of, ..)| *of == host);
        states.map(|(at, _, state, reason)| (*at, *state, reason.as_ref()))
    }

    /// What was said of VMs on a host, not of a task's end, oldest first.
    pub(super) fn said_on(&self, host: HostId) -> impl DoubleEndedIterator<Item = (Time, &Arc<str>)> {
        let ends = |event: &Event| event.level == Level::Error && event.op.is_some();
        let said = move |event: &&Event| event.host == Some(host) && event.vm.is_some() && !ends(event);
        self.events.iter().filter(said).map(|event| (event.at, &event.text))
    }
}
