//! Cuts the text of a selection into tokens.

use super::SelectError;

/// What stands in a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Bang,
    /// `:` or `=`.
    Is,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    /// A keyword, field, pattern or value.
    Word,
    /// The same between double quotes, which stand in the token's text too.
    Quoted,
    /// The end of the text.
    End,
}

impl Kind {
    /// Whether it stands between a field and its pattern or value.
    pub(super) const fn relates(self) -> bool {
        matches!(self, Self::Is | Self::Greater | Self::Less | Self::GreaterEqual | Self::LessEqual)
    }
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Character column, from 1.
    pub(super) column: usize,
}

impl Token<'_> {
    /// The token as an error calls it.
    pub(super) fn found(&self) -> String {
        match self.kind {
            Kind::End => "the end".into(),
            Kind::Quoted => self.text.into(),
            _ => format!("`{}`", self.text),
        }
    }

    pub(super) fn error(&self, expected: impl Into<String>) -> SelectError {
        SelectError { column: self.column, found: self.found(), expected: expected.into() }
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | ':' | '=' | '<' | '>')
}

/// The tokens of a text; the last one is its end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, SelectError> {
    let mut tokens = Vec::new();
    let (mut at, mut column) = (0, 1);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            column += 1;
            continue;
        }
        let (kind, len) = match c {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            ':' | '=' => (Kind::Is, 1),
            '>' if rest.starts_with(">=") => (Kind::GreaterEqual, 2),
            '<' if rest.starts_with("<=") => (Kind::LessEqual, 2),
            '>' => (Kind::Greater, 1),
            '<' => (Kind::Less, 1),
            '!' if rest.starts_with("!=") => {
                let expected = "`not` before the field, as in `not state:up`".into();
                return Err(SelectError { column, found: "`!=`".into(), expected });
            }
            '!' => (Kind::Bang, 1),
            '"' => match closing_quote(rest) {
                Some(len) => (Kind::Quoted, len),
                None => {
                    let expected = format!("`\"` to close the one at column {column}");
                    let column = column + rest.chars().count();
                    return Err(SelectError { column, found: "the end".into(), expected });
                }
            },
            _ => {
                let end = rest
                    .char_indices()
                    .find(|&(i, c)| ends_word(c) || (c == '!' && rest[i..].starts_with("!=")))
                    .map_or(rest.len(), |(i, _)| i);
                (Kind::Word, end)
            }
        };
        let token = Token { kind, text: &rest[..len], column };
        column += token.text.chars().count();
        at += len;
        tokens.push(token);
    }
    tokens.push(Token { kind: Kind::End, text: "", column });
    Ok(tokens)
}

/// The length of a quoted text, both quotes included.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(i, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(i + 1)
    })
}

/// The same selection with single spaces and every `and` spoken; a text that cannot be read stays as it is.
pub(super) fn tidy(text: &str) -> String {
    let Ok(tokens) = tokens(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len() + 16);
    let mut before: Option<Token<'_>> = None;
    let mut after_relation = false;
    // Whether a complete atom stands before, so that what follows without `and` or `or` is joined by `and`.
    let mut complete = false;
    for (i, token) in tokens.iter().enumerate() {
        if token.kind == Kind::End {
            break;
        }
        let value = after_relation || before.is_some_and(|b| unit_follows(&tokens, i, b));
        let joins = token.kind == Kind::Word && !value && complete && matches!(token.text, "and" | "or");
        let begins = matches!(token.kind, Kind::Open | Kind::Bang | Kind::Word | Kind::Quoted);
        if complete && begins && !joins && !value {
            out.push_str(" and");
        }
        let tight = token.kind == Kind::Close
            || (token.kind == Kind::Is)
            || before.is_some_and(|b| matches!(b.kind, Kind::Open | Kind::Bang | Kind::Is));
        if !out.is_empty() && !tight {
            out.push(' ');
        }
        out.push_str(token.text);
        let negates = token.kind == Kind::Word && token.text == "not" && !value;
        complete = match token.kind {
            Kind::Word | Kind::Quoted => !joins && (!negates || value),
            Kind::Close => true,
            _ => false,
        };
        after_relation = token.kind.relates();
        before = Some(*token);
    }
    out
}

/// Whether the token at `i` is the unit of the number before it, as in `cpu > 50 %`.
fn unit_follows(tokens: &[Token<'_>], i: usize, before: Token<'_>) -> bool {
    i >= 3
        && tokens[i].kind == Kind::Word
        && before.kind == Kind::Word
        && tokens[i - 2].kind.relates()
        && super::atom::is_measured(tokens[i - 3].text)
        && before.text.parse::<f64>().is_ok()
}
