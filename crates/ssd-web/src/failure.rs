//! Errors for the page: a JS `Error` whose `name` is a kind of `detector.d.ts` and whose `message` is a sentence.

use ssd::postprocess::ParamsError;
use ssd::sentence;
use ssd::weights::WeightsError;
use ssd_gpu::GpuError;
use wasm_bindgen::{JsCast, JsValue};

/// The kind of an error. A variant's name is the `DetectorErrorName` in `detector.d.ts`.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    WebGpuUnavailable,
    WeightsInvalid,
    SourceInvalid,
    DeviceLost,
}

/// An error on its way to JS.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    sentence: String,
}

impl Failure {
    /// Makes a sentence of a clause: the libraries' messages are clauses, to follow the name of a file.
    pub fn new(kind: Kind, clause: impl AsRef<str>) -> Self {
        Self { kind, sentence: sentence(clause.as_ref()) }
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        Self::new(Kind::WeightsInvalid, error.to_string())
    }
}

impl From<ParamsError> for Failure {
    fn from(error: ParamsError) -> Self {
        Self::new(Kind::SourceInvalid, error.to_string())
    }
}

impl From<GpuError> for Failure {
    fn from(error: GpuError) -> Self {
        let kind = match error {
            GpuError::Params(_) => Kind::SourceInvalid,
            GpuError::Picture { .. } | GpuError::PictureSize { .. } | GpuError::Input { .. } => Kind::SourceInvalid,
            GpuError::Cpu(_) => Kind::WeightsInvalid,
            GpuError::NoDevice(_)
            | GpuError::Kernel { .. }
            | GpuError::NoHalf(_)
            | GpuError::Memory(_)
            | GpuError::Size { .. } => Kind::WebGpuUnavailable,
            GpuError::Malformed(_) | GpuError::Read(_) => Kind::DeviceLost,
        };
        Self::new(kind, error.to_string())
    }
}

/// The message of a JS error.
pub fn message(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| error.message().into())
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let error = js_sys::Error::new(&failure.sentence);
        error.set_name(&format!("{:?}", failure.kind));
        error.into()
    }
}
