//! `convert`: public checkpoints to weights files, and what a file is. The work is `ssd_import`'s, by way of
//! [`ssd_train::exchange::convert`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ssd::weights::Provenance;
use ssd_import::{Layout, Options, Sizes};
use ssd_train::arguments::DtypeName;
use ssd_train::cli;
use ssd_train::device::choice::DeviceChoice;
use ssd_train::exchange::convert;
use ssd_train::failure::Failure;
use ssd_train::run::config::file_name;

/// Convert a public SSD checkpoint to a weights file, or say what a file is.
///
/// Reads PyTorch's `.pth` (legacy and zip), `.safetensors` and TensorFlow Lite's `.tflite`; the network, its number of
/// classes and what stands before the names (`state_dict`, `module.`) are recognised. A pickle is parsed, never
/// executed.
#[derive(Parser)]
#[command(override_usage = "\
convert [OPTIONS] IN OUT.safetensors
       convert --inspect FILE [--json]", after_help = format!("Layouts:
  {}

Examples:
  convert ssd300_vgg16_coco-b556d3b4.pth coco.safetensors
  convert my-finetuned.pth mine.safetensors --labels classes.txt --dtype f16
  convert detect.tflite detect.safetensors --labels labelmap.txt
  convert --inspect best.safetensors

Files of a trunk alone (vgg16, resnet34, vgg16_reducedfc) become a start for `train --init`, which reads the originals,
too.

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.", Layout::names("\n  ")))]
struct Args {
    /// The checkpoint
    #[arg(value_name = "IN", required_unless_present = "inspect")]
    input: Option<PathBuf>,
    /// The weights file to write
    #[arg(value_name = "OUT.safetensors", required_unless_present = "inspect")]
    output: Option<PathBuf>,
    /// Say what this file is (architecture, labels, priors, parameters, normalisation, provenance), and convert nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "output", "dtype"])]
    inspect: Option<PathBuf>,
    /// How the tensors are named: auto, or one of the layouts below
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = layout)]
    layout: Chosen,
    /// A text file with a class name on each line, without background [default: the names of VOC or COCO where the
    /// number of classes is theirs, else class 1, class 2, ...]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Sizes of the priors, which a checkpoint does not say [default: those of the layout; where there are files with
    /// both, coco for 81 and 91 classes, else voc]
    #[arg(long, value_enum)]
    priors: Option<PriorSizes>,
    /// What the numbers are stored as; f16 halves the file, norms stay f32
    #[arg(long, value_enum, default_value = "f32")]
    dtype: DtypeName,
    /// Taken as by the other programs; converting computes nothing, so any device will do
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// Print one JSON document on stdout, everything else on stderr
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
struct Chosen(Option<&'static Layout>);

fn layout(name: &str) -> Result<Chosen, String> {
    if name == "auto" { Ok(Chosen(None)) } else { Layout::named(name).map(|layout| Chosen(Some(layout))) }
}

#[derive(Clone, Copy, ValueEnum)]
enum PriorSizes {
    /// From 0.1 of the picture on
    Voc,
    /// From 0.07 of the picture on
    Coco,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    if let Some(path) = &args.inspect {
        let found = convert::inspect(path, &options(args, path)?)?;
        return match args.json {
            true => cli::print_json(&found),
            false => cli::print_text(&convert::readable_inspection(path, &found)),
        };
    }
    let (Some(input), Some(output)) = (&args.input, &args.output) else {
        return Err(Failure::Input("convert takes IN and OUT.safetensors, or --inspect FILE.".into()));
    };
    let report = convert::convert(input, output, &options(args, input)?, args.dtype.into())?;
    if args.json { cli::print_json(&report) } else { cli::print_text(&convert::readable(&report)) }
}

fn options(args: &Args, input: &Path) -> Result<Options, Failure> {
    let source_file = Some(file_name(&input.display().to_string()));
    let provenance = Provenance { source_file, command: command(args), ..Provenance::default() };
    Ok(Options {
        layout: args.layout.0,
        labels: args.labels.as_deref().map(convert::labels).transpose()?,
        sizes: args.priors.map(|sizes| match sizes {
            PriorSizes::Voc => Sizes::Voc,
            PriorSizes::Coco => Sizes::Coco,
        }),
        provenance,
    })
}

/// The command that makes the file again, with the names of files and not their folders; nothing for a look alone.
fn command(args: &Args) -> String {
    let (Some(input), Some(output)) = (&args.input, &args.output) else { return String::new() };
    let name = |path: &Path| file_name(&path.display().to_string());
    let mut command = format!("convert {} {}", name(input), name(output));
    let flags = [
        ("layout", args.layout.0.map(|layout| layout.name.to_owned())),
        ("labels", args.labels.as_deref().map(name)),
        ("priors", args.priors.map(spelled)),
        ("dtype", (args.dtype == DtypeName::F16).then(|| spelled(args.dtype))),
    ];
    for (flag, value) in flags {
        if let Some(value) = value {
            command += &format!(" --{flag} {value}");
        }
    }
    command
}

/// A choice as it is typed.
fn spelled(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
