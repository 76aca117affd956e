//! Images come to a host before the VMs that stand on them.
//!
//! A boot or a move waits for its host's image without a thread: what is to be done then is called when the image is
//! there, or when it cannot come.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use super::host::Host;
use super::queue::lock;
use super::work::Work;
use super::{LibvirtPlatform, nbd};
use crate::fleet::{Image, TaskId, Topology, Transfer, VmClass};
use crate::image::{DIRECTORY, Options, Settings, Spread, Strategy, Target, shared};
use crate::platform::{End, HostAccess};

use super::ledger::Ticket;

/// Says where the image is on the host, or why it is not there.
type Then = Box<dyn FnOnce(Result<String, String>) + Send>;

/// What a task waits for: a wish of a spread, for the host of that name.
type Waiting = (Arc<Spread>, u64, Arc<str>);

/// The images of a world, on their way to its hosts.
pub(super) struct Images {
    settings: Settings,
    topology: Arc<Topology>,
    /// The host that lends images where that is the strategy: the first whose shell is reached.
    lender: Option<HostAccess>,
    /// By their files here.
    spreads: Mutex<HashMap<PathBuf, Arc<Spread>>>,
    /// Files here by their paths on hosts, for moves, which know only these.
    files: Mutex<HashMap<String, PathBuf>>,
    lent: Mutex<HashMap<String, String>>,
    /// What tasks wait for.
    waiting: Mutex<HashMap<TaskId, Waiting>>,
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Images {
    pub(super) fn new(settings: Settings, topology: Arc<Topology>, hosts: &[HostAccess]) -> Arc<Self> {
        let lender = hosts.iter().find(|host| host.ssh.is_some()).cloned();
        Arc::new(Self {
            settings,
            topology,
            lender,
            spreads: Mutex::default(),
            files: Mutex::default(),
            lent: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// Where a host's shell is.
    pub(super) fn target(&self, host: &HostAccess) -> Option<Target> {
        Target::of(&self.topology, host)
    }

    /// Sees to it that a host has an image. One that is not found here is taken to be on the host, where it is a path; so
    /// are all where the host's shell is not reached.
    pub(super) fn ensure(self: &Arc<Self>, task: TaskId, host: &HostAccess, image: &str, then: Then) {
        let target = Target::of(&self.topology, host);
        let (file, target) = match (self.settings.catalogue.find(image), target) {
            (Ok(file), Some(target)) => (file, target),
            (Err(why), _) if !image.starts_with('/') => return then(Err(why)),
            (Ok(file), None) if !image.starts_with('/') => {
                let name = &self.topology.host(host.host).name;
                let why = format!("{name}: the world does not say how {} gets there (`ssh`)", file.display());
                return then(Err(why));
            }
            _ => return then(Ok(image.to_owned())),
        };
        match self.settings.strategy {
            Strategy::Copy => self.copy(task, target, file, then),
            Strategy::Shared => Self::check(target, file, then),
            Strategy::Nbd => self.lend(task, target, file, then),
        }
    }

    /// Sees to it that the target of a move has the image that the VM's disk stands on. Blocks.
    pub(super) fn follow(self: &Arc<Self>, task: TaskId, host: &HostAccess, path: &str) -> Result<(), String> {
        let known = lock(&self.files).get(path).cloned();
        let copied = || path.strip_prefix(DIRECTORY).and_then(|name| name.strip_prefix('/'));
        let file = known.or_else(|| copied().and_then(|name| self.settings.catalogue.original(name)));
        let (Some(file), Some(target)) = (file, Target::of(&self.topology, host)) else { return Ok(()) };
        let (sender, end) = channel();
        // Nobody hears it where the move's thread is gone.
        self.copy(task, target, file, Box::new(move |end| drop(sender.send(end))));
        end.recv().unwrap_or_else(|_| Err("the spread of its image ended".into())).map(drop)
    }

    fn copy(self: &Arc<Self>, task: TaskId, target: Target, file: PathBuf, then: Then) {
        let spread = {
            let mut spreads = lock(&self.spreads);
            let options = Options { shape: self.settings.shape, ..Options::default() };
            spreads.entry(file.clone()).or_insert_with(|| Arc::new(Spread::start(file.clone(), options))).clone()
        };
        let (images, name) = (self.clone(), target.name.clone());
        // Its end may come before it is noted down here.
        let mut waiting = lock(&self.waiting);
        let wish = spread.add(target, move |end| {
            lock(&images.waiting).remove(&task);
            then(end.map(|arrival| {
                lock(&images.files).insert(arrival.path.clone(), file);
                arrival.path
            }));
        });
        waiting.insert(task, (spread, wish, name));
    }

    /// Whether a shared directory really has it on that host.
    fn check(target: Target, file: PathBuf, then: Then) {
        let spawned = thread::Builder::new().name(format!("image {}", target.name)).spawn(move || {
            then(shared(&target, &file));
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread to look for an image");
        }
    }

    /// Has one host lend it to the others.
    fn lend(self: &Arc<Self>, task: TaskId, target: Target, file: PathBuf, then: Then) {
        let lender = self.lender.as_ref().and_then(|host| Some((Target::of(&self.topology, host)?, host.clone())));
        let Some((lender, access)) = lender else { return then(Err("no host is there to lend an image".into())) };
        if lender.name == target.name {
            return self.copy(task, target, file, then);
        }
        let (images, from) = (self.clone(), lender.clone());
        let there = Box::new(move |end: Result<String, String>| {
            let lent = end.and_then(|path| {
                // One at a time, so that each is lent once.
                let mut lent = lock(&images.lent);
                if let Some(url) = lent.get(&path) {
                    return Ok(url.clone());
                }
                let url = nbd::lend(&from, &access, &path)?;
                lent.insert(path, url.clone());
                Ok(url)
            });
            then(lent);
        });
        self.copy(task, lender, file, there);
    }

    /// Ends a task's waiting. False where it does not wait.
    pub(super) fn cancel(&self, task: TaskId) -> bool {
        let found = lock(&self.waiting).get(&task).map(|(spread, wish, _)| (spread.clone(), *wish));
        found.is_some_and(|(spread, wish)| {
            spread.forget(wish);
            true
        })
    }

    /// How far the image is that a task waits for.
    pub(super) fn transfer(&self, task: TaskId) -> Option<Transfer> {
        let (spread, host) = lock(&self.waiting).get(&task).map(|(spread, _, host)| (spread.clone(), host.clone()))?;
        Some(spread.transfer(&host))
    }
}

impl LibvirtPlatform {
    /// Brings an image to a host.
    pub(super) fn spread(&self, ticket: Ticket, host: &Host, image: &str) {
        let task = ticket.task;
        let then = move |end: Result<String, String>| {
            let end = match end {
                _ if ticket.signals.cancelled() => End::Cancelled,
                Ok(_) => End::Done,
                Err(why) => End::Failed(why.into()),
            };
            ticket.end(end, |_| false, None);
        };
        self.images.ensure(task, &host.access, image, Box::new(then));
    }

    /// Boots a VM, when the host has what it stands on.
    pub(super) fn boot(&self, ticket: Ticket, host: &Arc<Host>, name: Arc<str>, class: Arc<VmClass>) {
        let Image::Disk(image) = class.image.clone() else { return host.submit(ticket, Work::Boot { name, class }) };
        let (task, host) = (ticket.task, host.clone());
        let access = host.access.clone();
        let then = move |end: Result<String, String>| match end {
            _ if ticket.signals.cancelled() => ticket.end(End::Cancelled, |_| false, None),
            Ok(path) => {
                ticket.signals.advance();
                let class = Arc::new(VmClass { image: Image::Disk(path), ..(*class).clone() });
                host.submit(ticket, Work::Boot { name, class });
            }
            Err(why) => ticket.end(End::Failed(why.into()), |_| false, None),
        };
        self.images.ensure(task, &access, &image, Box::new(then));
    }
}
