//! Ten optimiser steps that do not depend on where they are taken: run natively and as wasm, they give the same losses.
//!
//! The whole line of training but for files: generated pictures → augment → match → loss → optimiser.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use ssd::Ssd;
use ssd::weights::{Header, Provenance};
use ssd_data::augment::{AugmentConfig, Augmentation};
use ssd_data::seeded::seeded;
use ssd_data::{Dataset, Format};
use ssd_learn::{Example, LearnConfig, Learner, Local, OptimizerName};

/// Steps that are taken.
pub const STEPS: usize = 10;

/// Pictures of a step.
const BATCH: usize = 2;

/// A network without norms: of two pictures, batch norm makes a sign wherever a map has one cell, and of a sign's
/// rounding another loss.
const ARCH: &str = "ssd96-mobilenet-v1-tf-0.25";

/// The loss of each of [`STEPS`] steps of a tiny detector on generated scenes, boxes and classes together.
///
/// # Panics
///
/// Where the CPU device fails, which is what the test is about.
pub fn losses() -> Vec<f32> {
    let device = Device::flex().autodiff();
    let set = ssd_data::open(&["shapes:3:20"], Format::AUTO, None, None).expect("a generated set");
    let arch = ARCH.parse().expect("the name of a network");
    let header = Header::new(arch, set.labels().to_vec(), Provenance::default());
    let model = Ssd::new(header.arch, header.columns(), &device).map(&mut Drawn(0));
    let config = LearnConfig {
        lr: 1e-3,
        warmup: 0,
        optimizer: OptimizerName::Adamw,
        clip_norm: 10.0,
        ema: 0.9,
        ..LearnConfig::default()
    };
    let mut learner = Learner::new(&config, &header, model, device);
    (1..=STEPS).map(|step| one_step(&mut learner, &header, &set, &config, step)).collect()
}

fn one_step(learner: &mut Learner, header: &Header, set: &Dataset, config: &LearnConfig, step: usize) -> f32 {
    let (preprocess, augment) = (header.preprocess(), AugmentConfig::default());
    let pictures = (0..BATCH).map(|index| {
        let index = (step * BATCH + index) % set.len();
        let sample = set.get(index).expect("a scene");
        let drawn = Augmentation::draw(
            sample.image.dimensions(),
            &sample.truths,
            &augment,
            &mut seeded(&[7, step as u64, index as u64]),
        );
        (drawn.pixels(&sample.image, &preprocess), learner.matcher.targets(&drawn.truths(preprocess.input_size)))
    });
    let pictures: Vec<_> = pictures.collect();
    let batch = pictures.iter().map(|(pixels, targets)| Example { pixels, targets: targets.clone() }).collect();
    let gradients = |local: Local<'_>, batch| Ok::<_, Infallible>(local.gradients(batch));
    let Ok(loss) = learner.step(&[batch], config.learning_rate(STEPS).at(step - 1), step, gradients, &mut ());
    let mut arrives = pin!(loss.wait());
    match arrives.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(loss) => loss.expect("the CPU device does not fail").iter().sum(),
        Poll::Pending => panic!("the CPU device computes before it answers"),
    }
}

/// Draws every parameter by a rule of its place in the network, so that no generator of random numbers has a say:
/// weights that keep the size of what goes through them, and small shifts.
struct Drawn(u64);

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let place = self.0;
        param.map(|old| {
            let shape = old.dims();
            let fan_in = shape.iter().skip(1).product::<usize>().max(1) as f32;
            let mut rng = seeded(&[place]);
            let value = |_| {
                let noise = uniform(&mut rng);
                if D > 1 { noise * (6.0 / fan_in).sqrt() } else { 0.1 * noise }
            };
            let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
            Tensor::from_data(TensorData::new(values, shape), &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}

/// From -1 to 1.
fn uniform(rng: &mut impl rand::Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

#[cfg(target_family = "wasm")]
mod door {
    //! The door for a page.

    use wasm_bindgen::prelude::wasm_bindgen;

    /// See [`super::losses`].
    #[wasm_bindgen]
    pub fn losses() -> Vec<f32> {
        super::losses()
    }
}
