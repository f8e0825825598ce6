//! The problems that [`crate::verify()`] sets: predictions drawn from a seed, each with something awkward in them.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use ssd::CenterBox;
use ssd::postprocess::{DetectParams, Nms, ScoreActivation};

/// One picture's predictions, and the parameters.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    /// Logits of a prior.
    pub(crate) columns: usize,
    /// How they become scores.
    pub(crate) activation: ScoreActivation,
    pub(crate) priors: Vec<CenterBox>,
    /// `[P, 4]`
    pub(crate) offsets: Vec<f32>,
    /// `[P, C]`
    pub(crate) logits: Vec<f32>,
    pub(crate) params: DetectParams,
    /// Replace some of the scores before topk: values that decode never writes.
    pub(crate) broken_scores: &'static [f32],
}

/// All of them, small ones first; the large ones are as large as a picture's.
pub(crate) fn problems() -> Vec<Problem> {
    let low = DetectParams { score: 0.01, ..DetectParams::default() };
    let with = |change: fn(&mut DetectParams)| {
        let mut params = low.clone();
        change(&mut params);
        params
    };
    vec![
        draw("one prior, one class", 1, 2, low.clone()),
        draw("nothing above the threshold", 300, 21, with(|p| p.score = 1.0)),
        draw("only the best", 300, 7, with(|p| p.max = 1)),
        draw("one candidate a class", 300, 7, with(|p| p.top_k = 1)),
        draw("exactly 400 candidates", 400, 2, with(|p| p.score = 0.0)),
        draw("401 candidates", 401, 2, with(|p| p.score = 0.0)),
        draw("a row just filled", 512, 3, with(|p| (p.score, p.top_k, p.max) = (0.0, 512, 512))),
        draw("a row overfilled by one", 513, 3, with(|p| (p.score, p.top_k, p.max) = (0.0, 512, 512))),
        draw("every overlap suppresses", 300, 7, with(|p| p.iou = 0.0)),
        draw("no overlap suppresses", 300, 7, with(|p| p.iou = 1.0)),
        draw("three classes switched on", 300, 21, with(|p| p.classes = Some(vec![2, 3, 20]))),
        draw("all classes switched off", 300, 21, with(|p| p.classes = Some(vec![]))),
        all_boxes_equal(draw("all boxes equal", 300, 4, low.clone())),
        boxes_without_area(draw("boxes without area", 300, 4, low.clone())),
        huge_offsets(draw("offsets beyond the clamp", 300, 4, low.clone())),
        ties(draw("equal scores, equal boxes", 1500, 7, low.clone())),
        all_scores_equal(draw("all scores equal", 3000, 3, low.clone())),
        scores_within(1e-4, draw("scores close together", 3000, 3, low.clone())),
        scores_within(1e-7, draw("scores a few ulp apart", 3000, 3, low.clone())),
        invalid_numbers(draw("NaN and infinity in logits and offsets", 500, 6, low.clone())),
        Problem {
            broken_scores: &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 1.5, -0.0, f32::MAX, 0.01, 1.0],
            ..draw("scores on the limits and beyond", 300, 6, low.clone())
        },
        draw("more candidates than top-k", 3000, 7, low.clone()),
        draw("ninety classes", 300, 91, low.clone()),
        by_sigmoid(draw("sigmoid, one class", 300, 1, low.clone())),
        by_sigmoid(draw("sigmoid, eighty classes", 300, 80, low.clone())),
        by_sigmoid(ties(draw("sigmoid, equal scores, equal boxes", 1500, 7, low.clone()))),
        by_sigmoid(large_logits(draw("sigmoid, logits beyond the clamp", 300, 4, low.clone()))),
        by_sigmoid(invalid_numbers(draw("sigmoid, NaN and infinity", 500, 6, low.clone()))),
        draw("soft", 300, 7, with(|p| p.nms = Nms::Soft)),
        all_boxes_equal(draw("soft, all boxes equal", 300, 3, with(|p| p.nms = Nms::Soft))),
        draw("soft, only the best", 100, 3, with(|p| (p.nms, p.max) = (Nms::Soft, 1))),
        draw("a whole picture, to look at", 8732, 21, DetectParams::default()),
        draw("a whole picture, to measure with", 8732, 21, low),
    ]
}

/// One prior in five is rather sure of a class; priors have all sizes and are all over the picture.
fn draw(name: &'static str, priors: usize, columns: usize, params: DetectParams) -> Problem {
    let mut rng = Pcg64::seed_from_u64(0x55d_0000 + (priors * columns) as u64);
    let mut logits: Vec<f32> = (0..priors * columns).map(|_| rng.random_range(-3.0..3.0)).collect();
    for row in logits.chunks_exact_mut(columns) {
        if rng.random_bool(0.2) {
            row[rng.random_range(0..columns)] += rng.random_range(0.0..9.0);
        }
    }
    let offsets = (0..priors * 4).map(|_| rng.random_range(-2.0..2.0)).collect();
    let priors = (0..priors)
        .map(|_| {
            let [cx, cy] = [(); 2].map(|()| rng.random_range(0.0..1.0));
            let [w, h] = [(); 2].map(|()| rng.random_range(0.02..0.6));
            CenterBox::new(cx, cy, w, h)
        })
        .collect();
    let activation = ScoreActivation::Softmax;
    Problem { name, columns, activation, priors, offsets, logits, params, broken_scores: &[] }
}

fn by_sigmoid(problem: Problem) -> Problem {
    Problem { activation: ScoreActivation::Sigmoid, ..problem }
}

fn large_logits(mut problem: Problem) -> Problem {
    for (i, logit) in problem.logits.iter_mut().enumerate() {
        *logit *= [1.0, 1e2, 1e15, 1e29][i % 4];
    }
    problem
}

fn all_boxes_equal(mut problem: Problem) -> Problem {
    problem.priors.fill(CenterBox::new(0.5, 0.5, 0.25, 0.5));
    problem.offsets.fill(0.0);
    problem
}

fn boxes_without_area(mut problem: Problem) -> Problem {
    for (i, prior) in problem.priors.iter_mut().enumerate() {
        match i % 4 {
            0 => prior.w = 0.0,
            1 => prior.cx = 9.0, // clipped to a line on the border
            2 => (prior.w, prior.h) = (0.0, 0.0),
            _ => {}
        }
    }
    problem
}

fn huge_offsets(mut problem: Problem) -> Problem {
    for (i, offset) in problem.offsets.iter_mut().enumerate() {
        *offset *= [1.0, 1e3, 1e15, 1e29][i % 4];
    }
    problem
}

/// Every score is one of two, and there are twelve different boxes.
fn ties(mut problem: Problem) -> Problem {
    problem.offsets.fill(0.0);
    for (i, prior) in problem.priors.iter_mut().enumerate() {
        let [x, y] = [i % 4, i / 4 % 3].map(|v| 0.25 + 0.125 * v as f32);
        *prior = CenterBox::new(x, y, 0.25, 0.25);
    }
    for (i, row) in problem.logits.chunks_exact_mut(problem.columns).enumerate() {
        row.fill(0.0);
        row[i * 7 % problem.columns] = 4.0;
    }
    problem
}

fn all_scores_equal(mut problem: Problem) -> Problem {
    problem.logits.fill(0.0);
    problem
}

/// The scores differ only in their last digits, so radix select has to go down to those.
fn scores_within(spread: f32, mut problem: Problem) -> Problem {
    for logit in &mut problem.logits {
        *logit *= spread;
    }
    problem
}

fn invalid_numbers(mut problem: Problem) -> Problem {
    let invalid = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e30, -2e30, f32::MAX];
    for (i, logit) in problem.logits.iter_mut().enumerate().step_by(41) {
        *logit = invalid[i % invalid.len()];
    }
    for (i, offset) in problem.offsets.iter_mut().enumerate().step_by(53) {
        *offset = invalid[i % invalid.len()];
    }
    problem
}
