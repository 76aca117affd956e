//! Commands with places for what they are about: `ssh root@{host}`.

use std::fmt;

use super::config::unknown;

macro_rules! placeholders {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// What can stand between braces in a command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Placeholder {
            $(#[doc = $doc] $variant,)*
        }

        impl Placeholder {
            /// All of them with their names and what stands in their place.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$variant, $name, $doc),)*];
        }
    };
}

placeholders! {
    Vm "vm" "The name of the VM under the cursor.";
    Vms "vms" "The names of the marked VMs, or of the one under the cursor, separated by blanks.";
    Host "host" "The name of the host: that of the VM under the cursor, or the one under the heatmap's cursor.";
    Hosts "hosts" "The names of the marked hosts where hosts have the focus, or of the one under the cursor; elsewhere of the hosts of the marked VMs, each once, separated by blanks.";
    Site "site" "The site of the host.";
    Cluster "cluster" "The cluster of the host.";
    State "state" "The state of the VM, in a word.";
    Class "class" "The class of the VM.";
    World "world" "The name of the world.";
}

impl Placeholder {
    /// Its name between the braces.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(placeholder, ..)| *placeholder == self).map_or("", |(_, name, _)| name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Placeholder),
}

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// A place that cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownPlace {
    /// With its braces, as it stands in the text.
    pub token: String,
    pub problem: String,
}

impl Template {
    /// Reads a text in which a name of small letters between braces is a place. The shell's own `${name}` and whatever
    /// else stands between braces, as in `awk '{ print $1 }'`, stays as it is; `{{name}` stands for `{name}`.
    pub(crate) fn parse(text: &str, allowed: &[Placeholder]) -> Result<Self, UnknownPlace> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        let mut quotes = Quotes::default();
        while let Some(at) = rest.find('{') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            plain.push_str(before);
            quotes.read(before);
            if let Some(after) = after.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let end = after.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(after.len());
            let word = &after[..end];
            if word.is_empty() || !after[end..].starts_with('}') || before.ends_with('$') {
                plain.push('{');
                rest = after;
                continue;
            }
            let Some(place) = allowed.iter().find(|place| place.word() == word) else {
                let problem = unknown("placeholder", word, allowed.iter().map(|place| place.word()));
                return Err(UnknownPlace { token: format!("{{{word}}}"), problem });
            };
            if quotes.open.is_some() {
                let problem = format!("`{{{word}}}` stands inside quotes: leave them away, what fills it gets its own");
                return Err(UnknownPlace { token: format!("{{{word}}}"), problem });
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Place(*place));
            rest = &after[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The text with every place filled. Where a shell is to read it, what fills the places must be quoted.
    pub fn fill(&self, value: impl Fn(Placeholder) -> String) -> String {
        let filled = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) => value(*place),
        });
        filled.collect()
    }

    /// Whether it has such a place.
    pub fn asks(&self, place: Placeholder) -> bool {
        self.pieces.contains(&Piece::Place(place))
    }
}

/// Which of the shell's quotes are open. A name that fills a place is quoted by itself; inside other quotes its own would
/// be text, and what the name holds would be read by the shell.
#[derive(Default)]
struct Quotes {
    open: Option<char>,
    escaped: bool,
}

impl Quotes {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            match (self.open, c) {
                _ if std::mem::take(&mut self.escaped) => {}
                (None | Some('"'), '\\') => self.escaped = true,
                (None, '\'' | '"') => self.open = Some(c),
                (Some(open), _) if open == c => self.open = None,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, UnknownPlace> {
        Template::parse(text, &[Placeholder::Vm, Placeholder::Host])
    }

    #[test]
    fn places_are_filled_and_the_shells_braces_stay() {
        let fill = |text| parse(text).unwrap().fill(|place| format!("<{}>", place.word()));
        assert_eq!(fill("ssh root@{host} virsh console {vm}"), "ssh root@<host> virsh console <vm>");
        assert_eq!(fill("awk '{ print $1 }' ${HOME}/{vm} {{vm}"), "awk '{ print $1 }' ${HOME}/<vm> {vm}");
        assert_eq!(fill("{} { {"), "{} { {");
        assert_eq!(fill(""), "");
        assert!(parse("{vm}").unwrap().asks(Placeholder::Vm) && !parse("{vm}").unwrap().asks(Placeholder::Host));
    }

    #[test]
    fn places_inside_quotes_are_refused() {
        for text in ["sh -c 'virsh console {vm}'", "echo \"{vm}\"", "echo \"it's {vm}\"", "echo 'a' \"b {vm}"] {
            assert!(parse(text).unwrap_err().problem.contains("inside quotes"), "{text}");
        }
        for text in ["echo 'a' {vm}", "echo \\' {vm}", "echo \"a\\\"b\" {vm} 'c'"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn unknown_places_are_named() {
        let error = parse("echo {hots}").unwrap_err();
        assert_eq!(error.token, "{hots}");
        assert_eq!(error.problem, "unknown placeholder `hots`, did you mean `host`?");
        assert!(parse("{vms}").is_err(), "not allowed here");
    }
}
