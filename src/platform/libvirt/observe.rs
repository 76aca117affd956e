//! The thread that watches one host: it connects, asks once a second what runs and how busy it is, and at once when a
//! lifecycle event says that something happened.

mod known;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use virt::domain::Domain;
use virt::error::ErrorNumber;

use self::known::{Known, meet};
use super::ffi::{self, DomainFigures, Subscription};
use super::host::{Host, Inbox};
use super::ledger::Standing;
use super::line::Line;
use super::queue::lock;
use super::state;
use super::trouble::Trouble;
use super::xml;
use crate::fleet::{Bytes, VmState};
use crate::platform::{Observation, SILENCE, VmKey, VmSeen};

/// Between two rounds when nothing happens.
const ROUND: Duration = Duration::from_secs(1);
/// Between two rounds at least, however much happens.
const BREATH: Duration = Duration::from_millis(50);
/// The shortest span over which a load is computed; shorter ones say more about the clock than about the load.
const LOAD_SPAN: Duration = Duration::from_millis(700);
/// After so long the full list is told again though nothing changed.
const FULL_LIST: Duration = Duration::from_secs(30);
/// How long a round may take. A QEMU that stands still holds up whoever asks for its statistics first, and nobody after
/// that: asked again on another connection, libvirt leaves it out as busy.
const HANGS: Duration = Duration::from_secs(4);
/// How long the connection that follows such a round may take: the host itself may hang.
const RECONNECT: Duration = Duration::from_secs(4);
/// Between attempts to connect: doubled from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Watches a host until the platform is gone.
pub(super) fn watch(host: &Arc<Host>) {
    let mut observer = Observer {
        host: host.clone(),
        known: HashMap::new(),
        node: None,
        full: None,
        nowait: true,
        hung: false,
        new: true,
    };
    let mut pause = BACKOFF.0;
    while !host.queue.closed() {
        let within = if observer.hung { RECONNECT } else { SILENCE };
        let (trouble, rounds) = match host.open(within, || !host.queue.closed()) {
            Ok(connect) => {
                // A host that lets somebody in is not silent, however long the next round takes.
                host.silence.ends();
                observer.rounds(&mut Line::new(connect))
            }
            Err(trouble) => (trouble, 0),
        };
        if host.queue.closed() {
            return;
        }
        // Only the call hangs, as far as is known: another one will tell. The second time it is waited for.
        let hangs = matches!(trouble, Trouble::Hangs { .. });
        observer.hung = hangs;
        if hangs {
            tracing::warn!(%trouble, "asked anew on another connection");
            continue;
        }
        host.silence.ends();
        host.unreachable(&trouble.to_string());
        host.tell_contact();
        if rounds > 0 {
            pause = BACKOFF.0;
        }
        host.queue.closed_within(pause);
        pause = (pause * 2).min(BACKOFF.1);
    }
}

struct Observer {
    host: Arc<Host>,
    known: HashMap<Arc<str>, Known>,
    /// When the node's CPU time was read, and what it was.
    node: Option<(Instant, Duration)>,
    /// When the full list was last told; none where it is owed.
    full: Option<Instant>,
    /// Whether the driver can list domains without waiting for busy ones.
    nowait: bool,
    /// Whether the last round was given up as it hung.
    hung: bool,
    /// Whether no round on the present connection has ended yet.
    new: bool,
}

impl Observer {
    /// Rounds on a new connection until one fails; says why, and how many went well.
    fn rounds(&mut self, line: &mut Line) -> (Trouble, u64) {
        let host = self.host.clone();
        let listener = {
            let host = host.clone();
            move |name: &str, event: u32, detail: u32| {
                let mut inbox = lock(&host.inbox);
                inbox.stirred = true;
                if let Some(why) = state::gone(event, detail) {
                    inbox.gone.insert(name.to_owned(), why);
                }
                drop(inbox);
                host.stir.notify_one();
            }
        };
        let agents = {
            let host = host.clone();
            move |name: &str, state: u32, _: u32| {
                let mut inbox = lock(&host.inbox);
                inbox.stirred = true;
                inbox.agents.insert(
                    name.to_owned(),
                    state == virt_sys::VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED,
                );
                drop(inbox);
                host.stir.notify_one();
            }
        };
        // Held for as long as the connection is watched.
        let events = host.call_on(line, "asking for events", |c| {
            Ok((Subscription::lifecycle(c, Box::new(listener))?, Subscription::agent(c, Box::new(agents))?))
        });
        if let Err(trouble) = &events {
            tracing::warn!(%trouble, "no events: changes show within a second, guests that answer with the host's next start");
        }
        let mut rounds = 0;
        self.node = None;
        self.new = true;
        // Who came or left while nobody listened is not known, and what was heard before is old.
        lock(&host.inbox).agents.clear();
        self.known.values_mut().for_each(|known| known.agent = None);
        loop {
            let began = Instant::now();
            let inbox = std::mem::take(&mut *lock(&host.inbox));
            if let Err(trouble) = self.round(line, began, &inbox) {
                if matches!(trouble, Trouble::Hangs { .. }) {
                    // To leave a connection that is not cut is a call like others.
                    line.leave(events);
                }
                return (trouble, rounds);
            }
            rounds += 1;
            self.new = false;
            if host.queue.closed_within(BREATH) {
                let gone = "the console ended".to_owned();
                return (Trouble::Unreachable { host: host.name.to_string(), why: gone }, rounds);
            }
            let mut inbox = lock(&host.inbox);
            while !inbox.stirred {
                let left = ROUND.saturating_sub(began.elapsed());
                if left.is_zero() {
                    break;
                }
                inbox = host.stir.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// Asks once for everything and tells what is new.
    fn round(&mut self, line: &mut Line, began: Instant, inbox: &Inbox) -> Result<(), Trouble> {
        // Before anything can end the round: it is told once.
        self.forget_answers(inbox);
        let host = self.host.clone();
        let doing = "asking what runs on it";
        let nowait = self.nowait;
        let within = (nowait && !self.hung).then_some(HANGS);
        let (figures, nowait, node) = host.call_on_within(line, doing, within, move |connect| {
            // Not every driver tells the node's CPU time; the test driver for one does not.
            let node = || ffi::node_cpu_time(connect).ok();
            match ffi::domain_figures(connect, nowait) {
                Err(error) if nowait && error.code().is(ErrorNumber::InvalidArg) => {
                    Ok((ffi::domain_figures(connect, false)?, false, node()))
                }
                figures => Ok((figures?, nowait, node())),
            }
        })?;
        (self.nowait, self.hung) = (nowait, false);
        self.hear_of_agents(inbox);
        // Met anew, to read their marks.
        self.known.retain(|name, _| !inbox.marked.contains(&**name));
        let unmet: Vec<Domain> = figures.iter().filter(|f| !self.knows(&f.domain)).map(|f| f.domain.clone()).collect();
        if !unmet.is_empty() {
            let met = host.call_on(line, doing, move |_| Ok(unmet.iter().filter_map(meet).collect::<Vec<_>>()))?;
            for (name, known) in &met {
                if let Some(address) = known.mark.as_ref().and_then(|mark| mark.address) {
                    host.addresses.met(name, address, host.id);
                }
            }
            self.known.extend(met);
        }
        self.ask_for_agents(line, &figures)?;
        self.call_guests(began);
        let mut listed: HashMap<Arc<str>, VmSeen> = HashMap::with_capacity(figures.len());
        let mut loads = Vec::new();
        for domain in &figures {
            // A domain that vanished while it was asked about is not there; its event or the next round says so.
            if let Some(seen) = self.see(domain) {
                if let Some(load) = self.load(&seen, domain) {
                    loads.push(load);
                }
                if let VmKey::Name(name) = &seen.vm {
                    listed.insert(name.clone(), seen);
                }
            }
        }
        let disk_errors: HashSet<String> = figures
            .iter()
            .filter(|figures| state::disk_error(figures.state.0, figures.state.1))
            .filter_map(|figures| figures.domain.name().ok())
            .collect();
        host.looks.note(self.subjects(&listed, |name| disk_errors.contains(name)));
        for leftover in host.awaiting.settle(began, &listed) {
            host.remove(leftover);
        }
        for stopped in host.stopping.settle(began, &listed) {
            host.clear(stopped);
        }
        for running in host.stopping.overdue() {
            host.ask_to_end(running);
        }
        let node = node.and_then(|used| self.node_load(used));
        if !self.host.queue.wait_for_room() {
            return Ok(());
        }
        // The host's first answer comes with the list of its VMs: whoever waits for it knows what is there.
        let mut answer = None;
        if !host.known_to_answer() {
            let (cores, memory) = host.call_on(line, "asking for its size", |connect| {
                let node = connect.node_info()?;
                Ok((node.cpus, Bytes(node.memory * 1024)))
            })?;
            answer = Some(Observation::HostAnswers { cores, memory });
            self.full = None;
            self.known.values_mut().for_each(|k| k.told = None);
        }
        host.answers(answer.is_some());
        host.ledger.speak(host.id, began, |standings| {
            let mut seen: Vec<_> = answer.into_iter().collect();
            seen.extend(self.tell(listed, standings, inbox));
            seen.extend(node);
            seen.extend(loads);
            seen
        });
        Ok(())
    }

    /// Takes in what the events said of agents. Those of domains that were not met yet are asked for with the rest.
    fn hear_of_agents(&mut self, inbox: &Inbox) {
        for (name, &there) in &inbox.agents {
            if let Some(known) = self.known.get_mut(name.as_str()) {
                known.agent = Some(there);
            }
        }
    }

    /// Asks whose agent is there, where no event has said so.
    fn ask_for_agents(&mut self, line: &mut Line, figures: &[DomainFigures]) -> Result<(), Trouble> {
        let unasked = |domain: &Domain| {
            domain.name().is_ok_and(|name| self.known.get(name.as_str()).is_some_and(|known| known.agent.is_none()))
        };
        let domains: Vec<Domain> = figures.iter().map(|f| &f.domain).filter(|d| unasked(d)).cloned().collect();
        if domains.is_empty() {
            return Ok(());
        }
        let ask = |domain: Domain| Some((domain.name().ok()?, xml::agent_connected(&domain.xml_desc(0).ok()?)));
        let doing = "asking whose guests answer";
        let found: Vec<(String, bool)> =
            self.host.call_on(line, doing, move |_| Ok(domains.into_iter().filter_map(ask).collect()))?;
        for (name, there) in found {
            if let Some(known) = self.known.get_mut(name.as_str()) {
                known.agent = Some(there);
            }
        }
        Ok(())
    }

    /// What is new among the listed domains, as far as no task has them in hand.
    fn tell(
        &mut self,
        listed: HashMap<Arc<str>, VmSeen>,
        standings: &HashMap<Arc<str>, Standing>,
        inbox: &Inbox,
    ) -> Vec<Observation> {
        let standing = |name: &Arc<str>| standings.get(name).copied().unwrap_or(Standing::Quiet);
        let gone = |name: &Arc<str>| Observation::VmGone {
            vm: VmKey::Name(name.clone()),
            reason: inbox.gone.get(&**name).copied().unwrap_or("it is no longer there").into(),
        };
        let mut seen = Vec::new();
        // A VM that a task left here and that went away before any round saw it.
        for (name, &standing) in standings {
            if let Standing::Settled(present) = standing {
                match self.known.get_mut(name) {
                    Some(known) if listed.contains_key(name) => known.told = None,
                    _ if !listed.contains_key(name) => {
                        self.known.remove(name);
                        self.host.addresses.gone(name, self.host.id);
                        self.host.tools.forget(name);
                        if present {
                            seen.push(gone(name));
                        }
                    }
                    _ => {}
                }
            }
        }
        for (name, vm) in &listed {
            if standing(name) != Standing::InHand
                && let Some(known) = self.known.get_mut(name)
                && known.told.as_ref() != Some(vm)
            {
                known.told = Some(vm.clone());
                seen.push(Observation::Vm(vm.clone()));
            }
        }
        let mut unexplained = false;
        self.known.retain(|name, known| {
            let stays = listed.contains_key(name) || standing(name) == Standing::InHand;
            // The event that says why may come after the list that lacks it: it has until the next round.
            let waits = !stays && !known.missing && !inbox.gone.contains_key(&**name);
            known.missing = waits;
            unexplained |= waits;
            if !stays && !waits {
                self.host.addresses.gone(name, self.host.id);
                self.host.tools.forget(name);
                seen.push(gone(name));
            }
            stays || waits
        });
        // What waits for a guest takes its time, and its VM is no longer on its way anywhere.
        let waits = |name: &str| self.host.awaiting.has(name) || self.host.stopping.has(name);
        let contested = standings.iter().any(|(name, s)| *s == Standing::InHand && !waits(name));
        if !contested && !unexplained && self.full.is_none_or(|at| at.elapsed() >= FULL_LIST) {
            self.full = Some(Instant::now());
            // The full list says all that the single changes would, save why VMs went away.
            seen.retain(|o| matches!(o, Observation::VmGone { .. }));
            seen.push(Observation::Inventory(listed.into_values().collect()));
        }
        seen
    }

    /// Whether the domain was met, and not another one of the same name.
    fn knows(&self, domain: &Domain) -> bool {
        let (Ok(name), Ok(uuid)) = (domain.name(), domain.uuid_string()) else { return false };
        self.known.get(name.as_str()).is_some_and(|known| *known.uuid == *uuid)
    }

    /// A listed domain as an observation; none where it vanished before it could be met.
    fn see(&mut self, figures: &DomainFigures) -> Option<VmSeen> {
        let name: Arc<str> = figures.domain.name().ok()?.into();
        let greets = self.greets(self.known.get(&name)?);
        let known = self.known.get_mut(&name)?;
        let state = state::vm_state(figures.state.0, figures.state.1);
        let abandoned = known.abandoned(state.0 == VmState::Starting, self.new);
        let (state, reason) = match state {
            (VmState::Up, reason) if known.agent == Some(true) || greets => (VmState::Reachable, reason),
            (VmState::Starting, _) if abandoned => (VmState::Failed, Some(state::ABANDONED)),
            other => other,
        };
        Some(VmSeen {
            vm: VmKey::Name(name),
            state,
            managed: known.mark.is_some(),
            class: known.mark.as_ref().and_then(|m| m.class.clone()),
            vcpus: known.vcpus,
            memory: known.memory,
            reason: reason.map(Into::into),
        })
    }
}
