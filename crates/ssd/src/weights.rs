//! A weights file: one safetensors file is a whole detector.
//!
//! Tensors are named by their path in [`Ssd`]; under the metadata key `ssd` a JSON [`Header`] holds all that is needed
//! to run them. This module turns bytes into a detector and back; it does not know where bytes come from.

use std::sync::Arc;

use burn::tensor::{DType, Device, Shape, TensorData, bf16, f16};
use burn_store::{
    ApplyResult, FloatCastAdapter, HalfPrecisionAdapter, ModuleSnapshot, PathFilter, SafetensorsStore, bridge,
    burn_pack,
};
use safetensors::SafeTensors;
use safetensors::tensor::TensorInfo;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::model::Ssd;
use crate::postprocess::{DetectParams, Nms, ScoreActivation};
use crate::preprocess::{Normalization, Preprocess};
use crate::priors::PriorScheme;

/// How to run the weights of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The network.
    pub arch: Arch,
    /// Side of the square input, in pixels.
    pub input_size: usize,
    /// Class names without background: class 1 is `labels[0]`.
    pub labels: Vec<String>,
    /// The full prior scheme.
    pub priors: PriorScheme,
    /// How pixel values are normalised.
    pub normalization: Normalization,
    /// How a picture becomes a square.
    pub resize: Resize,
    /// How logits become scores.
    pub score_activation: ScoreActivation,
    /// Default score threshold.
    pub score: f32,
    /// Default IoU threshold of NMS.
    pub iou: f32,
    /// Default number of candidates of a class that enter NMS.
    pub top_k: usize,
    /// Default number of detections of a picture.
    pub max: usize,
    /// Where the weights come from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// How a picture becomes the network's input. There is one way; a file that names another is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resize {
    /// Bilinear with half-pixel centres and without antialiasing; proportions are not kept. See [`crate::preprocess`].
    #[serde(rename = "stretch-bilinear")]
    StretchBilinear,
}

/// Where weights come from, in enough detail to make them again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The data set, as it was named to `train`.
    pub data: String,
    /// The split learned from.
    pub split: String,
    /// Optimiser steps taken.
    pub steps: usize,
    /// The measure, the data that it was taken on, and its value.
    pub metric: String,
    /// The file the weights started from, if any.
    pub source_file: Option<String>,
    /// The command that made them.
    pub command: String,
    /// The device they were made on.
    pub device: String,
}

/// Bytes that are not a detector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Not safetensors, or cut short.
    #[error(
        "this is not a whole safetensors file ({0}); download or export it again, or if it is a checkpoint of another \
         project, make a weights file of it with `convert`"
    )]
    Container(String),
    /// No header.
    #[error(
        "the file has no `ssd` metadata, so it is not a detector of this project; use a file that `train` wrote, or \
         make one from a public checkpoint with `convert`"
    )]
    NoHeader,
    /// A header that does not parse.
    #[error("the file's `ssd` metadata is not understood ({0}); it was written by another version, export it again")]
    Header(String),
    /// A header that contradicts itself.
    #[error("the file's `ssd` metadata contradicts itself: {0}; export it again")]
    Inconsistent(String),
    /// Tensors that do not fit the network.
    #[error("the file's tensors do not fit {arch}: {detail}; it belongs to another architecture or is incomplete")]
    Tensors {
        /// The network.
        arch: Arch,
        /// What does not fit.
        detail: String,
    },
    /// A NaN or an infinite value.
    #[error("the tensor {0} holds a value that is not finite; the training that made it had diverged")]
    NotFinite(String),
    /// Nothing but zeros.
    #[error("all its weights are zero; export it again")]
    Zeros,
    /// Could not be written.
    #[error("the weights could not be encoded ({0})")]
    Encode(String),
}

/// How tensors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// As they were learned.
    F32,
    /// Convolutions in half the size, norms as in [`Self::F32`]. The network still computes in f32.
    F16,
}

impl Header {
    /// The header of a newly trained detector.
    pub fn new(arch: Arch, labels: Vec<String>, provenance: Provenance) -> Self {
        let Preprocess { input_size, normalization } = arch.preprocess();
        Self {
            arch,
            input_size,
            labels,
            priors: arch.prior_scheme(),
            normalization,
            resize: Resize::StretchBilinear,
            score_activation: arch.scores(),
            score: 0.5,
            iou: 0.45,
            top_k: 400,
            max: 200,
            provenance,
        }
    }

    /// Reads the JSON of a header.
    ///
    /// # Errors
    ///
    /// When it does not parse as a header, or contradicts itself.
    pub fn parse(json: &str) -> Result<Self, WeightsError> {
        let header: Self = serde_json::from_str(json).map_err(|error| WeightsError::Header(error.to_string()))?;
        header.check()?;
        Ok(header)
    }

    /// Classes with background, which is class 0.
    pub fn classes(&self) -> usize {
        self.labels.len() + 1
    }

    /// Logits of a prior: the `C` of shapes.
    pub fn columns(&self) -> usize {
        self.score_activation.columns(self.labels.len())
    }

    /// How pixels enter the network.
    pub fn preprocess(&self) -> Preprocess {
        Preprocess { input_size: self.input_size, normalization: self.normalization }
    }

    /// The file's default thresholds.
    pub fn params(&self) -> DetectParams {
        DetectParams {
            score: self.score,
            iou: self.iou,
            top_k: self.top_k,
            max: self.max,
            nms: Nms::Hard,
            classes: None,
        }
    }

    /// Checks what the JSON's form does not.
    ///
    /// # Errors
    ///
    /// When it contradicts itself or its architecture.
    pub fn check(&self) -> Result<(), WeightsError> {
        let fault = |text: String| Err(WeightsError::Inconsistent(text));
        let maps = self.arch.feature_maps();
        if self.labels.is_empty() {
            return fault("it names no class".into());
        }
        if self.input_size != self.arch.input_size() {
            return fault(format!("{} takes {} pixels, not {}", self.arch, self.arch.input_size(), self.input_size));
        }
        let expected = maps.iter().map(|map| (map.priors.grid, map.priors.boxes.len()));
        let found = self.priors.levels.iter().map(|level| (level.grid, level.boxes.len()));
        if !expected.eq(found) {
            return fault(format!("its priors do not stand on the feature maps of {}", self.arch));
        }
        let listed = self.priors.listed.as_deref().unwrap_or_default();
        if self.priors.listed.is_some() && listed.len() != self.priors.len() {
            return fault(format!("it lists {} priors of {}", listed.len(), self.priors.len()));
        }
        if listed.iter().any(|[cx, cy, w, h]| !(cx.is_finite() && cy.is_finite() && *w > 0.0 && *h > 0.0)) {
            return fault("one of the priors that it lists is no box".into());
        }
        let levels = self.priors.levels.iter();
        let sides = levels.flat_map(|level| level.boxes.numbers().into_iter().chain(level.step));
        let [center, size] = [self.priors.variances.center, self.priors.variances.size].map(f64::from);
        if sides.chain([center, size]).any(|value| value <= 0.0 || !value.is_finite()) {
            return fault("a size, step, aspect ratio or variance of its priors is not above 0".into());
        }
        if self.params().checked(self.classes()).is_err() {
            return fault("its default score, iou, top_k or max is out of range".into());
        }
        if self.normalization.std.contains(&0.0) {
            return fault("it divides pixels by zero".into());
        }
        Ok(())
    }
}

/// Reads the header alone, without building the network.
///
/// # Errors
///
/// When the bytes are not a safetensors file, or have no valid header.
pub fn read_header(bytes: &[u8]) -> Result<Header, WeightsError> {
    // Checks that every tensor lies inside the file: a cut file ends here.
    SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Container(error.to_string()))?;
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| WeightsError::Container(error.to_string()))?;
    let json = metadata.metadata().as_ref().and_then(|map| map.get("ssd")).ok_or(WeightsError::NoHeader)?;
    Header::parse(json)
}

/// Bytes to a detector, its tensors on `device` as f32.
///
/// # Errors
///
/// When the bytes are not a detector, or its tensors do not fit its architecture: missing, left over or of another
/// shape.
pub fn load(bytes: Vec<u8>, device: &Device) -> Result<(Header, Ssd), WeightsError> {
    let header = read_header(&bytes)?;
    let mut model = Ssd::undrawn(header.arch, header.columns(), device);
    let filled = fill(&mut model, bytes, header.arch, |_, _| true)?;
    let misfit = |detail: String| Err(WeightsError::Tensors { arch: header.arch, detail });
    if let Some((name, _)) = filled.missing.first() {
        return misfit(format!("{name} and {} more are missing", filled.missing.len() - 1));
    }
    if let Some(name) = filled.unused.first() {
        return misfit(format!("{name} and {} more are not part of it", filled.unused.len() - 1));
    }
    Ok((header, model))
}

/// A new network of `arch` with `columns` logits for each prior and the tensors of trunk and extras that a file
/// without a header has; they are named by their paths, such as `backbone.convs.0.conv.weight`. Also returns how many
/// were taken, and the paths of those that the file does not have.
///
/// # Errors
///
/// When the bytes are not a safetensors file, no tensor in it belongs to the trunk, or one does not fit its place.
pub fn load_trunk(
    bytes: Vec<u8>,
    arch: Arch,
    columns: usize,
    device: &Device,
) -> Result<(Ssd, usize, Vec<String>), WeightsError> {
    let of_trunk = |path: &str, _: &str| path.starts_with("backbone.");
    let mut model = Ssd::undrawn(arch, columns, device);
    let filled = fill(&mut model, bytes, arch, of_trunk)?;
    if filled.applied.is_empty() {
        return Err(WeightsError::NoHeader);
    }
    let missing = filled.missing.into_iter().map(|(path, _)| path).filter(|path| of_trunk(path, ""));
    Ok((model.drawn(), filled.applied.len(), missing.collect()))
}

/// Fills a network with the tensors of a file whose paths are `wanted`; some may be missing.
fn fill(
    model: &mut Ssd,
    bytes: Vec<u8>,
    arch: Arch,
    wanted: fn(&str, &str) -> bool,
) -> Result<ApplyResult, WeightsError> {
    check_values(&bytes)?;
    let filter = PathFilter::new().with_predicate(wanted);
    let filled = model.apply(tensors(bytes)?, Some(filter), None, true);
    match filled.errors.first() {
        Some(error) => Err(WeightsError::Tensors { arch, detail: error.to_string() }),
        None => Ok(filled),
    }
}

/// The tensors of a file, those of floats as f32. Each is made when it is asked for, at once in the memory in which it
/// stays: copies in between leave holes that no later tensor fills, and wasm's memory never shrinks.
fn tensors(bytes: Vec<u8>) -> Result<Vec<burn_pack::Tensor>, WeightsError> {
    let (header, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| WeightsError::Container(error.to_string()))?;
    // Behind the header's length and itself.
    let start = size_of::<u64>() + header;
    let bytes = Arc::new(bytes);
    let tensor = |(name, info): (String, &TensorInfo)| {
        let (bytes, (first, end), kind) = (bytes.clone(), info.data_offsets, info.dtype);
        // What is not a float fits no parameter, and is refused unread.
        let dtype = if read_floats(kind, &[]).is_some() { DType::F32 } else { DType::I64 };
        let shape = Shape::from(info.shape.clone());
        bridge::deferred(name, dtype, shape.clone(), None, move || {
            let values = read_floats(kind, &bytes[start + first..start + end]).unwrap_or_default();
            Ok(TensorData::new(values, shape.clone()))
        })
    };
    Ok(metadata.tensors().into_iter().map(tensor).collect())
}

/// Floats of any width; `None` for other types.
fn read_floats(kind: safetensors::Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    match kind {
        safetensors::Dtype::F32 => Some(read_each(bytes, f32::from_le_bytes)),
        safetensors::Dtype::F16 => Some(read_each(bytes, |two| f16::from_le_bytes(two).to_f32())),
        safetensors::Dtype::BF16 => Some(read_each(bytes, |two| bf16::from_le_bytes(two).to_f32())),
        safetensors::Dtype::F64 => Some(read_each(bytes, |eight| f64::from_le_bytes(eight) as f32)),
        _ => None,
    }
}

fn read_each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|chunk| read(*chunk)).collect()
}

/// Refuses weights with which a detector would find nothing and give no reason: a value that is not finite makes every
/// score NaN, and zeros make all scores equal.
fn check_values(bytes: &[u8]) -> Result<(), WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Container(error.to_string()))?;
    if file.iter().all(|(_, view)| view.data().iter().all(|&byte| byte == 0)) {
        return Err(WeightsError::Zeros);
    }
    for (name, view) in file.iter() {
        // An exponent of ones means infinity or NaN.
        let finite = match view.dtype() {
            safetensors::Dtype::F32 => {
                view.data().chunks_exact(4).all(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]).is_finite())
            }
            safetensors::Dtype::F16 => {
                view.data().chunks_exact(2).all(|v| u16::from_le_bytes([v[0], v[1]]) & 0x7c00 != 0x7c00)
            }
            _ => true,
        };
        if !finite {
            return Err(WeightsError::NotFinite(name.to_string()));
        }
    }
    Ok(())
}

/// A detector to bytes.
///
/// # Errors
///
/// When the header cannot be written as JSON, the store refuses a tensor, or a weight is not finite or overflows f16.
pub fn save(header: &Header, model: &Ssd, dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    let encode = |text: String| WeightsError::Encode(text);
    let json = serde_json::to_string(header).map_err(|error| encode(error.to_string()))?;
    let store = SafetensorsStore::from_bytes(None).clear_metadata().metadata("ssd", json).skip_enum_variants(true);
    let mut store = match dtype {
        Dtype::F32 => store.with_to_adapter(FloatCastAdapter::to(DType::F32)),
        // Not the norms: running variances soon exceed the range of f16, and they take no space.
        Dtype::F16 => store.with_to_adapter(HalfPrecisionAdapter::new()),
    };
    model.save_into(&mut store).map_err(|error| encode(error.to_string()))?;
    let bytes = store.get_bytes().map_err(|error| encode(error.to_string()))?;
    // As a reader does: a weight may have overflowed f16.
    check_values(&bytes)?;
    Ok(bytes)
}
