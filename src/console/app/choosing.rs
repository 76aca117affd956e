//! Filters and marks: typed, saved, turned, chosen by a selection.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::oneshot;

use super::{App, Overlay, Tone};
use crate::console::columns::Table;
use crate::console::dialog::{Change, Dialog};
use crate::console::filter::{Choosing, Typed};
use crate::console::format::counted;
use crate::console::history::Kind;
use crate::console::marks::VmSet;
use crate::console::menu::{Does, Entry, Menu};
use crate::console::page::Page;
use crate::console::prompt::Wrong;
use crate::console::prompt::complete::{Over, selection};
use crate::console::terms::{joined, split, turned};
use crate::console::undo::Step;
use crate::fleet::VmId;

/// What is wrong with a VM, as a filter.
const FAULTS: &str = "state:failed or state:lost or not (finding:none or finding:unknown)";
/// What is wrong with hosts.
const HOST_FAULTS: &str = "state:failed or state:unreachable or state:over";

/// What VMs are chosen for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// To be marked, or no longer.
    Mark(bool),
    /// To be changed, after a question.
    Change(Change),
    /// To be moved, after a question that is filled in so.
    Migrate(Vec<(usize, String)>),
}

impl App {
    /// What the filter on screen selects from.
    pub(crate) fn over(&self) -> Over {
        if self.nav.page() == Page::Hosts { Over::Hosts } else { Over::Vms }
    }

    /// The filter of what is on screen, as written.
    pub(crate) fn filter_text(&self) -> &str {
        match self.pages.seen(self.nav.page()) {
            Some(view) => view.filter_seen().map_or("", |filter| &filter.text),
            None => &self.vms.filter_box.text,
        }
    }

    /// What can stand at the end of the filter that is typed, while one chooses from it.
    pub(crate) fn filter_choosing(&self) -> Option<&Choosing> {
        match self.pages.seen(self.nav.page()) {
            Some(view) => view.filter_seen().and_then(|filter| filter.choosing.as_ref()),
            None => self.vms.filter_box.choosing.as_ref(),
        }
    }

    /// Filters what is on screen; a page without a filter leads to the VM table.
    pub(crate) fn filter_anew(&mut self, text: &str) {
        self.begin_filter();
        if let Some(filter) = self.filter_box() {
            filter.editing = None;
        }
        self.filter_by(text.trim());
        self.habits.history.add(Kind::Filter, text);
    }

    /// Does what a key means while a filter is typed.
    pub(super) fn filter_key(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = self.page();
        match key.code {
            KeyCode::Up if ctrl => self.step(-1),
            KeyCode::Down if ctrl => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown => self.step(page),
            KeyCode::Up | KeyCode::Down => self.walk_filters(key.code == KeyCode::Up),
            KeyCode::Tab => self.complete_filter(1),
            KeyCode::BackTab => self.complete_filter(-1),
            _ => {
                let Some(typed) = self.filter_box().map(|filter| filter.key(key)) else { return };
                self.filter_typed(typed);
            }
        }
    }

    pub(super) fn filter_typed(&mut self, typed: Typed) {
        match typed {
            Typed::Changed(text) => self.filter_by(&text),
            Typed::Kept(before) => {
                let text = self.filter_text().to_owned();
                self.habits.history.add(Kind::Filter, &text);
                let step = match self.nav.page() {
                    Page::Hosts => Some(Step::HostFilter(before.clone())),
                    _ => self.panel().map(|_| Step::Filter(before.clone())),
                };
                if let Some(step) = step.filter(|_| text != before) {
                    self.habits.undo.note(step, false);
                }
            }
            Typed::Other | Typed::Nothing => {}
        }
    }

    fn walk_filters(&mut self, older: bool) {
        let lines = self.habits.history.of(Kind::Filter).to_vec();
        let Some(filter) = self.filter_box() else { return };
        let typed = filter.typed().to_owned();
        let line = if older { filter.walk.older(&lines, &typed) } else { filter.walk.newer(&lines) };
        if let Some(line) = line {
            filter.say(&line);
            self.filter_by(&line);
        }
    }

    /// Puts this word of those that are listed at the end of the filter.
    pub(super) fn choose_word(&mut self, at: usize) {
        let Some(filter) = self.filter_box() else { return };
        let Some(choosing) = &mut filter.choosing else { return };
        choosing.at = Some(at);
        let line = choosing.line();
        filter.say(&line);
        self.filter_by(&line);
    }

    /// Puts a word at the end of the filter, the next one at every further step.
    fn complete_filter(&mut self, by: isize) {
        let over = self.over();
        let Some(filter) = self.filter_box() else { return };
        if let Some(choosing) = &mut filter.choosing {
            choosing.step(by);
            let line = choosing.line();
            filter.say(&line);
            self.filter_by(&line);
            return;
        }
        let typed = filter.typed().to_owned();
        let found = selection(self, &typed, over);
        if found.found.is_empty() {
            return;
        }
        let before = typed.chars().take(found.from).collect();
        let choosing = Choosing::new(before, found.found);
        let line = if choosing.words.len() == 1 { choosing.line() } else { choosing.common() };
        let Some(filter) = self.filter_box() else { return };
        // What all have in common may be less than what was typed, where only a part of each fits.
        let longer = line.chars().count() >= typed.chars().count();
        if longer {
            filter.say(&line);
        }
        filter.choosing = (choosing.words.len() > 1).then_some(choosing);
        if longer {
            self.filter_by(&line);
        }
    }

    /// Shows only what is wrong, or what was shown before.
    pub(crate) fn toggle_faults(&mut self) {
        if self.table() == Table::Hosts {
            let shown = self.pages.hosts.rows.filter_box.text == HOST_FAULTS;
            self.filter_by(if shown { "" } else { HOST_FAULTS });
            return;
        }
        if self.vms.filter_box.text == FAULTS {
            let before = self.habits.before_faults.take().unwrap_or_default();
            self.filter_by(&before);
        } else {
            self.habits.before_faults = Some(self.vms.filter_box.text.clone());
            self.filter_anew_quietly(FAULTS);
        }
    }

    /// Filters the VM table without keeping the filter in the history.
    fn filter_anew_quietly(&mut self, text: &str) {
        if self.panel().is_none() {
            self.jump(Page::Panel(crate::console::layout::Panel::Vms));
        }
        self.filter_by(text);
    }

    /// Shows what the filter hides.
    pub(crate) fn invert_filter(&mut self) {
        let text = turned(self.filter_text());
        self.filter_by(&text);
    }

    /// Removes the last term of the filter.
    pub(crate) fn widen_filter(&mut self) {
        let text = self.filter_text().to_owned();
        let terms = split(&text);
        let kept = joined(&terms[..terms.len().saturating_sub(1)]);
        self.filter_by(&kept);
    }

    /// Lists filters that select what is like the VM under the cursor.
    pub(crate) fn open_likeness(&mut self) {
        let Some(&vm) = self.like_what().first() else { return };
        let fleet = &self.snapshot.fleet;
        let row = fleet.vms.row(vm);
        let mut terms = Vec::new();
        if let Some(host) = row.host {
            terms.push(("h", "host", fleet.topology.host(host).name.to_string()));
            terms.push(("k", "cluster", fleet.topology.cluster_name(host).to_string()));
            terms.push(("s", "site", fleet.topology.site_name(host).to_string()));
        }
        terms.push(("t", "state", row.state.word().to_owned()));
        terms.push(("c", "class", fleet.class_name(&row).to_owned()));
        if row.finding != crate::fleet::Finding::None {
            terms.push(("f", "finding", row.finding.word().to_owned()));
        }
        let now = self.vms.filter_box.text.clone();
        let entries = terms.into_iter().filter(|(.., value)| !value.is_empty()).map(|(key, field, value)| {
            let quoted = value.chars().any(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.'));
            let term = if quoted { format!("{field}:\"{value}\"") } else { format!("{field}:{value}") };
            let filter = if now.is_empty() { term.clone() } else { joined(&[now.as_str(), term.as_str()]) };
            let does = Does::Filter(filter);
            Entry { key: key.into(), name: format!("same {field}"), doc: term, does, off: None }
        });
        let menu = Menu::new(format!("Filter like {}", fleet.vms.name(vm)), entries.collect());
        self.overlays.push(Overlay::Menu(menu));
    }

    /// The VM under the cursor, whatever is marked.
    fn like_what(&self) -> Vec<VmId> {
        if self.panel().is_some() { self.vms.cursor.into_iter().collect() } else { self.meant() }
    }

    /// Lists the saved filters.
    pub(crate) fn open_saved(&mut self) {
        const KEYS: &str = "123456789abcdefghilmnopqrstuvwxyz";
        let mut keys = KEYS.chars();
        let entries = self.habits.saved.all().map(|(name, text)| Entry {
            key: keys.next().map(String::from).unwrap_or_default(),
            name: format!("@{name}"),
            doc: text.to_owned(),
            does: Does::Filter(format!("@{name}")),
            off: None,
        });
        let menu = Menu::new("Saved filters".into(), entries.collect());
        self.overlays.push(Overlay::Menu(menu));
    }

    /// Saves the filter that holds.
    ///
    /// # Errors
    /// Where it has no good name or the file cannot be written.
    pub(crate) fn save_filter(&mut self, name: &str) -> Result<(), String> {
        let text = self.filter_text().to_owned();
        if text.contains(&format!("@{name}")) {
            return Err("a filter cannot be a part of itself".into());
        }
        self.habits.saved.save(name, &text)?;
        self.note = Some((Tone::Good, format!("saved as @{name}")));
        Ok(())
    }

    /// Chooses the VMs that a selection selects, beside the drawing path.
    ///
    /// # Errors
    /// Where the selection cannot be read.
    pub(crate) fn choose(&mut self, text: &str, purpose: Purpose) -> Result<(), Wrong> {
        let selection = self.selected(text.trim(), Over::Vms)?;
        let fleet = self.snapshot.fleet.clone();
        let (found, chosen) = oneshot::channel();
        let work = move || {
            // Nobody waits any more where something else was chosen since.
            drop(found.send(selection.select_vms(&fleet).into_iter().collect::<VmSet>()));
        };
        std::thread::Builder::new()
            .name("console-choose".into())
            .spawn(work)
            .map_err(|error| Wrong::new(0, format!("no thread to choose on: {error}")))?;
        self.asks.chosen = Some((chosen, purpose, text.trim().to_owned()));
        Ok(())
    }

    /// Marks what is wrong.
    pub(crate) fn mark_faults(&mut self) {
        if let Err(wrong) = self.choose(FAULTS, Purpose::Mark(true)) {
            self.note = Some((Tone::Bad, wrong.text));
        }
    }

    /// Gives up a question about VMs that are still being chosen: whoever types on does not wait for it, and it would
    /// open under the keys.
    pub(super) fn forget_question(&mut self) {
        if self.asks.chosen.take_if(|(_, purpose, _)| !matches!(purpose, Purpose::Mark(_))).is_some() {
            self.note = Some((Tone::Bad, "nothing is asked: keys came before the question".into()));
        }
    }

    /// Does with the chosen VMs what they were chosen for.
    pub(super) fn chosen(&mut self, found: &VmSet, purpose: &Purpose, text: &str) {
        let fleet = &self.snapshot.fleet;
        // Those that are gone since are left out.
        let vms: Vec<VmId> = found.iter().filter(|&vm| fleet.vms.exists(vm)).collect();
        if vms.is_empty() {
            self.note = Some((Tone::Bad, format!("`{text}` selects no VM")));
            return;
        }
        match purpose {
            Purpose::Mark(present) => {
                let before = self.vms.marks.clone();
                let changed = vms.iter().filter(|&&vm| self.vms.marks.set(vm, *present)).count();
                if changed > 0 {
                    self.habits.undo.note(Step::Marks(before), false);
                }
                let word = if *present { "marked" } else { "unmarked" };
                self.note = Some((Tone::Good, format!("{} {word}", counted(changed, "VM"))));
            }
            // What was opened meanwhile is not to be covered by a question that one no longer expects.
            _ if !self.overlays.is_empty() => {}
            Purpose::Change(change) => {
                let dialog = Dialog::change(fleet, vms, *change, 0, self.look.settings.confirm_above());
                self.open_dialog(dialog);
            }
            Purpose::Migrate(fields) => self.open_migrate(vms, 0, fields, None),
        }
    }

    /// Asks before moving the VMs that are meant, filled in so.
    ///
    /// # Errors
    /// Where no VM is meant.
    pub(crate) fn ask_migrate_to(&mut self, fields: &[(usize, String)]) -> Result<(), Wrong> {
        if !self.means_vms() {
            return Err(Wrong::new(0, "there is no VM here: name some before `to`"));
        }
        if self.awaits_marks() || self.asks.chosen.is_some() {
            return Err(Wrong::new(0, "the marks are still being worked out"));
        }
        let (meant, hidden, elsewhere) = (self.meant(), self.hidden_marks(), self.marked_elsewhere());
        self.open_migrate(meant, hidden, fields, elsewhere);
        Ok(())
    }

    fn open_migrate(&mut self, vms: Vec<VmId>, hidden: usize, fields: &[(usize, String)], elsewhere: Option<String>) {
        let mut dialog = Dialog::migrate(&self.snapshot.fleet, vms, hidden);
        dialog.facts.extend(elsewhere);
        dialog.fill(fields);
        self.open_dialog(dialog);
    }

    /// Shows only the marked VMs, or the others too.
    pub(crate) fn toggle_only_marked(&mut self) {
        let only = if self.vms.only_marked() { None } else { Some(Arc::new(self.vms.marks.clone())) };
        if self.panel().is_none() {
            self.jump(Page::Panel(crate::console::layout::Panel::Vms));
        }
        self.vms.show_only(only);
        self.refresh_rows();
    }
}
