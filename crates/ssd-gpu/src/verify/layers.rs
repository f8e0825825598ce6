//! The network's kernels against [`ssd_cpu::twins`], on drawn maps: every method for every kind of shape, two images
//! each.
//!
//! Sums are taken in another order, so the results agree within a share of the size of what was summed; 16-bit numbers
//! are rounded on the way in and out.

use half::f16;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd_cpu::twins::{average, convolve, l2norm, max_pool, scale};
use ssd_cpu::{Activation, ConvShape, Padding, Pool};

use super::compare::{Verdict, close};
use super::report::{VerifyCase, case};
use crate::adapter::Adapter;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Precision;
use crate::network::{Map, Method, PredictionRows, Target, Tile, Writer, pack, suits_winograd};
use crate::program::{Recording, Slot};

const IMAGES: usize = 2;

/// Every way of doing a dense convolution, those that adapters choose and edge cases.
const METHODS: [(&str, Method); 9] = [
    ("plain", Method::Plain),
    ("32 x 32", Method::Tiled(Tile::SMALL, 1)),
    ("32 x 32 in 3 parts", Method::Tiled(Tile::SMALL, 3)),
    ("64 x 64", Method::Tiled(Tile::MEDIUM, 1)),
    ("128 x 64", Method::Tiled(Tile::LARGE, 1)),
    ("128 x 64 in 2 parts", Method::Tiled(Tile::LARGE, 2)),
    ("Winograd", Method::Winograd(Some(Tile::SMALL), 1)),
    ("Winograd 64 x 64 in 3 bands", Method::Winograd(Some(Tile::MEDIUM), 3)),
    ("Winograd plain", Method::Winograd(None, 1)),
];

pub(super) async fn verify(gpu: &Gpu) -> Vec<VerifyCase> {
    let precisions: &[(&str, Precision)] = if gpu.has_f16() {
        &[("", Precision::Single), (", 16 bits", Precision::Half)]
    } else {
        &[("", Precision::Single)]
    };
    let mut cases = Vec::new();
    for (suffix, precision) in precisions {
        let problem = |step| Problem { gpu, precision: *precision, step };
        for (what, shape, size) in shapes() {
            for (how, method) in METHODS.into_iter().filter(|(_, method)| suits(method, &shape)) {
                let verdict = problem(Step::Dense(shape, size, method)).verify().await;
                cases.push(case(format!("conv: {what}, {how}{suffix}"), verdict));
            }
        }
        let dense = ConvShape::dense(3, 40, 3);
        for (how, method) in [METHODS[0], METHODS[1], METHODS[2], METHODS[7]] {
            let shape = ConvShape { activation: Activation::Relu, ..dense };
            let verdict = problem(Step::Residual(shape, SIZE, method)).verify().await;
            cases.push(case(format!("conv: onto a residual, ReLU, {how}{suffix}"), verdict));
        }
        for (how, method) in [METHODS[0], METHODS[1], METHODS[2]] {
            let shape = ConvShape { channels_out: 22, ..dense };
            let verdict = problem(Step::Heads(shape, SIZE, method)).verify().await;
            cases.push(case(format!("conv_heads: {how}{suffix}"), verdict));
        }
        for (what, step) in others() {
            cases.push(case(format!("{what}{suffix}"), problem(step).verify().await));
        }
    }
    cases
}

fn suits(method: &Method, shape: &ConvShape) -> bool {
    !matches!(method, Method::Winograd(..)) || suits_winograd(shape)
}

/// Shapes with every remainder: pixels and channels that are no multiple of four, one pixel, stride, dilation, no
/// padding, and padding that differs from side to side.
fn shapes() -> Vec<(&'static str, ConvShape, [usize; 2])> {
    let dense = ConvShape::dense;
    let same = |size, stride| Padding::same(size, 3, stride, 1);
    let relu = Activation::Relu;
    vec![
        ("1x1", dense(5, 40, 1), SIZE),
        ("1x1, one pixel, ReLU", ConvShape { activation: relu, ..dense(64, 3, 1) }, [1, 1]),
        ("3x3", dense(3, 40, 3), SIZE),
        ("3x3, 24 to 70 channels, ReLU6", ConvShape { activation: Activation::Relu6, ..dense(24, 70, 3) }, [13, 10]),
        ("3x3, stride 2, 10 channels", ConvShape { stride: 2, ..dense(3, 10, 3) }, SIZE),
        (
            "3x3 without padding",
            ConvShape { padding: Padding::NONE, activation: Activation::HardSwish, ..dense(3, 40, 3) },
            SIZE,
        ),
        (
            "3x3, TensorFlow's padding, stride 2",
            ConvShape { stride: 2, padding: same([12, 9], 2), ..dense(3, 40, 3) },
            [12, 9],
        ),
        ("3x3, padding on two sides", ConvShape { padding: LOWER_RIGHT, ..dense(24, 22, 3) }, SIZE),
        ("3x3, padding on four sides", ConvShape { padding: UNEVEN, activation: relu, ..dense(5, 40, 3) }, SIZE),
        ("5x5, padding on four sides, stride 3", ConvShape { padding: UNEVEN, stride: 3, ..dense(5, 40, 5) }, SIZE),
        ("3x3 with holes of 6", ConvShape { padding: Padding::even(6), dilation: 6, ..dense(20, 40, 3) }, SIZE),
        (
            "3x3 with holes of 2, padding on four sides",
            ConvShape { padding: UNEVEN, dilation: 2, ..dense(6, 40, 3) },
            SIZE,
        ),
        ("1x1 with stride 2", ConvShape { stride: 2, ..dense(3, 40, 1) }, SIZE),
        ("1x1, one pixel, hard sigmoid", ConvShape { activation: Activation::HardSigmoid, ..dense(70, 18, 1) }, [1, 1]),
        ("7x7, stride 2", ConvShape { stride: 2, ..dense(3, 40, 7) }, SIZE),
        ("4x4 to one pixel", ConvShape { padding: Padding::even(1), ..dense(20, 40, 4) }, [2, 2]),
    ]
}

/// Only after the map, and all sides different.
const LOWER_RIGHT: Padding = Padding { before: [0, 0], after: [1, 2] };
const UNEVEN: Padding = Padding { before: [2, 1], after: [0, 3] };

fn others() -> Vec<(&'static str, Step)> {
    let depthwise = |shape: ConvShape| Step::Depthwise(shape, SIZE);
    let three = ConvShape::depthwise(6, 3);
    let five = ConvShape::depthwise(6, 5);
    let pool = |kernel, stride, padding| Step::Pool(Pool { kernel, stride, padding });
    vec![
        ("depthwise: stride 1", depthwise(three)),
        ("depthwise: stride 2, ReLU6", depthwise(ConvShape { stride: 2, activation: Activation::Relu6, ..three })),
        ("depthwise: 5x5, stride 2", depthwise(ConvShape { stride: 2, ..five })),
        ("depthwise: 5x5, hard-swish", depthwise(ConvShape { activation: Activation::HardSwish, ..five })),
        ("depthwise: 1x1", depthwise(ConvShape::depthwise(6, 1))),
        ("depthwise: one pixel", Step::Depthwise(three, [1, 1])),
        (
            "depthwise: TensorFlow's padding, stride 2",
            Step::Depthwise(ConvShape { stride: 2, padding: Padding::same([12, 9], 3, 2, 1), ..three }, [12, 9]),
        ),
        ("depthwise: padding on two sides", depthwise(ConvShape { padding: LOWER_RIGHT, ..three })),
        ("depthwise: 5x5, padding on four sides", depthwise(ConvShape { padding: UNEVEN, stride: 2, ..five })),
        ("max_pool: 2x2", pool(2, 2, Padding::NONE)),
        ("max_pool: 2x2, rounded up", pool(2, 2, Padding { before: [0, 0], after: [1, 1] })),
        ("max_pool: 3x3 over the edge", pool(3, 1, Padding::even(1))),
        ("max_pool: 3x3, stride 2 over the edge", pool(3, 2, Padding::even(1))),
        ("max_pool: 3x3, padding on two sides", pool(3, 2, LOWER_RIGHT)),
        ("max_pool: 4x4, padding on four sides", pool(4, 2, UNEVEN)),
        ("average", Step::Average),
        ("scale", Step::Scale),
        ("l2norm", Step::L2Norm),
    ]
}

/// What is compared.
enum Step {
    Dense(ConvShape, [usize; 2], Method),
    Residual(ConvShape, [usize; 2], Method),
    Heads(ConvShape, [usize; 2], Method),
    Depthwise(ConvShape, [usize; 2]),
    Pool(Pool),
    Average,
    Scale,
    L2Norm,
}

struct Problem<'a> {
    gpu: &'a Gpu,
    precision: Precision,
    step: Step,
}

/// Channels and size of the maps for steps that take any.
const CHANNELS: usize = 70;
const SIZE: [usize; 2] = [7, 9];
/// More pixels than a workgroup has threads, and not a multiple of them.
const LARGE: [usize; 2] = [19, 17];

impl Problem<'_> {
    async fn verify(&self) -> Result<Verdict, GpuError> {
        let mut rng = Pcg64::seed_from_u64(7);
        let round = |value: f32| match self.precision {
            Precision::Single => value,
            Precision::Half => f16::from_f32(value).to_f32(),
        };
        let mut draw = |count: usize| (0..count).map(|_| round(rng.random_range(-2.0f32..2.0))).collect::<Vec<f32>>();
        let mut recording = Recording::new(self.gpu);
        // Heads of 22 columns, 8 of them offsets: two priors a cell with seven logits each.
        let rows =
            PredictionRows { slot: recording.kept(IMAGES * HEAD_PRIORS * 11 * 4), priors: HEAD_PRIORS, columns: 7 };
        let mut writer = Writer::new(&mut recording, IMAGES, self.precision, Adapter::HARDWARE, rows);
        let (want, out) = match &self.step {
            Step::Dense(shape, size, _)
            | Step::Residual(shape, size, _)
            | Step::Heads(shape, size, _)
            | Step::Depthwise(shape, size) => {
                let inputs = draw_maps(&mut draw, shape.channels_in, *size);
                let weights = draw(shape.weights());
                let shift = draw(shape.channels_out);
                let activation = if let Step::Residual(..) = &self.step { Activation::None } else { shape.activation };
                let twin = ConvShape { activation, ..*shape };
                let mut want: Vec<Vec<f32>> =
                    inputs.iter().map(|x| convolve(&twin, x, *size, &weights, &shift)).collect();
                let x = self.upload(&mut writer, shape.channels_in, *size, &inputs);
                let out = match &self.step {
                    Step::Depthwise(..) => writer.depthwise("test", shape, &weights, &shift, x),
                    Step::Residual(.., method) => {
                        let added: Vec<Vec<f32>> = want.iter().map(|map| draw(map.len())).collect();
                        for (want, added) in want.iter_mut().zip(&added) {
                            want.iter_mut().zip(added).for_each(|(want, added)| {
                                *want = shape.activation.of(*want + added);
                            });
                        }
                        let residual = self.upload(&mut writer, shape.channels_out, shape.size_out(*size), &added);
                        writer.dense("test", shape, *method, &weights, &shift, x, Target::Map(Some(residual)))
                    }
                    Step::Heads(.., method) => {
                        let target = Target::Heads { prior: HEAD_FIRST, offset_columns: 8 };
                        writer.dense("test", shape, *method, &weights, &shift, x, target);
                        return self.verify_heads(recording, rows.slot, &want).await;
                    }
                    Step::Dense(.., method) => {
                        writer.dense("test", shape, *method, &weights, &shift, x, Target::Map(None))
                    }
                    Step::Pool(_) | Step::Average | Step::Scale | Step::L2Norm => x,
                };
                (want, out)
            }
            Step::Pool(pool) => {
                let inputs = draw_maps(&mut draw, CHANNELS, SIZE);
                let x = self.upload(&mut writer, CHANNELS, SIZE, &inputs);
                (inputs.iter().map(|x| max_pool(pool, x, SIZE)).collect(), writer.pool("test", pool, x))
            }
            Step::Average => {
                let inputs = draw_maps(&mut draw, CHANNELS, LARGE);
                let x = self.upload(&mut writer, CHANNELS, LARGE, &inputs);
                (inputs.iter().map(|x| average(x, CHANNELS)).collect(), writer.mean("test", x))
            }
            Step::Scale => {
                let inputs = draw_maps(&mut draw, CHANNELS, SIZE);
                let factors = draw_maps(&mut draw, CHANNELS, [1, 1]);
                let want = inputs.iter().zip(&factors).map(|(x, factors)| scale(x, factors)).collect();
                let x = self.upload(&mut writer, CHANNELS, SIZE, &inputs);
                let factors = self.upload(&mut writer, CHANNELS, [1, 1], &factors);
                (want, writer.times("test", x, factors))
            }
            Step::L2Norm => {
                let mut inputs = draw_maps(&mut draw, CHANNELS, SIZE);
                // A dead pixel.
                inputs[0].iter_mut().step_by(SIZE[0] * SIZE[1]).for_each(|value| *value = 0.0);
                let scale = draw(CHANNELS);
                let x = self.upload(&mut writer, CHANNELS, SIZE, &inputs);
                (inputs.iter().map(|x| l2norm(x, &scale)).collect(), writer.normalize("test", &scale, x))
            }
        };
        let got = self.run(recording, out).await?;
        Ok(close("number", &got, &want.concat(), self.tolerance()))
    }

    /// Sums of some hundred products of up to four.
    fn tolerance(&self) -> f32 {
        match self.precision {
            Precision::Single => 1e-4,
            Precision::Half => 4e-3,
        }
    }

    /// Maps `[channels, H, W]` in the kernels' layout.
    fn upload(&self, writer: &mut Writer<'_, '_>, channels: usize, size: [usize; 2], maps: &[Vec<f32>]) -> Map {
        let (pixels, row) = (size[0] * size[1], channels.next_multiple_of(4));
        let mut numbers = vec![0.0; maps.len() * pixels * row];
        for (image, map) in maps.iter().enumerate() {
            for (index, value) in map.iter().enumerate() {
                numbers[(image * pixels + index % pixels) * row + index / pixels] = *value;
            }
        }
        let slot = writer.recording.bytes("map", &pack::stored(&numbers, self.precision));
        Map { slot, channels, size }
    }

    /// The map in `out` after the run, image by image as `[channels, H, W]`.
    async fn run(&self, mut recording: Recording<'_>, out: Map) -> Result<Vec<f32>, GpuError> {
        recording.keep(out.slot);
        let program = recording.compile(&mut |_, _| {}).await?;
        program.run(self.gpu);
        let (pixels, row) = (out.size[0] * out.size[1], out.channels.next_multiple_of(4));
        let bytes = IMAGES * pixels * row * self.precision.bytes();
        let bytes = self.gpu.read(program.buffer(out.slot), bytes as u64).await?;
        program.destroy();
        let numbers = pack::loaded(&bytes, self.precision);
        let number = |index: usize| {
            let (image, channel, pixel) =
                (index / pixels / out.channels, index / pixels % out.channels, index % pixels);
            numbers[(image * pixels + pixel) * row + channel]
        };
        Ok((0..IMAGES * out.channels * pixels).map(number).collect())
    }

    /// Cells in their order, offsets and logits each one after the other, at the priors of their level.
    async fn verify_heads(&self, recording: Recording<'_>, rows: Slot, maps: &[Vec<f32>]) -> Result<Verdict, GpuError> {
        let program = recording.compile(&mut |_, _| {}).await?;
        program.run(self.gpu);
        let bytes = self.gpu.read(program.buffer(rows), (IMAGES * HEAD_PRIORS * 11 * 4) as u64).await?;
        program.destroy();
        let mut want = vec![0.0; IMAGES * HEAD_PRIORS * 11];
        for (image, map) in maps.iter().enumerate() {
            let cells = map.len() / 22;
            for (index, value) in map.iter().enumerate() {
                let (column, cell) = (index / cells, index % cells);
                let prior = image * HEAD_PRIORS + HEAD_FIRST;
                let at = match column.checked_sub(8) {
                    None => prior * 4 + cell * 8 + column,
                    Some(logit) => IMAGES * HEAD_PRIORS * 4 + prior * 7 + cell * 14 + logit,
                };
                want[at] = *value;
            }
        }
        Ok(close("number", &bytemuck::pod_collect_to_vec::<u8, f32>(&bytes), &want, self.tolerance()))
    }
}

/// A map `[channels, H, W]` for each image.
fn draw_maps(draw: &mut impl FnMut(usize) -> Vec<f32>, channels: usize, size: [usize; 2]) -> Vec<Vec<f32>> {
    (0..IMAGES).map(|_| draw(channels * size[0] * size[1])).collect()
}

/// Priors of an image, and the first of the level that is written, which has some before and some after it.
const HEAD_PRIORS: usize = 140;
const HEAD_FIRST: usize = 5;
