//! The checkpoints that other implementations leave behind: how each is recognised, and which of its tensors is which of ours.
//!
//! Names and shapes alone say what a file is; no code of its maker is needed. A layout is a table, in the file of its trunk.

mod mobilenet;
mod recognise;
mod resnet;
mod rules;
mod vgg;

use std::fmt;
use std::str::FromStr;

use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::Clip;

pub(crate) use self::recognise::{Recognised, recognise};
pub(crate) use self::rules::{Origin, Rows, Rules};

/// A way of naming and ordering the tensors of a detector, or of a trunk alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// torchvision `ssd300_vgg16`.
    TorchvisionSsd300,
    /// torchvision `ssdlite320_mobilenet_v3_large`.
    TorchvisionSsdLite320,
    /// mmdetection `ssd300`, from version 2.14 on.
    MmdetectionSsd300,
    /// NVIDIA's `SSD300` on ResNet-50 or ResNet-34.
    NvidiaSsd300,
    /// lufficc's SSD on VGG16, 300 or 512 pixels.
    LufficcVgg,
    /// ssd.pytorch.
    AmdegrootSsd300,
    /// pytorch-ssd `vgg16-ssd`.
    QfgaohaoVgg16,
    /// pytorch-ssd `mb2-ssd-lite`.
    QfgaohaoMobileNetV2,
    /// pytorch-ssd `mb1-ssd`.
    QfgaohaoMobileNetV1,
    /// torchvision `resnet34` or `resnet50`: a trunk.
    TorchvisionResNet,
    /// torchvision `vgg16`: a trunk.
    TorchvisionVgg16,
    /// ssd.pytorch's `vgg16_reducedfc`: a trunk.
    AmdegrootVgg16,
}

/// What a layout's detectors have that their files do not say. The counts are caffe's where a project's own are smaller, which only
/// leaves out what scores least.
pub(crate) struct Habits {
    /// How pixels enter the network.
    pub(crate) normalization: Normalization,
    /// What is done with priors at the border.
    pub(crate) clip: Clip,
    /// Sizes of the priors of a model of so many classes.
    pub(crate) sizes: Sizes,
    /// Overlap above which the weaker of two boxes goes.
    pub(crate) iou: f32,
    /// Candidates of a class, detections of a picture.
    pub(crate) counts: (usize, usize),
}

/// The sizes that the networks on VGG16 and ResNet are trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// 0.1 of the picture and up: caffe's for Pascal VOC.
    Voc,
    /// 0.07 of the picture and up: caffe's for COCO.
    Coco,
    /// Those of the architecture, which has no others.
    Own,
}

impl Layout {
    /// All of them, in the order in which they are tried: what has more to be recognised by comes first.
    pub const ALL: [Self; 12] = [
        Self::TorchvisionSsd300,
        Self::TorchvisionSsdLite320,
        Self::MmdetectionSsd300,
        Self::NvidiaSsd300,
        Self::LufficcVgg,
        Self::AmdegrootSsd300,
        Self::QfgaohaoVgg16,
        Self::QfgaohaoMobileNetV2,
        Self::QfgaohaoMobileNetV1,
        Self::TorchvisionResNet,
        Self::TorchvisionVgg16,
        Self::AmdegrootVgg16,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::TorchvisionSsd300 => "torchvision-ssd300-vgg16",
            Self::TorchvisionSsdLite320 => "torchvision-ssdlite320-mobilenet-v3-large",
            Self::MmdetectionSsd300 => "mmdetection-ssd300",
            Self::NvidiaSsd300 => "nvidia-ssd300",
            Self::LufficcVgg => "lufficc-vgg",
            Self::AmdegrootSsd300 => "amdegroot-ssd300",
            Self::QfgaohaoVgg16 => "qfgaohao-vgg16-ssd",
            Self::QfgaohaoMobileNetV2 => "qfgaohao-mb2-ssd-lite",
            Self::QfgaohaoMobileNetV1 => "qfgaohao-mb1-ssd",
            Self::TorchvisionResNet => "torchvision-resnet",
            Self::TorchvisionVgg16 => "torchvision-vgg16",
            Self::AmdegrootVgg16 => "amdegroot-vgg16-reducedfc",
        }
    }

    /// Whether the file is a trunk to start a training from, and no detector.
    pub fn is_trunk(self) -> bool {
        matches!(self, Self::TorchvisionResNet | Self::TorchvisionVgg16 | Self::AmdegrootVgg16)
    }

    /// Names that a file of this layout has, and no file of a layout after it.
    fn signature(self) -> &'static [&'static str] {
        match self {
            Self::TorchvisionSsd300 => &["head.classification_head.module_list.0.weight", "backbone.features.0.weight"],
            Self::TorchvisionSsdLite320 => {
                &["head.classification_head.module_list.0.0.0.weight", "backbone.features.0.0.0.weight"]
            }
            Self::MmdetectionSsd300 => &["bbox_head.cls_convs.0.0.weight", "backbone.features.0.weight"],
            Self::NvidiaSsd300 => &["additional_blocks.0.0.weight", "feature_extractor.feature_extractor.0.weight"],
            Self::LufficcVgg => &["box_head.predictor.cls_headers.0.weight", "backbone.vgg.0.weight"],
            Self::AmdegrootSsd300 => &["conf.0.weight", "vgg.0.weight"],
            Self::QfgaohaoVgg16 => &["classification_headers.0.weight", "base_net.2.weight"],
            Self::QfgaohaoMobileNetV2 => &["classification_headers.0.0.weight", "base_net.1.conv.0.weight"],
            Self::QfgaohaoMobileNetV1 => &["classification_headers.0.weight", "base_net.1.3.weight"],
            Self::TorchvisionResNet => &["layer1.0.conv1.weight", "layer3.0.conv1.weight", "conv1.weight"],
            Self::TorchvisionVgg16 => &["features.0.weight", "features.28.weight"],
            Self::AmdegrootVgg16 => &["0.weight", "31.weight", "33.weight"],
        }
    }

    /// The network in a file of this layout.
    pub(crate) fn arch(self, shape: &dyn Fn(&str) -> Option<Vec<usize>>) -> Arch {
        let has = |name: &str| shape(name).is_some();
        match self {
            Self::TorchvisionSsd300
            | Self::MmdetectionSsd300
            | Self::AmdegrootSsd300
            | Self::TorchvisionVgg16
            | Self::AmdegrootVgg16 => Arch::Ssd300Vgg16,
            Self::TorchvisionSsdLite320 if shape(LITE_TAIL).is_some_and(|shape| shape.first() == Some(&160)) => {
                Arch::SsdLite320MobileNetV3LargeWide
            }
            Self::TorchvisionSsdLite320 => Arch::SsdLite320MobileNetV3Large,
            Self::NvidiaSsd300 if has("feature_extractor.feature_extractor.4.0.conv3.weight") => Arch::Ssd300ResNet50,
            Self::NvidiaSsd300 => Arch::Ssd300ResNet34,
            Self::TorchvisionResNet if has("layer1.0.conv3.weight") => Arch::Ssd300ResNet50,
            Self::TorchvisionResNet => Arch::Ssd300ResNet34,
            Self::LufficcVgg if has("backbone.extras.9.weight") => Arch::Ssd512Vgg16,
            Self::LufficcVgg => Arch::Ssd300Vgg16,
            // Before 2018-09 it was the paper's normalisation.
            Self::QfgaohaoVgg16 if has("source_layer_add_ons.0.scale") => Arch::Ssd300Vgg16,
            Self::QfgaohaoVgg16 => Arch::Ssd300Vgg16SourceBn,
            Self::QfgaohaoMobileNetV2 => Arch::Ssd300MobileNetV2Lite,
            Self::QfgaohaoMobileNetV1 => Arch::Ssd300MobileNetV1,
        }
    }

    /// Which of its tensors is which of ours.
    pub(crate) fn rules(self, arch: Arch, classes: usize) -> Rules {
        let mut rules = Rules::default();
        match self {
            Self::TorchvisionSsd300 => vgg::torchvision(&mut rules),
            Self::MmdetectionSsd300 => vgg::mmdetection(&mut rules, classes),
            Self::LufficcVgg => vgg::lufficc(&mut rules),
            Self::AmdegrootSsd300 => vgg::amdegroot(&mut rules),
            Self::QfgaohaoVgg16 => vgg::qfgaohao(&mut rules),
            Self::TorchvisionVgg16 => vgg::torchvision_trunk(&mut rules),
            Self::AmdegrootVgg16 => vgg::amdegroot_trunk(&mut rules),
            Self::NvidiaSsd300 => resnet::nvidia(&mut rules, arch),
            Self::TorchvisionResNet => resnet::torchvision_trunk(&mut rules),
            Self::QfgaohaoMobileNetV1 => mobilenet::v1(&mut rules),
            Self::QfgaohaoMobileNetV2 => mobilenet::v2(&mut rules),
            Self::TorchvisionSsdLite320 => mobilenet::v3(&mut rules),
        }
        rules
    }

    /// What is not in the file, for a model of `classes` classes.
    pub(crate) fn habits(self, classes: usize) -> Habits {
        let sizes = if matches!(classes, 81 | 91) { Sizes::Coco } else { Sizes::Voc };
        let habits = |normalization, clip, sizes| Habits { normalization, clip, sizes, iou: 0.45, counts: (400, 200) };
        match self {
            Self::TorchvisionSsd300 => habits(TORCHVISION_SSD300, Clip::Size, Sizes::Coco),
            Self::TorchvisionSsdLite320 => {
                Habits { iou: 0.55, counts: (300, 300), ..habits(Normalization::UNIT, Clip::Size, Sizes::Own) }
            }
            Self::MmdetectionSsd300 => habits(MMDETECTION_SSD300, Clip::None, sizes),
            Self::NvidiaSsd300 => Habits { iou: 0.5, ..habits(Normalization::IMAGENET, Clip::All, Sizes::Coco) },
            Self::LufficcVgg | Self::AmdegrootSsd300 => habits(Normalization::CAFFE, Clip::All, sizes),
            Self::QfgaohaoVgg16 => habits(Normalization::CAFFE, Clip::All, Sizes::Voc),
            Self::QfgaohaoMobileNetV1 | Self::QfgaohaoMobileNetV2 => {
                habits(Normalization::MOBILENET, Clip::All, Sizes::Own)
            }
            // Trunks have no priors: this is not asked of them.
            Self::TorchvisionResNet | Self::TorchvisionVgg16 | Self::AmdegrootVgg16 => {
                habits(Normalization::CAFFE, Clip::None, Sizes::Own)
            }
        }
    }
}

/// The first tensor of torchvision's SSDLite that says how wide the tail is.
const LITE_TAIL: &str = "backbone.features.1.0.3.0.weight";

/// Caffe's mean as fractions of 255, rounded: torchvision, `ssd.py`.
const TORCHVISION_SSD300: Normalization =
    Normalization { mean: [0.48235 * 255.0, 0.45882 * 255.0, 0.40784 * 255.0], std: [1.0; 3] };

/// ImageNet's mean, undivided: mmdetection, `configs/ssd/ssd300_coco.py`.
const MMDETECTION_SSD300: Normalization = Normalization { mean: [123.675, 116.28, 103.53], std: [1.0; 3] };

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no layout {0:?}; choose auto or one of {list}", list = Layout::ALL.map(Layout::name).join(", "))]
pub struct UnknownLayout(String);

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(name: &str) -> Result<Self, UnknownLayout> {
        Self::ALL.into_iter().find(|layout| layout.name() == name).ok_or_else(|| UnknownLayout(name.into()))
    }
}
