//! Every kernel of `shaders/`, run by the interpreter on small problems drawn at random; and faults planted on purpose,
//! which it has to find.
//!
//! The loops that a launch writes out (`// unroll`) are run as loops, which mean the same, so that findings have the
//! lines of the files.

#[allow(dead_code, reason = "the table and the joining of files are what is needed here")]
#[path = "../../../crates/ssd-gpu/src/kernel.rs"]
mod kernel;

mod case;
mod convolution;
mod detections;
mod layers;
mod mutants;
mod planted;
mod winograd;

use std::collections::BTreeSet;
use std::path::Path;

use case::{Case, run};
use kernel::{Precision, TABLE};

/// Makes the problems of the kernel of that name, in a precision.
type Problems = fn(&'static str, Precision) -> Vec<Case>;

/// A row for each kernel.
const PROBLEMS: &[(&str, Problems)] = &[
    ("preprocess", layers::preprocess),
    ("conv", convolution::tiled),
    ("conv_heads", convolution::tiled),
    ("conv_parts", convolution::tiled),
    ("conv_plain", convolution::plain),
    ("conv_plain_heads", convolution::plain),
    ("conv_plain_parts", convolution::plain),
    ("conv_sum", convolution::sum),
    ("conv_sum_heads", convolution::sum),
    ("depthwise", layers::depthwise),
    ("max_pool", layers::max_pool),
    ("average", layers::average),
    ("scale", layers::scale),
    ("l2norm", layers::l2norm),
    ("winograd_input", winograd::input),
    ("winograd_weights", winograd::weights),
    ("winograd_output", winograd::output),
    ("decode", detections::decode),
    ("topk", detections::topk),
    ("nms", detections::nms),
    ("soft_nms", detections::soft_nms),
    ("gather", detections::gather),
    ("peak_fma", layers::peak_fma),
    ("peak_copy", layers::peak_copy),
];

/// In 32 bits, and in 16 where the kernel's numbers have a type.
fn cases(named: impl Fn(&str) -> bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, problems) in PROBLEMS.iter().filter(|(name, _)| named(name)) {
        cases.extend(problems(name, Precision::Single));
        if case::stored(name) {
            cases.extend(problems(name, Precision::Half));
        }
    }
    cases
}

#[test]
fn convolutions_have_no_race_in_any_order() {
    cases(|name| name.starts_with("conv")).iter().for_each(run);
}

#[test]
fn other_kernels_of_the_network_have_no_race_in_any_order() {
    cases(|name| !name.starts_with("conv") && !detections::KERNELS.contains(&name)).iter().for_each(run);
}

#[test]
fn post_processing_has_no_race_in_any_order() {
    cases(|name| detections::KERNELS.contains(&name)).iter().for_each(run);
}

#[test]
fn no_kernel_is_without_a_problem() {
    let rows: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(PROBLEMS.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), rows);
    let own: BTreeSet<&str> = TABLE.iter().filter_map(|row| row.files.last()).map(|file| file.name).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    for entry in std::fs::read_dir(folder).expect("the folder is part of the project").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".wgsl") {
            assert!(own.contains(stem), "{name} is no kernel's file");
        }
    }
}
