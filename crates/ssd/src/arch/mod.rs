//! The architectures: a row of a table each, which heads, priors, weights files and programs read.
//!
//! What a trunk computes is in [`crate::model`]. An architecture on a trunk that is there needs its row, its maps in
//! `maps.rs` and nothing else; one on a new trunk also needs a [`Trunk`], its module and that module's row in
//! `model/mod.rs`.

mod maps;
mod scale;
#[cfg(test)]
mod tests;
mod trunk;

pub use self::maps::FeatureMap;
pub use self::scale::Scale;
pub(crate) use self::scale::divisible;
pub use self::trunk::{Depth, HeadKind, Inverted, Separables, Trunk, Variant};

use self::maps::{
    MOBILENET_V1_300, MOBILENET_V2_300, MOBILENET_V3_320, MOBILENET_V3_WIDE_320, RESNET34_300, RESNET50_300, VGG16_300,
    VGG16_512, maps, tensorflow,
};
use crate::codec::Variances;
use crate::names::by_name;
use crate::postprocess::ScoreActivation::{self, Sigmoid, Softmax};
use crate::preprocess::{Normalization, Preprocess};
use crate::priors::{Clip, PriorScheme};

/// What tells an architecture from the others.
struct Row {
    /// On the command line and in weights files.
    name: String,
    /// For people.
    title: &'static str,
    /// Side of the square input, in pixels.
    input_size: usize,
    normalization: Normalization,
    trunk: Trunk,
    heads: HeadKind,
    /// The feature maps, finest first.
    maps: Vec<FeatureMap>,
    /// What happens to priors that reach over the border.
    clip: Clip,
    /// How the scores of a newly trained model follow from its logits.
    scores: ScoreActivation,
}

/// Makes the enumeration and its table of the rows. A row with `(scale)` is an architecture of any scale.
macro_rules! architectures {
    ($($(#[$doc:meta])* $arch:ident $(($scale:ident))? { name: $name:expr, $($row:tt)* })+) => {
        /// An architecture that this crate can build.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Arch { $($(#[$doc])* $arch $((scale!(of $scale: type)))?,)+ }

        impl Arch {
            /// All, in the order in which people see them: first those to train, then the variants that converted
            /// weights bring. Those of any scale are there once, with the full one.
            pub const ALL: [Self; [$(stringify!($arch)),+].len()] =
                [$(Self::$arch $((scale!(of $scale: full)))?),+];

            fn row(self) -> Row {
                match self { $(Self::$arch $(($scale))? => Row { name: String::from($name), $($row)* },)+ }
            }

            /// The same at another scale, where there are others.
            pub fn at(self, to: Scale) -> Self {
                match self { $(Self::$arch $((scale!(of $scale: any)))? => Self::$arch $((scale!(of $scale: to)))?,)+ }
            }
        }
    };
}

/// What stands in an [`Arch`] for the scale of a row.
macro_rules! scale {
    (of $scale:ident: type) => {
        Scale
    };
    (of $scale:ident: full) => {
        Scale::FULL
    };
    (of $scale:ident: any) => {
        _
    };
    (of $scale:ident: $value:ident) => {
        $value
    };
}

architectures! {
    /// The paper's network, 300 x 300: VGG16 with fc6 and fc7 as convolutions.
    Ssd300Vgg16 {
        name: "ssd300-vgg16", title: "SSD300 with VGG16",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::Plain),
        heads: HeadKind::Dense, maps: maps(&VGG16_300, 315.0, 300), clip: Clip::None, scores: Softmax,
    }
    /// The same with batch norm after each convolution of the trunk and the extras, to learn without a pretrained
    /// trunk.
    Ssd300Vgg16Bn {
        name: "ssd300-vgg16-bn", title: "SSD300 with VGG16 and batch norm",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::BatchNorm),
        heads: HeadKind::Dense, maps: maps(&VGG16_300, 315.0, 300), clip: Clip::None, scores: Softmax,
    }
    /// ResNet-34 as in NVIDIA's SSD300: cut after conv4, which keeps its size.
    Ssd300ResNet34 {
        name: "ssd300-resnet34", title: "SSD300 with ResNet-34",
        input_size: 300, normalization: Normalization::IMAGENET, trunk: Trunk::ResNet(Depth::ResNet34),
        heads: HeadKind::Dense, maps: maps(&RESNET34_300, 315.0, 300), clip: Clip::All, scores: Softmax,
    }
    /// MobileNetV1 with plain extras and heads, as pytorch-ssd's `mb1-ssd`.
    Ssd300MobileNetV1 {
        name: "ssd300-mobilenet-v1", title: "SSD300 with MobileNetV1",
        input_size: 300, normalization: Normalization::MOBILENET, trunk: Trunk::MobileNetV1(Separables::PyTorchSsd),
        heads: HeadKind::Dense, maps: maps(&MOBILENET_V1_300, 330.0, 300), clip: Clip::All, scores: Softmax,
    }
    /// MobileNetV2 with separable extras and heads, as pytorch-ssd's `mb2-ssd-lite`.
    Ssd300MobileNetV2Lite {
        name: "ssd300-mobilenet-v2-lite", title: "SSDLite300 with MobileNetV2",
        input_size: 300, normalization: Normalization::MOBILENET, trunk: Trunk::Inverted(Inverted::MobileNetV2),
        heads: HeadKind::BiasedSeparable, maps: maps(&MOBILENET_V2_300, 330.0, 300), clip: Clip::All, scores: Softmax,
    }
    /// MobileNetV3-Large with a narrow tail, separable extras and heads, as torchvision's SSDLite.
    SsdLite320MobileNetV3Large {
        name: "ssdlite320-mobilenet-v3-large", title: "SSDLite320 with MobileNetV3-Large",
        input_size: 320, normalization: Normalization::UNIT, trunk: Trunk::Inverted(Inverted::MobileNetV3),
        heads: HeadKind::Separable, maps: maps(&MOBILENET_V3_320, 320.0, 320), clip: Clip::Size, scores: Softmax,
    }
    /// The same with the classifier's tail, twice as wide: what torchvision builds around a pretrained trunk.
    SsdLite320MobileNetV3LargeWide {
        name: "ssdlite320-mobilenet-v3-large-wide", title: "SSDLite320 with MobileNetV3-Large and a wide tail",
        input_size: 320, normalization: Normalization::UNIT, trunk: Trunk::Inverted(Inverted::MobileNetV3Wide),
        heads: HeadKind::Separable, maps: maps(&MOBILENET_V3_WIDE_320, 320.0, 320), clip: Clip::Size, scores: Softmax,
    }
    /// ResNet-50, NVIDIA's own choice.
    Ssd300ResNet50 {
        name: "ssd300-resnet50", title: "SSD300 with ResNet-50",
        input_size: 300, normalization: Normalization::IMAGENET, trunk: Trunk::ResNet(Depth::ResNet50),
        heads: HeadKind::Dense, maps: maps(&RESNET50_300, 315.0, 300), clip: Clip::All, scores: Softmax,
    }
    /// The paper's network with batch norm in place of the L2 normalisation of conv4_3, as pytorch-ssd's `vgg16-ssd`.
    Ssd300Vgg16SourceBn {
        name: "ssd300-vgg16-source-bn", title: "SSD300 with VGG16 and batch norm on conv4_3",
        input_size: 300, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::SourceBatchNorm),
        heads: HeadKind::Dense, maps: maps(&VGG16_300, 315.0, 300), clip: Clip::All, scores: Softmax,
    }
    /// The paper's network for 512 x 512 pixels, with a seventh feature map.
    Ssd512Vgg16 {
        name: "ssd512-vgg16", title: "SSD512 with VGG16",
        input_size: 512, normalization: Normalization::CAFFE, trunk: Trunk::Vgg16(Variant::Large),
        heads: HeadKind::Dense, maps: maps(&VGG16_512, 537.65, 512), clip: Clip::None, scores: Softmax,
    }
    /// TensorFlow's SSD on MobileNetV1, with 1x1 heads.
    SsdMobileNetV1Tf(scale) {
        name: scale.name("ssd", "mobilenet-v1-tf"), title: "TensorFlow's SSD with MobileNetV1",
        input_size: scale.input_px.into(), normalization: Normalization::UNIT,
        trunk: Trunk::MobileNetV1(Separables::TensorFlow(scale)), heads: HeadKind::Pointwise,
        maps: tensorflow([512, 1024, 512, 256, 256, 128].map(|channels| scale.rounded_down(channels)), scale),
        clip: Clip::None, scores: Sigmoid,
    }
    /// TensorFlow's SSDLite on MobileNetV2.
    SsdLiteMobileNetV2Tf(scale) {
        name: scale.name("ssdlite", "mobilenet-v2-tf"), title: "TensorFlow's SSDLite with MobileNetV2",
        input_size: scale.input_px.into(), normalization: Normalization::UNIT,
        trunk: Trunk::Inverted(Inverted::MobileNetV2Tf(scale)), heads: HeadKind::PlainSeparable,
        maps: tensorflow(lite_maps([6 * scale.divisible(96), scale.divisible(1280)], scale), scale),
        clip: Clip::None, scores: Sigmoid,
    }
    /// TensorFlow's SSDLite on MobileNetV3-Small.
    SsdLiteMobileNetV3SmallTf(scale) {
        name: scale.name("ssdlite", "mobilenet-v3-small-tf"), title: "TensorFlow's SSDLite with MobileNetV3-Small",
        input_size: scale.input_px.into(), normalization: Normalization::UNIT,
        trunk: Trunk::Inverted(Inverted::MobileNetV3SmallTf(scale)), heads: HeadKind::PlainSeparable,
        maps: tensorflow(lite_maps([6 * scale.divisible(48), scale.divisible(288)], scale), scale),
        clip: Clip::None, scores: Sigmoid,
    }
}

by_name!(Arch, "architecture", UnknownArch);

impl Arch {
    /// The name, as on the command line and in weights files.
    pub fn name(self) -> String {
        self.row().name
    }

    /// The architecture of a name, of any scale that exists.
    fn find(name: &str) -> Option<Self> {
        let scale = Scale::in_name(name);
        let at = |arch: Self| scale.map_or(arch, |scale| arch.at(scale));
        Self::ALL.into_iter().map(at).find(|arch| arch.name() == name)
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
    pub fn feature_maps(self) -> Vec<FeatureMap> {
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

    /// How the scores of a newly trained model follow from its logits. A converted one says itself.
    pub fn scores(self) -> ScoreActivation {
        self.row().scores
    }

    /// The priors of a newly trained model. A converted one brings its own.
    pub fn prior_scheme(self) -> PriorScheme {
        let Row { maps, clip, .. } = self.row();
        let levels = maps.into_iter().map(|map| map.priors).collect();
        PriorScheme { levels, clip, variances: Variances::default(), listed: None }
    }
}

/// Channels of TensorFlow's SSDLite: those of its two sources, then the extras'.
fn lite_maps([inside, last]: [usize; 2], scale: Scale) -> [usize; 6] {
    let [first, second, third, fourth] = [512, 256, 256, 128].map(|channels| scale.rounded_down(channels));
    [inside, last, first, second, third, fourth]
}
