//! `serve-device`: lends a device of this machine to `train --device remote://HOST:PORT` on another.
//!
//! Serving is Burn's, over WebSocket. Added here: where it listens, who may connect, and what is reported.

use std::io;
use std::net::TcpListener;

use burn::server::{RemoteServer, TokenAuthorizer, WebSocketTransport};
use clap::Parser;
use log::{LevelFilter, Log, Metadata, Record};

use crate::console;
use crate::device::choice::{DeviceChoice, Lender};
use crate::device::open as device;
use crate::failure::Failure;

/// Lends a device of this machine to `train` on another one, until Ctrl-C.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "serve-device",
    after_help = "Whoever can connect can compute on this machine, fill its memory, and have it dial other machines. \
        Everything sent, including the token, travels unencrypted and unsigned. Serve on a network that you trust, or \
        through a tunnel (ssh -L).\n\n\
        Examples:\n  \
        serve-device --device wgpu\n  \
        serve-device --host 0.0.0.0 --port 3000 --token some-secret\n  \
        train --data shapes --device remote://some-secret@192.168.0.7:3000 --out runs/shapes\n\n\
        Prints the address for --device on stdout once it serves; with a token, put TOKEN@ before the host, and \
        replace 0.0.0.0 by this machine's name. Both sides have to be of the same version.\n\n\
        Exit code: 0 ended by Ctrl-C, 1 failed while running, 2 bad usage or bad input."
)]
pub struct ServeArgs {
    /// What to lend: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first
    #[arg(long, default_value_t = DeviceChoice::default())]
    pub device: DeviceChoice,
    /// The address to listen on: this machine alone, or 0.0.0.0 for anyone who can reach it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// The token a client has to present, as in remote://TOKEN@HOST:PORT [default: none]
    #[arg(long)]
    pub token: Option<String>,
}

/// Serves until Ctrl-C, which ends the program.
///
/// # Errors
/// If there is no such device, the port is taken, or the network fails.
pub fn serve(args: &ServeArgs, announce: impl FnOnce(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    // Before opening the device, which takes time.
    let token = args.token.as_deref().map(checked_token).transpose()?;
    let listener = TcpListener::bind((args.host.as_str(), args.port)).map_err(|error| no_listener(args, &error))?;
    let address = listener.local_addr().map_err(Failure::run)?;
    let opened = device::open(&args.device).map_err(Failure::input)?;
    say_what_goes_wrong();
    // Clients see their connection end, and their runs resume from a checkpoint: nothing has to be saved here.
    ctrlc::set_handler(|| std::process::exit(0))
        .map_err(|error| Failure::Run(format!("Ctrl-C cannot be handled: {error}.")))?;

    let server = RemoteServer::new([opened.device]);
    let server = match token {
        Some(token) => server.with_authorizer(token),
        None => server,
    };
    console::note(&format!("Lending {}; Ctrl-C ends it.", opened.name));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| no_runtime(&error))?;
    announce(&format!("{}{address}\n", Lender::SCHEME))?;
    runtime
        .block_on(server.serve_async(WebSocketTransport::from_listener(listener)))
        .map_err(|error| Failure::Run(format!("Serving at {address} ended: {error}; start it again.")))
}

/// A token that can be part of `--device`.
fn checked_token(token: &str) -> Result<TokenAuthorizer, Failure> {
    let refused = || Failure::Input("--token is empty or holds a comma; choose letters and digits.".into());
    if token.contains(',') {
        return Err(refused());
    }
    TokenAuthorizer::new(token).map_err(|_| refused())
}

fn no_listener(args: &ServeArgs, error: &io::Error) -> Failure {
    let (host, port) = (&args.host, args.port);
    Failure::Input(format!("cannot listen on {host} port {port}: {error}; choose another --port or --host."))
}

fn no_runtime(error: &io::Error) -> Failure {
    Failure::Run(format!("no threads could be started to serve with: {error}; end other programs and try again."))
}

/// Reports refused clients and ended sessions on stderr, not as errors: a client that is done just hangs up. A session
/// that panics is among them: Burn ends it and logs why.
fn say_what_goes_wrong() {
    std::panic::set_hook(Box::new(|_| {}));
    // There is no other logger in this program.
    if log::set_logger(&Notes).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

struct Notes;

impl Log for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // A GPU's runtime warns of things that nobody here can fix.
        metadata.level() <= LevelFilter::Warn && metadata.target().starts_with("burn_")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            // How a run's end appears here.
            let left = text.contains("without closing handshake");
            console::note(if left { "A client has left." } else { &text });
        }
    }

    fn flush(&self) {}
}
