//! Several devices beside the main one: shares, sums, and a failing device.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use burn::module::ParamGroup;
use ssd::Arch;
use ssd::loss::Losses;

use super::*;

const ARCH: Arch = Arch::Ssd300MobileNetV2Lite;
const CLASSES: usize = 4;

fn cpu() -> OpenDevice {
    crate::device::open::open(&"cpu".parse().unwrap()).unwrap()
}

/// Arbitrary pictures and targets, different for each picture.
fn batch(images: usize) -> HostBatch {
    let (size, priors) = (ARCH.input_size(), ARCH.prior_scheme().len());
    let wave = |count: usize| (0..count).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<f32>>();
    // More positives in each picture than in the one before.
    let classes: Vec<i32> =
        (0..images * priors).map(|i| i32::from(i % 97 <= 3 * (i / priors)) * (1 + i as i32 % 3)).collect();
    let positives = classes.iter().filter(|&&class| class > 0).count();
    let (pixels, offsets) = (wave(images * 3 * size * size), wave(images * priors * 4));
    HostBatch { images, size, pixels, classes, offsets, positives }
}

fn loss(device: &Device) -> MultiBox {
    let scheme = ARCH.prior_scheme();
    MultiBox::new(&scheme.priors(), scheme.variances, Losses::default(), device)
}

/// The gradients of a batch by `replicas`, with the CPU as main device.
fn gradients_of(replicas: &mut Replicas, model: &Ssd, batch: HostBatch) -> Result<BatchGradients, LostReplica> {
    let device = cpu().device.autodiff();
    replicas.gradients(Local { model, device: &device, loss: &loss(&device) }, batch)
}

/// All gradients, and the loss as `[boxes, classes]`.
fn host(model: &Ssd, replicas: &mut Replicas, batch: HostBatch) -> (Vec<Option<Vec<f32>>>, Vec<f32>) {
    let answer = HostGradients::of(model, gradients_of(replicas, model, batch).unwrap());
    let numbers = |data: TensorData| data.iter::<f32>().collect::<Vec<f32>>();
    (answer.gradients.into_iter().map(|gradient| gradient.map(numbers)).collect(), numbers(answer.loss))
}

#[test]
fn shares_are_the_batch_in_order() {
    let whole = batch(7);
    for devices in 1..9 {
        let (own, mut shares) = shares(whole.clone(), devices);
        shares.insert(0, own);
        let images: Vec<usize> = shares.iter().map(|share| share.images).collect();
        assert_eq!(images.len(), devices);
        assert_eq!(images.iter().sum::<usize>(), 7);
        assert!(images.is_sorted_by(|a, b| a >= b) && images[0] - images[devices - 1] <= 1, "{images:?}");
        let joined = |numbers: fn(&HostBatch) -> &Vec<f32>| shares.iter().flat_map(numbers).copied().collect();
        let pixels: Vec<f32> = joined(|share| &share.pixels);
        let offsets: Vec<f32> = joined(|share| &share.offsets);
        let classes: Vec<i32> = shares.iter().flat_map(|share| share.classes.clone()).collect();
        assert!(pixels == whole.pixels && offsets == whole.offsets && classes == whole.classes);
        assert!(shares.iter().all(|share| share.positives == whole.positives));
    }
}

// Batch norm is frozen, since with it the shares of a batch would not see the statistics of the whole.
#[test]
fn several_devices_give_the_loss_and_the_gradient_of_one() {
    let device = cpu().device.autodiff();
    let model = Ssd::new(ARCH, CLASSES, &device).freeze_group(ParamGroup::from_predicate("norm"));
    let mut one = Replicas::default();
    // The second batch has one picture fewer than there are devices.
    let mut three = Replicas::new(vec![cpu(), cpu()], loss).unwrap();
    for images in [4, 2] {
        let (want, want_loss) = host(&model, &mut one, batch(images));
        let (got, got_loss) = host(&model, &mut three, batch(images));
        for (got, want) in got_loss.iter().zip(&want_loss) {
            assert!((got - want).abs() < 1e-5 * want, "{got_loss:?} is not {want_loss:?}");
        }
        let learns = |gradient: &&Option<Vec<f32>>| gradient.as_ref().is_some_and(|g| g.iter().any(|&x| x != 0.0));
        assert!(want.iter().filter(learns).count() > 50, "the convolutions learn");
        assert!(want.iter().any(Option::is_none), "the norms do not");
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let (Some(got), Some(want)) = (got, want) else {
                assert_eq!(got, want, "tensor {i} learns on one side only");
                continue;
            };
            let largest = want.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let apart = got.iter().zip(want).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(apart <= 1e-4 * largest, "tensor {i}: {apart} of {largest}");
        }
    }
}

// `Module::clone` shares running statistics, so a copy for another device must not be a clone.
#[test]
fn the_models_own_statistics_are_those_of_the_main_share_alone() {
    let device = cpu().device.autodiff();
    let before = Ssd::new(ARCH, CLASSES, &device);
    // Each with its own statistics.
    let (alone, helped) = (before.valid().train(), before.valid().train());
    let numbers =
        |model: &Ssd| weights(model).iter().map(|data| data.iter::<f32>().collect::<Vec<f32>>()).collect::<Vec<_>>();
    gradients_of(&mut Replicas::default(), &alone, shares(batch(4), 2).0).unwrap();
    gradients_of(&mut Replicas::new(vec![cpu()], loss).unwrap(), &helped, batch(4)).unwrap();
    assert!(numbers(&helped) == numbers(&alone));
    assert!(numbers(&helped) != numbers(&before), "they were updated");
}

#[test]
fn a_failing_device_is_reported_in_a_sentence() {
    let device = cpu().device.autodiff();
    let model = Ssd::new(ARCH, CLASSES, &device);
    let mut replicas = Replicas::new(vec![cpu()], loss).unwrap();
    let mut broken = batch(2);
    // One number too few, in the second device's share.
    broken.offsets.pop();
    let error = gradients_of(&mut replicas, &model, broken).unwrap_err().to_string();
    assert!(error.starts_with("CPU") && error.contains("--resume"), "{error}");
    // And it stays lost.
    let error = gradients_of(&mut replicas, &model, batch(2)).unwrap_err().to_string();
    assert!(error.contains("it was lost before"), "{error}");
}
