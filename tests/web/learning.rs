//! Learning as wasm, in a browser: what the page's own training will stand on. No page of ours is loaded.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::Value;
use ssd_tests::skip;

use super::page::{Gpu, scenario};
use super::server::{BLANK, Extra};

/// Both sum in another order here and there, and ten steps make more of that.
const TOLERANCE: f32 = 1e-4;

/// The glue and the wasm of `tests/wasm`, as `cargo xtask wasm-tests` builds them.
fn built() -> Option<PathBuf> {
    std::env::var_os("SSD_WASM_TESTS").map(PathBuf::from)
}

#[test]
fn ten_steps_in_the_browser_have_the_losses_of_the_native_run() {
    let folder =
        built().unwrap_or_else(|| skip("SSD_WASM_TESTS does not name the folder that `cargo xtask wasm-tests` writes"));
    scenario("learning", Gpu::None, |page| {
        for name in ["ssd_wasm_tests.js", "ssd_wasm_tests_bg.wasm"] {
            let bytes = std::fs::read(folder.join(name)).with_context(|| format!("{name} is not there"))?;
            page.server.put(name, Extra { bytes, ..Extra::default() });
        }
        page.open(BLANK)?;
        let steps = page.eval(
            "(async () => {
                const { default: start, losses } = await import(new URL('./ssd_wasm_tests.js', location.href));
                await start();
                return Array.from(losses());
            })()",
        )?;
        let here: Vec<f32> = steps
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_f64).map(|loss| loss as f32).collect())
            .unwrap_or_default();
        let native = ssd_wasm_tests::losses();
        ensure!(here.len() == native.len(), "{} losses in the browser: {steps}", here.len());
        eprintln!("in the browser {here:?}, natively {native:?}");
        let close = |(here, native): (&f32, &f32)| (here - native).abs() <= TOLERANCE * native.abs();
        ensure!(here.iter().zip(&native).all(close), "in the browser {here:?}, natively {native:?}");
        ensure!(native[0] > 0.0 && native.iter().all(|loss| loss.is_finite()), "no losses: {native:?}");
        ensure!(native[native.len() - 1] < native[0], "nothing was learned: {native:?}");
        Ok(())
    });
}
