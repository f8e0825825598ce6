//! Pictures with their objects: data sets, augmentation, batches, drawing.
//!
//! Files and pixels on their way to the network, in the order of the modules: [`open`] finds a data set (`formats`
//! reads those on disk, [`shapes`] draws its own), [`augment`] changes its pictures, [`loader`] hands out batches.
//! Holds no tensor and knows no device and no command line. [`scenes`] are the page's samples of everyday things.
//!
//! Boxes are fractions of the picture for learning ([`ssd::boxes`]), source pixels for measuring ([`boxes_px`]).

pub mod atomic_file;
pub mod boxes_px;
mod cut_jpeg;
pub mod error;
pub mod images;
#[cfg(test)]
mod images_tests;
pub mod seeded;

pub mod formats;
pub mod pictures;
pub mod report;
pub mod sample;
pub mod scenes;
pub mod set;
pub mod shapes;

pub mod augment;
pub mod compose;
pub mod loader;

pub mod draw;
pub mod show;

pub use atomic_file::{WriteError, write_atomic, write_atomic_by};
pub use boxes_px::{TruthPx, XywhPx};
pub use compose::Prepared;
pub use error::DataError;
pub use formats::Format;
pub use formats::ids::Id;
pub use formats::split::{Ask, Sides};
pub use loader::{Loader, LoaderConfig};
pub use pictures::{CocoIds, Pictures};
pub use report::{LoadReport, Reason, Skipped};
pub use sample::Sample;
pub use set::{Dataset, is_generated, open};
pub use shapes::Shapes;
