//! Which layout a file is in: by names alone, behind whatever stands before them. What the tensors are is not looked at.

use ssd::Arch;
use ssd::model::{TensorSpec, tensors};

use super::Layout;
use super::rules::Origin;
use crate::file::TensorFile;

/// A file whose layout is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognised {
    pub(crate) layout: Layout,
    /// What stands before every name of the network: `module.`, `state_dict.`, nothing.
    pub(crate) prefix: String,
}

impl Recognised {
    /// The network in the file.
    pub(crate) fn arch(&self, file: &TensorFile) -> Arch {
        self.layout.arch(&|name| file.get(&format!("{}{name}", self.prefix)).map(|tensor| tensor.shape.clone()))
    }

    /// The share of the network's tensors that are there, by their names.
    fn share(&self, file: &TensorFile) -> f64 {
        let arch = self.arch(file);
        let rules = self.layout.rules(arch, 2);
        let there = |spec: &TensorSpec| match rules.origin(&spec.path) {
            Some(Origin::Tensor { name, .. }) => file.get(&format!("{}{name}", self.prefix)).is_some(),
            Some(Origin::Ones) => true,
            None => false,
        };
        let specs = tensors(arch, 2);
        specs.iter().filter(|spec| there(spec)).count() as f64 / specs.len() as f64
    }
}

/// Parts of a prefix that say nothing of what follows.
const WRAPPERS: [&str; 8] =
    ["module", "model", "state_dict", "model_state_dict", "net", "network", "model_ema", "ema_state_dict"];

/// An incomplete detector is still one when so much of it is there.
const MOST_OF_IT: f64 = 0.6;

/// Finds the layout by the names, behind whatever prefix they have. `only` limits it to one layout. Detectors come first, also those
/// of which some tensors are missing; trunks only where nothing but a wrapper stands before their names, or a part of a
/// detector would be taken for one.
pub(crate) fn recognise(file: &TensorFile, only: Option<Layout>) -> Option<Recognised> {
    let tried = || Layout::ALL.into_iter().filter(move |layout| only.is_none_or(|only| only == *layout));
    let detectors = || tried().filter(|layout| !layout.is_trunk());
    let whole = detectors().flat_map(|layout| candidates(file, layout)).find(|found| found.signed(file));
    let incomplete = || {
        let found = detectors().flat_map(|layout| candidates(file, layout));
        found
            .map(|found| (found.share(file), found))
            .filter(|(share, _)| *share >= MOST_OF_IT)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, found)| found)
    };
    let trunk = || {
        let found = tried().filter(|layout| layout.is_trunk()).flat_map(|layout| candidates(file, layout));
        let wrapped = |found: &Recognised| found.prefix.split_terminator('.').all(|part| WRAPPERS.contains(&part));
        found.filter(|found| wrapped(found)).find(|found| found.signed(file))
    };
    whole.or_else(incomplete).or_else(trunk)
}

impl Recognised {
    /// Whether all names that mark the layout are there.
    fn signed(&self, file: &TensorFile) -> bool {
        self.layout.signature().iter().all(|name| file.get(&format!("{}{name}", self.prefix)).is_some())
    }
}

/// What stands before a name that marks the layout, wherever there is one; a few of them, as a file may have many that end alike.
fn candidates(file: &TensorFile, layout: Layout) -> Vec<Recognised> {
    let mut prefixes: Vec<&str> = Vec::new();
    for name in layout.signature() {
        let ends = file.tensors().iter().filter_map(|tensor| tensor.name.strip_suffix(name));
        for prefix in ends.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')) {
            if prefixes.len() < 16 && !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
    }
    prefixes.into_iter().map(|prefix| Recognised { layout, prefix: prefix.to_owned() }).collect()
}
