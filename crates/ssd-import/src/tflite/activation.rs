//! The activation after a convolution, which files spell in many ways: within the convolution, as a quantised range, as
//! an operator, or as a sum and products of several.

use ssd_cpu::Activation;

use super::graph::Graph;
use super::operator::{Fused, Kind, Operator, number};

/// The activation of a convolution, and the value after it.
pub(super) struct End {
    pub(super) activation: Activation,
    pub(super) output: usize,
    /// How many times larger the file's numbers are than those of `activation`.
    pub(super) gain: f32,
    /// What the bias has more than `activation` adds itself.
    pub(super) excess: f32,
}

/// Looks at what follows a convolution's output; `None` where that is an activation which is not known.
pub(super) fn end(graph: &Graph, output: usize, fused: Fused) -> Option<End> {
    let after = |activation, output| Some(End { activation, output, gain: 1.0, excess: 0.0 });
    let plain = |activation| after(activation, output);
    let (value, users) = (graph.rescaled(output), graph.users(output));
    match (graph.fused(fused, output), users) {
        (Fused::Relu6, users) => match users.first().and_then(|user| sixth(graph, *user, value)) {
            // The addition of 3 is part of the bias.
            Some((output, gain)) if users.len() == 1 => {
                Some(End { activation: Activation::HardSigmoid, output, gain, excess: THREE })
            }
            _ => plain(Activation::Relu6),
        },
        (Fused::Relu, _) => plain(Activation::Relu),
        (Fused::Other, _) => None,
        (Fused::None, [user]) => {
            let next = &graph.operators[*user];
            let activation = match next.kind {
                Kind::Other(number::RELU) => Activation::Relu,
                Kind::Other(number::RELU6) => Activation::Relu6,
                Kind::Other(number::HARD_SWISH) => Activation::HardSwish,
                _ => {
                    let Some(shifted) = shifted(graph, *user, value) else { return plain(Activation::None) };
                    // Without the division it would be an activation of its own.
                    let (output, gain) = divided(graph, shifted)?;
                    return Some(End { activation: Activation::HardSigmoid, output, gain, excess: 0.0 });
                }
            };
            after(activation, next.output()?)
        }
        (Fused::None, [a, b]) => hard_swish(graph, value, [*a, *b])
            .or_else(|| hard_swish(graph, value, [*b, *a]))
            .or_else(|| plain(Activation::None)),
        (Fused::None, _) => plain(Activation::None),
    }
}

/// What hard swish and hard sigmoid add, and divide by.
const THREE: f32 = 3.0;
const SIX: f32 = 6.0;

/// `min(max(value + 3, 0), 6)`, if that is what an operator makes.
fn shifted(graph: &Graph, operator: usize, value: usize) -> Option<usize> {
    let Operator { kind: Kind::Add(fused), .. } = &graph.operators[operator] else { return None };
    let output = graph.operators[operator].output()?;
    let three = graph.beside(operator, value).is_some_and(|number| (number - THREE).abs() < 0.02);
    (three && graph.fused(*fused, output) == Fused::Relu6).then_some(output)
}

/// What an operator makes that divides a value by 6, and its gain: files write a sixth as 0.16667.
fn sixth(graph: &Graph, operator: usize, value: usize) -> Option<(usize, f32)> {
    let gain = graph.beside(operator, value)? * SIX;
    let near = graph.operators[operator].kind == Kind::Multiply(Fused::None) && (gain - 1.0).abs() < 0.02;
    Some((graph.operators[operator].output()?, gain)).filter(|_| near)
}

/// A value after its division by 6, if that is all that follows.
fn divided(graph: &Graph, value: usize) -> Option<(usize, f32)> {
    match graph.users(value) {
        [user] => sixth(graph, *user, graph.rescaled(value)),
        _ => None,
    }
}

/// `value * min(max(value + 3, 0), 6)`, divided by 6 before, after or not at all.
fn hard_swish(graph: &Graph, value: usize, [add, multiply]: [usize; 2]) -> Option<End> {
    let shifted = shifted(graph, add, value)?;
    let before = divided(graph, shifted);
    let product = &graph.operators[multiply];
    let mut taken: Vec<usize> = product.inputs.iter().flatten().copied().collect();
    taken.sort_unstable();
    let mut wanted = [value, graph.rescaled(before.map_or(shifted, |(factor, _)| factor))];
    wanted.sort_unstable();
    if product.kind != Kind::Multiply(Fused::None) || taken != wanted {
        return None;
    }
    let output = product.output()?;
    let (output, gain) = match before {
        Some((_, gain)) => (output, gain),
        None => divided(graph, output).unwrap_or((output, SIX)),
    };
    Some(End { activation: Activation::HardSwish, output, gain, excess: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::super::convolutions::{Convolution, convolutions};
    use super::super::graph::Value;
    use super::super::operator::Window;
    use super::*;
    use crate::dtype::DType;
    use crate::tensor::Quantisation;

    /// Operators between a first and a last convolution of one channel and 1x1; values 0 to 3 are the input, the
    /// weights and the bias of both, and the output of the first.
    struct Between {
        operators: Vec<Operator>,
        values: Vec<Value>,
    }

    fn value(shape: &[usize], constant: Option<usize>, small: &[f32]) -> Value {
        let (shape, small) = (shape.to_vec(), small.to_vec());
        Value { name: String::new(), shape, dtype: DType::F32, quantisation: None, constant, small }
    }

    impl Between {
        fn new(fused: Fused) -> Self {
            let map = || value(&[1, 4, 4, 1], None, &[]);
            let values = vec![map(), value(&[1, 1, 1, 1], Some(0), &[]), value(&[1], Some(1), &[]), map()];
            let mut between = Self { operators: Vec::new(), values };
            between.convolution(0, 3, fused);
            between
        }

        fn convolution(&mut self, input: usize, output: usize, fused: Fused) {
            let window = Window { same: true, stride: [1; 2], dilation: [1; 2], fused };
            let inputs = vec![Some(input), Some(1), Some(2)];
            self.operators.push(Operator { kind: Kind::Convolution(window), inputs, outputs: vec![output] });
        }

        fn push(&mut self, kind: Kind, inputs: &[usize]) -> usize {
            self.values.push(value(&[1, 4, 4, 1], None, &[]));
            let output = self.values.len() - 1;
            let inputs = inputs.iter().copied().map(Some).collect();
            self.operators.push(Operator { kind, inputs, outputs: vec![output] });
            output
        }

        fn constant(&mut self, number: f32) -> usize {
            self.values.push(value(&[], Some(2), &[number]));
            self.values.len() - 1
        }

        /// The two convolutions, the last of which reads `input`.
        fn end(mut self, input: usize) -> Vec<Convolution> {
            self.values.push(value(&[1, 4, 4, 1], None, &[]));
            let output = self.values.len() - 1;
            self.convolution(input, output, Fused::None);
            let found =
                convolutions(&Graph::new(self.operators, self.values, vec![0], None)).expect("it is understood");
            assert_eq!((found.len(), found[1].input), (2, found[0].output), "the last reads what the first ends with");
            found
        }
    }

    const TIMES: Kind = Kind::Multiply(Fused::None);

    #[test]
    fn hard_swish_is_known_however_it_is_spelled() {
        // Undivided, which the next weights make good; divided after or before the product by what files call a sixth.
        for (before, after, gain) in [(None, None, 6.0), (None, Some(0.16667), 1.00002), (Some(1.0 / 6.0), None, 1.0)] {
            let mut between = Between::new(Fused::None);
            let three = between.constant(3.0);
            let mut factor = between.push(Kind::Add(Fused::Relu6), &[3, three]);
            if let Some(sixth) = before {
                let sixth = between.constant(sixth);
                factor = between.push(TIMES, &[factor, sixth]);
            }
            let mut product = between.push(TIMES, &[3, factor]);
            if let Some(sixth) = after {
                let sixth = between.constant(sixth);
                product = between.push(TIMES, &[product, sixth]);
            }
            let found = between.end(product);
            assert_eq!(found[0].activation, Activation::HardSwish);
            assert!((found[1].gain - gain).abs() < 1e-6 && found[0].excess == 0.0, "{}", found[1].gain);
        }
        let mut between = Between::new(Fused::None);
        let output = between.push(Kind::Other(number::HARD_SWISH), &[3]);
        let found = between.end(output);
        assert_eq!((found[0].activation, found[1].gain), (Activation::HardSwish, 1.0));
    }

    #[test]
    fn a_gates_addition_may_be_part_of_the_bias() {
        let mut between = Between::new(Fused::Relu6);
        let sixth = between.constant(1.0 / 6.0);
        let output = between.push(TIMES, &[3, sixth]);
        let found = between.end(output);
        assert_eq!((found[0].activation, found[0].excess), (Activation::HardSigmoid, 3.0));
        let mut between = Between::new(Fused::None);
        let (three, sixth) = (between.constant(3.0), between.constant(1.0 / 6.0));
        let shifted = between.push(Kind::Add(Fused::Relu6), &[3, three]);
        let output = between.push(TIMES, &[shifted, sixth]);
        let found = between.end(output);
        assert_eq!((found[0].activation, found[0].excess), (Activation::HardSigmoid, 0.0));
    }

    #[test]
    fn a_range_of_six_is_relu6_and_any_other_is_none() {
        for (scale, zero_point, activation) in
            [(6.0 / 255.0, 0.0, Activation::Relu6), (1.0, 0.0, Activation::None), (0.05, 120.0, Activation::None)]
        {
            let mut between = Between::new(Fused::None);
            between.values[3].dtype = DType::U8;
            let quantisation = Quantisation { scales: vec![scale], zero_points: vec![zero_point], axis: 0 };
            between.values[3].quantisation = Some(quantisation);
            assert_eq!(between.end(3)[0].activation, activation, "{scale}");
        }
    }
}
