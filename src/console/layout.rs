//! Where everything stands on the screen, by its size.

use ratatui::layout::{Rect, Size};

/// A panel of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Panel {
    Sites,
    Hosts,
    Vms,
    Operations,
}

impl Panel {
    /// All panels in the order in which Tab goes through them.
    pub(crate) const ALL: [Self; 4] = [Self::Sites, Self::Hosts, Self::Vms, Self::Operations];

    /// What it is called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Hosts => "heatmap",
            Self::Vms => "VMs",
            Self::Operations => "operations",
        }
    }
}

/// The smallest terminal on which anything is shown.
pub(crate) const SMALLEST: Size = Size { width: 40, height: 10 };
/// A smaller terminal shows one panel at a time.
const ROOMY: Size = Size { width: 60, height: 15 };

/// What decides the plan besides the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    /// The panel that is shown alone.
    pub alone: Option<Panel>,
    /// The panel with the focus, shown alone where there is no room for more.
    pub focus: Panel,
    /// Whether a page takes the place of all panels.
    pub page: bool,
    /// Sites in the world.
    pub sites: u16,
    /// Lines of the heatmap at [`heat_width`], with a sign per host.
    pub lines: u16,
    /// Operations to be shown, ended ones included.
    pub operations: u16,
}

/// The parts of the screen. Empty rectangles are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub size: Size,
    pub header: Rect,
    pub body: Rect,
    pub footer: Rect,
    pub sites: Rect,
    pub hosts: Rect,
    pub vms: Rect,
    pub operations: Rect,
    /// A page that takes the place of all panels.
    pub page: Rect,
}

const fn sites_width(width: u16) -> u16 {
    if width >= 110 { 40 } else { 26 }
}

/// Width of the inside of the heatmap in the overview of a screen of that width.
pub(crate) const fn heat_width(width: u16) -> u16 {
    width.saturating_sub(sites_width(width) + 2)
}

impl Plan {
    /// Plans a screen of that size.
    pub(crate) fn new(size: Size, wants: Wants) -> Self {
        let mut plan = Self { size, ..Self::default() };
        if plan.too_small() {
            return plan;
        }
        let (w, h) = (size.width, size.height);
        plan.header = Rect::new(0, 0, w, 1);
        plan.footer = Rect::new(0, h - 1, w, 1);
        let body = Rect::new(0, 1, w, h - 2);
        plan.body = body;
        if wants.page {
            plan.page = body;
            return plan;
        }
        if let Some(panel) = wants.alone.or(plan.cramped().then_some(wants.focus)) {
            *plan.rect_mut(panel) = body;
            return plan;
        }
        let operations = match wants.operations {
            0 => 3,
            n => {
                2 + (2 * n).min(if body.height >= 40 {
                    8
                } else if body.height >= 28 {
                    4
                } else {
                    2
                })
            }
        };
        let left = body.height - operations;
        let sites_width = sites_width(w);
        // The top is as high as its contents, but the VM table always has the larger part.
        let wanted = (wants.lines.min(60) + 3).max(wants.sites + 3).max(5);
        let top = if left >= 14 { wanted.min(left * 2 / 5).max(5) } else { 0 };
        if top > 0 {
            plan.sites = Rect::new(0, body.y, sites_width, top);
            plan.hosts = Rect::new(sites_width, body.y, w - sites_width, top);
        }
        plan.vms = Rect::new(0, body.y + top, w, left - top);
        plan.operations = Rect::new(0, body.bottom() - operations, w, operations);
        plan
    }

    /// Whether there is no room for anything but a message.
    pub(crate) const fn too_small(&self) -> bool {
        self.size.width < SMALLEST.width || self.size.height < SMALLEST.height
    }

    /// Whether there is room for one panel only.
    pub(crate) const fn cramped(&self) -> bool {
        self.size.width < ROOMY.width || self.size.height < ROOMY.height
    }

    /// Where a panel stands.
    pub(crate) const fn rect(&self, panel: Panel) -> Rect {
        match panel {
            Panel::Sites => self.sites,
            Panel::Hosts => self.hosts,
            Panel::Vms => self.vms,
            Panel::Operations => self.operations,
        }
    }

    const fn rect_mut(&mut self, panel: Panel) -> &mut Rect {
        match panel {
            Panel::Sites => &mut self.sites,
            Panel::Hosts => &mut self.hosts,
            Panel::Vms => &mut self.vms,
            Panel::Operations => &mut self.operations,
        }
    }
}

/// The inside of a panel.
pub(crate) const fn inside(rect: Rect) -> Rect {
    if rect.width < 2 || rect.height < 2 {
        return Rect { width: 0, height: 0, ..rect };
    }
    Rect { x: rect.x + 1, y: rect.y + 1, width: rect.width - 2, height: rect.height - 2 }
}

/// A rectangle of at most that size in the middle of another one.
pub(crate) fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_tile_the_screen_at_every_size() {
        for width in 0..160 {
            for height in 0..70 {
                for operations in 0..4 {
                    let wants = Wants { alone: None, focus: Panel::Vms, page: false, sites: 4, lines: 12, operations };
                    let plan = Plan::new(Size { width, height }, wants);
                    let area = |r: Rect| u32::from(r.width) * u32::from(r.height);
                    let total: u32 = Panel::ALL.iter().map(|p| area(plan.rect(*p))).sum();
                    assert_eq!(total, area(plan.body));
                    if !plan.too_small() {
                        assert!(plan.vms.height >= 8, "{width}x{height}: {plan:?}");
                    }
                }
            }
        }
    }
}
