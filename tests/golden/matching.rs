//! Matching and encoding against the paper's greedy bipartite pass, spelled out in NumPy.

use ssd::codec::Variances;
use ssd::matching::{match_priors, targets};
use ssd::{CenterBox, CornerBox, GroundTruth};

use super::{Fixture, Tolerance, assert_values_close};

/// Centres near 1 are known to 6e-8; divided by a prior's size (0.2 and more) and a variance (0.1) that is 3e-6, twice.
const OFFSETS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-6 };

fn rows(values: &[f32]) -> impl Iterator<Item = [f32; 4]> + '_ {
    values.as_chunks::<4>().0.iter().copied()
}

/// A crowd that wants one prior, a picture without objects, and equal boxes beside a speck.
const PICTURES: usize = 3;

#[test]
fn assignment_and_offsets() {
    let fixture = Fixture::open("matching");
    let priors: Vec<CenterBox> =
        rows(&fixture.values("priors")).map(|[cx, cy, w, h]| CenterBox::new(cx, cy, w, h)).collect();
    for picture in 0..PICTURES {
        let boxes = fixture.values(&format!("{picture}.truths"));
        let classes = fixture.integers(&format!("{picture}.classes"));
        let truths: Vec<GroundTruth> = rows(&boxes)
            .zip(&classes)
            .map(|([x1, y1, x2, y2], &class)| GroundTruth {
                bbox: CornerBox::new(x1, y1, x2, y2),
                class: class as usize,
                difficult: false,
            })
            .collect();

        let matched: Vec<i64> =
            match_priors(&truths, &priors).into_iter().map(|truth| truth.map_or(-1, |index| index as i64)).collect();
        assert_eq!(matched, fixture.integers(&format!("{picture}.matched")), "picture {picture}");

        let targets = targets(&truths, &priors, Variances::default());
        let of_prior: Vec<i64> = targets.classes.iter().map(|&class| class as i64).collect();
        assert_eq!(of_prior, fixture.integers(&format!("{picture}.target_classes")), "picture {picture}");
        let key = format!("{picture}.target_offsets");
        assert_values_close(&key, &targets.offsets, &fixture.values(&key), OFFSETS);
    }
}
