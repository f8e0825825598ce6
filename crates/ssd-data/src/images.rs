//! Pictures named on a command line: finding them and reading them upright.
//!
//! Not a data set (see [`crate::set`]): there are no annotations, and EXIF orientation is applied, as in any viewer.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, RgbImage};
use jpeg_decoder::PixelFormat;

/// Extensions of the pictures taken from a folder, in lower case.
pub const EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "bmp", "gif", "webp"];

/// A picture that is missing or does not decode.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A path that does not open.
    #[error("{path} does not open: {source}; check the path.")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A folder without pictures.
    #[error("{path} has no pictures; files ending in {} are read.", EXTENSIONS.join(", "))]
    NoneFound {
        /// The folder.
        path: PathBuf,
    },
    /// A file that does not decode as a picture.
    #[error("{path} does not decode: {reason}; it must be a whole JPEG, PNG, BMP, GIF or WebP file.")]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason, on one line.
        reason: String,
    },
}

/// The files among `paths` and the pictures in its folders, sorted by name. Subfolders are not searched.
///
/// # Errors
/// [`ImageError`] for a missing path or a folder without pictures.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ImageError> {
    let mut found = Vec::new();
    for path in paths {
        let failed = |source| ImageError::Open { path: path.clone(), source };
        if !std::fs::metadata(path).map_err(failed)?.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.is_file() && has_picture_extension(&file) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(ImageError::NoneFound { path: path.clone() });
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

fn has_picture_extension(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// Reads a picture as 8-bit RGB, made upright by its EXIF orientation. The content decides the format, not the name.
///
/// # Errors
/// [`ImageError`] if it does not open or does not decode.
pub fn read_upright(path: &Path) -> Result<RgbImage, ImageError> {
    let open_failed = |source| ImageError::Open { path: path.to_owned(), source };
    let decode_failed = |reason| ImageError::Decode { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(open_failed)?;
    let mut picture = decode(&bytes).map_err(decode_failed)?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(open_failed)?;
    let orientation = reader.into_decoder().and_then(|mut decoder| decoder.orientation());
    picture.apply_orientation(orientation.map_err(|error| decode_failed(one_line(&error)))?);
    Ok(picture.into_rgb8())
}

/// Decodes a picture as stored; the content decides the format.
///
/// # Errors
/// The reason, on one line.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    if is_cut_off(bytes) {
        return Err("it ends in the middle of the image data".to_owned());
    }
    match decode_jpeg(bytes).map_err(|error| one_line(&error))? {
        Some(picture) => Ok(picture),
        None => image::load_from_memory(bytes).map_err(|error| one_line(&error)),
    }
}

/// Decodes a grey or colour JPEG as a browser would, to a fraction of a level; `None` for anything else. One decoder
/// for training, `eval` and `detect`, though `image`'s own is faster: training does not wait for it.
fn decode_jpeg(bytes: &[u8]) -> Result<Option<DynamicImage>, jpeg_decoder::Error> {
    if !bytes.starts_with(JPEG_START) {
        return Ok(None);
    }
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let pixels = decoder.decode()?;
    let Some(info) = decoder.info() else { return Ok(None) };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    Ok(match info.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        // CMYK and 16 bits: `image` converts them.
        PixelFormat::CMYK32 | PixelFormat::L16 => None,
    })
}

const JPEG_START: &[u8] = &[0xff, 0xd8];

/// Some decoders' messages contain or end in a line break.
fn one_line(error: &impl ToString) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a JPEG ends before its end-of-image marker. Its decoder would fill the rest with grey and report success.
///
/// Within image data 0xff is followed by 0 or a restart marker: the last end (D9) follows the last scan start (DA).
fn is_cut_off(bytes: &[u8]) -> bool {
    let is_jpeg = bytes.starts_with(JPEG_START);
    let end = bytes.windows(2).rposition(|marker| marker == [0xff, 0xd9]).unwrap_or(0);
    is_jpeg && (end == 0 || bytes[end..].windows(2).any(|marker| marker == [0xff, 0xda]))
}

/// Size of the tail that is searched first for the end-of-image marker; some cameras write a little after it.
const TAIL: u64 = 8 << 10;

/// Whether a file is a JPEG that ends before its end-of-image marker. Reads the last few KiB, and the whole file only
/// if they have no such marker. The position in the file is left unspecified.
///
/// # Errors
/// A file that cannot be read.
pub fn file_is_cut_off(file: &mut (impl Read + Seek)) -> std::io::Result<bool> {
    let mut start = Vec::new();
    file.rewind()?;
    file.by_ref().take(JPEG_START.len() as u64).read_to_end(&mut start)?;
    if start != JPEG_START {
        return Ok(false);
    }
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL).max(start.len() as u64)))?;
    file.read_to_end(&mut start)?;
    if start.windows(2).any(|marker| marker == [0xff, 0xd9]) {
        return Ok(is_cut_off(&start));
    }
    file.rewind()?;
    start.clear();
    file.read_to_end(&mut start)?;
    Ok(is_cut_off(&start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn folders_give_their_pictures_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", "notes.txt", "c.webp"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        std::fs::create_dir(folder.path().join("inner.png")).unwrap();
        let single = folder.path().join("notes.txt");
        let found = find(&[single.clone(), folder.path().to_owned()]).unwrap();
        let names = ["a.png", "b.JPG", "c.webp"].map(|name| folder.path().join(name));
        assert_eq!(found, [&[single], names.as_slice()].concat(), "a named file is taken whatever its extension");
        assert!(matches!(find(&[folder.path().join("inner.png")]), Err(ImageError::NoneFound { .. })));
        assert!(matches!(find(&[folder.path().join("gone.png")]), Err(ImageError::Open { .. })));
    }

    #[test]
    fn a_camera_s_orientation_mark_is_obeyed() {
        // A JPEG of 16 x 8, left half red, with EXIF orientation 6 (a quarter clockwise) after its first two bytes.
        let picture = RgbImage::from_fn(16, 8, |x, _| image::Rgb(if x < 8 { [255, 0, 0] } else { [0, 0, 255] }));
        let mut jpeg = Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let bytes = [&jpeg.get_ref()[..2], exif, &jpeg.get_ref()[2..]].concat();

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turned.png");
        std::fs::write(&path, &bytes).unwrap();
        let upright = read_upright(&path).unwrap();
        assert_eq!(upright.dimensions(), (8, 16));
        assert!(upright.get_pixel(4, 2)[0] > 200, "red is above");
        assert!(upright.get_pixel(4, 13)[2] > 200, "blue is below");

        // Cut short: an error that names the file, not a panic and not half a picture.
        for cut in [bytes.len() / 3, bytes.len() - 8] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let message = read_upright(&path).unwrap_err().to_string();
            assert!(message.contains("turned.png does not decode") && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_jpeg_that_is_cut_off_is_recognised_in_a_file_and_in_memory() {
        let mut jpeg = Cursor::new(Vec::new());
        let noise =
            |x: u32, y: u32| image::Rgb([(x * 7) ^ (y * 31), (x * 13) ^ (y * 5), x * y].map(|value| value as u8));
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
}
