//! The network kernels against their twin, [`ssd::convolution`], on drawn shapes.
//!
//! Sums are taken in another order, so the results agree within 1e-4 of the size of what was summed.

use burn::tensor::Device;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd::convolution::ConvShape;
use ssd_cpu::Activation;

use crate::buffer::{read_floats, upload_floats};
use crate::error::GpuError;
use crate::network::{pack, run};
use crate::verify::VerifyCase;

/// Compares every network kernel with its twin.
pub(crate) async fn verify_network(device: &Device) -> Vec<VerifyCase> {
    let mut cases = Vec::new();
    for (name, shape) in shapes() {
        let verdict = verify_shape(&shape, device).await.unwrap_or_else(|error| Err(error.to_string()));
        let (ok, detail) = (verdict.is_ok(), verdict.unwrap_or_else(|difference| difference));
        cases.push(VerifyCase { name: name.into(), ok, detail });
    }
    cases
}

/// Shapes with every remainder: pixels and channels that are no multiple of four, one pixel, stride, dilation, no padding.
fn shapes() -> Vec<(&'static str, ConvShape)> {
    let plain = ConvShape {
        channels_in: 5,
        channels_out: 8,
        groups: 1,
        size_in: [7, 9],
        kernel: 1,
        stride: 1,
        padding: 0,
        dilation: 1,
        activation: Activation::None,
    };
    let depthwise = ConvShape { channels_in: 6, channels_out: 6, groups: 6, kernel: 3, padding: 1, ..plain };
    let conv = ConvShape { channels_in: 3, kernel: 3, padding: 1, ..plain };
    vec![
        ("pointwise: 63 pixels, 8 channels", plain),
        ("pointwise: 42 channels, ReLU6", ConvShape { channels_out: 42, activation: Activation::Relu6, ..plain }),
        ("pointwise: one pixel", ConvShape { size_in: [1, 1], channels_in: 64, channels_out: 3, ..plain }),
        ("pointwise: one row of two", ConvShape { size_in: [1, 2], activation: Activation::Relu, ..plain }),
        ("depthwise: stride 1", depthwise),
        ("depthwise: stride 2, ReLU6", ConvShape { stride: 2, activation: Activation::Relu6, ..depthwise }),
        ("depthwise: one pixel", ConvShape { size_in: [1, 1], ..depthwise }),
        ("conv: 3x3", conv),
        ("conv: 3x3, stride 2, 10 channels", ConvShape { stride: 2, channels_out: 10, ..conv }),
        ("conv: 3x3 without padding", ConvShape { padding: 0, activation: Activation::Relu, ..conv }),
        ("conv: 3x3 with holes of 6", ConvShape { padding: 6, dilation: 6, ..conv }),
        ("conv: 1x1 with stride 2", ConvShape { kernel: 1, padding: 0, stride: 2, ..conv }),
    ]
}

async fn verify_shape(shape: &ConvShape, device: &Device) -> Result<Result<String, String>, GpuError> {
    let mut rng = Pcg64::seed_from_u64(7);
    let mut draw = |count: usize| (0..count).map(|_| rng.random_range(-2.0f32..2.0)).collect::<Vec<f32>>();
    let input = draw(shape.channels_in * shape.size_in[0] * shape.size_in[1]);
    let weights = draw(shape.channels_out * shape.channels_in / shape.groups * shape.kernel * shape.kernel);
    let shift = draw(shape.channels_out);
    let want = shape.convolve(&input, &weights, &shift);

    let packed = pack(shape, &weights, &shift, device)?;
    let got = read_floats(&run(&packed, shape, &upload_floats(&input, device)?)).await?;
    if got.len() != want.len() {
        return Ok(Err(format!("{} numbers instead of {}", got.len(), want.len())));
    }
    let far = got.iter().zip(&want).map(|(got, want)| (got - want).abs() / want.abs().max(1.0)).fold(0.0, f32::max);
    // A NaN is far from everything, but `max` above would lose it.
    let broken = got.iter().any(|value| !value.is_finite());
    Ok(if far <= 1e-4 && !broken { Ok(format!("at most {far:.1e} apart")) } else { Err(format!("{far:.1e} apart")) })
}
