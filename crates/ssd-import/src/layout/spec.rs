//! What a row of the table says about a layout.

use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::Clip;

use super::rules::Rules;
use super::sizes::Sizes;
use crate::error::FileError;
use crate::file::TensorFile;
use crate::tensor::TensorInfo;

/// A way of naming and ordering the tensors of a detector, or of a trunk alone.
#[derive(Debug)]
pub struct Layout {
    /// The name, as on the command line.
    pub name: &'static str,
    /// The project that writes such files, by its usual name.
    pub maker: &'static str,
    /// Names that files of this layout have, and of no other.
    pub(super) signature: &'static [&'static str],
    /// The network in a file.
    pub(super) arch: fn(&Tensors<'_>) -> Arch,
    /// How its names map to ours.
    pub(super) rules: fn(&mut Rules),
    pub(crate) contents: Contents,
}

/// What files of a layout hold.
#[derive(Debug)]
pub(crate) enum Contents {
    /// A detector or a trunk of this project.
    Own,
    /// A whole detector, and what its files do not say.
    Detector(Habits),
    /// A trunk to start a training from, and how pixels entered it, where that is not how they enter our detector on
    /// it.
    Trunk(fn(&Tensors<'_>) -> Result<Option<Normalization>, FileError>),
}

/// What a layout's detectors have that their files do not say. Where a project's own counts are smaller than caffe's,
/// caffe's are taken, which only adds detections with the lowest scores.
#[derive(Debug)]
pub(crate) struct Habits {
    pub(crate) normalization: Normalization,
    /// What is done with priors at the border.
    pub(crate) clip: Clip,
    /// Default sizes of the priors by the number of classes; `None` where there are only the architecture's.
    pub(crate) sizes: fn(classes: usize) -> Option<Sizes>,
    /// The IoU above which NMS drops the weaker of two boxes.
    pub(crate) iou: f32,
    /// Candidates of a class.
    pub(crate) top_k: usize,
    /// Detections in a picture.
    pub(crate) max: usize,
}

impl Habits {
    /// Caffe's.
    pub(super) const CAFFE: Self = Self {
        normalization: Normalization::CAFFE,
        clip: Clip::All,
        sizes: |classes| Some(if matches!(classes, 81 | 91) { Sizes::Coco } else { Sizes::Voc }),
        iou: 0.45,
        top_k: 400,
        max: 200,
    };
}

impl Layout {
    /// Whether its files are trunks to start a training from, not detectors.
    pub fn is_trunk(&self) -> bool {
        matches!(self.contents, Contents::Trunk(_))
    }

    /// Whether its files are this project's.
    pub fn is_own(&self) -> bool {
        matches!(self.contents, Contents::Own)
    }
}

/// The tensors of a file below a prefix, by the rest of their names.
#[derive(Debug, Clone)]
pub(crate) struct Tensors<'a> {
    pub(crate) file: &'a TensorFile,
    /// What precedes every name of the network: `module.`, `state_dict.` or nothing.
    pub(crate) prefix: String,
}

impl<'a> Tensors<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&'a TensorInfo> {
        self.file.get(&format!("{}{name}", self.prefix))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// A file whose layout is known.
pub(crate) struct Recognised<'a> {
    pub(crate) layout: &'static Layout,
    pub(crate) tensors: Tensors<'a>,
    pub(crate) arch: Arch,
    pub(crate) rules: Rules,
}

impl<'a> Recognised<'a> {
    pub(super) fn new(layout: &'static Layout, tensors: Tensors<'a>) -> Self {
        let arch = (layout.arch)(&tensors);
        Self::with(layout, tensors, arch)
    }

    pub(super) fn with(layout: &'static Layout, tensors: Tensors<'a>, arch: Arch) -> Self {
        let mut rules = Rules::new(arch);
        (layout.rules)(&mut rules);
        Self { layout, tensors, arch, rules }
    }
}
