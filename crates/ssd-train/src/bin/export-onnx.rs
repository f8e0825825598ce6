//! `export-onnx`: a detector's network as an ONNX file. The work is [`ssd_train::exchange::onnx::export`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::tensor::Device;
use clap::{ArgGroup, Parser};
use ssd::Arch;
use ssd::weights::{self, Dtype};
use ssd_train::cli;
use ssd_train::console;
use ssd_train::exchange::onnx::{export, untrained};
use ssd_train::failure::Failure;
use ssd_train::weights_file;

/// Write a detector's network as an ONNX file.
///
/// Its input `image` is [1, 3, S, S], a resized and normalised picture; its outputs are `offsets` [1, P, 4] and
/// `logits` [1, P, C]. Parameters for resizing and decoding boxes are in the file's metadata under `ssd`.
#[derive(Parser)]
#[command(group = ArgGroup::new("network").required(true))]
#[command(after_help = "Examples:
  export-onnx --weights runs/shapes/best.safetensors shapes.onnx
  export-onnx --arch ssd300-vgg16 --classes 20 --save-weights vgg.safetensors vgg.onnx

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.")]
struct Args {
    /// The ONNX file to write; an existing one is replaced
    #[arg(value_name = "OUT.onnx")]
    out: PathBuf,
    /// A weights file written by `train`
    #[arg(long, value_name = "FILE", group = "network")]
    weights: Option<PathBuf>,
    /// Or an architecture with random weights, to measure its speed
    #[arg(long, group = "network")]
    arch: Option<Arch>,
    /// Number of classes of such a network, without background
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(conflicts_with = "weights")]
    classes: u16,
    /// Seed of the random weights
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "weights")]
    seed: u64,
    /// Also write the same detector as a weights file of ours
    #[arg(long, value_name = "FILE")]
    save_weights: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let (header, model) = match (&args.weights, args.arch) {
        (Some(path), _) => weights_file::load(path, &Device::flex()).map_err(Failure::input)?,
        (None, Some(arch)) => untrained(arch, usize::from(args.classes), args.seed),
        (None, None) => return Err(Failure::Input("give --weights FILE or --arch ARCH.".into())),
    };
    if args.save_weights.as_ref() == Some(&args.out) {
        return Err(Failure::Input("--save-weights names the ONNX file itself; give it another name.".into()));
    }
    write(&args.out, &export(&header, &model).map_err(Failure::run)?)?;
    if let Some(path) = &args.save_weights {
        write(path, &weights::save(&header, &model, Dtype::F32).map_err(Failure::run)?)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    ssd_data::write_atomic(path, bytes)?;
    console::note(&format!("{} ({} bytes) is written.", path.display(), bytes.len()));
    Ok(())
}
