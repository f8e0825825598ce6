//! The package in other people's builds. Vite and webpack come from npm's registry into a temporary folder: without npm
//! or registry these tests are skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use ssd_tests::{skip, workspace_root};

use super::page::{Gpu, PATIENCE, Page, scenario};
use super::server::{Extra, Server};
use super::shipped::default_model;

/// What is installed, at the versions that these tests were written for.
const BUNDLERS: [&str; 3] = ["vite@8.4.0", "webpack@5.113.0", "webpack-cli@7.3.1"];

/// The developer's page: `WEIGHTS` makes `weights`, as the bundler's users write it.
const APP: &str = "
    import { Detector } from 'ssd-detector';
    WEIGHTS
    window.outcome = (async () => {
        const picture = await createImageBitmap(await (await fetch('sample.jpg')).blob());
        const detector = await Detector.load({ weights, backend: 'cpu' });
        const { detections } = await detector.detect(picture);
        return detections.length;
    })().catch(({ name, message }) => `${name}: ${message}`);
";

#[test]
fn a_build_by_vite_or_webpack_detects_under_any_path() {
    let package = package();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let app = folder.path();
    install(app, &package);
    scenario("bundlers", Gpu::None, |page| {
        let model = default_model(page)?.weights;
        let model = format!("ssd-detector/models/{}", model.file_name().context("it has a name")?.display());
        let vite = format!("import weights from '{model}?url';");
        std::fs::write(app.join("vite.js"), APP.replace("WEIGHTS", &vite))?;
        std::fs::write(app.join("index.html"), "<!doctype html><script type=module src=./vite.js></script>")?;
        let webpack = format!("const weights = new URL('{model}', import.meta.url);");
        std::fs::write(app.join("webpack.js"), APP.replace("WEIGHTS", &webpack))?;
        let far = Server::start(&app.join("far"))?;
        far.head("Access-Control-Allow-Origin: *\r\n");

        for (base, out) in [("/some/sub/path/", "near"), (&far.url(""), "far")] {
            done(program(app, "vite").args(["build", "--base", base, "--outDir", out, "--logLevel", "warn"]))?;
            // What refers to another site is shown by a page of this one.
            let shown = app.join(out).join("index.html");
            detects(page, &app.join(out), std::fs::read(shown)?, &format!("Vite, {out}"))?;
        }
        done(program(app, "webpack").args([
            "--mode",
            "production",
            "--entry",
            "./webpack.js",
            "--output-path",
            "packed",
        ]))?;
        let html = b"<!doctype html><script defer src=main.js></script>".to_vec();
        detects(page, &app.join("packed"), html, "webpack")
    });
}

/// Opens a built page and waits for its detections.
fn detects(page: &mut Page, built: &Path, html: Vec<u8>, what: &str) -> Result<()> {
    let server = Server::start(built)?;
    let sample = std::fs::read(default_model(page)?.sample)?;
    server.put("built.html", Extra { bytes: html, ..Extra::default() });
    server.put("sample.jpg", Extra { bytes: sample, ..Extra::default() });
    page.visit(&server.url("built.html"))?;
    page.wait_for("'outcome' in window", PATIENCE)?;
    let outcome = page.eval("window.outcome")?;
    ensure!(outcome.as_u64() > Some(0), "{what}: {outcome}");
    Ok(())
}

/// The package's folder.
fn package() -> PathBuf {
    let package = workspace_root().join("dist-package");
    if !package.join("package.json").is_file() {
        let why = "dist-package/ is not there; run `cargo xtask package`";
        assert!(std::env::var_os("SSD_REQUIRE_WEB").is_none(), "{why}");
        skip(why);
    }
    package
}

/// Bundlers and package in a new project of that folder.
fn install(app: &Path, package: &Path) {
    let manifest = r#"{ "name": "app", "private": true, "type": "module" }"#;
    std::fs::write(app.join("package.json"), manifest).expect("the folder takes a file");
    let npm = |args: &[&str]| {
        let common = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"];
        Command::new("npm").args(common).args(args).current_dir(app).output()
    };
    match npm(&BUNDLERS) {
        Err(error) => skip(format!("npm is absent ({error})")),
        Ok(output) if !output.status.success() => skip(format!("npm's registry is out of reach: {}", last(&output))),
        Ok(_) => {}
    }
    // A copy, as from a registry, and not a link.
    let package = package.to_str().expect("the folder has a name in UTF-8");
    let output = npm(&["--install-links", "--offline", package]).expect("npm has run before");
    assert!(output.status.success(), "the package cannot be installed: {}", last(&output));
}

fn program(app: &Path, name: &str) -> Command {
    let mut command = Command::new(app.join("node_modules/.bin").join(name));
    command.current_dir(app);
    command
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let (said, cried) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {said}\n{cried}");
    Ok(())
}

/// What a program complained of last.
fn last(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why").to_owned()
}
