//! A network for inference on the CPU: its steps as a list, with packed weights and batch norm folded in.
//!
//! The model is not needed any more once the list is made. Training goes through Burn.

use std::fmt::Arguments;

use ssd_cpu::{Buffers, Convolution, ConvolutionError, Map};

use crate::Ssd;
use crate::model::{ConvStep, L2Norm, Pool, Steps};

/// A step, with the places of the maps that it reads and of the one that it makes.
struct Step {
    name: String,
    work: Work,
    from: usize,
    /// A residual or factors.
    with: Option<usize>,
    to: usize,
}

enum Work {
    Convolve(Box<Convolution>),
    Pool(Pool),
    Average,
    Scale,
    /// The scale of each channel.
    L2Norm(Vec<f32>),
}

impl Work {
    fn run(&self, x: Map, with: Option<Map>) -> Result<Map, ConvolutionError> {
        match (self, with) {
            (Self::Convolve(convolution), Some(residual)) => convolution.run_onto(&x, residual),
            (Self::Convolve(convolution), None) => convolution.run(&x),
            (Self::Pool(pool), _) => Ok(x.max_pool(pool)),
            (Self::Average, _) => Ok(x.average()),
            (Self::Scale, factors) => factors.and_then(|factors| x.scale(&factors)).ok_or(ConvolutionError::Tensor),
            (Self::L2Norm(scale), _) => Ok(x.l2_norm(scale)),
        }
    }
}

/// Steps in their order, and the memory that they share.
struct Plan {
    steps: Vec<Step>,
    /// For each place, the last step that reads it; that of a result is none of them.
    last_use: Vec<usize>,
    buffers: Buffers,
}

/// A network on the CPU.
pub struct CpuNetwork {
    plan: Plan,
    /// The places of each level's offsets and logits.
    predictions: Vec<[usize; 2]>,
}

/// Trunk and extras of a network on the CPU: pictures to feature maps.
pub struct CpuTrunk {
    plan: Plan,
    /// The places of the feature maps, finest first.
    maps: Vec<usize>,
}

/// The predictions for a batch, picture by picture.
#[derive(Debug, Clone, PartialEq)]
pub struct CpuPredictions {
    /// Of each picture, `[P, 4]`.
    pub offsets: Vec<Vec<f32>>,
    /// Of each picture, `[P, C]`.
    pub logits: Vec<Vec<f32>>,
}

impl Plan {
    /// `results` are the places that are read when all is done.
    fn new(writer: Writer, results: &[usize]) -> Result<Self, ConvolutionError> {
        let Writer { steps, places, failed, .. } = writer;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut last_use = vec![usize::MAX; places];
        for (index, step) in steps.iter().enumerate() {
            last_use[step.from] = index;
            step.with.into_iter().for_each(|place| last_use[place] = index);
        }
        results.iter().for_each(|place| last_use[*place] = usize::MAX);
        Ok(Self { steps, last_use, buffers: Buffers::default() })
    }

    /// The maps at all places that are left.
    fn run(
        &self,
        pictures: &[f32],
        batch: usize,
        size: usize,
        mut work: impl FnMut(&Step, Map, Option<Map>) -> Result<Map, ConvolutionError>,
    ) -> Result<Vec<Option<Map>>, ConvolutionError> {
        let mut maps: Vec<Option<Map>> = vec![None; self.last_use.len()];
        maps[0] = Map::from_planes([batch, 3, size, size], pictures, &self.buffers);
        for (index, step) in self.steps.iter().enumerate() {
            // A map goes with the step that reads it last, so that its memory is there for the next one.
            let mut take = |place: usize| {
                let map = if self.last_use[place] == index { maps[place].take() } else { maps[place].clone() };
                map.ok_or(ConvolutionError::Tensor)
            };
            let with = step.with.map(&mut take).transpose()?;
            let x = take(step.from)?;
            maps[step.to] = Some(work(step, x, with)?);
        }
        Ok(maps)
    }
}

impl CpuNetwork {
    /// Packs a model whose tensors are on the CPU device.
    ///
    /// # Errors
    ///
    /// A kind of convolution that the CPU's kernels do not know.
    pub fn new(model: &Ssd) -> Result<Self, ConvolutionError> {
        let mut writer = Writer::new();
        model.run(&mut writer, PICTURES);
        let predictions = writer.predictions.clone();
        Ok(Self { plan: Plan::new(writer, &predictions.concat())?, predictions })
    }

    /// Normalised pictures, `[B, 3, S, S]` in one row, to predictions.
    ///
    /// # Errors
    ///
    /// The pictures do not have `batch` times 3 times `size` times `size` numbers, or the network does not fit the
    /// size.
    pub fn forward(&self, pictures: &[f32], batch: usize, size: usize) -> Result<CpuPredictions, ConvolutionError> {
        let length = 3 * size * size;
        if pictures.len() != batch * length {
            return Err(ConvolutionError::Tensor);
        }
        // Picture by picture: the maps of one mostly stay in the last cache from step to step, those of several do not.
        ssd_cpu::together(|| {
            let mut out = CpuPredictions { offsets: Vec::new(), logits: Vec::new() };
            for picture in pictures.chunks_exact(length.max(1)) {
                let of_one = self.run(picture, 1, size, |step, x, with| step.work.run(x, with))?;
                out.offsets.extend(of_one.offsets);
                out.logits.extend(of_one.logits);
            }
            Ok(out)
        })
    }

    /// The same with every step done inside `watch`: `watch(name, work)` returns the map that `work` makes, and may
    /// look at it or repeat the step.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`], and those of `watch`.
    pub fn forward_watched(
        &self,
        pictures: &[f32],
        batch: usize,
        size: usize,
        mut watch: impl FnMut(&str, &mut dyn FnMut() -> Result<Map, ConvolutionError>) -> Result<Map, ConvolutionError>,
    ) -> Result<CpuPredictions, ConvolutionError> {
        self.run(pictures, batch, size, |step, x, with| {
            watch(&step.name, &mut || step.work.run(x.clone(), with.clone()))
        })
    }

    fn run(
        &self,
        pictures: &[f32],
        batch: usize,
        size: usize,
        work: impl FnMut(&Step, Map, Option<Map>) -> Result<Map, ConvolutionError>,
    ) -> Result<CpuPredictions, ConvolutionError> {
        let mut maps = self.plan.run(pictures, batch, size, work)?;
        let mut out = CpuPredictions { offsets: vec![Vec::new(); batch], logits: vec![Vec::new(); batch] };
        for level in &self.predictions {
            for (place, rows) in level.iter().zip([&mut out.offsets, &mut out.logits]) {
                let map = maps[*place].take().ok_or(ConvolutionError::Tensor)?;
                // Channels are innermost, so the numbers of a cell already stand prior by prior.
                let values = map.values();
                for (row, values) in rows.iter_mut().zip(values.chunks_exact((values.len() / batch).max(1))) {
                    row.extend_from_slice(values);
                }
            }
        }
        Ok(out)
    }
}

impl CpuTrunk {
    /// Packs trunk and extras of a model whose tensors are on the CPU device.
    ///
    /// # Errors
    ///
    /// As [`CpuNetwork::new`].
    pub fn new(model: &Ssd) -> Result<Self, ConvolutionError> {
        let mut writer = Writer::new();
        let maps = model.backbone.run(&mut writer, PICTURES);
        Ok(Self { plan: Plan::new(writer, &maps)?, maps })
    }

    /// The feature maps of normalised pictures, `[B, 3, S, S]` in one row: finest first, what the heads read.
    ///
    /// # Errors
    ///
    /// As [`CpuNetwork::forward`].
    pub fn maps(&self, pictures: &[f32], batch: usize, size: usize) -> Result<Vec<Map>, ConvolutionError> {
        let work = |step: &Step, x, with| step.work.run(x, with);
        let mut maps = ssd_cpu::together(|| self.plan.run(pictures, batch, size, work))?;
        self.maps.iter().map(|place| maps[*place].take().ok_or(ConvolutionError::Tensor)).collect()
    }
}

/// The place of the pictures. The shapes of maps are known when the network runs.
const PICTURES: usize = 0;

/// Writes the steps down. A map is the number of its place.
struct Writer {
    steps: Vec<Step>,
    places: usize,
    predictions: Vec<[usize; 2]>,
    /// The first failure.
    failed: Option<ConvolutionError>,
}

impl Writer {
    fn new() -> Self {
        Self { steps: Vec::new(), places: PICTURES + 1, predictions: Vec::new(), failed: None }
    }

    fn push(&mut self, name: Arguments<'_>, work: Work, from: usize, with: Option<usize>) -> usize {
        let to = self.places;
        self.places += 1;
        self.steps.push(Step { name: name.to_string(), work, from, with, to });
        to
    }

    fn pack(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, from: usize, onto: Option<usize>) -> usize {
        match step.packed() {
            Ok(convolution) => self.push(name, Work::Convolve(Box::new(convolution)), from, onto),
            Err(error) => {
                self.failed.get_or_insert(error);
                from
            }
        }
    }
}

impl Steps for Writer {
    type Map = usize;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: usize) -> usize {
        self.pack(name, step, x, None)
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: usize, residual: usize) -> usize {
        self.pack(name, step, x, Some(residual))
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: usize) -> usize {
        self.push(name, Work::Pool(*pool), x, None)
    }

    fn average(&mut self, name: Arguments<'_>, x: usize) -> usize {
        self.push(name, Work::Average, x, None)
    }

    fn scale(&mut self, name: Arguments<'_>, x: usize, factors: usize) -> usize {
        self.push(name, Work::Scale, x, Some(factors))
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: usize) -> usize {
        let scale = norm.scale.val().into_data().iter::<f32>().collect();
        self.push(name, Work::L2Norm(scale), x, None)
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, usize), logits: (&ConvStep<'_>, usize)) {
        let branches = [("offsets", offsets), ("logits", logits)];
        let places =
            branches.map(|(branch, (step, x))| self.pack(format_args!("head{}.{branch}", level + 1), step, x, None));
        self.predictions.push(places);
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
                network.plan.buffers.idle()
            })
            .collect();
        assert_eq!(idle[1..], [idle[0]; 3]);
    }

    #[test]
    fn every_network_agrees_with_burns_forward() {
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
