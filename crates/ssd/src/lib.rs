//! SSD, the single shot multibox detector, as data and arithmetic.
//!
//! What it is: the networks, their priors, the box codec, matching, loss, and the reference meaning of the
//! post-processing. What it is not: it knows no wgpu, no file, no clock and no thread, and draws random numbers in one
//! place only, where a network is made ([`Ssd::new`]), from the seed of its device.
//!
//! Letters in shapes: `B` pictures in a batch, `P` priors, `C` logits of a prior (one for each class, before them the
//! background's where scores are a softmax), `H` and `W` a map's grid. Boxes are fractions of the picture, `0..1`,
//! unless a name ends in `_px`. Paper: Liu et al., "SSD: Single Shot MultiBox Detector", arXiv 1512.02325v5.

mod names;

// What all stages share.
pub mod arch;
pub mod boxes;
pub mod codec;
pub mod priors;

// Inference: pixels, network, decode, NMS.
pub mod preprocess;

pub mod model;

pub mod cpu_network;

pub mod postprocess;

pub mod tiles;

// Training: priors matched to objects, and the loss.
pub mod matching;

pub mod loss;

// Both: a detector as bytes, and errors for people.
pub mod weights;

mod sentence;

pub use arch::Arch;
pub use boxes::{CenterBox, CornerBox, Detection, GroundTruth};
pub use model::{Predictions, Ssd};
pub use sentence::sentence;
