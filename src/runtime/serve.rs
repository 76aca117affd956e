//! The loop of a paced or live runtime: commands first, then time, then what consoles see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::pace::Paced;
use super::record::Recorder;
use super::{Interrupts, RuntimeError};
use crate::fleet::{Fleet, HostState};
use crate::handle::{About, Answer, Command, LineEnd, Query, Reply, Service, Snapshot, Stream};

/// The shortest time between two snapshots of data, and between two looks at the loads while something runs.
const BUSY: Duration = Duration::from_millis(100);

/// Between two looks at the loads while nothing runs.
const IDLE: Duration = Duration::from_secs(1);

/// How long consoles have to let go of a snapshot before it is looked after again.
const LET_GO: Duration = Duration::from_millis(50);

/// Looking at the loads may take this part of the time at most: where one look takes long, they become rarer.
const LOOK_SHARE: u32 = 5;

/// When the loop ends.
pub(super) enum Until<'a> {
    /// When nobody holds a handle any more.
    Forsaken,
    /// When something is known of every host, at an interrupt, or at that instant.
    Known(&'a Interrupts, Instant),
    /// When everything asked for has ended; meanwhile it heeds interrupts.
    Done(&'a Interrupts),
}

/// Whether every host has answered or counts as one that does not.
fn all_known(fleet: &Fleet) -> bool {
    fleet.hosts.rows().all(|(_, host)| !matches!(host.state, HostState::Offered | HostState::Preparing))
}

/// What woke the loop.
enum Woken {
    Command(Command, oneshot::Sender<Reply>),
    Query(Query, oneshot::Sender<Answer>),
    Open(Stream, LineEnd),
    Nobody,
    Time,
}

/// Keeps a driver going and serves whoever holds a handle, until it ends as `until` says.
pub(super) async fn serve(
    paced: &mut impl Paced,
    service: &mut Service,
    about: &Arc<About>,
    until: Until<'_>,
) -> Result<(), RuntimeError> {
    let notify = paced.notify();
    let mut commands_open = true;
    let mut published = None;
    let mut last_publish: Option<Instant> = None;
    let mut next_look = Instant::now();
    let mut heeded = 0;
    // A snapshot's end is work: at a million VMs, chunks of 45 MB. Whoever draws shall not be the last to hold it.
    let mut old: Vec<Arc<Snapshot>> = Vec::new();
    let mut woken = Woken::Time;
    loop {
        let caught_up = paced.catch_up()?;
        let mut replies = Vec::new();
        match woken {
            Woken::Command(command, reply) => replies.push((reply, paced.driver_mut().command(command)?)),
            Woken::Query(query, answer) => answer_query(paced, &query, answer)?,
            Woken::Open(stream, end) => paced.driver_mut().open(stream, end),
            Woken::Nobody | Woken::Time => {}
        }
        while let Ok((command, reply)) = service.commands.try_recv() {
            replies.push((reply, paced.driver_mut().command(command)?));
        }
        while let Ok((query, answer)) = service.queries.try_recv() {
            answer_query(paced, &query, answer)?;
        }
        while let Ok((stream, end)) = service.streams.try_recv() {
            paced.driver_mut().open(stream, end);
        }
        if let Until::Done(interrupts) = &until {
            paced.driver_mut().heed(interrupts, &mut heeded)?;
        }

        let now = Instant::now();
        if now >= next_look {
            paced.look()?;
            let at = paced.driver().now();
            paced.driver_mut().recorder().moment(at);
            let spent = now.elapsed() * LOOK_SHARE;
            next_look = now + spent.max(if paced.driver().engine().busy() { BUSY } else { IDLE });
        }
        if !replies.is_empty() {
            // An idle loop looks once a second; what a command started is to be seen sooner.
            next_look = next_look.min(now + BUSY);
        }
        let changed = published != Some(paced.driver().engine().version());
        let free_again = last_publish.map_or(now, |last| last + BUSY);
        if changed && (!replies.is_empty() || now >= free_again) {
            published = Some(paced.driver().engine().version());
            last_publish = Some(now);
            let snapshot = Arc::new(paced.driver().engine().snapshot(paced.driver().now(), about));
            old.push(service.snapshots.send_replace(snapshot));
        }
        // After the snapshot, so that who gets the reply sees what the command changed.
        for (reply, outcome) in replies {
            // Nobody waiting for the reply is no reason not to have done it.
            drop(reply.send(outcome));
        }

        match &until {
            Until::Done(_) if !paced.driver().engine().busy() => return Ok(()),
            Until::Done(_) => paced.check_alive()?,
            Until::Known(interrupts, latest) => {
                let known = all_known(paced.driver().engine().fleet());
                if known || interrupts.count() > 0 || Instant::now() >= *latest {
                    return Ok(());
                }
            }
            // Also seen here: a simulator that never catches up never waits for a question.
            Until::Forsaken if service.queries.is_closed() => return Ok(()),
            Until::Forsaken => {}
        }
        if !caught_up {
            tokio::task::yield_now().await;
            woken = Woken::Time;
            continue;
        }
        old.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        let letting_go = (!old.is_empty()).then(|| Instant::now() + LET_GO);
        let unpublished = published != Some(paced.driver().engine().version());
        let wake =
            [Some(next_look), paced.next(), unpublished.then_some(free_again), letting_go].into_iter().flatten().min();
        woken = wait(service, &mut commands_open, notify.as_deref(), wake.unwrap_or(next_look)).await;
        if matches!((&woken, &until), (Woken::Nobody, Until::Forsaken)) {
            return Ok(());
        }
    }
}

/// Waits for a command, a question, an observation or the time `wake`.
async fn wait(service: &mut Service, commands_open: &mut bool, notify: Option<&Notify>, wake: Instant) -> Woken {
    let observed = async {
        match notify {
            Some(notify) => notify.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        command = service.commands.recv(), if *commands_open => {
            if let Some((command, reply)) = command {
                return Woken::Command(command, reply);
            }
            // Every handle left is read-only.
            *commands_open = false;
            Woken::Time
        }
        query = service.queries.recv() => query.map_or(Woken::Nobody, |(query, answer)| Woken::Query(query, answer)),
        Some((stream, end)) = service.streams.recv() => Woken::Open(stream, end),
        () = observed => Woken::Time,
        () = tokio::time::sleep_until(wake.into()) => Woken::Time,
    }
}

fn answer_query(paced: &mut impl Paced, query: &Query, answer: oneshot::Sender<Answer>) -> Result<(), RuntimeError> {
    if answer.is_closed() {
        return Ok(());
    }
    if let Query::Inspect(vm, inquiry) = query {
        paced.driver_mut().inspect(*vm, *inquiry, answer);
    } else {
        let told = paced.driver_mut().query(query)?;
        // Who asked may have gone meanwhile.
        drop(answer.send(told));
    }
    Ok(())
}
