//! What is measured: a network and pictures.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::Ssd;
use ssd::preprocess::preprocess_rgba;
use ssd::weights::{Header, Provenance};
use ssd_gpu::Picture;

use super::BenchOptions;
use crate::failure::Failure;
use crate::weights_file;

/// Width and height of the pictures, in pixels: a camera's.
const SIZE_PX: [usize; 2] = [640, 480];
/// Pictures that differ; a larger batch repeats them.
pub(super) const DIFFERENT: usize = 2;

/// A network on the CPU device, and pictures for it.
pub(super) struct Subject {
    pub(super) header: Header,
    pub(super) model: Ssd,
    pictures: Vec<Vec<u8>>,
}

impl Subject {
    pub(super) fn new(options: &BenchOptions) -> Result<Self, Failure> {
        let cpu = Device::flex();
        let (header, model) = match &options.weights {
            Some(path) => weights_file::load(path, &cpu).map_err(Failure::input)?,
            None => {
                let labels = (1..options.classes).map(|class| format!("class {class}")).collect();
                cpu.seed(1);
                let header = Header::new(options.arch, labels, Provenance::default());
                let model = Ssd::new(options.arch, header.columns(), &cpu);
                (header, model)
            }
        };
        let pictures = (0..options.batch).map(|index| picture(index % DIFFERENT)).collect();
        Ok(Self { header, model, pictures })
    }

    /// As many as the batch has.
    pub(super) fn pictures(&self) -> Vec<Picture<'_>> {
        let [width, height] = SIZE_PX;
        self.pictures.iter().map(|bytes| Picture::Rgba { bytes, width, height }).collect()
    }

    /// The first `count` of them as the network gets them, `[count, 3, S, S]`.
    pub(super) fn numbers(&self, count: usize) -> Vec<f32> {
        let spec = self.header.preprocess();
        let pictures = self.pictures.iter().take(count);
        pictures.flat_map(|bytes| preprocess_rgba(bytes, SIZE_PX[0], SIZE_PX[1], &spec)).collect()
    }

    /// The same as a tensor.
    pub(super) fn input(&self, count: usize, device: &Device) -> Tensor<4> {
        let size = self.header.input_size;
        Tensor::from_data(TensorData::new(self.numbers(count), [count, 3, size, size]), device)
    }

    /// Pictures at once.
    pub(super) fn images(&self) -> usize {
        self.pictures.len()
    }
}

/// Waves of every length and a grain over them: something for every kernel, and nothing that compresses.
fn picture(seed: usize) -> Vec<u8> {
    let [width, height] = SIZE_PX;
    let mut state = seed as u32 + 1;
    let mut bytes = Vec::with_capacity(width * height * 4);
    for pixel in 0..width * height {
        let (x, y) = ((pixel % width) as f32, (pixel / width) as f32);
        let wave = ((x * x + y * y * (1.0 + seed as f32)) * 4e-4).sin() * 70.0 + 128.0;
        for shift in [0.0, 20.0, -20.0] {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 26) as f32 - 32.0;
            bytes.push((wave + shift + grain).clamp(0.0, 255.0) as u8);
        }
        bytes.push(255);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_whole_and_differ() {
        let pictures = [picture(0), picture(1)];
        assert_eq!(pictures[0].len(), SIZE_PX[0] * SIZE_PX[1] * 4);
        assert_ne!(pictures[0], pictures[1]);
    }
}
