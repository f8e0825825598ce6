//! What is reported: the JSON document of `bench --json`, and what the table is made of.

use serde::Serialize;
use ssd_gpu::bench::{DenseShape, Layer, MethodTime, ShapeMethods, far};

use super::frame::FrameTimes;
use super::host::BurnTimes;
use super::subject::Subject;
use super::{BenchOptions, Measured, SCORES};
use crate::detect::engine::EngineName;
use crate::device::open::OpenDevice;

/// All that was measured. Times are milliseconds for the whole batch.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where.
    pub device: DeviceReport,
    /// The network.
    pub arch: String,
    /// Classes, background counted.
    pub classes: usize,
    /// Pictures at once.
    pub batch: usize,
    /// What computed: `wgsl`, `cpu` or `burn`.
    pub engine: &'static str,
    /// The numbers in maps and weights: `f32` or `f16`.
    pub precision: &'static str,
    /// What the device can do at best.
    pub peak: Peak,
    /// In the order of the network.
    pub layers: Vec<LayerReport>,
    /// All layers together.
    pub network: NetworkReport,
    /// Resize and normalise.
    pub preprocess_ms: f64,
    /// On drawn predictions.
    pub postprocess_ms: ByScore<f64>,
    /// Boxes of a picture that went into NMS; null where nobody counts them.
    pub postprocess_candidates: ByScore<Option<u32>>,
    /// Bytes that cross from the GPU to the host in a frame.
    pub readback_bytes: usize,
    /// Bytes that our kernels hold on the GPU.
    pub memory_bytes: Option<u64>,
    /// Whole frames.
    pub frame: FrameReport,
    /// Whether the numbers are right.
    pub correct: Correctness,
    /// Every way of doing each convolution, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<MethodReport>,
}

/// A device.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceReport {
    /// The adapter's name, or that of the CPU.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, or `cpu`.
    pub backend: String,
    /// Of the host.
    pub threads: usize,
    /// Whether a processor poses as a graphics adapter.
    pub software: bool,
}

/// The denominators.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peak {
    /// Billions of 32-bit floating-point operations a second, a multiply-add counted as two.
    pub gflops: f64,
    /// Billions of bytes a second, read and written counted both.
    pub gbytes_per_s: f64,
    /// MiB that were copied for it.
    pub copy_mib: u64,
}

/// A layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerReport {
    /// As the paper has it.
    pub name: String,
    /// How it is done.
    pub method: String,
    /// Of the direct convolution, for the batch; 0 for what is none.
    pub gflop: f64,
    /// Ours.
    pub ms: f64,
    /// `gflop` in a second.
    pub gflops: f64,
    /// Of the peak; may be above 1 for Winograd, which multiplies less than it is credited with.
    pub share_of_peak: f64,
    /// Burn's; null where it was not measured.
    pub burn_ms: Option<f64>,
}

/// The network.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkReport {
    /// Of all convolutions, for the batch.
    pub gflop: f64,
    /// Ours, all layers one after the other.
    pub ms: f64,
    /// Burn's; null where it was not measured.
    pub burn_ms: Option<f64>,
    /// `gflop` in a second.
    pub gflops: f64,
    /// Of the peak.
    pub share_of_peak: f64,
}

/// A value at each threshold.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ByScore<T> {
    /// To look at.
    #[serde(rename = "0.5")]
    pub high: T,
    /// To evaluate with.
    #[serde(rename = "0.01")]
    pub low: T,
}

/// Frames from picture to detections, by the host's clock.
#[derive(Debug, Clone, Serialize)]
pub struct FrameReport {
    /// How many were measured.
    pub runs: usize,
    /// Median of single frames.
    pub latency_ms: f64,
    /// 95 of 100 are not slower.
    pub latency_p95_ms: f64,
    /// Pictures a second with two frames in flight.
    pub pictures_per_s: f64,
}

/// Our predictions beside Burn's on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Correctness {
    /// The largest difference as a share of the largest number; null where a number is none.
    pub max_difference: f32,
    /// The most that it may be.
    pub tolerance: f32,
    /// Whether it is not.
    pub ok: bool,
}

/// One way of doing the convolutions of one shape.
#[derive(Debug, Clone, Serialize)]
pub struct MethodReport {
    /// Which layers have the shape.
    pub layers: String,
    /// The shape, of one picture.
    pub shape: String,
    /// The way.
    pub method: String,
    /// Of the batch; null where the device does not take it.
    pub ms: Option<f64>,
    /// Of the direct convolution in a second.
    pub gflops: Option<f64>,
    /// From the plain way, as a share of its largest number.
    pub max_difference: f32,
    /// Whether that is as little as rounding makes.
    pub ok: bool,
    /// The fastest of those that are right.
    pub best: bool,
    /// What the table of adapters chooses.
    pub chosen: bool,
}

/// What makes a rate of a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchShare {
    pub(super) images: usize,
    pub(super) peak_gflops: f64,
}

impl BatchShare {
    /// Billions of operations a second, and which share of the peak that is.
    fn rate(self, gflop: f64, ms: f64) -> (f64, f64) {
        let gflops = if gflop > 0.0 && ms > 0.0 { gflop * 1e3 / ms } else { 0.0 };
        (gflops, gflops / self.peak_gflops)
    }
}

/// The most that two ways of computing the same may be apart, as a share of the largest number.
fn tolerance(half: bool) -> f32 {
    if half { 4e-2 } else { 1e-2 }
}

impl Correctness {
    /// With 32-bit numbers sums in another order differ by some millionths, and a wrong kernel by much more than a
    /// hundredth. With 16-bit ones every map is rounded to 11 bits: 80 layers that all err in one direction are 4
    /// hundredths apart.
    pub(super) fn new(got: &[f32], want: &[f32], half: bool) -> Self {
        let (max_difference, tolerance) = (far(got, want), tolerance(half));
        Self { max_difference, tolerance, ok: max_difference <= tolerance }
    }
}

impl Report {
    #[allow(clippy::too_many_arguments, reason = "what was measured, piece by piece, and what of")]
    pub(super) fn new(
        options: &BenchOptions,
        device: &OpenDevice,
        subject: &Subject,
        plan: &[Layer],
        share: BatchShare,
        peak: Peak,
        own: Measured,
        burn: Option<BurnTimes>,
        frame: FrameTimes,
        correct: Correctness,
        methods: Vec<ShapeMethods>,
    ) -> Self {
        let layer = |(index, (layer, (ms, method))): (usize, (&Layer, (f64, String)))| {
            let gflop = layer.gflop(share.images);
            let (gflops, share_of_peak) = share.rate(gflop, ms);
            let burn_ms = burn.as_ref().map(|burn| burn.layers[index]);
            LayerReport { name: layer.name.clone(), method, gflop, ms, gflops, share_of_peak, burn_ms }
        };
        let layers: Vec<LayerReport> = plan.iter().zip(own.layers).enumerate().map(layer).collect();
        let gflop = layers.iter().map(|layer| layer.gflop).sum();
        let (gflops, share_of_peak) = share.rate(gflop, own.network_ms);
        let burn_ms = burn.as_ref().map(|burn| burn.network_ms);
        let [high, low] = SCORES.map(|score| own.postprocess.get(usize::from(score != SCORES[0])));
        let ms = |at: Option<&super::PostprocessMeasured>| at.map_or(f64::NAN, |measured| measured.ms);
        let candidates = |at: Option<&super::PostprocessMeasured>| at.and_then(|measured| measured.candidates);
        Self {
            device: DeviceReport::new(device),
            arch: subject.header.arch.name(),
            classes: subject.header.classes(),
            batch: options.batch,
            engine: match (options.engine.engine, &device.gpu) {
                (EngineName::Burn, _) => "burn",
                (EngineName::Own, Some(_)) => "wgsl",
                (EngineName::Own, None) => "cpu",
            },
            precision: if frame.half { "f16" } else { "f32" },
            peak,
            layers,
            network: NetworkReport { gflop, ms: own.network_ms, burn_ms, gflops, share_of_peak },
            preprocess_ms: own.preprocess_ms,
            postprocess_ms: ByScore { high: ms(high), low: ms(low) },
            postprocess_candidates: ByScore { high: candidates(high), low: candidates(low) },
            readback_bytes: frame.readback_bytes,
            memory_bytes: frame.memory_bytes,
            frame: FrameReport {
                runs: frame.runs,
                latency_ms: frame.latency_ms,
                latency_p95_ms: frame.latency_p95_ms,
                pictures_per_s: frame.pictures_per_s,
            },
            correct,
            methods: methods.iter().flat_map(|shape| method_reports(shape, share, tolerance(frame.half))).collect(),
        }
    }
}

impl Report {
    /// What is wrong with the numbers, in a sentence.
    ///
    /// # Errors
    ///
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
    fn new(device: &OpenDevice) -> Self {
        let gpu = device.gpu.as_ref();
        Self {
            name: device.name.clone(),
            backend: gpu.map_or_else(|| "cpu".to_owned(), ssd_gpu::Gpu::backend),
            threads: rayon::current_num_threads(),
            software: gpu.is_some_and(|gpu| gpu.adapter().software),
        }
    }
}

fn method_reports(measured: &ShapeMethods, share: BatchShare, tolerance: f32) -> Vec<MethodReport> {
    let DenseShape { layers, shape, size_in, .. } = &measured.dense;
    let gflop = 2e-9 * (share.images * shape.multiply_adds(*size_in)) as f64;
    let best = measured.best(tolerance);
    let ([height, width], kernel) = (size_in, shape.kernel);
    let mut text =
        format!("{kernel}x{kernel}, {} to {} channels, {height}x{width}", shape.channels_in, shape.channels_out);
    if shape.stride > 1 {
        text.push_str(&format!(", stride {}", shape.stride));
    }
    if shape.dilation > 1 {
        text.push_str(&format!(", dilation {}", shape.dilation));
    }
    let report = |(index, method): (usize, &MethodTime)| MethodReport {
        layers: layers.clone(),
        shape: text.clone(),
        method: method.method.clone(),
        ms: method.ms,
        gflops: method.ms.map(|ms| share.rate(gflop, ms).0),
        max_difference: method.max_difference,
        ok: method.max_difference <= tolerance,
        best: best == Some(index),
        chosen: method.chosen,
    };
    measured.methods.iter().enumerate().map(report).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_share_of_the_peak_and_of_nothing_it_is_zero() {
        let share = BatchShare { images: 1, peak_gflops: 500.0 };
        assert_eq!(share.rate(2.0, 10.0), (200.0, 0.4));
        assert_eq!(share.rate(0.0, 10.0), (0.0, 0.0));
        assert_eq!(share.rate(1.0, 0.0), (0.0, 0.0));
    }

    #[test]
    fn wrong_numbers_are_wrong() {
        assert!(Correctness::new(&[1.0, 2.0], &[1.0, 2.01], false).ok);
        assert!(!Correctness::new(&[1.0, 2.0], &[1.0, 2.1], false).ok);
        assert!(!Correctness::new(&[1.0, f32::NAN], &[1.0, 2.0], true).ok);
        assert!(Correctness::new(&[1.0, 2.0], &[1.0, 2.03], true).ok);
    }
}
