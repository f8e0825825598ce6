//! The cost of measuring grows with the number of pictures, not with its square.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd_data::{TruthPx, XywhPx};

use crate::confusion::Confusion;
use crate::precision_recall::class_curves;
use crate::{DetectionPx, ImageResult, evaluate};

/// Pictures with 8 objects and 200 detections each, some on the objects; scores have two digits, so many are equal.
fn problem(images: usize, classes: usize) -> Vec<ImageResult> {
    let mut rng = Pcg64::seed_from_u64(7);
    let mut picture = |i: usize| {
        let mut place = || XywhPx {
            x: rng.random_range(0.0..500.0),
            y: rng.random_range(0.0..400.0),
            w: rng.random_range(5.0..200.0),
            h: rng.random_range(5.0..200.0),
        };
        let truth = |k: usize| {
            let bbox_px = place();
            let class = (i + k) % classes + 1;
            TruthPx { class, bbox_px, area_px: bbox_px.area(), difficult: k == 6, crowd: k == 7 }
        };
        let truths: Vec<TruthPx> = (0..8).map(truth).collect();
        let detection = |k: usize| {
            let on = truths.get(k % 16).map(|t| (t.class, XywhPx { w: t.bbox_px.w * 1.1, ..t.bbox_px }));
            let (class, bbox_px) = on.unwrap_or_else(|| (k % classes + 1, place()));
            DetectionPx { class, bbox_px, score: ((i * 31 + k * 17) % 100) as f64 / 100.0 }
        };
        let detections = (0..200).map(detection).collect();
        ImageResult { truths, detections }
    };
    (0..images).map(&mut picture).collect()
}

#[test]
fn a_thousand_pictures_of_200_detections_are_measured_in_seconds() {
    // One class puts all 200,000 detections into one queue; COCO has 80 classes.
    for classes in [1, 80] {
        let images = problem(1000, classes);
        let labels: Vec<String> = (1..=classes).map(|class| class.to_string()).collect();
        let start = Instant::now();
        let report = evaluate(&images, &labels);
        let curves = class_curves(&images, &labels);
        let confusion = Confusion::count(&images, classes, 0.5);
        let took = start.elapsed();
        assert!(report.coco.ap.is_some_and(|ap| ap > 0.0) && curves.len() == classes && confusion.row_sum(1) > 0);
        // Well below a second on two cores; comparing each detection with each would take many minutes.
        assert!(took < Duration::from_secs(20), "{classes} classes took {took:?}");
        println!("{classes} classes: {took:?}");
    }
}
