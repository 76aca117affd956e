//! Flows that share links max-min fairly.
//!
//! In a max-min fair allocation each flow has a bottleneck: a full link on which no other flow has more, or its own
//! cap (Bertsekas and Gallager, "Data Networks", section 6.5). It is found by raising all rates together and freezing
//! the flows of each link that fills up.
//!
//! A change touches only what it can reach. Raising proceeds exactly as before up to the lowest rate at which a
//! changed flow was, or will be, frozen; so slower flows keep their rates, and of the others only those are computed
//! again that hang together with the change over common links.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most links that one flow passes: a NIC, the link between two sites, a NIC.
const PATH: usize = 3;

/// Rates that differ by less than this share are the same rate, computed in another order.
const SAME: f64 = 1e-9;

/// A flow's number, given again once the flow is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowId(pub(super) u32);

#[derive(Debug, Clone, Default)]
struct Link {
    capacity: f64,
    flows: Vec<u32>,
    seen: u32,
    residual: f64,
    open: u32,
}

#[derive(Debug, Clone, Default)]
struct Flow {
    links: [u32; PATH],
    /// Where it stands in each of its links' lists.
    places: [u32; PATH],
    hops: u8,
    /// Not yet part of any allocation.
    fresh: bool,
    /// Still being raised.
    open: bool,
    live: bool,
    seen: u32,
    cap: f64,
    rate: f64,
    /// The rate that is being computed.
    next: f64,
    /// What the owner knows it by.
    owner: u32,
}

/// Links and the flows over them; rates in bytes per second.
#[derive(Debug, Default)]
pub(super) struct Network {
    links: Vec<Link>,
    flows: Vec<Flow>,
    free: Vec<u32>,
    /// Links whose flows may have to change.
    touched: Vec<u32>,
    fresh: Vec<u32>,
    /// No flow slower than this can change.
    floor: f64,
    stamp: u32,
    candidates: Vec<u32>,
    capped: Vec<u32>,
    reached: Vec<u32>,
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Network {
    /// A network of links with these capacities and no flow.
    pub(super) fn new(capacities: impl IntoIterator<Item = f64>) -> Self {
        let links = capacities.into_iter().map(|capacity| Link { capacity, ..Link::default() }).collect();
        Self { links, floor: f64::INFINITY, ..Self::default() }
    }

    /// Adds a flow over one to three links that never exceeds `cap`. It has no rate before the next
    /// [`solve`](Self::solve).
    pub(super) fn add(&mut self, path: &[u32], cap: f64, owner: u32) -> FlowId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.flows.push(Flow::default());
            (self.flows.len() - 1) as u32
        });
        let mut flow =
            Flow { hops: path.len() as u8, fresh: true, live: true, cap, owner, seen: self.stamp, ..Flow::default() };
        for (i, &link) in path.iter().enumerate() {
            flow.links[i] = link;
            flow.places[i] = self.links[link as usize].flows.len() as u32;
            self.links[link as usize].flows.push(id);
        }
        self.touched.extend_from_slice(path);
        self.fresh.push(id);
        self.flows[id as usize] = flow;
        FlowId(id)
    }

    /// Takes a flow away.
    pub(super) fn remove(&mut self, flow: FlowId) {
        let gone = std::mem::take(&mut self.flows[flow.0 as usize]);
        self.free.push(flow.0);
        for i in 0..usize::from(gone.hops) {
            let link = gone.links[i];
            let list = &mut self.links[link as usize].flows;
            list.swap_remove(gone.places[i] as usize);
            if let Some(&moved) = list.get(gone.places[i] as usize) {
                let moved = &mut self.flows[moved as usize];
                if let Some(j) = (0..usize::from(moved.hops)).find(|&j| moved.links[j] == link) {
                    moved.places[j] = gone.places[i];
                }
            }
            self.touched.push(link);
        }
        if !gone.fresh {
            self.floor = self.floor.min(gone.rate);
        }
    }

    /// Changes what a link can carry.
    pub(super) fn set_capacity(&mut self, link: u32, capacity: f64) {
        self.links[link as usize].capacity = capacity;
        self.touched.push(link);
        self.floor = 0.0;
    }

    /// A flow's rate as of the last [`solve`](Self::solve).
    pub(super) fn rate(&self, flow: FlowId) -> f64 {
        self.flows[flow.0 as usize].rate
    }

    /// What a link carries as of the last [`solve`](Self::solve).
    pub(super) fn carried(&self, link: u32) -> f64 {
        self.links[link as usize].flows.iter().map(|&f| self.flows[f as usize].rate).sum()
    }

    /// Whether anything changed since the last [`solve`](Self::solve).
    pub(super) fn is_stale(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Computes the rates that changes since the last call touch, and adds the owners of the flows whose rate is
    /// another one now, or their first, to `changed`.
    pub(super) fn solve(&mut self, changed: &mut Vec<u32>) {
        self.reach();
        self.open();
        self.fill();
        for &id in &self.candidates {
            let flow = &mut self.flows[id as usize];
            if flow.fresh || (flow.next - flow.rate).abs() > SAME * flow.rate {
                flow.fresh = false;
                flow.rate = flow.next;
                changed.push(flow.owner);
            }
        }
        self.floor = f64::INFINITY;
        self.touched.clear();
        self.fresh.clear();
    }

    /// Gathers the flows that may change and all their links.
    fn reach(&mut self) {
        for &id in &self.fresh {
            let flow = &self.flows[id as usize];
            if !(flow.live && flow.fresh) {
                continue;
            }
            // A flow gets at least an even share of each of its links, or its cap.
            let least = flow.links[..usize::from(flow.hops)]
                .iter()
                .map(|&l| self.links[l as usize].capacity / self.links[l as usize].flows.len() as f64)
                .fold(flow.cap, f64::min);
            self.floor = self.floor.min(least);
        }
        let floor = self.floor * (1.0 - 1e-6);
        self.stamp = self.stamp.wrapping_add(1);
        self.candidates.clear();
        self.reached.clear();
        for &link in &self.touched {
            if self.links[link as usize].seen != self.stamp {
                self.links[link as usize].seen = self.stamp;
                self.reached.push(link);
            }
        }
        let mut next = 0;
        while let Some(&link) = self.reached.get(next) {
            next += 1;
            for i in 0..self.links[link as usize].flows.len() {
                let id = self.links[link as usize].flows[i];
                let flow = &mut self.flows[id as usize];
                if flow.seen == self.stamp || !(flow.fresh || flow.rate >= floor) {
                    continue;
                }
                flow.seen = self.stamp;
                self.candidates.push(id);
                for &other in &flow.links[..usize::from(flow.hops)] {
                    if self.links[other as usize].seen != self.stamp {
                        self.links[other as usize].seen = self.stamp;
                        self.reached.push(other);
                    }
                }
            }
        }
    }

    /// Sets up what each reached link has for its candidates.
    fn open(&mut self) {
        self.heap.clear();
        let mut heap = std::mem::take(&mut self.heap).into_vec();
        for &id in &self.reached {
            let link = &mut self.links[id as usize];
            let (mut residual, mut open) = (link.capacity, 0);
            for &f in &link.flows {
                let flow = &self.flows[f as usize];
                if flow.seen == self.stamp {
                    open += 1;
                } else {
                    residual -= flow.rate;
                }
            }
            (link.residual, link.open) = (residual, open);
            if open > 0 {
                heap.push(Reverse((level(residual, open).to_bits(), id)));
            }
        }
        self.heap = heap.into();
        self.capped.clear();
        for &id in &self.candidates {
            let flow = &mut self.flows[id as usize];
            flow.open = true;
            if flow.cap.is_finite() {
                self.capped.push(id);
            }
        }
        let flows = &self.flows;
        self.capped.sort_unstable_by(|&a, &b| flows[b as usize].cap.total_cmp(&flows[a as usize].cap).then(b.cmp(&a)));
    }

    /// Raises the candidates' rates together until each is frozen.
    fn fill(&mut self) {
        while let Some(Reverse((bits, id))) = self.heap.pop() {
            let link = &self.links[id as usize];
            if link.open == 0 {
                continue;
            }
            // Freezing flows elsewhere only raises a link's level: the lowest entry that is still true is the next.
            let now = level(link.residual, link.open);
            if now > f64::from_bits(bits) {
                self.heap.push(Reverse((now.to_bits(), id)));
                continue;
            }
            if let Some(&f) = self.capped.last()
                && self.flows[f as usize].cap <= now
            {
                self.capped.pop();
                self.freeze(f, self.flows[f as usize].cap);
                self.heap.push(Reverse((bits, id)));
                continue;
            }
            for i in 0..self.links[id as usize].flows.len() {
                self.freeze(self.links[id as usize].flows[i], now);
            }
        }
    }

    fn freeze(&mut self, flow: u32, rate: f64) {
        let flow = &mut self.flows[flow as usize];
        if !flow.open {
            return;
        }
        flow.open = false;
        flow.next = rate;
        for &link in &flow.links[..usize::from(flow.hops)] {
            let link = &mut self.links[link as usize];
            link.residual -= rate;
            link.open -= 1;
        }
    }
}

/// The rate that each of `open` flows gets of what is left.
fn level(residual: f64, open: u32) -> f64 {
    residual.max(0.0) / f64::from(open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Progressive filling over everything, straight from the definition.
    fn reference(capacities: &[f64], flows: &[(Vec<u32>, f64)]) -> Vec<f64> {
        let mut rates = vec![None; flows.len()];
        while rates.iter().any(Option::is_none) {
            let share = |link: usize| {
                let on = |f: &&(usize, &(Vec<u32>, f64))| f.1.0.contains(&(link as u32));
                let all: Vec<_> = flows.iter().enumerate().collect();
                let used: f64 = all.iter().filter(on).filter_map(|f| rates[f.0]).sum();
                let open = all.iter().filter(on).filter(|f| rates[f.0].is_none()).count();
                if open == 0 { f64::INFINITY } else { (capacities[link] - used).max(0.0) / open as f64 }
            };
            let shares: Vec<f64> = (0..capacities.len()).map(share).collect();
            let lowest = shares.iter().copied().fold(f64::INFINITY, f64::min);
            let cap =
                flows.iter().zip(&rates).filter(|(_, r)| r.is_none()).map(|(f, _)| f.1).fold(f64::INFINITY, f64::min);
            for (flow, rate) in flows.iter().zip(&mut rates).filter(|(_, r)| r.is_none()) {
                if cap <= lowest {
                    if flow.1 == cap {
                        *rate = Some(cap);
                    }
                } else if flow.0.iter().any(|&l| shares[l as usize] <= lowest * (1.0 + 1e-12)) {
                    *rate = Some(lowest);
                }
            }
        }
        rates.into_iter().map(Option::unwrap).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(Vec<u32>, f64),
        Remove(usize),
        Capacity(u32, f64),
        Solve,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (proptest::collection::btree_set(0u32..12, 1..=3), prop_oneof![3 => Just(f64::INFINITY), 1 => 1.0f64..60.0])
                .prop_map(|(path, cap)| Step::Add(path.into_iter().collect(), cap)),
            2 => (0usize..1000).prop_map(Step::Remove),
            1 => (0u32..12, prop_oneof![Just(0.0), 1.0f64..200.0]).prop_map(|(l, c)| Step::Capacity(l, c)),
            4 => Just(Step::Solve),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn partial_solutions_are_the_whole_one(steps in proptest::collection::vec(step(), 1..120)) {
            let mut capacities: Vec<f64> = (0..12).map(|i| 100.0 + f64::from(i % 3) * 50.0).collect();
            let mut network = Network::new(capacities.clone());
            let mut flows: Vec<(FlowId, (Vec<u32>, f64))> = Vec::new();
            for s in steps.into_iter().chain([Step::Solve]) {
                match s {
                    Step::Add(path, cap) => flows.push((network.add(&path, cap, 0), (path, cap))),
                    Step::Remove(i) if !flows.is_empty() => {
                        let gone = flows.swap_remove(i % flows.len());
                        network.remove(gone.0);
                    }
                    Step::Remove(_) => {}
                    Step::Capacity(link, capacity) => {
                        capacities[link as usize] = capacity;
                        network.set_capacity(link, capacity);
                    }
                    Step::Solve => {
                        network.solve(&mut Vec::new());
                        let plain: Vec<_> = flows.iter().map(|f| f.1.clone()).collect();
                        for (want, (id, flow)) in reference(&capacities, &plain).into_iter().zip(&flows) {
                            let rate = network.rate(*id);
                            prop_assert!((rate - want).abs() <= 1e-6 * (1.0 + want), "{rate} for {want}: {flow:?}");
                        }
                        for (link, &capacity) in capacities.iter().enumerate() {
                            prop_assert!(network.carried(link as u32) <= capacity * (1.0 + 1e-6) + 1e-9);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_change_far_away_is_not_computed_again() {
        let mut network = Network::new([100.0; 4]);
        network.add(&[0, 1], f64::INFINITY, 1);
        let gone = network.add(&[2, 3], f64::INFINITY, 2);
        network.add(&[2, 3], f64::INFINITY, 3);
        let mut changed = Vec::new();
        network.solve(&mut changed);
        assert_eq!(changed, [1, 2, 3]);
        changed.clear();
        network.remove(gone);
        network.solve(&mut changed);
        assert_eq!(changed, [3]);
        assert_eq!(network.candidates.len(), 1);
    }
}
