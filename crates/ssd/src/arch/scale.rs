//! The scale of a network that exists in many: how wide, and for how many pixels. It is part of the architecture's
//! name.

/// How wide a network is, and its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Width in hundredths of the full one: TensorFlow's `depth_multiplier`.
    pub width: u16,
    /// Side of the square input, in pixels.
    pub input_px: u16,
}

impl Scale {
    /// Full width at 300 pixels.
    pub const FULL: Self = Self { width: 100, input_px: 300 };

    /// The widths that exist.
    pub const WIDTHS: std::ops::RangeInclusive<u16> = 1..=400;

    /// The inputs that exist, in pixels: smaller ones have no six maps.
    pub const INPUTS_PX: std::ops::RangeInclusive<u16> = 32..=2048;

    /// The name of an architecture of this scale: `ssd` and `mobilenet-v1-tf` become `ssd300-mobilenet-v1-tf`, or
    /// `ssd300-mobilenet-v1-tf-0.75` where the width is not the full one.
    pub(super) fn name(self, kind: &str, trunk: &str) -> String {
        let Self { width, input_px } = self;
        match width {
            100 => format!("{kind}{input_px}-{trunk}"),
            _ => format!("{kind}{input_px}-{trunk}-{}", f64::from(width) / 100.0),
        }
    }

    /// The scale that a name of that form says, where it is one that exists.
    pub(super) fn in_name(name: &str) -> Option<Self> {
        let input = name.trim_start_matches(|sign: char| sign.is_ascii_lowercase());
        let input_px = input.split('-').next()?.parse().ok()?;
        let last = name.rsplit('-').next()?;
        let width = last.parse::<f64>().map_or(100, |width| (width * 100.0).round() as u16);
        let scale = Self { width, input_px };
        (Self::WIDTHS.contains(&width) && Self::INPUTS_PX.contains(&input_px)).then_some(scale)
    }

    /// So many channels of the full network, at this width, rounded down: `depth_fn` of TensorFlow's
    /// `feature_map_generators.py`, with the least depth of its published configurations.
    pub(crate) fn rounded_down(self, channels: usize) -> usize {
        (channels * usize::from(self.width) / 100).max(DEPTH_MIN)
    }

    /// The same, as a multiple of 8 near to it: `depth_multiplier` of TensorFlow's `mobilenet.py`.
    pub(crate) fn divisible(self, channels: usize) -> usize {
        divisible((channels * usize::from(self.width)) as f64 / 100.0, DEPTH_MIN)
    }
}

/// The least number of channels.
const DEPTH_MIN: usize = 16;

/// The multiple of 8 nearest to `channels` that is at least `least` and not more than a tenth smaller:
/// `_make_divisible` of TensorFlow and torchvision.
pub(crate) fn divisible(channels: f64, least: usize) -> usize {
    let nearest = ((channels + 4.0) as usize / 8 * 8).max(least);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}
