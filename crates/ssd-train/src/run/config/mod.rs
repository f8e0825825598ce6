//! The settings of a training run, as given and as saved in `config.json`.
//!
//! Three layers, each overriding the next: flags (`args`), a `--config` file or the `config.json` of a resumed run, a
//! recipe (`recipe`). Names are the same in all: `--batch-size` is `batch_size`. `layers` merges them.

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
