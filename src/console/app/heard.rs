//! What is asked, and what is made of the answers.

use super::{App, Overlay, Tone};
use crate::console::asks::Heard;
use crate::console::dialog::Ahead;
use crate::console::page::PageView;
use crate::handle::Query;

impl App {
    pub(super) fn has_open_question(&self) -> bool {
        !self.overlays.is_empty() || self.pages.seen(self.nav.page()).is_some_and(|view| view.query().is_some())
    }

    /// Asks again what is on screen: the open preview, what the page needs.
    pub(crate) fn ask_open(&mut self) {
        self.asked = self.now;
        self.asks_due = false;
        if self.asks.page.is_none() {
            self.ask_page();
        }
        if let Some(Overlay::Dialog(dialog)) = self.overlays.last_mut()
            && self.asks.preview.is_none()
            && dialog.ahead != Ahead::NotNeeded
            && let Some(spec) = dialog.spec()
        {
            self.asks.preview = Some(self.handle.query(Query::Preview(spec)));
        }
    }

    /// Asks what the page needs; what it asked before is cancelled.
    pub(super) fn ask_page(&mut self) {
        let query = self.pages.seen(self.nav.page()).and_then(PageView::query);
        self.asks.page = query.map(|query| self.handle.query(query));
    }

    /// Takes an answer.
    pub(crate) fn hear(&mut self, heard: Heard) {
        let before = std::mem::replace(&mut self.dirty, true);
        match heard {
            Heard::Told(answer) => self.dirty = self.told_closely(answer) || before,
            Heard::Console(what) => self.dirty = self.console_says(what) || before,
            Heard::Preview(answer) => {
                if let Some(Overlay::Dialog(dialog)) = self.overlays.last_mut()
                    && dialog.ahead != Ahead::Unsaid
                {
                    dialog.take(answer);
                }
            }
            Heard::Page(answer) => {
                if let Some(view) = self.pages.view(self.nav.page()) {
                    view.take(answer);
                }
            }
            Heard::Ran((name, Ok(told))) => self.note = Some((Tone::Good, format!("{name}: {told}"))),
            Heard::Ran((name, Err(wrong))) => self.note = Some((Tone::Bad, format!("{name}: {wrong}"))),
            Heard::Gathered(answer) => self.gathered(answer),
            Heard::Exported(ended) => self.exported(ended),
            Heard::Read(dialog, read) => self.sending(*dialog, read),
            Heard::Chosen(found, purpose, text) => self.chosen(&found, &purpose, &text),
            Heard::Reply(reply) => {
                let said = self.habits.undo.said.take().map_or_else(String::new, |said| format!("{said}: "));
                self.note = Some(match reply {
                    Ok(accepted) => (Tone::Good, format!("{said}{}", accepted.message)),
                    Err(refused) => (Tone::Bad, format!("{said}refused: {refused}")),
                });
            }
        }
    }
}
