//! The page in a browser: what a test does with it, and reads from it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use ssd_tests::{skip, workspace_root};

use super::devtools::DevTools;
use super::server::{Extra, Server};

/// Whether the browser has a WebGPU adapter: an emulated one, as a machine may lack a graphics card.
#[derive(Clone, Copy, PartialEq)]
pub enum Gpu {
    Emulated,
    None,
}

/// Flags for every run. Only this machine can be reached, so that a page that needs others fails here.
const FLAGS: [&str; 12] = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
];

/// With these, WebGPU, video textures and screenshots all work on an emulated adapter.
const EMULATED_GPU: [&str; 5] = [
    "--enable-unsafe-webgpu",
    "--use-angle=swiftshader",
    "--enable-gpu",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
];

/// The limit for loading a detector and detecting, on an emulated adapter and a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The page's service worker.
pub const SERVICE_WORKER: &str = "sw.js";

/// The limit for what takes a moment.
pub const SOON: Duration = Duration::from_secs(30);

/// One browser at a time, whatever the number of test threads: its adapter takes all cores.
static TURN: Mutex<()> = Mutex::new(());

/// The page of `dist/` in its own browser.
pub struct Page {
    devtools: DevTools,
    pub server: Server,
    /// `dist/`.
    pub dist: PathBuf,
}

/// Plays one scenario on a page that is not opened yet. A failure leaves a screenshot in `target/web-failures/` and is
/// reported with the page's own messages.
pub fn scenario(name: &str, gpu: Gpu, play: impl FnOnce(&mut Page) -> Result<()>) {
    let browser = browser();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let played =
        Page::start(&browser, gpu).map(|mut page| play(&mut page).map_err(|error| page.describe(name, &error)));
    match played {
        Ok(Ok(())) => {}
        Ok(Err(report)) => panic!("{report}"),
        Err(error) => panic!("{name}: {error:#}"),
    }
}

/// The browser. Without it or the page the test is skipped; with `SSD_REQUIRE_WEB` it fails.
fn browser() -> PathBuf {
    let named = std::env::var_os("SSD_CHROMIUM").map(PathBuf::from);
    let usual = Path::new("/usr/bin/chromium");
    let browser = named.or_else(|| usual.is_file().then(|| usual.to_path_buf()));
    let why = match browser {
        None => "no browser; name one in SSD_CHROMIUM or run `cargo xtask test`",
        Some(_) if !workspace_root().join("dist/index.html").is_file() => "dist/ is not built; run `cargo xtask build`",
        Some(browser) => return browser,
    };
    assert!(std::env::var_os("SSD_REQUIRE_WEB").is_none(), "{why}");
    skip(why)
}

impl Page {
    fn start(browser: &Path, gpu: Gpu) -> Result<Self> {
        let dist = workspace_root().join("dist");
        let server = Server::start(&dist)?;
        // Kept files would hide what a test serves later. As Trunk serves it, the service worker keeps none.
        let bytes = std::fs::read(workspace_root().join("web").join(SERVICE_WORKER))?;
        server.put(SERVICE_WORKER, Extra { bytes, ..Extra::default() });
        let emulated = if gpu == Gpu::Emulated { &EMULATED_GPU[..] } else { &[] };
        let devtools = DevTools::start(browser, &[&FLAGS[..], emulated].concat())?;
        Ok(Self { devtools, server, dist })
    }

    /// Opens the page with these parameters, or another file of its folder.
    pub fn open(&mut self, name: &str) -> Result<()> {
        let url = self.server.url(name);
        self.visit(&url)
    }

    /// Opens any page.
    pub fn visit(&mut self, url: &str) -> Result<()> {
        let answer = self.devtools.call("Page.navigate", json!({ "url": url }))?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("{url} did not open: {error}");
        }
        self.wait_for("document.readyState === 'complete'", Duration::from_secs(30))
    }

    /// The value of a JavaScript expression, which may be a promise. An exception is an error.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
            // As by a click: browsers share no screen otherwise.
            "userGesture": true,
        });
        let mut answer = self.devtools.call_within("Runtime.evaluate", parameters, PATIENCE)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let what = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
            bail!("{}", what.unwrap_or("an exception without a text"));
        }
        Ok(answer["result"]["value"].take())
    }

    /// The value of an expression that is a text.
    pub fn text(&mut self, expression: &str) -> Result<String> {
        let value = self.eval(expression)?;
        value.as_str().map(str::to_owned).with_context(|| format!("{expression} is no text: {value}"))
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, condition: &str, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        while self.eval(condition)? != json!(true) {
            if Instant::now() > end {
                bail!("after {limit:?} this is still false: {condition}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until the page is idle and shows a result.
    pub fn wait_for_result(&mut self) -> Result<()> {
        let over = "['ready', 'error'].includes(document.documentElement.dataset.state) && \
                    (window.lastResult != null || document.querySelector('#error').textContent !== '')";
        self.wait_for(over, PATIENCE)?;
        let error = self.error()?;
        if !error.is_empty() {
            bail!("the page shows an error: {error}");
        }
        Ok(())
    }

    /// Waits until `#error` has a text, and returns it.
    pub fn wait_for_error(&mut self) -> Result<String> {
        self.wait_for("document.querySelector('#error').textContent !== ''", PATIENCE)?;
        self.error()
    }

    /// The text of `#error`; empty unless something failed.
    pub fn error(&mut self) -> Result<String> {
        self.text("document.querySelector('#error').textContent.trim()")
    }

    /// The items of `#detections`.
    pub fn detections(&mut self) -> Result<Vec<String>> {
        let items =
            self.eval("[...document.querySelectorAll('#detections li')].map((item) => item.textContent.trim())")?;
        Ok(serde_json::from_value(items)?)
    }

    /// Puts a file into a file input, as a user would.
    pub fn choose(&mut self, input: &str, file: &Path) -> Result<()> {
        self.choose_all(input, &[file])
    }

    /// The same with several files.
    pub fn choose_all(&mut self, input: &str, chosen: &[&Path]) -> Result<()> {
        let root = self.devtools.call("DOM.getDocument", json!({}))?;
        let query = json!({ "nodeId": root["root"]["nodeId"], "selector": input });
        let node = self.devtools.call("DOM.querySelector", query)?;
        // The browser reads no file whose path goes up on the way.
        let chosen = chosen.iter().map(|path| path.canonicalize()).collect::<std::io::Result<Vec<_>>>()?;
        let files = json!({ "nodeId": node["nodeId"], "files": chosen });
        self.devtools.call("DOM.setFileInputFiles", files).map(drop)
    }

    /// How many bytes the page's own objects take, once what nobody uses is gone; workers and wasm count apart.
    pub fn heap(&mut self) -> Result<f64> {
        self.devtools.call("HeapProfiler.collectGarbage", json!({}))?;
        self.devtools.call("Runtime.getHeapUsage", json!({}))?["usedSize"].as_f64().context("no size of the heap")
    }

    /// Drops a file on the page: the server's file `name`, called `file`.
    pub fn drop_file(&mut self, name: &str, file: &str) -> Result<()> {
        let url = self.server.url(name);
        let script = format!(
            "(async () => {{
                const bytes = await (await fetch('{url}', {{ cache: 'no-store' }})).arrayBuffer();
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([bytes], '{file}'));
                document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer, bubbles: true, cancelable: true }}));
            }})()"
        );
        self.eval(&script).map(drop)
    }

    /// Drops files and folders on the page, as from a file manager.
    pub fn drop_paths(&mut self, dropped: &[&Path]) -> Result<()> {
        let files = dropped.iter().map(|path| path.canonicalize()).collect::<std::io::Result<Vec<_>>>()?;
        for kind in ["dragEnter", "dragOver", "drop"] {
            let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
            let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
            self.devtools.call("Input.dispatchDragEvent", event)?;
        }
        Ok(())
    }

    /// Drags the mouse over an element, between two places that are shares of its width and height.
    pub fn drag(&mut self, element: &str, from: [f64; 2], to: [f64; 2]) -> Result<()> {
        let script = format!(
            "(() => {{ const element = document.querySelector('{element}'); element.scrollIntoView(); \
             const {{ x, y, width, height }} = element.getBoundingClientRect(); return [x, y, width, height]; }})()"
        );
        let [x, y, width, height]: [f64; 4] = serde_json::from_value(self.eval(&script)?)?;
        let steps = [
            ("mousePressed", 0.0),
            ("mouseMoved", 0.3),
            ("mouseMoved", 0.7),
            ("mouseMoved", 1.0),
            ("mouseReleased", 1.0),
        ];
        for (kind, share) in steps {
            let place = |side: usize| from[side] + (to[side] - from[side]) * share;
            let (x, y) = (x + width * place(0), y + height * place(1));
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.devtools.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Presses a key, such as `ArrowLeft`, where the focus is.
    pub fn press(&mut self, key: &str) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.devtools.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Presses a key that the browser itself knows, by its number: `Tab` is 9, `Escape` 27.
    pub fn press_own(&mut self, key: &str, number: u32) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": number });
            self.devtools.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// The window is as wide as that, and the user prefers `light` or `dark`.
    pub fn look_like(&mut self, width: u32, scheme: &str) -> Result<()> {
        let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools.call("Emulation.setDeviceMetricsOverride", screen)?;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools.call("Emulation.setEmulatedMedia", json!({ "features": features })).map(drop)
    }

    /// The nodes that a screen reader gets.
    pub fn accessibility_tree(&mut self) -> Result<Vec<Value>> {
        let tree = self.devtools.call("Accessibility.getFullAXTree", json!({}))?;
        tree["nodes"].as_array().cloned().context("there is no accessibility tree")
    }

    /// Waits until the page's status begins so.
    pub fn wait_for_status(&mut self, beginning: &str) -> Result<()> {
        let condition = format!("document.querySelector('#status').textContent.startsWith({})", json!(beginning));
        self.wait_for(&condition, SOON)
    }

    /// The bytes of a file of that name that the page saves into `folder`, once it is whole.
    pub fn saved(&mut self, folder: &Path, name: &str) -> Result<Vec<u8>> {
        let (path, end) = (folder.join(name), Instant::now() + SOON);
        // The browser takes the name by an empty file, writes another one, and renames that.
        while !std::fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
            let error = self.error()?;
            if !error.is_empty() || Instant::now() > end {
                let there: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
                bail!("{name} was not saved: {error} (there are {there:?})");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(std::fs::read(path)?)
    }

    /// From now on the page's downloads go into that folder, and it may use the clipboard.
    pub fn save_into(&mut self, folder: &Path) -> Result<()> {
        let parameters = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools.call("Browser.setDownloadBehavior", parameters)?;
        let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.devtools.call("Browser.grantPermissions", permissions)?;
        self.devtools.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).map(drop)
    }

    /// Limits the storage of the page's origin.
    pub fn limit_storage(&mut self, bytes: u64) -> Result<()> {
        let parameters = json!({ "origin": self.server.origin(), "quotaSize": bytes });
        self.devtools.call("Storage.overrideQuotaForOrigin", parameters).map(drop)
    }

    /// Moves a slider, as a user would.
    pub fn slide(&mut self, slider: &str, value: f64) -> Result<()> {
        let script = format!(
            "(() => {{ const slider = document.querySelector('{slider}'); slider.value = {value}; \
             slider.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
        );
        self.eval(&script).map(drop)
    }

    /// Clicks an element.
    pub fn click(&mut self, element: &str) -> Result<()> {
        self.eval(&format!("document.querySelector('{element}').click()")).map(drop)
    }

    /// Errors so far, of the page or of the browser.
    pub fn complaints(&self) -> &[String] {
        &self.devtools.complaints
    }

    fn describe(&mut self, name: &str, error: &anyhow::Error) -> String {
        let seen = "['state: ' + document.documentElement.dataset.state, ...['#status', '#error', '#detections'] \
                    .map((id) => id + ': ' + document.querySelector(id)?.textContent)].join('\\n')";
        let seen = self.text(seen).unwrap_or_else(|error| format!("the page does not answer: {error:#}"));
        let picture = self.screenshot(name).map_or_else(|e| format!("none: {e:#}"), |path| path.display().to_string());
        let (missing, complaints) = (self.server.missing().join(", "), self.complaints().join("\n"));
        format!("{name}: {error:#}\n{seen}\nmissing files: {missing}\ncomplaints: {complaints}\nscreenshot: {picture}")
    }

    fn screenshot(&mut self, name: &str) -> Result<PathBuf> {
        let answer = self.devtools.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        let png = BASE64_STANDARD.decode(answer["data"].as_str().context("no picture")?)?;
        let folder = workspace_root().join("target/web-failures");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.png", name.replace(' ', "-")));
        std::fs::write(&path, png)?;
        Ok(path)
    }
}
