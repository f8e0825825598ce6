//! Starting from another network's weights, for other classes.

use burn::tensor::Device;
use ssd::Ssd;
use ssd::weights::Header;

/// `model` with the classes of `header`: all weights are kept but those of the class predictors, which start at random.
pub fn with_classes(model: Ssd, header: &Header, device: &Device) -> Ssd {
    let mut fresh = Ssd::undrawn(header.arch, header.columns(), device);
    fresh.backbone = model.backbone;
    for (head, old) in fresh.heads.iter_mut().zip(model.heads) {
        head.offsets = old.offsets;
        head.logits.depthwise = old.logits.depthwise;
    }
    fresh.drawn()
}
