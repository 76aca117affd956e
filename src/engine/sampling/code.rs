//! Whole numbers in few bits: exact while small, then to one part in 2^B.

/// The number's code: `B` bits after its leading one, and how far they were shifted. Grows with the number.
pub(super) const fn pack<const B: u32>(value: u32) -> u32 {
    let bits = u32::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(B + 1);
    (shift << B) + (value >> shift)
}

/// The number that a code stands for, in the middle of those that have it.
pub(super) const fn unpack<const B: u32>(code: u32) -> u32 {
    let shift = (code >> B).saturating_sub(1);
    let kept = code - (shift << B);
    (kept << shift) + (1 << shift >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_exact_and_large_ones_near() {
        for value in (0..70_000).chain([1 << 20, 123_456_789, u32::MAX - 1, u32::MAX]) {
            let near = |code_bits: u32, max: u32, packed: u32, back: u32| {
                assert!(packed <= max, "{value} is coded as {packed}");
                assert!(back.abs_diff(value) <= value >> (code_bits + 1), "{value} comes back as {back}");
            };
            let (byte, word) = (pack::<3>(value), pack::<11>(value));
            near(3, u8::MAX.into(), byte, unpack::<3>(byte));
            near(11, u16::MAX.into(), word, unpack::<11>(word));
        }
    }
}
