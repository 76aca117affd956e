//! What lies over the panels: which keys and texts it takes, what comes of it.

use std::io;

use crossterm::event::{KeyCode, KeyEvent};

use super::{App, Overlay, Tone};
use crate::console::dialog::{Ahead, Dialog, Outcome};
use crate::files::Content;
use crate::handle::{Command, Query};

impl App {
    pub(super) fn overlay_key(&mut self, key: KeyEvent) {
        // The command line, the palette and menus may open something else in their place.
        match self.overlays.pop() {
            Some(Overlay::Prompt(prompt)) => return self.prompt_key(prompt, key),
            Some(Overlay::Menu(menu)) => return self.menu_key(menu, key),
            Some(Overlay::Palette(palette)) if key.code == KeyCode::Enter => {
                if let Some(pick) = palette.chosen() {
                    self.palette_pick(pick);
                }
                return;
            }
            Some(Overlay::Palette(_)) if key.code == KeyCode::Esc => return,
            Some(overlay) => self.overlays.push(overlay),
            None => return,
        }
        match self.overlays.last_mut() {
            Some(Overlay::Help(help)) => {
                if help.key(key) {
                    self.close();
                }
            }
            Some(Overlay::Palette(palette)) => palette.key(key),
            Some(Overlay::Dialog(dialog)) => {
                let outcome = dialog.key(key);
                self.dialog_outcome(outcome);
            }
            Some(Overlay::Columns(_)) => self.columns_key(key),
            Some(Overlay::Views(_)) => self.views_key(key),
            Some(Overlay::Prompt(_) | Overlay::Menu(_)) | None => {}
        }
    }

    pub(super) fn dialog_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Stay => {}
            Outcome::Changed => self.ask_preview(),
            Outcome::Close => self.close(),
            Outcome::Quit => self.exit = true,
            Outcome::Run(errand) => {
                self.close();
                self.start_errand(*errand);
            }
            Outcome::Refuse(reason) => self.note = Some((Tone::Bad, reason)),
            Outcome::Here(act, value) => self.do_here(&act, &value),
            Outcome::Send => self.read_file(),
            Outcome::Do(command) => {
                if let Some(Overlay::Dialog(dialog)) = self.overlays.pop() {
                    self.note_command(&dialog, &command);
                }
                self.asks.preview = None;
                self.command(*command);
            }
        }
    }

    /// Reads the file that the open dialog sends, before the command is given. One that is still being read for another
    /// dialog is not sent any more: it may be where nothing answers.
    fn read_file(&mut self) {
        let Some(Overlay::Dialog(dialog)) = self.overlays.pop() else { return };
        self.asks.preview = None;
        self.note = Some((Tone::Good, format!("reading {}", dialog.fields[0].value())));
        self.asks.read = dialog.read().map(|read| (read, dialog));
    }

    /// The file of a dialog has been read: what was asked for is done. Where it cannot be, the dialog is there again, unless
    /// the operator is at something else.
    pub(super) fn sending(&mut self, dialog: Dialog, read: io::Result<Content>) {
        match dialog.sends(read) {
            Ok(command) => {
                self.note_command(&dialog, &command);
                self.command(command);
            }
            Err((field, why)) => {
                self.note = Some((Tone::Bad, why));
                if self.overlays.is_empty() && !self.is_typing() {
                    self.open_dialog(Dialog { at: field, ..dialog });
                }
            }
        }
    }

    /// Asks for the preview of the open dialog; what was asked before is cancelled.
    pub(super) fn ask_preview(&mut self) {
        self.asks.preview = None;
        let Some(Overlay::Dialog(dialog)) = self.overlays.last_mut() else { return };
        if dialog.ahead == Ahead::NotNeeded {
            // Still says what is wrong with a field.
            drop(dialog.spec());
            return;
        }
        if let Some(spec) = dialog.spec() {
            let before = match std::mem::replace(&mut dialog.ahead, Ahead::NotNeeded) {
                Ahead::Known(preview) | Ahead::Asking(Some(preview)) => Some(preview),
                _ => None,
            };
            dialog.ahead = Ahead::Asking(before);
            self.asks.preview = Some(self.handle.query(Query::Preview(spec)));
        }
    }

    /// Opens a dialog.
    pub(crate) fn open_dialog(&mut self, mut dialog: Dialog) {
        if !dialog.is_here() && matches!(dialog.command(), Ok(Command::Start(_)) | Err(_)) {
            dialog.ahead = Ahead::Asking(None);
        }
        if let Some(frozen) = &self.habits.frozen {
            let age = frozen.age();
            dialog.facts.push(format!(
                "The screen has stood still for {age}; what would happen is worked out from what is now."
            ));
        }
        self.pointer.opened = Some(self.now);
        self.overlays.push(Overlay::Dialog(Box::new(dialog)));
        self.ask_preview();
    }

    /// Closes what lies on top.
    pub(crate) fn close(&mut self) {
        self.overlays.pop();
        self.asks.preview = None;
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.overlays.is_empty() && self.is_typing() {
            return self.type_text(text);
        }
        match self.overlays.last_mut() {
            Some(Overlay::Dialog(dialog)) => {
                let outcome = dialog.paste(text);
                self.dialog_outcome(outcome);
            }
            Some(Overlay::Palette(palette)) => palette.paste(text),
            Some(Overlay::Prompt(_)) => self.paste_command(text),
            Some(_) => {}
            None => {
                if let Some(typed) = self.filter_box().map(|b| b.paste(text)) {
                    self.filter_typed(typed);
                }
            }
        }
    }
}
