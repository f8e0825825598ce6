//! The other test of the test: our own kernels with one barrier taken out. Whatever a barrier is for, its absence is
//! found; a barrier whose absence is not found may be there for nothing.

use crate::case::{edited, explore};
use crate::cases;
use crate::kernel::{Precision, TABLE};

/// The text without its barrier number `number`.
fn without(text: &str, number: usize) -> String {
    let mut seen = 0..;
    let is_it = |line: &str| line.trim() == "workgroupBarrier();" && seen.next() == Some(number);
    let mut is_it = is_it;
    text.lines().map(|line| if is_it(line) { "\n".into() } else { format!("{line}\n") }).collect()
}

#[test]
fn no_barrier_can_be_left_out() {
    let mut left_out = 0;
    for (kernel, file) in [
        ("average", "average"),
        ("l2norm", "l2norm"),
        ("conv", "conv"),
        ("nms", "nms"),
        ("soft_nms", "soft_nms"),
        ("gather", "gather"),
        ("topk", "common/select"),
    ] {
        let row = TABLE.iter().find(|row| row.name == kernel).expect("a row of the table");
        let text = row.files.iter().find(|of| of.name == file).expect("a file of the row").text;
        for number in 0..text.matches("workgroupBarrier();").count() {
            let edit = |name: &str, text: &str| if name == file { without(text, number) } else { text.to_owned() };
            // As the files lie on disk: without a choice of the host.
            let mut problems = cases(|name| name == kernel);
            problems.retain(|case| !case.label.contains("Half") && !case.label.contains("Some("));
            if kernel == "conv" {
                problems = cases(|name| name == kernel);
                problems.retain(|case| !case.label.contains("Half") && case.label.contains("[32, 32]"));
                problems.truncate(1);
            }
            let found = problems.into_iter().any(|mut case| {
                case.program = edited(kernel, Precision::Single, &[], edit);
                !explore(&case).findings.is_empty()
            });
            assert!(found, "barrier {number} of {file}.wgsl is missed by nobody");
            left_out += 1;
        }
    }
    let all: usize = all_barriers();
    assert_eq!(left_out, all, "the barriers of all files");
}

/// How many there are in all files.
fn all_barriers() -> usize {
    let files: std::collections::BTreeMap<&str, &str> =
        TABLE.iter().flat_map(|row| row.files).map(|file| (file.name, file.text)).collect();
    files.values().map(|text| text.matches("workgroupBarrier();").count()).sum()
}
