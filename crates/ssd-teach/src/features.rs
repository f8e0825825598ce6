//! Feature maps that are kept: a byte for each number.
//!
//! Between the smallest and the largest number of a map in 255 equal steps. Measured on TensorFlow's network, the heads
//! learn as well from these as from the numbers themselves, which take four times the memory.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::arch::Arch;

/// The feature maps of one view.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    levels: Vec<Level>,
}

/// One map, `[H, W, C]`.
#[derive(Debug, Clone, PartialEq)]
struct Level {
    smallest: f32,
    step: f32,
    numbers: Vec<u8>,
}

impl Level {
    fn of(map: &[f32]) -> Self {
        let (smallest, largest) = map
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
        // A map of equal numbers has no steps.
        let step = ((largest - smallest) / 255.0).max(f32::MIN_POSITIVE);
        let byte = |value: &f32| ((value - smallest) / step).round() as u8;
        Self { smallest, step, numbers: map.iter().map(byte).collect() }
    }
}

impl Features {
    /// Of feature maps, finest first, `[H, W, C]` each.
    pub fn of<'a>(maps: impl IntoIterator<Item = &'a [f32]>) -> Self {
        Self { levels: maps.into_iter().map(Level::of).collect() }
    }

    /// The numbers of all maps, one after the other.
    pub fn numbers(&self) -> Vec<f32> {
        let values = |level: &'_ Level| {
            let (smallest, step) = (level.smallest, level.step);
            level.numbers.iter().map(move |byte| smallest + step * f32::from(*byte)).collect::<Vec<_>>()
        };
        self.levels.iter().flat_map(values).collect()
    }
}

/// What the heads read: the numbers of `batch` views, each as of [`Features::numbers`], as a tensor
/// `[B, channels, H, W]` for each feature map of `arch`.
///
/// # Panics
///
/// If there are not as many numbers as the maps have.
pub fn tensors(numbers: &[f32], batch: usize, arch: Arch, device: &Device) -> Vec<Tensor<4>> {
    let shapes: Vec<[usize; 3]> =
        arch.feature_maps().iter().map(|map| [map.priors.grid, map.priors.grid, map.channels]).collect();
    let view_length: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
    let mut start = 0;
    let tensor = |shape: &[usize; 3]| {
        let length = shape.iter().product::<usize>();
        let rows = numbers.chunks_exact(view_length).flat_map(|view| &view[start..start + length]);
        let data = TensorData::new(rows.copied().collect::<Vec<_>>(), [batch, shape[0], shape[1], shape[2]]);
        start += length;
        Tensor::<4>::from_data(data, device).permute([0, 3, 1, 2])
    };
    shapes.iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_within_half_a_step_of_its_number() {
        let map: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin() * 3.0 + 1.0).collect();
        let kept = Features::of([map.as_slice()]).numbers();
        let step = 6.0 / 255.0;
        assert!(map.iter().zip(&kept).all(|(number, kept)| (number - kept).abs() <= 0.51 * step));
    }

    #[test]
    fn maps_of_equal_numbers_stay_as_they_are() {
        let maps: [&[f32]; 2] = [&[2.5; 4], &[0.0; 3]];
        assert_eq!(Features::of(maps).numbers(), [2.5, 2.5, 2.5, 2.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn tensors_have_the_shapes_of_the_networks_maps() {
        let arch: Arch = "ssd96-mobilenet-v1-tf-0.25".parse().expect("a network");
        let maps = arch.feature_maps();
        let length: usize = maps.iter().map(|map| map.priors.grid * map.priors.grid * map.channels).sum();
        let numbers: Vec<f32> = (0..2 * length).map(|i| i as f32).collect();
        let tensors = tensors(&numbers, 2, arch, &Device::flex());
        assert_eq!(tensors.len(), maps.len());
        for (tensor, map) in tensors.iter().zip(maps) {
            assert_eq!(tensor.dims(), [2, map.channels, map.priors.grid, map.priors.grid]);
        }
        // Channels are innermost in memory.
        let first: Vec<f32> =
            tensors[0].clone().narrow(0, 1, 1).narrow(2, 0, 1).narrow(3, 0, 1).into_data().iter().collect();
        assert_eq!(first[..2], [length as f32, length as f32 + 1.0]);
    }
}
