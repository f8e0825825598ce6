//! What learning starts from: a new network, or another detector's, whose classes may be others.
//!
//! A class predictor has a row of weights for each prior of a cell and each of its columns (see [`ssd::model::Head`]).
//! Rows of a class that both detectors know are kept, so that it stays known; the others are new.

use burn::tensor::{Device, Int, Tensor};
use ssd::Ssd;
use ssd::postprocess::ScoreActivation;
use ssd::weights::Header;

use crate::classes::matched;

/// The probability that a new network with a sigmoid for each class begins with. At one half, what the thousands of
/// priors on background have to unlearn would drown the objects (Lin et al., arXiv 1708.02002, section 3.3).
const FIRST_PROBABILITY: f32 = 0.01;

/// A new network for the detector that `header` describes, as learning starts from.
pub fn fresh(header: &Header, device: &Device) -> Ssd {
    expecting_little(Ssd::new(header.arch, header.columns(), device), header)
}

/// `model` with class predictors, which have to be new, that give every class a low score if scores are sigmoids.
pub fn expecting_little(mut model: Ssd, header: &Header) -> Ssd {
    if header.score_activation == ScoreActivation::Sigmoid {
        let bias = -((1.0 - FIRST_PROBABILITY) / FIRST_PROBABILITY).ln();
        for head in &mut model.heads {
            let conv = &mut head.logits.conv;
            conv.bias = conv.bias.take().map(|old| old.map(|old| constant(&old, bias)));
        }
    }
    model
}

/// A tensor like another, with one value everywhere.
fn constant(like: &Tensor<1>, value: f32) -> Tensor<1> {
    Tensor::full(like.dims(), value, &like.device()).set_require_grad(like.is_require_grad())
}

/// `model`, the detector of `source`, with the classes of `header`, and for each of these the class of `source` that it
/// goes on from. Both have the same architecture and priors.
///
/// The weights are kept but for rows of class predictors that belong to no class of `header`. Between two ways of
/// making scores no row can be kept.
pub fn with_classes(model: Ssd, source: &Header, header: &Header, device: &Device) -> (Ssd, Vec<Option<usize>>) {
    let kept = match source.score_activation == header.score_activation {
        true => matched(&header.labels, &source.labels),
        false => vec![None; header.labels.len()],
    };
    let mut made = Ssd::undrawn(header.arch, header.columns(), device);
    made.backbone = model.backbone;
    for (head, old) in made.heads.iter_mut().zip(&model.heads) {
        head.offsets = old.offsets.clone();
        head.logits.depthwise = old.logits.depthwise.clone();
    }
    let mut made = expecting_little(made.drawn(), header);
    if source.score_activation == header.score_activation {
        let columns = columns(&kept, header.columns() - header.labels.len());
        for ((head, old), map) in made.heads.iter_mut().zip(model.heads).zip(header.arch.feature_maps()) {
            let rows = Rows::new(map.priors.boxes.len(), source.columns(), &columns, device);
            let (conv, old) = (&mut head.logits.conv, old.logits.conv);
            conv.weight = conv.weight.clone().map(|new| rows.chosen(old.weight.val(), new));
            conv.bias = conv.bias.take().zip(old.bias).map(|(new, old)| new.map(|new| rows.chosen(old.val(), new)));
        }
    }
    (made, kept)
}

/// For each column of the new predictors the old one it is, from classes without background; the first `background`
/// columns stay.
fn columns(kept: &[Option<usize>], background: usize) -> Vec<Option<usize>> {
    let classes = kept.iter().map(|place| place.map(|place| place + background));
    (0..background).map(Some).chain(classes).collect()
}

/// Which rows of the old and the new predictors of a cell, one after the other, the predictors are made of.
struct Rows(Tensor<1, Int>);

impl Rows {
    fn new(boxes: usize, old_columns: usize, columns: &[Option<usize>], device: &Device) -> Self {
        let (old_rows, new_columns) = (boxes * old_columns, columns.len());
        let row = |prior: usize, column: usize| match columns[column] {
            Some(old) => prior * old_columns + old,
            None => old_rows + prior * new_columns + column,
        };
        let rows = (0..boxes).flat_map(|prior| (0..new_columns).map(move |column| row(prior, column) as i32));
        let device = device.clone().without_autodiff();
        Self(Tensor::from_ints(rows.collect::<Vec<_>>().as_slice(), &device))
    }

    fn chosen<const D: usize>(&self, old: Tensor<D>, new: Tensor<D>) -> Tensor<D> {
        let learns = new.is_require_grad();
        Tensor::cat(vec![old, new], 0).select(0, self.0.clone()).detach().set_require_grad(learns)
    }
}

#[cfg(test)]
mod tests {
    use ssd::weights::Provenance;
    use ssd::{Arch, Predictions};

    use super::*;

    const ARCH: Arch = Arch::Ssd300MobileNetV2Lite;

    fn header(labels: &[&str], score_activation: ScoreActivation) -> Header {
        let labels = labels.iter().map(|label| label.to_string()).collect();
        Header { score_activation, ..Header::new(ARCH, labels, Provenance::default()) }
    }

    fn predictions(model: &Ssd) -> Predictions {
        model.forward(Tensor::ones([1, 3, 300, 300], &Device::flex()) * 0.5)
    }

    fn values(tensor: &Tensor<3>) -> Vec<f32> {
        tensor.clone().into_data().iter().collect()
    }

    fn column(predictions: &Predictions, column: usize) -> Vec<f32> {
        values(&predictions.logits.clone().narrow(2, column, 1))
    }

    #[test]
    fn classes_of_equal_names_keep_their_scores_and_boxes_stay() {
        let device = Device::flex();
        for (activation, background) in [(ScoreActivation::Softmax, 1), (ScoreActivation::Sigmoid, 0)] {
            let source = header(&["cat", "dog", "tv"], activation);
            let wanted = header(&["tvmonitor", "cow", "Cat", "horse"], activation);
            let old = fresh(&source, &device);
            let (new, kept) = with_classes(old.clone(), &source, &wanted, &device);
            assert_eq!(kept, [Some(2), None, Some(0), None]);

            let [old, new] = [old, new].map(|model| predictions(&model));
            assert_eq!(values(&old.offsets), values(&new.offsets), "{activation:?}");
            for class in 0..background {
                assert_eq!(column(&old, class), column(&new, class), "background");
            }
            for (class, kept) in kept.iter().enumerate() {
                let scores = column(&new, background + class);
                for other in 0..source.columns() {
                    let same = scores == column(&old, other);
                    assert_eq!(
                        same,
                        kept.map(|kept| kept + background) == Some(other),
                        "{activation:?}, class {class}"
                    );
                }
            }
        }
    }

    #[test]
    fn between_two_ways_of_making_scores_boxes_alone_stay() {
        let device = Device::flex();
        let source = header(&["cat", "dog"], ScoreActivation::Softmax);
        let wanted = header(&["cat", "dog"], ScoreActivation::Sigmoid);
        let old = fresh(&source, &device);
        let (new, kept) = with_classes(old.clone(), &source, &wanted, &device);
        assert_eq!(kept, [None, None]);
        let [old, new] = [old, new].map(|model| predictions(&model));
        assert_eq!(values(&old.offsets), values(&new.offsets));
        assert_eq!(new.logits.dims()[2], 2);
    }

    #[test]
    fn rows_that_are_kept_learn_on() {
        let device = Device::flex().autodiff();
        let header = header(&["cat", "dog"], ScoreActivation::Sigmoid);
        let (model, _) = with_classes(fresh(&header, &device), &header, &header, &device);
        let out = model.forward(Tensor::ones([1, 3, 300, 300], &device));
        let gradients = out.logits.sum().backward();
        for head in &model.heads {
            let conv = &head.logits.conv;
            assert!(conv.weight.val().grad(&gradients).is_some());
            assert!(conv.bias.as_ref().is_some_and(|bias| bias.val().grad(&gradients).is_some()));
        }
    }

    #[test]
    fn a_new_network_with_sigmoids_expects_little() {
        let device = Device::flex();
        for activation in [ScoreActivation::Softmax, ScoreActivation::Sigmoid] {
            let model = fresh(&header(&["cat", "dog"], activation), &device);
            for head in &model.heads {
                let bias = head.logits.conv.bias.as_ref().expect("class predictors have a bias").val();
                let bias: Vec<f32> = bias.into_data().iter().collect();
                let at_a_hundredth = bias.iter().all(|bias| (bias + 4.595).abs() < 1e-3);
                assert_eq!(at_a_hundredth, activation == ScoreActivation::Sigmoid, "{activation:?}: {bias:?}");
            }
        }
    }
}
