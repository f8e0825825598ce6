//! Every kernel against its twin, on the device at hand: those of the network in `verify_network`, those of
//! [`ssd::postprocess`] here.
//!
//! The stages are compared one by one, because one ulp of a score can swap two boxes in the end:
//! - *decode* uses `exp` and is compared with a tolerance of 1e-5;
//! - *topk*, *nms* and *gather* get the same bytes as their twins and have to leave the same bytes. For that the boxes stand
//!   on a grid of 1/1024: areas are then exact, and a GPU that fuses a multiplication and an addition decides like the twin.
//!   Soft NMS uses `exp` again and has a tolerance of 1e-4 in its scores;
//! - *all* is one launch as a picture gets it. The twins start from what the GPU decoded; since those boxes are on no grid,
//!   one detection in fifty may differ.
//!
//! Reads are asynchronous and nothing blocks, so the same check runs natively and in a page.

use burn::prelude::*;
use burn::tensor::TensorData;
use ssd::CornerBox;
use ssd::codec::Variances;
use ssd::postprocess as twin;
use ssd::postprocess::{Nms, SLOTS};

use crate::buffer::{read_floats, read_words, upload_floats, upload_words, words};
use crate::layout::Record;
use crate::postprocess::records;
use crate::problems::{Problem, problems};
use crate::topk::Candidates;
use crate::verify_network::verify_network;
use crate::{GpuError, GpuPostprocess, decode, gather, nms, topk};

/// One comparison.
#[derive(Debug, Clone)]
pub struct VerifyCase {
    /// The problem, its size, and the stage.
    pub name: String,
    /// Whether kernel and twin agree.
    pub ok: bool,
    /// How far they agree, or where they differ.
    pub detail: String,
}

/// All comparisons.
#[derive(Debug, Clone)]
#[must_use = "a verification that nobody looks at verifies nothing"]
pub struct VerifyReport {
    /// In the order in which they were made.
    pub cases: Vec<VerifyCase>,
}

impl VerifyReport {
    /// The comparisons that failed.
    pub fn failed(&self) -> Vec<&VerifyCase> {
        self.cases.iter().filter(|case| !case.ok).collect()
    }
}

/// Agreement in words, or the difference.
type Verdict = Result<String, String>;

/// Compares all kernels with their twins.
pub async fn verify(device: &Device) -> VerifyReport {
    let mut cases = verify_network(device).await;
    for problem in problems() {
        let Problem { name, classes, ref priors, .. } = problem;
        let stages = [
            ("decode", verify_decode(&problem, device).await),
            ("topk", verify_topk(&problem, device).await),
            ("nms", verify_nms(&problem, device).await),
            ("gather", verify_gather(&problem, device).await),
            ("all", verify_all(&problem, device).await),
        ];
        for (stage, verdict) in stages {
            let name = format!("{stage}: {name} ({} priors, {classes} classes)", priors.len());
            let verdict = verdict.unwrap_or_else(|err| Err(err.to_string()));
            let (ok, detail) = (verdict.is_ok(), verdict.unwrap_or_else(|difference| difference));
            cases.push(VerifyCase { name, ok, detail });
        }
    }
    VerifyReport { cases }
}

async fn verify_decode(problem: &Problem, device: &Device) -> Result<Verdict, GpuError> {
    let want = twin_decode(problem);
    let (scores, boxes) = gpu_decode(problem, device).await?;
    let want_boxes: Vec<f32> = want.boxes.iter().flat_map(|b| [b.x1, b.y1, b.x2, b.y2]).collect();
    Ok(close("score", &scores, &want.scores).and_then(|scores| {
        let boxes = close("edge", &boxes, &want_boxes)?;
        Ok(format!("{scores}, {boxes}"))
    }))
}

async fn verify_topk(problem: &Problem, device: &Device) -> Result<Verdict, GpuError> {
    let mut decoded = twin_decode(problem);
    let broken = problem.broken_scores.iter().cycle();
    for (score, broken) in decoded.scores.iter_mut().step_by(17).zip(broken) {
        *score = *broken;
    }
    let want = twin_topk(&decoded, problem);

    let got = topk::topk(&upload_floats(&decoded.scores, device)?, problem.classes, &problem.params);
    let rows = read_words(&got.rows).await?;
    let counts = read_words(&got.counts).await?;
    Ok(equal("count", &counts, &lengths(&want)).and_then(|_| equal("word", &rows, &packed(&want))))
}

async fn verify_nms(problem: &Problem, device: &Device) -> Result<Verdict, GpuError> {
    let boxes = on_grid(&twin_decode(problem).boxes);
    let candidates = twin_topk(&twin_decode(problem), problem);
    let want = twin_nms(&candidates, &boxes, problem);

    let uploaded = Candidates {
        rows: upload_words(&packed(&candidates), device)?,
        counts: upload_words(&lengths(&candidates), device)?,
    };
    let kept = nms::nms(&uploaded, &upload_boxes(&boxes, device)?, problem.classes, &problem.params);
    let kept = read_words(&kept).await?;
    Ok(match problem.params.nms {
        Nms::Hard => equal("word", &kept, &packed(&want)),
        Nms::Soft => close_rows(&kept, &packed(&want)),
    })
}

async fn verify_gather(problem: &Problem, device: &Device) -> Result<Verdict, GpuError> {
    let boxes = on_grid(&twin_decode(problem).boxes);
    let candidates = twin_topk(&twin_decode(problem), problem);
    let kept = twin_nms(&candidates, &boxes, problem);
    let gathered = twin::gather(&kept, &boxes, &problem.params);
    let mut want = vec![gathered.len() as u32, lengths(&candidates).iter().sum(), 0, 0];
    want.extend(gathered.iter().flat_map(|gathered| -> [u32; 7] { bytemuck::cast(record(gathered)) }));
    want.resize(GpuPostprocess::readback_bytes(&problem.params) / size_of::<u32>(), 0);

    let got = gather::gather(
        &upload_words(&packed(&kept), device)?,
        &upload_words(&lengths(&candidates), device)?,
        &upload_boxes(&boxes, device)?,
        problem.classes,
        &problem.params,
    );
    Ok(equal("word", &read_words(&got).await?, &want))
}

async fn verify_all(problem: &Problem, device: &Device) -> Result<Verdict, GpuError> {
    let (scores, boxes) = gpu_decode(problem, device).await?;
    let boxes = boxes.as_chunks::<4>().0.iter().map(|[x1, y1, x2, y2]| CornerBox::new(*x1, *y1, *x2, *y2)).collect();
    let decoded = twin::Decoded { scores, boxes };
    let candidates = twin_topk(&decoded, problem);
    let kept = twin_nms(&candidates, &decoded.boxes, problem);
    let want: Vec<Record> = twin::gather(&kept, &decoded.boxes, &problem.params).iter().map(record).collect();

    let gpu = GpuPostprocess::new(device, &problem.priors, Variances::default(), problem.classes)?;
    let input = |values: &[f32], width: usize| {
        Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, values.len() / width, width]), device)
    };
    let launched = gpu.launch(input(&problem.offsets, 4), input(&problem.logits, problem.classes), &problem.params)?;
    let data = launched.into_data_async().await.map_err(|err| GpuError::Read { reason: err.to_string() })?;
    let (header, got) = records(&words(&data)?)?;
    let before: u32 = lengths(&candidates).iter().sum();
    Ok(equal("number of candidates", &[header.candidates], &[before]).and_then(|_| partners(&got, &want)))
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

/// Scores `[C-1, P]` and boxes `[P, 4]` by the kernel.
async fn gpu_decode(problem: &Problem, device: &Device) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
    let priors: Vec<f32> = problem.priors.iter().flat_map(|p| [p.cx, p.cy, p.w, p.h]).collect();
    let decoded = decode::decode(
        &upload_floats(&problem.offsets, device)?,
        &upload_floats(&problem.logits, device)?,
        &upload_floats(&priors, device)?,
        problem.classes,
        Variances::default(),
    );
    Ok((read_floats(&decoded.scores).await?, read_floats(&decoded.boxes).await?))
}

fn upload_boxes(boxes: &[CornerBox], device: &Device) -> Result<burn::backend::wgpu::CubeTensor, GpuError> {
    let numbers: Vec<f32> = boxes.iter().flat_map(|b| [b.x1, b.y1, b.x2, b.y2]).collect();
    upload_floats(&numbers, device)
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

fn close(what: &str, got: &[f32], want: &[f32]) -> Verdict {
    if got.len() != want.len() {
        return Err(format!("{} times {what}, {} by the twin", got.len(), want.len()));
    }
    let near = |(got, want): (&f32, &f32)| (got - want).abs() <= 1e-5; // false for NaN
    if let Some(i) = got.iter().zip(want).position(|pair| !near(pair)) {
        return Err(format!("{what} {i} is {}, {} by the twin", got[i], want[i]));
    }
    let largest = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    Ok(format!("{what}s differ by {largest:.1e} at most"))
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
