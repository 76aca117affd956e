//! Real hosts through libvirt.
//!
//! Every call to libvirt may block for as long as its host pleases, so all of them are made on threads of this room,
//! and no thread makes calls to a host on behalf of another host. Per host there are
//!
//! - an observer with a connection of its own ([`observe`]): it reconnects by itself, lists domains and loads once a
//!   second and whenever a lifecycle event arrives, and says when the host does not answer;
//! - a thread that looks more closely at VMs of which something is odd ([`look`]);
//! - at most eight workers ([`work`]), which boot, destroy, pause, resume and restart; boots that are done when their
//!   guest answers wait for it without one ([`awaiting`]), and so do shutdowns for its end ([`stopping`]);
//! - at most four threads for what is done in guests, a step at a time ([`errands`]);
//! - a thread per move, and one watcher for all moves that leave the host ([`migrate`]);
//! - one thread for all hosts that finds whose SSH server answers, where there is no agent ([`greet`]);
//! - a thread per question about one VM ([`inspect`]) and per open serial console ([`console`]).
//!
//! A connection serves one call at a time ([`line`] says why), and the connections of workers, watcher and moves are
//! used again from call to call.
//!
//! # What happens when a host hangs
//!
//! Keep-alive cuts the connections of a host that does not answer after 6 s, and a watchdog calls it unreachable when no
//! round of observation ended for [`SILENCE`](super::SILENCE). From then on requests to it fail at once, and so do those
//! that wait in its queue. A task whose call blocks ends when the call's connection is cut ([`line`]); where libvirtd is
//! alive and only the call hangs, the task runs on until somebody kills what it hangs on. A VM whose task was cut off is
//! in doubt: the task fails and says so, and the list of VMs that follows the host's recovery tells the truth. A VM that
//! was being booted is then removed, as a failed boot leaves nothing. Of a boot that waits for its guest nothing is in
//! doubt, as no call blocks: it goes on waiting, and the host's next list, or a cancellation, decides.

mod addresses;
mod adjust;
mod agent;
mod awaiting;
mod cold;
mod console;
mod copy;
mod dirty_sample;
mod errands;
mod ffi;
mod greet;
mod guest;
mod host;
mod images;
mod inspect;
mod ledger;
mod line;
mod load_tool;
mod login;
mod look;
mod migrate;
mod nbd;
mod observe;
mod overlay;
mod preflight;
mod queue;
mod room;
mod said;
mod serial;
mod shell;
mod smbios;
mod state;
mod stopping;
mod stress;
mod tls;
mod traffic;
mod trouble;
mod work;
mod xml;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use self::addresses::Addresses;
use self::copy::{Carry, Transfer};
use self::greet::Greetings;
use self::host::{Host, KNOCK};
use self::images::Images;
use self::ledger::Ledger;
use self::queue::{Queue, lock};
use self::shell::Shells;
use self::stress::Strain;
use self::work::Work;
use super::{
    Batch, Change, End, GuestWork, HostAccess, HostWork, Observation, Platform, Power, Progress, Reply, Request,
    SILENCE, SshAccess,
};
use crate::fleet::{Adjust, FromConsole, HostId, Inquiry, TaskId, ToConsole, Topology};
use crate::image::Settings;

/// How often the watchdog looks for silent hosts.
const WATCHDOG: Duration = Duration::from_millis(500);
/// Batches that may wait to be collected before observers are held back: several rounds of every host.
const BATCHES_PER_HOST: usize = 8;

/// Real hosts. Dropping it ends its observers; running moves and starts go on in libvirt.
#[derive(Debug)]
pub struct LibvirtPlatform {
    topology: Arc<Topology>,
    hosts: HashMap<HostId, Arc<Host>>,
    queue: Arc<Queue>,
    ledger: Arc<Ledger>,
    shells: Shells,
    /// What switches hosts waits for nothing that is done in guests or on hosts.
    switches: Shells,
    images: Arc<Images>,
    power: Power,
}

impl LibvirtPlatform {
    /// Begins to connect to the hosts and returns at once. Times are measured from `started`. The second value is
    /// notified whenever there is something to [`collect`](Platform::collect).
    pub fn connect(
        topology: Arc<Topology>,
        access: Vec<HostAccess>,
        images: Settings,
        power: Power,
        started: Instant,
    ) -> (Self, Arc<Notify>) {
        let images = Images::new(images, topology.clone(), &access);
        let queue = Arc::new(Queue::new(started, (access.len() * BATCHES_PER_HOST).max(64)));
        let ledger = Ledger::new(queue.clone());
        let addresses = Arc::new(Addresses::default());
        let greetings = Greetings::new(queue.clone());
        let mut hosts = HashMap::with_capacity(access.len());
        for access in access {
            let name = topology.host(access.host).name.clone();
            let (queue, ledger, greetings) = (queue.clone(), ledger.clone(), greetings.clone());
            let host = Host::new(name, access, queue, ledger, addresses.clone(), images.clone(), greetings);
            let watched = host.clone();
            let watching = thread::Builder::new().name(format!("watch {}", host.name));
            if let Err(error) = watching.spawn(move || observe::watch(&watched)) {
                host.unreachable(&format!("no thread to watch it: {error}"));
            }
            look::begin(&host);
            hosts.insert(host.id, host);
        }
        let watched: Vec<Arc<Host>> = hosts.values().cloned().collect();
        let closing = queue.clone();
        let watchdog = thread::Builder::new().name("watchdog".into()).spawn(move || {
            loop {
                let began = Instant::now();
                if closing.closed_within(WATCHDOG) {
                    return;
                }
                // This process itself stood still, as after Ctrl-Z, or collects nothing: nobody could have answered.
                if began.elapsed() > SILENCE / 2 || closing.is_full() {
                    for host in &watched {
                        host.silence.ends();
                    }
                }
                for host in &watched {
                    match host.silence.lasts() {
                        silent if silent > SILENCE => {
                            host.unreachable(&format!("no answer for {} s", SILENCE.as_secs()));
                        }
                        silent if silent > KNOCK => host.knock(),
                        _ => {}
                    }
                }
            }
        });
        if let Err(error) = watchdog {
            tracing::error!(%error, "no watchdog: hung hosts show only when keep-alive cuts their connections");
        }
        let notify = queue.notify();
        let (shells, switches) = Default::default();
        (Self { topology, hosts, queue, ledger, shells, switches, images, power }, notify)
    }

    fn host(&self, id: HostId) -> Result<&Arc<Host>, String> {
        self.hosts.get(&id).ok_or_else(|| {
            let name = self.topology.hosts.get(id.index()).map_or("an unknown host", |h| &h.name);
            format!("{name}: the world does not say how it is reached")
        })
    }

    /// A host and how its shell is reached.
    fn shell(&self, id: HostId) -> Result<(&Arc<Host>, &SshAccess), String> {
        let host = self.host(id)?;
        let ssh = host.access.ssh.as_ref();
        ssh.map(|ssh| (host, ssh)).ok_or_else(|| format!("{}: the world does not say its `ssh`", host.name))
    }

    /// A host, and how that of its guests is reached which has no agent.
    fn login(&self, id: HostId, vm: &Arc<str>) -> Option<(&Arc<Host>, SshAccess)> {
        let host = self.hosts.get(&id)?;
        let login = lock(&host.logins).of(vm)?;
        Some((host, login))
    }

    fn refuse(&self, task: TaskId, reason: String) {
        let end = End::Failed(reason.into());
        self.queue.push(None, vec![Observation::Ended { task, end, figures: None }]);
    }

    fn on_host(&self, task: TaskId, name: &Arc<str>, id: HostId, work: Work) {
        match self.host(id) {
            Ok(host) => host.submit(self.ledger.open(task, name, &[id]), work),
            Err(reason) => self.refuse(task, reason),
        }
    }

    fn cancel(&self, task: TaskId) {
        // One that has ended already needs no answer: its end is on its way.
        if let Some(signals) = self.ledger.signals(task) {
            signals.cancel();
            self.shells.cancel(task);
            self.switches.cancel(task);
            let _parked = self.images.cancel(task);
            let _found = self.hosts.values().any(|host| host.cancel_waiting(task));
            for host in self.hosts.values() {
                host.errands.hurry(task);
            }
        }
    }

    fn adjust(&self, task: TaskId, adjust: Adjust) {
        let moves = |host: &Arc<Host>| lock(&host.moves).iter().find(|m| m.task() == task).cloned();
        // One that has ended already needs no answer: its end is on its way.
        if let Some(found) = self.hosts.values().find_map(moves) {
            found.changes.ask(adjust);
        }
    }

    fn probe(&self, task: TaskId) {
        for host in self.hosts.values() {
            let moves = lock(&host.moves);
            if let Some(found) = moves.iter().find(|m| m.task() == task) {
                let progress = Progress::Migration(found.progress());
                drop(moves);
                return self.queue.push_progress(host.id, task, progress);
            }
        }
        if let Some(signals) = self.ledger.signals(task) {
            self.shells.excuse(task, &signals);
            self.switches.excuse(task, &signals);
            let work = || Progress::Work(f64::from(signals.stage()));
            let progress = self.images.transfer(task).map_or_else(work, Progress::Transfer);
            self.queue.push(None, vec![Observation::Progress { task, progress }]);
        }
    }
}

impl Platform for LibvirtPlatform {
    fn submit(&mut self, request: Request) {
        match request {
            Request::Boot { task, name, host, class, .. } => match self.host(host) {
                Ok(found) => self.boot(self.ledger.open(task, &name, &[host]), found, name, class),
                Err(reason) => self.refuse(task, reason),
            },
            Request::Change { task, name, host, change: Change::Load(load), .. }
                if let Some((host, ssh)) = self.login(host, &name) =>
            {
                // Nothing is done to the VM: what is seen of it meanwhile counts.
                let ticket = self.ledger.open(task, &name, &[]);
                self.shells.stress(Strain::new(host.clone(), name, ssh, load, ticket));
            }
            Request::Change { task, name, host, change, .. } => {
                let work = Work::Change { name: name.clone(), change };
                self.on_host(task, &name, host, work);
            }
            Request::Migrate { task, name, source, target, options, .. } => {
                match (self.host(source), self.host(target)) {
                    (Ok(from), Ok(to)) => {
                        let ticket = self.ledger.open(task, &name, &[source, target]);
                        migrate::start(from, to, name, options, ticket);
                    }
                    (Err(reason), _) | (_, Err(reason)) => self.refuse(task, reason),
                }
            }
            Request::Guest { task, name, host, work, .. } => match self.host(host) {
                Ok(host) => {
                    // Nothing is done to the VM: what is seen of it meanwhile counts.
                    let ticket = self.ledger.open(task, &name, &[]);
                    let login = lock(&host.logins).of(&name);
                    let queue = self.queue.clone();
                    match (login, work) {
                        (None, GuestWork::Run(script)) => {
                            host.begin(ticket, Box::new(guest::Run::new(name, script, task, queue)));
                        }
                        (None, GuestWork::Copy(copy)) => host.begin(ticket, Box::new(Transfer::new(name, copy))),
                        (Some(ssh), GuestWork::Run(script)) => self.shells.run(&ssh, &script, ticket, queue),
                        (Some(ssh), GuestWork::Copy(copy)) => self.shells.copy(Carry::new(ssh, name, copy, ticket)),
                    }
                }
                Err(reason) => self.refuse(task, reason),
            },
            Request::Host { task, host, work: HostWork::Run(script) } => match self.shell(host) {
                Ok((host, ssh)) => {
                    let ticket = self.ledger.open(task, &host.name, &[]);
                    self.shells.run(ssh, &script, ticket, self.queue.clone());
                }
                Err(reason) => self.refuse(task, reason),
            },
            Request::Host { task, host, work: HostWork::Copy(copy) } => match self.shell(host) {
                Ok((host, ssh)) => {
                    let ticket = self.ledger.open(task, &host.name, &[]);
                    self.shells.copy(Carry::new(ssh.clone(), host.name.clone(), copy, ticket));
                }
                Err(reason) => self.refuse(task, reason),
            },
            Request::Host { task, host, work: HostWork::Image(image) } => match self.host(host) {
                Ok(found) => self.spread(self.ledger.open_on_host(task), found, &image),
                Err(reason) => self.refuse(task, reason),
            },
            Request::Host { task, host, work: HostWork::Power(action) } => {
                match self.power.command(action, &self.topology.full_name(host)) {
                    Ok(command) => self.switches.switch(&command, self.ledger.open_on_host(task), self.queue.clone()),
                    Err(reason) => self.refuse(task, reason.to_string()),
                }
            }
            Request::Adjust { task, adjust } => self.adjust(task, adjust),
            Request::Cancel { task } => self.cancel(task),
            Request::Probe { task } => self.probe(task),
        }
    }

    fn collect(&mut self, into: &mut Vec<Batch>) {
        self.queue.collect(into);
    }

    fn ask(&mut self, vm: &Arc<str>, host: HostId, inquiry: Inquiry, reply: Reply) {
        match self.host(host) {
            Ok(host) => inspect::ask(host, vm, inquiry, reply),
            Err(why) => reply(Err(why.into())),
        }
    }

    fn console(&mut self, vm: &Arc<str>, host: HostId, to: mpsc::Receiver<ToConsole>, from: mpsc::Sender<FromConsole>) {
        match self.host(host) {
            Ok(host) => console::open(host, vm, to, from),
            // There is room: nothing was sent before.
            Err(why) => drop(from.try_send(FromConsole::Ended(why.into()))),
        }
    }
}

impl Drop for LibvirtPlatform {
    fn drop(&mut self) {
        self.queue.close();
        for host in self.hosts.values() {
            host.stir.notify_all();
        }
    }
}
