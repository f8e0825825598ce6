//! A convolution for inference, with all that follows it folded in: the weights are packed once, and bias and
//! activation cost no pass over memory of their own. No gradients; for training there are the functions of the crate's
//! root.

mod dense;
mod depthwise;
mod error;
mod packing;
mod product;
mod reads;
#[cfg(test)]
mod tests;
mod transforms;
mod way;
mod winograd;

use self::dense::Dense;
use self::depthwise::Depthwise;
use self::reads::Reads;
use self::way::Way;
use crate::ConvShape;
use crate::map::Map;
use crate::planes::{for_each_piece, threads};

pub use self::error::ConvolutionError;

/// A convolution that is ready to run.
#[derive(Debug)]
pub struct Convolution {
    shape: ConvShape,
    method: Method,
}

#[derive(Debug)]
enum Method {
    Dense(Dense),
    Depthwise(Depthwise),
}

impl Convolution {
    /// Packs weights for the vector unit of this machine.
    ///
    /// # Shapes
    ///
    /// - `weights`: `[channels_out, channels_in / groups, kernel, kernel]`, batch norm folded in
    /// - `shift`: `[channels_out]`, added to the sums
    ///
    /// # Errors
    ///
    /// A shape with a zero in it or with groups of several channels; lengths that do not fit the shape.
    pub fn new(shape: ConvShape, weights: &[f32], shift: &[f32]) -> Result<Self, ConvolutionError> {
        error::check(&shape, weights.len(), shift.len())?;
        let method = if shape.groups == 1 {
            Method::Dense(Dense::new(shape, weights, shift))
        } else {
            Method::Depthwise(Depthwise::new(shape, weights, shift))
        };
        Ok(Self { shape, method })
    }

    /// The shape that the weights were packed for.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// `activation(x * weights + shift)`.
    ///
    /// # Errors
    ///
    /// An input with another number of channels, or smaller than the kernel.
    pub fn run(&self, x: &Map) -> Result<Map, ConvolutionError> {
        self.run_by(x, None, self.way(x))
    }

    /// `activation(x * weights + shift + residual)`, in the residual's memory if no clone holds it.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and a residual that is not of the output's shape.
    pub fn run_onto(&self, x: &Map, residual: Map) -> Result<Map, ConvolutionError> {
        self.run_by(x, Some(residual), self.way(x))
    }

    fn way(&self, x: &Map) -> Way {
        let [.., height, width] = x.dims();
        Way::choose(&self.shape, [height, width], threads(), &way::COSTS)
    }

    /// The same by a way that this convolution suits.
    fn run_by(&self, x: &Map, residual: Option<Map>, way: Way) -> Result<Map, ConvolutionError> {
        let dims = self.dims_out(x)?;
        if let Some(actual) = residual.as_ref().map(Map::dims).filter(|actual| *actual != dims) {
            return Err(ConvolutionError::Residual { actual, expected: dims });
        }
        let onto = residual.is_some();
        let mut out = residual.map_or_else(|| x.room(dims), Map::into_buffer);
        self.write(x, out.values_mut(), onto, way);
        Ok(Map::of(dims, out))
    }

    /// `[B, C, H, W]` of the output.
    fn dims_out(&self, x: &Map) -> Result<[usize; 4], ConvolutionError> {
        let [batch, channels, height, width] = x.dims();
        let [height, width] = self.shape.size_out([height, width]);
        if height * width == 0 || channels != self.shape.channels_in {
            return Err(ConvolutionError::Input { dims: x.dims(), shape: self.shape });
        }
        Ok([batch, self.shape.channels_out, height, width])
    }

    /// Picture by picture; added to the numbers in `out` if `onto`.
    fn write(&self, x: &Map, out: &mut [f32], onto: bool, way: Way) {
        let [batch, channels_in, height, width] = x.dims();
        let winograd = match (&self.method, way) {
            (Method::Dense(dense), Way::Winograd) => dense.winograd([height, width]),
            _ => None,
        };
        let inputs = x.values().chunks_exact((channels_in * height * width).max(1));
        for (input, out) in inputs.zip(out.chunks_exact_mut(out.len() / batch)) {
            match &winograd {
                Some(winograd) => winograd.write(input, out, onto, x.buffers()),
                None => self.write_parts(input, [height, width], out, onto),
            }
            if self.shape.activation.bounds().is_none() {
                out.iter_mut().for_each(|value| *value = self.shape.activation.of(*value));
            }
        }
    }

    /// A picture by the method's loops.
    fn write_parts(&self, input: &[f32], size_in: [usize; 2], out: &mut [f32], onto: bool) {
        let channels = self.shape.channels_out;
        let [_, width_out] = self.shape.size_out(size_in);
        let length = match &self.method {
            Method::Dense(_) => dense::part(out.len() / channels, channels),
            Method::Depthwise(_) => depthwise::part(out.len() / channels),
        };
        for_each_piece(
            out,
            length * channels,
            || (),
            |(), index, out| {
                let positions = index * length..index * length + out.len() / channels;
                let reads = Reads::new(&self.shape, size_in, width_out, positions);
                match &self.method {
                    Method::Dense(dense) => dense.run(input, reads, out, onto),
                    Method::Depthwise(depthwise) => depthwise.run(input, reads, out, onto),
                }
            },
        );
    }
}
