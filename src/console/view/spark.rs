//! A graph one line high: an amount per cell, in eighths.

use super::paint::Paint;
use crate::console::theme::Role;

/// The step from 0 to 7 that stands for a share of the whole in each cell; none where nothing is known.
pub(super) fn steps(shares: &[Option<f64>]) -> Vec<Option<u8>> {
    shares.iter().map(|share| share.map(|s| (s * 8.0).floor().clamp(0.0, 7.0) as u8)).collect()
}

/// Draws shares of the whole from `x` on, a cell each; says where they end.
pub(super) fn draw(paint: &mut Paint<'_>, (x, y): (u16, u16), end: u16, shares: &[Option<f64>], role: Role) -> u16 {
    let glyphs = paint.glyphs();
    steps(shares).into_iter().fold(x, |x, step| {
        let sign = step.map_or(" ", |step| glyphs.heat[usize::from(step)]);
        paint.text(x, y, end, sign, role)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_one_of_eight_steps() {
        let shares = [Some(0.0), Some(0.124), Some(0.5), Some(1.0), Some(7.0), Some(-1.0), None];
        assert_eq!(steps(&shares), [Some(0), Some(0), Some(4), Some(7), Some(7), Some(0), None]);
    }
}
