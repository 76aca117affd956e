//! What others do behind the engine's back.

use hemera::fleet::{Bytes, Finding, HostId, VmState};
use hemera::handle::Limits;
use hemera::platform::{Observation, VmKey, VmSeen};

use super::booted;

#[test]
fn a_vm_that_others_move_is_shown_where_it_went_as_soon_as_it_is_gone_from_where_it_was() {
    let mut bench = booted(1, Limits::default());
    let (&vm, &(from, _)) = bench.world.vms.first_key_value().unwrap();
    let to = HostId(from.0 + 1);
    let seen = |state| {
        let (vcpus, memory) = (1, Bytes::mib(1024));
        let seen = VmSeen { vm: VmKey::Id(vm), state, managed: true, class: None, vcpus, memory, reason: None };
        vec![Observation::Vm(seen)]
    };
    let believed = |bench: &super::Bench| {
        let row = bench.engine.fleet().vms.row(vm);
        (row.host, row.state, row.finding)
    };
    bench.see(Some(to), seen(VmState::Migrating));
    bench.see(Some(to), seen(VmState::Up));
    assert_eq!(believed(&bench), (Some(from), VmState::Up, Finding::LeftOnSource), "both hosts have it");
    bench.see(Some(from), vec![Observation::VmGone { vm: VmKey::Id(vm), reason: "it moved away".into() }]);
    assert_eq!(believed(&bench), (Some(to), VmState::Up, Finding::None));
    let snapshot = bench.engine.snapshot(bench.world.now, &std::sync::Arc::default());
    assert!(snapshot.events.last().is_some_and(|event| event.text.ends_with("by others")), "{:?}", snapshot.events);
}

#[test]
fn a_vm_that_is_still_listed_when_its_qemu_has_crashed_is_gone_all_the_same() {
    let mut bench = booted(1, Limits::default());
    let (&vm, &(host, _)) = bench.world.vms.first_key_value().unwrap();
    let (vcpus, memory) = (1, Bytes::mib(1024));
    let reason = Some("it crashed".into());
    let seen = VmSeen { vm: VmKey::Id(vm), state: VmState::Failed, managed: true, class: None, vcpus, memory, reason };
    bench.see(Some(host), vec![Observation::Vm(seen)]);
    bench.see(Some(host), vec![Observation::VmGone { vm: VmKey::Id(vm), reason: "it crashed".into() }]);
    let row = bench.engine.fleet().vms.row(vm);
    assert_eq!((row.state, row.finding), (VmState::Failed, Finding::QemuGone));
}
