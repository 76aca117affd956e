//! Tests of the selection language: against a naive evaluation of trees, and case by case.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Bytes, Finding, HostRow, HostState, NewHost, OpId, Rate, Time, Topology, VmState};
use super::*;

/// Two sites, three clusters, nine hosts, VMs in every state spread over them and two that are nowhere.
fn fleet() -> Fleet {
    let mut topology = Topology::new("test");
    for (site, cluster, hosts) in [("rennes", "paradoxe", 4), ("rennes", "parasilo", 3), ("nantes", "ecotype", 2)] {
        let site = topology.site(site);
        let host = |i| NewHost {
            name: format!("{cluster}-{i}"),
            cores: 4,
            memory: Bytes::mib(8192),
            nic: Rate(1e9),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, cluster, (1..=hosts).map(host));
    }
    let mut fleet = Fleet::new(Arc::new(topology));
    fleet.now = Time::from_secs_f64(1000.0);
    let small = fleet.class_named("small");
    let big = fleet.class_named("big");
    for i in 0..60u32 {
        let row = super::super::VmRow {
            state: VmState::SHOWN[i as usize % 12],
            finding: [Finding::None, Finding::NonConverging, Finding::NoProgress][i as usize % 3],
            managed: i % 5 != 0,
            stressed: i % 4 == 0,
            vcpus: 1 + (i % 2) as u8,
            class: [0, small, big][i as usize % 3],
            host: (i % 10 != 9).then_some(HostId(i % 9)),
            op: OpId(i % 4),
            cpu: 100 * (i % 11),
            memory: 512 * (1 + i % 4),
            dirty: 1000 * i,
            net: i,
            since: 1000 - i * 10,
            ..Default::default()
        };
        fleet.vms.push(&format!("{}-{i}", if i % 2 == 0 { "vm" } else { "Web Server" }), row);
    }
    for i in 0..9 {
        fleet.hosts.update(HostId(i), |row: &mut HostRow| {
            row.state = HostState::ALL[i as usize % 7];
            row.vms = i;
            row.memory = 1024 * i;
            row.net_rx = 500 * i;
            row.demand(1000 * i, 4, Time::ZERO);
        });
    }
    fleet
}

fn names(fleet: &Fleet, text: &str) -> Vec<String> {
    let selection = Selection::vms(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    selection.select_vms(fleet).into_iter().map(|vm| fleet.vms.name(vm).to_owned()).collect()
}

fn count(fleet: &Fleet, text: &str) -> usize {
    names(fleet, text).len()
}

fn hosts(fleet: &Fleet, text: &str) -> Vec<String> {
    let selection = Selection::hosts(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    selection.select_hosts(fleet).into_iter().map(|host| fleet.topology.host(host).name.to_string()).collect()
}

#[test]
fn not_binds_before_and_and_before_or() {
    let fleet = fleet();
    assert_eq!(names(&fleet, "vm-2 or vm-4 and vm-6"), ["vm-2"]);
    assert_eq!(names(&fleet, "(vm-2 or vm-4) and vm-4"), ["vm-4"]);
    assert_eq!(names(&fleet, "vm-2 or vm-4 not vm-4"), ["vm-2"]);
    assert_eq!(names(&fleet, "not vm-2 vm-?"), ["vm-0", "vm-4", "vm-6", "vm-8"]);
    assert_eq!(names(&fleet, "!(not vm-2)"), ["vm-2"]);
    assert_eq!(names(&fleet, "not not vm-2"), ["vm-2"]);
    assert_eq!(count(&fleet, "all"), 60);
    assert_eq!(count(&fleet, "not all"), 0);
}

#[test]
fn patterns_match_whole_names_with_wildcards() {
    let fleet = fleet();
    assert_eq!(count(&fleet, "vm"), 0);
    assert_eq!(count(&fleet, "vm*"), 30);
    assert_eq!(count(&fleet, "VM*"), 0);
    assert_eq!(count(&fleet, "name:vm-1?"), 5);
    assert_eq!(count(&fleet, "name=*-1*"), 11);
    assert_eq!(names(&fleet, "\"Web Server-3\""), ["Web Server-3"]);
    assert_eq!(names(&fleet, r#""Web Server-\?""#), Vec::<String>::new());
    assert_eq!(count(&fleet, "\"Web*-?\""), 5);
    assert_eq!(count(&fleet, "*e*S?rv*-1*"), 6);
}

#[test]
fn hosts_go_by_short_or_full_name() {
    let fleet = fleet();
    assert_eq!(count(&fleet, "host:paradoxe-1"), 6);
    assert_eq!(names(&fleet, "host:paradoxe-1.rennes.grid5000.fr"), names(&fleet, "host:paradoxe-1"));
    assert_eq!(count(&fleet, "host:paradoxe-1.nantes.grid5000.fr"), 0);
    assert_eq!(names(&fleet, "host:*.nantes.*"), names(&fleet, "site:nantes"));
    assert_eq!(names(&fleet, "cluster:para*"), names(&fleet, "site:rennes"));
    assert_eq!(count(&fleet, "not host:*"), 6);
    assert_eq!(hosts(&fleet, "ecotype-*.nantes.grid5000.fr"), ["ecotype-1", "ecotype-2"]);
    assert_eq!(hosts(&fleet, "site:nantes or paradoxe-3"), ["paradoxe-3", "ecotype-1", "ecotype-2"]);
}

#[test]
fn numbers_have_units() {
    let fleet = fleet();
    assert_eq!(count(&fleet, "memory >= 1 GiB"), 45);
    assert_eq!(count(&fleet, "memory=1GiB"), 15);
    assert_eq!(count(&fleet, "memory = 1024 MiB"), 15);
    assert_eq!(count(&fleet, "since > 9m"), 5);
    assert_eq!(count(&fleet, "since > 9 m vm*"), 2);
    assert_eq!(count(&fleet, "since<=\"0h 0m 10s\""), 2);
    assert_eq!(count(&fleet, "dirty > 10 MB/s"), 50);
    assert_eq!(count(&fleet, "op:3"), 15);
    assert_eq!(count(&fleet, "op:#3 or op > 2"), 15);
    assert_eq!(names(&fleet, "cpu >= 100 %"), ["vm-10", "vm-32", "vm-54"]);
    assert_eq!(hosts(&fleet, "vms > 6"), ["ecotype-1", "ecotype-2"]);
    assert_eq!(hosts(&fleet, "cpu > 150 %"), ["ecotype-1", "ecotype-2"]);
    assert_eq!(hosts(&fleet, "memory > 80 %"), ["ecotype-1", "ecotype-2"]);
    assert_eq!(hosts(&fleet, "memory <= 1 GiB"), ["paradoxe-1", "paradoxe-2"]);
    assert_eq!(hosts(&fleet, "net = 512000 B/s"), ["paradoxe-2"]);
}

#[test]
fn states_findings_classes_and_tags() {
    let fleet = fleet();
    assert_eq!(count(&fleet, "state:up"), 5);
    assert_eq!(count(&fleet, "state:p*"), 15);
    assert_eq!(count(&fleet, "finding:*"), 40);
    assert_eq!(count(&fleet, "finding:none"), 20);
    assert_eq!(count(&fleet, "finding:non-converging"), 20);
    assert_eq!(count(&fleet, "class:small"), 20);
    assert_eq!(count(&fleet, "class:*"), 40);
    assert_eq!(count(&fleet, "tag:stressed"), 15);
    assert_eq!(count(&fleet, "tag:unmanaged"), 12);
    assert_eq!(hosts(&fleet, "state:over"), ["parasilo-2", "parasilo-3", "ecotype-1", "ecotype-2"]);
    assert_eq!(hosts(&fleet, "state:ready"), ["paradoxe-3"]);
}

#[test]
fn the_quick_filter_reads_bare_words_as_parts() {
    let fleet = fleet();
    let quick = |text: &str| Selection::quick_vms(text).unwrap().select_vms(&fleet).len();
    assert_eq!(quick("web"), 30);
    assert_eq!(quick("WEB server"), 30);
    assert_eq!(quick("\"b s\""), 30);
    assert_eq!(quick("m-1?"), 5);
    assert_eq!(quick("web state:up"), count(&fleet, "\"Web*\" state:up"));
    assert_eq!(quick("  "), 60);
    assert!(Selection::quick_vms("").unwrap().is_all());
}

#[test]
fn errors_name_column_found_and_expected() {
    let message = |text: &str| Selection::vms(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            "",
            "(a",
            "a)",
            "a or",
            "a or or b",
            "and a",
            "not",
            "site:",
            "site:)",
            "colour:red",
            "sitee:rennes",
            "vms > 3",
            "site > rennes",
            "cpu > 50",
            "cpu > fifty %",
            "memory > 1 GHz",
            "since > 5",
            "state:runing",
            "finding:load-of",
            "state != up",
            "é \"ab",
            "name:\"\"",
            "a:b:c",
            "op:x",
            "cpu >",
            "tag:old",
            "() a",
            "a <= 3",
        ]
        .map(|text| format!("{text:14} {}", message(text)))
        .join("\n")
    );
    let message = |text: &str| Selection::hosts(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        ["class:small", "state:up", "vms > many", "memory > much"]
            .map(|text| format!("{text:14} {}", message(text)))
            .join("\n")
    );
}

#[test]
fn depth_and_length_are_bounded_by_memory_only() {
    let fleet = fleet();
    let deep = format!("{}vm-2{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(names(&fleet, &deep), ["vm-2"]);
    assert_eq!(count(&fleet, &format!("{}vm-2", "not ".repeat(100_001))), 59);
    assert_eq!(count(&fleet, &format!("{}vm-2{}", "not (".repeat(10_000), ")".repeat(10_000))), 1);
    let wide: Vec<_> = (0..10_000).map(|i| format!("vm-{i}")).collect();
    assert_eq!(count(&fleet, &wide.join(" or ")), 30);
    assert_eq!(count(&fleet, &vec!["vm*"; 10_000].join(" ")), 30);
    let error = Selection::vms(&"(".repeat(10_000)).unwrap_err();
    assert_eq!(error.column, 10_001);
}

#[test]
fn references_are_the_names_without_wildcards() {
    let selection =
        Selection::vms("site:rennes or not (host:\"paradoxe-1\" cluster:para*) or vm-1 class:small").unwrap();
    let references: Vec<_> = selection.references().map(|to| (to.to, to.name, to.column)).collect();
    assert_eq!(
        references,
        [(Referent::Site, "rennes", 6), (Referent::Host, "paradoxe-1", 26), (Referent::Class, "small", 68)]
    );
    let selection = Selection::hosts("site:nantes or h-1").unwrap();
    let references: Vec<_> = selection.references().map(|to| (to.to, to.name, to.column)).collect();
    assert_eq!(references, [(Referent::Site, "nantes", 6), (Referent::Host, "h-1", 16)]);
}

/// A selection as a tree, its text, and what it should select.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(usize),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

type Reference = fn(&Fleet, VmId) -> bool;

/// Tests with what they mean, written without the language.
const LEAVES: [(&str, Reference); 17] = [
    ("all", |_, _| true),
    ("vm-1*", |f, vm| f.vms.name(vm).starts_with("vm-1")),
    ("name:*Server-2?", |f, vm| f.vms.name(vm).strip_prefix("Web Server-2").is_some_and(|rest| rest.len() == 1)),
    ("\"Web Server-7\"", |f, vm| f.vms.name(vm) == "Web Server-7"),
    ("vm-2", |f, vm| f.vms.name(vm) == "vm-2"),
    ("vm-4", |f, vm| f.vms.name(vm) == "vm-4"),
    ("host:paradoxe-2.rennes.grid5000.fr", |f, vm| f.vms.row(vm).host == Some(HostId(1))),
    ("site:rennes", |f, vm| f.vms.row(vm).host.is_some_and(|h| **f.topology.site_name(h) == *"rennes")),
    ("cluster = parasilo", |f, vm| f.vms.row(vm).host.is_some_and(|h| **f.topology.cluster_name(h) == *"parasilo")),
    ("host:ecotype-2", |f, vm| f.vms.row(vm).host == Some(HostId(8))),
    ("state:migrating", |f, vm| f.vms.state(vm) == VmState::Migrating),
    ("finding:no-progress", |f, vm| f.vms.row(vm).finding == Finding::NoProgress),
    ("class:b*", |f, vm| f.class_name(&f.vms.row(vm)) == "big"),
    ("tag:stressed", |f, vm| f.vms.row(vm).stressed),
    ("cpu > 40 %", |f, vm| {
        let row = f.vms.row(vm);
        row.cpu * 10 > u32::from(row.vcpus) * 4000
    }),
    ("memory<1GiB", |f, vm| f.vms.row(vm).memory < 1024),
    ("since >= 5m", |f, vm| 1000 - f.vms.row(vm).since >= 300),
];

impl Tree {
    fn is(&self, fleet: &Fleet, vm: VmId) -> bool {
        match self {
            Self::Leaf(i) => LEAVES[*i].1(fleet, vm),
            Self::Not(tree) => !tree.is(fleet, vm),
            Self::And(a, b) => a.is(fleet, vm) & b.is(fleet, vm),
            Self::Or(a, b) => a.is(fleet, vm) | b.is(fleet, vm),
        }
    }

    /// As a person may write it: `style` picks between `not` and `!`, `and` and nothing, parentheses more than needed.
    fn write(&self, above: u8, style: &mut impl Iterator<Item = u8>) -> String {
        let pick = style.next().unwrap_or(0);
        let (level, text) = match self {
            Self::Leaf(i) => (3, LEAVES[*i].0.to_owned()),
            Self::Not(tree) => (2, format!("{}{}", ["not ", "!", "! "][usize::from(pick % 3)], tree.write(2, style))),
            Self::And(a, b) => {
                let (a, b) = (a.write(1, style), b.write(1, style));
                (1, format!("{a}{}{b}", [" and ", " ", "\tand  "][usize::from(pick % 3)]))
            }
            Self::Or(a, b) => (0, format!("{} or {}", a.write(0, style), b.write(0, style))),
        };
        if level < above || pick > 200 { format!("({text})") } else { text }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    (0..LEAVES.len()).prop_map(Tree::Leaf).prop_recursive(6, 40, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #[test]
    fn a_selection_selects_what_its_tree_says(tree in tree(), style in prop::collection::vec(any::<u8>(), 64)) {
        let fleet = fleet();
        let text = tree.write(0, &mut style.into_iter());
        let selection = Selection::vms(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let expected: Vec<_> = fleet.vms.ids().filter(|&vm| tree.is(&fleet, vm)).collect();
        let one_by_one: Vec<_> = fleet.vms.ids().filter(|&vm| selection.has_vm(&fleet, vm)).collect();
        prop_assert_eq!(&selection.select_vms(&fleet), &expected, "{}", text);
        prop_assert_eq!(&one_by_one, &expected, "{}", text);
    }

    #[test]
    fn what_is_displayed_reads_as_the_same_selection(tree in tree(), style in prop::collection::vec(any::<u8>(), 64)) {
        let fleet = fleet();
        let first = Selection::vms(&tree.write(0, &mut style.into_iter())).unwrap();
        let again = Selection::vms(&first.to_string()).map_err(|error| TestCaseError::fail(format!("{first}: {error}")))?;
        prop_assert_eq!(first.to_string(), again.to_string());
        prop_assert_eq!(again.select_vms(&fleet), first.select_vms(&fleet), "{}", first);
    }

    #[test]
    fn hosts_by_set_and_one_by_one_agree(i in 0..6usize, j in 0..6usize, or in any::<bool>()) {
        let leaves = ["site:rennes", "paradoxe-*", "state:over", "vms >= 3", "cpu > 100 %", "*.nantes.grid5000.fr"];
        let fleet = fleet();
        let text = format!("{} {} not {}", leaves[i], if or { "or" } else { "and" }, leaves[j]);
        let selection = Selection::hosts(&text).unwrap();
        let one_by_one: Vec<_> = fleet.topology.host_ids().filter(|&host| selection.has_host(&fleet, host)).collect();
        prop_assert_eq!(selection.select_hosts(&fleet), one_by_one);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_column_in_it(text in "[a-c():=<>! \"\\\\*?é%0-9\\PC]{0,40}") {
        for result in [Selection::vms(&text), Selection::hosts(&text), Selection::quick_vms(&text)] {
            match result {
                Ok(selection) => {
                    let fleet = fleet();
                    selection.select_vms(&fleet);
                    selection.select_hosts(&fleet);
                    prop_assert!(Selection::quick_vms(&selection.to_string()).is_ok());
                }
                Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column)),
            }
        }
    }

    #[test]
    fn wildcards_agree_with_a_naive_matcher(pattern in "[ab*?é]{0,8}", text in "[abé]{0,8}") {
        fn naive(pattern: &[char], text: &[char]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some(('*', rest)), _) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
                (Some(('?', pattern)), Some((_, text))) => naive(pattern, text),
                (Some((p, pattern)), Some((t, text))) => p == t && naive(pattern, text),
                _ => false,
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = naive(&chars(&pattern), &chars(&text));
        prop_assert_eq!(pattern::Pattern::new(&pattern, false).matches(&text), expected);
    }
}
