//! Ctrl-C, which ends a run after its step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::console;

/// Set by Ctrl-C: the current step is finished, then the run stops. A second Ctrl-C ends the program at once, losing
/// what was learned since the last checkpoint.
pub(crate) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = stop.clone();
    let on_interrupt = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        console::note("Stopping after this step; Ctrl-C again stops at once.");
    };
    // Without a handler, Ctrl-C ends the program at once; the last checkpoint remains.
    let _ = ctrlc::set_handler(on_interrupt);
    stop
}
