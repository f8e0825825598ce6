//! The networks as Burn modules: trunk, extras, heads. They turn pictures into offsets and logits and do nothing else:
//! the loss and the post-processing are functions of [`Predictions`], not modes of the model.

mod conv;
mod count;
mod extras;
mod heads;
mod inverted_residual;
mod inverted_trunk;
mod l2norm;
mod mobilenet_v1;
mod predictions;
mod resnet;
mod stages;
mod steps;
mod tensors;
mod vgg;

pub use conv::{ConvStep, ConvUnit, ConvUnitConfig};
pub use count::{Layer, layers};
pub use heads::Head;
pub use inverted_residual::{Gate, InvertedResidual};
pub use inverted_trunk::InvertedTrunk;
pub use l2norm::{L2NORM_EPSILON, L2Norm};
pub use mobilenet_v1::{MobileNetV1, Separable};
pub use predictions::Predictions;
pub use resnet::{ResNet, ResidualBlock};
pub use steps::{BurnSteps, Pool, Steps, Watched};
pub use tensors::{TensorSpec, tensors};
pub use vgg::Vgg16;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use crate::arch::{Arch, Trunk};

/// Makes the enumeration of trunks: a row for each, by its name in [`Trunk`], with what that holds and the module.
macro_rules! backbones {
    ($($trunk:ident $(($config:ident))? => $module:ident,)+) => {
        /// The trunk and extras of an architecture: pictures to feature maps.
        #[derive(Module, Debug)]
        #[allow(clippy::large_enum_variant, reason = "a model has one, which stays where it is")]
        pub enum Backbone {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $trunk($module),)+
        }

        impl Backbone {
            fn new(trunk: Trunk, device: &Device) -> Self {
                match trunk { $(Trunk::$trunk $(($config))? => Self::$trunk($module::new($($config,)? device)),)+ }
            }

            fn freeze(self, stages: usize) -> Self {
                match self { $(Self::$trunk(trunk) => Self::$trunk(trunk.freeze(stages)),)+ }
            }

            /// The feature maps of `images`, finest first.
            pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) -> Vec<S::Map> {
                match self { $(Self::$trunk(trunk) => trunk.run(steps, images),)+ }
            }
        }
    };
}

backbones! {
    Vgg16(variant) => Vgg16,
    ResNet(depth) => ResNet,
    MobileNetV1(kind) => MobileNetV1,
    Inverted(kind) => InvertedTrunk,
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
    /// A network with fresh weights and `columns` logits for each prior: see [`ScoreActivation::columns`]. The weights
    /// follow from the seed of `device`.
    ///
    /// [`ScoreActivation::columns`]: crate::postprocess::ScoreActivation::columns
    pub fn new(arch: Arch, columns: usize, device: &Device) -> Self {
        Self::undrawn(arch, columns, device).drawn()
    }

    /// The same with no weight drawn yet, to be filled from a file.
    pub fn undrawn(arch: Arch, columns: usize, device: &Device) -> Self {
        let head = |map| Head::new(arch.heads(), map, columns, device);
        Self { backbone: Backbone::new(arch.trunk(), device), heads: arch.feature_maps().iter().map(head).collect() }
    }

    /// Draws the weights that are still missing, layer by layer. Burn would draw each when it is first read, so that a
    /// seed would mean something else to every reader.
    pub fn drawn(self) -> Self {
        self.visit(&mut Draw);
        self
    }

    /// The same with the first `stages` of the trunk (see [`Trunk::stages`]) frozen: they get no gradients, and their
    /// batch norms use and keep the running statistics.
    pub fn freeze_stages(self, stages: usize) -> Self {
        Self { backbone: self.backbone.freeze(stages), ..self }
    }

    /// Normalised pictures to predictions.
    ///
    /// # Shapes
    ///
    /// - `images`: `[B, 3, S, S]`
    /// - output: offsets `[B, P, 4]`, logits `[B, P, C]`
    pub fn forward(&self, images: Tensor<4>) -> Predictions {
        let mut steps = BurnSteps::default();
        self.run(&mut steps, images);
        steps.predictions()
    }

    /// The heads alone: feature maps, finest first, to predictions.
    ///
    /// # Shapes
    ///
    /// - `maps`: `[B, channels, H, W]` each, as [`Backbone::run`] returns them
    /// - output: as of [`Self::forward`]
    pub fn predict(&self, maps: Vec<Tensor<4>>) -> Predictions {
        let mut steps = BurnSteps::default();
        self.run_heads(&mut steps, maps);
        steps.predictions()
    }

    /// The whole network, every step done by `steps`, which keeps the predictions.
    pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) {
        let maps = self.backbone.run(steps, images);
        self.run_heads(steps, maps);
    }

    fn run_heads<S: Steps>(&self, steps: &mut S, maps: Vec<S::Map>) {
        for (level, (head, map)) in self.heads.iter().zip(maps).enumerate() {
            head.run(steps, level, map);
        }
    }
}

/// Reads every weight, in the order of the fields.
struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }
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

    impl ModuleVisitor for Count<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.is_require_grad().then(|| param.val().grad(self.gradients)).flatten();
            self.learning += usize::from(gradient.is_some());
        }
    }

    // conv1 and conv2 are four weights with a bias each; the stem and the first block are three convolutions of a
    // weight and batch norm's two.
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

    /// How many tensors of a network would get a gradient.
    fn trainable(arch: Arch, frozen_stages: usize) -> usize {
        struct Trainable(usize);
        impl ModuleVisitor for Trainable {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0 += usize::from(param.is_require_grad());
            }
        }
        let mut trainable = Trainable(0);
        Ssd::undrawn(arch, 3, &Device::flex().autodiff()).freeze_stages(frozen_stages).visit(&mut trainable);
        trainable.0
    }

    #[test]
    fn a_trunk_has_as_many_stages_as_it_says() {
        for arch in [
            Arch::Ssd300Vgg16,
            Arch::Ssd300ResNet34,
            Arch::Ssd300MobileNetV1,
            Arch::Ssd300MobileNetV2Lite,
            Arch::SsdLite320MobileNetV3Large,
        ] {
            let stages = arch.trunk().stages();
            let [before, all, more] = [stages - 1, stages, stages + 1].map(|stages| trainable(arch, stages));
            assert!(before > all && all == more, "{arch}: {before}, {all}, {more}");
        }
    }

    /// How many tensors have no values yet.
    fn missing(model: &Ssd) -> usize {
        struct Missing(usize);
        impl ModuleVisitor for Missing {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0 += usize::from(!param.is_initialized());
            }
        }
        let mut missing = Missing(0);
        model.visit(&mut missing);
        missing.0
    }

    #[test]
    fn weights_are_drawn_where_a_network_is_made() {
        let (arch, device) = (Arch::Ssd300MobileNetV2Lite, Device::flex());
        assert_eq!(missing(&Ssd::new(arch, 3, &device)), 0);
        assert!(missing(&Ssd::undrawn(arch, 3, &device)) > 200);
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

    // Parameters of ssd.pytorch's and pytorch-ssd's own models with 21 classes and of torchvision's with 91 (batch
    // norm's running statistics are not parameters; the ones before the batch norm of conv4_3 are not in theirs).
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
