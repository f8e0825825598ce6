//! The layers of a network under the names and in the pieces in which [`crate::network`] does them.

use ssd::Ssd;
use ssd::model::Layer as Step;
use ssd_cpu::ConvShape;

use crate::network::side_by_side;

/// A layer: one row of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name in the paper.
    pub name: String,
    /// The steps of the model in it: itself, or both branches of a head that are done as one convolution.
    pub steps: Vec<String>,
    /// `None` for a step that is no convolution.
    pub convolution: Option<Convolution>,
}

/// A convolution and what it is applied to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convolution {
    /// The shape.
    pub shape: ConvShape,
    /// Height and width of the input.
    pub size_in: [usize; 2],
    /// Whether the output is a feature map, and not rows of priors.
    pub to_map: bool,
}

impl Convolution {
    /// Billions of floating-point operations for `images` pictures, by the direct way; a multiplication with its
    /// addition counts as two.
    pub fn gflop(&self, images: usize) -> f64 {
        2e-9 * (images * self.shape.multiply_adds(self.size_in)) as f64
    }
}

/// All layers, in their order.
pub fn layers(model: &Ssd, input_size: usize) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut steps = model.layers(input_size).into_iter().peekable();
    while let Some(step) = steps.next() {
        let of = |shape| Convolution { shape, size_in: step.size_in, to_map: step.level.is_none() };
        layers.push(match steps.peek().and_then(|logits| head(&step, logits)) {
            Some((name, shape)) => {
                let steps = [step.name.clone()].into_iter().chain(steps.next().map(|logits| logits.name));
                Layer { name, steps: steps.collect(), convolution: Some(of(shape)) }
            }
            None => Layer { convolution: step.shape.map(of), steps: vec![step.name.clone()], name: step.name },
        });
    }
    layers
}

/// Name and shape of the convolution that two steps are together, if these are the branches of a head.
fn head(offsets: &Step, logits: &Step) -> Option<(String, ConvShape)> {
    let level = offsets.level.filter(|_| offsets.level == logits.level)?;
    let shape = side_by_side(&offsets.shape?, &logits.shape?, offsets.input == logits.input)?;
    Some((format!("head{}", level + 1), shape))
}

/// The dense convolutions that differ, each with the names of the layers that do it.
pub fn distinct_dense(layers: &[Layer]) -> Vec<(String, Convolution)> {
    let mut distinct: Vec<(String, Convolution)> = Vec::new();
    for layer in layers {
        let Some(dense) = layer.convolution.filter(|convolution| convolution.shape.groups == 1) else { continue };
        match distinct.iter_mut().find(|(_, known)| *known == dense) {
            Some((names, _)) => names.push_str(&format!(", {}", layer.name)),
            None => distinct.push((layer.name.clone(), dense)),
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use ssd::Arch;

    use super::*;

    #[test]
    fn the_layers_are_the_whole_network() {
        for (arch, head) in [(Arch::Ssd300Vgg16, "head1"), (Arch::Ssd300MobileNetV2Lite, "head1.logits")] {
            let model = Ssd::new(arch, 21, &Device::flex());
            let layers = layers(&model, 300);
            let convolutions = layers.iter().filter_map(|layer| layer.convolution);
            let gflop: f64 = convolutions.map(|convolution| convolution.gflop(2)).sum();
            assert!((gflop - 4e-9 * model.multiply_adds(300) as f64).abs() < 1e-6, "{arch}");
            assert!(layers.iter().any(|layer| layer.name == head), "{arch}");
            assert!(layers.iter().any(|layer| layer.name == "head6" && layer.steps.len() == 2), "{arch}");
        }
    }

    #[test]
    fn layers_of_one_shape_are_one_problem() {
        let model = Ssd::new(Arch::Ssd300Vgg16, 21, &Device::flex());
        let distinct = distinct_dense(&layers(&model, 300));
        assert!(distinct.iter().any(|(names, _)| names == "conv5_1, conv5_2, conv5_3"));
        assert!(distinct.iter().all(|(names, _)| !names.contains("pool")));
    }
}
