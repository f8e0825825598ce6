//! `serve-device`: lends a device to `train` on another machine. The work is `ssd_train::device::serve`.

use std::process::ExitCode;

use clap::Parser as _;
use ssd_train::cli;
use ssd_train::device::serve;

fn main() -> ExitCode {
    cli::exit(serve::serve(&serve::ServeArgs::parse(), cli::print_text))
}
