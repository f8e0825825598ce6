//! The loops on tensors, as steps of Burn's automatic differentiation.

mod max_pool;
mod norm;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use burn::tensor::Tensor;

pub(crate) use self::max_pool::max_pool;
use self::norm::Norm;
use crate::memory::Values;
use crate::planar::Planar;
use crate::{Activation, ConvShape, pool};

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

    /// Of which no gradient is recorded.
    fn constant(values: Values) -> Self {
        Self { tensor: Autodiff::<Flex>::from_inner(values.clone().into_tensor()), values }
    }
}

/// The gradient of this step's output.
fn output_gradient<S, const N: usize>(ops: &Ops<S, N>, grads: &mut Gradients) -> Values {
    Values::same_type(grads.consume::<Flex>(&ops.node))
}

#[derive(Debug)]
struct Convolve;

/// A convolution that ran, as its gradients need it.
#[derive(Debug, Clone)]
struct Convolved {
    planar: Planar,
    x: Values,
    weight: Values,
    /// If the activation clamps.
    output: Option<Values>,
}

impl Backward<Flex, 3> for Convolve {
    type State = Convolved;

    fn backward(self, ops: Ops<Convolved, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = output_gradient(&ops, grads);
        let Convolved { planar, x, weight, output } = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = planar.gradients([&x, &weight, &gradient], output.as_ref(), wanted);
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
        // As many as the forward pass and the gradient by the input have taken. The input is the output of another
        // layer.
        pool::give(gradient);
        if let Some(output) = output {
            pool::give(output);
        }
    }
}

/// [`crate::convolve`] on the CPU device, with gradients where they are recorded; `None` elsewhere, and for what the
/// loops do not know.
pub(crate) fn convolve(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    shape: &ConvShape,
) -> Option<Tensor<4>> {
    // The loops know the gradient of a clamp and no other.
    if shape.activation.bounds().is_none() {
        let sums = ConvShape { activation: Activation::None, ..*shape };
        return Some(shape.activation.of_tensor(convolve(x, weight, bias, &sums)?));
    }
    let planar = Planar::of(shape, x.dims(), weight.dims())?;
    if let Some(out) = recorded(x, weight, bias, &planar) {
        return Some(out);
    }
    let bias = match bias {
        Some(bias) => Values::of(bias)?,
        None => Values::zeros(shape.channels_out),
    };
    Some(Tensor::from_primitive::<Flex>(planar.forward(&Values::of(x)?, &Values::of(weight)?, &bias)))
}

/// A convolution whose gradients are recorded; `None` where none are.
fn recorded(x: &Tensor<4>, weight: &Tensor<4>, bias: Option<&Tensor<1>>, planar: &Planar) -> Option<Tensor<4>> {
    let (x, weight) = (Recorded::of(x)?, Recorded::of(weight)?);
    let bias = match bias {
        Some(bias) => Recorded::of(bias)?,
        None => Recorded::constant(Values::zeros(planar.channels_out())),
    };
    let out = planar.forward(&x.values, &weight.values, &bias.values);
    let step = Convolve.prepare::<NoCheckpointing>([x.tensor.node(), weight.tensor.node(), bias.tensor.node()]);
    let out = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let output = if planar.clamps() { Values::new(out.clone()) } else { None };
            step.finish(Convolved { planar: planar.clone(), x: x.values, weight: weight.values, output }, out)
        }
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
        pool::give(gradient);
        ops.state.give();
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
