//! A convolution of a network that is only run, with everything that follows it folded in: the weights are packed once, and bias
//! and activation cost no pass over memory of their own. No gradients; for training there are the functions of the crate's root.

mod dense;
mod depthwise;
mod kernel;
mod packing;
mod reads;
mod shape;
#[cfg(test)]
mod tests;

use self::dense::Dense;
use self::depthwise::Depthwise;
use crate::map::Map;

pub use self::shape::{ConvolutionError, ConvolutionShape};

/// A convolution that is ready to run.
#[derive(Debug)]
pub struct Convolution {
    shape: ConvolutionShape,
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
    /// Shapes with a zero in them, other groups than one or one for each channel, and lengths that do not fit the shape.
    pub fn new(shape: ConvolutionShape, weights: &[f32], shift: &[f32]) -> Result<Self, ConvolutionError> {
        shape.check(weights.len(), shift.len())?;
        let method = if shape.groups == 1 {
            Method::Dense(Dense::new(shape, weights, shift))
        } else {
            Method::Depthwise(Depthwise::new(shape, weights, shift))
        };
        Ok(Self { shape, method })
    }

    /// The shape that the weights were packed for.
    pub fn shape(&self) -> &ConvolutionShape {
        &self.shape
    }

    /// `activation(x * weights + shift)`.
    ///
    /// # Errors
    ///
    /// An input with another number of channels, or smaller than the kernel.
    pub fn run(&self, x: &Map) -> Result<Map, ConvolutionError> {
        let dims = self.dims_out(x)?;
        let mut out = x.room(dims);
        self.write(x, dims, out.values_mut(), false);
        Ok(Map::of(dims, out))
    }

    /// `activation(x * weights + shift + residual)`. Writes into the residual's memory, if nobody else holds it.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and a residual that is not of the output's shape.
    pub fn run_onto(&self, x: &Map, residual: Map) -> Result<Map, ConvolutionError> {
        let dims = self.dims_out(x)?;
        if residual.dims() != dims {
            return Err(ConvolutionError::Residual { actual: residual.dims(), expected: dims });
        }
        let mut out = residual.into_buffer();
        self.write(x, dims, out.values_mut(), true);
        Ok(Map::of(dims, out))
    }

    /// `[B, C, H, W]` of the output.
    fn dims_out(&self, x: &Map) -> Result<[usize; 4], ConvolutionError> {
        let [batch, channels, height, width] = x.dims();
        match self.shape.size_out([height, width]) {
            Some([height, width]) if channels == self.shape.channels_in => {
                Ok([batch, self.shape.channels_out, height, width])
            }
            _ => Err(ConvolutionError::Input { dims: x.dims(), shape: self.shape }),
        }
    }

    /// Picture by picture. With `onto`, adds to what `out` holds.
    fn write(&self, x: &Map, dims_out: [usize; 4], out: &mut [f32], onto: bool) {
        let [_, channels_in, height, width] = x.dims();
        let [_, channels_out, height_out, width_out] = dims_out;
        let (size_in, size_out) = ([height, width], [height_out, width_out]);
        let inputs = x.values().chunks_exact((channels_in * height * width).max(1));
        let outputs = out.chunks_exact_mut((channels_out * height_out * width_out).max(1));
        for (input, out) in inputs.zip(outputs) {
            match &self.method {
                Method::Dense(dense) => dense.run(input, size_in, size_out, out, onto),
                Method::Depthwise(depthwise) => depthwise.run(input, size_in, size_out, out, onto),
            }
            if !self.shape.activation.is_bound() {
                out.iter_mut().for_each(|value| *value = self.shape.activation.of(*value));
            }
        }
    }
}
