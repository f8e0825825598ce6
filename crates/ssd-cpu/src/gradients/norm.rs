//! Batch norm with the statistics of the batch, its activation, and their gradients.
//!
//! A thread works on one channel of all pictures after the other: twice forward and twice backward, the second time
//! while the channel is mostly still in a cache.

use burn::backend::flex::FlexTensor;

use crate::Activation;
use crate::activation::Bounds;
use crate::memory::{Values, primitive};
use crate::norm::Channel;
use crate::planes::{LANES, for_each};
use crate::pool;

/// Elements that are summed in f32 before the sum goes on in f64.
const BLOCK: usize = 64 * LANES;

/// A batch norm that ran, as its gradient needs it. Where the activation clamped follows from the input.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    x: Values,
    /// Kept for its memory alone, where a convolution is likely to keep it as well: after an activation.
    y: Option<Values>,
    channels: Vec<Channel>,
    /// Of each channel, one over the standard deviation, with epsilon.
    precisions: Vec<f32>,
    bounds: Bounds,
}

/// A channel's planes of an output, and what was summed on the way there.
struct Work<'a> {
    planes: Vec<&'a mut [f32]>,
    sums: [f64; 2],
}

/// Calls `work(channel, its planes)` for every channel of an output `[B, C, plane]`, on all threads; returns what it
/// returns.
fn by_channel(
    out: &mut [f32],
    [channels, plane]: [usize; 2],
    work: impl Fn(usize, &mut [&mut [f32]]) -> [f64; 2] + Sync + Send,
) -> Vec<[f64; 2]> {
    let mut all: Vec<Work<'_>> = (0..channels).map(|_| Work { planes: Vec::new(), sums: [0.0; 2] }).collect();
    for (i, plane) in out.chunks_exact_mut(plane).enumerate() {
        all[i % channels].planes.push(plane);
    }
    for_each(
        &mut all,
        1,
        || (),
        #[inline(always)]
        |(), channel, of_channel| {
            for of_channel in of_channel {
                of_channel.sums = work(channel, &mut of_channel.planes);
            }
        },
    );
    all.into_iter().map(|work| work.sums).collect()
}

/// Output, mean and biased variance, and what the gradient needs.
pub(crate) fn forward(
    x: Values,
    gamma: &Values,
    beta: &Values,
    epsilon: f64,
    activation: Activation,
) -> (FlexTensor, FlexTensor, FlexTensor, Norm) {
    let shape: [usize; 4] = x.shape();
    let (plane, values) = (shape[2] * shape[3], x.slice());
    let bounds = activation.bounds().unwrap_or(Bounds::NONE);
    let map = |channel: usize, [mean, variance]: [f64; 2]| {
        let precision = 1.0 / (variance + epsilon).sqrt();
        let scale = (f64::from(gamma.slice()[channel]) * precision) as f32;
        (Channel { mean: mean as f32, scale, shift: beta.slice()[channel] }, precision as f32)
    };
    let mut y = pool::take(values.len());
    let moments = by_channel(
        &mut y,
        [shape[1], plane],
        #[inline(always)]
        |channel, planes| {
            let from = |image: usize| &values[(image * shape[1] + channel) * plane..][..plane];
            let moments = moments(planes.len(), from);
            let (map, _) = map(channel, moments);
            for (image, to) in planes.iter_mut().enumerate() {
                to.iter_mut().zip(from(image)).for_each(|(y, x)| *y = bounds.clamp(map.of(*x)));
            }
            moments
        },
    );
    let column = |i: usize| primitive(moments.iter().map(|m| m[i] as f32).collect(), [moments.len()]);
    let (channels, precisions) = moments.iter().enumerate().map(|(channel, moments)| map(channel, *moments)).unzip();
    let y = primitive(y, shape);
    let kept = if bounds.least.is_finite() { Values::new(y.clone()) } else { None };
    (y, column(0), column(1), Norm { x, y: kept, channels, precisions, bounds })
}

/// Mean and biased variance of a channel, which has a plane in each of some pictures.
#[inline(always)]
fn moments<'a>(pictures: usize, plane: impl Fn(usize) -> &'a [f32]) -> [f64; 2] {
    // Around some value of the channel: sums of squares around zero would cancel where the mean is large.
    let origin = plane(0)[0];
    let (mut sums, mut count) = ([0.0; 2], 0.0);
    for image in 0..pictures {
        let plane = plane(image);
        count += plane.len() as f64;
        add_sums(
            &mut sums,
            plane,
            plane,
            #[inline(always)]
            |value, _| (value - origin, (value - origin) * (value - origin)),
        );
    }
    let mean = sums[0] / count;
    [f64::from(origin) + mean, (sums[1] / count - mean * mean).max(0.0)]
}

impl Norm {
    /// Gradients by `x`, `gamma` and `beta` (Ioffe and Szegedy 2015, section 3), from the one by the output.
    pub(crate) fn gradients(&self, gradient: &Values) -> [FlexTensor; 3] {
        let shape: [usize; 4] = self.x.shape();
        let (plane, values, gradients) = (shape[2] * shape[3], self.x.slice(), gradient.slice());
        let per_value = 1.0 / (shape[0] * plane) as f64;
        let bounds = self.bounds;
        let mut out = pool::take(values.len());
        let sums = by_channel(
            &mut out,
            [shape[1], plane],
            #[inline(always)]
            |channel, planes| {
                let (map, precision) = (self.channels[channel], self.precisions[channel]);
                let place = |image: usize| (image * shape[1] + channel) * plane;
                // The gradients that pass, and their products with the normalised values: those by beta and gamma.
                let mut sums = [0.0; 2];
                for image in 0..planes.len() {
                    add_sums(
                        &mut sums,
                        &values[place(image)..][..plane],
                        &gradients[place(image)..][..plane],
                        #[inline(always)]
                        |x, gradient| {
                            let gradient = if bounds.pass(map.of(x)) { gradient } else { 0.0 };
                            (gradient, gradient * (x - map.mean) * precision)
                        },
                    );
                }
                // The statistics moved with every x of the channel: the mean's part, and the deviation's.
                let constant = (sums[0] * per_value) as f32 * map.scale;
                let slope = (sums[1] * per_value) as f32 * precision * map.scale;
                for (image, out) in planes.iter_mut().enumerate() {
                    let of_image = values[place(image)..][..plane].iter().zip(&gradients[place(image)..][..plane]);
                    for (out, (x, gradient)) in out.iter_mut().zip(of_image) {
                        let gradient = if bounds.pass(map.of(*x)) { *gradient } else { 0.0 };
                        *out = gradient * map.scale - (x - map.mean) * slope - constant;
                    }
                }
                sums
            },
        );
        let column = |i: usize| primitive(sums.iter().map(|s| s[i] as f32).collect(), [sums.len()]);
        [primitive(out, shape), column(1), column(0)]
    }

    /// Its memory to the pool, as much as a norm and the convolution before it have taken.
    pub(crate) fn give(self) {
        pool::give(self.x);
        if let Some(y) = self.y {
            pool::give(y);
        }
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
