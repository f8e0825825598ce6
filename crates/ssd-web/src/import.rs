//! Weights as the page passes them: a file of ours is taken as it is, a public checkpoint is converted. [`ssd_import`]
//! knows what a checkpoint is and how it is converted.

use std::cell::RefCell;
use std::io;

use js_sys::Uint8Array;
use ssd::weights::Provenance;
use ssd_import::{ByteSource, Conversion, ImportError, Options, TensorFile, labels};
use wasm_bindgen::prelude::*;

use crate::failure::{Failure, Kind, message};
use crate::wire::LoadOptions;

#[wasm_bindgen]
extern "C" {
    /// Bytes on the other side: of a buffer, or of a file of which nothing is held. See `load` in `web/worker.js`.
    pub type Source;

    #[wasm_bindgen(method, getter)]
    fn size(this: &Source) -> f64;

    /// The bytes `start..end`. It throws where a file is gone or has changed.
    #[wasm_bindgen(method, catch)]
    fn read(this: &Source, start: f64, end: f64) -> Result<Uint8Array, JsValue>;
}

struct Reader {
    source: Source,
    /// What was read last, and from where: any read takes a browser a millisecond, and checkpoints are read in small
    /// pieces.
    window: RefCell<(u64, Vec<u8>)>,
}

/// Bytes that are read at a time, where fewer are wanted.
const WINDOW: u64 = 1 << 20;

impl ByteSource for Reader {
    fn size(&self) -> u64 {
        self.source.size() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(into.len() as u64).filter(|end| *end <= self.size());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if into.len() as u64 >= WINDOW {
            return self.read(offset, into);
        }
        let mut window = self.window.borrow_mut();
        let (start, bytes) = &mut *window;
        if offset < *start || end > *start + bytes.len() as u64 {
            // Nothing is held during the read, in case it fails.
            *start = offset;
            bytes.clear();
            let mut fresh = vec![0; WINDOW.min(self.size() - offset) as usize];
            self.read(offset, &mut fresh)?;
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

/// A file that can be used: opened and recognised, its weights not read yet.
pub struct Import {
    conversion: Conversion,
    name: Option<String>,
    /// What a public checkpoint is, in words; `None` for a file of ours.
    pub recognised: Option<String>,
}

impl Import {
    /// Looks at a file, by names and shapes alone.
    pub fn open(source: Source, options: &LoadOptions) -> Result<Self, Failure> {
        let name = options.name.clone();
        let provenance = Provenance { source_file: name.clone(), ..Provenance::default() };
        let labels = options.labels.as_ref().map(|lines| labels::from_lines(lines.iter().map(String::as_str)));
        let options = Options { labels, provenance, ..Options::default() };
        let source = Reader { source, window: RefCell::default() };
        let file = TensorFile::open(Box::new(source)).map_err(ImportError::from);
        let conversion = file.and_then(|file| Conversion::new(file, &options));
        let conversion = conversion.map_err(|error| refused(name.as_deref(), error))?;
        let recognised = in_words(&conversion, name.as_deref())?;
        Ok(Self { conversion, name, recognised })
    }

    /// Whether the file is used as it is.
    pub fn as_it_is(&self) -> bool {
        self.conversion.plan.done
    }

    /// The bytes of a weights file. `progress` gets the number of converted tensors, and of all.
    pub fn bytes(&self, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, Failure> {
        self.conversion.weights(progress).map_err(|error| refused(self.name.as_deref(), error))
    }
}

/// Names the file in an error, and shortens it where hundreds of tensors are missing.
fn refused(name: Option<&str>, error: ImportError) -> Failure {
    let clause = match error {
        ImportError::Missing { layout, names, .. } => {
            let first = names.first().map_or("", String::as_str);
            let others = names.len().saturating_sub(1);
            format!(
                "it is recognised as {layout}, but {first} and {others} more of its tensors are missing; save the \
                 whole model"
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

/// What is recognised. A trunk alone detects nothing.
fn in_words(conversion: &Conversion, name: Option<&str>) -> Result<Option<String>, Failure> {
    let plan = &conversion.plan;
    let Some(header) = &plan.header else {
        let name = name.unwrap_or("of weights");
        let clause = format!(
            "the file {name} is a trunk without heads ({}), which detects nothing; train a detector on it with \
             `train --init`, or choose a whole detector",
            plan.layout.name
        );
        return Err(Failure::new(Kind::WeightsInvalid, clause));
    };
    if plan.layout.is_own() {
        return Ok(None);
    }
    let unused = match plan.unused.len() {
        0 => String::new(),
        count => format!(", {count} of its tensors unused"),
    };
    let (maker, network, classes) = (plan.layout.maker, header.arch.title(), header.labels.len());
    let what = format!("{maker} {network}, {classes} classes{unused} ({})", conversion.file.format());
    Ok(Some([what].iter().chain(&plan.notes).map(String::as_str).collect::<Vec<_>>().join(". ")))
}
