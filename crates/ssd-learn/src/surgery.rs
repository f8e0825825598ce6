//! A network that starts from another's weights, and learns other classes.

use burn::tensor::Device;
use ssd::Ssd;
use ssd::weights::Header;

/// The network of `header`, which is that of `model` but for its classes: everything is taken over except the class predictors, which
/// start from random weights.
pub fn with_classes(model: Ssd, header: &Header, device: &Device) -> Ssd {
    let mut fresh = Ssd::undrawn(header.arch, header.classes(), device);
    fresh.backbone = model.backbone;
    for (head, old) in fresh.heads.iter_mut().zip(model.heads) {
        head.offsets = old.offsets;
        head.logits.depthwise = old.logits.depthwise;
    }
    fresh.drawn()
}
