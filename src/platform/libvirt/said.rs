//! What a command writes on its way to the engine, and what its end is called.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::fleet::TaskId;
use crate::platform::{End, Observation, Stream};

/// How much of the end of each stream is remembered for a reason.
const REMEMBERED: usize = 1 << 10;
/// Letters of a line that a reason shows.
const SHOWN: usize = 200;

/// Passes on what a task's command writes.
#[derive(Debug)]
pub(super) struct Said {
    task: TaskId,
    queue: Arc<Queue>,
    ends: [Vec<u8>; 2],
}

impl Said {
    pub(super) fn new(task: TaskId, queue: Arc<Queue>) -> Self {
        Self { task, queue, ends: [Vec::new(), Vec::new()] }
    }

    /// It wrote this, `skipped` bytes after what came before.
    pub(super) fn wrote(&mut self, stream: Stream, bytes: &[u8], skipped: u64) {
        let end = &mut self.ends[usize::from(stream == Stream::Err)];
        end.extend_from_slice(&bytes[bytes.len().saturating_sub(REMEMBERED)..]);
        end.drain(..end.len().saturating_sub(REMEMBERED));
        let seen = Observation::Output { task: self.task, stream, bytes: bytes.into(), skipped };
        self.queue.push(None, vec![seen]);
    }

    /// It ended by itself with this code: what its task's end is.
    pub(super) fn exited(&self, code: i32) -> End {
        self.queue.push(None, vec![Observation::Exited { task: self.task, code }]);
        if code == 0 {
            return End::Done;
        }
        let said = self.last_line().map_or_else(String::new, |line| format!(": {line}"));
        End::Failed(format!("ended with {code}{said}").into())
    }

    /// It was ended because its time was over.
    pub(super) fn late(limit: Duration) -> End {
        End::Failed(format!("took longer than {} s and was ended", limit.as_secs_f64()).into())
    }

    /// The last line of its errors, of its output where there are none.
    pub(super) fn last_line(&self) -> Option<String> {
        last_line(&self.ends[1]).or_else(|| last_line(&self.ends[0]))
    }
}

/// The last line that is not blank, as a reason shows it.
pub(super) fn last_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_reason_has_the_last_line_of_the_errors() {
        let queue = Arc::new(Queue::new(Instant::now(), 16));
        let mut said = Said::new(TaskId(1), queue);
        said.wrote(Stream::Out, b"fine\n", 0);
        assert_eq!(said.exited(2), End::Failed("ended with 2: fine".into()));
        said.wrote(Stream::Err, b"first\nlast \x1b[1m\n\n", 0);
        assert_eq!(said.exited(2), End::Failed("ended with 2: last [1m".into()));
        assert_eq!(said.exited(0), End::Done);
        assert_eq!(Said::late(Duration::from_secs(60)), End::Failed("took longer than 60 s and was ended".into()));
    }
}
