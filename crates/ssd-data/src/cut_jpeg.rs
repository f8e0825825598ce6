//! JPEGs without their end: a download that stopped, a card that was pulled out.
//!
//! Decoders disagree on what such a file shows, and most make something up for the rest. Here what is missing is found
//! out: of two decodings that continue the data differently, the rows that are equal are those that are there. A
//! picture of which little is missing is used, with its rest grey; one of which more is missing is refused.

use std::io::{Read, Seek, SeekFrom};
use std::ops::RangeInclusive;

use image::{DynamicImage, Rgb};

/// The first bytes of any JPEG.
pub(crate) const START: &[u8] = &[0xff, 0xd8];

const END: &[u8] = &[0xff, 0xd9];

/// One row in so many may be missing; of a small picture the last row of blocks, whose colours reach one row higher, if
/// that is one in [`MOST_OF_SMALL`] at most.
const MOST_MISSING: u32 = 10;
const MOST_OF_SMALL: u32 = 4;
const BLOCKS: u32 = 17;

/// Bytes by which the data is continued, of which decoders make codes of two kinds. They are never taken for markers.
const REST: [&[u8]; 2] = [&[], &[0x55; 4096]];

/// Why one of which more is missing is refused.
pub(crate) const TOO_SHORT: &str = "it ends in the middle of the image data";

/// The colour of what is missing: that of a block without numbers.
const GREY: Rgb<u8> = Rgb([128; 3]);

/// Whether a JPEG ends before its end-of-image marker.
///
/// Within image data 0xff is followed by 0 or a restart marker: the last end (D9) follows the last scan start (DA).
pub(crate) fn is_cut_off(bytes: &[u8]) -> bool {
    let is_jpeg = bytes.starts_with(START);
    let end = bytes.windows(2).rposition(|marker| marker == END).unwrap_or(0);
    is_jpeg && (end == 0 || bytes[end..].windows(2).any(|marker| marker == [0xff, 0xda]))
}

/// Size of the tail that is searched first for the end-of-image marker; some cameras write a little after it.
const TAIL: u64 = 8 << 10;

/// The same for a file. Reads the last few KiB, and the whole file only if they have no such marker. The position in
/// the file is left unspecified.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn file_is_cut_off(file: &mut (impl Read + Seek)) -> std::io::Result<bool> {
    let mut start = Vec::new();
    file.rewind()?;
    file.by_ref().take(START.len() as u64).read_to_end(&mut start)?;
    if start != START {
        return Ok(false);
    }
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL).max(start.len() as u64)))?;
    file.read_to_end(&mut start)?;
    if start.windows(2).any(|marker| marker == END) {
        return Ok(is_cut_off(&start));
    }
    file.rewind()?;
    start.clear();
    file.read_to_end(&mut start)?;
    Ok(is_cut_off(&start))
}

/// What there is of a JPEG that is cut off, and a clause on what is missing. `whole` decodes a JPEG with an end.
///
/// # Errors
/// Too much is missing, or the decoder's reason.
pub(crate) fn decode(
    bytes: &[u8],
    whole: impl Fn(&[u8]) -> Result<DynamicImage, String>,
) -> Result<(DynamicImage, String), String> {
    // A last 0xff is half of a pair.
    let data = &bytes[..bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0xff).count()];
    let ended = |data: &[u8], rest: &[u8]| {
        let bytes = [data, rest, END].concat();
        // The other decoder goes on where a restart marker is missing.
        whole(&bytes).or_else(|why| image::load_from_memory(&bytes).map_err(|_| why))
    };
    let too_short = || TOO_SHORT.to_owned();
    let [one, other] = REST.map(|rest| ended(data, rest));
    let (one, other) = (one.map_err(|_| too_short())?.into_rgb8(), other.map_err(|_| too_short())?.into_rgb8());
    let row_bytes = 3 * one.width() as usize;
    let rows =
        one.chunks(row_bytes).zip(other.chunks(row_bytes)).take_while(|(row, again)| row == again).count() as u32;
    let missing = one.height() - rows;
    if missing == 0 {
        return Ok((one.into(), "its end mark is missing".into()));
    }
    if let Some(scans) = scans(data).filter(|scans| scans.progressive) {
        let data = scans.finished(data).ok_or_else(too_short)?;
        return Ok((ended(data, &[]).map_err(|_| too_short())?, "it ends early and lacks its finest detail".into()));
    }
    let height = one.height();
    if missing > (height / MOST_MISSING).max(BLOCKS.min(height / MOST_OF_SMALL)) {
        return Err(too_short());
    }
    let mut picture = one;
    picture.enumerate_rows_mut().skip(rows as usize).flat_map(|(_, row)| row).for_each(|(_, _, pixel)| *pixel = GREY);
    Ok((picture.into(), format!("it ends early: {missing} of its {height} rows are missing and grey")))
}

/// The scans of a JPEG; a progressive one has many, each of which makes the whole picture finer.
struct Scans {
    progressive: bool,
    /// Where each starts, its first component, and which of its coefficients it has.
    starts: Vec<(usize, u8, RangeInclusive<u8>)>,
}

impl Scans {
    /// The data without the last scan, if all coefficients of the first component are in those before.
    fn finished<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        let ((end, ..), before) = self.starts.split_last()?;
        let (_, first, _) = self.starts.first()?;
        let of_first = |at: u8| before.iter().any(|(_, component, band)| component == first && band.contains(&at));
        (0..64).all(of_first).then(|| &data[..*end])
    }
}

/// Goes over the segments; `None` where they do not follow one another as they must.
fn scans(data: &[u8]) -> Option<Scans> {
    let mut found = Scans { progressive: false, starts: Vec::new() };
    let mut at = START.len();
    loop {
        // Image data, and fill bytes before a marker.
        let rest = data.get(at..)?;
        let Some(next) = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff))
        else {
            return Some(found);
        };
        let (start, kind) = (at + next, rest[next + 1]);
        let Some(&[high, low]) = data.get(start + 2..start + 4) else { return Some(found) };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let Some(segment) = data.get(start + 4..start + 2 + len.max(2)) else { return Some(found) };
        match (kind, segment) {
            (0xc2, _) => found.progressive = true,
            (0xda, [_, component, .., from, to, _]) => found.starts.push((start, *component, *from..=*to)),
            _ => {}
        }
        at = start + 2 + len.max(2);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Cursor;

    use image::RgbImage;

    use super::*;
    use crate::images;

    #[test]
    fn a_jpeg_that_is_cut_off_is_recognised_in_a_file_and_in_memory() {
        let mut jpeg = Cursor::new(Vec::new());
        let noise = |x: u32, y: u32| Rgb([(x * 7) ^ (y * 31), (x * 13) ^ (y * 5), x * y].map(|value| value as u8));
        RgbImage::from_fn(200, 200, noise).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let whole = jpeg.into_inner();
        assert!(whole.len() as u64 > 2 * TAIL, "the tail is a part of it");
        let tests = [
            (whole.clone(), false),
            (whole[..whole.len() - 1].to_vec(), true),
            (whole[..whole.len() / 2].to_vec(), true),
            // A long trailer, such as the film that a phone appends.
            ([&whole[..], &vec![0; 3 * TAIL as usize]].concat(), false),
            // A whole preview before a picture that is cut off.
            ([&whole[..], &whole[..whole.len() - 100]].concat(), true),
            (whole[..2].to_vec(), true),
            (b"GIF89a".to_vec(), false),
            (Vec::new(), false),
        ];
        for (number, (bytes, cut_off)) in tests.into_iter().enumerate() {
            assert_eq!(file_is_cut_off(&mut Cursor::new(&bytes)).unwrap(), cut_off, "{number}");
            assert_eq!(is_cut_off(&bytes), cut_off, "{number}, in memory");
        }
    }

    /// A picture with something in every block.
    fn scene() -> RgbImage {
        RgbImage::from_fn(96, 160, |x, y| {
            Rgb([x * 2 + (y * 37) % 50, (x * y) % 200, y + (x * 11) % 40].map(|v| v as u8))
        })
    }

    fn jpeg(picture: &RgbImage) -> Vec<u8> {
        let mut jpeg = Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        jpeg.into_inner()
    }

    #[test]
    fn a_picture_of_which_little_is_missing_is_used_as_far_as_it_goes() {
        let whole = jpeg(&scene());
        let (picture, note) = images::decode(&whole).unwrap();
        assert_eq!(note, None);
        let picture = picture.into_rgb8();
        for (cut, note_has) in [(1, "end mark"), (2, "end mark"), (60, "rows are missing"), (whole.len() / 20, "rows")]
        {
            let (there, note) = images::decode(&whole[..whole.len() - cut]).unwrap();
            let note = note.unwrap();
            assert!(note.contains(note_has), "{cut}: {note}");
            let there = there.into_rgb8();
            let rows = there.rows().zip(picture.rows()).take_while(|(a, b)| a.clone().eq(b.clone())).count();
            assert!(rows * 10 >= 9 * 160, "{cut}: {rows} rows");
            assert!(there.rows().skip(rows).flatten().all(|pixel| *pixel == GREY), "{cut}");
            assert!(
                note_has == "end mark" || rows < 160 && note.contains(&format!("{} of its 160", 160 - rows)),
                "{note}"
            );
        }
        for len in (2..whole.len() * 4 / 5).step_by(7) {
            let why = images::decode(&whole[..len]).unwrap_err();
            assert!(!why.contains('\n') && why.contains("middle of the image data"), "{len}: {why}");
        }
    }

    #[test]
    fn scans_are_told_apart_and_the_unfinished_one_is_dropped() {
        // A frame of two components in three scans; 0xff00 and restart markers belong to the data.
        let scan = |component: u8, from: u8, to: u8| {
            [&[0xff, 0xda, 0, 8, 1, component, 0, from, to, 0][..], b"\x12\xff\x00\xff\xd0"].concat()
        };
        let head = [START, &[0xff, 0xc2, 0, 4, 8, 0]].concat();
        let (dc, ac, last) = (scan(1, 0, 0), scan(1, 1, 63), scan(2, 0, 0));
        let all = [&head[..], &dc, &ac, &last].concat();
        let found = scans(&all).unwrap();
        assert!(found.progressive);
        assert_eq!(found.starts.iter().map(|(_, component, _)| *component).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(found.finished(&all), Some(&all[..all.len() - last.len()]));
        let coarse = [&head[..], &dc, &ac].concat();
        assert_eq!(scans(&coarse).unwrap().finished(&coarse), None, "the fine coefficients are not there");
        for len in 0..all.len() {
            let _ = scans(&all[..len]);
        }
    }
}
