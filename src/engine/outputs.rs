//! What commands write: the end of it, for each task, as far as there is room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::fleet::TaskId;
use crate::handle::{TaskOutput, Text};
use crate::platform::{OUTPUT_KEPT as KEPT, Stream};

/// How much is kept of all tasks together, in bytes. Then the oldest tasks' is forgotten.
const ROOM: usize = 256 << 20;
/// Letters of a last line that are shown.
const LINE: usize = 400;

/// The end of what came.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    /// How many bytes came before those that are kept.
    cut: u64,
}

impl Tail {
    fn add(&mut self, bytes: &[u8], skipped: u64) {
        if skipped > 0 {
            self.cut += skipped + self.bytes.len() as u64;
            self.bytes.clear();
        }
        let new = &bytes[bytes.len().saturating_sub(KEPT)..];
        let over = (self.bytes.len() + new.len()).saturating_sub(KEPT);
        self.bytes.drain(..over);
        self.cut += (over + bytes.len() - new.len()) as u64;
        self.bytes.extend(new);
    }

    fn text(&self) -> Text {
        let (front, back) = self.bytes.as_slices();
        Text { text: String::from_utf8_lossy(&[front, back].concat()).into_owned(), cut: self.cut }
    }

    /// Its last line that is not blank.
    fn last_line(&self) -> Option<String> {
        let end = self.bytes.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
        let begin = self.bytes.iter().take(end).rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line: Vec<u8> = self.bytes.range(begin..end).copied().collect();
        Some(String::from_utf8_lossy(&line).trim().chars().filter(|c| !c.is_control()).take(LINE).collect())
    }
}

/// What one task wrote.
#[derive(Debug, Default)]
struct Kept {
    out: Tail,
    err: Tail,
    code: Option<i32>,
}

/// What all tasks wrote.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    kept: HashMap<TaskId, Kept>,
    /// In the order in which they began to write.
    order: VecDeque<TaskId>,
    size: usize,
}

impl Outputs {
    fn of(&mut self, task: TaskId) -> &mut Kept {
        self.kept.entry(task).or_insert_with(|| {
            self.order.push_back(task);
            Kept::default()
        })
    }

    /// Takes what a task wrote, `skipped` bytes after what came before.
    pub(super) fn add(&mut self, task: TaskId, stream: Stream, bytes: &[u8], skipped: u64) {
        let kept = self.of(task);
        let tail = match stream {
            Stream::Out => &mut kept.out,
            Stream::Err => &mut kept.err,
        };
        let before = tail.bytes.len();
        tail.add(bytes, skipped);
        let after = tail.bytes.len();
        self.size = self.size + after - before;
        while self.size > ROOM
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(gone) = self.kept.remove(&oldest) {
                self.size -= gone.out.bytes.len() + gone.err.bytes.len();
            }
        }
    }

    /// Takes the code with which a task's command ended.
    pub(super) fn exited(&mut self, task: TaskId, code: i32) {
        self.of(task).code = Some(code);
    }

    /// The code with which a task's command ended.
    pub(super) fn code(&self, task: TaskId) -> Option<i32> {
        self.kept.get(&task)?.code
    }

    /// The last line of what a task wrote, of its errors where it wrote nothing else.
    pub(super) fn last_line(&self, task: TaskId) -> Option<Arc<str>> {
        let kept = self.kept.get(&task)?;
        kept.out.last_line().or_else(|| kept.err.last_line()).map(Into::into)
    }

    /// All that is kept of a task's output; nothing where it wrote nothing, or it is forgotten.
    pub(super) fn get(&self, task: TaskId) -> TaskOutput {
        self.kept.get(&task).map_or_else(TaskOutput::default, |kept| TaskOutput {
            out: kept.out.text(),
            err: kept.err.text(),
            code: kept.code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_what_was_cut_is_counted() {
        let mut outputs = Outputs::default();
        outputs.add(TaskId(1), Stream::Out, b"first\nsecond\n\n", 0);
        outputs.add(TaskId(1), Stream::Err, "erst\u{e4}unlich".as_bytes(), 0);
        outputs.exited(TaskId(1), 3);
        assert_eq!(outputs.last_line(TaskId(1)).as_deref(), Some("second"));
        let got = outputs.get(TaskId(1));
        assert_eq!((&*got.out.text, got.out.cut, got.code), ("first\nsecond\n\n", 0, Some(3)));
        outputs.add(TaskId(1), Stream::Out, &vec![b'x'; KEPT - 1], 0);
        let got = outputs.get(TaskId(1));
        assert_eq!((got.out.text.len(), got.out.cut), (KEPT, 13));
        assert!(got.out.text.starts_with("\nxx"));
        outputs.add(TaskId(1), Stream::Out, b"end", 1000);
        let got = outputs.get(TaskId(1));
        assert_eq!((&*got.out.text, got.out.cut), ("end", 13 + KEPT as u64 + 1000));
        assert_eq!(outputs.size, 3 + got.err.text.len());
        assert_eq!(outputs.get(TaskId(2)), TaskOutput::default());
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_is_no_room() {
        let mut outputs = Outputs::default();
        let full = vec![b'y'; KEPT];
        for task in 0..=(ROOM / KEPT) as u32 {
            outputs.add(TaskId(task), Stream::Out, &full, 0);
        }
        assert_eq!(outputs.get(TaskId(0)), TaskOutput::default());
        assert_eq!(outputs.get(TaskId(1)).out.text.len(), KEPT);
        assert_eq!(outputs.size, ROOM);
    }
}
