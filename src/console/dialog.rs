//! Dialogs: everything that changes something is asked for in one, with a preview of what it would do.
//!
//! The safe button has the focus whenever Enter could do harm: Enter in a field goes to Cancel.

use std::borrow::Cow;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::columns::Table;
use super::edit;
use super::export::{Export, Format};
use super::format::counted;
use super::run::Errand;
use crate::fleet::{OpId, PowerAction, Remedy, Selection, TaskId, VmClass, VmId};
use crate::handle::{Answer, Command, OpKind, OperationSpec, Preview, RunOn};

mod act;
mod build;
mod copy;
mod fill;
mod here;
mod power;

pub(crate) use act::Change;
pub(crate) use copy::There;

/// What a dialog is about.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Boot,
    Migrate(Arc<[VmId]>),
    Evacuate,
    Change(Arc<[VmId]>, Change),
    /// A command there.
    Run(RunOn),
    /// A file from here to there.
    CopyIn(RunOn),
    /// A file from there to here.
    CopyOut(RunOn),
    /// Something done to the hosts of this selection from outside.
    Power(Selection, PowerAction),
    Limits,
    CancelOperation(OpId),
    RetryFailed(OpId),
    CancelTask(TaskId, OpKind),
    /// A cancelled task, once more.
    AskAgain(TaskId),
    /// A remedy that is no change of VMs where they are.
    Mend(Remedy, Arc<[VmId]>),
    StopEverything,
    Quit,
    /// A command of the operator's own.
    Own(Box<Errand>),
    /// Writing what is shown to a file.
    Export(Format),
    /// Writing this over a file that is there.
    Overwrite(Arc<Export>),
    /// Keeping how a table is shown under a name.
    SaveView(Table),
    DeleteView(String, Table),
}

/// A field to fill in.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub label: &'static str,
    pub hint: &'static str,
    /// What may complete the word that is being written.
    pub completes: Option<fn(&str) -> Vec<String>>,
    pub value: Value,
    /// Whether it still says what it was opened with: what is typed then takes its place.
    pub fresh: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Input),
    Choice { options: Vec<String>, at: usize },
}

impl Field {
    fn text(label: &'static str, value: &str, hint: &'static str) -> Self {
        let fresh = !value.is_empty();
        Self { label, hint, completes: None, value: Value::Text(Input::new(value.into())), fresh }
    }

    fn completing(mut self, completes: fn(&str) -> Vec<String>) -> Self {
        self.completes = Some(completes);
        self
    }

    /// What stands beside it: how its value is written, or the words that may come next.
    pub(crate) fn hint(&self) -> Cow<'static, str> {
        match (self.completes, &self.value) {
            (Some(completes), Value::Text(input)) => completes(input.value()).join(" ").into(),
            _ => self.hint.into(),
        }
    }

    /// The text with its last word completed, where only one word can be meant or several begin alike.
    fn completed(&self) -> Option<String> {
        let (Some(completes), Value::Text(input)) = (self.completes, &self.value) else { return None };
        let text = input.value();
        let at_end = input.cursor() == text.chars().count();
        let last = text.rsplit(' ').next().unwrap_or("");
        let words = completes(text);
        let first = words.first().filter(|word| at_end && !last.is_empty() && word.len() > last.len())?;
        let shared = words.iter().fold(first.as_str(), |shared, word| {
            let same = shared.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
            &shared[..same]
        });
        (shared.len() > last.len()).then(|| format!("{}{shared}", &text[..text.len() - last.len()]))
    }

    fn choice(label: &'static str, options: Vec<String>, hint: &'static str) -> Self {
        Self { label, hint, completes: None, value: Value::Choice { options, at: 0 }, fresh: false }
    }

    /// What it says.
    pub(crate) fn value(&self) -> &str {
        match &self.value {
            Value::Text(input) => input.value().trim(),
            Value::Choice { options, at } => options.get(*at).map_or("", String::as_str),
        }
    }

    const fn chosen(&self) -> usize {
        match &self.value {
            Value::Text(_) => 0,
            Value::Choice { at, .. } => *at,
        }
    }
}

/// What is known of what it would do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ahead {
    /// It has no preview.
    NotNeeded,
    /// The fields do not say what to do yet.
    Unsaid,
    /// Asked, not answered. What was known before stays on screen.
    Asking(Option<Box<Preview>>),
    /// This.
    Known(Box<Preview>),
    /// It cannot be done, for this reason.
    Impossible(Arc<str>),
}

/// What a key in a dialog comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing, or only the dialog looks different.
    Stay,
    /// The fields say something else: another preview is needed.
    Changed,
    /// It is closed, nothing happens.
    Close,
    /// This is to be done.
    Do(Box<Command>),
    /// What it asks for is to be done once the file that it sends has been read.
    Send,
    /// The program ends.
    Quit,
    /// This command of the operator's own is to run.
    Run(Box<Errand>),
    /// This is to be done by this console alone, with what the first field says.
    Here(Act, String),
    /// It cannot be done now, for this reason.
    Refuse(String),
}

/// A dialog.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub act: Act,
    pub title: String,
    /// What the operator must know beside the preview.
    pub facts: Vec<String>,
    pub fields: Vec<Field>,
    /// What has the focus: a field, then Cancel, then the button that acts.
    pub at: usize,
    pub danger: bool,
    /// Whether the last field wants this count typed.
    pub typed: Option<usize>,
    pub ahead: Ahead,
    /// What the button that acts says.
    pub verb: String,
    /// What is wrong with a field.
    pub problem: Option<(usize, String)>,
    /// Classes that the first field of the boot dialog chooses from.
    pub classes: Vec<Arc<VmClass>>,
}

impl Dialog {
    /// The place of the safe button.
    pub(crate) const fn cancel(&self) -> usize {
        self.fields.len()
    }

    /// The place of the button that acts.
    pub(crate) const fn go(&self) -> usize {
        self.fields.len() + 1
    }

    /// Whether a field chooses one of several values.
    pub(crate) fn is_choice(&self, field: usize) -> bool {
        self.fields.get(field).is_some_and(|f| matches!(f.value, Value::Choice { .. }))
    }

    /// What to ask a preview for; notes what is wrong with a field.
    pub(crate) fn spec(&mut self) -> Option<OperationSpec> {
        self.problem = None;
        if let Some(said) = self.here() {
            self.problem = said.err();
            return None;
        }
        match self.command() {
            Ok(Command::Start(spec)) => Some(spec),
            Ok(_) => None,
            Err((field, problem)) => {
                self.problem = Some((field, problem));
                if self.ahead != Ahead::NotNeeded {
                    self.ahead = Ahead::Unsaid;
                }
                None
            }
        }
    }

    /// Takes the answer about a preview.
    pub(crate) fn take(&mut self, answer: Answer) {
        self.ahead = match answer {
            Answer::Preview(preview) => Ahead::Known(preview),
            Answer::None(reason) => Ahead::Impossible(reason),
            _ => Ahead::Impossible("the engine answered something else".into()),
        };
    }

    /// Why it cannot be done now.
    pub(crate) fn blocked(&self) -> Option<String> {
        if let Some((_, problem)) = &self.problem {
            return Some(problem.clone());
        }
        match &self.ahead {
            Ahead::Unsaid => return Some("fill in the fields first".into()),
            Ahead::Asking(_) => return Some("the preview is not there yet".into()),
            Ahead::Impossible(reason) => return Some(reason.to_string()),
            Ahead::Known(preview) if preview.tasks == 0 => return Some("there is nothing to do".into()),
            Ahead::Known(_) | Ahead::NotNeeded => {}
        }
        let count = self.typed?;
        let said = self.fields.last().map_or("", |f| f.value());
        (said != count.to_string()).then(|| format!("type {count} to confirm"))
    }

    /// Does what a key means.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            KeyCode::Tab | KeyCode::Down => self.at = (self.at + 1) % (self.go() + 1),
            KeyCode::BackTab | KeyCode::Up => self.at = (self.at + self.go()) % (self.go() + 1),
            KeyCode::Enter if self.at == self.cancel() => return Outcome::Close,
            KeyCode::Enter if self.at == self.go() => return self.press(),
            // Never from a field straight into the act.
            KeyCode::Enter if self.here().is_some() => self.at = self.go(),
            KeyCode::Enter => self.at = self.cancel(),
            _ if self.at >= self.fields.len() => {
                if matches!(key.code, KeyCode::Left | KeyCode::Right | KeyCode::Char('h' | 'l' | ' ')) {
                    self.at = if self.at == self.go() { self.cancel() } else { self.go() };
                }
            }
            _ => return self.edit(key),
        }
        Outcome::Stay
    }

    fn edit(&mut self, key: KeyEvent) -> Outcome {
        let confirms = self.typed.is_some() && self.at + 1 == self.fields.len();
        let field = &mut self.fields[self.at];
        let fresh = std::mem::take(&mut field.fresh);
        if key.code == KeyCode::Right
            && let Some(text) = field.completed()
        {
            field.value = Value::Text(Input::new(text));
            return Outcome::Changed;
        }
        match &mut field.value {
            Value::Choice { options, at } if !options.is_empty() => match key.code {
                KeyCode::Right | KeyCode::Char(' ' | 'l') => *at = (*at + 1) % options.len(),
                KeyCode::Left | KeyCode::Char('h') => *at = (*at + options.len() - 1) % options.len(),
                _ => return Outcome::Stay,
            },
            Value::Choice { .. } => return Outcome::Stay,
            Value::Text(input) => {
                let before = input.value().to_owned();
                if fresh && edit::inserts(key) {
                    input.reset();
                }
                edit::key(input, key);
                if input.value() == before {
                    return Outcome::Stay;
                }
            }
        }
        if confirms { Outcome::Stay } else { Outcome::Changed }
    }

    /// Inserts pasted text into the field with the focus.
    pub(crate) fn paste(&mut self, text: &str) -> Outcome {
        match self.fields.get_mut(self.at) {
            Some(Field { value: Value::Text(input), fresh, .. }) => {
                if std::mem::take(fresh) {
                    input.reset();
                }
                edit::paste(input, text);
                Outcome::Changed
            }
            _ => Outcome::Stay,
        }
    }

    fn press(&mut self) -> Outcome {
        if let Some(reason) = self.blocked() {
            return Outcome::Refuse(reason);
        }
        match &self.act {
            Act::Quit => return Outcome::Quit,
            Act::Own(errand) => return Outcome::Run(errand.clone()),
            _ => {}
        }
        if self.here().is_some() {
            let value = self.fields.first().map_or("", Field::value).to_owned();
            return Outcome::Here(self.act.clone(), value);
        }
        match self.command() {
            Ok(_) if matches!(self.act, Act::CopyIn(_)) => Outcome::Send,
            Ok(command) => Outcome::Do(Box::new(command)),
            Err((field, problem)) => {
                self.problem = Some((field, problem.clone()));
                Outcome::Refuse(problem)
            }
        }
    }

    /// What the safe button says: where the act is to cancel something, `Cancel` would say both.
    pub(crate) const fn safe(&self) -> &'static str {
        match self.act {
            Act::CancelOperation(_) | Act::CancelTask(..) => "Let it run",
            Act::StopEverything => "Let them run",
            _ => "Cancel",
        }
    }

    /// What is counted in its preview.
    pub(crate) const fn counts(&self) -> &'static str {
        if matches!(
            self.act,
            Act::Run(RunOn::Hosts(_)) | Act::CopyIn(RunOn::Hosts(_)) | Act::CopyOut(RunOn::Hosts(_)) | Act::Power(..)
        ) {
            "host"
        } else {
            "VM"
        }
    }

    /// What the button that acts says: the verb, and the count once it is known.
    pub(crate) fn button(&self) -> String {
        match &self.ahead {
            Ahead::Known(preview) => format!("{} {}", self.verb, counted(preview.tasks as usize, self.counts())),
            _ => self.verb.clone(),
        }
    }
}
