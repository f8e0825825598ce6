//! Real data sets, which are not part of this project: skipped where they are absent.

mod checkpoints;
mod evaluation;
mod reports;

use ssd_data::{self as data, Dataset, Format, Id, Pictures, Reason};
use ssd_tests::shared_data;

fn open(path: &str, split: Option<&str>) -> Pictures {
    open_as(path, Format::AUTO, split)
}

fn open_as(path: &str, format: Format, split: Option<&str>) -> Pictures {
    let folder = shared_data(path);
    match data::open(&[folder.to_string_lossy()], format, split, None) {
        Ok(Dataset::Pictures(pictures)) => pictures,
        Ok(Dataset::Shapes(_)) => panic!("{path} was taken for the generated set"),
        Err(error) => panic!("{path}: {error}"),
    }
}

#[test]
fn blood_cells_load_without_their_two_boxes_of_no_size() {
    let cells = open("bccd", None);
    let report = cells.report();
    assert_eq!((report.images, report.boxes), (364, 4_886), "{report}");
    assert_eq!(report.counts(), [(Reason::NoArea, 2)].into(), "{report}");
    assert_eq!(cells.labels(), ["Platelets", "RBC", "WBC"]);
    let sample = cells.get(0).expect("the first picture decodes");
    assert_eq!(sample.image.dimensions(), (640, 480));
    assert!(sample.truths.iter().all(|truth| truth.bbox.is_proper()));
}

#[test]
fn parts_of_persons_are_no_objects_and_difficult_ones_are_marked() {
    let voc = open("voc2007-own", Some("val"));
    let report = voc.report();
    assert_eq!((report.images, report.boxes, voc.labels().len()), (500, 1_673, 20), "{report}");
    let difficult = (0..voc.len()).flat_map(|i| voc.truths_px(i)).filter(|truth| truth.difficult).count();
    assert_eq!(difficult, 375);
    // Decoding 500 pictures takes long: the boxes of the first 20 are looked at.
    for index in 0..20 {
        let sample = voc.get(index).expect("a picture decodes");
        assert!(sample.truths.iter().any(|truth| !truth.difficult), "{}", sample.name);
    }
}

#[test]
fn coco_has_its_crowds_its_gaps_and_its_empty_pictures() {
    for format in [Format::AUTO, "coco".parse().expect("a format")] {
        let coco = open_as("coco128", format, Some("train"));
        let report = coco.report();
        assert_eq!((report.images, report.boxes, report.crowds), (128, 929, 10), "{report}");
        assert!(report.skipped.is_empty(), "{report}");
        assert_eq!((coco.labels().len(), &coco.labels()[79][..]), (80, "toothbrush"));
        let ids = coco.coco_ids().expect("a COCO set has numbers");
        let first_and_last = [&ids.categories[0], &ids.categories[79], &ids.images[0]];
        assert_eq!(first_and_last, [&Id::Number(1), &Id::Number(90), &Id::Number(9)]);
        let all = || (0..coco.len()).map(|i| (coco.name(i), coco.truths_px(i)));
        let empty: Vec<String> = all().filter(|(_, truths)| truths.is_empty()).map(|(name, _)| name).collect();
        assert_eq!(empty, ["000000000250", "000000000508"]);
        // As in the file: an outline has less area than its box.
        let (_, truths) = all().find(|(name, _)| name == "000000000074").expect("a picture of the set");
        let dog = truths.iter().find(|truth| truth.area_px == 10273.0274).expect("an annotation of the picture");
        let b = dog.bbox_px;
        assert_eq!((dog.class, [b.x, b.y, b.w, b.h]), (17, [46.4, 207.51, 222.31, 77.51]));
        // One picture of the set is grey; all decode.
        assert_eq!((0..coco.len()).filter(|i| coco.get(*i).is_err()).count(), 0);
    }
    let json = open("coco128/annotations/instances_train2017.json", None);
    assert_eq!(json.len(), 128);
}

#[test]
fn yolo_has_the_boxes_of_coco() {
    let (coco, yolo) = (open("coco128", None), open("coco128/yolo", None));
    let report = yolo.report();
    assert_eq!((report.images, report.boxes, report.empty_images), (128, 929, 2), "{report}");
    assert_eq!(report.counts(), [(Reason::MissingImage, 2)].into(), "{report}");
    assert_eq!(yolo.labels().len(), 80);
    for i in 0..coco.len() {
        assert_eq!(coco.name(i), yolo.name(i));
        let sorted = |set: &Pictures| {
            let objects = set.truths_px(i).iter().filter(|truth| !truth.crowd);
            let mut objects: Vec<_> =
                objects.map(|t| (t.class, [t.bbox_px.x, t.bbox_px.y, t.bbox_px.w, t.bbox_px.h])).collect();
            objects.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
            objects
        };
        let (coco_boxes, yolo_boxes) = (sorted(&coco), sorted(&yolo));
        assert_eq!(coco_boxes.len(), yolo_boxes.len(), "{}", coco.name(i));
        // Both are rounded to a few digits; each finds its counterpart.
        let mut left = yolo_boxes;
        for (class, bbox) in coco_boxes {
            let near = |other: &(usize, [f64; 4])| {
                other.0 == class && other.1.iter().zip(bbox).all(|(a, b)| (a - b).abs() < 0.2)
            };
            let place = left.iter().position(near);
            left.remove(
                place.unwrap_or_else(|| panic!("{}: class {class} at {bbox:?} is not among {left:?}", coco.name(i))),
            );
        }
    }
}
