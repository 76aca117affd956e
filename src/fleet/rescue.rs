//! Rescue plans: what is done about a move that does not come to its end by itself, as data.
//!
//! A plan is a list of steps, each with a condition and an action, taken in this order. Three plans are built in under
//! the names of oVirt's migration policies, with the figures of oVirt's engine (`MigrationPolicies` of `engine-config`,
//! version 4.1): the longest pause begins at 100 ms and rises at stalls 1, 2, 3, 4 and 6, then comes what the
//! policy's last items say. VDSM counts every round after the first as one that stalls and acts when there are more of
//! them than the step says (`lib/vdsm/virt/migration.py`, `_next_action`); here a round stalls that is no smaller than
//! the smallest before it, which the second never is, and the step is taken when there are as many: the same rounds for
//! a guest that stalls from the beginning.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{Rate, Share, Span, nearest};

/// What is done about moves that do not come to their end.
#[derive(Debug, Clone, PartialEq)]
pub struct RescuePlan {
    /// Its name; `own` where a workflow writes it out.
    pub name: Arc<str>,
    /// The longest pause from the beginning on, where the operation does not say another.
    pub max_downtime: Option<Duration>,
    /// Whether its moves let the hypervisor slow the guest down.
    pub auto_converge: bool,
    /// Whether its moves compress what they send again.
    pub compress: bool,
    /// Its steps, in the order in which they are taken.
    pub steps: Vec<RescueStep>,
}

/// A step of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RescueStep {
    /// When it is taken.
    pub after: After,
    /// What it does.
    pub action: RescueAction,
}

/// When a step of a plan is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// When so many rounds of the move have stalled in all: they were no smaller than the smallest before them.
    Rounds(u32),
    /// When so long nothing brought the move nearer to its end, counted anew from each step.
    Idle(Duration),
}

/// What a step of a plan does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RescueAction {
    /// Nothing: it only takes the time that its condition says.
    Wait,
    /// Allows this pause of the guest.
    MaxDowntime(Duration),
    /// Allows this rate.
    Bandwidth(Rate),
    /// Takes so much of the guest's CPU away, and more with every round that does not help.
    Throttle(Share),
    /// Starts the guest on the target at once and sends it what it asks for.
    PostCopy,
    /// Stops the guest until it has arrived.
    Pause,
    /// Ends the move; the VM stays where it is.
    Abort,
}

/// How a running move is changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adjust {
    /// It may stop the guest for so long.
    MaxDowntime(Duration),
    /// It may use so much of the network.
    Bandwidth(Rate),
    /// The guest loses so much of its CPU, and more with every round that does not help.
    Throttle(Share),
    /// The guest goes on on the target at once and gets its memory as it asks for it. It cannot be undone, and the move
    /// not be cancelled any more.
    PostCopy,
    /// The guest stops until it has arrived, or the move has ended otherwise.
    Pause,
}

/// What a throttle step takes where it does not say: what QEMU begins with (`cpu-throttle-initial`).
pub const THROTTLE: Share = Share(0.2);

/// The names of the built-in plans.
pub const PLANS: [&str; 3] = ["minimal-downtime", "suspend-workload", "post-copy"];

const ACTIONS: [&str; 7] = ["wait", "max-downtime", "bandwidth", "throttle", "post-copy", "pause", "abort"];

impl RescuePlan {
    /// A plan of these steps, in a workflow's own words.
    pub fn own(steps: Vec<RescueStep>) -> Self {
        Self { name: "own".into(), max_downtime: None, auto_converge: false, compress: false, steps }
    }

    /// The built-in plan of this name.
    ///
    /// # Errors
    /// With the nearest known name.
    pub fn named(name: &str) -> Result<Self, String> {
        let downtimes = |most: u32| {
            [(1, 150), (2, 200), (3, 300), (4, 400), (6, 500)].into_iter().take_while(move |(n, _)| *n <= most)
        };
        let (most, compress, last): (_, _, &[_]) = match name {
            "minimal-downtime" => (6, false, &[RescueAction::Abort]),
            "suspend-workload" => (6, true, &[RescueAction::MaxDowntime(Duration::from_secs(5)), RescueAction::Abort]),
            "post-copy" => (2, false, &[RescueAction::PostCopy, RescueAction::Abort]),
            _ => return Err(unknown("rescue plan", name, &PLANS)),
        };
        let step = |rounds, action| RescueStep { after: After::Rounds(rounds), action };
        let mut steps: Vec<_> =
            downtimes(most).map(|(n, ms)| step(n, RescueAction::MaxDowntime(Duration::from_millis(ms)))).collect();
        steps.extend((most + 1..).zip(last).map(|(n, action)| step(n, *action)));
        let max_downtime = Some(Duration::from_millis(100));
        Ok(Self { name: name.into(), max_downtime, auto_converge: true, compress, steps })
    }
}

/// `unknown WHAT ...`, with what was probably meant.
pub(super) fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    match nearest(found, known.iter().copied()) {
        Some(word) => format!("unknown {what} `{found}`, did you mean `{word}`?"),
        None => format!("unknown {what} `{found}`, expected one of {}", known.join(", ")),
    }
}

impl FromStr for After {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no condition: expected rounds that stalled or a time, as in \"3 rounds\" or \"30 s\"")
        };
        let count = text.strip_suffix("rounds").or_else(|| text.strip_suffix("round"));
        if let Some(count) = count {
            let rounds = count.trim().parse().map_err(|_| wrong())?;
            return if rounds > 0 { Ok(Self::Rounds(rounds)) } else { Err(wrong()) };
        }
        let span: Span = text.parse().map_err(|_| wrong())?;
        if span.0.is_zero() { Err(wrong()) } else { Ok(Self::Idle(span.0)) }
    }
}

impl FromStr for RescueAction {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (word, value) = text.trim().split_once(' ').map_or((text.trim(), ""), |(word, value)| (word, value.trim()));
        let needs = |what: &str, example: &str| format!("`{word}` needs {what}, as in \"{word} {example}\"");
        let action = match word {
            "max-downtime" => {
                let span: Span = value.parse().map_err(|_| needs("a time", "300 ms"))?;
                if span.0.is_zero() {
                    return Err(needs("a time above 0", "300 ms"));
                }
                return Ok(Self::MaxDowntime(span.0));
            }
            "bandwidth" => {
                let rate: Rate = value.parse().map_err(|_| needs("a rate", "1 Gbit/s"))?;
                return if rate.0 > 0.0 { Ok(Self::Bandwidth(rate)) } else { Err(needs("a rate above 0", "1 Gbit/s")) };
            }
            "throttle" if value.is_empty() => return Ok(Self::Throttle(THROTTLE)),
            "throttle" => {
                let share: Share = value.parse().map_err(|_| needs("a share", "20 %"))?;
                let within = share.0 >= 0.01 && share.0 <= 0.99;
                return if within { Ok(Self::Throttle(share)) } else { Err(needs("1 % to 99 %", "20 %")) };
            }
            "wait" => Self::Wait,
            "post-copy" => Self::PostCopy,
            "pause" => Self::Pause,
            "abort" => Self::Abort,
            _ => return Err(unknown("action", word, &ACTIONS)),
        };
        if value.is_empty() { Ok(action) } else { Err(format!("`{word}` takes nothing more, found `{value}`")) }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rounds(1) => f.write_str("1 stalled round"),
            Self::Rounds(n) => write!(f, "{n} stalled rounds"),
            Self::Idle(span) => write!(f, "{} without progress", Span(*span)),
        }
    }
}

impl fmt::Display for RescueAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => f.write_str("wait"),
            Self::MaxDowntime(span) => write!(f, "max downtime {}", Span(*span)),
            Self::Bandwidth(rate) => write!(f, "bandwidth {rate}"),
            Self::Throttle(share) => write!(f, "throttle {share}"),
            Self::PostCopy => f.write_str("post-copy"),
            Self::Pause => f.write_str("pause"),
            Self::Abort => f.write_str("abort"),
        }
    }
}

impl fmt::Display for Adjust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RescueAction::from(*self).fmt(f)
    }
}

impl From<Adjust> for RescueAction {
    fn from(adjust: Adjust) -> Self {
        match adjust {
            Adjust::MaxDowntime(span) => Self::MaxDowntime(span),
            Adjust::Bandwidth(rate) => Self::Bandwidth(rate),
            Adjust::Throttle(share) => Self::Throttle(share),
            Adjust::PostCopy => Self::PostCopy,
            Adjust::Pause => Self::Pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plans_are_those_of_ovirt() {
        let told = |name: &str| {
            let plan = RescuePlan::named(name).unwrap();
            assert_eq!((plan.max_downtime, plan.auto_converge), (Some(Duration::from_millis(100)), true));
            plan.steps.iter().map(|step| format!("{}: {}", step.after, step.action)).collect::<Vec<_>>().join("; ")
        };
        let rising = "1 stalled round: max downtime 150 ms; 2 stalled rounds: max downtime 200 ms";
        let further = "; 3 stalled rounds: max downtime 300 ms; 4 stalled rounds: max downtime 400 ms; \
                       6 stalled rounds: max downtime 500 ms";
        assert_eq!(told("minimal-downtime"), format!("{rising}{further}; 7 stalled rounds: abort"));
        let suspend = "; 7 stalled rounds: max downtime 5.0 s; 8 stalled rounds: abort";
        assert_eq!(told("suspend-workload"), format!("{rising}{further}{suspend}"));
        assert_eq!(told("post-copy"), format!("{rising}; 3 stalled rounds: post-copy; 4 stalled rounds: abort"));
        let wrong = RescuePlan::named("suspend-workloads").unwrap_err();
        assert_eq!(wrong, "unknown rescue plan `suspend-workloads`, did you mean `suspend-workload`?");
    }

    #[test]
    fn steps_are_read_and_wrong_ones_say_what_was_expected() {
        assert_eq!("3 rounds".parse(), Ok(After::Rounds(3)));
        assert_eq!("1m30s".parse(), Ok(After::Idle(Duration::from_secs(90))));
        assert!("0 rounds".parse::<After>().is_err() && "0 s".parse::<After>().is_err());
        assert_eq!("max-downtime 1.5 s".parse(), Ok(RescueAction::MaxDowntime(Duration::from_millis(1500))));
        assert_eq!("throttle".parse(), Ok(RescueAction::Throttle(THROTTLE)));
        assert_eq!("throttle 40 %".parse(), Ok(RescueAction::Throttle(Share(0.4))));
        for (text, why) in [
            ("postcopy", "unknown action `postcopy`, did you mean `post-copy`?"),
            ("max-downtime", "`max-downtime` needs a time, as in \"max-downtime 300 ms\""),
            ("throttle 0 %", "`throttle` needs 1 % to 99 %, as in \"throttle 20 %\""),
            ("pause 3 s", "`pause` takes nothing more, found `3 s`"),
        ] {
            assert_eq!(text.parse::<RescueAction>().unwrap_err(), why);
        }
    }
}
