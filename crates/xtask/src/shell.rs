//! Running programs from the workspace root, and saying which step runs and how long it took. Decides nothing.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The workspace root. Cargo names the package's folder when it runs a program; the compiled-in path is for a bare
/// call.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program and its arguments, to run from the workspace root, with cargo's own folder of programs first on the path:
/// what [`crate::tools`] installs is found even where a shell does not look there.
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).env("PATH", search_path());
    command
}

/// The first program of that name on the path.
pub fn find(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&search_path()).map(|dir| dir.join(&name)).find(|path| path.is_file())
}

/// Runs a program to its end, output and all; fails if it does.
pub fn run(command: &mut Command) -> Result<()> {
    let name = name_of(command);
    let status = command.status().with_context(|| format!("`{name}` could not be started"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    Ok(())
}

/// Like [`run`], and hands over each line of standard output after passing it on.
pub fn run_reading(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<()> {
    let name = name_of(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{name}` could not be started"))?;
    let stdout = child.stdout.take().context("a piped standard output is missing")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let bytes = line.with_context(|| format!("the output of `{name}` could not be read"))?;
        let line = String::from_utf8_lossy(&bytes);
        println!("{line}");
        on_line(line.trim_end());
    }
    let status = child.wait().with_context(|| format!("`{name}` was lost"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    Ok(())
}

/// What a program writes to standard output; `None` where it cannot be started or fails.
pub fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = command(program, args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Announces a step, does it, and says how long it took.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("\n=== {title}");
    let start = Instant::now();
    let result = work();
    let ending = if result.is_ok() { "done" } else { "FAILED" };
    eprintln!("=== {title}: {ending} after {}", minutes(start.elapsed()));
    result
}

/// `12 s` or `3 min 07 s`.
pub fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let dirs = cargo_home.map(|home| home.join("bin")).into_iter().chain(env::split_paths(&path));
    env::join_paths(dirs).unwrap_or(path)
}

/// The program and its first argument, enough to recognise it in a message.
fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let words = [program].into_iter().chain(command.get_args().take(1).map(|arg| arg.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn root_holds_the_lock_file() {
        assert!(root().join("Cargo.lock").is_file(), "{}", root().display());
    }

    #[test]
    fn lines_are_read_and_a_failure_is_named() {
        let mut lines = Vec::new();
        run_reading(&mut command("cargo", &["--version"]), |line| lines.push(line.to_owned())).unwrap();
        assert!(lines[0].starts_with("cargo "), "{lines:?}");
        let error = run(&mut command("cargo", &["no-such-subcommand"])).unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-subcommand` ended with"), "{error}");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(minutes(Duration::from_secs(59)), "59 s");
        assert_eq!(minutes(Duration::from_secs(187)), "3 min 07 s");
    }
}
