//! A filled graph in cells of two by four dots, or in signs of ASCII.

use crate::handle::Samples;

/// Dots of a braille cell from the bottom up, the left column, then the right one.
const DOTS: [[u8; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
/// What stands in a cell of ASCII that is filled to so many quarters.
const QUARTERS: [char; 5] = [' ', '.', ':', '=', '#'];

/// Columns of values in a cell.
pub(super) const fn columns(plain: bool) -> usize {
    if plain { 1 } else { 2 }
}

/// Lines of text, the topmost first, of a graph `rows` high: each column is filled up to its share of the height. What
/// is known has at least the lowest dot, what is not known has none.
pub(super) fn fill(shares: &[Option<f64>], rows: u16, plain: bool) -> Vec<String> {
    let dots = usize::from(rows) * 4;
    let heights: Vec<usize> = shares
        .iter()
        .map(|share| share.map_or(0, |s| ((s.clamp(0.0, 1.0) * dots as f64).round() as usize).max(1)))
        .collect();
    let row = |row: usize| {
        let below = (usize::from(rows) - 1 - row) * 4;
        let filled = |height: usize| height.saturating_sub(below).min(4);
        if plain {
            return heights.iter().map(|&h| QUARTERS[filled(h)]).collect();
        }
        let cell = |pair: &[usize]| {
            let bits = pair.iter().zip(DOTS).flat_map(|(&h, dots)| dots.into_iter().take(filled(h)));
            match bits.fold(0, |all, dot| all | dot) {
                0 => ' ',
                bits => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            }
        };
        heights.chunks(2).map(cell).collect()
    };
    (0..usize::from(rows)).map(row).collect()
}

/// The values of even steps of time from `from` to `to`, in seconds of the platform's clock: the largest of those taken
/// within a step, or what lies between its neighbours; none before the first and after the last.
pub(super) fn resample(samples: &Samples, from: f64, to: f64, columns: usize) -> Vec<Option<f64>> {
    let (Some(first), every) = (samples.first(), samples.every.as_secs_f64()) else { return vec![None; columns] };
    let step = (to - from) / columns.max(1) as f64;
    let place = |time: f64| if every > 0.0 { (time - first.as_secs_f64()) / every } else { 0.0 };
    let last = samples.values.len() - 1;
    (0..columns)
        .map(|column| {
            let (begin, end) = (place(from + step * column as f64), place(from + step * (column + 1) as f64));
            // A value stands for the time up to the next one.
            if end <= -0.5 || begin > last as f64 + 1.0 {
                return None;
            }
            let (low, high) = (begin.ceil().max(0.0) as usize, end.ceil().max(0.0) as usize);
            match samples.values.get(low..high.min(last + 1)).unwrap_or_default() {
                [] => Some(between(&samples.values, f64::midpoint(begin, end))),
                values => values.iter().max().map(|&v| f64::from(v)),
            }
        })
        .collect()
}

/// The value at a place between two samples.
fn between(values: &[u32], place: f64) -> f64 {
    let place = place.clamp(0.0, (values.len() - 1) as f64);
    let (low, part) = (place.floor(), place.fract());
    let at = |i: f64| f64::from(values[(i as usize).min(values.len() - 1)]);
    at(low) * (1.0 - part) + at(low + 1.0) * part
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fleet::Time;

    #[test]
    fn dots_fill_from_the_bottom() {
        let shares: Vec<_> = [0.0, 0.25, 0.5, 0.75, 1.0, 2.0].map(Some).to_vec();
        assert_eq!(fill(&shares, 1, false), ["⣀⣴⣿"]);
        assert_eq!(fill(&shares, 2, false), [" ⢠⣿", "⣠⣿⣿"]);
        assert_eq!(fill(&[None, Some(1.0), None], 1, false), ["⢸ "]);
    }

    #[test]
    fn ascii_fills_in_quarters() {
        let shares: Vec<_> = [0.0, 0.25, 0.5, 0.75, 1.0].map(Some).to_vec();
        assert_eq!(fill(&shares, 1, true), ["..:=#"]);
        assert_eq!(fill(&shares, 2, true), ["   :#", ".:###"]);
        assert_eq!(fill(&[None, Some(0.0)], 2, true), ["  ", " ."]);
    }

    fn samples(values: &[u32]) -> Samples {
        Samples { every: Duration::from_secs(10), last: Time::from_secs_f64(100.0), values: values.to_vec() }
    }

    #[test]
    fn few_samples_are_joined_and_of_many_the_largest_is_seen() {
        // Taken at 80, 90 and 100 s.
        let few = samples(&[10, 20, 40]);
        let seen = resample(&few, 80.0, 100.0, 4);
        assert_eq!(seen, [Some(10.0), Some(17.5), Some(20.0), Some(35.0)]);
        assert_eq!(resample(&few, 60.0, 100.0, 4), [None, Some(10.0), Some(10.0), Some(20.0)]);
        let many = Samples { last: Time::from_secs_f64(1000.0), ..samples(&(0..100).collect::<Vec<_>>()) };
        let seen = resample(&many, 10.0, 1010.0, 10);
        assert_eq!((seen[0], seen[9]), (Some(9.0), Some(99.0)));
        assert_eq!(resample(&Samples::default(), 0.0, 1.0, 2), [None, None]);
    }
}
