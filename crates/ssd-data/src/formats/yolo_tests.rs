//! YOLO folders as different programs write them, and with one fault each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use crate::boxes_px::XywhPx;
use crate::images::has_ending;
use crate::report::Reason;
use crate::{Ask, DataError, Dataset, Format, Pictures, Sides};

/// A folder with files; a path that ends in `.jpg` becomes a picture of 40 x 20 pixels.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if has_ending(&path, &["jpg", "jfif"]) {
            RgbImage::from_pixel(40, 20, Rgb([90, 120, 200])).save_with_format(path, ImageFormat::Jpeg).unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    folder
}

const BOX: &str = "1 0.5 0.5 0.25 0.5\n";
const NAMES: &str = "cat\nant\n";

fn open_as(path: &Path, format: Format, split: Option<&str>) -> Result<Pictures, DataError> {
    match crate::open(&[path.to_string_lossy()], format, split, None)? {
        Dataset::Pictures(pictures) => Ok(pictures),
        Dataset::Shapes(_) => panic!("a folder is not a generated set"),
    }
}

fn open(path: &Path, split: Option<&str>) -> Pictures {
    open_as(path, Format::AUTO, split).unwrap()
}

fn names(set: &Pictures) -> Vec<String> {
    (0..set.len()).map(|i| set.name(i)).collect()
}

#[test]
fn fractions_become_pixels_and_classes_go_by_index() {
    let folder =
        folder(&[("images/a.jpg", ""), ("labels/a.txt", "1 0.5 0.5 0.25 0.5\n0 1 1 0.5 0.5"), ("classes.txt", NAMES)]);
    let set = open(folder.path(), None);
    assert_eq!(set.labels(), ["cat", "ant"]);
    let sample = set.get(0).unwrap();
    let [ant, cat] = sample.truths_px[..] else { panic!("{:?}", sample.truths_px) };
    assert_eq!((ant.class, ant.bbox_px, ant.area_px), (2, XywhPx { x: 15.0, y: 5.0, w: 10.0, h: 10.0 }, 100.0));
    assert_eq!((cat.class, cat.bbox_px), (1, XywhPx { x: 30.0, y: 15.0, w: 10.0, h: 5.0 }), "clipped");
    assert_eq!(sample.truths[0].bbox, ssd::CornerBox::new(0.375, 0.25, 0.625, 0.75));
    assert_eq!(set.coco_ids(), None);
}

#[test]
fn pictures_and_labels_are_found_in_their_usual_places() {
    for (pictures, labels, names) in [
        ("images/", "labels/", "classes.txt"),
        ("", "", "classes.txt"),
        ("", "labels/", "classes.txt"),
        ("images/", "images/", "obj.names"),
        ("images/deep/", "labels/deep/", "labels/classes.txt"),
    ] {
        let texts = [("a.jpg", ""), ("b.jpg", "")].map(|(name, text)| (format!("{pictures}{name}"), text));
        let label = format!("{labels}a.txt");
        let mut all: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (&path[..], *text)).collect();
        all.extend([(&label[..], BOX), (names, NAMES), ("README.txt", "about this")]);
        let set = open(folder(&all).path(), None);
        let report = set.report();
        assert_eq!((report.images, report.boxes, report.empty_images), (2, 1, 1), "{label}: {report}");
        assert!(report.skipped.is_empty(), "{label}: {report}");
    }
}

#[test]
fn a_description_says_where_the_splits_are() {
    let files = [
        ("train/images/a.jpg", ""),
        ("train/labels/a.txt", BOX),
        ("valid/images/b.jpg", ""),
        ("valid/labels/b.txt", BOX),
        ("data.yaml", "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: [cat, ant]"),
    ];
    let exported = folder(&files);
    let path = exported.path();
    assert_eq!(names(&open(path, Some("train"))), ["a"]);
    assert_eq!(names(&open(path, Some("valid"))), ["b"]);
    let all = open(path, None);
    assert_eq!(names(&all), ["a", "b"]);
    assert!(all.report().notes[0].contains("test"), "{}", all.report());
    assert_eq!(names(&open(&path.join("data.yaml"), Some("val"))), ["b"]);
    let error = open_as(path, "yolo".parse().unwrap(), Some("test")).unwrap_err().to_string();
    assert!(error.contains("its splits are train, val"), "{error}");

    // Elsewhere, by an absolute path and by a list with a relative path and one that begins with another folder's name.
    let place = path.canonicalize().unwrap();
    fs::write(place.join("train.txt"), "./train/images/a.jpg\ndata/valid/images/b.jpg\ngone.jpg\n").unwrap();
    let text = format!("path: {}\nval: [valid/images, train.txt]\nnames: {{0: cat, 1: ant, 5: emu}}", place.display());
    let elsewhere = folder(&[("set.yaml", &text)]);
    let set = open(elsewhere.path(), Some("val"));
    assert_eq!((names(&set), set.labels().len()), (vec!["a".to_string(), "b".into()], 3));
    assert_eq!(set.report().counts(), [(Reason::MissingPicture, 1), (Reason::Duplicate, 1)].into(), "{}", set.report());
}

#[test]
fn splits_are_found_without_a_description() {
    for [train, val] in [["images/train/", "images/val/"], ["train/images/", "valid/images/"], ["train/", "val/"]] {
        let [a, b] = [format!("{train}a.jpg"), format!("{val}b.jpg")];
        let [c, d] = [&a, &b].map(|path| path.replace("images", "labels").replace("jpg", "txt"));
        let folder = folder(&[(&a, ""), (&b, ""), (&c, BOX), (&d, BOX), ("classes.txt", NAMES)]);
        assert_eq!(names(&open(folder.path(), Some("train"))), ["a"], "{train}");
        assert_eq!(names(&open(folder.path(), Some("val"))), ["b"], "{val}");
        assert_eq!(open(folder.path(), None).len(), 2);
        assert!(open_as(folder.path(), Format::AUTO, Some("test")).is_err());
    }
    let lists = [("obj_train_data/a.jpg", ""), ("obj_train_data/a.txt", BOX), ("obj.names", NAMES)];
    let folder = folder(&[&lists[..], &[("train.txt", "data/obj_train_data/a.jpg\n")]].concat());
    assert_eq!(names(&open(folder.path(), Some("train"))), ["a"]);
}

#[test]
fn a_folder_without_splits_is_divided() {
    let paths: Vec<(String, String)> = (0..20).map(|i| (format!("p{i}.jpg"), format!("p{i}.txt"))).collect();
    let mut files: Vec<(&str, &str)> = paths.iter().flat_map(|(jpg, txt)| [(&jpg[..], ""), (&txt[..], BOX)]).collect();
    files.push(("classes.txt", NAMES));
    let folder = folder(&files);
    let [train, val] = ["train", "val"].map(|split| open(folder.path(), Some(split)));
    assert!(!val.is_empty() && train.len() + val.len() == 20);
    assert!(train.report().to_string().contains("has no splits"));
}

#[test]
fn faulty_entries_are_left_out_with_a_reason() {
    let folder = folder(&[
        ("images/a.jpg", ""),
        ("images/b.jpg", ""),
        ("images/c.jpg", ""),
        ("images/d.jpg", ""),
        ("images/text.png", "no picture"),
        ("labels/a.txt", "0 0.5 0.5 0.2 0.2 0.9"),
        ("labels/b.txt", "0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.2 0.2\n0 0.5 0.5 0 0.2\n0 320 240 50 50\n"),
        ("labels/c.txt", ""),
        ("labels/e.txt", BOX),
        ("classes.txt", NAMES),
    ]);
    let set = open(folder.path(), None);
    assert_eq!(names(&set), ["b", "c", "d"]);
    assert_eq!((set.report().boxes, set.report().empty_images), (1, 2));
    let expected = [
        (Reason::UnreadablePicture, 1),
        (Reason::BadAnnotation, 1),
        (Reason::MissingImage, 1),
        (Reason::NoArea, 1),
        (Reason::OutsidePicture, 1),
        (Reason::UnknownClass, 1),
    ];
    assert_eq!(set.report().counts(), expected.into(), "{:#?}", set.report());
}

#[test]
fn labels_alone_are_joined_with_the_one_folder_beside_them() {
    let files =
        [("set/labels/a.txt", BOX), ("set/labels/gone.txt", BOX), ("set/classes.txt", NAMES), ("pictures/a.jpg", "")];
    let alone = folder(&[&files[..], &[("pictures/b.jpg", ""), ("others/x.jpg", "")]].concat());
    let set = open(&alone.path().join("set"), None);
    assert_eq!((names(&set), set.report().boxes), (vec!["a".to_string(), "b".into()], 1));
    assert!(set.report().notes[0].contains("are taken"));
    assert_eq!(set.report().counts(), [(Reason::MissingImage, 1)].into());
    // With two folders that fit, neither is chosen.
    let two = folder(&[&files[..], &[("others/a.jpg", "")]].concat());
    let error = open_as(&two.path().join("set"), Format::AUTO, None).unwrap_err().to_string();
    assert!(error.contains("no pictures"), "{error}");
}

#[test]
fn what_is_lacking_is_named_in_a_sentence() {
    let nameless = folder(&[("images/a.jpg", ""), ("labels/a.txt", BOX)]);
    let error = open_as(nameless.path(), "yolo".parse().unwrap(), None).unwrap_err().to_string();
    assert!(error.contains("classes.txt") && error.contains("class numbers"), "{error}");
    let unlabelled = folder(&[("images/a.jpg", ""), ("classes.txt", NAMES)]);
    let error = open_as(unlabelled.path(), Format::AUTO, None).unwrap_err().to_string();
    assert!(error.contains("none of 1 pictures has labels"), "{error}");
    let picture = unlabelled.path().join("images/a.jpg");
    let error = open_as(&picture, "yolo".parse().unwrap(), None).unwrap_err().to_string();
    assert!(error.contains("a.jpg is not a YOLO data set") && error.contains(".yaml"), "{error}");
    let broken = folder(&[("data.yaml", "names: [cat"), ("images/a.jpg", "")]);
    let error = open_as(broken.path(), Format::AUTO, None).unwrap_err().to_string();
    assert!(error.contains("data.yaml") && error.contains("not valid YAML"), "{error}");
}

#[test]
fn labels_of_several_folders_are_merged_by_name() {
    let yolo = |names: &str| folder(&[("a.jpg", ""), ("a.txt", BOX), ("classes.txt", names)]);
    let labels = |folders: [&TempDir; 2]| {
        let data = folders.map(|folder| folder.path().to_string_lossy().into_owned());
        let set = crate::open(&data, Format::AUTO, None, None).unwrap();
        let classes: Vec<usize> = (0..set.len()).map(|i| set.get(i).unwrap().truths[0].class).collect();
        (set.labels().to_vec(), classes)
    };
    let first = yolo("zebra\nant\n");
    assert_eq!(labels([&first, &yolo("zebra\nant\n")]), (vec!["zebra".into(), "ant".into()], vec![2, 2]));
    let named = ["ant", "dog", "zebra"].map(String::from).to_vec();
    assert_eq!(labels([&first, &yolo("zebra\ndog\n")]), (named, vec![1, 2]));
}

/// Pictures `p0` to `p9` learned from and `p10`, `p11` measured on, with labels, in these folders.
fn two_splits(pictures: [&str; 2], more: &[(&str, &str)]) -> TempDir {
    let places = (0..12).map(|i| format!("{}/p{i}.jpg", pictures[usize::from(i > 9)]));
    let places: Vec<String> = places.collect();
    let labels: Vec<String> =
        places.iter().map(|path| path.replace("images", "labels").replace("jpg", "txt")).collect();
    let mut files: Vec<(&str, &str)> = places.iter().map(|path| (&path[..], "")).collect();
    files.extend(labels.iter().map(|path| (&path[..], BOX)));
    files.extend(more);
    folder(&files)
}

/// How many pictures each side of a run has; none is on both.
fn sides(path: &Path) -> [usize; 2] {
    let sides = Sides { learn: None, measure: None, other: &[], val_fraction: None };
    let names = [Ask::Learn(sides), Ask::Measure(sides)].map(|ask| {
        let set = crate::open(&[path.to_string_lossy()], Format::AUTO, ask, None).unwrap();
        (0..set.len()).map(|i| set.name(i)).collect::<Vec<_>>()
    });
    assert!(names[0].iter().all(|name| !names[1].contains(name)), "{names:?}");
    names.map(|names| names.len())
}

#[test]
fn paths_of_windows_and_of_another_machine_are_found_by_their_ends() {
    let folders = ["images/train", "images/val"];
    for yaml in [
        "train: images\\train\r\nval: images\\val\r\nnames: [cat, ant]\r\n",
        "train: C:/Users/me/set/images/train\nval: C:\\Users\\me\\set\\images\\val\nnames: [cat, ant]\n",
        "path: /home/me/set\ntrain: /home/me/set/images/train\nval: ../images/val\nnames: [cat, ant]\n",
    ] {
        assert_eq!(sides(two_splits(folders, &[("data.yaml", yaml)]).path()), [10, 2], "{yaml}");
    }
    let lines = |prefix: &str, range: std::ops::Range<usize>| -> String {
        range.map(|i| format!("{prefix}{}p{i}.jpg\r\n", if i > 9 { "val\\" } else { "train\\" })).collect()
    };
    for prefix in ["images\\", "D:\\set\\images\\", "data/images\\"] {
        let (train, val) = (lines(prefix, 0..10), format!("\u{feff}{}", lines(prefix, 10..12)));
        let more = [("train.txt", &train[..]), ("val.txt", &val), ("classes.txt", "cat\r\nant\r\n\r\n")];
        assert_eq!(sides(two_splits(folders, &more).path()), [10, 2], "{prefix}");
    }
}

#[test]
fn a_set_with_one_split_or_splits_of_other_names_trains_with_the_defaults() {
    let yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [cat, ant]\n";
    let alone = two_splits(["train/images", "train/images"], &[("data.yaml", yaml)]);
    assert_eq!(sides(alone.path()), [11, 1]);
    let set = open(alone.path(), Some("val"));
    assert!(set.report().to_string().contains("has the split train alone"), "{}", set.report());
    for folders in
        [["Train/Images", "Val/Images"], ["training/images", "Validation/images"], ["images/Train", "images/valid"]]
    {
        let set = two_splits(folders, &[("classes.txt", NAMES)]);
        for split in folders.iter().flat_map(|folder| folder.split('/')).filter(|part| *part != "images") {
            // `Images` stands beside `Labels`.
            let _ = fs::rename(set.path().join(split).join("labels"), set.path().join(split).join("Labels"));
        }
        assert_eq!(sides(set.path()), [10, 2], "{folders:?}");
    }
}

#[test]
fn a_set_is_found_within_a_folder_of_its_name_and_a_split_beside_its_description() {
    let yaml = "train: ../train/images\nval: ../valid/images\nnames: [cat, ant]\n";
    let set = two_splits(["set/set/train/images", "set/set/valid/images"], &[("set/set/data.yaml", yaml)]);
    assert_eq!(sides(set.path()), [10, 2]);
    let part = open(&set.path().join("set/set/valid"), None);
    assert_eq!((part.len(), part.labels().len()), (2, 2));
    assert!(part.report().notes[0].contains("data.yaml"), "{}", part.report());
}

#[test]
fn a_line_that_is_there_twice_is_one_object() {
    let twice = [BOX, BOX].concat();
    let set = folder(&[("a.jpg", ""), ("a.txt", &twice), ("classes.txt", NAMES)]);
    let set = open(set.path(), None);
    assert_eq!((set.report().boxes, set.report().counts()), (1, [(Reason::RepeatedBox, 1)].into()));
}

#[test]
fn pictures_are_known_by_all_their_endings_and_those_not_read_are_named() {
    let files = [("images/a.jfif", ""), ("images/b.heic", "x"), ("classes.txt", NAMES)];
    let set = folder(&[&files[..], &[("labels/a.txt", BOX), ("labels/b.txt", BOX)]].concat());
    let set = open(set.path(), None);
    assert_eq!(names(&set), ["a"]);
    let [skipped] = &set.report().skipped[..] else { panic!("{}", set.report()) };
    assert!(skipped.path.ends_with("b.heic") && skipped.why.contains("HEIC, is not read"), "{}", skipped.why);
}

#[test]
fn a_photograph_without_a_size_is_turned_as_viewers_do() {
    let set = folder(&[("images/a.jpg", ""), ("labels/a.txt", "0 0.25 0.5 0.5 0.5"), ("classes.txt", NAMES)]);
    let path = set.path().join("images/a.jpg");
    let jpeg = fs::read(&path).unwrap();
    // EXIF orientation 6, a quarter turn clockwise, after the first two bytes.
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    fs::write(path, [&jpeg[..2], exif, &jpeg[2..]].concat()).unwrap();
    let set = open(set.path(), None);
    let sample = set.get(0).unwrap();
    assert_eq!((sample.size_px, sample.image.dimensions()), ((20, 40), (20, 40)));
    assert_eq!(sample.truths_px[0].bbox_px, XywhPx { x: 0.0, y: 10.0, w: 10.0, h: 20.0 });
    assert!(set.report().to_string().contains("1 pictures are turned by their EXIF orientation"));
}
