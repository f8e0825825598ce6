//! How well detections agree with the ground truth: Pascal VOC and COCO average precision, and charts of both.
//!
//! What it is: numbers out of boxes, in plain Rust. What it is not: it runs no model and reads no pictures. The same input
//! gives the same [`Report`] whoever produced the detections, so a file of another tool's results is measured alike.
//!
//! Boxes are in pixels of the source picture and in `f64`, corner and size as COCO files have them: a matching threshold
//! is a step, and one rounding more or less would put a box on the other side of it.
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

pub mod charts;

#[cfg(test)]
mod speed_tests;

pub use image_result::{DetectionPx, ImageResult};
pub use report::{ClassReport, Report, evaluate};
