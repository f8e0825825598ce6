//! The check sum of zip entries: CRC-32 with the polynomial 0x04C11DB7, bits reflected (APPNOTE 4.4.7).

/// What a byte does to the sum. A table of 1 KiB: larger ones are faster, and the page would carry them.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// The sum over the bytes so far.
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The sum over none.
    pub(crate) fn new() -> Self {
        Self(!0)
    }

    /// Goes on over `bytes`.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = TABLE[usize::from(self.0 as u8 ^ byte)] ^ (self.0 >> 8);
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
    fn the_check_value_of_the_catalogue_in_one_piece_and_in_two() {
        let mut sum = Crc32::new();
        assert_eq!(sum.value(), 0);
        sum.update(b"1234");
        sum.update(b"56789");
        assert_eq!(sum.value(), 0xCBF4_3926);
    }
}
