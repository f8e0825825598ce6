//! From the post-processing back to the convolutions whose outputs it takes.

use super::convolutions::Convolution;
use super::graph::Graph;
use super::operator::{Kind, Operator, name, number};
use super::options::Options;

/// What a detector ends with.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) options: Options,
    /// The priors among the tensors of the file.
    pub(crate) priors: usize,
    /// Columns of the scores, background included if the file has one.
    pub(crate) columns: usize,
    /// The heads, finest map first.
    pub(crate) heads: Vec<Head>,
}

/// The two branches on one map.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) boxes: Branch,
    pub(crate) classes: Branch,
}

/// Convolutions by their places in the list.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    /// The depthwise one before it, if it has one.
    pub(crate) depthwise: Option<usize>,
    /// The one whose outputs are the predictions.
    pub(crate) predictor: usize,
}

impl Head {
    /// All its convolutions.
    pub(crate) fn places(&self) -> Vec<usize> {
        [&self.boxes, &self.classes]
            .into_iter()
            .flat_map(|branch| branch.depthwise.into_iter().chain([branch.predictor]))
            .collect()
    }
}

impl Branch {
    /// The one that reads the map.
    pub(crate) fn first(&self) -> usize {
        self.depthwise.unwrap_or(self.predictor)
    }
}

/// Finds it; `None` where nothing is post-processed, a sentence where it is not understood.
pub(crate) fn tail(graph: &Graph, convolutions: &[Convolution]) -> Option<Result<Tail, String>> {
    let mut operators = graph.operators.iter().enumerate();
    operators.find_map(|(at, operator)| match &operator.kind {
        Kind::PostProcess(options) => Some(read(graph, convolutions, (at, operator), options)),
        _ => None,
    })
}

fn read(
    graph: &Graph,
    convolutions: &[Convolution],
    (at, operator): (usize, &Operator),
    options: &Options,
) -> Result<Tail, String> {
    let [Some(boxes), Some(scores), Some(priors)] = operator.inputs[..] else {
        return Err("its post-processing does not take boxes, scores and priors".into());
    };
    let priors = graph.constant(priors, at).ok_or("its priors are no constant")?;
    let columns = graph.values[scores].shape.last().copied().unwrap_or(0);
    let branches = |value, sigmoid| {
        let values = levels(graph, (value, at), sigmoid)?;
        values.into_iter().map(|value| branch(graph, convolutions, value)).collect::<Result<Vec<_>, String>>()
    };
    let (boxes, classes) = (branches(boxes, false)?, branches(scores, true)?);
    if boxes.len() != classes.len() {
        let (boxes, classes) = (boxes.len(), classes.len());
        return Err(format!("it has {boxes} heads for boxes and {classes} for classes"));
    }
    let heads = boxes.into_iter().zip(classes).map(|(boxes, classes)| Head { boxes, classes }).collect();
    Ok(Tail { options: options.clone(), priors, columns, heads })
}

/// A value, and the operator before which it is made.
type Place = (usize, usize);

/// The outputs of the heads that are put one after the other. Scores are a sigmoid, before that or after.
fn levels(graph: &Graph, value: Place, sigmoid: bool) -> Result<Vec<Place>, String> {
    let (value, before) = back(graph, value);
    let parts = match graph.maker(value.0, value.1) {
        Some((at, operator)) if matches!(operator.kind, Kind::Concatenation(1 | -2 | -3)) => {
            operator.inputs.iter().flatten().map(|input| (*input, at)).collect()
        }
        _ => vec![value],
    };
    let mut found = Vec::new();
    for part in parts {
        let (value, within) = back(graph, part);
        if before + within != usize::from(sigmoid) {
            return Err(
                "its scores are not each the sigmoid of a number, as TensorFlow's SSD with MobileNets has them".into(),
            );
        }
        found.push(value);
    }
    Ok(found)
}

/// A value before changes of its form and scale, and how many sigmoids are on the way.
fn back(graph: &Graph, (mut value, mut at): Place) -> (Place, usize) {
    let mut sigmoids = 0;
    while let Some((maker, operator)) = graph.maker(value, at)
        && (operator.rescales() || [number::RESHAPE, number::SQUEEZE, number::LOGISTIC].iter().any(|n| operator.is(*n)))
        && let Some(input) = operator.input(0)
    {
        sigmoids += usize::from(operator.is(number::LOGISTIC));
        (value, at) = (input, maker);
    }
    ((value, at), sigmoids)
}

/// The convolutions of a branch.
fn branch(graph: &Graph, convolutions: &[Convolution], (value, at): Place) -> Result<Branch, String> {
    let Some((maker, operator)) = graph.maker(value, at) else {
        return Err("it holds the post-processing alone, without the network before it".into());
    };
    let found = convolutions.iter().position(|convolution| convolution.operator == maker);
    let predictor = found.ok_or_else(|| format!("its predictions are made by {}", name(&operator.kind)))?;
    let input = convolutions[predictor].input;
    let alone = convolutions.iter().filter(|convolution| convolution.input == input).count() == 1;
    let before = convolutions.iter().position(|convolution| convolution.output == input && convolution.depthwise);
    Ok(Branch { depthwise: before.filter(|_| alone), predictor })
}
