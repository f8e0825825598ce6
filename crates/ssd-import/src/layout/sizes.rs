//! Sizes of priors that a file does not carry: the sets that the networks on VGG16 and ResNet are trained with.

use ssd::Arch;
use ssd::priors::{CellBoxes, Clip, PriorScheme};

/// A set of sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// From 0.1 of the picture: caffe's for Pascal VOC.
    Voc,
    /// From 0.07 of the picture: caffe's for COCO.
    Coco,
}

/// Caffe's, in pixels of 300; the last is only the next of the one before.
const VOC_300: [f64; 7] = [30.0, 60.0, 111.0, 162.0, 213.0, 264.0, 315.0];
const COCO_300: [f64; 7] = [21.0, 45.0, 99.0, 153.0, 207.0, 261.0, 315.0];
/// lufficc's, in pixels of 512.
const VOC_512: [f64; 8] = [35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.65];
const COCO_512: [f64; 8] = [20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72];

/// The priors of an architecture, clipped by `clip`, of its own sizes or of other ones.
pub(crate) fn priors(arch: Arch, sizes: Option<Sizes>, clip: Clip) -> PriorScheme {
    let mut scheme = PriorScheme { clip, ..arch.prior_scheme() };
    let sizes_px: &[f64] = match (sizes, arch.input_size()) {
        (None, _) => return scheme,
        (Some(Sizes::Voc), 512) => &VOC_512,
        (Some(Sizes::Coco), 512) => &COCO_512,
        (Some(Sizes::Voc), _) => &VOC_300,
        (Some(Sizes::Coco), _) => &COCO_300,
    };
    let input = arch.input_size() as f64;
    for (level, size_px) in scheme.levels.iter_mut().zip(sizes_px.windows(2)) {
        let CellBoxes::Ratios { size, next_size, .. } = &mut level.boxes else { continue };
        (*size, *next_size) = (size_px[0] / input, size_px[1] / input);
    }
    scheme
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all four numbers of all priors.
    fn sum(scheme: &PriorScheme) -> f64 {
        let numbers = scheme.priors().into_iter().flat_map(|prior| [prior.cx, prior.cy, prior.w, prior.h]);
        numbers.map(f64::from).sum()
    }

    // Recomputed in double precision from the ports' own definitions.
    #[test]
    fn priors_have_the_ports_check_sums() {
        let cases = [
            (Arch::Ssd300Vgg16, Some(Sizes::Voc), Clip::None, 11_908.751_902),
            (Arch::Ssd300Vgg16, Some(Sizes::Voc), Clip::All, 11_906.589_237),
            (Arch::Ssd300Vgg16, Some(Sizes::Coco), Clip::None, 11_232.289_402),
            (Arch::Ssd300Vgg16, Some(Sizes::Coco), Clip::All, 11_230.228_671),
            (Arch::Ssd300Vgg16, Some(Sizes::Coco), Clip::Size, 11_231.828_671),
            (Arch::Ssd512Vgg16, Some(Sizes::Voc), Clip::All, 30_853.997_243),
            (Arch::Ssd512Vgg16, Some(Sizes::Coco), Clip::All, 28_947.877_551),
            (Arch::Ssd300MobileNetV1, None, Clip::All, 4_802.778_004),
            (Arch::SsdLite320MobileNetV3Large, None, Clip::Size, 5_064.803_477),
        ];
        for (arch, sizes, clip, expected) in cases {
            let found = sum(&priors(arch, sizes, clip));
            assert!((found - expected).abs() < 2e-3, "{arch} {sizes:?} {clip:?}: {found}, expected {expected}");
        }
    }
}
