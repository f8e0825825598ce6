//! VOC folders with one fault each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use ssd::CornerBox;
use tempfile::TempDir;

use crate::boxes_px::XywhPx;
use crate::report::{Reason, Skipped};
use crate::{Ask, DataError, Dataset, Format, Pictures, Sides};

fn open(path: &Path, split: Option<&str>, labels: Option<&[String]>) -> Result<Pictures, DataError> {
    match crate::open(&[path.to_string_lossy()], "voc".parse().unwrap(), split, labels)? {
        Dataset::Pictures(pictures) => Ok(pictures),
        Dataset::Shapes(_) => panic!("a folder is not a generated set"),
    }
}

/// A folder with a picture of 40 x 20 pixels for each name, and one `cat` in each.
pub(crate) fn folder_of(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
        fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    for name in names {
        let picture = folder.path().join(format!("JPEGImages/{name}.jpg"));
        RgbImage::from_pixel(40, 20, Rgb([90, 120, 200])).save_with_format(picture, ImageFormat::Jpeg).unwrap();
        annotate(&folder, name, &[("cat", [11, 6, 30, 20])]);
    }
    folder
}

/// Writes the annotation of a picture; its size is unknown.
fn annotate(folder: &TempDir, name: &str, objects: &[(&str, [i32; 4])]) {
    let objects: String = objects
        .iter()
        .map(|(class, [x1, y1, x2, y2])| {
            format!(
                "<object><name>{class}</name><difficult>0</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>\
                 <xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            )
        })
        .collect();
    let text = format!("<annotation><size><width>0</width><height>0</height></size>{objects}</annotation>");
    fs::write(folder.path().join(format!("Annotations/{name}.xml")), text).unwrap();
}

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// The report's only entry for something left out, after checking the file it names.
fn only_reason(voc: &Pictures, file: &str) -> (Reason, String) {
    let [Skipped { path, reason, why, .. }] = &voc.report().skipped[..] else { panic!("{:?}", voc.report()) };
    assert!(path.ends_with(file), "{} was blamed, not {file}", path.display());
    (*reason, why.clone())
}

#[test]
fn boxes_are_counted_from_one_and_relative_to_the_picture() {
    let folder = folder_of(&["a"]);
    let sample = open(folder.path(), None, None).unwrap().get(0).unwrap();
    assert_eq!(sample.image.dimensions(), (40, 20));
    assert_eq!(sample.truths.len(), 1);
    assert_eq!(sample.truths[0].bbox, CornerBox::new(0.25, 0.25, 0.75, 1.0));
    assert_eq!(sample.size_px, (40, 20));
    let [truth] = sample.truths_px[..] else { panic!("{:?}", sample.truths_px) };
    assert_eq!(truth.bbox_px, XywhPx { x: 10.0, y: 5.0, w: 20.0, h: 15.0 });
    assert_eq!((truth.class, truth.area_px, truth.difficult, truth.crowd), (1, 300.0, false, false));
}

#[test]
fn a_picture_that_ends_a_little_early_is_used_and_noted_and_half_a_one_is_left_out() {
    let folder = folder_of(&["end", "half", "whole"]);
    let cut = |name: &str, keep: fn(usize) -> usize| {
        let path = folder.path().join(format!("JPEGImages/{name}.jpg"));
        RgbImage::from_fn(40, 20, |x, y| Rgb([x * 6, y * 12, x * y].map(|value| value as u8)))
            .save_with_format(&path, ImageFormat::Jpeg)
            .unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..keep(bytes.len())]).unwrap();
    };
    cut("end", |len| len - 2);
    cut("half", |len| len / 2);
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!([voc.name(0), voc.name(1)], ["end", "whole"]);
    assert_eq!(voc.get(0).unwrap().image.dimensions(), (40, 20));
    assert!(voc.report().notes.iter().any(|note| note.contains("1 pictures end a little early")), "{}", voc.report());
    let (reason, why) = only_reason(&voc, "half.jpg");
    assert!(reason == Reason::UnreadablePicture && why.contains("ends in the middle"), "{why}");
}

#[test]
fn a_split_is_found_two_levels_down_and_a_missing_one_lists_those_there_are() {
    let inner = folder_of(&["a", "b", "c"]);
    fs::write(inner.path().join("ImageSets/Main/val.txt"), "b\n\n a \n").unwrap();
    let outer = tempfile::tempdir().unwrap();
    fs::create_dir(outer.path().join("VOCdevkit")).unwrap();
    fs::rename(inner.path(), outer.path().join("VOCdevkit/VOC2007")).unwrap();

    let voc = open(outer.path(), Some("val"), None).unwrap();
    assert_eq!([voc.name(0), voc.name(1), voc.name(2)], ["a", "b", ""]);
    let error = open(outer.path(), Some("train"), None).unwrap_err().to_string();
    assert!(error.contains("\"train\"") && error.contains("its splits are val"), "{error}");
    assert_eq!(open(outer.path(), None, None).unwrap().len(), 3);
}

#[test]
fn a_missing_annotation_or_picture_is_left_out_and_reported() {
    let folder = folder_of(&["a", "b"]);
    fs::remove_file(folder.path().join("Annotations/a.xml")).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "b".into()));
    let (reason, why) = only_reason(&voc, "JPEGImages/a.jpg");
    assert!(reason == Reason::BadAnnotation && why.contains("no annotation"), "{why}");

    let folder = folder_of(&["a", "b"]);
    fs::remove_file(folder.path().join("JPEGImages/b.jpg")).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "a".into()));
    assert!(only_reason(&voc, "Annotations/b.xml").0 == Reason::MissingImage);
    assert_eq!(voc.report().skipped[0].boxes, 1, "its box is counted as lost");
}

#[test]
fn a_corrupt_picture_is_reported_at_load_or_named_on_reading() {
    let folder = folder_of(&["a", "b"]);
    fs::write(folder.path().join("JPEGImages/a.jpg"), b"no picture").unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "b".into()));
    assert!(only_reason(&voc, "JPEGImages/a.jpg").0 == Reason::UnreadablePicture);

    // A whole header, half of the rest missing.
    let folder = folder_of(&["a", "b"]);
    let picture = folder.path().join("JPEGImages/b.jpg");
    let bytes = fs::read(&picture).unwrap();
    let scan = bytes.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    fs::write(&picture, &bytes[..(scan + bytes.len()) / 2]).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "a".into()));
    let (reason, why) = only_reason(&voc, "JPEGImages/b.jpg");
    assert!(reason == Reason::UnreadablePicture && why.contains("ends in the middle"), "{why}");

    // A PNG whose header and end are whole: the damage shows only when it is decoded.
    fs::write(&picture, damaged_inside()).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!(voc.len(), 2);
    let error = voc.get(1).unwrap_err().to_string();
    assert!(error.contains("b.jpg") && error.contains("does not decode"), "{error}");
}

/// A PNG with its compressed pixels replaced.
fn damaged_inside() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(40, 20, Rgb([90, 120, 200])).write_to(&mut png, ImageFormat::Png).unwrap();
    let mut bytes = png.into_inner();
    let pixels = bytes.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    bytes[pixels..pixels + 8].fill(0xaa);
    bytes
}

#[test]
fn boxes_without_area_and_outside_are_left_out_and_others_clipped() {
    let folder = folder_of(&["a"]);
    let wrong = [[30, 6, 11, 20], [11, 20, 30, 6], [7, 7, 7, 7], [50, 5, 60, 15], [1, 30, 20, 40]];
    let mut objects: Vec<(&str, [i32; 4])> = wrong.iter().map(|corners| ("cat", *corners)).collect();
    objects.push(("cat", [0, -5, 90, 10]));
    annotate(&folder, "a", &objects);
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!(voc.report().counts(), [(Reason::NoArea, 3), (Reason::OutsidePicture, 2)].into());
    let truths = voc.get(0).unwrap().truths;
    assert_eq!(truths.len(), 1);
    assert_eq!(truths[0].bbox, CornerBox::new(0.0, 0.0, 1.0, 0.5));
}

#[test]
fn a_picture_without_boxes_is_kept_as_a_negative() {
    let folder = folder_of(&["a", "b"]);
    annotate(&folder, "a", &[]);
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.report().images, voc.report().boxes, voc.report().empty_images), (2, 1, 1));
    assert!(voc.get(0).unwrap().truths.is_empty());
    // Negatives alone teach no class.
    annotate(&folder, "b", &[]);
    assert!(matches!(open(folder.path(), None, None), Err(DataError::Nothing { .. })));
}

#[test]
fn classes_are_sorted_or_given_and_an_unknown_one_is_an_error() {
    let folder = folder_of(&["a", "b"]);
    annotate(&folder, "b", &[("dog", [1, 1, 9, 9]), ("ant", [1, 1, 9, 9])]);
    let classes = |voc: &Pictures| voc.get(1).unwrap().truths.iter().map(|truth| truth.class).collect::<Vec<_>>();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.labels(), classes(&voc)), (&labels(&["ant", "cat", "dog"])[..], vec![3, 1]));
    let given = labels(&["dog", "emu", "cat", "ant"]);
    let voc = open(folder.path(), None, Some(&given)).unwrap();
    assert_eq!((voc.labels(), classes(&voc)), (&given[..], vec![1, 4]));

    let error = open(folder.path(), None, Some(&labels(&["dog", "cat"]))).unwrap_err().to_string();
    assert!(error.contains("b.xml") && error.contains("\"ant\"") && error.contains("dog, cat"), "{error}");
}

#[test]
fn a_class_that_differs_only_in_capitals_is_pointed_out() {
    let folder = folder_of(&["a"]);
    annotate(&folder, "a", &[("Traffic Light", [1, 1, 9, 9])]);
    let error = open(folder.path(), None, Some(&labels(&["dog", "traffic  light"]))).unwrap_err().to_string();
    assert!(error.contains("capitals or white space") && error.contains("\"traffic  light\""), "{error}");
}

#[test]
fn another_folder_and_an_empty_one_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open(folder.path(), None, None), Err(DataError::OtherLayout { .. })));
    assert!(matches!(open(&folder.path().join("gone"), None, None), Err(DataError::Read { .. })));
    assert!(matches!(open(folder_of(&[]).path(), None, None), Err(DataError::OtherLayout { .. })));
}

#[test]
fn a_picture_listed_twice_is_used_once() {
    let folder = folder_of(&["a", "b"]);
    fs::write(folder.path().join("ImageSets/Main/train.txt"), "a\nb\na\n../a\ngone\n").unwrap();
    let voc = open(folder.path(), Some("train"), None).unwrap();
    assert_eq!(voc.len(), 2);
    assert_eq!(voc.report().counts(), [(Reason::MissingPicture, 1), (Reason::Duplicate, 2)].into());
}

#[test]
fn a_file_of_another_kind_replaces_no_picture_and_a_second_picture_of_a_name_is_reported() {
    let folder = folder_of(&["a", "b", "c"]);
    let path = |name: &str| folder.path().join("JPEGImages").join(name);
    fs::write(path("a.txt"), "about a").unwrap();
    fs::copy(path("b.jpg"), path("b.png")).unwrap();
    // Another extension will do where there is no picture.
    fs::rename(path("c.jpg"), path("c.dat")).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!(voc.len(), 3, "{}", voc.report());
    let (reason, why) = only_reason(&voc, "JPEGImages/b.png");
    assert!(reason == Reason::SameName && why.contains("same name"), "{why}");
}

#[test]
fn a_list_of_any_name_can_be_asked_for_and_lines_may_have_an_extension_or_a_number() {
    let folder = folder_of(&["a", "b", "c.d", "my e"]);
    let list = |name: &str, text: &str| fs::write(folder.path().join("ImageSets/Main").join(name), text).unwrap();
    list("my_val.txt", "a.jpg\nb  1\nc.d\nmy e\nJPEGImages/c.d.jpg 0\n");
    list("cat_train.txt", "a 1\n");
    let voc = open(folder.path(), Some("my_val"), None).unwrap();
    let names: Vec<String> = (0..voc.len()).map(|i| voc.name(i)).collect();
    assert_eq!(names, ["a", "b", "c.d", "my e"], "{}", voc.report());
    assert_eq!(voc.report().counts(), [(Reason::Duplicate, 1)].into(), "c.d.jpg is c.d again");
    // All lists look like lists of classes: the set is not divided silently.
    let error = open(folder.path(), Some("val"), None).unwrap_err().to_string();
    assert!(error.contains("its splits are cat_train, my_val"), "{error}");
    list("train.txt", "a\n");
    let error = open(folder.path(), Some("test"), None).unwrap_err().to_string();
    assert!(error.contains("its splits are my_val, train;"), "{error}");
    assert_eq!(open(folder.path(), Some("my_val"), None).unwrap().len(), 4);
}

#[test]
fn a_devkit_with_two_years_is_opened_whole_and_one_without_the_split_is_skipped() {
    let devkit = tempfile::tempdir().unwrap();
    for (year, split) in [("VOC2007", "test"), ("VOC2012", "train")] {
        let folder = folder_of(&["a", "b"]);
        fs::write(folder.path().join(format!("ImageSets/Main/{split}.txt")), "a\n").unwrap();
        fs::rename(folder.path(), devkit.path().join(year)).unwrap();
    }
    // Both years have pictures of the same names, which are different pictures.
    let all = open(devkit.path(), None, None).unwrap();
    assert_eq!((all.len(), all.report().skipped.len()), (4, 0), "{}", all.report());
    let train = open(devkit.path(), Some("train"), None).unwrap();
    assert_eq!((train.len(), train.name(0)), (1, "a".into()));
    let [note] = &train.report().notes[..] else { panic!("{}", train.report()) };
    assert!(note.contains("VOC2007") && note.contains("its splits are test"), "{note}");
    assert!(open(devkit.path(), Some("trainval"), None).is_err());

    let years = ["VOC2007", "VOC2012", "VOC2007/../VOC2012"].map(|year| devkit.path().join(year));
    let set = crate::open(&years.map(|path| path.to_string_lossy().into_owned()), Format::AUTO, None, None).unwrap();
    assert_eq!(set.len(), 4, "the third repeats the second");
    assert!(set.report().unwrap().to_string().contains("named twice"));
    // A devkit and a year in it, spelt differently.
    let both = [devkit.path().to_path_buf(), devkit.path().join("VOC2007/../VOC2012")];
    let set = crate::open(&both.map(|path| path.to_string_lossy().into_owned()), Format::AUTO, None, None).unwrap();
    assert_eq!((set.len(), set.report().unwrap().counts()), (4, [(Reason::Duplicate, 2)].into()));
}

#[test]
fn a_folder_without_lists_is_divided_by_names() {
    let names: Vec<String> = (0..30).map(|i| format!("p{i}")).collect();
    let folder = folder_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let [train, val] = ["train", "val"].map(|split| open(folder.path(), Some(split), None).unwrap());
    assert_eq!(train.len() + val.len(), 30);
    assert!((1..10).contains(&val.len()), "{}", val.len());
    assert!((0..val.len()).all(|i| (0..train.len()).all(|j| train.name(j) != val.name(i))));
    assert!(train.report().to_string().contains("has no splits"), "{}", train.report());
    let error = open(folder.path(), Some("test"), None).unwrap_err().to_string();
    assert!(error.contains("train and val can be asked for"), "{error}");
}

#[test]
fn one_picture_is_in_both_splits_and_an_error_says_how_a_set_was_divided() {
    let folder = folder_of(&["a"]);
    for split in ["train", "val"] {
        let voc = open(folder.path(), Some(split), None).unwrap();
        assert_eq!(voc.len(), 1);
        assert!(voc.report().to_string().contains("one picture, which is taken to learn from and"), "{split}");
    }
    fs::write(folder.path().join("JPEGImages/a.jpg"), b"no picture").unwrap();
    let error = open(folder.path(), Some("val"), None).unwrap_err().to_string();
    assert!(error.contains("a.jpg") && error.contains("has no splits and one picture"), "{error}");
}

#[test]
fn other_names_of_the_two_folders_will_do() {
    let folder = folder_of(&["a", "b"]);
    let path = |name: &str| folder.path().join(name);
    fs::rename(path("JPEGImages"), path("images")).unwrap();
    fs::rename(path("Annotations"), path("annotations")).unwrap();
    let set = crate::open(&[folder.path().to_string_lossy()], Format::AUTO, None, None).unwrap();
    assert_eq!((set.len(), set.report().unwrap().boxes), (2, 2));
}

#[test]
fn pictures_with_an_xml_beside_each_are_a_data_set_in_one_folder_or_one_for_each_split() {
    let outer = tempfile::tempdir().unwrap();
    for split in ["train", "valid"] {
        let inner = folder_of(&["a", "b"]);
        fs::create_dir(outer.path().join(split)).unwrap();
        for (from, ending) in [("JPEGImages", "jpg"), ("Annotations", "xml")] {
            for name in ["a", "b"] {
                let to = outer.path().join(split).join(format!("{name}.{ending}"));
                fs::rename(inner.path().join(from).join(format!("{name}.{ending}")), to).unwrap();
            }
        }
    }
    fs::write(outer.path().join("README.txt"), "about").unwrap();
    let set = |path: &Path, split| crate::open(&[path.to_string_lossy()], Format::AUTO, split, None).unwrap();
    assert_eq!(set(outer.path(), None).len(), 4);
    assert_eq!(set(outer.path(), Some("val")).len(), 2);
    assert_eq!(set(&outer.path().join("train"), None).labels(), ["cat"]);
    let error = open(outer.path(), Some("test"), None).unwrap_err().to_string();
    assert!(error.contains("its splits are train, valid"), "{error}");
}

/// Moves the pictures and annotations of a new set into folders; `{}` in a place stands for the name of each.
fn moved(places: [&str; 2], names: &[&str]) -> TempDir {
    let (from, to) = (folder_of(names), tempfile::tempdir().unwrap());
    for (name, (part, place)) in
        names.iter().flat_map(|name| [(name, ("JPEGImages", places[0])), (name, ("Annotations", places[1]))])
    {
        let ending = if part == "JPEGImages" { "jpg" } else { "xml" };
        let new = to.path().join(place.replace("{}", name));
        fs::create_dir_all(new.parent().unwrap()).unwrap();
        fs::rename(from.path().join(format!("{part}/{name}.{ending}")), new).unwrap();
    }
    to
}

#[test]
fn pictures_and_annotations_may_lie_in_any_folders_of_any_names() {
    for places in [
        ["Images/{}.jpg", "Annotations/{}.xml"],
        ["images/{}.jpg", "labels/{}.xml"],
        ["images/{}.jpg", "annots/{}.xml"],
        ["images/{}.JPG", "annotations/xmls/{}.xml"],
        ["bilder/{}.jpg", "kisten/{}.xml"],
        ["set/set/JPEGImages/{}/x.jpg", "set/set/Annotations/{}/x.xml"],
        ["deep/er/{}.jpg", "deep/er/{}.jpg.xml"],
        ["{}.jfif", "{}.xml"],
    ] {
        let folder = moved(places, &["a", "b"]);
        let set = crate::open(&[folder.path().to_string_lossy()], Format::AUTO, None, None).unwrap();
        let report = set.report().unwrap();
        assert_eq!((report.images, report.boxes, report.skipped.len()), (2, 2, 0), "{places:?}: {report}");
    }
}

#[test]
fn a_picture_is_found_by_the_name_in_its_annotation_where_none_has_the_annotation_s_own() {
    let folder = moved(["images/IMG_{}.jpg", "annotations/{}.xml"], &["a", "b"]);
    for name in ["a", "b"] {
        let path = folder.path().join(format!("annotations/{name}.xml"));
        let given = format!("<annotation><filename>C:\\photos\\IMG_{name}.jpg</filename>");
        let text = fs::read_to_string(&path).unwrap().replace("<annotation>", &given);
        fs::write(path, text).unwrap();
    }
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0), voc.report().boxes), (2, "IMG_a".into(), 2), "{}", voc.report());
}

#[test]
fn hidden_files_are_no_data() {
    let folder = folder_of(&["a"]);
    for hidden in ["JPEGImages/._a.jpg", "Annotations/._a.xml", "JPEGImages/.DS_Store"] {
        fs::write(folder.path().join(hidden), "x").unwrap();
    }
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.report().skipped.len()), (1, 0), "{}", voc.report());
}

#[test]
fn a_size_in_the_annotation_has_to_be_the_picture_s() {
    let folder = folder_of(&["a", "b"]);
    let path = folder.path().join("Annotations/a.xml");
    let text =
        fs::read_to_string(&path).unwrap().replace(">0</width>", ">80</width>").replace(">0</height>", ">40</height>");
    fs::write(path, text).unwrap();
    let voc = open(folder.path(), None, None).unwrap();
    let (reason, why) = only_reason(&voc, "JPEGImages/a.jpg");
    assert!(reason == Reason::OtherSize && why.contains("40 x 20 pixels, but its boxes are for 80 x 40"), "{why}");
    assert!(voc.report().warning().unwrap().contains("1 of 2 pictures (50%) and 1 of 2 boxes"));
}

#[test]
fn an_object_that_is_there_twice_is_one() {
    let folder = folder_of(&["a"]);
    annotate(&folder, "a", &[("cat", [1, 1, 9, 9]), ("dog", [1, 1, 9, 9]), ("cat", [1, 1, 9, 9])]);
    let voc = open(folder.path(), None, None).unwrap();
    assert_eq!((voc.report().boxes, voc.report().counts()), (2, [(Reason::RepeatedBox, 1)].into()));
}

/// Both sides of a run: the names of the pictures of each.
fn sides(data: &[&Path], val_data: &[&Path]) -> [Vec<String>; 2] {
    let paths = |paths: &[&Path]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let (data, val_data) = (paths(data), paths(val_data));
    let sides = |other| Sides { learn: None, measure: None, other, val_fraction: None };
    let measured = if val_data.is_empty() { &data } else { &val_data };
    [
        (&data, Ask::Learn(sides(&val_data))),
        (measured, Ask::Measure(sides(if val_data.is_empty() { &[] } else { &data }))),
    ]
    .map(|(paths, ask)| {
        let set = crate::open(paths, Format::AUTO, ask, None).unwrap();
        (0..set.len()).map(|i| set.name(i)).collect()
    })
}

#[test]
fn folders_named_like_splits_are_splits_also_where_each_holds_a_pair_of_folders() {
    let outer = tempfile::tempdir().unwrap();
    for (split, names) in [("train", vec!["a", "b", "c"]), ("val", vec!["a", "d"])] {
        let inner = folder_of(&names);
        fs::remove_dir_all(inner.path().join("ImageSets")).unwrap();
        fs::create_dir(outer.path().join(split)).unwrap();
        for (from, to) in [("JPEGImages", "images"), ("Annotations", "annotations")] {
            fs::rename(inner.path().join(from), outer.path().join(split).join(to)).unwrap();
        }
    }
    assert_eq!(sides(&[outer.path()], &[]), [vec!["a", "b", "c"], vec!["a", "d"]]);
    assert_eq!(open(outer.path(), Some("val"), None).unwrap().len(), 2);
}

#[test]
fn data_named_for_one_side_alone_are_used_whole() {
    let names: Vec<String> = (0..12).map(|i| format!("p{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (a, b) = (folder_of(&names), folder_of(&["q", "r"]));
    let [learned, measured] = sides(&[a.path()], &[b.path()]);
    assert_eq!((learned.len(), measured.len()), (12, 2));
    // A folder that serves both sides is divided.
    let [learned, measured] = sides(&[a.path(), b.path()], &[a.path()]);
    assert_eq!(learned.len() + measured.len(), 14, "{learned:?} {measured:?}");
    assert!(!measured.is_empty() && measured.iter().all(|name| !learned.contains(name)));
}
