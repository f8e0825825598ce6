//! Detecting with a weights file on a device: picture in, detections out.

pub mod detector;

pub mod engine;

pub mod nms;

pub mod report;

pub mod tiled;

pub mod tracks;
