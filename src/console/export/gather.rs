//! Getting all rows of what only a query knows, page by page: tasks and events.

use std::collections::HashSet;

use super::{Export, Sheet, Target};
use crate::fleet::{Fleet, TaskId};
use crate::handle::{Answer, Event, Query, TaskView};

/// Rows asked for at once.
const PAGE: usize = 4096;
/// Times that all pages are asked for, where rows moved between them meanwhile.
const ROUNDS: u32 = 3;

/// Rows on their way to a file.
pub(crate) struct Gather {
    target: Target,
    /// What the page on screen asks.
    query: Query,
    offset: usize,
    rounds: u32,
    tasks: Vec<TaskView>,
    known: HashSet<TaskId>,
    events: Vec<Event>,
}

/// What is to be done after an answer.
pub(crate) enum Next {
    /// The next page is to be asked for.
    Ask,
    /// All is there.
    Write(Box<Export>),
    /// It cannot be had, for this reason.
    Fail(String),
}

impl Gather {
    /// Everything of which `query` asks a page; none where it asks something else.
    pub(crate) fn new(target: Target, query: Query) -> Option<Self> {
        let new = |query| {
            let (tasks, known, events) = (Vec::new(), HashSet::new(), Vec::new());
            Self { target, query, offset: 0, rounds: 1, tasks, known, events }
        };
        match query {
            Query::Tasks { .. } | Query::Events { .. } => Some(new(query)),
            _ => None,
        }
    }

    /// What to ask next.
    pub(crate) fn query(&self) -> Query {
        let mut next = self.query.clone();
        match &mut next {
            Query::Tasks { offset, limit, .. } => (*offset, *limit) = (self.offset, PAGE),
            Query::Events { before, offset, limit, .. } => {
                // What happens meanwhile does not move the pages.
                *before = self.events.first().map(|e| e.number + 1).or(*before);
                (*offset, *limit) = (self.offset, PAGE);
            }
            _ => {}
        }
        next
    }

    /// Takes a page.
    pub(crate) fn take(&mut self, answer: Answer, fleet: &Fleet) -> Next {
        let (got, total) = match answer {
            Answer::Tasks(page) => {
                let got = page.tasks.len();
                for task in page.tasks {
                    if self.known.insert(task.id) {
                        self.tasks.push(task);
                    }
                }
                (got, page.total)
            }
            Answer::Events(page) => {
                let got = page.events.len();
                self.events.extend(page.events);
                (got, page.total)
            }
            Answer::None(reason) => return Next::Fail(reason.to_string()),
            _ => return Next::Fail("the engine answered something else".into()),
        };
        self.offset += got;
        if got > 0 && self.offset < total {
            return Next::Ask;
        }
        // Tasks that changed their state while they were asked for may have slipped from one page to another.
        if matches!(self.query, Query::Tasks { .. }) && self.tasks.len() < total && self.rounds < ROUNDS {
            self.rounds += 1;
            self.offset = 0;
            return Next::Ask;
        }
        let sheet = match self.query {
            Query::Tasks { .. } => Sheet::Tasks { fleet: fleet.clone(), tasks: std::mem::take(&mut self.tasks) },
            _ => Sheet::Events { fleet: fleet.clone(), events: std::mem::take(&mut self.events) },
        };
        Next::Write(Box::new(Export { target: self.target.clone(), sheet }))
    }
}
