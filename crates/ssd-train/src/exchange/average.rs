//! `average`: one detector out of several, weight by weight.
//!
//! Between a detector and what fine-tuning made of it, the average often detects better than either (Wortsman et al.,
//! arXiv 2109.01903), and that of several fine-tunings of one start better than each of them (arXiv 2203.05482).
//! Weights of independent trainings have nothing in common, and their average finds nothing. The running statistics of
//! norms are averaged like weights.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use safetensors::tensor::{Dtype as Stored, SafeTensors, TensorView};
use serde::Serialize;
use ssd::weights::{self, Dtype, Header, Provenance, WeightsError};
use ssd_data::write_atomic;
use ssd_import::{Conversion, ImportError, Options, TensorFile};

use crate::failure::Failure;

/// What was written.
#[derive(Debug, Serialize)]
pub struct Report {
    out: String,
    bytes: usize,
    arch: String,
    labels: Vec<String>,
    /// Of the files, in order; their sum is 1.
    shares: Vec<f64>,
}

/// A detector in memory: its header, and its weights file in f32.
struct Source {
    path: PathBuf,
    header: Header,
    bytes: Vec<u8>,
}

/// Writes the average of detectors, each with a share in proportion to its number in `shares`; equal ones where there
/// is none. `made` is what the caller says of where it comes from; data, split and steps are the files'.
///
/// # Errors
///
/// When there are fewer than two files, one cannot be read or is no detector, two are not the same network for the same
/// classes, a share is invalid, or the result cannot be written.
pub fn average(
    files: &[PathBuf],
    shares: &[f64],
    to: &Path,
    dtype: Dtype,
    made: Provenance,
) -> Result<Report, Failure> {
    let shares = parts(files.len(), shares).map_err(Failure::Input)?;
    let sources = files.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
    let Some((first, others)) = sources.split_first() else { return Err(Failure::input("there is no file.")) };
    others.iter().try_for_each(|other| first.goes_with(other)).map_err(Failure::Input)?;

    let header = Header { provenance: provenance(&sources, made), ..first.header.clone() };
    let encoded = |error: WeightsError| Failure::Run(format!("{}: {error}.", to.display()));
    let mean = mean(&sources, &shares, &header).map_err(encoded)?;
    let (header, model) = weights::load(mean, &Device::flex()).map_err(encoded)?;
    let bytes = weights::save(&header, &model, dtype).map_err(encoded)?;
    write_atomic(to, &bytes)?;
    let out = to.display().to_string();
    Ok(Report { out, bytes: bytes.len(), arch: header.arch.to_string(), labels: header.labels, shares })
}

/// The shares of `files` files, with a sum of 1.
fn parts(files: usize, shares: &[f64]) -> Result<Vec<f64>, String> {
    if files < 2 {
        return Err("an average takes two files or more, and then the one to write.".into());
    }
    if shares.is_empty() {
        return Ok(vec![1.0 / files as f64; files]);
    }
    if shares.len() != files {
        return Err(format!("--shares has {} numbers for {files} files; give one for each.", shares.len()));
    }
    let sum: f64 = shares.iter().sum();
    if shares.iter().any(|share| *share < 0.0) || sum <= 0.0 || !sum.is_finite() {
        return Err("--shares takes numbers from 0 on, not all of them 0.".into());
    }
    Ok(shares.iter().map(|share| share / sum).collect())
}

impl Source {
    fn open(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: ImportError| Failure::Input(format!("{}: {error}.", path.display()));
        let file = TensorFile::open_path(path).map_err(|error| wrong(error.into()))?;
        let conversion = Conversion::new(file, &Options::default()).map_err(wrong)?;
        let bytes = conversion.weights(&mut |_, _| {}).map_err(wrong)?;
        match conversion.plan.header {
            // Read and written once more, so that every file has the same tensors, in f32.
            Some(_) => {
                let read = weights::load(bytes, &Device::flex());
                let bytes = read.and_then(|(header, model)| {
                    let bytes = weights::save(&header, &model, Dtype::F32)?;
                    Ok(Self { path: path.into(), header, bytes })
                });
                bytes.map_err(|error| wrong(error.into()))
            }
            None => Err(Failure::Input(format!("{} is a trunk without heads; take whole detectors.", path.display()))),
        }
    }

    /// Whether another file is the same network for the same classes, priors and pixels; else a sentence.
    fn goes_with(&self, other: &Self) -> Result<(), String> {
        let (a, b) = (&self.header, &other.header);
        let alike = [
            ("network", a.arch == b.arch),
            ("classes", a.labels == b.labels),
            ("priors", a.priors == b.priors),
            ("normalisation", a.normalization == b.normalization),
            ("way of making scores", a.score_activation == b.score_activation),
        ];
        match alike.into_iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((what, _)) => Err(format!(
                "{} and {} do not have the same {what}; take files that went on from one start.",
                self.path.display(),
                other.path.display()
            )),
        }
    }
}

/// The average as a weights file in f32.
fn mean(sources: &[Source], shares: &[f64], header: &Header) -> Result<Vec<u8>, WeightsError> {
    let encode = |error: &dyn std::fmt::Display| WeightsError::Encode(error.to_string());
    let files: Vec<SafeTensors<'_>> = sources
        .iter()
        .map(|source| SafeTensors::deserialize(&source.bytes))
        .collect::<Result<_, _>>()
        .map_err(|error| encode(&error))?;
    let mut tensors = Vec::new();
    for name in files[0].names() {
        let views = files.iter().map(|file| file.tensor(name)).collect::<Result<Vec<_>, _>>();
        let views = views.map_err(|error| encode(&error))?;
        let mut sums = vec![0.0; views[0].data().len() / 4];
        for (view, share) in views.iter().zip(shares) {
            for (sum, value) in sums.iter_mut().zip(view.data().as_chunks::<4>().0) {
                *sum += share * f64::from(f32::from_le_bytes(*value));
            }
        }
        let bytes: Vec<u8> = sums.into_iter().flat_map(|sum: f64| (sum as f32).to_le_bytes()).collect();
        tensors.push((name, views[0].shape().to_vec(), bytes));
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Stored::F32, shape.clone(), bytes);
        view.map(|view| (*name, view)).map_err(|error| encode(&error))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let json = serde_json::to_string(header).map_err(|error| encode(&error))?;
    safetensors::serialize(views, Some(HashMap::from([("ssd".to_owned(), json)]))).map_err(|error| encode(&error))
}

/// Where the average comes from: `made`, with what the files say of themselves, each fact once. Its command is preceded
/// by those that made the files.
fn provenance(sources: &[Source], made: Provenance) -> Provenance {
    let all = |fact: fn(&Provenance) -> &str| {
        let mut facts: Vec<&str> = sources.iter().map(|source| fact(&source.header.provenance)).collect();
        facts.retain(|fact| !fact.is_empty());
        facts.dedup();
        facts
    };
    let commands = [all(|from| &from.command), vec![&made.command]].concat();
    Provenance {
        data: all(|from| &from.data).join("; "),
        split: all(|from| &from.split).join("; "),
        steps: sources.iter().map(|source| source.header.provenance.steps).max().unwrap_or(0),
        command: commands.join(" && "),
        ..made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_proportion() {
        assert_eq!(parts(4, &[]), Ok(vec![0.25; 4]));
        assert_eq!(parts(2, &[1.0, 3.0]), Ok(vec![0.25, 0.75]));
        assert_eq!(parts(2, &[0.0, 0.5]), Ok(vec![0.0, 1.0]));
        for (files, shares) in [(1, vec![]), (2, vec![1.0]), (2, vec![0.0, 0.0]), (2, vec![-1.0, 2.0])] {
            assert!(parts(files, &shares).is_err_and(|error| error.ends_with('.')), "{files}, {shares:?}");
        }
    }
}
