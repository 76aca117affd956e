//! Where one is, how one came there, and where one was before.

use super::layout::Panel;
use super::page::{Page, Place};

/// Trails that are remembered for going back.
const REMEMBERED: usize = 100;

/// The places from the overview down to where one is, and the trails before and after it.
#[derive(Debug)]
pub(crate) struct Nav {
    past: Vec<Vec<Place>>,
    here: Vec<Place>,
    future: Vec<Vec<Place>>,
}

impl Default for Nav {
    fn default() -> Self {
        Self { past: Vec::new(), here: vec![home(Panel::Vms)], future: Vec::new() }
    }
}

const fn home(focus: Panel) -> Place {
    Place { page: Page::Overview, focus, filter: String::new() }
}

impl Nav {
    /// From the overview to where one is.
    pub(crate) fn trail(&self) -> &[Place] {
        &self.here
    }

    /// Where one is.
    pub(crate) fn page(&self) -> Page {
        self.here.last().map_or(Page::Overview, |p| p.page)
    }

    /// Notes how the place is that one is about to leave.
    pub(crate) fn note(&mut self, focus: Panel, filter: &str) {
        if let Some(place) = self.here.last_mut() {
            place.focus = focus;
            filter.clone_into(&mut place.filter);
        }
    }

    fn remember(&mut self) {
        if self.past.len() == REMEMBERED {
            self.past.remove(0);
        }
        self.past.push(self.here.clone());
        self.future.clear();
    }

    /// Goes a level deeper.
    pub(crate) fn enter(&mut self, place: Place) {
        if self.here.last().is_some_and(|p| p.page == place.page && p.filter == place.filter) {
            return;
        }
        self.remember();
        self.here.push(place);
        // Whoever goes round in circles keeps the end of the way.
        if self.here.len() > 12 {
            self.here.remove(1);
        }
    }

    /// Puts another place where one is; the way there stays.
    pub(crate) fn replace(&mut self, place: Place) {
        self.remember();
        if let Some(here) = self.here.last_mut() {
            *here = place;
        }
    }

    /// Goes to a page right below the overview.
    pub(crate) fn jump(&mut self, place: Place) {
        if self.page() == place.page {
            return;
        }
        self.remember();
        self.here.truncate(1);
        if place.page == Page::Overview {
            self.here[0].focus = place.focus;
        } else {
            self.here.push(place);
        }
    }

    /// Goes a level up; the place that one comes to, none at the top.
    pub(crate) fn up(&mut self) -> Option<&Place> {
        if self.here.len() < 2 {
            return None;
        }
        self.remember();
        self.here.pop();
        self.here.last()
    }

    /// Goes where one was before.
    pub(crate) fn back(&mut self) -> Option<&Place> {
        let before = self.past.pop()?;
        self.future.push(std::mem::replace(&mut self.here, before));
        self.here.last()
    }

    /// Undoes [`Nav::back`].
    pub(crate) fn forward(&mut self) -> Option<&Place> {
        let after = self.future.pop()?;
        self.past.push(std::mem::replace(&mut self.here, after));
        self.here.last()
    }

    pub(crate) fn has_past(&self) -> bool {
        !self.past.is_empty()
    }

    pub(crate) fn has_future(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(page: Page) -> Place {
        Place { page, ..home(Panel::Vms) }
    }

    #[test]
    fn up_goes_one_level_and_back_goes_where_one_was() {
        let mut nav = Nav::default();
        nav.enter(place(Page::Hosts));
        nav.enter(place(Page::Host(crate::fleet::HostId(3))));
        nav.jump(place(Page::Tree));
        assert_eq!(nav.trail().len(), 2);
        assert_eq!(nav.back().map(|p| p.page), Some(Page::Host(crate::fleet::HostId(3))));
        assert_eq!(nav.trail().len(), 3);
        assert_eq!(nav.forward().map(|p| p.page), Some(Page::Tree));
        assert!(nav.forward().is_none());
        assert_eq!(nav.up().map(|p| p.page), Some(Page::Overview));
        assert!(nav.up().is_none());
        assert_eq!(nav.back().map(|p| p.page), Some(Page::Tree));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut nav = Nav::default();
        for i in 0..500 {
            nav.enter(place(Page::Vm(crate::fleet::VmId(i))));
        }
        assert!(nav.trail().len() <= 12);
        assert_eq!(nav.trail()[0].page, Page::Overview);
        let mut back = 0;
        while nav.back().is_some() {
            back += 1;
        }
        assert_eq!(back, REMEMBERED);
    }
}
