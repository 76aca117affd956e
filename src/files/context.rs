//! Turns the TOML reader's messages into ours: which table, which key, what would have been right.

use super::suggestion;

/// The message about what stands at `offset` of `text`.
pub(super) fn explain(text: &str, offset: usize, message: &str) -> String {
    let context = Context::at(text, offset);
    let message = message.trim();
    if let Some((found, known)) = quoted_list(message, "unknown field ") {
        let hint = suggestion(found, known.iter().copied());
        return format!("unknown key `{found}` in {}{hint}", context.table);
    }
    if let Some((found, known)) = quoted_list(message, "unknown variant ") {
        let hint = suggestion(found, known.iter().copied());
        return format!("{}unknown value `{found}`{hint}", context.key());
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        return format!("missing key {missing} in {}", context.inside(text, offset));
    }
    for prefix in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = message.strip_prefix(prefix) {
            return format!("{}found {}", context.key(), plain(rest));
        }
    }
    if message == "duplicate key" {
        let rest = &text[offset.min(text.len())..];
        let key = rest.split(|c: char| c.is_whitespace() || matches!(c, '=' | ']')).next().unwrap_or_default();
        return format!("key `{key}` is there twice in {}", context.table);
    }
    if context.key.is_some() && message.contains("expected") && message.starts_with('`') {
        return format!("{}{message}", context.key());
    }
    message.replace('\n', ", ")
}

/// What was expected, in words for people who do not write Rust.
fn plain(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else { return message.to_owned() };
    let found = found.trim_end_matches(" as i128").trim_end_matches(" as u128").replace("floating point", "number");
    let expected = match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number from 0 on",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table, as in { key = \"value\" }",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// For ``unknown field `x`, expected one of `a`, `b` ``: the first quoted word and the others.
fn quoted_list<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = message.strip_prefix(prefix)?;
    let mut words = rest.split('`').skip(1).step_by(2);
    Some((words.next()?, words.collect()))
}

/// Where keys stand before the first header.
const TOP: &str = "the file's top level";

/// Where in the nesting of tables something stands.
struct Context {
    /// The table it stands in, as in `[[cluster]]` or `` `boot` of [[step]] ``.
    table: String,
    /// The key whose value it is.
    key: Option<String>,
}

impl Context {
    /// Walks the text up to `offset`, skipping comments and strings.
    fn at(text: &str, offset: usize) -> Self {
        let mut header = None;
        let mut nesting: Vec<(char, String)> = Vec::new();
        let mut key = String::new();
        let mut word = String::new();
        let mut expects_key = true;
        let mut line_start = true;
        let mut at = 0;
        while at < offset.min(text.len()) {
            let Some(c) = text[at..].chars().next() else { break };
            let was_line_start = line_start;
            line_start = c == '\n' || (line_start && c.is_whitespace());
            match c {
                '#' => at += text[at..].find('\n').unwrap_or(text.len() - at).saturating_sub(1),
                '[' if was_line_start && nesting.is_empty() => {
                    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
                    if offset >= end {
                        header = Some(text[at..end].split('#').next().unwrap_or_default().trim());
                        at = end - 1;
                    } else {
                        // Inside a header: a key of the tables that it names before.
                        let path = text[at..offset].trim_start_matches('[');
                        header = path.rsplit_once('.').map(|(parents, _)| parents.trim());
                        return Self::of_header(header);
                    }
                    word.clear();
                    key.clear();
                    expects_key = true;
                }
                '"' | '\'' => {
                    let end = string_end(text, at);
                    if end > offset {
                        break;
                    }
                    if expects_key {
                        word.push_str(text[at..end].trim_matches(c));
                    }
                    at = end - 1;
                }
                '=' => {
                    key = std::mem::take(&mut word);
                    expects_key = false;
                }
                '{' | '[' => {
                    nesting.push((c, std::mem::take(&mut key)));
                    word.clear();
                    expects_key = c == '{';
                }
                '}' | ']' => {
                    key = nesting.pop().map_or_else(String::new, |(_, key)| key);
                    expects_key = false;
                }
                ',' | '\n' => {
                    expects_key = nesting.last().is_none_or(|(c, _)| *c == '{');
                    word.clear();
                    if expects_key {
                        key.clear();
                    }
                }
                c if expects_key && !c.is_whitespace() => word.push(c),
                _ => {}
            }
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        let header = header.unwrap_or(TOP);
        let tables: Vec<_> = nesting.iter().filter(|(c, key)| *c == '{' || !key.is_empty()).collect();
        let table = match tables.iter().rev().find(|(_, key)| !key.is_empty()) {
            Some((_, name)) => format!("`{name}` of {header}"),
            None => header.to_owned(),
        };
        Self { table, key: (!key.is_empty()).then_some(key) }
    }

    /// A key in a header, below the tables `parents`.
    fn of_header(parents: Option<&str>) -> Self {
        Self { table: parents.map_or_else(|| TOP.into(), |parents| format!("[{parents}]")), key: None }
    }

    /// The prefix that names the key: `` `memory` in [[cluster]]: ``, empty where there is none.
    fn key(&self) -> String {
        self.key.as_ref().map_or_else(String::new, |key| format!("`{key}` in {}: ", self.table))
    }

    /// The table that begins at `offset`: what lacks a key.
    fn inside(&self, text: &str, offset: usize) -> String {
        match (&self.key, text[offset.min(text.len())..].chars().next()) {
            (Some(key), Some('{')) => format!("`{key}` of {}", self.table.rsplit(" of ").next().unwrap_or(&self.table)),
            (_, Some('[')) => {
                let line = text[offset..].lines().next().unwrap_or_default();
                line.split('#').next().unwrap_or_default().trim().to_owned()
            }
            _ => self.table.clone(),
        }
    }
}

/// The byte after the string that begins at `at`.
fn string_end(text: &str, at: usize) -> usize {
    let quote = &text[at..=at];
    let triple = quote.repeat(3);
    let (mark, long) = if text[at..].starts_with(&triple) { (triple.as_str(), true) } else { (quote, false) };
    let mut from = at + mark.len();
    while let Some(c) = text[from..].chars().next() {
        if c == '\\' && quote == "\"" {
            from += 1 + text[from + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        }
        if text[from..].starts_with(mark) {
            return from + mark.len();
        }
        if c == '\n' && !long {
            return from;
        }
        from += c.len_utf8();
    }
    text.len()
}
