//! One picture of a data set with the objects in it, before augmentation and preprocessing.

use image::RgbImage;
use ssd::GroundTruth;

use crate::boxes_px::TruthPx;

/// One picture and its known objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Its name in messages and files: the file's stem, or the number of a generated scene.
    pub name: String,
    /// The picture, `[H, W]` pixels of 8-bit RGB.
    pub image: RgbImage,
    /// The objects to learn from: all but crowds; may be empty. Boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
    /// Width and height in pixels of the picture that its annotation refers to; augmentation does not change it.
    pub size_px: (u32, u32),
    /// The objects to measure with: all of them, in pixels of that picture; augmentation does not change them.
    pub truths_px: Vec<TruthPx>,
}
