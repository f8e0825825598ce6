//! A static file server for `dist/`, as plain as any host: files below a sub-path, a type by ending, 404 for the rest.
//! A test may add files and choose how they are served.
//!
//! One thread and one answer a connection, so that no request waits for another connection.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

/// The page's folder. Not the root, so that an absolute path fails.
const FOLDER: &str = "/some/sub/path/";

/// An empty page of the same origin, for a test that brings its own script.
pub const BLANK: &str = "blank.html";

/// How a file of a test is served.
#[derive(Clone, Default)]
pub struct Extra {
    pub bytes: Vec<u8>,
    /// Its ETag. A request with it gets a 304.
    pub tag: Option<&'static str>,
    /// The connection ends after this number of bytes; 0: before any answer.
    pub cut: Option<usize>,
    /// A request for the bytes from somewhere on gets these alone.
    pub ranges: bool,
    /// The headers for length and encoding.
    pub length: Length,
    /// More headers, each a line with its end.
    pub headers: String,
    /// The second half of the bytes is sent after this time.
    pub pause: Duration,
}

/// What an answer declares of its length.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Length {
    #[default]
    Said,
    /// Nothing, as with a server that generates its answer while sending.
    Unsaid,
    /// The length as sent, and an encoding, so that the decoded length differs.
    Coded,
}

/// A running server. It serves until the test program ends.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    missing: Mutex<Vec<String>>,
    extras: Mutex<HashMap<String, Extra>>,
    /// Statuses of the answers for extras, 0 for none.
    answers: Mutex<HashMap<String, Vec<u16>>>,
    /// Headers of every answer, each a line with its end.
    headers: Mutex<String>,
    down: AtomicBool,
}

impl Server {
    /// Serves the files of `root` to this machine, on a free port.
    pub fn start(root: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("there is no port to listen on")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            root: root.to_path_buf(),
            missing: Mutex::default(),
            extras: Mutex::default(),
            answers: Mutex::default(),
            headers: Mutex::default(),
            down: AtomicBool::new(false),
        });
        let given = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&given);
                // A browser may close a connection in the middle of a file.
                std::thread::spawn(move || answer(connection, &shared).ok());
            }
        });
        Ok(Self { address, shared })
    }

    /// The address of a file of the page, parameters included; the page itself for an empty name.
    pub fn url(&self, name: &str) -> String {
        format!("{}{FOLDER}{name}", self.origin())
    }

    /// The page's origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requested files that do not exist.
    pub fn missing(&self) -> Vec<String> {
        lock(&self.shared.missing).clone()
    }

    /// Serves a file of that name from now on, before one of the page.
    pub fn put(&self, name: &str, extra: Extra) {
        lock(&self.shared.extras).insert(format!("{FOLDER}{name}"), extra);
    }

    /// Sends these headers with every answer from now on, each a line with its end.
    pub fn head(&self, headers: &str) {
        headers.clone_into(&mut lock(&self.shared.headers));
    }

    /// Answers nobody from now on, as without a network, or everybody again.
    pub fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::Relaxed);
    }

    /// The statuses with which requests for a file of a test were answered so far, 0 for no answer.
    pub fn answers(&self, name: &str) -> Vec<u16> {
        lock(&self.shared.answers).get(&format!("{FOLDER}{name}")).cloned().unwrap_or_default()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut connection: TcpStream, shared: &Shared) -> std::io::Result<()> {
    if shared.down.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut request = BufReader::new(connection.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let (mut tag, mut from) = (None, None);
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        let (name, value) = header.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("if-none-match") {
            tag = Some(value.trim().to_owned());
        }
        if name.eq_ignore_ascii_case("range") {
            from = value.trim().strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok());
        }
        header.clear();
    }
    let Some(url) = first.split(' ').nth(1) else { return Ok(()) };
    let headers = lock(&shared.headers).clone();
    let extra = url.split('?').next().and_then(|path| lock(&shared.extras).get(path).cloned());
    match extra {
        Some(extra) => {
            let extra = Extra { headers: headers + &extra.headers, ..extra };
            let status = send_extra(&mut connection, url, &extra, tag.as_deref(), from)?;
            lock(&shared.answers).entry(url.to_owned()).or_default().push(status);
        }
        None => send_file(&mut connection, shared, url, &headers)?,
    }
    connection.shutdown(std::net::Shutdown::Write)?;
    // Until the browser closes its side: what it still sends must not become a reset.
    request.read_to_end(&mut Vec::new()).map(drop)
}

fn send_file(connection: &mut TcpStream, shared: &Shared, url: &str, headers: &str) -> std::io::Result<()> {
    let (status, kind, body) = match content(&shared.root, url) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => {
            lock(&shared.missing).push(url.to_owned());
            ("404 Not Found", "text/plain", b"not here".to_vec())
        }
    };
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n"
    )?;
    connection.write_all(&body)
}

fn send_extra(
    connection: &mut TcpStream,
    url: &str,
    extra: &Extra,
    tag: Option<&str>,
    from: Option<usize>,
) -> std::io::Result<u16> {
    if extra.cut == Some(0) {
        return Ok(0);
    }
    let known = tag.is_some() && tag == extra.tag;
    let part = from.filter(|_| extra.ranges).and_then(|from| Some((from, extra.bytes.get(from..)?)));
    let (status, body) = match part {
        _ if known => (304, &[][..]),
        Some((_, part)) => (206, part),
        None => (200, &extra.bytes[..]),
    };
    let kind = kind_of(url.split('?').next().unwrap_or(url));
    write!(connection, "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nConnection: close\r\n")?;
    if let Some((from, _)) = part {
        let length = extra.bytes.len();
        write!(connection, "Content-Range: bytes {from}-{}/{length}\r\n", length.saturating_sub(1))?;
    }
    if let Some(tag) = extra.tag {
        write!(connection, "ETag: {tag}\r\n")?;
    }
    if extra.length == Length::Coded {
        // An encoding that changes nothing, so that no encoder is needed here.
        write!(connection, "Content-Encoding: identity\r\n")?;
    }
    if extra.length != Length::Unsaid {
        write!(connection, "Content-Length: {}\r\n", body.len())?;
    }
    write!(connection, "{}\r\n", extra.headers)?;
    let sent = &body[..extra.cut.unwrap_or(body.len()).min(body.len())];
    let (first, second) = sent.split_at(sent.len() / 2);
    connection.write_all(first)?;
    std::thread::sleep(extra.pause);
    connection.write_all(second)?;
    Ok(status)
}

/// Type and bytes of what a URL names.
fn content(root: &Path, url: &str) -> Option<(&'static str, Vec<u8>)> {
    let path = url.split('?').next()?;
    let name = match path.strip_prefix(FOLDER)? {
        BLANK => return Some(("text/html", b"<!doctype html>".to_vec())),
        "" => "index.html",
        name => name,
    };
    if name.split('/').any(|part| part == "..") {
        return None;
    }
    Some((kind_of(name), std::fs::read(root.join(name)).ok()?))
}

/// The type of a file by its ending.
fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}
