//! Files of pictures: which are read, their headers, their pixels, and which way up they are.
//!
//! The EXIF orientation is read here alone. Pictures named on a command line are always turned by it, as in any viewer
//! and in the page; for those of a data set, [`crate::formats`] decides by what the boxes refer to.

use std::fs::File;
use std::io::{BufReader, Cursor, Seek};
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, RgbImage};
use jpeg_decoder::PixelFormat;

use crate::cut_jpeg;

/// Extensions of the pictures that are read, in lower case.
pub const EXTENSIONS: [&str; 12] =
    ["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "png", "bmp", "gif", "webp", "tif", "tiff"];

/// Extensions of pictures that are not read, and what people call them.
const FOREIGN: [(&str, &str); 9] = [
    ("heic", "HEIC"),
    ("heif", "HEIF"),
    ("avif", "AVIF"),
    ("jxl", "JPEG XL"),
    ("jp2", "JPEG 2000"),
    ("svg", "SVG"),
    ("dng", "a camera's raw format"),
    ("cr2", "a camera's raw format"),
    ("nef", "a camera's raw format"),
];

/// Larger pictures are refused in data sets: decoded, each would take more than 300 MB.
const MAX_PIXELS: u64 = 100_000_000;

/// The same for pictures that are named: it decodes them whole, and 20,000 x 20,000 pixels take 1.2 GB. No decoder here
/// reads a picture in strips.
const MAX_NAMED_PIXELS: u64 = 400_000_000;

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
    /// A picture that would take too much memory.
    #[error(
        "{path} has {} x {} pixels, more than {} millions: it would be decoded whole; make it smaller, or cut it into \
         several.",
        size_px.0,
        size_px.1,
        MAX_NAMED_PIXELS / 1_000_000
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Width and height.
        size_px: (u32, u32),
    },
    /// A file that does not decode as a picture.
    #[error(
        "{path} does not decode: {reason}; it must be a whole JPEG, PNG, BMP, GIF or WebP file, or a TIFF of plain \
         grey, RGB or CMYK."
    )]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason, on one line.
        reason: String,
    },
}

/// The files among `paths` and the pictures in its folders, sorted by name, among them those of formats that are not
/// read, so that they are named. Subfolders are not searched; hidden files are no pictures.
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
            if file.is_file() && is_picture(&file) {
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

/// Whether a file is a picture by its name, read here or not. Hidden ones are not: other systems leave some behind.
pub fn is_picture(path: &Path) -> bool {
    !is_hidden(path) && (has_ending(path, &EXTENSIONS) || foreign(path).is_some())
}

/// Whether the last part of a path begins with a dot, or is the folder into which macOS packs such files.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX")
}

/// Whether a file has one of these extensions, given in lower case.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The format of a picture that is not read, by its extension.
fn foreign(path: &Path) -> Option<&'static str> {
    FOREIGN.iter().find(|(ending, _)| has_ending(path, &[ending])).map(|(_, format)| *format)
}

/// Why a file is no picture that is read: by its extension if that tells, else in the decoder's words.
fn not_read(path: &Path, error: impl ToString) -> String {
    match foreign(path) {
        Some(format) => format!("its format, {format}, is not read; save it as JPEG or PNG"),
        None => format!("not a picture: {}", one_line(&error)),
    }
}

/// What a picture's file says about it without being decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Header {
    /// Width and height as stored.
    pub stored_px: (u32, u32),
    /// How a viewer turns or mirrors it.
    pub orientation: Orientation,
    /// Whether a little of it is missing at the end.
    pub cut_off: bool,
}

impl Header {
    /// Width and height after turning.
    pub fn upright_px(&self) -> (u32, u32) {
        let (width, height) = self.stored_px;
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }
}

/// Reads a picture's header and checks that its end is there; one without it is decoded. The content decides the
/// format: many a `.jpg` is a PNG.
///
/// # Errors
/// A clause about the file.
pub(crate) fn header(path: &Path) -> Result<Header, String> {
    let unreadable = |error| format!("it cannot be read ({error})");
    let mut file = File::open(path).map_err(unreadable)?;
    let cut_off = cut_jpeg::file_is_cut_off(&mut file).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(unreadable)?;
    let mut decoder = reader.into_decoder().map_err(|error| match cut_off {
        true => cut_jpeg::TOO_SHORT.into(),
        false => not_read(path, error),
    })?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(format!("not a picture: its header says {width} x {height} pixels"));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "its header says {width} x {height} pixels, more than {} millions; scale it down",
            MAX_PIXELS / 1_000_000
        ));
    }
    let orientation = orientation(&mut decoder);
    if cut_off {
        decode(&std::fs::read(path).map_err(unreadable)?)?;
    }
    Ok(Header { stored_px: (width, height), orientation, cut_off })
}

/// How a viewer turns a picture; an unreadable mark counts as none, as in browsers.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// Reads a picture as 8-bit RGB, made upright by its EXIF orientation. The content decides the format, not the name.
///
/// # Errors
/// [`ImageError`] if it does not open or does not decode.
pub fn read_upright(path: &Path) -> Result<RgbImage, ImageError> {
    read_noted(path).map(|(picture, _note)| picture)
}

/// The same, with a clause on what of the picture is missing, if something is.
///
/// # Errors
/// As [`read_upright`].
pub fn read_noted(path: &Path) -> Result<(RgbImage, Option<String>), ImageError> {
    let open_failed = |source| ImageError::Open { path: path.to_owned(), source };
    let decode_failed = |reason| ImageError::Decode { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(open_failed)?;
    if let Some(size_px) = stored_size(&bytes).filter(|(w, h)| u64::from(*w) * u64::from(*h) > MAX_NAMED_PIXELS) {
        return Err(ImageError::TooLarge { path: path.to_owned(), size_px });
    }
    let (mut picture, note) = decode(&bytes).map_err(|error| decode_failed(foreign_or(path, error)))?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(open_failed)?;
    picture
        .apply_orientation(reader.into_decoder().map_or(Orientation::NoTransforms, |mut file| orientation(&mut file)));
    Ok((opaque(picture), note))
}

/// Width and height by a picture's header, if it can be read.
fn stored_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.into_decoder().ok().map(|decoder| decoder.dimensions())
}

/// A picture without transparency, as a canvas of the page hands it out: nothing is left of a pixel that cannot be
/// seen, which becomes black, and any other one keeps its colour, as precisely as its opacity allows.
pub(crate) fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    let mut pixels = RgbImage::new(rgba.width(), rgba.height());
    for (pixel, from) in pixels.pixels_mut().zip(rgba.pixels()) {
        let [colour @ .., alpha] = from.0;
        pixel.0 = colour.map(|value| seen(value, alpha));
    }
    pixels
}

/// A channel after a canvas has multiplied it by its opacity and divided it again, in whole numbers.
fn seen(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let stored = (value * alpha + 127) / 255;
    (stored * 255 + alpha / 2).checked_div(alpha).map_or(0, |value| value.min(255) as u8)
}

/// A decoder's reason, or that the format of the file's extension is not read.
fn foreign_or(path: &Path, reason: String) -> String {
    if foreign(path).is_some() { not_read(path, reason) } else { reason }
}

/// Decodes a picture as stored; the content decides the format. With it comes a clause on what of it is missing, if
/// something is: a JPEG may end a little early.
///
/// # Errors
/// The reason, on one line.
pub(crate) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Option<String>), String> {
    match cut_jpeg::is_cut_off(bytes) {
        true => cut_jpeg::decode(bytes, decode_whole).map(|(picture, note)| (picture, Some(note))),
        false => decode_whole(bytes).map(|picture| (picture, None)),
    }
}

fn decode_whole(bytes: &[u8]) -> Result<DynamicImage, String> {
    match decode_jpeg(bytes).map_err(|error| one_line(&error))? {
        Some(picture) => Ok(picture),
        None => decode_other(bytes).map_err(|error| one_line(&error)),
    }
}

/// Decodes what is no JPEG. The decoder's own limit of memory is below what the largest pictures take.
fn decode_other(bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(8 * MAX_NAMED_PIXELS); // RGBA of 16 bits
    reader.limits(limits);
    reader.decode()
}

/// Decodes a grey or colour JPEG as a browser would, to a fraction of a level; `None` for anything else. One decoder
/// for training, `eval` and `detect`, though `image`'s own is faster: training does not wait for it.
fn decode_jpeg(bytes: &[u8]) -> Result<Option<DynamicImage>, jpeg_decoder::Error> {
    if !bytes.starts_with(cut_jpeg::START) {
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

/// Some decoders' messages contain or end in a line break.
fn one_line(error: &impl ToString) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
