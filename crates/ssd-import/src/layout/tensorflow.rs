//! Layouts of TensorFlow Lite files, which are recognised by their graphs and not by names.

use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::Clip;

use super::spec::{Contents, Habits, Layout};

/// A detector that ends with TensorFlow's own post-processing.
pub(crate) static DETECTOR: Layout = Layout {
    name: "tensorflow-lite-ssd",
    maker: "TensorFlow",
    signature: &[],
    arch: |_| Arch::ALL[0],
    rules: |_| (),
    contents: Contents::Detector(HABITS),
};

/// A classifier or a feature extractor.
pub(crate) static TRUNK: Layout = Layout {
    name: "tensorflow-lite-trunk",
    maker: "TensorFlow",
    signature: &[],
    arch: |_| Arch::ALL[0],
    rules: |_| (),
    contents: Contents::Trunk(|_| Ok(None)),
};

/// Each class is suppressed by itself, and from a lower overlap on than the files say: the better of the two on VOC.
pub(crate) const HABITS: Habits =
    Habits { normalization: Normalization::UNIT, clip: Clip::None, sizes: |_| None, iou: 0.45, top_k: 400, max: 200 };
