//! Whatever a data set holds, in whichever format it is written and with the habits of whichever program: the same
//! boxes on the same pictures of the same split.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, RgbImage};
use proptest::prelude::*;

use crate::{Dataset, Format};

const CLASSES: [&str; 3] = ["cat", "Traffic light", "bus"];

/// Stems of pictures; the last one has a dot in it.
const STEMS: [&str; 5] = ["a", "IMG_0002", "Foto ü", "20240101_1200", "x.y"];

/// A picture with its objects.
#[derive(Debug, Clone)]
struct Shot {
    stem: &'static str,
    size: (u32, u32),
    /// Class, and left, upper edge, width, height in pixels.
    boxes: BTreeSet<(usize, [u32; 4])>,
    val: bool,
}

/// What programs do differently.
#[derive(Debug, Clone)]
struct Habits {
    encoding: Encoding,
    windows_lines: bool,
    /// Extension of the pictures.
    ending: &'static str,
    /// Stands before the names of pictures where a file names them.
    prefix: &'static str,
    /// Names of the two splits.
    splits: [&'static str; 2],
    /// Which of the format's usual folders.
    layout: usize,
    backwards: bool,
    /// Whether a size is given, where the format has one.
    sized: bool,
    /// How ids are written, where the format has them.
    id: fn(usize) -> String,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Utf8,
    Marked,
    Utf16,
    Utf16BigEndian,
    Utf16Unmarked,
}

impl Habits {
    fn write(&self, path: &Path, text: &str) {
        let text = if self.windows_lines { text.replace('\n', "\r\n") } else { text.into() };
        let units = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let bytes = match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Marked => format!("\u{feff}{text}").into_bytes(),
            Encoding::Utf16 => units(&format!("\u{feff}{text}"), u16::to_le_bytes),
            Encoding::Utf16BigEndian => units(&format!("\u{feff}{text}"), u16::to_be_bytes),
            Encoding::Utf16Unmarked => units(&text, u16::to_le_bytes),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn split(&self, shot: &Shot) -> &'static str {
        self.splits[usize::from(shot.val)]
    }

    /// Writes a picture into a folder.
    fn picture(&self, folder: &Path, shot: &Shot) {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(shot.size.0, shot.size.1).write_to(&mut bytes, ImageFormat::Png).unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(self.file(shot)), bytes.get_ref()).unwrap();
    }

    fn file(&self, shot: &Shot) -> String {
        format!("{}.{}", shot.stem, self.ending)
    }

    /// A picture as a file names it.
    fn named(&self, shot: &Shot) -> String {
        format!("{}{}", self.prefix, self.file(shot))
    }

    /// Things in the order in which they are written.
    fn ordered<T>(&self, things: impl DoubleEndedIterator<Item = T>) -> Vec<T> {
        if self.backwards { things.rev().collect() } else { things.collect() }
    }
}

fn voc(root: &Path, shots: &[Shot], habits: &Habits) {
    for shot in shots {
        let split = habits.split(shot);
        let (pictures, annotations) = match habits.layout {
            0 => ("JPEGImages".to_string(), "Annotations".to_string()),
            1 => (format!("{split}/images"), format!("{split}/annotations")),
            _ => (format!("images/{split}"), format!("annotations/xmls/{split}")),
        };
        habits.picture(&root.join(pictures), shot);
        let mut text = format!("<?xml version=\"1.0\"?>\n<annotation><filename>{}</filename>\n", habits.named(shot));
        let (width, height) = if habits.sized { shot.size } else { (0, 0) };
        writeln!(text, "<size><width>{width}</width><height>{height}</height><depth>3</depth></size>").unwrap();
        for (class, [x, y, w, h]) in habits.ordered(shot.boxes.iter()) {
            writeln!(
                text,
                "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>\
                 </object>",
                CLASSES[*class],
                x + 1,
                y + 1,
                x + w,
                y + h
            )
            .unwrap();
        }
        habits.write(&root.join(annotations).join(format!("{}.xml", shot.stem)), &format!("{text}</annotation>\n"));
    }
    if habits.layout == 0 {
        lists(root, shots, habits, "ImageSets/Main", |shot| shot.stem.into());
    }
}

/// A list of pictures for each split.
fn lists(root: &Path, shots: &[Shot], habits: &Habits, folder: &str, line: impl Fn(&Shot) -> String) {
    for split in habits.splits {
        let of_split = habits.ordered(shots.iter().filter(|shot| habits.split(shot) == split));
        let text: String = of_split.into_iter().map(|shot| line(shot) + "\n").collect();
        habits.write(&root.join(folder).join(format!("{split}.txt")), &text);
    }
}

fn coco(root: &Path, shots: &[Shot], habits: &Habits) {
    for split in habits.splits {
        let (pictures, json) = match habits.layout {
            0 => (format!("{split}2017"), format!("annotations/instances_{split}2017.json")),
            1 => (split.to_string(), format!("{split}/_annotations.coco.json")),
            _ => ("images".to_string(), format!("annotations/{split}.json")),
        };
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for (number, shot) in habits.ordered(shots.iter().enumerate().filter(|(_, shot)| habits.split(shot) == split)) {
            habits.picture(&root.join(&pictures), shot);
            let name = serde_json::to_string(&habits.named(shot)).unwrap();
            let (width, height) = if habits.sized { shot.size } else { (0, 0) };
            let id = (habits.id)(number);
            images.push(format!("{{\"id\":{id},\"file_name\":{name},\"width\":{width},\"height\":{height}}}"));
            for (class, bbox) in habits.ordered(shot.boxes.iter()) {
                let class = (habits.id)(10 * class + 3);
                annotations.push(format!("{{\"image_id\":{id},\"category_id\":{class},\"bbox\":{bbox:?}}}"));
            }
        }
        let category =
            |(class, name): (usize, &&str)| format!("{{\"id\":{},\"name\":\"{name}\"}}", (habits.id)(10 * class + 3));
        let categories = habits.ordered(CLASSES.iter().enumerate().map(category));
        let lists = [("images", images), ("annotations", annotations), ("categories", categories)];
        let lists = lists.map(|(name, list)| format!("\"{name}\": [\n{}]", list.join(",\n")));
        habits.write(&root.join(json), &format!("{{{}}}\n", lists.join(", ")));
    }
}

fn yolo(root: &Path, shots: &[Shot], habits: &Habits) {
    for shot in shots {
        let split = habits.split(shot);
        let [pictures, labels] = match habits.layout {
            0 => ["images", "labels"].map(|kind| format!("{kind}/{split}")),
            1 => ["images", "labels"].map(|kind| format!("{split}/{kind}")),
            _ => ["images", "labels"].map(String::from),
        };
        habits.picture(&root.join(pictures), shot);
        let (width, height) = (f64::from(shot.size.0), f64::from(shot.size.1));
        let mut text = String::new();
        for (class, bbox) in habits.ordered(shot.boxes.iter()) {
            let [x, y, w, h] = bbox.map(f64::from);
            let (cx, cy) = ((x + w / 2.0) / width, (y + h / 2.0) / height);
            writeln!(text, "{class} {cx} {cy} {} {}", w / width, h / height).unwrap();
        }
        habits.write(&root.join(labels).join(format!("{}.txt", shot.stem)), &text);
    }
    let names: String = CLASSES.iter().enumerate().map(|(class, name)| format!("  {class}: {name}\n")).collect();
    let [train, val] = habits.splits;
    // Roboflow's paths lead out of the folder, others are of the machine that wrote them.
    let place = |split: &str| match habits.layout {
        0 => format!("images/{split}"),
        1 => format!("../{split}/images"),
        _ => format!("{split}.txt"),
    };
    if habits.layout > 1 {
        lists(root, shots, habits, "", |shot| habits.named(shot));
    }
    let path = if habits.prefix.is_empty() { "" } else { "path: /home/someone/data\n" };
    let text = format!("{path}train: {}\nval: {}\nnc: 3\nnames:\n{names}", place(train), place(val));
    habits.write(&root.join("data.yaml"), &text);
}

fn labelme(root: &Path, shots: &[Shot], habits: &Habits) {
    for shot in shots {
        let split = habits.split(shot);
        let (pictures, annotations) = match habits.layout {
            0 => (split.to_string(), split.to_string()),
            1 => (format!("{split}/images"), format!("{split}/annotations")),
            _ => (format!("images/{split}"), format!("labels/{split}")),
        };
        habits.picture(&root.join(pictures), shot);
        let shape = |(class, [x, y, w, h]): &(usize, [u32; 4])| {
            // From any corner to the opposite one.
            let points = if habits.sized { [[*x, *y], [x + w, y + h]] } else { [[x + w, *y], [*x, y + h]] };
            format!("{{\"label\": \"{}\", \"points\": {points:?}, \"shape_type\": \"rectangle\"}}", CLASSES[*class])
        };
        let shapes: Vec<String> = habits.ordered(shot.boxes.iter()).into_iter().map(shape).collect();
        let name = serde_json::to_string(&habits.named(shot)).unwrap();
        let (width, height) = if habits.sized { shot.size } else { (0, 0) };
        let text = format!(
            "{{\n\"version\": \"5.4.1\", \"shapes\": [\n{}],\n\"imagePath\": {name}, \"imageData\": null, \
             \"imageHeight\": {height}, \"imageWidth\": {width}}}\n",
            shapes.join(",\n")
        );
        habits.write(&root.join(annotations).join(format!("{}.json", shot.stem)), &text);
    }
}

fn via(root: &Path, shots: &[Shot], habits: &Habits) {
    for split in habits.splits {
        let (pictures, json) = match habits.layout {
            0 => (split.to_string(), format!("{split}/via_region_data.json")),
            1 => ("images".to_string(), format!("annotations/{split}.json")),
            _ => (format!("images/{split}"), format!("{split}.json")),
        };
        let mut entries = Vec::new();
        for shot in habits.ordered(shots.iter().filter(|shot| habits.split(shot) == split)) {
            habits.picture(&root.join(&pictures), shot);
            let region = |(class, [x, y, w, h]): &(usize, [u32; 4])| {
                format!(
                    "{{\"shape_attributes\": {{\"name\": \"rect\", \"x\": {x}, \"y\": {y}, \
                     \"width\": {w}, \"height\": {h}}}, \
                     \"region_attributes\": {{\"kind\": \"{}\"}}}}",
                    CLASSES[*class]
                )
            };
            let regions: Vec<String> = habits.ordered(shot.boxes.iter()).into_iter().map(region).collect();
            // A list, or an object as version 1 has it.
            let regions = match habits.sized {
                true => format!("[{}]", regions.join(", ")),
                false => {
                    let numbered = regions.iter().enumerate().map(|(place, region)| format!("\"{place}\": {region}"));
                    format!("{{{}}}", numbered.collect::<Vec<_>>().join(", "))
                }
            };
            let name = serde_json::to_string(&habits.named(shot)).unwrap();
            entries.push(format!(
                "\"{}123\": {{\"filename\": {name}, \"size\": 123, \"regions\": {regions}, \"file_attributes\": {{}}}}",
                habits.file(shot)
            ));
        }
        let entries = format!("{{{}}}", entries.join(",\n"));
        let project = format!("{{\"_via_settings\": {{}}, \"_via_img_metadata\": {entries}}}");
        habits.write(&root.join(json), if habits.backwards { &entries } else { &project });
    }
}

fn shots() -> impl Strategy<Value = Vec<Shot>> {
    let numbers = || [any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()];
    let boxes = |at_least| prop::collection::vec((0..CLASSES.len(), numbers()), at_least..4);
    let shot = (6..40_u32, 6..40_u32, boxes(0), any::<bool>());
    (prop::collection::vec(shot, 2..=STEMS.len()), boxes(1)).prop_map(|(shots, first)| {
        let mut shots: Vec<Shot> = shots
            .into_iter()
            .zip(STEMS)
            .map(|((width, height, boxes, val), stem)| Shot {
                stem,
                size: (width, height),
                boxes: within(&boxes, (width, height)),
                val,
            })
            .collect();
        // A set has an object, and each of its splits a picture.
        shots[0].boxes = within(&first, shots[0].size);
        (shots[0].val, shots[1].val) = (false, true);
        shots
    })
}

/// Boxes of at least two pixels within a picture, from any numbers.
fn within(boxes: &[(usize, [u32; 4])], (width, height): (u32, u32)) -> BTreeSet<(usize, [u32; 4])> {
    let side = |start: u32, len: u32, whole: u32| {
        let start = start % (whole - 1);
        (start, 2 + len % (whole - start - 1))
    };
    let placed = |(class, [x, y, w, h]): &(usize, [u32; 4])| {
        let ((x, w), (y, h)) = (side(*x, *w, width), side(*y, *h, height));
        (*class, [x, y, w, h])
    };
    boxes.iter().map(placed).collect()
}

fn habits() -> impl Strategy<Value = Habits> {
    let encoding = prop::sample::select(vec![
        Encoding::Utf8,
        Encoding::Marked,
        Encoding::Utf16,
        Encoding::Utf16BigEndian,
        Encoding::Utf16Unmarked,
    ]);
    let ending = prop::sample::select(vec!["jpg", "JPG", "jpeg", "png", "PNG", "Jpg"]);
    let prefix = prop::sample::select(vec![
        "",
        "./",
        "images/",
        "..\\images\\",
        "C:\\Users\\me\\set\\images\\",
        "/home/someone/data/images/",
        "file:///data/images/",
    ]);
    let splits =
        prop::sample::select(vec![["train", "val"], ["Train", "Val"], ["training", "valid"], ["TRAIN", "Validation"]]);
    let id = prop::sample::select(vec![
        (|id| id.to_string()) as fn(usize) -> String,
        |id| format!("{id}.0"),
        |id| format!("\"{id}\""),
        |id| format!("\"id {id}\""),
    ]);
    (encoding, ending, prefix, splits, id, 0..3_usize, [any::<bool>(), any::<bool>(), any::<bool>()]).prop_map(
        |(encoding, ending, prefix, splits, id, layout, [windows_lines, backwards, sized])| Habits {
            encoding,
            windows_lines,
            ending,
            prefix,
            splits,
            layout,
            backwards,
            sized,
            id,
        },
    )
}

/// The pictures of a split by their names, with class and box of each object.
type Seen = BTreeMap<String, BTreeSet<(usize, [i64; 4])>>;

/// What is read of a split, boxes in thousandths of a pixel.
fn read(root: &Path, split: &str) -> Seen {
    let labels = CLASSES.map(String::from);
    let Dataset::Pictures(set) =
        crate::open(&[root.to_str().unwrap()], Format::AUTO, Some(split), Some(&labels)).unwrap()
    else {
        panic!("a folder is no generated set")
    };
    assert!(set.report().skipped.is_empty(), "{}", set.report());
    let thousandths = |value: f64| (value * 1000.0).round() as i64;
    let objects = |index| {
        let truths = set.truths_px(index).iter();
        truths.map(|truth| {
            let bbox = truth.bbox_px;
            (truth.class - 1, [bbox.x, bbox.y, bbox.w, bbox.h].map(thousandths))
        })
    };
    (0..set.len()).map(|index| (set.name(index), objects(index).collect())).collect()
}

type Writer = fn(&Path, &[Shot], &Habits);

const FORMATS: [(&str, Writer); 5] = [("voc", voc), ("coco", coco), ("yolo", yolo), ("labelme", labelme), ("via", via)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_set_is_the_same_in_every_format_and_by_every_habit(shots in shots(), habits in habits()) {
        for (name, write) in FORMATS {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &shots, &habits);
            for (val, split) in [(false, "train"), (true, "val")] {
                let of_split = shots.iter().filter(|shot| shot.val == val);
                let thousandths = |boxes: &BTreeSet<(usize, [u32; 4])>| {
                    boxes.iter().map(|(class, bbox)| (*class, bbox.map(|value| 1000 * i64::from(value)))).collect()
                };
                let wanted: Seen = of_split.map(|shot| (shot.stem.into(), thousandths(&shot.boxes))).collect();
                prop_assert_eq!(read(folder.path(), split), wanted, "{} {}", name, split);
            }
        }
    }
}
