//! Augmentation: each epoch learns from a different version of each picture.
//!
//! The chain of the paper (section 2.2, "Data augmentation", and section 3.6 for the expansion), each link with its
//! parameters: [`photometric`] → [`expand`] → [`crop`] → [`flip`]. [`Augmentation::draw`] first draws everything,
//! giving a [`Change`] of colour and a [`View`], a window over the picture; then the resize, [`ssd::preprocess`]'s own,
//! reads the picture through both ([`Augmentation::pixels`]). [`mosaic`] and [`mixup`], which put several pictures into
//! one input, are not the paper's, and off unless asked for.
//!
//! Where the paper is silent, values are those of its authors' Caffe code; for the hue, whose range differs between
//! implementations (18 or 36 degrees), the narrower one.

mod chance;
pub mod check;
pub mod crop;
pub mod expand;
pub mod flip;
pub mod mixup;
pub mod mosaic;
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
pub use mixup::Mixup;
pub use mosaic::{Mosaic, Part};
pub use photometric::{Change, Photometric};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use ssd::GroundTruth;
use ssd::preprocess::Preprocess;
pub use view::View;

/// Parameters of the whole chain, and of what puts pictures together; the default is the paper's.
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
    /// Four pictures in one input.
    pub mosaic: Mosaic,
    /// Two pictures through each other.
    pub mixup: Mixup,
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
            mosaic: Mosaic::default(),
            mixup: Mixup::default(),
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
        self.mosaic.check()?;
        self.mixup.check()?;
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
    /// Where it goes in a mosaic; `None` for the whole input.
    part: Option<Part>,
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
        Self { change, view, part: None, min_side_px: config.min_side_px }
    }

    /// The same for a picture that is to be a part of a mosaic.
    pub fn draw_part(
        part: Part,
        size_px: (u32, u32),
        truths: &[GroundTruth],
        config: &AugmentConfig,
        rng: &mut Pcg64,
    ) -> Self {
        let expand = Expand { probability: 0.0, ..config.expand.clone() };
        let mut drawn = Self::draw(size_px, truths, &AugmentConfig { expand, ..config.clone() }, rng);
        let patch = part.draw_patch(drawn.view.size_px(), rng);
        drawn.view.crop(patch);
        Self { part: Some(part), ..drawn }
    }

    /// The augmented picture as network input, `[3, S, S]`, or its part of it, `[3, H, W]`; `source` is the picture
    /// this was drawn for.
    pub fn pixels(&self, source: &RgbImage, spec: &Preprocess) -> Vec<f32> {
        let part = self.part.unwrap_or(Part::whole(spec.input_size));
        self.view.pixels(source, &self.change, (part.width, part.height), &spec.normalization)
    }

    /// The objects left, boxes as fractions of the input of `input_size` pixels a side: without those whose centre was
    /// cropped away or that are too small.
    pub fn truths(&self, input_size: usize) -> Vec<GroundTruth> {
        let min_side = self.min_side_px / input_size as f32;
        let placed = self.view.truths().map(|truth| match self.part {
            Some(part) => part.placed(truth, input_size),
            None => truth,
        });
        placed.filter(|t| t.bbox.is_proper() && t.bbox.width().min(t.bbox.height()) >= min_side).collect()
    }
}
