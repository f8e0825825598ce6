//! The table of architectures: priors against the sums from the ports' own definitions, and names.

use super::{Arch, Scale};
use crate::priors::{CellBoxes, Clip, PriorScheme};

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
        let CellBoxes::Ratios { size: small, next_size, .. } = &mut level.boxes else { continue };
        (*small, *next_size) = (size[0] / 300.0, size[1] / 300.0);
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
    check(&Arch::Ssd300MobileNetV1.prior_scheme(), 3000, 1538.6400, 862.7490);
    check(&Arch::Ssd300MobileNetV2Lite.prior_scheme(), 3000, 1538.6400, 862.7490);
    check(&Arch::SsdLite320MobileNetV3Large.prior_scheme(), 3234, 1617.0, 915.4017);
}

#[test]
fn resnet_and_512_priors_have_the_ports_check_sums() {
    check(&Arch::Ssd300ResNet34.prior_scheme(), 8732, 4443.1467, 1171.9677);
    check(&Arch::Ssd300ResNet50.prior_scheme(), 8732, 4443.1467, 1171.9677);
    // Of 512 only the sum of all four is known, of the clipped set.
    let scheme = PriorScheme { clip: Clip::All, ..Arch::Ssd512Vgg16.prior_scheme() };
    let (count, of) = sums(&scheme);
    assert_eq!(count, 24_564);
    assert!((of.iter().sum::<f64>() - 30_853.997_243).abs() < 4e-3, "{of:?}");
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
fn a_name_comes_back_and_another_is_refused() {
    for arch in Arch::ALL {
        assert_eq!(arch.name().parse(), Ok(arch));
    }
    for name in ["yolo", "ssd300", "ssd8-mobilenet-v1-tf", "ssd300-mobilenet-v1-tf-0", "ssd300-mobilenet-v1-tf-1"] {
        assert!(name.parse::<Arch>().is_err(), "{name}");
    }
}

#[test]
fn a_name_holds_the_scale() {
    let narrow = Arch::SsdMobileNetV1Tf(Scale { width: 75, input_px: 320 });
    assert_eq!(narrow.name(), "ssd320-mobilenet-v1-tf-0.75");
    assert_eq!("ssd320-mobilenet-v1-tf-0.75".parse(), Ok(narrow));
    assert_eq!("ssdlite300-mobilenet-v2-tf".parse(), Ok(Arch::SsdLiteMobileNetV2Tf(Scale::FULL)));
}

// The channels of TensorFlow's own COCO detector, which has the width 0.75.
#[test]
fn tensorflows_networks_have_its_maps_and_priors() {
    let arch = Arch::SsdMobileNetV1Tf(Scale { width: 75, ..Scale::FULL });
    let maps: Vec<_> = arch.feature_maps().into_iter().map(|map| (map.priors.grid, map.channels)).collect();
    assert_eq!(maps, [(19, 384), (10, 768), (5, 384), (3, 192), (2, 192), (1, 96)]);
    let scheme = arch.prior_scheme();
    assert_eq!((scheme.len(), scheme.priors().len()), (1917, 1917));
    let first = scheme.priors()[1];
    assert!((first.w - 0.282_843).abs() < 1e-6 && (first.h - 0.141_421).abs() < 1e-6, "{first:?}");
    let last = scheme.priors()[1916];
    assert!((last.w - 0.974_679).abs() < 1e-6 && last.w == last.h, "{last:?}");
    let lite = Arch::SsdLiteMobileNetV3SmallTf(Scale::FULL).feature_maps();
    assert_eq!(lite.iter().map(|map| map.channels).collect::<Vec<_>>(), [288, 288, 512, 256, 256, 128]);
}
