//! Learning on a device that another process lends: the result, and what is left when the lender goes.
//!
//! Two processes on this machine. A build without the feature `remote` has no lent devices, and these tests are
//! skipped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use burn::module::{Module as _, ModuleVisitor, Param, ParamGroup};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use serde_json::Value;
use ssd::Ssd;
use ssd::loss::{Losses, MultiBox};
use ssd_learn::{HostBatch, Local};
use ssd_tests::skip;
use ssd_train::device::open as device;

use super::interruptions::{PATIENCE, wait_for};
use super::run::command;
use super::train::{assert_whole, is_step, names, steps};
use super::{ARCH, Ran, path_text, run};
use crate::twins::network::Drawn;

/// Four pictures in batches of two: two steps.
const SETTINGS: [&str; 6] = ["--data", "shapes:1:4", "--batch-size", "2", "--lr", "0.001"];

/// A `serve-device` with the CPU, ended on drop.
struct Lender {
    process: Child,
    /// As for `--device`.
    address: String,
}

impl Lender {
    /// Skips the test where this build lends nothing.
    fn start(more: &[&str]) -> Self {
        let ran = run("train", &["--data", "shapes:1:2", "--out", "never-made", "--device", "remote://127.0.0.1:1"]);
        if ran.failed(2).contains("feature `remote`") {
            skip("the programs are built without lent devices; build them with the feature `remote`");
        }
        let arguments = [&["--device", "cpu", "--port", "0"], more].concat();
        let mut process = command("serve-device", &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut address = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut address).expect("it says where it serves");
        let address = address.trim().to_owned();
        assert!(address.starts_with("remote://127.0.0.1:"), "{address:?}");
        Self { process, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        // Even when it is stopped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn train(out: &Path, device: &str, more: &[&str]) -> Command {
    command("train", &[&SETTINGS[..], &["--device", device, "--out", path_text(out)], more].concat())
}

/// The same losses and rates, step by step.
fn assert_same_losses(a: &[Value], b: &[Value]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        for name in ["step", "loss", "loss_box", "loss_class", "lr"] {
            let number = |line: &Value| line[name].as_f64().unwrap_or_else(|| panic!("no {name} in {line}"));
            let (a, b) = (number(a), number(b));
            assert!((a - b).abs() <= 1e-4 * a.abs(), "{name}: {a} here, {b} there");
        }
    }
}

#[test]
fn a_lent_device_learns_what_this_one_learns() {
    let lender = Lender::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    Ran::of(&mut train(&here, "cpu", &["--epochs", "1"])).done();
    Ran::of(&mut train(&there, &lender.address, &["--epochs", "1"])).done();
    assert_whole(&there, 2, 2);
    // The first step alone: batch norm over two pictures is ill-conditioned. On one device, too, a change of one
    // millionth in the pixels moves the gradient, and so the second step, by percents.
    assert_same_losses(&steps(&here)[..1], &steps(&there)[..1]);

    // Its weights are in the file, its address is not.
    let weights = std::fs::read(there.join("last.safetensors")).expect("it is there");
    assert!(!String::from_utf8_lossy(&weights).contains("127.0.0.1"));
    // The run goes on here.
    let resumed = ["--resume", "--epochs", "2", "--device", "cpu", "--out", path_text(&there)];
    run("train", &resumed).done();
    assert_whole(&there, 4, 2);
}

#[test]
fn a_killed_lender_ends_the_run_with_a_sentence_and_a_checkpoint() {
    let lender = Lender::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    lost(&out, &lender, &lender.address, "-KILL", Duration::from_secs(60));
}

#[test]
fn a_killed_lender_of_a_share_ends_the_run_likewise() {
    let lender = Lender::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    lost(&out, &lender, &format!("cpu,{}", lender.address), "-KILL", Duration::from_secs(60));
}

#[test]
fn a_lender_that_stands_still_ends_the_run_likewise() {
    let lender = Lender::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    // Asked every 3 seconds, it has 20 to answer.
    lost(&out, &lender, &lender.address, "-STOP", Duration::from_secs(90));
}

/// In the second epoch the lender is sent a signal. The run ends in time, with a sentence, and goes on from the first
/// epoch.
fn lost(out: &Path, lender: &Lender, device: &str, signal: &str, within: Duration) {
    let mut child = train(out, device, &["--epochs", "50"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    wait_for(&mut child, out, |line| is_step(line) && line["epoch"] == 2);
    lender.signal(signal);
    let since = Instant::now();
    let ran = Ran::from(end(child, within));
    let error = ran.failed(1);
    assert!(error.contains(&lender.address) && error.contains("continue with --resume"), "{error}");
    eprintln!("{signal}: ended after {:?} with: {error}", since.elapsed());

    assert_eq!(names(&out.join("checkpoint")).len(), 2, "a checkpoint and the pointer to it, nothing half written");
    let epochs = (steps(out).len() / 2 + 1).to_string();
    Ran::of(&mut train(out, "cpu", &["--resume", "--epochs", &epochs])).done();
    assert_whole(out, epochs.parse::<u64>().expect("a number") * 2, 2);
}

/// Waits for a process, which is killed if it takes too long.
fn end(mut child: Child, within: Duration) -> Output {
    let start = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if start.elapsed() > within {
            let _ = child.kill();
            panic!("it still ran after {within:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

#[test]
fn who_is_not_there_or_does_not_let_in_is_told_at_once() {
    let lender = Lender::start(&["--token", "secret"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let host_and_port = lender.address.strip_prefix("remote://").expect("an address");
    let start = Instant::now();
    for (device, words) in [
        ("remote://127.0.0.1:1".to_owned(), "nothing answers at remote://127.0.0.1:1"),
        ("remote://no-such-host.invalid:3000".to_owned(), "nothing answers at remote://no-such-host.invalid:3000"),
        (lender.address.clone(), "lends no device"),
        (format!("remote://wrong@{host_and_port}"), "lends no device"),
    ] {
        let ran = Ran::of(&mut train(&out, &device, &["--epochs", "1"]));
        let error = ran.failed(2);
        assert!(error.contains(words) && !error.contains("wrong@"), "{device}: {error}");
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert!(!out.exists(), "a run that cannot begin leaves no folder behind");

    let shown = folder.path().join("shown");
    let device = format!("remote://secret@{host_and_port}");
    Ran::of(&mut train(&out, &device, &["--epochs", "1", "--overfit", "1"])).done();
    drop(lender);
    // No device is needed for that.
    Ran::of(&mut train(&out, &device, &["--show-batch", path_text(&shown)])).done();
}

#[test]
fn serve_device_says_how_it_is_used() {
    let _lender = Lender::start(&[]);
    let help = run("serve-device", &["--help"]).done().stdout;
    for part in ["Usage:", "Examples:", "default", "Exit code: 0", "--token", "Whoever can connect can compute"] {
        assert!(help.contains(part), "--help lacks {part:?}:\n{help}");
    }
    let cases: [(&[&str], &str); 4] = [
        (&["--port", "65536"], "65536"),
        (&["--host", "203.0.113.1"], "203.0.113.1"),
        (&["--token", "a,b"], "--token"),
        (&["--device", "remote://127.0.0.1:3000"], "only train"),
    ];
    for (arguments, word) in cases {
        let ran = run("serve-device", arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}:\n{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{arguments:?} does not name {word}:\n{}", ran.stderr);
    }
}

// Without batch norm, so that the shares of a batch are independent and the curve is that of one device.
#[test]
fn lent_devices_and_shared_batches_give_the_curve_of_one_device() {
    let lender = Lender::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let curve = |device: &str| {
        let out = folder.path().join(device.replace(['/', ':'], "-"));
        Ran::of(&mut train(&out, device, &["--arch", "ssd96-mobilenet-v1-tf-0.25", "--epochs", "1", "--warmup", "0"]))
            .done();
        assert_whole(&out, 2, 2);
        steps(&out)
    };
    let one = curve("cpu");
    assert_same_losses(&one, &curve(&lender.address));
    assert_same_losses(&one, &curve(&format!("cpu,{}", lender.address)));
}

/// The gradient of each parameter, in the order of a visit.
struct Gradients<'a>(&'a mut GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.remove::<D>(param.id) {
            self.1.push(gradient.into_data().iter::<f32>().collect());
        }
    }
}

// With frozen norms, since batch norm enlarges rounding. Convolutions run by our loops here and by Burn's there, whose
// sums have other orders: of the millions of numbers at a ReLU6 some are so near to a bound that rounding decides
// whether their gradient passes. Each of those moves gradients by up to a hundredth, as pictures do on one device that
// differ by 1e-7. The loops themselves are compared with their twins, under the same decisions, in `ssd-cpu`.
#[test]
fn a_lent_device_gives_the_gradient_of_this_one() {
    let lender = Lender::start(&[]);
    let choices = format!("cpu,{}", lender.address).parse().expect("two devices");
    let (here, there) = device::open_all(&choices).expect("they are there");
    let (here, there) = (here.device.autodiff(), there[0].device.clone().autodiff());
    let size = ARCH.input_size();
    let priors = ARCH.prior_scheme().len();
    let wave = |count: usize| (0..count).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<f32>>();
    let classes: Vec<i32> = (0..2 * priors as i32).map(|i| i32::from(i % 97 == 0) * (1 + i % 3)).collect();
    let batch = HostBatch {
        images: 2,
        size,
        pixels: wave(2 * 3 * size * size),
        positives: classes.iter().filter(|&&class| class > 0).count(),
        classes,
        offsets: wave(2 * priors * 4),
    };
    let first = Ssd::new(ARCH, 4, &here).map(&mut Drawn(7));
    let gradients = |device: &Device| {
        let model = Ssd::new(ARCH, 4, device).load_record(first.clone().into_record());
        let model = model.freeze_group(ParamGroup::from_predicate("norm"));
        let scheme = ARCH.prior_scheme();
        let loss = MultiBox::new(&scheme.priors(), scheme.variances, Losses::default(), device);
        let mut part = Local { model: &model, device, loss: &loss }.gradients(batch.clone());
        let mut read = Gradients(&mut part.gradients, Vec::new());
        model.visit(&mut read);
        (part.loss.sum().into_scalar::<f32>(), read.1)
    };
    let ((loss, want), (other_loss, got)) = (gradients(&here), gradients(&there));
    assert!((loss - other_loss).abs() <= 1e-5 * loss, "{loss} here, {other_loss} there");
    assert!(want.len() == got.len() && want.len() > 50);
    for (i, (want, got)) in want.iter().zip(&got).enumerate() {
        let length = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let apart = length(&mut want.iter().zip(got).map(|(want, got)| want - got));
        let whole = length(&mut want.iter().copied());
        assert!(apart <= 0.02 * whole, "gradient {i}: {apart} of {whole}");
    }
}
