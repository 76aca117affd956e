//! A closer look at VMs: what their serial consoles said last, whether their agents answer and what time they tell, which
//! disk had an error; at hosts: how much room their disks have, what their machines say when libvirt does not.
//!
//! A look costs calls to the host and to the guest, so that few are made: [`AT_ONCE`] VMs in [`ROUND`], first those of
//! which something is odd. A guest that is well is asked every [`WELL`] or less often where there are many. They are made
//! on a thread of the host's own: a guest that does not answer holds up nothing but the looks at its neighbours, for
//! [`ANSWER`] seconds at most.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use virt::domain::Domain;

use super::host::Host;
use super::queue::lock;
use super::trouble::Trouble;
use super::{ffi, load_tool, overlay, serial};
use crate::doctor::{Contact, HostSign, Sign, TAIL};
use crate::fleet::Bytes;
use crate::platform::{Observation, VmKey};

/// Between two rounds of looks.
const ROUND: Duration = Duration::from_millis(300);
/// VMs looked at in a round.
const AT_ONCE: usize = 3;
/// Between two looks at a VM of which something is odd: at first, and when it has been so for [`LONG`].
const ODD: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// Between two looks at a VM that is well.
const WELL: Duration = Duration::from_secs(8);
/// After so long what is odd is the usual: a guest without an agent.
const LONG: Duration = Duration::from_mins(3);
/// How long a VM may be up before its console is read: most guests answer by then.
const QUIET: Duration = Duration::from_secs(2);
/// How long an agent may take to answer, in seconds.
const ANSWER: i32 = 4;
/// How long a QEMU must have used no CPU time to be told.
const STILL: Duration = Duration::from_secs(3);
/// Between two looks at how much room a host's disk has. Each lets libvirt look at every file there.
const DISK: Duration = Duration::from_secs(10);
/// The same while it is nearly full.
const FULL: Duration = Duration::from_secs(3);
/// How long a machine may take to say whether anybody listens on a port.
const CALL: Duration = Duration::from_millis(1500);
/// Any port of a guest's: that nobody listens there is an answer as well.
const GUEST_PORT: u16 = 22;

/// Whether any guest was reached over the network by this process: without, the way there is to blame.
static REACHED: AtomicBool = AtomicBool::new(false);

/// What an observer knows of a VM that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(super) struct Subject {
    /// Whether it executes instructions by the hypervisor's word.
    pub(super) runs: bool,
    /// Whether a disk error stopped it.
    pub(super) disk_error: bool,
    /// Whether its guest's agent has its port open.
    pub(super) agent: bool,
    /// Whether its guest's SSH server greets.
    pub(super) greets: bool,
    /// Since when its QEMU has used no CPU time though it runs.
    pub(super) still: Option<Instant>,
    /// Whether it was left out of the figures as busy.
    pub(super) busy: bool,
    /// The address that it was given.
    pub(super) address: Option<Ipv4Addr>,
}

/// A VM as the looks know it.
#[derive(Debug)]
struct Watch {
    subject: Subject,
    /// Since when the subject has been what it is, but for its stillness.
    since: Instant,
    due: Instant,
    /// Whether anything was odd at the last look.
    odd: bool,
    /// Whether its stillness was told.
    still: bool,
    /// What its console had said and since when: how much, a checksum of the end.
    said: Option<(u64, u64, Instant)>,
}

/// All VMs of a host that are looked at.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashMap<Arc<str>, Watch>>);

impl Looks {
    /// Takes in what a round of observation knows of VMs; others are not there any more.
    pub(super) fn note(&self, all: HashMap<Arc<str>, Subject>) {
        let now = Instant::now();
        let mut watches = lock(&self.0);
        watches.retain(|name, _| all.contains_key(name));
        for (name, subject) in all {
            let kind = |subject: &Subject| (subject.runs, subject.disk_error, subject.agent);
            match watches.get_mut(&name) {
                Some(watch) if kind(&watch.subject) == kind(&subject) => {
                    // A QEMU that stood still is looked at as soon as that is odd, and when it no longer does.
                    let still = subject.still.is_some_and(|since| since.elapsed() >= STILL);
                    if still != watch.still {
                        watch.due = now;
                    }
                    watch.subject = subject;
                }
                Some(watch) => {
                    watch.due = if subject.agent || subject.disk_error { now } else { now + QUIET };
                    (watch.subject, watch.since) = (subject, now);
                }
                None => {
                    let watch = Watch { subject, since: now, due: now + QUIET, odd: false, still: false, said: None };
                    watches.insert(name, watch);
                }
            }
        }
    }

    /// The VMs to look at now, those of which something is odd first, then those that wait longest.
    fn due(&self) -> Vec<(Arc<str>, Subject)> {
        let now = Instant::now();
        let watches = lock(&self.0);
        let mut due: Vec<_> = watches.iter().filter(|(_, watch)| watch.due <= now).collect();
        due.sort_by_key(|(name, watch)| (!watch.odd, watch.due, (*name).clone()));
        due.into_iter().take(AT_ONCE).map(|(name, watch)| (name.clone(), watch.subject.clone())).collect()
    }

    /// Notes how a look went.
    fn looked(&self, name: &str, odd: bool, still: bool) {
        let mut watches = lock(&self.0);
        // Many are asked less often, so that as many looks are made.
        let well = WELL.max(ROUND * (watches.len() / AT_ONCE) as u32 * 2);
        let Some(watch) = watches.get_mut(name) else { return };
        let odd_for = watch.since.elapsed();
        let pause = match odd {
            true if odd_for < LONG => ODD.0,
            true => ODD.1,
            false => well,
        };
        (watch.odd, watch.still, watch.due) = (odd, still, Instant::now() + pause);
    }

    /// For how long a console has said nothing more, by how much it had said and its end.
    fn silent(&self, name: &str, size: u64, tail: &[u8]) -> Duration {
        let mut hasher = DefaultHasher::new();
        tail.hash(&mut hasher);
        let sum = hasher.finish();
        let mut watches = lock(&self.0);
        let Some(watch) = watches.get_mut(name) else { return Duration::ZERO };
        match watch.said {
            Some((before, checksum, since)) if (before, checksum) == (size, sum) => since.elapsed(),
            // What it said before it was met, it said at the latest then.
            said => {
                let since = if said.is_none() { watch.since } else { Instant::now() };
                watch.said = Some((size, sum, since));
                since.elapsed()
            }
        }
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

/// Looks at a host's VMs until the platform is gone.
pub(super) fn around(host: &Arc<Host>) {
    let mut disk = Disk { due: Instant::now() + DISK / 4, full: false };
    while !host.queue.closed_within(ROUND) {
        if !host.known_to_answer() || host.looks.is_empty() || host.queue.is_crowded() {
            continue;
        }
        for (name, subject) in host.looks.due() {
            if lock(&host.moves).iter().any(|moving| moving.name == name) {
                continue;
            }
            let Look { signs, odd, still } = look(host, &name, &subject);
            host.looks.looked(&name, odd, still);
            if subject.disk_error && odd {
                disk.due = Instant::now();
            }
            let sign = |sign| Observation::Sign { vm: VmKey::Name(name.clone()), sign };
            host.queue.push(Some(host.id), signs.into_iter().map(sign).collect());
        }
        disk.look(host);
    }
}

/// What a look saw.
#[derive(Debug, Default)]
struct Look {
    signs: Vec<Sign>,
    odd: bool,
    still: bool,
}

fn look(host: &Arc<Host>, name: &Arc<str>, subject: &Subject) -> Look {
    let mut seen = Look::default();
    if subject.disk_error {
        let errors = on_domain(host, name, "asking for the disk errors of", ffi::disk_errors);
        for (disk, full) in errors.unwrap_or_default() {
            seen.odd = true;
            seen.signs.push(Sign::DiskError { disk: disk.into(), full });
        }
        return seen;
    }
    if !subject.runs {
        return seen;
    }
    let mut still = subject.still.map(|since| since.elapsed()).filter(|span| *span >= STILL);
    if still.is_some() {
        // A domain that is busy is told without its figures: only one whose QEMU owes an answer stands still.
        let control = on_domain(host, name, "looking at the QEMU of", |domain| Ok(ffi::control(domain)));
        still = match control {
            Ok(ffi::Control::Occupied(span)) if span >= STILL => Some(span),
            _ => still.filter(|_| !subject.busy),
        };
    }
    seen.still = still.is_some();
    seen.signs.push(Sign::Still(still.unwrap_or_default()));
    if !subject.agent {
        seen.odd = !subject.greets;
        if subject.greets {
            return seen;
        }
        seen.signs.extend(console(host, name));
        return seen;
    }
    let Ok(behind) = clock(host, name) else {
        seen.odd = true;
        seen.signs.push(Sign::AgentSilent);
        seen.signs.extend(console(host, name));
        return seen;
    };
    seen.signs.push(Sign::AgentAnswers { behind: Some(behind) });
    if load_tool::look(host, name).is_err() {
        // An agent that answers one question and not the next is asked again.
        seen.odd = true;
        return seen;
    }
    if let Some(addresses) = addresses(host, name) {
        if addresses.is_empty() {
            seen.odd = true;
            seen.signs.push(Sign::Addresses([].into()));
            seen.signs.extend(console(host, name));
            return seen;
        }
        seen.signs.push(Sign::Addresses(addresses.into()));
    }
    if let Some(address) = subject.address {
        let answers = calls(SocketAddr::new(IpAddr::V4(address), GUEST_PORT)) != Contact::Nothing;
        if answers {
            REACHED.store(true, Ordering::Relaxed);
        }
        seen.odd |= !answers;
        seen.signs.push(Sign::Network { address, answers, others: REACHED.load(Ordering::Relaxed) });
    }
    seen
}

/// A call on the domain of that name.
fn on_domain<T: Send + 'static>(
    host: &Host,
    name: &str,
    doing: &str,
    call: impl FnOnce(&Domain) -> Result<T, virt::error::Error> + Send + 'static,
) -> Result<T, Trouble> {
    let wanted = name.to_owned();
    host.call(&format!("{doing} {name}"), move |connect| call(&connect.lookup_domain_by_name(&wanted)?))
}

/// The end of what its console said.
fn console(host: &Arc<Host>, name: &Arc<str>) -> Option<Sign> {
    let log = serial::read(host, name, None, TAIL as u64).ok()?;
    let silent = host.looks.silent(name, log.size, &log.bytes);
    Some(Sign::Serial { tail: String::from_utf8_lossy(&log.bytes).into(), silent })
}

/// Asks a guest's agent.
fn ask(host: &Host, name: &str, question: &'static str) -> Result<Value, Trouble> {
    let answer = on_domain(host, name, "looking at the guest of", move |domain| {
        domain.qemu_agent_command(&format!("{{\"execute\":\"{question}\"}}"), ANSWER, 0)
    })?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    Ok(answer["return"].clone())
}

/// How far a guest's clock is behind ours, in milliseconds. Fails where its agent does not answer.
fn clock(host: &Host, name: &str) -> Result<i64, Trouble> {
    let millis = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    let asked = millis();
    let told = ask(host, name, "guest-get-time")?;
    // An agent that tells no time answers all the same.
    Ok(told.as_i64().map_or(0, |nanos| i64::midpoint(asked, millis()) - nanos / 1_000_000))
}

/// A guest's addresses by its own word; none where it has no card or does not tell.
fn addresses(host: &Host, name: &str) -> Option<Vec<Ipv4Addr>> {
    let told = ask(host, name, "guest-network-get-interfaces").ok()?;
    read_addresses(&told)
}

fn read_addresses(told: &Value) -> Option<Vec<Ipv4Addr>> {
    let cards = told.as_array()?.iter().filter(|card| card["name"] != "lo");
    let mut any = false;
    let mut found = Vec::new();
    for card in cards {
        any = true;
        let addresses = card["ip-addresses"].as_array().into_iter().flatten();
        found.extend(addresses.filter_map(|one| one["ip-address"].as_str()?.parse::<Ipv4Addr>().ok()));
    }
    any.then_some(found)
}

/// How much room a host's disk has.
struct Disk {
    due: Instant,
    full: bool,
}

impl Disk {
    fn look(&mut self, host: &Host) {
        if Instant::now() < self.due {
            return;
        }
        let ask = |connect: &virt::connect::Connect| {
            let pool = overlay::pool(connect)?;
            pool.refresh(0)?;
            pool.info()
        };
        self.due = Instant::now() + if self.full { FULL } else { DISK };
        if let Ok(info) = host.call("looking at its disk", ask) {
            let (free, total) = (Bytes(info.available), Bytes(info.capacity));
            self.full = free.0 < total.0 / 20;
            if self.full {
                self.due = Instant::now() + FULL;
            }
            let path = overlay::DIRECTORY.into();
            host.queue.push(Some(host.id), vec![Observation::HostSign(HostSign::Disk { path, free, total })]);
        }
    }
}

/// What a machine says whose libvirt does not answer. Blocks for [`CALL`] at most, once its name is known.
pub(super) fn contact(uri: &str) -> Option<Contact> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split('/').next()?;
    let place = authority.rsplit('@').next().filter(|place| !place.is_empty())?;
    let port = match scheme.split_once('+').map(|(_, transport)| transport) {
        Some("tcp") => 16_509,
        Some("tls") | None => 16_514,
        Some("ssh" | "libssh" | "libssh2") => 22,
        Some(_) => return None,
    };
    let full = if place.contains(':') { place.to_owned() } else { format!("{place}:{port}") };
    let address = full.to_socket_addrs().ok()?.next()?;
    Some(calls(address))
}

/// What is said to somebody who calls on a port.
fn calls(address: SocketAddr) -> Contact {
    match TcpStream::connect_timeout(&address, CALL) {
        Ok(_) => Contact::Open,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Contact::Refused,
        Err(_) => Contact::Nothing,
    }
}

/// Begins to look.
pub(super) fn begin(host: &Arc<Host>) {
    let looking = host.clone();
    let begun = thread::Builder::new().name(format!("look {}", host.name)).spawn(move || around(&looking));
    if let Err(error) = begun {
        tracing::error!(host = &*host.name, %error, "no thread for a closer look: guests that hang are not found");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_addresses_are_those_of_its_cards() {
        let told = serde_json::json!([
            { "name": "lo", "ip-addresses": [{ "ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8 }] },
            { "name": "eth0", "ip-addresses": [
                { "ip-address-type": "ipv4", "ip-address": "10.160.0.1", "prefix": 19 },
                { "ip-address-type": "ipv6", "ip-address": "fe80::1", "prefix": 64 } ] },
        ]);
        assert_eq!(read_addresses(&told), Some(vec![Ipv4Addr::new(10, 160, 0, 1)]));
        let without =
            serde_json::json!([{ "name": "lo" }, { "name": "eth0", "hardware-address": "52:54:00:00:00:01" }]);
        assert_eq!(read_addresses(&without), Some(Vec::new()));
        assert_eq!(read_addresses(&serde_json::json!([{ "name": "lo" }])), None);
        assert_eq!(read_addresses(&Value::Null), None);
    }

    #[test]
    fn a_port_that_nobody_holds_is_an_answer() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = held.local_addr().expect("an address");
        assert_eq!(contact(&format!("qemu+tcp://{address}/system")), Some(Contact::Open));
        drop(held);
        assert_eq!(contact(&format!("qemu+tcp://{address}/system")), Some(Contact::Refused));
        assert_eq!(contact("test:///default"), None);
        assert_eq!(contact("qemu+unix:///system"), None);
    }

    #[test]
    fn what_is_odd_is_looked_at_first_and_more_often() {
        let subject = |agent| Subject {
            runs: true,
            disk_error: false,
            agent,
            greets: false,
            still: None,
            busy: false,
            address: None,
        };
        let looks = Looks::default();
        let names: Vec<Arc<str>> = (0..10).map(|n| format!("vm-{n}").into()).collect();
        looks.note(names.iter().map(|name| (name.clone(), subject(true))).collect());
        assert!(looks.due().is_empty(), "they are given time");
        for watch in lock(&looks.0).values_mut() {
            watch.due = Instant::now();
        }
        looks.looked("vm-7", true, false);
        lock(&looks.0).get_mut("vm-7").expect("it").due = Instant::now();
        let due: Vec<Arc<str>> = looks.due().into_iter().map(|(name, _)| name).collect();
        assert_eq!((due.len(), &*due[0]), (AT_ONCE, "vm-7"));
        for name in &due {
            looks.looked(name, false, false);
        }
        assert!(looks.due().iter().all(|(name, _)| !due.contains(name)));
        looks.note(HashMap::new());
        assert!(looks.is_empty());
    }

    #[test]
    fn a_console_is_silent_since_it_last_said_something() {
        let looks = Looks::default();
        let subject = Subject {
            runs: true,
            disk_error: false,
            agent: false,
            greets: false,
            still: None,
            busy: false,
            address: None,
        };
        looks.note(HashMap::from([("vm".into(), subject)]));
        let hour = Duration::from_secs(3600);
        looks.silent("vm", 3, b"abc");
        lock(&looks.0).get_mut("vm").expect("it").said.as_mut().expect("said").2 =
            Instant::now().checked_sub(hour).expect("it");
        assert!(looks.silent("vm", 3, b"abc") >= hour);
        assert!(looks.silent("vm", 4, b"abcd") < hour);
    }
}
