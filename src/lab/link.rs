//! Links between sites: plain, or with a rate and a delay, by the kernel where it can and by a [relay](super::relay())
//! elsewhere.

use std::path::Path;

use super::plan::Shape;
use super::processes::Process;
use super::run::{daemon, ip_batch, run, tc_batch};
use super::{LabError, Plan, Record};

/// How a lab's links get their rate and delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Not at all: as fast as the machine.
    Plain,
    /// The kernel's `netem` and `tbf`.
    Kernel,
    /// Processes of ours, as the kernel has no `netem`.
    Relay,
}

/// What waits for a link at most, in time at its rate: more is dropped, as routers do.
pub(super) const QUEUE_MS: u64 = 50;

/// The port of the link from a site to another, at the former's bridge.
pub(super) fn port(from: usize, to: usize) -> String {
    format!("s{}-s{}", from + 1, to + 1)
}

/// Makes the links between all sites; their ends are yet to be plugged into the bridges.
pub(super) fn make(record: &Record, plan: &Plan, program: &Path) -> Result<Link, LabError> {
    let net = plan.net();
    let Some(shape) = plan.shape else {
        cables(plan)?;
        return Ok(Link::Plain);
    };
    if kernel_delays(&net) {
        cables(plan)?;
        tc_batch(
            &net,
            &plan
                .pairs()
                .flat_map(|(a, b)| [port(a, b), port(b, a)])
                .flat_map(|p| qdiscs(&p, shape))
                .collect::<Vec<_>>(),
        )?;
        return Ok(Link::Kernel);
    }
    let ports = || plan.pairs().flat_map(|(a, b)| [port(a, b), port(b, a)]);
    ip_batch(Some(&net), &ports().map(|port| format!("tuntap add dev {port} mode tap")).collect::<Vec<_>>())?;
    for (a, b) in plan.pairs() {
        let (a, b) = (port(a, b), port(b, a));
        let log = record.net_dir().join(format!("relay-{a}.log"));
        let shape = format!("{},{}", shape.rate_text(), shape.delay_text());
        let words = [program.as_os_str(), "lab".as_ref(), "relay".as_ref(), a.as_ref(), b.as_ref(), shape.as_ref()];
        daemon(&net, words, &log)?;
    }
    Ok(Link::Relay)
}

fn cables(plan: &Plan) -> Result<(), LabError> {
    let cable = |(a, b)| format!("link add name {} type veth peer name {}", port(a, b), port(b, a));
    ip_batch(Some(&plan.net()), &plan.pairs().map(cable).collect::<Vec<_>>())
}

/// Whether the kernel can delay packets: known only by trying.
fn kernel_delays(net: &str) -> bool {
    let tried = run("tc", ["-n", net, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]).is_ok();
    if tried {
        let _ = run("tc", ["-n", net, "qdisc", "del", "dev", "lo", "root"]);
    }
    tried
}

/// What `tc` is told of a port: packets wait for their time in netem, then for their turn in tbf.
fn qdiscs(port: &str, shape: Shape) -> [String; 2] {
    let bytes_per_ms = (shape.rate().0 / 1e3) as u64;
    // All that is on its way at once, in packets of a third of the usual size.
    let limit = bytes_per_ms * (shape.delay().as_millis() as u64 + QUEUE_MS) / 500 + 1000;
    // What passes between two ticks of the slowest usual clock of a kernel (100 Hz would be 10 ms, 250 Hz is common).
    let burst = (bytes_per_ms * 4).max(16 << 10);
    [
        format!("qdisc add dev {port} root handle 1: netem delay {}us limit {limit}", shape.delay().as_micros()),
        format!(
            "qdisc add dev {port} parent 1:1 handle 10: tbf rate {}bit burst {burst} latency {QUEUE_MS}ms",
            shape.bits()
        ),
    ]
}

/// Whether a process of the lab's network namespace is a relay.
pub(super) fn is_relay(process: &Process) -> bool {
    process.args.get(1).is_some_and(|arg| arg == "lab") && process.args.get(2).is_some_and(|arg| arg == "relay")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_told_rate_delay_and_room_for_what_is_on_its_way() {
        let shape = "1 Gbit/s,10 ms".parse().unwrap();
        assert_eq!(
            qdiscs("s1-s2", shape),
            [
                "qdisc add dev s1-s2 root handle 1: netem delay 10000us limit 16000",
                "qdisc add dev s1-s2 parent 1:1 handle 10: tbf rate 1000000000bit burst 500000 latency 50ms",
            ]
        );
    }
}
