//! What is measured: a network and pictures.

use std::path::Path;

use burn::tensor::Device;
use pollster::block_on;
use ssd::weights::Header;
use ssd::{Arch, Ssd};
use ssd_gpu::bench::picture;
use ssd_gpu::pipeline::Pipeline;
use ssd_gpu::{GpuError, Picture};

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
    /// The detector of a weights file, and a batch of so many pictures.
    pub(super) fn of_file(path: &Path, images: usize) -> Result<Self, Failure> {
        let (header, model) = weights_file::load(path, &Device::flex()).map_err(Failure::input)?;
        Ok(Self::new((header, model), images))
    }

    /// A network with random weights.
    pub(super) fn untrained(arch: Arch, classes: usize, images: usize) -> Self {
        Self::new(untrained(arch, classes, 1), images)
    }

    fn new((header, model): (Header, Ssd), images: usize) -> Self {
        let [width, height] = SIZE_PX;
        let pictures = (0..images).map(|index| picture(width, height, (index % DIFFERENT) as u32 + 1));
        Self { header, model, pictures: pictures.collect() }
    }

    /// As many as the batch has.
    pub(super) fn pictures(&self) -> Vec<Picture<'_>> {
        let [width, height] = SIZE_PX;
        self.pictures.iter().map(|bytes| Picture::Rgba { bytes, width, height }).collect()
    }

    /// What the predictions have to be: Burn's own forward on the CPU device, which shares nothing with the kernels.
    pub(super) fn predictions(&self) -> Result<Reference, GpuError> {
        let burn = Pipeline::on_burn(self.header.clone(), self.model.clone(), &Device::flex(), milliseconds);
        let pictures = self.pictures();
        let different = pictures.len().min(DIFFERENT);
        let (offsets, logits) = block_on(burn.predict(&pictures[..different]))?;
        Ok(Reference { offsets, logits, pictures: different })
    }

    /// The same for all pictures of the batch, as [`Reference::of`] has them.
    pub(super) fn reference(&self) -> Result<Vec<f32>, GpuError> {
        Ok(self.predictions()?.of(self.pictures.len()))
    }
}

/// The predictions for the pictures that differ.
#[derive(Debug)]
pub(super) struct Reference {
    offsets: Vec<f32>,
    logits: Vec<f32>,
    pictures: usize,
}

impl Reference {
    /// Those for a batch: offsets of all its pictures, then logits.
    pub(super) fn of(&self, images: usize) -> Vec<f32> {
        let Self { offsets, logits, pictures } = self;
        [repeated(offsets, *pictures, images), repeated(logits, *pictures, images)].concat()
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
