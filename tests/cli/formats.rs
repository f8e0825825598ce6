//! The same pictures in each format, through the programs: neither training nor measuring may depend on how a
//! data set is laid out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use ssd_data::TruthPx;
use ssd_data::shapes::LABELS;
use ssd_data::{self as data, Format};
use tempfile::TempDir;

use super::{fresh_weights_file, path_text, run};

/// COCO's number of a class, rising with the names and with gaps.
const CATEGORY_IDS: [i64; 6] = [3, 4, 17, 40, 41, 90];

/// COCO's number of picture `i`, rising with gaps.
fn image_id(i: usize) -> i64 {
    12 + 7 * i as i64
}

/// Generated scenes with their boxes rounded to pixels, and a folder to write them into.
struct Scenes {
    folder: TempDir,
    samples: Vec<(image::RgbImage, Vec<Object>)>,
}

/// A class by its place among the names in order, and left, upper, right and lower edge in pixels.
struct Object {
    class: usize,
    edges: [u32; 4],
}

/// The names of the classes in order, as a reader sorts them.
fn names() -> Vec<&'static str> {
    let mut names = LABELS.to_vec();
    names.sort();
    names
}

impl Scenes {
    fn new(count: usize) -> Self {
        let scenes = data::open(&[format!("shapes:5:{count}")], Format::AUTO, None, None).expect("a generated set");
        let sample = |i| {
            let sample = scenes.get(i).expect("a scene");
            let object = |truth: &ssd::GroundTruth| {
                let label = LABELS[truth.class - 1];
                let b = truth.bbox.scaled(sample.size_px.0 as f32, sample.size_px.1 as f32);
                let class = names().iter().position(|name| *name == label).expect("a known class");
                Object { class, edges: [b.x1, b.y1, b.x2, b.y2].map(|edge| edge.round() as u32) }
            };
            let objects = sample.truths.iter().map(object).collect();
            (sample.image, objects)
        };
        Self { folder: tempfile::tempdir().expect("a temporary folder"), samples: (0..count).map(sample).collect() }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// Writes the pictures, without loss, and one text each with an ending.
    fn write(&self, pictures: &str, texts: &str, ending: &str, text: impl Fn(u32, u32, &[Object]) -> String) {
        for (i, (image, objects)) in self.samples.iter().enumerate() {
            for folder in [pictures, texts] {
                fs::create_dir_all(self.path(folder)).expect("a new folder");
            }
            image.save(self.path(pictures).join(format!("p{i}.png"))).expect("a picture can be saved");
            let file = self.path(texts).join(format!("p{i}.{ending}"));
            fs::write(file, text(image.width(), image.height(), objects)).expect("a new file");
        }
    }

    /// Every tenth detection becomes an object, in place of those that the scenes have.
    fn take_for_objects(&mut self, results: &[Value]) {
        for (i, (image, objects)) in self.samples.iter_mut().enumerate() {
            let of_image = results.iter().filter(|result| result["image_id"] == image_id(i));
            let object = |result: &Value| {
                let class = CATEGORY_IDS.iter().position(|id| result["category_id"] == *id).expect("a known category");
                let [x, y, w, h] = [0, 1, 2, 3].map(|k| result["bbox"][k].as_f64().expect("a number"));
                let (right, lower) = (f64::from(image.width()), f64::from(image.height()));
                let edges = [x, y, (x + w).min(right), (y + h).min(lower)].map(|edge| edge.round() as u32);
                Object { class, edges }
            };
            let all = of_image.step_by(10).map(object);
            *objects = all.filter(|Object { edges: [x1, y1, x2, y2], .. }| x1 + 4 < *x2 && y1 + 4 < *y2).collect();
        }
    }

    fn voc(&self, pictures: &str, annotations: &str) {
        self.write(pictures, annotations, "xml", |_, _, objects| {
            let object = |Object { class, edges: [x1, y1, x2, y2] }: &Object| {
                let corners =
                    format!("<xmin>{}</xmin><ymin>{}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>", x1 + 1, y1 + 1);
                format!("<object><name>{}</name><bndbox>{corners}</bndbox></object>", names()[*class])
            };
            format!("<annotation>{}</annotation>", objects.iter().map(object).collect::<String>())
        });
    }

    fn yolo(&self, root: &str, pictures: &str, labels: &str) {
        self.write(pictures, labels, "txt", |width, height, objects| {
            let (width, height) = (f64::from(width), f64::from(height));
            let line = |Object { class, edges }: &Object| {
                let [x1, y1, x2, y2] = edges.map(f64::from);
                let centre = format!("{} {}", (x1 + x2) / 2.0 / width, (y1 + y2) / 2.0 / height);
                format!("{class} {centre} {} {}\n", (x2 - x1) / width, (y2 - y1) / height)
            };
            objects.iter().map(line).collect()
        });
        fs::write(self.path(root).join("classes.txt"), names().join("\n")).expect("a new file");
    }

    /// One JSON; `crowd` makes all of the first picture a crowd of every class: false detections there are ignored.
    fn coco(&self, pictures: &str, json: &str, crowd: bool) {
        self.write(pictures, pictures, "unused", |_, _, _| String::new());
        let images = self.samples.iter().enumerate().map(|(i, (image, _))| {
            let (width, height) = image.dimensions();
            json!({"id": image_id(i), "file_name": format!("p{i}.png"), "width": width, "height": height})
        });
        let mut annotations = Vec::new();
        for (i, (_, objects)) in self.samples.iter().enumerate() {
            for Object { class, edges: [x1, y1, x2, y2] } in objects {
                let (w, h) = (x2 - x1, y2 - y1);
                annotations.push(json!({
                    "id": annotations.len(), "image_id": image_id(i), "category_id": CATEGORY_IDS[*class],
                    "bbox": [x1, y1, w, h], "area": w * h, "iscrowd": 0,
                }));
            }
        }
        if crowd {
            let (w, h) = (self.samples[0].0.width(), self.samples[0].0.height());
            for category in CATEGORY_IDS {
                annotations.push(json!({
                    "id": annotations.len(), "image_id": image_id(0), "category_id": category,
                    "bbox": [0, 0, w, h], "area": w * h, "iscrowd": 1,
                }));
            }
        }
        let categories: Vec<Value> =
            names().iter().zip(CATEGORY_IDS).map(|(name, id)| json!({"id": id, "name": name})).collect();
        let images: Vec<Value> = images.collect();
        let file = json!({"images": images, "annotations": annotations, "categories": categories});
        fs::write(self.path(json), file.to_string()).expect("a new file");
    }
}

/// The first batch as `train` draws it: names and contents of the pictures.
fn shown(data: &Path, format: &str, folder: &Path) -> Vec<(String, Vec<u8>)> {
    let start = ["--data", path_text(data), "--format", format, "--batch-size", "8", "--seed", "3"];
    let ran = run("train", &[&start[..], &["--show-batch", path_text(folder), "--json"]].concat()).done();
    assert!(ran.stderr.contains("has no splits"), "{}", ran.stderr);
    let files = ran.json();
    let files = files.as_array().expect("a list").iter().map(|file| PathBuf::from(file.as_str().expect("a path")));
    files
        .map(|file| {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&file).expect("it was written"))
        })
        .collect()
}

#[test]
fn every_format_gives_the_same_batch() {
    let scenes = Scenes::new(9);
    scenes.voc("voc/JPEGImages", "voc/Annotations");
    scenes.voc("beside", "beside");
    scenes.coco("coco", "coco/annotations.json", true);
    scenes.yolo("yolo", "yolo/images", "yolo/labels");
    scenes.yolo("flat", "flat", "flat");
    let batch = shown(&scenes.path("voc"), "voc", &scenes.path("shown"));
    // At least one of nine is kept for validation.
    assert!((1..=8).contains(&batch.len()), "{} pictures", batch.len());
    for (i, (folder, format)) in
        [("voc", "auto"), ("beside", "auto"), ("coco", "coco"), ("coco", "auto"), ("yolo", "yolo"), ("flat", "auto")]
            .into_iter()
            .enumerate()
    {
        let other = shown(&scenes.path(folder), format, &scenes.path(&format!("shown-{i}")));
        assert_eq!(other.len(), batch.len(), "{folder} as {format}");
        for ((name, bytes), (other_name, other_bytes)) in batch.iter().zip(&other) {
            assert_eq!(name, other_name, "{folder} as {format}");
            assert!(bytes == other_bytes, "{name} of {folder} as {format} is drawn otherwise");
        }
    }
}

/// The entries of a file of detections.
fn results(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("it was written");
    serde_json::from_str(&text).expect("a list in JSON")
}

/// Same keys in the same nesting, numbers within a billionth; classes in any order.
fn assert_equal(at: &str, got: &Value, want: &Value) {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            assert_eq!(got.len(), want.len(), "keys of {at}");
            got.iter().for_each(|(key, value)| assert_equal(&format!("{at}.{key}"), value, &want[key]));
        }
        (Value::Array(got), Value::Array(want)) => {
            assert_eq!(got.len(), want.len(), "length of {at}");
            for value in got {
                let same = want.iter().find(|other| other["label"] == value["label"]);
                assert_equal(&format!("{at}.{}", value["label"]), value, same.expect("a row of the class"));
            }
        }
        (Value::Number(got), Value::Number(want)) => {
            let difference = got.as_f64().zip(want.as_f64()).map(|(got, want)| (got - want).abs());
            assert!(difference.is_some_and(|difference| difference < 1e-9), "{at} is {got}, wanted {want}");
        }
        _ => assert_eq!(got, want, "{at}"),
    }
}

/// The same objects in pictures of the same names, boxes within a millionth of a pixel.
fn assert_same_truths(folder: &Path, format: Format, other: &Path) {
    let truths = |folder: &Path, format| -> BTreeMap<String, Vec<TruthPx>> {
        let labels = LABELS.map(String::from);
        let set = data::open(&[path_text(folder)], format, None, Some(&labels)).expect("a data set");
        (0..set.len()).map(|i| (set.name(i), set.get(i).expect("a picture").truths_px)).collect()
    };
    let (one, two) = (truths(folder, format), truths(other, "coco".parse().expect("a format")));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, one) in &one {
        assert_eq!(one.len(), two[name].len(), "{name}");
        for (a, b) in one.iter().zip(&two[name]) {
            let (x, y) = (a.bbox_px, b.bbox_px);
            let apart = [x.x - y.x, x.y - y.y, x.w - y.w, x.h - y.h].map(f64::abs);
            assert!(a.class == b.class && apart.iter().all(|&apart| apart < 1e-6), "{name}: {a:?} is not {b:?}");
        }
    }
}

#[test]
fn every_format_is_measured_alike_and_saved_detections_fit_the_original_file() {
    let mut scenes = Scenes::new(3);
    let place = scenes.folder.path().to_path_buf();
    // The model has its classes in another order than the data.
    let weights = fresh_weights_file(&place, &LABELS);
    let measure = |folder: &str, more: &[&str]| {
        let data = place.join(folder);
        let start = ["--device", "cpu", "--weights", path_text(&weights), "--data", path_text(&data), "--json"];
        run("eval", &[&start[..], more].concat()).done().json()
    };
    let (found, truth) = (place.join("found.json"), place.join("coco/annotations.json"));
    scenes.coco("coco", "coco/annotations.json", false);
    measure("coco", &["--save-detections", path_text(&found)]);
    // An untrained model finds no scene's objects, so objects are put where it detects some.
    scenes.take_for_objects(&results(&found));
    scenes.voc("voc/JPEGImages", "voc/Annotations");
    scenes.yolo("yolo", "yolo/images", "yolo/labels");
    scenes.coco("coco", "coco/annotations.json", false);
    let coco = measure("coco", &[]);
    assert_eq!(coco["images"], 3);
    assert!(coco["coco"]["ap"].as_f64().is_some_and(|ap| ap > 0.01), "nothing is found, nothing is shown: {coco}");
    assert_equal("voc", &measure("voc", &[]), &coco);
    // Fractions round differently from pixels, and a box may cross a threshold by it. So the boxes are compared, and of
    // the measures only the counts.
    assert_same_truths(&place.join("yolo"), "yolo".parse().expect("a format"), &place.join("coco"));
    let yolo = measure("yolo", &["--format", "yolo"]);
    let objects = |report: &Value| -> u64 {
        let rows = report["per_class"].as_array().expect("a list");
        rows.iter().map(|row| row["ground_truths"].as_u64().expect("a number")).sum()
    };
    assert_eq!((&yolo["images"], objects(&yolo)), (&coco["images"], objects(&coco)));

    scenes.coco("coco", "coco/annotations.json", true);
    let own = measure("coco", &["--save-detections", path_text(&found)]);
    let from_files = ["--ground-truth", path_text(&truth), "--detections", path_text(&found), "--json"];
    let from_files = run("eval", &from_files).done();
    assert!(from_files.stderr.is_empty(), "something does not fit:\n{}", from_files.stderr);
    assert_equal("from files", &from_files.json(), &own);
    assert_ne!(own["coco"], coco["coco"], "the crowd was not looked at");

    for result in results(&found) {
        let (image, category) = (result["image_id"].as_i64(), result["category_id"].as_i64());
        assert!((0..3).any(|i| Some(image_id(i)) == image), "{result}");
        assert!(category.is_some_and(|id| CATEGORY_IDS.contains(&id)), "{result}");
    }
}

#[test]
fn several_folders_are_one_data_set_and_an_unknown_format_is_named() {
    let scenes = Scenes::new(4);
    scenes.voc("voc/JPEGImages", "voc/Annotations");
    scenes.yolo("yolo", "yolo/images", "yolo/labels");
    fs::create_dir_all(scenes.path("voc/ImageSets/Main")).expect("a new folder");
    fs::write(scenes.path("voc/ImageSets/Main/train.txt"), "p0\np1\n").expect("a new file");
    scenes.voc("measured/JPEGImages", "measured/Annotations");
    fs::create_dir_all(scenes.path("measured/ImageSets/Main")).expect("a new folder");
    fs::write(scenes.path("measured/ImageSets/Main/val.txt"), "p2\np3\n").expect("a new file");
    let (voc, yolo, drawn) = (scenes.path("voc"), scenes.path("yolo"), scenes.path("shown"));
    let measured = scenes.path("measured");
    let all = ["--data", path_text(&voc), "--data", path_text(&yolo), "--data", path_text(&measured)];
    // `measured` has no split train: the other folders have.
    let ran = run("train", &[&all[..], &["--show-batch", path_text(&drawn), "--json"]].concat()).done();
    assert!(ran.stderr.contains("skipped: ") && ran.stderr.contains("its splits are val"), "{}", ran.stderr);
    assert_eq!(ran.json().as_array().map(Vec::len), Some(5), "two of the list, three of four");

    let empty = scenes.path("empty");
    fs::create_dir(&empty).expect("a new folder");
    let ran = run("train", &["--data", path_text(&empty), "--show-batch", path_text(&drawn)]);
    let error = ran.failed(2);
    assert!(error.contains("JPEGImages") && error.contains("data.yaml") && error.contains("--format"), "{error}");
    let ran = run("train", &["--data", "shapes", "--data", path_text(&voc), "--show-batch", path_text(&drawn)]);
    assert!(ran.failed(2).contains("used alone"), "{}", ran.stderr);
}
