//! Priors (the paper's default boxes): their places and sizes, as data.
//!
//! A [`PriorScheme`] is saved in the weights file. "The 8,732 priors of SSD300" are six different sets among the ports:
//! sizes, steps and clipping differ, and a checkpoint needs its own. Order, as in caffe: level, row, column, then the
//! boxes of a cell: the small square, the larger square, then for each ratio the wide box and the tall one, or as they
//! are listed.

use serde::{Deserialize, Serialize};

use crate::boxes::CenterBox;

/// One feature map's priors. Sizes are fractions of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorLevel {
    /// The map has `grid` x `grid` cells.
    pub grid: usize,
    /// Distance of two centres as a fraction of the input. `None` divides the input evenly, which may differ: the
    /// reference has 32/300 for a grid of 10.
    pub step: Option<f64>,
    /// The boxes of a cell.
    #[serde(flatten)]
    pub boxes: CellBoxes,
}

/// The boxes of each cell of a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CellBoxes {
    /// The paper's: two squares, and a wide and a tall box for each ratio.
    Ratios {
        /// Side of the small square.
        size: f64,
        /// The larger square has the side `sqrt(size * next_size)`.
        next_size: f64,
        /// For each ratio `r` a wide box `size * sqrt(r)` by `size / sqrt(r)`, and its tall twin.
        ratios: Vec<f64>,
    },
    /// Any: TensorFlow's.
    Sizes {
        /// Width and height of each.
        sizes: Vec<[f64; 2]>,
    },
}

impl CellBoxes {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Ratios { ratios, .. } => 2 + 2 * ratios.len(),
            Self::Sizes { sizes } => sizes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All numbers that they are made of.
    pub(crate) fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Ratios { size, next_size, ratios } => [&[*size, *next_size], &ratios[..]].concat(),
            Self::Sizes { sizes } => sizes.as_flattened().to_vec(),
        }
    }

    /// Width and height of each.
    fn sizes(&self) -> Vec<[f64; 2]> {
        let (size, next_size, ratios) = match self {
            Self::Sizes { sizes } => return sizes.clone(),
            Self::Ratios { size, next_size, ratios } => (size, next_size, ratios),
        };
        let mut sizes = vec![[*size; 2], [(size * next_size).sqrt(); 2]];
        for ratio in ratios {
            let (long, short) = (size * ratio.sqrt(), size / ratio.sqrt());
            sizes.extend([[long, short], [short, long]]);
        }
        sizes
    }
}

/// How priors that reach over the border of the picture are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clip {
    /// Not at all: caffe's VGG models.
    None,
    /// Width and height are limited to 1: torchvision.
    Size,
    /// Centre, width and height are limited to `0..1`: ssd.pytorch, pytorch-ssd, lufficc.
    All,
}

/// All that a set of priors is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorScheme {
    /// One for each feature map, finest first.
    pub levels: Vec<PriorLevel>,
    /// At the border.
    pub clip: Clip,
    /// The codec's variances.
    pub variances: crate::codec::Variances,
    /// Every prior as centre x, centre y, width and height, where they follow from no rule: a file of others may hold
    /// rounded ones. The levels then say on which cells they stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Vec<[f32; 4]>>,
}

impl PriorScheme {
    /// The number of priors: the `P` of shapes.
    pub fn len(&self) -> usize {
        self.levels.iter().map(|level| level.grid * level.grid * level.boxes.len()).sum()
    }

    /// Whether the scheme has no prior at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All priors, in the order of the heads' outputs. Computed in `f64`, rounded once.
    pub fn priors(&self) -> Vec<CenterBox> {
        if let Some(listed) = &self.listed {
            return listed.iter().map(|[cx, cy, w, h]| CenterBox::new(*cx, *cy, *w, *h)).collect();
        }
        self.levels.iter().flat_map(|level| level_priors(level, self.clip)).collect()
    }
}

fn level_priors(level: &PriorLevel, clip: Clip) -> Vec<CenterBox> {
    let step = level.step.unwrap_or(1.0 / level.grid as f64);
    let sizes = level.boxes.sizes();
    let mut priors = Vec::with_capacity(level.grid * level.grid * sizes.len());
    for row in 0..level.grid {
        for column in 0..level.grid {
            let (cx, cy) = ((column as f64 + 0.5) * step, (row as f64 + 0.5) * step);
            priors.extend(sizes.iter().map(|&[w, h]| clipped([cx, cy, w, h], clip)));
        }
    }
    priors
}

fn clipped([cx, cy, w, h]: [f64; 4], clip: Clip) -> CenterBox {
    let centre = |v: f64| if clip == Clip::All { v.clamp(0.0, 1.0) } else { v };
    let size = |v: f64| if clip == Clip::None { v } else { v.clamp(0.0, 1.0) };
    CenterBox::new(centre(cx) as f32, centre(cy) as f32, size(w) as f32, size(h) as f32)
}
