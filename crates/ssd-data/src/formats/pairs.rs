//! Pairing: which annotation belongs to which picture.
//!
//! Both have the same stem. Folders are paired first, by what they hold and by their names: an annotation folder
//! belongs to the picture folder whose path has the same words, words such as `images` and `labels` apart, else to the
//! most similar one that has pictures of the same stems. So `JPEGImages/cam_a` goes with `Annotations/cam_a`,
//! `train/images` with `train/labels`, and `photos` with `boxes`, if nothing fits better.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::split;
use super::tree::stem;
use crate::images::{EXTENSIONS, has_ending};

/// Words in the names of folders of pictures.
const PICTURE_WORDS: [&str; 11] =
    ["images", "image", "imgs", "img", "jpegimages", "pngimages", "pictures", "pics", "photos", "jpegs", "jpg"];

/// Words in the names of folders of annotations.
const ANNOTATION_WORDS: [&str; 14] = [
    "labels",
    "label",
    "annotations",
    "annotation",
    "annots",
    "annot",
    "anno",
    "ann",
    "xmls",
    "xml",
    "txts",
    "txt",
    "boxes",
    "bboxes",
];

/// What belongs together.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The annotation of each picture that has one.
    of_picture: HashMap<PathBuf, PathBuf>,
    /// Annotations without a picture, sorted.
    pub alone: Vec<PathBuf>,
}

impl Pairs {
    /// Pairs pictures and annotations below `root`.
    pub fn new(root: &Path, pictures: &[PathBuf], annotations: &[PathBuf]) -> Self {
        let (pictures, annotations) = (by_folder(root, pictures, stem), by_folder(root, annotations, stem_of_picture));
        let edges = edges(&pictures, &annotations);
        let mut pairs = Self::default();
        let mut used: BTreeSet<&Path> = BTreeSet::new();
        for (place, folder) in &pictures {
            let sources: Vec<&Folder> =
                edges.get(place).into_iter().flatten().map(|place| &annotations[place]).collect();
            for (stem, files) in &folder.files {
                let Some(found) = sources.iter().find_map(|source| source.files.get(stem)) else { continue };
                used.extend(found.iter().map(|file| file.as_path()));
                pairs.of_picture.extend(files.iter().map(|file| (file.to_path_buf(), found[0].to_path_buf())));
            }
        }
        let all = annotations.values().flat_map(|folder| folder.files.values().flatten());
        pairs.alone = all.filter(|file| !used.contains(file.as_path())).map(|file| file.to_path_buf()).collect();
        pairs.alone.sort();
        pairs
    }

    /// The annotation of a picture.
    pub fn annotation(&self, picture: &Path) -> Option<&PathBuf> {
        self.of_picture.get(picture)
    }
}

/// Whether a folder above a file below `root` is named as one of pictures.
pub(super) fn among_pictures(file: &Path, root: &Path) -> bool {
    Folder::above(file, root).of_pictures
}

/// Words of a folder's path that are not words for pictures or annotations: fewer are more usual.
pub(super) fn unusual_words(file: &Path, root: &Path) -> usize {
    Folder::above(file, root).key.len()
}

/// A folder with files by their stems.
struct Folder<'a> {
    /// The words of its path, but those for pictures and annotations.
    key: Vec<String>,
    split: Option<String>,
    /// Whether one of those words is for pictures.
    of_pictures: bool,
    files: BTreeMap<String, Vec<&'a PathBuf>>,
}

impl Folder<'_> {
    /// The one that a file below `root` lies in.
    fn above(file: &Path, root: &Path) -> Self {
        Self::new(file.strip_prefix(root).unwrap_or(file).parent().unwrap_or(Path::new("")))
    }

    fn new(inside: &Path) -> Self {
        let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let all: Vec<String> = parts.iter().flat_map(|part| words(part)).collect();
        let of_pictures = all.iter().any(|word| PICTURE_WORDS.contains(&&word[..]));
        let plain = |word: &String| !PICTURE_WORDS.contains(&&word[..]) && !ANNOTATION_WORDS.contains(&&word[..]);
        let split = split::in_folders(parts.iter().map(String::as_str));
        Self { key: all.into_iter().filter(plain).collect(), split, of_pictures, files: BTreeMap::new() }
    }
}

/// The words of a name in lower case.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The stem that an annotation's picture has: that of `a.txt`, and of `a.jpg.txt`.
fn stem_of_picture(annotation: &Path) -> String {
    let own = stem(annotation);
    if has_ending(Path::new(&own), &EXTENSIONS) { stem(Path::new(&own)) } else { own }
}

fn by_folder<'a>(root: &Path, files: &'a [PathBuf], stem: fn(&Path) -> String) -> BTreeMap<&'a Path, Folder<'a>> {
    let mut folders: BTreeMap<&Path, Folder> = BTreeMap::new();
    for file in files {
        let place = file.parent().unwrap_or(Path::new(""));
        let folder = folders.entry(place).or_insert_with(|| Folder::new(place.strip_prefix(root).unwrap_or(place)));
        folder.files.entry(stem(file)).or_default().push(file);
    }
    folders
}

/// For each folder of pictures those with its annotations, the most fitting first.
fn edges<'a>(
    pictures: &BTreeMap<&'a Path, Folder>,
    annotations: &BTreeMap<&'a Path, Folder>,
) -> BTreeMap<&'a Path, Vec<&'a Path>> {
    let mut edges: BTreeMap<&Path, Vec<(_, &Path)>> = BTreeMap::new();
    let mut partner: BTreeMap<&Path, &Path> = BTreeMap::new();
    let mut with_stem: HashMap<&str, Vec<&Path>> = HashMap::new();
    let mut with_key: HashMap<&[String], Vec<&Path>> = HashMap::new();
    for (place, folder) in pictures {
        with_key.entry(&folder.key).or_default().push(place);
        folder.files.keys().for_each(|stem| with_stem.entry(stem).or_default().push(place));
    }
    for (from, folder) in annotations {
        let named_alike = with_key.get(&folder.key[..]).into_iter().flatten().copied().chain([*from]);
        let named_alike: BTreeSet<&Path> = named_alike.filter(|place| pictures.contains_key(place)).collect();
        let shares = |place: &&&Path| pictures[**place].files.keys().any(|stem| folder.files.contains_key(stem));
        let near: Vec<&Path> = named_alike.iter().filter(shares).copied().collect();
        // Only where no name tells: looking at all folders takes long if there are thousands.
        let candidates = if near.is_empty() {
            let all: BTreeSet<&Path> =
                folder.files.keys().filter_map(|stem| with_stem.get(&stem[..])).flatten().copied().collect();
            all.into_iter().collect()
        } else {
            near
        };
        let scored =
            candidates.into_iter().filter_map(|place| Some((score(place, &pictures[place], from, folder)?, place)));
        if let Some((score, place)) = scored.max_by_key(|(score, place)| (*score, Reverse(*place))) {
            edges.entry(place).or_default().push((score, from));
            partner.insert(from, place);
        }
    }
    // One folder of annotations may serve several of pictures: `labels` those in `images/train` and `images/val`.
    for (place, folder) in pictures.iter().filter(|(place, _)| !partner.values().any(|partner| partner == *place)) {
        let serves = |from: &&Path| {
            let annotations = &annotations[*from];
            let within = annotations.key.iter().all(|word| folder.key.contains(word));
            annotations.split.is_none() && within && (folder.split.is_some() || folder.of_pictures)
        };
        // Those beside their pictures are for these alone.
        let shared = partner.iter().filter(|(from, place)| from != place).map(|(from, _)| *from);
        let scored = shared.filter(serves);
        let scored = scored.filter_map(|from| Some((score(place, folder, from, &annotations[from])?, from)));
        if let Some(best) = scored.max_by_key(|(score, from)| (*score, Reverse(*from))) {
            edges.entry(place).or_default().push(best);
        }
    }
    let sorted = edges.into_iter().map(|(place, mut from)| {
        from.sort_by_key(|(score, from)| (Reverse(*score), *from));
        (place, from.into_iter().map(|(_, from)| from).collect())
    });
    sorted.collect()
}

/// How well two folders fit: the same one; the same words; words in common, words of their own, files in common.
type Score = (bool, bool, usize, Reverse<usize>, usize);

/// `None` if they belong to different splits or have no stem in common.
fn score(place: &Path, pictures: &Folder, from: &Path, annotations: &Folder) -> Option<Score> {
    let splits = pictures.split.as_deref().zip(annotations.split.as_deref());
    if splits.is_some_and(|(one, other)| split::differ(one, other)) {
        return None;
    }
    let both = annotations.files.keys().filter(|stem| pictures.files.contains_key(*stem)).count();
    let common = pictures.key.iter().filter(|word| annotations.key.contains(word)).count();
    let own = pictures.key.len() + annotations.key.len() - 2 * common.min(annotations.key.len());
    (both > 0).then_some((place == from, pictures.key == annotations.key, common, Reverse(own), both))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs of a set below `/set`, as `picture < annotation`.
    fn paired(files: &str) -> Vec<String> {
        let paths = |ending: &str| -> Vec<PathBuf> {
            let files = files.split_whitespace().filter(|file| has_ending(Path::new(file), &[ending]));
            files.map(|file| Path::new("/set").join(file)).collect()
        };
        let (pictures, annotations) = (paths("jpg"), paths("xml"));
        let pairs = Pairs::new(Path::new("/set"), &pictures, &annotations);
        let shown = |path: &Path| path.strip_prefix("/set").unwrap_or(path).display().to_string();
        let of = |picture: &PathBuf| Some(format!("{} < {}", shown(picture), shown(pairs.annotation(picture)?)));
        pictures.iter().filter_map(of).collect()
    }

    #[test]
    fn folders_are_paired_by_the_words_of_their_paths() {
        for (files, wanted) in [
            ("JPEGImages/a.jpg Annotations/a.xml SegmentationClass/a.jpg", "JPEGImages/a.jpg < Annotations/a.xml"),
            ("Images/a.jpg annots/a.xml", "Images/a.jpg < annots/a.xml"),
            ("bilder/a.jpg kisten/a.xml", "bilder/a.jpg < kisten/a.xml"),
            ("images/a.jpg annotations/xmls/a.xml annotations/trimaps/a.jpg", "images/a.jpg < annotations/xmls/a.xml"),
            ("a.jpg a.xml images/a.jpg", "a.jpg < a.xml"),
            ("images/a.jpg images/a.xml", "images/a.jpg < images/a.xml"),
            ("images/a.jpg labels/a.jpg.xml", "images/a.jpg < labels/a.jpg.xml"),
            ("images/x.jpg labels/y.xml", ""),
            // The annotation is missing: that of another split is not taken for it.
            ("images/train/a.jpg images/val/b.jpg labels/val/a.xml labels/train/b.xml", ""),
        ] {
            assert_eq!(paired(files).join(" "), wanted, "{files}");
        }
    }

    #[test]
    fn equal_names_in_several_folders_stay_apart() {
        for [one, other] in [
            [
                "VOC2007/JPEGImages/a.jpg < VOC2007/Annotations/a.xml",
                "VOC2012/JPEGImages/a.jpg < VOC2012/Annotations/a.xml",
            ],
            ["JPEGImages/cam_a/a.jpg < Annotations/cam_a/a.xml", "JPEGImages/cam_b/a.jpg < Annotations/cam_b/a.xml"],
            ["train/images/a.jpg < train/annotations/a.xml", "val/images/a.jpg < val/annotations/a.xml"],
            ["images/train/a.jpg < labels/train/a.xml", "images/val/a.jpg < labels/val/a.xml"],
            ["train_images/a.jpg < train_labels/a.xml", "val_images/a.jpg < val_labels/a.xml"],
            ["Train/Images/a.jpg < Train/Labels/a.xml", "Val/Images/a.jpg < Val/Labels/a.xml"],
            ["one/pixel/a.jpg < one/kisten/a.xml", "two/pixel/a.jpg < two/kisten/a.xml"],
        ] {
            let files = format!("{one} {other}").replace('<', "");
            assert_eq!(paired(&files), [one, other]);
        }
    }

    #[test]
    fn one_folder_serves_several_and_several_serve_one() {
        let flat = "images/train/a.jpg images/val/b.jpg labels/a.xml labels/b.xml";
        assert_eq!(paired(flat), ["images/train/a.jpg < labels/a.xml", "images/val/b.jpg < labels/b.xml"]);
        let split = "images/a.jpg images/b.jpg labels/train/a.xml labels/val/b.xml";
        assert_eq!(paired(split), ["images/a.jpg < labels/train/a.xml", "images/b.jpg < labels/val/b.xml"]);
        // Pictures without annotations take none of another set's.
        assert_eq!(paired("a/images/x.jpg a/labels/x.xml b/images/x.jpg").len(), 1);
    }
}
