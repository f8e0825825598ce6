//! `train`: trains a detector on pictures and boxes. The run itself is [`ssd_train::run::session::train`].

use std::process::ExitCode;

use ssd_train::archs;
use ssd_train::cli::{self, print_json, print_text};
use ssd_train::failure::Failure;
use ssd_train::run::config::TrainArgs;
use ssd_train::run::session::{self, Done};

fn main() -> ExitCode {
    cli::exit(run(&TrainArgs::from_command_line()))
}

fn run(args: &TrainArgs) -> Result<(), Failure> {
    if args.run.arch.as_deref() == Some("list") {
        return if args.json { print_json(&archs::list()) } else { print_text(&archs::table()) };
    }
    match session::train(args)? {
        _ if !args.json => Ok(()),
        Done::Drew(files) => print_json(&files),
        Done::Learned(report) => print_json(&report),
    }
}
