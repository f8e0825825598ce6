//! The other test of the test: our own kernels with one barrier or one guard taken out. What it is there for happens,
//! and is found. A barrier that nothing misses is there for nothing; of a guard that nothing misses, no problem is at
//! the edge.

use std::collections::BTreeMap;

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

/// The lines that keep threads after the last one from doing anything: `if (… >= …) {`, then `return;`.
fn guards(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let is_guard = |pair: &&[&str]| {
        let [first, second] = pair else { return false };
        first.trim().starts_with("if (") && first.contains(" >= ") && second.trim() == "return;"
    };
    lines.windows(2).filter(is_guard).map(|pair| pair[0]).collect()
}

/// A file that several kernels share may guard what one of them guards itself.
#[test]
fn every_guard_is_missed_by_a_kernel_when_it_is_left_out() {
    let mut missed: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for (row, file) in TABLE.iter().flat_map(|row| row.files.iter().map(move |file| (row, file))) {
        for guard in guards(file.text) {
            let condition = guard.trim().trim_start_matches("if (").trim_end_matches(") {");
            let never = guard.replace(condition, &format!("false && ({condition})"));
            let edit =
                |of: &str, text: &str| if of == file.name { text.replace(guard, &never) } else { text.to_owned() };
            // The first problem of `depthwise` has a window of its own; `conv` begins with the tile on disk.
            let window = [("KERNEL", 1), ("STRIDE", 1), ("SPAN", 4)];
            let (constants, most) = if row.name == "depthwise" { (&window[..], 1) } else { (&[][..], 8) };
            let is_missed = cases(|name| name == row.name).into_iter().take(most).any(|mut case| {
                case.program = edited(row.name, Precision::Single, constants, edit);
                !explore(&case).findings.is_empty()
            });
            *missed.entry((file.name, guard)).or_default() |= is_missed;
        }
    }
    assert!(missed.len() >= 10, "the kernels have guards: {missed:?}");
    let unneeded: Vec<_> = missed.iter().filter(|(_, missed)| !**missed).collect();
    assert!(unneeded.is_empty(), "guards that nothing misses: {unneeded:?}");
}
