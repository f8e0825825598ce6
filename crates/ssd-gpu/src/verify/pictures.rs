//! preprocess against [`ssd::preprocess`], on pictures of awkward sizes.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd::preprocess::{Normalization, Preprocess, preprocess_rgba};

use super::compare::{Verdict, close};
use super::report::{VerifyCase, case};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Precision;
use crate::picture::{Picture, PictureInput};

/// Width and height: shrunk, enlarged, one pixel, a line, unchanged.
const SIZES: [(usize, usize); 6] = [(97, 61), (640, 360), (7, 5), (1, 1), (200, 1), (50, 50)];
const SIDE: usize = 50;

pub(super) async fn verify(gpu: &Gpu) -> Vec<VerifyCase> {
    let mut cases = Vec::new();
    for (width, height) in SIZES {
        let name = format!("preprocess: {width} x {height} to {SIDE} x {SIDE}");
        cases.push(case(name, verify_size(gpu, width, height).await));
    }
    cases
}

/// Compares the second of two images, whose texture has held a larger picture before.
async fn verify_size(gpu: &Gpu, width: usize, height: usize) -> Result<Verdict, GpuError> {
    let mut rng = Pcg64::seed_from_u64(11);
    let mut draw = |pixels: usize| (0..pixels * 4).map(|_| rng.random::<u8>()).collect::<Vec<u8>>();
    let (before, bytes) = (draw((width + 3) * (height + 2)), draw(width * height));
    let normalization = Normalization { mean: [123.0, 117.0, 104.0], std: [58.0, 57.0, 1.0] };
    let spec = Preprocess { input_size: SIDE, normalization };
    let planes = preprocess_rgba(&bytes, width, height, &spec);
    let pixel = |at: usize| [planes[at], planes[SIDE * SIDE + at], planes[2 * SIDE * SIDE + at], 0.0];
    let want: Vec<f32> = (0..SIDE * SIDE).flat_map(pixel).collect();

    let buffer = gpu.zeros("input", (2 * SIDE * SIDE * 16) as u64);
    let mut input = PictureInput::new(gpu, &buffer, spec, 2, Precision::Single).await?;
    let larger = Picture::Rgba { bytes: &before, width: width + 3, height: height + 2 };
    for image in [0, 1] {
        input.upload(gpu, image, &larger)?;
    }
    input.upload(gpu, 1, &Picture::Rgba { bytes: &bytes, width, height })?;
    gpu.submit(|pass| input.encode(pass, 2));
    let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(&gpu.read(&buffer, buffer.size()).await?);
    input.destroy();
    buffer.destroy();
    // One level of 255 by the smallest deviation.
    Ok(close("number", &numbers[SIDE * SIDE * 4..], &want, 1.0 / 255.0))
}
