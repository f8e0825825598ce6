//! Augmentation: each picture is learned from in a new guise every epoch.
//!
//! What it is: the chain of the paper (section 2.2, "Data augmentation", and section 3.6 for the expansion), each link with
//! its parameters: [`photometric`] → [`expand`] → [`crop`] → [`flip`]. First all is drawn ([`Augmentation::draw`]), which
//! gives a [`Change`] of colour and a [`View`], a window over the picture; then the resize reads the picture through both
//! ([`Augmentation::pixels`]). What it is not: it has no resize of its own, see [`ssd::preprocess`].
//!
//! Where the paper is silent the values are those of its authors' Caffe code; where the hue's range differs between
//! implementations (18 or 36 degrees) it is the narrower one.

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
    /// Left and right exchanged.
    pub flip: Flip,
    /// Objects of which less is left, in pixels of the network's input and in either direction, are no longer learned
    /// from: there may be nothing of them among the pixels that the resize looks at.
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
    /// The same, if all its numbers make sense.
    ///
    /// # Errors
    /// The first number that does not, and what it has to be.
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
    /// Its colours.
    pub change: Change,
    /// What is seen of it, and where its objects are then.
    pub view: View,
    min_side_px: f32,
}

impl Augmentation {
    /// Draws all that happens to a picture of this size, in pixels, with these objects, boxes as fractions of it.
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

    /// The augmented picture as the network wants it, `[3, S, S]`; `source` is the picture that this was drawn for.
    pub fn pixels(&self, source: &RgbImage, spec: &Preprocess) -> Vec<f32> {
        self.view.pixels(source, &self.change, spec)
    }

    /// The objects left, boxes as fractions of the augmented picture. Gone are those whose centre was cropped away and those
    /// that are too small in an input of `input_size` pixels a side.
    pub fn truths(&self, input_size: usize) -> Vec<GroundTruth> {
        self.view.truths(self.min_side_px / input_size as f32)
    }
}
