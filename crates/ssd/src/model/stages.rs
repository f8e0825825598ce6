//! Stages of a trunk: what is frozen together, and for the MobileNets where the map is halved.

use burn::module::Module;

/// The first `count` modules frozen, the others as they are.
pub(super) fn frozen_up_to<M: Module>(modules: Vec<M>, count: usize) -> Vec<M> {
    let frozen = |(index, module): (usize, M)| if index < count { module.freeze() } else { module };
    modules.into_iter().enumerate().map(frozen).collect()
}

/// How many blocks there are up to each halving of the map, and in all, from the strides of the blocks. The stem has
/// halved it once before.
pub(super) fn stage_ends(strides: impl ExactSizeIterator<Item = usize>) -> Vec<usize> {
    let blocks = strides.len();
    strides.enumerate().filter(|(_, stride)| *stride > 1).map(|(index, _)| index).chain([blocks]).collect()
}
