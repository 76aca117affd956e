//! Patterns: exact, with `*` for any text and `?` for one character.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Many,
}

/// A pattern, cut so that the common shapes are one comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `*`
    Any,
    /// `vm-1`
    Exact(Box<str>),
    /// `vm-*`
    Prefix(Box<str>),
    /// `*-1`
    Suffix(Box<str>),
    /// `*m-*`
    Part(Box<str>),
    /// Whatever else.
    Pieces(Pieces),
    /// A part of the text whether in capitals or not; the pattern itself is in small letters.
    Loose(Box<Pattern>),
}

/// A pattern with wildcards anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

impl Pattern {
    /// From a word, or from what stands between quotes (`escapes`: there `\` takes the next character as it is).
    pub(super) fn new(text: &str, escapes: bool) -> Self {
        Self::from_pieces(pieces(text, escapes))
    }

    /// The pattern of every name that holds the text, in capitals or not.
    pub(super) fn part(text: &str, escapes: bool) -> Self {
        let mut pieces = pieces(&text.to_lowercase(), escapes);
        if pieces.first() != Some(&Piece::Many) {
            pieces.insert(0, Piece::Many);
        }
        if pieces.last() != Some(&Piece::Many) {
            pieces.push(Piece::Many);
        }
        Self::Loose(Box::new(Self::from_pieces(pieces)))
    }

    fn from_pieces(mut pieces: Vec<Piece>) -> Self {
        match pieces.as_mut_slice() {
            [] => Self::Exact("".into()),
            [Piece::Many] => Self::Any,
            [Piece::Text(text)] => Self::Exact(std::mem::take(text)),
            [Piece::Text(text), Piece::Many] => Self::Prefix(std::mem::take(text)),
            [Piece::Many, Piece::Text(text)] => Self::Suffix(std::mem::take(text)),
            [Piece::Many, Piece::Text(text), Piece::Many] => Self::Part(std::mem::take(text)),
            _ => Self::Pieces(Pieces(pieces)),
        }
    }

    /// The one text that it matches, where it has no wildcard.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it matches the whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Suffix(suffix) => text.ends_with(&**suffix),
            Self::Part(part) => text.contains(&**part),
            Self::Pieces(pieces) => pieces.match_all(text),
            Self::Loose(pattern) => match &**pattern {
                Self::Part(part) if part.is_ascii() => holds_ignoring_case(text, part),
                other => other.matches(&text.to_lowercase()),
            },
        }
    }
}

/// Whether `text` holds `part`, which is ASCII in small letters, in capitals or not; without a copy.
fn holds_ignoring_case(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

fn pieces(text: &str, escapes: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if escapes => literal.extend(chars.next()),
            '*' | '?' => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
                }
                if c == '?' {
                    pieces.push(Piece::One);
                } else if pieces.last() != Some(&Piece::Many) {
                    pieces.push(Piece::Many);
                }
            }
            c => literal.push(c),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into()));
    }
    pieces
}

impl Pieces {
    /// Takes pieces one by one; where one does not fit, lets the last `*` take one character more. Only the last `*`
    /// ever has to give way, so the work is at most text times pattern.
    fn match_all(&self, text: &str) -> bool {
        let pieces = &self.0;
        let (mut at, mut piece) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let fits = match pieces.get(piece) {
                None if at == text.len() => return true,
                None => None,
                Some(Piece::Many) => {
                    retry = Some((at, piece + 1));
                    Some(0)
                }
                Some(Piece::One) => text[at..].chars().next().map(char::len_utf8),
                Some(Piece::Text(literal)) => text[at..].starts_with(&**literal).then_some(literal.len()),
            };
            if let Some(taken) = fits {
                at += taken;
                piece += 1;
            } else {
                let Some((from, after)) = retry else { return false };
                let Some(skipped) = text[from..].chars().next() else { return false };
                at = from + skipped.len_utf8();
                piece = after;
                retry = Some((at, after));
            }
        }
    }
}
