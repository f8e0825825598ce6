//! The tensors of a weights file, each with where its numbers come from.

use ssd::model::TensorSpec;

use crate::error::{FileError, quoted};
use crate::file::TensorFile;
use crate::layout::Order;
use crate::tensor::TensorInfo;

/// One of our tensors, and where its numbers come from.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) spec: TensorSpec,
    pub(super) from: Numbers,
}

/// Where numbers come from.
#[derive(Debug)]
pub(super) enum Numbers {
    Tensor(TensorInfo, Order),
    /// A tensor of TensorFlow Lite, which differs by more than the order of its rows.
    TensorFlow(TensorInfo, Recipe),
    Constant(f32),
}

/// How a tensor of TensorFlow Lite becomes ours: `factor * number + shift`, in another order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    pub(super) axes: Axes,
    /// Which of the file's outputs becomes each of ours; empty where all do in their order.
    pub(super) rows: Vec<usize>,
    pub(super) factor: f32,
    pub(super) shift: f32,
}

/// The order of a tensor's sides in TensorFlow Lite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axes {
    /// Outputs, rows, columns, inputs.
    Dense,
    /// 1, rows, columns, outputs.
    Depthwise,
    /// Outputs alone.
    Bias,
}

impl Recipe {
    /// Numbers of the file in our order, outputs, inputs, rows, columns. `shape` is the file's; it has to have as many.
    fn to_ours(&self, values: &[f32], shape: &[usize]) -> Vec<f32> {
        // Numbers of an output, and from one to the next: between outputs, inputs, and taps.
        let (outputs, inputs, taps, steps) = match (self.axes, shape) {
            (Axes::Dense, [outputs, rows, columns, inputs]) => {
                let taps = rows * columns;
                (*outputs, *inputs, taps, [taps * inputs, 1, *inputs])
            }
            (Axes::Depthwise, [_, rows, columns, outputs]) => (*outputs, 1, rows * columns, [1, 0, *outputs]),
            _ => (values.len(), 1, 1, [1, 0, 0]),
        };
        let all: Vec<usize>;
        let rows = if self.rows.is_empty() {
            all = (0..outputs).collect();
            &all
        } else {
            &self.rows
        };
        let number = |place: usize| self.factor * values.get(place).copied().unwrap_or(f32::NAN) + self.shift;
        let mut ours = Vec::with_capacity(rows.len() * inputs * taps);
        for row in rows {
            for input in 0..inputs {
                ours.extend((0..taps).map(|tap| number(row * steps[0] + input * steps[1] + tap * steps[2])));
            }
        }
        ours
    }
}

impl Piece {
    /// Reads its numbers, in our order.
    pub(super) fn read(&self, file: &TensorFile) -> Result<Vec<f32>, FileError> {
        Ok(match &self.from {
            Numbers::Tensor(info, order) => order.to_ours(file.read_f32(info)?, &self.spec.shape),
            Numbers::TensorFlow(info, recipe) => recipe.to_ours(&file.read_f32(info)?, &info.shape),
            Numbers::Constant(value) => vec![*value; self.spec.shape.iter().product()],
        })
    }

    /// The name by which the user knows it: the file's.
    pub(super) fn name(&self) -> String {
        match &self.from {
            Numbers::Tensor(info, _) | Numbers::TensorFlow(info, _) => quoted(&info.name),
            Numbers::Constant(_) => self.spec.path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(axes: Axes, rows: &[usize], shape: &[usize]) -> Vec<f32> {
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|place| place as f32).collect();
        Recipe { axes, rows: rows.to_vec(), factor: 1.0, shift: 0.0 }.to_ours(&values, shape)
    }

    #[test]
    fn sides_and_rows_change_their_order() {
        // Two outputs of 1 x 2 taps and three inputs.
        let dense = ours(Axes::Dense, &[], &[2, 1, 2, 3]);
        assert_eq!(dense, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0, 7.0, 10.0, 8.0, 11.0]);
        assert_eq!(ours(Axes::Dense, &[1], &[2, 1, 2, 3]), dense[6..]);
        assert_eq!(ours(Axes::Depthwise, &[], &[1, 2, 1, 3]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(ours(Axes::Bias, &[2, 0], &[3]), [2.0, 0.0]);
    }

    #[test]
    fn numbers_are_scaled_and_shifted() {
        let recipe = Recipe { axes: Axes::Bias, rows: vec![], factor: 6.0, shift: -3.0 };
        assert_eq!(recipe.to_ours(&[0.5, 1.0], &[2]), [0.0, 3.0]);
    }
}
