//! `train` on a Pascal VOC folder with the mistakes of real-world folders.

use std::fs;
use std::path::PathBuf;

use ssd_data::{self as data, Format};
use tempfile::TempDir;

use super::train::{assert_whole, metrics};
use super::{Ran, path_text, run};

/// A folder in VOC layout. Its pictures are generated scenes, called `p0`, `p1`…
struct Folder(TempDir);

impl Folder {
    /// `count` pictures, all of them in the split `train`, and those of `val` in `val`.
    fn new(count: usize, val: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
            fs::create_dir_all(folder.path(part)).expect("a new folder");
        }
        let scenes = data::open(&[format!("shapes:5:{count}")], Format::AUTO, None, None).expect("a generated set");
        let mut train = String::new();
        for i in 0..count {
            let sample = scenes.get(i).expect("a scene");
            sample.image.save(folder.picture(i)).expect("a picture can be saved");
            let objects = sample.truths.iter().map(|truth| {
                let b = truth.bbox.scaled(sample.image.width() as f32, sample.image.height() as f32);
                object(&scenes.labels()[truth.class - 1], [b.x1 + 1.0, b.y1 + 1.0, b.x2, b.y2])
            });
            folder.annotate(i, &objects.collect::<String>());
            train += &format!("p{i}\n");
        }
        fs::write(folder.path("ImageSets/Main/train.txt"), train).expect("a new file");
        fs::write(folder.path("ImageSets/Main/val.txt"), val).expect("a new file");
        folder
    }

    fn path(&self, part: &str) -> PathBuf {
        self.0.path().join(part)
    }

    fn picture(&self, i: usize) -> PathBuf {
        self.path(&format!("JPEGImages/p{i}.jpg"))
    }

    fn annotation(&self, i: usize) -> PathBuf {
        self.path(&format!("Annotations/p{i}.xml"))
    }

    fn annotate(&self, i: usize, objects: &str) {
        fs::write(self.annotation(i), format!("<annotation>{objects}</annotation>")).expect("a new file");
    }

    /// Trains for an epoch, two pictures a step.
    fn train(&self, more: &[&str]) -> Ran {
        let (folder, out) = (self.0.path(), self.path("run"));
        let start = ["--data", path_text(folder), "--out", path_text(&out), "--device", "cpu"];
        run("train", &[&start[..], &["--epochs", "1", "--batch-size", "2", "--lr", "0.001"], more].concat())
    }
}

fn object(class: &str, [x1, y1, x2, y2]: [f32; 4]) -> String {
    let corners = format!("<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>");
    format!("<object><name>{class}</name><bndbox>{corners}</bndbox></object>")
}

#[test]
fn what_cannot_be_used_is_named_and_the_rest_is_learned_from() {
    let folder = Folder::new(6, "p0\n");
    fs::remove_file(folder.annotation(1)).expect("it is there");
    folder
        .annotate(2, &[object("star", [200.0, 50.0, 100.0, 90.0]), object("ring", [20.0, 30.0, 90.0, 99.0])].concat());
    folder.annotate(3, "");
    fs::write(folder.picture(4), "no picture").expect("it can be replaced");
    fs::write(folder.annotation(5), "<annotation><object>").expect("it can be replaced");

    let ran = folder.train(&[]).done();
    let report = "3 images, ";
    let (words, empty) = ("has no width or no height", "1 images without boxes");
    for part in [report, empty, "p1.jpg: there is no annotation", "p2.xml: object 1", words, "p4.jpg: ", "p5.xml: "] {
        assert!(ran.stderr.contains(part), "{part:?} is not in:\n{}", ran.stderr);
    }
    // p0, p2 and p3 are left: two steps, the second with one picture.
    assert_whole(&folder.path("run"), 2, 2);
}

#[test]
fn a_picture_cut_off_is_left_out_and_the_run_goes_on() {
    let folder = Folder::new(3, "p0\n");
    let whole = fs::read(folder.picture(2)).expect("it is there");
    fs::write(folder.picture(2), &whole[..whole.len() * 2 / 3]).expect("it can be replaced");
    let ran = folder.train(&[]).done();
    for part in ["2 images, ", "1 unreadable pictures", "p2.jpg: it ends in the middle of the image data"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in:\n{}", ran.stderr);
    }
    assert_whole(&folder.path("run"), 1, 1);
}

#[test]
fn a_picture_damaged_inside_stops_the_run_which_goes_on_once_it_is_mended() {
    // p2 is only measured on: the epoch is learned before it is opened.
    let folder = Folder::new(3, "p2\n");
    fs::write(folder.path("ImageSets/Main/train.txt"), "p0\np1\n").expect("it can be replaced");
    let whole = fs::read(folder.picture(2)).expect("it is there");
    fs::write(folder.picture(2), damaged_inside(&whole)).expect("it can be replaced");
    folder.annotate(0, &[object("star", [20.0, 30.0, 90.0, 99.0]), all_classes()].concat());
    let ran = folder.train(&[]);
    let error = ran.failed(2);
    assert!(error.contains("p2.jpg") && error.contains("replace the file"), "{error}");
    assert_eq!(metrics(&folder.path("run")).len(), 1, "the step, and no validation");

    fs::write(folder.picture(2), whole).expect("it can be replaced");
    let ran = folder.train(&["--resume"]).done();
    assert!(ran.stderr.contains("Continuing after step 1"), "{}", ran.stderr);
    assert_whole(&folder.path("run"), 1, 1);
}

/// A picture as a PNG whose pixels do not decompress. Its header and its end are whole, so that opening it shows
/// nothing.
fn damaged_inside(picture: &[u8]) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::load_from_memory(picture).expect("a picture");
    picture.write_to(&mut png, image::ImageFormat::Png).expect("a picture can be written");
    let mut bytes = png.into_inner();
    let pixels = bytes.windows(4).position(|name| name == b"IDAT").expect("a PNG has pixels") + 4;
    bytes[pixels..pixels + 64].fill(0xaa);
    bytes
}

/// An object of each class: whatever the other picture holds, it is known.
fn all_classes() -> String {
    data::shapes::LABELS.map(|class| object(class, [150.0, 150.0, 200.0, 200.0])).concat()
}

#[test]
fn a_class_that_is_only_measured_on_is_a_mistake() {
    let folder = Folder::new(2, "p1\n");
    fs::write(folder.path("ImageSets/Main/train.txt"), "p0\n").expect("it can be replaced");
    folder.annotate(1, &object("unicorn", [20.0, 30.0, 90.0, 99.0]));
    let ran = folder.train(&[]);
    let error = ran.failed(2);
    assert!(error.contains("p1.xml") && error.contains("unicorn"), "{error}");
    assert!(!folder.path("run").exists(), "nothing was begun");
}

#[test]
fn pictures_are_held_back_where_there_is_train_alone_and_a_split_that_is_not_there_is_named() {
    let folder = Folder::new(24, "p0\n");
    fs::remove_file(folder.path("ImageSets/Main/val.txt")).expect("it is there");
    let ran = folder.train(&["--val-split", "best"]);
    let error = ran.failed(2);
    assert!(error.contains("\"best\"") && error.contains("its splits are train"), "{error}");
    let ran = folder.train(&[]).done();
    for part in ["has the split train alone", "are taken to learn from", "are taken to measure on"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in:\n{}", ran.stderr);
    }
}
