//! Taking back, holding still, copying, and the menu of what can be done.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Overlay, Tone};
use crate::console::action::{self, Action};
use crate::console::clipboard::lines;
use crate::console::columns::{Column, vm_text};
use crate::console::dialog::{Act, Dialog};
use crate::console::format::counted;
use crate::console::freeze::Frozen;
use crate::console::keymap::{Context, Meaning};
use crate::console::menu::{Does, Entry, Menu, Picked};
use crate::console::remedies::{Way, of_hosts, of_vms, way};
use crate::console::undo::Step;
use crate::handle::{Command, OpKind, OperationSpec, VmChange};

/// What can be done with VMs, in the order of the menu.
const WITH_VMS: [&str; 16] = [
    "remedies",
    "migrate",
    "pause",
    "resume",
    "stress",
    "stop-stress",
    "run",
    "reboot",
    "destroy",
    "copy",
    "copy-row",
    "filter-like",
    "only-marked",
    "invert-marks",
    "clear-marks",
    "evacuate",
];
/// What can be done with a host.
const WITH_HOSTS: [&str; 6] = ["open", "remedies", "evacuate", "undrain", "run", "copy"];
/// What can be done with an operation or a task.
const WITH_OPERATIONS: [&str; 6] =
    ["open", "hold-operation", "cancel-operation", "cancel-task", "retry-failed", "stop-everything"];

impl App {
    /// Does something, and notes what of it can be taken back.
    pub(super) fn noting<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        let marks = self.vms.marks.clone();
        let hosts = self.host_marks.clone();
        let filter = self.vms.filter_box.text.clone();
        let host_filter = self.pages.hosts.rows.filter_box.text.clone();
        let page = self.nav.page();
        let done = act(self);
        // What undo itself changes is noted by undo; where one goes, back leads back.
        if self.habits.undo.was_at_work() || self.nav.page() != page {
            return done;
        }
        if self.vms.marks != marks {
            let single = self.vms.marks.len().abs_diff(marks.len()) == 1;
            self.habits.undo.note(Step::Marks(marks), single);
        }
        if self.host_marks != hosts {
            let single = self.host_marks.len().abs_diff(hosts.len()) == 1;
            self.habits.undo.note(Step::HostMarks(hosts), single);
        }
        if self.vms.filter_box.text != filter && !self.is_filtering() {
            self.habits.undo.note(Step::Filter(filter), false);
        }
        if self.pages.hosts.rows.filter_box.text != host_filter && !self.is_filtering() {
            self.habits.undo.note(Step::HostFilter(host_filter), false);
        }
        done
    }

    /// Notes a command that is given: what it changes, or that it cannot be taken back.
    pub(super) fn note_command(&mut self, dialog: &Dialog, command: &Command) {
        let step = match command {
            Command::SetLimits(_) => Step::Limits(self.snapshot.limits),
            Command::CancelTask(_) => {
                let Act::CancelTask(task, kind) = dialog.act else { return };
                let what = dialog.title.trim_start_matches("Cancel ").trim_end_matches('?');
                Step::Cancelled(task, kind, what.to_owned())
            }
            Command::Start(spec) => Step::Final(match spec {
                OperationSpec::Run { script, .. } => {
                    self.habits.last_command = script.text.clone();
                    "a command"
                }
                OperationSpec::Change { change: VmChange::StopStress, .. } => "stopping stress",
                spec => spec.kind().word(),
            }),
            Command::CancelOperation(op) => {
                let what = dialog.title.trim_start_matches("Cancel ").trim_end_matches('?');
                Step::CancelledAll(*op, what.to_owned())
            }
            Command::StopEverything => Step::Final("stopping everything"),
            _ => return,
        };
        self.habits.undo.note(step, false);
    }

    /// Takes the last step back.
    pub(crate) fn undo(&mut self) {
        let Some(step) = self.habits.undo.take() else { return };
        if let Some(back) = self.take_back(step, "undone") {
            self.habits.undo.can_redo(back);
        }
    }

    /// Does again what was taken back.
    pub(crate) fn redo(&mut self) {
        let Some(step) = self.habits.undo.take_undone() else { return };
        if let Some(back) = self.take_back(step, "done again") {
            self.habits.undo.redone(back);
        }
    }

    /// Returns to what there was before a step; gives what returns from there.
    fn take_back(&mut self, step: Step, word: &str) -> Option<Step> {
        let steers = self.handle.can_command() && self.lost.is_none();
        let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { format!("/{text}") };
        let (note, back) = match step {
            Step::Marks(marks) => {
                let now = std::mem::replace(&mut self.vms.marks, marks);
                self.vms.forget_gone(&self.snapshot.fleet);
                self.vms.anchor = None;
                let text = format!("{word}: marks, now {}", counted(self.vms.marks.len(), "VM"));
                (text, Some(Step::Marks(now)))
            }
            Step::HostMarks(hosts) => {
                let now = std::mem::replace(&mut self.host_marks, hosts);
                self.host_range = None;
                let text = format!("{word}: marks, now {}", counted(self.host_marks.len(), "host"));
                (text, Some(Step::HostMarks(now)))
            }
            Step::Filter(text) => {
                let now = self.vms.filter_box.text.clone();
                self.filter_vms(&text);
                (format!("{word}: filter, now {}", shown(&text)), Some(Step::Filter(now)))
            }
            Step::HostFilter(text) => {
                let now = self.pages.hosts.rows.filter_box.text.clone();
                self.pages.hosts.rows.set_filter(&text, &self.habits.saved);
                self.refresh_rows();
                (format!("{word}: filter of hosts, now {}", shown(&text)), Some(Step::HostFilter(now)))
            }
            Step::Limits(_) | Step::Cancelled(..) | Step::CancelledAll(..) if !steers => {
                self.note = Some((Tone::Bad, "this console cannot give commands now".into()));
                return None;
            }
            Step::Limits(limits) => {
                let now = self.snapshot.limits;
                self.say_before_reply(format!("{word}: limits as they were"));
                self.command(Command::SetLimits(limits));
                return Some(Step::Limits(now));
            }
            // What does harm is never done without a question, not even again.
            Step::Cancelled(task, OpKind::Destroy | OpKind::Shutdown | OpKind::Reboot, what) => {
                self.open_dialog(Dialog::ask_again(task, &what));
                return None;
            }
            Step::Cancelled(task, _, what) => {
                self.say_before_reply(format!("{word}: {what} is asked for again"));
                self.command(Command::RetryTask(task));
                return None;
            }
            Step::CancelledAll(op, what) => {
                self.say_before_reply(format!("{word}: what was cancelled of {what} is asked for again"));
                self.command(Command::RetryCancelled(op));
                return None;
            }
            Step::Final(what) => {
                self.note = Some((Tone::Bad, format!("{what} cannot be undone")));
                return None;
            }
        };
        self.note = Some((Tone::Good, note));
        back
    }

    /// What the reply to the next command is told together with.
    fn say_before_reply(&mut self, text: String) {
        self.note = Some((Tone::Good, text.clone()));
        self.habits.undo.said = Some(text);
    }

    /// Holds the screen still, or shows what is now.
    pub(crate) fn freeze(&mut self) {
        if self.habits.frozen.take().is_some() {
            self.take_snapshot();
        } else {
            self.habits.frozen = Some(Frozen::new(self.now));
        }
    }

    /// Copies a text with the next frame and says so.
    fn copy(&mut self, text: &str, things: usize, noun: &str) {
        self.note = Some(match self.habits.clipboard.copy(text, things, noun) {
            Ok(said) => (Tone::Good, said),
            Err(problem) => (Tone::Bad, problem),
        });
    }

    /// Copies names: of the hosts that are meant where one looks at hosts, else of the VMs.
    pub(crate) fn copy_names(&mut self) {
        let fleet = &self.snapshot.fleet;
        let about_hosts = matches!(self.context(), Context::Hosts | Context::Host);
        if about_hosts {
            let hosts = self.meant_hosts();
            let text = lines(hosts.iter().map(|&host| fleet.topology.host(host).name.to_string()));
            return self.copy(&text, hosts.len(), "name");
        }
        let vms = self.meant();
        let text = lines(vms.iter().map(|&vm| fleet.vms.name(vm).to_owned()));
        self.copy(&text, vms.len(), "name");
    }

    /// Copies rows of the VM table, cells apart by tabs.
    pub(crate) fn copy_rows(&mut self) {
        let fleet = &self.snapshot.fleet;
        let vms = self.meant();
        let text = lines(vms.iter().map(|&vm| {
            let row = fleet.vms.row(vm);
            let cell = |column: Column| match column {
                // The word alone: the sign before it is for eyes.
                Column::State => row.state.word().to_owned(),
                column => vm_text(column, fleet, vm, &row, self.look.glyphs).trim().to_owned(),
            };
            self.vms.columns.shown().map(|choice| cell(choice.shape.column)).collect::<Vec<_>>().join("\t")
        }));
        self.copy(&text, vms.len(), "row");
    }

    /// Copies the filter.
    pub(crate) fn copy_filter(&mut self) {
        let text = self.filter_text().to_owned();
        self.copy(&text, 1, "filter");
    }

    /// Copies what the next frame shows.
    pub(crate) fn copy_screen(&mut self) {
        self.habits.clipboard.screen = true;
    }

    /// Takes the frame that was to be copied.
    pub(crate) fn copy_frame(&mut self, text: &str) {
        self.habits.clipboard.screen = false;
        self.copy(text, 1, "screen");
        self.dirty = true;
    }

    /// Lists what can be done with what is marked or under the cursor.
    pub(crate) fn open_act(&mut self) {
        let context = self.context();
        let (title, ids): (String, &[&str]) = match context {
            Context::Hosts | Context::Host => {
                let title = match self.meant_hosts().as_slice() {
                    [] => "no host".into(),
                    [host] => self.snapshot.fleet.topology.host(*host).name.to_string(),
                    many => counted(many.len(), "host"),
                };
                (title, &WITH_HOSTS)
            }
            Context::Operations | Context::Tasks => {
                (self.operation().map_or_else(|| "no operation".into(), |op| op.id.to_string()), &WITH_OPERATIONS)
            }
            _ => {
                let meant = self.meant();
                let title = match meant.as_slice() {
                    [] => "no VM".into(),
                    [vm] => self.snapshot.fleet.vms.name(*vm).to_owned(),
                    many => format!("{} marked", counted(many.len(), "VM")),
                };
                (title, &WITH_VMS)
            }
        };
        let entries = ids.iter().filter_map(|id| action::named(id)).map(|action| self.entry(action, context));
        // Of the operator's own commands, those that have a key here.
        let own = action::all_own().map(|action| self.entry(action, context)).filter(|entry| !entry.key.is_empty());
        let entries = entries.chain(own).collect();
        self.overlays.push(Overlay::Menu(Menu::new(format!("With {title}"), entries)));
    }

    /// Lists what helps against what is wrong with what is meant.
    pub(crate) fn open_remedies(&mut self) {
        let fleet = &self.snapshot.fleet;
        let vms = self.meant();
        let menu = of_vms(fleet, &vms).or_else(|| of_hosts(fleet, &self.meant_hosts(), &self.snapshot.about.power));
        match menu {
            Some(menu) => self.overlays.push(Overlay::Menu(menu)),
            None => self.note = Some((Tone::Good, "nothing was found that a remedy is known for".into())),
        }
    }

    fn entry(&self, action: &'static Action, context: Context) -> Entry {
        Entry {
            key: self.look.keymap.key_in(context, action.id).unwrap_or_default(),
            name: action.name.to_owned(),
            doc: action.doc.to_owned(),
            does: Does::Run(action),
            off: (action.when)(self).err(),
        }
    }

    pub(super) fn menu_key(&mut self, mut menu: Menu, key: KeyEvent) {
        match menu.key(key) {
            Picked::Close => return,
            Picked::Nothing => {}
            Picked::Entry(at) => {
                let Some(entry) = menu.entries.get(at).cloned() else { return };
                return self.pick(&entry.does);
            }
            Picked::Other(pressed) => {
                menu.keys.push(pressed);
                match self.look.keymap.meaning(self.context(), &menu.keys) {
                    Meaning::Begins => {}
                    Meaning::Run(action) if menu.has(action) => return self.pick(&Does::Run(action)),
                    _ => {
                        menu.keys.clear();
                        let none = KeyModifiers::NONE;
                        match key.code {
                            KeyCode::Char('j') => drop(menu.key(KeyEvent::new(KeyCode::Down, none))),
                            KeyCode::Char('k') => drop(menu.key(KeyEvent::new(KeyCode::Up, none))),
                            _ => {}
                        }
                    }
                }
            }
        }
        self.overlays.push(Overlay::Menu(menu));
    }

    fn pick(&mut self, does: &Does) {
        match does {
            Does::Run(action) => self.run(action),
            Does::Filter(text) => self.noting(|app| app.filter_anew(text)),
            Does::Say(text) => self.note = Some((Tone::Good, text.clone())),
            Does::Power(action, hosts) => self.ask_power(hosts, *action),
            Does::Remedy(remedy, vms) => {
                let fleet = &self.snapshot.fleet;
                let dialog = match way(*remedy) {
                    Way::Change(change) => {
                        Dialog::change(fleet, vms.to_vec(), change, 0, self.look.settings.confirm_above())
                    }
                    Way::Ask | Way::Power(_) | Way::Elsewhere => Dialog::mend(fleet, *remedy, vms.clone()),
                };
                self.open_dialog(dialog);
            }
        }
    }
}
