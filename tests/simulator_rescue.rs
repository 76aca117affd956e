//! Moves that are changed while they run, in the simulator.

#[path = "simulator/rig.rs"]
mod rig;

use std::time::Duration;

use hemera::fleet::{Adjust, MigrationOptions, Rate, Share, TaskId};
use hemera::platform::sim::SimConfig;
use hemera::platform::{Change, End, Observation, Platform, Progress, Request};
use proptest::prelude::*;
use rig::{Hosts, Rig, class, instant_boots, load, star};

const GB: u64 = 1_000_000_000;

/// A VM of 1 GB that dirties faster than its link of 125 MB/s, on its way from host 0 to host 1.
fn stuck(options: MigrationOptions) -> (Rig, TaskId) {
    let mut rig = Rig::new(star(3, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(load(200e6, 0.9))));
    let task = rig.migrate_with(0, 0, 1, options);
    rig.until(20.0);
    assert!(!rig.ends().contains_key(&task), "it does not converge");
    (rig, task)
}

fn adjust(rig: &mut Rig, task: TaskId, adjust: Adjust) {
    rig.sim.submit(Request::Adjust { task, adjust });
}

fn near(found: f64, want: f64) {
    assert!((found - want).abs() <= 1e-6 * want.abs().max(1.0), "found {found}, expected {want}");
}

/// What could not be changed, and why.
fn refused(rig: &Rig) -> Vec<String> {
    let seen = rig.batches.iter().flat_map(|batch| &batch.seen);
    seen.filter_map(|seen| match seen {
        Observation::NotAdjusted { adjust, reason, .. } => Some(format!("{adjust}: {reason}")),
        _ => None,
    })
    .collect()
}

/// The rest of a round of 900 MB goes over in 7.2 s: a pause of that length ends the rounds.
#[test]
fn a_longer_pause_counts_from_the_end_of_the_round() {
    let (mut rig, task) = stuck(MigrationOptions::default());
    adjust(&mut rig, task, Adjust::MaxDowntime(Duration::from_millis(7100)));
    rig.until(60.0);
    assert!(!rig.ends().contains_key(&task));
    adjust(&mut rig, task, Adjust::MaxDowntime(Duration::from_millis(7200)));
    rig.run();
    let (_, end, figures) = rig.end(task);
    assert_eq!(end, End::Done);
    near(figures.unwrap().downtime.as_secs_f64(), 7.2);
}

#[test]
fn a_stopped_guest_arrives_and_goes_on() {
    let (mut rig, task) = stuck(MigrationOptions::default());
    adjust(&mut rig, task, Adjust::Pause);
    rig.run();
    let (at, end, figures) = rig.end(task);
    assert_eq!(end, End::Done);
    // Rounds end at 8 s, 15.2 s and 22.4 s; what was dirtied in the last one until 20 s is 900 MB, one round more.
    near(at.as_secs_f64(), 29.6);
    near(figures.unwrap().downtime.as_secs_f64(), 9.6);
    let paused = rig.change(0, 1, Change::Pause);
    rig.until(40.0);
    assert_eq!(rig.end(paused).1, End::Done, "it runs on the target");
}

#[test]
fn a_stopped_guest_goes_on_where_its_move_is_cancelled() {
    let (mut rig, task) = stuck(MigrationOptions::default());
    adjust(&mut rig, task, Adjust::Pause);
    rig.cancel(task);
    rig.until(21.0);
    assert_eq!(rig.end(task).1, End::Cancelled);
    let again = rig.migrate(0, 0, 1);
    rig.until(22.0);
    let Progress::Migration(progress) = rig.probe(again) else { panic!("a migration's progress") };
    near(progress.dirty_rate.0, 200e6);
}

/// From 20 s on the guest runs on the target and dirties nothing that has to be sent again.
#[test]
fn post_copy_sends_the_rest_once_and_cannot_be_cancelled() {
    let (mut rig, task) = stuck(MigrationOptions::default());
    adjust(&mut rig, task, Adjust::PostCopy);
    let Progress::Migration(progress) = rig.probe(task) else { panic!("a migration's progress") };
    // All but what was sent of the round so far (600 MB of 900 MB), and what is dirty again meanwhile: at most all.
    assert!(progress.post_copy);
    near(progress.remaining.0 as f64, 1e9);
    rig.cancel(task);
    adjust(&mut rig, task, Adjust::Pause);
    rig.until(21.0);
    assert_eq!(refused(&rig), ["pause: its guest runs on the target already"]);
    rig.run();
    let (at, end, figures) = rig.end(task);
    assert_eq!(end, End::Done);
    near(at.as_secs_f64(), 28.0);
    assert_eq!(figures.unwrap().downtime, Duration::ZERO, "hosts of one site have no latency");
}

#[test]
fn an_option_switches_to_post_copy_after_the_first_pass() {
    let mut rig = Rig::new(star(2, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(load(50e6, 0.9))));
    let task = rig.migrate_with(0, 0, 1, MigrationOptions { post_copy: true, ..MigrationOptions::default() });
    rig.run();
    // 8 s, then the 400 MB that were dirtied meanwhile.
    near(rig.end(task).2.unwrap().total.as_secs_f64(), 8.0 + 3.2);
}

#[test]
fn a_throttled_guest_converges() {
    let (mut rig, task) = stuck(MigrationOptions::default());
    adjust(&mut rig, task, Adjust::Throttle(Share(0.7)));
    let Progress::Migration(progress) = rig.probe(task) else { panic!("a migration's progress") };
    near(progress.throttle.0, 0.7);
    rig.until(20.5);
    let Progress::Migration(progress) = rig.probe(task) else { panic!("a migration's progress") };
    near(progress.dirty_rate.0, 60e6);
    rig.run();
    assert_eq!(rig.end(task).1, End::Done);
    let auto = MigrationOptions { auto_converge: true, ..MigrationOptions::default() };
    let (mut rig, task) = stuck(auto);
    rig.run();
    assert_eq!(rig.end(task).1, End::Done, "auto-converge does it by itself");
}

#[test]
fn a_bandwidth_counts_at_once() {
    let slow = MigrationOptions { bandwidth: Some(Rate(10e6)), ..MigrationOptions::default() };
    let mut rig = Rig::new(star(2, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    let task = rig.migrate_with(0, 0, 1, slow);
    rig.until(20.0);
    adjust(&mut rig, task, Adjust::Bandwidth(Rate(100e6)));
    rig.run();
    near(rig.end(task).2.unwrap().total.as_secs_f64(), 20.0 + 8.0);
}

/// Written to and read from disks of 500 MB/s, sent at 125 MB/s: the guest stands still for all of that, however much it
/// would dirty.
#[test]
fn a_cold_move_stands_still_and_arrives() {
    let mut rig = Rig::new(star(2, Hosts::default()), instant_boots());
    rig.boot(0, 0, &class(GB, 1));
    rig.until(0.0);
    rig.change(0, 0, Change::Load(Some(load(200e6, 0.9))));
    let cold = MigrationOptions { cold: true, ..MigrationOptions::default() };
    let task = rig.migrate_with(0, 0, 1, cold);
    rig.run();
    let (_, end, figures) = rig.end(task);
    assert_eq!(end, End::Done);
    let figures = figures.unwrap();
    near(figures.total.as_secs_f64(), 12.0);
    near(figures.downtime.as_secs_f64(), 12.0);
    let back = rig.migrate_with(0, 1, 0, cold);
    rig.until(15.0);
    rig.cancel(back);
    rig.until(16.0);
    assert_eq!(rig.end(back).1, End::Cancelled);
    let away = rig.migrate(0, 1, 0);
    rig.until(17.0);
    let Progress::Migration(progress) = rig.probe(away) else { panic!("a migration's progress") };
    near(progress.dirty_rate.0, 200e6);
}

#[derive(Debug, Clone)]
enum Act {
    Adjust(Adjust),
    Cancel,
    Pass(f64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1u64..20_000).prop_map(|ms| Act::Adjust(Adjust::MaxDowntime(Duration::from_millis(ms)))),
        (1e6f64..1e9).prop_map(|rate| Act::Adjust(Adjust::Bandwidth(Rate(rate)))),
        (0.01f64..0.99).prop_map(|share| Act::Adjust(Adjust::Throttle(Share(share)))),
        Just(Act::Adjust(Adjust::PostCopy)),
        Just(Act::Adjust(Adjust::Pause)),
        Just(Act::Cancel),
        (0.0f64..9.0).prop_map(Act::Pass),
        (0.0f64..9.0).prop_map(Act::Pass),
    ]
}

proptest! {
    /// Whatever is changed when: the move ends once, its VM runs on one host and can be moved again, and all of it comes
    /// out the same twice.
    #[test]
    fn whatever_is_changed_a_vm_is_on_one_host_in_the_end(
        acts in proptest::collection::vec(act(), 1..12), dirty in 0f64..400e6, crash in any::<bool>(),
    ) {
        let run = || {
            let mut config: SimConfig = instant_boots();
            if crash {
                config.faults.host_crash = hemera::platform::sim::PerHour(2.0);
            }
            let mut rig = Rig::new(star(2, Hosts::default()), config);
            rig.boot(0, 0, &class(GB, 1));
            rig.until(0.0);
            rig.change(0, 0, Change::Load(Some(load(dirty, 0.5))));
            let task = rig.migrate(0, 0, 1);
            let mut now = 0.0;
            for act in &acts {
                match act {
                    Act::Adjust(change) => adjust(&mut rig, task, *change),
                    Act::Cancel => rig.cancel(task),
                    Act::Pass(seconds) => {
                        now += seconds;
                        rig.until(now);
                    }
                }
            }
            now += 1000.0;
            rig.until(now);
            rig.cancel(task);
            now += 1000.0;
            rig.until(now);
            let (_, end, figures) = rig.end(task);
            let home = u32::from(end == End::Done);
            let there = rig.change(0, home, Change::Load(None));
            let back = rig.migrate(0, home, 1 - home);
            rig.until(now + 100.0);
            (end, figures, rig.end(there).1, rig.end(back).1, rig.batches.clone())
        };
        let first = run();
        if !crash {
            prop_assert_eq!(&first.2, &End::Done);
            prop_assert_eq!(&first.3, &End::Done);
        }
        prop_assert_eq!(first, run());
    }
}
