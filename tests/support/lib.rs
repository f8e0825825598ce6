//! What the tests share: the harness, folders, running a program, weights by rule. No test is here.

pub mod fixture;
pub mod fresh;
mod gpu;
pub mod harness;
pub mod run;

use std::path::{Path, PathBuf};

pub use gpu::gpu;
pub use harness::skip;
pub use ssd_tests_macros::test;

/// The workspace root.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A folder or file of third-party data that is not part of the project: below `SSD_DATA`, or `../shared/data` beside
/// the workspace. Where it is absent the test is skipped.
pub fn shared_data(path: &str) -> PathBuf {
    let data = std::env::var_os("SSD_DATA").map(PathBuf::from);
    let found = data.unwrap_or_else(|| workspace_root().join("../shared/data")).join(path);
    if !found.exists() {
        skip(format!("the data set {path} is absent; name the folder that holds it in SSD_DATA"));
    }
    found
}

/// A native program: in the folder that `SSD_BIN_DIR` names, else beside the test program. It has to be built before,
/// as `cargo xtask test` does; where it is not, the test fails.
pub fn program(name: &str) -> PathBuf {
    let named = std::env::var_os("SSD_BIN_DIR").map(PathBuf::from);
    // The test program lies in `deps`, one below.
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.to_path_buf());
    let folder = named.or_else(beside).unwrap_or_default();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built; run `cargo xtask test`, which builds it first", path.display());
    path
}

/// The `i`-th of a sequence of numbers from 0 to 1 that a name seeds: FNV-1a of the name, then splitmix64, 24 bits. The
/// same on every machine, whatever else draws at the same time, and in the scripts below `fixtures/checkpoints`.
pub fn drawn(name: &str, i: u64) -> f64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let mut x = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f64 / f64::from(1 << 24)
}
