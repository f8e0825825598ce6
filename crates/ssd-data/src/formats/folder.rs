//! A data set whose annotations are files of their own, one per picture: its pictures, pairs and splits.
//!
//! What VOC, YOLO and labelme have in common. Splits are lists of pictures (`ImageSets/Main/train.txt`, `train.txt`) or
//! else folders named like splits, on the side of the pictures or of the annotations.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::found::{self, Found, Read, Written};
use super::pairs::{Pairs, unusual_words};
use super::paths::{Index, Lost};
use super::split::{self, Splits, Take};
use super::tree::{self, Tree, stem};
use crate::images::{has_ending, is_picture};
use crate::report::{Reason, Skipped};

/// Longer lists of pictures are refused; a million paths have about 50 MB.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// How a format reads the annotation of one picture. The error is a clause about the file.
pub(super) type Reader = Arc<dyn Fn(&Path) -> Result<Written, String> + Send + Sync>;

/// A data set, its pictures found but not read.
pub(super) struct Folder {
    pub root: PathBuf,
    pub entries: Vec<Entry>,
    pub notes: Vec<String>,
    /// Whether lists or a description say what is in each split, so that other pictures are in none.
    listed: bool,
}

/// A picture or an annotation, or both.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its name in messages, and by which sets are divided.
    name: String,
    /// The splits that it is in; none if it is outside of any.
    splits: BTreeSet<String>,
    pub picture: Result<PathBuf, Skipped>,
    pub annotation: Option<PathBuf>,
}

/// A file that has an annotation's extension, but no picture of its name.
pub(super) enum Lone {
    /// Something else.
    Other,
    /// An annotation, with the picture's name that it gives.
    Annotation(Option<String>),
}

impl Folder {
    /// The pictures of a tree that belong together with some of these annotations. A picture without one belongs to
    /// them if others in its folder have one, or if `bare` says so.
    pub fn new(
        tree: &Tree,
        annotations: &[PathBuf],
        lone: impl Fn(&Path) -> Lone + Sync,
        bare: impl Fn(&Path) -> bool,
    ) -> Self {
        let root = &tree.root;
        let pictures: Vec<PathBuf> = tree.files.iter().filter(|file| is_picture(file)).cloned().collect();
        let pairs = Pairs::new(root, &pictures, annotations);
        let mut entries = Vec::new();
        let mut taken: HashSet<&Path> = HashSet::new();
        // Of pictures that differ in their extensions alone, the first has the annotation.
        let mut described: HashSet<(&Path, Option<&Path>)> = HashSet::new();
        for picture in &pictures {
            let Some(annotation) = pairs.annotation(picture) else { continue };
            taken.insert(picture);
            let file = if described.insert((annotation, picture.parent())) {
                Ok(picture.clone())
            } else {
                Err(Skipped::new(picture, Reason::SameName, "another picture has the same name and is used"))
            };
            entries.push(Entry::new(root, file, Some(annotation)));
        }
        let index = Index::new(root, &pictures);
        let others = others(tree);
        // Reading each for its picture's name takes long; only those without a picture are.
        let lone: Vec<Lone> = pairs.alone.par_iter().map(|annotation| lone(annotation)).collect();
        for (annotation, lone) in pairs.alone.iter().zip(lone) {
            let Lone::Annotation(named) = lone else { continue };
            let own = split::of(annotation, root);
            let find = |name: &str| index.find(name, own.as_deref(), |path| unusual_words(path, root)).ok();
            let picture = match named.as_deref().and_then(find).filter(|picture| taken.insert(picture)) {
                Some(picture) => Ok(picture.clone()),
                None => match others.get(&stem(annotation)).map(Vec::as_slice) {
                    Some([other]) => Ok(other.to_path_buf()),
                    _ => Err(Skipped::new(annotation, Reason::MissingImage, "there is no picture of this name")),
                },
            };
            entries.push(Entry::new(root, picture, Some(annotation)));
        }
        let named: HashSet<&Path> = taken.iter().filter_map(|picture| picture.parent()).collect();
        for picture in pictures.iter().filter(|picture| !taken.contains(picture.as_path())) {
            if picture.parent().is_some_and(|folder| named.contains(folder)) || bare(picture) {
                entries.push(Entry::new(root, Ok(picture.clone()), None));
            }
        }
        entries.sort_by(|a, b| a.place().cmp(b.place()));
        let mut folder = Self { root: root.clone(), entries, notes: Vec::new(), listed: false };
        let lists = folder.lists(tree);
        folder.split_by(&lists, &BTreeMap::new());
        folder
    }

    /// Number of pictures that have an annotation.
    pub fn annotated(&self) -> usize {
        self.entries.iter().filter(|entry| entry.picture.is_ok() && entry.annotation.is_some()).count()
    }

    /// The lists of pictures in a tree by the splits that they are: those in `ImageSets/Main`, or else those named like
    /// splits.
    fn lists(&self, tree: &Tree) -> Vec<(String, PathBuf)> {
        let in_sets = |list: &&PathBuf| {
            let names: Vec<String> =
                list.iter().rev().skip(1).take(2).map(|part| part.to_string_lossy().to_lowercase()).collect();
            matches!(&names[..], [sets, ..] if sets == "imagesets")
                || matches!(&names[..], [main, sets] if main == "main" && sets == "imagesets")
        };
        let texts: Vec<&PathBuf> = tree.ending(&["txt"]).collect();
        let mut lists: Vec<&PathBuf> = texts.iter().copied().filter(in_sets).collect();
        let stems: BTreeSet<String> = lists.iter().map(|list| stem(list)).collect();
        // VOC's lists of single classes (`cat_train` beside `train`) are no splits.
        lists.retain(|list| {
            let name = stem(list);
            let of_class = |other: &String| name.strip_suffix(&other[..]).is_some_and(|class| class.ends_with('_'));
            !stems.iter().any(of_class)
        });
        if lists.is_empty() {
            let files: Vec<PathBuf> = self.entries.iter().map(|entry| entry.place().to_path_buf()).collect();
            let annotations: HashSet<&PathBuf> =
                self.entries.iter().filter_map(|entry| entry.annotation.as_ref()).collect();
            let index = Index::new(&self.root, &files);
            let lists_pictures = |list: &&PathBuf| {
                let line = tree::first_line(list).unwrap_or_default();
                readings(&line).any(|text| index.find(text, None, |_| 0) != Err(Lost::Missing))
            };
            let named = texts.into_iter().filter(|list| split::is_split(&stem(list)) && !annotations.contains(list));
            lists = named.filter(lists_pictures).collect();
        }
        lists.into_iter().map(|list| (stem(list).to_lowercase(), list.clone())).collect()
    }

    /// Replaces the splits by lists of pictures, and by folders or single pictures of each split.
    pub fn split_by(&mut self, lists: &[(String, PathBuf)], places: &BTreeMap<String, Vec<PathBuf>>) {
        if lists.is_empty() && places.is_empty() {
            return;
        }
        self.listed = true;
        let by_path: HashMap<&Path, usize> =
            self.entries.iter().enumerate().map(|(i, entry)| (entry.place(), i)).collect();
        let files: Vec<PathBuf> = self.entries.iter().map(|entry| entry.place().to_path_buf()).collect();
        let index = Index::new(&self.root, &files);
        // Files left out, such as a second picture of a name, come last.
        let rank = |path: &Path| {
            let left_out = by_path.get(path).is_some_and(|i| self.entries[*i].picture.is_err());
            (left_out, unusual_words(path, &self.root))
        };
        let mut splits: Vec<BTreeSet<String>> = self
            .entries
            .iter()
            .map(|entry| {
                let within = |folders: &&Vec<PathBuf>| folders.iter().any(|folder| entry.place().starts_with(folder));
                let own = places.iter().filter(|(_, folders)| within(folders)).map(|(split, _)| split.clone());
                // An annotation without a picture lies elsewhere, in a folder that is named alike.
                let alike = places.keys().filter(|split| {
                    entry.picture.is_err() && entry.splits.iter().any(|own| split::is_same(own, split))
                });
                own.chain(alike.cloned()).collect()
            })
            .collect();
        let mut gone = Vec::new();
        for (split, list) in lists {
            let text = match tree::read_text(list, MAX_LIST_BYTES) {
                Ok(text) => text,
                Err(why) => {
                    gone.push(Entry::lost(split, Skipped::new(list, Reason::BadAnnotation, why)));
                    continue;
                }
            };
            let beside = list.parent().unwrap_or(Path::new(""));
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let exact = readings(line).find_map(|text| by_path.get(&*beside.join(text.replace('\\', "/"))));
                let found = exact.map_or_else(
                    || readings(line).map(|text| index.find(text, None, rank)).reduce(Result::or),
                    |i| Some(Ok(&files[*i])),
                );
                let text = readings(line).last().unwrap_or(line);
                let lost = match found.unwrap_or(Err(Lost::Missing)) {
                    Ok(file) if splits[by_path[file.as_path()]].insert(split.clone()) => continue,
                    Ok(file) => Skipped::new(file, Reason::Duplicate, format!("{} lists it twice", list.display())),
                    Err(lost) => {
                        let why = format!("{} lists it, but {}", list.display(), lost.words());
                        Skipped::new(text, Reason::MissingPicture, why)
                    }
                };
                gone.push(Entry::lost(split, lost));
            }
        }
        for (entry, splits) in self.entries.iter_mut().zip(splits) {
            entry.splits = splits;
        }
        self.entries.extend(gone);
    }

    /// Leaves out the pictures that are in no list or place.
    pub fn keep_listed(&mut self) {
        self.entries.retain(|entry| !entry.splits.is_empty() || entry.picture.is_err());
    }

    /// Its splits.
    pub fn splits(&self) -> Splits {
        let listed = self.entries.iter().flat_map(|entry| entry.splits.iter().cloned().map(Some));
        let rest = self.entries.iter().any(|entry| entry.splits.is_empty()).then_some(None);
        Splits::new(&self.root, listed.chain(rest.filter(|_| !self.listed)))
    }

    /// Whether something is taken of an entry.
    fn takes(&self, take: &Take, entry: &Entry) -> bool {
        let outside = || take.includes(None) && (take.is_all() || !self.listed);
        if entry.splits.is_empty() { outside() } else { entry.splits.iter().any(|split| take.includes(Some(split))) }
    }

    /// Reads what is taken of it. With `required`, a picture without annotation is left out.
    pub fn read(&self, take: &Take, required: bool, reader: &Reader) -> Found {
        let included: Vec<&Entry> = self.entries.iter().filter(|entry| self.takes(take, entry)).collect();
        let (names, note) = take.of(included.iter().map(|entry| &entry.name[..]));
        let taken: Vec<&Entry> = included.into_iter().filter(|entry| names.contains(&entry.name[..])).collect();
        // In parallel, since each header costs a seek.
        let reads = taken.into_par_iter().map(|entry| entry.read(required, reader)).collect();
        Found { reads, notes: self.notes.iter().cloned().chain(note).collect(), ..Found::default() }
    }
}

impl Entry {
    fn new(root: &Path, picture: Result<PathBuf, Skipped>, annotation: Option<&PathBuf>) -> Self {
        let of = |file: &PathBuf| split::of(file, root);
        let own = picture.as_ref().ok().and_then(of).or_else(|| annotation.and_then(of));
        let name = stem(picture.as_ref().unwrap_or_else(|skipped| &skipped.path));
        Self { name, splits: own.into_iter().collect(), picture, annotation: annotation.cloned() }
    }

    fn lost(split: &str, skipped: Skipped) -> Self {
        Self { name: stem(&skipped.path), splits: [split.into()].into(), picture: Err(skipped), annotation: None }
    }

    /// Its file.
    pub fn place(&self) -> &Path {
        self.picture.as_ref().unwrap_or_else(|skipped| &skipped.path)
    }

    /// Reads its annotation and the header of its picture.
    fn read(&self, required: bool, reader: &Reader) -> Read {
        let written = self.annotation.as_deref().map(|file| reader(file));
        let annotation = self.annotation.as_deref().unwrap_or(self.place());
        let left_out = |skipped| Read {
            name: self.name.clone(),
            annotation: annotation.into(),
            outcome: Err(skipped),
            rejected: Vec::new(),
        };
        match (&self.picture, written) {
            (Err(skipped), Some(Ok(written))) if skipped.reason == Reason::MissingImage => {
                left_out(Skipped { boxes: written.objects.len(), ..skipped.clone() })
            }
            (Err(skipped), _) => left_out(skipped.clone()),
            (Ok(picture), None) if required => {
                left_out(Skipped::new(picture, Reason::BadAnnotation, "there is no annotation of its name"))
            }
            (Ok(_), Some(Err(why))) => {
                left_out(Skipped::new(annotation, Reason::BadAnnotation, format!("{why}; its picture is left out")))
            }
            (Ok(picture), written) => {
                let written = written.and_then(Result::ok).unwrap_or_default();
                found::read(self.name.clone(), picture, annotation, written)
            }
        }
    }
}

/// The texts that a line of a list may mean as a picture: all of it, or it without the numbers at its end, which VOC's
/// lists of classes have.
fn readings(line: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(line), |text| {
        let (before, last) = text.rsplit_once(char::is_whitespace)?;
        last.parse::<i64>().ok().map(|_| before.trim_end())
    })
}

/// Files by their stems whose extensions tell nothing: they may be pictures where an annotation has no other.
fn others(tree: &Tree) -> HashMap<String, Vec<&PathBuf>> {
    let mut others: HashMap<String, Vec<&PathBuf>> = HashMap::new();
    let texts = ["txt", "xml", "json", "yaml", "yml", "names", "data", "csv", "md", "html", "cfg"];
    for file in tree.files.iter().filter(|file| !is_picture(file) && !has_ending(file, &texts)) {
        others.entry(stem(file)).or_default().push(file);
    }
    others
}
