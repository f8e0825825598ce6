//! Max pooling as a step of Burn's automatic differentiation.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;

use super::{Recorded, output_gradient};
use crate::memory::{Values, primitive};
use crate::{Pool, pool, pooling};

#[derive(Debug)]
struct MaxPool;

/// A pooling that ran, as its gradient needs it.
#[derive(Debug, Clone)]
struct Pooled {
    pool: Pool,
    x: Values,
    y: Values,
}

impl Backward<Flex, 1> for MaxPool {
    type State = Pooled;

    fn backward(self, ops: Ops<Pooled, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = output_gradient(&ops, grads);
        let Pooled { pool, x, y } = ops.state;
        let shape @ [_, _, height, width] = x.shape();
        if let [Some(node)] = ops.parents {
            let by_input = pooling::backward(&pool, x.slice(), [height, width], y.slice(), gradient.slice());
            grads.register::<Flex>(node.id, primitive(by_input, shape));
        }
        pool::give(gradient);
        pool::give(y);
    }
}

/// [`crate::max_pool`] on the CPU device, with gradients where they are recorded; `None` elsewhere.
pub(crate) fn max_pool(x: &Tensor<4>, pool: &Pool) -> Option<Tensor<4>> {
    let [batch, channels, height, width] = x.dims();
    let [height_out, width_out] = pool.size_out([height, width]);
    if [batch, channels, height_out, width_out].contains(&0) {
        return None;
    }
    let run = |x: &Values| {
        primitive(pooling::forward(pool, x.slice(), [height, width]), [batch, channels, height_out, width_out])
    };
    let Some(x_recorded) = Recorded::of(x) else {
        return Some(Tensor::from_primitive::<Flex>(run(&Values::of(x)?)));
    };
    let Recorded { tensor, values } = x_recorded;
    let y = run(&values);
    let step = MaxPool.prepare::<NoCheckpointing>([tensor.node()]);
    let y = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let kept = Values::same_type(y.clone());
            step.finish(Pooled { pool: *pool, x: values, y: kept }, y)
        }
        OpsKind::UnTracked(step) => step.finish(y),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(y))
}
