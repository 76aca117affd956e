//! Looking at a VM from close by: its serial console, its screen, its definition.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc::error::TrySendError;

use super::{App, Tone};
use crate::console::action::Reason;
use crate::console::layout::Panel;
use crate::console::page::Page;
use crate::console::pages::room::{Hold, Wing};
use crate::fleet::{FromConsole, HostId, ToConsole, VmId};
use crate::handle::{Answer, Line, Stream};

/// An open serial console.
pub(crate) struct Open {
    pub vm: VmId,
    /// Where the VM was when it was opened.
    host: Option<HostId>,
    pub line: Line,
    /// Whether nothing comes from it any more.
    pub over: bool,
}

impl App {
    /// The VM that one can look at from close by, or why not.
    pub(crate) fn close_vm(&self) -> Result<VmId, Reason> {
        if self.snapshot.about.is_simulated() {
            return Err("simulated: it has neither console nor screen nor definition");
        }
        let vm = match self.nav.page() {
            Page::Overview | Page::Panel(Panel::Vms) if self.panel() == Some(Panel::Vms) => self.vms.cursor,
            page => page.vm(),
        };
        vm.filter(|vm| self.snapshot.fleet.vms.exists(*vm)).ok_or("there is no VM here")
    }

    /// Whether one can type to the guest, or why not.
    pub(crate) fn may_type(&self) -> Result<(), Reason> {
        if !self.handle.can_command() {
            return Err("this console is read-only");
        }
        match (self.nav.page(), &self.asks.console) {
            (Page::Room(_, Wing::Console), Some(open)) if !open.over => Ok(()),
            (Page::Room(_, Wing::Console), _) => Err("its serial console is not open"),
            _ => Err("go to its serial console first"),
        }
    }

    /// Shows a part of the VM that is meant.
    pub(crate) fn look_closely(&mut self, wing: Wing) {
        let Ok(vm) = self.close_vm() else { return };
        match self.nav.page() {
            Page::Room(_, now) if now == wing => {}
            Page::Room(..) => self.replace(Page::Room(vm, wing)),
            _ => self.enter(Page::Room(vm, wing)),
        }
    }

    /// The part of the room beside this one, after the last the first; false where one is in no room.
    pub(super) fn next_wing(&mut self, by: isize) -> bool {
        let Page::Room(_, wing) = self.nav.page() else { return false };
        let all = Wing::ALL;
        let at = all.iter().position(|other| *other == wing).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(all.len() as isize) as usize;
        self.look_closely(all[next]);
        true
    }

    /// Opens what is shown from close by, and closes what is not.
    pub(super) fn settle_closely(&mut self) {
        let Page::Room(vm, wing) = self.nav.page() else {
            self.asks.console = None;
            self.pages.room = None;
            return;
        };
        if self.asks.console.as_ref().is_some_and(|open| open.vm != vm) {
            self.asks.console = None;
        }
        if let Some(room) = &mut self.pages.room {
            room.show(wing);
            if wing == Wing::Console && self.asks.console.is_none() {
                self.open_console();
            }
        }
        self.ask_closely();
    }

    fn open_console(&mut self) {
        let Some(room) = &mut self.pages.room else { return };
        room.terminal.begin();
        let host = self.snapshot.fleet.vms.row(room.vm).host;
        let line = self.handle.open(Stream::Console(room.vm));
        self.asks.console = Some(Open { vm: room.vm, host, line, over: false });
    }

    /// Asks what the page wants to know of the platform, where it is due.
    pub(super) fn ask_closely(&mut self) {
        let now = self.now;
        if self.asks.inspect.is_none()
            && self.habits.frozen.is_none()
            && let Some(view) = self.pages.view(self.nav.page())
            && let Some(query) = view.inquiry(now)
        {
            self.asks.inspect = Some(self.handle.query(query));
        }
    }

    /// Takes what the platform told; whether that shows.
    pub(super) fn told_closely(&mut self, answer: Answer) -> bool {
        let now = self.now;
        let shows = self.pages.view(self.nav.page()).is_some_and(|view| view.told(answer, now));
        self.ask_closely();
        shows
    }

    /// Asks anew for what is shown from close by.
    pub(crate) fn again(&mut self) {
        self.asks.inspect = None;
        if let Some(room) = &mut self.pages.room {
            room.again();
            if room.wing == Wing::Console && room.terminal.ended.is_some() {
                self.open_console();
            }
        }
        self.ask_closely();
    }

    /// Opens the console again where its VM has gone to another host.
    pub(super) fn follow_closely(&mut self) {
        let Some(room) = &self.pages.room else { return };
        let ended = room.wing == Wing::Console && room.terminal.ended.is_some();
        let vms = &self.snapshot.fleet.vms;
        if ended && vms.exists(room.vm) {
            let host = vms.row(room.vm).host;
            if host.is_some() && self.asks.console.as_ref().is_some_and(|open| open.host != host) {
                self.open_console();
            }
        }
    }

    /// Goes to the next place of what is looked for, or to the one before.
    pub(crate) fn find(&mut self, forward: bool) {
        match self.nav.page() {
            Page::Output(_) => {
                if let Some(page) = &mut self.pages.output {
                    page.find(forward);
                }
            }
            _ => {
                if let Some(room) = &mut self.pages.room {
                    room.find(forward);
                }
            }
        }
    }

    // ---- typing

    /// Whether keys go to a guest.
    pub(crate) fn is_typing(&self) -> bool {
        matches!(self.nav.page(), Page::Room(_, Wing::Console))
            && self.pages.room.as_ref().is_some_and(|room| room.terminal.hold == Hold::Typing)
    }

    /// Asks for the console, so that what is typed reaches the guest; with `force` also from whoever has it.
    pub(crate) fn type_to_guest(&mut self, force: bool) {
        if self.send(ToConsole::Take { force })
            && let Some(room) = &mut self.pages.room
        {
            room.terminal.hold = Hold::Asked;
        }
    }

    fn send(&mut self, what: ToConsole) -> bool {
        let Some(to) = self.asks.console.as_ref().and_then(|open| open.line.to.as_ref()) else { return false };
        match to.try_send(what) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.note = Some((Tone::Bad, "the serial console takes no more keys now".into()));
                false
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }

    /// Sends a key to the guest; the one that leaves gives the console back.
    pub(super) fn type_key(&mut self, key: KeyEvent) {
        // Terminals without newer protocols send for ctrl-] what they send for ctrl-5.
        let leaves = matches!(key.code, KeyCode::Char(']' | '5')) && key.modifiers.contains(KeyModifiers::CONTROL);
        if leaves {
            self.send(ToConsole::GiveBack);
            if let Some(room) = &mut self.pages.room {
                room.terminal.hold = Hold::Reading;
            }
            return;
        }
        let Some(room) = &mut self.pages.room else { return };
        let bytes = bytes_of(key, room.terminal.screen().application_cursor());
        if !bytes.is_empty() {
            room.terminal.scroll(isize::MAX);
            self.send(ToConsole::Type(bytes));
        }
    }

    /// Sends what was pasted to the guest.
    pub(super) fn type_text(&mut self, text: &str) {
        let bracketed = self.pages.room.as_ref().is_some_and(|room| room.terminal.screen().bracketed_paste());
        let text = text.replace("\r\n", "\r").replace('\n', "\r");
        let text = if bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text };
        self.send(ToConsole::Type(text.into_bytes()));
    }

    /// Takes what comes from the serial console, none at its end; whether that shows.
    pub(super) fn console_says(&mut self, what: Option<FromConsole>) -> bool {
        let Some(room) = &mut self.pages.room else { return false };
        let name = self.snapshot.fleet.vms.name(room.vm);
        let terminal = &mut room.terminal;
        match what {
            Some(FromConsole::Wrote(bytes)) => {
                terminal.wrote(&bytes);
                return room.wing == Wing::Console;
            }
            Some(FromConsole::Taken) => {
                terminal.hold = Hold::Typing;
                terminal.scroll(isize::MAX);
            }
            Some(FromConsole::InUse) => {
                terminal.hold = Hold::Reading;
                let key = self.look.keymap.key_in(self.context(), "take-over");
                let how = key.map_or_else(String::new, |key| format!("; {key} takes it from them"));
                self.note = Some((Tone::Bad, format!("somebody else has the console of {name}{how}")));
            }
            Some(FromConsole::Lost(why)) => {
                terminal.hold = Hold::Reading;
                self.note = Some((Tone::Bad, format!("no more typing to {name}: {why}")));
            }
            Some(FromConsole::Ended(why)) => {
                terminal.hold = Hold::Reading;
                terminal.ended = Some(why);
            }
            None => {
                terminal.hold = Hold::Reading;
                terminal.ended.get_or_insert_with(|| "closed".into());
                if let Some(open) = &mut self.asks.console {
                    open.line.to = None;
                }
            }
        }
        true
    }
}

/// What a terminal sends for a key; `application` is the mode in which arrows are told otherwise.
fn bytes_of(key: KeyEvent, application: bool) -> Vec<u8> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let arrow = |letter: char| format!("\x1b{}{letter}", if application { 'O' } else { '[' });
    let mut text = match key.code {
        KeyCode::Char(c) if ctrl => match c.to_ascii_uppercase() {
            ' ' | '2' => "\0".to_owned(),
            // What terminals without newer protocols tell ctrl-\ ctrl-] ctrl-^ ctrl-_ as.
            c @ '4'..='7' => char::from(0x1c + (c as u8 - b'4')).to_string(),
            c @ '@'..='_' => char::from(c as u8 & 0x1f).to_string(),
            '?' | '8' => "\x7f".to_owned(),
            c => c.to_string(),
        },
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "\r".to_owned(),
        KeyCode::Tab => "\t".to_owned(),
        KeyCode::BackTab => "\x1b[Z".to_owned(),
        KeyCode::Backspace => "\x7f".to_owned(),
        KeyCode::Esc => "\x1b".to_owned(),
        KeyCode::Up => arrow('A'),
        KeyCode::Down => arrow('B'),
        KeyCode::Right => arrow('C'),
        KeyCode::Left => arrow('D'),
        KeyCode::Home => arrow('H'),
        KeyCode::End => arrow('F'),
        KeyCode::Insert => "\x1b[2~".to_owned(),
        KeyCode::Delete => "\x1b[3~".to_owned(),
        KeyCode::PageUp => "\x1b[5~".to_owned(),
        KeyCode::PageDown => "\x1b[6~".to_owned(),
        KeyCode::F(n @ 1..=4) => format!("\x1bO{}", char::from(b'P' + n - 1)),
        KeyCode::F(n @ 5..=12) => format!("\x1b[{}~", [15, 17, 18, 19, 20, 21, 23, 24][usize::from(n) - 5]),
        _ => String::new(),
    };
    if key.modifiers.contains(KeyModifiers::ALT) && !text.is_empty() {
        text.insert(0, '\x1b');
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sent_as_terminals_send_them() {
        let sent = |code, modifiers| bytes_of(KeyEvent::new(code, modifiers), false);
        let (none, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        assert_eq!(sent(KeyCode::Char('ä'), none), "ä".as_bytes());
        assert_eq!(sent(KeyCode::Char('c'), ctrl), [3]);
        assert_eq!(sent(KeyCode::Char('7'), ctrl), [0x1f]);
        assert_eq!(sent(KeyCode::Char('b'), alt), b"\x1bb");
        assert_eq!(sent(KeyCode::Enter, none), b"\r");
        assert_eq!(sent(KeyCode::F(1), none), b"\x1bOP");
        assert_eq!(sent(KeyCode::F(12), none), b"\x1b[24~");
        assert_eq!(sent(KeyCode::Up, none), b"\x1b[A");
        assert_eq!(bytes_of(KeyEvent::new(KeyCode::Up, none), true), b"\x1bOA");
        assert!(sent(KeyCode::CapsLock, none).is_empty());
    }
}
