//! Detecting with a weights file on a device: picture in, detections out.

pub mod ahead;

pub mod detector;

pub mod drawn;

pub mod engine;

pub mod files;

pub mod nms;

pub mod predictions;

pub mod report;

pub mod set;

pub mod tiled;

pub mod tracks;
