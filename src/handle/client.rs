//! The in-process handle: channels to whatever drives the engine.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Accepted, Answer, Command, Line, LineEnd, Query, Refused, STREAM_ROOM, Snapshot, Stream};
use crate::fleet::FromConsole;

/// How many commands or queries may wait to be taken up.
const QUEUE: usize = 256;

/// What a command comes to.
pub type Reply = Result<Accepted, Refused>;

/// A console's, script's or test's access to a running Hemera.
#[derive(Clone)]
pub struct Handle {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    commands: Option<mpsc::Sender<(Command, oneshot::Sender<Reply>)>>,
    queries: mpsc::Sender<(Query, oneshot::Sender<Answer>)>,
    streams: mpsc::Sender<(Stream, LineEnd)>,
}

/// The other end of a [`Handle`].
pub struct Service {
    /// What is now.
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// What is asked for.
    pub commands: mpsc::Receiver<(Command, oneshot::Sender<Reply>)>,
    /// What is asked.
    pub queries: mpsc::Receiver<(Query, oneshot::Sender<Answer>)>,
    /// What is opened.
    pub streams: mpsc::Receiver<(Stream, LineEnd)>,
}

/// A handle and its other end.
pub fn pair(first: Arc<Snapshot>) -> (Handle, Service) {
    let (snapshots_in, snapshots) = watch::channel(first);
    let (commands, commands_out) = mpsc::channel(QUEUE);
    let (queries, queries_out) = mpsc::channel(QUEUE);
    let (streams, streams_out) = mpsc::channel(QUEUE);
    (
        Handle { snapshots, commands: Some(commands), queries, streams },
        Service { snapshots: snapshots_in, commands: commands_out, queries: queries_out, streams: streams_out },
    )
}

impl Handle {
    /// The same, with no way to change anything.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.commands = None;
        self
    }

    /// Whether it can change anything.
    pub const fn can_command(&self) -> bool {
        self.commands.is_some()
    }

    /// What is now; marks it as seen.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        self.snapshots.borrow_and_update().clone()
    }

    /// Waits for a snapshot that was not seen yet. False once nothing drives the engine any more.
    pub async fn changed(&mut self) -> bool {
        self.snapshots.changed().await.is_ok()
    }

    /// Gives a command; its reply arrives at the receiver. A reply that never comes means the engine is gone.
    pub fn command(&self, command: Command) -> oneshot::Receiver<Reply> {
        let (reply, receiver) = oneshot::channel();
        match &self.commands {
            None => drop(reply.send(Err(Refused("this console is read-only".into())))),
            Some(commands) => {
                if let Err(error) = commands.try_send((command, reply)) {
                    let (_, reply) = error.into_inner();
                    drop(reply.send(Err(Refused("the engine is gone or has too many commands waiting".into()))));
                }
            }
        }
        receiver
    }

    /// Asks a question; dropping the receiver cancels it.
    pub fn query(&self, query: Query) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        if let Err(error) = self.queries.try_send((query, answer)) {
            let (_, answer) = error.into_inner();
            drop(answer.send(Answer::None("the engine is gone or has too many questions waiting".into())));
        }
        receiver
    }

    /// Opens a stream; dropping the line closes it. One that only reads cannot send.
    pub fn open(&self, stream: Stream) -> Line {
        let (from_in, from) = mpsc::channel(STREAM_ROOM);
        let (to, to_out) = mpsc::channel(STREAM_ROOM);
        if let Err(error) = self.streams.try_send((stream, LineEnd { to: to_out, from: from_in })) {
            let (_, end) = error.into_inner();
            let why = "the engine is gone or has too many streams waiting".into();
            // There is room: nothing was sent before.
            drop(end.from.try_send(FromConsole::Ended(why)));
        }
        Line { from, to: self.can_command().then_some(to) }
    }
}
