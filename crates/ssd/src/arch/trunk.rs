//! What a network is made of: its trunk with the extras, and its heads.

use super::scale::Scale;

/// A trunk with its extras.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trunk {
    /// VGG16.
    Vgg16(Variant),
    /// ResNet, cut after conv4.
    ResNet(Depth),
    /// MobileNetV1.
    MobileNetV1(Separables),
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

/// Which MobileNetV1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separables {
    /// pytorch-ssd's, with batch norm.
    PyTorchSsd,
    /// TensorFlow's, whose files have their batch norm folded into the convolutions.
    TensorFlow(Scale),
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
    /// TensorFlow's MobileNetV2, without batch norm.
    MobileNetV2Tf(Scale),
    /// TensorFlow's MobileNetV3-Small with a tail of half the classifier's width, without batch norm.
    MobileNetV3SmallTf(Scale),
}

impl Trunk {
    /// Stages that can be kept from learning: conv1 to conv5 of VGG16, conv1 to conv4 of ResNet; in the MobileNets one
    /// for each halving of the picture.
    pub fn stages(self) -> usize {
        match self {
            Self::ResNet(_) => 4,
            Self::Vgg16(_) | Self::MobileNetV1(_) | Self::Inverted(_) => 5,
        }
    }

    /// Whether weights of one trunk have their place in the other: the convolutions of VGG16 are the same in all its
    /// variants, those of MobileNetV3-Large up to the tail, and the size of the input changes no weight.
    pub fn shares_weights_with(self, other: Self) -> bool {
        let v3_large = |trunk| matches!(trunk, Self::Inverted(Inverted::MobileNetV3 | Inverted::MobileNetV3Wide));
        let both_vgg16 = matches!((self, other), (Self::Vgg16(_), Self::Vgg16(_)));
        both_vgg16 || v3_large(self) && v3_large(other) || self.at_any_input() == other.at_any_input()
    }

    /// The same for one size of input.
    fn at_any_input(self) -> Self {
        let same = |scale: Scale| Scale { input_px: Scale::FULL.input_px, ..scale };
        match self {
            Self::MobileNetV1(Separables::TensorFlow(scale)) => Self::MobileNetV1(Separables::TensorFlow(same(scale))),
            Self::Inverted(Inverted::MobileNetV2Tf(scale)) => Self::Inverted(Inverted::MobileNetV2Tf(same(scale))),
            Self::Inverted(Inverted::MobileNetV3SmallTf(scale)) => {
                Self::Inverted(Inverted::MobileNetV3SmallTf(same(scale)))
            }
            Self::Vgg16(_) | Self::ResNet(_) | Self::MobileNetV1(_) | Self::Inverted(_) => self,
        }
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
    /// The same without norm: TensorFlow's SSDLite.
    PlainSeparable,
    /// One 1x1 convolution: TensorFlow's SSD on MobileNetV1.
    Pointwise,
}
