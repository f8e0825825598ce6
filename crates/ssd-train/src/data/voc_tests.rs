//! Folders in VOC layout with one thing wrong each, and the two real sets where they are at hand.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

/// A folder with a picture of 40 x 20 pixels and one `cat` in each of the names.
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

/// Writes the annotation of a picture; the size it claims is wrong on purpose.
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
    let text = format!("<annotation><size><width>999</width><height>999</height></size>{objects}</annotation>");
    fs::write(folder.path().join(format!("Annotations/{name}.xml")), text).unwrap();
}

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// The only line of a report on what was left out, checked for the file it names.
fn only_reason(voc: &Voc, file: &str) -> String {
    let [(path, why)] = &voc.report().skipped[..] else { panic!("{:?}", voc.report()) };
    assert!(path.ends_with(file), "{} was blamed, not {file}", path.display());
    why.clone()
}

#[test]
fn boxes_are_counted_from_one_and_relative_to_the_picture() {
    let folder = folder_of(&["a"]);
    let sample = Voc::open(folder.path(), None, None).unwrap().get(0).unwrap();
    assert_eq!(sample.image.dimensions(), (40, 20));
    assert_eq!(sample.truths.len(), 1);
    assert_eq!(sample.truths[0].bbox, CornerBox::new(0.25, 0.25, 0.75, 1.0));
}

#[test]
fn a_split_is_found_two_levels_down_and_a_missing_one_names_those_there_are() {
    let inner = folder_of(&["a", "b", "c"]);
    fs::write(inner.path().join("ImageSets/Main/val.txt"), "b\n\n a \n").unwrap();
    let outer = tempfile::tempdir().unwrap();
    fs::create_dir(outer.path().join("VOCdevkit")).unwrap();
    fs::rename(inner.path(), outer.path().join("VOCdevkit/VOC2007")).unwrap();

    let voc = Voc::open(outer.path(), Some("val"), None).unwrap();
    assert_eq!([voc.name(0), voc.name(1), voc.name(2)], ["b", "a", ""]);
    let error = Voc::open(outer.path(), Some("train"), None).unwrap_err().to_string();
    assert!(error.contains("\"train\"") && error.contains("its splits are val"), "{error}");
    assert_eq!(Voc::open(outer.path(), None, None).unwrap().len(), 3);
}

#[test]
fn a_missing_annotation_or_picture_is_left_out_and_reported() {
    let folder = folder_of(&["a", "b"]);
    fs::remove_file(folder.path().join("Annotations/a.xml")).unwrap();
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "b".into()));
    assert!(only_reason(&voc, "Annotations/a.xml").contains("cannot be read"));

    let folder = folder_of(&["a", "b"]);
    fs::remove_file(folder.path().join("JPEGImages/b.jpg")).unwrap();
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "a".into()));
    assert!(only_reason(&voc, "JPEGImages/b").contains("no picture"));
}

#[test]
fn a_corrupt_picture_is_reported_at_load_or_named_on_reading() {
    let folder = folder_of(&["a", "b"]);
    fs::write(folder.path().join("JPEGImages/a.jpg"), b"no picture").unwrap();
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!((voc.len(), voc.name(0)), (1, "b".into()));
    assert!(only_reason(&voc, "JPEGImages/a.jpg").contains("no picture"));

    // The header is whole, half of the rest is missing: nothing is seen of it before the picture is decoded.
    let picture = folder.path().join("JPEGImages/b.jpg");
    let bytes = fs::read(&picture).unwrap();
    let scan = bytes.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    fs::write(&picture, &bytes[..(scan + bytes.len()) / 2]).unwrap();
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!(voc.len(), 1);
    let error = voc.get(0).unwrap_err().to_string();
    assert!(error.contains("b.jpg") && error.contains("ends in the middle"), "{error}");
}

#[test]
fn boxes_without_room_and_outside_are_left_out_and_others_clipped() {
    let folder = folder_of(&["a"]);
    let wrong = [[30, 6, 11, 20], [11, 20, 30, 6], [7, 7, 7, 7], [50, 5, 60, 15], [1, 30, 20, 40]];
    let mut objects: Vec<(&str, [i32; 4])> = wrong.iter().map(|corners| ("cat", *corners)).collect();
    objects.push(("cat", [0, -5, 90, 10]));
    annotate(&folder, "a", &objects);
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!(voc.report().skipped.len(), wrong.len());
    let truths = voc.get(0).unwrap().truths;
    assert_eq!(truths.len(), 1);
    assert_eq!(truths[0].bbox, CornerBox::new(0.0, 0.0, 1.0, 0.5));
}

#[test]
fn a_picture_without_boxes_is_kept_as_a_negative() {
    let folder = folder_of(&["a", "b"]);
    annotate(&folder, "a", &[]);
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!((voc.report().images, voc.report().boxes, voc.report().empty_images), (2, 1, 1));
    assert!(voc.get(0).unwrap().truths.is_empty());
    // Nothing but negatives teach no class.
    annotate(&folder, "b", &[]);
    assert!(matches!(Voc::open(folder.path(), None, None), Err(DataError::Nothing { .. })));
}

#[test]
fn classes_are_sorted_or_given_and_an_unknown_one_is_an_error() {
    let folder = folder_of(&["a", "b"]);
    annotate(&folder, "b", &[("dog", [1, 1, 9, 9]), ("ant", [1, 1, 9, 9])]);
    let classes = |voc: &Voc| voc.get(1).unwrap().truths.iter().map(|truth| truth.class).collect::<Vec<_>>();
    let voc = Voc::open(folder.path(), None, None).unwrap();
    assert_eq!((voc.labels(), classes(&voc)), (&labels(&["ant", "cat", "dog"])[..], vec![3, 1]));
    let given = labels(&["dog", "emu", "cat", "ant"]);
    let voc = Voc::open(folder.path(), None, Some(&given)).unwrap();
    assert_eq!((voc.labels(), classes(&voc)), (&given[..], vec![1, 4]));

    let error = Voc::open(folder.path(), None, Some(&labels(&["dog", "cat"]))).unwrap_err().to_string();
    assert!(error.contains("b.xml") && error.contains("\"ant\"") && error.contains("dog, cat"), "{error}");
}

#[test]
fn another_folder_and_an_empty_one_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Voc::open(folder.path(), None, None), Err(DataError::NotVoc { .. })));
    assert!(matches!(Voc::open(&folder.path().join("gone"), None, None), Err(DataError::Read { .. })));
    assert!(matches!(Voc::open(folder_of(&[]).path(), None, None), Err(DataError::Nothing { .. })));
}

/// The folder of a real data set; says so where there is none.
fn shared(test: &str, name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("SSD_DATA").map_or(beside, PathBuf::from).join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED {test}: {} is not there", path.display());
    None
}

#[test]
fn bccd_loads_but_for_its_two_degenerate_boxes() {
    let Some(path) = shared("bccd_loads_but_for_its_two_degenerate_boxes", "bccd") else { return };
    let voc = Voc::open(&path, None, None).unwrap();
    assert_eq!((voc.report().images, voc.report().boxes), (364, 4_886));
    assert_eq!(voc.labels(), ["Platelets", "RBC", "WBC"]);
    let files: Vec<_> = voc.report().skipped.iter().filter_map(|(path, _)| stem(path)).collect();
    assert_eq!(files, ["BloodImage_00338", "BloodImage_00343"]);
    assert_eq!(Voc::open(&path, Some("train"), None).unwrap().len(), 205);
}

#[test]
fn voc2007_own_loads_without_its_parts() {
    let Some(path) = shared("voc2007_own_loads_without_its_parts", "voc2007-own") else { return };
    let voc = Voc::open(&path, Some("val"), None).unwrap();
    assert_eq!((voc.report().images, voc.report().boxes, voc.labels().len()), (500, 1_673, 20));
    assert!(voc.report().skipped.is_empty(), "{}", voc.report());
    let difficult = voc.items.iter().flat_map(|item| &item.truths).filter(|truth| truth.difficult).count();
    assert_eq!(difficult, 375);
    voc.get(0).unwrap();
}
