//! The layers of a network under the names and in the pieces in which [`crate::network`] writes them down, counted without
//! computing.

use std::fmt::Arguments;

use ssd::Ssd;
use ssd::convolution::ConvShape;
use ssd::model::{ConvStep, Engine, L2Norm, Pool};

/// A layer: what is measured and reported as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// As the paper has it.
    pub name: String,
    /// The steps of the model that it is: itself, or both branches of a head that are done as one convolution.
    pub steps: Vec<String>,
    /// Of one picture; `None` for what is no convolution.
    pub shape: Option<ConvShape>,
    /// Where its numbers go.
    pub output: Output,
}

/// Where a layer's numbers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// A feature map, whether another one is added to it or not.
    Map,
    /// The rows of priors.
    Heads,
}

impl Layer {
    /// Billions of floating-point operations of `images` pictures, by the direct way; a multiplication with its addition is
    /// two.
    pub fn gflop(&self, images: usize) -> f64 {
        2e-9 * (images * self.shape.map_or(0, |shape| shape.multiply_adds())) as f64
    }
}

/// All layers, in their order.
pub fn layers(model: &Ssd, input_size: usize) -> Vec<Layer> {
    let mut plan = Plan::default();
    let input = plan.map([1, 3, input_size, input_size]);
    model.run(&mut plan, input);
    plan.layers
}

/// The dense convolutions of different shapes, each with the names of the layers that have it.
pub fn distinct_dense(layers: &[Layer]) -> Vec<(String, ConvShape, Output)> {
    let mut distinct: Vec<(String, ConvShape, Output)> = Vec::new();
    for layer in layers {
        let Some(shape) = layer.shape.filter(|shape| shape.groups == 1) else { continue };
        match distinct.iter_mut().find(|(_, known, output)| (*known, *output) == (shape, layer.output)) {
            Some((names, ..)) => names.push_str(&format!(", {}", layer.name)),
            None => distinct.push((layer.name.clone(), shape, layer.output)),
        }
    }
    distinct
}

#[derive(Default)]
struct Plan {
    layers: Vec<Layer>,
    maps: usize,
}

/// A map: which one it is, and its shape.
#[derive(Clone, Copy, PartialEq)]
struct Map {
    id: usize,
    shape: [usize; 4],
}

impl Plan {
    fn map(&mut self, shape: [usize; 4]) -> Map {
        self.maps += 1;
        Map { id: self.maps, shape }
    }

    fn push(&mut self, name: String, steps: Vec<String>, shape: Option<ConvShape>, output: Output) {
        self.layers.push(Layer { name, steps, shape, output });
    }

    /// A layer that is one step and makes a map.
    fn step(&mut self, name: Arguments<'_>, shape: Option<ConvShape>) {
        self.push(name.to_string(), vec![name.to_string()], shape, Output::Map);
    }
}

impl Engine for Plan {
    type Map = Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map) -> Map {
        let shape = step.shape(x.shape);
        self.step(name, Some(shape));
        let [height, width] = shape.size_out();
        self.map([x.shape[0], shape.channels_out, height, width])
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map, _: Map) -> Map {
        self.convolve(name, step, x)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Map) -> Map {
        self.step(name, None);
        let [batch, channels, height, width] = x.shape;
        let [height, width] = pool.size_out([height, width]);
        self.map([batch, channels, height, width])
    }

    fn average(&mut self, name: Arguments<'_>, x: Map) -> Map {
        self.step(name, None);
        let [batch, channels, ..] = x.shape;
        self.map([batch, channels, 1, 1])
    }

    fn scale(&mut self, name: Arguments<'_>, x: Map, _: Map) -> Map {
        self.step(name, None);
        self.map(x.shape)
    }

    fn l2_norm(&mut self, name: Arguments<'_>, _: &L2Norm, x: Map) -> Map {
        self.step(name, None);
        self.map(x.shape)
    }

    /// As the writer of the kernels does it: one convolution where both branches see the same map through the same window.
    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        let head = format!("head{}", level + 1);
        let names = [format!("{head}.offsets"), format!("{head}.logits")];
        let shapes = [offsets.0.shape(offsets.1.shape), logits.0.shape(logits.1.shape)];
        if offsets.1 == logits.1 && shapes[0].kernel == shapes[1].kernel {
            let channels_out = shapes[0].channels_out + shapes[1].channels_out;
            let shape = ConvShape { channels_out, ..shapes[0] };
            self.push(head, names.to_vec(), Some(shape), Output::Heads);
            return;
        }
        for (name, shape) in names.into_iter().zip(shapes) {
            self.push(name.clone(), vec![name], Some(shape), Output::Heads);
        }
    }
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
        assert!(distinct.iter().any(|(names, ..)| names == "conv5_1, conv5_2, conv5_3"));
        assert!(distinct.iter().all(|(names, ..)| !names.contains("pool")));
    }
}
