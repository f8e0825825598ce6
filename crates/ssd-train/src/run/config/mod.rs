//! What a training run is: as typed, and as saved in `config.json`.
//!
//! Three layers, each before the one below it: flags (`args`), a `--config` file or the `config.json` of a run that is resumed,
//! a recipe (`recipe`). Names are the same in all: `--batch-size` is `batch_size`. `layers` puts them together.

mod args;
mod command;
mod layers;
mod recipe;
mod settings;
#[cfg(test)]
mod tests;

pub use self::args::{RunArgs, TrainArgs};
pub use self::command::file_name;
pub use self::settings::{Recipe, TrainConfig};
