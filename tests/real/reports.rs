//! Small data sets in the shapes that people report about tools of this kind: each gives its pictures and boxes, the
//! boxes lie on the objects, and both sides of a run get what they should. The sets are not part of the project.

use std::path::Path;

use ssd_data::{self as data, Ask, Dataset, Format, Pictures, Sample, Sides};
use ssd_measure::{coco_files, evaluate};
use ssd_tests::shared_data;

/// Name; pictures and boxes of all of it; pictures to learn from and to measure on with the defaults.
const SETS: &[(&str, [usize; 2], [usize; 2])] = &[
    ("01-cvat-voc-default", [12, 24], [9, 3]),
    ("02-cvat-coco-subsets", [12, 24], [9, 3]),
    ("03-cvat-ultralytics-train-only", [12, 24], [11, 1]),
    ("04-cvat-yolo11", [12, 24], [11, 1]),
    ("05-phone-coco", [6, 12], [5, 1]),
    ("06-phone-voc", [6, 12], [5, 1]),
    ("07-phone-yolo", [6, 12], [5, 1]),
    ("08-labelstudio-coco-climb", [6, 12], [5, 1]),
    ("09-labelstudio-coco-projectid", [6, 12], [5, 1]),
    ("10-coco-absolute", [6, 12], [5, 1]),
    ("11-coco-string-category", [6, 12], [5, 1]),
    ("12-coco-string-image-id", [6, 12], [5, 1]),
    ("13-coco-pandas-floatid", [6, 12], [5, 1]),
    ("13-coco-pandas-nan", [6, 12], [5, 1]),
    ("14-coco-size0", [6, 12], [5, 1]),
    ("14b-coco-sizetext", [6, 12], [5, 1]),
    ("15-coco-null-bbox", [6, 11], [5, 1]),
    ("15b-coco-empty-bbox-polygon", [6, 12], [5, 1]),
    ("16-labelimg-size0", [6, 12], [5, 1]),
    ("18-annotations-xmls", [6, 12], [5, 1]),
    ("19-voc-filename-differs", [6, 12], [5, 1]),
    ("20-cvat-voc-nested", [12, 24], [10, 2]),
    ("22-yolo-windows-list", [12, 24], [10, 2]),
    ("23-yolo-yaml-backslash", [12, 24], [10, 2]),
    ("23b-yolo-yaml-absolute-win", [12, 24], [10, 2]),
    ("23c-yolo-list-absolute", [12, 24], [10, 2]),
    ("24-yolo-jfif", [12, 24], [11, 1]),
    ("25-macos-appledouble", [12, 24], [10, 2]),
    ("25b-macos-voc", [6, 12], [5, 1]),
    ("26-voc-powershell-list", [12, 24], [10, 2]),
    ("29-roboflow-voc", [12, 24], [9, 2]),
    ("30-roboflow-coco", [12, 24], [9, 2]),
    ("37-yolo-duplicate-lines", [6, 12], [5, 1]),
    ("38-coco-background", [6, 12], [5, 1]),
    ("39-yolo-uppercase", [12, 24], [10, 2]),
    ("40-voc-floats", [6, 12], [5, 1]),
    ("41-darknet-voc", [12, 24], [10, 2]),
    ("42-coco-file-under-two-ids", [6, 12], [5, 1]),
    ("43-cvat-voc-subsets", [12, 24], [9, 3]),
    ("44-yolo-no-val", [12, 24], [11, 1]),
    ("45-labelstudio-yolo", [12, 24], [9, 3]),
    ("46-cvat-keypoints", [6, 12], [5, 1]),
    ("49-voc-folders-per-split", [40, 80], [30, 10]),
    ("51-voc-names-in-train", [20, 40], [19, 1]),
    ("52-voc-Images-Annotations", [6, 12], [5, 1]),
    ("53-coco-null-category", [6, 11], [5, 1]),
    ("54-voc-images-labels-xml", [6, 12], [5, 1]),
    ("55-unzipped-twice", [12, 24], [9, 3]),
    ("56-voc-odd-fields", [6, 10], [5, 1]),
    ("57-yolo-one-bad-line", [4, 8], [3, 1]),
    ("58-yaml-variants", [12, 24], [10, 2]),
];

/// Ground truth, detections, and COCO's AP.
const FILES: &[(&str, &str, f64)] = &[
    ("a-id0-gt.json", "a-id0-det.json", 1.0),
    ("b-strid-gt.json", "b-strid-det.json", 0.6664),
    ("c-gt.json", "c-stem-det.json", 0.6664),
    ("c-gt.json", "d-numtext-det.json", 0.6664),
    ("c-gt.json", "e-empty-det.json", 0.0),
    ("f-bom-gt.json", "f-det.json", 0.6664),
    ("c-gt.json", "g-nan-det.json", 0.6219),
    ("c-gt.json", "g2-extra-det.json", 0.6664),
    ("h-bare-gt.json", "h-det.json", 0.6664),
    ("i-nobbox-gt.json", "h-det.json", 0.6465),
    ("c-gt.json", "l-wrapped-det.json", 0.6664),
];

/// Both sides of a run with the defaults.
const DEFAULTS: Sides = Sides { learn: None, measure: None, other: &[], val_fraction: None };

fn open(folder: &Path, ask: Ask) -> Pictures {
    match data::open(&[folder.to_string_lossy()], Format::AUTO, ask, None) {
        Ok(Dataset::Pictures(pictures)) => pictures,
        Ok(Dataset::Shapes(_)) => panic!("{} was taken for the generated set", folder.display()),
        Err(error) => panic!("{error}"),
    }
}

/// The objects whose middle has another colour than the picture outside at least three corners of their box: the
/// pictures show plain shapes on a quiet ground.
fn on_their_objects(sample: &Sample) -> usize {
    let (width, height) = sample.size_px;
    let color = |x: f64, y: f64| {
        let inside = |value: f64, end: u32| (value.max(0.0) as u32).min(end - 1);
        sample.image.get_pixel(inside(x, width), inside(y, height)).0
    };
    let is_on = |truth: &&data::TruthPx| {
        let b = truth.bbox_px;
        let middle = color(b.x + 0.5 * b.w, b.y + 0.6 * b.h);
        let [left, right, above, below] = [b.x - 4.0, b.x + b.w + 4.0, b.y - 4.0, b.y + b.h + 4.0];
        let differs = |(x, y): &(f64, f64)| {
            let outside = color(*x, *y);
            middle.iter().zip(outside).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>() > 60
        };
        [(left, above), (right, above), (left, below), (right, below)].iter().filter(|at| differs(at)).count() >= 3
    };
    sample.truths_px.iter().filter(is_on).count()
}

#[test]
fn every_set_gives_its_boxes_on_its_objects_and_both_sides_of_a_run() {
    let folder = shared_data("../reports/in");
    for (name, [pictures, boxes], sides) in SETS {
        let set = open(&folder.join(name), Ask::All);
        let report = set.report();
        assert_eq!([report.images, report.boxes], [*pictures, *boxes], "{name}: {report}");
        let samples = (0..set.len()).map(|i| set.get(i).unwrap_or_else(|error| panic!("{name}: {error}")));
        assert_eq!(
            samples.map(|sample| on_their_objects(&sample)).sum::<usize>(),
            *boxes,
            "{name}: boxes lie elsewhere"
        );
        let of_run = [Ask::Learn(DEFAULTS), Ask::Measure(DEFAULTS)].map(|ask| open(&folder.join(name), ask).len());
        assert_eq!(of_run, *sides, "{name}: to learn from and to measure on");
    }
}

#[test]
fn boxes_for_a_picture_of_another_size_are_refused() {
    let folder = shared_data("../reports/in").join("17-voc-resized");
    let error = data::open(&[folder.to_string_lossy()], Format::AUTO, None, None).expect_err("no picture fits");
    assert!(error.to_string().contains("320 x 240 pixels, but its boxes are for 640 x 480"), "{error}");
}

#[test]
fn data_named_for_one_side_are_used_whole() {
    let folder = shared_data("../reports/in").join("50-two-folders");
    let [a, b] = ["a", "b"].map(|part| vec![folder.join(part).to_string_lossy().into_owned()]);
    let learn = Ask::Learn(Sides { other: &b, ..DEFAULTS });
    let measure = Ask::Measure(Sides { other: &a, ..DEFAULTS });
    let len = |data: &[String], ask| data::open(data, Format::AUTO, ask, None).map(|set| set.len()).ok();
    assert_eq!([len(&a, learn), len(&b, measure)], [Some(30), Some(10)]);
}

#[test]
fn files_of_detections_are_measured_whatever_their_ids_and_marks() {
    let folder = shared_data("../reports/in").join("eval");
    for (truth, detections, ap) in FILES {
        let [truth_path, path] = [truth, detections].map(|name| folder.join(name));
        let mut truth = coco_files::read_ground_truth(&truth_path).unwrap_or_else(|error| panic!("{error}"));
        coco_files::read_detections(&path, &truth_path, &mut truth).unwrap_or_else(|error| panic!("{error}"));
        let measured = evaluate(&truth.images, &truth.labels).coco.ap;
        assert!(measured.is_some_and(|measured| (measured - ap).abs() < 5e-5), "{detections}: {measured:?}");
    }
}
