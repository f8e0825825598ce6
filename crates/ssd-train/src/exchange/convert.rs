//! `convert`: files around [`ssd_import`], and what people read about them.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use ssd::priors::{CellBoxes, Clip, PriorScheme};
use ssd::weights::{Dtype, Header};
use ssd_import::{Conversion, ImportError, Inspection, Network, Options, Plan, TensorFile, quoted};

use crate::console;
use crate::failure::Failure;

/// Looks at a file.
///
/// # Errors
/// When it cannot be read or is not a file of weights: a sentence that names it.
pub fn inspect(path: &Path, options: &Options) -> Result<Inspection, Failure> {
    let file = TensorFile::open_path(path);
    let file = file.map_err(|error| Failure::Input(format!("{}: {error}.", path.display())))?;
    Ok(ssd_import::inspect(file, options))
}

/// Class names from a text file, one on a line.
///
/// # Errors
/// When the file cannot be read or names nothing.
pub fn labels(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Input(format!("cannot read {}: {error}; check --labels.", path.display())))?;
    let names = ssd_import::labels::from_lines(text.lines());
    if names.is_empty() {
        return Err(Failure::Input(format!("{} names no class; write one on each line.", path.display())));
    }
    Ok(names)
}

/// The outcome for programs.
#[derive(Serialize)]
pub struct Report {
    layout: &'static str,
    arch: String,
    detector: bool,
    labels: Vec<String>,
    /// Whether these are names, not numbers because none are known.
    named: bool,
    tensors: usize,
    notes: Vec<String>,
    unused: Vec<String>,
    beside: std::collections::BTreeMap<String, usize>,
    out: String,
    bytes: u64,
}

/// Converts one file into another.
///
/// # Errors
/// When the file is unreadable, incomplete or in no known layout, or the other cannot be written.
pub fn convert(from: &Path, to: &Path, options: &Options, dtype: Dtype) -> Result<Report, Failure> {
    if let (Ok(one), Ok(other)) = (from.canonicalize(), to.canonicalize())
        && one == other
    {
        let to = to.display();
        return Err(Failure::Input(format!("{to} is the file that is read; give the new one another name.")));
    }
    let wrong = |error: ImportError| match error {
        ImportError::Write(error) => {
            Failure::Run(format!("{} was not written: {error}; free some space or choose another place.", to.display()))
        }
        error => Failure::Input(format!("{}: {error}.", from.display())),
    };
    let file = TensorFile::open_path(from).map_err(|error| wrong(error.into()))?;
    let conversion = Conversion::new(file, options).map_err(wrong)?;
    console::note(&recognised(from, &conversion.plan));
    conversion.plan.notes.iter().for_each(|note| console::note(note));
    let progress = console::progress_bar(conversion.specs().count(), "converting");
    let mut done = |done: usize, _: usize| progress.set_position(done as u64);
    ssd_data::write_atomic_by(to, |out| conversion.write(out, dtype, &mut done).map_err(wrong))?;
    progress.finish_and_clear();
    let bytes = std::fs::metadata(to).map_or(0, |metadata| metadata.len());
    Ok(Report {
        named: options.labels.is_some() || conversion.plan.layout.is_own() || known(&conversion.plan),
        tensors: conversion.specs().count(),
        layout: conversion.plan.layout.name,
        arch: conversion.plan.arch.name(),
        detector: conversion.plan.header.is_some(),
        labels: conversion.plan.header.map(|header| header.labels).unwrap_or_default(),
        notes: conversion.plan.notes,
        unused: conversion.plan.unused,
        beside: conversion.plan.beside,
        out: to.display().to_string(),
        bytes,
    })
}

/// Whether its classes have names: the file's, or those of the list for their number.
fn known(plan: &Plan) -> bool {
    let named = |header: &Header| {
        let classes = header.classes();
        let numbers = ssd_import::labels::known_or_numbers(classes);
        ssd_import::labels::known(classes).is_some() || header.labels != numbers
    };
    plan.header.as_ref().is_none_or(named)
}

/// What was recognised, before the work is done.
fn recognised(path: &Path, plan: &Plan) -> String {
    let layout = if plan.layout.is_own() { "our own layout" } else { plan.layout.name };
    let holds = match &plan.header {
        Some(header) => format!("{} for {} classes", header.arch, header.labels.len()),
        None => format!("a trunk of {}", plan.arch),
    };
    format!("{} is {layout}: {holds}.", path.display())
}

/// The outcome for people.
pub fn readable(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for name in &report.unused {
        let _ = writeln!(text, "unused: {}", quoted(name));
    }
    for (name, count) in &report.beside {
        let _ = writeln!(text, "left out: {count} tensors below {}", quoted(name));
    }
    let megabytes = report.bytes as f64 / 1e6;
    let _ = writeln!(text, "{}: {} tensors, {megabytes:.1} MB.", report.out, report.tensors);
    if !report.detector {
        let _ = writeln!(
            text,
            "It is a trunk without heads: start a training from it with `train --arch {} --init`.",
            report.arch
        );
    } else if !report.named {
        let _ = writeln!(text, "The names of its classes are not known; give them with --labels, one on a line.");
    }
    text
}

/// An inspection for people.
pub fn readable_inspection(path: &Path, found: &Inspection) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:14}{value}");
    };
    row("file", &format!("{} ({}, {} tensors)", path.display(), found.format, found.tensors.len()));
    if let Some(layout) = &found.layout {
        row("layout", layout);
    }
    if let Some(network) = &found.network {
        network_rows(network, &mut row);
    }
    if let Some(problem) = &found.problem {
        row("problem", problem);
        text.push('\n');
        for tensor in &found.tensors {
            let _ = writeln!(text, "{:60} {:8} {:?}", quoted(&tensor.name), tensor.dtype, tensor.shape);
        }
    }
    text
}

fn network_rows(network: &Network, row: &mut dyn FnMut(&str, &str)) {
    let kind = if network.detector { "" } else { ", a trunk without heads" };
    row("architecture", &format!("{}{kind}", network.arch));
    row("parameters", &network.parameters.to_string());
    if let Some(size) = network.input_size {
        row("input", &format!("{size} x {size} pixels"));
    }
    if let Some(labels) = &network.labels {
        let names: Vec<String> = labels.iter().map(|name| quoted(name)).collect();
        row("labels", &format!("{}: {}", labels.len(), names.join(", ")));
    }
    if let Some(priors) = &network.priors {
        prior_rows(priors, network.input_size.unwrap_or(1), row);
    }
    if let Some(normalization) = &network.normalization {
        let numbers = |values: [f32; 3]| values.map(|value| value.to_string()).join(" ");
        let [mean, std] = [normalization.mean, normalization.std].map(numbers);
        row("pixels", &format!("(value in 0..255 - mean) / std, RGB: mean {mean}, std {std}"));
    }
    if let Some(from) = &network.provenance {
        let parts = [
            ("data", from.data.clone()),
            ("split", from.split.clone()),
            ("steps", if from.steps == 0 { String::new() } else { from.steps.to_string() }),
            ("metric", from.metric.clone()),
            ("source file", from.source_file.clone().unwrap_or_default()),
            ("command", from.command.clone()),
            ("device", from.device.clone()),
        ];
        let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
        let known: Vec<String> = known.map(|(name, value)| format!("{name} {value}")).collect();
        row("provenance", if known.is_empty() { "unknown".into() } else { known.join("; ") }.as_str());
    }
    for note in &network.notes {
        row("note", note);
    }
    if !network.unused.is_empty() {
        let names: Vec<String> = network.unused.iter().map(|name| quoted(name)).collect();
        row("unused", &names.join(", "));
    }
    for (name, count) in &network.beside {
        row("beside", &format!("{count} tensors below {}", quoted(name)));
    }
}

fn prior_rows(priors: &PriorScheme, input: usize, row: &mut dyn FnMut(&str, &str)) {
    let clip = match priors.clip {
        Clip::None => "not clipped",
        Clip::Size => "sizes clipped to the picture",
        Clip::All => "centres and sizes clipped to the picture",
    };
    let variances = priors.variances;
    row("priors", &format!("{}, {clip}, variances {} and {}", priors.len(), variances.center, variances.size));
    for level in &priors.levels {
        let px = |fraction: f64| fraction * input as f64;
        let step = level.step.map_or(px(1.0) / level.grid as f64, px);
        let joined = |parts: Vec<String>| parts.join(" ");
        let boxes = match &level.boxes {
            CellBoxes::Ratios { size, next_size, ratios } => {
                let ratios = joined(ratios.iter().map(f64::to_string).collect());
                let larger = px((size * next_size).sqrt());
                format!("squares of {:.1} and {larger:.1} px, ratios {ratios}", px(*size))
            }
            CellBoxes::Sizes { sizes } => {
                let size = |&[width, height]: &[f64; 2]| format!("{:.0}x{:.0}", px(width), px(height));
                format!("boxes of {} px", joined(sizes.iter().map(size).collect()))
            }
        };
        let grid = level.grid;
        row("", &format!("{grid:3} x {grid:<3} step {step:.1} px, {boxes}"));
    }
    if priors.listed.is_some() {
        row("", "each listed by itself: the file's, which were rounded");
    }
}
