//! `--save-predictions`: the network's raw output for each picture, as a safetensors file.

use std::path::Path;

use image::RgbImage;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::detect::detector::Detector;
use crate::failure::Failure;

/// The network's predictions for each picture: name in the file, shape and bytes.
#[derive(Debug, Default)]
pub struct Predictions(Vec<(String, [usize; 2], Vec<u8>)>);

impl Predictions {
    /// Adds those for a picture, as `N.offsets` `[priors, 4]` and `N.logits` `[priors, classes]`.
    ///
    /// # Errors
    /// Those of [`Detector::predict`].
    pub fn add(&mut self, picture: &RgbImage, detector: &Detector) -> Result<(), Failure> {
        let (offsets, logits) = detector.predict(picture)?;
        let priors = offsets.len() / 4;
        let index = self.0.len() / 2;
        for (what, values) in [("offsets", offsets), ("logits", logits)] {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.0.push((format!("{index}.{what}"), [priors, values.len() / priors.max(1)], bytes));
        }
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let views = self.0.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.to_vec(), bytes).map(|view| (name.as_str(), view))
        });
        let views: Result<Vec<_>, _> = views.collect();
        let bytes = views.and_then(|views| safetensors::serialize(views, None)).map_err(Failure::run)?;
        Ok(ssd_data::write_atomic(path, &bytes)?)
    }
}
