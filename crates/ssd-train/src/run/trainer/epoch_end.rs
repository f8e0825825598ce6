//! The end of an epoch: measuring, metrics, example pictures, weights files, curves, a checkpoint.

use ssd::Ssd;
use ssd::weights::{self, Dtype};
use ssd_data::write_atomic;
use ssd_data::{Loader, Prepared, show};
use ssd_measure::Report;
use ssd_measure::charts::curves;

use super::{TrainError, Trainer};
use crate::console;
use crate::run::metrics::ValidationLine;
use crate::run::tensorboard::with_detections;
use crate::run::validate::{Validation, validate};

impl Trainer {
    /// Measures, exports, draws the curves, saves a checkpoint.
    pub(super) fn finish_epoch(&mut self, val: &Loader) -> Result<Report, TrainError> {
        self.state.epoch += 1;
        self.state.pictures = 0;
        let model = self.learner.measured();
        let Validation { report, examples } = validate(&model, &self.header, self.gpu.as_ref(), val)?;
        let line = ValidationLine {
            epoch: self.state.epoch,
            step: self.state.step,
            map_voc07: report.voc07_11pt,
            map_voc: report.voc_all_point,
            map_coco: report.coco.ap,
        };
        self.metrics.push(&line)?;
        if let Some(events) = &mut self.events {
            events.validation(&line)?;
            let (labels, preprocess) = (&self.header.labels, self.header.preprocess());
            for (index, (prepared, found)) in examples.iter().enumerate() {
                let picture = show::picture(&Prepared { truths: Vec::new(), ..prepared.clone() }, labels, &preprocess);
                let picture = with_detections(picture, found, labels, self.header.score);
                events.image(&format!("detections/{}", index + 1), self.state.step, &picture)?;
            }
        }
        let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{:.1} %", value * 100.0));
        let (voc, coco) = (percent(line.map_voc), percent(line.map_coco));
        console::note(&format!("epoch {}: mAP {voc} (VOC, IoU 0.5), {coco} (COCO)", self.state.epoch));
        self.export(&model, &line)?;
        if let Err(error) = curves::write_curves(&self.out.join("metrics.jsonl"), &self.out.join("curves.png")) {
            console::complain(&error.to_string());
        }
        self.save_checkpoint()?;
        Ok(report)
    }

    /// Writes `last.safetensors`, and `best.safetensors` if it is the best by VOC mAP.
    fn export(&mut self, model: &Ssd, measured: &ValidationLine) -> Result<(), TrainError> {
        let mut header = self.header.clone();
        header.provenance.steps = self.state.step;
        let split = match self.config.overfit {
            Some(_) => "the training pictures",
            None => self.config.val_split.as_deref().unwrap_or("val"),
        };
        header.provenance.metric = match measured.map_voc {
            Some(map) => format!("VOC all-point mAP {map:.4} at IoU 0.5 on {split}"),
            None => format!("none: {split} has no objects"),
        };
        let bytes = weights::save(&header, model, Dtype::F16)?;
        write_atomic(&self.out.join("last.safetensors"), &bytes)?;
        if self.state.best.is_none() || measured.map_voc > self.state.best {
            self.state.best = measured.map_voc;
            write_atomic(&self.out.join("best.safetensors"), &bytes)?;
        }
        Ok(())
    }
}
