//! The layouts of other projects' checkpoints: how each is recognised, and how its tensor names map to ours.
//!
//! Names and shapes alone say what a file is, except in TensorFlow Lite, which holds the graph as well (`tensorflow`).
//! A layout is a row of the table in the file of its trunk; nothing else names it.

mod mobilenet;
pub(crate) mod own;
mod resnet;
mod rules;
mod sizes;
mod spec;
pub(crate) mod tensorflow;
mod vgg;

pub(crate) use self::rules::{Order, Origin};
pub use self::sizes::Sizes;
pub(crate) use self::sizes::priors;
pub use self::spec::Layout;
pub(crate) use self::spec::{Contents, Habits, Recognised, Tensors};

use ssd::model::{TensorSpec, tensors};

use crate::file::TensorFile;

/// The rows of each trunk. Their order does not matter, since no file has the signature of two.
static LAYOUTS: [&[Layout]; 3] = [&vgg::LAYOUTS, &mobilenet::LAYOUTS, &resnet::LAYOUTS];

impl Layout {
    /// All layouts of other projects, detectors first.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let rows = || LAYOUTS.into_iter().flatten();
        rows().filter(|layout| !layout.is_trunk()).chain(rows().filter(|layout| layout.is_trunk()))
    }

    /// All names, separated by `separator`.
    pub fn names(separator: &str) -> String {
        Self::all().map(|layout| layout.name).collect::<Vec<_>>().join(separator)
    }

    /// A layout by its name.
    ///
    /// # Errors
    ///
    /// A sentence with all names, where there is no such layout.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let found = Self::all().find(|layout| layout.name == name);
        found.ok_or_else(|| format!("there is no layout {name:?}; choose auto or one of {}", Self::names(", ")))
    }
}

/// Parts of a prefix that say nothing about what follows.
const WRAPPERS: [&str; 8] =
    ["module", "model", "state_dict", "model_state_dict", "net", "network", "model_ema", "ema_state_dict"];

/// The share of its tensors by which an incomplete detector is recognised.
const MOST_OF_IT: f64 = 0.6;

/// Finds the layout by the names, after any prefix. `only` limits the search to one layout. Detectors come first, even
/// incomplete ones; trunks are found only after a wrapper's prefix or none, or a part of a detector would be taken for
/// one.
pub(crate) fn recognise<'a>(file: &'a TensorFile, only: Option<&'static Layout>) -> Option<Recognised<'a>> {
    let tried = Layout::all().filter(|layout| only.is_none_or(|only| only.name == layout.name));
    let found = tried.flat_map(|layout| prefixes(file, layout).into_iter().map(move |prefix| (layout, prefix)));
    let found = found.map(|(layout, prefix)| Recognised::new(layout, Tensors { file, prefix }));
    let (trunks, mut detectors): (Vec<_>, Vec<_>) = found.partition(|found| found.layout.is_trunk());
    let signed = |found: &Recognised<'_>| found.layout.signature.iter().all(|name| found.tensors.has(name));
    if let Some(whole) = detectors.iter().position(signed) {
        return Some(detectors.swap_remove(whole));
    }
    let incomplete = detectors.into_iter().map(|found| (share(&found), found));
    let incomplete = incomplete.filter(|(share, _)| *share >= MOST_OF_IT).max_by(|(a, _), (b, _)| a.total_cmp(b));
    let wrapped = |prefix: &str| prefix.split_terminator('.').all(|part| WRAPPERS.contains(&part));
    let trunk = || trunks.into_iter().find(|found| wrapped(&found.tensors.prefix) && signed(found));
    let own = || only.is_none().then(|| own::trunk(file)).flatten();
    incomplete.map(|(_, found)| found).or_else(trunk).or_else(own)
}

/// Prefixes before a name of the layout's signature; a few of them, as many names of a file may end alike.
fn prefixes(file: &TensorFile, layout: &Layout) -> Vec<String> {
    let mut prefixes: Vec<&str> = Vec::new();
    for name in layout.signature {
        let starts = file.tensors().iter().filter_map(|tensor| tensor.name.strip_suffix(name));
        for prefix in starts.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')) {
            if prefixes.len() < 16 && !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
    }
    prefixes.into_iter().map(String::from).collect()
}

/// The share of the network's tensors that are there, by their names.
fn share(found: &Recognised<'_>) -> f64 {
    let there = |spec: &&TensorSpec| match found.rules.origin(&spec.path) {
        Some(Origin::Tensor { name, .. }) => found.tensors.has(name),
        Some(Origin::Constant(_)) => true,
        None => false,
    };
    let specs = tensors(found.arch, 2);
    specs.iter().filter(there).count() as f64 / specs.len() as f64
}

#[cfg(test)]
mod tests {
    use ssd::Arch;

    use super::rules::Rules;
    use super::*;

    /// A file of empty tensors that have all names of a layout.
    fn file_of(layout: &Layout, arch: Arch) -> TensorFile {
        let mut rules = Rules::new(arch);
        (layout.rules)(&mut rules);
        let empty = serde_json::json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]});
        let header: serde_json::Map<_, _> = rules.names().map(|name| (name.to_owned(), empty.clone())).collect();
        let header = serde_json::to_vec(&header).expect("JSON");
        let bytes = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
        TensorFile::open(Box::new(bytes)).expect("a file")
    }

    #[test]
    fn every_layout_is_recognised_and_no_other_has_its_signature() {
        for layout in Layout::all() {
            let named = Layout::named(layout.name);
            assert!(named.is_ok_and(|named| std::ptr::eq(named, layout)), "two are called {}", layout.name);
            for arch in Arch::ALL {
                let file = file_of(layout, arch);
                assert_eq!(recognise(&file, None).map(|found| found.layout.name), Some(layout.name), "{arch}");
                let signed = Layout::all().filter(|other| other.signature.iter().all(|name| file.get(name).is_some()));
                assert_eq!(signed.map(|layout| layout.name).collect::<Vec<_>>(), [layout.name], "{arch}");
            }
        }
    }
}
