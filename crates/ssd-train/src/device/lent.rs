//! Devices that other processes lend (`serve-device`): opening one, and a run that ends with a sentence when one is gone.
//!
//! The device itself is Burn's: operations go to the lender, and what is read comes back. How it says that the lender has gone is
//! ours to mend. A broken connection is a panic at the next read, in whatever thread reads; a lender that holds the connection
//! and stands still (stopped, or behind a pulled cable) is a wait without end. So a run gets a thread of its own, whose panic is
//! caught, and this one asks the lenders from time to time whether they answer.
//!
//! What it is not: it repeats nothing and moves nothing to another device. A run goes on from its last checkpoint.

use std::any::Any;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::device::choice::Lender;

/// Between two questions to each lender.
const PAUSE: Duration = Duration::from_secs(3);

/// How long a lender may take to answer. It computes beside, and may have no core to spare for a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// A lent device that cannot be used, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LentError {
    /// Not there at the start.
    #[error("nothing answers at {lender} ({reason}); start serve-device there, or correct --device")]
    Absent {
        /// The address.
        lender: Lender,
        /// In the system's words.
        reason: io::Error,
    },
    /// Something is there, and opens no session.
    #[error(
        "{lender} lends no device ({reason}); it has to be a serve-device of this version, started with the same token"
    )]
    Refused {
        /// The address.
        lender: Lender,
        /// In the runtime's words.
        reason: String,
    },
    /// This build cannot.
    #[error(
        "this build takes no lent devices: build with the feature `remote` (cargo build --release --features remote), or use a device of this machine"
    )]
    NotBuilt,
    /// Gone in the middle of a run.
    #[error(
        "the device {lender} does not answer any more ({reason}); the last checkpoint is unharmed, start serve-device there again and go on with --resume"
    )]
    Gone {
        /// The address.
        lender: Lender,
        /// In the system's words.
        reason: io::Error,
    },
    /// The run panicked, and all lenders are there.
    #[error(
        "the run broke off ({reason}); the last checkpoint is unharmed, see what serve-device says and go on with --resume"
    )]
    Broken {
        /// The panic's message.
        reason: String,
    },
    /// No thread for the run.
    #[error("the system gives no thread ({0}); end other programs and try again")]
    NoThread(io::Error),
}

/// Opens the device that `lender` lends.
///
/// # Errors
///
/// When the build has no lent devices, nobody answers, or the one who answers opens no session.
#[cfg(feature = "remote")]
pub fn connect(lender: &Lender) -> Result<burn::tensor::Device, LentError> {
    use burn::tensor::Device;
    use burn::tensor::remote::RemoteHost;

    // Burn would try for a quarter of a minute, and wait for the answer without end.
    ask(&addresses(lender)).map_err(|reason| LentError::Absent { lender: lender.clone(), reason })?;
    let host = RemoteHost::websocket(&format!("ws://{}", lender.address()));
    let host = match lender.token() {
        Some(token) => host.with_credential(token),
        None => host,
    };
    let refused = |reason: burn::tensor::remote::ConnectError| LentError::Refused {
        lender: lender.clone(),
        reason: reason.to_string(),
    };
    Device::remote_options(&host).init().map_err(refused)
}

/// Without the feature `remote` there are none.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "remote"))]
pub fn connect(_: &Lender) -> Result<burn::tensor::Device, LentError> {
    Err(LentError::NotBuilt)
}

/// Runs `work`, which uses the devices of `lenders` and raises `are_open` when it has opened them: from then on they are asked.
/// Without lenders that is all.
///
/// # Errors
///
/// When `work` panics, or a lender does not answer for `PATIENCE`. In the second case `work` still runs, and the program is to end.
pub fn guarded<T: Send + 'static>(
    lenders: &[Lender],
    are_open: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LentError> {
    if lenders.is_empty() {
        return Ok(work());
    }
    let first_panic = record_panics();
    let (sender, result) = channel();
    // Whoever waits for the result may have given up.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name("run".into()).spawn(work).map_err(LentError::NoThread)?;
    loop {
        let ended = result.recv_timeout(PAUSE);
        if let Ok(value) = ended {
            return Ok(value);
        }
        if are_open.load(Ordering::Relaxed)
            && let Some(gone) = gone(lenders)
        {
            // It may have ended meanwhile.
            return result.try_recv().map_err(|_| gone);
        }
        if ended.is_err_and(|error| error == RecvTimeoutError::Disconnected) {
            let reason = first_panic.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(LentError::Broken { reason: reason.unwrap_or_else(|| "without a reason".into()) });
        }
    }
}

/// The first of `lenders` that does not answer, as an error.
pub fn gone(lenders: &[Lender]) -> Option<LentError> {
    let failed =
        |lender: &Lender| Some(LentError::Gone { lender: lender.clone(), reason: ask(&addresses(lender)).err()? });
    lenders.iter().find_map(failed)
}

/// For the rest of the program a panic prints nothing, as its sentence comes from who catches it, unless RUST_BACKTRACE asks for more. The first
/// one is kept: others follow from it.
fn record_panics() -> Arc<Mutex<Option<String>>> {
    let first = Arc::new(Mutex::new(None));
    let kept = first.clone();
    let loud = std::env::var_os("RUST_BACKTRACE").map(|_| panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert_with(|| panic_message(info.payload()).to_owned());
        if let Some(loud) = &loud {
            loud(info);
        }
    }));
    first
}

/// What a panic says, as far as it is for people: Burn's tells programmers what to call, and goes on with a value's inside and a
/// backtrace.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    for_people(text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message"))
}

/// The part of a message of Burn's that is for people.
pub(crate) fn for_people(text: &str) -> &str {
    if text.starts_with("Error while reading data") {
        return "a read from it failed";
    }
    let end = text.find(['{', '\n']).unwrap_or(text.len());
    text[..end].trim_end_matches([':', ' '])
}

/// Where a lender may be; an error is kept for who asks.
fn addresses(lender: &Lender) -> io::Result<Vec<SocketAddr>> {
    Ok(lender.address().to_socket_addrs()?.collect())
}

/// Whether a lender answers: its connection speaks HTTP before it is a session, and any answer is one, the usual one that there is
/// no such page. That its device still computes is not known from this.
fn ask(addresses: &io::Result<Vec<SocketAddr>>) -> io::Result<()> {
    let addresses = addresses.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match ask_at(address) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask_at(address: &SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lender\r\nConnection: close\r\n\r\n")?;
    match stream.read(&mut [0; 1]) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closes the connection")),
        Ok(_) => Ok(()),
        // What the system calls it differs.
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
        Err(error) => Err(error),
    }
}
