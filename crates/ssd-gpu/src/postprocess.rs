//! decode → topk → nms → gather: four kernels for all images of a frame, from the heads' outputs to the detections.
//!
//! [`ssd::postprocess`] defines what they compute. Their buffers are as large as the worst case, in which every prior
//! is above the threshold in every class, so nothing depends on the picture. Parameters go into the kernels' `info`s,
//! which are written when they change.

use ssd::codec::{SIZE_EXPONENT_MAX, Variances};
use ssd::postprocess::{DetectParams, MAGNITUDE_MAX, Nms, SIGMOID_LOGIT_MAX, SLOTS, SOFT_NMS_SIGMA, ScoreActivation};
use ssd::{CenterBox, CornerBox, Detection};

use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Kernel, Shader};
use crate::program::{Dispatch, Program, Recording, Slot, Step};
use crate::wgsl::{
    Candidate, DECODE, DecodeInfo, GATHER, GatherInfo, Header, NMS, NmsInfo, Record, SOFT_NMS, SoftNmsInfo, TOPK,
    TopkInfo, select,
};

/// A bit for each class without the background, as in `TopkInfo`.
type Enabled = [[u32; 4]; 8];

/// Most classes, background not counted.
const ROWS_MAX: usize = size_of::<Enabled>() * 8;

/// Most priors.
const PRIORS_MAX: usize = select::ITEMS_MAX as usize + 1;

/// Sizes of the problem.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) images: usize,
    pub(crate) priors: usize,
    /// Logits of a prior.
    pub(crate) columns: usize,
    /// How they become scores.
    pub(crate) activation: ScoreActivation,
}

impl Counts {
    /// Classes without the background.
    pub(crate) fn rows(&self) -> usize {
        self.columns.saturating_sub(self.activation.background())
    }
}

/// The slots between the stages, for tests to look into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) scores: Slot,
    pub(crate) boxes: Slot,
    pub(crate) candidates: Slot,
    pub(crate) counts: Slot,
    pub(crate) kept: Slot,
    pub(crate) headers: Slot,
    pub(crate) records: Slot,
}

/// The stages as steps of the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stages {
    pub(crate) decode: Step,
    pub(crate) topk: Step,
    nms: Step,
    soft_nms: Step,
    pub(crate) gather: Step,
}

/// The post-processing of one model.
#[derive(Debug)]
pub(crate) struct Postprocess {
    program: Program,
    counts: Counts,
    pub(crate) slots: Slots,
    pub(crate) stages: Stages,
    params: DetectParams,
}

impl Postprocess {
    /// For predictions in `predictions`: offsets `[images, P, 4]`, then logits `[images, P, C]`.
    ///
    /// # Errors
    /// When there are more priors or classes than the kernels can count.
    pub(crate) async fn new(
        gpu: &Gpu,
        predictions: &wgpu::Buffer,
        priors: &[CenterBox],
        variances: Variances,
        counts: Counts,
    ) -> Result<Self, GpuError> {
        for (name, got, least, most) in [
            ("the number of priors", priors.len(), 1, PRIORS_MAX),
            ("the number of classes", counts.rows(), 1, ROWS_MAX),
        ] {
            if !(least..=most).contains(&got) {
                return Err(GpuError::Size { name, got, least, most });
            }
        }
        let Counts { images, priors: prior_count, columns, activation } = counts;
        let rows = counts.rows();
        let mut recording = Recording::new(gpu);
        let predictions = recording.shared(predictions);
        let numbers: Vec<f32> = priors.iter().flat_map(|p| [p.cx, p.cy, p.w, p.h]).collect();
        let priors = recording.floats("priors", &numbers);
        let candidates_bytes = images * rows * SLOTS * size_of::<Candidate>();
        let slots = Slots {
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
            columns: columns as u32,
            background: activation.background() as u32,
            center_variance: variances.center,
            size_variance: variances.size,
            size_exponent_max: SIZE_EXPONENT_MAX,
            magnitude_max_bits: MAGNITUDE_MAX.to_bits(),
            sigmoid_logit_max: SIGMOID_LOGIT_MAX,
            logits_start: (images * prior_count * 4) as u32,
        };
        let params = DetectParams::default();
        let infos = Infos::new(&params, counts);
        let Slots { scores, boxes, candidates, counts: lengths, kept, headers, records } = slots;
        let (by_prior, by_class) = ([DECODE.groups(prior_count), images, 1], [rows, images, 1]);
        let mut push = |dispatch| recording.push(dispatch);
        let stages = Stages {
            decode: push(stage(&DECODE, &[predictions, priors, scores, boxes], &decode, by_prior)),
            topk: push(stage(&TOPK, &[scores, candidates, lengths], &infos.topk, by_class)),
            nms: push(stage(&NMS, &[candidates, lengths, boxes, kept], &infos.nms, by_class)),
            soft_nms: push(stage(&SOFT_NMS, &[candidates, lengths, boxes, kept], &infos.soft_nms, by_class)),
            gather: push(stage(&GATHER, &[kept, lengths, boxes, headers, records], &infos.gather, [images, 1, 1])),
        };
        let program = recording.compile(&mut |_, _| {}).await?;
        Ok(Self { program, counts, slots, stages, params })
    }

    /// Sets the parameters of the frames to come, which are checked.
    pub(crate) fn ask(&mut self, gpu: &Gpu, params: &DetectParams) {
        if self.params == *params {
            return;
        }
        let infos = Infos::new(params, self.counts);
        self.program.write_info(gpu, self.stages.topk, &infos.topk);
        self.program.write_info(gpu, self.stages.nms, &infos.nms);
        self.program.write_info(gpu, self.stages.soft_nms, &infos.soft_nms);
        self.program.write_info(gpu, self.stages.gather, &infos.gather);
        self.params = params.clone();
    }

    /// The form of NMS that the parameters ask for.
    pub(crate) fn nms(&self) -> Step {
        match self.params.nms {
            Nms::Hard => self.stages.nms,
            Nms::Soft => self.stages.soft_nms,
        }
    }

    /// Puts the stages into a pass.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        for stage in [self.stages.decode, self.stages.topk, self.nms(), self.stages.gather] {
            self.program.encode_step(pass, stage);
        }
    }

    /// What [`unpack`] reads: the buffers, one after the other, with the bytes of each.
    pub(crate) fn output(&self) -> [(&wgpu::Buffer, usize); 2] {
        let Counts { images, .. } = self.counts;
        let (headers, records) = (images * size_of::<Header>(), images * self.params.max * size_of::<Record>());
        [(self.program.buffer(self.slots.headers), headers), (self.program.buffer(self.slots.records), records)]
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn destroy(self) {
        self.program.destroy();
    }
}

fn stage(shader: &'static Shader, slots: &[Slot], info: &impl bytemuck::NoUninit, workgroups: [usize; 3]) -> Dispatch {
    Dispatch::new(shader.name, Kernel::plain(shader), slots, info, workgroups)
}

/// The `info`s that depend on the parameters.
struct Infos {
    topk: TopkInfo,
    nms: NmsInfo,
    soft_nms: SoftNmsInfo,
    gather: GatherInfo,
}

impl Infos {
    fn new(params: &DetectParams, counts: Counts) -> Self {
        let (rows, priors) = (counts.rows() as u32, counts.priors as u32);
        let (floor_bits, top_k, max) = (params.score_bits(), params.top_k as u32, params.max as u32);
        Self {
            topk: TopkInfo { priors, top_k, floor_bits, rows, enabled: enabled(counts.rows(), params) },
            nms: NmsInfo { iou: params.iou, max, rows, priors },
            soft_nms: SoftNmsInfo { floor_bits, max, sigma: SOFT_NMS_SIGMA, rows, priors },
            gather: GatherInfo { rows, max, floor_bits, priors },
        }
    }
}

fn enabled(rows: usize, params: &DetectParams) -> Enabled {
    let mut bits = Enabled::default();
    for row in (0..rows).filter(|row| params.wants(row + 1)) {
        bits[row / 128][row / 32 % 4] |= 1 << (row % 32);
    }
    bits
}

/// The header of each image, and its records in use, best first.
pub(crate) fn unpack(bytes: &[u8], images: usize, max: usize) -> Result<Vec<(Header, Vec<Record>)>, GpuError> {
    let Some((headers, all)) = bytes.split_at_checked(images * size_of::<Header>()) else {
        return Err(GpuError::Malformed(format!("it has only {} bytes", bytes.len())));
    };
    let headers = headers.chunks_exact(size_of::<Header>()).map(bytemuck::pod_read_unaligned::<Header>);
    let all: Vec<Record> = all.chunks_exact(size_of::<Record>()).map(bytemuck::pod_read_unaligned).collect();
    let used = |(image, header): (usize, Header)| {
        let count = header.count as usize;
        let used = (count <= max).then(|| all.get(image * max..image * max + count)).flatten();
        match used {
            None => Err(GpuError::Malformed(format!("it announces {count} detections and has room for {max}"))),
            Some(used) if used.iter().any(|record| record.class_id == 0) => {
                Err(GpuError::Malformed("a detection is of the background class".into()))
            }
            Some(used) => Ok((header, used.to_vec())),
        }
    };
    headers.enumerate().map(used).collect()
}

impl From<&Record> for Detection {
    fn from(record: &Record) -> Self {
        Self {
            bbox: CornerBox::new(record.x1, record.y1, record.x2, record.y2),
            class: record.class_id as usize,
            score: f32::from_bits(record.score_bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_detections_are_refused() {
        let refused =
            |words: Vec<u32>, max| matches!(unpack(bytemuck::cast_slice(&words), 1, max), Err(GpuError::Malformed(_)));
        assert!(refused(vec![0, 0, 0], 1), "no header");
        assert!(refused(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 2), "room for one, two announced");
        assert!(refused(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1), "more than was asked for");
        assert!(refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1), "class 0");
        assert!(!refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 1));
    }

    #[test]
    fn two_hundred_detections_fit_eight_kibibytes() {
        assert_eq!(size_of::<Header>() + 200 * size_of::<Record>(), 5616);
    }
}
