//! `cargo xtask serve`: the page on this machine, rebuilt when a source changes, with the profile `serve`: quick to
//! build.

use std::net::IpAddr;

use anyhow::Result;
use clap::Args;

use crate::{build, shell, tools};

/// Where to serve.
#[derive(Args)]
pub struct Options {
    /// Address to listen on; 0.0.0.0 lets other machines in (browsers give WebGPU only to https and to this machine)
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Port to listen on
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Open the page in the default browser
    #[arg(long)]
    open: bool,
}

/// Builds and serves the page until interrupted, after installing what that takes.
pub fn run(options: &Options) -> Result<()> {
    tools::ensure_page_tools()?;
    let (address, port) = (options.address.to_string(), options.port.to_string());
    let mut trunk = build::trunk(&["serve", "--cargo-profile", "serve", "--address", &address, "--port", &port]);
    if options.open {
        trunk.arg("--open");
    }
    let host = if options.address.is_ipv6() { format!("[{address}]") } else { address.clone() };
    eprintln!("http://{host}:{port}/ will show the page when its build is done; Ctrl-C ends the server");
    shell::run(&mut trunk)
}
