use super::super::{Evidence, Serial, diagnose};
use crate::fleet::{Finding, Time, VmState};

/// A VM in that state whose console said this and nothing more for so many seconds.
fn says(state: VmState, tail: &str, silent: u64) -> Evidence {
    let (now, since) = (Time(100_000_000_000), Time((100 - silent) * 1_000_000_000));
    let serial = Some(Serial { tail: tail.into(), since });
    Evidence { now, state, since, host: "h1".into(), serial, ..Evidence::default() }
}

fn finding(state: VmState, tail: &str, silent: u64) -> Option<(Finding, String)> {
    diagnose(&says(state, tail, silent)).map(|found| (found.finding, found.text.to_string()))
}

/// Debian 12's cloud kernel that was given no root and no init.
const PANIC: &str = "[    0.000000] Linux version 6.1.0-26-cloud-amd64 (debian-kernel@lists.debian.org)\r
[    1.839274] List of all partitions:\r
[    1.840119] No filesystem could mount root, tried: \r
[    1.840121] \r
[    1.841002] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r
[    1.842210] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-26-cloud-amd64 #1  Debian 6.1.112-1\r
[    1.843551] Call Trace:\r
[    1.844001]  <TASK>\r
[    1.844455]  panic+0x118/0x2ed\r
[    1.850123] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---\r\n";

/// systemd where a disk of the fstab is not there.
const EMERGENCY: &str =
    "\x1b[0;1;31m[ TIME ] \x1b[0mTimed out waiting for device \x1b[0;1;39mdev-vdb.device\x1b[0m - /dev/vdb.\r
[\x1b[0;1;38:5:185mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39mdata.mount\x1b[0m - /data.\r
[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39memergency.target\x1b[0m - Emergency Mode.\r
You are in emergency mode. After logging in, type \"journalctl -xb\" to view\r
system logs, \"systemctl reboot\" to reboot, \"systemctl default\" or \"exit\"\r
to boot into default mode.\r
Give root password for maintenance\r
(or press Control-D to continue): ";

/// initramfs-tools where the root disk is not there.
const INITRAMFS: &str = "Begin: Waiting for root file system ... Begin: Running /scripts/local-block ... done.\r
done.\r
Gave up waiting for root file system device.  Common problems:\r
 - Boot args (cat /proc/cmdline)\r
   - Check rootdelay= (did the system wait long enough?)\r
ALERT!  /dev/vda1 does not exist.  Dropping to a shell!\r
\r
\r
BusyBox v1.35.0 (Debian 1:1.35.0-4+b3) built-in shell (ash)\r
Enter 'help' for a list of built-in commands.\r
\r
(initramfs) ";

/// busybox' DHCP client that nobody answers.
const NO_LEASE: &str = "hemera guest is up\r
udhcpc: started, v1.35.0\r
udhcpc: broadcasting discover\r
udhcpc: broadcasting discover\r
udhcpc: broadcasting discover\r
udhcpc: no lease, failing\r\n";

#[test]
fn a_panic_is_told_with_its_cause() {
    let (found, text) = finding(VmState::Up, PANIC, 12).expect("a finding");
    assert_eq!(found, Finding::Panic);
    assert_eq!(text, "its kernel panicked 12 s ago: VFS: Unable to mount root fs on unknown-block(0,0)");
    // libvirt takes a guest for answering as long as its port is open, also after a panic.
    assert!(finding(VmState::Reachable, PANIC, 0).is_some());
    // One that restarted by itself and says something else is past it.
    let again = format!("{PANIC}\r\nhemera guest is up\r\n");
    assert_eq!(finding(VmState::Up, &again, 60), None);
    assert_eq!(finding(VmState::Paused, PANIC, 60).map(|found| found.0), Some(Finding::PausedOutside));
}

#[test]
fn a_shell_of_the_boot_is_told_with_what_led_there() {
    let (found, text) = finding(VmState::Starting, EMERGENCY, 5).expect("a finding");
    assert_eq!(found, Finding::Emergency);
    assert_eq!(text, "it stopped in a shell for maintenance: [DEPEND] Dependency failed for data.mount - /data.");
    let (found, text) = finding(VmState::Up, INITRAMFS, 5).expect("a finding");
    assert_eq!(found, Finding::Emergency);
    assert_eq!(
        text,
        "it stopped in a shell of its initial RAM disk: ALERT!  /dev/vda1 does not exist.  Dropping to a shell!"
    );
    // Not before it has waited, and not when somebody let it go on.
    assert_eq!(finding(VmState::Up, INITRAMFS, 1), None);
    assert_eq!(finding(VmState::Up, &format!("{INITRAMFS}exit\r\ndebian login: "), 30), None);
    assert_eq!(finding(VmState::Reachable, EMERGENCY, 30), None);
}

#[test]
fn a_guest_without_a_lease_says_so_until_it_has_one() {
    let (found, text) = finding(VmState::Reachable, NO_LEASE, 1).expect("a finding");
    assert_eq!((found, &*text), (Finding::NoDhcp, "no DHCP server answered it: udhcpc: no lease, failing"));
    let got = format!("{NO_LEASE}udhcpc: broadcasting discover\r\nudhcpc: lease of 10.160.0.1 obtained\r\n");
    assert_eq!(finding(VmState::Reachable, &got, 1), None);
    let dhclient = "DHCPDISCOVER on ens3 to 255.255.255.255 port 67 interval 12\r\nNo DHCPOFFERS received.\r\n";
    assert_eq!(finding(VmState::Up, dhclient, 1).map(|found| found.0), Some(Finding::NoDhcp));
}

#[test]
fn a_console_that_never_said_anything_is_a_finding_after_a_while() {
    assert_eq!(finding(VmState::Starting, "", 5), None);
    let (found, text) = finding(VmState::Starting, "\r\n\x1b[2J", 25).expect("a finding");
    assert_eq!(found, Finding::NoOutput);
    assert!(text.starts_with("no word of its kernel for 25 s"), "{text}");
    assert_eq!(finding(VmState::Starting, "SeaBIOS (version 1.16.2)\r\n", 25), None);
    assert_eq!(finding(VmState::Reachable, "", 25), None);
}
