//! What a network costs, counted by going through it without computing.

use std::fmt::Arguments;

use burn::module::Module;

use super::Ssd;
use super::conv::ConvStep;
use super::engine::{Engine, Pool};
use super::l2norm::L2Norm;
use crate::convolution::ConvShape;

/// A convolution of a network.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As the paper has it.
    pub name: String,
    /// For one picture.
    pub shape: ConvShape,
    /// Channels that batch norm keeps statistics of, 0 without norm.
    norm_channels: usize,
}

impl Ssd {
    /// The convolutions in their order, those of the heads last.
    pub fn layers(&self, input_size: usize) -> Vec<Layer> {
        let mut count = Count::default();
        self.run(&mut count, [1, 3, input_size, input_size]);
        count.0
    }

    /// How many numbers are learned. Batch norm's running statistics are measured, not learned.
    pub fn parameters(&self, input_size: usize) -> usize {
        let statistics: usize = self.layers(input_size).iter().map(|layer| 2 * layer.norm_channels).sum();
        self.num_params() - statistics
    }

    /// Multiplications (each with its addition) in the convolutions of one picture.
    pub fn multiply_adds(&self, input_size: usize) -> usize {
        self.layers(input_size).iter().map(|layer| layer.shape.multiply_adds()).sum()
    }
}

#[derive(Default)]
struct Count(Vec<Layer>);

impl Engine for Count {
    type Map = [usize; 4];

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: [usize; 4]) -> [usize; 4] {
        let shape = step.shape(x);
        let norm_channels = step.norm.map_or(0, |norm| norm.gamma.dims()[0]);
        self.0.push(Layer { name: name.to_string(), shape, norm_channels });
        let [height, width] = shape.size_out();
        [x[0], shape.channels_out, height, width]
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: [usize; 4], _: [usize; 4]) -> [usize; 4] {
        self.convolve(name, step, x)
    }

    fn max_pool(&mut self, _: Arguments<'_>, pool: &Pool, [batch, channels, height, width]: [usize; 4]) -> [usize; 4] {
        let [height, width] = pool.size_out([height, width]);
        [batch, channels, height, width]
    }

    fn average(&mut self, _: Arguments<'_>, [batch, channels, ..]: [usize; 4]) -> [usize; 4] {
        [batch, channels, 1, 1]
    }

    fn scale(&mut self, _: Arguments<'_>, x: [usize; 4], _: [usize; 4]) -> [usize; 4] {
        x
    }

    fn l2_norm(&mut self, _: Arguments<'_>, _: &L2Norm, x: [usize; 4]) -> [usize; 4] {
        x
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, [usize; 4]), logits: (&ConvStep<'_>, [usize; 4])) {
        let level = level + 1;
        self.convolve(format_args!("head{level}.offsets"), offsets.0, offsets.1);
        self.convolve(format_args!("head{level}.logits"), logits.0, logits.1);
    }
}
