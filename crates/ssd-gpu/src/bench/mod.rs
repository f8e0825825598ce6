//! Measuring our kernels on a device: its peaks, each layer, each stage, each way of doing a convolution.
//!
//! A time is taken around work that is repeated inside one pass until the pass is long enough for the device's clock,
//! after a warm-up, and is the median of several. Where the device keeps no time, the host's clock is read around a
//! submit and the wait for it. Nothing here knows a file, a table or a command line, nor Burn's side of a comparison.

mod layers;
mod methods;
mod peak;
mod plan;
mod stages;
mod statistics;
mod stopwatch;

pub use layers::{LayerTime, layer_times};
pub use methods::{MethodTime, ShapeMethods, shape_methods};
pub use peak::{Peaks, peaks};
pub use plan::{DenseShape, Layer, distinct_dense, layers};
pub use stages::{PostprocessTime, StageReport, drawn_predictions, stage_times};
pub use statistics::{far, median, percentile};
pub use stopwatch::{Budget, SAMPLE_MS, Stopwatch};
