//! The command line and the palette at work.

use crossterm::event::KeyEvent;

use super::{App, Overlay, Tone};
use crate::console::help::Help;
use crate::console::history::Kind;
use crate::console::palette::{Extra, Palette, Pick, matching};
use crate::console::prompt::complete::{Over, host_names};
use crate::console::prompt::{Prompt, Row, Said, Wrong, line};
use crate::fleet::Selection;

/// Lines of the history that a search shows.
const FOUND: usize = 100;

impl App {
    /// Opens the command line with this in it.
    pub(crate) fn begin_command(&mut self, text: &str) {
        let mut prompt = Prompt::new(text);
        self.follow_line(&mut prompt);
        self.overlays.push(Overlay::Prompt(Box::new(prompt)));
    }

    /// Opens the palette over actions, hosts and saved filters.
    pub(crate) fn open_palette(&mut self) {
        let filters = self.habits.saved.all().map(|(name, text)| Extra {
            name: format!("@{name}"),
            doc: format!("filter {text}"),
            line: format!("filter @{name}"),
        });
        let hosts = host_names(self).map(|(name, place)| Extra {
            line: format!("host {name}"),
            doc: format!("host of {place}"),
            name,
        });
        let extras = filters.chain(hosts).collect();
        self.overlays.push(Overlay::Palette(Palette::new(extras)));
    }

    /// Opens the help, searched for a text.
    pub(crate) fn open_help(&mut self, about: &str) {
        self.overlays.push(Overlay::Help(Help::about(about)));
    }

    pub(super) fn prompt_key(&mut self, mut prompt: Box<Prompt>, key: KeyEvent) {
        let commands = self.habits.history.of(Kind::Command);
        match prompt.key(key) {
            Said::Nothing => {}
            Said::Changed => self.follow_line(&mut prompt),
            Said::Close => return self.end_preview(false),
            Said::Older => {
                if let Some(line) = prompt.walk.older(commands, prompt.input.value()) {
                    prompt.say(line);
                    self.follow_line(&mut prompt);
                }
            }
            Said::Newer => {
                if let Some(line) = prompt.walk.newer(commands) {
                    prompt.say(line);
                    self.follow_line(&mut prompt);
                }
            }
            Said::Do => {
                let Some(open) = self.do_line(prompt) else { return self.end_preview(false) };
                prompt = open;
            }
        }
        self.preview_line(&prompt);
        self.overlays.push(Overlay::Prompt(prompt));
    }

    /// Inserts pasted text into the command line; it is looked at once, however long it is.
    pub(super) fn paste_command(&mut self, text: &str) {
        let Some(Overlay::Prompt(mut prompt)) = self.overlays.pop() else { return };
        crate::console::edit::paste(&mut prompt.input, text);
        self.follow_line(&mut prompt);
        self.preview_line(&prompt);
        self.overlays.push(Overlay::Prompt(prompt));
    }

    /// Shows what the chosen word would do, where the command can.
    fn preview_line(&mut self, prompt: &Prompt) {
        let call = line::call(prompt.text(), &self.look.settings.aliases).ok();
        let preview = call.as_ref().and_then(|call| call.action.takes).and_then(|takes| takes.preview);
        let typed = call.and_then(|call| call.words).is_some_and(|words| !words.trim().is_empty());
        match (preview, prompt.rows.get(prompt.at)) {
            (Some(preview), Some(Row::Word(word))) if typed || prompt.chosen => preview(self, &word.text),
            _ => self.end_preview(false),
        }
    }

    /// Does what the line says. Gives it back where it stays open: something is wrong or missing.
    fn do_line(&mut self, mut prompt: Box<Prompt>) -> Option<Box<Prompt>> {
        if prompt.searching {
            prompt.searching = false;
            prompt.accept();
            self.follow_line(&mut prompt);
            return Some(prompt);
        }
        if prompt.text().trim().is_empty() && !prompt.chosen {
            return None;
        }
        if prompt.chosen {
            prompt.accept();
        }
        // A few letters of a name are as good as the name.
        if line::call(prompt.text(), &self.look.settings.aliases).is_err()
            && !prompt.text().trim().contains(' ')
            && matches!(prompt.rows.first(), Some(Row::Action(_) | Row::Alias(..)))
        {
            prompt.accept();
        }
        let text = prompt.text().trim().to_owned();
        let call = match line::call(prompt.text(), &self.look.settings.aliases) {
            Ok(call) => call,
            Err(wrong) => {
                prompt.wrong = Some(wrong);
                return Some(prompt);
            }
        };
        let words = call.words.as_deref().filter(|words| !words.trim().is_empty());
        if words.is_none() && call.action.takes.is_some_and(|takes| takes.needed) {
            prompt.say(format!("{} ", call.action.id));
            self.follow_line(&mut prompt);
            return Some(prompt);
        }
        match words {
            None => self.run(call.action),
            Some(words) => {
                if let Err(wrong) = self.say(call.action, words) {
                    prompt.wrong = Some(call.wrong(wrong));
                    return Some(prompt);
                }
            }
        }
        self.habits.history.add(Kind::Command, &text);
        None
    }

    /// Brings the list under the line, its usage and its mistakes up to date.
    fn follow_line(&self, prompt: &mut Prompt) {
        prompt.wrong = None;
        prompt.usage = None;
        let text = prompt.text().to_owned();
        if prompt.searching {
            let past = self.habits.history.of(Kind::Command).iter().rev();
            let found = matching(&text, past.cloned(), |line| (line.clone(), String::new()));
            prompt.show(found.into_iter().take(FOUND).map(Row::Past).collect(), 0);
            return;
        }
        if !text.trim_start().contains(' ') {
            prompt.show(self.names(text.trim_start()), 0);
            if prompt.rows.is_empty() {
                prompt.wrong = line::call(&text, &self.look.settings.aliases).err();
            }
            return;
        }
        let call = match line::call(&text, &self.look.settings.aliases) {
            Ok(call) => call,
            Err(wrong) => {
                prompt.show(Vec::new(), 0);
                prompt.wrong = Some(wrong);
                return;
            }
        };
        let words = call.words.as_deref().unwrap_or_default();
        let Some(takes) = call.action.takes else {
            prompt.show(Vec::new(), 0);
            if !words.trim().is_empty() {
                prompt.wrong = Some(call.wrong(Wrong::new(0, format!("{} takes nothing", call.action.id))));
            }
            return;
        };
        prompt.usage = Some(format!("{} {}", call.action.id, takes.usage));
        let mut found = (takes.complete)(self, words);
        match usize::try_from(call.at + found.from as isize) {
            Ok(from) => found.from = from,
            // What an alias brought with it cannot be changed here.
            Err(_) => found.found.clear(),
        }
        prompt.show_words(found);
        if !words.trim().is_empty() {
            let wrong = (takes.check)(self, words).err().map(|wrong| call.wrong(wrong));
            // The last word is no mistake as long as it can become one that fits.
            prompt.wrong = wrong.filter(|wrong| prompt.rows.is_empty() || wrong.at < prompt.from);
        }
    }

    /// The user's own words and the actions that a few letters find.
    fn names(&self, text: &str) -> Vec<Row> {
        let own = self.look.settings.aliases.iter().filter(|(name, _)| name.starts_with(text));
        let own = own.map(|(name, line)| Row::Alias(name.clone(), line.clone()));
        let exact =
            |action: &&'static crate::console::action::Action| action.id == text || action.aliases.contains(&text);
        let mut actions = crate::console::palette::actions(text);
        // What is meant to the letter comes first.
        actions.sort_by_key(|action| !exact(action));
        own.chain(actions.into_iter().map(Row::Action)).collect()
    }

    /// Runs an action with words after its name.
    ///
    /// # Errors
    /// Where the words cannot be understood; why it cannot be run now is a note.
    pub(crate) fn say(&mut self, action: &'static crate::console::action::Action, words: &str) -> Result<(), Wrong> {
        let Some(takes) = action.takes else {
            return Err(Wrong::new(0, format!("{} takes nothing", action.id)));
        };
        if let Err(reason) = (takes.when)(self) {
            self.note = Some((Tone::Bad, format!("{}: {reason}", action.name)));
            return Ok(());
        }
        self.noting(|app| (takes.run)(app, words))
    }

    /// The same for a key: what is wrong is a note.
    pub(crate) fn say_by_key(&mut self, action: &'static crate::console::action::Action, words: &str) {
        if words.trim().is_empty() {
            // A key may open the command line with the name in it.
            self.run(action);
        } else if let Err(wrong) = self.say(action, words) {
            self.note = Some((Tone::Bad, format!("{} {words}: {}", action.id, wrong.text)));
        }
    }

    pub(super) fn palette_pick(&mut self, pick: &Pick) {
        match pick {
            Pick::Action(action) => self.run(action),
            Pick::Extra(extra) => match line::call(&extra.line, &std::collections::BTreeMap::new()) {
                Ok(call) => self.say_by_key(call.action, call.words.as_deref().unwrap_or_default()),
                Err(wrong) => self.note = Some((Tone::Bad, wrong.text)),
            },
        }
    }

    /// A selection as it is written in workflows, with the names of saved filters replaced.
    pub(crate) fn selected(&self, text: &str, over: Over) -> Result<Selection, Wrong> {
        let expanded = self.habits.saved.expand(text)?;
        let read = match over {
            Over::Vms => Selection::vms(&expanded.text),
            Over::Hosts => Selection::hosts(&expanded.text),
        };
        read.map_err(|error| expanded.error(error).into())
    }

    /// The same as a filter reads it: a bare word is a part of a name.
    pub(crate) fn quick(&self, text: &str, over: Over) -> Result<Selection, Wrong> {
        let expanded = self.habits.saved.expand(text)?;
        let read = match over {
            Over::Vms => Selection::quick_vms(&expanded.text),
            Over::Hosts => Selection::quick_hosts(&expanded.text),
        };
        read.map_err(|error| expanded.error(error).into())
    }
}
