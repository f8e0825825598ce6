//! `--tiles`: the windows of a large picture through a detector, and what is found in all of them as one list.

use std::borrow::Cow;

use image::RgbImage;
use image::imageops::{crop_imm, thumbnail};
use ssd::Detection;
use ssd::postprocess::DetectParams;
use ssd::tiles::{Merge, Tiles, windows};

use crate::detect::detector::{Detector, DetectorError, Timing};

/// Windows at once, where nothing else decides.
pub const BATCH: usize = 8;

/// The longest side of a whole picture, or of one of few windows, that a detector is given, in pixels: below what every
/// GPU takes as a texture. The network sees much less of it anyway.
const LONGEST: u32 = 4096;

/// The option of dividing pictures.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct TileArgs {
    /// Also look at overlapping windows of each picture, for small objects in large pictures: auto takes windows as
    /// large as the network's input, N so many along the longer side. It costs as many times more
    #[arg(long, value_name = "auto|N", requires = "weights")]
    pub tiles: Option<Tiles>,
}

/// Detects in a picture as a whole and in its windows, `batch` at once, at most as many as the detector was loaded for.
/// `progress` hears how many windows of how many are done. Boxes are fractions of the picture, best first.
///
/// # Errors
/// Those of [`Detector::detect`].
pub fn detect(
    detector: &Detector,
    image: &RgbImage,
    params: &DetectParams,
    (tiles, batch): (Tiles, usize),
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(Vec<Detection>, Timing), DetectorError> {
    let (found, mut timing) = detector.detect(&of_bounded_size(image), params)?;
    let size_px = [image.width(), image.height()].map(|side| side as usize);
    let windows = windows(size_px, detector.header().input_size, tiles);
    if windows.is_empty() {
        return Ok((found, timing));
    }
    let mut merge = Merge::new(size_px, &found);
    for (index, some) in windows.chunks(batch.max(1)).enumerate() {
        progress(index * batch, windows.len());
        let parts = some.iter().map(|window| {
            let [x, y, width, height] = [window.x, window.y, window.width, window.height].map(|side| side as u32);
            let part = crop_imm(image, x, y, width, height);
            if width.max(height) > LONGEST { of_bounded_size(&part.to_image()).into_owned() } else { part.to_image() }
        });
        let parts: Vec<RgbImage> = parts.collect();
        let outcomes = detector.detect_batch(&parts.iter().collect::<Vec<_>>(), params)?;
        // The times are those of the batch.
        if let Some(times) = outcomes.first().and_then(|outcome| outcome.times) {
            timing.preprocess_ms += times.preprocess_ms;
            timing.network_ms += times.network_ms;
            timing.postprocess_ms += times.postprocess_ms;
        }
        for (window, outcome) in some.iter().zip(outcomes) {
            merge.add(window, &outcome.detections);
        }
    }
    Ok((merge.finish(params), timing))
}

/// The picture, smaller if it is too large for a GPU.
fn of_bounded_size(image: &RgbImage) -> Cow<'_, RgbImage> {
    let longest = image.width().max(image.height());
    if longest <= LONGEST {
        return Cow::Borrowed(image);
    }
    let side = |side: u32| (u64::from(side) * u64::from(LONGEST) / u64::from(longest)).max(1) as u32;
    Cow::Owned(thumbnail(image, side(image.width()), side(image.height())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_picture_is_made_smaller_and_another_is_as_it_was() {
        assert_eq!(of_bounded_size(&RgbImage::new(9000, 3)).dimensions(), (4096, 1));
        let usual = RgbImage::new(640, 480);
        assert!(matches!(of_bounded_size(&usual), Cow::Borrowed(_)));
    }
}
