//! How many tasks of an operation had ended, over its time, in a bounded number of points.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::Time;
use crate::handle::Samples;

/// Points at most; an even number.
const POINTS: usize = 120;
/// The time between two points at first.
const FINEST: Duration = Duration::from_millis(100);

/// The points so far.
#[derive(Debug)]
pub(super) struct Curve(Arc<Samples>);

impl Curve {
    /// A curve without points.
    pub(super) fn new(started: Time) -> Self {
        Self(Arc::new(Samples { every: FINEST, last: started, values: Vec::new() }))
    }

    /// Fills in the points before `now`, since when `ended` tasks had ended.
    pub(super) fn reach(&mut self, now: Time, ended: u32) {
        if self.0.last + self.0.every >= now {
            return;
        }
        let samples = Arc::make_mut(&mut self.0);
        while samples.last + samples.every < now {
            if samples.values.len() == POINTS {
                // Every other point, so that the last one stays.
                samples.values = samples.values.iter().skip(1).step_by(2).copied().collect();
                samples.every *= 2;
                continue;
            }
            samples.values.push(ended);
            samples.last += samples.every;
        }
    }

    /// As it is shown.
    pub(super) fn samples(&self) -> Arc<Samples> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_shape_in_as_many_points_however_long_it_takes() {
        let mut curve = Curve::new(Time::from_secs_f64(10.0));
        for second in 1..=1000_u32 {
            // One task ends each second.
            curve.reach(Time::from_secs_f64(f64::from(second) + 10.0), second - 1);
        }
        let samples = curve.samples();
        assert_eq!(samples.every, Duration::from_millis(12_800));
        assert!((POINTS / 2..=POINTS).contains(&samples.values.len()));
        assert_eq!(samples.first(), Some(Time::from_secs_f64(22.8)));
        for (at, ended) in samples.iter() {
            assert_eq!(ended, (at.as_secs_f64() - 10.0).floor() as u32, "at {at}");
        }
    }
}
