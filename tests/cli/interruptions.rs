//! Runs that are stopped: by their user, by the system, by a full disk. What was saved is whole, and going on from it
//! gives what an undisturbed run gives, bit for bit.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use safetensors::SafeTensors;
use serde_json::Value;

use super::run::command;
use super::train::{assert_whole, is_step, metrics, names, steps};
use super::{Ran, path_text, run};

/// No step takes that long, even on a machine with other things to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);

/// Eight pictures in batches of two, augmented: four steps an epoch.
const SETTINGS: [&str; 8] = ["--data", "shapes:1:8", "--batch-size", "2", "--lr", "0.005", "--device", "cpu"];

fn train(out: &Path, epochs: &str, more: &[&str]) -> Command {
    command("train", &[&SETTINGS[..], &["--out", path_text(out), "--epochs", epochs], more].concat())
}

fn start(out: &Path) -> Child {
    train(out, "2", &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Waits until the run has written a line.
pub(super) fn wait_for(child: &mut Child, out: &Path, line: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    while !lines(out).iter().any(&line) {
        let ended = child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "the run ended before the line was there: {ended:?}");
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the line did not come within {PATIENCE:?}");
        }
        sleep(Duration::from_millis(5));
    }
}

/// The complete lines so far; the last one may still be being written.
fn lines(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_weights_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (straight, halting) = (folder.path().join("straight"), folder.path().join("halting"));
    Ran::of(&mut train(&straight, "2", &[])).done();

    let mut child = start(&halting);
    // In the middle of the second epoch.
    wait_for(&mut child, &halting, |line| is_step(line) && line["step"] == 5);
    interrupt(&child);
    let stopped = Ran::from(end(child)).done();
    assert!(stopped.stderr.contains("Interrupted; the checkpoint is saved"), "{}", stopped.stderr);
    let before = steps(&halting).len();
    assert!((5..8).contains(&before), "stopped after {before} steps");
    // The command line is in the folder.
    let resumed = run("train", &["--resume", "--device", "cpu", "--out", path_text(&halting)]).done();
    assert!(resumed.stderr.contains(&format!("Going on after step {before} ")), "{}", resumed.stderr);

    assert_whole(&halting, 8, 4);
    assert_eq!(timeless(&halting), timeless(&straight));
    assert_same_tensors(&halting.join("last.safetensors"), &straight.join("last.safetensors"));
}

/// The metrics, but for how long each step took.
fn timeless(out: &Path) -> Vec<Value> {
    let without_clock = |mut line: Value| {
        line.as_object_mut().expect("an object").remove("images_per_s");
        line
    };
    metrics(out).into_iter().map(without_clock).collect()
}

fn assert_same_tensors(a: &Path, b: &Path) {
    let [a, b] = [a, b].map(|path| std::fs::read(path).expect("it is there"));
    let [a, b] = [&a, &b].map(|bytes| SafeTensors::deserialize(bytes).expect("a weights file"));
    assert_eq!(a.len(), b.len());
    for (name, tensor) in a.iter() {
        let other = b.tensor(name).expect("both have it");
        assert!(tensor.shape() == other.shape() && tensor.data() == other.data(), "{name} differs");
    }
}

#[test]
fn two_epochs_and_two_more_are_four_with_all_that_a_run_keeps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (straight, halting) = (folder.path().join("straight"), folder.path().join("halting"));
    // An average, accumulation over an odd last batch, frozen stages, clipping, another optimiser than the default.
    let keeps = "--ema 0.9 --accumulate 3 --freeze 1 --clip-norm 5 --optimizer adamw";
    let keeps: Vec<&str> = keeps.split(' ').collect();
    Ran::of(&mut train(&straight, "4", &keeps)).done();
    Ran::of(&mut train(&halting, "4", &[&keeps[..], &["--stop-after", "2"]].concat())).done();
    assert_eq!(steps(&halting).len(), 4, "two epochs of two steps");
    Ran::of(&mut train(&halting, "4", &["--resume", "--workers", "3"])).done();

    assert_whole(&halting, 8, 2);
    assert_eq!(timeless(&halting), timeless(&straight));
    for file in ["last.safetensors", "best.safetensors"] {
        assert_same_tensors(&halting.join(file), &straight.join(file));
    }
}

#[test]
fn a_killed_run_goes_on_and_reports_every_step_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let mut child = start(&out);
    // One step beyond the checkpoint of the first epoch: that step is repeated.
    wait_for(&mut child, &out, |line| is_step(line) && line["step"] == 5);
    child.kill().expect("it runs");
    end(child);
    // What a kill in the middle of a line would leave.
    let torn = std::fs::OpenOptions::new().append(true).open(out.join("metrics.jsonl"));
    std::io::Write::write_all(&mut torn.expect("it is there"), b"{\"step\":6,\"ep").expect("it takes more");

    Ran::of(&mut train(&out, "2", &["--resume"])).done();
    assert_whole(&out, 8, 4);
    assert_eq!(names(&out.join("checkpoint")).len(), 2, "the last checkpoint and the pointer to it");
}

#[test]
fn a_run_killed_at_any_moment_ends_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (straight, killed) = (folder.path().join("straight"), folder.path().join("killed"));
    let keeps = ["--ema", "0.9"];
    Ran::of(&mut train(&straight, "3", &keeps)).done();

    // At once, within an epoch, and at several moments after its last step, where two checkpoints and two weights
    // files are written. Before the first checkpoint there is nothing to go on from.
    let resume = |folder: &Path| folder.join("checkpoint/latest").exists();
    for (step, milliseconds) in [(1, 0), (4, 0), (4, 30), (4, 90), (8, 0), (8, 20), (8, 60), (8, 150)] {
        let mut command = train(&killed, "3", if resume(&killed) { &["--resume"] } else { &keeps });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        wait_for(&mut child, &killed, |line| is_step(line) && line["step"] == step);
        sleep(Duration::from_millis(milliseconds));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
    Ran::of(&mut train(&killed, "3", if resume(&killed) { &["--resume"] } else { &keeps })).done();
    assert_whole(&killed, 12, 4);
    assert_eq!(timeless(&killed), timeless(&straight));
    assert_same_tensors(&killed.join("last.safetensors"), &straight.join("last.safetensors"));
}

#[test]
fn a_full_disk_leaves_the_checkpoint_before_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    Ran::of(&mut train(&out, "1", &[])).done();
    let saved = names(&out.join("checkpoint"));
    let best = std::fs::read(out.join("best.safetensors")).expect("it is there");

    // No file may grow beyond a few MiB, and the attempt is an error as on a full disk, not a signal.
    let unlimited = train(&out, "2", &["--resume"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""]).arg(unlimited.get_program());
    let ran = Ran::of(limited.args(unlimited.get_args()).env_remove("RUST_BACKTRACE"));
    let error = ran.failed(1);
    assert!(error.contains("checkpoint") && error.contains("free some space and go on with --resume"), "{error}");
    assert_eq!(names(&out.join("checkpoint")), saved, "the one before is there, nothing half written is");
    assert_eq!(std::fs::read(out.join("best.safetensors")).expect("it is there"), best);
    assert_eq!(steps(&out).len(), 8, "it failed at the end of the second epoch");

    Ran::of(&mut train(&out, "2", &["--resume"])).done();
    assert_whole(&out, 8, 4);
}
