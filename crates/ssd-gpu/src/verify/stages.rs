//! decode, topk, nms and gather against [`ssd::postprocess`].
//!
//! - *decode* uses `exp`, so its tolerance is 1e-5;
//! - *topk*, *nms* and *gather* get the same bytes as their twins and must write the same bytes. For that the boxes are
//!   on a grid of 1/1024: areas are then exact, and a GPU that fuses a multiplication and an addition decides like the
//!   twin. Soft NMS uses `exp`, so its tolerance is 1e-4 in the scores;
//! - *all* is a whole run. The twins start from the GPU's own decoded boxes; those are on no grid, so one detection in
//!   fifty may differ.
//!
//! Small problems are the second of two images, so that a kernel that ignores the image index fails.

use ssd::CornerBox;
use ssd::codec::Variances;
use ssd::postprocess as twin;
use ssd::postprocess::{Nms, SLOTS};

use super::compare::{Verdict, close, close_rows, equal, partners};
use super::problems::{Problem, problems};
use super::report::{VerifyCase, case};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::postprocess::{Counts, Postprocess, unpack};
use crate::program::{Slot, Step};
use crate::wgsl::Record;

pub(super) async fn verify(gpu: &Gpu) -> Vec<VerifyCase> {
    let mut cases = Vec::new();
    for problem in problems() {
        let Problem { name, columns, ref priors, .. } = problem;
        let rig = match Rig::new(gpu, &problem).await {
            Ok(rig) => rig,
            Err(error) => {
                cases.push(case(format!("postprocess: {name}"), Err(error)));
                continue;
            }
        };
        let stages = [
            ("decode", rig.verify_decode().await),
            ("topk", rig.verify_topk().await),
            ("nms", rig.verify_nms().await),
            ("gather", rig.verify_gather().await),
            ("all", rig.verify_all().await),
        ];
        rig.destroy();
        for (stage, verdict) in stages {
            cases.push(case(format!("{stage}: {name} ({} priors, {columns} logits each)", priors.len()), verdict));
        }
    }
    cases
}

/// The kernels with buffers that can be filled and read between the stages.
struct Rig<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    images: usize,
    predictions: wgpu::Buffer,
    postprocess: Postprocess,
}

impl<'a> Rig<'a> {
    async fn new(gpu: &'a Gpu, problem: &'a Problem) -> Result<Self, GpuError> {
        let priors = problem.priors.len();
        let images = if priors < 2000 { 2 } else { 1 };
        let predictions = gpu.zeros("predictions", (images * priors * (4 + problem.columns) * 4) as u64);
        let counts = Counts { images, priors, columns: problem.columns, activation: problem.activation };
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

    /// Runs one stage, and reads the last image's share of each slot, given its number of words.
    async fn run(&self, stage: Step, slots: &[(Slot, usize)]) -> Result<Vec<Vec<u32>>, GpuError> {
        self.gpu.submit(|pass| self.postprocess.program().encode_step(pass, stage));
        let mut all = Vec::new();
        for (slot, words) in slots {
            let bytes =
                self.gpu.read(self.postprocess.program().buffer(*slot), (self.images * words * 4) as u64).await?;
            let words_of_all: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
            all.push(words_of_all[(self.images - 1) * words..].to_vec());
        }
        Ok(all)
    }

    /// Writes the last image's predictions; the other image's are zero.
    fn predict(&self) {
        let Problem { offsets, logits, .. } = self.problem;
        let (last, start) = (self.images - 1, self.images * offsets.len());
        for (numbers, start) in [(offsets, last * offsets.len()), (logits, start + last * logits.len())] {
            self.gpu.queue.write_buffer(&self.predictions, start as u64 * 4, bytemuck::cast_slice(numbers));
        }
    }

    fn rows(&self) -> usize {
        self.problem.columns - self.problem.activation.background()
    }

    fn destroy(self) {
        self.postprocess.destroy();
        self.predictions.destroy();
    }

    /// Scores `[classes, P]` and boxes `[P, 4]` by the kernel.
    async fn decode(&self) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
        self.predict();
        let (Postprocess { slots, stages, .. }, priors) = (&self.postprocess, self.problem.priors.len());
        let got = self.run(stages.decode, &[(slots.scores, self.rows() * priors), (slots.boxes, priors * 4)]).await?;
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

        let (slots, topk) = (self.postprocess.slots, self.postprocess.stages.topk);
        self.fill(slots.scores, &bits(&decoded.scores));
        let got = self.run(topk, &[(slots.counts, self.rows()), (slots.candidates, self.rows() * SLOTS * 2)]).await?;
        Ok(equal("count", &got[0], &lengths(&want)).and_then(|_| equal("word", &got[1], &packed(&want))))
    }

    async fn verify_nms(&self) -> Result<Verdict, GpuError> {
        let problem = self.problem;
        let boxes = on_grid(&twin_decode(problem).boxes);
        let candidates = twin_topk(&twin_decode(problem), problem);
        let want = twin_nms(&candidates, &boxes, problem);

        let slots = self.postprocess.slots;
        self.fill(slots.candidates, &packed(&candidates));
        self.fill(slots.counts, &lengths(&candidates));
        self.fill(slots.boxes, &bits(&edges(&boxes)));
        let kept = self.run(self.postprocess.nms(), &[(slots.kept, self.rows() * SLOTS * 2)]).await?;
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

        let (slots, gather) = (self.postprocess.slots, self.postprocess.stages.gather);
        self.fill(slots.kept, &packed(&kept));
        self.fill(slots.counts, &lengths(&candidates));
        self.fill(slots.boxes, &bits(&edges(&boxes)));
        let got = self.run(gather, &[(slots.headers, 4), (slots.records, record_words)]).await?;
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
        self.gpu.submit(|pass| self.postprocess.encode(pass));
        let mut bytes = Vec::new();
        for (buffer, size) in self.postprocess.output() {
            bytes.extend(self.gpu.read(buffer, size as u64).await?);
        }
        let Some((header, got)) = unpack(&bytes, self.images, problem.params.max)?.pop() else {
            return Ok(Err("no image".into()));
        };
        let before: u32 = lengths(&candidates).iter().sum();
        Ok(equal("number of candidates", &[header.candidates], &[before]).and_then(|_| partners(&got, &want)))
    }
}

fn twin_decode(problem: &Problem) -> twin::Decoded {
    twin::decode(&problem.offsets, &problem.logits, &problem.priors, Variances::default(), problem.activation)
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

/// Rows of candidates as words of the GPU's rows.
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
