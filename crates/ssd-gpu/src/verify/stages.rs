//! decode, topk, nms and gather against [`ssd::postprocess`].
//!
//! - *decode* uses `exp` and is compared with a tolerance of 1e-5;
//! - *topk*, *nms* and *gather* get the same bytes as their twins and have to leave the same bytes. For that the boxes stand
//!   on a grid of 1/1024: areas are then exact, and a GPU that fuses a multiplication and an addition decides like the twin.
//!   Soft NMS uses `exp` again and has a tolerance of 1e-4 in its scores;
//! - *all* is one run as a picture gets it. The twins start from what the GPU decoded; since those boxes are on no grid,
//!   one detection in fifty may differ.
//!
//! Small problems lie in the second of two images, so that a kernel that forgets the image fails.

use ssd::CornerBox;
use ssd::codec::Variances;
use ssd::postprocess as twin;
use ssd::postprocess::{Nms, SLOTS};

use super::problems::{Problem, problems};
use super::{Verdict, VerifyCase, case, close};
use crate::layout::{Header, Record};
use crate::postprocess::{Counts, Postprocess, records};
use crate::program::Slot;
use crate::{Gpu, GpuError};

/// The steps of the post-processing's program.
const DECODE: usize = 0;
const TOPK: usize = 1;
const GATHER: usize = 4;

pub(super) async fn verify(gpu: &Gpu) -> Vec<VerifyCase> {
    let mut cases = Vec::new();
    for problem in problems() {
        let Problem { name, classes, ref priors, .. } = problem;
        let bench = match Bench::new(gpu, &problem).await {
            Ok(bench) => bench,
            Err(error) => {
                cases.push(case(format!("postprocess: {name}"), Err(error)));
                continue;
            }
        };
        let stages = [
            ("decode", bench.verify_decode().await),
            ("topk", bench.verify_topk().await),
            ("nms", bench.verify_nms().await),
            ("gather", bench.verify_gather().await),
            ("all", bench.verify_all().await),
        ];
        bench.destroy();
        for (stage, verdict) in stages {
            cases.push(case(format!("{stage}: {name} ({} priors, {classes} classes)", priors.len()), verdict));
        }
    }
    cases
}

/// The kernels with buffers that can be filled and read between the stages.
struct Bench<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    images: usize,
    predictions: burn::tensor::wgpu::wgpu::Buffer,
    postprocess: Postprocess,
}

impl<'a> Bench<'a> {
    async fn new(gpu: &'a Gpu, problem: &'a Problem) -> Result<Self, GpuError> {
        let priors = problem.priors.len();
        let images = if priors < 2000 { 2 } else { 1 };
        let predictions = gpu.zeros("predictions", (images * priors * (4 + problem.classes) * 4) as u64);
        let counts = Counts { images, priors, classes: problem.classes };
        let mut postprocess =
            Postprocess::new(gpu, &predictions, &problem.priors, Variances::default(), counts).await?;
        postprocess.ask(gpu, &problem.params);
        Ok(Self { gpu, problem, images, predictions, postprocess })
    }

    /// Puts words into the last image's share of a slot.
    fn fill(&self, slot: Slot, words: &[u32]) {
        let buffer = self.postprocess.program().buffer(slot);
        let start = (self.images - 1) * words.len() * 4;
        self.gpu.queue.write_buffer(buffer, start as u64, bytemuck::cast_slice(words));
    }

    /// Runs one stage, and reads as many words of the last image as there are for each.
    async fn run(&self, step: usize, slots: &[(Slot, usize)]) -> Result<Vec<Vec<u32>>, GpuError> {
        self.encode(|pass| self.postprocess.program().encode_step(pass, step));
        let mut all = Vec::new();
        for (slot, words) in slots {
            let bytes =
                self.gpu.read(self.postprocess.program().buffer(*slot), (self.images * words * 4) as u64).await?;
            let words_of_all: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
            all.push(words_of_all[(self.images - 1) * words..].to_vec());
        }
        Ok(all)
    }

    fn encode(&self, steps: impl FnOnce(&mut burn::tensor::wgpu::wgpu::ComputePass<'_>)) {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        steps(&mut encoder.begin_compute_pass(&Default::default()));
        self.gpu.queue.submit([encoder.finish()]);
    }

    /// The heads' outputs where decode reads them, of the last image; the other is all zeros.
    fn predict(&self) {
        let Problem { offsets, logits, .. } = self.problem;
        let (last, start) = (self.images - 1, self.images * offsets.len());
        for (numbers, start) in [(offsets, last * offsets.len()), (logits, start + last * logits.len())] {
            self.gpu.queue.write_buffer(&self.predictions, start as u64 * 4, bytemuck::cast_slice(numbers));
        }
    }

    fn rows(&self) -> usize {
        self.problem.classes - 1
    }

    fn nms_step(&self) -> usize {
        match self.problem.params.nms {
            Nms::Hard => 2,
            Nms::Soft => 3,
        }
    }

    fn destroy(self) {
        self.postprocess.destroy();
        self.predictions.destroy();
    }

    /// Scores `[C-1, P]` and boxes `[P, 4]` by the kernel.
    async fn decode(&self) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
        self.predict();
        let (stages, priors) = (self.postprocess.stages, self.problem.priors.len());
        let got = self.run(DECODE, &[(stages.scores, self.rows() * priors), (stages.boxes, priors * 4)]).await?;
        let floats = |words: &[u32]| words.iter().map(|word| f32::from_bits(*word)).collect::<Vec<f32>>();
        Ok((floats(&got[0]), floats(&got[1])))
    }

    async fn verify_decode(&self) -> Result<Verdict, GpuError> {
        let want = twin_decode(self.problem);
        let (scores, boxes) = self.decode().await?;
        Ok(close("score", &scores, &want.scores, 1e-5).and_then(|scores| {
            let boxes = close("edge", &boxes, &edges(&want.boxes), 1e-5)?;
            Ok(format!("{scores}, {boxes}"))
        }))
    }

    async fn verify_topk(&self) -> Result<Verdict, GpuError> {
        let problem = self.problem;
        let mut decoded = twin_decode(problem);
        let broken = problem.broken_scores.iter().cycle();
        for (score, broken) in decoded.scores.iter_mut().step_by(17).zip(broken) {
            *score = *broken;
        }
        let want = twin_topk(&decoded, problem);

        let stages = self.postprocess.stages;
        self.fill(stages.scores, &bits(&decoded.scores));
        let got = self.run(TOPK, &[(stages.counts, self.rows()), (stages.candidates, self.rows() * SLOTS * 2)]).await?;
        Ok(equal("count", &got[0], &lengths(&want)).and_then(|_| equal("word", &got[1], &packed(&want))))
    }

    async fn verify_nms(&self) -> Result<Verdict, GpuError> {
        let problem = self.problem;
        let boxes = on_grid(&twin_decode(problem).boxes);
        let candidates = twin_topk(&twin_decode(problem), problem);
        let want = twin_nms(&candidates, &boxes, problem);

        let stages = self.postprocess.stages;
        self.fill(stages.candidates, &packed(&candidates));
        self.fill(stages.counts, &lengths(&candidates));
        self.fill(stages.boxes, &bits(&edges(&boxes)));
        let kept = self.run(self.nms_step(), &[(stages.kept, self.rows() * SLOTS * 2)]).await?;
        Ok(match problem.params.nms {
            Nms::Hard => equal("word", &kept[0], &packed(&want)),
            Nms::Soft => close_rows(&kept[0], &packed(&want)),
        })
    }

    async fn verify_gather(&self) -> Result<Verdict, GpuError> {
        let problem = self.problem;
        let boxes = on_grid(&twin_decode(problem).boxes);
        let candidates = twin_topk(&twin_decode(problem), problem);
        let kept = twin_nms(&candidates, &boxes, problem);
        let gathered = twin::gather(&kept, &boxes, &problem.params);
        let header = [gathered.len() as u32, lengths(&candidates).iter().sum(), 0, 0];
        let mut want: Vec<u32> =
            gathered.iter().flat_map(|gathered| -> [u32; 7] { bytemuck::cast(record(gathered)) }).collect();
        let record_words = problem.params.max * size_of::<Record>() / 4;
        want.resize(record_words, 0);

        let stages = self.postprocess.stages;
        self.fill(stages.kept, &packed(&kept));
        self.fill(stages.counts, &lengths(&candidates));
        self.fill(stages.boxes, &bits(&edges(&boxes)));
        let got = self.run(GATHER, &[(stages.headers, 4), (stages.records, record_words)]).await?;
        Ok(equal("word of the header", &got[0], &header).and_then(|_| equal("word", &got[1], &want)))
    }

    async fn verify_all(&self) -> Result<Verdict, GpuError> {
        let problem = self.problem;
        let (scores, boxes) = self.decode().await?;
        let boxes =
            boxes.as_chunks::<4>().0.iter().map(|[x1, y1, x2, y2]| CornerBox::new(*x1, *y1, *x2, *y2)).collect();
        let decoded = twin::Decoded { scores, boxes };
        let candidates = twin_topk(&decoded, problem);
        let kept = twin_nms(&candidates, &decoded.boxes, problem);
        let want: Vec<Record> = twin::gather(&kept, &decoded.boxes, &problem.params).iter().map(record).collect();

        self.predict();
        self.encode(|pass| self.postprocess.encode(pass));
        let (stages, max) = (self.postprocess.stages, problem.params.max);
        let mut bytes = Vec::new();
        let sizes = [(stages.headers, size_of::<Header>()), (stages.records, max * size_of::<Record>())];
        for (slot, size) in sizes {
            let buffer = self.postprocess.program().buffer(slot);
            bytes.extend(self.gpu.read(buffer, (self.images * size) as u64).await?);
        }
        let Some((header, got)) = records(&bytes, self.images, max)?.pop() else {
            return Ok(Err("no image".into()));
        };
        let before: u32 = lengths(&candidates).iter().sum();
        Ok(equal("number of candidates", &[header.candidates], &[before]).and_then(|_| partners(&got, &want)))
    }
}

fn twin_decode(problem: &Problem) -> twin::Decoded {
    twin::decode(&problem.offsets, &problem.logits, &problem.priors, Variances::default())
}

fn twin_topk(decoded: &twin::Decoded, problem: &Problem) -> Vec<Vec<twin::Candidate>> {
    let params = &problem.params;
    let wanted = decoded.rows().enumerate().map(|(row, scores)| (params.wants(row + 1), scores));
    wanted.map(|(wanted, scores)| if wanted { twin::topk(scores, params) } else { Vec::new() }).collect()
}

fn twin_nms(rows: &[Vec<twin::Candidate>], boxes: &[CornerBox], problem: &Problem) -> Vec<Vec<twin::Candidate>> {
    let stage = match problem.params.nms {
        Nms::Hard => twin::nms,
        Nms::Soft => twin::soft_nms,
    };
    rows.iter().map(|candidates| stage(candidates, boxes, &problem.params)).collect()
}

fn edges(boxes: &[CornerBox]) -> Vec<f32> {
    boxes.iter().flat_map(|b| [b.x1, b.y1, b.x2, b.y2]).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Corners moved to multiples of 1/1024.
fn on_grid(boxes: &[CornerBox]) -> Vec<CornerBox> {
    let snap = |v: f32| (v * 1024.0).round() / 1024.0;
    boxes.iter().map(|b| CornerBox::new(snap(b.x1), snap(b.y1), snap(b.x2), snap(b.y2))).collect()
}

fn lengths(rows: &[Vec<twin::Candidate>]) -> Vec<u32> {
    rows.iter().map(|row| row.len() as u32).collect()
}

/// Rows of candidates as the words of the GPU's rows.
fn packed(rows: &[Vec<twin::Candidate>]) -> Vec<u32> {
    let mut words = Vec::with_capacity(rows.len() * SLOTS * 2);
    for (i, row) in rows.iter().enumerate() {
        words.extend(row.iter().flat_map(|candidate| [candidate.score.to_bits(), candidate.prior]));
        words.resize((i + 1) * SLOTS * 2, 0);
    }
    words
}

fn record(gathered: &twin::Gathered) -> Record {
    let CornerBox { x1, y1, x2, y2 } = gathered.detection.bbox;
    let score_bits = gathered.detection.score.to_bits();
    Record { x1, y1, x2, y2, score_bits, class_id: gathered.detection.class as u32, prior: gathered.prior }
}

fn equal(what: &str, got: &[u32], want: &[u32]) -> Verdict {
    if got.len() != want.len() {
        return Err(format!("{} times {what}, {} by the twin", got.len(), want.len()));
    }
    match got.iter().zip(want).position(|(got, want)| got != want) {
        Some(i) => Err(format!("{what} {i} is {:#010x}, {:#010x} by the twin", got[i], want[i])),
        None => Ok(format!("{} equal words", got.len())),
    }
}

/// Rows after soft NMS: the same priors with nearly the same scores, best first. Two that are nearly equal may have changed
/// places, so the end of a row, where it was cut off, is allowed to differ.
fn close_rows(got: &[u32], want: &[u32]) -> Verdict {
    let used = |row: &[u32]| -> Vec<(u32, f32)> {
        let slots = row.as_chunks::<2>().0.iter().take_while(|slot| slot[0] != 0);
        slots.map(|[score_bits, prior]| (*prior, f32::from_bits(*score_bits))).collect()
    };
    let mut slots = 0;
    for (row, (got, want)) in got.chunks(SLOTS * 2).zip(want.chunks(SLOTS * 2)).enumerate() {
        let (got, want) = (used(got), used(want));
        if !got.is_sorted_by(|a, b| a.1 >= b.1) {
            return Err(format!("row {row} is not in order"));
        }
        let end = want.last().filter(|_| want.len() > 1).map_or(0.0, |last| last.1 + 1e-4);
        for (list, other) in [(&got, &want), (&want, &got)] {
            let partner = |a: &(u32, f32)| other.iter().any(|b| a.0 == b.0 && (a.1 - b.1).abs() <= 1e-4);
            if let Some((prior, score)) = list.iter().find(|a| a.1 > end && !partner(a)) {
                return Err(format!("row {row}: prior {prior} with score {score} is in one list only"));
            }
        }
        slots += got.len();
    }
    Ok(format!("{slots} close slots"))
}

/// Whether nearly every detection has its like in the other list: same class and prior, scores and edges within 1e-4.
fn partners(got: &[Record], want: &[Record]) -> Verdict {
    let alike = |a: &Record, b: &Record| {
        let score = |record: &Record| f32::from_bits(record.score_bits);
        let pairs = [(a.x1, b.x1), (a.y1, b.y1), (a.x2, b.x2), (a.y2, b.y2), (score(a), score(b))];
        (a.class_id, a.prior) == (b.class_id, b.prior) && pairs.iter().all(|(a, b)| (a - b).abs() <= 1e-4)
    };
    let alone = |list: &[Record], other: &[Record]| list.iter().filter(|a| !other.iter().any(|b| alike(a, b))).count();
    let differing = alone(got, want).max(alone(want, got));
    let detail = format!("{} detections, {} by the twin, {differing} differ", got.len(), want.len());
    if differing <= want.len() / 50 { Ok(detail) } else { Err(detail) }
}
