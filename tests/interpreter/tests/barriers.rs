//! The other test of the test: our own kernels with one barrier taken out. What the barrier is for happens then, and is
//! found. A barrier that nothing misses is there for nothing.

use crate::case::{edited, explore};
use crate::cases;
use crate::kernel::{File, Precision, TABLE};

/// The two forms of a barrier, and what is left of each without it.
const FORMS: [(&str, &str); 2] = [("workgroupBarrier();", ""), ("workgroupUniformLoad(&", "(")];

/// A text without the barrier of a form that stands `number`-th.
fn without(text: &str, (barrier, rest): (&str, &str), number: usize) -> String {
    let Some((at, _)) = text.match_indices(barrier).nth(number) else { return text.to_owned() };
    [&text[..at], rest, &text[at + barrier.len()..]].concat()
}

/// Every file with a barrier, and a kernel that has it.
fn files() -> Vec<(&'static str, &'static File)> {
    let mut found: Vec<(&str, &File)> = Vec::new();
    for (row, file) in TABLE.iter().flat_map(|row| row.files.iter().map(move |file| (row, file))) {
        let has_barrier = FORMS.iter().any(|(barrier, _)| file.text.contains(barrier));
        if has_barrier && found.iter().all(|(_, known)| known.name != file.name) {
            found.push((row.name, file));
        }
    }
    found
}

#[test]
fn every_barrier_is_missed_when_it_is_left_out() {
    let mut unneeded = Vec::new();
    for (kernel, file) in files() {
        let mut problems = cases(|name| name == kernel);
        // The smallest tile, which is the one on disk, does for `conv`.
        problems.truncate(if file.name == "conv" { 1 } else { problems.len() });
        for form in FORMS {
            for (number, (at, _)) in file.text.match_indices(form.0).enumerate() {
                let edit = |of: &str, text: &str| {
                    if of == file.name { without(text, form, number) } else { text.to_owned() }
                };
                let is_missed = problems.iter_mut().any(|case| {
                    case.program = edited(kernel, Precision::Single, &[], edit);
                    !explore(case).findings.is_empty()
                });
                if !is_missed {
                    unneeded.push(format!("shaders/{}.wgsl:{}", file.name, file.text[..at].lines().count()));
                }
            }
        }
    }
    assert!(files().len() >= 6, "the kernels have barriers");
    assert_eq!(unneeded, Vec::<String>::new(), "barriers that nothing misses");
}
