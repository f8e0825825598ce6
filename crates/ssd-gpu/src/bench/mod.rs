//! Measuring a pipeline: each layer and each stage, by whichever engine, and Burn beside it; on a GPU, its peaks and
//! each way of doing a convolution.
//!
//! A time is the median of several samples, after a warm-up; in a sample the work is repeated until it is long enough
//! for the clock. On a GPU it is put into one pass; where the GPU keeps no time, and for work on the host, the host's
//! clock is read around it and the wait for its end. Native: it waits for the device. Nothing here knows a file, a
//! table or a command line.

mod layers;
mod methods;
mod peak;
mod plan;
mod stages;
mod statistics;
mod stopwatch;

pub use crate::agreement::picture;
pub use layers::{LayerTime, NetworkTimes, Progress};
pub use methods::{MethodTime, ShapeMethods, method_times, method_tolerance, shape_methods};
pub use peak::{Peaks, peaks};
pub use plan::{Convolution, Layer, distinct_dense, layers};
pub use stages::{PartTimes, PostprocessTime, burn_times, part_times};
pub use statistics::{far, median, percentile};
pub use stopwatch::{Budget, Stopwatch};
