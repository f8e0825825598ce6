//! One picture of a data set with the objects in it, before augmentation and preprocessing.

use image::RgbImage;
use ssd::GroundTruth;

use crate::boxes_px::TruthPx;

/// One picture and what is known to be in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// What to call it in messages and files: the file's stem, or the number of a generated scene.
    pub name: String,
    /// The picture, `[H, W]` pixels of 8-bit RGB.
    pub image: RgbImage,
    /// What is learned from: the objects but for crowds; a picture may have none. Boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
    /// Width and height of the picture as it lies on disk, in pixels; augmentation leaves it as it is.
    pub size_px: (u32, u32),
    /// What is measured with: all objects, boxes in pixels of the picture on disk; augmentation leaves them as they are.
    pub truths_px: Vec<TruthPx>,
}
