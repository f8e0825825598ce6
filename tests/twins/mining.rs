//! Hard negative mining by bisection against the same by sorting, on the CPU device and on wgpu.

use burn::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use ssd::loss::mining::{NEGATIVES_PER_POSITIVE, shares};

use super::gpu;

/// Losses of some pictures and which priors are positive, picture by picture, each with the same number of priors.
#[derive(Debug, Clone)]
struct Problem {
    priors: usize,
    entropy: Vec<f32>,
    positive: Vec<bool>,
}

impl Problem {
    fn pictures(&self) -> usize {
        self.entropy.len() / self.priors
    }

    /// What mining means: sort, and share among those equal to the last one.
    fn ranked(&self) -> Vec<f32> {
        let pictures = self.entropy.chunks_exact(self.priors).zip(self.positive.chunks_exact(self.priors));
        pictures.flat_map(|(entropy, positive)| ranked(entropy, positive)).collect()
    }

    fn mined(&self, device: &Device) -> Vec<f32> {
        let shape = [self.pictures(), self.priors];
        let entropy = Tensor::from_data(TensorData::new(self.entropy.clone(), shape), device);
        let positive = Tensor::from_data(TensorData::new(self.positive.clone(), shape), device);
        shares(entropy, positive).into_data().iter().collect()
    }
}

fn ranked(entropy: &[f32], positive: &[bool]) -> Vec<f32> {
    let mut negatives: Vec<f32> = entropy.iter().zip(positive).filter(|(_, p)| !**p).map(|(e, _)| *e).collect();
    negatives.sort_by(|a, b| b.total_cmp(a));
    let wanted = (NEGATIVES_PER_POSITIVE * (positive.len() - negatives.len())).min(negatives.len());
    let last = wanted.checked_sub(1).map_or(f32::INFINITY, |index| negatives[index]);
    let above = negatives.iter().filter(|value| **value > last).count();
    let level = negatives.iter().filter(|value| **value == last).count();
    let share = (wanted - above) as f32 / level.max(1) as f32;
    let of_prior = |(entropy, positive): (&f32, &bool)| match () {
        () if *positive || *entropy > last => 1.0,
        () if *entropy == last => share,
        () => 0.0,
    };
    entropy.iter().zip(positive).map(of_prior).collect()
}

/// A loss: typical, or from the extremes of f32, or one of a few so that many are equal.
fn losses() -> BoxedStrategy<BoxedStrategy<f32>> {
    let neighbours = |value: f32| (0u32..4).prop_map(move |steps| f32::from_bits(value.to_bits() + steps)).boxed();
    prop_oneof![
        Just((0.0f32..12.0).boxed()),
        Just(any::<f32>().prop_map(f32::abs).prop_filter("a normal number", |x| x.is_normal()).boxed()),
        Just(prop::sample::select(vec![0.0, f32::MIN_POSITIVE, 1.2e-7, 1.0, f32::MAX]).boxed()),
        Just(Just(0.0f32).boxed()),
        (0.0f32..100.0).prop_map(|value| Just(value).boxed()),
        (1e-6f32..100.0).prop_map(neighbours),
    ]
    .boxed()
}

fn problems() -> impl Strategy<Value = Problem> {
    (1usize..4, 1usize..120, prop::sample::select(vec![0.0, 0.02, 0.2, 0.5, 1.0]), losses()).prop_flat_map(
        |(pictures, priors, share, losses)| {
            let entropy = prop::collection::vec(losses, pictures * priors);
            let positive = prop::collection::vec(prop::bool::weighted(share), pictures * priors);
            (entropy, positive).prop_map(move |(entropy, positive)| Problem { priors, entropy, positive })
        },
    )
}

fn check(device: &Device, problem: &Problem) -> Result<(), TestCaseError> {
    let (mined, ranked) = (problem.mined(device), problem.ranked());
    for (row, (mined, ranked)) in mined.iter().zip(&ranked).enumerate() {
        // A full share is exact. A GPU's division may be off in the last bit.
        let near = if ranked.fract() == 0.0 { mined == ranked } else { (mined - ranked).abs() < 1e-6 };
        prop_assert!(near, "row {row} counts {mined} instead of {ranked}");
    }
    Ok(())
}

fn agree(device: &Device, cases: u32) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    match runner.run(&problems(), |problem| check(device, &problem)) {
        Ok(()) => {}
        Err(TestError::Fail(why, problem)) => panic!("{why}: {problem:?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// As large as in training: eight pictures of SSD300.
fn large() -> Problem {
    let (pictures, priors) = (8, 8732);
    let entropy = (0..pictures * priors).map(|i| ((i * 7919) % 100_003) as f32 * 1.2e-4).collect();
    let positive = (0..pictures * priors).map(|i| i % priors < 40 * (i / priors)).collect();
    Problem { priors, entropy, positive }
}

#[test]
fn mining_is_ranking_on_the_cpu_device() {
    agree(&Device::flex(), 2000);
    check(&Device::flex(), &large()).expect("eight pictures of SSD300");
}

#[test]
fn mining_is_ranking_on_wgpu() {
    let gpu = gpu();
    agree(gpu.burn_device().expect("it is Burn's"), 60);
    check(gpu.burn_device().expect("it is Burn's"), &large()).expect("eight pictures of SSD300");
}

/// A NaN among the losses makes the sum NaN.
fn nan_makes_the_sum_nan(device: &Device) {
    for positives in [0, 1, 5] {
        let mut entropy = vec![0.5; 20];
        entropy[13] = f32::NAN;
        let entropy = Tensor::<2>::from_data(TensorData::new(entropy, [1, 20]), device);
        let positive: Vec<bool> = (0..20).map(|prior| prior < positives).collect();
        let positive = Tensor::from_data(TensorData::new(positive, [1, 20]), device);
        let sum = (entropy.clone() * shares(entropy, positive)).sum().into_scalar::<f32>();
        assert!(sum.is_nan(), "{device:?}, {positives} positives: {sum}");
    }
}

#[test]
fn a_nan_loss_makes_the_sum_nan_on_the_cpu_device() {
    nan_makes_the_sum_nan(&Device::flex());
}

#[test]
fn a_nan_loss_makes_the_sum_nan_on_wgpu() {
    nan_makes_the_sum_nan(gpu().burn_device().expect("it is Burn's"));
}
