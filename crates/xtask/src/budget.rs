//! The limits on what a visitor downloads.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::workspace::BURN_FOLDER;
use crate::{package, shell, standalone, workspace};

/// The wasm as a static server sends it, gzip at its best: the tensor library without its compiler of shaders, which is
/// in Burn's engine alone, is half of it.
const WASM_GZIP_LIMIT: u64 = 700 * 1024;

/// The wasm as a browser compiles it.
const WASM_LIMIT: u64 = 2_250_000;

/// Burn's engine, which only measuring loads, gzipped.
const BURN_GZIP_LIMIT: u64 = 2_600 * 1024;

/// The page's own scripts, as written, comments included. A seventh is the detector's; strips of pictures, videos and
/// files of results, tracks, use without a network and “How SSD sees” have a seventh each.
const SCRIPT_LIMIT: u64 = 170 * 1024;

/// Those of them that another page loads: the detector's. A third is for starting anywhere, fetching, caching and
/// healing; what it loads on demand is not counted.
const DETECTOR_SCRIPT_LIMIT: u64 = 24 * 1024;

/// The measuring page's scripts, as written: `bench.html` loads them, the page itself does not.
const BENCH_SCRIPT_LIMIT: u64 = 32 * 1024;

/// Teaching's scripts, as written: fetched when somebody opens it. Half is for labelling, a fifth for data sets.
const TEACH_SCRIPT_LIMIT: u64 = 114 * 1024;

/// All that the page loads without a click: the wasm as it is sent, the default model, samples, scripts and styles.
const VISIT_LIMIT: u64 = 9_500_000;

/// What is loaded on demand, gzipped: the wasm of teaching and explaining, and that of tracks.
const LAB_GZIP_LIMIT: u64 = 850 * 1024;
const TRACK_GZIP_LIMIT: u64 = 64 * 1024;

/// The page in one file: its scripts, styles and wasms, the default model and its samples, a third more as base64.
const STANDALONE_LIMIT: u64 = 12_500_000;

/// Measures `dist/` and fails where a limit is passed.
pub fn check() -> Result<()> {
    let dist = shell::root().join("dist");
    // The form that most browsers load. The other one has two instructions for one in a few loops.
    let wasm = vec![dist.join("wasm/ssd-web_relaxed.wasm")];
    let (bench, page): (Vec<PathBuf>, Vec<PathBuf>) = files(&dist, "js")?.into_iter().partition(|path| is_bench(path));
    let (mut teach, page): (Vec<PathBuf>, Vec<PathBuf>) = page.into_iter().partition(|path| is_teaching(path));
    for folder in ["teach", "teach/datasets"] {
        teach.extend(files(&dist.join(folder), "js")?);
    }
    within("wasm, gzipped", &sizes(&wasm, gzipped)?, WASM_GZIP_LIMIT)?;
    within("wasm", &sizes(&wasm, size)?, WASM_LIMIT)?;
    let burn = files(&dist.join(BURN_FOLDER), "wasm")?;
    within("the wasm of Burn's engine, gzipped", &sizes(&burn, gzipped)?, BURN_GZIP_LIMIT)?;
    within("the lab's wasm, gzipped", &sizes(&[dist.join("lab/ssd-lab_relaxed.wasm")], gzipped)?, LAB_GZIP_LIMIT)?;
    within("the tracker's wasm, gzipped", &sizes(&files(&dist.join("track"), "wasm")?, gzipped)?, TRACK_GZIP_LIMIT)?;
    within("the page's own scripts", &sizes(&page, size)?, SCRIPT_LIMIT)?;
    let detector = package::SCRIPTS.map(|name| dist.join(name));
    within("the detector's scripts", &sizes(&detector, size)?, DETECTOR_SCRIPT_LIMIT)?;
    within("the measuring page's scripts", &sizes(&bench, size)?, BENCH_SCRIPT_LIMIT)?;
    within("the page in one file", &sizes(&[dist.join(standalone::NAME)], size)?, STANDALONE_LIMIT)?;
    within("teaching's scripts", &sizes(&teach, size)?, TEACH_SCRIPT_LIMIT)?;
    let mut visit = sizes(&wasm, gzipped)?;
    let start = vec![dist.join("index.html"), workspace::default_model(&dist.join("models"))?];
    let (glue, samples) = (files(&dist.join("wasm"), "js")?, files(&dist.join("samples"), "jpg")?);
    let others = [page, files(&dist, "css")?, glue, samples, start];
    visit.extend(sizes(&others.concat(), size)?);
    within("a visit", &visit, VISIT_LIMIT)
}

fn sizes(paths: &[PathBuf], size: impl Fn(&Path) -> Result<u64>) -> Result<Vec<u64>> {
    paths.iter().map(|path| size(path)).collect()
}

/// Whether a script is the measuring page's: its name begins with that page's.
fn is_bench(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem == "bench" || stem.starts_with("bench-"))
}

/// Whether a script of `dist/` itself is fetched for teaching, which shares the lab with “How SSD sees”.
fn is_teaching(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "teach.js" || name == "lab.js" || name == "lab-worker.js")
}

/// Prints the sum beside its limit. Nothing to measure is an error: it would always be within.
fn within(what: &str, sizes: &[u64], limit: u64) -> Result<()> {
    if sizes.is_empty() {
        bail!("dist/ holds no file to measure for {what}; build the page first");
    }
    let sum: u64 = sizes.iter().sum();
    let kib = |bytes: u64| bytes.div_ceil(1024);
    println!("{what}: {} KiB of {} KiB", kib(sum), kib(limit));
    if sum > limit {
        bail!("{what} takes {} KiB and may take {} KiB", kib(sum), kib(limit));
    }
    Ok(())
}

/// The files with that ending right in `dir`, not below it.
fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} cannot be read; build the page", dir.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == ending)).collect())
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("{} cannot be measured", path.display()))?.len())
}

fn gzipped(path: &Path) -> Result<u64> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_limit_holds_to_the_byte_and_nothing_is_no_size() {
        assert!(within("x", &[40, 60], 100).is_ok());
        assert!(within("x", &[40, 61], 100).is_err());
        assert!(within("x", &[], 100).is_err());
    }

    #[test]
    fn the_measuring_page_has_a_budget_of_its_own() {
        let names = ["main.js", "bench.js", "bench-ort.js", "benches.js", "workbench.js"];
        assert_eq!(names.map(|name| is_bench(Path::new(name))), [false, true, true, false, false]);
    }

    #[test]
    fn only_files_of_the_folder_itself_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wasm")).unwrap();
        for name in ["main.js", "style.css", "wasm/glue.js"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        assert_eq!(files(dir.path(), "js").unwrap(), [dir.path().join("main.js")]);
    }
}
