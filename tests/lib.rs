//! What the tests share: where things lie, and how a test says that it did not run. No test is here.

use std::path::{Path, PathBuf};

/// The workspace root.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Says that a test did not run: `SKIPPED name: why`, the line that `cargo xtask test` collects.
pub fn skipped(name: &str, why: &str) {
    println!("SKIPPED {name}: {why}");
}

/// A folder or file of third-party data that is not part of the project: below `SSD_DATA`, or `../shared/data` beside the
/// workspace. Where it is absent the test is skipped: this says so and returns `None`.
pub fn shared_data(test: &str, path: &str) -> Option<PathBuf> {
    let data = std::env::var_os("SSD_DATA").map(PathBuf::from);
    let found = data.unwrap_or_else(|| workspace_root().join("../shared/data")).join(path);
    if !found.exists() {
        skipped(test, &format!("the data set {path} is absent; name the folder that holds it in SSD_DATA"));
        return None;
    }
    Some(found)
}

/// A native program: in the folder that `SSD_BIN_DIR` names, else beside the test program. It has to be built before, as
/// `cargo xtask test` does; where it is not, the test fails, for nothing is missing but that.
pub fn program(name: &str) -> PathBuf {
    let named = std::env::var_os("SSD_BIN_DIR").map(PathBuf::from);
    // The test program lies in `deps`, one below.
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.to_path_buf());
    let folder = named.or_else(beside).unwrap_or_default();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built; run `cargo xtask test`, which builds it first", path.display());
    path
}
