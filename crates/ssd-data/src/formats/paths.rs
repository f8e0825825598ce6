//! Paths as files of a data set write them, often on another machine: which file of the set is meant.
//!
//! Either separator, a drive, a `file://` or a folder of another machine may be in them. A path counts from its end:
//! the file of that name, and of several the one that shares most folders with it, is meant, if there is one such.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::split;
use super::tree::{Tree, file_name, stem};
use crate::images::{EXTENSIONS, has_ending};

/// The parts of a written path, without `.`, `..`, drives and the servers' part of an address.
pub(super) fn parts(text: &str) -> Vec<String> {
    let text = text.trim().trim_matches(['"', '\'']).replace('\\', "/");
    let text = text.split_once("://").map_or(&text[..], |(_, rest)| rest);
    // Label Studio's address of a local file: `/data/local-files/?d=folder/a.jpg`.
    let text = text.rsplit_once("?d=").map_or(text, |(_, path)| path);
    let drive = |part: &str| part.len() == 2 && part.ends_with(':');
    text.split('/').filter(|part| !["", ".", ".."].contains(part) && !drive(part)).map(String::from).collect()
}

/// Whether a written path leads out of the folder that it is relative to.
pub(super) fn leads_outside(text: &str) -> bool {
    let text = text.trim().replace('\\', "/");
    let mut depth = 0_i32;
    let mut lowest = 0;
    for part in text.split('/').filter(|part| !["", "."].contains(part)) {
        depth += if part == ".." { -1 } else { 1 };
        lowest = lowest.min(depth);
    }
    text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') || lowest < 0
}

/// A text with `%20` and the like replaced; unchanged without any.
fn without_percents(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}

/// Why no picture is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lost {
    Missing,
    /// This many fit equally well.
    Several(usize),
}

impl Lost {
    /// A clause about the picture.
    pub fn words(self) -> String {
        match self {
            Self::Missing => "there is no such picture".into(),
            Self::Several(count) => format!("{count} pictures have this name"),
        }
    }
}

/// The pictures of a set by their names.
pub(super) struct Index<'a> {
    root: &'a Path,
    by_stem: HashMap<String, Vec<&'a PathBuf>>,
}

impl<'a> Index<'a> {
    pub fn new(root: &'a Path, pictures: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut by_stem: HashMap<String, Vec<&PathBuf>> = HashMap::new();
        for picture in pictures {
            by_stem.entry(stem(picture).to_lowercase()).or_default().push(picture);
        }
        Self { root, by_stem }
    }

    /// The picture that a written path means, with or without extension, or named in full. `own` is the split that the
    /// text stands for, if known: a picture of the same name in another split is another picture. Among equals, the
    /// least by `rank` is taken.
    pub fn find<R: Ord>(&self, text: &str, own: Option<&str>, rank: impl Fn(&Path) -> R) -> Result<&'a PathBuf, Lost> {
        let written = parts(text);
        let found = self.of(&written, own, &rank);
        let plain: Vec<String> = written.iter().map(|part| without_percents(part)).collect();
        if found == Err(Lost::Missing) && plain != written { self.of(&plain, own, &rank) } else { found }
    }

    fn of<R: Ord>(
        &self,
        written: &[String],
        own: Option<&str>,
        rank: &impl Fn(&Path) -> R,
    ) -> Result<&'a PathBuf, Lost> {
        let Some((name, folders)) = written.split_last() else { return Err(Lost::Missing) };
        let named = split::in_folders(folders.iter().map(String::as_str));
        let own = named.as_deref().or(own);
        let as_path = Path::new(name);
        let stems = BTreeSet::from([name.to_lowercase(), stem(as_path).to_lowercase()]);
        let mut best: Option<(_, &PathBuf)> = None;
        let mut equals = 0;
        for picture in stems.iter().filter_map(|stem| self.by_stem.get(stem)).flatten() {
            let quality = match file_name(picture) {
                there if there == *name => 3,
                there if there.to_lowercase() == name.to_lowercase() => 2,
                _ if stem(picture) == *name || stem(picture).to_lowercase() == name.to_lowercase() => 2,
                _ if has_ending(as_path, &EXTENSIONS) => 1,
                _ => continue,
            };
            let there = split::of(picture, self.root);
            if own.zip(there.as_deref()).is_some_and(|(own, there)| split::differ(own, there)) {
                continue;
            }
            let inside = picture.strip_prefix(self.root).unwrap_or(picture).parent().unwrap_or(Path::new(""));
            let shared = inside.iter().rev().zip(folders.iter().rev());
            let shared = shared.take_while(|(a, b)| a.to_string_lossy().to_lowercase() == b.to_lowercase()).count();
            let score = (quality > 1, shared, quality, std::cmp::Reverse(rank(picture)));
            match best.as_ref().map(|(best, _)| score.cmp(best)) {
                Some(std::cmp::Ordering::Less) => {}
                Some(std::cmp::Ordering::Equal) => equals += 1,
                Some(std::cmp::Ordering::Greater) | None => {
                    best = Some((score, picture));
                    equals = 1;
                }
            }
        }
        match best {
            None => Err(Lost::Missing),
            Some((_, picture)) if equals == 1 => Ok(picture),
            Some(_) => Err(Lost::Several(equals)),
        }
    }
}

/// The file or folder that a description names: as written from one of the folders `bases`, or else by the end of the
/// path, as long as possible, below the first of them.
pub(super) fn place(tree: &Tree, bases: &[&Path], text: &str) -> Option<PathBuf> {
    let text = text.trim().replace('\\', "/");
    // Joining an absolute path gives that path.
    let as_written = bases.iter().map(|base| base.join(&text)).find(|path| path.exists());
    as_written.or_else(|| {
        let parts = parts(&text);
        let ends: Vec<String> = (0..parts.len()).map(|from| parts[from..].join("/").to_lowercase()).collect();
        let below = |path: &Path| {
            let inside = path.strip_prefix(&tree.root).ok()?;
            Some(inside.iter().map(|part| part.to_string_lossy().to_lowercase()).collect::<Vec<_>>().join("/"))
        };
        let folders: BTreeSet<&Path> = tree.files.iter().flat_map(|file| file.ancestors()).collect();
        let there: HashMap<String, &Path> = folders.into_iter().filter_map(|path| Some((below(path)?, path))).collect();
        ends.iter().find_map(|end| there.get(end)).map(|path| path.to_path_buf())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn found(pictures: &[&str], text: &str, own: Option<&str>) -> Result<String, Lost> {
        let pictures: Vec<PathBuf> = pictures.iter().map(|path| Path::new("/set").join(path)).collect();
        let index = Index::new(Path::new("/set"), &pictures);
        let found = index.find(text, own, |_| 0)?;
        Ok(found.strip_prefix("/set").unwrap().display().to_string())
    }

    #[test]
    fn a_path_of_another_machine_means_the_picture_of_that_name() {
        let set = ["images/a.jpg", "images/b c.PNG", "images/c.d.jpg"];
        for (text, wanted) in [
            ("a.jpg", "images/a.jpg"),
            ("a", "images/a.jpg"),
            ("a.png", "images/a.jpg"),
            ("..\\..\\label-studio\\media\\upload\\4\\a.jpg", "images/a.jpg"),
            ("images\\1/a.jpg", "images/a.jpg"),
            ("C:\\Users\\me\\set\\A.JPG", "images/a.jpg"),
            ("file:///home/me/a.jpg", "images/a.jpg"),
            ("http://localhost:8080/data/upload/b%20c.png", "images/b c.PNG"),
            ("/data/local-files/?d=photos/a.jpg", "images/a.jpg"),
            ("c.d", "images/c.d.jpg"),
        ] {
            assert_eq!(found(&set, text, None).as_deref(), Ok(wanted), "{text}");
        }
        assert_eq!(found(&set, "gone.jpg", None), Err(Lost::Missing));
        assert_eq!(found(&set, "", None), Err(Lost::Missing));
    }

    #[test]
    fn of_several_the_one_with_the_same_folders_is_meant_and_never_one_of_another_split() {
        let set = ["cam_a/0.jpg", "cam_b/0.jpg", "train/1.jpg", "val/2.jpg", "val/1.jpg"];
        assert_eq!(found(&set, "x/cam_b/0.png", None).as_deref(), Ok("cam_b/0.jpg"));
        assert_eq!(found(&set, "0.jpg", None), Err(Lost::Several(2)));
        assert_eq!(found(&set, "1.jpg", Some("validation")).as_deref(), Ok("val/1.jpg"));
        assert_eq!(found(&set, "2.jpg", Some("train")), Err(Lost::Missing));
        assert_eq!(found(&set, "train/2.jpg", None), Err(Lost::Missing));
    }

    #[test]
    fn a_path_that_leaves_its_folder_is_recognised() {
        for inside in ["a.jpg", "sub/a.jpg", "./a.jpg", "a..b/..c.jpg", "sub\\a.jpg", "sub/../a.jpg"] {
            assert!(!leads_outside(inside), "{inside}");
        }
        for outside in ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "..\\a.jpg", "C:\\a.jpg"] {
            assert!(leads_outside(outside), "{outside}");
        }
    }
}
