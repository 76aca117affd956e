use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

fn plan(shape: Shape, sites: &[usize]) -> Plan {
    let mut plan = Plan::new(shape, true);
    for &site in sites {
        let host = plan.join(site);
        plan.lacks(host);
    }
    plan
}

#[test]
fn a_chain_enters_each_site_once_and_passes_each_host_once() {
    let started = plan(Shape::Chain, &[0, 0, 0, 1, 1, 1]).due(&[]);
    let from = |host| Source::Host(host);
    // The origin is busy with the first site: the second gets it from there.
    assert_eq!(started[..3], [(0, Source::Origin), (1, from(0)), (2, from(1))]);
    assert_eq!(started[3..], [(3, from(0)), (4, from(3)), (5, from(4))]);
}

#[test]
fn a_tree_passes_to_two_and_copies_all_come_from_one() {
    let started = plan(Shape::Tree, &[0; 7]).due(&[]);
    let mut to: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, source) in &started[1..] {
        let Source::Host(from) = source else { panic!("{started:?}") };
        *to.entry(*from).or_default() += 1;
    }
    assert_eq!(to, BTreeMap::from([(0, 2), (1, 2), (2, 2)]));
    assert!(plan(Shape::Copies, &[0, 0, 1]).due(&[]).iter().all(|(_, source)| *source == Source::Origin));
}

#[test]
fn what_is_there_is_passed_on_and_never_brought_again() {
    let mut plan = plan(Shape::Chain, &[0, 0, 1]);
    plan.has(1);
    assert_eq!(plan.due(&[]), [(0, Source::Host(1)), (2, Source::Origin)]);
    plan.has(0);
    plan.has(2);
    assert!(plan.due(&[]).is_empty());
    let late = plan.join(1);
    assert!(plan.due(&[]).is_empty(), "nobody knows yet whether it lacks it");
    plan.lacks(late);
    assert_eq!(plan.due(&[]), [(late, Source::Host(2))]);
}

#[test]
fn a_host_that_keeps_failing_is_routed_around() {
    let mut plan = plan(Shape::Chain, &[0, 0, 0]);
    assert_eq!(plan.due(&[]).len(), 3);
    for _ in 1..ATTEMPTS {
        assert!(plan.broke(1).is_empty(), "the one behind waits for it");
        assert_eq!(plan.due(&[]).len(), 1);
    }
    assert_eq!(plan.broke(1), [2]);
    assert_eq!((plan.state(1), plan.due(&[])), (State::Failed, vec![(2, Source::Host(0))]));
}

/// What may happen to a host each time that it receives.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Arrives,
    Breaks,
    /// It never gets through.
    Dead,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![6 => Just(Luck::Arrives), 3 => Just(Luck::Breaks), 1 => Just(Luck::Dead)]
}

proptest! {
    /// Whatever breaks, in whatever order things end: every host that can get the image has it in the end, each site is
    /// entered no more often than something broke, nobody passes it to more than the shape says, and nobody waits for
    /// what hangs on itself.
    #[test]
    fn everybody_gets_it_who_can(
        shape in prop_oneof![Just(Shape::Chain), Just(Shape::Tree), Just(Shape::Copies)],
        hosts in prop::collection::vec((0_usize..4, any::<bool>(), luck()), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 400),
    ) {
        let mut plan = Plan::new(shape, true);
        let mut broke_once = HashSet::new();
        for &(site, there, _) in &hosts {
            let host = plan.join(site);
            if there { plan.has(host) } else { plan.lacks(host) }
        }
        let mut running: Vec<(usize, Source)> = Vec::new();
        let (mut entered, mut broken) = (0, 0);
        let mut order = order.into_iter();
        loop {
            for (host, source) in plan.due(&[]) {
                prop_assert!(!hosts[host].1, "it was there");
                prop_assert!(running.iter().all(|(other, _)| *other != host), "twice at once");
                if let Source::Host(from) = source {
                    prop_assert!(matches!(plan.state(from), State::Has | State::Receives(_)));
                    prop_assert!(!plan.hangs_on(from, host), "a ring");
                }
                entered += usize::from(match source {
                    Source::Origin => true,
                    Source::Host(from) => hosts[from].0 != hosts[host].0,
                });
                running.push((host, source));
            }
            for from in 0..hosts.len() {
                let to = |same: bool| running.iter().filter(|(to, source)| {
                    *source == Source::Host(from) && (hosts[*to].0 == hosts[from].0) == same
                }).count();
                prop_assert!(to(true) <= shape.fan_out() && to(false) <= shape.fan_out());
            }
            // Only who takes from somebody who has it all can be done.
            let ends: Vec<usize> = (0..running.len()).filter(|&i| match running[i].1 {
                Source::Origin => true,
                Source::Host(from) => plan.state(from) == State::Has || !matches!(hosts[running[i].0].2, Luck::Arrives),
            }).collect();
            if ends.is_empty() {
                prop_assert!(running.is_empty(), "stuck: {running:?}");
                break;
            }
            let Some(index) = order.next() else { break };
            let (host, _) = running.remove(ends[index.index(ends.len())]);
            let breaks = match hosts[host].2 {
                Luck::Arrives => false,
                Luck::Breaks => broke_once.insert(host),
                Luck::Dead => true,
            };
            if breaks {
                broken += 1;
                for hung in plan.broke(host) {
                    broken += 1;
                    running.retain(|(other, _)| *other != hung);
                }
            } else {
                plan.has(host);
            }
        }
        for (host, (_, there, luck)) in hosts.iter().enumerate() {
            let dead = matches!(luck, Luck::Dead) && !there;
            prop_assert_eq!(plan.state(host), if dead { State::Failed } else { State::Has });
        }
        let sites: HashSet<usize> = hosts.iter().map(|(site, ..)| *site).collect();
        if shape != Shape::Copies {
            prop_assert!(entered <= sites.len() + broken, "{entered} into {} sites, {broken} broke", sites.len());
        }
    }
}
