//! A picture in half signs: two pixels in a cell, above one another.

use std::sync::Arc;

use crate::fleet::Picture;

/// A pixel of the console's own, from many of the picture's.
pub(crate) type Colour = [u8; 3];

/// A picture as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub picture: Option<Arc<Picture>>,
    /// The room that it has: columns and rows of the terminal.
    room: (u16, u16),
    /// How many columns and rows it takes.
    pub size: (u16, u16),
    /// The upper and the lower half of each cell, row by row.
    cells: Vec<(Colour, Colour)>,
}

impl Shown {
    /// Takes a picture; says whether it is another one.
    pub(crate) fn show(&mut self, picture: Arc<Picture>) -> bool {
        if self.picture.as_ref() == Some(&picture) {
            return false;
        }
        self.picture = Some(picture);
        self.scale();
        true
    }

    /// Makes it as large as the room allows.
    pub(crate) fn fit(&mut self, width: u16, height: u16) {
        if self.room != (width, height) {
            self.room = (width, height);
            self.scale();
        }
    }

    /// The upper and the lower half of a cell.
    pub(crate) fn cell(&self, x: u16, y: u16) -> Option<(Colour, Colour)> {
        self.cells.get(usize::from(y) * usize::from(self.size.0) + usize::from(x)).copied()
    }

    fn scale(&mut self) {
        self.cells.clear();
        self.size = (0, 0);
        let Some(picture) = self.picture.clone() else { return };
        let (wide, high) = (u64::from(self.room.0), u64::from(self.room.1) * 2);
        let (width, height) = (u64::from(picture.width), u64::from(picture.height));
        if wide == 0 || high == 0 || width == 0 || height == 0 {
            return;
        }
        // A half sign is about as wide as it is high. Small pictures are not made larger than they are.
        let (mut columns, mut halves) = (wide.min(width), height * wide.min(width) / width);
        if halves > high.min(height) {
            (columns, halves) = (width * high.min(height) / height, high.min(height));
        }
        let (columns, rows) = (columns.max(1), halves.div_ceil(2).max(1));
        let halves = halves.max(1);
        self.size = (columns as u16, rows as u16);
        let part = |at: u64, of: u64, all: u64| (at * all / of) as u32..(((at + 1) * all).div_ceil(of).min(all)) as u32;
        let mean = |column: u64, half: u64| {
            if half >= halves {
                return [0; 3];
            }
            let (mut sums, mut count) = ([0_u64; 3], 0);
            for y in part(half, halves, height) {
                for x in part(column, columns, width) {
                    for (sum, channel) in sums.iter_mut().zip(picture.pixel(x, y)) {
                        *sum += u64::from(channel);
                    }
                    count += 1;
                }
            }
            sums.map(|sum| (sum / count.max(1)) as u8)
        };
        for row in 0..rows {
            self.cells.extend((0..columns).map(|column| (mean(column, row * 2), mean(column, row * 2 + 1))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: u32, height: u32) -> Arc<Picture> {
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |_| if y % 2 == 0 { [200, 0, 0] } else { [0; 3] }));
        Arc::new(Picture { width, height, rgb: rgb.collect() })
    }

    #[test]
    fn a_picture_keeps_its_shape_and_never_leaves_its_room() {
        let mut shown = Shown::default();
        shown.fit(100, 20);
        assert!(shown.show(stripes(720, 400)));
        assert!(!shown.show(stripes(720, 400)), "the same again is no news");
        // 400 lines on 40 half rows.
        assert_eq!(shown.size, (72, 20));
        assert_eq!(shown.cell(3, 3), Some(([100, 0, 0], [100, 0, 0])));
        shown.fit(36, 40);
        assert_eq!(shown.size, (36, 10));
        shown.fit(200, 100);
        shown.show(stripes(4, 4));
        assert_eq!((shown.size, shown.cell(0, 0)), ((4, 2), Some(([200, 0, 0], [0, 0, 0]))));
        for (width, height) in [(0, 0), (1, 1), (3, 1), (1, 3), (7, 5)] {
            for picture in [stripes(1, 1), stripes(0, 0), stripes(13, 1), stripes(1, 400), stripes(50, 50)] {
                shown.show(picture);
                shown.fit(width, height);
                assert!(shown.size.0 <= width && shown.size.1 <= height, "{width}x{height}: {:?}", shown.size);
            }
        }
    }
}
