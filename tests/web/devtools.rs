//! Chromium's DevTools protocol over the two pipes of `--remote-debugging-pipe`: JSON messages, each ended by a zero
//! byte.
//!
//! Just enough for one page in one browser: calls that wait for their answer, and the page's errors collected on the
//! side. Knows nothing of the tests.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The limit of a call that the browser answers at once.
const AT_ONCE: Duration = Duration::from_secs(30);

/// The protocol's two pipes are file descriptors 3 and 4; the shell makes them from the standard ones.
const WITH_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A running browser and the one page in it.
pub struct DevTools {
    process: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    next_id: u64,
    session: Option<String>,
    /// What the page logged as an error, threw, or was refused, in order.
    pub complaints: Vec<String>,
    // Dropped last, after the browser has ended.
    _profile: TempDir,
}

impl DevTools {
    /// Starts a browser with a fresh profile and opens an empty page in it.
    pub fn start(browser: &Path, flags: &[&str]) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut process = Command::new("sh")
            .args(["-c", WITH_PIPES])
            .arg(browser)
            .args(["--remote-debugging-pipe", "--headless=new"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(flags)
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", browser.display()))?;
        let requests = process.stdin.take().context("no pipe to the browser")?;
        let answers = process.stdout.take().context("no pipe from the browser")?;
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0) {
                let Ok(value) = message.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default()) else { return };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut devtools =
            Self { process, requests, messages, next_id: 1, session: None, complaints: Vec::new(), _profile: profile };
        devtools.open_page()?;
        Ok(devtools)
    }

    fn open_page(&mut self) -> Result<()> {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attach)?;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "DOM"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(())
    }

    /// Calls a method that answers at once.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.call_within(method, parameters, AT_ONCE)
    }

    /// Calls a method and waits for its answer, no longer than `limit`.
    pub fn call_within(&mut self, method: &str, parameters: Value, limit: Duration) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.requests.write_all(&bytes).and_then(|()| self.requests.flush()).context("the browser is gone")?;
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(mut answer) = self.messages.recv_timeout(left) else {
                bail!("{method} was not answered within {limit:?}");
            };
            if answer["id"] == id {
                if let Some(error) = answer.get("error") {
                    bail!("{method} failed: {error}");
                }
                return Ok(answer["result"].take());
            }
            self.complaints.extend(complaint(&answer));
        }
    }
}

impl Drop for DevTools {
    fn drop(&mut self) {
        self.session = None;
        // A browser that is asked to close ends its helpers too; one that does not react is killed.
        let _ = self.call_within("Browser.close", json!({}), Duration::from_secs(5));
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The text of an event that reports an error, ours or the browser's.
fn complaint(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            let details = &parameters["exceptionDetails"];
            Some(format!("thrown: {} {}", text(&details["text"]), text(&details["exception"]["description"])))
        }
        "Runtime.consoleAPICalled" if parameters["type"] == "error" => {
            let words = parameters["args"]
                .as_array()?
                .iter()
                .map(|arg| if arg["value"].is_null() { text(&arg["description"]) } else { arg["value"].to_string() });
            Some(format!("console: {}", words.collect::<Vec<_>>().join(" ")))
        }
        "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
            let entry = &parameters["entry"];
            Some(format!("log: {} {}", text(&entry["text"]), text(&entry["url"])))
        }
        "Inspector.targetCrashed" => Some("the page crashed".to_owned()),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
