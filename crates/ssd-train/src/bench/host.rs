//! What the host's clock measures: our loops on the CPU, and Burn on any device.

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use ssd::cpu_network::CpuNetwork;
use ssd::model::{BurnSteps, Watched};
use ssd::postprocess::{DetectParams, postprocess};
use ssd_gpu::bench::{Layer, drawn_predictions};
use ssd_gpu::pipeline::Pipeline;

use super::compare::numbers;
use super::steps::{BurnNetwork, BurnWay, StepTimes, wait};
use super::subject::Subject;
use super::timer::Timer;
use super::{BenchOptions, Measured, PostprocessMeasured, SCORES};
use crate::detect::detector::milliseconds;
use crate::detect::engine::EngineName;
use crate::device::open::OpenDevice;
use crate::failure::Failure;

/// What Burn takes, in milliseconds: the layers in the order of the plan, and all of it.
pub(super) struct BurnTimes {
    pub(super) layers: Vec<f64>,
    pub(super) network_ms: f64,
}

/// The engine that `detect` has on this device when it is not our kernels on a GPU: our loops on the CPU, or Burn where
/// it was asked for.
pub(super) fn own(
    device: &OpenDevice,
    subject: &Subject,
    plan: &[Layer],
    options: &BenchOptions,
    timer: &Timer,
    measured: &dyn Fn(&str),
) -> Result<(Measured, Pipeline), Failure> {
    let (header, model) = (subject.header.clone(), &subject.model);
    let images = subject.images();
    let (layers, network_ms, predictions, pipeline, method) = if options.engine.engine == EngineName::Burn {
        let model = model.clone().to_device(&device.device);
        let times = burn_times(&device.device, subject, plan, BurnWay::Steps, timer, measured)?;
        let said = model.forward(subject.input(images, &device.device));
        let predictions = [numbers(said.offsets), numbers(said.logits)].concat();
        let pipeline = Pipeline::on_burn(header, model, &device.device, milliseconds);
        (times.layers, times.network_ms, predictions, pipeline, "Burn")
    } else {
        let network = CpuNetwork::new(model).map_err(Failure::run)?;
        let (input, size) = (subject.numbers(images), header.input_size);
        let mut times = StepTimes::default();
        let watched = network.forward_watched(&input, images, size, |name, work| {
            measured(name);
            let timed = timer.time(|| Ok(()), || work().map_err(Failure::run));
            times.note(name, timed).map_or_else(work, Ok)
        });
        watched.map_err(Failure::run)?;
        let forward = || network.forward(&input, images, size).map_err(Failure::run);
        let (network_ms, said) = timer.time(|| Ok(()), forward)?;
        let predictions = [said.offsets.concat(), said.logits.concat()].concat();
        let pipeline = Pipeline::on_cpu(header, model, milliseconds).map_err(Failure::run)?;
        (times.of_layers(plan)?, network_ms, predictions, pipeline, "loops")
    };
    let layers = layers.into_iter().map(|ms| (ms, method.to_owned())).collect();
    let (preprocess_ms, _) = timer.time(|| Ok(()), || Ok(subject.numbers(images)))?;
    let postprocess =
        SCORES.map(|score| postprocess_time(subject, score, timer)).into_iter().collect::<Result<_, _>>()?;
    measured("stages");
    Ok((Measured { layers, network_ms, preprocess_ms, postprocess, predictions }, pipeline))
}

/// Burn on this device, for comparison: as it would run this network best on a GPU, by nothing but its own convolution
/// on the CPU or where its best is what is measured already.
pub(super) fn burn(
    device: &OpenDevice,
    subject: &Subject,
    plan: &[Layer],
    own_gpu: bool,
    timer: &Timer,
    measured: &dyn Fn(&str),
) -> Result<BurnTimes, Failure> {
    let way = if own_gpu { BurnWay::Steps } else { BurnWay::Plain };
    burn_times(&device.device, subject, plan, way, timer, measured)
}

fn burn_times(
    device: &Device,
    subject: &Subject,
    plan: &[Layer],
    way: BurnWay,
    timer: &Timer,
    measured: &dyn Fn(&str),
) -> Result<BurnTimes, Failure> {
    let model = subject.model.clone().to_device(device);
    let input = subject.input(subject.images(), device);
    let network = || BurnNetwork { way, steps: BurnSteps::default() };
    let mut times = StepTimes::default();
    let watch = |name: &str, work: &mut dyn FnMut() -> Tensor<4>| {
        measured(name);
        let timed = timer.time(|| wait(device), || Ok(work()));
        times.note(name, timed).unwrap_or_else(work)
    };
    model.run(&mut Watched { steps: network(), watch }, input.clone());
    let layers = times.of_layers(plan)?;
    let (network_ms, _) = timer.time(
        || wait(device),
        || {
            let mut network = network();
            model.run(&mut network, input.clone());
            Ok(network.steps.predictions())
        },
    )?;
    Ok(BurnTimes { layers, network_ms })
}

/// One post-processing of the whole batch by the twins.
fn postprocess_time(subject: &Subject, score: f32, timer: &Timer) -> Result<PostprocessMeasured, Failure> {
    let Subject { header, .. } = subject;
    let (images, priors, columns) = (subject.images(), header.priors.priors(), header.columns());
    let params = DetectParams { score, ..header.params() }.checked(header.classes()).map_err(Failure::run)?;
    let drawn = drawn_predictions(images, priors.len(), columns);
    let (offsets, logits) = drawn.split_at(images * priors.len() * 4);
    let (variances, activation) = (header.priors.variances, header.score_activation);
    let work = || {
        let rows = offsets.chunks_exact(priors.len() * 4).zip(logits.chunks_exact(priors.len() * columns));
        let lists = rows.map(|(offsets, logits)| postprocess(offsets, logits, &priors, variances, activation, &params));
        Ok(lists.map(|list| list.len()).sum::<usize>())
    };
    let (ms, _) = timer.time(|| Ok(()), work)?;
    Ok(PostprocessMeasured { ms, candidates: None })
}
