//! `train`: learns a detector from pictures and boxes. The run itself is [`ssd_train::session::train`].

use std::process::ExitCode;

use clap::Parser as _;
use ssd_train::cli;
use ssd_train::config::TrainArgs;
use ssd_train::session;

fn main() -> ExitCode {
    cli::exit(session::train(&TrainArgs::parse()))
}
