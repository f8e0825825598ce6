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
    pub shape: Option<ConvShape>,
    /// Height and width of the input.
    pub size_in: [usize; 2],
    /// Whether the output is a feature map, and not rows of priors.
    pub to_map: bool,
}

/// A dense convolution, and the layers that do it.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseShape {
    /// Their names.
    pub layers: String,
    /// The shape.
    pub shape: ConvShape,
    /// Height and width of the input.
    pub size_in: [usize; 2],
    /// Whether the output is a feature map, and not rows of priors.
    pub to_map: bool,
}

impl Layer {
    fn of(step: Step) -> Self {
        let Step { name, shape, size_in, level, .. } = step;
        Self { steps: vec![name.clone()], name, shape, size_in, to_map: level.is_none() }
    }

    /// Billions of floating-point operations for `images` pictures, by the direct way; a multiplication with its addition counts as
    /// two.
    pub fn gflop(&self, images: usize) -> f64 {
        2e-9 * (images * self.shape.map_or(0, |shape| shape.multiply_adds(self.size_in))) as f64
    }
}

/// All layers, in their order.
pub fn layers(model: &Ssd, input_size: usize) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut steps = model.layers(input_size).into_iter().peekable();
    while let Some(step) = steps.next() {
        let head = steps.peek().and_then(|logits| head(&step, logits));
        let mut layer = Layer::of(step);
        if let Some((name, shape)) = head {
            (layer.name, layer.shape) = (name, Some(shape));
            layer.steps.extend(steps.next().map(|logits| logits.name));
        }
        layers.push(layer);
    }
    layers
}

/// Name and shape of the convolution that two steps are together, if these are the branches of a head.
fn head(offsets: &Step, logits: &Step) -> Option<(String, ConvShape)> {
    let level = offsets.level.filter(|_| offsets.level == logits.level)?;
    let shape = side_by_side(&offsets.shape?, &logits.shape?, offsets.input == logits.input)?;
    Some((format!("head{}", level + 1), shape))
}

/// The dense convolutions of different shapes.
pub fn distinct_dense(layers: &[Layer]) -> Vec<DenseShape> {
    let mut distinct: Vec<DenseShape> = Vec::new();
    for &Layer { ref name, shape, size_in, to_map, .. } in layers {
        let Some(shape) = shape.filter(|shape| shape.groups == 1) else { continue };
        let same = |known: &&mut DenseShape| (known.shape, known.size_in, known.to_map) == (shape, size_in, to_map);
        match distinct.iter_mut().find(same) {
            Some(known) => known.layers.push_str(&format!(", {name}")),
            None => distinct.push(DenseShape { layers: name.clone(), shape, size_in, to_map }),
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
            let gflop: f64 = layers.iter().map(|layer| layer.gflop(2)).sum();
            assert!((gflop - 4e-9 * model.multiply_adds(300) as f64).abs() < 1e-6, "{arch}");
            assert!(layers.iter().any(|layer| layer.name == head), "{arch}");
            assert!(layers.iter().any(|layer| layer.name == "head6" && layer.steps.len() == 2), "{arch}");
        }
    }

    #[test]
    fn layers_of_one_shape_are_one_problem() {
        let model = Ssd::new(Arch::Ssd300Vgg16, 21, &Device::flex());
        let distinct = distinct_dense(&layers(&model, 300));
        assert!(distinct.iter().any(|dense| dense.layers == "conv5_1, conv5_2, conv5_3"));
        assert!(distinct.iter().all(|dense| !dense.layers.contains("pool")));
    }
}
