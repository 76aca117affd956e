//! Questions and commands whose answers are awaited. One question of each kind at a time: a new one cancels the old.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::app::{Open, Purpose};
use super::dialog::Dialog;
use super::export::Ended;
use super::marks::VmSet;
use super::run::Ran;
use crate::files::Content;
use crate::fleet::FromConsole;
use crate::handle::{Answer, Refused, Reply};

/// What came back.
pub(crate) enum Heard {
    /// The preview of the open dialog.
    Preview(Answer),
    /// What the page asked.
    Page(Answer),
    /// What the platform told the page.
    Told(Answer),
    /// What came from the open serial console; none at its end.
    Console(Option<FromConsole>),
    /// A page of what is to be written to a file.
    Gathered(Answer),
    /// How writing a file ended.
    Exported(Ended),
    /// A file that is to be copied has been read, or why not; and the dialog that asked for it.
    Read(Box<Dialog>, io::Result<Content>),
    /// A command's reply.
    Reply(Reply),
    /// The end of a command of the operator's own behind the console.
    Ran(Ran),
    /// The VMs that a selection selects, what they were chosen for, and the selection.
    Chosen(VmSet, Purpose, String),
}

/// What is awaited.
#[derive(Default)]
pub(crate) struct Asks {
    pub preview: Option<oneshot::Receiver<Answer>>,
    pub page: Option<oneshot::Receiver<Answer>>,
    pub inspect: Option<oneshot::Receiver<Answer>>,
    /// The open serial console.
    pub console: Option<Open>,
    pub gathered: Option<oneshot::Receiver<Answer>>,
    pub export: Option<oneshot::Receiver<Ended>>,
    /// A file that is being read before it is copied.
    pub read: Option<(oneshot::Receiver<io::Result<Content>>, Box<Dialog>)>,
    pub chosen: Option<(oneshot::Receiver<VmSet>, Purpose, String)>,
    pub replies: Vec<oneshot::Receiver<Reply>>,
    pub ran: Vec<oneshot::Receiver<Ran>>,
}

fn answered(slot: &mut Option<oneshot::Receiver<Answer>>, cx: &mut Context<'_>) -> Option<Answer> {
    let Poll::Ready(answer) = Pin::new(slot.as_mut()?).poll(cx) else { return None };
    *slot = None;
    Some(answer.unwrap_or_else(|_| Answer::None("the engine is gone".into())))
}

impl Asks {
    /// Waits for the next answer; for ever where none is awaited.
    pub(crate) async fn next(&mut self) -> Heard {
        poll_fn(|cx| {
            for i in 0..self.replies.len() {
                if let Poll::Ready(reply) = Pin::new(&mut self.replies[i]).poll(cx) {
                    self.replies.remove(i);
                    return Poll::Ready(Heard::Reply(
                        reply.unwrap_or_else(|_| Err(Refused("the engine is gone".into()))),
                    ));
                }
            }
            let mut i = 0;
            while i < self.ran.len() {
                match Pin::new(&mut self.ran[i]).poll(cx) {
                    Poll::Pending => i += 1,
                    Poll::Ready(ran) => {
                        self.ran.remove(i);
                        // Of one that could not be started there is nothing more to tell.
                        if let Ok(ran) = ran {
                            return Poll::Ready(Heard::Ran(ran));
                        }
                    }
                }
            }
            if let Some((chosen, ..)) = &mut self.chosen
                && let Poll::Ready(found) = Pin::new(chosen).poll(cx)
                && let Some((_, purpose, text)) = self.chosen.take()
            {
                return Poll::Ready(Heard::Chosen(found.unwrap_or_default(), purpose, text));
            }
            if let Some(answer) = answered(&mut self.preview, cx) {
                return Poll::Ready(Heard::Preview(answer));
            }
            if let Some(answer) = answered(&mut self.inspect, cx) {
                return Poll::Ready(Heard::Told(answer));
            }
            if let Some(open) = self.console.as_mut().filter(|open| !open.over)
                && let Poll::Ready(what) = open.line.from.poll_recv(cx)
            {
                open.over = what.is_none();
                return Poll::Ready(Heard::Console(what));
            }
            if let Some(answer) = answered(&mut self.gathered, cx) {
                return Poll::Ready(Heard::Gathered(answer));
            }
            if let Some(Poll::Ready(ended)) = self.export.as_mut().map(|export| Pin::new(export).poll(cx)) {
                self.export = None;
                let gone = || Ended::Failed("nothing is written: the thread for it could not run".into());
                return Poll::Ready(Heard::Exported(ended.unwrap_or_else(|_| gone())));
            }
            if let Some((read, _)) = &mut self.read
                && let Poll::Ready(found) = Pin::new(read).poll(cx)
                && let Some((_, dialog)) = self.read.take()
            {
                let gone = |_| Err(io::Error::other("the thread that reads it could not run"));
                return Poll::Ready(Heard::Read(dialog, found.unwrap_or_else(gone)));
            }
            match answered(&mut self.page, cx) {
                Some(answer) => Poll::Ready(Heard::Page(answer)),
                None => Poll::Pending,
            }
        })
        .await
    }
}
