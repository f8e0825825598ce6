//! The heads that learn, and their place in the detector that is made.
//!
//! New classes begin with weights of zero: every place of every picture gets the same low score, and nothing is drawn.

use burn::module::Module;
use burn::tensor::Tensor;
use ssd::Ssd;
use ssd::postprocess::ScoreActivation;
use ssd::weights::Header;

/// The first logit of every class where scores are sigmoids: a probability of 0.018.
const FIRST_LOGIT: f32 = -4.0;

/// `start`, whose tensors are on a device with autodiff, with new class predictors for the classes of `header`. Trunk
/// and extras do not learn, nor do the offsets if `boxes_stay`.
pub fn learning(start: Ssd, header: &Header, boxes_stay: bool) -> Ssd {
    let bias = match header.score_activation {
        ScoreActivation::Sigmoid => FIRST_LOGIT,
        ScoreActivation::Softmax => 0.0,
    };
    let mut made = Ssd { backbone: start.backbone.freeze(), heads: start.heads };
    for (head, map) in made.heads.iter_mut().zip(header.arch.feature_maps()) {
        if boxes_stay {
            head.offsets = head.offsets.clone().freeze();
        }
        let rows = map.priors.boxes.len() * header.columns();
        let conv = &mut head.logits.conv;
        conv.weight = conv.weight.clone().map(|old| {
            let [_, inputs, height, width] = old.dims();
            Tensor::zeros([rows, inputs, height, width], &old.device()).set_require_grad(true)
        });
        conv.bias =
            conv.bias.take().map(|old| old.map(|old| Tensor::full([rows], bias, &old.device()).set_require_grad(true)));
    }
    made
}

/// `start`, the detector of `header`, with the class predictors of `taught` added behind its own. Scores are sigmoids,
/// so that none changes another.
pub fn joined(start: &Ssd, header: &Header, taught: &Ssd, taught_header: &Header) -> Ssd {
    let mut made = start.clone();
    let boxes = header.arch.feature_maps().into_iter().map(|map| map.priors.boxes.len());
    for ((head, new), boxes) in made.heads.iter_mut().zip(&taught.heads).zip(boxes) {
        let columns = [header.columns(), taught_header.columns()];
        let (conv, new) = (&mut head.logits.conv, &new.logits.conv);
        let new_weight = new.weight.val();
        conv.weight = conv.weight.clone().map(|old| {
            let [_, inputs, height, width] = old.dims();
            let place = |tensor: Tensor<4>, columns: usize| tensor.reshape([boxes, columns, inputs * height * width]);
            let rows = Tensor::cat(vec![place(old, columns[0]), place(new_weight, columns[1])], 1);
            rows.reshape([boxes * (columns[0] + columns[1]), inputs, height, width])
        });
        conv.bias = conv.bias.take().zip(new.bias.as_ref()).map(|(old, new)| {
            let new = new.val();
            old.map(|old| {
                let place = |tensor: Tensor<1>, columns: usize| tensor.reshape([boxes, columns]);
                Tensor::cat(vec![place(old, columns[0]), place(new, columns[1])], 1).flatten(0, 1)
            })
        });
    }
    made
}
