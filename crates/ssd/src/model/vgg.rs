//! VGG16 as SSD uses it, with its extras: paper §3, Fig. 2.
//!
//! pool3 rounds up (75 to 38), pool5 keeps the size, fc6 and fc7 are convolutions, fc6 with holes. conv4_3 is taken after
//! its ReLU and normalised; fc7 goes on into the extras, of which every second convolution is a feature map.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Device, Tensor};

use super::Convolve;
use super::conv::{ConvUnit, ConvUnitConfig};
use super::l2norm::L2Norm;

/// Output channels of the 13 convolutions, by stage; a pooling follows each stage.
const STAGES: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// conv8 to conv11: channels of the 1x1 and of the 3x3, stride and padding of the 3x3.
const EXTRAS: [(usize, usize, usize, usize); 4] =
    [(256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 1, 0), (128, 256, 1, 0)];

/// VGG16, fc6, fc7 and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct Vgg16 {
    /// conv1_1 to conv5_3.
    pub convs: Vec<ConvUnit>,
    /// 3x3 with holes: 512 to 1024.
    pub fc6: ConvUnit,
    /// 1x1.
    pub fc7: ConvUnit,
    /// On conv4_3.
    pub l2norm: L2Norm,
    /// conv8_1, conv8_2 to conv11_2.
    pub extras: Vec<ConvUnit>,
    pools: Vec<MaxPool2d>,
}

impl Vgg16 {
    /// Fresh weights, with batch norm after each convolution or without.
    pub fn new(norm: bool, device: &Device) -> Self {
        let unit = |config: ConvUnitConfig| config.norm(norm).init(device);
        let mut channels = 3;
        let convs = STAGES.concat().into_iter().map(|out| {
            let conv = unit(ConvUnitConfig::new(channels, out, 3));
            channels = out;
            conv
        });
        let convs = convs.collect();
        channels = 1024;
        let extras = EXTRAS.into_iter().flat_map(|(narrow, wide, stride, padding)| {
            let pair = [
                unit(ConvUnitConfig::new(channels, narrow, 1)),
                unit(ConvUnitConfig::new(narrow, wide, 3).stride(stride).padding(padding)),
            ];
            channels = wide;
            pair
        });
        let extras = extras.collect();
        Self {
            convs,
            fc6: unit(ConvUnitConfig::new(512, 1024, 3).dilation(6)),
            fc7: unit(ConvUnitConfig::new(1024, 1024, 1)),
            l2norm: L2Norm::new(512, device),
            extras,
            pools: pools(),
        }
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 512, 38, 38]`, `[B, 1024, 19, 19]`, `[B, 512, 10, 10]`, `[B, 256, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 1, 1]`
    pub fn forward(&self, images: Tensor<4>, convolve: Convolve<'_>) -> Vec<Tensor<4>> {
        let mut maps = Vec::with_capacity(6);
        let mut x = images;
        let mut convs = self.convs.iter();
        for (stage, pool) in STAGES.iter().zip(&self.pools) {
            for conv in convs.by_ref().take(stage.len()) {
                x = convolve(&conv.step(), x);
            }
            if convs.len() == 3 {
                maps.push(self.l2norm.forward(x.clone()));
            }
            x = pool.forward(x);
        }
        x = convolve(&self.fc6.step(), x);
        x = convolve(&self.fc7.step(), x);
        maps.push(x.clone());
        for (index, extra) in self.extras.iter().enumerate() {
            x = convolve(&extra.step(), x);
            if index % 2 == 1 {
                maps.push(x.clone());
            }
        }
        maps
    }
}

fn pools() -> Vec<MaxPool2d> {
    let half = || MaxPool2dConfig::new([2, 2]);
    let same = MaxPool2dConfig::new([3, 3]).with_strides([1, 1]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
    [half(), half(), half().with_ceil_mode(true), half(), same].map(|config| config.init()).to_vec()
}
