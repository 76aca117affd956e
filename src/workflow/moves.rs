//! How a `migrate` or `evacuate` step moves its VMs: options and rescue plan.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::raw::{Manner, RawRescue, RawRescueStep};
use crate::files::{Checker, FileError};
use crate::fleet::{After, MAX_CONNECTIONS, MigrationOptions, RescuePlan, RescueStep, Storage};

/// Reads the options of a step and its plan, and refuses what does not go together. `at` is the step, `what` its key.
pub(super) fn options<T>(
    read: Checker<'_>,
    (what, at): (&str, &Spanned<T>),
    raw: &Manner<'_>,
) -> Result<(MigrationOptions, Option<Arc<RescuePlan>>), FileError> {
    let (least, most) = (Duration::from_micros(1), Duration::from_hours(1));
    let connections = |count| read.count(count, 1, u32::from(MAX_CONNECTIONS), "parallel");
    let options = MigrationOptions {
        bandwidth: raw.bandwidth.map(|rate| read.rate(rate, "bandwidth")).transpose()?,
        max_downtime: raw.max_downtime.map(|span| read.span(span, least, most, "max_downtime")).transpose()?,
        compression: raw.compression.map(|word| word_of(read, word, "compression")).transpose()?,
        parallel: raw.parallel.map(connections).transpose()?.map(|count| count as u8),
        storage: raw.storage.map_or(Ok(Storage::Auto), |word| word_of(read, word, "storage"))?,
        ..raw.switches
    };
    let rescue = raw.rescue.map(|plan| rescue(read, plan)).transpose()?.map(Arc::new);
    let whole = rescue.as_ref().map_or(options, |plan| options.with_plan(plan));
    if let Err(why) = whole.check() {
        return read.fail(at, format!("{what}: {why}"));
    }
    Ok((options, rescue))
}

fn word_of<T: FromStr<Err = String>>(read: Checker<'_>, word: &Spanned<String>, key: &str) -> Result<T, FileError> {
    word.get_ref().parse().or_else(|why: String| read.fail(word, format!("{key}: {why}")))
}

fn rescue(read: Checker<'_>, plan: &Spanned<RawRescue>) -> Result<RescuePlan, FileError> {
    let steps = match plan.get_ref() {
        RawRescue::Named(name) => {
            return RescuePlan::named(name).or_else(|why| read.fail(plan, format!("rescue: {why}")));
        }
        RawRescue::Own(steps) => steps,
    };
    if steps.is_empty() {
        return read.fail(plan, "rescue: found no step, expected at least one { after, do }");
    }
    let mut rounds = 0;
    let read_step = |step: &Spanned<RawRescueStep>| {
        let raw = step.get_ref();
        let after = match &raw.after {
            Some(after) => word_of(read, after, "after")?,
            None => After::Rounds(rounds + 1),
        };
        if let After::Rounds(n) = after {
            if n < rounds {
                let message =
                    format!("after: found {n} after {rounds} in the step before; stalled rounds are counted in all");
                return read.fail(step, message);
            }
            rounds = n;
        }
        Ok(RescueStep { after, action: word_of(read, &raw.action, "do")? })
    };
    Ok(RescuePlan::own(steps.iter().map(read_step).collect::<Result<_, FileError>>()?))
}
