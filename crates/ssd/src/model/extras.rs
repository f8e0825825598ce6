//! Extras: plain convolutions after a trunk, in pairs, each of which ends in a feature map. Paper §3, Fig. 2.

use super::conv::{ConvUnit, ConvUnitConfig};
use super::steps::Steps;

/// Channels of a 1x1 convolution and of the one after it, and the kernel, stride and padding of the latter.
pub(super) type Pair = (usize, usize, usize, usize, usize);

/// The convolutions of `pairs` on a map of `channels` channels, each as `unit` completes it.
pub(super) fn extras(
    mut channels: usize,
    pairs: &[Pair],
    mut unit: impl FnMut(ConvUnitConfig) -> ConvUnit,
) -> Vec<ConvUnit> {
    let pair = |&(narrow, wide, kernel, stride, padding): &Pair| {
        let input = std::mem::replace(&mut channels, wide);
        let second = ConvUnitConfig::new(narrow, wide, kernel).stride(stride).padding(padding);
        [unit(ConvUnitConfig::new(input, narrow, 1)), unit(second)]
    };
    pairs.iter().flat_map(pair).collect()
}

/// Adds the feature maps that follow `x`. The layers are called `name` with the number of the pair, from `first` on.
pub(super) fn run_extras<S: Steps>(
    steps: &mut S,
    extras: &[ConvUnit],
    (name, first): (&str, usize),
    mut x: S::Map,
    maps: &mut Vec<S::Map>,
) {
    for (number, pair) in (first..).zip(extras.chunks(2)) {
        for (index, extra) in (1..).zip(pair) {
            x = steps.convolve(format_args!("{name}{number}_{index}"), &extra.step(), x);
        }
        maps.push(x.clone());
    }
}
