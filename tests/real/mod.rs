//! Real data sets, which are not part of this project: skipped, and said so, where they are absent.

mod evaluation;

use ssd_tests::shared_data;
use ssd_train::data::{self, Dataset, Format};

fn open(test: &str, path: &str, split: Option<&str>) -> Option<Dataset> {
    let folder = shared_data(test, path)?;
    let opened = data::open(&[folder.to_string_lossy()], Format::Auto, split, None);
    Some(opened.unwrap_or_else(|error| panic!("{path}: {error}")))
}

#[test]
fn blood_cells_load_without_their_two_boxes_of_no_size() {
    let Some(cells) = open("blood_cells_load_without_their_two_boxes_of_no_size", "bccd", None) else { return };
    let report = cells.report().expect("a folder has a report");
    assert_eq!((report.images, report.boxes, report.skipped.len()), (364, 4_886, 2), "{report}");
    assert_eq!(cells.labels(), ["Platelets", "RBC", "WBC"]);
    let sample = cells.get(0).expect("the first picture decodes");
    assert_eq!(sample.image.dimensions(), (640, 480));
    assert!(sample.truths.iter().all(|truth| truth.bbox.is_proper()));
}

#[test]
fn parts_of_persons_are_no_objects_and_difficult_ones_are_marked() {
    let test = "parts_of_persons_are_no_objects_and_difficult_ones_are_marked";
    let Some(voc) = open(test, "voc2007-own", Some("val")) else { return };
    let report = voc.report().expect("a folder has a report");
    assert_eq!((report.images, report.boxes, voc.labels().len()), (500, 1_673, 20), "{report}");
    // Decoding 500 pictures takes long: the boxes of the first 20 are looked at.
    for index in 0..20 {
        let sample = voc.get(index).expect("a picture decodes");
        assert!(sample.truths.iter().any(|truth| !truth.difficult), "{}", sample.name);
    }
}
