//! The parts of a page of something looked at closely, and where they stand by the room there is.

use ratatui::layout::{Position, Rect};

/// A part of the page of a VM or host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What it is and how it is.
    About,
    /// Its figures over time.
    Load,
    /// The VMs of a host.
    Vms,
    /// What is or was done.
    Tasks,
    /// What happened.
    Timeline,
}

/// Where the parts stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arranged {
    /// The parts on screen; with panels of their own, the panels.
    pub shown: Vec<(Part, Rect)>,
    /// The line with the parts' names, where not all are on screen.
    pub tabs: Option<Rect>,
    /// Whether each part has a panel of its own.
    pub panels: bool,
}

/// Rows of a list that its column names take, and those that tell more of the row under the cursor.
pub(crate) const LIST_TOP: u16 = 1;
pub(crate) const LIST_BOTTOM: u16 = 2;

/// The parts of a page.
#[derive(Debug)]
pub(crate) struct Parts {
    /// In the order in which Tab goes through them; the page's list is the first to have the cursor.
    pub all: &'static [Part],
    list: Part,
    /// The one that was chosen.
    chosen: Option<Part>,
    /// Where they stand.
    pub at: Arranged,
}

impl Parts {
    pub(crate) const fn new(all: &'static [Part], list: Part) -> Self {
        Self { all, list, chosen: None, at: Arranged { shown: Vec::new(), tabs: None, panels: false } }
    }

    /// The part that keys are for.
    pub(crate) fn part(&self) -> Part {
        let choosable = |part: &Part| self.choosable().any(|p| p == *part);
        let first = if self.cramped() { Part::About } else { self.list };
        self.chosen.filter(choosable).unwrap_or(first)
    }

    /// Whether only one part is on screen.
    fn cramped(&self) -> bool {
        self.at.shown.len() == 1
    }

    /// The parts that Tab goes through: what is on screen anyway and has nothing to move in is left out.
    fn choosable(&self) -> impl Iterator<Item = Part> + '_ {
        let still = |part: Part| match part {
            Part::About => !self.cramped(),
            Part::Load => self.at.panels,
            _ => false,
        };
        self.all.iter().copied().filter(move |part| !still(*part))
    }

    /// Goes to the next part, or to the one before.
    pub(crate) fn next(&mut self, forward: bool) {
        let all: Vec<Part> = self.choosable().collect();
        let at = all.iter().position(|p| *p == self.part()).unwrap_or(0);
        self.chosen = Some(all[(at + if forward { 1 } else { all.len() - 1 }) % all.len()]);
    }

    /// Goes to the part at a place on screen.
    pub(crate) fn point(&mut self, at: Position) {
        if let Some((part, _)) = self.at.shown.iter().find(|(_, room)| room.contains(at)) {
            self.chosen = Some(*part);
        }
    }

    /// What a part is drawn in, without a border; nothing where it is not on screen.
    pub(crate) fn room(&self, part: Part) -> Rect {
        let room = self.at.shown.iter().find(|(p, _)| *p == part).map_or(Rect::ZERO, |(_, room)| *room);
        if self.at.panels { crate::console::layout::inside(room) } else { room }
    }

    /// Rows of a list in a room: its column names stand above, more about a row below.
    pub(crate) fn list_rows(&self, part: Part) -> usize {
        let height = self.room(part).height;
        let below = if height > LIST_TOP + LIST_BOTTOM + 3 { LIST_BOTTOM } else { 0 };
        usize::from(height.saturating_sub(LIST_TOP + below))
    }

    /// Arranges the parts in `room`, the inside of the page; `about` rows say what it is, `figures` are drawn over time.
    pub(crate) fn settle(&mut self, room: Rect, about: u16, figures: u16) {
        self.at = if room.width >= 108 && room.height >= 24 {
            self.in_panels(room, about)
        } else if room.width >= 58 && room.height >= about + 7 {
            self.stacked(room, about, figures)
        } else {
            self.alone(room)
        };
    }

    /// One part at a time.
    fn alone(&self, room: Rect) -> Arranged {
        let (tabs, rest) = split(room, 1);
        // Until it is arranged once, it is not known to be alone.
        let part = self.chosen.unwrap_or(Part::About);
        Arranged { shown: vec![(part, rest)], tabs: Some(tabs), panels: false }
    }

    /// What it is above, its figures in a line each, then one of the other parts.
    fn stacked(&self, room: Rect, about: u16, figures: u16) -> Arranged {
        let part = self.chosen.filter(|part| *part != Part::About).unwrap_or(self.list);
        let (top, mut rest) = split(room, about);
        let mut shown = vec![(Part::About, top)];
        if part != Part::Load && rest.height >= figures + 8 {
            let (strip, below) = split(rest, figures);
            shown.push((Part::Load, strip));
            rest = below;
        }
        let (tabs, rest) = split(rest, 1);
        shown.push((part, rest));
        Arranged { shown, tabs: Some(tabs), panels: false }
    }

    /// All parts, each in its panel; `room` is within the border of a page that is not drawn.
    fn in_panels(&self, room: Rect, about: u16) -> Arranged {
        let outer = Rect::new(room.x - 1, room.y - 1, room.width + 2, room.height + 2);
        let (top, bottom) = split(outer, (about + 2).max(outer.height / 2));
        let left = outer.width * 9 / 20;
        let mut shown = vec![
            (Part::About, Rect { width: left, ..top }),
            (Part::Load, Rect { x: top.x + left, width: top.width - left, ..top }),
        ];
        let wide = outer.width * 31 / 50;
        shown.push((self.list, Rect { width: wide, ..bottom }));
        let others: Vec<Part> =
            self.all.iter().copied().filter(|p| *p != self.list && !matches!(p, Part::About | Part::Load)).collect();
        let mut rest = Rect { x: bottom.x + wide, width: bottom.width - wide, ..bottom };
        for (i, part) in others.iter().enumerate() {
            let (this, below) = split(rest, rest.height / (others.len() - i) as u16);
            shown.push((*part, this));
            rest = below;
        }
        Arranged { shown, tabs: None, panels: true }
    }
}

/// The first rows of a room, and the rest.
fn split(room: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(room.height);
    (Rect { height: rows, ..room }, Rect { y: room.y + rows, height: room.height - rows, ..room })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Part] = &[Part::About, Part::Load, Part::Vms, Part::Tasks, Part::Timeline];

    #[test]
    fn the_more_room_the_more_parts() {
        let mut parts = Parts::new(ALL, Part::Vms);
        let mut seen = |width, height| {
            parts.settle(Rect::new(1, 2, width, height), 8, 3);
            (parts.at.shown.len(), parts.part())
        };
        assert_eq!(seen(38, 6), (1, Part::About));
        assert_eq!(seen(78, 20), (3, Part::Vms));
        assert_eq!(seen(118, 32), (5, Part::Vms));
    }

    #[test]
    fn tab_goes_through_what_there_is_to_choose() {
        let mut parts = Parts::new(ALL, Part::Vms);
        let mut tour = |width, height| {
            (0..5)
                .map(|_| {
                    parts.settle(Rect::new(1, 2, width, height), 8, 3);
                    parts.next(true);
                    parts.part()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(tour(38, 6), [Part::Load, Part::Vms, Part::Tasks, Part::Timeline, Part::About]);
        assert_eq!(tour(118, 32), [Part::Tasks, Part::Timeline, Part::Vms, Part::Tasks, Part::Timeline]);
        assert_eq!(tour(78, 20), [Part::Load, Part::Vms, Part::Tasks, Part::Timeline, Part::Load]);
    }

    #[test]
    fn parts_never_leave_the_room() {
        let mut parts = Parts::new(ALL, Part::Vms);
        for width in 0..140 {
            for height in 0..60 {
                let room = Rect::new(1, 2, width, height);
                let outer = Rect::new(0, 1, width + 2, height + 2);
                parts.settle(room, 8, 3);
                for (_, part) in &parts.at.shown {
                    assert_eq!(outer.intersection(*part), *part, "{width}x{height}");
                }
            }
        }
    }
}
