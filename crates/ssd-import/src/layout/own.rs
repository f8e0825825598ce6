//! Files of this project, which carry our own names. A detector says in its header what it is; a trunk, as `convert`
//! writes it, has no header.

use ssd::Arch;
use ssd::model::{TensorSpec, tensors};

use super::rules::{Order, Rules};
use super::spec::{Contents, Layout, Recognised, Tensors};
use crate::file::TensorFile;

static OWN: Layout = Layout {
    name: "ssd",
    maker: "this project",
    signature: &[],
    arch: closest,
    rules: identity,
    contents: Contents::Own,
};

/// A detector, whose header names its network.
pub(crate) fn detector(file: &TensorFile, arch: Arch) -> Recognised<'_> {
    Recognised::with(&OWN, Tensors { file, prefix: String::new() }, arch)
}

/// A trunk, whole or in part.
pub(super) fn trunk(file: &TensorFile) -> Option<Recognised<'_>> {
    let any = file.tensors().iter().any(|tensor| tensor.name.starts_with(TRUNK));
    let found = any.then(|| Recognised::new(&OWN, Tensors { file, prefix: String::new() }))?;
    (fitting(&found.tensors, found.arch) > 0).then_some(found)
}

/// How the names of trunk and extras start.
const TRUNK: &str = "backbone.";

/// The network that most of a trunk's tensors fit, the first of several.
fn closest(file: &Tensors<'_>) -> Arch {
    let counted = Arch::ALL.into_iter().map(|arch| (fitting(file, arch), arch));
    let (_, arch) = counted.reduce(|best, next| if next.0 > best.0 { next } else { best }).unwrap_or((0, Arch::ALL[0]));
    arch
}

/// How many tensors of a trunk fit a network by name and shape.
fn fitting(file: &Tensors<'_>, arch: Arch) -> usize {
    let fits = |spec: &&TensorSpec| {
        spec.path.starts_with(TRUNK) && file.get(&spec.path).is_some_and(|tensor| tensor.has_shape(&spec.shape))
    };
    tensors(arch, 2).iter().filter(fits).count()
}

fn identity(rules: &mut Rules) {
    for TensorSpec { path, .. } in tensors(rules.arch, 2) {
        rules.tensor(path.clone(), path, Order::Ours);
    }
}
