//! What is known of domains from round to round, and the loads that follow from it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use virt::domain::Domain;

use super::super::ffi::DomainFigures;
use super::super::greet::Callee;
use super::super::host::Inbox;
use super::super::login::{self, Acquaintance};
use super::super::look::Subject;
use super::super::queue::lock;
use super::super::traffic::Traffic;
use super::super::work;
use super::super::xml::Mark;
use super::{LOAD_SPAN, Observer};
use crate::fleet::{Bytes, Rate, VmState};
use crate::platform::{Observation, SshAccess, VmKey, VmSeen};

/// What is known of a domain from one round to the next.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) uuid: Arc<str>,
    pub(super) mark: Option<Mark>,
    /// How its guest is reached, where it has SSH.
    login: Option<SshAccess>,
    /// Whether its guest's agent has its port open: the guest answers. None where it has to be asked for.
    pub(super) agent: Option<bool>,
    pub(super) vcpus: u8,
    pub(super) memory: Bytes,
    /// When its counters were read, and the CPU time and bytes that they showed.
    pub(super) counted: Option<(Instant, Duration, Traffic)>,
    /// What it receives and sends in a second, by the last two readings.
    pub(super) traffic: Traffic,
    /// What was last told of it; none where it has to be told anew.
    pub(super) told: Option<VmSeen>,
    /// The load that was last told.
    pub(super) load: (u32, u64, u64),
    /// Since when it has used no CPU time.
    pub(super) still: Option<Instant>,
    /// Whether it was left out of the figures as busy.
    pub(super) busy: bool,
    /// Whether the last round did not find it, and nothing had said why.
    pub(super) missing: bool,
    /// Since when libvirt says that it is starting it.
    pub(super) starting: Option<Instant>,
    /// Whether that may be from before libvirt was started: it was so when the connection was new.
    pub(super) from_before: bool,
}

/// After so long nobody is starting a domain any more that was said to be starting when the connection was new.
const ABANDONED: Duration = Duration::from_secs(30);

impl Known {
    /// Takes in that the domain starts or does not; whether its start has been abandoned.
    ///
    /// libvirt writes down that it starts a domain, and what it was doing. When it was killed in the middle of that, it
    /// believes after its next start that somebody is still at it, and lets nobody destroy what is not there (libvirt 9.0:
    /// "cannot acquire state change lock"). Where it had not written down the process's number it does not look for it
    /// either, each time that it is started (seen: `<domstatus … pid='0'>` and `async='start'` in the domain's file in
    /// `/run/libvirt/qemu`); otherwise it forgets it then.
    pub(super) fn abandoned(&mut self, starts: bool, new_connection: bool) -> bool {
        self.starting = if starts { self.starting.or_else(|| Some(Instant::now())) } else { None };
        self.from_before = starts && (self.from_before || new_connection);
        self.from_before && self.starting.is_some_and(|since| since.elapsed() >= ABANDONED)
    }
}

impl Known {
    /// Whom to call to find whether its guest's SSH server answers.
    fn callee(&self) -> Option<Callee> {
        let mark = self.mark.as_ref().filter(|mark| mark.ssh.is_some())?;
        Some(Callee { address: mark.address?, uuid: self.uuid.clone() })
    }
}

impl Observer {
    /// A domain's load since its counters were last read, where it differs from what was told.
    pub(super) fn load(&mut self, seen: &VmSeen, figures: &DomainFigures) -> Option<Observation> {
        let VmKey::Name(name) = &seen.vm else { return None };
        let known = self.known.get_mut(name)?;
        known.busy = figures.cpu_time.is_none();
        let Some(cpu_time) = figures.cpu_time else {
            known.traffic = Traffic::default();
            // Left out as busy: with a job, or as its QEMU does not answer. A closer look tells.
            known.still = seen.state.runs().then(|| known.still.unwrap_or_else(Instant::now));
            return None;
        };
        let now = Instant::now();
        let Some((at, cpu_before, net_before)) = known.counted else {
            known.counted = Some((now, cpu_time, figures.net));
            return None;
        };
        let span = now.duration_since(at);
        if span < LOAD_SPAN {
            return None;
        }
        known.counted = Some((now, cpu_time, figures.net));
        // What runs uses some now and then, however idle its guest is.
        let still = seen.state.runs() && cpu_time == cpu_before;
        known.still = if still { known.still.or(Some(at)) } else { None };
        let cpu = millicores(cpu_time.saturating_sub(cpu_before), span);
        known.traffic = figures.net.per_second(net_before, span);
        let net = known.traffic.both();
        let moves = lock(&self.host.moves);
        let counted = moves.iter().find(|m| m.name == *name).map_or(0, |m| m.progress().dirty_rate.0 as u64);
        drop(moves);
        let dirty = match counted {
            0 if seen.state.runs() => self.host.tools.dirties(name),
            counted => counted,
        };
        if known.load == (cpu, net, dirty) {
            return None;
        }
        known.load = (cpu, net, dirty);
        Some(Observation::VmLoad {
            vm: VmKey::Name(name.clone()),
            cpu,
            dirty: Rate(dirty as f64),
            net: Rate(net as f64),
        })
    }

    /// The node's load. libvirt tells no figures of its NICs: what its guests receive and send stands for them, and
    /// what migrations and the node itself send is not in it.
    pub(super) fn node_load(&mut self, used: Duration) -> Option<Observation> {
        let now = Instant::now();
        if self.node.is_some_and(|(at, _)| now.duration_since(at) < LOAD_SPAN) {
            return None;
        }
        let (at, before) = self.node.replace((now, used))?;
        let cpu = millicores(used.saturating_sub(before), now.duration_since(at));
        let guests: Traffic = self.known.values().map(|known| known.traffic).sum();
        let (net_rx, net_tx) = (Rate(guests.received as f64), Rate(guests.sent as f64));
        Some(Observation::HostLoad { cpu_used: cpu, cpu_demand: cpu, net_rx, net_tx })
    }

    /// Lets those be called whose guests have SSH and no agent, and says how they are reached.
    pub(super) fn call_guests(&self, began: Instant) {
        let without = || self.known.iter().filter(|(_, known)| known.agent != Some(true));
        let wanted = without().filter_map(|(_, known)| known.callee()).collect();
        let logins = without().filter_map(|(name, known)| Some((name.clone(), known.login.clone()?)));
        lock(&self.host.logins).see(began, logins.collect(), |vm| {
            let known = self.known.get(vm)?;
            Some(Acquaintance { has_login: known.login.is_some(), agent: known.agent == Some(true) })
        });
        let host = Arc::downgrade(&self.host);
        let stir = move || {
            if let Some(host) = host.upgrade() {
                lock(&host.inbox).stirred = true;
                host.stir.notify_one();
            }
        };
        self.host.greetings.want(self.host.id, wanted, Arc::new(stir));
    }

    /// Lets guests whose VMs were reset answer anew.
    pub(super) fn forget_answers(&self, inbox: &Inbox) {
        let reset = inbox.reset.iter().filter_map(|name| self.known.get(name.as_str())?.callee());
        reset.for_each(|callee| self.host.greetings.anew(&callee));
    }

    /// Whether a guest's SSH server greets.
    pub(super) fn greets(&self, known: &Known) -> bool {
        known.callee().is_some_and(|callee| self.host.greetings.answers(&callee))
    }

    /// Those of the listed VMs that are to be looked at more closely: Hemera's own. `disk_error` says which a disk error
    /// stopped.
    pub(super) fn subjects(
        &self,
        listed: &HashMap<Arc<str>, VmSeen>,
        disk_error: impl Fn(&str) -> bool,
    ) -> HashMap<Arc<str>, Subject> {
        let subject = |(name, seen): (&Arc<str>, &VmSeen)| {
            let known = self.known.get(name).filter(|known| known.mark.is_some())?;
            let subject = Subject {
                runs: matches!(seen.state, VmState::Up | VmState::Reachable),
                disk_error: disk_error(name),
                agent: known.agent == Some(true),
                greets: self.greets(known),
                still: known.still,
                busy: known.busy,
                address: known.mark.as_ref().and_then(|mark| mark.address),
            };
            Some((name.clone(), subject))
        };
        listed.iter().filter_map(subject).collect()
    }
}

/// What has to be asked of a domain only once.
pub(super) fn meet(domain: &Domain) -> Option<(Arc<str>, Known)> {
    let name = domain.name().ok()?.into();
    let uuid = domain.uuid_string().ok()?;
    let info = domain.info().ok()?;
    let mark = work::mark(domain);
    let known = Known {
        uuid: uuid.into(),
        login: mark.as_ref().and_then(login::of),
        mark,
        agent: None,
        vcpus: u8::try_from(info.nr_virt_cpu).unwrap_or(u8::MAX),
        memory: Bytes(info.max_mem * 1024),
        counted: None,
        traffic: Traffic::default(),
        told: None,
        load: (u32::MAX, 0, 0),
        still: None,
        busy: false,
        missing: false,
        starting: None,
        from_before: false,
    };
    Some((name, known))
}

/// CPU time in a span, in thousandths of a core.
fn millicores(used: Duration, span: Duration) -> u32 {
    (used.as_secs_f64() / span.as_secs_f64() * 1000.0).round() as u32
}
