//! Which events are shown: words apart by blanks, all of which must hold.
//!
//! ```text
//! terms = { ["!"] term } ; term = "level:" LEVEL | "vm:" NAME | "host:" NAME | "op:" NUMBER | "kind:" KIND | ["text:"] TEXT
//! ```
//!
//! Names may hold `*` and `?`, a text with blanks stands between double quotes, `!` turns a term round.

use crate::fleet::{Fleet, SelectError, Selection};
use crate::handle::{Event, Level, OpKind};

/// What an event must be.
#[derive(Debug, Clone)]
enum Test {
    /// At least of this level.
    Level(Level),
    /// Of a VM of such a name.
    Vm(Selection),
    /// On a host of such a name.
    Host(Selection),
    /// Of this operation.
    Op(u32),
    /// Of an operation of this kind.
    Kind(OpKind),
    /// With this in its text; in small letters.
    Text(String),
}

/// All terms of a filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms(Vec<(bool, Test)>);

const KINDS: [OpKind; 17] = [
    OpKind::Boot,
    OpKind::Migrate,
    OpKind::Evacuate,
    OpKind::Destroy,
    OpKind::Shutdown,
    OpKind::Pause,
    OpKind::Resume,
    OpKind::Reboot,
    OpKind::Stress,
    OpKind::StopStress,
    OpKind::Run,
    OpKind::CopyIn,
    OpKind::CopyOut,
    OpKind::Adopt,
    OpKind::RemoveCopy,
    OpKind::Spread,
    OpKind::Power,
];

const FIELDS: [&str; 6] = ["level", "vm", "host", "op", "kind", "text"];

impl Terms {
    /// Reads a filter.
    pub(super) fn read(text: &str) -> Result<Self, SelectError> {
        words(text)?.into_iter().map(|(column, word)| term(column, &word)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an event is as all terms say.
    pub(super) fn hold(&self, event: &Event, fleet: &Fleet) -> bool {
        self.0.iter().all(|(wanted, test)| test.holds(event, fleet) == *wanted)
    }
}

impl Test {
    fn holds(&self, event: &Event, fleet: &Fleet) -> bool {
        match self {
            Self::Level(level) => event.level >= *level,
            Self::Vm(named) => event.vm.is_some_and(|vm| vm.0 < fleet.vms.id_count() && named.has_vm(fleet, vm)),
            Self::Host(named) => {
                event.host.is_some_and(|host| host.index() < fleet.hosts.len() && named.has_host(fleet, host))
            }
            Self::Op(number) => event.op.is_some_and(|op| op.0 == *number),
            Self::Kind(kind) => event.kind == Some(*kind),
            Self::Text(text) => event.text.to_lowercase().contains(text),
        }
    }
}

/// Words with the column each begins in, from 1; blanks between double quotes belong to the word.
fn words(text: &str) -> Result<Vec<(usize, String)>, SelectError> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut quote = None;
    for (i, c) in text.chars().enumerate() {
        match c {
            '"' => {
                quote = if quote.is_some() { None } else { Some(i + 1) };
                word.get_or_insert((i + 1, String::new()));
            }
            c if c.is_whitespace() && quote.is_none() => words.extend(word.take()),
            c => word.get_or_insert((i + 1, String::new())).1.push(c),
        }
    }
    if let Some(column) = quote {
        return Err(wrong(column, "\"", "a second `\"` where the text ends"));
    }
    words.extend(word);
    Ok(words)
}

fn term(column: usize, word: &str) -> Result<(bool, Test), SelectError> {
    let (wanted, bare) = word.strip_prefix('!').map_or((true, word), |bare| (false, bare));
    let Some((field, value)) = bare.split_once(':') else {
        if bare.is_empty() {
            return Err(wrong(column, word, "a word or a term, as in `level:error` or `vm:web-*`"));
        }
        return Ok((wanted, Test::Text(bare.to_lowercase())));
    };
    let at = column + word.chars().count() - value.chars().count();
    let test = match field {
        "level" => level(value).map(Test::Level).ok_or_else(|| wrong(at, value, "info, warning or error"))?,
        "vm" => name(value).and_then(|n| Selection::vms(&n).ok()).map(Test::Vm).ok_or_else(|| wrong(at, value, VM))?,
        "host" => {
            name(value).and_then(|n| Selection::hosts(&n).ok()).map(Test::Host).ok_or_else(|| wrong(at, value, HOST))?
        }
        "op" => {
            let number = value.strip_prefix('#').unwrap_or(value).parse();
            Test::Op(number.map_err(|_| wrong(at, value, "an operation's number, as in `op:3`"))?)
        }
        "kind" => {
            let words = KINDS.map(OpKind::word).join(", ");
            KINDS.into_iter().find(|k| k.word() == value).map(Test::Kind).ok_or_else(|| wrong(at, value, &words))?
        }
        "text" if !value.is_empty() => Test::Text(value.to_lowercase()),
        "text" => return Err(wrong(at, value, "a text, as in `text:\"does not answer\"`")),
        // A colon that belongs to no field is text, unless a field was probably meant.
        _ if FIELDS.iter().any(|f| strsim::jaro_winkler(f, field) > 0.8) => {
            return Err(wrong(column, field, &FIELDS.join(", ")));
        }
        _ => Test::Text(bare.to_lowercase()),
    };
    Ok((wanted, test))
}

const VM: &str = "a VM's name, as in `vm:web-*`";
const HOST: &str = "a host's name, as in `host:parapide-*`";

/// The selection of that name.
fn name(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| format!("name:\"{value}\""))
}

fn level(word: &str) -> Option<Level> {
    match word {
        "info" => Some(Level::Info),
        "warning" | "warn" => Some(Level::Warning),
        "error" => Some(Level::Error),
        _ => None,
    }
}

fn wrong(column: usize, found: &str, expected: &str) -> SelectError {
    let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
    SelectError { column, found, expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{OpId, Time, VmId, VmRow};

    fn event(text: &str, level: Level) -> Event {
        Event {
            number: 1,
            at: Time::ZERO,
            level,
            vm: Some(VmId(0)),
            host: None,
            op: Some(OpId(3)),
            kind: Some(OpKind::Boot),
            text: text.into(),
        }
    }

    #[test]
    fn all_terms_must_hold() {
        let mut fleet = Fleet::default();
        fleet.vms.push("web-1", VmRow::default());
        let shown =
            |filter: &str| Terms::read(filter).unwrap().hold(&event("web-1 failed: No DHCP", Level::Error), &fleet);
        for filter in [
            "",
            "dhcp",
            "level:warning",
            "vm:web-*",
            "op:#3",
            "op:3",
            "kind:boot",
            "\"no dhcp\"",
            "text:\"no dhcp\"",
            "!kind:migrate level:error web",
            "!host:h1",
            "failed:",
        ] {
            assert!(shown(filter), "{filter}");
        }
        for filter in ["image", "!dhcp", "vm:db-*", "op:4", "level:error image", "!level:info", "host:h1"] {
            assert!(!shown(filter), "{filter}");
        }
    }

    #[test]
    fn mistakes_say_where_and_what_was_expected() {
        let wrong = |filter| {
            let error = Terms::read(filter).unwrap_err();
            (error.column, error.found, error.expected)
        };
        assert_eq!(wrong("dhcp level:bad"), (12, "`bad`".into(), "info, warning or error".into()));
        assert_eq!(wrong("levl:error").0, 1);
        assert_eq!(wrong("!op:x").0, 5);
        assert_eq!(wrong("vm:").1, "nothing");
        assert_eq!(wrong("a \"b").0, 3);
        assert!(wrong("kind:bot").2.starts_with("boot, migrate"));
        assert!(wrong("!").2.contains("level:error"));
    }
}
