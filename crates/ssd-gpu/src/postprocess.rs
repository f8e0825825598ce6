//! decode → topk → nms → gather: four kernels for all images of a frame, from the heads' outputs to the detections.
//!
//! The kernels mean what [`ssd::postprocess`] says. Their buffers are as large as the worst case, in which every prior is above
//! the threshold in every class, so nothing depends on what a picture shows. Parameters go into the kernels' `Info`s, which are
//! written when they change.

use burn::tensor::wgpu::wgpu;
use bytemuck::NoUninit;
use ssd::codec::{SIZE_EXPONENT_MAX, Variances};
use ssd::postprocess::{DetectParams, MAGNITUDE_MAX, Nms, SLOTS, SOFT_NMS_SIGMA};
use ssd::{CenterBox, CornerBox, Detection};

use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{DECODE, GATHER, Kernel, NMS, SOFT_NMS, Shader, TOPK};
use crate::layout::{
    Candidate, DecodeInfo, GatherInfo, Header, NmsInfo, PRIORS_MAX, ROWS_MAX, Record, SoftNmsInfo, TopkInfo,
};
use crate::program::{Dispatch, Program, Recording, Slot};

/// Priors of a workgroup of `decode.wgsl`.
const DECODE_PRIORS: usize = 64;

/// How many of what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) images: usize,
    pub(crate) priors: usize,
    /// Background included.
    pub(crate) classes: usize,
}

impl Counts {
    /// Classes without the background.
    fn rows(&self) -> usize {
        self.classes - 1
    }
}

/// The slots between the stages, for tests to look into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stages {
    pub(crate) scores: Slot,
    pub(crate) boxes: Slot,
    pub(crate) candidates: Slot,
    pub(crate) counts: Slot,
    pub(crate) kept: Slot,
    pub(crate) headers: Slot,
    pub(crate) records: Slot,
}

/// The stages in the order of the program's steps.
const STEPS: [&Shader; 5] = [&DECODE, &TOPK, &NMS, &SOFT_NMS, &GATHER];

/// The post-processing of one model.
#[derive(Debug)]
pub(crate) struct Postprocess {
    program: Program,
    counts: Counts,
    pub(crate) stages: Stages,
    params: DetectParams,
}

impl Postprocess {
    /// For predictions in `predictions`: offsets `[images, P, 4]`, then logits `[images, P, C]`.
    ///
    /// # Errors
    ///
    /// When there are more priors or classes than the kernels' layout holds.
    pub(crate) async fn new(
        gpu: &Gpu,
        predictions: &wgpu::Buffer,
        priors: &[CenterBox],
        variances: Variances,
        counts: Counts,
    ) -> Result<Self, GpuError> {
        for (name, got, least, most) in [
            ("the number of priors", priors.len(), 1, PRIORS_MAX),
            ("the number of classes", counts.classes, 2, ROWS_MAX + 1),
        ] {
            if !(least..=most).contains(&got) {
                return Err(GpuError::Size { name, got, least, most });
            }
        }
        let Counts { images, priors: prior_count, classes } = counts;
        let rows = counts.rows();
        let mut recording = Recording::new(gpu);
        let predictions = recording.shared(predictions);
        let numbers: Vec<f32> = priors.iter().flat_map(|p| [p.cx, p.cy, p.w, p.h]).collect();
        let priors = recording.floats("priors", &numbers);
        let candidates_bytes = images * rows * SLOTS * size_of::<Candidate>();
        let stages = Stages {
            scores: recording.kept(images * rows * prior_count * 4),
            boxes: recording.kept(images * prior_count * 16),
            candidates: recording.kept(candidates_bytes),
            counts: recording.kept(images * rows * 4),
            kept: recording.kept(candidates_bytes),
            headers: recording.kept(images * size_of::<Header>()),
            records: recording.kept(images * SLOTS * size_of::<Record>()),
        };
        let decode = DecodeInfo {
            priors: prior_count as u32,
            classes: classes as u32,
            center_variance: variances.center,
            size_variance: variances.size,
            size_exponent_max: SIZE_EXPONENT_MAX,
            magnitude_max_bits: MAGNITUDE_MAX.to_bits(),
            logits_start: (images * prior_count * 4) as u32,
            reserved: 0,
        };
        let params = DetectParams::default();
        let Infos { topk, nms, soft_nms, gather } = Infos::new(&params, counts);
        let Stages { scores, boxes, candidates, counts: lengths, kept, headers, records } = stages;
        let mut push = |shader: &'static Shader, slots: &[Slot], info: &dyn Bytes, workgroups| {
            let bindings = (1..).zip(slots.iter().copied()).collect();
            recording.push(Dispatch {
                label: shader.name.into(),
                kernel: Kernel::plain(shader),
                bindings,
                info: info.bytes(),
                workgroups,
            });
        };
        let [x, y] = [rows as u32, images as u32];
        push(
            &DECODE,
            &[predictions, priors, scores, boxes],
            &decode,
            [prior_count.div_ceil(DECODE_PRIORS) as u32, y, 1],
        );
        push(&TOPK, &[scores, candidates, lengths], &topk, [x, y, 1]);
        push(&NMS, &[candidates, lengths, boxes, kept], &nms, [x, y, 1]);
        push(&SOFT_NMS, &[candidates, lengths, boxes, kept], &soft_nms, [x, y, 1]);
        push(&GATHER, &[kept, lengths, boxes, headers, records], &gather, [y, 1, 1]);
        let program = recording.compile(&mut |_, _| {}).await?;
        Ok(Self { program, counts, stages, params })
    }

    /// What the frames to come are asked for. `params` are checked.
    pub(crate) fn ask(&mut self, gpu: &Gpu, params: &DetectParams) {
        if self.params == *params {
            return;
        }
        let Infos { topk, nms, soft_nms, gather } = Infos::new(params, self.counts);
        let infos: [&dyn Bytes; 4] = [&topk, &nms, &soft_nms, &gather];
        for (step, info) in (1..).zip(infos) {
            self.program.write_info(gpu, step, &info.bytes());
        }
        self.params = params.clone();
    }

    /// The steps that the parameters ask for: one of the two NMS.
    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> {
        let other = match self.params.nms {
            Nms::Hard => &SOFT_NMS,
            Nms::Soft => &NMS,
        };
        (0..STEPS.len()).filter(move |&step| STEPS[step] != other)
    }

    /// Puts the stages into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        for step in self.steps() {
            self.program.encode_step(pass, step);
        }
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn destroy(self) {
        self.program.destroy();
    }
}

/// Any `Info` as bytes.
trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

impl<T: NoUninit> Bytes for T {
    fn bytes(&self) -> Vec<u8> {
        bytemuck::bytes_of(self).to_vec()
    }
}

/// What the parameters make of the `Info`s.
struct Infos {
    topk: TopkInfo,
    nms: NmsInfo,
    soft_nms: SoftNmsInfo,
    gather: GatherInfo,
}

impl Infos {
    fn new(params: &DetectParams, counts: Counts) -> Self {
        let (rows, priors) = (counts.rows() as u32, counts.priors as u32);
        let (floor_bits, max) = (params.score_bits(), params.max as u32);
        Self {
            topk: TopkInfo {
                priors,
                top_k: params.top_k as u32,
                floor_bits,
                rows,
                enabled: enabled(counts.rows(), params),
            },
            nms: NmsInfo { iou: params.iou, max, rows, priors },
            soft_nms: SoftNmsInfo {
                floor_bits,
                max,
                sigma: SOFT_NMS_SIGMA,
                rows,
                priors,
                reserved0: 0,
                reserved1: 0,
                reserved2: 0,
            },
            gather: GatherInfo { rows, max, floor_bits, priors },
        }
    }
}

fn enabled(rows: usize, params: &DetectParams) -> [[u32; 4]; ROWS_MAX / 128] {
    let mut bits = [[0u32; 4]; ROWS_MAX / 128];
    for row in (0..rows).filter(|row| params.wants(row + 1)) {
        bits[row / 128][row / 32 % 4] |= 1 << (row % 32);
    }
    bits
}

/// Bytes that `images` images read back: a header each, then up to `max` records each.
pub(crate) fn readback_bytes(images: usize, max: usize) -> usize {
    images * (size_of::<Header>() + max * size_of::<Record>())
}

/// What came back for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Best first.
    pub detections: Vec<Detection>,
    /// How many candidates went into NMS, of all classes.
    pub candidates: u32,
}

/// Reads the headers, and the records of each image.
pub(crate) fn unpack(bytes: &[u8], images: usize, max: usize) -> Result<Vec<Found>, GpuError> {
    let lists = records(bytes, images, max)?;
    let found = |(header, records): (Header, Vec<Record>)| Found {
        detections: records.iter().map(detection).collect(),
        candidates: header.candidates,
    };
    Ok(lists.into_iter().map(found).collect())
}

/// The header of each image, and its records in use.
pub(crate) fn records(bytes: &[u8], images: usize, max: usize) -> Result<Vec<(Header, Vec<Record>)>, GpuError> {
    let malformed = |reason: String| GpuError::Malformed { reason };
    let Some((headers, all)) = bytes.split_at_checked(images * size_of::<Header>()) else {
        return Err(malformed(format!("it has {} bytes only", bytes.len())));
    };
    let headers = headers.chunks_exact(size_of::<Header>()).map(bytemuck::pod_read_unaligned::<Header>);
    let all: Vec<Record> = all.chunks_exact(size_of::<Record>()).map(bytemuck::pod_read_unaligned).collect();
    let mut lists = Vec::with_capacity(images);
    for (image, header) in headers.enumerate() {
        let count = header.count as usize;
        let used = (count <= max).then(|| all.get(image * max..image * max + count)).flatten();
        let Some(used) = used else {
            return Err(malformed(format!("it announces {count} detections and has room for {max}")));
        };
        if used.iter().any(|record| record.class_id == 0) {
            return Err(malformed("a detection is of the background class".to_string()));
        }
        lists.push((header, used.to_vec()));
    }
    Ok(lists)
}

fn detection(record: &Record) -> Detection {
    Detection {
        bbox: CornerBox::new(record.x1, record.y1, record.x2, record.y2),
        class: record.class_id as usize,
        score: f32::from_bits(record.score_bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_detections_are_refused() {
        let refused = |words: Vec<u32>, max| {
            matches!(unpack(bytemuck::cast_slice(&words), 1, max), Err(GpuError::Malformed { .. }))
        };
        assert!(refused(vec![0, 0, 0], 1), "no header");
        assert!(refused(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 2), "room for one, two announced");
        assert!(refused(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1), "more than was asked for");
        assert!(refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1), "class 0");
        assert!(!refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 1));
    }

    #[test]
    fn two_hundred_detections_fit_eight_kibibytes() {
        assert_eq!(readback_bytes(1, 200), 5616);
    }
}
