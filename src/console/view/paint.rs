//! Putting text on the buffer, never outside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Block, Clear, Widget};

use crate::console::format::cut;
use crate::console::glyphs::Glyphs;
use crate::console::hits::{Hit, Hits};
use crate::console::live::Look;
use crate::console::theme::Role;

/// What is drawn on.
pub(super) struct Paint<'a> {
    buffer: &'a mut Buffer,
    pub look: &'a Look,
    /// Under everything that is drawn: a popup's background.
    base: Style,
    /// What was drawn where.
    pub hits: Hits,
}

/// A piece of a line with its style.
pub(super) type Piece = (String, Role);

impl<'a> Paint<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buffer, look, base: Style::new(), hits: Hits::default() }
    }

    pub(super) const fn glyphs(&self) -> &'static Glyphs {
        self.look.glyphs
    }

    pub(super) fn style(&self, role: Role) -> Style {
        self.base.patch(self.look.theme.style(role))
    }

    /// The part of an area that is on the screen.
    pub(super) fn clip(&self, area: Rect) -> Rect {
        area.intersection(self.buffer.area)
    }

    /// Fills an area.
    pub(super) fn fill(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        let area = self.clip(area);
        self.buffer.set_style(area, style);
    }

    /// Puts text from `x` on, up to but not into the column `end`; says where it ended.
    pub(super) fn styled(&mut self, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        let end = end.min(area.right());
        if y < area.y || y >= area.bottom() || x < area.x || x >= end {
            return x;
        }
        self.buffer.set_stringn(x, y, text, usize::from(end - x), style).0
    }

    /// The same with a role's style.
    pub(super) fn text(&mut self, x: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let style = self.style(role);
        self.styled(x, y, end, text, style)
    }

    /// Pieces after one another; says where they ended.
    pub(super) fn pieces(&mut self, x: u16, y: u16, end: u16, pieces: &[Piece]) -> u16 {
        pieces.iter().fold(x, |x, (text, role)| self.text(x, y, end, text, *role))
    }

    /// As many of the pieces as fit whole; what separates them only where something follows.
    pub(super) fn whole(&mut self, x: u16, y: u16, end: u16, pieces: &[Piece]) {
        let mut at = x;
        for (i, (text, role)) in pieces.iter().enumerate() {
            let separates = text.trim() == self.look.glyphs.dot;
            let next = pieces.get(i + 1).filter(|_| separates).map_or(0, |(next, _)| width(next));
            if at + width(text) + next > end {
                return;
            }
            at = self.text(at, y, end, text, *role);
        }
    }

    /// Text that ends before the column `end`.
    pub(super) fn right(&mut self, end: u16, y: u16, start: u16, text: &str, role: Role) -> u16 {
        let width = width(text).min(end.saturating_sub(start));
        self.text(end.saturating_sub(width), y, end, text, role);
        end.saturating_sub(width)
    }

    /// Text cut to a width with a sign that there is more.
    pub(super) fn cut(&mut self, x: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let shown = cut(text, usize::from(end.saturating_sub(x)), self.look.glyphs.more);
        self.text(x, y, end, &shown, role)
    }

    /// Adds a style to cells without changing what they say.
    pub(super) fn tint(&mut self, area: Rect, role: Role) {
        let style = self.look.theme.style(role);
        let area = self.clip(area);
        self.buffer.set_style(area, style);
    }

    /// Part of a line that is typed into that stands out of it: the cursor, what is chosen. Where the line is reversed
    /// itself, as without colours, that part is not.
    pub(super) fn picked(&mut self, area: Rect) {
        let typed = self.look.theme.style(Role::FieldFocus);
        let style = if typed.add_modifier.contains(Modifier::REVERSED) {
            Style::new().remove_modifier(Modifier::REVERSED).add_modifier(Modifier::UNDERLINED)
        } else {
            self.look.theme.style(Role::Pointed)
        };
        let area = self.clip(area);
        self.buffer.set_style(area, style);
    }

    /// A border without titles.
    pub(super) fn frame(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        Block::bordered().border_set(self.look.glyphs.border).border_style(style).render(self.clip(area), self.buffer);
    }

    /// A panel's border and titles.
    pub(super) fn panel(&mut self, area: Rect, focus: bool, title: &[Piece], right: &[Piece]) {
        let border = if focus { Role::Focus } else { Role::Border };
        self.frame(area, border);
        let end = area.right().saturating_sub(2);
        let x = self.text(area.x + 1, area.y, end, " ", border);
        let wide: u16 = right.iter().map(|(t, _)| width(t)).sum();
        // Where both do not fit, what stands on the right matters more than all but the title's first word.
        let both = x + title.iter().map(|(t, _)| width(t)).sum::<u16>() + wide + 4;
        let title = if wide > 0 && both > end { &title[..title.len().min(1)] } else { title };
        let x = self.pieces(x, area.y, end, title);
        let x = self.text(x, area.y, end, " ", border);
        if wide > 0 && x + wide + 2 < end {
            let at = end - wide - 1;
            self.text(at - 1, area.y, end, " ", border);
            let at = self.pieces(at, area.y, end, right);
            self.text(at, area.y, area.right(), " ", border);
        }
    }

    /// Clears an area and gives it a border; what is drawn until [`Paint::end_popup`] stands on the popup's background.
    pub(super) fn popup(&mut self, area: Rect, danger: bool, title: &str) {
        let area = self.clip(area);
        self.hits.note(area, Hit::Popup);
        Clear.render(area, self.buffer);
        self.base = self.look.theme.style(Role::Popup);
        self.buffer.set_style(area, self.base);
        let border = if danger { Role::Danger } else { Role::PopupBorder };
        let style = self.style(border);
        Block::bordered().border_set(self.look.glyphs.border).border_style(style).render(area, self.buffer);
        let title = cut(title, usize::from(area.width.saturating_sub(6)), self.look.glyphs.more);
        self.text(
            area.x + 2,
            area.y,
            area.right(),
            &format!(" {title} "),
            if danger { Role::Danger } else { Role::Title },
        );
    }

    /// The end of a popup.
    pub(super) fn end_popup(&mut self) {
        self.base = Style::new();
    }
}

/// The style of a panel's title.
pub(super) const fn title_role(focus: bool) -> Role {
    if focus { Role::Focus } else { Role::Title }
}

/// Columns of a text.
pub(super) fn width(text: &str) -> u16 {
    unicode_width::UnicodeWidthStr::width(text).min(usize::from(u16::MAX)) as u16
}

/// A piece.
pub(super) fn piece(text: impl Into<String>, role: Role) -> Piece {
    (text.into(), role)
}
