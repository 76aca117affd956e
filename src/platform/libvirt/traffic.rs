//! What domains receive and send.

use std::time::Duration;

/// Bytes received and sent: all of a domain's interfaces since it started, or in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Traffic {
    /// Received by the guest.
    pub(super) received: u64,
    /// Sent by the guest.
    pub(super) sent: u64,
}

impl Traffic {
    /// Adds a figure of libvirt's domain statistics; false where it is none of an interface's bytes.
    pub(super) fn count(&mut self, name: &str, bytes: u64) -> bool {
        if !name.starts_with("net.") {
            return false;
        }
        let total = if name.ends_with(".rx.bytes") {
            &mut self.received
        } else if name.ends_with(".tx.bytes") {
            &mut self.sent
        } else {
            return false;
        };
        *total = total.saturating_add(bytes);
        true
    }

    /// Both directions together.
    pub(super) const fn both(self) -> u64 {
        self.received.saturating_add(self.sent)
    }

    /// Bytes per second since `before` was counted; zero where the domain was started again meanwhile.
    pub(super) fn per_second(self, before: Self, span: Duration) -> Self {
        let rate = |now: u64, before: u64| (now.saturating_sub(before) as f64 / span.as_secs_f64()).round() as u64;
        Self { received: rate(self.received, before.received), sent: rate(self.sent, before.sent) }
    }
}

impl std::iter::Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            received: sum.received.saturating_add(one.received),
            sent: sum.sent.saturating_add(one.sent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_add_up_by_direction_and_become_rates() {
        let mut before = Traffic::default();
        assert!(before.count("net.0.rx.bytes", 100) && before.count("net.1.rx.bytes", 50));
        assert!(before.count("net.1.tx.bytes", 7));
        for other in ["net.count", "net.0.rx.pkts", "block.0.rd.bytes", "cpu.time"] {
            assert!(!before.count(other, 1), "{other}");
        }
        assert_eq!(before, Traffic { received: 150, sent: 7 });
        let after = Traffic { received: 1150, sent: 27 };
        let rate = after.per_second(before, Duration::from_secs(2));
        assert_eq!(rate, Traffic { received: 500, sent: 10 });
        assert_eq!(rate.both(), 510);
        assert_eq!([rate, rate].into_iter().sum::<Traffic>(), Traffic { received: 1000, sent: 20 });
        let restarted = Traffic { received: 3, sent: 3 }.per_second(after, Duration::from_secs(1));
        assert_eq!(restarted, Traffic::default());
    }
}
