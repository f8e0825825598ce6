//! The layers of a network and their costs, found by going through it without computing.

use std::fmt::Arguments;

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::ConvShape;

use super::Ssd;
use super::conv::ConvStep;
use super::l2norm::L2Norm;
use super::steps::{Pool, Steps};
use crate::arch::Arch;

/// A step of a network.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name in the paper.
    pub name: String,
    /// Of a convolution.
    pub shape: Option<ConvShape>,
    /// Height and width of its input.
    pub size_in: [usize; 2],
    /// Which of the network's maps the input is: steps that read the same map have the same number.
    pub input: usize,
    /// The level that it predicts on, from 0 up; `None` for a step that makes a map.
    pub level: Option<usize>,
    /// Whether it has a batch norm.
    pub norm: bool,
}

impl Layer {
    /// Multiplications for one picture, each with its addition, in convolutions alone.
    pub fn multiply_adds(&self) -> usize {
        self.shape.map_or(0, |shape| shape.multiply_adds(self.size_in))
    }
}

/// The steps of the network of `arch` with `columns` logits for each prior, in their order, those of the heads last.
pub fn layers(arch: Arch, columns: usize) -> Vec<Layer> {
    Ssd::undrawn(arch, columns, &Device::flex()).layers(arch.input_size())
}

impl Ssd {
    /// The steps in their order, those of the heads last.
    pub fn layers(&self, input_size: usize) -> Vec<Layer> {
        let mut count = Count::default();
        let images = count.map(3, [input_size; 2]);
        self.run(&mut count, images);
        count.layers
    }

    /// How many numbers are learned. Batch norm's running statistics are measured, not learned.
    pub fn parameters(&self, input_size: usize) -> usize {
        let layers = self.layers(input_size);
        let normed = layers.iter().filter(|layer| layer.norm).filter_map(|layer| layer.shape);
        self.num_params() - normed.map(|shape| 2 * shape.channels_out).sum::<usize>()
    }

    /// Multiplications (each with its addition) in the convolutions of one picture.
    pub fn multiply_adds(&self, input_size: usize) -> usize {
        self.layers(input_size).iter().map(Layer::multiply_adds).sum()
    }
}

#[derive(Default)]
struct Count {
    layers: Vec<Layer>,
    maps: usize,
}

/// A map by its number, its channels and its size.
#[derive(Clone, Copy)]
struct Map {
    number: usize,
    channels: usize,
    size: [usize; 2],
}

impl Count {
    fn map(&mut self, channels: usize, size: [usize; 2]) -> Map {
        self.maps += 1;
        Map { number: self.maps, channels, size }
    }

    fn note(&mut self, name: Arguments<'_>, x: Map, step: Option<&ConvStep<'_>>, level: Option<usize>) {
        self.layers.push(Layer {
            name: name.to_string(),
            shape: step.map(|step| step.shape),
            size_in: x.size,
            input: x.number,
            level,
            norm: step.is_some_and(|step| step.norm.is_some()),
        });
    }

    /// A step that is no convolution.
    fn other(&mut self, name: Arguments<'_>, x: Map, size_out: [usize; 2]) -> Map {
        self.note(name, x, None, None);
        self.map(x.channels, size_out)
    }
}

impl Steps for Count {
    type Map = Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map) -> Map {
        self.note(name, x, Some(step), None);
        self.map(step.shape.channels_out, step.shape.size_out(x.size))
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map, _: Map) -> Map {
        self.convolve(name, step, x)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Map) -> Map {
        self.other(name, x, pool.size_out(x.size))
    }

    fn average(&mut self, name: Arguments<'_>, x: Map) -> Map {
        self.other(name, x, [1, 1])
    }

    fn scale(&mut self, name: Arguments<'_>, x: Map, _: Map) -> Map {
        self.other(name, x, x.size)
    }

    fn l2_norm(&mut self, name: Arguments<'_>, _: &L2Norm, x: Map) -> Map {
        self.other(name, x, x.size)
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        for (branch, (step, x)) in [("offsets", offsets), ("logits", logits)] {
            self.note(format_args!("head{}.{branch}", level + 1), x, Some(step), Some(level));
        }
    }
}
