//! Changes of light and colour: brightness, contrast, saturation, hue, and the order of the channels.
//!
//! All that is drawn is applied in one pass over the pixels, in floating point, clamped to `0..=255` after each step as the
//! 8-bit pictures of the reference are. Boxes do not move.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::happens;
use crate::data::Sample;

/// How far light and colour may change, and how often each change is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Photometric {
    /// Probability of each of brightness, contrast, saturation and hue on its own.
    pub probability: f64,
    /// At most so much is added to or taken from every channel, of 255.
    pub brightness: f32,
    /// Every channel is multiplied by a factor between these.
    pub contrast: (f32, f32),
    /// The saturation is multiplied by a factor between these.
    pub saturation: (f32, f32),
    /// The hue is turned by at most so many degrees, either way.
    pub hue_deg: f32,
    /// Probability of exchanging the channels; 0 as in the authors' code.
    pub channel_swap: f64,
}

impl Default for Photometric {
    fn default() -> Self {
        Self {
            probability: 0.5,
            brightness: 32.0,
            contrast: (0.5, 1.5),
            saturation: (0.5, 1.5),
            hue_deg: 18.0,
            channel_swap: 0.0,
        }
    }
}

impl Photometric {
    /// No change at all.
    pub fn none() -> Self {
        Self { probability: 0.0, channel_swap: 0.0, ..Self::default() }
    }
}

/// What was drawn for one picture; each change is without effect where it was not chosen.
struct Change {
    added: f32,
    contrast_before: f32,
    saturation: f32,
    hue_sixths: f32,
    contrast_after: f32,
    channels: [usize; 3],
}

/// Changes light and colour of a picture.
pub fn photometric(sample: &mut Sample, params: &Photometric, rng: &mut Pcg64) {
    let change = Change::draw(params, rng);
    for pixel in sample.image.pixels_mut() {
        let changed = change.apply(pixel.0.map(f32::from));
        pixel.0 = change.channels.map(|c| changed[c].round() as u8);
    }
}

impl Change {
    fn draw(params: &Photometric, rng: &mut Pcg64) -> Self {
        let mut drawn = |low: f32, high: f32, neutral: f32| {
            // Drawn whether used or not: changing a probability leaves the other changes of a seed as they were.
            let value = low + (high - low) * rng.random::<f32>();
            if happens(params.probability, rng) { value } else { neutral }
        };
        let added = drawn(-params.brightness, params.brightness, 0.0);
        let contrast = drawn(params.contrast.0, params.contrast.1, 1.0);
        let saturation = drawn(params.saturation.0, params.saturation.1, 1.0);
        let hue_deg = drawn(-params.hue_deg, params.hue_deg, 0.0);
        // The order matters through the clamping only; the paper's code takes either, evenly.
        let contrast_first = rng.random_bool(0.5);
        let mut channels = [0, 1, 2];
        if happens(params.channel_swap, rng) {
            channels.shuffle(rng);
        }
        Self {
            added,
            contrast_before: if contrast_first { contrast } else { 1.0 },
            saturation,
            hue_sixths: hue_deg / 60.0,
            contrast_after: if contrast_first { 1.0 } else { contrast },
            channels,
        }
    }

    fn apply(&self, pixel: [f32; 3]) -> [f32; 3] {
        let mut pixel = pixel.map(|v| (v + self.added).clamp(0.0, 255.0));
        pixel = pixel.map(|v| (v * self.contrast_before).clamp(0.0, 255.0));
        if self.saturation != 1.0 {
            pixel = saturated(pixel, self.saturation);
        }
        if self.hue_sixths != 0.0 {
            pixel = turned(pixel, self.hue_sixths);
        }
        pixel.map(|v| (v * self.contrast_after).clamp(0.0, 255.0))
    }
}

/// Multiplies the saturation of HSV, at most to 1: value and hue stay.
fn saturated(pixel: [f32; 3], factor: f32) -> [f32; 3] {
    let value = pixel[0].max(pixel[1]).max(pixel[2]);
    let chroma = value - pixel[0].min(pixel[1]).min(pixel[2]);
    // Full saturation is a chroma as large as the value.
    let factor = if chroma * factor > value { value / chroma } else { factor };
    pixel.map(|v| value - (value - v) * factor)
}

/// Turns the hue of HSV by sixths of the colour circle: value and saturation stay.
fn turned(pixel: [f32; 3], sixths: f32) -> [f32; 3] {
    let [r, g, b] = pixel;
    let value = r.max(g).max(b);
    let chroma = value - r.min(g).min(b);
    if chroma <= 0.0 {
        return pixel;
    }
    let hue = if value == r {
        (g - b) / chroma
    } else if value == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (hue + sixths).rem_euclid(6.0);
    // How far the hue is from red, green and blue on the circle says how much of each is left.
    [0.0, 2.0, 4.0].map(|primary: f32| {
        let away = (hue - primary).abs();
        let away = away.min(6.0 - away);
        value - chroma * (away - 1.0).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: [f32; 3], b: [f32; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.01)
    }

    #[test]
    fn hue_turns_red_over_yellow_to_green_and_a_full_turn_changes_nothing() {
        assert!(near(turned([200.0, 0.0, 0.0], 1.0), [200.0, 200.0, 0.0]));
        assert!(near(turned([200.0, 50.0, 50.0], 2.0), [50.0, 200.0, 50.0]));
        assert!(near(turned([10.0, 180.0, 90.0], -2.0), [180.0, 90.0, 10.0]));
        assert!(near(turned([10.0, 180.0, 90.0], 6.0), [10.0, 180.0, 90.0]));
        assert!(near(turned([77.0; 3], 1.3), [77.0; 3]));
    }

    #[test]
    fn saturation_keeps_the_value_and_stops_at_full() {
        assert!(near(saturated([200.0, 100.0, 150.0], 0.5), [200.0, 150.0, 175.0]));
        assert!(near(saturated([200.0, 100.0, 150.0], 10.0), [200.0, 0.0, 100.0]));
        assert!(near(saturated([0.0; 3], 1.5), [0.0; 3]));
    }
}
