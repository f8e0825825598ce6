//! Errors for the page: a JS `Error` with a name of `detector.d.ts` and a sentence.

use ssd::sentence;
use ssd_teach::TeachError;
use wasm_bindgen::JsValue;

/// The weights cannot be used.
pub const WEIGHTS: &str = "WeightsInvalid";

/// What was given cannot be used.
pub const SOURCE: &str = "SourceInvalid";

/// An error named `name` with a sentence made of a clause.
pub fn failure(name: &str, clause: &str) -> JsValue {
    let error = js_sys::Error::new(&sentence(clause));
    error.set_name(name);
    error.into()
}

/// By its kind: weights that cannot be taught, or pictures and classes that cannot be learned.
pub fn of_teaching(error: TeachError) -> JsValue {
    let name = match error {
        TeachError::Weights(_) | TeachError::Network(_) | TeachError::Softmax => WEIGHTS,
        TeachError::NoClasses | TeachError::NoPictures | TeachError::AllKnown(_) | TeachError::Diverged(..) => SOURCE,
    };
    failure(name, &error.to_string())
}
