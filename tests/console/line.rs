//! A slow line: what was written and not shown yet holds back data, and keys where it is much.

use hemera::console::Signal;

use crate::driver::{Console, Setup};
use crate::fake;

fn console() -> Console {
    let console = Setup::new(fake::snapshot(fake::fleet(100), Vec::new()), 120, 36).asking().start();
    console.shows("100 VMs").answer();
    console
}

#[test]
fn data_waits_until_what_was_written_is_shown_and_keys_do_not() {
    let console = console();
    console.publish(fake::snapshot(fake::fleet(200), Vec::new()));
    console.shows("200 VMs").publish(fake::snapshot(fake::fleet(300), Vec::new()));
    console.keys("Down").wait_until("the cursor", |s| s.contains("▸  vm-2"));
    console.keys("Down").wait_until("the cursor", |s| s.contains("▸  vm-3"));
    assert!(console.text().contains("200 VMs"), "{}", console.text());
    console.answer().answer().answer().shows("300 VMs").answer();
    console.end();
}

#[test]
fn many_keys_are_one_frame_while_much_waits_to_be_shown() {
    let console = console();
    let before = console.frames();
    // A whole screen is much.
    console.signal(Signal::Continue);
    console.wait_frames(before + 1).keys("Down Down Down").taken();
    console.answer().wait_until("the cursor", |s| s.contains("▸  vm-4"));
    assert_eq!(console.frames(), before + 2);
    console.answer();
    console.end();
}

#[test]
fn a_terminal_that_never_answers_is_not_waited_for_twice() {
    let console = Setup::new(fake::snapshot(fake::fleet(100), Vec::new()), 120, 36).asking().start();
    console.shows("100 VMs").publish(fake::snapshot(fake::fleet(200), Vec::new()));
    console.shows("200 VMs");
    console.publish(fake::snapshot(fake::fleet(300), Vec::new()));
    console.shows("300 VMs");
    console.end();
}
