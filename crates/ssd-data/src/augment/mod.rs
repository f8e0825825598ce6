//! Augmentation: each epoch learns from a different version of each picture.
//!
//! The chain of the paper (section 2.2, "Data augmentation", and section 3.6 for the expansion), each link with its
//! parameters: [`photometric`] → [`expand`] → [`crop`] → [`flip`]. [`Augmentation::draw`] first draws everything,
//! giving a [`Change`] of colour and a [`View`], a window over the picture; then the resize, [`ssd::preprocess`]'s own,
//! reads the picture through both ([`Augmentation::pixels`]).
//!
//! Where the paper is silent, values are those of its authors' Caffe code; for the hue, whose range differs between
//! implementations (18 or 36 degrees), the narrower one.

mod chance;
pub mod check;
pub mod crop;
pub mod expand;
pub mod flip;
pub mod photometric;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod statistics;
#[cfg(test)]
pub(crate) mod tests;
pub mod view;

pub use check::AugmentError;
pub use crop::Crop;
pub use expand::Expand;
pub use flip::Flip;
use image::RgbImage;
pub use photometric::{Change, Photometric};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use ssd::GroundTruth;
use ssd::preprocess::Preprocess;
pub use view::View;

/// Parameters of the whole chain; the default is the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Changes of light and colour.
    pub photometric: Photometric,
    /// Zooming out, which makes small objects.
    pub expand: Expand,
    /// Zooming in, which makes large and cut objects.
    pub crop: Crop,
    /// Mirroring left and right.
    pub flip: Flip,
    /// Objects with less than this left, in pixels of the network's input and in either direction, are not learned
    /// from: the resize may not read any of their pixels.
    pub min_side_px: f32,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            photometric: Photometric::default(),
            expand: Expand::default(),
            crop: Crop::default(),
            flip: Flip::default(),
            min_side_px: 1.0,
        }
    }
}

impl AugmentConfig {
    /// These parameters, if they are all valid.
    ///
    /// # Errors
    /// The first invalid number, and what it has to be.
    pub fn checked(self) -> Result<Self, AugmentError> {
        self.photometric.check()?;
        self.expand.check()?;
        self.crop.check()?;
        self.flip.check()?;
        check::within("min_side_px", self.min_side_px, 0.0, 100.0)?;
        Ok(self)
    }
}

/// What was drawn for one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// The change of its colours.
    pub change: Change,
    /// The part of it that is seen, with the objects there.
    pub view: View,
    min_side_px: f32,
}

impl Augmentation {
    /// Draws everything for a picture of this size in pixels and these objects, whose boxes are fractions of it.
    pub fn draw(size_px: (u32, u32), truths: &[GroundTruth], config: &AugmentConfig, rng: &mut Pcg64) -> Self {
        let change = config.photometric.draw(rng);
        let mut view = View::whole(size_px, truths);
        if let Some(placement) = config.expand.draw(view.size_px(), rng) {
            view.expand(placement, config.expand.fill);
        }
        if let Some(patch) = config.crop.draw(view.size_px(), &view.truths_px, rng) {
            view.crop(patch);
        }
        if config.flip.draw(rng) {
            view.flip();
        }
        Self { change, view, min_side_px: config.min_side_px }
    }

    /// The augmented picture as network input, `[3, S, S]`; `source` is the picture this was drawn for.
    pub fn pixels(&self, source: &RgbImage, spec: &Preprocess) -> Vec<f32> {
        self.view.pixels(source, &self.change, spec)
    }

    /// The objects left, boxes as fractions of the augmented picture: without those whose centre was cropped away or
    /// that are too small in an input of `input_size` pixels a side.
    pub fn truths(&self, input_size: usize) -> Vec<GroundTruth> {
        self.view.truths(self.min_side_px / input_size as f32)
    }
}
