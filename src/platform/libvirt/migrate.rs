//! Live migration: peer to peer, watched while it runs, confirmed when it ends.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::domain::MigrateParameters;
use virt::error::ErrorNumber;

use super::adjust::{self, Changes};
use super::cold;
use super::dirty_sample::Sampling;
use super::ffi::{self, JobFigures};
use super::host::Host;
use super::ledger::{Signals, Ticket};
use super::overlay;
use super::preflight;
use super::queue::lock;
use super::serial;
use super::state;
use super::tls;
use super::trouble::Trouble;
use crate::fleet::{
    Adjust, Bytes, HostId, MigrationFigures, MigrationOptions, MigrationProgress, Rate, Share, Storage, TaskId,
};
use crate::platform::{End, Progress};

/// How often a running move is asked how far it is.
const WATCH: Duration = Duration::from_millis(250);

/// A move as its thread, its watcher and whoever probes it see it.
#[derive(Debug)]
pub(super) struct Move {
    task: TaskId,
    /// The VM's name.
    pub(super) name: Arc<str>,
    pub(super) options: MigrationOptions,
    signals: Arc<Signals>,
    /// What is to be changed of it, and what was.
    pub(super) changes: Changes,
    sampling: Sampling,
    watched: Mutex<Watched>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    progress: MigrationProgress,
    first_dirty_rate: Option<Rate>,
    memory: Bytes,
    /// How long the guest stood still, where it did all the time.
    stood: Option<Duration>,
}

impl Move {
    /// Its task.
    pub(super) fn task(&self) -> TaskId {
        self.task
    }

    /// How far it was when last asked.
    pub(super) fn progress(&self) -> MigrationProgress {
        lock(&self.watched).progress
    }

    /// Whether somebody wants it to end early.
    pub(super) fn cancelled(&self) -> bool {
        self.signals.cancelled()
    }

    /// Notes that the guest stood still for the whole move.
    pub(super) fn stood_still(&self, span: Duration) {
        lock(&self.watched).stood = Some(span);
    }

    /// What counts bytes that are brought over; it says whether more are wanted.
    pub(super) fn counter(self: &Arc<Self>) -> impl Fn(usize) -> bool + Send + 'static {
        let this = self.clone();
        move |bytes| {
            let progress = &mut lock(&this.watched).progress;
            progress.round = 1;
            progress.transferred += Bytes(bytes as u64);
            !this.signals.cancelled()
        }
    }

    /// Takes what libvirt says of the move's job.
    fn take(&self, job: &JobFigures) -> MigrationProgress {
        let mut watched = lock(&self.watched);
        watched.memory = Bytes(job.total);
        let dirty_rate = Rate((job.dirty_pages * job.page_size) as f64);
        let before = watched.progress;
        // QEMU counts its rounds from 1 and does not say how much a round began with: what was left when it was first
        // asked about is close.
        let round = (job.iteration as u32).max(1);
        let remaining = Bytes(job.remaining);
        let round_size = match before.round {
            _ if round == 1 => Bytes(job.total),
            known if known == round => before.round_size.max(remaining),
            _ => remaining,
        };
        if round > 1 && watched.first_dirty_rate.is_none() {
            watched.first_dirty_rate = Some(dirty_rate);
        }
        watched.progress = MigrationProgress {
            round,
            round_size,
            remaining,
            transferred: Bytes(job.processed),
            rate: Rate(job.rate as f64),
            dirty_rate,
            throttle: Share(job.throttle as f64 / 100.0),
            post_copy: self.changes.post_copied(),
        };
        watched.progress
    }
}

/// Starts a move on a thread of its own; its end comes as the ticket's.
pub(super) fn start(source: &Arc<Host>, target: &Arc<Host>, name: Arc<str>, options: MigrationOptions, ticket: Ticket) {
    for host in [source, target] {
        if let Err(trouble) = host.reachable() {
            return ticket.fail(&trouble.to_string());
        }
    }
    let (source, target) = (source.clone(), target.clone());
    // Where no thread can be had, the closure is dropped and with it the ticket, which fails.
    let spawned = thread::Builder::new().name(format!("move {name}")).spawn(move || {
        run(&source, &target, &name, options, ticket);
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for a move");
    }
}

fn run(source: &Arc<Host>, target: &Arc<Host>, name: &Arc<str>, options: MigrationOptions, ticket: Ticket) {
    let this = Arc::new(Move {
        task: ticket.task,
        name: name.clone(),
        options,
        signals: ticket.signals.clone(),
        changes: Changes::of(&options),
        sampling: Sampling::default(),
        watched: Mutex::default(),
    });
    watch(source, this.clone());
    let began = Instant::now();
    let (end, at) = attempt(source, target, &this);
    lock(&source.moves).retain(|m| m.task != this.task);
    let total = began.elapsed();
    let figures = figures(&this, &end, target, total);
    ticket.end(end, |host| at == Some(host), Some(figures));
}

/// What the move took. The source forgets a domain that left it, so the target is asked; where it does not say, what
/// was seen last stands.
fn figures(this: &Move, end: &End, target: &Host, total: Duration) -> MigrationFigures {
    let watched = *lock(&this.watched);
    let mut figures = MigrationFigures {
        total,
        downtime: Duration::ZERO,
        rounds: watched.progress.round,
        transferred: watched.progress.transferred,
        memory: watched.memory,
        dirty_rate: watched.first_dirty_rate.unwrap_or_default(),
    };
    if let Some(stood) = watched.stood {
        figures.downtime = stood;
        figures.rounds = 1;
        return figures;
    }
    if *end == End::Done {
        let name = this.name.clone();
        let ask = move |connect: &Connect| ffi::job_figures(&connect.lookup_domain_by_name(&name)?, true);
        if let Ok(job) = target.call("reading a migration's figures", ask)
            && job.any
        {
            figures.total = Duration::from_millis(job.elapsed_ms);
            figures.downtime = Duration::from_millis(job.downtime_ms);
            figures.rounds = (job.iteration as u32).max(figures.rounds).max(1);
            figures.transferred = Bytes(job.processed);
            figures.memory = Bytes(job.total);
        }
    }
    figures
}

/// Moves the VM and says how that ended and on which host it is, as far as is known.
fn attempt(source: &Host, target: &Host, this: &Arc<Move>) -> (End, Option<HostId>) {
    if this.signals.cancelled() {
        return (End::Cancelled, Some(source.id));
    }
    let name = &this.name;
    let traveller = match preflight::check(source, target, this) {
        Ok(found) => found,
        Err(why) => return (End::Failed(why.into()), Some(source.id)),
    };
    let ours = traveller.mark.is_some();
    let image = traveller.mark.as_ref().and_then(|mark| mark.image.clone());
    let uuid = traveller.uuid.clone();
    if let Some(image) = &image
        && let Err(why) = target.images.follow(this.task(), &target.access, image)
    {
        let end = if this.signals.cancelled() { End::Cancelled } else { End::Failed(why.into()) };
        return (end, Some(source.id));
    }
    let (end, at) = if this.options.cold {
        cold::carry(source, target, this, &traveller)
    } else {
        // Overlays lie on each host's own disk: the target gets an empty one on the same image, and what the VM wrote
        // moves.
        if let Some(image) = &image
            && let Err(trouble) = overlay::create(target, name, &uuid, image)
        {
            return (End::Failed(trouble.to_string().into()), Some(source.id));
        }
        this.sampling.begin(source, name);
        // QEMU on the target opens it at its start.
        if ours {
            serial::carry(source, target, name, &uuid);
        }
        let moved = call(source, target, this, image.is_some());
        conclude(source, target, this, moved)
    };
    if let Some(host) = [source, target].into_iter().find(|host| at == Some(host.id)) {
        adjust::wake(host, this);
    }
    // Before the task ends: what is done in its guest next is to go the same way as before.
    if at == Some(target.id) {
        lock(&target.logins).arrive(name, traveller.login);
    }
    // Where nobody knows on which of them it is, both look.
    if at != Some(source.id) {
        target.tools.arrive(name, source.tools.of(name));
    }
    if at == Some(target.id) {
        source.tools.forget(name);
    }
    // Nothing is taken away where the VM may still be: what is left on a source is found, and told, by its next list.
    let unused = if at == Some(target.id) {
        matches!(runs_on(source, name), Ok(false)).then_some(source)
    } else {
        (at == Some(source.id)).then_some(target)
    };
    if let Some(host) = unused.filter(|_| ours) {
        serial::delete(host, name, Some(&uuid));
    }
    if image.is_some()
        && let Some(host) = unused
        && let Err(trouble) = overlay::delete(host, &overlay::path(name, &uuid))
    {
        tracing::warn!(%trouble, "an overlay that is no longer needed stays");
    }
    (end, at)
}

fn call(source: &Host, target: &Host, this: &Move, own_disk: bool) -> Result<(), Trouble> {
    let options = &this.options;
    let flags = flags(options, own_disk);
    let idle_throttle = (options.may_throttle && !options.auto_converge).then_some(1);
    let peer = target.access.peer.as_ref().unwrap_or(&target.access.uri).clone();
    let parameters = MigrateParameters {
        // A tunnelled move has no connection of its own.
        uri: target.access.migrate.clone().filter(|_| !options.tunnelled),
        bandwidth: options.bandwidth.map(adjust::mib_per_second),
        compression: options.compression.map(|c| c.word().to_owned()),
        parallel_connections: options.parallel.map(i32::from),
        auto_converge_initial: idle_throttle,
        auto_converge_increment: idle_throttle,
        ..MigrateParameters::default()
    };
    let name = this.name.clone();
    source.call(&format!("moving {name} to {}", target.name), move |connect| {
        connect.lookup_domain_by_name(&name)?.migrate_to_uri3(Some(&peer), parameters, flags)
    })
}

/// How libvirt is to move a VM.
fn flags(options: &MigrationOptions, own_disk: bool) -> u32 {
    let storage = match options.storage {
        Storage::Auto if own_disk => virt_sys::VIR_MIGRATE_NON_SHARED_INC,
        Storage::Auto | Storage::None => 0,
        Storage::Inc => virt_sys::VIR_MIGRATE_NON_SHARED_INC,
        Storage::Full => virt_sys::VIR_MIGRATE_NON_SHARED_DISK,
    };
    [
        (options.post_copy || options.may_post_copy, virt_sys::VIR_MIGRATE_POSTCOPY),
        (options.auto_converge || options.may_throttle, virt_sys::VIR_MIGRATE_AUTO_CONVERGE),
        (options.compression.is_some(), virt_sys::VIR_MIGRATE_COMPRESSED),
        (options.parallel.is_some(), virt_sys::VIR_MIGRATE_PARALLEL),
        (options.tunnelled, virt_sys::VIR_MIGRATE_TUNNELLED),
        (options.tls, virt_sys::VIR_MIGRATE_TLS),
    ]
    .into_iter()
    .filter(|(wanted, _)| *wanted)
    .fold(virt_sys::VIR_MIGRATE_LIVE | virt_sys::VIR_MIGRATE_PEER2PEER | storage, |flags, (_, flag)| flags | flag)
}

/// Where a VM is after a move, asked of both hosts.
fn conclude(source: &Host, target: &Host, this: &Move, moved: Result<(), Trouble>) -> (End, Option<HostId>) {
    let name = &this.name;
    if moved.as_ref().is_err_and(Trouble::in_doubt) {
        outlast(source, name);
    }
    let on_target = runs_on(target, name);
    let failure = match moved {
        Ok(()) if matches!(on_target, Ok(true)) => return (End::Done, Some(target.id)),
        Ok(()) => format!("libvirt says that {name} moved, but it does not run on {}", target.name),
        Err(trouble) => tls::explained(&trouble, name, [source, target], this.options.tls),
    };
    let on_source = runs_on(source, name);
    match (on_source, on_target) {
        (Ok(true), _) if this.signals.cancelled() => (End::Cancelled, Some(source.id)),
        (Ok(true), _) => (End::Failed(format!("{failure}; it runs on {}", source.name).into()), Some(source.id)),
        // The aim is reached, whatever went wrong on the way.
        (Ok(false), Ok(true)) => (End::Done, Some(target.id)),
        // Left where it was believed to be, whose next round tells at once that it is gone, and why.
        (Ok(false), Ok(false)) => {
            (End::Failed(format!("{failure}; it runs on neither host any more").into()), Some(source.id))
        }
        (Err(doubt), Ok(true)) => (
            End::Failed(format!("{failure}; it runs on {}, and the source is in doubt: {doubt}", target.name).into()),
            Some(target.id),
        ),
        (Err(doubt), _) | (Ok(false), Err(doubt)) => {
            (End::Failed(format!("{failure}; where it runs is in doubt until both hosts answer: {doubt}").into()), None)
        }
    }
}

pub(super) fn runs_on(host: &Host, name: &str) -> Result<bool, Trouble> {
    let wanted = name.to_owned();
    let look = move |connect: &Connect| ffi::domain_state(&connect.lookup_domain_by_name(&wanted)?);
    match host.call(&format!("looking for {name}"), look) {
        Ok((state, reason)) => Ok(state::runs(state::vm_state(state, reason).0)),
        Err(trouble) if trouble.not_there() => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// After the connection of a move was cut: waits while the source says that the move goes on without us.
fn outlast(source: &Host, name: &str) {
    let moving = || {
        let wanted = name.to_owned();
        source.call(&format!("watching the move of {name}"), move |connect| {
            Ok(ffi::job_figures(&connect.lookup_domain_by_name(&wanted)?, false)?.any)
        })
    };
    while moving().unwrap_or(false) {
        if source.queue.closed_within(WATCH) {
            return;
        }
    }
}

/// Enters a move among those that leave its host, and starts the host's watcher where none is at work: one thread per
/// source host asks all its moves how far they are, and aborts those that are to end early.
fn watch(source: &Arc<Host>, this: Arc<Move>) {
    let mut moves = lock(&source.moves);
    let first = moves.is_empty();
    moves.push(this);
    drop(moves);
    if !first {
        return;
    }
    let host = source.clone();
    let watcher = thread::Builder::new().name(format!("moves {}", source.name)).spawn(move || watch_all(&host));
    if let Err(error) = watcher {
        tracing::error!(%error, host = &*source.name, "no thread to watch moves: no progress, no cancelling");
    }
}

fn watch_all(host: &Host) {
    loop {
        let moves = lock(&host.moves).clone();
        if moves.is_empty() {
            return;
        }
        for this in moves {
            if let Err(trouble) = look_at(host, &this)
                && !trouble.not_there()
            {
                tracing::debug!(%trouble, "a move's progress is not known");
            }
        }
        host.queue.closed_within(WATCH);
    }
}

/// Asks a move how far it is, or aborts it.
fn look_at(host: &Host, this: &Move) -> Result<(), Trouble> {
    let name = this.name.clone();
    // A guest that runs on the target has nothing to go back to.
    if this.signals.cancelled() && !this.changes.post_copied() {
        return match host.call(&format!("aborting the move of {name}"), move |connect| {
            ffi::abort_job(&connect.lookup_domain_by_name(&name)?)
        }) {
            // It has not begun yet or has just ended.
            Err(Trouble::Refused { error, .. }) if error.code().is(ErrorNumber::OperationInvalid) => Ok(()),
            other => other,
        };
    }
    let job = host.call(&format!("watching the move of {name}"), move |connect| {
        ffi::job_figures(&connect.lookup_domain_by_name(&name)?, false)
    })?;
    if job.any {
        adjust::make(host, this)?;
    }
    if job.any && job.total > 0 {
        let progress = this.take(&job);
        this.sampling.tell(host, this);
        host.queue.push_progress(host.id, this.task, Progress::Migration(progress));
        if this.options.post_copy && progress.round > 1 && !progress.post_copy {
            this.changes.ask(Adjust::PostCopy);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_as_large_as_what_was_left_when_it_was_first_seen() {
        let this = Move {
            task: TaskId(1),
            name: "vm-1".into(),
            options: MigrationOptions::default(),
            signals: Arc::default(),
            changes: Changes::default(),
            sampling: Sampling::default(),
            watched: Mutex::default(),
        };
        let job = |iteration, remaining| JobFigures {
            any: true,
            total: 1000,
            processed: 10,
            remaining,
            iteration,
            rate: 5,
            dirty_pages: 3,
            page_size: 4096,
            ..JobFigures::default()
        };
        assert_eq!(this.take(&job(1, 900)).round_size, Bytes(1000));
        let second = this.take(&job(2, 400));
        assert_eq!((second.round, second.round_size, second.dirty_rate), (2, Bytes(400), Rate(12288.0)));
        assert_eq!(this.take(&job(2, 100)).round_size, Bytes(400));
        assert_eq!(this.take(&job(3, 50)).round_size, Bytes(50));
    }
}
