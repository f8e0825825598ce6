//! The architectures: a row of a table each, which heads, priors, weights files and programs read.
//!
//! What a trunk computes is in [`crate::model`]. An architecture on a trunk that is there needs its row and nothing
//! else; one on a new trunk also needs a [`Trunk`], its module and that module's row in `model/mod.rs`.

use crate::codec::Variances;
use crate::names::by_name;
use crate::preprocess::{Normalization, Preprocess};
use crate::priors::{Clip, PriorLevel, PriorScheme, boxes_per_cell};

/// What tells an architecture from the others.
struct Row {
    /// On the command line and in weights files.
    name: &'static str,
    /// For people.
    title: &'static str,
    /// Side of the square input, in pixels.
    input_size: usize,
    normalization: Normalization,
    trunk: Trunk,
    heads: HeadKind,
    /// The feature maps, finest first.
    maps: &'static [FeatureMap],
    /// What the sizes of `maps` go on with, in input pixels: the larger square of the last map needs it.
    last_next_px: f64,
    /// What happens to priors that reach over the border.
    clip: Clip,
}

/// Makes the enumeration and its table of the rows.
macro_rules! architectures {
    ($($(#[$doc:meta])* $arch:ident { $($row:tt)* })+) => {
        /// An architecture that this crate can build.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Arch { $($(#[$doc])* $arch,)+ }

        impl Arch {
            /// All, in the order in which people see them: first those to train, then the variants that converted
            /// weights bring.
            pub const ALL: [Self; [$(Arch::$arch),+].len()] = [$(Self::$arch),+];

            fn row(self) -> &'static Row {
                match self { $(Self::$arch => const { &Row { $($row)* } },)+ }
            }
        }
    };
}

architectures! {
    /// The paper's network, 300 x 300: VGG16 with fc6 and fc7 as convolutions.
    Ssd300Vgg16 {
        name: "ssd300-vgg16", title: "SSD300 with VGG16",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::Plain),
        heads: HeadKind::Dense, maps: &VGG16_300, last_next_px: 315.0, clip: Clip::None,
    }
    /// The same with batch norm after each convolution of the trunk and the extras, to learn without a pretrained
    /// trunk.
    Ssd300Vgg16Bn {
        name: "ssd300-vgg16-bn", title: "SSD300 with VGG16 and batch norm",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::BatchNorm),
        heads: HeadKind::Dense, maps: &VGG16_300, last_next_px: 315.0, clip: Clip::None,
    }
    /// ResNet-34 as in NVIDIA's SSD300: cut after conv4, which keeps its size.
    Ssd300ResNet34 {
        name: "ssd300-resnet34", title: "SSD300 with ResNet-34",
        input_size: 300, normalization: Normalization::IMAGENET, trunk: Trunk::ResNet(Depth::ResNet34),
        heads: HeadKind::Dense, maps: &RESNET34_300, last_next_px: 315.0, clip: Clip::All,
    }
    /// MobileNetV1 with plain extras and heads, as pytorch-ssd's `mb1-ssd`.
    Ssd300MobileNetV1 {
        name: "ssd300-mobilenet-v1", title: "SSD300 with MobileNetV1",
        input_size: 300, normalization: Normalization::MOBILENET, trunk: Trunk::MobileNetV1,
        heads: HeadKind::Dense, maps: &MOBILENET_V1_300, last_next_px: 330.0, clip: Clip::All,
    }
    /// MobileNetV2 with separable extras and heads, as pytorch-ssd's `mb2-ssd-lite`.
    Ssd300MobileNetV2Lite {
        name: "ssd300-mobilenet-v2-lite", title: "SSDLite300 with MobileNetV2",
        input_size: 300, normalization: Normalization::MOBILENET, trunk: Trunk::Inverted(Inverted::MobileNetV2),
        heads: HeadKind::BiasedSeparable, maps: &MOBILENET_V2_300, last_next_px: 330.0, clip: Clip::All,
    }
    /// MobileNetV3-Large with a narrow tail, separable extras and heads, as torchvision's SSDLite.
    SsdLite320MobileNetV3Large {
        name: "ssdlite320-mobilenet-v3-large", title: "SSDLite320 with MobileNetV3-Large",
        input_size: 320, normalization: Normalization::UNIT, trunk: Trunk::Inverted(Inverted::MobileNetV3),
        heads: HeadKind::Separable, maps: &MOBILENET_V3_320, last_next_px: 320.0, clip: Clip::Size,
    }
    /// The same with the classifier's tail, twice as wide: what torchvision builds around a pretrained trunk.
    SsdLite320MobileNetV3LargeWide {
        name: "ssdlite320-mobilenet-v3-large-wide", title: "SSDLite320 with MobileNetV3-Large and a wide tail",
        input_size: 320, normalization: Normalization::UNIT, trunk: Trunk::Inverted(Inverted::MobileNetV3Wide),
        heads: HeadKind::Separable, maps: &MOBILENET_V3_WIDE_320, last_next_px: 320.0, clip: Clip::Size,
    }
    /// ResNet-50, NVIDIA's own choice.
    Ssd300ResNet50 {
        name: "ssd300-resnet50", title: "SSD300 with ResNet-50",
        input_size: 300, normalization: Normalization::IMAGENET, trunk: Trunk::ResNet(Depth::ResNet50),
        heads: HeadKind::Dense, maps: &RESNET50_300, last_next_px: 315.0, clip: Clip::All,
    }
    /// The paper's network with batch norm in place of the L2 normalisation of conv4_3, as pytorch-ssd's `vgg16-ssd`.
    Ssd300Vgg16SourceBn {
        name: "ssd300-vgg16-source-bn", title: "SSD300 with VGG16 and batch norm on conv4_3",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::SourceBatchNorm),
        heads: HeadKind::Dense, maps: &VGG16_300, last_next_px: 315.0, clip: Clip::All,
    }
    /// The paper's network for 512 x 512 pixels, with a seventh feature map.
    Ssd512Vgg16 {
        name: "ssd512-vgg16", title: "SSD512 with VGG16",
        input_size: 512, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::Large),
        heads: HeadKind::Dense, maps: &VGG16_512, last_next_px: 537.65, clip: Clip::None,
    }
}

by_name!(Arch, "architecture", UnknownArch);

/// A trunk with its extras.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trunk {
    /// VGG16.
    Vgg16(Variant),
    /// ResNet, cut after conv4.
    ResNet(Depth),
    /// MobileNetV1.
    MobileNetV1,
    /// A trunk of inverted residuals.
    Inverted(Inverted),
}

/// What differs between the networks on VGG16, all of it around the trunk or after its convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The paper's, for 300 pixels.
    Plain,
    /// With batch norm after each convolution.
    BatchNorm,
    /// With batch norm on conv4_3 in place of the L2 normalisation: pytorch-ssd.
    SourceBatchNorm,
    /// The paper's, for 512 pixels.
    Large,
}

/// Which ResNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Blocks of two 3x3 convolutions.
    ResNet34,
    /// Blocks of 1x1, 3x3 and 1x1, four times as wide at their end.
    ResNet50,
}

/// Which trunk of inverted residuals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inverted {
    /// MobileNetV2.
    MobileNetV2,
    /// MobileNetV3-Large with a tail, all after the inside of block 13, of half the classifier's width: MobileNetV3
    /// paper, §6.3.
    MobileNetV3,
    /// MobileNetV3-Large with the classifier's tail.
    MobileNetV3Wide,
}

impl Trunk {
    /// Stages that can be kept from learning: conv1 to conv5 of VGG16, conv1 to conv4 of ResNet; in the MobileNets one
    /// for each halving of the picture.
    pub fn stages(self) -> usize {
        match self {
            Self::ResNet(_) => 4,
            Self::Vgg16(_) | Self::MobileNetV1 | Self::Inverted(_) => 5,
        }
    }

    /// Whether weights of one trunk have their place in the other: the convolutions of VGG16 are the same in all its
    /// variants.
    pub fn shares_weights_with(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Vgg16(_), Self::Vgg16(_)))
    }
}

/// Which convolutions a head is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    /// One 3x3 convolution: the paper's.
    Dense,
    /// Depthwise 3x3 with a bias before its norm, then 1x1; on a map of one cell 1x1 alone: pytorch-ssd's SSDLite.
    BiasedSeparable,
    /// Depthwise 3x3, then 1x1: torchvision's SSDLite (MobileNetV2 paper, §6.2).
    Separable,
}

/// A feature map that heads look at, and the priors on it.
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

impl FeatureMap {
    /// Priors in each cell.
    pub fn boxes_per_cell(&self) -> usize {
        boxes_per_cell(self.ratios)
    }
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

/// SSD300 on ResNet, whose conv4 has `conv4` channels: NVIDIA, `ssd/model.py` and `dboxes300_coco`.
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
    /// The name, as on the command line and in weights files.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name for people, such as "SSD300 with VGG16".
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Trunk and extras.
    pub fn trunk(self) -> Trunk {
        self.row().trunk
    }

    /// The heads.
    pub fn heads(self) -> HeadKind {
        self.row().heads
    }

    /// The feature maps, finest first.
    pub fn feature_maps(self) -> &'static [FeatureMap] {
        self.row().maps
    }

    /// Side of the square input, in pixels.
    pub fn input_size(self) -> usize {
        self.row().input_size
    }

    /// How pixels enter the network.
    pub fn preprocess(self) -> Preprocess {
        Preprocess { input_size: self.input_size(), normalization: self.row().normalization }
    }

    /// The priors of a newly trained model. A converted one brings its own.
    pub fn prior_scheme(self) -> PriorScheme {
        let Row { maps, last_next_px, clip, .. } = *self.row();
        let input = self.input_size() as f64;
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
