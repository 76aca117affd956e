//! What can stand where the cursor is: in a filter, among names, among fixed words.

use crate::console::app::App;
use crate::fleet::{Finding, Fleet, HostState, VmState};

/// More than this is no choice.
const MOST: usize = 50;

/// Something that can stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub text: String,
    pub doc: String,
}

/// What can stand in the place of the text from `from` (in characters) to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Completions {
    pub from: usize,
    pub found: Vec<Candidate>,
}

/// What a selection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Vms,
    Hosts,
}

/// Fields of VMs with what they are.
const VM_FIELDS: [(&str, &str); 14] = [
    ("name:", "the VM's name, * and ? stand for anything"),
    ("host:", "the host that it runs on"),
    ("cluster:", "the cluster of that host"),
    ("site:", "the site of that host"),
    ("state:", "up, failed, migrating, ..."),
    ("finding:", "what is wrong with it"),
    ("class:", "its class"),
    ("op:", "the operation that works on it"),
    ("tag:", "managed, unmanaged, stressed"),
    ("cpu>", "the share of its vCPUs that it gets: cpu > 90 %"),
    ("memory>", "memory > 2 GiB"),
    ("dirty>", "memory written to per second: dirty > 10 MB/s"),
    ("net>", "what it sends and receives: net > 1 MB/s"),
    ("since<", "how long it has had its state: since < 5 min"),
];

/// Fields of hosts with what they are.
const HOST_FIELDS: [(&str, &str); 8] = [
    ("name:", "the host's name"),
    ("cluster:", "its cluster"),
    ("site:", "its site"),
    ("state:", "ready, draining, unreachable, over, ..."),
    ("vms>", "how many VMs it runs: vms > 20"),
    ("cpu>", "the share of its cores that is asked for: cpu > 90 %"),
    ("memory>", "promised memory: memory > 80 %"),
    ("net>", "what it sends and receives: net > 1 Gbit/s"),
];

const WORDS: [(&str, &str); 3] = [("and", "both"), ("or", "one of them"), ("not", "the others")];

/// Completes the last word of a selection.
pub(crate) fn selection(app: &App, text: &str, over: Over) -> Completions {
    let letters: Vec<char> = text.chars().collect();
    let Some(start) = word_start(&letters) else { return Completions::default() };
    let word: String = letters[start..].iter().collect();
    let fleet = &app.snapshot.fleet;
    if let Some(at) = word.find([':', '=']) {
        let from = start + word[..at].chars().count() + 1;
        return among(from, &word[at + 1..], values(app, fleet, &word[..at], over));
    }
    if let Some(name) = word.strip_prefix('@') {
        let saved = app.habits.saved.all().map(|(name, text)| (format!("@{name}"), text.to_owned()));
        return among(start, &format!("@{name}"), saved);
    }
    let fields: &[(&str, &str)] = if over == Over::Vms { &VM_FIELDS } else { &HOST_FIELDS };
    // A word joins something only where something stands before it.
    let words = WORDS.iter().filter(|(word, _)| start > 0 || *word == "not");
    let fixed = fields.iter().chain(words).map(|(text, doc)| ((*text).to_owned(), (*doc).to_owned()));
    let saved = app.habits.saved.all().map(|(name, text)| (format!("@{name}"), text.to_owned()));
    among(start, &word, fixed.chain(saved))
}

/// Where the last word begins; nowhere inside quotes.
fn word_start(letters: &[char]) -> Option<usize> {
    let (mut start, mut quoted) = (0, false);
    for (i, c) in letters.iter().enumerate() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '\t' | '(' | ')' | '!' if !quoted => start = i + 1,
            _ => {}
        }
    }
    (!quoted).then_some(start)
}

fn values(app: &App, fleet: &Fleet, field: &str, over: Over) -> Vec<(String, String)> {
    let topology = &fleet.topology;
    let plain = |words: Vec<&str>| words.into_iter().map(|w| (w.to_owned(), String::new())).collect();
    match (field, over) {
        ("state", Over::Vms) => VmState::SHOWN
            .iter()
            .map(|state| (state.word().to_owned(), crate::console::format::counted(fleet.vms.count(*state), "VM")))
            .collect(),
        ("state", Over::Hosts) => plain(HostState::ALL.iter().map(|state| state.word()).chain(["over"]).collect()),
        ("site", _) => plain(topology.sites.iter().map(|site| &*site.name).collect()),
        ("cluster", _) => topology
            .clusters
            .iter()
            .map(|c| (c.name.to_string(), topology.sites[c.site.index()].name.to_string()))
            .collect(),
        ("host", Over::Vms) | ("name", Over::Hosts) => host_names(app).collect(),
        ("class", Over::Vms) => plain(fleet.classes.iter().map(|name| &**name).collect()),
        ("finding", Over::Vms) => Finding::ALL
            .iter()
            .map(|finding| {
                let count = fleet.vms.found().filter(|(_, found)| found == finding).count();
                (finding.word().to_owned(), crate::console::format::counted(count, "VM"))
            })
            .chain(plain(vec!["none"]))
            .collect(),
        ("tag", Over::Vms) => plain(vec!["managed", "unmanaged", "stressed"]),
        ("op", Over::Vms) => operations(app).collect(),
        _ => Vec::new(),
    }
}

/// Hosts with what they are part of.
pub(crate) fn host_names(app: &App) -> impl Iterator<Item = (String, String)> + '_ {
    let topology = &app.snapshot.fleet.topology;
    topology.host_ids().map(|host| {
        let place = format!("{} {}", topology.cluster_name(host), topology.site_name(host));
        (topology.host(host).name.to_string(), place)
    })
}

/// Operations from the newest to the oldest.
pub(crate) fn operations(app: &App) -> impl Iterator<Item = (String, String)> + '_ {
    app.snapshot.operations.iter().rev().map(|op| (op.id.0.to_string(), op.title.to_string()))
}

/// Names of VMs that are looked at for a completion: a key is to show its effect at once.
const LOOKED_AT: usize = 200_000;

/// VMs whose name begins so: a fleet is too large to list.
pub(crate) fn vm_names<'a>(app: &'a App, begin: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    let vms = &app.snapshot.fleet.vms;
    let named = vms.ids().take(LOOKED_AT).filter(move |&vm| vms.name(vm).starts_with(begin));
    named.take(MOST).map(|vm| (vms.name(vm).to_owned(), vms.state(vm).word().to_owned()))
}

/// Those that begin with what is written, then those that contain it.
pub(crate) fn among(from: usize, written: &str, all: impl IntoIterator<Item = (String, String)>) -> Completions {
    let written = written.to_lowercase();
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for (text, doc) in all {
        let lower = text.to_lowercase();
        if lower.starts_with(&written) {
            found.push(Candidate { text, doc });
        } else if lower.contains(&written) && others.len() < MOST {
            others.push(Candidate { text, doc });
        }
        if found.len() == MOST {
            break;
        }
    }
    found.append(&mut others);
    found.truncate(MOST);
    Completions { from, found }
}

/// The last of some words, among fixed ones.
pub(crate) fn last_word(text: &str, all: impl IntoIterator<Item = (String, String)>) -> Completions {
    let from = text.chars().rev().position(char::is_whitespace).map_or(0, |back| text.chars().count() - back);
    let word: String = text.chars().skip(from).collect();
    among(from, &word, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Selection;

    #[test]
    fn fields_are_those_of_the_language() {
        let with_value = |field: &str| match field.trim_end_matches([':', '>', '<']) {
            "op" | "vms" => format!("{field}3"),
            "cpu" => format!("{field}3%"),
            "memory" => format!("{field}3GiB"),
            "dirty" | "net" => format!("{field}3MB/s"),
            "since" => format!("{field}3s"),
            "state" => format!("{field}failed"),
            "finding" => format!("{field}none"),
            "tag" => format!("{field}managed"),
            _ => format!("{field}x"),
        };
        for (field, _) in VM_FIELDS {
            let text = with_value(field);
            assert!(Selection::vms(&text).is_ok(), "{text}: {:?}", Selection::vms(&text));
        }
        for (field, _) in HOST_FIELDS {
            let text = with_value(field);
            assert!(Selection::hosts(&text).is_ok(), "{text}: {:?}", Selection::hosts(&text));
        }
    }

    #[test]
    fn the_word_under_the_cursor_is_found() {
        let start = |text: &str| word_start(&text.chars().collect::<Vec<_>>());
        assert_eq!(
            (start("state:up si"), start("!(sta"), start(""), start("a \"b c")),
            (Some(9), Some(2), Some(0), None)
        );
        assert_eq!(last_word("small 20", [("200".to_owned(), String::new())]).from, 6);
    }
}
