//! What a layout is made of: for each of our tensors the name that it has in the other file, and the order of its rows there.

use std::collections::HashMap;

/// Where the numbers of one of our tensors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a tensor of the file.
    Tensor {
        /// Its name, without what stands before all names.
        name: String,
        rows: Rows,
    },
    /// There is none: all are 1.
    Ones,
}

/// The order of the rows (output channels) in the other file. `boxes`: priors of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Ours: `k * width + column`, background first.
    Ours,
    /// `column * boxes + k`: NVIDIA's heads.
    BoxInnermost { boxes: usize },
    /// `k * classes + column` with the background behind all other classes: mmdetection's logits.
    BackgroundLast { classes: usize },
}

impl Rows {
    /// Which row of the other file is our `row`, of `count`.
    pub(crate) fn theirs(self, row: usize, count: usize) -> usize {
        match self {
            Self::Ours => row,
            Self::BoxInnermost { boxes } => {
                let width = count / boxes;
                row % width * boxes + row / width
            }
            Self::BackgroundLast { classes } => row / classes * classes + (row % classes + classes - 1) % classes,
        }
    }
}

/// The tensors of a layout by the paths of ours. There may be more than a network has: a bias that one variant lacks.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    origins: HashMap<String, Origin>,
    /// Beginnings of names that belong to the maker's network and not to ours: a classifier.
    ignored: Vec<&'static str>,
}

impl Rules {
    /// Where one of our tensors comes from.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.origins.get(path)
    }

    /// Whether a name is known not to be needed: counters of batch norm, classifiers.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        name.ends_with(".num_batches_tracked") || self.ignored.iter().any(|start| name.starts_with(start))
    }

    pub(crate) fn ignore(&mut self, start: &'static str) {
        self.ignored.push(start);
    }

    pub(crate) fn tensor(&mut self, ours: impl Into<String>, theirs: impl Into<String>, rows: Rows) {
        self.origins.insert(ours.into(), Origin::Tensor { name: theirs.into(), rows });
    }

    pub(crate) fn ones(&mut self, ours: impl Into<String>) {
        self.origins.insert(ours.into(), Origin::Ones);
    }

    /// A convolution with its bias, if there is one.
    pub(crate) fn conv(&mut self, ours: &str, theirs: &str) {
        self.head(ours, theirs, Rows::Ours);
    }

    /// A predicting convolution.
    pub(crate) fn head(&mut self, ours: &str, theirs: &str, rows: Rows) {
        for part in ["weight", "bias"] {
            self.tensor(format!("{ours}.{part}"), format!("{theirs}.{part}"), rows);
        }
    }

    /// Batch norm.
    pub(crate) fn norm(&mut self, ours: &str, theirs: &str) {
        let parts =
            [("gamma", "weight"), ("beta", "bias"), ("running_mean", "running_mean"), ("running_var", "running_var")];
        for (our, their) in parts {
            self.tensor(format!("{ours}.{our}"), format!("{theirs}.{their}"), Rows::Ours);
        }
    }

    /// A convolution with its batch norm: the unit of ours called `ours`.
    pub(crate) fn unit(&mut self, ours: &str, conv: &str, norm: &str) {
        self.conv(&format!("{ours}.conv"), conv);
        self.norm(&format!("{ours}.norm"), norm);
    }

    /// The same where conv and norm are the first two of a sequence called `theirs`.
    pub(crate) fn sequence(&mut self, ours: &str, theirs: &str) {
        self.unit(ours, &format!("{theirs}.0"), &format!("{theirs}.1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_other_orders_are_found() {
        // Two boxes, three columns: theirs are a column's two boxes side by side.
        let found: Vec<usize> = (0..6).map(|row| Rows::BoxInnermost { boxes: 2 }.theirs(row, 6)).collect();
        assert_eq!(found, [0, 2, 4, 1, 3, 5]);
        // Two boxes of three classes, the background behind the other two.
        let found: Vec<usize> = (0..6).map(|row| Rows::BackgroundLast { classes: 3 }.theirs(row, 6)).collect();
        assert_eq!(found, [2, 0, 1, 5, 3, 4]);
    }
}
