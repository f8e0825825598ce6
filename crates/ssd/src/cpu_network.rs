//! A network made ready for the CPU: its steps written down once, with packed weights and batch norm folded in.
//!
//! The model is not needed any more once this is made. Inference only; training goes through Burn.

use std::fmt::Arguments;

use ssd_cpu::{Buffers, Convolution, ConvolutionError, Map, Window};

use crate::Ssd;
use crate::model::{ConvStep, Engine, L2NORM_EPSILON, L2Norm, Pool};

/// A step, and the places of the maps that it reads and writes.
enum Step {
    Convolve {
        convolution: Box<Convolution>,
        from: usize,
        onto: Option<usize>,
        to: usize,
    },
    Pool {
        window: Window,
        pool: Pool,
        from: usize,
        to: usize,
    },
    Average {
        from: usize,
        to: usize,
    },
    Scale {
        from: usize,
        factors: usize,
        to: usize,
    },
    L2Norm {
        scale: Vec<f32>,
        from: usize,
        to: usize,
    },
    /// What is predicted on a level: offsets, logits.
    Predict {
        branches: Box<[(Convolution, usize); 2]>,
    },
}

/// A network on the CPU.
pub struct CpuNetwork {
    steps: Vec<Step>,
    /// For each place, the last step that reads it.
    last_use: Vec<usize>,
    buffers: Buffers,
}

/// What the network says of a batch, picture by picture.
#[derive(Debug, Clone, PartialEq)]
pub struct CpuPredictions {
    /// Of each picture, `[P, 4]`.
    pub offsets: Vec<Vec<f32>>,
    /// Of each picture, `[P, C]`.
    pub logits: Vec<Vec<f32>>,
}

impl CpuNetwork {
    /// Packs a model, whose tensors lie on the CPU device.
    ///
    /// # Errors
    ///
    /// When a convolution is of a kind that the CPU's kernels do not know.
    pub fn new(model: &Ssd) -> Result<Self, ConvolutionError> {
        let mut writer = Writer { steps: Vec::new(), places: 1, failed: None };
        // Places stand for maps; their shapes show when the network runs.
        model.run(&mut writer, 0);
        if let Some(error) = writer.failed {
            return Err(error);
        }
        let mut last_use = vec![0; writer.places];
        for (index, step) in writer.steps.iter().enumerate() {
            for place in reads(step).into_iter().flatten() {
                last_use[place] = index;
            }
        }
        Ok(Self { steps: writer.steps, last_use, buffers: Buffers::default() })
    }

    /// Normalised pictures, `[B, 3, S, S]` in one row, to predictions.
    ///
    /// # Errors
    ///
    /// When the numbers are not so many, or the network does not fit the size.
    pub fn forward(&self, pictures: &[f32], batch: usize, size: usize) -> Result<CpuPredictions, ConvolutionError> {
        let dims = [batch, 3, size, size];
        let images = Map::from_planes(dims, pictures, &self.buffers).ok_or(ConvolutionError::Tensor)?;
        ssd_cpu::together(|| self.run(images, batch))
    }

    fn run(&self, images: Map, batch: usize) -> Result<CpuPredictions, ConvolutionError> {
        let mut maps: Vec<Option<Map>> = vec![None; self.last_use.len()];
        let mut out = CpuPredictions { offsets: vec![Vec::new(); batch], logits: vec![Vec::new(); batch] };
        maps[0] = Some(images);
        for (index, step) in self.steps.iter().enumerate() {
            // A map goes away with the step that reads it last, so that its memory is there for the next one.
            let take = |maps: &mut Vec<Option<Map>>, place: usize| {
                let map = if self.last_use[place] == index { maps[place].take() } else { maps[place].clone() };
                map.ok_or(ConvolutionError::Tensor)
            };
            match step {
                Step::Convolve { convolution, from, onto, to } => {
                    let residual = onto.map(|place| take(&mut maps, place)).transpose()?;
                    let x = take(&mut maps, *from)?;
                    maps[*to] = Some(match residual {
                        Some(residual) => convolution.run_onto(&x, residual)?,
                        None => convolution.run(&x)?,
                    });
                }
                Step::Pool { window, pool, from, to } => {
                    let x = take(&mut maps, *from)?;
                    let [_, _, height, width] = x.dims();
                    maps[*to] = Some(x.max_pool(*window, pool.size_out([height, width])));
                }
                Step::Average { from, to } => maps[*to] = Some(take(&mut maps, *from)?.average()),
                Step::Scale { from, factors, to } => {
                    let factors = take(&mut maps, *factors)?;
                    let x = take(&mut maps, *from)?;
                    maps[*to] = Some(x.scale(&factors).ok_or(ConvolutionError::Tensor)?);
                }
                Step::L2Norm { scale, from, to } => {
                    maps[*to] = Some(take(&mut maps, *from)?.l2_norm(scale, L2NORM_EPSILON));
                }
                Step::Predict { branches } => {
                    for ((convolution, from), rows) in branches.iter().zip([&mut out.offsets, &mut out.logits]) {
                        let x = maps[*from].clone().ok_or(ConvolutionError::Tensor)?;
                        // Channels are innermost, so the numbers of a cell already stand prior by prior.
                        let said = convolution.run(&x)?;
                        let values = said.values();
                        let per_picture = (values.len() / batch).max(1);
                        for (row, values) in rows.iter_mut().zip(values.chunks_exact(per_picture)) {
                            row.extend_from_slice(values);
                        }
                    }
                }
            }
        }
        Ok(out)
    }
}

fn reads(step: &Step) -> [Option<usize>; 2] {
    match step {
        Step::Convolve { from, onto, .. } => [Some(*from), *onto],
        Step::Scale { from, factors, .. } => [Some(*from), Some(*factors)],
        Step::Pool { from, .. } | Step::Average { from, .. } | Step::L2Norm { from, .. } => [Some(*from), None],
        Step::Predict { branches } => branches.each_ref().map(|(_, place)| Some(*place)),
    }
}

/// Writes steps down. A map is the number of its place.
struct Writer {
    steps: Vec<Step>,
    places: usize,
    failed: Option<ConvolutionError>,
}

impl Writer {
    fn place(&mut self) -> usize {
        self.places += 1;
        self.places - 1
    }

    /// A convolution with packed weights; the first that cannot be is kept as the failure.
    fn pack(&mut self, step: &ConvStep<'_>) -> Option<Convolution> {
        step.packed()
            .map_err(|error| {
                self.failed.get_or_insert(error);
            })
            .ok()
    }

    fn push_convolution(&mut self, step: &ConvStep<'_>, from: usize, onto: Option<usize>) -> usize {
        let to = self.place();
        if let Some(convolution) = self.pack(step) {
            self.steps.push(Step::Convolve { convolution: Box::new(convolution), from, onto, to });
        }
        to
    }
}

impl Engine for Writer {
    type Map = usize;

    fn convolve(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: usize) -> usize {
        self.push_convolution(step, x, None)
    }

    fn convolve_onto(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: usize, residual: usize) -> usize {
        self.push_convolution(step, x, Some(residual))
    }

    fn max_pool(&mut self, _: Arguments<'_>, pool: &Pool, from: usize) -> usize {
        let to = self.place();
        let window = Window { kernel: pool.kernel, stride: pool.stride, padding: pool.padding };
        self.steps.push(Step::Pool { window, pool: *pool, from, to });
        to
    }

    fn average(&mut self, _: Arguments<'_>, from: usize) -> usize {
        let to = self.place();
        self.steps.push(Step::Average { from, to });
        to
    }

    fn scale(&mut self, _: Arguments<'_>, from: usize, factors: usize) -> usize {
        let to = self.place();
        self.steps.push(Step::Scale { from, factors, to });
        to
    }

    fn l2_norm(&mut self, _: Arguments<'_>, norm: &L2Norm, from: usize) -> usize {
        let to = self.place();
        let scale = norm.scale.val().into_data().iter::<f32>().collect();
        self.steps.push(Step::L2Norm { scale, from, to });
        to
    }

    fn predict(&mut self, _: usize, offsets: (&ConvStep<'_>, usize), logits: (&ConvStep<'_>, usize)) {
        if let (Some(first), Some(second)) = (self.pack(offsets.0), self.pack(logits.0)) {
            self.steps.push(Step::Predict { branches: Box::new([(first, offsets.1), (second, logits.1)]) });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use burn::module::Module;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::Arch;

    /// Largest difference, as a share of the largest number.
    fn far(got: &[f32], want: Tensor<3>) -> f32 {
        let want: Vec<f32> = want.into_data().iter::<f32>().collect();
        assert_eq!(got.len(), want.len());
        assert!(got.iter().all(|value| value.is_finite()));
        let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        got.iter().zip(&want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max) / largest
    }

    #[test]
    fn pictures_leave_memory_as_it_is() {
        let arch = Arch::Ssd300MobileNetV2Lite;
        let network = CpuNetwork::new(&Ssd::new(arch, 4, &Device::flex())).unwrap();
        let size = arch.input_size();
        let pixels = vec![0.5; 3 * size * size];
        let idle: Vec<usize> = (0..4)
            .map(|_| {
                network.forward(&pixels, 1, size).unwrap();
                network.buffers.idle()
            })
            .collect();
        assert_eq!(idle[1..], [idle[0]; 3]);
    }

    #[test]
    fn every_network_says_what_burns_forward_says() {
        let device = Device::flex();
        device.seed(2);
        for (arch, batch) in [(Arch::Ssd300MobileNetV2Lite, 2), (Arch::Ssd300Vgg16, 1)] {
            let learning = device.clone().autodiff();
            let mut model = Ssd::new(arch, 4, &learning);
            let size = arch.input_size();
            let pixels: Vec<f32> = (0..batch * 3 * size * size).map(|i| (i as f32 * 0.37).sin()).collect();
            let input = |device| Tensor::from_data(TensorData::new(pixels.clone(), [batch, 3, size, size]), device);
            if arch == Arch::Ssd300MobileNetV2Lite {
                // Moves the running statistics away from 0 and 1, so that folding them matters.
                let _ = model.forward(input(&learning));
            }
            model = model.valid();
            let want = model.forward(input(&device));
            let got = CpuNetwork::new(&model).unwrap().forward(&pixels, batch, size).unwrap();
            let (offsets, logits) = (far(&got.offsets.concat(), want.offsets), far(&got.logits.concat(), want.logits));
            assert!(offsets < 1e-4 && logits < 1e-4, "{arch}: offsets {offsets} apart, logits {logits}");
        }
    }
}
