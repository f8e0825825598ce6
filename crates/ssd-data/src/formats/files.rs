//! Low-level reads of a data set's folders and files: listings, picture headers, texts.
//!
//! Knows no format; the readers do.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};

use crate::error::DataError;
use crate::images::{self, EXTENSIONS};

/// Levels of folders searched for pictures.
const DEEPEST: usize = 4;

/// Larger pictures are refused: decoded, each would take more than 300 MB.
const MAX_PIXELS: u64 = 100_000_000;

/// The entries of a folder, sorted by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.into(), source };
    let listed = fs::read_dir(folder).map_err(failed)?;
    let mut paths = listed.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The folders in a folder, sorted by name; empty if it cannot be read.
pub(super) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    listed(folder, |entry| is_kind(entry, fs::FileType::is_dir, Path::is_dir))
}

/// The files of a folder with one of these extensions (in lower case), sorted by name; empty if it cannot be read.
pub(super) fn files_ending(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    listed(folder, |entry| ends_in(&entry.path(), endings) && is_kind(entry, fs::FileType::is_file, Path::is_file))
}

/// Asks the system about links only, not about each of a hundred thousand pictures.
fn is_kind(entry: &fs::DirEntry, of_entry: fn(&fs::FileType) -> bool, of_link: fn(&Path) -> bool) -> bool {
    entry.file_type().is_ok_and(|kind| if kind.is_symlink() { of_link(&entry.path()) } else { of_entry(&kind) })
}

/// Some entries of a folder, sorted by name.
fn listed(folder: &Path, wanted: impl Fn(&fs::DirEntry) -> bool) -> Vec<PathBuf> {
    let Ok(all) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = all.flatten().filter(wanted).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The pictures directly in a folder, by their extensions.
pub(super) fn pictures_in(folder: &Path) -> Vec<PathBuf> {
    files_ending(folder, &EXTENSIONS)
}

/// Whether there is a picture directly in a folder.
pub(super) fn has_pictures(folder: &Path) -> bool {
    let Ok(listed) = fs::read_dir(folder) else { return false };
    listed.flatten().any(|entry| ends_in(&entry.path(), &EXTENSIONS))
}

/// The pictures in a folder and its subfolders, sorted. A folder that links reach again is entered once, by its own
/// name if that is below `folder`, since its labels are found by it.
pub(super) fn pictures_below(folder: &Path) -> Vec<PathBuf> {
    let mut pictures = Vec::new();
    let mut entered = BTreeSet::new();
    let mut folders = VecDeque::from([(folder.to_path_buf(), 1)]);
    let mut links = VecDeque::new();
    while let Some((folder, depth)) = folders.pop_front().or_else(|| links.pop_front()) {
        let place = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        if !entered.insert(place) {
            continue;
        }
        pictures.extend(pictures_in(&folder));
        if depth < DEEPEST {
            let (linked, inside): (Vec<_>, Vec<_>) =
                subfolders(&folder).into_iter().partition(|path| path.is_symlink());
            folders.extend(inside.into_iter().map(|path| (path, depth + 1)));
            links.extend(linked.into_iter().map(|path| (path, depth + 1)));
        }
    }
    pictures.sort();
    pictures
}

/// Whether a file has one of these extensions, given in lower case.
pub(super) fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The name of a file without its extension; empty for a path without a name.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The last part of a path; empty for a path without a name.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a relative path stays below the folder that it is joined to.
pub(super) fn stays_inside(path: &Path) -> bool {
    let mut parts = path.components().filter(|part| *part != Component::CurDir).peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// A text of at most `max` bytes. The error is a clause about the file.
pub(super) fn read_text(path: &Path, max: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let mut text = String::new();
    let read = file.take(max + 1).read_to_string(&mut text);
    let bytes = read.map_err(|error| format!("it cannot be read as UTF-8 text ({error})"))?;
    if bytes as u64 > max {
        return Err(format!("it is larger than {} MiB", max >> 20));
    }
    // Some editors start UTF-8 with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}

/// The first and the last bytes of a file, at most `max` of each; empty if it cannot be read.
pub(super) fn both_ends(path: &Path, max: u64) -> [Vec<u8>; 2] {
    let mut ends = [Vec::new(), Vec::new()];
    if let Ok(mut file) = File::open(path) {
        // What was read before an error will do.
        let _ = file.by_ref().take(max).read_to_end(&mut ends[0]);
        let len = file.metadata().map_or(0, |data| data.len());
        if file.seek(SeekFrom::Start(len.saturating_sub(max))).is_ok() {
            let _ = file.take(max).read_to_end(&mut ends[1]);
        }
    }
    ends
}

/// The first non-empty line of a text.
pub(super) fn first_line(path: &Path) -> Option<String> {
    let reader = BufReader::new(File::open(path).ok()?.take(1 << 16));
    reader.lines().map_while(Result::ok).map(|line| line.trim().to_string()).find(|line| !line.is_empty())
}

/// What a picture's file says about it without being decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Header {
    /// Width and height as stored.
    pub size_px: (u32, u32),
    /// Whether its EXIF orientation turns or mirrors the picture.
    pub turned: bool,
}

/// Reads a picture's header and checks that its end is there. The content decides the format: many a `.jpg` is a PNG.
///
/// The error is a clause about the file.
pub(super) fn picture_header(path: &Path) -> Result<Header, String> {
    let unreadable = |error| format!("it cannot be read ({error})");
    let mut file = File::open(path).map_err(unreadable)?;
    if images::file_is_cut_off(&mut file).map_err(unreadable)? {
        return Err("it ends in the middle of the image data".into());
    }
    file.rewind().map_err(unreadable)?;
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(unreadable)?;
    let mut decoder = reader.into_decoder().map_err(|error| format!("not a picture: {error}"))?;
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
    // An unreadable orientation counts as none.
    let turned = decoder.orientation().is_ok_and(|mark| mark != Orientation::NoTransforms);
    Ok(Header { size_px: (width, height), turned })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_recognised() {
        for inside in ["a.jpg", "sub/a.jpg", "./a.jpg", "a..b/..c.jpg"] {
            assert!(stays_inside(Path::new(inside)), "{inside}");
        }
        for outside in ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "a/..", "", "."] {
            assert!(!stays_inside(Path::new(outside)), "{outside}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_duplicate_no_pictures_and_a_folder_keeps_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b/c");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("p.jpg"), "").unwrap();
        // One link sorted before its target, and one back up.
        std::os::unix::fs::symlink(&inner, folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(folder.path(), inner.join("up")).unwrap();
        assert_eq!(pictures_below(folder.path()), [inner.join("p.jpg")]);
        // A link to elsewhere is entered.
        let other = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), other.path().join("all")).unwrap();
        assert_eq!(pictures_below(other.path()), [other.path().join("all/b/c/p.jpg")]);
    }

    #[test]
    fn a_picture_cut_off_or_of_absurd_size_is_refused_and_a_turned_one_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(16, 8).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        let header = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            picture_header(&path)
        };
        assert_eq!(header(&jpeg), Ok(Header { size_px: (16, 8), turned: false }));
        assert!(header(&jpeg[..jpeg.len() - 4]).unwrap_err().contains("ends in the middle"));
        // Height and width start five bytes after the frame marker.
        let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        let mut absurd = jpeg.clone();
        absurd[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
        assert!(header(&absurd).unwrap_err().contains("60000 x 60000"));
        // EXIF orientation 6, a quarter turn clockwise, after the first two bytes.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        assert_eq!(header(&turned), Ok(Header { size_px: (16, 8), turned: true }));
    }
}
