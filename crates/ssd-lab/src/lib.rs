//! The lab: what the page loads on demand, into a worker of its own. Its CPU is all that it needs.
//!
//! A door without an algorithm: teaching is `ssd_teach`, explaining `ssd::postprocess::explain`. Everything is for
//! wasm32; a native build of this crate is empty.
#![cfg(target_arch = "wasm32")]

mod failure;
mod lesson;
mod sight;
mod wire;

pub use lesson::WasmLesson;
pub use sight::WasmSight;

#[allow(unsafe_code, reason = "the linker defines the function, and it is called before all others")]
mod constructors {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }

    /// Runs the static constructors of all crates once; otherwise each call of an export would.
    pub fn run() {
        // SAFETY: it has no arguments, and this is the first and only call.
        unsafe { __wasm_call_ctors() }
    }
}

/// Runs when the module is instantiated. Panics go to the console.
#[wasm_bindgen::prelude::wasm_bindgen(start)]
fn start() {
    constructors::run();
    console_error_panic_hook::set_once();
}
