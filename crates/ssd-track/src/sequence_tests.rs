//! Whole sequences: identities, and memory that stays as it is.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::drawn::{Detector, FRAME_S, Object, tracked};
use crate::measure::measure;
use crate::{Counter, Point, Rules, Shape, Tracker};

/// Two streams of 50 objects in ten rows of a picture of 1920 by 1080: in each row they meet head on and pass through
/// each other, each row as fast as it likes.
fn crossing(seed: u64) -> Vec<Object> {
    let mut random = Pcg64::seed_from_u64(seed);
    let speeds: [f64; 10] = std::array::from_fn(|_| random.random_range(4.0..8.0));
    let object = |index: usize| {
        let (place, row) = (index / 20, index / 2 % 10);
        let (from, direction) = if index.is_multiple_of(2) { (-40.0, 1.0) } else { (1920.0, -1.0) };
        let start = 40 * place + random.random_range(0..20);
        // Neighbouring rows overlap a little.
        let top = row as f64 * 95.0 + random.random_range(-8.0..8.0);
        Object {
            id: index as u64,
            class: 1,
            size: (40.0, 100.0),
            start: (from, top),
            step: (direction * speeds[row], 0.0),
            there: start..start + 330,
            hidden: 0..0,
        }
    };
    (0..100).map(object).collect()
}

/// Objects that come and go all over the picture, half of them hidden for up to 15 frames on their way.
fn hidden(seed: u64, count: usize, frames: usize) -> Vec<Object> {
    let mut random = Pcg64::seed_from_u64(seed);
    let object = |index: usize| {
        let start = random.random_range(0..frames - 100);
        let there = start..start + random.random_range(80..150);
        let hides = start + random.random_range(20..50);
        let long = if index.is_multiple_of(2) { random.random_range(5..16) } else { 0 };
        let height = random.random_range(60.0..160.0);
        Object {
            id: index as u64,
            class: 1 + index % 2,
            size: (height * random.random_range(0.4..1.5), height),
            start: (random.random_range(100.0..1600.0), random.random_range(50.0..900.0)),
            step: (random.random_range(-5.0..5.0), random.random_range(-2.0..2.0)),
            there,
            hidden: hides..hides + long,
        }
    };
    (0..count).map(object).collect()
}

/// Fifty pairs in ten rows: the second object of each overtakes the first, faster by so many pixels a frame, which
/// takes from 40 frames to three times as many. Both are as large, so that nothing but their courses tells them apart.
fn overtaking(seed: u64, faster: f64) -> Vec<Object> {
    let mut random = Pcg64::seed_from_u64(100 + seed);
    let frames = 300;
    let object = |index: usize| {
        let (row, place, second) = (index / 2 % 10, index / 20, !index.is_multiple_of(2));
        let (speed, start) = (4.0 + 0.2 * row as f64, 40 + frames * place);
        let (behind, more) = if second { (faster * frames as f64 / 2.0, faster) } else { (0.0, 0.0) };
        Object {
            id: index as u64,
            class: 1,
            size: (40.0, 90.0),
            start: (300.0 - behind, row as f64 * 105.0 + random.random_range(-2.0..2.0)),
            step: (speed + more, 0.0),
            there: start..start + frames,
            hidden: 0..0,
        }
    };
    (0..100).map(object).collect()
}

#[test]
fn of_a_hundred_objects_that_cross_in_sight_one_at_most_changes_its_identity() {
    for seed in 0..5 {
        let found = measure(&tracked(&crossing(seed), &mut Detector::new(0.0, 0.0, 0.03, seed), 1000));
        assert!(found.switches <= 1, "seed {seed}: {found:?}");
        assert!(found.idf1 > 0.97, "seed {seed}: {found:?}");
    }
}

/// Without regard to who might be whom there are 30 and 136 switches: each exchange is two.
#[test]
fn few_of_a_thousand_objects_that_overtake_each_other_in_a_row_change_their_identity() {
    for (faster, most) in [(2.0, 0), (1.0, 15), (0.5, 80)] {
        let switches = |seed: u64| {
            measure(&tracked(&overtaking(seed, faster), &mut Detector::new(0.0, 0.0, 0.03, seed), 1600)).switches
        };
        let all: usize = (0..10).map(switches).sum();
        assert!(all <= most, "{all} switches where one is {faster} pixels a frame faster");
    }
}

#[test]
fn identities_outlast_occlusions_misses_and_false_detections() {
    for seed in 0..5 {
        let objects = hidden(seed, 60, 600);
        let found = measure(&tracked(&objects, &mut Detector::new(0.05, 0.3, 0.04, seed), 600));
        assert!(found.idf1 >= 0.85 && found.mota > 0.85, "seed {seed}: {found:?}");
    }
}

#[test]
fn ten_thousand_frames_leave_no_more_behind_than_a_hundred() {
    let mut tracker = Tracker::new(Rules::default()).expect("the default rules");
    let line = [Point { x: 900.0, y: 0.0 }, Point { x: 900.0, y: 1080.0 }];
    let mut counter = Counter::new(Shape::Line(line)).expect("a line");
    let mut detector = Detector::new(0.05, 0.9, 0.04, 3);
    let mut most = [0, 0];
    for round in 0..20 {
        let objects = hidden(round, 40, 500);
        for frame in 0..500 {
            let time = (round as usize * 500 + frame) as f64 * FRAME_S;
            tracker.update(&detector.detect(&objects, frame), time).expect("in order");
            counter.follow(&tracker);
            let kept: usize = tracker.tracks().iter().map(|track| track.trail().len()).sum();
            let held = [tracker.tracks().len(), kept];
            for (most, held) in most.iter_mut().zip(held) {
                *most = held.max(*most);
            }
            assert!(counter.remembered() <= tracker.tracks().len());
        }
    }
    let [tracks, points] = most;
    assert!(tracks < 80 && points <= tracks * Rules::default().trail as usize, "{tracks} tracks, {points} points");
    assert!(tracker.counts()[&1].total > 300, "they were there: {:?}", tracker.counts());
}
