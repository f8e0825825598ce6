//! `--init`: a new model from the weights of another, whose classes may differ, in any layout that `convert` reads.

use std::path::Path;

use burn::tensor::Device;
use ssd::loss::ClassLoss;
use ssd::weights::{self, Header, WeightsError};
use ssd::{Arch, Ssd};
use ssd_import::{Conversion, ImportError, Options, TensorFile};
use ssd_learn::surgery::{expecting_little, with_classes};

/// A start that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file of this name cannot be read, is in no known layout or incomplete, or its weights are invalid.
    #[error("{0}: {1}")]
    File(String, #[source] ImportError),
    /// Another network.
    #[error(
        "{path} holds weights for {found}, and {wanted} is to be trained; choose a file of the same architecture or \
         change --arch"
    )]
    Arch {
        /// The file.
        path: String,
        /// Its network.
        found: Arch,
        /// The one asked for.
        wanted: Arch,
    },
}

/// The file to start from, opened and recognised once.
pub struct Start {
    path: String,
    conversion: Conversion,
}

impl Start {
    /// Opens the file. Its weights are not read yet.
    ///
    /// # Errors
    /// When the file cannot be read, is in no known layout or incomplete.
    pub fn open(path: &Path) -> Result<Self, InitError> {
        let name = path.display().to_string();
        let file = TensorFile::open_path(path).map_err(ImportError::from);
        match file.and_then(|file| Conversion::new(file, &Options::default())) {
            Ok(conversion) => Ok(Self { path: name, conversion }),
            Err(error) => Err(InitError::File(name, error)),
        }
    }

    /// The network, if the file holds a detector.
    pub fn detector(&self) -> Option<Arch> {
        self.conversion.plan.header.as_ref().map(|header| header.arch)
    }

    /// What the file says about itself, if it is a detector of `arch`: its heads were trained for its priors, and its
    /// trunk for its pixels.
    pub fn header(&self, arch: Arch) -> Option<&Header> {
        self.conversion.plan.header.as_ref().filter(|header| header.arch == arch)
    }

    /// The weights file of the detector in it.
    ///
    /// # Errors
    /// When the file cannot be read, or its weights are invalid.
    pub fn detector_file(&self) -> Result<Vec<u8>, InitError> {
        self.conversion.weights(&mut |_, _| {}).map_err(|error| InitError::File(self.path.clone(), error))
    }

    /// The model to start from, and a sentence on what was taken over.
    ///
    /// # Errors
    /// When the file is of another architecture, cannot be read, or its weights are invalid.
    pub fn model(&self, header: &Header, device: &Device) -> Result<(Ssd, String), InitError> {
        let plan = &self.conversion.plan;
        let (path, found, wanted) = (self.path.clone(), plan.arch, header.arch);
        // A trunk under our names may be a part of several networks.
        let fits = found == wanted
            || plan.header.is_none() && (plan.layout.is_own() || found.trunk().shares_weights_with(wanted.trunk()));
        if !fits {
            return Err(InitError::Arch { path, found, wanted });
        }
        let what = if plan.layout.is_own() { path.clone() } else { format!("{path} ({})", plan.layout.name) };
        // Of a trunk that only shares weights with the wanted one, those that do.
        let shared = plan.header.is_none() && !plan.layout.is_own() && found != wanted;
        let bytes = match shared {
            true => self.conversion.trunk_weights(wanted, &mut |_, _| {}),
            false => self.conversion.weights(&mut |_, _| {}),
        };
        let model = bytes.and_then(|bytes| match plan.header {
            Some(_) => Ok(detector(bytes, &what, header, device)?),
            None => Ok(trunk(bytes, &what, header, device)?),
        });
        model.map_err(|error| InitError::File(path, error))
    }
}

/// From a detector of the same network: it gives all weights but those of classes it does not know.
fn detector(bytes: Vec<u8>, what: &str, header: &Header, device: &Device) -> Result<(Ssd, String), WeightsError> {
    let (source, model) = weights::load(bytes, device)?;
    let scores = |header: &Header| header.score_activation;
    if source.labels == header.labels && scores(&source) == scores(header) {
        return Ok((model, format!("Starting from {what}, all weights taken over.")));
    }
    let (model, kept) = with_classes(model, &source, header, device);
    let news = if scores(&source) == scores(header) {
        classes_told(&source.labels, &header.labels, &kept)
    } else {
        let (was, now) = (ClassLoss::of(scores(&source)), ClassLoss::of(scores(header)));
        format!("its scores are for the class loss {was}, not {now}, so all class predictors are new")
    };
    Ok((model, format!("Starting from {what}: {news}.")))
}

/// Which classes go on from those of a file, and which are new.
fn classes_told(old: &[String], new: &[String], kept: &[Option<usize>]) -> String {
    let pairs = || new.iter().zip(kept.iter().map(|place| place.and_then(|place| old.get(place))));
    let taken = pairs().filter_map(|(name, old)| match old? {
        old if old == name => Some(name.clone()),
        old => Some(format!("{name} ({old} there)")),
    });
    let fresh = pairs().filter(|(_, old)| old.is_none()).map(|(name, _)| name.clone());
    let (taken, fresh): (Vec<String>, Vec<String>) = (taken.collect(), fresh.collect());
    let known = old.len();
    match (taken.join(", "), fresh.join(", ")) {
        (taken, fresh) if taken.is_empty() => format!("none of its {known} classes is among these; new are {fresh}"),
        (taken, fresh) if fresh.is_empty() => format!("of its {known} classes it goes on with {taken}; none is new"),
        (taken, fresh) => format!("of its {known} classes it goes on with {taken}; new are {fresh}"),
    }
}

/// From a file that is not a detector, but has tensors of a trunk.
fn trunk(bytes: Vec<u8>, what: &str, header: &Header, device: &Device) -> Result<(Ssd, String), WeightsError> {
    let (model, taken, missing) = weights::load_trunk(bytes, header.arch, header.columns(), device)?;
    let anew = match missing.first() {
        Some(first) => format!("{first} and {} more of the trunk, and all heads, are made anew", missing.len() - 1),
        None => "the heads are made anew".into(),
    };
    let model = expecting_little(model, header);
    Ok((model, format!("Starting from {what}, a trunk alone: {taken} tensors taken over; {anew}.")))
}
