//! COCO files with one fault each, and the places they may lie in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::LOOKED_AT;
use crate::boxes_px::{TruthPx, XywhPx};
use crate::report::Reason;
use crate::{DataError, Dataset, Format, Id, Pictures};

/// A folder with files; `jpgs` are pictures of 40 x 20 pixels.
fn folder(jpgs: &[&str], jsons: &[(&str, &Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for jpg in jpgs {
        RgbImage::from_pixel(40, 20, Rgb([90, 120, 200])).save_with_format(place(jpg), ImageFormat::Jpeg).unwrap();
    }
    for (path, json) in jsons {
        fs::write(place(path), json.to_string()).unwrap();
    }
    folder
}

/// Pictures 8 and 3 (in falling order), categories 9 and 4, an object and a crowd in picture 8.
fn small() -> Value {
    json!({
        "images": [
            {"id": 8, "file_name": "b.jpg", "width": 40, "height": 20},
            {"id": 3, "file_name": "a.jpg", "width": 40, "height": 20},
        ],
        "categories": [{"id": 9, "name": "kite", "supercategory": "sports"}, {"id": 4, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 8, "category_id": 9, "bbox": [10.5, 5, 39.25, 10], "area": 70.125, "iscrowd": 0},
            {"id": 2, "image_id": 8, "category_id": 4, "bbox": [0, 0, 20, 20], "area": 300, "iscrowd": 1},
        ],
    })
}

fn ids(numbers: [i64; 2]) -> Vec<Id> {
    numbers.map(Id::Number).to_vec()
}

fn open(path: &Path, split: Option<&str>) -> Result<Pictures, DataError> {
    match crate::open(&[path.to_string_lossy()], Format::AUTO, split, None)? {
        Dataset::Pictures(pictures) => Ok(pictures),
        Dataset::Shapes(_) => panic!("a folder is not a generated set"),
    }
}

#[test]
fn boxes_are_measured_as_written_and_crowds_are_not_learned_from() {
    let folder = folder(&["val2017/a.jpg", "val2017/b.jpg"], &[("annotations/instances_val2017.json", &small())]);
    let set = open(folder.path(), Some("val")).unwrap();
    assert_eq!(
        (set.labels(), set.name(0), set.name(1)),
        (&["cat".to_string(), "kite".into()][..], "a".into(), "b".into())
    );
    let report = set.report();
    assert_eq!((report.images, report.boxes, report.crowds, report.empty_images), (2, 1, 1, 1), "{report}");
    assert_eq!(set.coco_ids(), Some(crate::CocoIds { images: ids([3, 8]), categories: ids([4, 9]) }));

    let sample = set.get(1).unwrap();
    let truth = |class, [x, y, w, h]: [f64; 4], area_px, crowd| {
        let bbox_px = XywhPx { x, y, w, h };
        TruthPx { class, bbox_px, area_px, difficult: false, crowd }
    };
    let expected = [truth(2, [10.5, 5.0, 39.25, 10.0], 70.125, false), truth(1, [0.0, 0.0, 20.0, 20.0], 300.0, true)];
    assert_eq!((sample.size_px, &sample.truths_px[..]), ((40, 20), &expected[..]));
    let [learned] = sample.truths[..] else { panic!("{:?}", sample.truths) };
    assert_eq!((learned.class, learned.bbox), (2, ssd::CornerBox::new(0.2625, 0.25, 1.0, 0.75)), "clipped");
}

#[test]
fn file_and_pictures_are_found_in_their_usual_places() {
    let small = small();
    let pairs = |place: &str| ["a.jpg", "b.jpg"].map(|name| format!("{place}{name}"));
    for (pictures, json, split) in [
        ("train/", "train/_annotations.coco.json", "train"),
        ("valid/", "valid/_annotations.coco.json", "val"),
        ("images/train2014/", "annotations/instances_train2014.json", "train"),
        ("images/", "annotations/train.json", "train"),
        ("data/", "labels.json", "train"),
        ("", "annotations.json", "train"),
        ("images/", "result.json", "train"),
        ("", "instances_fold_1.json", "fold_1"),
        ("fold_1/", "fold_1/_annotations.coco.json", "fold_1"),
        ("images/Validation/", "annotations/instances_Validation.json", "val"),
        ("images/default/", "annotations/instances_default.json", "train"),
        ("deep/er/", "annotations/anything.json", "train"),
    ] {
        let folder = folder(&pairs(pictures).each_ref().map(String::as_str), &[(json, &small)]);
        let all = open(folder.path(), None).unwrap();
        assert_eq!((all.len(), all.report().skipped.len()), (2, 0), "{json}: {}", all.report());
        let direct = open(&folder.path().join(json), None).unwrap();
        assert_eq!(direct.len(), 2, "{json}");
        let part = open(folder.path(), Some(split));
        let len = part.as_ref().map_or(0, Pictures::len);
        let undivided = ["labels", "annotations", "result", "instances_default", "anything"];
        let divided = Path::new(json).file_stem().is_some_and(|stem| undivided.iter().any(|name| stem == *name));
        assert_eq!(len, if divided { 1 } else { 2 }, "{json}: {part:?}");
    }
}

#[test]
fn splits_are_told_apart_and_a_missing_one_lists_those_there_are() {
    let mut val = small();
    val["images"] = json!([{"id": 8, "file_name": "b.jpg"}]);
    let jsons = [
        ("annotations/instances_train2017.json", &small()),
        ("annotations/instances_val2017.json", &val),
        ("annotations/captions_val2017.json", &small()),
        ("annotations/person_keypoints_val2017.json", &small()),
    ];
    let folder = folder(&["train2017/a.jpg", "train2017/b.jpg", "val2017/b.jpg"], &jsons);
    let len = |split| open(folder.path(), split).unwrap().len();
    assert_eq!([len(Some("train")), len(Some("val2017")), len(None)], [2, 1, 3]);
    assert_eq!(open(folder.path(), None).unwrap().coco_ids(), None, "picture 8 occurs twice");
    let error = open(folder.path(), Some("test")).unwrap_err().to_string();
    assert!(error.contains("its splits are train2017, val2017"), "{error}");
    // Given directly, each file is the split in its name.
    let both = ["train", "val"].map(|split| folder.path().join(format!("annotations/instances_{split}2017.json")));
    let both = both.map(|path| path.to_string_lossy().into_owned());
    let set = crate::open(&both, "coco".parse().unwrap(), Some("val"), None).unwrap();
    assert_eq!(set.len(), 1);
}

#[test]
fn faulty_entries_are_left_out_with_a_reason() {
    let mut json = small();
    json["images"].as_array_mut().unwrap().extend([
        json!({"id": 10, "file_name": "gone.jpg"}),
        json!({"id": 11, "file_name": "../outside.jpg"}),
        json!({"id": 12, "file_name": "/etc/passwd"}),
        json!({"id": 13, "file_name": "c.jpg", "width": 41, "height": 20}),
        json!({"id": 14, "file_name": "sub\\b.jpg"}),
        json!({"id": 8, "file_name": "a.jpg"}),
        json!({"id": 15, "file_name": "a.jpg"}),
        json!({"id": 16, "file_name": "text.jpg"}),
        json!({"id": 17}),
    ]);
    json["annotations"].as_array_mut().unwrap().extend([
        json!({"id": 3, "image_id": 99, "category_id": 9, "bbox": [1, 1, 5, 5]}),
        json!({"id": 4, "image_id": 3, "category_id": 5, "bbox": [1, 1, 5, 5]}),
        json!({"id": 5, "image_id": 3, "category_id": 9, "bbox": [1, 1, 0, 5]}),
        json!({"id": 6, "image_id": 3, "category_id": 9, "bbox": [1, 1, 5]}),
        json!({"id": 7, "image_id": 3, "category_id": 9, "bbox": [41, 1, 5, 5]}),
        json!({"id": 8, "image_id": 3, "category_id": 9}),
        json!({"id": 9, "image_id": 3, "category_id": 9, "bbox": null}),
    ]);
    let folder =
        folder(&["set/a.jpg", "set/b.jpg", "set/c.jpg", "set/sub/b.jpg", "outside.jpg"], &[("set/all.json", &json)]);
    fs::write(folder.path().join("set/text.jpg"), "no picture").unwrap();
    let set = open(&folder.path().join("set"), None).unwrap();
    assert_eq!((0..set.len()).map(|i| set.name(i)).collect::<Vec<_>>(), ["a", "b", "b"]);
    let expected = [
        (Reason::MissingPicture, 2),
        (Reason::UnreadablePicture, 1),
        (Reason::OtherSize, 1),
        (Reason::MissingImage, 1),
        (Reason::OutsideFolder, 2),
        (Reason::Duplicate, 2),
        (Reason::NoArea, 4),
        (Reason::OutsidePicture, 1),
        (Reason::UnknownClass, 1),
    ];
    assert_eq!(set.report().counts(), expected.into(), "{:#?}", set.report());
    assert_eq!(set.get(0).unwrap().truths_px, []);
}

#[test]
fn a_large_file_is_recognised_by_its_ends_and_another_json_hides_no_other_format() {
    let set = folder(&["a.jpg", "b.jpg"], &[]);
    // As in COCO's own files, the name of the annotations lies far from both ends.
    let mut json = small();
    let annotations = json["annotations"].take().to_string();
    let room = " ".repeat(2 * LOOKED_AT as usize);
    let (images, categories) = (&json["images"], &json["categories"]);
    let text =
        format!(r#"{{"images": {images}, {room} "annotations": {room} {annotations}, "categories": {categories}}}"#);
    fs::write(set.path().join("all.json"), text).unwrap();
    assert_eq!(open(set.path(), None).unwrap().labels(), ["cat", "kite"]);

    fs::write(set.path().join("all.json"), r#"{"images": ["a.jpg", "b.jpg"], "version": 3}"#).unwrap();
    fs::write(set.path().join("classes.txt"), "ant\n").unwrap();
    fs::write(set.path().join("a.txt"), "0 0.5 0.5 0.25 0.5\n").unwrap();
    assert_eq!(open(set.path(), None).unwrap().labels(), ["ant"]);
}

#[test]
fn a_category_that_only_heads_others_is_not_a_class() {
    let mut json = small();
    let categories = json["categories"].as_array_mut().unwrap();
    categories.push(json!({"id": 0, "name": "animals", "supercategory": "none"}));
    categories.push(json!({"id": 2, "name": "dog", "supercategory": "animals"}));
    // COCO's own person belongs to the group person.
    categories.push(json!({"id": 1, "name": "person", "supercategory": "person"}));
    let folder = folder(&["a.jpg", "b.jpg"], &[("_annotations.coco.json", &json)]);
    assert_eq!(open(folder.path(), None).unwrap().labels(), ["person", "dog", "cat", "kite"]);
}

#[test]
fn a_file_that_is_not_coco_or_has_its_pictures_elsewhere_is_refused_in_a_sentence() {
    let set = folder(&[], &[("annotations/instances_val2017.json", &small())]);
    let error = open(set.path(), None).unwrap_err().to_string();
    assert!(error.contains("(a.jpg) are not in") && error.contains("images/"), "{error}");
    let mut json = small();
    json["images"] = json!(1);
    let set = folder(&[], &[("a.json", &json), ("b.json", &json!({"shapes": [], "imagePath": "x"}))]);
    let error = open(&set.path().join("a.json"), None).unwrap_err().to_string();
    assert!(error.contains("not a COCO file") && error.contains("line 1") && !error.contains("lists"), "{error}");
    fs::write(set.path().join("a.json"), r#"{"images": [], "annotations": []}"#).unwrap();
    let error = open(&set.path().join("a.json"), None).unwrap_err().to_string();
    assert!(error.contains("it lacks categories; a COCO file has the lists"), "{error}");
    fs::remove_file(set.path().join("a.json")).unwrap();
    let error = open(set.path(), None).unwrap_err().to_string();
    assert!(error.contains("known format") && error.contains("data.yaml") && error.contains("JPEGImages"), "{error}");
    let coco =
        crate::open(&[set.path().to_string_lossy()], "coco".parse().unwrap(), None, None).unwrap_err().to_string();
    assert!(coco.contains("not a COCO data set"), "{coco}");
}

#[test]
fn augmentation_changes_what_is_learned_from_and_not_what_is_measured_with() {
    use crate::augment::AugmentConfig;
    use crate::{Loader, LoaderConfig};
    use ssd::preprocess::{Normalization, Preprocess};

    let folder = folder(&["a.jpg", "b.jpg"], &[("all.json", &small())]);
    let set = open(folder.path(), None).unwrap();
    let whole: Vec<_> = (0..2).map(|i| set.get(i).unwrap()).collect();
    let preprocess = Preprocess { input_size: 16, normalization: Normalization::CAFFE };
    let augment = Some(AugmentConfig::default());
    let config = LoaderConfig { batch_size: 2, workers: 1, seed: 0, shuffle: false, augment, preprocess };
    let loader = Loader::new(Arc::new(Dataset::Pictures(set)), config);
    let mut moved = 0;
    for epoch in 0..10 {
        let batch = loader.epoch(epoch, 0).next().unwrap().unwrap();
        for (prepared, sample) in batch.iter().zip(&whole) {
            assert_eq!((prepared.size_px, &prepared.truths_px), ((40, 20), &sample.truths_px));
            moved += usize::from(prepared.truths != sample.truths);
        }
    }
    assert!(moved > 0, "nothing was augmented");
}

/// `small` with its pictures named otherwise.
fn named(b: &str, a: &str) -> Value {
    let mut json = small();
    json["images"][0]["file_name"] = json!(b);
    json["images"][1]["file_name"] = json!(a);
    json
}

#[test]
fn pictures_are_found_by_their_names_where_their_folder_is_of_another_machine() {
    for (b, a) in [
        ("..\\..\\label-studio\\media\\upload\\4\\b.jpg", "..\\..\\label-studio\\media\\upload\\4\\a.jpg"),
        ("images\\1/b.jpg", "images\\1/a.jpg"),
        ("/home/me/work/set/train/b.jpg", "C:\\set\\a.jpg"),
        ("/data/local-files/?d=set/b.jpg", "http://host:8080/data/a.jpg"),
    ] {
        let folder = folder(&["images/a.jpg", "images/b.jpg"], &[("result.json", &named(b, a))]);
        let set = open(folder.path(), None).unwrap();
        assert_eq!((set.len(), set.report().boxes), (2, 1), "{b}: {}", set.report());
    }
    // Not the picture of that name in another split, and none outside.
    let jsons =
        [("train/_annotations.coco.json", &named("b.jpg", "gone.jpg")), ("valid/_annotations.coco.json", &small())];
    let folder = folder(&["train/b.jpg", "valid/a.jpg", "valid/b.jpg", "valid/gone.jpg"], &jsons);
    let set = open(folder.path(), Some("train")).unwrap();
    assert_eq!((set.len(), set.report().counts()), (1, [(Reason::MissingPicture, 1)].into()));
}

#[test]
fn ids_are_labels_however_they_are_written() {
    let mut json = small();
    json["images"][0]["id"] = json!("b");
    json["annotations"][0]["image_id"] = json!("b");
    json["annotations"][0]["category_id"] = json!("9");
    json["annotations"][1]["image_id"] = json!("b");
    json["annotations"][1]["category_id"] = json!(4.0);
    let folder = folder(&["a.jpg", "b.jpg"], &[("all.json", &json)]);
    let set = open(folder.path(), None).unwrap();
    assert_eq!((set.report().boxes, set.report().crowds), (1, 1), "{}", set.report());
    assert_eq!(set.coco_ids().unwrap().images, [Id::Number(3), Id::Text("b".into())]);
}

#[test]
fn one_bad_annotation_costs_itself_alone_with_its_number() {
    let mut json = small();
    json["annotations"][0]["bbox"] = json!([null, null, null, null]);
    json["annotations"][0]["id"] = json!(77);
    json["images"][0]["width"] = json!(0);
    json["images"][0]["height"] = json!("?");
    let folder = folder(&["a.jpg", "b.jpg"], &[]);
    // As pandas writes it.
    fs::write(folder.path().join("all.json"), json.to_string().replace("300", "NaN")).unwrap();
    let set = open(folder.path(), None).unwrap();
    assert_eq!((set.report().crowds, set.report().counts()), (1, [(Reason::NoArea, 1)].into()));
    assert!(set.report().to_string().contains("annotation 77 of b"), "{}", set.report());
}

#[test]
fn a_file_under_two_ids_is_one_picture_with_the_boxes_of_both() {
    let mut json = named("a.jpg", "a.jpg");
    json["annotations"][1]["image_id"] = json!(3);
    let folder = folder(&["a.jpg"], &[("all.json", &json)]);
    let set = open(folder.path(), None).unwrap();
    let report = set.report();
    assert_eq!((report.images, report.boxes, report.crowds, report.empty_images), (1, 1, 1, 0), "{report}");
    assert!(report.to_string().contains("1 pictures are there again"), "{report}");
}

#[test]
fn key_points_alone_are_read_for_their_boxes() {
    let folder = folder(&["images/a.jpg", "images/b.jpg"], &[("annotations/person_keypoints_default.json", &small())]);
    assert_eq!(open(folder.path(), None).unwrap().len(), 2);
}

#[test]
fn a_background_without_objects_is_no_class_and_capitals_get_a_note() {
    let mut json = small();
    let categories = json["categories"].as_array_mut().unwrap();
    categories.extend([json!({"id": 0, "name": "__background__"}), json!({"id": 11, "name": "Cat"})]);
    let folder = folder(&["a.jpg", "b.jpg"], &[("all.json", &json)]);
    let set = open(folder.path(), None).unwrap();
    assert_eq!(set.labels(), ["cat", "kite", "Cat"]);
    let report = set.report().to_string();
    assert!(report.contains("no class") && report.contains("cat and Cat differ only in capitals"), "{report}");
}

#[test]
fn the_size_of_a_turned_photograph_tells_which_way_up_its_boxes_are() {
    // EXIF orientation 6, a quarter turn clockwise, after the first two bytes.
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    for (width, height, orientation, shape) in [(20, 40, 6, (20, 40)), (40, 20, 6, (40, 20)), (40, 20, 3, (40, 20))] {
        let mut json = small();
        json["images"][0]["width"] = json!(width);
        json["images"][0]["height"] = json!(height);
        json["annotations"][0]["bbox"] = json!([1, 1, 10, 10]);
        let folder = folder(&["a.jpg", "b.jpg"], &[("all.json", &json)]);
        let path = folder.path().join("b.jpg");
        let left_red = RgbImage::from_fn(40, 20, |x, _| Rgb(if x < 20 { [250, 0, 0] } else { [0, 0, 250] }));
        left_red.save(&path).unwrap();
        let jpeg = fs::read(&path).unwrap();
        let mut exif = exif.to_vec();
        exif[29] = orientation;
        fs::write(path, [&jpeg[..2], &exif, &jpeg[2..]].concat()).unwrap();
        let sample = open(folder.path(), None).unwrap().get(1).unwrap();
        assert_eq!((sample.size_px, sample.image.dimensions()), (shape, shape));
        // A quarter turn puts the left half above; half a turn puts it right; as stored it stays.
        let [first, last] = [(1, 1), (shape.0 - 2, shape.1 - 2)].map(|(x, y)| sample.image.get_pixel(x, y)[0] > 100);
        assert_eq!((first, last), (orientation == 6, orientation == 3), "{width} x {height} of {orientation}");
    }
}
