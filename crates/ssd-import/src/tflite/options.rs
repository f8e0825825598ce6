//! The options of TensorFlow's post-processing of SSD.

use std::collections::BTreeMap;

/// What `TFLite_Detection_PostProcess` is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// Classes without background.
    pub(crate) classes: usize,
    /// Divisors of the offsets in the order y, x, h, w: the inverse of variances.
    pub(crate) scales: [f64; 4],
    /// Detections in a picture.
    pub(crate) most: usize,
    /// Whether each class is suppressed by itself; else the best class of each prior takes part, against all others.
    pub(crate) regular: bool,
}

impl Options {
    /// From its map; `None` where a number is missing or none. Files before 2019 do not have the last.
    pub(super) fn of(numbers: &BTreeMap<String, f64>) -> Option<Self> {
        let number = |name: &str| numbers.get(name).copied();
        let count = |name: &str| number(name).filter(|count| (1.0..=MOST).contains(count)).map(|count| count as usize);
        let scale = |name: &str| number(name).filter(|scale| *scale > 0.0 && scale.is_finite());
        Some(Self {
            classes: count("num_classes")?,
            scales: [scale("y_scale")?, scale("x_scale")?, scale("h_scale")?, scale("w_scale")?],
            most: count("max_detections")?,
            regular: number("use_regular_nms").is_some_and(|regular| regular != 0.0),
        })
    }
}

/// More than any network has of classes or detections.
const MOST: f64 = 1e6;
