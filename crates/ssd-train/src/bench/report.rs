//! What is reported: the JSON document of `bench --json`, and what the table is made of.

use serde::Serialize;
use ssd_gpu::Gpu;
use ssd_gpu::bench::{Convolution, Layer, LayerTime, MethodTime, NetworkTimes, Peaks, ShapeMethods, far};
use ssd_gpu::kernel::Precision;

use crate::device::open::OpenDevice;

/// All that was measured. Times are milliseconds for the whole batch.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub(super) device: DeviceReport,
    pub(super) arch: String,
    /// Background counted.
    pub(super) classes: usize,
    /// Pictures at once.
    pub(super) batch: usize,
    /// `wgsl`, `cpu` or `burn`.
    pub(super) engine: &'static str,
    /// The numbers in maps and weights: `f32` or `f16`.
    pub(super) precision: &'static str,
    pub(super) peak: Peak,
    /// In the order of the network.
    pub(super) layers: Vec<LayerReport>,
    pub(super) network: NetworkReport,
    pub(super) preprocess_ms: f64,
    /// On drawn predictions.
    pub(super) postprocess_ms: ByScore<f64>,
    /// Boxes of a picture that went into NMS; null where nobody counts them.
    pub(super) postprocess_candidates: ByScore<Option<u32>>,
    /// Bytes that cross from the GPU to the host in a frame.
    pub(super) readback_bytes: usize,
    /// Bytes that our kernels hold on the GPU.
    pub(super) memory_bytes: Option<u64>,
    pub(super) frame: FrameReport,
    /// A step of the tracker with [`super::tracks::TRACKS`] objects, by the host.
    pub(super) track_step_ms: f64,
    pub(super) correct: Correctness,
    /// Every way of doing each convolution, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) methods: Vec<MethodReport>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct DeviceReport {
    /// The adapter's name, or that of the CPU.
    pub(super) name: String,
    /// `vulkan`, `metal`, `dx12`, or `cpu`.
    backend: String,
    /// Of the host.
    pub(super) threads: usize,
    /// Whether a processor poses as a graphics adapter.
    pub(super) software: bool,
}

/// The denominators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Peak {
    /// Billions of operations a second with 32-bit numbers, a multiply-add counted as two.
    pub(super) gflops: f64,
    /// The same with 16-bit numbers; null where there are none.
    pub(super) gflops_f16: Option<f64>,
    /// Read and written counted both.
    pub(super) gbytes_per_s: f64,
    /// MiB that were copied for it.
    pub(super) copy_mib: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct LayerReport {
    /// As the paper has it.
    pub(super) name: String,
    /// How it is done.
    pub(super) method: String,
    /// Of the direct convolution, for the batch; 0 for what is none.
    pub(super) gflop: f64,
    pub(super) ms: f64,
    /// `gflop` in a second.
    pub(super) gflops: f64,
    /// May be above 1 for Winograd, which multiplies less than it is credited with.
    pub(super) share_of_peak: f64,
    /// Null where it was not measured.
    pub(super) burn_ms: Option<f64>,
}

/// All layers together, with the same fields.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NetworkReport {
    pub(super) gflop: f64,
    pub(super) ms: f64,
    pub(super) burn_ms: Option<f64>,
    pub(super) gflops: f64,
    pub(super) share_of_peak: f64,
}

/// A value at each threshold, [`super::SCORES`].
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct ByScore<T> {
    #[serde(rename = "0.5")]
    pub(super) high: T,
    #[serde(rename = "0.01")]
    pub(super) low: T,
}

/// Frames from picture to detections, by the host's clock.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FrameReport {
    /// How many were measured.
    pub(super) runs: usize,
    /// Median of single frames.
    pub(super) latency_ms: f64,
    /// 95 of 100 are not slower.
    pub(super) latency_p95_ms: f64,
    /// With two frames in flight.
    pub(super) pictures_per_s: f64,
}

/// Our predictions beside Burn's on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Correctness {
    /// The largest difference as a share of the largest number; null where a number is NaN.
    pub(super) max_difference: f32,
    /// The most that it may be.
    pub(super) tolerance: f32,
    pub(super) ok: bool,
}

/// One way of doing the convolutions of one shape.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MethodReport {
    /// Which layers have the shape.
    pub(super) layers: String,
    /// The shape, of one picture.
    pub(super) shape: String,
    pub(super) method: String,
    /// Null where the device does not take it.
    pub(super) ms: Option<f64>,
    pub(super) gflops: Option<f64>,
    /// From our loops on the CPU, as a share of their largest number.
    pub(super) max_difference: f32,
    /// Whether that is as little as rounding makes.
    pub(super) ok: bool,
    /// The fastest of those that are right.
    pub(super) best: bool,
    /// What is chosen today.
    pub(super) chosen: bool,
}

/// Makes rows of times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) images: usize,
    pub(super) peak_gflops: f64,
}

impl Rates {
    /// Billions of operations a second, and which share of the peak that is.
    fn rate(self, gflop: f64, ms: f64) -> (f64, f64) {
        let gflops = if gflop > 0.0 && ms > 0.0 { gflop * 1e3 / ms } else { 0.0 };
        (gflops, gflops / self.peak_gflops)
    }

    pub(super) fn layer(self, layer: &Layer, own: &NetworkTimes, burn: Option<&NetworkTimes>) -> LayerReport {
        let gflop = layer.convolution.map_or(0.0, |convolution| convolution.gflop(self.images));
        let (ms, method) = of_layer(layer, own);
        let (gflops, share_of_peak) = self.rate(gflop, ms);
        let burn_ms = burn.map(|burn| of_layer(layer, burn).0);
        LayerReport { name: layer.name.clone(), method: method.to_owned(), gflop, ms, gflops, share_of_peak, burn_ms }
    }

    /// Adds what Burn took for the same network.
    pub(super) fn beside(report: &mut Report, plan: &[Layer], burn: &NetworkTimes) {
        for (row, layer) in report.layers.iter_mut().zip(plan) {
            row.burn_ms = Some(of_layer(layer, burn).0);
        }
        report.network.burn_ms = Some(burn.ms);
    }

    pub(super) fn network(self, gflop: f64, ms: f64, burn_ms: Option<f64>) -> NetworkReport {
        let (gflops, share_of_peak) = self.rate(gflop, ms);
        NetworkReport { gflop, ms, burn_ms, gflops, share_of_peak }
    }

    pub(super) fn methods(self, measured: &ShapeMethods, tolerance: f32) -> Vec<MethodReport> {
        let Convolution { shape, size_in: [height, width], .. } = measured.dense;
        let best = measured.best(tolerance);
        let kernel = shape.kernel;
        let mut text =
            format!("{kernel}x{kernel}, {} to {} channels, {height}x{width}", shape.channels_in, shape.channels_out);
        for (name, value) in [("stride", shape.stride), ("dilation", shape.dilation)] {
            if value > 1 {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        let report = |(index, method): (usize, &MethodTime)| MethodReport {
            layers: measured.layers.clone(),
            shape: text.clone(),
            method: method.method.clone(),
            ms: method.ms,
            gflops: method.ms.map(|ms| self.rate(measured.dense.gflop(self.images), ms).0),
            max_difference: method.max_difference,
            ok: method.max_difference <= tolerance,
            best: best == Some(index),
            chosen: method.chosen,
        };
        measured.methods.iter().enumerate().map(report).collect()
    }
}

/// Milliseconds and method of a layer, which an engine may do in several steps.
fn of_layer<'a>(layer: &Layer, times: &'a NetworkTimes) -> (f64, &'a str) {
    let is_part = |time: &&LayerTime| time.name == layer.name || layer.steps.contains(&time.name);
    let parts = || times.layers.iter().filter(is_part);
    (parts().map(|time| time.ms).sum(), parts().next().map_or("", |time| time.method.as_str()))
}

impl Correctness {
    /// Compares `got` with `want`. With 32-bit numbers sums in another order differ by some millionths, and a wrong
    /// kernel by much more than a hundredth. With 16-bit ones every map is rounded to 11 bits: 80 layers that all err
    /// in one direction are 4 hundredths apart.
    pub(super) fn new(got: &[f32], want: &[f32], precision: Precision) -> Self {
        let (max_difference, tolerance) = (far(got, want), if precision == Precision::Half { 4e-2 } else { 1e-2 });
        Self { max_difference, tolerance, ok: max_difference <= tolerance }
    }
}

impl Report {
    /// What is wrong with the numbers, in a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub fn verdict(&self) -> Result<(), String> {
        let Correctness { max_difference, tolerance, ok } = self.correct;
        if !ok {
            return Err(format!(
                "The predictions are {max_difference:.1e} from Burn's, and {tolerance:.0e} is \
                 allowed: these times are of wrong numbers; update the driver, or report it."
            ));
        }
        match self.methods.iter().find(|method| !method.ok) {
            Some(MethodReport { layers, method, max_difference, .. }) => Err(format!(
                "{method} for {layers} is {max_difference:.1e} from the plain way, and \
                 {tolerance:.0e} is allowed; update the driver, or report it."
            )),
            None => Ok(()),
        }
    }
}

impl DeviceReport {
    pub(super) fn new(device: &OpenDevice) -> Self {
        let gpu = device.gpu.as_ref();
        Self {
            name: device.name.clone(),
            backend: gpu.map_or_else(|| "cpu".to_owned(), Gpu::backend),
            threads: rayon::current_num_threads(),
            software: gpu.is_some_and(|gpu| gpu.adapter().software),
        }
    }
}

impl From<Peaks> for Peak {
    fn from(peaks: Peaks) -> Self {
        let Peaks { gflops, half_gflops, gbytes_per_s, copy_bytes } = peaks;
        Self { gflops, gflops_f16: half_gflops, gbytes_per_s, copy_mib: copy_bytes >> 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_share_of_the_peak_and_of_nothing_it_is_zero() {
        let rates = Rates { images: 1, peak_gflops: 500.0 };
        assert_eq!(rates.rate(2.0, 10.0), (200.0, 0.4));
        assert_eq!(rates.rate(0.0, 10.0), (0.0, 0.0));
        assert_eq!(rates.rate(1.0, 0.0), (0.0, 0.0));
    }

    #[test]
    fn wrong_numbers_are_wrong() {
        assert!(Correctness::new(&[1.0, 2.0], &[1.0, 2.01], Precision::Single).ok);
        assert!(!Correctness::new(&[1.0, 2.0], &[1.0, 2.1], Precision::Single).ok);
        assert!(!Correctness::new(&[1.0, f32::NAN], &[1.0, 2.0], Precision::Half).ok);
        assert!(Correctness::new(&[1.0, 2.0], &[1.0, 2.03], Precision::Half).ok);
    }
}
