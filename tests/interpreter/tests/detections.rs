//! Problems for the post-processing. Candidates and kept ones are rows of 512 slots: score bits and prior.

use ssd_interpreter::Data;

use crate::case::{Case, Draw, Info, Wanted, fields, program};
use crate::kernel::Precision;

/// The kernels of this module.
pub const KERNELS: [&str; 5] = ["decode", "topk", "nms", "soft_nms", "gather"];

const SLOTS: usize = 512;
const IMAGES: usize = 2;
const CLASSES: usize = 2;

/// Slots in use, as a whole row.
fn row(slots: &[(u32, u32)]) -> Vec<u32> {
    let mut words: Vec<u32> = slots.iter().flat_map(|(bits, prior)| [*bits, *prior]).collect();
    words.resize(SLOTS * 2, 0);
    words
}

/// Score descending, then prior ascending.
fn sorted(mut slots: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    slots.sort_by_key(|(bits, prior)| (u32::MAX - bits, *prior));
    slots
}

fn word(name: &'static str, value: u32) -> (&'static str, Vec<u32>) {
    (name, vec![value])
}

pub fn decode(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(31);
    let (priors, columns) = (70usize, 3usize);
    let mut case = |background: usize| {
        let offsets = draw.quarters(IMAGES * priors * 4);
        let mut logits = draw.quarters(IMAGES * priors * columns);
        logits[5] = f32::NAN;
        let centers: Vec<[f32; 4]> = (0..priors).map(|_| draw.corner_box()).collect();
        let classes = columns - background;
        let (mut scores, mut boxes) = (vec![0.0; IMAGES * classes * priors], vec![0.0; IMAGES * priors * 4]);
        for at in 0..IMAGES * priors {
            let logits = &logits[at * columns..][..columns];
            if logits.iter().any(|logit| logit.is_nan()) {
                continue;
            }
            let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
            for class in 0..classes {
                let power = logits[class + background].exp();
                let score = if background == 1 { power / sum } else { power / (1.0 + power) };
                scores[(at / priors * classes + class) * priors + at % priors] = score;
            }
            let (prior, offset) = (centers[at % priors], &offsets[at * 4..][..4]);
            for axis in 0..2 {
                let center = prior[axis] + offset[axis] * 0.1 * prior[axis + 2];
                let size = prior[axis + 2] * (offset[axis + 2] * 0.2).exp();
                boxes[at * 4 + axis] = (center - size / 2.0).clamp(0.0, 1.0);
                boxes[at * 4 + axis + 2] = (center + size / 2.0).clamp(0.0, 1.0);
            }
        }
        let info: Info = vec![
            word("priors", priors as u32),
            word("columns", columns as u32),
            word("background", background as u32),
            word("center_variance", 0.1f32.to_bits()),
            word("size_variance", 0.2f32.to_bits()),
            word("size_exponent_max", 4.0f32.to_bits()),
            word("magnitude_max_bits", 1e30f32.to_bits()),
            word("sigmoid_logit_max", 80.0f32.to_bits()),
            word("logits_start", offsets.len() as u32),
        ];
        Case {
            label: format!("{name}, {background} of the background"),
            program: program(name, precision, &[]),
            groups: [priors.div_ceil(64) as u32, IMAGES as u32, 1],
            data: vec![
                fields(info),
                ("predictions", Data::Numbers([offsets, logits].concat())),
                ("priors", Data::Numbers(centers.concat())),
                ("scores", Data::Anything(scores.len())),
                ("boxes", Data::Anything(boxes.len())),
            ],
            wanted: vec![Wanted::Numbers("scores", scores, 1e-5), Wanted::Numbers("boxes", boxes, 1e-5)],
        }
    };
    vec![case(1), case(0)]
}

/// Scores that are drawn, that are all equal, and that are too low.
pub fn topk(name: &'static str, precision: Precision) -> Vec<Case> {
    let mut draw = Draw::new(32);
    let floor = 0.02f32;
    let mut case = |what: &str, priors: usize, top_k: usize, mut score: Box<dyn FnMut(&mut Draw) -> f32>| {
        let scores: Vec<f32> = (0..IMAGES * CLASSES * priors).map(|_| score(&mut draw)).collect();
        let (mut candidates, mut counts) = (Vec::new(), Vec::new());
        for (index, scores) in scores.chunks_exact(priors).enumerate() {
            // The second class is switched off.
            let items = scores.iter().zip(0..).filter(|(score, _)| **score > floor && index % CLASSES == 0);
            let mut slots = sorted(items.map(|(score, prior)| (score.to_bits(), prior)).collect());
            slots.truncate(top_k);
            counts.push(slots.len() as u32);
            candidates.extend(row(&slots));
        }
        let mut enabled = vec![0; 32];
        enabled[0] = 1;
        let info = vec![
            word("priors", priors as u32),
            word("top_k", top_k as u32),
            word("floor_bits", floor.to_bits()),
            word("rows", CLASSES as u32),
            ("enabled", enabled),
        ];
        Case {
            label: format!("{name}: {what}, {top_k} of {priors}"),
            program: program(name, precision, &[]),
            groups: [CLASSES as u32, IMAGES as u32, 1],
            data: vec![
                fields(info),
                ("scores", Data::Numbers(scores)),
                ("candidates", Data::Anything(candidates.len())),
                ("counts", Data::Anything(counts.len())),
            ],
            wanted: vec![Wanted::Words("candidates", candidates), Wanted::Words("counts", counts)],
        }
    };
    vec![
        case("drawn", 700, 400, Box::new(|draw| draw.fraction())),
        case("drawn, few", 70, 20, Box::new(|draw| draw.fraction())),
        case("near each other", 600, 5, Box::new(|draw| 0.5 + draw.below(20) as f32 / (1 << 20) as f32)),
        case("equal", 600, 100, Box::new(|_| 0.75)),
        case("none", 30, 10, Box::new(|_| 0.01)),
    ]
}

fn area([x1, y1, x2, y2]: [f32; 4]) -> f32 {
    (x2 - x1).max(0.0) * (y2 - y1).max(0.0)
}

fn intersection(a: [f32; 4], b: [f32; 4]) -> f32 {
    area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])])
}

/// Rows of candidates of boxes that overlap.
struct Rows {
    candidates: Vec<Vec<(u32, u32)>>,
    boxes: Vec<[f32; 4]>,
    priors: usize,
}

impl Rows {
    fn draw(seed: u64, counts: [usize; IMAGES * CLASSES]) -> Self {
        let mut draw = Draw::new(seed);
        let priors = counts.into_iter().max().unwrap_or(1).max(1) + 5;
        let boxes = (0..IMAGES * priors).map(|_| draw.corner_box()).collect();
        let row = |count: &usize| {
            let first = draw.below(5);
            sorted((0..*count as u32).map(|index| ((0.05 + 0.9 * draw.fraction()).to_bits(), first + index)).collect())
        };
        Self { candidates: counts.iter().map(row).collect(), boxes, priors }
    }

    fn prior_box(&self, row: usize, prior: u32) -> [f32; 4] {
        self.boxes[row / CLASSES * self.priors + prior as usize]
    }

    fn case(&self, label: String, program: ssd_interpreter::Program, info: Info, wanted: Wanted) -> Case {
        let counts = self.candidates.iter().map(|row| row.len() as u32).collect();
        Case {
            label,
            program,
            groups: [CLASSES as u32, IMAGES as u32, 1],
            data: vec![
                fields(info),
                ("candidates", Data::Words(self.candidates.iter().flat_map(|slots| row(slots)).collect())),
                ("counts", Data::Words(counts)),
                ("boxes", Data::Numbers(self.boxes.concat())),
                ("kept", Data::Anything(IMAGES * CLASSES * SLOTS * 2)),
            ],
            wanted: vec![wanted],
        }
    }
}

pub fn nms(name: &'static str, precision: Precision) -> Vec<Case> {
    let case = |seed: u64, counts, max: usize| {
        let rows = Rows::draw(seed, counts);
        let mut wanted = Vec::new();
        for (index, slots) in rows.candidates.iter().enumerate() {
            let mut kept: Vec<(u32, u32)> = Vec::new();
            for &(bits, prior) in slots {
                let one = rows.prior_box(index, prior);
                let suppressed = kept.iter().any(|(_, other)| {
                    let other = rows.prior_box(index, *other);
                    let inter = intersection(other, one);
                    inter > 0.4 * (area(other) + area(one) - inter)
                });
                if !suppressed && kept.len() < max {
                    kept.push((bits, prior));
                }
            }
            wanted.extend(row(&kept));
        }
        let info = vec![
            word("iou", 0.4f32.to_bits()),
            word("max", max as u32),
            word("rows", CLASSES as u32),
            word("priors", rows.priors as u32),
        ];
        let label = format!("{name}: {counts:?}, at most {max}");
        rows.case(label, program(name, precision, &[]), info, Wanted::Words("kept", wanted))
    };
    vec![case(41, [70, 33, 0, 1], 200), case(42, [512, 64, 32, 100], 40)]
}

pub fn soft_nms(name: &'static str, precision: Precision) -> Vec<Case> {
    let (floor, sigma) = (0.05f32, 0.5f32);
    let case = |seed: u64, counts, max: usize| {
        let rows = Rows::draw(seed, counts);
        let mut wanted = Vec::new();
        for (index, slots) in rows.candidates.iter().enumerate() {
            let mut left: Vec<(f32, u32)> = slots.iter().map(|(bits, prior)| (f32::from_bits(*bits), *prior)).collect();
            let mut kept = Vec::new();
            while kept.len() < max && !left.is_empty() {
                let best = (0..left.len()).min_by_key(|at| (u32::MAX - left[*at].0.to_bits(), left[*at].1));
                let (score, prior) = left.remove(best.unwrap_or(0));
                kept.push((score.to_bits(), prior));
                let winner = rows.prior_box(index, prior);
                for (score, other) in &mut left {
                    let other = rows.prior_box(index, *other);
                    let inter = intersection(other, winner);
                    let overlap = inter / (area(other) + area(winner) - inter);
                    *score *= (-overlap * overlap / sigma).exp();
                }
                left.retain(|(score, _)| *score > floor);
            }
            wanted.extend(row(&kept));
        }
        let info = vec![
            word("floor_bits", floor.to_bits()),
            word("max", max as u32),
            word("sigma", sigma.to_bits()),
            word("rows", CLASSES as u32),
            word("priors", rows.priors as u32),
        ];
        let label = format!("{name}: {counts:?}, at most {max}");
        rows.case(label, program(name, precision, &[]), info, Wanted::Words("kept", wanted))
    };
    vec![case(43, [20, 9, 0, 1], 200), case(44, [270, 30, 5, 40], 12)]
}

pub fn gather(name: &'static str, precision: Precision) -> Vec<Case> {
    let (floor, max) = (0.01f32, 40usize);
    let rows = Rows::draw(45, [40, 33, 0, 7]);
    let (mut headers, mut records) = (Vec::new(), Vec::new());
    for image in 0..IMAGES {
        let mut all: Vec<(u32, usize, u32)> = Vec::new();
        for class in 0..CLASSES {
            all.extend(rows.candidates[image * CLASSES + class].iter().map(|(bits, prior)| (*bits, class, *prior)));
        }
        let candidates = all.len() as u32;
        all.sort_by_key(|(bits, class, prior)| (u32::MAX - bits, *class, *prior));
        all.truncate(max);
        headers.extend([all.len() as u32, candidates, 0, 0]);
        let mut words = Vec::new();
        for (bits, class, prior) in all {
            words.extend(rows.prior_box(image * CLASSES, prior).map(f32::to_bits));
            words.extend([bits, class as u32 + 1, prior]);
        }
        words.resize(max * 7, 0);
        records.extend(words);
    }
    let info = vec![
        word("rows", CLASSES as u32),
        word("max", max as u32),
        word("floor_bits", floor.to_bits()),
        word("priors", rows.priors as u32),
    ];
    let counts = rows.candidates.iter().map(|row| row.len() as u32).collect();
    vec![Case {
        label: name.into(),
        program: program(name, precision, &[]),
        groups: [IMAGES as u32, 1, 1],
        data: vec![
            fields(info),
            ("kept", Data::Words(rows.candidates.iter().flat_map(|slots| row(slots)).collect())),
            ("counts", Data::Words(counts)),
            ("boxes", Data::Numbers(rows.boxes.concat())),
            ("headers", Data::Anything(headers.len())),
            ("records", Data::Anything(records.len())),
        ],
        wanted: vec![Wanted::Words("headers", headers), Wanted::Words("records", records)],
    }]
}
