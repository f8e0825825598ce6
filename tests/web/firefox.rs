//! The page in Firefox: another engine for scripts, wasm and workers. It is driven by nothing but a page of the test,
//! which holds ours in a frame and reports what it shows by a request.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use image::ImageFormat;
use serde_json::Value;
use ssd_data::images::read_upright;
use ssd_tests::{skip, workspace_root};
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::device::choice::{DeviceChoice, DeviceKind};

use super::page::PATIENCE;
use super::pictures::{counterparts, native, shown};
use super::server::{Extra, Server};
use super::shipped::default_of;

const CHOICE: DeviceChoice = DeviceChoice { kind: DeviceKind::Cpu, index: 0 };

/// The page that holds ours and reports.
const HOLDER: &str = "holder.html";

/// What it detects in.
const PICTURE: &str = "sample.png";

/// What a report's address begins with; the rest is its JSON.
const REPORT: &str = "report?";

/// Names of Firefox where Linux keeps it.
const USUAL: [&str; 2] = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/// A running Firefox, which ends with the test.
struct Firefox(Child);

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn firefox() -> PathBuf {
    let named = std::env::var_os("SSD_FIREFOX").map(PathBuf::from);
    let usual = || USUAL.map(PathBuf::from).into_iter().find(|path| path.is_file());
    let found = named.or_else(usual).unwrap_or_else(|| skip("no Firefox; install it, or name it in SSD_FIREFOX"));
    if !workspace_root().join("dist/index.html").is_file() {
        skip("dist/ is not built; run `cargo xtask build`");
    }
    found
}

/// A page with ours in a frame, at these parameters.
fn holder(parameters: &str) -> Vec<u8> {
    let page = format!(
        "<!doctype html><title>holder</title><iframe width=1280 height=800 src='./index.html?{parameters}'></iframe>
        <script type=module>
            const frame = document.querySelector('iframe');
            const shown = (id) => frame.contentDocument.querySelector(id)?.textContent;
            for (;;) {{
                await new Promise((done) => setTimeout(done, 200));
                const {{ detections }} = frame.contentWindow.lastResult ?? {{}};
                const report = {{ detections, error: shown('#error'), backend: shown('#backend') }};
                if (!detections && !report.error) continue;
                await fetch('./{REPORT}' + encodeURIComponent(JSON.stringify(report)));
                break;
            }}
        </script>"
    );
    page.into_bytes()
}

/// What the page shows in Firefox at these parameters.
fn report(firefox: &Path, server: &Server, parameters: &str) -> Result<Value> {
    let reports = || server.missing().into_iter().filter(|url| url.contains(REPORT)).collect::<Vec<_>>();
    let before = reports().len();
    server.put(HOLDER, Extra { bytes: holder(parameters), ..Extra::default() });
    let profile = tempfile::tempdir()?;
    let child = Command::new(firefox)
        .args(["--headless", "--no-remote", "--profile"])
        .arg(profile.path())
        .arg(server.url(HOLDER))
        .env("HOME", profile.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} could not be started", firefox.display()))?;
    let _running = Firefox(child);
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(url) = reports().get(before) {
            let (_, json) = url.split_once(REPORT).context("a report without JSON")?;
            return Ok(serde_json::from_slice(&decoded(json)?)?);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("it reported nothing within {PATIENCE:?}; it asked for {:?}", server.missing())
}

/// The bytes of a text in an address.
fn decoded(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?);
    }
    Ok(bytes)
}

#[test]
fn the_page_finds_in_firefox_what_the_native_detector_finds() {
    let firefox = firefox();
    let play = || -> Result<()> {
        let dist = workspace_root().join("dist");
        let server = Server::start(&dist)?;
        let model = default_of(&dist)?;
        let detector = Detector::load(&model.weights, &CHOICE, EngineArgs::default(), 1)?;
        let sample = read_upright(&model.sample)?;
        let wanted = native(&detector, &sample)?;
        ensure!(!wanted.is_empty(), "nothing to compare");
        // Without loss: Firefox decodes a JPEG a little differently, and another one of two equally good boxes wins.
        let mut png = Cursor::new(Vec::new());
        sample.write_to(&mut png, ImageFormat::Png)?;
        server.put(PICTURE, Extra { bytes: png.into_inner(), ..Extra::default() });
        for backend in ["auto", "cpu"] {
            let told = report(&firefox, &server, &format!("source=./{PICTURE}&backend={backend}"))?;
            let runs_on = told["backend"].as_str().unwrap_or_default();
            eprintln!("{backend}: {runs_on}");
            ensure!(told["error"] == "" && (backend == "auto" || runs_on.starts_with("CPU")), "{told}");
            let found = shown(&told["detections"])?;
            let floor = detector.header().score + 0.01;
            counterparts(&wanted, &found, floor)?;
            counterparts(&found, &wanted, floor)?;
        }
        Ok(())
    };
    play().unwrap_or_else(|error| panic!("{error:#}"));
}
