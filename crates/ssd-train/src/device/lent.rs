//! Devices that other processes lend (`serve-device`): opening one, and ending a run with a sentence when one is gone.
//!
//! The device itself is Burn's: operations go to the lender, results come back. What is added here is noticing that a
//! lender has gone. A broken connection is a panic at the next read, in whatever thread reads; a lender that keeps the
//! connection but stands still (stopped, or its cable pulled) is an endless wait. So a run gets a thread of its own,
//! whose panic is caught, while this one asks the lenders now and then whether they answer.
//!
//! Repeats nothing and moves nothing to another device: a run resumes from its last checkpoint.

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

/// Pause between two queries to each lender.
const PAUSE: Duration = Duration::from_secs(3);

/// Longest wait for an answer. The lender is computing, and may have no core to spare for a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest wait for a run whose lender has gone. With a broken connection it ends by itself, at its next read.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A lent device that cannot be used, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LentError {
    /// No answer at the start: the system's reason.
    #[error("nothing answers at {0} ({1}); start serve-device there, or correct --device")]
    Absent(Lender, io::Error),
    /// Something answers but opens no session: the runtime's reason.
    #[error("{0} lends no device ({1}); it has to be a serve-device of this version, started with the same token")]
    Refused(Lender, String),
    /// This build has no lent devices.
    #[error(
        "this build has no lent devices: build with the feature `remote` (cargo build --release --features remote), \
         or use a device of this machine"
    )]
    NotBuilt,
    /// Gone in the middle of a run: the system's reason.
    #[error(
        "the device {0} no longer answers ({1}); the last checkpoint is intact, start serve-device there \
         again and continue with --resume"
    )]
    Gone(Lender, io::Error),
    /// The run panicked although all lenders answer: the panic's message.
    #[error(
        "the run broke off ({0}); the last checkpoint is intact, see what serve-device prints and continue with \
         --resume"
    )]
    Broken(String),
    /// No thread for the run.
    #[error("no thread could be started ({0}); end other programs and try again")]
    NoThread(io::Error),
}

/// Opens the device that `lender` lends.
///
/// # Errors
/// If the build has no lent devices, nothing answers, or no session is opened.
#[cfg(feature = "remote")]
pub fn connect(lender: &Lender) -> Result<burn::tensor::Device, LentError> {
    use burn::tensor::Device;
    use burn::tensor::remote::RemoteHost;

    // Burn would try for a quarter of a minute, and wait endlessly for the answer.
    ask(&addresses(lender)).map_err(|reason| LentError::Absent(lender.clone(), reason))?;
    let host = RemoteHost::websocket(&format!("ws://{}", lender.address()));
    let host = match lender.token() {
        Some(token) => host.with_credential(token),
        None => host,
    };
    Device::remote_options(&host).init().map_err(|error| LentError::Refused(lender.clone(), error.to_string()))
}

/// Without the feature `remote` there are no lent devices.
///
/// # Errors
/// Always.
#[cfg(not(feature = "remote"))]
pub fn connect(_: &Lender) -> Result<burn::tensor::Device, LentError> {
    Err(LentError::NotBuilt)
}

/// Runs `work`, which uses the devices of `lenders` and sets `are_open` when it has opened them: from then on they are
/// asked. Without lenders, just runs `work`.
///
/// # Errors
/// If `work` panics, or a lender does not answer for `PATIENCE`; then `work` may still run, and the program should end.
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
    // The receiver may have given up waiting.
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
            // It may have ended meanwhile, or be writing a checkpoint with another device: that is finished first.
            return result.recv_timeout(LAST_WORDS).map_err(|_| gone);
        }
        if ended.is_err_and(|error| error == RecvTimeoutError::Disconnected) {
            let reason = first_panic.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(LentError::Broken(reason.unwrap_or_else(|| "no reason given".into())));
        }
    }
}

/// The first of `lenders` that does not answer, as an error.
pub fn gone(lenders: &[Lender]) -> Option<LentError> {
    lenders.iter().find_map(|lender| Some(LentError::Gone(lender.clone(), ask(&addresses(lender)).err()?)))
}

/// Silences panics for the rest of the program, since whoever catches one reports it, unless RUST_BACKTRACE asks for
/// more. Keeps the first: others follow from it.
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

/// The part of a panic's message for people: Burn's add advice for programmers, a value's internals and a backtrace.
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

/// The addresses of a lender; errors are left to the caller.
fn addresses(lender: &Lender) -> io::Result<Vec<SocketAddr>> {
    Ok(lender.address().to_socket_addrs()?.collect())
}

/// Whether a lender answers: its connection speaks HTTP before it becomes a session, and any answer will do, usually
/// "not found". Says nothing about whether its device still computes.
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
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")),
        Ok(_) => Ok(()),
        // Systems differ in what they call it.
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
        Err(error) => Err(error),
    }
}
