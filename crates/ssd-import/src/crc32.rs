//! The check sum of zip entries: CRC-32 with the polynomial 0x04C11DB7, bits reflected (APPNOTE 4.4.7).

use std::sync::LazyLock;

/// Bytes that are taken at once.
const STEP: usize = 8;

/// `TABLES[n][byte]` is what a byte does to the sum when `n` more bytes follow. Computed when first needed: as constants they would
/// be 8 KiB of the page.
static TABLES: LazyLock<[[u32; 256]; STEP]> = LazyLock::new(|| {
    let mut tables = [[0; 256]; STEP];
    for (byte, sum) in (0..).zip(&mut tables[0]) {
        let shift = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        *sum = (0..8).fold(byte, shift);
    }
    for following in 1..STEP {
        let before = tables[following - 1];
        tables[following] = before.map(|sum| tables[0][usize::from(sum as u8)] ^ (sum >> 8));
    }
    tables
});

/// The sum over the bytes so far.
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The sum over none.
    pub(crate) fn new() -> Self {
        Self(!0)
    }

    /// Goes on over `bytes`.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let tables = &*TABLES;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            // The sum so far acts on the first four bytes.
            let mixed = (u64::from_le_bytes(*step) ^ u64::from(self.0)).to_le_bytes();
            self.0 = (0..STEP).fold(0, |sum, place| sum ^ tables[STEP - 1 - place][usize::from(mixed[place])]);
        }
        for byte in rest {
            self.0 = tables[0][usize::from(self.0 as u8 ^ byte)] ^ (self.0 >> 8);
        }
    }

    /// The sum as a zip file has it.
    pub(crate) fn value(&self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_in_any_two_pieces() {
        assert_eq!(Crc32::new().value(), 0);
        let bytes = b"123456789";
        for place in 0..=bytes.len() {
            let mut sum = Crc32::new();
            sum.update(&bytes[..place]);
            sum.update(&bytes[place..]);
            assert_eq!(sum.value(), 0xCBF4_3926);
        }
    }
}
