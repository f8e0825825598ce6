//! A static file server for `dist/`, as plain as any host: files below a sub-path, a type by ending, 404 for the rest.
//!
//! One thread and one answer a connection, so that no request waits behind another one's connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

/// Below here lies the page. Not the root, so that a path that is not relative misses.
const FOLDER: &str = "/some/sub/path/";

/// An empty page of the same origin, for a test that brings its own script.
pub const BLANK: &str = "blank.html";

/// A running server. It serves until the test program ends.
pub struct Server {
    address: SocketAddr,
    missing: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the files of `root` to this machine, on a port that is free.
    pub fn start(root: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("there is no port to listen on")?;
        let address = listener.local_addr()?;
        let missing: Arc<Mutex<Vec<String>>> = Arc::default();
        let (root, list) = (root.to_path_buf(), Arc::clone(&missing));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (root, list) = (root.clone(), Arc::clone(&list));
                // A browser that goes away in the middle of a file is no fault of the page.
                std::thread::spawn(move || answer(connection, &root, &list).ok());
            }
        });
        Ok(Self { address, missing })
    }

    /// The address of a file of the page, parameters included; the page itself for an empty name.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}{FOLDER}{name}", self.address)
    }

    /// What was asked for and is not there.
    pub fn missing(&self) -> Vec<String> {
        self.missing.lock().map(|missing| missing.clone()).unwrap_or_default()
    }
}

fn answer(mut connection: TcpStream, root: &Path, missing: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut request = BufReader::new(connection.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    // The headers say nothing that matters here, but unread bytes would reset the connection.
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let Some(url) = first.split(' ').nth(1) else { return Ok(()) };
    let (status, kind, body) = match content(root, url) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => {
            if let Ok(mut missing) = missing.lock() {
                missing.push(url.to_owned());
            }
            ("404 Not Found", "text/plain", b"not here".to_vec())
        }
    };
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    connection.write_all(&body)?;
    connection.shutdown(std::net::Shutdown::Write)?;
    // Until the browser closes its side: what it still sends must not become a reset.
    request.read_to_end(&mut Vec::new()).map(drop)
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
    let file = root.join(name);
    let kind = match file.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        _ => "application/octet-stream",
    };
    Some((kind, std::fs::read(file).ok()?))
}
