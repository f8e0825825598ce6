//! No line of code beyond column 120, comments and strings included (rustfmt wraps neither); documents as short as
//! agreed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::verdict;
use crate::{shell, workspace};

/// The last column of a line.
const COLUMNS: usize = 120;

/// Where code is, from the root.
const CODE: [&str; 5] = ["crates", "shaders", "tests", "web", "index.html"];

/// How code files end.
const ENDINGS: [&str; 5] = ["rs", "wgsl", "js", "ts", "html"];

/// Documents and the most lines that each may have.
const DOCUMENTS: [(&str, usize); 2] = [("README.md", 150), ("ARCHITECTURE.md", 130)];

pub fn check() -> Result<()> {
    let root = shell::root();
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()));
    let mut violations = Vec::new();
    for place in CODE {
        for path in workspace::sources(&root.join(place), &ENDINGS)? {
            let name = path.strip_prefix(&root).unwrap_or(&path).display();
            let beyond = beyond(&read(&path)?, COLUMNS);
            violations.extend(beyond.iter().map(|(line, columns)| format!("{name}:{line}: {columns} columns")));
        }
    }
    for (name, most) in DOCUMENTS {
        let lines = read(&root.join(name))?.lines().count();
        if lines > most {
            violations.push(format!("{name}: {lines} lines of {most}"));
        }
    }
    verdict(&violations)
}

/// The number of each line that is longer than that, and its length.
fn beyond(text: &str, columns: usize) -> Vec<(usize, usize)> {
    let lengths = (1..).zip(text.lines().map(|line| line.chars().count()));
    lengths.filter(|(_, length)| *length > columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_the_last_one_is_allowed() {
        assert_eq!(beyond("äöü\näöüß\n\nabcde", 3), [(2, 4), (4, 5)]);
    }
}
