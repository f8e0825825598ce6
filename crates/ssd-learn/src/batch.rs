//! Batches on their way to a device, and the gradients that come back.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use ssd::Ssd;
use ssd::boxes::{CenterBox, GroundTruth};
use ssd::codec::Variances;
use ssd::loss::{BatchTargets, MultiBox};
use ssd::matching::{Targets, targets};
use ssd::weights::Header;

use crate::config::Difficult;

/// Matches the objects of a picture to the priors of a network. Threads may share it.
#[derive(Debug, Clone)]
pub struct Matcher {
    priors: Vec<CenterBox>,
    variances: Variances,
    learn_difficult: bool,
}

impl Matcher {
    /// A matcher for the priors of a detector.
    pub fn new(header: &Header, difficult: Difficult) -> Self {
        let (priors, variances) = (header.priors.priors(), header.priors.variances);
        Self { priors, variances, learn_difficult: difficult == Difficult::Learn }
    }

    /// The targets of each prior for a picture with these objects.
    pub fn targets(&self, truths: &[GroundTruth]) -> Targets {
        let learned = truths.iter().filter(|truth| self.learn_difficult || !truth.difficult);
        targets(&learned.copied().collect::<Vec<_>>(), &self.priors, self.variances)
    }
}

/// A picture to learn from, matched.
#[derive(Debug, Clone)]
pub struct Example<'a> {
    /// What is learned from: `[3, S, S]`, normalised, or in a lesson the feature maps of a view.
    pub pixels: &'a [f32],
    /// The targets of each prior.
    pub targets: Targets,
}

/// A batch, or a share of one, in host memory.
#[derive(Debug, Clone, PartialEq)]
pub struct HostBatch {
    /// Number of pictures.
    pub images: usize,
    /// Side of the network's input, in pixels.
    pub size: usize,
    /// What is learned from, picture by picture: see [`Example`].
    pub pixels: Vec<f32>,
    /// Class of each prior, 0 for background: `[B, P]`.
    pub classes: Vec<i32>,
    /// Encoded offsets: `[B, P, 4]`.
    pub offsets: Vec<f32>,
    /// Positives of the whole step, even in a share of it.
    pub positives: usize,
}

impl HostBatch {
    /// Pictures of `size` x `size` pixels in contiguous memory, as part of a step with `positives` positives.
    pub fn stacked(examples: &[Example<'_>], size: usize, positives: usize) -> Self {
        let pixels = examples.iter().map(|example| example.pixels).collect::<Vec<_>>().concat();
        let targets = || examples.iter().map(|example| &example.targets);
        let classes = targets().flat_map(|t| t.classes.iter().map(|&class| class as i32)).collect();
        let offsets = targets().flat_map(|t| t.offsets.iter().copied()).collect();
        Self { images: examples.len(), size, pixels, classes, offsets, positives }
    }

    /// On a device with autodiff: pixels `[B, 3, S, S]`, and the targets of each prior.
    pub fn tensors(self, device: &Device) -> (Tensor<4>, BatchTargets) {
        let shape = [self.images, 3, self.size, self.size];
        let (pixels, targets) = self.split(device);
        (Tensor::from_data(TensorData::new(pixels, shape), device), targets)
    }

    /// What is learned from, still in host memory, and the targets of each prior on a device with autodiff.
    pub fn split(self, device: &Device) -> (Vec<f32>, BatchTargets) {
        let (images, priors) = (self.images, self.classes.len() / self.images.max(1));
        let plain = device.clone().without_autodiff();
        let targets = BatchTargets {
            classes: Tensor::from_data(TensorData::new(self.classes, [images, priors]), &plain),
            offsets: Tensor::from_data(TensorData::new(self.offsets, [images, priors, 4]), device),
            positives: self.positives,
        };
        (self.pixels, targets)
    }
}

/// The gradients of a batch.
#[derive(Debug)]
pub struct BatchGradients {
    /// On the main device, by parameter.
    pub gradients: GradientsParams,
    /// The loss as `[boxes, classes]`, without autodiff; still on the device, so that nothing waits for it.
    pub loss: Tensor<1>,
}

/// A network on a device, with the loss to minimise.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// The network.
    pub model: &'a Ssd,
    /// Its device, with autodiff.
    pub device: &'a Device,
    /// The loss.
    pub loss: &'a MultiBox,
}

impl Local<'_> {
    /// Forward, loss and backward.
    pub fn gradients(&self, batch: HostBatch) -> BatchGradients {
        let (pixels, targets) = batch.tensors(self.device);
        let loss = self.loss.loss(&self.model.forward(pixels), &targets);
        let parts = loss.parts();
        BatchGradients { gradients: GradientsParams::from_grads(loss.total().backward(), self.model), loss: parts }
    }
}
