//! The columns of the tables: which there are, which are shown, in which order, how wide, and which fit.
//!
//! VMs and hosts share one list of columns; each table has a shape for those that it can show.

mod chooser;
mod figure;
mod hosts;
mod vms;

pub(crate) use chooser::{Chooser, Did};
pub(crate) use figure::{Figure, fields};
pub(crate) use hosts::{host_figures, host_key, host_role, host_text};
pub(crate) use vms::{vm_figures, vm_key, vm_role, vm_text};

/// A table with columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    Vms,
    Hosts,
}

impl Table {
    /// Both, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Vms, Self::Hosts];

    /// What stands in it, on screen.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Vms => "VMs",
            Self::Hosts => "hosts",
        }
    }

    /// Its name in files.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Vms => "vms",
            Self::Hosts => "hosts",
        }
    }

    /// All columns that it can show, in the order that they have until somebody changes it.
    pub(crate) fn shapes(self) -> &'static [Shape] {
        match self {
            Self::Vms => &vms::SHAPES,
            Self::Hosts => &hosts::SHAPES,
        }
    }

    /// The shape of a column that it can show.
    pub(crate) fn shape(self, column: Column) -> Option<&'static Shape> {
        self.shapes().iter().find(|s| s.column == column)
    }

    /// What a column is called where it is sorted by.
    pub(crate) fn title(self, column: Column) -> &'static str {
        match (self, column) {
            (Self::Vms, Column::Id) => "age of the VM",
            (Self::Hosts, Column::Id) => "place",
            _ => self.shape(column).map_or("", |s| s.title),
        }
    }

    /// The columns one can sort by, in the order in which a key steps through them.
    pub(crate) const fn sortable(self) -> &'static [Column] {
        match self {
            Self::Vms => &vms::SORTABLE,
            Self::Hosts => &hosts::SORTABLE,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// The order in which VMs were made, or in which hosts stand in the world; has no width of its own.
    Id,
    Name,
    State,
    Host,
    Site,
    Cluster,
    Cpu,
    /// The CPU as a bar.
    Bar,
    /// CPU that is asked for.
    Demand,
    Memory,
    /// Memory that is free.
    Free,
    Dirty,
    Net,
    /// What is received, and sent.
    Rx,
    Tx,
    Class,
    Vcpus,
    /// Where a VM moves to.
    Target,
    Op,
    Finding,
    /// Whether a VM is ours, and stressed.
    Flags,
    /// How many VMs a host has.
    Vms,
    Booting,
    /// Moves to a host, and away from it.
    In,
    Out,
    /// Since when demand exceeds what there is.
    Over,
    Since,
    Note,
}

impl Column {
    /// Whether the first look at it is for the largest.
    pub(crate) const fn largest_first(self) -> bool {
        !matches!(
            self,
            Self::Id
                | Self::Name
                | Self::State
                | Self::Host
                | Self::Site
                | Self::Cluster
                | Self::Class
                | Self::Target
                | Self::Since
                | Self::Over
                | Self::Finding
                | Self::Note
        )
    }

    /// Whether figures that move can change the order by it.
    pub(crate) const fn moves(self) -> bool {
        !matches!(self, Self::Id | Self::Name | Self::Site | Self::Cluster | Self::Class | Self::Vcpus)
    }

    /// Whether it takes what is left over.
    const fn grows(self) -> bool {
        matches!(self, Self::Note)
    }

    /// Whether long names may need more than its width.
    const fn names(self) -> bool {
        matches!(self, Self::Name | Self::Host | Self::Target)
    }
}

/// How a column is shown.
#[derive(Debug)]
pub(crate) struct Shape {
    pub column: Column,
    /// Its name in files.
    pub id: &'static str,
    pub title: &'static str,
    pub width: u16,
    pub right: bool,
    /// Columns with a higher number go first where there is no room.
    pub priority: u8,
    /// Whether it is shown until somebody hides it.
    pub shown: bool,
    /// What it says.
    pub doc: &'static str,
}

/// The narrowest and the widest column that can be asked for.
pub(crate) const NARROWEST: u16 = 3;
pub(crate) const WIDEST: u16 = 80;

/// A column as it was chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub shape: &'static Shape,
    pub shown: bool,
    /// Its width, where somebody set it.
    pub width: Option<u16>,
}

impl Choice {
    /// The width that it has before what is left over is given away.
    pub(crate) fn wide(&self) -> u16 {
        self.width.unwrap_or(self.shape.width)
    }
}

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        (self.shape.column, self.shown, self.width) == (other.shape.column, other.shown, other.width)
    }
}

/// A column that fits, and the width that it gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    pub shape: &'static Shape,
    pub width: u16,
    /// Columns from the left edge of the first one.
    pub at: u16,
    /// Blanks at its left: words that follow figures, which end at its edge.
    pub gap: u16,
}

/// All columns of a table in the order in which they stand, shown or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    pub table: Table,
    list: Vec<Choice>,
}

impl Columns {
    /// As they are until somebody changes them.
    pub(crate) fn new(table: Table) -> Self {
        let list = table.shapes().iter().map(|shape| Choice { shape, shown: shape.shown, width: None }).collect();
        Self { table, list }
    }

    /// These columns with these widths, in this order; the others are hidden.
    pub(crate) fn of(table: Table, chosen: &[(Column, Option<u16>)]) -> Self {
        let mut columns = Self::new(table);
        let place = |c: Column| chosen.iter().position(|(column, _)| *column == c);
        columns.list.sort_by_key(|c| place(c.shape.column).unwrap_or(usize::MAX));
        for choice in &mut columns.list {
            let found = place(choice.shape.column);
            choice.shown = found.is_some();
            choice.width = found.and_then(|at| chosen[at].1).map(|w| w.clamp(NARROWEST, WIDEST));
        }
        columns
    }

    /// All of them, in their order.
    pub(crate) fn all(&self) -> &[Choice] {
        &self.list
    }

    /// Those that are shown where there is room, in their order.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Choice> {
        self.list.iter().filter(|c| c.shown)
    }

    /// Shows or hides a column; the last one stays.
    pub(crate) fn toggle(&mut self, at: usize) {
        let last = self.shown().count() == 1;
        if let Some(choice) = self.list.get_mut(at) {
            choice.shown = !choice.shown || last;
        }
    }

    /// Moves a column to the left or to the right; says where it is then.
    pub(crate) fn shift(&mut self, at: usize, by: isize) -> usize {
        let to = at.saturating_add_signed(by);
        if at >= self.list.len() || to >= self.list.len() {
            return at;
        }
        self.list.swap(at, to);
        to
    }

    /// Makes a column wider or narrower.
    pub(crate) fn widen(&mut self, at: usize, by: i16) {
        if let Some(choice) = self.list.get_mut(at) {
            choice.width = Some(choice.wide().saturating_add_signed(by).clamp(NARROWEST, WIDEST));
        }
    }

    /// The columns that fit into `width`, with the width that each gets.
    pub(crate) fn fitting(&self, width: u16) -> Vec<Fit> {
        let mut shown: Vec<&Choice> = self.shown().collect();
        let needs = |shown: &[&Choice]| shown.iter().map(|c| u32::from(c.wide()) + 1).sum::<u32>();
        while shown.len() > 1 && needs(&shown) > u32::from(width) {
            // Of columns that matter as little, the one at the right goes first.
            let least = (0..shown.len()).max_by_key(|&i| (shown[i].shape.priority, i)).unwrap_or(0);
            shown.remove(least);
        }
        let spare = u32::from(width).saturating_sub(needs(&shown)).min(u32::from(u16::MAX)) as u16;
        // Of what is left over, the note gets what it needs to be read, then long names, then the note again. A width
        // that somebody set stays.
        let free = |c: &&&Choice, what: fn(Column) -> bool| what(c.shape.column) && c.width.is_none();
        let growing = shown.iter().any(|c| free(&c, Column::grows));
        let note = if growing { spare.min(16) } else { 0 };
        let names = shown.iter().filter(|c| free(c, Column::names)).count() as u16;
        let name = (spare - note).checked_div(names).unwrap_or(0).min(6);
        let rest = spare - note - names * name;
        // On the widest screens the rest would be one empty field at the right: columns stand further apart instead.
        let apart = (rest.saturating_sub(40) / shown.len() as u16).min(3);
        let rest = rest - apart * shown.len() as u16;
        let (mut at, mut after_figures) = (0, false);
        let fit = |choice: &Choice| {
            let more = match choice.shape.column {
                _ if choice.width.is_some() => 0,
                c if c.grows() => note + rest,
                c if c.names() => name,
                _ => 0,
            };
            // The last one that is left may still be too wide.
            let width = (choice.wide() + more).min(width.saturating_sub(1).max(1));
            let gap = u16::from(after_figures && !choice.shape.right && width > NARROWEST);
            let fit = Fit { shape: choice.shape, width, at, gap };
            at += width + 1 + apart;
            after_figures = choice.shape.right;
            fit
        };
        shown.into_iter().map(fit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn used(fits: &[Fit]) -> u32 {
        fits.iter().map(|f| u32::from(f.width) + 1).sum()
    }

    #[test]
    fn every_column_of_a_table_has_a_name_of_its_own_and_can_be_hidden() {
        for table in Table::ALL {
            let shapes = table.shapes();
            for (i, shape) in shapes.iter().enumerate() {
                assert!(shapes[..i].iter().all(|s| s.id != shape.id && s.column != shape.column), "{}", shape.id);
                assert!(shape.width >= NARROWEST && shape.title.len() <= usize::from(shape.width), "{}", shape.id);
                assert!(shape.doc.ends_with('.'), "{}", shape.id);
            }
            assert!(table.sortable().iter().all(|c| *c == Column::Id || table.shape(*c).is_some()));
        }
    }

    #[test]
    fn the_least_important_go_first_and_all_fit_a_wide_screen() {
        let vms = Columns::new(Table::Vms);
        assert_eq!(vms.fitting(396).len(), vms.shown().count());
        assert!(vms.fitting(76).iter().any(|f| f.shape.column == Column::Host));
        assert!(vms.fitting(36).iter().any(|f| f.shape.column == Column::State));
    }

    #[test]
    fn the_last_column_cannot_be_hidden() {
        let mut columns = Columns::of(Table::Hosts, &[(Column::Name, None)]);
        columns.toggle(0);
        assert_eq!(columns.shown().count(), 1);
    }

    fn chosen(table: Table) -> impl Strategy<Value = Columns> {
        let all: Vec<Column> = table.shapes().iter().map(|s| s.column).collect();
        let count = all.len();
        (
            proptest::sample::subsequence(all, 1..=count).prop_shuffle(),
            prop::collection::vec(prop::option::of(0u16..200), count),
        )
            .prop_map(move |(columns, widths)| {
                let chosen: Vec<_> = columns.into_iter().zip(widths).collect();
                Columns::of(table, &chosen)
            })
    }

    proptest! {
        #[test]
        fn any_columns_fit_any_width(
            columns in prop_oneof![chosen(Table::Vms), chosen(Table::Hosts)],
            width in 0u16..500,
        ) {
            let fits = columns.fitting(width);
            prop_assert!(!fits.is_empty());
            prop_assert!(used(&fits) <= u32::from(width.max(2)), "{} of {width}", used(&fits));
            prop_assert!(fits.last().is_none_or(|f| f.at + f.width < width.max(2)));
            // They stand in the order that was chosen, none over another.
            let order: Vec<_> = columns.shown().map(|c| c.shape.column).collect();
            let place = |f: &Fit| order.iter().position(|c| *c == f.shape.column);
            prop_assert!(fits.windows(2).all(|w| place(&w[0]) < place(&w[1]) && w[0].at + w[0].width < w[1].at));
            // What went matters no more than what stayed.
            let stayed = fits.iter().map(|f| f.shape.priority).max().unwrap_or(0);
            for gone in columns.shown().filter(|c| fits.iter().all(|f| f.shape.column != c.shape.column)) {
                prop_assert!(gone.shape.priority >= stayed);
            }
            // A width that was asked for is kept where it fits at all.
            for fit in fits.iter().filter(|_| fits.len() > 1) {
                let choice = columns.all().iter().find(|c| c.shape.column == fit.shape.column);
                prop_assert!(choice.is_some_and(|c| c.width.is_none_or(|w| w == fit.width) && fit.width >= c.wide()));
            }
        }
    }
}
