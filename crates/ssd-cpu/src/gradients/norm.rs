//! Batch norm with the statistics of the batch, its activation, and their gradients: two passes over memory forward,
//! two backward.

use burn::backend::flex::FlexTensor;

use crate::Activation;
use crate::activation::Bounds;
use crate::memory::{Values, primitive};
use crate::norm::{Channel, transform};
use crate::planes::{LANES, for_each};

/// Elements that are summed in f32 before the sum goes on in f64.
const BLOCK: usize = 64 * LANES;

/// A batch norm that ran, as its gradient needs it. The output is not kept: where the activation clamped follows from
/// the input.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    x: Values,
    channels: Vec<Channel>,
    /// Of each channel, one over the standard deviation, with epsilon.
    precisions: Vec<f32>,
    bounds: Bounds,
}

/// Output, mean and biased variance, and what the gradient needs.
pub(crate) fn forward(
    x: Values,
    gamma: &Values,
    beta: &Values,
    epsilon: f64,
    activation: Activation,
) -> (FlexTensor, FlexTensor, FlexTensor, Norm) {
    let moments = moments(&x);
    let precisions: Vec<f64> = moments.iter().map(|[_, variance]| 1.0 / (variance + epsilon).sqrt()).collect();
    let scales = gamma.slice().iter().zip(&precisions).map(|(&gamma, precision)| (f64::from(gamma) * precision) as f32);
    let channels: Vec<Channel> = scales
        .zip(beta.slice())
        .zip(&moments)
        .map(|((scale, &shift), &[mean, _])| Channel { mean: mean as f32, scale, shift })
        .collect();
    let y = transform(&x, &channels, activation);
    let column = |i: usize| primitive(moments.iter().map(|m| m[i] as f32).collect(), [moments.len()]);
    let precisions = precisions.into_iter().map(|precision| precision as f32).collect();
    let bounds = activation.bounds().unwrap_or(Bounds::NONE);
    (y, column(0), column(1), Norm { x, channels, precisions, bounds })
}

/// Mean and biased variance of each channel.
fn moments(x: &Values) -> Vec<[f64; 2]> {
    let [batch, channels, height, width] = x.shape();
    let (plane, values) = (height * width, x.slice());
    let mut moments = vec![[0.0; 2]; channels];
    for_each(
        &mut moments,
        1,
        || (),
        #[inline(always)]
        |(), channel, moments| {
            // Around some value of the channel: sums of squares around zero would cancel where the mean is large.
            let origin = values[channel * plane];
            let mut sums = [0.0; 2];
            for image in 0..batch {
                let plane = &values[(image * channels + channel) * plane..][..plane];
                add_sums(
                    &mut sums,
                    plane,
                    plane,
                    #[inline(always)]
                    |value, _| (value - origin, (value - origin) * (value - origin)),
                );
            }
            let count = (batch * plane) as f64;
            let mean = sums[0] / count;
            moments[0] = [f64::from(origin) + mean, (sums[1] / count - mean * mean).max(0.0)];
        },
    );
    moments
}

impl Norm {
    /// Gradients by `x`, `gamma` and `beta` (Ioffe and Szegedy 2015, section 3), from the one by the output.
    pub(crate) fn gradients(&self, gradient: &Values) -> [FlexTensor; 3] {
        let sums = self.gradient_sums(gradient);
        let shape: [usize; 4] = self.x.shape();
        let plane = shape[2] * shape[3];
        let per_value = 1.0 / (shape[0] * plane) as f64;
        let (values, gradients, bounds) = (self.x.slice(), gradient.slice(), self.bounds);
        let mut out = vec![0.0; values.len()];
        for_each(
            &mut out,
            plane,
            || (),
            #[inline(always)]
            |(), i, out| {
                let Channel { mean, scale, shift } = self.channels[i % self.channels.len()];
                let precision = self.precisions[i % self.precisions.len()];
                let [beta, gamma] = sums[i % sums.len()];
                // The statistics moved with every x of the channel: the mean's part, and the deviation's.
                let constant = (beta * per_value) as f32 * scale;
                let slope = (gamma * per_value) as f32 * precision * scale;
                let at = i * plane;
                for ((out, x), gradient) in out.iter_mut().zip(&values[at..][..plane]).zip(&gradients[at..][..plane]) {
                    let centred = x - mean;
                    let gradient = if bounds.pass(centred * scale + shift) { *gradient } else { 0.0 };
                    *out = gradient * scale - centred * slope - constant;
                }
            },
        );
        let column = |i: usize| primitive(sums.iter().map(|s| s[i] as f32).collect(), [sums.len()]);
        [primitive(out, shape), column(1), column(0)]
    }

    /// For each channel the sum of the gradients that pass, and of their products with the normalised values: the
    /// gradients by beta and gamma.
    fn gradient_sums(&self, gradient: &Values) -> Vec<[f64; 2]> {
        let [batch, channels, height, width] = self.x.shape();
        let plane = height * width;
        let (values, gradients, bounds) = (self.x.slice(), gradient.slice(), self.bounds);
        let mut sums = vec![[0.0; 2]; channels];
        for_each(
            &mut sums,
            1,
            || (),
            #[inline(always)]
            |(), channel, sums| {
                let (Channel { mean, scale, shift }, precision) = (self.channels[channel], self.precisions[channel]);
                for image in 0..batch {
                    let at = (image * channels + channel) * plane;
                    add_sums(
                        &mut sums[0],
                        &values[at..][..plane],
                        &gradients[at..][..plane],
                        #[inline(always)]
                        |x, gradient| {
                            let centred = x - mean;
                            let gradient = if bounds.pass(centred * scale + shift) { gradient } else { 0.0 };
                            (gradient, gradient * centred * precision)
                        },
                    );
                }
            },
        );
        sums
    }
}

/// Adds two sums over pairs of values: side by side in f32 within a block, in f64 from block to block.
#[inline(always)]
fn add_sums(sums: &mut [f64; 2], a: &[f32], b: &[f32], terms: impl Fn(f32, f32) -> (f32, f32)) {
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut first = [0.0; LANES];
        let mut second = [0.0; LANES];
        let ((rows_a, rest_a), (rows_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (lane, (&a, &b)) in rest_a.iter().zip(rest_b).enumerate() {
            (first[lane], second[lane]) = terms(a, b);
        }
        for (a, b) in rows_a.iter().zip(rows_b) {
            for lane in 0..LANES {
                let (one, other) = terms(a[lane], b[lane]);
                first[lane] += one;
                second[lane] += other;
            }
        }
        sums[0] += f64::from(first.iter().sum::<f32>());
        sums[1] += f64::from(second.iter().sum::<f32>());
    }
}
