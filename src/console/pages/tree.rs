//! Sites, clusters, hosts and VMs as a tree.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::{Position, Rect};

use super::Cursor;
use crate::console::filter::FilterBox;
use crate::console::keymap::Context;
use crate::console::marks::VmSet;
use crate::console::page::{Around, Go, Page, PageView};
use crate::console::saved::Saved;
use crate::fleet::{ClusterId, Fleet, HostId, Selection, SiteId, VmId};

mod index;

use index::{Gatherer, Only};
pub(crate) use index::{Index, Sums};

/// The shortest time between two looks at all VMs.
const GATHER: Duration = Duration::from_millis(500);
/// How long to wait before seeing whether one has ended.
const POLL: Duration = Duration::from_millis(15);
/// So many VMs or fewer are shown unfolded when a filter finds them.
const UNFOLDED: usize = 200;

/// Sites are unfolded at first where their clusters are no more than this.
const FEW: usize = 40;

/// A node of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Site(SiteId),
    Cluster(ClusterId),
    Host(HostId),
    /// The VMs that are on no host.
    Nowhere,
    Vm(VmId),
}

impl Node {
    /// How deep it stands.
    pub(crate) const fn depth(self) -> u16 {
        match self {
            Self::Site(_) | Self::Nowhere => 0,
            Self::Cluster(_) => 1,
            Self::Host(_) => 2,
            Self::Vm(_) => 3,
        }
    }
}

/// The page's state.
#[allow(clippy::struct_excessive_bools)] // They are what is to be done next, each by itself.
#[derive(Debug, Default)]
pub(crate) struct TreePage {
    pub cursor: Cursor,
    /// Whether hosts stand by their load instead of in world order.
    pub by_load: bool,
    /// Which VMs are where; none until the first look at them came back.
    pub index: Option<Index>,
    pub filter_box: FilterBox,
    only: Only,
    unfolded: HashSet<Node>,
    rows: Vec<Node>,
    /// Marked VMs by host, those without a host last; what they were counted from.
    marked: Vec<u32>,
    marked_of: (u64, u64),
    /// The node under the cursor: it keeps it when rows come and go.
    at: Option<Node>,
    room: Rect,
    /// Whether rows are to be made anew, nodes that a filter found are to be unfolded, something else is shown.
    stale: bool,
    unfolds: bool,
    news: bool,
    gatherer: Gatherer,
    generation: u64,
    in_flight: bool,
    /// Whether VMs have changed since they were last looked at.
    behind: bool,
    /// When VMs were last looked at, and the version that they had.
    asked: Option<(Instant, u64, u64)>,
}

impl TreePage {
    /// The nodes that are on screen or could be scrolled to.
    pub(crate) fn rows(&self) -> &[Node] {
        &self.rows
    }

    pub(crate) fn is_unfolded(&self, node: Node) -> bool {
        self.unfolded.contains(&node)
    }

    /// The node under the cursor.
    pub(crate) fn node(&self) -> Option<Node> {
        self.rows.get(self.cursor.row).copied()
    }

    /// Whether the rows are not yet those of the filter and of the fleet.
    pub(crate) fn is_at_work(&self) -> bool {
        self.asked.is_none() || self.index.as_ref().is_none_or(|index| index.generation != self.generation)
    }

    /// Hosts by their load, most first, or in world order again.
    pub(crate) fn turn_order(&mut self) {
        self.by_load = !self.by_load;
        self.stale = true;
    }

    /// Looks at the VMs again where they changed, at most twice a second.
    fn gather(&mut self, fleet: &Fleet) {
        if let Some(index) = self.gatherer.made() {
            self.in_flight = false;
            self.unfolds = !matches!(self.only, Only::All) && self.unfolds && index.all().len() <= UNFOLDED;
            // Who comes for the first time sees more than the names of the sites.
            if self.index.is_none() && fleet.topology.clusters.len() <= FEW {
                self.unfolded.extend((0..fleet.topology.sites.len() as u16).map(|site| Node::Site(SiteId(site))));
            }
            self.index = Some(index);
            self.stale = true;
        }
        let versions = (fleet.vms.version(), fleet.hosts.version());
        self.behind = self.asked.is_none_or(|(_, vms, hosts)| (vms, hosts) != versions);
        let may = self.asked.is_none_or(|(at, ..)| !self.in_flight && at.elapsed() >= GATHER);
        if self.behind && may {
            self.behind = false;
            self.generation += 1;
            self.in_flight = true;
            self.asked = Some((Instant::now(), versions.0, versions.1));
            self.gatherer.ask(self.generation, fleet, &self.only);
        }
    }

    /// Makes the rows anew; the cursor stays on its node.
    fn arrange(&mut self, fleet: &Fleet) {
        let Some(index) = &self.index else { return };
        self.stale = false;
        self.news = true;
        if std::mem::take(&mut self.unfolds) {
            self.unfolded.extend(found(fleet, index));
        }
        let mut rows = Vec::new();
        let unfolded = |node: Node| self.unfolded.contains(&node);
        for (i, site) in fleet.topology.sites.iter().enumerate().filter(|(i, _)| index.site(*i).hosts > 0) {
            let node = Node::Site(SiteId(i as u16));
            rows.push(node);
            let clusters = site.clusters.iter().filter(|c| index.cluster(c.index()).hosts > 0);
            for &cluster in clusters.filter(|_| unfolded(node)) {
                rows.push(Node::Cluster(cluster));
                if !unfolded(Node::Cluster(cluster)) {
                    continue;
                }
                let hosts = fleet.topology.clusters[cluster.index()].hosts.clone().map(HostId);
                let mut hosts: Vec<HostId> = hosts.filter(|host| index.shows(*host)).collect();
                if self.by_load {
                    hosts.sort_by(|a, b| index.host(b.index()).load().total_cmp(&index.host(a.index()).load()));
                }
                for host in hosts {
                    rows.push(Node::Host(host));
                    if unfolded(Node::Host(host)) {
                        rows.extend(index.on(host).iter().map(|&vm| Node::Vm(vm)));
                    }
                }
            }
        }
        if !index.nowhere().is_empty() {
            rows.push(Node::Nowhere);
            if unfolded(Node::Nowhere) {
                rows.extend(index.nowhere().iter().map(|&vm| Node::Vm(vm)));
            }
        }
        self.rows = rows;
        if let Some(row) = self.at.and_then(|node| self.rows.iter().position(|n| *n == node)) {
            self.cursor.row = row;
        }
    }

    fn fold(&mut self, node: Node, unfold: bool) {
        if matches!(node, Node::Vm(_)) {
            return;
        }
        if unfold {
            self.unfolded.insert(node);
        } else {
            self.unfolded.remove(&node);
        }
        self.stale = true;
    }

    /// Counts how many VMs of each host are marked, where that may have changed.
    pub(crate) fn count_marks(&mut self, marks: &VmSet, fleet: &Fleet) {
        let Some(index) = &self.index else { return };
        if self.marked_of == (marks.version(), index.generation) {
            return;
        }
        self.marked_of = (marks.version(), index.generation);
        let hosts = index.len();
        self.marked.clear();
        self.marked.resize(hosts + 1, 0);
        for vm in marks.iter().filter(|&vm| fleet.vms.exists(vm)) {
            let host = fleet.vms.row(vm).host.map_or(hosts, |host| host.index().min(hosts));
            self.marked[host] += 1;
        }
    }

    /// How many VMs below a node are marked.
    pub(crate) fn marked(&self, node: Node, fleet: &Fleet) -> u32 {
        let on = |host: usize| self.marked.get(host).copied().unwrap_or(0);
        let cluster = |id: ClusterId| fleet.topology.clusters[id.index()].hosts.clone().map(|h| on(h as usize)).sum();
        match node {
            Node::Site(site) => {
                fleet.topology.sites[site.index()].clusters.iter().map(|c| -> u32 { cluster(*c) }).sum()
            }
            Node::Cluster(id) => cluster(id),
            Node::Host(host) => on(host.index()),
            Node::Nowhere => self.marked.last().copied().unwrap_or(0),
            Node::Vm(_) => 0,
        }
    }

    /// Hosts below a node.
    fn hosts_below(node: Node, fleet: &Fleet) -> Vec<HostId> {
        let cluster = |id: &ClusterId| fleet.topology.clusters[id.index()].hosts.clone().map(HostId);
        match node {
            Node::Site(site) => fleet.topology.sites[site.index()].clusters.iter().flat_map(cluster).collect(),
            Node::Cluster(id) => cluster(&id).collect(),
            Node::Host(host) => vec![host],
            Node::Nowhere | Node::Vm(_) => Vec::new(),
        }
    }
}

/// The nodes above all VMs that a filter found.
fn found(fleet: &Fleet, index: &Index) -> Vec<Node> {
    let with_vms = fleet.topology.host_ids().filter(|&host| !index.on(host).is_empty());
    let above = with_vms.flat_map(|id| {
        let host = fleet.topology.host(id);
        [Node::Site(host.site), Node::Cluster(host.cluster), Node::Host(id)]
    });
    above.chain([Node::Nowhere]).collect()
}

/// What a filter means: VMs, with hosts whose name a lone word is part of; hosts where only those have such a field.
fn only(text: &str) -> Result<Only, crate::fleet::SelectError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Only::All);
    }
    let lone = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    match (Selection::quick_vms(text), Selection::hosts(text)) {
        (Ok(vms), _) => Ok(Only::Vms(Arc::new(vms), lone.then(|| text.into()))),
        (Err(_), Ok(hosts)) => Ok(Only::Hosts(Arc::new(hosts))),
        (Err(error), Err(_)) => Err(error),
    }
}

impl PageView for TreePage {
    fn context(&self) -> Context {
        Context::Tree
    }

    fn settle(&mut self, around: &Around<'_>, room: Rect) {
        let fleet = &around.snapshot.fleet;
        self.gather(fleet);
        if self.stale {
            self.arrange(fleet);
        }
        let above = 1 + self.filter_box.lines();
        self.room = Rect { y: room.y + above, height: room.height.saturating_sub(above), ..room };
        self.cursor.settle(self.rows.len(), usize::from(self.room.height));
        self.at = self.node();
    }

    fn step(&mut self, by: isize) {
        self.cursor.step(by);
        self.at = self.node();
    }

    /// Right unfolds, or goes to the first child; left folds, or goes to the parent.
    fn side(&mut self, by: i32) {
        let Some(node) = self.node() else { return };
        match (by > 0, self.is_unfolded(node)) {
            (true, false) => self.fold(node, true),
            (true, true) => self.cursor.row += 1,
            (false, true) => self.fold(node, false),
            (false, false) => {
                let above = self.rows[..self.cursor.row].iter().rposition(|n| n.depth() < node.depth());
                self.cursor.row = above.unwrap_or(self.cursor.row);
            }
        }
        self.at = self.node();
    }

    fn rows(&self) -> isize {
        self.cursor.height as isize
    }

    fn open(&mut self, _: &Around<'_>) -> Go {
        match self.node() {
            Some(Node::Vm(vm)) => Go::Into(Page::Vm(vm)),
            Some(node) => {
                self.fold(node, !self.is_unfolded(node));
                Go::Stay
            }
            None => Go::Stay,
        }
    }

    /// A click on the row under the cursor folds or unfolds it.
    fn click(&mut self, at: Position, _: &Around<'_>) {
        if !self.room.contains(at) {
            return;
        }
        let row = self.cursor.top + usize::from(at.y - self.room.y);
        if row == self.cursor.row
            && let Some(node) = self.node()
        {
            self.fold(node, !self.is_unfolded(node));
        }
        self.cursor.row = row;
        self.at = self.node();
    }

    fn filter(&mut self) -> Option<&mut FilterBox> {
        Some(&mut self.filter_box)
    }

    fn filter_seen(&self) -> Option<&FilterBox> {
        Some(&self.filter_box)
    }

    fn set_filter(&mut self, text: &str, saved: &Saved) {
        let found = saved.expand(text).and_then(|meant| only(&meant.text).map_err(|error| meant.error(error)));
        match found {
            Ok(only) => {
                self.filter_box.error = None;
                text.trim().clone_into(&mut self.filter_box.text);
                self.only = only;
                self.unfolds = true;
                self.asked = None;
                self.generation += 1;
                self.gatherer.give_up(self.generation);
            }
            Err(error) => self.filter_box.error = Some(error),
        }
    }

    fn vms(&self, around: &Around<'_>) -> Vec<VmId> {
        let (Some(node), Some(index)) = (self.node(), &self.index) else { return Vec::new() };
        let fleet = &around.snapshot.fleet;
        match node {
            Node::Vm(vm) => vec![vm],
            Node::Nowhere => index.nowhere().to_vec(),
            _ => Self::hosts_below(node, fleet).into_iter().flat_map(|host| index.on(host)).copied().collect(),
        }
    }

    fn shown_vms(&self) -> Option<&[VmId]> {
        Some(self.index.as_ref().map_or(&[], Index::all))
    }

    fn has_vms(&self, _: &Around<'_>) -> bool {
        let Some(index) = &self.index else { return false };
        match self.node() {
            None => false,
            Some(Node::Site(site)) => index.site(site.index()).vms > 0,
            Some(Node::Cluster(cluster)) => index.cluster(cluster.index()).vms > 0,
            Some(Node::Host(host)) => !index.on(host).is_empty(),
            Some(Node::Nowhere | Node::Vm(_)) => true,
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.asked {
            Some(_) if self.in_flight => Some(Instant::now() + POLL),
            Some((at, ..)) => self.behind.then(|| at + GATHER),
            None => Some(Instant::now()),
        }
    }

    fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    fn host(&self, around: &Around<'_>) -> Option<HostId> {
        match self.node()? {
            Node::Host(host) => Some(host),
            Node::Vm(vm) => around.snapshot.fleet.vms.row(vm).host,
            Node::Site(_) | Node::Cluster(_) | Node::Nowhere => None,
        }
    }
}

#[cfg(test)]
mod tests;
