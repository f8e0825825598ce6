//! The loops as steps of Burn's automatic differentiation.

mod depthwise;
mod norm;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use burn::tensor::Tensor;

use self::norm::Norm;
use crate::memory::Values;
use crate::{Activation, ConvShape};

/// A tensor of the CPU device that records gradients, and its numbers.
struct Recorded {
    tensor: FloatTensor<Autodiff<Flex>>,
    values: Values,
}

impl Recorded {
    /// `None` on another device, without recording, or for another type than f32.
    fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let tensor = tensor.clone().try_into_primitive::<Autodiff<Flex>>().ok()?;
        let values = Values::new(tensor.primitive().clone())?;
        Some(Self { tensor, values })
    }
}

/// The gradient of this step's output.
fn output_gradient<S, const N: usize>(ops: &Ops<S, N>, grads: &mut Gradients) -> Values {
    Values::same_type(grads.consume::<Flex>(&ops.node))
}

#[derive(Debug)]
struct Depthwise;

impl Backward<Flex, 2> for Depthwise {
    /// Input, weight, shape.
    type State = (Values, Values, ConvShape);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = output_gradient(&ops, grads);
        let ([x_node, weight_node], (x, weight, shape)) = (ops.parents, ops.state);
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, depthwise::input_gradient(&gradient, &weight, &shape, x.shape()));
        }
        if let Some(node) = weight_node {
            grads.register::<Flex>(node.id, depthwise::weight_gradient(&x, &gradient, &shape));
        }
    }
}

/// [`crate::depthwise_conv3x3`] on the CPU device with gradients; `None` elsewhere.
pub(crate) fn depthwise_conv3x3(x: &Tensor<4>, weight: &Tensor<4>, shape: &ConvShape) -> Option<Tensor<4>> {
    let (x, weight) = (Recorded::of(x)?, Recorded::of(weight)?);
    let out = crate::depthwise::forward(&x.values, &weight.values, shape);
    let step = Depthwise.prepare::<NoCheckpointing>([x.tensor.node(), weight.tensor.node()]);
    let out = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish((x.values, weight.values, *shape), out),
        OpsKind::UnTracked(step) => step.finish(out),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(out))
}

#[derive(Debug)]
struct BatchNorm;

impl Backward<Flex, 3> for BatchNorm {
    type State = Norm;

    fn backward(self, ops: Ops<Norm, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = output_gradient(&ops, grads);
        let gradients = ops.state.gradients(&gradient);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// [`crate::batch_norm_train`] on the CPU device with gradients; `None` elsewhere.
pub(crate) fn batch_norm_train(
    x: &Tensor<4>,
    gamma: &Tensor<1>,
    beta: &Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> Option<(Tensor<4>, Tensor<1>, Tensor<1>)> {
    let (x, gamma, beta) = (Recorded::of(x)?, Recorded::of(gamma)?, Recorded::of(beta)?);
    let step = BatchNorm.prepare::<NoCheckpointing>([x.tensor.node(), gamma.tensor.node(), beta.tensor.node()]);
    let (y, mean, variance, norm) = norm::forward(x.values, &gamma.values, &beta.values, epsilon, activation);
    let y = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(norm, y),
        OpsKind::UnTracked(step) => step.finish(y),
    };
    let detached = |t| Tensor::from_primitive::<Autodiff<Flex>>(Autodiff::<Flex>::from_inner(t));
    Some((Tensor::from_primitive::<Autodiff<Flex>>(y), detached(mean), detached(variance)))
}
