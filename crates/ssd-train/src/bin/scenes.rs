//! `scenes`: draws the sample pictures of the page: everyday scenes, and scenes of the generator of `--data shapes`.

use std::io::Cursor;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde_json::{Value, json};
use ssd_data::seeded::seeded;
use ssd_data::shapes::scene;
use ssd_data::{scenes, write_atomic};
use ssd_train::cli;
use ssd_train::console;
use ssd_train::failure::Failure;

/// Draw sample scenes for the page: the same pictures on every machine.
///
/// The page shows those in which the loaded model knows a class.
#[derive(Parser)]
struct Args {
    /// The page's folder of samples
    #[arg(long, value_name = "DIR", default_value = "web/samples")]
    into: PathBuf,

    /// Draw only these files, such as street.jpg; the list of samples names all the same
    #[arg(long, value_name = "FILE", num_args = 1..)]
    only: Vec<String>,
}

/// Scenes of the generator, chosen because they show several shapes each; none is in the training set.
const SHAPES: [Generated; 6] = [
    Generated {
        file: "star.jpg",
        title: "A triangle, a ring and a striped star on dark stripes",
        classes: &["triangle", "ring", "star"],
        size: (640, 480),
        number: 32,
    },
    Generated {
        file: "crosses.jpg",
        title: "A circle among crosses on yellow ground",
        classes: &["circle", "cross"],
        size: (640, 480),
        number: 20,
    },
    Generated {
        file: "ring.jpg",
        title: "A ring, a star and a cross on olive ground",
        classes: &["ring", "star", "cross"],
        size: (640, 480),
        number: 24,
    },
    Generated {
        file: "upright.jpg",
        title: "An upright picture: a square, a ring and stars on pink ground",
        classes: &["square", "ring", "star"],
        size: (480, 640),
        number: 14,
    },
    Generated {
        file: "wide.jpg",
        title: "A wide picture: two rings, a triangle and a star on pink stripes",
        classes: &["ring", "triangle", "star"],
        size: (720, 400),
        number: 39,
    },
    Generated {
        file: "chequered.jpg",
        title: "A dotted circle before a ring, and a cross, on chequered ground",
        classes: &["circle", "ring", "cross"],
        size: (400, 400),
        number: 5,
    },
];

/// Separates the samples' random stream from the data sets'.
const STREAM: u64 = 2026;

/// A scene of the generator.
struct Generated {
    file: &'static str,
    title: &'static str,
    classes: &'static [&'static str],
    size: (u32, u32),
    number: u64,
}

impl Generated {
    fn picture(&self) -> RgbImage {
        let (width, height) = self.size;
        scene(width, height, &mut seeded(&[STREAM, self.number])).0
    }
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let known: Vec<&str> =
        scenes::SCENES.iter().map(|scene| scene.file).chain(SHAPES.iter().map(|scene| scene.file)).collect();
    if let Some(other) = args.only.iter().find(|file| !known.contains(&file.as_str())) {
        return Err(Failure::Input(format!("there is no sample {other}: the samples are {}", known.join(", "))));
    }
    std::fs::create_dir_all(&args.into)
        .map_err(|error| Failure::Input(format!("cannot create the folder {}: {error}", args.into.display())))?;

    let mut list = Vec::new();
    for scene in &scenes::SCENES {
        write(args, scene.file, 82, || scene.picture())?;
        list.push(entry(scene.file, scene.title, scene.classes, "everyday"));
    }
    for scene in &SHAPES {
        write(args, scene.file, 90, || scene.picture())?;
        list.push(entry(scene.file, scene.title, scene.classes, "shapes"));
    }
    let mut text = serde_json::to_vec_pretty(&list).map_err(Failure::run)?;
    text.push(b'\n');
    write_atomic(&args.into.join("index.json"), &text)?;
    console::note(&format!("{} scenes are in {}.", list.len(), args.into.display()));
    Ok(())
}

/// Draws and writes a file that was asked for, as a JPEG of a quality of 1 to 100.
fn write(args: &Args, file: &str, quality: u8, picture: impl Fn() -> RgbImage) -> Result<(), Failure> {
    if !args.only.is_empty() && !args.only.iter().any(|only| only == file) {
        return Ok(());
    }
    let mut jpeg = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&picture()).map_err(Failure::run)?;
    write_atomic(&args.into.join(file), jpeg.get_ref())?;
    Ok(())
}

fn entry(file: &str, title: &str, classes: &[&str], kind: &str) -> Value {
    json!({ "file": file, "title": title, "classes": classes, "kind": kind })
}
