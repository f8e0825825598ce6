//! The networks as Burn modules: trunk, extras, heads. They turn pictures into offsets and logits, and do nothing else:
//! the loss and the post-processing are functions of [`Predictions`], not modes of the model.

mod conv;
mod count;
mod engine;
mod heads;
mod l2norm;
mod mobilenet_v2;
mod vgg;

pub use conv::{ConvStep, ConvUnit, ConvUnitConfig};
pub use count::Layer;
pub use engine::{BurnEngine, Engine, Pool};
pub use heads::Head;
pub use l2norm::{L2NORM_EPSILON, L2Norm};
pub use mobilenet_v2::{InvertedResidual, MobileNetV2};
pub use vgg::Vgg16;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::arch::Arch;

/// What a network says about a batch, a row for each prior.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Box offsets from the priors, encoded with the variances: `[B, P, 4]`, `(dcx, dcy, dw, dh)`.
    pub offsets: Tensor<3>,
    /// Class scores before the softmax, background first: `[B, P, C]`.
    pub logits: Tensor<3>,
}

/// The trunk and extras of an architecture: pictures to six feature maps.
#[derive(Module, Debug)]
pub enum Backbone {
    /// VGG16, with batch norm or without.
    Vgg16(Vgg16),
    /// MobileNetV2.
    MobileNetV2(MobileNetV2),
}

/// A whole detector network.
#[derive(Module, Debug)]
pub struct Ssd {
    /// Trunk and extras.
    pub backbone: Backbone,
    /// One for each feature map, finest first.
    pub heads: Vec<Head>,
}

impl Ssd {
    /// A network with fresh weights for `classes` classes, background counted.
    pub fn new(arch: Arch, classes: usize, device: &Device) -> Self {
        let backbone = match arch {
            Arch::Ssd300Vgg16 => Backbone::Vgg16(Vgg16::new(false, device)),
            Arch::Ssd300Vgg16Bn => Backbone::Vgg16(Vgg16::new(true, device)),
            Arch::Ssd300MobileNetV2Lite => Backbone::MobileNetV2(MobileNetV2::new(device)),
        };
        let maps = arch.feature_maps();
        let last = maps.len() - 1;
        let head = |(level, map)| match arch {
            Arch::Ssd300Vgg16 | Arch::Ssd300Vgg16Bn => Head::dense(map, classes, device),
            // The last map has one cell: a 3x3 window would see nothing but padding.
            Arch::Ssd300MobileNetV2Lite if level == last => Head::pointwise(map, classes, device),
            Arch::Ssd300MobileNetV2Lite => Head::separable(map, classes, device),
        };
        Self { backbone, heads: maps.iter().enumerate().map(head).collect() }
    }

    /// Normalised pictures to predictions.
    ///
    /// # Shapes
    ///
    /// - `images`: `[B, 3, S, S]`
    /// - output: offsets `[B, P, 4]`, logits `[B, P, C]`
    pub fn forward(&self, images: Tensor<4>) -> Predictions {
        let mut engine = BurnEngine::default();
        self.run(&mut engine, images);
        engine.predictions()
    }

    /// The whole network, every step done by `engine`, which keeps the predictions.
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) {
        let maps = match &self.backbone {
            Backbone::Vgg16(vgg) => vgg.run(engine, images),
            Backbone::MobileNetV2(mobilenet) => mobilenet.run(engine, images),
        };
        for (level, (head, map)) in self.heads.iter().zip(maps).enumerate() {
            head.run(engine, level, map);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_gives_a_row_for_each_prior() {
        let device = Device::flex();
        for arch in Arch::ALL {
            let size = arch.input_size();
            let out = Ssd::new(arch, 4, &device).forward(Tensor::zeros([1, 3, size, size], &device));
            let priors = arch.prior_scheme().len();
            assert_eq!(out.offsets.dims(), [1, priors, 4], "{arch}");
            assert_eq!(out.logits.dims(), [1, priors, 4], "{arch}");
        }
    }

    // Parameters of ssd.pytorch's and pytorch-ssd's own models with 21 classes (batch norm's running statistics are not parameters).
    #[test]
    fn parameters_are_as_many_as_in_the_ports() {
        let device = Device::flex();
        assert_eq!(Ssd::new(Arch::Ssd300Vgg16, 21, &device).parameters(300), 26_285_486);
        assert_eq!(Ssd::new(Arch::Ssd300MobileNetV2Lite, 21, &device).parameters(300), 3_388_228);
    }

    // Counted layer by layer from the ports' definitions: 31.374 GMAC for the paper's network with 21 classes.
    #[test]
    fn multiply_adds_are_as_many_as_in_the_papers_network() {
        let model = Ssd::new(Arch::Ssd300Vgg16, 21, &Device::flex());
        assert_eq!((model.multiply_adds(300) as f64 / 1e6).round(), 31_374.0);
    }
}
