//! YOLO's text files: label files (`class cx cy w h` a line) and lists of class names (`classes.txt`, `obj.names`).
//!
//! Knows no picture; numbers are fractions of one. Of outlines, lines with more corners, the bounding box is taken.

use std::path::Path;

use super::tree;

/// Larger files are refused: a thousand outlines of a hundred corners have about 2 MB.
const MAX_BYTES: u64 = 8 << 20;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Index into the names, from 0.
    pub class: usize,
    /// Left, upper, right and lower edge as fractions of the picture; may lie outside it.
    pub edges: [f64; 4],
}

/// Reads a label file. The error is a clause about the file.
pub(super) fn read_lines(path: &Path) -> Result<Vec<Line>, String> {
    parse_lines(&tree::read_text(path, MAX_BYTES)?)
}

/// Reads a list of names, one a line; the position is the class. The error is a clause about the file.
pub(super) fn read_names(path: &Path) -> Result<Vec<String>, String> {
    let text = tree::read_text(path, MAX_BYTES)?;
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_string()).collect();
    if names.iter().all(String::is_empty) { Err("it has no names".into()) } else { Ok(names) }
}

/// Parses a label file. One invalid line makes the whole file invalid: its object would be taught as background.
pub(super) fn parse_lines(text: &str) -> Result<Vec<Line>, String> {
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(i, line)| parse_line(line).map_err(|why| format!("line {i} {why}"))).collect()
}

fn parse_line(line: &str) -> Result<Line, String> {
    let mut words = line.split_whitespace();
    let class = words.next().unwrap_or_default();
    // Some programs write all numbers alike: 3.0.
    let whole = class.strip_suffix(".0").unwrap_or(class);
    let class =
        whole.parse().map_err(|_| format!("begins with \"{}\", which is not a class number", shortened(class)))?;
    let number = |word: &str| {
        let value = word.parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("has \"{}\" instead of a number", shortened(word)))
    };
    let numbers = words.map(number).collect::<Result<Vec<f64>, _>>()?;
    match numbers[..] {
        [cx, cy, w, h] => Ok(Line { class, edges: [cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h] }),
        [_, _, _, _, _] => {
            Err("has six columns: with a confidence it is a detection, not an annotation to learn from".into())
        }
        _ if numbers.len() >= 6 && numbers.len().is_multiple_of(2) => Ok(Line { class, edges: bounds(&numbers) }),
        _ => {
            Err(format!("has {} columns; it has to be \"class cx cy w h\" or an outline of at least three corners", {
                numbers.len() + 1
            }))
        }
    }
}

/// The bounding box of an outline `x y x y …`.
fn bounds(corners: &[f64]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    corners.chunks_exact(2).fold(start, |[x1, y1, x2, y2], corner| {
        [x1.min(corner[0]), y1.min(corner[1]), x2.max(corner[0]), y2.max(corner[1])]
    })
}

/// The start of a word, for a message.
fn shortened(word: &str) -> String {
    word.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_box_or_an_outline() {
        let line = |class, edges| Ok(vec![Line { class, edges }]);
        assert_eq!(parse_lines("3 0.5 0.5 0.25 0.5\n\n"), line(3, [0.375, 0.25, 0.625, 0.75]));
        assert_eq!(parse_lines("0.0 0.5 0.5 1 1"), line(0, [0.0, 0.0, 1.0, 1.0]));
        assert_eq!(parse_lines("1\t0.5 0.25 0.75 0.5 0.25 1.0"), line(1, [0.25, 0.25, 0.75, 1.0]));
        assert_eq!(parse_lines(" \n"), Ok(vec![]));
    }

    #[test]
    fn an_invalid_line_is_named() {
        for (text, wanted) in [
            ("0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1 0.9", "line 2 has six columns"),
            ("cat 0.5 0.5 0.1 0.1", "\"cat\""),
            ("-1 0.5 0.5 0.1 0.1", "\"-1\""),
            ("0 0.5 x 0.1 0.1", "\"x\""),
            ("0 0.5 NaN 0.1 0.1", "\"NaN\""),
            ("0 0.5 1e999 0.1 0.1", "\"1e999\""),
            ("0 0.5 0.5 0.1", "4 columns"),
            ("0", "1 columns"),
            ("0 .1 .1 .2 .2 .3 .3 .4", "8 columns"),
        ] {
            let error = parse_lines(text).expect_err(text);
            assert!(error.contains(wanted), "{error}");
        }
    }
}
