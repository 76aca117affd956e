use std::time::Duration;

use super::{Copy, Evidence, LoadSeen, Sign, diagnose, killed};
use crate::fleet::{Bytes, Finding, Time, VmState};

fn at(second: u64) -> Time {
    Time(second * 1_000_000_000)
}

/// A VM in that state since second 0, looked at after so many seconds.
fn vm(state: VmState, seconds: u64) -> Evidence {
    Evidence { now: at(seconds), state, host: "h1".into(), ..Evidence::default() }
}

fn finding(evidence: &Evidence) -> Finding {
    diagnose(evidence).map_or(Finding::None, |found| found.finding)
}

#[test]
fn an_agent_that_left_is_silent_after_a_while_and_no_longer_when_it_is_back() {
    let mut seen = vm(VmState::Up, 12);
    seen.take(at(10), &Sign::AgentSilent);
    assert_eq!(finding(&seen), Finding::None);
    seen.now = at(16);
    assert_eq!(finding(&seen), Finding::AgentSilent);
    // The first silence counts, not the last.
    seen.take(at(15), &Sign::AgentSilent);
    assert_eq!(finding(&seen), Finding::AgentSilent);
    assert_eq!(finding(&Evidence { state: VmState::Paused, paused_here: true, ..seen.clone() }), Finding::None);
    seen.take(at(16), &Sign::AgentAnswers { behind: Some(20) });
    assert_eq!(finding(&seen), Finding::None);
    assert!(seen.is_well());
}

#[test]
fn what_a_silent_agent_told_last_is_no_news() {
    let mut seen = vm(VmState::Reachable, 40);
    seen.take(at(2), &Sign::Addresses([].into()));
    assert_eq!(finding(&seen), Finding::NoDhcp);
    seen.take(at(30), &Sign::AgentSilent);
    assert_eq!(finding(&seen), Finding::AgentSilent);
}

#[test]
fn a_qemu_that_does_nothing_is_more_than_a_silent_agent() {
    let mut seen = vm(VmState::Reachable, 30);
    seen.take(at(20), &Sign::AgentSilent);
    seen.take(at(30), &Sign::Still(Duration::from_secs(12)));
    let found = diagnose(&seen).expect("a finding");
    assert_eq!(found.finding, Finding::QemuStopped);
    assert_eq!(&*found.text, "its QEMU does nothing for 12 s");
    assert_eq!(&*found.evidence[1], "its agent does not answer for 10 s");
    seen.take(at(31), &Sign::Still(Duration::ZERO));
    assert_eq!(finding(&seen), Finding::AgentSilent);
}

#[test]
fn a_clock_that_is_off_by_more_than_a_pause_is_told() {
    for (behind, expected) in [(900, Finding::None), (95_000, Finding::ClockStuck), (-3_600_000, Finding::ClockStuck)] {
        let mut seen = vm(VmState::Reachable, 5);
        seen.take(at(5), &Sign::AgentAnswers { behind: Some(behind) });
        assert_eq!(finding(&seen), expected, "{behind}");
    }
}

#[test]
fn a_stopped_vm_is_told_by_what_stopped_it() {
    let disk = |full| Sign::DiskError { disk: "vda (/pool/vm-1.qcow2)".into(), full };
    let mut seen = vm(VmState::Paused, 5);
    assert_eq!(finding(&seen), Finding::PausedOutside);
    assert_eq!(finding(&Evidence { paused_here: true, ..seen.clone() }), Finding::None);
    seen.take(at(5), &disk(false));
    assert_eq!(finding(&seen), Finding::IoError);
    seen.take(at(5), &disk(true));
    assert_eq!(finding(&seen), Finding::DiskFull);
    seen.state = VmState::Reachable;
    assert_eq!(finding(&seen), Finding::None, "it goes on");
}

#[test]
fn a_domain_that_is_there_twice_names_both_hosts() {
    let copy = Some(Copy { host: "h2".into(), state: VmState::Paused, moved: true });
    let found = diagnose(&Evidence { copy, ..vm(VmState::Reachable, 5) }).expect("a finding");
    assert_eq!(found.finding, Finding::LeftOnSource);
    assert_eq!(&*found.text, "its move is done and left it on its source: reachable on h1, paused on h2");
}

#[test]
fn what_the_network_does_not_reach_is_a_finding_only_where_it_reaches_others() {
    let address = "10.160.0.1".parse().expect("an address");
    let tried = |answers, others| Sign::Network { address, answers, others };
    let mut seen = vm(VmState::Reachable, 30);
    seen.take(at(10), &tried(false, false));
    assert_eq!(finding(&seen), Finding::None);
    seen.take(at(10), &tried(false, true));
    seen.take(at(28), &tried(false, true));
    assert_eq!(finding(&seen), Finding::NoNetwork);
    seen.take(at(30), &tried(true, true));
    assert_eq!(finding(&seen), Finding::None);
}

#[test]
fn a_guest_without_an_address_is_given_time_to_get_one() {
    let mut seen = vm(VmState::Reachable, 20);
    seen.take(at(10), &Sign::Addresses([].into()));
    assert_eq!(finding(&seen), Finding::None);
    seen.now = at(26);
    assert_eq!(finding(&seen), Finding::NoDhcp);
    seen.take(at(26), &Sign::Addresses(["10.160.0.1".parse().expect("an address")].into()));
    assert_eq!(finding(&seen), Finding::None);
}

#[test]
fn a_load_that_is_not_what_was_asked_is_a_finding_however_well_the_guest_answers() {
    let mut seen = vm(VmState::Reachable, 30);
    seen.take(at(10), &Sign::Load(LoadSeen::Short { asked: Bytes::mib(86), taken: Bytes::mib(20) }));
    seen.take(at(20), &Sign::AgentAnswers { behind: Some(0) });
    let found = diagnose(&seen).expect("a finding");
    assert_eq!(found.finding, Finding::LoadOff);
    assert_eq!(&*found.text, "its working set is 20 MiB, not 86 MiB: its guest has no room for more");
    seen.take(at(30), &Sign::Load(LoadSeen::Gone { why: None }));
    let found = diagnose(&seen).expect("a finding");
    assert_eq!(&*found.text, "it bears no load any more: the load tool in it is gone");
    assert!(!seen.is_well());
    seen.state = VmState::Off;
    assert_eq!(finding(&seen), Finding::None);
}

#[test]
fn a_kernel_says_which_process_it_ended_for_want_of_memory() {
    let said = "/ # \r\n[   20.824984] Out of memory: Killed process 124 (hemera-load) total-vm:560400kB\r\n/ # ";
    let line = "Out of memory: Killed process 124 (hemera-load) total-vm:560400kB";
    assert_eq!(killed(said, 124).as_deref(), Some(line));
    assert_eq!(killed(said, 12), None);
}

#[test]
fn what_went_away_by_itself_is_told_with_libvirts_reason() {
    let gone = Evidence { gone: Some("it crashed".into()), ..vm(VmState::Failed, 7) };
    let found = diagnose(&gone).expect("a finding");
    assert_eq!((found.finding, &*found.text), (Finding::QemuGone, "it is gone from h1 for 7 s: it crashed"));
    assert_eq!(finding(&Evidence { state: VmState::Starting, ..gone }), Finding::None);
}
