//! Weights as the page hands them over: a file of ours is taken as it is, a public checkpoint is converted. What a checkpoint is
//! and how it is converted is not known here, but in [`ssd_import`].

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use js_sys::Uint8Array;
use ssd::weights::{Dtype, Provenance};
use ssd_import::{ByteSource, Conversion, FileError, ImportError, Layout, Options, TensorFile, labels};
use wasm_bindgen::prelude::*;

use crate::failure::{Failure, Kind};
use crate::wire::LoadOptions;

#[wasm_bindgen]
extern "C" {
    /// Bytes on the other side: of a buffer, or of a file of which nothing is held. See `readable` in `web/weights.js`.
    pub type Source;

    #[wasm_bindgen(method, getter)]
    fn size(this: &Source) -> f64;

    /// The bytes `start..end`. It throws where a file is gone or has changed.
    #[wasm_bindgen(method, catch)]
    fn read(this: &Source, start: f64, end: f64) -> Result<Uint8Array, JsValue>;
}

/// The source for its two readers: the index, and whoever takes the file as a whole.
#[derive(Clone)]
struct Shared(Rc<Reader>);

struct Reader {
    source: Source,
    /// What was read last, and from where on: a browser takes a millisecond for any read, and checkpoints are read piece after piece.
    window: RefCell<(u64, Vec<u8>)>,
}

/// Bytes that are read at a time, where less is wanted.
const WINDOW: u64 = 1 << 20;

impl ByteSource for Shared {
    fn len(&self) -> u64 {
        self.0.source.size() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(into.len() as u64).filter(|end| *end <= self.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if into.len() as u64 >= WINDOW {
            return self.0.read(offset, into);
        }
        let mut window = self.0.window.borrow_mut();
        let (start, bytes) = &mut *window;
        if offset < *start || end > *start + bytes.len() as u64 {
            // Nothing is held while it is read, in case that fails.
            *start = offset;
            bytes.clear();
            let mut fresh = vec![0; WINDOW.min(self.len() - offset) as usize];
            self.0.read(offset, &mut fresh)?;
            *bytes = fresh;
        }
        into.copy_from_slice(&bytes[(offset - *start) as usize..][..into.len()]);
        Ok(())
    }
}

impl Reader {
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        // Whole numbers below 2^53, as no file is larger.
        let (start, end) = (offset as f64, (offset + into.len() as u64) as f64);
        let bytes = self.source.read(start, end).map_err(|error| io::Error::other(message(&error)))?;
        if bytes.length() as usize != into.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.copy_to(into);
        Ok(())
    }
}

fn message(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| error.message().into())
}

/// A file that can be used: looked at, and not yet read.
pub struct Import {
    file: TensorFile,
    source: Shared,
    name: Option<String>,
    options: Options,
    /// What a public checkpoint is, in words; nothing for a file of ours.
    pub recognised: Option<String>,
}

/// Bytes of a whole file that are read at a time, which the browser holds a second time.
const PART: usize = 8 << 20;

impl Import {
    /// Looks at a file, by names and shapes alone.
    pub fn open(source: Source, options: &LoadOptions) -> Result<Self, Failure> {
        let source = Shared(Rc::new(Reader { source, window: RefCell::default() }));
        let name = options.name.clone();
        let file = TensorFile::open(Box::new(source.clone())).map_err(|e| refused(name.as_deref(), e.into()))?;
        let provenance = Provenance { source_file: name.clone(), ..Provenance::default() };
        let labels = options.labels.as_ref().map(|lines| labels::from_lines(lines.iter().map(String::as_str)));
        let options = Options { labels, provenance, ..Options::default() };
        let mut import = Self { file, source, name, options, recognised: None };
        import.recognised = in_words(&import.file, &import.plan()?, import.name.as_deref())?;
        Ok(import)
    }

    fn plan(&self) -> Result<Conversion<'_>, Failure> {
        Conversion::plan(&self.file, &self.options).map_err(|error| refused(self.name.as_deref(), error))
    }

    /// Whether the file is used as it lies there.
    pub fn as_it_is(&self) -> bool {
        self.recognised.is_none() && self.options.labels.is_none()
    }

    /// The bytes of a weights file of ours. `progress` hears how many tensors of how many are converted.
    pub fn bytes(&self, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, Failure> {
        if self.as_it_is() {
            return self.whole().map_err(|error| refused(self.name.as_deref(), FileError::from(error).into()));
        }
        self.plan()?.to_bytes(Dtype::F32, progress).map_err(|error| refused(self.name.as_deref(), error))
    }

    fn whole(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let len = usize::try_from(self.source.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.try_reserve_exact(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.resize(len, 0);
        for (index, part) in bytes.chunks_mut(PART).enumerate() {
            self.source.read_at((index * PART) as u64, part)?;
        }
        Ok(bytes)
    }
}

/// Says of which file a sentence is. It is short even where hundreds of tensors are missing.
fn refused(name: Option<&str>, error: ImportError) -> Failure {
    let clause = match error {
        ImportError::Missing { layout, names, .. } => {
            let first = names.first().map_or("", String::as_str);
            let others = names.len().saturating_sub(1);
            format!(
                "it is recognised as {layout}, but {first} and {others} more of its tensors are missing; save the whole model"
            )
        }
        ImportError::Unfit { arch, what } if what.len() > 1 => {
            let (first, others) = (&what[0], what.len() - 1);
            format!("its tensors do not fit {arch}: {first}, and {others} more; it belongs to another network")
        }
        error => error.to_string(),
    };
    let clause = name.map_or(clause.clone(), |name| format!("the file {name} cannot be used: {clause}"));
    Failure::new(Kind::WeightsInvalid, clause)
}

/// What is recognised. A trunk alone finds nothing.
fn in_words(file: &TensorFile, conversion: &Conversion<'_>, name: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(layout) = conversion.layout() else { return Ok(None) };
    let Some(header) = conversion.header() else {
        let name = name.unwrap_or("of weights");
        let clause = format!(
            "the file {name} is a trunk without heads ({layout}), which detects nothing; train a detector on it with `train --init`, \
             or choose a whole detector"
        );
        return Err(Failure::new(Kind::WeightsInvalid, clause));
    };
    let unused = match conversion.unused().len() {
        0 => String::new(),
        count => format!(", {count} of its tensors unused"),
    };
    let (maker, network, classes) = (maker(layout), header.arch.title(), header.labels.len());
    Ok(Some(format!("{maker} {network}, {classes} classes{unused} ({})", file.format())))
}

/// The project that a layout is from, by the name that it is known by.
fn maker(layout: Layout) -> &'static str {
    match layout {
        Layout::TorchvisionSsd300
        | Layout::TorchvisionSsdLite320
        | Layout::TorchvisionResNet
        | Layout::TorchvisionVgg16 => "torchvision",
        Layout::MmdetectionSsd300 => "mmdetection",
        Layout::NvidiaSsd300 => "NVIDIA",
        Layout::LufficcVgg => "lufficc",
        Layout::AmdegrootSsd300 | Layout::AmdegrootVgg16 => "ssd.pytorch",
        Layout::QfgaohaoVgg16 | Layout::QfgaohaoMobileNetV2 | Layout::QfgaohaoMobileNetV1 => "pytorch-ssd",
    }
}
