//! What a layout is made of: for each of our tensors its name in the other file, and the order of its rows there.

use std::collections::HashMap;

use ssd::Arch;

/// Where the numbers of one of our tensors come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// From a tensor of the file.
    Tensor {
        /// Its name, without the prefix of all names.
        name: String,
        order: Order,
    },
    /// The file has none: all numbers are the same.
    Constant(f32),
}

/// The order of the rows (output channels) in the other file. `boxes`: priors of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ours: `k * width + column`, background first.
    Ours,
    /// `column * boxes + k`: NVIDIA's heads.
    BoxInnermost { boxes: usize },
    /// `k * classes + column` with the background after all other classes: mmdetection's logits.
    BackgroundLast { boxes: usize },
}

impl Order {
    /// Which of the other file's `count` rows is our `row`.
    fn theirs(self, row: usize, count: usize) -> usize {
        match self {
            Self::Ours => row,
            Self::BoxInnermost { boxes } => {
                let width = count / boxes;
                row % width * boxes + row / width
            }
            Self::BackgroundLast { boxes } => {
                let classes = count / boxes;
                row / classes * classes + (row % classes + classes - 1) % classes
            }
        }
    }

    /// Numbers of the other file in our order, which are a tensor of that shape.
    pub(crate) fn to_ours(self, values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
        let count = shape.first().copied().unwrap_or(0);
        if self == Self::Ours || count == 0 {
            return values;
        }
        let width = values.len() / count;
        (0..count).flat_map(|row| values[self.theirs(row, count) * width..][..width].iter().copied()).collect()
    }
}

/// The tensors of a layout by our paths. There may be more than a network has: a bias that one variant lacks.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The network in the file.
    pub(super) arch: Arch,
    origins: HashMap<String, Origin>,
    /// How names start that belong to the maker's network and not to ours: a classifier.
    ignored: Vec<&'static str>,
}

impl Rules {
    pub(super) fn new(arch: Arch) -> Self {
        Self { arch, origins: HashMap::new(), ignored: Vec::new() }
    }

    /// Priors in a cell of each feature map.
    pub(crate) fn boxes(&self) -> Vec<usize> {
        self.arch.prior_scheme().levels.iter().map(|level| level.boxes.len()).collect()
    }

    /// Where one of our tensors comes from.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.origins.get(path)
    }

    /// Whether a tensor is known not to be needed: counters of batch norm, classifiers.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        name.ends_with(".num_batches_tracked") || self.ignored.iter().any(|start| name.starts_with(start))
    }

    /// All names of the other file.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.origins.values().filter_map(|origin| match origin {
            Origin::Tensor { name, .. } => Some(name.as_str()),
            Origin::Constant(_) => None,
        })
    }

    pub(super) fn ignore(&mut self, start: &'static str) {
        self.ignored.push(start);
    }

    pub(super) fn tensor(&mut self, ours: impl Into<String>, theirs: impl Into<String>, order: Order) {
        self.origins.insert(ours.into(), Origin::Tensor { name: theirs.into(), order });
    }

    pub(super) fn ones(&mut self, ours: impl Into<String>) {
        self.origins.insert(ours.into(), Origin::Constant(1.0));
    }

    /// A convolution with its bias, if there is one.
    pub(super) fn conv(&mut self, ours: &str, theirs: &str) {
        self.head(ours, theirs, Order::Ours);
    }

    /// The convolution of a head.
    pub(super) fn head(&mut self, ours: &str, theirs: &str, order: Order) {
        for part in ["weight", "bias"] {
            self.tensor(format!("{ours}.{part}"), format!("{theirs}.{part}"), order);
        }
    }

    /// Batch norm.
    pub(super) fn norm(&mut self, ours: &str, theirs: &str) {
        let parts =
            [("gamma", "weight"), ("beta", "bias"), ("running_mean", "running_mean"), ("running_var", "running_var")];
        for (our, their) in parts {
            self.tensor(format!("{ours}.{our}"), format!("{theirs}.{their}"), Order::Ours);
        }
    }

    /// A convolution with its batch norm.
    pub(super) fn unit(&mut self, ours: &str, conv: &str, norm: &str) {
        self.conv(&format!("{ours}.conv"), conv);
        self.norm(&format!("{ours}.norm"), norm);
    }

    /// The same where conv and norm are the first two of a sequence called `theirs`.
    pub(super) fn sequence(&mut self, ours: &str, theirs: &str) {
        self.unit(ours, &format!("{theirs}.0"), &format!("{theirs}.1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_other_orders_are_found() {
        let theirs: Vec<f32> = (0..6).map(|row| row as f32).collect();
        // Two boxes, three columns: theirs are a column's two boxes side by side.
        let found = Order::BoxInnermost { boxes: 2 }.to_ours(theirs.clone(), &[6, 1]);
        assert_eq!(found, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        // Two boxes of three classes, the background after the other two.
        let found = Order::BackgroundLast { boxes: 2 }.to_ours(theirs, &[6]);
        assert_eq!(found, [2.0, 0.0, 1.0, 5.0, 3.0, 4.0]);
    }
}
