//! What the operating system has to bring: software Vulkan for the shaders, Chromium and Firefox for the page.
//!
//! On a Debian-like system and as its administrator, apt-get brings them; elsewhere a sentence says what to install.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Where Vulkan drivers announce themselves on Linux.
const DRIVER_DIRS: [&str; 3] = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// The names that Chromium and its relatives go by.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// The names that Firefox goes by.
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];

/// Chrome where macOS keeps it, off the path.
const MAC_BROWSER: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// The description of Mesa's software Vulkan driver, lavapipe, installed if need be. `None` outside Linux: there the
/// tests take the graphics adapter that the system has.
pub fn ensure_software_vulkan() -> Result<Option<PathBuf>> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    if let Some(driver) = software_vulkan() {
        return Ok(Some(driver));
    }
    apt_install(&["mesa-vulkan-drivers", "libvulkan1"])
        .context("software Vulkan (Mesa lavapipe) is missing; Debian's name for it is mesa-vulkan-drivers")?;
    software_vulkan().map(Some).context("mesa-vulkan-drivers is installed, but brought no lavapipe driver")
}

/// The browser for the page tests, installed if need be. `SSD_CHROMIUM` names one that is not on the path.
pub fn ensure_browser() -> Result<PathBuf> {
    if let Some(path) = env::var_os("SSD_CHROMIUM").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("SSD_CHROMIUM names {}, which is not a file; point it at the browser's program", path.display());
    }
    if let Some(path) = browser() {
        return Ok(path);
    }
    apt_install(&["chromium"]).context("Chromium is missing; install it, or name it in the variable SSD_CHROMIUM")?;
    browser().context("the package chromium is installed, but brought no program of that name")
}

/// Firefox for one test of the page, installed if need be. Without it that test is skipped.
pub fn ensure_firefox() -> Result<()> {
    let found = || FIREFOX.iter().any(|name| shell::find(name).is_some());
    if found() || env::var_os("SSD_FIREFOX").is_some() {
        return Ok(());
    }
    apt_install(&["firefox-esr"]).context("Firefox is missing; install it, or name it in the variable SSD_FIREFOX")?;
    if found() { Ok(()) } else { bail!("the package firefox-esr is installed, but brought no program of that name") }
}

fn software_vulkan() -> Option<PathBuf> {
    let entries = DRIVER_DIRS.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    entries.map(|entry| entry.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("lvp_icd") && name.ends_with(".json")
    })
}

fn browser() -> Option<PathBuf> {
    let mac = PathBuf::from(MAC_BROWSER);
    BROWSERS.iter().find_map(|name| shell::find(name)).or_else(|| mac.is_file().then_some(mac))
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let administrator = shell::output("id", &["-u"]).as_deref() == Some("0");
    if !administrator || shell::find("apt-get").is_none() {
        bail!("only an administrator with apt-get can have it installed from here");
    }
    shell::step(&format!("install {}", packages.join(", ")), || {
        shell::run(&mut apt_get(&["update"]))?;
        shell::run(&mut apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat()))
    })
}

fn apt_get(args: &[&str]) -> std::process::Command {
    let mut command = shell::command("apt-get", args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
