//! Which of a file's tensors becomes which of ours, decided by names and shapes.

use std::collections::{BTreeMap, HashSet};

use ssd::Arch;
use ssd::model::{TensorSpec, tensors};
use ssd::preprocess::Normalization;
use ssd::weights::{Header, Provenance};

use super::error::{ImportError, listed};
use super::names::checked;
use super::pieces::{Numbers, Piece};
use super::tensorflow::{self, Found};
use crate::error::quoted;
use crate::file::{Format, TensorFile};
use crate::labels;
use crate::layout::{Contents, Habits, Layout, Origin, Recognised, Sizes, own, priors, recognise};
use crate::tflite::Graph;

/// What the user may say about a conversion.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The layout; found by names and shapes if it is not given.
    pub layout: Option<&'static Layout>,
    /// Class names without background; known lists or numbers if they are not given.
    pub labels: Option<Vec<String>>,
    /// Sizes of the priors, where files of the layout exist with several.
    pub sizes: Option<Sizes>,
    /// What the weights file says about its source.
    pub provenance: Provenance,
}

/// An open file that was recognised, and how it becomes a weights file.
#[derive(Debug)]
pub struct Conversion {
    /// The file.
    pub file: TensorFile,
    /// What was decided, by names and shapes.
    pub plan: Plan,
}

/// Which of a file's tensors becomes which of ours.
#[derive(Debug)]
pub struct Plan {
    /// What was recognised.
    pub layout: &'static Layout,
    /// The network.
    pub arch: Arch,
    /// What the weights file will say about itself; `None` for a trunk.
    pub header: Option<Header>,
    /// Tensors among the network's that are not part of it.
    pub unused: Vec<String>,
    /// What the file holds besides the network, such as an optimiser's state: the first part of the names, and their
    /// number.
    pub beside: BTreeMap<String, usize>,
    /// Whether the file is a weights file already, in which nothing changes.
    pub done: bool,
    /// What differs from what the file's own project would do with it, a sentence each.
    pub notes: Vec<String>,
    pub(super) pieces: Vec<Piece>,
    /// How pixels entered the trunk, where that is not how they will.
    pub(super) pixels: Option<Normalization>,
}

impl Conversion {
    /// Recognises a file and plans its conversion. Of its numbers hardly any are read.
    ///
    /// # Errors
    ///
    /// When no layout fits, tensors are missing or of another shape, or an option does not fit the file.
    pub fn new(file: TensorFile, options: &Options) -> Result<Self, ImportError> {
        let plan = Plan::new(&file, options).map_err(|error| error.for_want_of(&file))?;
        Ok(Self { file, plan })
    }

    /// The tensors that will be written.
    pub fn specs(&self) -> impl Iterator<Item = &TensorSpec> {
        self.plan.pieces.iter().map(|piece| &piece.spec)
    }
}

impl Plan {
    fn new(file: &TensorFile, options: &Options) -> Result<Self, ImportError> {
        if let Some(json) = file.metadata().get("ssd") {
            let header = Header::parse(json)?;
            let found = own::detector(file, header.arch);
            return Self::of_own(&found, Some(header), options);
        }
        if let Some(graph) = file.graph() {
            return Self::of_graph(file, graph, options);
        }
        let found = recognise(file, options.layout).ok_or_else(|| ImportError::unknown(file, options.layout))?;
        match &found.layout.contents {
            Contents::Own => Self::of_own(&found, None, options),
            Contents::Detector(habits) => Self::of_detector(&found, habits, options),
            Contents::Trunk(pixels) => Ok(Self { pixels: pixels(&found.tensors)?, ..Self::of_trunk(&found, options)? }),
        }
    }

    /// Our own file, to be relabelled or stored otherwise. A trunk is what the file has of it.
    fn of_own(found: &Recognised<'_>, header: Option<Header>, options: &Options) -> Result<Self, ImportError> {
        if options.layout.is_some() || options.sizes.is_some() {
            let why = "the file is one of this project, which says both itself";
            return Err(ImportError::Option("layout and sizes of priors", why));
        }
        let done = found.tensors.file.format() == Format::Safetensors && options.labels.is_none();
        let Some(mut header) = header else { return Ok(Self { done, ..Self::of_trunk(found, options)? }) };
        if let Some(labels) = &options.labels {
            header.labels = checked(labels, header.classes())?;
        }
        let plan = Self::take(found, tensors(header.arch, header.columns()))?;
        Ok(Self { header: Some(header), done, ..plan })
    }

    /// A file of TensorFlow Lite, which says itself what its network does.
    fn of_graph(file: &TensorFile, graph: &Graph, options: &Options) -> Result<Self, ImportError> {
        if options.layout.is_some() || options.sizes.is_some() {
            let why = "a TensorFlow Lite file says both itself";
            return Err(ImportError::Option("layout and sizes of priors", why));
        }
        let Found { layout, arch, header, pieces, unused, pixels, notes } =
            tensorflow::read(file, graph, options.labels.as_deref(), &options.provenance)?;
        Ok(Self { layout, arch, header, unused, beside: BTreeMap::new(), done: false, pieces, pixels, notes })
    }

    fn of_detector(found: &Recognised<'_>, habits: &Habits, options: &Options) -> Result<Self, ImportError> {
        let arch = found.arch;
        let classes = classes(found)?;
        let plan = Self::take(found, tensors(arch, classes))?;
        let names = match &options.labels {
            Some(names) => checked(names, classes)?,
            None => labels::known_or_numbers(classes),
        };
        let sizes = (habits.sizes)(classes);
        if options.sizes.is_some() && sizes.is_none() {
            let why = "files of this layout have one set of them";
            return Err(ImportError::Option("sizes of priors", why));
        }
        let header = Header {
            normalization: habits.normalization,
            priors: priors(arch, options.sizes.or(sizes), habits.clip),
            iou: habits.iou,
            top_k: habits.top_k,
            max: habits.max,
            ..Header::new(arch, names, options.provenance.clone())
        };
        Ok(Self { header: Some(header), ..plan })
    }

    /// A trunk of another project has to be whole as far as its layout goes; training makes the rest anew.
    fn of_trunk(found: &Recognised<'_>, options: &Options) -> Result<Self, ImportError> {
        if options.labels.is_some() || options.sizes.is_some() {
            let why = "a trunk has neither classes nor priors";
            return Err(ImportError::Option("labels and sizes of priors", why));
        }
        let is_part = |spec: &TensorSpec| match found.rules.origin(&spec.path) {
            Some(Origin::Tensor { name, .. }) => !found.layout.is_own() || found.tensors.has(name),
            origin => origin.is_some(),
        };
        let plan = Self::take(found, tensors(found.arch, 2).into_iter().filter(is_part).collect())?;
        // A deeper network of the family has all that this one has.
        if !plan.unused.is_empty() && !found.layout.is_own() {
            let what = format!("it is deeper than this trunk, which has no {}", listed(&plan.unused));
            return Err(ImportError::Unfit { arch: found.arch, what: vec![what] });
        }
        Ok(plan)
    }

    /// Finds every tensor of `specs` in the file.
    fn take(found: &Recognised<'_>, specs: Vec<TensorSpec>) -> Result<Self, ImportError> {
        let Recognised { layout, tensors, arch, rules } = found;
        let (mut pieces, mut missing, mut used, mut unfit) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
        for spec in specs {
            let (name, order) = match rules.origin(&spec.path) {
                Some(Origin::Tensor { name, order }) => (name, *order),
                Some(Origin::Constant(value)) => {
                    pieces.push(Piece { spec, from: Numbers::Constant(*value) });
                    continue;
                }
                None => {
                    missing.push(spec.path);
                    continue;
                }
            };
            let Some(info) = tensors.get(name) else {
                missing.push(format!("{}{name}", tensors.prefix));
                continue;
            };
            used.insert(info.name.as_str());
            if !info.can_be_weights() {
                unfit.push(format!("{} holds {}, and weights are floats", quoted(&info.name), info.dtype));
            } else if info.has_shape(&spec.shape) {
                pieces.push(Piece { spec, from: Numbers::Tensor(info.clone(), order) });
            } else {
                unfit.push(format!("{} is {:?}, not {:?}", quoted(&info.name), info.shape, spec.shape));
            }
        }
        let (mut unused, mut beside) = (Vec::new(), BTreeMap::new());
        for info in tensors.file.tensors().iter().filter(|info| !used.contains(info.name.as_str())) {
            match info.name.strip_prefix(&tensors.prefix) {
                Some(name) if rules.ignores(name) => {}
                Some(_) => unused.push(info.name.clone()),
                None => *beside.entry(first_part(&info.name)).or_insert(0) += 1,
            }
        }
        if !missing.is_empty() {
            return Err(ImportError::Missing { layout: layout.name, names: missing, unused });
        }
        if !unfit.is_empty() {
            return Err(ImportError::Unfit { arch: *arch, what: unfit });
        }
        Ok(Self {
            layout,
            arch: *arch,
            header: None,
            unused,
            beside,
            done: false,
            pieces,
            pixels: None,
            notes: Vec::new(),
        })
    }
}

/// The most classes: more than any data set has, and few enough that a false number costs little.
const MOST_CLASSES: usize = 2000;

/// Classes of a detector, background included, from the first head that is there.
fn classes(found: &Recognised<'_>) -> Result<usize, ImportError> {
    for (level, boxes) in found.rules.boxes().into_iter().enumerate() {
        let origin = found.rules.origin(&format!("heads.{level}.logits.conv.weight"));
        let Some(Origin::Tensor { name, .. }) = origin else { continue };
        let Some(info) = found.tensors.get(name) else { continue };
        let rows = info.shape.first().copied().unwrap_or(0);
        return match rows / boxes {
            classes @ 2..=MOST_CLASSES if rows % boxes == 0 => Ok(classes),
            _ => {
                let (name, shape) = (quoted(&info.name), &info.shape);
                let what = format!("{name} is {shape:?}, not {boxes} priors a cell times 2 to {MOST_CLASSES} classes");
                Err(ImportError::Unfit { arch: found.arch, what: vec![what] })
            }
        };
    }
    // Without any head the number does not matter: the heads will be missing.
    Ok(2)
}

fn first_part(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_owned()
}
