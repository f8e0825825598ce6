//! Looking at the folders and files of a data set: what is there, how large is a picture, what does a text say.
//!
//! What it is not: it knows no layout and no format; the readers do.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use image::ImageReader;

use super::DataError;
use crate::images::EXTENSIONS;

/// Folders in folders that are entered in search of pictures; a link that leads back up ends here at the latest.
const DEEPEST: usize = 4;

/// What a folder holds, sorted by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.into(), source };
    let listed = fs::read_dir(folder).map_err(failed)?;
    let mut paths = listed.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The folders in a folder, sorted by name; none where it cannot be read.
pub(super) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    listed(folder, |entry| is_kind(entry, fs::FileType::is_dir, Path::is_dir))
}

/// The files of a folder with one of these endings (in lower case), sorted by name; none where it cannot be read.
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

/// The pictures that lie directly in a folder, by their endings.
pub(super) fn pictures_in(folder: &Path) -> Vec<PathBuf> {
    files_ending(folder, &EXTENSIONS)
}

/// Whether a picture lies directly in a folder.
pub(super) fn has_pictures(folder: &Path) -> bool {
    let Ok(listed) = fs::read_dir(folder) else { return false };
    listed.flatten().any(|entry| ends_in(&entry.path(), &EXTENSIONS))
}

/// The pictures in a folder and in the folders inside it, sorted.
pub(super) fn pictures_below(folder: &Path) -> Vec<PathBuf> {
    let mut pictures = Vec::new();
    let mut level = vec![folder.to_path_buf()];
    for _ in 0..DEEPEST {
        pictures.extend(level.iter().flat_map(|folder| pictures_in(folder)));
        level = level.iter().flat_map(|folder| subfolders(folder)).collect();
    }
    pictures.sort();
    pictures
}

/// Whether a file's name has one of these endings, which are in lower case.
pub(super) fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The name of a file without its ending; empty for a path without a name.
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

/// A text of `max` bytes at most. The error is a clause about the file.
pub(super) fn read_text(path: &Path, max: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let mut text = String::new();
    let read = file.take(max + 1).read_to_string(&mut text);
    let bytes = read.map_err(|error| format!("it cannot be read as UTF-8 text ({error})"))?;
    if bytes as u64 > max {
        return Err(format!("it is larger than {} MiB", max >> 20));
    }
    // Editors of some systems mark UTF-8 by three bytes at the start.
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}

/// The first bytes of a file, `max` at most; empty where it cannot be read.
pub(super) fn first_bytes(path: &Path, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What was read before an error is as good to look at.
        let _ = file.take(max).read_to_end(&mut bytes);
    }
    bytes
}

/// The first line of a text that is not empty.
pub(super) fn first_line(path: &Path) -> Option<String> {
    let reader = BufReader::new(File::open(path).ok()?.take(1 << 16));
    reader.lines().map_while(Result::ok).map(|line| line.trim().to_string()).find(|line| !line.is_empty())
}

/// Width and height of a picture, from its header. The content tells the format: many a `.jpg` is a PNG.
///
/// The error is a clause about the file.
pub(super) fn picture_size(path: &Path) -> Result<(u32, u32), String> {
    let unreadable = |error| format!("it cannot be read ({error})");
    let reader = ImageReader::open(path).map_err(unreadable)?.with_guessed_format().map_err(unreadable)?;
    let (width, height) = reader.into_dimensions().map_err(|error| format!("no picture: {error}"))?;
    if width == 0 || height == 0 {
        return Err(format!("no picture: its header says {width} x {height} pixels"));
    }
    Ok((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_told_from_one_that_stays() {
        for inside in ["a.jpg", "sub/a.jpg", "./a.jpg", "a..b/..c.jpg"] {
            assert!(stays_inside(Path::new(inside)), "{inside}");
        }
        for outside in ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "a/..", "", "."] {
            assert!(!stays_inside(Path::new(outside)), "{outside}");
        }
    }
}
