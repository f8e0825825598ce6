//! `cargo xtask test`: every test there is, in the order of what breaks first and costs least.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::bail;

use crate::tally::Tally;
use crate::workspace::SELECTION;
use crate::{budget, build, lint, package, shell, system};

/// Where the browser tests stand in the integration program, by the start of their names.
const WEB: &str = "web::";

/// Runs everything, goes on after a failure, and ends with the list of what was skipped.
pub fn run() -> anyhow::Result<()> {
    let mut tally = Tally::default();
    lint::quick(&mut tally);
    // Their output stays hidden: it holds made-up lines of the kind that the tally looks for.
    tally.tests("tests of xtask", &mut shell::command("cargo", &["test", "-p", "xtask", "--profile", "xtask"]));

    let driver = tally.step("software Vulkan", system::ensure_software_vulkan).flatten();
    let driver = driver.as_deref();
    // Side by side: each has minutes in which it keeps one core busy, and the other one idle.
    let (programs, page) = thread::scope(|scope| {
        let page = scope.spawn(build::run);
        let programs = tally.step("build the native programs", || {
            let args = [&["build", "--bins"][..], &SELECTION[..]].concat();
            shell::run(&mut shell::command("cargo", &args))
        });
        (programs, page.join().unwrap_or_else(|_| bail!("building it panicked")))
    });
    if programs.is_some() {
        // Not the programs: they hold no tests, and each would be linked a second time.
        tally.tests("native tests", &mut cargo_test(&["--lib", "--test", "*"], &["--skip", WEB], driver));
    } else {
        tally.skip("native tests: the native programs did not build");
    }

    let page = tally.step("page", || page);
    if page.is_some() {
        tally.step("size budgets", budget::check);
        tally.step("package", || package::assemble(true));
    }
    let browser = tally.step("browser", system::ensure_browser);
    if let Err(error) = system::ensure_firefox() {
        eprintln!("{error:#}");
    }
    match (programs, page, browser) {
        (Some(()), Some(_), Some(browser)) => {
            let mut tests = cargo_test(&["--test", "all"], &[WEB], driver);
            tests.env("SSD_CHROMIUM", browser).env("SSD_REQUIRE_WEB", "1");
            tally.tests("tests of the page", &mut tests);
        }
        (None, _, _) => tally.skip("tests of the page: the native programs did not build"),
        (_, None, _) => tally.skip("tests of the page: the page did not build"),
        (_, _, None) => tally.skip("tests of the page: there is no browser"),
    }
    tally.finish()
}

/// `cargo test` of these targets. Software Vulkan is forced where there is one, so that a
/// machine with a graphics card gives the same results; a driver that the caller named stays.
fn cargo_test(targets: &[&str], filter: &[&str], driver: Option<&Path>) -> Command {
    let args = [&["test", "--no-fail-fast"], &SELECTION[..], targets, &["--"], filter].concat();
    let mut command = shell::command("cargo", &args);
    command.env("SSD_BIN_DIR", shell::target_dir().join("debug"));
    let named = |variable: &str| std::env::var_os(variable).is_some();
    if let Some(driver) = driver
        && !named("VK_DRIVER_FILES")
        && !named("VK_ICD_FILENAMES")
    {
        // Loaders before 1.3.207 know only the second name.
        command.env("VK_DRIVER_FILES", driver).env("VK_ICD_FILENAMES", driver);
    }
    command
}
