//! How well detections agree with the ground truth: Pascal VOC and COCO average precision, and charts of both.
//!
//! Numbers from boxes, in plain Rust: runs no model and reads no pictures. The same input gives the same [`Report`]
//! whoever produced the detections, so another tool's results are measured alike.
//!
//! Boxes are in pixels of the source picture and in `f64`, as corner and size like COCO's: a matching threshold is a
//! step, and a single rounding could put a box on its other side.
//!
//! [`voc`] and [`coco`] hold one definition each, [`coco_files`] the file formats, `table` the text for a terminal;
//! [`precision_recall`] and [`confusion`] are what [`charts`] draws.

pub mod image_result;

pub mod coco;
pub mod voc;

pub mod report;
mod table;

pub mod coco_files;

pub mod confusion;
pub mod precision_recall;

/// Drawn natively alone: in a browser, plotters has no font of ours.
#[cfg(not(target_family = "wasm"))]
pub mod charts;

#[cfg(test)]
mod speed_tests;

pub use image_result::{DetectionPx, ImageResult};
pub use report::{ClassReport, Report, evaluate};
