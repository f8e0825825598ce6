//! The networks there are, each as one table of feature maps that heads, priors and tests all read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::codec::Variances;
use crate::preprocess::{Normalization, Preprocess};
use crate::priors::{Clip, PriorLevel, PriorScheme};

/// An architecture that this crate can build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Arch {
    /// The paper's network: VGG16 with fc6 and fc7 as convolutions, 300 x 300.
    #[serde(rename = "ssd300-vgg16")]
    Ssd300Vgg16,
    /// The same with batch norm after each convolution of the trunk and the extras, for learning without a pretrained backbone.
    #[serde(rename = "ssd300-vgg16-bn")]
    Ssd300Vgg16Bn,
    /// ResNet-34 cut after conv4, which keeps its size, as NVIDIA's SSD300, 300 x 300.
    #[serde(rename = "ssd300-resnet34")]
    Ssd300ResNet34,
    /// The same with ResNet-50, NVIDIA's own choice.
    #[serde(rename = "ssd300-resnet50")]
    Ssd300ResNet50,
    /// MobileNetV1 with plain extras and heads, as pytorch-ssd's `mb1-ssd`, 300 x 300.
    #[serde(rename = "ssd300-mobilenet-v1")]
    Ssd300MobileNetV1,
    /// MobileNetV2 with depthwise separable extras and heads, as pytorch-ssd's `mb2-ssd-lite`, 300 x 300.
    #[serde(rename = "ssd300-mobilenet-v2-lite")]
    Ssd300MobileNetV2Lite,
    /// MobileNetV3-Large with a narrow tail, separable extras and heads, as torchvision's, 320 x 320.
    #[serde(rename = "ssdlite320-mobilenet-v3-large")]
    SsdLite320MobileNetV3Large,
    /// The same with the tail of the classifier, twice as wide: what torchvision makes around a pretrained trunk.
    #[serde(rename = "ssdlite320-mobilenet-v3-large-wide")]
    SsdLite320MobileNetV3LargeWide,
    /// The paper's network with batch norm in place of the L2 normalisation of conv4_3, as pytorch-ssd's `vgg16-ssd`.
    #[serde(rename = "ssd300-vgg16-source-bn")]
    Ssd300Vgg16SourceBn,
    /// The paper's network for 512 x 512 pixels, with a seventh feature map.
    #[serde(rename = "ssd512-vgg16")]
    Ssd512Vgg16,
}

/// One row of an architecture's table: a feature map that heads look at, and the priors on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureMap {
    /// The map has `grid` x `grid` cells.
    pub grid: usize,
    /// Channels that enter the heads.
    pub channels: usize,
    /// Distance of two prior centres, in input pixels; `None` where they divide the input evenly.
    pub step_px: Option<f64>,
    /// Side of the small square prior, in input pixels.
    pub size_px: f64,
    /// Aspect ratios besides 1; each gives a wide and a tall prior.
    pub ratios: &'static [f64],
}

const fn map(grid: usize, channels: usize, step_px: f64, size_px: f64, ratios: &'static [f64]) -> FeatureMap {
    FeatureMap { grid, channels, step_px: Some(step_px), size_px, ratios }
}

/// SSD300 on VGG16: paper §3.1, with the sizes of caffe's `ssd_pascal.py` (VOC).
const VGG16_300: [FeatureMap; 6] = [
    map(38, 512, 8.0, 30.0, &[2.0]),
    map(19, 1024, 16.0, 60.0, &[2.0, 3.0]),
    map(10, 512, 32.0, 111.0, &[2.0, 3.0]),
    map(5, 256, 64.0, 162.0, &[2.0, 3.0]),
    map(3, 256, 100.0, 213.0, &[2.0]),
    map(1, 256, 300.0, 264.0, &[2.0]),
];

/// SSD512 on VGG16: paper §3.2, with the sizes of lufficc's `vgg_ssd512_voc0712.yaml`.
const VGG16_512: [FeatureMap; 7] = [
    map(64, 512, 8.0, 35.84, &[2.0]),
    map(32, 1024, 16.0, 76.8, &[2.0, 3.0]),
    map(16, 512, 32.0, 153.6, &[2.0, 3.0]),
    map(8, 256, 64.0, 230.4, &[2.0, 3.0]),
    map(4, 256, 128.0, 307.2, &[2.0, 3.0]),
    map(2, 256, 256.0, 384.0, &[2.0]),
    map(1, 256, 512.0, 460.8, &[2.0]),
];

/// SSD300 on ResNet, with channels of the two first maps: NVIDIA, `ssd/model.py` and `dboxes300_coco`.
const fn resnet_300(conv4: usize) -> [FeatureMap; 6] {
    [
        map(38, conv4, 8.0, 21.0, &[2.0]),
        map(19, 512, 16.0, 45.0, &[2.0, 3.0]),
        map(10, 512, 32.0, 99.0, &[2.0, 3.0]),
        map(5, 256, 64.0, 153.0, &[2.0, 3.0]),
        map(3, 256, 100.0, 207.0, &[2.0]),
        map(1, 256, 300.0, 261.0, &[2.0]),
    ]
}
const RESNET34_300: [FeatureMap; 6] = resnet_300(256);
const RESNET50_300: [FeatureMap; 6] = resnet_300(1024);

/// pytorch-ssd's two MobileNets, which differ in their channels alone: `mobilenetv1_ssd_config.py`.
const fn mobilenet_300(channels: [usize; 6]) -> [FeatureMap; 6] {
    [
        map(19, channels[0], 16.0, 60.0, &[2.0, 3.0]),
        map(10, channels[1], 32.0, 105.0, &[2.0, 3.0]),
        map(5, channels[2], 64.0, 150.0, &[2.0, 3.0]),
        map(3, channels[3], 100.0, 195.0, &[2.0, 3.0]),
        map(2, channels[4], 150.0, 240.0, &[2.0, 3.0]),
        map(1, channels[5], 300.0, 285.0, &[2.0, 3.0]),
    ]
}
const MOBILENET_V1_300: [FeatureMap; 6] = mobilenet_300([512, 1024, 512, 256, 256, 256]);
const MOBILENET_V2_300: [FeatureMap; 6] = mobilenet_300([576, 1280, 512, 256, 256, 64]);

const fn even(grid: usize, channels: usize, size_px: f64) -> FeatureMap {
    FeatureMap { grid, channels, step_px: None, size_px, ratios: &[2.0, 3.0] }
}

/// SSDLite on MobileNetV3: torchvision, `ssdlite.py`, scales of 0.2 to 0.95 of 320 pixels.
const fn mobilenet_v3_320(last: usize) -> [FeatureMap; 6] {
    [
        even(20, 672, 64.0),
        even(10, last, 112.0),
        even(5, 512, 160.0),
        even(3, 256, 208.0),
        even(2, 256, 256.0),
        even(1, 128, 304.0),
    ]
}
const MOBILENET_V3_320: [FeatureMap; 6] = mobilenet_v3_320(480);
const MOBILENET_V3_WIDE_320: [FeatureMap; 6] = mobilenet_v3_320(960);

impl Arch {
    /// All of them: those of the contract in its order, then the variants that only converted weights need.
    pub const ALL: [Self; 10] = [
        Self::Ssd300Vgg16,
        Self::Ssd300Vgg16Bn,
        Self::Ssd300ResNet34,
        Self::Ssd300MobileNetV1,
        Self::Ssd300MobileNetV2Lite,
        Self::SsdLite320MobileNetV3Large,
        Self::SsdLite320MobileNetV3LargeWide,
        Self::Ssd300ResNet50,
        Self::Ssd300Vgg16SourceBn,
        Self::Ssd512Vgg16,
    ];

    /// Stages of the trunk that can be kept from learning: conv1 to conv5 of VGG16, conv1 to conv4 of ResNet; in the MobileNets one
    /// for each halving of the picture.
    pub fn stages(self) -> usize {
        match self {
            Self::Ssd300ResNet34 | Self::Ssd300ResNet50 => 4,
            Self::Ssd300Vgg16
            | Self::Ssd300Vgg16Bn
            | Self::Ssd300Vgg16SourceBn
            | Self::Ssd512Vgg16
            | Self::Ssd300MobileNetV1
            | Self::Ssd300MobileNetV2Lite
            | Self::SsdLite320MobileNetV3Large
            | Self::SsdLite320MobileNetV3LargeWide => 5,
        }
    }

    /// The name, as on the command line and in weights files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssd300Vgg16 => "ssd300-vgg16",
            Self::Ssd300Vgg16Bn => "ssd300-vgg16-bn",
            Self::Ssd300ResNet34 => "ssd300-resnet34",
            Self::Ssd300ResNet50 => "ssd300-resnet50",
            Self::Ssd300MobileNetV1 => "ssd300-mobilenet-v1",
            Self::Ssd300MobileNetV2Lite => "ssd300-mobilenet-v2-lite",
            Self::SsdLite320MobileNetV3Large => "ssdlite320-mobilenet-v3-large",
            Self::SsdLite320MobileNetV3LargeWide => "ssdlite320-mobilenet-v3-large-wide",
            Self::Ssd300Vgg16SourceBn => "ssd300-vgg16-source-bn",
            Self::Ssd512Vgg16 => "ssd512-vgg16",
        }
    }

    /// The feature maps, finest first.
    pub fn feature_maps(self) -> &'static [FeatureMap] {
        match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn | Self::Ssd300Vgg16SourceBn => &VGG16_300,
            Self::Ssd512Vgg16 => &VGG16_512,
            Self::Ssd300ResNet34 => &RESNET34_300,
            Self::Ssd300ResNet50 => &RESNET50_300,
            Self::Ssd300MobileNetV1 => &MOBILENET_V1_300,
            Self::Ssd300MobileNetV2Lite => &MOBILENET_V2_300,
            Self::SsdLite320MobileNetV3Large => &MOBILENET_V3_320,
            Self::SsdLite320MobileNetV3LargeWide => &MOBILENET_V3_WIDE_320,
        }
    }

    /// Side of the square input, in pixels.
    pub fn input_size(self) -> usize {
        match self {
            Self::SsdLite320MobileNetV3Large | Self::SsdLite320MobileNetV3LargeWide => 320,
            Self::Ssd512Vgg16 => 512,
            _ => 300,
        }
    }

    /// How pixels enter the network.
    pub fn preprocess(self) -> Preprocess {
        let normalization = match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn | Self::Ssd300Vgg16SourceBn | Self::Ssd512Vgg16 => {
                Normalization::CAFFE
            }
            Self::Ssd300ResNet34 | Self::Ssd300ResNet50 => Normalization::IMAGENET,
            Self::Ssd300MobileNetV1 | Self::Ssd300MobileNetV2Lite => Normalization::MOBILENET,
            Self::SsdLite320MobileNetV3Large | Self::SsdLite320MobileNetV3LargeWide => Normalization::UNIT,
        };
        Preprocess { input_size: self.input_size(), normalization }
    }

    /// The priors of a newly trained model. A converted one brings its own.
    pub fn prior_scheme(self) -> PriorScheme {
        // `next` of the last map, and the border: caffe for VGG, the ports' own otherwise.
        let (last_next_px, clip) = match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn => (315.0, Clip::None),
            Self::Ssd300Vgg16SourceBn | Self::Ssd300ResNet34 | Self::Ssd300ResNet50 => (315.0, Clip::All),
            Self::Ssd512Vgg16 => (537.65, Clip::None),
            Self::Ssd300MobileNetV1 | Self::Ssd300MobileNetV2Lite => (330.0, Clip::All),
            Self::SsdLite320MobileNetV3Large | Self::SsdLite320MobileNetV3LargeWide => (320.0, Clip::Size),
        };
        let input = self.input_size() as f64;
        let maps = self.feature_maps();
        let next_px = maps.iter().skip(1).map(|map| map.size_px).chain([last_next_px]);
        let level = |(map, next_px): (&FeatureMap, f64)| PriorLevel {
            grid: map.grid,
            step: map.step_px.map(|step| step / input),
            size: map.size_px / input,
            next_size: next_px / input,
            ratios: map.ratios.to_vec(),
        };
        PriorScheme { levels: maps.iter().zip(next_px).map(level).collect(), clip, variances: Variances::default() }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no architecture {0:?}; choose one of {list}", list = names())]
pub struct UnknownArch(String);

fn names() -> String {
    Arch::ALL.map(Arch::name).join(", ")
}

impl FromStr for Arch {
    type Err = UnknownArch;

    fn from_str(name: &str) -> Result<Self, UnknownArch> {
        Self::ALL.into_iter().find(|arch| arch.name() == name).ok_or_else(|| UnknownArch(name.into()))
    }
}
