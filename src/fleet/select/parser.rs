//! Reads a selection into a program.
//!
//! Operands and operators go on two stacks (shunting-yard). An operand is a part of the program with two chains of
//! places that are still to be told where to go on, after yes and after no; `and`, `or` and `not` join, patch and swap
//! chains. Nothing recurses and every step is done once, whatever the depth.

use super::super::{Finding, nearest};
use super::atom::{Atom, Comparison, HOST_FIELDS, Number, Relation, Tag, Text, VM_FIELDS, state_words};
use super::lexer::{Kind, Token, tokens};
use super::pattern::Pattern;
use super::{NO, Over, Program, SelectError, Step, YES};

/// The end of a chain.
const NIL: u32 = u32::MAX;

/// Places in steps that are still to be told where to go on: `2 * step + 0` after yes, `+ 1` after no. Each place
/// holds the next one of its chain until then.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

/// A part of the program.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    yes: Chain,
    no: Chain,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Or,
    And,
    Not,
    /// An open parenthesis and its column.
    Open(usize),
}

impl Operator {
    const fn precedence(self) -> u8 {
        match self {
            Self::Open(_) => 0,
            Self::Or => 1,
            Self::And => 2,
            Self::Not => 3,
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    over: Over,
    quick: bool,
    program: Program,
    operands: Vec<Part>,
    operators: Vec<Operator>,
}

/// Reads a selection.
pub(super) fn parse(text: &str, over: Over, quick: bool) -> Result<Program, SelectError> {
    let parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        over,
        quick,
        program: Program::default(),
        operands: Vec::new(),
        operators: Vec::new(),
    };
    parser.run()
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Program, SelectError> {
        loop {
            self.operand()?;
            loop {
                let token = self.peek();
                let operator = match (token.kind, token.text) {
                    (Kind::End, _) => {
                        self.reduce(1);
                        if let Some(Operator::Open(column)) = self.operators.pop() {
                            return Err(token.error(format!("`)` to close the `(` at column {column}")));
                        }
                        let whole = self.operands.pop().expect("an operand was read");
                        self.patch(whole.yes, YES);
                        self.patch(whole.no, NO);
                        return Ok(self.program);
                    }
                    (Kind::Close, _) => {
                        self.reduce(1);
                        if self.operators.pop().is_none() {
                            return Err(token.error("`and`, `or` or the end: no `(` is open"));
                        }
                        self.at += 1;
                        self.reduce(3);
                        continue;
                    }
                    (kind, _) if kind.relates() => {
                        return Err(token.error("`and`, `or`, another name or the end"));
                    }
                    (Kind::Word, "or") => {
                        self.at += 1;
                        Operator::Or
                    }
                    (Kind::Word, "and") => {
                        self.at += 1;
                        Operator::And
                    }
                    _ => Operator::And,
                };
                self.reduce(operator.precedence());
                self.operators.push(operator);
                break;
            }
        }
    }

    fn peek(&self) -> Token<'a> {
        self.tokens[self.at]
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// Reads what stands before an operand, and the operand.
    fn operand(&mut self) -> Result<(), SelectError> {
        loop {
            let token = self.next();
            match (token.kind, token.text) {
                (Kind::Open, _) => self.operators.push(Operator::Open(token.column)),
                (Kind::Bang, _) => self.operators.push(Operator::Not),
                (Kind::Word, "not") if !self.peek().kind.relates() => self.operators.push(Operator::Not),
                (Kind::Word, "and" | "or") if !self.peek().kind.relates() => {
                    return Err(token.error("a name, a field, `not` or `(`"));
                }
                (Kind::Word | Kind::Quoted, _) => {
                    self.atom(token)?;
                    self.reduce(3);
                    return Ok(());
                }
                _ => return Err(token.error("a name, a field, `not` or `(`")),
            }
        }
    }

    fn atom(&mut self, token: Token<'a>) -> Result<(), SelectError> {
        if token.kind == Kind::Word && self.peek().kind.relates() {
            let relation = self.next();
            return self.field(token, relation);
        }
        let atom = match (token.kind, token.text) {
            (Kind::Word, "all") => Atom::All,
            _ if self.quick => Atom::Text(Text::Name, Pattern::part(content(token)?, token.kind == Kind::Quoted)),
            _ => Atom::Text(Text::Name, pattern(token)?),
        };
        self.push(atom, token.column);
        Ok(())
    }

    fn field(&mut self, field: Token<'a>, relation: Token<'a>) -> Result<(), SelectError> {
        let (fields, others, other): (&[_], &[_], _) = match self.over {
            Over::Vms => (&VM_FIELDS, &HOST_FIELDS, "hosts"),
            Over::Hosts => (&HOST_FIELDS, &VM_FIELDS, "VMs"),
        };
        if !fields.contains(&field.text) {
            let hint = match nearest(field.text, fields.iter().copied()) {
                _ if others.contains(&field.text) => format!(" (`{}` is a field of {other})", field.text),
                Some(near) => format!(" (did you mean `{near}`?)"),
                None => String::new(),
            };
            return Err(field.error(format!("one of the fields {}{hint}", fields.join(" "))));
        }
        let column = self.peek().column;
        let atom = if let Some(number) = Number::named(field.text) {
            self.number(number, relation)?
        } else if relation.kind != Kind::Is {
            let numeric: Vec<_> = fields.iter().copied().filter(|field| Number::named(field).is_some()).collect();
            let expected = format!("`:` after `{}`; numbers are {}", field.text, numeric.join(" "));
            return Err(relation.error(expected));
        } else {
            let value = self.next();
            if !matches!(value.kind, Kind::Word | Kind::Quoted) {
                return Err(value.error(format!("a pattern for `{}`", field.text)));
            }
            let text = Text::named(field.text).expect("fields without numbers hold texts");
            let pattern = pattern(value)?;
            self.known(text, &pattern, value)?;
            Atom::Text(text, pattern)
        };
        self.push(atom, column);
        Ok(())
    }

    /// Refuses words that no VM or host can ever have.
    fn known(&self, field: Text, pattern: &Pattern, value: Token<'a>) -> Result<(), SelectError> {
        let words = match field {
            Text::State => state_words(self.over),
            Text::Finding => Finding::ALL.iter().map(|finding| finding.word()).chain(["none"]).collect(),
            Text::Tag => Tag::ALL.iter().map(|(_, word)| *word).collect(),
            _ => return Ok(()),
        };
        if pattern.exact().is_none_or(|exact| words.contains(&exact)) {
            return Ok(());
        }
        let hint = nearest(value.text, words.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
        Err(value.error(format!("one of {}{}", words.join(" "), hint.unwrap_or_default())))
    }

    fn number(&mut self, number: Number, relation: Token<'a>) -> Result<Atom, SelectError> {
        let over = self.over;
        let expected = || number.expected(over);
        let value = self.next();
        let mut text = match value.kind {
            Kind::Word => value.text.to_owned(),
            Kind::Quoted => content(value)?.to_owned(),
            _ => return Err(value.error(expected())),
        };
        let measured = !matches!(number, Number::Op | Number::Vms);
        if measured && value.kind == Kind::Word && value.text.parse::<f64>().is_ok() {
            let unit = self.peek();
            if unit.kind != Kind::Word {
                return Err(value.error(expected()));
            }
            text = format!("{text} {}", unit.text);
            if number.read(over, &text).is_some() {
                self.at += 1;
            } else {
                return Err(SelectError {
                    column: value.column,
                    found: format!("`{text}`"),
                    expected: expected().into(),
                });
            }
        }
        let Some((number, value)) = number.read(over, &text) else { return Err(value.error(expected())) };
        let relation = match relation.kind {
            Kind::Greater => Relation::Greater,
            Kind::Less => Relation::Less,
            Kind::GreaterEqual => Relation::GreaterEqual,
            Kind::LessEqual => Relation::LessEqual,
            _ => Relation::Equal,
        };
        Ok(Atom::Number(Comparison { number, relation, value }))
    }

    /// Adds a test to the program as an operand.
    fn push(&mut self, atom: Atom, column: usize) {
        let start = self.program.steps.len() as u32;
        self.program.steps.push(Step { atom, column, next: [NIL, NIL] });
        let chain = |place| Chain { first: place, last: place };
        self.operands.push(Part { start, yes: chain(2 * start), no: chain(2 * start + 1) });
    }

    /// Applies the operators on top of the stack that bind at least as tightly as `precedence`.
    fn reduce(&mut self, precedence: u8) {
        while let Some(&operator) = self.operators.last() {
            if operator.precedence() < precedence {
                break;
            }
            self.operators.pop();
            let right = self.operands.pop().expect("an operator follows its operand");
            let part = match operator {
                Operator::Not => Part { start: right.start, yes: right.no, no: right.yes },
                Operator::And | Operator::Or => {
                    let left = self.operands.pop().expect("an operator stands between two operands");
                    if operator == Operator::And {
                        self.patch(left.yes, right.start);
                        Part { start: left.start, yes: right.yes, no: self.join(left.no, right.no) }
                    } else {
                        self.patch(left.no, right.start);
                        Part { start: left.start, yes: self.join(left.yes, right.yes), no: right.no }
                    }
                }
                Operator::Open(_) => unreachable!("parentheses bind less than any precedence asked for"),
            };
            self.operands.push(part);
        }
    }

    fn place(&mut self, place: u32) -> &mut u32 {
        &mut self.program.steps[place as usize / 2].next[place as usize % 2]
    }

    fn join(&mut self, a: Chain, b: Chain) -> Chain {
        *self.place(a.last) = b.first;
        Chain { first: a.first, last: b.last }
    }

    fn patch(&mut self, chain: Chain, target: u32) {
        let mut place = chain.first;
        while place != NIL {
            place = std::mem::replace(self.place(place), target);
        }
    }
}

/// The text of a pattern's token, without its quotes; never empty.
fn content(token: Token<'_>) -> Result<&str, SelectError> {
    match token.kind {
        Kind::Quoted if token.text.len() <= 2 => Err(token.error("something between the quotes")),
        Kind::Quoted => Ok(&token.text[1..token.text.len() - 1]),
        _ => Ok(token.text),
    }
}

fn pattern(token: Token<'_>) -> Result<Pattern, SelectError> {
    Ok(Pattern::new(content(token)?, token.kind == Kind::Quoted))
}
