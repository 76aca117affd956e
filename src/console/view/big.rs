//! Figures that are read from the back of a room.

/// Rows of three dots of `0` to `9`, from the top.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];
const PERCENT: [u8; 5] = [0b101, 0b001, 0b010, 0b100, 0b101];
const DASH: [u8; 5] = [0, 0, 0b111, 0, 0];

/// The smallest figures of ASCII, as digits of seven strokes.
const STROKES: [[&str; 3]; 10] = [
    [" _ ", "| |", "|_|"],
    ["   ", "  |", "  |"],
    [" _ ", " _|", "|_ "],
    [" _ ", " _|", " _|"],
    ["   ", "|_|", "  |"],
    [" _ ", "|_ ", " _|"],
    [" _ ", "|_ ", "|_|"],
    [" _ ", "  |", "  |"],
    [" _ ", "|_|", "|_|"],
    [" _ ", "|_|", " _|"],
];

/// Rows of a figure of that size.
pub(super) const fn height(size: u16) -> u16 {
    (5 * size).div_ceil(2)
}

/// Columns of a figure of that size.
pub(super) fn width(text: &str, size: u16) -> u16 {
    text.chars().map(|c| columns(c, size) + gap(size)).sum::<u16>().saturating_sub(gap(size))
}

/// Columns of a sign.
const fn columns(sign: char, size: u16) -> u16 {
    if sign == ' ' { size } else { 3 * size }
}

/// Columns between two signs.
const fn gap(size: u16) -> u16 {
    size.div_ceil(2)
}

/// Lines of a figure, its dots `size` columns wide and half as many rows high; other signs than digits, `%` and blanks
/// become a dash.
pub(super) fn lines(text: &str, size: u16, plain: bool) -> Vec<String> {
    if plain && size == 1 {
        return strokes(text);
    }
    let between = " ".repeat(usize::from(gap(size)));
    let line = |i: u16| {
        let signs = text.chars().map(|sign| {
            let (upper, lower) = (dots(sign, 2 * i / size), dots(sign, (2 * i + 1) / size));
            let set = |dots: u8, column: u16| dots >> 2_u16.saturating_sub(column / size) & 1 == 1;
            (0..columns(sign, size)).map(|c| block(set(upper, c), set(lower, c), plain)).collect::<String>()
        });
        signs.collect::<Vec<_>>().join(&between)
    };
    (0..height(size)).map(line).collect()
}

/// The three dots in a row of a sign, none below it.
fn dots(sign: char, row: u16) -> u8 {
    let rows = match sign {
        ' ' => return 0,
        '%' => &PERCENT,
        _ => sign.to_digit(10).map_or(&DASH, |digit| &DIGITS[digit as usize]),
    };
    rows.get(usize::from(row)).copied().unwrap_or(0)
}

const fn block(upper: bool, lower: bool, plain: bool) -> char {
    match (upper, lower, plain) {
        (false, false, _) => ' ',
        (_, _, true) => '#',
        (true, true, _) => '█',
        (true, false, _) => '▀',
        (false, true, _) => '▄',
    }
}

fn strokes(text: &str) -> Vec<String> {
    let sign = |c: char, row: usize| match c {
        ' ' => " ",
        '%' => ["o/ ", "/o ", "   "][row],
        _ => c.to_digit(10).map_or(["   ", "___", "   "][row], |digit| STROKES[digit as usize][row]),
    };
    (0..3).map(|row| text.chars().map(|c| sign(c, row)).collect::<Vec<_>>().join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_half_blocks() {
        assert_eq!(lines("107", 1, false), ["▄█  █▀█ ▀▀█", " █  █ █  █ ", "▀▀▀ ▀▀▀  ▀ "]);
    }

    #[test]
    fn digits_in_ascii() {
        assert_eq!(lines("25", 1, true), [" _   _ ", " _| |_ ", "|_   _|"]);
        assert_eq!(lines("1", 2, true), ["  ##  ", "####  ", "  ##  ", "  ##  ", "######"]);
    }

    #[test]
    fn every_line_is_as_wide_as_it_says() {
        for size in 1..7 {
            for text in ["0", "10 240", "1 000 000", "62 %", "-"] {
                for plain in [false, true] {
                    if plain && size == 1 {
                        continue;
                    }
                    let lines = lines(text, size, plain);
                    assert_eq!(lines.len(), usize::from(height(size)));
                    for line in lines {
                        assert_eq!(
                            line.chars().count(),
                            usize::from(width(text, size)),
                            "{text:?} at {size}: {line:?}"
                        );
                    }
                }
            }
        }
    }
}
