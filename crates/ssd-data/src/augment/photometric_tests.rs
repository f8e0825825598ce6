//! Known colours, and the distribution of the draws.

use super::*;
use crate::augment::statistics::{assert_share, assert_uniform};
use crate::seeded::seeded;

fn near(a: [f32; 3], b: [f32; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.01)
}

#[test]
fn hue_turns_red_over_yellow_to_green_and_a_full_turn_changes_nothing() {
    assert!(near(turned([200.0, 0.0, 0.0], 1.0), [200.0, 200.0, 0.0]));
    assert!(near(turned([200.0, 50.0, 50.0], 2.0), [50.0, 200.0, 50.0]));
    assert!(near(turned([10.0, 180.0, 90.0], -2.0), [180.0, 90.0, 10.0]));
    assert!(near(turned([10.0, 180.0, 90.0], 6.0), [10.0, 180.0, 90.0]));
    for grey in [0.0, 77.0, 255.0] {
        assert_eq!(turned([grey; 3], 1.3), [grey; 3]);
    }
}

#[test]
fn turning_there_and_back_changes_nothing_and_value_and_chroma_stay() {
    let rng = &mut seeded(&[20]);
    for _ in 0..2_000 {
        let pixel = [0; 3].map(|_: u8| rng.random::<f32>() * 255.0);
        let sixths = between((-3.0, 3.0), rng);
        let other = turned(pixel, sixths);
        let ends = |p: [f32; 3]| (p[0].max(p[1]).max(p[2]), p[0].min(p[1]).min(p[2]));
        assert!((ends(other).0 - ends(pixel).0).abs() < 0.01 && (ends(other).1 - ends(pixel).1).abs() < 0.01);
        assert!(near(turned(other, -sixths), pixel), "{pixel:?} by {sixths}: {other:?}");
    }
}

#[test]
fn saturation_keeps_the_value_and_stops_at_full() {
    assert!(near(saturated([200.0, 100.0, 150.0], 0.5), [200.0, 150.0, 175.0]));
    assert!(near(saturated([200.0, 100.0, 150.0], 10.0), [200.0, 0.0, 100.0]));
    assert!(near(saturated([77.0; 3], 0.0), [77.0; 3]));
    assert!(near(saturated([0.0; 3], 1.5), [0.0; 3]));
}

#[test]
fn whole_numbers_are_the_nearest() {
    for (v, nearest) in [(0.0, 0.0), (0.49, 0.0), (0.51, 1.0), (1.5, 2.0), (254.4, 254.0), (255.0, 255.0)] {
        assert_eq!(whole(v), nearest);
    }
}

/// A single pixel after a change.
fn changed(change: Change, pixel: [f32; 3]) -> [f32; 3] {
    let [mut r, mut g, mut b] = pixel.map(|v| [v]);
    change.apply([&mut r, &mut g, &mut b]);
    [r[0], g[0], b[0]]
}

#[test]
fn steps_follow_each_other_and_are_clamped() {
    let pixel = [250.0, 100.0, 3.0];
    assert_eq!(changed(Change { added: 10.0, ..Change::NONE }, pixel), [255.0, 110.0, 13.0]);
    assert_eq!(changed(Change { added: -10.0, ..Change::NONE }, pixel), [240.0, 90.0, 0.0]);
    // What was clamped does not come back: 250 + 10 is 255, and half of it is 127.5, which rounds to even.
    let halved = Change { added: 10.0, contrast_before: 0.5, ..Change::NONE };
    assert_eq!(changed(halved, pixel), [128.0, 55.0, 6.0]);
    // Contrast first: 250 * 2 is clamped to 255 before desaturation; contrast last: 250 is desaturated, then doubled.
    let grey = Change { saturation: 0.5, ..Change::NONE };
    assert_eq!(changed(Change { contrast_before: 2.0, ..grey }, [250.0, 100.0, 50.0]), [255.0, 228.0, 178.0]);
    assert_eq!(changed(Change { contrast_after: 2.0, ..grey }, [100.0, 50.0, 30.0]), [200.0, 150.0, 130.0]);
    assert_eq!(changed(Change::NONE, pixel), pixel);
}

fn drawn(params: &Photometric, seed: u64) -> Vec<Change> {
    let rng = &mut seeded(&[seed]);
    (0..20_000).map(|_| params.draw(rng)).collect()
}

#[test]
fn each_change_is_made_for_half_of_the_pictures_and_is_uniform_in_its_range() {
    let changes = drawn(&Photometric::default(), 21);
    let chosen = |value: fn(&Change) -> f32, neutral: f32, low: f64, high: f64| {
        let chosen: Vec<f32> = changes.iter().map(value).filter(|value| *value != neutral).collect();
        assert_share(chosen.len(), changes.len(), 0.5);
        assert_uniform(chosen.into_iter().map(f64::from), low, high);
    };
    chosen(|c| c.added, 0.0, -32.0, 32.0);
    chosen(|c| c.contrast_before * c.contrast_after, 1.0, 0.5, 1.5);
    chosen(|c| c.saturation, 1.0, 0.5, 1.5);
    chosen(|c| c.hue_sixths * 60.0, 0.0, -18.0, 18.0);

    let contrasts = changes.iter().filter(|c| c.contrast_before * c.contrast_after != 1.0).count();
    assert_share(changes.iter().filter(|c| c.contrast_before != 1.0).count(), contrasts, 0.5);
    // The draws are independent.
    assert_share(changes.iter().filter(|c| c.added != 0.0 && c.hue_sixths != 0.0).count(), changes.len(), 0.25);
    assert!(changes.iter().all(|c| c.channels == [0, 1, 2]), "the paper's code permutes no channels");
}

#[test]
fn every_order_of_the_channels_is_equally_likely() {
    let changes = drawn(&Photometric { channel_swap: 1.0, ..Photometric::none() }, 22);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_share(changes.iter().filter(|c| c.channels == order).count(), changes.len(), 1.0 / 6.0);
    }
    assert!(changes.iter().all(|c| Change { channels: [0, 1, 2], ..*c } == Change::NONE));
}

#[test]
fn permuted_channels_show_the_source_channels_they_name() {
    let change = Change { channels: [2, 0, 1], ..Change::NONE };
    let (mut red, mut green, mut blue) = ([0.0], [0.0], [0.0]);
    let of_source = change.by_source_channel([&mut red, &mut green, &mut blue]);
    for (plane, value) in of_source.into_iter().zip([10.0, 20.0, 30.0]) {
        plane[0] = value;
    }
    // Red shows the source's channel 2, green its channel 0, blue its channel 1.
    assert_eq!([red[0], green[0], blue[0]], [30.0, 10.0, 20.0]);
}
