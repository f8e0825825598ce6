//! The networks as Burn modules: trunk, extras, heads. They turn pictures into offsets and logits, and do nothing else:
//! the loss and the post-processing are functions of [`Predictions`], not modes of the model.

mod conv;
mod count;
mod engine;
mod heads;
mod inverted_residual;
mod l2norm;
mod mobilenet_v1;
mod mobilenet_v2;
mod mobilenet_v3;
mod resnet;
mod tensors;
mod vgg;

pub use conv::{ConvStep, ConvUnit, ConvUnitConfig};
pub use count::Layer;
pub use engine::{BurnEngine, Engine, Pool, Watched};
pub use heads::Head;
pub use inverted_residual::{Gate, InvertedResidual};
pub use l2norm::{L2NORM_EPSILON, L2Norm};
pub use mobilenet_v1::{MobileNetV1, Separable};
pub use mobilenet_v2::MobileNetV2;
pub use mobilenet_v3::{MobileNetV3, Tail};
pub use resnet::{Depth, ResNet, ResidualBlock};
pub use tensors::{TensorSpec, tensors};
pub use vgg::{Variant, Vgg16};

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use self::heads::Kind;
use crate::arch::Arch;

/// What a network says about a batch, a row for each prior.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Box offsets from the priors, encoded with the variances: `[B, P, 4]`, `(dcx, dcy, dw, dh)`.
    pub offsets: Tensor<3>,
    /// Class scores before the softmax, background first: `[B, P, C]`.
    pub logits: Tensor<3>,
}

/// The trunk and extras of an architecture: pictures to feature maps.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has one, which stays where it is")]
pub enum Backbone {
    /// VGG16, in all its variants.
    Vgg16(Vgg16),
    /// ResNet, of either depth.
    ResNet(ResNet),
    /// MobileNetV1.
    MobileNetV1(MobileNetV1),
    /// MobileNetV2.
    MobileNetV2(MobileNetV2),
    /// MobileNetV3-Large.
    MobileNetV3(MobileNetV3),
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
        let vgg = |variant| Backbone::Vgg16(Vgg16::new(variant, device));
        let lite = |tail| Backbone::MobileNetV3(MobileNetV3::new(tail, device));
        let (backbone, kind) = match arch {
            Arch::Ssd300Vgg16 => (vgg(Variant::Plain), Kind::Dense),
            Arch::Ssd300Vgg16Bn => (vgg(Variant::BatchNorm), Kind::Dense),
            Arch::Ssd300Vgg16SourceBn => (vgg(Variant::SourceBatchNorm), Kind::Dense),
            Arch::Ssd512Vgg16 => (vgg(Variant::Large), Kind::Dense),
            Arch::Ssd300ResNet34 => (Backbone::ResNet(ResNet::new(Depth::ResNet34, device)), Kind::Dense),
            Arch::Ssd300ResNet50 => (Backbone::ResNet(ResNet::new(Depth::ResNet50, device)), Kind::Dense),
            Arch::Ssd300MobileNetV1 => (Backbone::MobileNetV1(MobileNetV1::new(device)), Kind::Dense),
            Arch::Ssd300MobileNetV2Lite => (Backbone::MobileNetV2(MobileNetV2::new(device)), Kind::BiasedSeparable),
            Arch::SsdLite320MobileNetV3Large => (lite(Tail::Narrow), Kind::Separable),
            Arch::SsdLite320MobileNetV3LargeWide => (lite(Tail::Wide), Kind::Separable),
        };
        let maps = arch.feature_maps();
        let last = maps.len() - 1;
        let head = |(level, map)| match kind {
            // The last map has one cell: a 3x3 window would see nothing but padding.
            Kind::BiasedSeparable if level == last => Head::new(Kind::Pointwise, map, classes, device),
            _ => Head::new(kind, map, classes, device),
        };
        Self { backbone, heads: maps.iter().enumerate().map(head).collect() }
    }

    /// The same with the first `stages` of the trunk (see [`Arch::stages`]) not learning any more: no gradients, and batch norm
    /// by its running statistics, which stay.
    pub fn freeze_stages(self, stages: usize) -> Self {
        let backbone = match self.backbone {
            Backbone::Vgg16(vgg) => Backbone::Vgg16(vgg.freeze(stages)),
            Backbone::ResNet(resnet) => Backbone::ResNet(resnet.freeze(stages)),
            Backbone::MobileNetV1(mobilenet) => Backbone::MobileNetV1(mobilenet.freeze(stages)),
            Backbone::MobileNetV2(mobilenet) => Backbone::MobileNetV2(mobilenet.freeze(stages)),
            Backbone::MobileNetV3(mobilenet) => Backbone::MobileNetV3(mobilenet.freeze(stages)),
        };
        Self { backbone, ..self }
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
            Backbone::ResNet(resnet) => resnet.run(engine, images),
            Backbone::MobileNetV1(mobilenet) => mobilenet.run(engine, images),
            Backbone::MobileNetV2(mobilenet) => mobilenet.run(engine, images),
            Backbone::MobileNetV3(mobilenet) => mobilenet.run(engine, images),
        };
        for (level, (head, map)) in self.heads.iter().zip(maps).enumerate() {
            head.run(engine, level, map);
        }
    }
}

/// The first `count` modules frozen, the others as they are.
fn frozen_up_to<M: Module>(modules: Vec<M>, count: usize) -> Vec<M> {
    let frozen = |(index, module): (usize, M)| if index < count { module.freeze() } else { module };
    modules.into_iter().enumerate().map(frozen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tensors of a fresh network get a gradient.
    fn learning(arch: Arch, frozen_stages: usize) -> usize {
        let device = Device::flex().autodiff();
        let model = Ssd::new(arch, 3, &device).freeze_stages(frozen_stages);
        let size = arch.input_size();
        let out = model.forward(Tensor::ones([1, 3, size, size], &device));
        let gradients = (out.offsets.sum() + out.logits.sum()).backward();
        let mut count = Count { gradients: &gradients, learning: 0 };
        model.visit(&mut count);
        count.learning
    }

    struct Count<'a> {
        gradients: &'a burn::tensor::Gradients,
        learning: usize,
    }

    impl burn::module::ModuleVisitor for Count<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            let gradient = param.is_require_grad().then(|| param.val().grad(self.gradients)).flatten();
            self.learning += usize::from(gradient.is_some());
        }
    }

    // conv1 and conv2 are four weights with a bias each; the stem and the first block are three convolutions of a weight and
    // batch norm's two.
    #[test]
    fn frozen_stages_get_no_gradients_and_the_rest_does() {
        let networks = [
            (Arch::Ssd300Vgg16, 2, 8),
            (Arch::Ssd300ResNet34, 1, 3),
            (Arch::Ssd300MobileNetV1, 1, 9),
            (Arch::Ssd300MobileNetV2Lite, 1, 9),
            (Arch::SsdLite320MobileNetV3Large, 1, 9),
        ];
        for (arch, stages, frozen) in networks {
            assert_eq!(learning(arch, 0) - learning(arch, stages), frozen, "{arch}");
        }
    }

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

    // Parameters of ssd.pytorch's and pytorch-ssd's own models with 21 classes and of torchvision's with 91 (batch norm's running
    // statistics are not parameters; the ones before the batch norm of conv4_3 are not in theirs).
    #[test]
    fn parameters_are_as_many_as_in_the_ports() {
        let device = Device::flex();
        assert_eq!(Ssd::new(Arch::Ssd300Vgg16, 21, &device).parameters(300), 26_285_486);
        assert_eq!(Ssd::new(Arch::Ssd300Vgg16SourceBn, 21, &device).parameters(300) - 512, 26_285_998);
        assert_eq!(Ssd::new(Arch::Ssd300MobileNetV1, 21, &device).parameters(300), 9_468_996);
        assert_eq!(Ssd::new(Arch::Ssd300MobileNetV2Lite, 21, &device).parameters(300), 3_388_228);
        assert_eq!(Ssd::new(Arch::Ssd300Vgg16, 91, &device).parameters(300), 35_641_826);
        assert_eq!(Ssd::new(Arch::SsdLite320MobileNetV3Large, 91, &device).parameters(320), 3_440_060);
    }

    // Counted layer by layer from the ports' definitions: 31.374 GMAC for the paper's network with 21 classes.
    #[test]
    fn multiply_adds_are_as_many_as_in_the_papers_network() {
        let model = Ssd::new(Arch::Ssd300Vgg16, 21, &Device::flex());
        assert_eq!((model.multiply_adds(300) as f64 / 1e6).round(), 31_374.0);
        // torchvision's own figure for its SSDLite: 0.583 of what it calls GFLOPS.
        let light = Ssd::new(Arch::SsdLite320MobileNetV3Large, 91, &Device::flex());
        assert_eq!((light.multiply_adds(320) as f64 / 1e6).round(), 583.0);
    }
}
