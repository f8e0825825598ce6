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
    /// MobileNetV2 with depthwise separable extras and heads, as pytorch-ssd's `mb2-ssd-lite`, 300 x 300.
    #[serde(rename = "ssd300-mobilenet-v2-lite")]
    Ssd300MobileNetV2Lite,
}

/// One row of an architecture's table: a feature map that heads look at, and the priors on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureMap {
    /// The map has `grid` x `grid` cells.
    pub grid: usize,
    /// Channels that enter the heads.
    pub channels: usize,
    /// Distance of two prior centres, in input pixels.
    pub step_px: f64,
    /// Side of the small square prior, in input pixels.
    pub size_px: f64,
    /// Aspect ratios besides 1; each gives a wide and a tall prior.
    pub ratios: &'static [f64],
}

const fn map(grid: usize, channels: usize, step_px: f64, size_px: f64, ratios: &'static [f64]) -> FeatureMap {
    FeatureMap { grid, channels, step_px, size_px, ratios }
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

/// MobileNetV2-SSD-lite: pytorch-ssd, `mobilenetv1_ssd_config.py` and `mobilenet_v2_ssd_lite.py`.
const MOBILENET_V2_300: [FeatureMap; 6] = [
    map(19, 576, 16.0, 60.0, &[2.0, 3.0]),
    map(10, 1280, 32.0, 105.0, &[2.0, 3.0]),
    map(5, 512, 64.0, 150.0, &[2.0, 3.0]),
    map(3, 256, 100.0, 195.0, &[2.0, 3.0]),
    map(2, 256, 150.0, 240.0, &[2.0, 3.0]),
    map(1, 64, 300.0, 285.0, &[2.0, 3.0]),
];

impl Arch {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 3] = [Self::Ssd300Vgg16, Self::Ssd300Vgg16Bn, Self::Ssd300MobileNetV2Lite];

    /// Names that are reserved for architectures which are not built yet.
    pub const PLANNED: [&'static str; 3] = ["ssd300-resnet34", "ssd300-mobilenet-v1", "ssdlite320-mobilenet-v3-large"];

    /// Stages of the trunk that can be kept from learning: conv1 to conv5 of VGG16; in MobileNetV2 one for each halving of the
    /// picture.
    pub fn stages(self) -> usize {
        match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn | Self::Ssd300MobileNetV2Lite => 5,
        }
    }

    /// The name, as on the command line and in weights files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssd300Vgg16 => "ssd300-vgg16",
            Self::Ssd300Vgg16Bn => "ssd300-vgg16-bn",
            Self::Ssd300MobileNetV2Lite => "ssd300-mobilenet-v2-lite",
        }
    }

    /// The feature maps, finest first.
    pub fn feature_maps(self) -> &'static [FeatureMap] {
        match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn => &VGG16_300,
            Self::Ssd300MobileNetV2Lite => &MOBILENET_V2_300,
        }
    }

    /// Side of the square input, in pixels.
    pub fn input_size(self) -> usize {
        300
    }

    /// How pixels enter the network.
    pub fn preprocess(self) -> Preprocess {
        let normalization = match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn => Normalization::CAFFE,
            Self::Ssd300MobileNetV2Lite => Normalization::MOBILENET,
        };
        Preprocess { input_size: self.input_size(), normalization }
    }

    /// The priors of a newly trained model. A converted one brings its own.
    pub fn prior_scheme(self) -> PriorScheme {
        // `next` of the last map, and the border: caffe for VGG, pytorch-ssd for MobileNet.
        let (last_next_px, clip) = match self {
            Self::Ssd300Vgg16 | Self::Ssd300Vgg16Bn => (315.0, Clip::None),
            Self::Ssd300MobileNetV2Lite => (330.0, Clip::All),
        };
        let input = self.input_size() as f64;
        let maps = self.feature_maps();
        let next_px = maps.iter().skip(1).map(|map| map.size_px).chain([last_next_px]);
        let level = |(map, next_px): (&FeatureMap, f64)| PriorLevel {
            grid: map.grid,
            step: Some(map.step_px / input),
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
pub enum ArchError {
    /// Reserved, not built.
    #[error("the architecture {0} is not built yet; choose one of {list}", list = names())]
    Planned(String),
    /// Unknown.
    #[error("there is no architecture {0:?}; choose one of {list}", list = names())]
    Unknown(String),
}

fn names() -> String {
    Arch::ALL.map(Arch::name).join(", ")
}

impl FromStr for Arch {
    type Err = ArchError;

    fn from_str(name: &str) -> Result<Self, ArchError> {
        match Self::ALL.into_iter().find(|arch| arch.name() == name) {
            Some(arch) => Ok(arch),
            None if Self::PLANNED.contains(&name) => Err(ArchError::Planned(name.into())),
            None => Err(ArchError::Unknown(name.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::priors::PriorScheme;

    /// Count, then the sums of cx, of cy, of w and of h.
    fn sums(scheme: &PriorScheme) -> (usize, [f64; 4]) {
        let priors = scheme.priors();
        let sum = |f: fn(&crate::CenterBox) -> f32| priors.iter().map(|p| f64::from(f(p))).sum();
        (priors.len(), [sum(|p| p.cx), sum(|p| p.cy), sum(|p| p.w), sum(|p| p.h)])
    }

    fn check(scheme: &PriorScheme, count: usize, center: f64, size: f64) {
        let (len, got) = sums(scheme);
        assert_eq!((len, scheme.len()), (count, count));
        for (got, want) in got.into_iter().zip([center, center, size, size]) {
            assert!((got - want).abs() < 1e-3, "a sum of {got}, expected {want}");
        }
    }

    fn with_sizes_px(scheme: &PriorScheme, sizes: [f64; 7], clip: Clip) -> PriorScheme {
        let mut scheme = PriorScheme { clip, ..scheme.clone() };
        for (level, size) in scheme.levels.iter_mut().zip(sizes.windows(2)) {
            (level.size, level.next_size) = (size[0] / 300.0, size[1] / 300.0);
        }
        scheme
    }

    // The expected sums were recomputed in double precision from the ports' own prior definitions.
    #[test]
    fn vgg_priors_have_the_ports_check_sums() {
        let voc = Arch::Ssd300Vgg16.prior_scheme();
        check(&voc, 8732, 4443.9467, 1510.4293);
        check(&PriorScheme { clip: Clip::All, ..voc.clone() }, 8732, 4443.1467, 1510.1480);
        let coco = [21.0, 45.0, 99.0, 153.0, 207.0, 261.0, 315.0];
        check(&with_sizes_px(&voc, coco, Clip::None), 8732, 4443.9467, 1172.1980);
        check(&with_sizes_px(&voc, coco, Clip::Size), 8732, 4443.9467, 1171.9677);
        check(&with_sizes_px(&voc, coco, Clip::All), 8732, 4443.1467, 1171.9677);
        assert_eq!(Arch::Ssd300Vgg16Bn.prior_scheme(), voc);
    }

    #[test]
    fn mobilenet_priors_have_the_ports_check_sums() {
        check(&Arch::Ssd300MobileNetV2Lite.prior_scheme(), 3000, 1538.6400, 862.7490);
    }

    #[test]
    fn a_cell_lists_squares_then_wide_before_tall() {
        let scheme =
            with_sizes_px(&Arch::Ssd300Vgg16.prior_scheme(), [21.0, 45.0, 99.0, 153.0, 207.0, 261.0, 315.0], Clip::All);
        let want = [(0.07, 0.07), (0.102_470, 0.102_470), (0.098_995, 0.049_497), (0.049_497, 0.098_995)];
        for (prior, (w, h)) in scheme.priors().iter().zip(want) {
            assert!((prior.cx - 0.013_333).abs() < 1e-6 && (prior.cy - 0.013_333).abs() < 1e-6);
            assert!((prior.w - w).abs() < 1e-6 && (prior.h - h).abs() < 1e-6, "{prior:?} is not {w} x {h}");
        }
    }

    #[test]
    fn a_name_comes_back_and_a_planned_one_says_so() {
        for arch in Arch::ALL {
            assert_eq!(arch.name().parse(), Ok(arch));
        }
        assert!(matches!("ssd300-resnet34".parse::<Arch>(), Err(ArchError::Planned(_))));
        assert!(matches!("yolo".parse::<Arch>(), Err(ArchError::Unknown(_))));
    }
}
