//! A network by each of the engines: every layer by itself, and all of it.

use std::fmt::Arguments;

use burn::tensor::{Device, Tensor};
use ssd::Ssd;
use ssd::cpu_network::CpuNetwork;
use ssd::model::{BurnSteps, ConvStep, L2Norm, Pool, Steps, Watched};

use super::stopwatch::Stopwatch;
use crate::error::GpuError;
use crate::frames::GpuDetector;
use crate::kernel::{Kernel, Shader};
use crate::program::{Program, Step};
use crate::wgsl::{CONV, CONV_PLAIN, CONV_SUM, WINOGRAD_INPUT};

/// How long a network takes, in milliseconds for all pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkTimes {
    /// In their order.
    pub layers: Vec<LayerTime>,
    /// All of it.
    pub ms: f64,
}

/// How a layer, or a step of one, is done, and how long it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTime {
    /// As the paper has it.
    pub name: String,
    /// The kernel and how it is cut up, or the engine.
    pub method: String,
    /// Milliseconds for all pictures.
    pub ms: f64,
}

/// Told of what is about to be measured, or has been.
pub type Progress<'a> = &'a dyn Fn(&str);

/// Our kernels: all launches that carry a layer's name. The numbers in the maps are the last frame's.
pub(super) fn by_kernels(
    detector: &GpuDetector,
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<NetworkTimes, GpuError> {
    let (gpu, program) = (detector.gpu(), detector.network());
    let mut layers = Vec::new();
    for (name, steps) in launches(program) {
        let method = method(program, &steps);
        let ms = stopwatch.pass(gpu, &|pass| steps.iter().for_each(|step| program.encode_step(pass, *step)))?;
        progress(&name);
        layers.push(LayerTime { name, method, ms });
    }
    Ok(NetworkTimes { layers, ms: stopwatch.pass(gpu, &|pass| program.encode(pass))? })
}

/// Our loops on the CPU, on preprocessed pictures.
pub(super) fn by_loops(
    network: &CpuNetwork,
    (input, images, side): (&[f32], usize, usize),
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<NetworkTimes, GpuError> {
    let mut times = StepTimes { stopwatch, device: &Device::flex(), method: "loops", progress, times: Vec::new() };
    network.forward_watched(input, images, side, |name, work| times.watch(name, work))?;
    let ms = stopwatch.calls(&Device::flex(), &mut || drop(network.forward(input, images, side)))?;
    Ok(NetworkTimes { layers: times.layers()?, ms })
}

/// Burn as it is used here, on the device of `model` and `input`.
pub(super) fn by_burn(
    model: &Ssd,
    input: &Tensor<4>,
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<NetworkTimes, GpuError> {
    let layers = by_steps(model, input, BurnSteps::default(), stopwatch, progress)?;
    let ms = stopwatch.calls(&input.device(), &mut || drop(model.forward(input.clone())))?;
    Ok(NetworkTimes { layers, ms })
}

/// The same with nothing but Burn's own convolutions.
pub(super) fn by_plain_burn(
    model: &Ssd,
    input: &Tensor<4>,
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<NetworkTimes, GpuError> {
    let layers = by_steps(model, input, PlainBurn::default(), stopwatch, progress)?;
    let mut forward = || {
        let mut steps = PlainBurn::default();
        model.run(&mut steps, input.clone());
        drop(steps.0.predictions());
    };
    Ok(NetworkTimes { layers, ms: stopwatch.calls(&input.device(), &mut forward)? })
}

fn by_steps<S: Steps<Map = Tensor<4>>>(
    model: &Ssd,
    input: &Tensor<4>,
    steps: S,
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<Vec<LayerTime>, GpuError> {
    let mut times = StepTimes { stopwatch, device: &input.device(), method: "Burn", progress, times: Vec::new() };
    let watch = |name: &str, work: &mut dyn FnMut() -> Tensor<4>| times.watch(name, work);
    model.run(&mut Watched { steps, watch }, input.clone());
    times.layers()
}

/// Takes the times of steps that are called on the host.
struct StepTimes<'a> {
    stopwatch: &'a Stopwatch,
    device: &'a Device,
    method: &'static str,
    progress: Progress<'a>,
    times: Vec<Result<LayerTime, GpuError>>,
}

impl StepTimes<'_> {
    /// Measures a step, and returns what it made.
    fn watch<T>(&mut self, name: &str, work: &mut dyn FnMut() -> T) -> T {
        (self.progress)(name);
        let mut made = None;
        let ms = self.stopwatch.calls(self.device, &mut || made = Some(work()));
        self.times.push(ms.map(|ms| LayerTime { name: name.to_owned(), method: self.method.to_owned(), ms }));
        made.unwrap_or_else(work)
    }

    /// The times, or the first failure: a step has no way to stop its network.
    fn layers(self) -> Result<Vec<LayerTime>, GpuError> {
        self.times.into_iter().collect()
    }
}

/// Burn's own convolution and batch norm for every layer, where [`BurnSteps`] has some of ours on the CPU, and matrix
/// products for 1x1 convolutions.
#[derive(Default)]
struct PlainBurn(BurnSteps);

impl PlainBurn {
    /// All that comes before a residual or an activation.
    fn sum(step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        let x = step.conv.forward(x);
        match step.norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }
}

impl Steps for PlainBurn {
    type Map = Tensor<4>;

    fn convolve(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        step.shape.activation.of_tensor(Self::sum(step, x))
    }

    fn convolve_onto(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        step.shape.activation.of_tensor(Self::sum(step, x) + residual)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Tensor<4>) -> Tensor<4> {
        self.0.max_pool(name, pool, x)
    }

    fn average(&mut self, name: Arguments<'_>, x: Tensor<4>) -> Tensor<4> {
        self.0.average(name, x)
    }

    fn scale(&mut self, name: Arguments<'_>, x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
        self.0.scale(name, x, factors)
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Tensor<4>) -> Tensor<4> {
        self.0.l2_norm(name, norm, x)
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Tensor<4>), logits: (&ConvStep<'_>, Tensor<4>)) {
        self.0.predict(level, offsets, logits);
    }
}

/// The steps of each layer; they follow each other.
fn launches(program: &Program) -> Vec<(String, Vec<Step>)> {
    let mut layers: Vec<(String, Vec<Step>)> = Vec::new();
    for step in program.steps() {
        let (label, ..) = program.step(step);
        match layers.last_mut() {
            Some((name, steps)) if name == label => steps.push(step),
            _ => layers.push((label.to_owned(), vec![step])),
        }
    }
    layers
}

/// What a layer's steps are, in words.
pub(super) fn method(program: &Program, steps: &[Step]) -> String {
    in_words(&steps.iter().map(|step| program.step(*step)).collect::<Vec<_>>())
}

fn in_words(launches: &[(&str, &Kernel, [u32; 3])]) -> String {
    let is = |kernel: &Kernel, shader: &Shader| kernel.shader.file() == shader.file();
    let count = |shader| launches.iter().filter(|(_, kernel, _)| is(kernel, shader)).count();
    let product = launches.iter().find(|(_, kernel, _)| is(kernel, &CONV) || is(kernel, &CONV_PLAIN));
    let Some((_, kernel, workgroups)) = product else {
        return launches.first().map_or_else(String::new, |(_, kernel, _)| kernel.shader.name.to_owned());
    };
    let constant = |wanted: &str| kernel.constants.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let tile = match (constant("TILE_ROWS"), constant("TILE_COLUMNS")) {
        (Some(rows), Some(columns)) => format!("{rows}x{columns}"),
        _ => "plain".to_owned(),
    };
    match (count(&WINOGRAD_INPUT), count(&CONV_SUM)) {
        (0, 0) => tile,
        (0, _) => format!("{tile} in {} parts", workgroups[2]),
        (1, _) => format!("Winograd {tile}"),
        (bands, _) => format!("Winograd {tile} in {bands} bands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Precision;
    use crate::network::Tile;
    use crate::wgsl::{CONV_PARTS, DEPTHWISE};

    #[test]
    fn a_method_says_its_tile_and_its_pieces() {
        let tiled = |shader| Kernel { shader, constants: Tile::LARGE.constants(), precision: Precision::Single };
        let plain = Kernel::plain;
        let words = |kernels: &[Kernel]| {
            in_words(&kernels.iter().map(|kernel| ("layer", kernel, [1, 1, 3])).collect::<Vec<_>>())
        };
        assert_eq!(words(&[tiled(&CONV)]), "128x64");
        assert_eq!(words(&[plain(&CONV_PLAIN)]), "plain");
        assert_eq!(words(&[plain(&DEPTHWISE)]), "depthwise");
        assert_eq!(words(&[tiled(&CONV_PARTS), plain(&CONV_SUM)]), "128x64 in 3 parts");
        let winograd = [plain(&WINOGRAD_INPUT), tiled(&CONV_PARTS)];
        assert_eq!(words(&winograd), "Winograd 128x64");
        assert_eq!(words(&[winograd.clone(), winograd].concat()), "Winograd 128x64 in 2 bands");
    }
}
