//! Whether a network in 16 bits agrees with the same in 32, on this device, with these weights.
//!
//! Drivers differ in how they compute with 16-bit numbers, and some do it wrongly; weights differ in how large their
//! maps grow. So both run on one picture, and the fast one is kept only if it agrees.

use ssd::CornerBox;
use ssd::postprocess::decode;
use ssd::weights::Header;

use crate::error::GpuError;
use crate::frames::GpuDetector;
use crate::picture::Picture;

/// The largest difference between two scores.
const SCORE: f32 = 0.01;
/// The largest difference between two edges, as a fraction of the picture, of boxes with a score above [`SEEN`].
const EDGE: f32 = 0.01;
const SEEN: f32 = 0.1;
/// The largest difference between two offsets or two logits, as a share of the largest one.
const RAW: f32 = 0.03;
/// Side of the picture.
const SIDE: usize = 256;

/// The one in 16 bits if it could be made and agrees; the other is freed.
pub(crate) async fn better(
    mut single: GpuDetector,
    half: Result<GpuDetector, GpuError>,
    header: &Header,
) -> Result<GpuDetector, GpuError> {
    let Ok(mut half) = half else { return Ok(single) };
    let want = predictions(&mut single, header).await?;
    let agrees = predictions(&mut half, header).await.is_ok_and(|got| agree(&got, &want, header));
    let (kept, freed) = if agrees { (half, single) } else { (single, half) };
    freed.destroy();
    Ok(kept)
}

async fn predictions(detector: &mut GpuDetector, header: &Header) -> Result<Vec<f32>, GpuError> {
    let bytes = picture(SIDE, SIDE, 1);
    let picture = Picture::Rgba { bytes: &bytes, width: SIDE, height: SIDE };
    detector.submit(&[picture], &header.params())?.read().await?;
    detector.predictions().await
}

/// Waves of every length over coarse noise, which excite every kernel of a network. Sides are multiples of eight.
pub fn picture(width: usize, height: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32
    };
    let coarse: Vec<f32> = (0..width * height / 64 * 3).map(|_| noise()).collect();
    (0..width * height)
        .flat_map(|pixel| {
            let (x, y) = (pixel % width, pixel / width);
            let cell = (y / 8 * (width / 8) + x / 8) * 3;
            let wave = ((x * x + y * y) as f32 / width as f32 * 0.2).sin() * 60.0;
            let channel = |c: usize| (coarse[cell + c] + wave).clamp(0.0, 255.0) as u8;
            [channel(0), channel(1), channel(2), 255]
        })
        .collect()
}

/// Whether all predictions are close, as they are and as scores and boxes: where nothing is seen on the picture,
/// numbers that are all wrong would give scores that are all low.
fn agree(got: &[f32], want: &[f32], header: &Header) -> bool {
    let offsets = want.len() / (4 + header.columns()) * 4;
    let close = |got: &[f32], want: &[f32]| {
        let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        // Not "farther than": a NaN is farther than nothing.
        largest > 0.0 && got.iter().zip(want).all(|(got, want)| (got - want).abs() <= RAW * largest)
    };
    close(&got[..offsets], &want[..offsets])
        && close(&got[offsets..], &want[offsets..])
        && agree_decoded(got, want, offsets, header)
}

/// Of the first image.
fn agree_decoded(got: &[f32], want: &[f32], offsets: usize, header: &Header) -> bool {
    let priors = header.priors.priors();
    let [got, want] = [got, want].map(|numbers| {
        let (offsets, logits) = numbers.split_at(offsets);
        let logits = &logits[..priors.len() * header.columns()];
        decode(&offsets[..priors.len() * 4], logits, &priors, header.priors.variances, header.score_activation)
    });
    let scores = got.scores.iter().zip(&want.scores).all(|(got, want)| (got - want).abs() <= SCORE);
    let edges = |a: &CornerBox, b: &CornerBox| {
        let pairs = [(a.x1, b.x1), (a.y1, b.y1), (a.x2, b.x2), (a.y2, b.y2)];
        pairs.iter().all(|(a, b)| (a - b).abs() <= EDGE)
    };
    let seen = |prior: usize| want.rows().any(|row| row[prior] > SEEN);
    scores && (0..priors.len()).all(|prior| !seen(prior) || edges(&got.boxes[prior], &want.boxes[prior]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_dark_and_light_in_every_channel() {
        let picture = picture(SIDE, SIDE, 1);
        assert_eq!(picture.len(), SIDE * SIDE * 4);
        for channel in 0..3 {
            let values: Vec<u8> = picture.iter().skip(channel).step_by(4).copied().collect();
            assert!(values.iter().any(|v| *v < 20) && values.iter().any(|v| *v > 235));
        }
    }
}
