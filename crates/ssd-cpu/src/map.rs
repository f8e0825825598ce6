//! Feature maps for inference, with the channels of a position side by side.
//!
//! So a convolution multiplies and writes contiguous runs, whatever its kernel, stride or dilation, and the outputs of
//! a head lie prior by prior.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::Pool;
use crate::buffers::{Buffer, Buffers};
use crate::memory::Values;
use crate::planes::{LANES, for_each};
use crate::twins::L2NORM_EPSILON;

/// A map of `f32` in memory, `[B, H, W, C]`. Clones share the memory.
#[derive(Debug, Clone)]
pub struct Map {
    /// `[B, C, H, W]`, as tensors have it.
    dims: [usize; 4],
    values: Arc<Buffer>,
}

impl Map {
    /// A map from a tensor `[B, C, H, W]`. Its memory, and that of all maps made from it, belongs to `buffers`.
    ///
    /// `None` if the tensor is on another device than the CPU one, of another type than `f32`, or records gradients.
    pub fn from_tensor(x: Tensor<4>, buffers: &Buffers) -> Option<Self> {
        Self::from_planes(x.dims(), Values::of(&x)?.slice(), buffers)
    }

    /// A map from planes, `[B, C, H, W]`, such as pictures. `None` if their length does not match `dims`.
    pub fn from_planes(dims: [usize; 4], planes: &[f32], buffers: &Buffers) -> Option<Self> {
        let [_, channels, height, width] = dims;
        if planes.len() != dims.iter().product::<usize>() {
            return None;
        }
        let mut out = buffers.take(planes.len());
        for_each(
            out.values_mut(),
            width * channels,
            || (),
            #[inline(always)]
            |(), index, out| {
                let picture = &planes[index / height * channels * height * width..];
                for channel in 0..channels {
                    let row = &picture[(channel * height + index % height) * width..][..width];
                    for (out, number) in out[channel..].iter_mut().step_by(channels).zip(row) {
                        *out = *number;
                    }
                }
            },
        );
        Some(Self::of(dims, out))
    }

    /// A map of `values`, `[B, H, W, C]`.
    #[cfg(test)]
    pub(crate) fn from_values(dims: [usize; 4], values: Vec<f32>, buffers: &Buffers) -> Option<Self> {
        (values.len() == dims.iter().product::<usize>()).then(|| Self::of(dims, buffers.adopt(values)))
    }

    pub(crate) fn of(dims: [usize; 4], values: Buffer) -> Self {
        Self { dims, values: Arc::new(values) }
    }

    /// A tensor `[B, C, H, W]` of the CPU device: a view of `[B, H, W, C]`.
    #[cfg(test)]
    pub(crate) fn into_tensor(self) -> Tensor<4> {
        let [batch, channels, height, width] = self.dims;
        let numbers = burn::tensor::TensorData::new(self.values().to_vec(), [batch, height, width, channels]);
        Tensor::<4>::from_data(numbers, &burn::tensor::Device::flex()).permute([0, 3, 1, 2])
    }

    /// `[B, C, H, W]`
    pub fn dims(&self) -> [usize; 4] {
        self.dims
    }

    /// `[B, H, W, C]`, contiguous.
    pub fn values(&self) -> &[f32] {
        self.values.values()
    }

    pub(crate) fn into_buffer(self) -> Buffer {
        Arc::unwrap_or_clone(self.values)
    }

    /// Where its memory returns to.
    pub(crate) fn buffers(&self) -> &Buffers {
        self.values.home()
    }

    /// Memory for a map of `dims` made from this one, with numbers of any value.
    pub(crate) fn room(&self, dims: [usize; 4]) -> Buffer {
        self.values.home().take(dims.iter().product())
    }

    /// The largest number under each window, NaN where there is one.
    ///
    /// # Shapes
    ///
    /// - output: `[B, C, H', W']`
    pub fn max_pool(&self, pool: &Pool) -> Self {
        let [batch, channels, height, width] = self.dims;
        let [height_out, width_out] = pool.size_out([height, width]);
        let dims = [batch, channels, height_out, width_out];
        let mut out = self.room(dims);
        for_each(
            out.values_mut(),
            width_out * channels,
            || (),
            #[inline(always)]
            |(), index, out| {
                out.fill(f32::NEG_INFINITY);
                let picture =
                    &self.values()[index / height_out * height * width * channels..][..height * width * channels];
                for (x, out) in out.chunks_exact_mut(channels).enumerate() {
                    for row in pool.window(0, index % height_out, height) {
                        for column in pool.window(1, x, width) {
                            let numbers = &picture[(row * width + column) * channels..][..channels];
                            for (out, number) in out.iter_mut().zip(numbers) {
                                *out = if *number > *out || number.is_nan() { *number } else { *out };
                            }
                        }
                    }
                }
            },
        );
        Self::of(dims, out)
    }

    /// The mean of each channel: `[B, C, 1, 1]`.
    pub fn average(&self) -> Self {
        let [batch, channels, height, width] = self.dims;
        let dims = [batch, channels, 1, 1];
        let mut out = self.room(dims);
        for_each(
            out.values_mut(),
            channels,
            || (),
            #[inline(always)]
            |(), picture, out| {
                out.fill(0.0);
                let numbers = &self.values()[picture * height * width * channels..][..height * width * channels];
                for numbers in numbers.chunks_exact(channels) {
                    out.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
                }
                out.iter_mut().for_each(|sum| *sum /= (height * width) as f32);
            },
        );
        Self::of(dims, out)
    }

    /// Each channel times its own factor, in this map's memory if no clone holds it. `None` unless `factors` are `[B,
    /// C, 1, 1]`.
    pub fn scale(self, factors: &Self) -> Option<Self> {
        let dims @ [batch, channels, height, width] = self.dims;
        if factors.dims != [batch, channels, 1, 1] {
            return None;
        }
        let mut out = self.into_buffer();
        for_each(
            out.values_mut(),
            width * channels,
            || (),
            #[inline(always)]
            |(), row, out| {
                let factors = &factors.values()[row / height * channels..][..channels];
                for numbers in out.chunks_exact_mut(channels) {
                    numbers.iter_mut().zip(factors).for_each(|(number, factor)| *number *= factor);
                }
            },
        );
        Some(Self::of(dims, out))
    }

    /// `x / sqrt(sum over channels of x² + 1e-10) * scale`, position by position.
    ///
    /// # Shapes
    ///
    /// - `scale`: `[C]`
    pub fn l2_norm(&self, scale: &[f32]) -> Self {
        let [.., width] = self.dims;
        let channels = self.dims[1];
        let mut out = self.room(self.dims);
        for_each(
            out.values_mut(),
            width * channels,
            || (),
            #[inline(always)]
            |(), index, out| {
                let row = &self.values()[index * width * channels..][..out.len()];
                for (numbers, out) in row.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
                    let norm = (sum_of_squares(numbers) + L2NORM_EPSILON).sqrt();
                    for ((out, number), scale) in out.iter_mut().zip(numbers).zip(scale) {
                        *out = number / norm * scale;
                    }
                }
            },
        );
        Self::of(self.dims, out)
    }
}

#[inline(always)]
fn sum_of_squares(numbers: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for numbers in whole {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number * number;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|number| number * number).sum::<f32>()
}
