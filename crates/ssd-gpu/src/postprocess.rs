//! The four stages in a row, and the reading of what they leave.

use burn::backend::wgpu::CubeTensor;
use burn::prelude::*;
use burn::tensor::TensorData;
use ssd::codec::Variances;
use ssd::postprocess::DetectParams;
use ssd::{CenterBox, CornerBox, Detection};

use crate::GpuError;
use crate::buffer::{into_words, of_floats, upload_floats, words};
use crate::decode::decode;
use crate::gather::{self, gather};
use crate::layout::{Header, PRIORS_MAX, ROWS_MAX, Record};
use crate::nms::nms;
use crate::topk::topk;

/// The post-processing for one model on one device. Buffers between the stages come from the device's pool, which hands the
/// same ones out again with every picture.
pub struct GpuPostprocess {
    /// `[P, 4]` f32, centre form.
    priors: CubeTensor,
    variances: Variances,
    classes: usize,
}

impl GpuPostprocess {
    /// Puts the priors of a model on its device. `classes` counts the background.
    pub fn new(device: &Device, priors: &[CenterBox], variances: Variances, classes: usize) -> Result<Self, GpuError> {
        for (name, got, least, most) in [("priors", priors.len(), 1, PRIORS_MAX), ("classes", classes, 2, ROWS_MAX + 1)]
        {
            if !(least..=most).contains(&got) {
                return Err(GpuError::Size { name, got, least, most });
            }
        }
        let numbers: Vec<f32> = priors.iter().flat_map(|p| [p.cx, p.cy, p.w, p.h]).collect();
        let priors = upload_floats(&numbers, device)?;
        let name = priors.client.name();
        if !name.contains("wgsl") {
            return Err(GpuError::NotWgsl { name: name.to_string() });
        }
        Ok(Self { priors, variances, classes })
    }

    /// Queues the four stages for one picture: `offsets [1, P, 4]`, `logits [1, P, C]`. What returns is a buffer on the GPU of
    /// [`Self::readback_bytes`]: read it with `into_data_async`, natively with `into_data`, and hand it to [`unpack`].
    pub fn launch(
        &self,
        offsets: Tensor<3>,
        logits: Tensor<3>,
        params: &DetectParams,
    ) -> Result<Tensor<1, Int>, GpuError> {
        let params = params.clone().checked(self.classes)?;
        let count = self.priors.meta.num_elements() / 4;
        let offsets = self.input("offsets", offsets, [1, count, 4])?;
        let logits = self.input("logits", logits, [1, count, self.classes])?;

        let decoded = decode(&offsets, &logits, &self.priors, self.classes, self.variances);
        let candidates = topk(&decoded.scores, self.classes, &params);
        let kept = nms(&candidates, &decoded.boxes, self.classes, &params);
        let gathered = gather(&kept, &candidates.counts, &decoded.boxes, self.classes, &params);
        Ok(into_words(gathered))
    }

    fn input(&self, name: &'static str, tensor: Tensor<3>, want: [usize; 3]) -> Result<CubeTensor, GpuError> {
        if tensor.dims() != want {
            return Err(GpuError::Shape { name, got: tensor.dims().to_vec(), want: want.to_vec() });
        }
        let buffer = of_floats(tensor)?;
        if buffer.device != self.priors.device {
            let reason = format!("it is on {:?}, the priors are on {:?}", buffer.device, self.priors.device);
            return Err(GpuError::NotWgpu { reason });
        }
        Ok(buffer)
    }

    /// The bytes that one picture reads back.
    pub fn readback_bytes(params: &DetectParams) -> usize {
        gather::bytes(params.max)
    }
}

/// What came back for one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuDetections {
    /// Best first.
    pub detections: Vec<Detection>,
    /// How many candidates went into NMS, of all classes.
    pub candidates: u32,
}

/// Reads the buffer that [`GpuPostprocess::launch`] left.
pub fn unpack(data: TensorData) -> Result<GpuDetections, GpuError> {
    let (header, records) = records(&words(&data)?)?;
    let detections = records.iter().map(detection).collect();
    Ok(GpuDetections { detections, candidates: header.candidates })
}

/// The header and the records in use.
pub(crate) fn records(words: &[u32]) -> Result<(Header, Vec<Record>), GpuError> {
    let malformed = |reason: String| GpuError::Malformed { reason };
    let bytes: &[u8] = bytemuck::cast_slice(words);
    let Some((header, bytes)) = bytes.split_at_checked(size_of::<Header>()) else {
        return Err(malformed(format!("it has {} bytes only", bytes.len())));
    };
    let header: Header = bytemuck::pod_read_unaligned(header);
    let (room, _) = bytes.as_chunks::<{ size_of::<Record>() }>();
    let Some(used) = room.get(..header.count as usize) else {
        return Err(malformed(format!("it announces {} detections and has room for {}", header.count, room.len())));
    };
    let records: Vec<Record> = used.iter().map(|bytes| bytemuck::pod_read_unaligned(bytes)).collect();
    if records.iter().any(|record| record.class_id == 0) {
        return Err(malformed("a detection is of the background class".to_string()));
    }
    Ok((header, records))
}

fn detection(record: &Record) -> Detection {
    Detection {
        bbox: CornerBox::new(record.x1, record.y1, record.x2, record.y2),
        class: record.class_id as usize,
        score: f32::from_bits(record.score_bits),
    }
}
