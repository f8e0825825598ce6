//! What a run measures, the most important first.

use ssd::arch::Scale;
use ssd::{Arch, Ssd};
use ssd_gpu::bench::{Convolution, distinct_dense, layers};
use ssd_gpu::kernel::Precision;

use crate::exchange::onnx::untrained;

/// The networks of a run, and how they are measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// All are measured with 20 classes; the first two also with 90, in batches, and beside Burn.
    pub(super) networks: &'static [Arch],
    /// What is trained, and pictures of a step.
    pub(super) training: (Arch, usize),
    /// Seconds of a measurement.
    pub(super) seconds: f64,
}

/// The network of the page's default model.
const DEFAULT: Arch = Arch::SsdMobileNetV1Tf(Scale { width: 75, input_px: 300 });
/// As small as there are.
const SMALL: [Arch; 2] = [
    Arch::SsdMobileNetV1Tf(Scale { width: 10, input_px: 32 }),
    Arch::SsdLiteMobileNetV2Tf(Scale { width: 10, input_px: 32 }),
];

/// Classes without background, as Pascal VOC and as COCO have them.
pub(super) const CLASSES: [usize; 2] = [20, 90];
/// Pictures at once.
pub(super) const BATCHES: [usize; 2] = [1, 8];
/// How many networks are measured in every way.
const THOROUGH: usize = 2;

impl Plan {
    /// For a card.
    pub(super) const MAIN: Self = Self {
        networks: &[
            Arch::Ssd300Vgg16,
            DEFAULT,
            Arch::Ssd300MobileNetV2Lite,
            Arch::Ssd300ResNet34,
            Arch::Ssd300MobileNetV1,
            Arch::SsdLite320MobileNetV3Large,
        ],
        training: (Arch::Ssd300Vgg16, 8),
        seconds: 0.02,
    };

    /// For a processor that poses as one: the same, of networks that it has the time for.
    pub(super) const REHEARSAL: Self = Self { networks: &SMALL, training: (SMALL[0], 2), seconds: 0.001 };

    /// Every convolution that differs from those before it, with 16-bit numbers where there are some.
    pub(super) fn convolutions(&self, half: bool) -> Vec<Problem> {
        let [classes, many] = CLASSES;
        let [one, batch] = BATCHES;
        let (thorough, rest) = self.networks.split_at(THOROUGH.min(self.networks.len()));
        let rounds =
            [(thorough, classes, one), (thorough, classes, batch), (thorough, many, one), (rest, classes, one)];
        let mut problems: Vec<Problem> = Vec::new();
        for (networks, classes, images) in rounds {
            for &arch in networks {
                let (header, model): (_, Ssd) = untrained(arch, classes, 1);
                let distinct = distinct_dense(&layers(&model, header.input_size));
                for precision in precisions(half) {
                    for (layers, dense) in &distinct {
                        let new = Problem { arch, layers: layers.clone(), dense: *dense, images, precision };
                        if !problems.iter().any(|known| known.is_like(&new)) {
                            problems.push(new);
                        }
                    }
                }
            }
        }
        problems
    }

    /// Every network in every way, those of one network and number of classes after each other.
    pub(super) fn cases(&self, half: bool) -> Vec<Case> {
        let [classes, many] = CLASSES;
        let case =
            |arch, classes, images| precisions(half).map(move |precision| Case { arch, classes, images, precision });
        let networks = || self.networks.iter().copied();
        let usual = networks().flat_map(|arch| BATCHES.into_iter().flat_map(move |images| case(arch, classes, images)));
        let large = networks()
            .take(THOROUGH)
            .flat_map(|arch| BATCHES.into_iter().flat_map(move |images| case(arch, many, images)));
        // The thorough ones first.
        let count = THOROUGH.min(self.networks.len()) * BATCHES.len() * precisions(half).count();
        let mut usual: Vec<Case> = usual.collect();
        let rest = usual.split_off(count.min(usual.len()));
        usual.into_iter().chain(large).chain(rest).collect()
    }

    /// What Burn runs as well, with 32-bit numbers.
    pub(super) fn beside(&self) -> Vec<Case> {
        let case =
            |arch: &Arch, images| Case { arch: *arch, classes: CLASSES[0], images, precision: Precision::Single };
        let networks = self.networks.iter().take(THOROUGH);
        BATCHES.into_iter().flat_map(|images| networks.clone().map(move |arch| case(arch, images))).collect()
    }
}

fn precisions(half: bool) -> impl Iterator<Item = Precision> {
    [Precision::Single].into_iter().chain(half.then_some(Precision::Half))
}

/// A convolution to try every method on.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// The first network that has it.
    pub(super) arch: Arch,
    /// The layers there that do it.
    pub(super) layers: String,
    pub(super) dense: Convolution,
    pub(super) images: usize,
    pub(super) precision: Precision,
}

impl Problem {
    /// Whether a row of the table stands for both.
    fn is_like(&self, other: &Self) -> bool {
        let of = |problem: &Self| {
            let Convolution { shape, size_in, to_map } = problem.dense;
            let numbers = [shape.kernel, shape.stride, shape.dilation, shape.channels_in, shape.channels_out];
            (numbers, size_in, to_map, problem.images, problem.precision)
        };
        of(self) == of(other)
    }
}

/// A network, and a way of running it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case {
    pub(super) arch: Arch,
    /// Without background.
    pub(super) classes: usize,
    pub(super) images: usize,
    pub(super) precision: Precision,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { arch, classes, images, precision } = self;
        write!(f, "{arch}, {}, batch {images}, {classes} classes", precision.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_there_and_none_is_measured_twice() {
        let cases = Plan::MAIN.cases(true);
        assert_eq!(cases.len(), 6 * 2 * 2 + 2 * 2 * 2);
        assert!(cases.iter().enumerate().all(|(index, case)| !cases[..index].contains(case)));
        assert_eq!(Plan::MAIN.cases(false).len(), cases.len() / 2);
        assert!(Plan::MAIN.beside().iter().all(|case| cases.contains(case)));
        let first = Case { arch: Arch::Ssd300Vgg16, classes: 20, images: 1, precision: Precision::Single };
        assert_eq!(cases[0], first);
    }

    #[test]
    fn a_convolution_is_tried_once_in_each_precision_and_batch() {
        let problems = Plan::REHEARSAL.convolutions(true);
        assert!(problems.iter().enumerate().all(|(index, new)| !problems[..index].iter().any(|old| old.is_like(new))));
        let count = |precision, images| {
            problems.iter().filter(|problem| (problem.precision, problem.images) == (precision, images)).count()
        };
        assert_eq!(count(Precision::Single, 1), count(Precision::Half, 1));
        assert!(count(Precision::Single, 1) > count(Precision::Single, 8), "heads of 90 classes are tried with one");
        assert!(Plan::REHEARSAL.convolutions(false).len() * 2 == problems.len());
    }
}
