//! `detect` on files, on broken files, and with invalid options. The network is untrained: its detections are noise,
//! and plenty of it at a low score.

use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use super::{fresh_weights_file, keys, path_text, run};

const LABELS: [&str; 3] = ["cat", "dog", "cow"];

/// A folder with weights and two pictures, the second cut off in the middle if asked for.
struct Scene {
    folder: TempDir,
    weights: PathBuf,
    pictures: PathBuf,
}

/// Width and height of the first picture, which is no square.
const SIZE_PX: (u32, u32) = (90, 60);

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let weights = fresh_weights_file(folder.path(), &LABELS);
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).expect("a new folder");
        let scene = Self { folder, weights, pictures };
        let noise = |x: u32, y: u32| Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x * 5) as u8]);
        RgbImage::from_fn(SIZE_PX.0, SIZE_PX.1, noise).save(scene.picture("a.png")).expect("a picture can be saved");
        let second = RgbImage::from_fn(64, 200, noise);
        second.save_with_format(scene.picture("b.jpg"), ImageFormat::Jpeg).expect("a picture can be saved");
        scene
    }

    fn picture(&self, name: &str) -> PathBuf {
        self.pictures.join(name)
    }

    /// Runs `detect` on the whole folder.
    fn detect(&self, more: &[&str]) -> super::Ran {
        let start = ["--device", "cpu", "--weights", path_text(&self.weights)];
        run("detect", &[&start[..], more, &[path_text(&self.pictures)]].concat())
    }
}

/// Leaves the first two thirds of a file.
fn cut_off(path: &Path) {
    let bytes = std::fs::read(path).expect("it is there");
    std::fs::write(path, &bytes[..bytes.len() * 2 / 3]).expect("it can be replaced");
}

#[test]
fn json_is_one_document_with_boxes_in_pixels_best_first() {
    let scene = Scene::new();
    let document = scene.detect(&["--json", "--score", "0.001"]).done().json();
    let reports = document.as_array().expect("a list");
    assert_eq!(reports.len(), 2);
    assert!(reports[0]["image"].as_str().expect("a name").ends_with("a.png"));
    assert_eq!((reports[0]["width"].as_u64(), reports[0]["height"].as_u64()), (Some(90), Some(60)));
    for report in reports {
        assert_eq!(keys(report), ["image", "width", "height", "detections", "timing_ms"].into());
        let timing = &report["timing_ms"];
        assert_eq!(keys(timing), ["decode_image", "preprocess", "network", "postprocess", "total"].into());
        let ms = |name: &str| timing[name].as_f64().expect("a number");
        let parts = ms("decode_image") + ms("preprocess") + ms("network") + ms("postprocess");
        assert!(ms("network") > 0.0 && parts <= ms("total") + 1e-6, "{timing}");
        check_detections(report);
    }
}

/// Inside the picture, sorted, and labelled by their class.
fn check_detections(report: &Value) {
    let detections = report["detections"].as_array().expect("a list");
    assert!(!detections.is_empty(), "noise at a score of 0.001 finds something");
    let size = [&report["width"], &report["height"]].map(|side| side.as_f64().expect("a number"));
    let mut above = 1.0;
    for detection in detections {
        assert_eq!(keys(detection), ["label", "class", "score", "box"].into());
        let score = detection["score"].as_f64().expect("a number");
        assert!(score <= above && score > 0.001, "{score} after {above}");
        above = score;
        let class = detection["class"].as_u64().expect("a number") as usize;
        assert_eq!(detection["label"], LABELS[class - 1], "class {class}, counted from 1");
        let corners: Vec<f64> = detection["box"].as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
        let [x1, y1, x2, y2] = corners[..] else { panic!("{corners:?} are not four numbers") };
        assert!(0.0 <= x1 && x1 <= x2 && x2 <= size[0] && 0.0 <= y1 && y1 <= y2 && y2 <= size[1], "{corners:?}");
    }
}

#[test]
fn a_broken_picture_is_reported_and_the_others_are_done() {
    let scene = Scene::new();
    cut_off(&scene.picture("b.jpg"));
    std::fs::write(scene.picture("c.png"), "no picture").expect("a new file");
    let ran = scene.detect(&["--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json().as_array().map(Vec::len), Some(1), "the good one is there");
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{}", ran.stderr);
    for (error, words) in errors.iter().zip(["b.jpg does not decode", "c.png does not decode"]) {
        assert!(error.contains(words), "{error}");
    }
    assert!(ran.stderr.contains("2 of 3 pictures could not be read"), "{}", ran.stderr);
}

#[test]
fn many_pictures_come_in_their_order_and_so_do_the_broken_ones() {
    let scene = Scene::new();
    for name in ["a.png", "b.jpg"] {
        std::fs::remove_file(scene.picture(name)).expect("it is there");
    }
    // Large ones take longest to read: threads that read ahead overtake each other.
    let side = |index: u32| if index.is_multiple_of(5) { 1200 } else { 16 + index };
    let name = |index: u32| format!("p{index:02}.png");
    let broken = [3, 4, 17];
    for index in 0..24 {
        RgbImage::new(side(index), 10).save(scene.picture(&name(index))).expect("a picture can be saved");
    }
    for index in broken {
        cut_off(&scene.picture(&name(index)));
    }
    let ran = scene.detect(&["--json", "--annotate", path_text(&scene.folder.path().join("drawn"))]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let document = ran.json();
    let reports = document.as_array().expect("a list").iter();
    let got: Vec<(String, Option<u64>)> = reports
        .map(|report| (report["image"].as_str().expect("a name").to_owned(), report["width"].as_u64()))
        .collect();
    let whole = (0..24).filter(|index| !broken.contains(index));
    let want: Vec<(String, Option<u64>)> =
        whole.map(|index| (path_text(&scene.picture(&name(index))).to_owned(), Some(side(index).into()))).collect();
    assert_eq!(got, want);
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), broken.len(), "{}", ran.stderr);
    assert!(errors.iter().zip(broken).all(|(error, index)| error.contains(&name(index))), "{errors:?}");
    let drawn = std::fs::read_dir(scene.folder.path().join("drawn")).expect("a folder").count();
    assert_eq!(drawn, want.len(), "each is drawn before the end");
    assert!(ran.stderr.contains("24 pictures in ") && ran.stderr.contains(" pictures/s"), "{}", ran.stderr);
}

#[test]
fn pictures_that_are_all_broken_are_bad_input() {
    let scene = Scene::new();
    cut_off(&scene.picture("b.jpg"));
    std::fs::remove_file(scene.picture("a.png")).expect("it is there");
    let ran = scene.detect(&["--json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), "[]\n"), "{}", ran.stderr);
}

#[test]
fn classes_are_chosen_by_name() {
    let scene = Scene::new();
    let document = scene.detect(&["--json", "--score", "0.001", "--classes", "dog,cow"]).done().json();
    let reports = document.as_array().expect("a list");
    let detections = reports.iter().flat_map(|report| report["detections"].as_array().expect("a list"));
    let mut labels: Vec<&str> = detections.filter_map(|detection| detection["label"].as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert!(!labels.is_empty() && !labels.contains(&"cat"), "{labels:?}");

    let ran = scene.detect(&["--classes", "dog,unicorn"]);
    let error = ran.failed(2);
    assert!(error.contains("unicorn") && error.contains("cat, dog, cow"), "{error}");
    for (flag, value) in [("--score", "1.5"), ("--iou", "-1"), ("--top-k", "0"), ("--max", "100000")] {
        let typed = format!("{flag}={value}");
        let ran = scene.detect(&[&typed]);
        assert!(ran.failed(2).contains(value), "{}", ran.stderr);
    }
}

#[test]
fn drawn_pictures_are_copies_and_replace_nothing() {
    let scene = Scene::new();
    let before = std::fs::read(scene.picture("a.png")).expect("it is there");
    let text =
        scene.detect(&["--score", "0.001", "--max", "5", "--annotate", path_text(&scene.pictures)]).done().stdout;
    assert_eq!(text.lines().filter(|line| line.contains("px, ")).count(), 2, "a line for each picture:\n{text}");
    assert_eq!(std::fs::read(scene.picture("a.png")).expect("it is there"), before);
    // Names already taken in that folder: the copies get numbers.
    let drawn = image::open(scene.picture("a-2.png")).expect("it was drawn").into_rgb8();
    assert_eq!(drawn.dimensions(), SIZE_PX);
    assert_ne!(drawn, image::open(scene.picture("a.png")).expect("it is there").into_rgb8(), "boxes are drawn");
    assert!(image::open(scene.picture("b-2.jpg")).is_ok());

    let file = scene.folder.path().join("fresh.safetensors");
    let ran = scene.detect(&["--annotate", path_text(&file)]);
    assert!(ran.failed(2).contains("choose another folder"), "{}", ran.stderr);
}

#[test]
fn objects_keep_their_numbers_from_frame_to_frame() {
    let scene = Scene::new();
    std::fs::remove_file(scene.picture("b.jpg")).expect("it is there");
    for frame in ["b.png", "c.png"] {
        std::fs::copy(scene.picture("a.png"), scene.picture(frame)).expect("a copy");
    }
    let saved = scene.folder.path().join("tracks.csv");
    let options = ["--json", "--score", "0.2", "--top-k", "20"];
    let plain = scene.detect(&options).done().json();
    let more = ["--track", "--fps", "10", "--save-tracks", path_text(&saved)];
    let ran = scene.detect(&[&options[..], &more].concat()).done();
    let reports = ran.json();
    let detections = |reports: &Value, frame: usize| reports[frame]["detections"].as_array().expect("a list").clone();
    let numbers = |frame: usize| -> Vec<u64> {
        detections(&reports, frame).iter().map(|found| found["track"].as_u64().expect("a number")).collect()
    };
    assert!(!numbers(0).is_empty(), "noise finds something");
    // The frames are one picture, so each box is where it was.
    assert!((1..3).all(|frame| numbers(frame) == numbers(0)), "{:?} {:?}", numbers(0), numbers(2));
    for frame in 0..3 {
        let mut tracked = detections(&reports, frame);
        for found in &mut tracked {
            found.as_object_mut().expect("an object").remove("track");
        }
        assert_eq!(tracked, detections(&plain, frame), "what is reported does not depend on tracking");
    }

    // From the second frame on, every object is believed.
    let csv = std::fs::read_to_string(&saved).expect("the tracks");
    let frames: Vec<&str> = csv.lines().filter_map(|line| line.split(',').next()).collect();
    assert!(frames.contains(&"2") && frames.contains(&"3") && !frames.contains(&"1"), "{csv}");
    assert!(csv.lines().all(|line| line.split(',').count() == 10 && line.ends_with(",-1,-1,-1")), "{csv}");

    let ran = scene.detect(&["--track", "--save-tracks", "tracks.txt"]);
    let error = ran.failed(2);
    assert!(error.contains(".jsonl") && error.contains(".csv"), "{error}");
}

#[test]
fn windows_of_a_picture_add_what_is_small_in_it() {
    let scene = Scene::new();
    std::fs::remove_file(scene.picture("b.jpg")).expect("it is there");
    let options = ["--json", "--score", "0.001"];
    let found = |more: &[&str]| {
        let document = scene.detect(&[&options[..], more].concat()).done().json();
        check_detections(&document[0]);
        document[0]["detections"].as_array().expect("a list").clone()
    };
    let plain = found(&[]);
    assert_eq!(found(&["--tiles", "auto"]), plain, "a picture smaller than the network's input stays whole");
    assert_eq!(found(&["--tiles", "1"]), plain);
    let median = |found: &[Value]| {
        let corner = |found: &Value, index: usize| found["box"][index].as_f64().expect("a number");
        let mut heights: Vec<f64> = found.iter().map(|found| corner(found, 3) - corner(found, 1)).collect();
        heights.sort_by(f64::total_cmp);
        heights[heights.len() / 2]
    };
    let tiled = found(&["--tiles", "4", "--max", "512"]);
    assert!(median(&tiled) < median(&plain), "{} {}", median(&tiled), median(&plain));

    let ran = scene.detect(&["--tiles", "many"]);
    let error = ran.failed(2);
    assert!(error.contains("neither auto nor a number"), "{error}");
}
