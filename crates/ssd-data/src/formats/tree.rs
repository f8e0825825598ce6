//! Finding: the files below a folder, hidden ones left out, and the texts in them.
//!
//! Knows no format; every format looks at the same listing.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::images::{has_ending, is_hidden};

/// Levels of folders that are searched.
const DEEPEST: usize = 7;

/// The files below a folder.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The folder that was named.
    pub root: PathBuf,
    /// The one that holds the set: the folder in it, where there is nothing else.
    pub home: PathBuf,
    /// Its files, sorted.
    pub files: Vec<PathBuf>,
}

impl Tree {
    /// Lists a folder. One that holds nothing but another folder is home to what is in that one: many a download is
    /// wrapped twice.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn of(folder: &Path) -> Result<Self, DataError> {
        let root = folder.to_path_buf();
        let mut home = root.clone();
        for _ in 0..DEEPEST {
            match &entries(&home)?[..] {
                [only] if only.is_dir() => home = only.clone(),
                _ => break,
            }
        }
        let files = files_below(&root);
        Ok(Self { root, home, files })
    }

    /// These files of a folder.
    pub fn new(root: &Path, files: Vec<PathBuf>) -> Self {
        Self { root: root.into(), home: root.into(), files }
    }

    /// The files with one of these extensions, given in lower case.
    pub fn ending<'a>(&'a self, endings: &'a [&'a str]) -> impl Iterator<Item = &'a PathBuf> {
        self.files.iter().filter(|file| has_ending(file, endings))
    }

    /// The files directly in its home.
    pub fn top(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().filter(|file| file.parent() == Some(&self.home))
    }

    /// The part of the tree below a folder.
    pub fn below(&self, folder: &Path) -> Self {
        Self::new(folder, self.files.iter().filter(|file| file.starts_with(folder)).cloned().collect())
    }
}

/// The visible entries of a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.into(), source };
    let listed = fs::read_dir(folder).map_err(failed)?;
    let mut paths = listed.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.retain(|path| !is_hidden(path));
    paths.sort();
    Ok(paths)
}

/// The folders in a folder, sorted by name; empty if it cannot be read.
pub(super) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let mut folders = entries(folder).unwrap_or_default();
    folders.retain(|path| path.is_dir());
    folders
}

/// The files in a folder and its subfolders, sorted. A folder that links reach again is entered once, by its own name
/// if that is below `folder`, since its annotations are found by it. What cannot be listed is passed over.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entered = BTreeSet::new();
    let mut folders = VecDeque::from([(folder.to_path_buf(), 1)]);
    let mut links = VecDeque::new();
    while let Some((folder, depth)) = folders.pop_front().or_else(|| links.pop_front()) {
        let place = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        if !entered.insert(place) {
            continue;
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            // The system is asked about links alone, not about each of a hundred thousand pictures.
            let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
            if is_hidden(&path) {
                continue;
            } else if !is_folder {
                files.push(path);
            } else if depth < DEEPEST {
                if kind.is_symlink() { &mut links } else { &mut folders }.push_back((path, depth + 1));
            }
        }
    }
    files.sort();
    files
}

/// The name of a file without its extension; empty for a path without a name.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The last part of a path; empty for a path without a name.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A text of at most `max` bytes, in UTF-8 or UTF-16. The error is a clause about the file.
pub(super) fn read_text(path: &Path, max: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| format!("it cannot be read ({error})"))?;
    if bytes.len() as u64 > max {
        return Err(format!("it is larger than {} MiB", max >> 20));
    }
    decoded(bytes).map_err(|error| format!("it cannot be read as UTF-8 or UTF-16 text ({error})"))
}

/// The text of a file's bytes, without a byte order mark. Windows' shell writes UTF-16.
///
/// # Errors
/// Bytes of another encoding, in the decoder's words.
pub(super) fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let units = |one: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| one([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|error| error.to_string())
    };
    let text = match bytes[..] {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes)?,
        [0xfe, 0xff, ..] => units(u16::from_be_bytes)?,
        // Without a mark: text begins with a character of ASCII in every format here.
        [first, 0, ..] if first != 0 => units(u16::from_le_bytes)?,
        [0, second, ..] if second != 0 => units(u16::from_be_bytes)?,
        _ => String::from_utf8(bytes).map_err(|error| error.utf8_error().to_string())?,
    };
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

/// Both ends of a file, to tell whose it is by the keys that are there.
pub(super) struct Ends([Vec<u8>; 2]);

impl Ends {
    /// At most `max` bytes of each; empty if it cannot be read. Of UTF-16, every other byte.
    pub(super) fn of(path: &Path, max: u64) -> Self {
        Self(both_ends(path, max).map(|bytes| bytes.into_iter().filter(|byte| *byte != 0).collect()))
    }

    /// Whether one of them has these bytes.
    pub(super) fn have(&self, key: &str) -> bool {
        self.0.iter().any(|bytes| bytes.windows(key.len()).any(|bytes| bytes == key.as_bytes()))
    }
}

/// The first non-empty line of a text.
pub(super) fn first_line(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(1 << 16).read_to_end(&mut start).ok()?;
    // An odd number of bytes may end within a character, which is in no first line.
    let text = decoded(start.clone()).unwrap_or_else(|_| String::from_utf8_lossy(&start).into_owned());
    BufReader::new(Cursor::new(text))
        .lines()
        .map_while(Result::ok)
        .map(|line| line.trim().to_string())
        .find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_duplicate_no_files_and_a_folder_keeps_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b/c");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("p.jpg"), "").unwrap();
        // One link sorted before its target, and one back up.
        std::os::unix::fs::symlink(&inner, folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(folder.path(), inner.join("up")).unwrap();
        assert_eq!(Tree::of(folder.path()).unwrap().files, [inner.join("p.jpg")]);
        // A link to elsewhere is entered.
        let other = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), other.path().join("all")).unwrap();
        let files = Tree::of(other.path()).unwrap().files;
        assert_eq!(files, [other.path().join("all/b/c/p.jpg")]);
    }

    #[test]
    fn hidden_files_are_no_data_and_a_lone_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("set/set");
        for name in ["images/a.jpg", "images/._a.jpg", ".DS_Store", ".git/x.jpg", "classes.txt"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("__MACOSX/set")).unwrap();
        fs::write(folder.path().join("__MACOSX/set/a.jpg"), "").unwrap();
        let tree = Tree::of(folder.path()).unwrap();
        assert_eq!((&tree.home, tree.files.len()), (&root, 2), "{tree:?}");
    }

    #[test]
    fn text_is_read_in_each_encoding_that_windows_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.txt");
        let utf16 = |order: fn(u16) -> [u8; 2], mark: &str| {
            format!("{mark}p0\r\np1").encode_utf16().flat_map(order).collect::<Vec<u8>>()
        };
        for bytes in [
            b"p0\r\np1".to_vec(),
            b"\xef\xbb\xbfp0\r\np1".to_vec(),
            utf16(u16::to_le_bytes, "\u{feff}"),
            utf16(u16::to_be_bytes, "\u{feff}"),
            utf16(u16::to_le_bytes, ""),
            utf16(u16::to_be_bytes, ""),
        ] {
            fs::write(&path, &bytes).unwrap();
            assert_eq!(read_text(&path, 100).as_deref(), Ok("p0\r\np1"), "{bytes:?}");
            assert_eq!(first_line(&path).as_deref(), Some("p0"), "{bytes:?}");
        }
        fs::write(&path, b"caf\xe9").unwrap();
        assert!(read_text(&path, 100).unwrap_err().contains("UTF-8 or UTF-16"));
    }
}
