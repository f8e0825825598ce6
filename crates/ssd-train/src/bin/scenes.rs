//! `scenes`: draws the sample pictures of the page with the generator of `--data shapes`.

use std::io::Cursor;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;
use ssd_data::seeded::seeded;
use ssd_data::shapes::scene;
use ssd_data::write_atomic;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::failure::Failure;

/// Draw sample scenes for the page: the same pictures on every machine. They were chosen to show several shapes each.
#[derive(Parser)]
struct Args {
    /// The page's folder of samples
    #[arg(long, value_name = "DIR", default_value = "web/samples")]
    into: PathBuf,
}

/// File, title for the page, size in pixels, and number of the generator's scene; none is in the training set.
const SCENES: [(&str, &str, u32, u32, u64); 6] = [
    ("star.jpg", "A triangle, a ring and a striped star on dark stripes", 640, 480, 32),
    ("crosses.jpg", "A circle among crosses on yellow ground", 640, 480, 20),
    ("ring.jpg", "A ring, a star and a cross on olive ground", 640, 480, 24),
    ("upright.jpg", "An upright picture: a square, a ring and stars on pink ground", 480, 640, 14),
    ("wide.jpg", "A wide picture: two rings, a triangle and a star on pink stripes", 720, 400, 39),
    ("chequered.jpg", "A dotted circle before a ring, and a cross, on chequered ground", 400, 400, 5),
];

/// Separates the samples' random stream from the data sets'.
const STREAM: u64 = 2026;

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.into)
        .map_err(|error| Failure::Input(format!("cannot create the folder {}: {error}", args.into.display())))?;
    for (file, _, width, height, number) in SCENES {
        let (picture, _) = scene(width, height, &mut seeded(&[STREAM, number]));
        let mut jpeg = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(&picture).map_err(Failure::run)?;
        write_atomic(&args.into.join(file), jpeg.get_ref())?;
    }
    let list: Vec<_> = SCENES.iter().map(|(file, title, ..)| json!({ "file": file, "title": title })).collect();
    let mut text = serde_json::to_vec_pretty(&list).map_err(Failure::run)?;
    text.push(b'\n');
    write_atomic(&args.into.join("index.json"), &text)?;
    console::note(&format!("{} scenes are in {}.", SCENES.len(), args.into.display()));
    Ok(())
}
