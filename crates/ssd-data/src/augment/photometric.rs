//! Changes of light and colour: brightness, contrast, saturation, hue, and the order of the channels.
//!
//! A [`Change`], drawn for a picture, is applied to planes of floats: clamped to `0..=255` after each step, as the
//! 8-bit pictures of the authors' code are, and rounded at the end. Boxes do not move.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::chance::{between, happens};
use super::check::{self, AugmentError};

/// The largest factor of contrast and saturation: more leaves black and white only.
const LARGEST_FACTOR: f32 = 255.0;

/// How far light and colour may change, and how often each change is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Photometric {
    /// Probability of each of brightness, contrast, saturation and hue on its own.
    pub probability: f64,
    /// Most that is added to or subtracted from every channel, of 255.
    pub brightness: f32,
    /// Every channel is multiplied by a factor between these.
    pub contrast: (f32, f32),
    /// The saturation is multiplied by a factor between these.
    pub saturation: (f32, f32),
    /// Most degrees that the hue is turned by, either way.
    pub hue_deg: f32,
    /// Probability of permuting the channels; 0 as in the authors' code.
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
    /// No change.
    pub fn none() -> Self {
        Self { probability: 0.0, channel_swap: 0.0, ..Self::default() }
    }
}

/// What was drawn for one picture; changes that were not chosen are neutral.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    added: f32,
    contrast_before: f32,
    saturation: f32,
    hue_sixths: f32,
    contrast_after: f32,
    /// The source channel that each of R, G, B shows.
    channels: [usize; 3],
}

impl Photometric {
    /// Draws the changes of one picture.
    pub fn draw(&self, rng: &mut Pcg64) -> Change {
        let mut drawn = |low: f32, high: f32, neutral: f32| {
            // Drawn even if unused, so that a changed probability leaves a seed's other changes as they were.
            let value = between((low, high), rng);
            if happens(self.probability, rng) { value } else { neutral }
        };
        let added = drawn(-self.brightness, self.brightness, 0.0);
        let contrast = drawn(self.contrast.0, self.contrast.1, 1.0);
        let saturation = drawn(self.saturation.0, self.saturation.1, 1.0);
        let hue_deg = drawn(-self.hue_deg, self.hue_deg, 0.0);
        // The order matters through clamping alone; the paper's code takes either with equal probability.
        let contrast_first = rng.random_bool(0.5);
        let mut channels = [0, 1, 2];
        if happens(self.channel_swap, rng) {
            channels.shuffle(rng);
        }
        Change {
            added,
            contrast_before: if contrast_first { contrast } else { 1.0 },
            saturation,
            hue_sixths: hue_deg / 60.0,
            contrast_after: if contrast_first { 1.0 } else { contrast },
            channels,
        }
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        check::probability("photometric.probability", self.probability)?;
        check::within("photometric.brightness", self.brightness, 0.0, 255.0)?;
        check::range("photometric.contrast", self.contrast, 0.0, LARGEST_FACTOR)?;
        check::range("photometric.saturation", self.saturation, 0.0, LARGEST_FACTOR)?;
        check::within("photometric.hue_deg", self.hue_deg, 0.0, 180.0)?;
        check::probability("photometric.channel_swap", self.channel_swap)
    }
}

impl Change {
    /// No change.
    pub const NONE: Self = Self {
        added: 0.0,
        contrast_before: 1.0,
        saturation: 1.0,
        hue_sixths: 0.0,
        contrast_after: 1.0,
        channels: [0, 1, 2],
    };

    /// Changes pixels in place: the source's planes R, G, B, of equal length, whole numbers in `0..=255`.
    ///
    /// Each step is a loop of its own without branches, over up to a row, so that the compiler vectorises it.
    pub fn apply(&self, [red, green, blue]: [&mut [f32]; 3]) {
        for plane in [&mut *red, &mut *green, &mut *blue] {
            for v in plane {
                *v = ((*v + self.added).clamp(0.0, 255.0) * self.contrast_before).clamp(0.0, 255.0);
            }
        }
        if self.saturation != 1.0 {
            each_pixel([&mut *red, &mut *green, &mut *blue], |pixel| saturated(pixel, self.saturation));
        }
        if self.hue_sixths != 0.0 {
            each_pixel([&mut *red, &mut *green, &mut *blue], |pixel| turned(pixel, self.hue_sixths));
        }
        for plane in [red, green, blue] {
            for v in plane {
                *v = whole((*v * self.contrast_after).clamp(0.0, 255.0));
            }
        }
    }

    /// Reorders planes from the order in which the channels are shown to the source's.
    pub fn by_source_channel<'a>(&self, [red, green, blue]: [&'a mut [f32]; 3]) -> [&'a mut [f32]; 3] {
        let mut planes = [(self.channels[0], red), (self.channels[1], green), (self.channels[2], blue)];
        planes.sort_by_key(|(channel, _)| *channel);
        planes.map(|(_, plane)| plane)
    }
}

/// Replaces each pixel of three planes.
#[inline]
fn each_pixel([red, green, blue]: [&mut [f32]; 3], change: impl Fn([f32; 3]) -> [f32; 3]) {
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        [*r, *g, *b] = change([*r, *g, *b]);
    }
}

/// The nearest whole number, for `0..=255`: near 2^23, `f32` has no fractional bits. Two additions, where `round` is a
/// function call on processors without such an instruction.
#[inline]
fn whole(v: f32) -> f32 {
    const TWO_TO_23: f32 = 8_388_608.0;
    (v + TWO_TO_23) - TWO_TO_23
}

/// Multiplies the saturation of HSV, up to 1; value and hue stay.
#[inline]
fn saturated(pixel: [f32; 3], factor: f32) -> [f32; 3] {
    let value = larger(larger(pixel[0], pixel[1]), pixel[2]);
    let chroma = value - smaller(smaller(pixel[0], pixel[1]), pixel[2]);
    // At full saturation the chroma equals the value. Grey has none, so any factor will do.
    let factor = smaller(factor, value / larger(chroma, f32::MIN_POSITIVE));
    pixel.map(|v| value - (value - v) * factor)
}

/// Turns the hue of HSV by sixths of the colour circle, at most once around; value and saturation stay.
#[inline]
fn turned([r, g, b]: [f32; 3], sixths: f32) -> [f32; 3] {
    let value = larger(larger(r, g), b);
    let chroma = value - smaller(smaller(r, g), b);
    let (sector, difference) = if value == r {
        (0.0, g - b)
    } else if value == g {
        (2.0, b - r)
    } else {
        (4.0, r - g)
    };
    // Grey has neither chroma nor difference: its hue is 0, and unused below.
    let hue = sector + difference / larger(chroma, f32::MIN_POSITIVE) + sixths;
    let hue = if hue < 0.0 { hue + 6.0 } else { hue };
    let hue = if hue >= 6.0 { hue - 6.0 } else { hue };
    // The distance of the hue from red, green and blue on the circle says how much of each is left.
    [0.0, 2.0, 4.0].map(|primary: f32| {
        let away = (hue - primary).abs();
        let away = smaller(away, 6.0 - away);
        value - chroma * smaller(larger(away - 1.0, 0.0), 1.0)
    })
}

/// The larger of two numbers. `f32::max` also handles NaN, at the cost of three more instructions.
#[inline]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller of two numbers, see [`larger`].
#[inline]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[cfg(test)]
#[path = "photometric_tests.rs"]
mod tests;
