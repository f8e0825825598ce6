//! What is measured: a network and pictures.

use burn::tensor::Device;
use pollster::block_on;
use ssd::weights::Header;
use ssd::{Arch, Ssd};
use ssd_gpu::bench::picture;
use ssd_gpu::pipeline::Pipeline;
use ssd_gpu::{GpuError, Picture};

use super::BenchArgs;
use crate::detect::detector::milliseconds;
use crate::exchange::onnx::untrained;
use crate::failure::Failure;
use crate::weights_file;

/// Width and height of the pictures, in pixels: a camera's.
const SIZE_PX: [usize; 2] = [640, 480];
/// Pictures that differ; a larger batch repeats them.
const DIFFERENT: usize = 2;

/// A network on the CPU device, and pictures for it.
pub(super) struct Subject {
    pub(super) header: Header,
    pub(super) model: Ssd,
    pictures: Vec<Vec<u8>>,
}

impl Subject {
    pub(super) fn new(args: &BenchArgs, arch: Arch) -> Result<Self, Failure> {
        let (header, model) = match &args.weights {
            Some(path) => weights_file::load(path, &Device::flex()).map_err(Failure::input)?,
            None => untrained(arch, usize::from(args.classes), 1),
        };
        let [width, height] = SIZE_PX;
        let pictures = (0..u32::from(args.batch)).map(|index| picture(width, height, index % DIFFERENT as u32 + 1));
        Ok(Self { header, model, pictures: pictures.collect() })
    }

    /// As many as the batch has.
    pub(super) fn pictures(&self) -> Vec<Picture<'_>> {
        let [width, height] = SIZE_PX;
        self.pictures.iter().map(|bytes| Picture::Rgba { bytes, width, height }).collect()
    }

    /// What the predictions have to be: Burn's own forward on the CPU device, which shares nothing with the kernels.
    /// Offsets of all pictures of the batch, then logits.
    pub(super) fn reference(&self) -> Result<Vec<f32>, GpuError> {
        let burn = Pipeline::on_burn(self.header.clone(), self.model.clone(), &Device::flex(), milliseconds);
        let (pictures, images) = (self.pictures(), self.pictures.len());
        let different = images.min(DIFFERENT);
        let (offsets, logits) = block_on(burn.predict(&pictures[..different]))?;
        Ok([repeated(&offsets, different, images), repeated(&logits, different, images)].concat())
    }
}

/// Rows of `count` pictures over and over, for `images`.
fn repeated(numbers: &[f32], count: usize, images: usize) -> Vec<f32> {
    numbers.chunks_exact(numbers.len() / count).cycle().take(images).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_whole_and_differ() {
        let pictures = [1, 2].map(|seed| picture(SIZE_PX[0], SIZE_PX[1], seed));
        assert_eq!(pictures[0].len(), SIZE_PX[0] * SIZE_PX[1] * 4);
        assert_ne!(pictures[0], pictures[1]);
    }

    #[test]
    fn a_larger_batch_repeats_its_pictures() {
        assert_eq!(repeated(&[1.0, 2.0, 3.0, 4.0], 2, 3), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
    }
}
